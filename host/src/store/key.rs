//! What is stored, and under which name.

use jiff::civil::Date;

use crate::model::Target;

/// Identifies a stored document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Whose it is.
    pub target: Target,
    /// Its name: a document's, or see [`Key::samples`].
    pub name: String,
    /// The day it is about, if it has one for each day.
    pub day: Option<Date>,
    /// Which version.
    pub slot: Slot,
}

/// Which version of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The last version that a mapping accepted.
    Good,
    /// The newest version, if no mapping has accepted it (yet).
    Pending,
}

/// The prefix of the names of samples. No document has it.
const SAMPLES: &str = ".samples.";

impl Key {
    /// The key of a document.
    pub fn document(target: &Target, name: &str, day: Option<Date>, slot: Slot) -> Self {
        Self { target: target.clone(), name: name.to_owned(), day, slot }
    }

    /// The key of the samples of a mapping.
    pub fn samples(target: &Target, mapping: &str) -> Self {
        Self::document(target, &format!("{SAMPLES}{mapping}"), None, Slot::Good)
    }

    /// The key of the samples that a mapping has made of the documents of a day.
    pub fn samples_of_day(target: &Target, mapping: &str, day: Date) -> Self {
        Self { day: Some(day), ..Self::samples(target, mapping) }
    }

    /// Whether it is the key of samples, and of which mapping.
    pub fn mapping(&self) -> Option<&str> {
        self.name.strip_prefix(SAMPLES)
    }

    /// Whether it is the key of the same document of another day.
    pub(super) fn is_other_day_of(&self, other: &Self) -> bool {
        self.day.is_some()
            && self.day != other.day
            && (&self.target, &self.name, self.slot) == (&other.target, &other.name, other.slot)
    }

    /// The same document in another slot.
    pub fn in_slot(&self, slot: Slot) -> Self {
        Self { slot, ..self.clone() }
    }

    /// The file name: `seats`, `users-1-day@2026-11-20`, `seats.pending`.
    pub(super) fn file_name(&self) -> String {
        let day = self.day.map(|day| format!("@{day}")).unwrap_or_default();
        let slot = match self.slot {
            Slot::Good => "",
            Slot::Pending => ".pending",
        };
        format!("{}{day}{slot}", self.name)
    }

    /// The key of a file name. Other files have none.
    pub(super) fn from_file_name(target: &Target, file: &str) -> Option<Self> {
        if file.starts_with(SAMPLES) {
            let (name, day) = match file.split_once('@') {
                Some((name, day)) => (name, Some(day.parse().ok()?)),
                None => (file, None),
            };
            return Some(Self::document(target, name, day, Slot::Good));
        }
        let (name, slot) = match file.strip_suffix(".pending") {
            Some(name) => (name, Slot::Pending),
            None => (file, Slot::Good),
        };
        let (name, day) = match name.split_once('@') {
            Some((name, day)) => (name, Some(day.parse().ok()?)),
            None => (name, None),
        };
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (!name.is_empty() && name.bytes().all(is_name))
            .then(|| Self::document(target, name, day, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;

    #[test]
    fn a_key_is_recovered_from_its_file_name() {
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        let day = Some(jiff::civil::date(2026, 11, 20));
        for key in [
            Key::document(&target, "seats", None, Slot::Good),
            Key::document(&target, "users-1-day", day, Slot::Good),
            Key::document(&target, "users-1-day", day, Slot::Pending),
            Key::samples(&target, "github-copilot"),
            Key::samples_of_day(&target, "github-copilot", jiff::civil::date(2026, 11, 20)),
        ] {
            assert_eq!(Key::from_file_name(&target, &key.file_name()), Some(key));
        }
        for other in [".unfinished-x", "seats.confirmed", "a@b", "", "Seats"] {
            assert_eq!(Key::from_file_name(&target, other), None, "{other}");
        }
    }
}
