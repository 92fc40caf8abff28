//! The families of users reports.

use std::collections::BTreeMap;

use super::record::{UserDay, UserNames, Users};
use crate::input::Id;
use crate::measures::activity::{ActivityFamilies, BREAKDOWNS};
use crate::measures::sessions::SessionFamilies;
use crate::output::{Catalogue, FamilyId, Samples};

/// The totals over users.
pub struct TotalFamilies {
    report_day: FamilyId,
    reported: FamilyId,
    active: FamilyId,
    using: FamilyId,
    in_phase: FamilyId,
    ai_credits: FamilyId,
}

impl TotalFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        Self {
            report_day: catalogue.gauge(
                "users_report_day_timestamp_seconds",
                "Start (00:00 UTC) of the newest day in the users report, in seconds since 1970-01-01.",
                &[],
            ),
            reported: catalogue.gauge(
                "users_reported",
                "Number of users in the users report of the report day, active or not.",
                &[],
            ),
            active: catalogue.gauge(
                "users_active",
                "Number of users in the users report with any activity on the report day.",
                &[],
            ),
            using: catalogue.gauge(
                "users_using",
                "Number of users who used a part of Copilot on the report day (used_… fields). A user may use \
                 several parts, so they must not be summed.",
                &["surface"],
            ),
            in_phase: catalogue.gauge(
                "users_in_adoption_phase",
                "Number of users in the users report, by the adoption phase that GitHub assigns them to.",
                &["phase"],
            ),
            ai_credits: catalogue.gauge(
                "ai_credits_used",
                "AI credits consumed on the report day by the users in the users report. Not the billed total.",
                &[],
            ),
        }
    }

    /// Adds the samples of a day.
    pub fn push(&self, samples: &mut Samples, users: &Users, names: &UserNames, at: i64) {
        samples.push(self.report_day, &[], at as f64 / 1000.0, at);
        samples.push(self.reported, &[], users.len() as f64, at);
        let active = users.values().filter(|user| user.active).count();
        samples.push(self.active, &[], active as f64, at);
        let mut using: BTreeMap<&str, u32> = BTreeMap::new();
        let mut in_phase: BTreeMap<&str, u32> = BTreeMap::new();
        let mut ai_credits = None;
        for user in users.values() {
            for surface in names.surfaces(user.used) {
                *using.entry(surface).or_default() += 1;
            }
            if let Some(phase) = names.phase(user) {
                *in_phase.entry(phase).or_default() += 1;
            }
            if let Some(used) = user.ai_credits {
                *ai_credits.get_or_insert(0.0) += used;
            }
        }
        for (surface, count) in using {
            samples.push(self.using, &[surface], count.into(), at);
        }
        for (phase, count) in in_phase {
            samples.push(self.in_phase, &[phase], count.into(), at);
        }
        if let Some(used) = ai_credits {
            samples.push(self.ai_credits, &[], used, at);
        }
    }
}

/// The families with a `user` label.
pub struct UserFamilies {
    activity: ActivityFamilies,
    breakdowns: Vec<ActivityFamilies>,
    used: FamilyId,
    in_phase: FamilyId,
    ai_credits: FamilyId,
    cli: SessionFamilies,
}

impl UserFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        let labels = ["user", "user_id"];
        let per = ", per user";
        let with = |label| [labels[0], labels[1], label];
        Self {
            activity: ActivityFamilies::totals(catalogue, "user_", per, &labels),
            breakdowns: BREAKDOWNS
                .iter()
                .map(|b| ActivityFamilies::breakdown(catalogue, "user_", per, &labels, b))
                .collect(),
            used: catalogue.gauge(
                "user_used",
                "1 if the user used a part of Copilot on the report day.",
                &with("surface"),
            ),
            in_phase: catalogue.gauge(
                "user_in_adoption_phase",
                "1 for the adoption phase that GitHub assigns the user to.",
                &with("phase"),
            ),
            ai_credits: catalogue.gauge(
                "user_ai_credits_used",
                "AI credits consumed by the user on the report day. Not the billed total.",
                &labels,
            ),
            cli: SessionFamilies::declare(
                catalogue,
                "user_cli_",
                &labels,
                ", in Copilot CLI, per user",
            ),
        }
    }

    /// Adds the samples of a user's day.
    pub fn push(&self, samples: &mut Samples, id: &Id, user: &UserDay, names: &UserNames, at: i64) {
        let Some(detail) = &user.detail else { return };
        let id = id.to_string();
        // A login can be renamed and reused; the id tells two users with the same login apart.
        let labels = [detail.login.as_str(), id.as_str()];
        self.activity.push(samples, &user.activity, &labels, at);
        for (families, parts) in self.breakdowns.iter().zip(&detail.breakdowns) {
            families.push_parts(samples, parts, &labels, at);
        }
        let [login, id] = labels;
        for surface in names.surfaces(user.used) {
            samples.push(self.used, &[login, id, surface], 1.0, at);
        }
        if let Some(phase) = names.phase(user) {
            samples.push(self.in_phase, &[login, id, phase], 1.0, at);
        }
        if let Some(used) = user.ai_credits {
            samples.push(self.ai_credits, &labels, used, at);
        }
        if let Some(cli) = &detail.cli {
            self.cli.push(samples, cli, &labels, at);
        }
    }
}
