//! The families of users reports.

use crate::measures::activity::{ActivityFamilies, BREAKDOWNS};
use crate::measures::sessions::SessionFamilies;
use crate::output::{Catalogue, FamilyId};

/// The totals over users.
pub struct TotalFamilies {
    pub report_day: FamilyId,
    pub reported: FamilyId,
    pub active: FamilyId,
    pub using: FamilyId,
    pub in_phase: FamilyId,
    pub ai_credits: FamilyId,
}

impl TotalFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        Self {
            report_day: catalogue.gauge(
                "users_report_day_timestamp_seconds",
                "The start, in UTC, of the newest day that the users report is about, in seconds since 1970.",
                &[],
            ),
            reported: catalogue.gauge(
                "users_reported",
                "Users with a row in the users report of the report day, active or not.",
                &[],
            ),
            active: catalogue.gauge(
                "users_active",
                "Users of the users report with any activity on the report day.",
                &[],
            ),
            using: catalogue.gauge(
                "users_using",
                "Users who used a part of Copilot on the report day (used_… fields). \
                 A user may use several: never sum them.",
                &["surface"],
            ),
            in_phase: catalogue.gauge(
                "users_in_adoption_phase",
                "Users of the users report by the adoption phase that GitHub put them in.",
                &["phase"],
            ),
            ai_credits: catalogue.gauge(
                "ai_credits_used",
                "AI credits that the users of the users report consumed on the report day.",
                &[],
            ),
        }
    }
}

/// The families with a `user` label.
pub struct UserFamilies {
    pub activity: ActivityFamilies,
    pub breakdowns: Vec<ActivityFamilies>,
    pub used: FamilyId,
    pub in_phase: FamilyId,
    pub ai_credits: FamilyId,
    pub cli: SessionFamilies,
}

impl UserFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        let labels = ["user", "user_id"];
        let of = " by a user";
        let with = |label| [labels[0], labels[1], label];
        Self {
            activity: ActivityFamilies::totals(catalogue, "user_", of, &labels),
            breakdowns: BREAKDOWNS
                .iter()
                .map(|b| ActivityFamilies::breakdown(catalogue, "user_", of, &labels, b))
                .collect(),
            used: catalogue.gauge(
                "user_used",
                "1 if the user used a part of Copilot on the report day.",
                &with("surface"),
            ),
            in_phase: catalogue.gauge(
                "user_in_adoption_phase",
                "1 for the adoption phase that GitHub put the user in.",
                &with("phase"),
            ),
            ai_credits: catalogue.gauge(
                "user_ai_credits_used",
                "AI credits that the user consumed on the report day.",
                &labels,
            ),
            cli: SessionFamilies::declare(catalogue, "user_cli_", &labels),
        }
    }
}
