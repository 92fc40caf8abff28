//! Who has seats, and what is known about them over all of their seats.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::seat::Seat;
use crate::documents::user_teams::{Team, team_id};
use crate::input::{Field, Id, Instant, fnv1a, or_unknown};

/// Who has a seat, or the number of a seat that no one has taken.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    /// By type and id: ids are unique only within a type.
    Assignee(String, Id),
    Unassigned(u64),
}

/// What is known about a holder. It does not depend on the order of the seats.
pub struct Held {
    /// A known plan rather than none, and of several the most expensive.
    pub plan: String,
    pub last_activity: Option<Instant>,
    /// The editor of the last activity.
    pub editor: Option<String>,
    pub pending_cancellation: bool,
    /// Whether a last activity was left out because it was not a time.
    has_invalid_activity: bool,
    fetched_at: i64,
}

/// The times since a seat was last used: the maximum in seconds, and the label. They do not overlap.
pub const AGES: [(i64, &str); 4] =
    [(86_400, "1d"), (7 * 86_400, "7d"), (30 * 86_400, "30d"), (90 * 86_400, "90d")];
/// Longer ago than all [`AGES`].
pub const OLDER: &str = "over_90d";
/// Not on record.
pub const NEVER: &str = "never";
/// On record, but not readable.
pub const UNKNOWN: &str = "unknown";

/// The holders of seats, and the teams through which they have them.
#[derive(Default)]
pub struct Holders {
    holders: BTreeMap<Holder, Held>,
    teams: BTreeMap<Team, BTreeSet<Holder>>,
    /// Digests of the grants.
    grants: HashSet<u64>,
    /// Digests of the logins.
    logins: HashSet<u64>,
    unassigned: u64,
}

impl Holders {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.holders.len()
    }

    /// How many different seats there are.
    pub fn seats(&self) -> usize {
        self.grants.len() + self.unassigned as usize
    }

    /// How many different users have them, by id or by login: GitHub's examples have several logins
    /// with one id.
    pub fn users(&self) -> usize {
        self.holders.len().max(self.logins.len() + self.unassigned as usize)
    }

    /// What is known about each.
    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.holders.values()
    }

    /// The number of holders by team.
    pub fn by_team(&self) -> impl Iterator<Item = (&Team, usize)> {
        self.teams.iter().map(|(team, holders)| (team, holders.len()))
    }

    /// Takes a seat. Returns whether it is a new one, unless no one has it.
    pub fn add(&mut self, seat: &Seat<'_>, fetched_at: i64) -> Option<bool> {
        let holder = self.holder(seat);
        if let Some(team) = seat.assigning_team.get() {
            let slug = or_unknown(team.slug.as_deref().or(team.name.as_deref())).to_owned();
            let id = team_id(team.id.get(), seat.organization_id());
            self.teams.entry((slug, id)).or_default().insert(holder.clone());
        }
        let login = seat.assignee.get().and_then(|assignee| assignee.login.as_deref());
        self.logins.extend(login.map(|login| fnv1a(login.as_bytes())));
        let is_assigned = matches!(holder, Holder::Assignee(..));
        self.holders.entry(holder).or_insert_with(|| Held::new(fetched_at)).add(seat, fetched_at);
        is_assigned.then(|| self.grants.insert(fnv1a(seat.grant().as_bytes())))
    }

    fn holder(&mut self, seat: &Seat<'_>) -> Holder {
        let assignee = seat.assignee.get().and_then(|assignee| {
            let id = Id::of_user(assignee.id.get(), assignee.login.as_deref())?;
            Some(Holder::Assignee(assignee.kind.as_deref().unwrap_or("User").to_owned(), id))
        });
        assignee.unwrap_or_else(|| {
            self.unassigned += 1;
            Holder::Unassigned(self.unassigned)
        })
    }
}

impl Held {
    fn new(fetched_at: i64) -> Self {
        Self {
            plan: or_unknown(None).to_owned(),
            last_activity: None,
            editor: None,
            pending_cancellation: true,
            has_invalid_activity: false,
            fetched_at,
        }
    }

    fn add(&mut self, seat: &Seat<'_>, fetched_at: i64) {
        self.fetched_at = self.fetched_at.max(fetched_at);
        let plan = or_unknown(seat.plan_type.as_deref());
        if price(plan) > price(&self.plan) {
            self.plan = plan.to_owned();
        }
        self.pending_cancellation &= matches!(seat.pending_cancellation_date, Field::Present(_));
        self.has_invalid_activity |= seat.last_activity_at.is_invalid();
        let activity = (seat.last_activity_at.get(), editor(seat));
        let known = (self.last_activity.as_ref(), self.editor.as_deref());
        // At the same time, a known editor comes before none, then the first by name.
        let order = |(time, editor)| (time, Option::is_some(&editor), Reverse(editor));
        if activity.0.is_some() && order(activity) > order(known) {
            self.last_activity = activity.0.copied();
            self.editor = activity.1.map(str::to_owned);
        }
    }

    /// The label for the time since the last activity.
    pub fn activity_age(&self) -> &'static str {
        match self.last_activity {
            Some(Instant(last)) => {
                let age = self.fetched_at - last;
                AGES.iter().find(|(max, _)| age <= *max).map_or(OLDER, |(_, label)| label)
            }
            None if self.has_invalid_activity => UNKNOWN,
            None => NEVER,
        }
    }
}

/// The order of plans: `unknown` is below every other one, then by price, then by name.
fn price(plan: &str) -> (u8, &str) {
    let rank = match plan {
        "enterprise" => 3,
        "business" => 2,
        "unknown" => 0,
        _ => 1,
    };
    (rank, plan)
}

/// The editor without versions, with which every release would be a series: of
/// `vscode/1.77.3/copilot/1.86.82`, it is `vscode`.
fn editor<'a>(seat: &'a Seat<'_>) -> Option<&'a str> {
    let editor = seat.last_activity_editor.as_deref()?.split('/').next()?;
    (!editor.is_empty()).then_some(editor)
}
