//! The fields that GitHub sends and the mapping does not know.

use std::collections::BTreeMap;

use super::text::truncate;

/// The longest path that is kept.
const MAX_PATH_BYTES: usize = 200;
/// How many different fields are counted, so that garbage cannot fill the memory.
const MAX_UNMAPPED: usize = 200;

/// The fields of a document that its collector does not know: their paths and counts.
#[derive(Debug, Default)]
pub struct Unmapped(BTreeMap<String, u64>);

impl Unmapped {
    /// Counts a field, unless its path starts with one of `foreign`.
    pub fn note(&mut self, path: &serde_ignored::Path<'_>, foreign: &[&str]) {
        let mut name = String::new();
        write_path(path, &mut name);
        if foreign.iter().any(|prefix| name.starts_with(prefix)) {
            return;
        }
        truncate(&mut name, MAX_PATH_BYTES);
        if let Some(count) = self.0.get_mut(&name) {
            *count += 1;
        } else if self.0.len() < MAX_UNMAPPED {
            self.0.insert(name, 1);
        }
    }

    /// The paths in order, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(path, count)| (path.as_str(), *count))
    }
}

/// Writes the keys of `path` without array indexes, which are not part of the schema.
fn write_path(path: &serde_ignored::Path<'_>, out: &mut String) {
    use serde_ignored::Path;
    match path {
        Path::Root => {}
        Path::Map { parent, key } => {
            write_path(parent, out);
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(key);
        }
        Path::Seq { parent, .. }
        | Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => write_path(parent, out),
    }
}
