//! Days with the same problem, in one line of the log.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use tracing::warn;

use crate::model::Target;

/// The problems of days of one endpoint, by target and kind.
#[derive(Default)]
pub(super) struct Problems(BTreeMap<[String; 3], Problem>);

struct Problem {
    days: BTreeSet<Date>,
    /// That of the first day: those of the others differ only in series and timestamps.
    error: String,
    hint: Option<&'static str>,
}

impl Problems {
    /// Adds a day with a problem of a kind. Servers describe it differently for each day.
    pub(super) fn add(
        &mut self,
        (target, day): (&Target, Date),
        kind: &str,
        (error, hint): (String, Option<&'static str>),
    ) {
        let [org, scope] = target.labels();
        let key = [org, scope, kind].map(str::to_owned);
        let problem = self.0.entry(key).or_insert(Problem { days: BTreeSet::new(), error, hint });
        problem.days.insert(day);
    }

    /// Logs each problem once, with its range of days.
    pub(super) fn log(self, endpoint: &str, message: &str) {
        for ([org, scope, reason], problem) in self.0 {
            let Problem { days, error, hint } = problem;
            let (Some(first), Some(last)) = (days.first(), days.last()) else { continue };
            let count = days.len();
            let range = match first == last {
                true => first.to_string(),
                false => format!("{first} to {last}"),
            };
            warn!(endpoint, org, scope, days = range, count, reason, error, hint, "{message}");
        }
    }
}
