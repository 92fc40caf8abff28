//! Paths of GitHub's API with placeholders for a date.

use std::fmt;

use jiff::civil::Date;

/// The path of a recording as GitHub documents it, such as `/orgs/octo-org/report?day={day}`.
/// Placeholders stand for the value of a whole query parameter.
#[derive(Clone, Debug)]
pub(super) struct Template {
    text: String,
    path: String,
    query: Vec<(String, String)>,
}

impl Template {
    /// Reads a template.
    pub(super) fn new(text: &str) -> Self {
        let (path, query) = split(text);
        let query = parameters(query).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { text: text.to_owned(), path: path.to_owned(), query: query.collect() }
    }

    /// The path without the query.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether there is one document for each day.
    pub(super) fn is_of_day(&self) -> bool {
        self.query.iter().any(|(_, value)| is_placeholder(value))
    }

    /// Whether there is one document for each month.
    pub(super) fn is_of_month(&self) -> bool {
        let has = |placeholder: &str| self.query.iter().any(|(_, value)| value == placeholder);
        has("{month}") && !has("{day-of-month}")
    }

    /// Whether a request for `path` and `query` is a request for this recording. It may have further
    /// parameters, such as those of paging.
    pub(super) fn matches(&self, path: &str, query: &str) -> bool {
        self.path == path
            && self.query.iter().all(|(name, value)| {
                parameter(query, name).is_some_and(|given| is_placeholder(value) || given == value)
            })
    }

    /// Whether another template, such as a mapping's, requests this recording.
    pub(super) fn is_requested_by(&self, other: &str) -> bool {
        let (path, query) = split(other);
        let same = |(name, value): &(String, String)| parameter(query, name) == Some(value);
        let dates = parameters(query).filter(|(_, value)| is_placeholder(value)).count();
        let own_dates = self.query.iter().filter(|(_, value)| is_placeholder(value)).count();
        self.path == path && dates == own_dates && self.query.iter().all(same)
    }

    /// The day that a request is for.
    pub(super) fn requested_day(&self, query: &str) -> Option<Date> {
        if let Some(day) = self.value_of("{day}", query) {
            return day.parse().ok();
        }
        let first = self.requested_month(query)?;
        let day = self.value_of("{day-of-month}", query)?.parse().ok()?;
        Date::new(first.year(), first.month(), day).ok()
    }

    /// The first day of the month that a request is for.
    pub(super) fn requested_month(&self, query: &str) -> Option<Date> {
        let year = self.value_of("{year}", query)?.parse().ok()?;
        let month = self.value_of("{month}", query)?.parse().ok()?;
        Date::new(year, month, 1).ok()
    }

    /// What a request has in the place of a placeholder.
    fn value_of<'a>(&self, placeholder: &str, query: &'a str) -> Option<&'a str> {
        let (name, _) = self.query.iter().find(|(_, value)| value == placeholder)?;
        parameter(query, name)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The value of a query parameter.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    parameters(query).find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter_map(|pair| pair.split_once('='))
}

fn split(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

fn is_placeholder(value: &str) -> bool {
    value.starts_with('{') && value.ends_with('}')
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const USAGE: &str = "/organizations/a/usage?year={year}&month={month}&day={day-of-month}";

    #[test]
    fn a_request_matches_with_further_parameters_but_not_without_the_templates_own() {
        let report = Template::new("/orgs/a/report?day={day}");
        assert!(report.matches("/orgs/a/report", "day=2026-03-07&page=2"));
        assert!(!report.matches("/orgs/a/report", "page=2"));
        assert!(!report.matches("/orgs/b/report", "day=2026-03-07"));
        let report = Template::new("/orgs/a/report?state=active");
        assert!(report.matches("/orgs/a/report", "state=active"));
        assert!(!report.matches("/orgs/a/report", "state=deleted"));
    }

    #[test]
    fn the_requested_day_is_read_whole_or_in_parts() {
        let report = Template::new("/orgs/a/report?day={day}");
        assert_eq!(report.requested_day("day=2026-03-07"), Some(date(2026, 3, 7)));
        assert_eq!(report.requested_day("day=yesterday"), None);
        let usage = Template::new(USAGE);
        assert_eq!(usage.requested_day("year=2026&month=3&day=7"), Some(date(2026, 3, 7)));
        assert_eq!(usage.requested_day("year=2026&month=13&day=7"), None);
        assert!(usage.is_of_day() && report.is_of_day());
        assert!(!Template::new("/orgs/a/seats?per_page=100").is_of_day());
    }

    #[test]
    fn a_mappings_template_may_have_further_parameters() {
        let seats = Template::new("/orgs/a/seats");
        assert!(seats.is_requested_by("/orgs/a/seats?per_page=100"));
        assert!(!seats.is_requested_by("/orgs/a/seats/1"));
        assert!(Template::new(USAGE).is_requested_by(USAGE));
        assert!(!Template::new(USAGE).is_requested_by("/organizations/a/usage?year={year}"));
        let month = Template::new("/organizations/a/usage?year={year}&month={month}");
        assert!(month.is_of_month() && !month.is_requested_by(USAGE));
    }
}
