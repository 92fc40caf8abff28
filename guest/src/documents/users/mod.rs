//! Users reports: totals over users, and, if enabled, families with a `user` label.

mod families;
mod names;
mod record;
mod row;

use std::collections::BTreeMap;

use self::families::{TotalFamilies, UserFamilies};
use self::record::{UserNames, Users};
use self::row::UserRow;
use super::user_teams::UserTeamsCollector;
use crate::collector::{self, Collector, Collectors};
use crate::contract::Need;
use crate::input::{Day, Malformed, Row};
use crate::output::{Catalogue, Samples};
use crate::registration::{DocumentDefinition, Registration};
use crate::settings::{OptionDefinition, Settings};

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

/// Enables the families with a `user` label. They are many series, so they are off by default.
const USERS: OptionDefinition = OptionDefinition {
    name: "users",
    help: "Set to true to add the families with a user label, from the users report: \
           up to about 30 series per active user.",
};

/// Adds each user's activity by editor, feature, model and language.
const USER_BREAKDOWNS: OptionDefinition = OptionDefinition {
    name: "user-breakdowns",
    help: "Set to true, together with users=true, to add each user's activity by editor, feature, \
           model and language: hundreds of series per active user.",
};

/// Collects the rows of users reports.
///
/// It keeps only a small record per user and day, and without `history` only for the newest day and
/// the day of the user-teams report, with which the users are joined.
pub struct UsersCollector {
    totals: TotalFamilies,
    user: UserFamilies,
    /// Whether the families with a `user` label are enabled.
    with_users: bool,
    /// Whether their breakdowns are enabled as well.
    with_breakdowns: bool,
    history: bool,
    /// The newest day of the user-teams report.
    teams_day: Option<Day>,
    days: BTreeMap<Day, Users>,
    names: UserNames,
}

impl Collector for UsersCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        let with_users = settings.is_enabled(USERS.name);
        Self {
            totals: TotalFamilies::declare(catalogue),
            user: UserFamilies::declare(catalogue),
            with_users,
            with_breakdowns: with_users && settings.is_enabled(USER_BREAKDOWNS.name),
            history: settings.history,
            teams_day: None,
            days: BTreeMap::new(),
            names: UserNames::default(),
        }
    }

    fn begin(&mut self, above: Collectors<'_>) {
        self.teams_day = above.get::<UserTeamsCollector>().and_then(UserTeamsCollector::newest_day);
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Malformed> {
        match self.with_breakdowns {
            true => self.take::<true>(row),
            false => self.take::<false>(row),
        }
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        let days = if self.history { usize::MAX } else { 1 };
        for (day, users) in self.days.iter().rev().take(days) {
            self.totals.push(samples, users, &self.names, day.start_ms());
            for (id, user) in users {
                self.user.push(samples, id, user, &self.names, day.start_ms());
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

    /// Takes a row. Of several rows for a user and day, the last one wins: the files of a report
    /// may overlap.
    fn take<const KEEP: bool>(&mut self, mut row: Row<'_>) -> Result<(), Malformed> {
        let values: UserRow<'_, KEEP> = row.decode()?;
        let day = row.required(values.day, "day")?;
        let id = row.required(values.user(), "user_id")?;
        let newest = self.days.last_key_value().map_or(day, |(newest, _)| (*newest).max(day));
        let (history, teams_day) = (self.history, self.teams_day);
        let is_kept = |day: Day| history || day == newest || Some(day) == teams_day;
        if !is_kept(day) {
            return Ok(());
        }
        if !self.days.contains_key(&day) {
            self.days.retain(|day, _| is_kept(*day));
        }
        let user = self.names.record(values, self.with_users);
        self.days.entry(day).or_default().insert(id, user);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::contract::Span;
    use crate::testing::{map, samples_of};

    const TEAMS: (&str, &str) =
        ("user-teams-1-day", r#"{"day":"2026-11-19","user_id":1,"team_id":5,"slug":"core"}"#);
    const ACTIVE: &str = r#"{"day":"2026-11-19","user_id":1,"used_chat":true}"#;
    const NEWER: &str = r#"{"day":"2026-11-20","user_id":2,"used_cli":true}"#;
    const OLDER: &str = r#"{"day":"2026-11-18","user_id":3,"used_cli":true}"#;

    #[test]
    fn users_are_of_the_newest_day_and_teams_are_joined_with_their_own() {
        for rows in [[OLDER, ACTIVE, NEWER], [NEWER, ACTIVE, OLDER]] {
            let bodies = [TEAMS].into_iter().chain(rows.map(|row| ("users-1-day", row)));
            let lines = map(Span::Latest, &[], &bodies.collect::<Vec<_>>()).unwrap();
            assert_eq!(
                samples_of(&lines, "github_copilot_users_using"),
                [r#"github_copilot_users_using{surface="cli"} 1"#]
            );
            assert_eq!(
                samples_of(&lines, "github_copilot_team_users_using"),
                [r#"github_copilot_team_users_using{team="core",team_id="5",surface="chat"} 1"#]
            );
        }
    }

    #[test]
    fn the_last_row_of_a_user_and_day_wins() {
        let rows = [
            r#"{"day":"2026-11-20","user_id":1,"ai_credits_used":5}"#,
            r#"{"day":"2026-11-20","user_id":"1","ai_credits_used":2}"#,
        ];
        let lines = map(Span::Latest, &[], &rows.map(|row| ("users-1-day", row))).unwrap();
        assert_eq!(
            samples_of(&lines, "github_copilot_ai_credits_used"),
            ["github_copilot_ai_credits_used{} 2"]
        );
        assert_eq!(samples_of(&lines, "github_copilot_users_reported").len(), 1);
    }

    #[test]
    fn families_with_a_user_label_need_the_option() {
        let row = (
            "users-1-day",
            r#"{"day":"2026-11-20","user_id":1,"user_login":"mona",
            "loc_added_sum":4,"totals_by_ide":[{"ide":"vscode","loc_added_sum":3}]}"#,
        );
        let count = |options: &[&str]| {
            let lines = map(Span::Latest, options, &[row]).unwrap();
            lines.iter().filter(|line| line.contains("user=\"mona\"")).count()
        };
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&["user-breakdowns"]), 0);
        assert_eq!(count(&["users"]), 1);
        assert_eq!(count(&["users", "user-breakdowns"]), 2);
    }
}
