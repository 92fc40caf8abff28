//! Compares pushed days with what the endpoint has.

use tokio::time::Instant;
use tracing::debug;

use super::due::State;
use super::metrics::Verified;
use super::problems::Problems;
use super::queue::Unverified;
use super::state::EndpointState;
use crate::remote_write::DayReport;

/// The reason why a day is refused that the endpoint accepts and does not store.
const NOT_STORED: &str = "not_stored";
/// What explains that.
const HINT: &str = "check the retention of the server and its metrics about rejected samples, such as vm_rows_ignored_total of VictoriaMetrics";

impl EndpointState {
    /// Compares what was pushed long enough ago. Returns whether a day is to be pushed again.
    pub(super) async fn verify_due(&mut self) -> bool {
        let (mut first, mut second) = (Problems::default(), Problems::default());
        let mut is_any_due = false;
        while let Some(pushed) = self.unverified.pop_due(Instant::now()) {
            let Unverified { target, day, version, samples, .. } = pushed;
            let known = self.targets.get(&target).and_then(|state| state.days.get(&day));
            // A later version has been pushed, or the target is no longer exported.
            let Some(known) = known.filter(|known| known.version == version).copied() else {
                continue;
            };
            let report = self.endpoint.verify(&samples).await;
            let report = self.note_query(report);
            let (name, [org, scope]) = (self.endpoint.name(), target.labels());
            let metrics = &self.environment.metrics;
            let Some(report) = report else {
                metrics.count_verified(name, Verified::Error);
                continue;
            };
            if report.is_complete() {
                metrics.count_verified(name, Verified::Complete);
                let series = report.matching;
                debug!(endpoint = name, org, scope, %day, series, "day verified");
                continue;
            }
            metrics.count_verified(name, Verified::Incomplete);
            let known = known.not_stored();
            let problem = (description(&report), Some(HINT));
            if known.state == State::Refused {
                second.add((&target, day), NOT_STORED, problem);
                self.refuse(&target, (day, version), NOT_STORED);
            } else if let Some(state) = self.targets.get_mut(&target) {
                first.add((&target, day), NOT_STORED, problem);
                state.days.insert(day, known);
                state.is_settled = false;
                is_any_due = true;
            }
            self.show_newest_day(&target);
        }
        let name = self.endpoint.name();
        first.log(name, "the endpoint did not store what it accepted; pushing the days again");
        second.log(
            name,
            "the endpoint did not store what it accepted twice; the days are not pushed again until they are revised",
        );
        is_any_due
    }
}

/// What is missing, with an example.
fn description(report: &DayReport) -> String {
    let DayReport { matching, missing, different, .. } = report;
    let missing_example = missing.first().map(|series| format!(" (such as {series})"));
    let different_example = different
        .first()
        .map(|of| format!(" (such as {}: {} instead of {})", of.series, of.found, of.expected));
    format!(
        "of the series of the first day, {matching} are stored, {} are missing{}, {} have another value{}",
        missing.len(),
        missing_example.unwrap_or_default(),
        different.len(),
        different_example.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote_write::Difference;

    #[test]
    fn a_difference_is_described_with_an_example() {
        let different = Difference { series: "b{}".to_owned(), expected: 1.0, found: 2.0 };
        let missing = vec!["a{l=\"x\"}".to_owned(), "a{l=\"y\"}".to_owned()];
        let report = DayReport { day: None, matching: 3, missing, different: vec![different] };
        assert_eq!(
            description(&report),
            "of the series of the first day, 3 are stored, 2 are missing (such as a{l=\"x\"}), 1 have another value (such as b{}: 2 instead of 1)"
        );
    }
}
