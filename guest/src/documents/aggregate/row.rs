//! A row of an aggregate report, and the wrapper around the rows.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::input::{Count, Day, Field, Known, Name, Object};
use crate::measures::activity::{self, Activity, BREAKDOWNS, Element, Parts};
use crate::measures::adoption::Phases;
use crate::measures::agents::{self, ThirdPartyAgent, ThirdPartyAgents, VscodeAgent};
use crate::measures::customizations::{self, CUSTOMIZATIONS, Customized};
use crate::measures::engagement::Engagement;
use crate::measures::pull_requests::PullRequests;
use crate::measures::sessions::Sessions;
use crate::measures::surfaces::canonical;

/// A day of an organization or enterprise. GitHub adds fields almost every month; all are optional
/// except the day.
#[derive(Debug, Default, PartialEq)]
pub struct AggregateRow {
    /// Required.
    pub day: Field<Day>,
    /// The fields `{daily,weekly,monthly}_{active,passive}_{surface}_users`, by kind, window and
    /// surface.
    pub users: BTreeMap<(UserKind, &'static str, String), f64>,
    pub totals: Activity,
    pub breakdowns: [Parts; 5],
    pub cli: Field<Object<Sessions>>,
    pub copilot_app: Field<Object<Sessions>>,
    pub vscode_agent: Field<Object<VscodeAgent>>,
    pub third_party_agents: ThirdPartyAgents,
    pub customized: [BTreeMap<String, f64>; 5],
    pub distinct: [Option<f64>; 5],
    pub pull_requests: Field<Object<PullRequests>>,
    pub phases: Phases,
    /// The field of `users` that has another value under its old or new name.
    pub conflict: Option<String>,
}

/// Whether users did something, or Copilot did something for them (a review of their pull request).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserKind {
    Active,
    Passive,
}

/// The longest name of a surface that is accepted as a label value.
const MAX_SURFACE_BYTES: usize = 100;

/// The surface that stands for Copilot as a whole.
const ANY_SURFACE: &str = "any";

fn users_of_day() -> (UserKind, &'static str, String) {
    (UserKind::Active, "day", ANY_SURFACE.to_owned())
}

/// Parses a field such as `weekly_active_copilot_cloud_agent_users`, of any surface.
fn user_field(field: &str) -> Option<(UserKind, &'static str, &str)> {
    let windows = [("daily_", "day"), ("weekly_", "week"), ("monthly_", "month")];
    let kinds = [("active_", UserKind::Active), ("passive_", UserKind::Passive)];
    let (rest, window) =
        windows.iter().find_map(|(prefix, window)| Some((field.strip_prefix(prefix)?, *window)))?;
    let (rest, kind) =
        kinds.iter().find_map(|(prefix, kind)| Some((rest.strip_prefix(prefix)?, *kind)))?;
    match rest.strip_suffix("_users") {
        Some(surface) if !surface.is_empty() && surface.len() <= MAX_SURFACE_BYTES => {
            Some((kind, window, canonical(surface)))
        }
        _ => (rest == "users").then_some((kind, window, ANY_SURFACE)),
    }
}

impl AggregateRow {
    /// A day on which nothing happened, according to GitHub: no other number is known.
    pub fn nothing() -> Self {
        Self { users: BTreeMap::from([(users_of_day(), 0.0)]), ..Self::default() }
    }

    /// The number of users who were active on the day.
    pub fn users_of_day(&self) -> Option<f64> {
        self.users.get(&users_of_day()).copied()
    }

    /// Whether the row, without its day, has no numbers.
    pub fn says_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl<'de> Deserialize<'de> for AggregateRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AggregateRowVisitor)
    }
}

/// Not derived, because the names of some fields are patterns.
struct AggregateRowVisitor;

impl<'de> Visitor<'de> for AggregateRowVisitor {
    type Value = AggregateRow;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a report row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AggregateRow, A::Error> {
        let mut row = AggregateRow::default();
        while let Some(field) = map.next_key::<Name<'de>>()? {
            row.read_field(&field, &mut map)?;
        }
        Ok(row)
    }
}

impl AggregateRow {
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
                let agents = map.next_value::<Field<Vec<Object<ThirdPartyAgent<'de>>>>>()?;
                self.third_party_agents = agents::third_party_agents(agents.elements());
            }
            "pull_requests" => self.pull_requests = map.next_value()?,
            "totals_by_ai_adoption_phase" => {
                self.phases = map.next_value::<Field<Phases>>()?.into_option().unwrap_or_default();
            }
            // Identifiers of the account and of GitHub's own pipeline.
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

    /// Reads a field whose name is in a table or matches a pattern.
    fn read_tabled_field<'de, A: MapAccess<'de>>(
        &mut self,
        field: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if let Some(index) = activity::measure_index(field) {
            self.totals.set(index, map.next_value()?);
        } else if let Some((kind, window, surface)) = user_field(field) {
            if let Field::Present(Count(users)) = map.next_value()? {
                // Under an old and a new name it is the same number.
                let known = self.users.entry((kind, window, surface.to_owned())).or_insert(users);
                if *known != users {
                    self.conflict = Some(field.to_owned());
                }
                *known = known.max(users);
            }
        } else if let Some((parts, breakdown)) =
            self.breakdowns.iter_mut().zip(&BREAKDOWNS).find(|(_, b)| b.field == field)
        {
            let elements = map.next_value::<Field<Vec<Object<Element<'de>>>>>()?;
            *parts = activity::parts(breakdown, elements.elements());
        } else if let Some((names, _)) =
            self.customized.iter_mut().zip(&CUSTOMIZATIONS).find(|(_, c)| c.field == field)
        {
            let elements = map.next_value::<Field<Vec<Object<Customized<'de>>>>>()?;
            *names = customizations::customized(elements.elements());
        } else if let Some((distinct, _)) =
            self.distinct.iter_mut().zip(&CUSTOMIZATIONS).find(|(_, c)| c.distinct_field == field)
        {
            *distinct = map.next_value::<Field<Count>>()?.get().map(|count| count.0);
        } else {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// A 28-day report without its rows.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct AggregateWrapper {
    pub report_end_day: Field<Day>,
    pub copilot_feature_engagement: Field<Object<Engagement>>,
    #[serde(rename = "day_totals")]
    pub rows: Field<Vec<Object<Known>>>,
    #[serde(rename = "report_start_day")]
    _report_start_day: Known,
    #[serde(rename = "created_at")]
    _created_at: Known,
    #[serde(rename = "organization_id")]
    _organization_id: Known,
    #[serde(rename = "enterprise_id")]
    _enterprise_id: Known,
    #[serde(rename = "etl_id")]
    _etl_id: Known,
    #[serde(rename = "day_partition")]
    _day_partition: Known,
    #[serde(rename = "entity_id_partition")]
    _entity_id_partition: Known,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_field_is_parsed_for_any_surface() {
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
