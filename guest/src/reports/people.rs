//! One user's day: a row of a users report, and what is kept of it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::activity::{self, Activity, BREAKDOWNS, Element};
use super::clients::Sessions;
use crate::time::Day;
use crate::values::{Count, Id, Known, Name, Object, OwnedName};

/// A row of a users report.
#[derive(Debug, Default)]
pub struct UserRow<'a> {
    pub day: Option<Day>,
    pub user_id: Option<Id>,
    pub user_login: Option<Name<'a>>,
    pub activity: Activity,
    /// The parts of Copilot that the user used: the `…` of `used_…: true`, as GitHub sent them.
    pub used: Vec<Name<'a>>,
    pub ai_credits_used: Option<f64>,
    pub phase: Option<String>,
    pub cli: Option<Object<Sessions>>,
    /// The arrays of [`BREAKDOWNS`], as they came.
    pub breakdowns: [Vec<Object<Element<'a>>>; 5],
}

impl UserRow<'_> {
    /// Who the row is about: the id, or the login where there is none.
    pub fn user(&self) -> Option<Id> {
        Id::of_user(self.user_id.as_ref(), self.user_login.as_deref())
    }

    /// Whether the user did anything that day: GitHub also reports users who did nothing.
    pub fn active(&self) -> bool {
        self.activity.any() || !self.used.is_empty()
    }
}

/// The cohort that a user is in.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct AdoptionPhase {
    phase_number: Option<Id>,
    phase: Option<OwnedName>,
    #[serde(rename = "version")]
    _version: Known,
}

impl<'de: 'a, 'a> Deserialize<'de> for UserRow<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UserRowVisitor)
    }
}

/// Written by hand for the `used_…` fields, whose names are a pattern.
struct UserRowVisitor;

impl<'de> Visitor<'de> for UserRowVisitor {
    type Value = UserRow<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a row of a users report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UserRow<'de>, A::Error> {
        let mut row = UserRow::default();
        while let Some(field) = map.next_key::<Name<'de>>()? {
            row.read_field(field, &mut map)?;
        }
        Ok(row)
    }
}

impl<'a> UserRow<'a> {
    fn read_field<'de: 'a, A: MapAccess<'de>>(
        &mut self,
        field: Name<'a>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*field {
            "day" => self.day = map.next_value()?,
            "user_id" => self.user_id = map.next_value()?,
            "user_login" => self.user_login = map.next_value()?,
            "ai_credits_used" => {
                self.ai_credits_used = map.next_value::<Option<Count>>()?.map(|count| count.0);
            }
            "totals_by_cli" => self.cli = map.next_value()?,
            "ai_adoption_phase" => {
                let phase =
                    map.next_value::<Option<Object<AdoptionPhase>>>()?.unwrap_or_default().0;
                self.phase = phase
                    .phase_number
                    .as_ref()
                    .map(|number| number.to_string())
                    .or_else(|| phase.phase.as_deref().map(str::to_owned));
            }
            // Identifiers, the report's span, and the finer points of a single user's day, which
            // the entity reports have in sum.
            "organization_id"
            | "enterprise_id"
            | "report_start_day"
            | "report_end_day"
            | "etl_id"
            | "day_partition"
            | "entity_id_partition"
            | "totals_by_copilot_app"
            | "totals_by_vscode_agent"
            | "totals_by_3rd_party_agent"
            | "totals_by_skill"
            | "totals_by_custom_agent"
            | "totals_by_mcp"
            | "totals_by_slash_cmd"
            | "totals_by_plugin"
            | "distinct_skill_use_count"
            | "distinct_custom_agent_use_count"
            | "distinct_mcp_use_count"
            | "distinct_slash_cmd_use_count"
            | "distinct_plugin_use_count" => {
                map.next_value::<Known>()?;
            }
            name => {
                if let Some(index) = activity::measure_index(name) {
                    self.activity.set(index, map.next_value()?);
                } else if name.starts_with("used_") {
                    if map.next_value::<Option<bool>>()? == Some(true) {
                        self.used.push(field);
                    }
                } else if let Some((elements, _)) =
                    self.breakdowns.iter_mut().zip(&BREAKDOWNS).find(|(_, b)| b.field == name)
                {
                    *elements = map.next_value::<Option<_>>()?.unwrap_or_default();
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
