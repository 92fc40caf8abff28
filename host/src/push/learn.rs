//! Learns which days an endpoint has.

use jiff::civil::Date;
use tracing::debug;

use super::days::TargetDays;
use super::due::{Known, Version};
use super::state::EndpointState;
use crate::output::daily::LAST_FAMILY;
use crate::refresh::TargetView;
use crate::remote_write::VerifyError;

impl EndpointState {
    /// Asks the endpoint which days it has, at the first look at a target.
    pub(super) async fn learn(&mut self, view: &TargetView, days: &TargetDays) {
        let target = &view.target;
        let state = self.targets.get(target);
        let versions: Vec<(Date, Version)> = days.versions().collect();
        let (Some((first, _)), Some((last, _))) = (versions.first(), versions.last()) else {
            return;
        };
        let has_queries = self.endpoint.settings().query_url.is_some();
        if !has_queries || state.is_some_and(|state| state.is_known) {
            return;
        }
        let family = format!("{}{LAST_FAMILY}", view.prefix);
        let [org, scope] = target.labels();
        let labels = [("org", org), ("scope", scope)];
        let found = self.endpoint.markers(&family, &labels, *first..=*last).await;
        let markers = match found {
            Err(VerifyError::NoMarker { .. }) => {
                debug!(
                    endpoint = self.endpoint.name(),
                    family, "the marker of complete days is dropped"
                );
                return;
            }
            found => self.note_query(found),
        };
        let Some(markers) = markers else { return };
        let mut known: Vec<(Date, Known)> = Vec::new();
        for (day, version) in versions {
            if let Some(marker) = markers.get(&day) {
                known.push((day, Known::from_marker(version, *marker)));
            } else if !version.is_complete {
                // Such as today's seats: nothing marks them as complete.
                if self.has_day(days, day).await {
                    known.push((day, Known::accepted(version, None)));
                }
            }
        }
        let (endpoint, count) = (self.endpoint.name(), known.len());
        debug!(endpoint, org, scope, days = count, "days that the endpoint has");
        if let Some(state) = self.targets.get_mut(target) {
            for (day, known) in known {
                // What has been pushed since is known better.
                state.days.entry(day).or_insert(known);
            }
            state.is_known = true;
        }
    }

    /// Asks the endpoint whether it has a day with its values.
    pub(super) async fn has_day(&mut self, days: &TargetDays, day: Date) -> bool {
        let report = self.endpoint.verify(&days.of_day(day)).await;
        self.note_query(report).is_some_and(|report| report.is_complete())
    }
}
