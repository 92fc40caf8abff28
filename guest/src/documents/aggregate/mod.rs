//! Aggregate reports: one row per day for the whole organization or enterprise.

pub mod charts;
pub mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::charts::CHARTS;
use self::row::{AggregateRow, AggregateWrapper, UserKind};
use crate::collector::{self, Collector, Collectors};
use crate::contract::Need;
use crate::input::{
    Day, Field, Framing, Object, Problem, Rank, Rejected, Row, Unmapped, Version, by_size,
};
use crate::measures::activity::{ActivityFamilies, BREAKDOWNS};
use crate::measures::adoption::AdoptionFamilies;
use crate::measures::agents::AgentFamilies;
use crate::measures::customizations::CustomizationFamilies;
use crate::measures::engagement::{Engagement, EngagementFamilies};
use crate::measures::pull_requests::PullRequestFamilies;
use crate::measures::sessions::SessionFamilies;
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::{DocumentDefinition, Registration};
use crate::settings::Settings;

pub const REGISTRATION: Registration = Registration {
    documents: DOCUMENTS,
    framing: Framing::RowsOrWrapper("day_totals"),
    charts: CHARTS,
    ..Registration::new(collector::new::<AggregateCollector>)
};

const DOCUMENTS: &[DocumentDefinition] = &[
    DocumentDefinition {
        need: Need::Required,
        ..DocumentDefinition::organization_report(
            "organization-28-day",
            "/orgs/{org}/copilot/metrics/reports/organization-28-day/latest",
        )
    },
    DocumentDefinition::organization_report(
        "organization-1-day",
        "/orgs/{org}/copilot/metrics/reports/organization-1-day?day={day}",
    ),
    DocumentDefinition {
        need: Need::Required,
        ..DocumentDefinition::enterprise_report(
            "enterprise-28-day",
            "/enterprises/{enterprise}/copilot/metrics/reports/enterprise-28-day/latest",
        )
    },
    DocumentDefinition::enterprise_report(
        "enterprise-1-day",
        "/enterprises/{enterprise}/copilot/metrics/reports/enterprise-1-day?day={day}",
    ),
];

/// Collects the rows of aggregate reports; without `history`, only the newest day.
pub struct AggregateCollector {
    families: AggregateFamilies,
    history: bool,
    days: BTreeMap<Day, Version<AggregateRow>>,
    /// By the last day of the 28.
    engagement: BTreeMap<Day, Version<Engagement>>,
    /// Whether the current document says anything about any day.
    has_data: bool,
    /// Whether a row of the current report was lost: the report had more to say.
    has_lost_row: bool,
}

struct AggregateFamilies {
    report_day: FamilyId,
    active_users: FamilyId,
    passive_users: FamilyId,
    totals: ActivityFamilies,
    breakdowns: Vec<ActivityFamilies>,
    cli: SessionFamilies,
    copilot_app: SessionFamilies,
    agents: AgentFamilies,
    customizations: CustomizationFamilies,
    pull_requests: PullRequestFamilies,
    phases: AdoptionFamilies,
    engagement: EngagementFamilies,
}

impl Collector for AggregateCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        let families = AggregateFamilies::declare(catalogue);
        let (days, engagement, has_data, has_lost_row) = Default::default();
        let history = settings.history;
        Self { families, history, days, engagement, has_data, has_lost_row }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (mut values, mut notes) = row.decode::<AggregateRow>(&[])?;
        let day = notes.day(std::mem::take(&mut values.day), "day")?;
        self.has_data = true;
        if values.says_nothing() {
            notes.note("daily_active_users", Problem::Missing);
        }
        if let Some(field) = values.conflict.take() {
            notes.note(&field, Problem::Conflict);
        }
        if self.add(day, Version::new(notes.rank, values)) {
            notes.note("day", Problem::Conflict);
        }
        Ok(())
    }

    /// Takes what a 28-day report says about all of its days.
    fn wrapper(&mut self, wrapper: Row<'_>) -> Result<(), Rejected> {
        let (wrapper, mut notes) = wrapper.decode::<AggregateWrapper>(&[])?;
        if wrapper.rows == Field::Absent {
            notes.note("day_totals", Problem::Invalid);
        }
        let end = match wrapper.report_end_day {
            Field::Absent => None,
            day => notes.day(day, "report_end_day").ok(),
        };
        let is_complete = !std::mem::take(&mut self.has_lost_row);
        if let (Some(day), Field::Present(_)) = (end, &wrapper.rows) {
            self.has_data = true;
            // A day without a row was measured too: the report reaches to its last day.
            if is_complete && !self.history {
                self.nothing_on(day);
            }
        }
        if let Some(Object(engagement)) = wrapper.copilot_feature_engagement.into_option() {
            self.has_data = true;
            let Some(day) = end.or_else(|| self.newest_day()) else {
                notes.note("report_end_day", Problem::Missing);
                return Ok(());
            };
            let version = Version::new(notes.rank, engagement);
            if Version::keep_in(&mut self.engagement, day, version, by_size(|_| ())) {
                notes.note("copilot_feature_engagement", Problem::Conflict);
            }
        }
        Ok(())
    }

    fn row_lost(&mut self) {
        self.has_lost_row = true;
    }

    fn nothing_on(&mut self, day: Day) -> bool {
        self.has_data = true;
        // Anything else that is known about the day is better.
        self.add(day, Version::new(Rank::LOWEST, AggregateRow::nothing()));
        true
    }

    fn end(&mut self, _: &mut Unmapped) -> Result<(), String> {
        self.has_lost_row = false;
        match std::mem::take(&mut self.has_data) {
            true => Ok(()),
            false => Err("the report says nothing about any day".to_owned()),
        }
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        for (day, row) in self.days() {
            self.families.push(samples, row, day.start_ms());
        }
        let days = if self.history { usize::MAX } else { 1 };
        for (day, engagement) in self.engagement.iter().rev().take(days) {
            self.families.engagement.push(samples, &engagement.value, day.start_ms());
        }
    }
}

impl AggregateCollector {
    /// The newest day, if any.
    pub fn newest_day(&self) -> Option<Day> {
        self.days.last_key_value().map(|(day, _)| *day)
    }

    /// The days and their rows.
    pub fn days(&self) -> impl Iterator<Item = (Day, &AggregateRow)> {
        self.days.iter().map(|(day, row)| (*day, &row.value))
    }

    /// Takes a row, so that a day never counts twice. Returns whether it contradicts another one.
    fn add(&mut self, day: Day, row: Version<AggregateRow>) -> bool {
        if !self.history && self.newest_day().is_some_and(|newest| newest > day) {
            return false;
        }
        let size = |row: &AggregateRow| row.users_of_day().unwrap_or(0.0);
        let conflict = Version::keep_in(&mut self.days, day, row, by_size(size));
        if !self.history {
            self.days.retain(|kept, _| *kept == day);
        }
        conflict
    }
}

impl AggregateFamilies {
    fn declare(catalogue: &mut Catalogue) -> Self {
        Self {
            report_day: catalogue.gauge(
                "report_day_timestamp_seconds",
                "Start (00:00 UTC) of the newest day that the usage reports cover, with or without activity, in seconds \
                 since 1970-01-01.",
                &[],
            ),
            active_users: catalogue.gauge(
                "active_users",
                "Number of distinct users who were active in the window that ends with the report day (the day, \
                 7 days or 28 days), in Copilot as a whole (surface \"any\") or in one part of it. \
                 \"any\" includes users whom only GitHub's servers saw, so it may exceed every breakdown. Must \
                 not be summed.",
                &["window", "surface"],
            ),
            passive_users: catalogue.gauge(
                "passive_users",
                "Number of distinct users whose pull requests Copilot reviewed automatically, without any action of \
                 theirs, in the window that ends with the report day. Must not be summed.",
                &["window", "surface"],
            ),
            totals: ActivityFamilies::totals(catalogue, "", "", &[]),
            breakdowns: BREAKDOWNS
                .iter()
                .map(|breakdown| ActivityFamilies::breakdown(catalogue, "", "", &[], breakdown))
                .collect(),
            cli: SessionFamilies::declare(catalogue, "cli_", &[], ", in Copilot CLI"),
            copilot_app: SessionFamilies::declare(catalogue, "app_", &[], ", in the Copilot app"),
            agents: AgentFamilies::declare(catalogue, "", &[], ""),
            customizations: CustomizationFamilies::declare(catalogue, "", &[], ""),
            pull_requests: PullRequestFamilies::declare(catalogue, "", &[], ""),
            phases: AdoptionFamilies::declare(catalogue),
            engagement: EngagementFamilies::declare(catalogue),
        }
    }

    fn push(&self, samples: &mut Samples, row: &AggregateRow, at: i64) {
        samples.push(self.report_day, &[], at as f64 / 1000.0, at);
        for ((kind, window, surface), users) in &row.users {
            let family = match kind {
                UserKind::Active => self.active_users,
                UserKind::Passive => self.passive_users,
            };
            samples.push(family, &[window, surface], *users, at);
        }
        self.totals.push(samples, &row.totals, &[], at);
        for (families, parts) in self.breakdowns.iter().zip(&row.breakdowns) {
            families.push_parts(samples, parts, &[], at);
        }
        if let Some(cli) = row.cli.get() {
            self.cli.push(samples, cli, &[], at);
        }
        if let Some(app) = row.copilot_app.get() {
            self.copilot_app.push(samples, app, &[], at);
        }
        if let Some(agent) = row.vscode_agent.get() {
            self.agents.push_vscode(samples, agent, &[], at);
        }
        self.agents.push_third_party(samples, &row.third_party_agents, &[], at);
        self.customizations.push(samples, &row.customized, &row.distinct, &[], at);
        if let Some(pull_requests) = row.pull_requests.get() {
            self.pull_requests.push(samples, pull_requests, &[], at);
        }
        self.phases.push(samples, &row.phases, at);
    }
}
