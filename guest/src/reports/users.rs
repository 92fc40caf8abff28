//! Users reports: totals over users, and families with a `user` label when asked for.

use std::collections::BTreeMap;

use super::activity::{self, Activity, ActivityFamilies, BREAKDOWNS, Parts};
use super::clients::{SessionFamilies, Sessions};
use super::people::UserRow;
use crate::samples::{Catalogue, FamilyId, Samples};
use crate::time::Day;
use crate::values::Id;

/// Which families with a `user` label are wanted. They are many series: off unless asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Detail {
    /// The user's totals.
    pub users: bool,
    /// The user's activity by editor, feature, model and language too.
    pub breakdowns: bool,
}

/// What is kept of one user's day.
pub struct Person {
    pub activity: Activity,
    pub active: bool,
    /// One bit for each name in [`UsersCollector::surfaces`].
    pub used: u128,
    pub ai_credits: Option<f64>,
    phase: Option<u32>,
    detail: Option<Box<PersonDetail>>,
}

/// What only the families with a `user` label need.
struct PersonDetail {
    login: String,
    cli: Option<Sessions>,
    breakdowns: [Parts; 5],
}

/// Collects the rows of users reports.
///
/// Of the rows only a small record per user and day is kept, and without `history` only for
/// the newest day and for the day of the user-teams report, with which they are joined.
pub struct UsersCollector {
    families: UsersFamilies,
    detail: Detail,
    history: bool,
    days: BTreeMap<Day, BTreeMap<Id, Person>>,
    surfaces: Vec<String>,
    phases: Vec<String>,
}

struct UsersFamilies {
    report_day: FamilyId,
    reported: FamilyId,
    active: FamilyId,
    using: FamilyId,
    in_phase: FamilyId,
    ai_credits: FamilyId,
    user: UserFamilies,
}

/// The families with a `user` label.
struct UserFamilies {
    activity: ActivityFamilies,
    breakdowns: Vec<ActivityFamilies>,
    used: FamilyId,
    in_phase: FamilyId,
    ai_credits: FamilyId,
    cli: SessionFamilies,
}

impl UsersCollector {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue, history: bool, detail: Detail) -> Self {
        let families = UsersFamilies {
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
            user: UserFamilies::declare(catalogue),
        };
        let (days, surfaces, phases) = Default::default();
        Self { families, detail, history, days, surfaces, phases }
    }

    /// Takes a row of `user`. `teams_day` is the day of the user-teams report. The last of
    /// several rows for one user and day counts: reports come in files that may overlap.
    pub fn add<const KEEP: bool>(
        &mut self,
        day: Day,
        user: Id,
        row: UserRow<'_, KEEP>,
        teams_day: Option<Day>,
    ) {
        let newest = self.days.last_key_value().map_or(day, |(newest, _)| (*newest).max(day));
        let keep = |kept: Day| self.history || kept == newest || Some(kept) == teams_day;
        if !keep(day) {
            return;
        }
        if !self.days.contains_key(&day) {
            let history = self.history;
            self.days.retain(|kept, _| history || *kept == newest || Some(*kept) == teams_day);
        }
        let person = self.person(row);
        self.days.entry(day).or_default().insert(user, person);
    }

    fn person<const KEEP: bool>(&mut self, row: UserRow<'_, KEEP>) -> Person {
        let mut used = 0;
        for name in &row.used {
            let surface = name.strip_prefix("used_").unwrap_or(name);
            used |= 1u128.checked_shl(position(&mut self.surfaces, surface)).unwrap_or(0);
        }
        let detail = self.detail.users.then(|| {
            let mut breakdowns: [Parts; 5] = Default::default();
            if KEEP {
                for ((parts, of), elements) in
                    breakdowns.iter_mut().zip(&BREAKDOWNS).zip(&row.breakdowns)
                {
                    *parts = activity::parts(of, &elements.0);
                }
            }
            Box::new(PersonDetail {
                login: row.user_login.as_deref().unwrap_or_default().to_owned(),
                cli: row.cli.as_deref().cloned(),
                breakdowns,
            })
        });
        Person {
            activity: row.activity,
            active: row.active(),
            used,
            ai_credits: row.ai_credits_used,
            phase: row.phase.as_deref().map(|phase| position(&mut self.phases, phase)),
            detail,
        }
    }

    /// Whether the breakdowns of rows are wanted.
    pub fn keeps_breakdowns(&self) -> bool {
        self.detail.users && self.detail.breakdowns
    }

    /// The users of a day.
    pub fn day(&self, day: Day) -> Option<&BTreeMap<Id, Person>> {
        self.days.get(&day)
    }

    /// The names of the surfaces in `used`, in the order of the names.
    pub fn surfaces(&self, used: u128) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = (0..)
            .zip(&self.surfaces)
            .filter(|(bit, _)| used.checked_shr(*bit).is_some_and(|rest| rest & 1 == 1))
            .map(|(_, name)| name.as_str())
            .collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Adds the samples: of the newest day, or of every day with `history`.
    pub fn finish(&self, samples: &mut Samples) {
        let days = if self.history { usize::MAX } else { 1 };
        for (day, people) in self.days.iter().rev().take(days) {
            self.push_totals(samples, people, day.start_ms());
            for (id, person) in people {
                if let Some(detail) = &person.detail {
                    self.push_person(samples, id, person, detail, day.start_ms());
                }
            }
        }
    }

    fn push_totals(&self, samples: &mut Samples, people: &BTreeMap<Id, Person>, at: i64) {
        let families = &self.families;
        samples.push(families.report_day, &[], at as f64 / 1000.0, at);
        samples.push(families.reported, &[], people.len() as f64, at);
        let active = people.values().filter(|person| person.active).count();
        samples.push(families.active, &[], active as f64, at);
        let mut using: BTreeMap<&str, u32> = BTreeMap::new();
        let mut in_phase: BTreeMap<&str, u32> = BTreeMap::new();
        let mut ai_credits = None;
        for person in people.values() {
            for surface in self.surfaces(person.used) {
                *using.entry(surface).or_default() += 1;
            }
            if let Some(phase) = self.phase(person) {
                *in_phase.entry(phase).or_default() += 1;
            }
            if let Some(used) = person.ai_credits {
                *ai_credits.get_or_insert(0.0) += used;
            }
        }
        for (surface, users) in using {
            samples.push(families.using, &[surface], users.into(), at);
        }
        for (phase, users) in in_phase {
            samples.push(families.in_phase, &[phase], users.into(), at);
        }
        if let Some(used) = ai_credits {
            samples.push(families.ai_credits, &[], used, at);
        }
    }

    fn push_person(
        &self,
        samples: &mut Samples,
        id: &Id,
        person: &Person,
        detail: &PersonDetail,
        at: i64,
    ) {
        let families = &self.families.user;
        let id = id.to_string();
        // Logins change and come back to others; the id keeps two users apart.
        let user = [detail.login.as_str(), id.as_str()];
        families.activity.push(samples, &person.activity, &user, at);
        for (families, parts) in families.breakdowns.iter().zip(&detail.breakdowns) {
            families.push_parts(samples, parts, &user, at);
        }
        let [login, id] = user;
        for surface in self.surfaces(person.used) {
            samples.push(families.used, &[login, id, surface], 1.0, at);
        }
        if let Some(phase) = self.phase(person) {
            samples.push(families.in_phase, &[login, id, phase], 1.0, at);
        }
        if let Some(used) = person.ai_credits {
            samples.push(families.ai_credits, &user, used, at);
        }
        if let Some(cli) = &detail.cli {
            families.cli.push(samples, cli, &user, at);
        }
    }

    fn phase(&self, person: &Person) -> Option<&str> {
        self.phases.get(person.phase? as usize).map(String::as_str)
    }
}

impl UserFamilies {
    fn declare(catalogue: &mut Catalogue) -> Self {
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

/// The position of `name` in `names`, where it is put if it is new.
fn position(names: &mut Vec<String>, name: &str) -> u32 {
    let at = names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    at as u32
}
