//! The families of users reports.

use std::collections::BTreeMap;

use super::options::USER_BREAKDOWNS;
use super::record::{UserDay, UserNames, Users};
use super::versions;
use crate::input::Id;
use crate::measures::activity::{ActivityFamilies, BREAKDOWNS};
use crate::measures::agents::AgentFamilies;
use crate::measures::customizations::CustomizationFamilies;
use crate::measures::sessions::SessionFamilies;
use crate::output::{Catalogue, FamilyId, Samples};

/// Declares families of parts of a user's activity.
fn detailed<T>(catalogue: &mut Catalogue, declare: impl FnOnce(&mut Catalogue) -> T) -> T {
    catalogue.detailed(Some(USER_BREAKDOWNS.name), 4, declare)
}

/// The totals over users.
pub struct TotalFamilies {
    report_day: FamilyId,
    reported: FamilyId,
    active: FamilyId,
    using: FamilyId,
    passive: FamilyId,
    in_phase: FamilyId,
    ai_credits: FamilyId,
    by_ide_version: FamilyId,
    by_plugin_version: FamilyId,
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
                "Number of users in the users report with any activity on the report day. AI credits alone are \
                 activity; an automatic code review is not.",
                &[],
            ),
            using: catalogue.gauge(
                "users_using",
                "Number of users who used a part of Copilot on the report day (used_… fields). A user may use \
                 several parts, so they must not be summed.",
                &["surface"],
            ),
            passive: catalogue.gauge(
                "users_passive",
                "Number of users for whom Copilot did something on the report day that they did not ask for, such \
                 as an automatic code review (used_…_passive fields). It is not activity.",
                &["surface"],
            ),
            in_phase: catalogue.gauge(
                "users_in_adoption_phase",
                "Number of users in the users report of the report day, active or not, by the adoption phase that GitHub \
                 assigns them to.",
                &["phase"],
            ),
            ai_credits: catalogue.gauge(
                "ai_credits_used",
                "AI credits consumed on the report day by the users in the users report. Not the billed total.",
                &[],
            ),
            by_ide_version: catalogue.gauge(
                "users_by_ide_version",
                "Number of users in the users report, by the last known version of their IDE. The 100 most used \
                 versions are listed; the others count as \"other\", per IDE. A user may have several IDEs, so they \
                 must not be summed.",
                &["ide", "ide_version"],
            ),
            by_plugin_version: catalogue.gauge(
                "users_by_plugin_version",
                "Number of users in the users report, by the last known version of the Copilot plugin in their IDE. \
                 The 100 most used versions are listed; the others count as \"other\", per plugin. A user may have \
                 several plugins, so they must not be summed.",
                &["plugin", "plugin_version"],
            ),
        }
    }

    /// Adds the samples of a day.
    pub fn push(&self, samples: &mut Samples, users: &Users, names: &UserNames, at: i64) {
        samples.push(self.report_day, &[], at as f64 / 1000.0, at);
        samples.push(self.reported, &[], users.len() as f64, at);
        let users = || users.values().map(|user| &user.value);
        let active = users().filter(|user| user.active).count();
        samples.push(self.active, &[], active as f64, at);
        for (surface, count) in names.surfaces.count(users().map(|user| user.used)) {
            samples.push(self.using, &[surface], count.into(), at);
        }
        for (surface, count) in names.surfaces.count(users().map(|user| user.passive)) {
            samples.push(self.passive, &[surface], count.into(), at);
        }
        let mut in_phase: BTreeMap<&str, u32> = BTreeMap::new();
        for phase in users().filter_map(|user| names.phase(user)) {
            *in_phase.entry(phase).or_default() += 1;
        }
        for (phase, count) in in_phase {
            samples.push(self.in_phase, &[phase], count.into(), at);
        }
        let ai_credits = users().filter_map(|user| user.ai_credits);
        if let Some(used) = ai_credits.reduce(|sum, used| sum + used) {
            samples.push(self.ai_credits, &[], used, at);
        }
        let ides = versions::count(&names.ide_versions, users().map(|user| user.ide_versions));
        for ((ide, version), count) in ides {
            samples.push(self.by_ide_version, &[ide, version], count.into(), at);
        }
        let plugins = users().map(|user| user.plugin_versions);
        for ((plugin, version), count) in versions::count(&names.plugin_versions, plugins) {
            samples.push(self.by_plugin_version, &[plugin, version], count.into(), at);
        }
    }
}

/// The families with a `user` label.
pub struct UserFamilies {
    activity: ActivityFamilies,
    breakdowns: Vec<ActivityFamilies>,
    used: FamilyId,
    passive: FamilyId,
    in_phase: FamilyId,
    ai_credits: FamilyId,
    cli: SessionFamilies,
    copilot_app: SessionFamilies,
    agents: AgentFamilies,
    customizations: CustomizationFamilies,
}

impl UserFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        let labels = ["user", "user_id"];
        let per = ", per user";
        let with = |label| [labels[0], labels[1], label];
        Self {
            activity: ActivityFamilies::totals(catalogue, "user_", per, &labels),
            breakdowns: detailed(catalogue, |catalogue| {
                let breakdowns = BREAKDOWNS.iter();
                breakdowns
                    .map(|b| ActivityFamilies::breakdown(catalogue, "user_", per, &labels, b))
                    .collect()
            }),
            used: catalogue.gauge(
                "user_used",
                "1 if the user used a part of Copilot on the report day.",
                &with("surface"),
            ),
            passive: catalogue.gauge(
                "user_passive",
                "1 if Copilot did something for the user on the report day that the user did not ask for, such as \
                 an automatic code review.",
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
            copilot_app: SessionFamilies::declare(
                catalogue,
                "user_app_",
                &labels,
                ", in the Copilot app, per user",
            ),
            agents: detailed(catalogue, |catalogue| {
                AgentFamilies::declare(catalogue, "user_", &labels, per)
            }),
            customizations: detailed(catalogue, |catalogue| {
                CustomizationFamilies::declare(catalogue, "user_", &labels, per)
            }),
        }
    }

    /// Adds the samples of a user's day.
    pub fn push(&self, samples: &mut Samples, id: &Id, user: &UserDay, names: &UserNames, at: i64) {
        let Some(detail) = &user.detail else { return };
        let id = id.to_string();
        // A login can be renamed and reused; the id tells two users with the same login apart.
        let labels = [detail.login.as_str(), id.as_str()];
        self.activity.push(samples, &user.activity(), &labels, at);
        for (families, parts) in self.breakdowns.iter().zip(&detail.breakdowns) {
            families.push_parts(samples, parts, &labels, at);
        }
        let [login, id] = labels;
        for surface in names.surfaces.of(user.used) {
            samples.push(self.used, &[login, id, surface], 1.0, at);
        }
        for surface in names.surfaces.of(user.passive) {
            samples.push(self.passive, &[login, id, surface], 1.0, at);
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
        if let Some(app) = &detail.copilot_app {
            self.copilot_app.push(samples, app, &labels, at);
        }
        if let Some(agent) = &detail.vscode_agent {
            self.agents.push_vscode(samples, agent, &labels, at);
        }
        self.agents.push_third_party(samples, &detail.third_party_agents, &labels, at);
        self.customizations.push(samples, &detail.customized, &detail.distinct, &labels, at);
    }
}
