//! What is kept of a users report: a small record per user and day.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::names::{Names, Set};
use super::row::UserRow;
use crate::input::{Id, Version, or_unknown};
use crate::measures::activity::{self, Activity, BREAKDOWNS, PackedActivity, Parts};
use crate::measures::agents::{ThirdPartyAgents, VscodeAgent};
use crate::measures::sessions::Sessions;
use crate::measures::surfaces::canonical;

/// The users of a day. Each record is a box, as the nodes of the map are half empty if users come in order.
pub type Users = BTreeMap<Id, Version<Box<UserDay>>>;

/// What is kept of a user's day.
pub struct UserDay {
    activity: PackedActivity,
    pub active: bool,
    /// The surfaces that the user used, in [`UserNames::surfaces`].
    pub used: Set,
    /// The surfaces on which Copilot did something for the user unasked, in [`UserNames::surfaces`].
    pub passive: Set,
    /// In [`UserNames::ide_versions`].
    pub ide_versions: Set,
    /// In [`UserNames::plugin_versions`].
    pub plugin_versions: Set,
    pub ai_credits: Option<f64>,
    /// See [`UserNames::phase`].
    phase: Option<u32>,
    /// Only if the families with a `user` label are enabled.
    pub detail: Option<Box<UserDetail>>,
}

/// What only the families with a `user` label need.
#[derive(Debug)]
pub struct UserDetail {
    pub login: String,
    pub cli: Option<Sessions>,
    pub copilot_app: Option<Sessions>,
    pub vscode_agent: Option<VscodeAgent>,
    pub distinct: [Option<f64>; 5],
    pub breakdowns: [Parts; 5],
    pub third_party_agents: ThirdPartyAgents,
    pub customized: [BTreeMap<String, f64>; 5],
}

/// The names that the records refer to.
#[derive(Default)]
pub struct UserNames {
    pub surfaces: Names,
    pub ide_versions: Names,
    pub plugin_versions: Names,
    phases: Names,
}

/// The start of the names of fields about what a user used.
const USED: &str = "used_";
/// The end of the names of those about what Copilot did unasked.
const PASSIVE: &str = "_passive";

impl UserNames {
    /// The record of a row, with detail if `with_detail`.
    pub fn record<const KEEP: bool>(
        &mut self,
        row: UserRow<'_, KEEP>,
        with_detail: bool,
    ) -> UserDay {
        let names = || row.used.iter().map(|name| name.strip_prefix(USED).unwrap_or(name));
        let surface = |name| canonical(or_unknown(Some(name)));
        let used = names().filter(|name| !name.ends_with(PASSIVE)).map(surface);
        let passive = names().filter_map(|name| name.strip_suffix(PASSIVE)).map(surface);
        let used = self.surfaces.set(used);
        let [by_ide, ..] = &row.breakdowns;
        UserDay {
            activity: row.activity.into(),
            active: row.activity.any()
                || used != Set::default()
                || row.ai_credits_used.is_some_and(|credits| credits > 0.0)
                || row.has_sessions(),
            used,
            passive: self.surfaces.set(passive),
            ide_versions: self.ide_versions.set(by_ide.ide_versions.iter().map(String::as_str)),
            plugin_versions: self
                .plugin_versions
                .set(by_ide.plugin_versions.iter().map(String::as_str)),
            ai_credits: row.ai_credits_used,
            phase: row.phase.as_deref().map(|phase| self.phases.index(phase)),
            detail: with_detail.then(|| Box::new(UserDetail::new(row))),
        }
    }
}

impl UserDay {
    /// What the user did.
    pub fn activity(&self) -> Activity {
        self.activity.into()
    }
}

impl UserNames {
    /// The adoption phase of a user.
    pub fn phase(&self, user: &UserDay) -> Option<&str> {
        self.phases.name(user.phase?)
    }

    /// Which of two records of a user and day is kept: the one with more activity, then with
    /// more AI credits, then any, but always the same one.
    pub fn order(&self, a: &UserDay, b: &UserDay) -> Ordering {
        let size = |user: &UserDay| {
            let activity: f64 = user.activity().0.iter().flatten().sum();
            (activity, user.ai_credits)
        };
        let text = |user: &UserDay| {
            let sets = [
                self.surfaces.of(user.used),
                self.surfaces.of(user.passive),
                self.ide_versions.of(user.ide_versions),
                self.plugin_versions.of(user.plugin_versions),
            ];
            let UserDay { active, ai_credits, detail, .. } = user;
            format!(
                "{:?} {active} {ai_credits:?} {:?} {sets:?} {detail:?}",
                user.activity(),
                self.phase(user)
            )
        };
        let by_size = size(a).partial_cmp(&size(b)).unwrap_or(Ordering::Equal);
        by_size.then_with(|| text(a).cmp(&text(b)))
    }
}

impl UserDetail {
    fn new<const KEEP: bool>(row: UserRow<'_, KEEP>) -> Self {
        let mut breakdowns: [Parts; 5] = Default::default();
        for ((parts, breakdown), by) in breakdowns.iter_mut().zip(&BREAKDOWNS).zip(&row.breakdowns)
        {
            *parts = activity::parts(breakdown, &by.elements);
        }
        Self {
            login: row.user_login.as_deref().unwrap_or_default().to_owned(),
            cli: row.cli.into_option().map(|cli| cli.0),
            copilot_app: row.copilot_app.into_option().map(|app| app.0),
            vscode_agent: row.vscode_agent.into_option().map(|agent| agent.0),
            distinct: row.distinct,
            breakdowns,
            third_party_agents: if KEEP { row.third_party_agents } else { BTreeMap::new() },
            customized: row.customized,
        }
    }
}
