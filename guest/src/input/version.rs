//! Which of several versions of the same thing is kept.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Debug;

/// The rank of a version: of two versions, the one with the higher rank is kept. Rows and parts of
/// a document come in no promised order, so the order does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// When GitHub sent the body, in seconds since 1970-01-01T00:00:00Z: the later one is kept.
    pub fetched_at: i64,
    /// The position of the document in its registration: the later one is kept.
    pub document: usize,
}

impl Rank {
    /// Below every other rank.
    pub const LOWEST: Self = Self { fetched_at: i64::MIN, document: 0 };
}

/// One version of something.
#[derive(Debug, PartialEq)]
pub struct Version<T> {
    rank: Rank,
    /// The thing itself.
    pub value: T,
}

impl<T> Version<T> {
    /// A version with this rank.
    pub fn new(rank: Rank, value: T) -> Self {
        Self { rank, value }
    }

    /// Keeps the better version: the one with the higher rank, then the one that is greater.
    /// Returns whether two versions with the same rank contradict each other.
    pub fn keep_better(&mut self, other: Self, order: impl Fn(&T, &T) -> Ordering) -> bool {
        let by_rank = other.rank.cmp(&self.rank);
        if by_rank.is_ne() {
            if by_rank.is_gt() {
                *self = other;
            }
            return false;
        }
        let by_value = order(&other.value, &self.value);
        if by_value.is_gt() {
            *self = other;
        }
        by_value.is_ne()
    }

    /// As [`Self::keep_better`], for the version of `key` in `map`.
    pub fn keep_in<K: Ord>(
        map: &mut BTreeMap<K, Self>,
        key: K,
        version: Self,
        order: impl Fn(&T, &T) -> Ordering,
    ) -> bool {
        match map.entry(key) {
            Entry::Occupied(mut kept) => kept.get_mut().keep_better(version, order),
            Entry::Vacant(vacant) => {
                vacant.insert(version);
                false
            }
        }
    }
}

/// An order in which what is larger is greater, and any two things that differ have an order.
pub fn by_size<T: Debug, S: PartialOrd>(size: impl Fn(&T) -> S) -> impl Fn(&T, &T) -> Ordering {
    move |a, b| {
        let by_size = size(a).partial_cmp(&size(b)).unwrap_or(Ordering::Equal);
        by_size.then_with(|| format!("{a:?}").cmp(&format!("{b:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Rank = Rank { fetched_at: 1, document: 0 };
    const LATE: Rank = Rank { fetched_at: 2, document: 0 };

    /// The kept version, and whether there was a conflict.
    fn keep(versions: &[(Rank, &'static str)]) -> (&'static str, bool) {
        let mut kept = BTreeMap::new();
        let mut conflict = false;
        for (rank, value) in versions {
            let version = Version::new(*rank, *value);
            conflict |= Version::keep_in(
                &mut kept,
                (),
                version,
                by_size(|value: &&str| value.len() as f64),
            );
        }
        (kept[&()].value, conflict)
    }

    #[test]
    fn the_order_of_versions_does_not_matter() {
        for (a, b, kept) in [
            ((EARLY, "long"), (LATE, "new"), ("new", false)),
            ((EARLY, "long"), (EARLY, "old"), ("long", true)),
            ((EARLY, "abc"), (EARLY, "abd"), ("abd", true)),
            ((EARLY, "abc"), (EARLY, "abc"), ("abc", false)),
        ] {
            assert_eq!(keep(&[a, b]), kept);
            assert_eq!(keep(&[b, a]), kept);
        }
    }
}
