//! User-teams reports: the members of each team.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::collector::{self, Collector, Collectors};
use crate::input::{Day, Id, Known, Malformed, Name, Row};
use crate::output::{Catalogue, FamilyId, Samples};
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
    day: Option<Day>,
    user_id: Option<Id>,
    #[serde(borrow)]
    user_login: Option<Name<'a>>,
    team_id: Option<Id>,
    #[serde(borrow)]
    slug: Option<Name<'a>>,
    #[serde(rename = "organization_id")]
    _organization_id: Known,
    #[serde(rename = "enterprise_id")]
    _enterprise_id: Known,
}

/// A team's slug and id: two organizations of an enterprise may have teams with the same name.
pub type Team = (String, String);

/// The members of each team.
pub type Teams = BTreeMap<Team, BTreeSet<Id>>;

/// The end of the HELP texts of teams.
pub const NOTE: &str = "A user may be in several teams, so teams must not be summed.";

/// Collects the members of teams; without `history`, only those of the newest day.
pub struct UserTeamsCollector {
    report_day: FamilyId,
    members: FamilyId,
    history: bool,
    days: BTreeMap<Day, Teams>,
}

impl Collector for UserTeamsCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        Self {
            report_day: catalogue.gauge(
                "teams_report_day_timestamp_seconds",
                "Start (00:00 UTC) of the newest day in the user-teams report, in seconds since 1970-01-01.",
                &[],
            ),
            members: catalogue.gauge(
                "team_members",
                &format!("Number of members of the team with a Copilot seat on the report day. {NOTE}"),
                &["team", "team_id"],
            ),
            history: settings.history,
            days: BTreeMap::new(),
        }
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<(), Malformed> {
        let TeamRow { day, user_id, user_login, team_id, slug, .. } = row.decode()?;
        let day = row.required(day, "day")?;
        let user = row.required(Id::of_user(user_id.as_ref(), user_login.as_deref()), "user_id")?;
        if !self.history {
            if self.newest_day().is_some_and(|newest| newest > day) {
                return Ok(());
            }
            self.days.retain(|kept, _| *kept == day);
        }
        let slug = slug.as_deref().unwrap_or("unknown").to_owned();
        let team = (slug, team_id.as_ref().map(Id::to_string).unwrap_or_default());
        self.days.entry(day).or_default().entry(team).or_default().insert(user);
        Ok(())
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        for (day, teams) in self.days() {
            let at = day.start_ms();
            samples.push(self.report_day, &[], at as f64 / 1000.0, at);
            for ((slug, id), members) in teams {
                samples.push(self.members, &[slug, id], members.len() as f64, at);
            }
        }
    }
}

impl UserTeamsCollector {
    /// The newest day, if any.
    pub fn newest_day(&self) -> Option<Day> {
        self.days.last_key_value().map(|(day, _)| *day)
    }

    /// The days and their teams.
    pub fn days(&self) -> impl Iterator<Item = (Day, &Teams)> {
        self.days.iter().map(|(day, teams)| (*day, teams))
    }
}
