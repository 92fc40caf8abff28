//! User-teams reports: who was in which team, joined with the users report of the same day.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::activity::{Activity, ActivityFamilies};
use super::users::UsersCollector;
use crate::samples::{Catalogue, FamilyId, Samples};
use crate::time::Day;
use crate::values::{Id, Known, Name};

/// A row of a user-teams report: a user is in a team. GitHub leaves out teams with fewer than five seats.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TeamRow<'a> {
    pub day: Option<Day>,
    pub user_id: Option<Id>,
    #[serde(borrow)]
    pub user_login: Option<Name<'a>>,
    pub team_id: Option<Id>,
    #[serde(borrow)]
    pub slug: Option<Name<'a>>,
    #[serde(rename = "organization_id")]
    _organization_id: Known,
    #[serde(rename = "enterprise_id")]
    _enterprise_id: Known,
}

impl TeamRow<'_> {
    /// Who is in the team: the id, or the login where there is none.
    pub fn user(&self) -> Option<Id> {
        Id::of_user(self.user_id.as_ref(), self.user_login.as_deref())
    }
}

/// A team's slug and id: two organizations of an enterprise may have teams of one name.
type Team = (String, String);

/// Collects the rows of user-teams reports. Without `history` the newest day only.
pub struct TeamsCollector {
    families: TeamFamilies,
    history: bool,
    days: BTreeMap<Day, BTreeMap<Team, BTreeSet<Id>>>,
}

struct TeamFamilies {
    report_day: FamilyId,
    members: FamilyId,
    active_users: FamilyId,
    using: FamilyId,
    ai_credits: FamilyId,
    activity: ActivityFamilies,
}

/// What the members of a team did.
#[derive(Default)]
struct TeamTotals<'a> {
    active: u32,
    using: BTreeMap<&'a str, u32>,
    ai_credits: Option<f64>,
    activity: Activity,
}

impl TeamsCollector {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue, history: bool) -> Self {
        let labels = ["team", "team_id"];
        let note = "A user may be in several teams: teams do not sum to the organization.";
        let families = TeamFamilies {
            report_day: catalogue.gauge(
                "teams_report_day_timestamp_seconds",
                "The start, in UTC, of the newest day that the user-teams report is about, in seconds since 1970.",
                &[],
            ),
            members: catalogue.gauge(
                "team_members",
                &format!("Members of a team who have a Copilot seat, on the report day. {note}"),
                &labels,
            ),
            active_users: catalogue.gauge(
                "team_active_users",
                &format!("Members of a team with any activity on the report day. {note}"),
                &labels,
            ),
            using: catalogue.gauge(
                "team_users_using",
                &format!("Members of a team who used a part of Copilot on the report day. {note}"),
                &["team", "team_id", "surface"],
            ),
            ai_credits: catalogue.gauge(
                "team_ai_credits_used",
                &format!("AI credits that a team's members consumed on the report day. {note}"),
                &labels,
            ),
            activity: ActivityFamilies::totals(catalogue, "team_", " by a team's members", &labels),
        };
        Self { families, history, days: BTreeMap::new() }
    }

    /// The newest day there is.
    pub fn newest_day(&self) -> Option<Day> {
        self.days.last_key_value().map(|(day, _)| *day)
    }

    /// Takes a row: `user` is in a team.
    pub fn add(&mut self, day: Day, user: Id, row: &TeamRow<'_>) {
        if !self.history {
            if self.newest_day().is_some_and(|newest| newest > day) {
                return;
            }
            self.days.retain(|kept, _| *kept == day);
        }
        let team = (
            row.slug.as_deref().unwrap_or("unknown").to_owned(),
            row.team_id.as_ref().map(Id::to_string).unwrap_or_default(),
        );
        self.days.entry(day).or_default().entry(team).or_default().insert(user);
    }

    /// Adds the samples. What members did is there for days that `users` has too.
    pub fn finish(&self, samples: &mut Samples, users: &UsersCollector) {
        let families = &self.families;
        for (day, teams) in &self.days {
            let at = day.start_ms();
            samples.push(families.report_day, &[], at as f64 / 1000.0, at);
            for ((slug, id), members) in teams {
                let labels = [slug.as_str(), id.as_str()];
                samples.push(families.members, &labels, members.len() as f64, at);
                let Some(people) = users.day(*day) else { continue };
                let mut totals = TeamTotals::default();
                for person in members.iter().filter_map(|member| people.get(member)) {
                    totals.active += u32::from(person.active);
                    totals.activity.add(&person.activity);
                    for surface in users.surfaces(person.used) {
                        *totals.using.entry(surface).or_default() += 1;
                    }
                    if let Some(used) = person.ai_credits {
                        *totals.ai_credits.get_or_insert(0.0) += used;
                    }
                }
                families.push(samples, labels, &totals, at);
            }
        }
    }
}

impl TeamFamilies {
    fn push(&self, samples: &mut Samples, team: [&str; 2], totals: &TeamTotals<'_>, at: i64) {
        let [slug, id] = team;
        samples.push(self.active_users, &team, totals.active.into(), at);
        for (surface, users) in &totals.using {
            samples.push(self.using, &[slug, id, surface], (*users).into(), at);
        }
        if let Some(used) = totals.ai_credits {
            samples.push(self.ai_credits, &team, used, at);
        }
        self.activity.push(samples, &totals.activity, &team, at);
    }
}
