//! Metrics about what is pushed.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use prometheus::{GaugeVec, IntCounterVec};

use crate::model::Target;
use crate::model::metrics::{Registry, now_seconds, remove_series, remove_series_if};

/// Counts days. Clones share the metrics.
#[derive(Clone)]
pub struct Metrics {
    pushed: IntCounterVec,
    revised: IntCounterVec,
    refused: IntCounterVec,
    verified: IntCounterVec,
    pending_since: GaugeVec,
    newest_day: GaugeVec,
}

/// How a day at an endpoint compares with what it was sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verified {
    /// It has everything.
    Complete,
    /// Something is missing or has another value.
    Incomplete,
    /// It could not be asked.
    Error,
}

impl Verified {
    const ALL: [Self; 3] = [Self::Complete, Self::Incomplete, Self::Error];

    fn label(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Error => "error",
        }
    }
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            pushed: registry.counters(
                "copilot_exporter_remote_write_days_pushed_total",
                "Number of days of targets that were pushed to the endpoint, each time they were.",
                &["endpoint"],
            )?,
            revised: registry.counters(
                "copilot_exporter_remote_write_days_revised_total",
                "Number of days that were pushed to the endpoint again, with a later timestamp, because GitHub had revised them.",
                &["endpoint"],
            )?,
            refused: registry.counters(
                "copilot_exporter_remote_write_days_refused_total",
                "Number of days that the endpoint did not take and that are not pushed again until they are revised, by reason: an HTTP status, unconfirmed (it confirmed fewer samples than it was sent), not_stored (query_url shows that it did not store them), labels (write_relabel_configs makes series the same or nameless).",
                &["endpoint", "reason"],
            )?,
            verified: registry.counters(
                "copilot_exporter_remote_write_days_verified_total",
                "Number of pushed days that were compared with what query_url returns, by result: complete, incomplete, error (the query failed).",
                &["endpoint", "result"],
            )?,
            pending_since: registry.gauges(
                "copilot_exporter_remote_write_pending_since_timestamp_seconds",
                "Time since which days have been waiting to be pushed to the endpoint, in seconds since 1970. Not set if none are waiting.",
                &["endpoint"],
            )?,
            newest_day: registry.gauges(
                "copilot_exporter_remote_write_newest_day_timestamp_seconds",
                "Start (UTC) of the newest day of the target that the endpoint has completely, in seconds since 1970.",
                &["endpoint", "org", "scope"],
            )?,
        })
    }

    /// Creates the counters of an endpoint, so that alerts on their increase don't miss the first one.
    pub(super) fn initialize(&self, endpoint: &str, is_verified: bool) {
        self.pushed.with_label_values(&[endpoint]);
        self.revised.with_label_values(&[endpoint]);
        self.set_pending(endpoint, false);
        remove_series(&self.newest_day, &[("endpoint", endpoint)]);
        for result in Verified::ALL.iter().filter(|_| is_verified) {
            self.verified.with_label_values(&[endpoint, result.label()]);
        }
    }

    /// A day was pushed.
    pub(super) fn count_pushed(&self, endpoint: &str, is_revision: bool) {
        self.pushed.with_label_values(&[endpoint]).inc();
        if is_revision {
            self.revised.with_label_values(&[endpoint]).inc();
        }
    }

    /// A day was refused.
    pub(super) fn count_refused(&self, endpoint: &str, reason: &str) {
        self.refused.with_label_values(&[endpoint, reason]).inc();
    }

    /// A day was compared.
    pub(super) fn count_verified(&self, endpoint: &str, result: Verified) {
        self.verified.with_label_values(&[endpoint, result.label()]).inc();
    }

    /// Whether days are waiting, from now on.
    pub(super) fn set_pending(&self, endpoint: &str, is_pending: bool) {
        if is_pending {
            self.pending_since.with_label_values(&[endpoint]).set(now_seconds());
        } else {
            // It fails if none were waiting.
            self.pending_since.remove_label_values(&[endpoint]).ok();
        }
    }

    /// The newest day of a target that an endpoint has completely, if any.
    pub(super) fn set_newest_day(&self, endpoint: &str, target: &Target, day: Option<Date>) {
        let [org, scope] = target.labels();
        let labels = [endpoint, org, scope];
        let start = day.and_then(|day| day.to_zoned(TimeZone::UTC).ok());
        match start {
            Some(start) => {
                let seconds = start.timestamp().as_second() as f64;
                self.newest_day.with_label_values(&labels).set(seconds);
            }
            // It fails if there was none.
            None => self.newest_day.remove_label_values(&labels).map_or((), drop),
        }
    }

    /// Removes the series of all other endpoints.
    pub(super) fn keep_endpoints(&self, in_use: &[&str]) {
        let is_obsolete = |endpoint: &str| !in_use.contains(&endpoint);
        for counters in [&self.pushed, &self.revised, &self.refused, &self.verified] {
            remove_series_if(counters, |value| is_obsolete(value("endpoint")));
        }
        for gauges in [&self.pending_since, &self.newest_day] {
            remove_series_if(gauges, |value| is_obsolete(value("endpoint")));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::Scope;

    #[test]
    fn the_series_of_an_endpoint_and_of_a_target_are_removed_with_it() {
        let registry = Registry::default();
        let metrics = Metrics::new(&registry).unwrap();
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        for endpoint in ["one", "two"] {
            metrics.initialize(endpoint, true);
            metrics.count_pushed(endpoint, true);
            metrics.count_refused(endpoint, "400");
            metrics.set_pending(endpoint, true);
            metrics.set_newest_day(endpoint, &target, Some(date(1970, 1, 2)));
        }
        let newest = |endpoint: &str| {
            let name = "copilot_exporter_remote_write_newest_day_timestamp_seconds";
            format!(
                "{name}{{endpoint=\"{endpoint}\",org=\"octo-org\",scope=\"organization\"}} 86400"
            )
        };
        let text = registry.encode().unwrap();
        assert!(text.contains(&newest("one")) && text.contains(&newest("two")), "{text}");
        metrics.set_newest_day("one", &target, None);
        metrics.set_newest_day("one", &target, None);
        metrics.set_pending("one", false);
        let text = registry.encode().unwrap();
        assert!(!text.contains(&newest("one")) && text.contains(&newest("two")), "{text}");
        assert!(!text.contains("pending_since_timestamp_seconds{endpoint=\"one\"}"), "{text}");
        metrics.keep_endpoints(&["one"]);
        let text = registry.encode().unwrap();
        assert!(
            !text.contains("\"two\"") && text.contains("days_pushed_total{endpoint=\"one\"} 1")
        );
    }
}
