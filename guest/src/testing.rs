//! For unit tests: runs the mapping over small bodies and returns the samples as text.

use crate::contract::{Document, Error, OptionValue, Scope, Span, Target};
use crate::manifest::manifest;
use crate::run::Run;

/// When the bodies were fetched: 2026-11-22T06:00:00Z.
pub const FETCHED_AT: i64 = 1_795_327_200;

/// Maps bodies, each with its document, for the organization `acme`. Returns a line per sample, as
/// in Prometheus' text format without the labels `org` and `scope`.
pub fn map(span: Span, options: &[&str], bodies: &[(&str, &str)]) -> Result<Vec<String>, Error> {
    let target = Target { scope: Scope::Organization, name: "acme".to_owned() };
    let options: Vec<_> = options
        .iter()
        .map(|name| OptionValue { name: (*name).to_owned(), value: "true".to_owned() })
        .collect();
    let mut run = Run::new(&target, span, &options);
    for (part, (name, body)) in (0..).zip(bodies) {
        let document =
            Document { name: (*name).to_owned(), part, fetched_at: FETCHED_AT, report_day: None };
        run.feed(&document, body.as_bytes())?;
    }
    let set = run.finish()?;
    let families = manifest().families;
    let mut lines = Vec::new();
    for columns in &set.families {
        let family = families.iter().find(|family| family.name == columns.name).unwrap();
        let names = &family.label_names;
        for (index, value) in columns.values.iter().enumerate() {
            let ids = &columns.label_values[index * names.len()..][..names.len()];
            let labels: Vec<_> = names
                .iter()
                .zip(ids)
                .filter(|(name, _)| !["org", "scope"].contains(&name.as_str()))
                .map(|(name, id)| format!("{name}={:?}", set.strings[*id as usize]))
                .collect();
            let time = columns.timestamps.as_ref().map(|times| format!(" {}", times[index]));
            let (name, labels) = (&family.name, labels.join(","));
            lines.push(format!("{name}{{{labels}}} {value}{}", time.unwrap_or_default()));
        }
    }
    Ok(lines)
}

/// The lines of one family.
pub fn samples_of<'a>(lines: &'a [String], family: &str) -> Vec<&'a str> {
    let start = format!("{family}{{");
    lines.iter().map(String::as_str).filter(|line| line.starts_with(&start)).collect()
}
