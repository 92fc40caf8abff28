//! Reads an exposition.

use std::collections::BTreeMap;

/// The samples of an exposition by their name and labels, as written: `name{a="b"}`.
#[derive(Debug)]
pub struct Exposition {
    samples: BTreeMap<String, f64>,
    /// The families, from the `# TYPE` lines.
    pub families: Vec<String>,
}

impl Exposition {
    /// Reads the text. It panics at anything that Prometheus would refuse a scrape for: a line
    /// that is no sample, or a series that is there twice.
    pub fn parse(text: &str) -> Self {
        let mut samples = BTreeMap::new();
        let mut families = Vec::new();
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let name = family.split(' ').next().unwrap_or_default().to_owned();
                assert!(!families.contains(&name), "family {name} is there twice");
                families.push(name);
            } else if !line.starts_with('#') {
                let end = line.rfind('}').map_or_else(|| line.find(' '), |brace| Some(brace + 1));
                let end = end.unwrap_or_else(|| panic!("no sample: {line:?}"));
                let (series, value) = line.split_at(end);
                let mut value = value.split_whitespace();
                let number = value.next().and_then(|text| text.parse().ok());
                let number = number.unwrap_or_else(|| panic!("no value: {line:?}"));
                let time = value.next().map(|time| format!(" @{time}")).unwrap_or_default();
                let twice = samples.insert(format!("{series}{time}"), number);
                assert!(twice.is_none(), "series {series} is there twice");
            }
        }
        Self { samples, families }
    }

    /// The value of a series, written as it stands in the text.
    pub fn get(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }

    /// The same, for a series that must be there.
    pub fn value(&self, series: &str) -> f64 {
        self.get(series).unwrap_or_else(|| panic!("there is no {series}"))
    }

    /// The series of a family.
    pub fn series<'a>(&'a self, family: &'a str) -> impl Iterator<Item = (&'a str, f64)> + 'a {
        self.samples
            .iter()
            .filter(move |(series, _)| series.split('{').next() == Some(family))
            .map(|(series, value)| (series.as_str(), *value))
    }

    /// The sum of a family's series that have `label` in them.
    pub fn sum(&self, family: &str, label: &str) -> f64 {
        self.series(family)
            .filter(|(series, _)| series.contains(label))
            .map(|(_, value)| value)
            .sum()
    }
}
