//! Users reports: totals over users, and, if enabled, families with a `user` label.

mod breakdown;
mod families;
mod names;
mod options;
mod record;
mod row;
#[cfg(test)]
mod tests;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

use self::families::{TotalFamilies, UserFamilies};
use self::options::USER_BREAKDOWNS;
pub use self::options::USERS;
use self::record::{UserNames, Users};
use self::row::UserRow;
use super::user_teams::UserTeamsCollector;
use crate::collector::{self, Collector, Collectors};
use crate::contract::Need;
use crate::input::{Day, Problem, Rejected, Row, Version};
use crate::output::{Catalogue, Samples};
use crate::registration::{DocumentDefinition, Registration};
use crate::settings::Settings;

pub const REGISTRATION: Registration = Registration {
    documents: DOCUMENTS,
    may_be_empty: true,
    options: &[USERS, USER_BREAKDOWNS],
    ..Registration::new(collector::new::<UsersCollector>)
};

const DOCUMENTS: &[DocumentDefinition] = &[
    DocumentDefinition {
        same_day_as: Some("user-teams-1-day"),
        ..DocumentDefinition::organization_report(
            "users-1-day",
            "/orgs/{org}/copilot/metrics/reports/users-1-day?day={day}",
        )
    },
    DocumentDefinition {
        need: Need::Offline,
        ..DocumentDefinition::organization_report(
            "users-28-day",
            "/orgs/{org}/copilot/metrics/reports/users-28-day/latest",
        )
    },
    DocumentDefinition {
        same_day_as: Some("user-teams-1-day"),
        ..DocumentDefinition::enterprise_report(
            "users-1-day",
            "/enterprises/{enterprise}/copilot/metrics/reports/users-1-day?day={day}",
        )
    },
    DocumentDefinition {
        need: Need::Offline,
        ..DocumentDefinition::enterprise_report(
            "users-28-day",
            "/enterprises/{enterprise}/copilot/metrics/reports/users-28-day/latest",
        )
    },
];

/// Collects the rows of users reports.
///
/// It keeps only a small record per user and day, and without `history` only for the newest day and
/// the newest day that the user-teams report has too, with which the users are joined.
pub struct UsersCollector {
    totals: TotalFamilies,
    user: UserFamilies,
    /// Whether the families with a `user` label are enabled.
    with_users: bool,
    /// Whether their breakdowns are enabled as well.
    with_breakdowns: bool,
    history: bool,
    /// The days of the user-teams report.
    teams_days: BTreeSet<Day>,
    /// The newest day of both reports.
    joined_day: Option<Day>,
    days: BTreeMap<Day, Users>,
    names: UserNames,
}

impl Collector for UsersCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        let with_users = settings.is_enabled(USERS.name);
        Self {
            totals: TotalFamilies::declare(catalogue),
            user: catalogue.detailed(Some(USERS.name), 3, UserFamilies::declare),
            with_users,
            with_breakdowns: with_users && settings.is_enabled(USER_BREAKDOWNS.name),
            history: settings.history,
            teams_days: BTreeSet::new(),
            joined_day: None,
            days: BTreeMap::new(),
            names: UserNames::default(),
        }
    }

    fn begin(&mut self, above: Collectors<'_>) {
        if let Some(teams) = above.get::<UserTeamsCollector>() {
            self.teams_days = teams.days().keys().copied().collect();
        }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        match self.with_breakdowns {
            true => self.take::<true>(row),
            false => self.take::<false>(row),
        }
    }

    fn nothing_on(&mut self, day: Day) -> bool {
        if self.keep_day(day) {
            self.days.entry(day).or_default();
        }
        true
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        let days = if self.history { usize::MAX } else { 1 };
        for (day, users) in self.days.iter().rev().take(days) {
            self.totals.push(samples, users, &self.names, day.start_ms());
            for (id, user) in users {
                self.user.push(samples, id, &user.value, &self.names, day.start_ms());
            }
        }
    }
}

impl UsersCollector {
    /// The users of a day.
    pub fn day(&self, day: Day) -> Option<&Users> {
        self.days.get(&day)
    }

    /// The names that the records of users refer to.
    pub fn names(&self) -> &UserNames {
        &self.names
    }

    /// Takes a row. There may be several rows for a user and day, as the files of a report may
    /// overlap.
    fn take<const KEEP: bool>(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (mut values, mut notes) = row.decode::<UserRow<'_, KEEP>>(&[])?;
        let day = notes.day(std::mem::take(&mut values.day), "day")?;
        let id = notes.required(values.user(), "user_id")?;
        if !self.keep_day(day) {
            return Ok(());
        }
        let user = Version::new(notes.rank, Box::new(self.names.record(values, self.with_users)));
        let users = self.days.entry(day).or_default();
        if Version::keep_in(users, id, user, |a, b| self.names.order(a, b)) {
            notes.note("user_id", Problem::Conflict);
        }
        Ok(())
    }

    /// Whether the users of a day are kept. Removes the days that are not needed any more.
    fn keep_day(&mut self, day: Day) -> bool {
        if self.history || self.days.contains_key(&day) {
            return true;
        }
        let newest = self.days.last_key_value().map_or(day, |(newest, _)| (*newest).max(day));
        if self.teams_days.contains(&day) {
            self.joined_day = self.joined_day.max(Some(day));
        }
        let joined = self.joined_day;
        let is_kept = |day: Day| day == newest || Some(day) == joined;
        if is_kept(day) {
            self.days.retain(|day, _| is_kept(*day));
        }
        is_kept(day)
    }
}
