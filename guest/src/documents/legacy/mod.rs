//! The closed metrics API: an array of days.
//!
//! github.com returns 404 since 2026-04-02. GitHub Enterprise Server may still serve it, and many
//! users have recorded files. Most of it becomes the gauges of `compat`.

pub mod day;

use std::collections::BTreeMap;

use self::day::{DayValues, LegacyDay};
use crate::collector::{self, Collector, Collectors};
use crate::contract::{FetchKind, Scope};
use crate::input::{Day, Malformed, Row};
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
    /// The days, each with the time its document was fetched.
    days: BTreeMap<Day, (i64, DayValues)>,
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

    fn row(&mut self, mut row: Row<'_>) -> Result<(), Malformed> {
        let day: LegacyDay<'_> = row.decode()?;
        self.add(&day, row.fetched_at);
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
        self.days.iter().map(|(day, (_, values))| (*day, values))
    }

    /// Takes a day. Days come in any order; of two rows for a day, the one fetched later wins.
    fn add(&mut self, day: &LegacyDay<'_>, fetched_at: i64) {
        if !self.history && self.newest_day().is_some_and(|newest| newest > day.date) {
            return;
        }
        if self.days.get(&day.date).is_some_and(|(seen_at, _)| *seen_at > fetched_at) {
            return;
        }
        if !self.history {
            self.days.clear();
        }
        self.days.insert(day.date, (fetched_at, DayValues::new(day)));
    }
}
