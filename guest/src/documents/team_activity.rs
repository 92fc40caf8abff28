//! What the members of teams did: the user-teams report joined with the users report of its day.

use std::collections::BTreeMap;

use super::user_teams::{NOTE, UserTeamsCollector};
use super::users::UsersCollector;
use crate::collector::{self, Collector, Collectors};
use crate::measures::activity::{Activity, ActivityFamilies};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::Registration;
use crate::settings::Settings;

pub const REGISTRATION: Registration = Registration::new(collector::new::<TeamActivityCollector>);

/// Joins the two reports. It has no documents of its own.
pub struct TeamActivityCollector {
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
    fn declare(catalogue: &mut Catalogue, _: &Settings) -> Self {
        let labels = ["team", "team_id"];
        Self {
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
        }
    }

    fn finish(&self, all: Collectors<'_>, samples: &mut Samples) {
        let Some(user_teams) = all.get::<UserTeamsCollector>() else { return };
        let Some(users) = all.get::<UsersCollector>() else { return };
        for (day, teams) in user_teams.days() {
            let Some(users_of_day) = users.day(day) else { continue };
            for ((slug, id), members) in teams {
                let mut totals = TeamTotals::default();
                for user in members.iter().filter_map(|member| users_of_day.get(member)) {
                    totals.active += u32::from(user.active);
                    totals.activity.add(&user.activity);
                    for surface in users.names().surfaces(user.used) {
                        *totals.using.entry(surface).or_default() += 1;
                    }
                    if let Some(used) = user.ai_credits {
                        *totals.ai_credits.get_or_insert(0.0) += used;
                    }
                }
                self.push(samples, [slug, id], &totals, day.start_ms());
            }
        }
    }
}

impl TeamActivityCollector {
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
