//! What GitHub sends and the mapping does not use.

use std::collections::BTreeMap;

use super::field::Problem;
use super::path::Path;
use super::text::truncate;

/// The longest path that is kept.
const MAX_PATH_BYTES: usize = 200;
/// How many different fields are counted one by one, so that garbage cannot fill the memory.
const MAX_UNMAPPED: usize = 200;
/// What stands for the paths of all others.
const OTHERS: &str = "(other fields)";

/// The fields of a document that are unknown or not usable: their paths and counts.
///
/// A path is followed by what is wrong, unless the field is unknown: `totals_by_ide.loc_added_sum
/// (invalid)`.
#[derive(Debug, Default)]
pub struct Unmapped {
    counts: BTreeMap<String, u64>,
    /// The paths in the current row.
    pending: Vec<String>,
    /// See [`Unmapped::ignore`].
    foreign: &'static [&'static str],
}

impl Unmapped {
    /// From now on, unknown fields whose path starts with one of these are not noted: they are in
    /// GitHub's general objects, which are not about Copilot.
    pub fn ignore(&mut self, foreign: &'static [&'static str]) {
        self.foreign = foreign;
    }

    /// Notes the field of the current row at `path`.
    pub fn note(&mut self, path: &Path<'_>, problem: Problem) {
        let mut text = String::new();
        path.write(&mut text);
        if problem != Problem::Unknown || !self.foreign.iter().any(|start| text.starts_with(start))
        {
            self.add(text, problem);
        }
    }

    /// Notes the field of the current row with this path.
    pub fn add(&mut self, mut path: String, problem: Problem) {
        // Paths are shown in logs and on the page.
        path.retain(|c| !c.is_control());
        truncate(&mut path, MAX_PATH_BYTES);
        path.push_str(problem.suffix());
        self.pending.push(path);
    }

    /// What was noted last of the current row.
    pub fn last(&self) -> Option<&str> {
        self.pending.last().map(String::as_str)
    }

    /// Forgets what was noted of the current row.
    pub fn discard(&mut self) {
        self.pending.clear();
    }

    /// Counts what was noted of the current row.
    pub fn commit(&mut self) {
        for path in self.pending.drain(..) {
            if let Some(count) = self.counts.get_mut(&path) {
                *count += 1;
            } else {
                let path = if self.counts.len() < MAX_UNMAPPED { path } else { OTHERS.to_owned() };
                *self.counts.entry(path).or_default() += 1;
            }
        }
    }

    /// The paths in order, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(path, count)| (path.as_str(), *count))
    }
}
