//! A row of a users report: one user's day.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::breakdown::ByElements;
use crate::input::{Count, Day, Field, Id, Known, Name, Object, OwnedName, or_unknown};
use crate::measures::activity::{self, Activity, BREAKDOWNS};
use crate::measures::agents::{self, ThirdPartyAgent, ThirdPartyAgents, VscodeAgent};
use crate::measures::customizations::{self, CUSTOMIZATIONS, Customized};
use crate::measures::sessions::Sessions;

/// A row of a users report. `KEEP` says whether its breakdowns are kept: they are most of the row,
/// and few users enable them.
#[derive(Debug, Default)]
pub struct UserRow<'a, const KEEP: bool> {
    pub day: Field<Day>,
    pub user_id: Field<Id>,
    pub user_login: Field<Name<'a>>,
    pub activity: Activity,
    /// The fields `used_…` that are true: the parts of Copilot that the user used.
    pub used: Vec<Name<'a>>,
    pub ai_credits_used: Option<f64>,
    pub phase: Option<String>,
    pub cli: Field<Object<Sessions>>,
    pub copilot_app: Field<Object<Sessions>>,
    pub vscode_agent: Field<Object<VscodeAgent>>,
    pub third_party_agents: ThirdPartyAgents,
    pub distinct: [Option<f64>; 5],
    pub customized: [BTreeMap<String, f64>; 5],
    /// The arrays of [`BREAKDOWNS`].
    pub breakdowns: [ByElements<'a, KEEP>; 5],
}

impl<const KEEP: bool> UserRow<'_, KEEP> {
    /// The user: the id, or the login if the row has no id.
    pub fn user(&self) -> Field<Id> {
        match Id::of_user(self.user_id.get(), self.user_login.as_deref()) {
            Some(user) => Field::Present(user),
            None => self.user_id.clone(),
        }
    }

    /// Whether the user had a session of the CLI, of the app or of an agent.
    pub fn has_sessions(&self) -> bool {
        let sessions = [&self.cli, &self.copilot_app];
        sessions.into_iter().filter_map(Field::as_deref).any(Sessions::any)
            || self.vscode_agent.as_deref().is_some_and(VscodeAgent::any)
            || self.third_party_agents.values().flatten().flatten().any(|count| *count > 0.0)
    }
}

/// The adoption phase of a user.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct AdoptionPhase {
    phase_number: Field<Id>,
    phase: Field<OwnedName>,
    #[serde(rename = "version")]
    _version: Known,
}

impl AdoptionPhase {
    fn label(&self) -> Option<String> {
        let number = self.phase_number.get().map(Id::to_string);
        number.or_else(|| self.phase.as_deref().map(|name| or_unknown(Some(name)).to_owned()))
    }
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
                self.ai_credits_used = map.next_value::<Field<Count>>()?.get().map(|used| used.0);
            }
            "totals_by_cli" => self.cli = map.next_value()?,
            "totals_by_copilot_app" => self.copilot_app = map.next_value()?,
            "totals_by_vscode_agent" => self.vscode_agent = map.next_value()?,
            "totals_by_3rd_party_agent" => {
                let agents = map.next_value::<Field<Vec<Object<ThirdPartyAgent<'de>>>>>()?;
                self.third_party_agents = agents::third_party_agents(agents.elements());
            }
            "ai_adoption_phase" => {
                let phase = map.next_value::<Field<Object<AdoptionPhase>>>()?;
                self.phase = phase.as_deref().and_then(AdoptionPhase::label);
            }
            // Identifiers, the days of the report, and details of GitHub's own pipeline.
            "organization_id"
            | "enterprise_id"
            | "report_start_day"
            | "report_end_day"
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
    fn read_tabled_field<'de: 'a, A: MapAccess<'de>>(
        &mut self,
        field: Name<'a>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let name = &*field;
        if let Some(index) = activity::measure_index(name) {
            self.activity.set(index, map.next_value()?);
        } else if name.starts_with("used_") {
            if map.next_value::<Field<bool>>()? == Field::Present(true) {
                self.used.push(field);
            }
        } else if let Some((elements, _)) =
            self.breakdowns.iter_mut().zip(&BREAKDOWNS).find(|(_, b)| b.field == name)
        {
            *elements = map.next_value::<Field<_>>()?.into_option().unwrap_or_default();
        } else if let Some((names, _)) =
            self.customized.iter_mut().zip(&CUSTOMIZATIONS).find(|(_, c)| c.field == name)
        {
            let elements = map.next_value::<Field<Vec<Object<Customized<'de>>>>>()?;
            if KEEP {
                *names = customizations::customized(elements.elements());
            }
        } else if let Some((distinct, _)) =
            self.distinct.iter_mut().zip(&CUSTOMIZATIONS).find(|(_, c)| c.distinct_field == name)
        {
            *distinct = map.next_value::<Field<Count>>()?.get().map(|count| count.0);
        } else {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
