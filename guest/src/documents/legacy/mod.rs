//! The closed metrics API: an array of days.
//!
//! github.com returns 404 since 2026-04-02. GitHub Enterprise Server may still serve it, and many
//! users have recorded files. Most of it becomes the gauges of `compat`.

pub mod day;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::day::{DayValues, LegacyDay};
use crate::collector::{self, Collector, Collectors};
use crate::contract::{FetchKind, Scope};
use crate::input::{Day, Problem, Rejected, Row, Version, by_size};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::{
    DocumentDefinition, ENTERPRISE_METRICS, ORGANIZATION_METRICS, Registration,
};
use crate::settings::Settings;

pub const REGISTRATION: Registration =
    Registration { documents: DOCUMENTS, ..Registration::new(collector::new::<LegacyCollector>) };

const DOCUMENTS: &[DocumentDefinition] = &[
    DocumentDefinition {
        fallback_for: Some("organization-28-day"),
        permission: Some(ORGANIZATION_METRICS),
        ..DocumentDefinition::new(
            Scope::Organization,
            "legacy",
            "/orgs/{org}/copilot/metrics?per_page=100",
            FetchKind::Paged,
        )
    },
    DocumentDefinition {
        fallback_for: Some("enterprise-28-day"),
        permission: Some(ENTERPRISE_METRICS),
        ..DocumentDefinition::new(
            Scope::Enterprise,
            "legacy",
            "/enterprises/{enterprise}/copilot/metrics?per_page=100",
            FetchKind::Paged,
        )
    },
];

/// Collects the days of the closed API; without `history`, only the newest.
pub struct LegacyCollector {
    history: bool,
    report_day: FamilyId,
    summaries: FamilyId,
    days: BTreeMap<Day, Version<DayValues>>,
}

impl Collector for LegacyCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        Self {
            history: settings.history,
            report_day: catalogue.gauge(
                "legacy_report_day_timestamp_seconds",
                "Start (00:00 UTC) of the newest day in the closed metrics API, in seconds since 1970-01-01.",
                &[],
            ),
            summaries: catalogue.gauge(
                "legacy_pull_request_summaries",
                "Number of pull request summaries that Copilot wrote on the newest day in the closed metrics API, by repository.",
                &["repository"],
            ),
            days: BTreeMap::new(),
        }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (mut values, mut notes) = row.decode::<LegacyDay<'_>>(&[])?;
        let day = notes.day(std::mem::take(&mut values.date), "date")?;
        let values = DayValues::new(&values);
        if values.says_nothing() {
            notes.note("total_active_users", Problem::Missing);
        }
        if values.has_conflict {
            notes.note("total_engaged_users", Problem::Conflict);
        }
        if self.add(day, Version::new(notes.rank, values)) {
            notes.note("date", Problem::Conflict);
        }
        Ok(())
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        for (day, values) in self.days() {
            let at = day.start_ms();
            samples.push(self.report_day, &[], at as f64 / 1000.0, at);
            for (repository, created) in &values.summaries {
                samples.push(self.summaries, &[repository], *created, at);
            }
        }
    }
}

impl LegacyCollector {
    /// The newest day, if any.
    pub fn newest_day(&self) -> Option<Day> {
        self.days.last_key_value().map(|(day, _)| *day)
    }

    /// Whether the API has this day.
    pub fn has_day(&self, day: Day) -> bool {
        self.days.contains_key(&day)
    }

    /// The days and their values.
    pub fn days(&self) -> impl Iterator<Item = (Day, &DayValues)> {
        self.days.iter().map(|(day, values)| (*day, &values.value))
    }

    /// Takes a day; days come in any order. Returns whether it contradicts another one.
    fn add(&mut self, day: Day, values: Version<DayValues>) -> bool {
        if !self.history && self.newest_day().is_some_and(|newest| newest > day) {
            return false;
        }
        let conflict = Version::keep_in(&mut self.days, day, values, by_size(DayValues::users));
        if !self.history {
            self.days.retain(|kept, _| *kept == day);
        }
        conflict
    }
}
