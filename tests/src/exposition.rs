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
    /// Parses the text. It panics at anything for which Prometheus would reject a scrape: a line that
    /// is not a sample, or a duplicate series.
    pub fn parse(text: &str) -> Self {
        let mut samples = BTreeMap::new();
        let mut families = Vec::new();
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let name = family.split(' ').next().unwrap_or_default().to_owned();
                assert!(!families.contains(&name), "duplicate family {name}");
                families.push(name);
            } else if !line.starts_with('#') {
                let end = line.rfind('}').map_or_else(|| line.find(' '), |brace| Some(brace + 1));
                let end = end.unwrap_or_else(|| panic!("not a sample: {line:?}"));
                let (series, value) = line.split_at(end);
                let mut value = value.split_whitespace();
                let number = value.next().and_then(|text| text.parse().ok());
                let number = number.unwrap_or_else(|| panic!("not a value: {line:?}"));
                let time = value.next().map(|time| format!(" @{time}")).unwrap_or_default();
                let twice = samples.insert(format!("{series}{time}"), number);
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
