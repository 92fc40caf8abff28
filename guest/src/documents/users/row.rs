//! A row of a users report: one user's day.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::input::{Count, Day, Id, Known, Name, Object, OwnedName};
use crate::measures::activity::{self, Activity, BREAKDOWNS, Element};
use crate::measures::sessions::Sessions;

/// A row of a users report. `KEEP` says whether its breakdowns are kept: they are most of the row,
/// and few users enable them.
#[derive(Debug, Default)]
pub struct UserRow<'a, const KEEP: bool> {
    pub day: Option<Day>,
    pub user_id: Option<Id>,
    pub user_login: Option<Name<'a>>,
    pub activity: Activity,
    /// The fields `used_…` that are true: the parts of Copilot that the user used.
    pub used: Vec<Name<'a>>,
    pub ai_credits_used: Option<f64>,
    pub phase: Option<String>,
    pub cli: Option<Object<Sessions>>,
    /// The arrays of [`BREAKDOWNS`].
    pub breakdowns: [Elements<'a, KEEP>; 5],
}

impl<const KEEP: bool> UserRow<'_, KEEP> {
    /// The user: the id, or the login if the row has no id.
    pub fn user(&self) -> Option<Id> {
        Id::of_user(self.user_id.as_ref(), self.user_login.as_deref())
    }

    /// Whether the user was active that day: GitHub also reports users who were not.
    pub fn active(&self) -> bool {
        self.activity.any() || !self.used.is_empty()
    }
}

/// The elements of a breakdown. They are always decoded, so that a wrong type is an error.
#[derive(Debug, Default)]
pub struct Elements<'a, const KEEP: bool>(pub Vec<Object<Element<'a>>>);

impl<'de: 'a, 'a, const KEEP: bool> Deserialize<'de> for Elements<'a, KEEP> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor::<KEEP>)
    }
}

struct ElementsVisitor<const KEEP: bool>;

impl<'de, const KEEP: bool> Visitor<'de> for ElementsVisitor<KEEP> {
    type Value = Elements<'de, KEEP>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            if KEEP {
                elements.push(element);
            }
        }
        Ok(Elements(elements))
    }
}

/// The adoption phase of a user.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct AdoptionPhase {
    phase_number: Option<Id>,
    phase: Option<OwnedName>,
    #[serde(rename = "version")]
    _version: Known,
}

impl<'de: 'a, 'a, const KEEP: bool> Deserialize<'de> for UserRow<'a, KEEP> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UserRowVisitor::<KEEP>)
    }
}

/// Not derived, because the names of the `used_…` fields are a pattern.
struct UserRowVisitor<const KEEP: bool>;

impl<'de, const KEEP: bool> Visitor<'de> for UserRowVisitor<KEEP> {
    type Value = UserRow<'de, KEEP>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a row of a users report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut row = UserRow::default();
        while let Some(field) = map.next_key::<Name<'de>>()? {
            row.read_field(field, &mut map)?;
        }
        Ok(row)
    }
}

impl<'a, const KEEP: bool> UserRow<'a, KEEP> {
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
            // Identifiers, the days of the report, and details of a single user that the aggregate
            // reports have as totals.
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
