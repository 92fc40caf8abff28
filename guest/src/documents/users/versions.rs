//! The versions of IDEs and plugins that users have.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Names, Set, occurrences};

/// How many versions have series of their own. GitHub's clients are released weekly, and users have
/// old ones.
const MAX_VERSIONS: usize = 100;
/// What stands for all other versions of a product.
const OTHER: &str = "other";
/// Separates product and version in [`Names`]. Names have no control characters.
const SEPARATOR: char = '\n';

/// A product and its version as one name.
pub fn join(product: &str, version: &str) -> String {
    format!("{product}{SEPARATOR}{version}")
}

fn split(name: &str) -> (&str, &str) {
    name.split_once(SEPARATOR).unwrap_or((name, ""))
}

/// The number of users by product and version, given the set of each user. The most used versions
/// are kept; of the others, users count once per product.
pub fn count(names: &Names, sets: impl Iterator<Item = Set>) -> BTreeMap<(&str, &str), u32> {
    let occurrences = occurrences(sets);
    let mut by_name: BTreeMap<&str, u32> = BTreeMap::new();
    for (set, users) in &occurrences {
        for name in names.of(*set) {
            *by_name.entry(name).or_default() += users;
        }
    }
    let mut most_used: Vec<_> = by_name.iter().map(|(name, users)| (*name, *users)).collect();
    most_used.sort_by_key(|(name, users)| (std::cmp::Reverse(*users), *name));
    most_used.truncate(MAX_VERSIONS);
    let kept: BTreeSet<&str> = most_used.iter().map(|(name, _)| *name).collect();
    let mut counts: BTreeMap<_, u32> =
        most_used.into_iter().map(|(name, users)| (split(name), users)).collect();
    for (set, users) in occurrences {
        let others = names.of(set).into_iter().filter(|name| !kept.contains(name));
        let products: BTreeSet<&str> = others.map(|name| split(name).0).collect();
        for product in products {
            *counts.entry((product, OTHER)).or_default() += users;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_versions_are_counted_together() {
        let mut names = Names::default();
        let mut sets = Vec::new();
        for number in 0..150 {
            let version = join("vscode", &format!("1.{number:03}"));
            sets.push(names.set([version.as_str()].into_iter()));
        }
        let rare = [join("vscode", "1.148"), join("vscode", "1.149"), join("xcode", "16")];
        sets.push(names.set(rare.iter().map(String::as_str)));
        let counts = count(&names, sets.iter().copied());
        // The two that two users have come first, then those with the lower number.
        assert_eq!(counts[&("vscode", "1.149")], 2);
        assert_eq!(counts[&("vscode", "1.097")], 1);
        assert_eq!(counts.get(&("vscode", "1.098")), None);
        assert_eq!(counts[&("vscode", "other")], 50);
        assert_eq!(counts[&("xcode", "other")], 1);
        assert_eq!(counts.len(), 102);
    }
}
