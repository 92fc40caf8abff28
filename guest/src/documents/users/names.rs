//! Names and sets of names, kept as numbers in the record of each user.

use std::collections::{BTreeMap, HashMap};

/// A set of names, of which many users have the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set(u32);

/// Names in the order of their first use, each with its index, and sets of them.
pub struct Names {
    names: Vec<String>,
    indexes: HashMap<String, u32>,
    sets: Vec<Box<[u32]>>,
    set_indexes: HashMap<Box<[u32]>, u32>,
    /// The indexes of the set that is being looked up.
    current: Vec<u32>,
}

impl Default for Names {
    fn default() -> Self {
        let empty = Box::<[u32]>::default();
        Self {
            names: Vec::new(),
            indexes: HashMap::new(),
            // `Set::default()` is the empty set.
            sets: vec![empty.clone()],
            set_indexes: HashMap::from([(empty, 0)]),
            current: Vec::new(),
        }
    }
}

impl Names {
    /// The index of `name`, which is added if it is new.
    pub fn index(&mut self, name: &str) -> u32 {
        if let Some(index) = self.indexes.get(name) {
            return *index;
        }
        let index = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.indexes.insert(name.to_owned(), index);
        index
    }

    /// The name at `index`.
    pub fn name(&self, index: u32) -> Option<&str> {
        self.names.get(index as usize).map(String::as_str)
    }

    /// The set of these names.
    pub fn set<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Set {
        let mut current = std::mem::take(&mut self.current);
        current.clear();
        current.extend(names.map(|name| self.index(name)));
        current.sort_unstable();
        current.dedup();
        let index = self.set_indexes.get(current.as_slice()).copied().unwrap_or_else(|| {
            let index = self.sets.len() as u32;
            self.sets.push(current.as_slice().into());
            self.set_indexes.insert(current.as_slice().into(), index);
            index
        });
        self.current = current;
        Set(index)
    }

    /// The names of a set, sorted.
    pub fn of(&self, set: Set) -> Vec<&str> {
        let indexes = self.sets.get(set.0 as usize).map_or(&[][..], |indexes| indexes);
        let mut names: Vec<_> = indexes.iter().filter_map(|index| self.name(*index)).collect();
        names.sort_unstable();
        names
    }

    /// How many of `sets` contain each name.
    pub fn count(&self, sets: impl Iterator<Item = Set>) -> BTreeMap<&str, u32> {
        let mut counts = BTreeMap::new();
        for (set, count) in occurrences(sets) {
            for name in self.of(set) {
                *counts.entry(name).or_default() += count;
            }
        }
        counts
    }
}

/// How often each set occurs.
pub fn occurrences(sets: impl Iterator<Item = Set>) -> HashMap<Set, u32> {
    let mut occurrences = HashMap::new();
    for set in sets {
        *occurrences.entry(set).or_default() += 1;
    }
    occurrences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_any_number_of_names() {
        let mut names = Names::default();
        let many: Vec<_> = (0..300).map(|number| format!("surface-{number:03}")).collect();
        let set = names.set(many.iter().map(String::as_str));
        assert_eq!(names.of(set), many);
        let same = names.set(many.iter().rev().chain(&many).map(String::as_str));
        let other = names.set(["surface-000"].into_iter());
        assert_eq!(same, set);
        assert_eq!(names.of(Set::default()), [""; 0]);
        let counts = names.count([set, other, same, Set::default()].into_iter());
        assert_eq!((counts["surface-000"], counts["surface-299"]), (3, 2));
    }
}
