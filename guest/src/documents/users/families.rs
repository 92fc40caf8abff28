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
}
