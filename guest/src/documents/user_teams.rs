//! User-teams reports: the members of each team.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::collector::{self, Collector, Collectors};
use crate::input::{Day, Field, Id, Known, Name, Rejected, Row, or_unknown, to_label};
use crate::output::{Catalogue, Samples};
use crate::registration::{DocumentDefinition, Registration};
use crate::settings::Settings;

pub const REGISTRATION: Registration = Registration {
    documents: DOCUMENTS,
    may_be_empty: true,
    ..Registration::new(collector::new::<UserTeamsCollector>)
};

const DOCUMENTS: &[DocumentDefinition] = &[
    DocumentDefinition::organization_report(
        "user-teams-1-day",
        "/orgs/{org}/copilot/metrics/reports/user-teams-1-day?day={day}",
    ),
    DocumentDefinition::enterprise_report(
        "user-teams-1-day",
        "/enterprises/{enterprise}/copilot/metrics/reports/user-teams-1-day?day={day}",
    ),
];

/// A row: a user is a member of a team. GitHub leaves out teams with fewer than five seats.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TeamRow<'a> {
    day: Field<Day>,
    user_id: Field<Id>,
    #[serde(borrow)]
    user_login: Field<Name<'a>>,
    team_id: Field<Id>,
    #[serde(borrow)]
    slug: Field<Name<'a>>,
    organization_id: Field<Id>,
    #[serde(rename = "enterprise_id")]
    _enterprise_id: Known,
}

/// A team's slug and id; see [`team_id`].
pub type Team = (String, String);

/// The members of each team.
pub type Teams = BTreeMap<Team, BTreeSet<Id>>;

/// The end of the HELP texts of families that count the members of a team.
pub const TEAM_ID_NOTE: &str =
    "A team without an id has the id of its organization as team_id, such as \"organization-42\".";

/// The value of the label `team_id`. Organizations of an enterprise may have teams with the same
/// name, so if a team has no id, that of its organization tells it apart.
pub fn team_id(team: Option<&Id>, organization: Option<&Id>) -> String {
    match (team, organization) {
        (Some(team), _) => team.to_string(),
        (None, Some(organization)) => to_label(format!("organization-{organization}")),
        (None, None) => String::new(),
    }
}

/// How many days are kept without `history`: more than GitHub's reports are late.
const MAX_DAYS: usize = 8;

/// Collects the members of teams; without `history`, only those of the newest days.
pub struct UserTeamsCollector {
    history: bool,
    days: BTreeMap<Day, Teams>,
}

impl Collector for UserTeamsCollector {
    fn declare(_: &mut Catalogue, settings: &Settings) -> Self {
        Self { history: settings.history, days: BTreeMap::new() }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (values, mut notes) = row.decode::<TeamRow<'_>>(&[])?;
        let day = notes.day(values.day, "day")?;
        let user = Id::of_user(values.user_id.get(), values.user_login.as_deref());
        let user = notes.required(user.map_or(values.user_id, Field::Present), "user_id")?;
        if values.slug.as_deref().is_none_or(str::is_empty) {
            // Without both, there is no team.
            notes.required(values.team_id.clone(), "team_id")?;
        }
        let team = (
            or_unknown(values.slug.as_deref()).to_owned(),
            team_id(values.team_id.get(), values.organization_id.get()),
        );
        if let Some(teams) = self.teams_of(day) {
            teams.entry(team).or_default().insert(user);
        }
        Ok(())
    }

    fn nothing_on(&mut self, day: Day) -> bool {
        self.teams_of(day);
        true
    }

    /// The families are in `team_activity`, because their day depends on the users report.
    fn finish(&self, _: Collectors<'_>, _: &mut Samples) {}
}

impl UserTeamsCollector {
    /// The days and their teams.
    pub fn days(&self) -> &BTreeMap<Day, Teams> {
        &self.days
    }

    /// The teams of a day, unless it is too old to be kept.
    fn teams_of(&mut self, day: Day) -> Option<&mut Teams> {
        self.days.entry(day).or_default();
        if !self.history && self.days.len() > MAX_DAYS {
            self.days.pop_first();
        }
        self.days.get_mut(&day)
    }
}
