//! Entity reports: one row a day for the whole organization or enterprise.

use std::collections::BTreeMap;

use super::activity::{Activity, ActivityFamilies, BREAKDOWNS, BY_FEATURE, BY_LANGUAGE_FEATURE};
use super::adoption::AdoptionFamilies;
use super::clients::{CUSTOMIZATIONS, SessionFamilies, THIRD_PARTY_AGENT_FIELDS, VscodeAgent};
use super::entity_row::{ANY_SURFACE, EntityRow, UserKind};
use super::fields;
use super::pull_requests::PullRequestFamilies;
use crate::original::{CODE_COMPLETIONS, IDE_CHAT, Original};
use crate::samples::{Catalogue, FamilyId, Samples};
use crate::time::Day;

/// Collects the rows of entity reports.
pub struct EntityCollector {
    families: EntityFamilies,
    history: bool,
    /// The rows by day, each with the time its document was fetched. One day only, unless `history`.
    days: BTreeMap<Day, (i64, EntityRow)>,
}

struct EntityFamilies {
    report_day: FamilyId,
    active_users: FamilyId,
    passive_users: FamilyId,
    totals: ActivityFamilies,
    breakdowns: Vec<ActivityFamilies>,
    cli: SessionFamilies,
    copilot_app: SessionFamilies,
    vscode_agent: Vec<FamilyId>,
    third_party_agents: Vec<FamilyId>,
    customized: Vec<FamilyId>,
    distinct: FamilyId,
    pull_requests: PullRequestFamilies,
    phases: AdoptionFamilies,
}

impl EntityCollector {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue, history: bool) -> Self {
        let of = "";
        let families = EntityFamilies {
            report_day: catalogue.gauge(
                "report_day_timestamp_seconds",
                "The start, in UTC, of the newest day that the usage reports are about, in seconds since 1970.",
                &[],
            ),
            active_users: catalogue.gauge(
                "active_users",
                "Distinct users who were active in the window (day, 7 days or 28 days) up to the report day, \
                 with Copilot as a whole (surface \"any\") or one part of it. Never sum them.",
                &["window", "surface"],
            ),
            passive_users: catalogue.gauge(
                "passive_users",
                "Distinct users for whom Copilot did something unasked (a review of their pull request) \
                 in the window up to the report day. Never sum them.",
                &["window", "surface"],
            ),
            totals: ActivityFamilies::totals(catalogue, "", of, &[]),
            breakdowns: BREAKDOWNS
                .iter()
                .map(|breakdown| ActivityFamilies::breakdown(catalogue, "", of, &[], breakdown))
                .collect(),
            cli: SessionFamilies::declare(catalogue, "cli_", &[]),
            copilot_app: SessionFamilies::declare(catalogue, "app_", &[]),
            vscode_agent: fields::declare(catalogue, "", VscodeAgent::FIELDS, &[]),
            third_party_agents: fields::declare(
                catalogue,
                "",
                THIRD_PARTY_AGENT_FIELDS,
                &["agent_id", "agent"],
            ),
            customized: CUSTOMIZATIONS
                .iter()
                .map(|c| catalogue.gauge(c.family, c.help, &[c.kind]))
                .collect(),
            distinct: catalogue.gauge(
                "distinct_customizations_used",
                "Different skills, custom agents, MCP servers, slash commands and plugins in use on the report day.",
                &["kind"],
            ),
            pull_requests: PullRequestFamilies::declare(catalogue),
            phases: AdoptionFamilies::declare(catalogue),
        };
        Self { families, history, days: BTreeMap::new() }
    }

    /// Takes a row. Of two rows of one day the one fetched later counts, so that a day is never counted twice.
    pub fn add(&mut self, day: Day, row: EntityRow, fetched_at: i64) {
        if !self.history && self.newest_day().is_some_and(|newest| newest > day) {
            return;
        }
        if self.days.get(&day).is_some_and(|(seen_at, _)| *seen_at > fetched_at) {
            return;
        }
        self.days.insert(day, (fetched_at, row));
        if !self.history {
            self.days.retain(|kept, _| *kept == day);
        }
    }

    /// The newest day there is.
    pub fn newest_day(&self) -> Option<Day> {
        self.days.last_key_value().map(|(day, _)| *day)
    }

    /// Adds the samples, with those of the original's gauges that can be derived honestly on the
    /// days that `with_original` says.
    pub fn finish(
        &self,
        samples: &mut Samples,
        original: &Original,
        with_original: impl Fn(Day) -> bool,
    ) {
        for (day, (_, row)) in &self.days {
            let at = day.start_ms();
            self.families.push(samples, row, at);
            if with_original(*day) {
                push_original(original, samples, row, at);
            }
        }
    }
}

impl EntityFamilies {
    fn push(&self, samples: &mut Samples, row: &EntityRow, at: i64) {
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
        if let Some(cli) = &row.cli {
            self.cli.push(samples, cli, &[], at);
        }
        if let Some(app) = &row.copilot_app {
            self.copilot_app.push(samples, app, &[], at);
        }
        if let Some(agent) = &row.vscode_agent {
            fields::push(
                samples,
                &self.vscode_agent,
                VscodeAgent::FIELDS,
                &agent.values(),
                &[],
                at,
            );
        }
        for ((id, name), values) in &row.third_party_agents {
            let families = &self.third_party_agents;
            fields::push(samples, families, THIRD_PARTY_AGENT_FIELDS, values, &[id, name], at);
        }
        for (family, names) in self.customized.iter().zip(&row.customized) {
            for (name, interactions) in names {
                samples.push(*family, &[name], *interactions, at);
            }
        }
        for (customization, distinct) in CUSTOMIZATIONS.iter().zip(row.distinct) {
            if let Some(distinct) = distinct {
                samples.push(self.distinct, &[customization.kind], distinct, at);
            }
        }
        if let Some(pull_requests) = &row.pull_requests {
            self.pull_requests.push(samples, pull_requests, at);
        }
        self.phases.push(samples, &row.phases, at);
    }
}

/// The gauges of the original exporter that a report says something about. The rest (engaged
/// users, copies, insertions, custom models) it doesn't, and guesses would not be honest.
fn push_original(original: &Original, samples: &mut Samples, row: &EntityRow, at: i64) {
    let daily = (UserKind::Active, "day", ANY_SURFACE.to_owned());
    if let Some(users) = row.users.get(&daily) {
        samples.push_original(original.total_active_users, ["", "", ""], *users, at);
    }
    if let Some(parts) = row.breakdowns.get(BY_LANGUAGE_FEATURE) {
        for (labels, activity) in parts {
            let [language, feature] = labels.as_slice() else { continue };
            if feature != "code_completion" {
                continue;
            }
            let Activity([_, suggestions, acceptances, suggested, _, accepted, _]) = activity;
            for (family, value) in [
                (original.total_code_suggestions, suggestions),
                (original.total_code_acceptances, acceptances),
                (original.total_code_lines_suggested, suggested),
                (original.total_code_lines_accepted, accepted),
            ] {
                if let Some(value) = value {
                    samples.push_original(family, ["", language, CODE_COMPLETIONS], *value, at);
                }
            }
        }
    }
    let chats = row.breakdowns.get(BY_FEATURE).into_iter().flatten();
    let chats: Vec<f64> = chats
        .filter(|(labels, _)| labels.first().is_some_and(|feature| feature.starts_with("chat_")))
        .filter_map(|(_, Activity([interactions, ..]))| *interactions)
        .collect();
    if !chats.is_empty() {
        samples.push_original(original.total_chats, ["", "", IDE_CHAT], chats.iter().sum(), at);
    }
}
