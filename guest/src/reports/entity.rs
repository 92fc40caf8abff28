//! Entity reports: one row a day for the whole organization or enterprise.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::activity::{
    self, Activity, ActivityFamilies, BREAKDOWNS, BY_FEATURE, BY_LANGUAGE_FEATURE, Element, Parts,
};
use super::adoption::{AdoptionFamilies, Phase};
use super::clients::{
    self, CUSTOMIZATIONS, Customized, SessionFamilies, Sessions, THIRD_PARTY_AGENT_FIELDS,
    ThirdPartyAgent, ThirdPartyAgents, VscodeAgent,
};
use super::fields;
use super::pull_requests::{PullRequestFamilies, PullRequests};
use crate::json::{Count, Known, Object};
use crate::original::{CODE_COMPLETIONS, IDE_CHAT, Original};
use crate::samples::{Catalogue, FamilyId, Samples};
use crate::time::Day;

/// One day of an organization or enterprise. GitHub adds fields almost monthly; all are optional but the day.
#[derive(Debug, Default)]
pub struct EntityRow {
    /// Without one, the row is malformed.
    pub day: Option<Day>,
    /// From `{daily,weekly,monthly}_{active,passive}_{surface}_users`: by kind, window and surface.
    users: BTreeMap<(UserKind, &'static str, String), f64>,
    totals: Activity,
    breakdowns: [Parts; 5],
    cli: Option<Object<Sessions>>,
    copilot_app: Option<Object<Sessions>>,
    vscode_agent: Option<Object<VscodeAgent>>,
    third_party_agents: ThirdPartyAgents,
    customized: [BTreeMap<String, f64>; 5],
    distinct: [Option<f64>; 5],
    pull_requests: Option<Object<PullRequests>>,
    phases: Vec<Object<Phase>>,
}

/// Whether users did something, or something was done for them (a review of their pull request).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum UserKind {
    Active,
    Passive,
}

/// The longest name of a surface that becomes a label; longer ones are no news but nonsense.
const MAX_SURFACE_BYTES: usize = 100;

/// The surface of users of Copilot as a whole.
const ANY_SURFACE: &str = "any";

/// Takes a field such as `weekly_active_copilot_cloud_agent_users` apart, known surface or not.
fn user_field(field: &str) -> Option<(UserKind, &'static str, &str)> {
    let windows = [("daily_", "day"), ("weekly_", "week"), ("monthly_", "month")];
    let kinds = [("active_", UserKind::Active), ("passive_", UserKind::Passive)];
    let (rest, window) =
        windows.iter().find_map(|(prefix, window)| Some((field.strip_prefix(prefix)?, *window)))?;
    let (rest, kind) =
        kinds.iter().find_map(|(prefix, kind)| Some((rest.strip_prefix(prefix)?, *kind)))?;
    match rest.strip_suffix("_users") {
        Some(surface) if !surface.is_empty() && surface.len() <= MAX_SURFACE_BYTES => {
            Some((kind, window, surface))
        }
        _ => (rest == "users").then_some((kind, window, ANY_SURFACE)),
    }
}

impl<'de> Deserialize<'de> for EntityRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntityRowVisitor)
    }
}

/// Written by hand for the fields whose names are patterns.
struct EntityRowVisitor;

impl<'de> Visitor<'de> for EntityRowVisitor {
    type Value = EntityRow;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a report row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EntityRow, A::Error> {
        let mut row = EntityRow::default();
        while let Some(field) = map.next_key::<String>()? {
            row.read_field(&field, &mut map)?;
        }
        Ok(row)
    }
}

impl EntityRow {
    fn read_field<'de, A: MapAccess<'de>>(
        &mut self,
        field: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match field {
            "day" => self.day = map.next_value()?,
            "totals_by_cli" => self.cli = map.next_value()?,
            "totals_by_copilot_app" => self.copilot_app = map.next_value()?,
            "totals_by_vscode_agent" => self.vscode_agent = map.next_value()?,
            "totals_by_3rd_party_agent" => {
                let agents = map.next_value::<Option<Vec<Object<ThirdPartyAgent<'de>>>>>()?;
                self.third_party_agents = clients::third_party_agents(&agents.unwrap_or_default());
            }
            "pull_requests" => self.pull_requests = map.next_value()?,
            "totals_by_ai_adoption_phase" => {
                self.phases = map.next_value::<Option<Vec<Object<Phase>>>>()?.unwrap_or_default();
            }
            // Identifiers of the entity and of GitHub's own pipeline.
            "organization_id"
            | "enterprise_id"
            | "etl_id"
            | "day_partition"
            | "entity_id_partition" => {
                map.next_value::<Known>()?;
            }
            _ => self.read_tabled_field(field, map)?,
        }
        Ok(())
    }

    /// The fields that a table or a pattern names.
    fn read_tabled_field<'de, A: MapAccess<'de>>(
        &mut self,
        field: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if let Some(index) = activity::measure_index(field) {
            self.totals.set(index, map.next_value()?);
        } else if let Some((kind, window, surface)) = user_field(field) {
            if let Some(Count(users)) = map.next_value()? {
                self.users.insert((kind, window, surface.to_owned()), users);
            }
        } else if let Some((parts, breakdown)) =
            self.breakdowns.iter_mut().zip(&BREAKDOWNS).find(|(_, b)| b.field == field)
        {
            let elements = map.next_value::<Option<Vec<Object<Element<'de>>>>>()?;
            *parts = activity::parts(breakdown, &elements.unwrap_or_default());
        } else if let Some((names, _)) =
            self.customized.iter_mut().zip(&CUSTOMIZATIONS).find(|(_, c)| c.field == field)
        {
            let elements = map.next_value::<Option<Vec<Object<Customized<'de>>>>>()?;
            *names = clients::customized(&elements.unwrap_or_default());
        } else if let Some((distinct, _)) =
            self.distinct.iter_mut().zip(&CUSTOMIZATIONS).find(|(_, c)| c.distinct_field == field)
        {
            *distinct = map.next_value::<Option<Count>>()?.map(|count| count.0);
        } else {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// What is left of a 28-day report when its rows are taken out.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct EntityWrapper {
    #[serde(rename = "report_start_day")]
    _report_start_day: Known,
    #[serde(rename = "report_end_day")]
    _report_end_day: Known,
    #[serde(rename = "created_at")]
    _created_at: Known,
    #[serde(rename = "organization_id")]
    _organization_id: Known,
    #[serde(rename = "enterprise_id")]
    _enterprise_id: Known,
    #[serde(rename = "day_totals")]
    _day_totals: Known,
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_field_of_any_surface_is_understood() {
        assert_eq!(user_field("daily_active_users"), Some((UserKind::Active, "day", "any")));
        assert_eq!(
            user_field("weekly_active_time_machine_users"),
            Some((UserKind::Active, "week", "time_machine"))
        );
        assert_eq!(
            user_field("monthly_passive_copilot_code_review_users"),
            Some((UserKind::Passive, "month", "copilot_code_review"))
        );
        for other in ["daily_users", "hourly_active_users", "daily_active_", "daily_active__users"]
        {
            assert_eq!(user_field(other), None, "{other}");
        }
    }
}
