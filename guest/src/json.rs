//! Decodes one row, says where it is wrong, and notes the fields that nobody knows.

use std::collections::BTreeMap;

use serde::de::Deserialize;

/// How much of a reason is kept: serde quotes the offending text, which may be long.
const MAX_REASON_BYTES: usize = 200;
/// How many different unknown fields are counted by name, so that garbage can't fill the memory.
const MAX_UNMAPPED: usize = 200;

/// What is wrong with a body, and where.
#[derive(Debug, PartialEq)]
pub struct Malformed {
    /// The offset in the body, in bytes from 0.
    pub offset: u64,
    /// The field's path, where there is one.
    pub path: Option<String>,
    /// What is wrong.
    pub reason: String,
}

/// The fields that a document has and its collector doesn't know, by path, with their counts.
#[derive(Debug, Default)]
pub struct Unmapped(BTreeMap<String, u64>);

impl Unmapped {
    fn note(&mut self, path: &serde_ignored::Path<'_>, foreign: &[&str]) {
        let mut name = String::new();
        write_path(path, &mut name);
        if foreign.iter().any(|prefix| name.starts_with(prefix)) {
            return;
        }
        truncate(&mut name, MAX_REASON_BYTES);
        if let Some(count) = self.0.get_mut(&name) {
            *count += 1;
        } else if self.0.len() < MAX_UNMAPPED {
            self.0.insert(name, 1);
        }
    }

    /// The paths and how often each was seen, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(path, count)| (path.as_str(), *count))
    }
}

/// Writes the keys of `path`, leaving out positions in arrays, which say nothing of the schema.
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

/// Decodes the row `bytes`, which starts at `offset` in its body.
///
/// Unknown fields are noted in `unmapped`, but for those whose path starts with one of `foreign`:
/// parts of GitHub's general objects that are no news about Copilot.
pub fn decode<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    offset: u64,
    unmapped: &mut Unmapped,
    foreign: &[&str],
) -> Result<T, Malformed> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_ignored::deserialize(&mut deserializer, |path| unmapped.note(&path, foreign))
        .and_then(|row| deserializer.end().map(|()| row))
        .map_err(|error| locate::<T>(bytes, offset, &error))
}

/// Says where the error stands. The path costs time at every field, so that only bad rows pay for it.
fn locate<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    offset: u64,
    error: &serde_json::Error,
) -> Malformed {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let path = serde_path_to_error::deserialize::<_, T>(&mut deserializer)
        .err()
        .map(|error| error.path().to_string())
        .filter(|path| path != "." && path != "?");
    let line_start = bytes
        .split(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(|line| line.len() + 1)
        .sum::<usize>();
    let mut reason = error.to_string();
    // The position within the row would only compete with the offset.
    if let Some(at) = reason.rfind(" at line ") {
        reason.truncate(at);
    }
    truncate(&mut reason, MAX_REASON_BYTES);
    Malformed {
        offset: offset + (line_start + error.column().saturating_sub(1)) as u64,
        path,
        reason,
    }
}

fn truncate(text: &mut String, max: usize) {
    if text.len() > max {
        let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}
