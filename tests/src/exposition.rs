//! Parses expositions.

use std::collections::BTreeMap;

/// An exposition: its samples by name and labels as written (`name{a="b"}`), and its families.
#[derive(Debug)]
pub struct Exposition {
    samples: BTreeMap<String, f64>,
    /// The families, from the `# TYPE` lines.
    pub families: Vec<String>,
}

impl Exposition {
    /// Parses the text. It panics at anything for which Prometheus would reject a scrape, or drop part of
    /// it: a malformed line, a sample outside of its family, a duplicate family, label or series.
    pub fn parse(text: &str) -> Self {
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is cut off");
        let mut samples = BTreeMap::new();
        let mut families: Vec<String> = Vec::new();
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let name = family.split(' ').next().unwrap_or_default().to_owned();
                assert!(is_name(&name), "not a type: {line:?}");
                assert!(!families.contains(&name), "duplicate family {name}");
                families.push(name);
            } else if !line.starts_with('#') {
                let (series, value, time) =
                    parse_sample(line).unwrap_or_else(|| panic!("not a sample: {line:?}"));
                let name = series.split('{').next().unwrap_or_default();
                let family = families.last().and_then(|family| name.strip_prefix(family.as_str()));
                assert!(
                    matches!(family, Some("" | "_bucket" | "_sum" | "_count")),
                    "outside of its family: {line:?}"
                );
                let time = time.map(|time| format!(" @{time}")).unwrap_or_default();
                let twice = samples.insert(format!("{series}{time}"), value);
                assert!(twice.is_none(), "duplicate series {series}");
            }
        }
        Self { samples, families }
    }

    /// The value of a series, which is named as in the text.
    pub fn get(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }

    /// The value of a series that must exist.
    pub fn value(&self, series: &str) -> f64 {
        self.get(series).unwrap_or_else(|| panic!("no series {series}"))
    }

    /// The series of a family, with their values.
    pub fn series<'a>(&'a self, family: &'a str) -> impl Iterator<Item = (&'a str, f64)> + 'a {
        self.samples
            .iter()
            .filter(move |(series, _)| series.split('{').next() == Some(family))
            .map(|(series, value)| (series.as_str(), *value))
    }

    /// The sum of a family's series whose labels contain `label`.
    pub fn sum(&self, family: &str, label: &str) -> f64 {
        self.series(family)
            .filter(|(series, _)| series.contains(label))
            .map(|(_, value)| value)
            .sum()
    }
}

/// Series, value and timestamp of a line. `None`: it is not a sample.
fn parse_sample(line: &str) -> Option<(&str, f64, Option<i64>)> {
    let name = line.find(['{', ' '])?;
    let end = match line.get(name..)?.strip_prefix('{') {
        Some(labels) => line.len() - after_labels(labels)?.len(),
        None => name,
    };
    let (series, rest) = line.split_at_checked(end)?;
    let mut numbers = rest.strip_prefix(' ')?.split(' ');
    let value = numbers.next()?.parse().ok()?;
    let time = numbers.next().map(str::parse).transpose().ok()?;
    (is_name(line.get(..name)?) && numbers.next().is_none()).then_some((series, value, time))
}

/// What follows `name="value",…}`.
fn after_labels(mut rest: &str) -> Option<&str> {
    let mut names = Vec::new();
    while !rest.starts_with('}') {
        let (name, quoted) = rest.split_once("=\"")?;
        if !is_name(name) || name.contains(':') || names.contains(&name) {
            return None;
        }
        names.push(name);
        let mut characters = quoted.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' if !matches!(characters.next()?, '\\' | '"' | 'n') => return None,
                _ => {}
            }
        }
        rest = characters.as_str();
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    rest.strip_prefix('}')
}

/// Whether a text is the name of a family, or of a label if it has no colon.
fn is_name(text: &str) -> bool {
    let is_first = |first: char| first.is_ascii_alphabetic() || first == '_' || first == ':';
    text.starts_with(is_first) && text.chars().all(|c| is_first(c) || c.is_ascii_digit())
}
