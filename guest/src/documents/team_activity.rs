//! Teams: their members, and what they did. The user-teams report is joined with the users report of
//! the same day.

use std::collections::BTreeMap;

use super::user_teams::{TEAM_ID_NOTE, Teams, UserTeamsCollector};
use super::users::UsersCollector;
use crate::charts::{ChartDefinition, Form, Sum};
use crate::collector::{self, Collector, Collectors};
use crate::input::Day;
use crate::measures::activity::{Activity, ActivityFamilies};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::Registration;
use crate::settings::Settings;

pub const REGISTRATION: Registration =
    Registration { charts: CHARTS, ..Registration::new(collector::new::<TeamActivityCollector>) };

const CHARTS: &[ChartDefinition] = &[ChartDefinition {
    title: "Teams",
    help: "Members of each team with a seat, and those who were active on the day. A user may be in several teams.",
    form: Form::ByLabel {
        label: "team",
        value: ("members", Sum::of("github_copilot_team_members")),
        part: Some(("active", Sum::of("github_copilot_team_active_users"))),
    },
    is_fallback: false,
}];

/// The end of the HELP texts.
const NOTE: &str = "A user may be in several teams, so teams must not be summed.";

/// Joins the two reports. It has no documents of its own.
pub struct TeamActivityCollector {
    history: bool,
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

impl Collector for TeamActivityCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        let labels = ["team", "team_id"];
        catalogue.detailed(None, 1, |catalogue| Self {
            history: settings.history,
            report_day: catalogue.gauge(
                "teams_report_day_timestamp_seconds",
                "Start (00:00 UTC) of the newest day in both the user-teams report and the users report, or of \
                 the newest day in the user-teams report if there is none, in seconds since 1970-01-01.",
                &[],
            ),
            members: catalogue.gauge(
                "team_members",
                &format!(
                    "Number of members of the team with a Copilot seat on the report day. Teams with fewer than \
                     5 seats are left out. {NOTE} {TEAM_ID_NOTE}"
                ),
                &labels,
            ),
            active_users: catalogue.gauge(
                "team_active_users",
                &format!("Number of members of the team with any activity on the report day. {NOTE}"),
                &labels,
            ),
            using: catalogue.gauge(
                "team_users_using",
                &format!("Number of members of the team who used a part of Copilot on the report day. {NOTE}"),
                &["team", "team_id", "surface"],
            ),
            ai_credits: catalogue.gauge(
                "team_ai_credits_used",
                &format!("AI credits consumed by the members of the team on the report day. {NOTE}"),
                &labels,
            ),
            activity: ActivityFamilies::totals(catalogue, "team_", ", per team", &labels),
        })
    }

    fn finish(&self, all: Collectors<'_>, samples: &mut Samples) {
        let Some(user_teams) = all.get::<UserTeamsCollector>() else { return };
        let Some(users) = all.get::<UsersCollector>() else { return };
        let days = user_teams.days();
        let newest = || days.last_key_value().map(|(day, _)| *day);
        let shown = days.keys().rev().find(|day| users.day(**day).is_some()).copied();
        let shown = shown.or_else(newest);
        for (day, teams) in days {
            if self.history || Some(*day) == shown {
                self.push_day(samples, *day, teams, users);
            }
        }
    }
}

impl TeamActivityCollector {
    fn push_day(&self, samples: &mut Samples, day: Day, teams: &Teams, users: &UsersCollector) {
        let at = day.start_ms();
        samples.push(self.report_day, &[], at as f64 / 1000.0, at);
        for ((slug, id), members) in teams {
            let team = [slug.as_str(), id.as_str()];
            samples.push(self.members, &team, members.len() as f64, at);
            let Some(users_of_day) = users.day(day) else { continue };
            let mut totals = TeamTotals::default();
            let users_of_team = members.iter().filter_map(|member| users_of_day.get(member));
            for user in users_of_team.map(|user| &user.value) {
                totals.active += u32::from(user.active);
                totals.activity.add(&user.activity());
                for surface in users.names().surfaces.of(user.used) {
                    *totals.using.entry(surface).or_default() += 1;
                }
                if let Some(used) = user.ai_credits {
                    *totals.ai_credits.get_or_insert(0.0) += used;
                }
            }
            self.push(samples, team, &totals, at);
        }
    }

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

#[cfg(test)]
mod tests;
