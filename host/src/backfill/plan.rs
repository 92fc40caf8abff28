//! What a backfill would do.

use std::fmt::{self, Display, Formatter};
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::Date;

use super::range::each;
use crate::history::Days;
use crate::model::day::today;
use crate::model::{DocumentSpec, Target};
use crate::remote_write::{QueryError, Takes};

/// The requests that GitHub allows a token in an hour, without the fifth that is left to others.
const REQUESTS_PER_HOUR: u64 = 4000;

/// What a backfill would do.
pub struct Plan {
    /// The days.
    pub days: RangeInclusive<Date>,
    /// The most requests in an hour that it may send.
    pub requests_per_hour: Option<u32>,
    /// For each target.
    pub targets: Vec<TargetPlan>,
    /// What each endpoint says that it takes.
    pub endpoints: Vec<(String, Result<Takes, QueryError>)>,
}

/// What a backfill would do for a target.
pub struct TargetPlan {
    target: Target,
    /// The names of the documents.
    documents: Vec<String>,
    /// How many documents of days are kept.
    kept: u64,
    /// How many are to be fetched.
    missing: u64,
}

impl TargetPlan {
    /// The plan for a target, with the documents that are fetched and the days that are kept.
    pub(super) fn new(
        target: Target,
        fetched: &[DocumentSpec],
        kept: &Days,
        days: &RangeInclusive<Date>,
    ) -> Self {
        let documents: Vec<String> = fetched.iter().map(|spec| spec.name.clone()).collect();
        let today = today();
        let all = each(days).flat_map(|day| fetched.iter().map(move |spec| (day, spec)));
        let (mut is_kept, mut missing) = (0, 0);
        for (day, spec) in all.filter(|(day, spec)| spec.has_day(*day, today)) {
            match kept.has(day, &spec.name) {
                true => is_kept += 1,
                false => missing += 1,
            }
        }
        Self { target, documents, kept: is_kept, missing }
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (since, until) = (self.days.start(), self.days.end());
        let count = each(&self.days).count();
        writeln!(f, "{count} days, from {since} to {until}")?;
        for of in &self.targets {
            let documents = of.documents.join(", ");
            writeln!(
                f,
                "{}: {} requests to GitHub; {} documents are kept already ({documents})",
                of.target, of.missing, of.kept
            )?;
        }
        let requests: u64 = self.targets.iter().map(|of| of.missing).sum();
        let limit = self.requests_per_hour.map_or(REQUESTS_PER_HOUR, u64::from);
        // GitHub answers about one request in a second, and its file host another.
        let seconds = (requests * 2).max(requests.saturating_mul(3600) / limit.max(1));
        writeln!(
            f,
            "{requests} requests, at most {limit} in an hour: about {} minutes",
            seconds.div_ceil(60)
        )?;
        for (name, takes) in &self.endpoints {
            match takes {
                Ok(takes) => writeln!(f, "{name}: {}", words(takes, *since))?,
                Err(error) => writeln!(f, "{name}: not known: {error}")?,
            }
        }
        Ok(())
    }
}

/// What an endpoint takes of the days since `since`.
fn words(takes: &Takes, since: Date) -> String {
    let age =
        Duration::from_secs(u64::try_from((today() - since).get_days()).unwrap_or(0) * 86_400);
    let days = |duration: &Duration| duration.as_secs() / 86_400;
    let mut words = Vec::new();
    match &takes.window {
        Some(window) if *window < age => words.push(format!(
            "it takes samples of the last {} days: set storage.tsdb.out_of_order_time_window to {}d",
            days(window),
            days(&age) + 1
        )),
        Some(window) => words.push(format!("it takes samples of the last {} days", days(window))),
        None => {}
    }
    match &takes.retention {
        Some(retention) if *retention < age => words.push(format!(
            "it keeps samples for {} days: set the retention to {}d or more",
            days(retention),
            days(&age) + 1
        )),
        Some(retention) => words.push(format!("it keeps samples for {} days", days(retention))),
        None => {}
    }
    match words.is_empty() {
        true => "it does not say what it takes".to_owned(),
        false => words.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::model::Scope;
    use crate::remote_write::Product;

    #[test]
    fn a_plan_says_how_many_requests_how_long_and_what_an_endpoint_would_refuse() {
        let until = today().saturating_sub(1.day());
        let days = until.saturating_sub(364.days())..=until;
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        let of =
            TargetPlan { target, documents: vec!["users-1-day".to_owned()], kept: 5, missing: 360 };
        let day = Duration::from_secs(86_400);
        let takes = Takes {
            window: Some(30 * day),
            retention: Some(800 * day),
            product: Product::Prometheus,
        };
        let endpoints = vec![
            ("prometheus".to_owned(), Ok(takes)),
            ("other".to_owned(), Err(QueryError::NotConfigured)),
        ];
        let plan = Plan { days, requests_per_hour: Some(60), targets: vec![of], endpoints };
        let text = plan.to_string();
        for expected in [
            "365 days, from ",
            "organization octo-org: 360 requests to GitHub; 5 documents are kept already (users-1-day)",
            "360 requests, at most 60 in an hour: about 360 minutes",
            "prometheus: it takes samples of the last 30 days: set storage.tsdb.out_of_order_time_window to 366d; it keeps samples for 800 days",
            "other: not known: query_url is not set",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
    }
}
