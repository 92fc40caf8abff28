//! For unit tests: runs the mapping over small bodies and returns the samples as text.

use crate::contract::{Document, Error, OptionValue, SampleSet, Scope, Span, Target};
use crate::manifest::manifest;
use crate::run::Run;

/// When the bodies were fetched: 2026-11-22T06:00:00Z.
pub const FETCHED_AT: i64 = 1_795_327_200;

/// What a run returned, as text.
#[derive(Debug, PartialEq)]
pub struct Mapped {
    lines: Vec<String>,
    unmapped: Vec<String>,
}

impl Mapped {
    /// The samples of a family; see [`map`].
    pub fn samples(&self, family: &str) -> Vec<&str> {
        samples_of(&self.lines, family)
    }

    /// The fields that were not mapped, each with its count.
    pub fn unmapped(&self) -> Vec<&str> {
        self.unmapped.iter().map(String::as_str).collect()
    }
}

/// Maps bodies, each with its document, for the organization `acme`. Returns a line per sample, as
/// in Prometheus' text format without the labels `org` and `scope`.
pub fn map(span: Span, options: &[&str], bodies: &[(&str, &str)]) -> Result<Vec<String>, Error> {
    mapped(span, options, bodies).map(|mapped| mapped.lines)
}

/// As [`map`], with the fields that were not mapped.
pub fn mapped(span: Span, options: &[&str], bodies: &[(&str, &str)]) -> Result<Mapped, Error> {
    let bodies: Vec<_> =
        bodies.iter().map(|(name, body)| (*name, body.as_bytes(), FETCHED_AT)).collect();
    mapped_at(span, options, &bodies)
}

/// As [`mapped`], of any bytes, each with the time it was fetched.
pub fn mapped_at(
    span: Span,
    options: &[&str],
    bodies: &[(&str, &[u8], i64)],
) -> Result<Mapped, Error> {
    let target = Target { scope: Scope::Organization, name: "acme".to_owned() };
    let options: Vec<_> = options
        .iter()
        .map(|name| OptionValue { name: (*name).to_owned(), value: "true".to_owned() })
        .collect();
    let mut run = Run::new(&target, span, &options);
    for (part, (name, body, fetched_at)) in (0..).zip(bodies) {
        let document =
            Document { name: (*name).to_owned(), part, fetched_at: *fetched_at, report_day: None };
        run.feed(&document, body)?;
    }
    let set = run.finish()?;
    let unmapped = set.unmapped.iter().map(|field| format!("{} {}", field.path, field.count));
    Ok(Mapped { lines: lines(&set), unmapped: unmapped.collect() })
}

/// The samples as text; see [`map`].
pub fn lines(set: &SampleSet) -> Vec<String> {
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
    lines
}

/// The lines of one family.
pub fn samples_of<'a>(lines: &'a [String], family: &str) -> Vec<&'a str> {
    let start = format!("{family}{{");
    lines.iter().map(String::as_str).filter(|line| line.starts_with(&start)).collect()
}
