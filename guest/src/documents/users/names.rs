//! Short lists of names, kept as numbers in the record of each user.

/// Names in the order of their first use, each with its index.
#[derive(Default)]
pub struct Names(Vec<String>);

impl Names {
    /// The index of `name`, which is added if it is new.
    pub fn index(&mut self, name: &str) -> u32 {
        let index = self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        });
        index as u32
    }

    /// The name at `index`.
    pub fn name(&self, index: u32) -> Option<&str> {
        self.0.get(index as usize).map(String::as_str)
    }

    /// The names whose bits are set, sorted.
    pub fn of_bits(&self, bits: u128) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = (0..)
            .zip(&self.0)
            .filter(|(bit, _)| bits.checked_shr(*bit).is_some_and(|rest| rest & 1 == 1))
            .map(|(_, name)| name.as_str())
            .collect();
        names.sort_unstable();
        names.into_iter()
    }
}
