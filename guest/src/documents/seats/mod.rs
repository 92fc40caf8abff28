//! Seats: who has one, and whether they use it.

mod holders;
mod idle;
mod seat;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::holders::{AGES, Holders, NEVER, OLDER};
pub use self::idle::PlanSeats;
use self::seat::{FOREIGN, Seat, SeatsPage};
use crate::charts::{ChartDefinition, Form, Matchers, Series};
use crate::collector::{self, Collector, Collectors};
use crate::contract::{FetchKind, Scope};
use crate::documents::user_teams::TEAM_ID_NOTE;
use crate::input::{
    Count, Field, Framing, MAX_FUTURE_SECONDS, Problem, Rejected, Row, Unmapped, or_unknown,
    start_of_day_ms,
};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::{DocumentDefinition, ENTERPRISE_SEATS, ORGANIZATION_SEATS, Registration};
use crate::settings::Settings;

pub const REGISTRATION: Registration = Registration {
    documents: DOCUMENTS,
    framing: Framing::Wrapper("seats"),
    charts: CHARTS,
    ..Registration::new(collector::new::<SeatsCollector>)
};

const DOCUMENTS: &[DocumentDefinition] = &[
    DocumentDefinition {
        permission: Some(ORGANIZATION_SEATS),
        ..DocumentDefinition::new(
            Scope::Organization,
            "seats",
            "/orgs/{org}/copilot/billing/seats?per_page=100",
            FetchKind::Paged,
        )
    },
    DocumentDefinition {
        permission: Some(ENTERPRISE_SEATS),
        ..DocumentDefinition::new(
            Scope::Enterprise,
            "seats",
            "/enterprises/{enterprise}/copilot/billing/seats?per_page=100",
            FetchKind::Paged,
        )
    },
];

const CHARTS: &[ChartDefinition] = &[ChartDefinition {
    title: "Seats",
    help: "Users with a seat, by the time since they last used it.",
    form: Form::Bars(&[
        with_age("used within 7 days", &[("activity_age", &["1d", "7d"])]),
        with_age("used within 30 days", &[("activity_age", &["30d"])]),
        with_age("idle for 31 to 90 days", &[("activity_age", &["90d"])]),
        with_age("idle for longer", &[("activity_age", &["over_90d"])]),
        with_age("no activity on record", &[("activity_age", &["never"])]),
    ]),
    is_fallback: false,
}];

const fn with_age(name: &'static str, ages: Matchers) -> Series {
    Series::matching(name, "github_copilot_seats_by_activity_age", ages)
}

/// The seats on the current page that someone has.
#[derive(Default)]
struct Page {
    seats: u64,
    /// Those that were not on the pages before it.
    new: u64,
}

/// Collects the seats of distinct users.
pub struct SeatsCollector {
    families: SeatsFamilies,
    holders: Holders,
    page: Page,
    /// Seats on the list that are not usable.
    lost: usize,
    /// Whether the list is of an enterprise.
    is_enterprise: bool,
    /// When the list was fetched, and how many seats it should have; the newest and then largest.
    reported: Option<(i64, f64)>,
    /// The smallest number of seats that a page gives: seats are added and removed meanwhile.
    least: Option<f64>,
    fetched_at: Option<i64>,
}

impl SeatsCollector {
    /// The users with a seat by plan, and the day that they are about, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    pub fn by_plan(&self) -> Option<(i64, BTreeMap<&str, PlanSeats>)> {
        Some((start_of_day_ms(self.fetched_at?), self.holders.by_plan()))
    }
}

struct SeatsFamilies {
    seats: FamilyId,
    reported: FamilyId,
    pending_cancellation: FamilyId,
    by_plan: FamilyId,
    by_editor: FamilyId,
    by_activity_age: FamilyId,
    by_plan_and_activity_age: FamilyId,
    by_team: FamilyId,
}

impl Collector for SeatsCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        let families = SeatsFamilies::declare(catalogue);
        let is_enterprise = settings.scope == Some(Scope::Enterprise);
        let (holders, page, lost, reported, least, fetched_at) = Default::default();
        Self { families, holders, page, lost, is_enterprise, reported, least, fetched_at }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (mut seat, mut notes) = row.decode::<Seat<'_>>(FOREIGN)?;
        if seat.says_nothing() {
            notes.note("assignee", Problem::Missing);
            return Err(Rejected::Row);
        }
        if seat.is_used_after(notes.rank.fetched_at.saturating_add(MAX_FUTURE_SECONDS)) {
            notes.note("last_activity_at", Problem::Invalid);
            seat.last_activity_at = Field::Invalid;
        }
        self.fetched_at = self.fetched_at.max(Some(notes.rank.fetched_at));
        if let Some(is_new) = self.holders.add(&seat, notes.rank.fetched_at) {
            self.page.seats += 1;
            self.page.new += u64::from(is_new);
        }
        Ok(())
    }

    /// Takes what a page says about the list. A list whose pages repeat is not complete.
    fn wrapper(&mut self, wrapper: Row<'_>) -> Result<(), Rejected> {
        let (page, mut notes) = wrapper.decode::<SeatsPage>(&[])?;
        if page.seats == Field::Absent {
            notes.note("seats", Problem::Invalid);
        }
        let fetched_at = notes.rank.fetched_at;
        self.fetched_at = self.fetched_at.max(Some(fetched_at));
        if let Some(Count(total)) = page.total_seats.get() {
            let newest = self.reported.unwrap_or((fetched_at, *total));
            self.reported =
                Some(if (fetched_at, *total) > newest { (fetched_at, *total) } else { newest });
            self.least = Some(self.least.map_or(*total, |least| least.min(*total)));
        }
        match std::mem::take(&mut self.page) {
            Page { seats: 1.., new: 0 } => {
                Err(notes.malformed("the page repeats seats of the pages before it".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// A seat that is not usable is on the list all the same.
    fn row_lost(&mut self) {
        self.lost += 1;
    }

    /// A list with fewer seats than it says is not complete. The total of an enterprise counts users,
    /// whose seats are listed once for each organization and team. That of an organization counts
    /// seats in GitHub's own example, so if there are enough of them, fewer users are only counted.
    fn end(&mut self, unmapped: &mut Unmapped) -> Result<(), String> {
        let seats = if self.is_enterprise { self.holders.users() } else { self.holders.seats() };
        let seats = seats + self.lost;
        match self.least {
            Some(total) if (seats as f64) < total => {
                Err(format!("the list has {seats} of {total} seats"))
            }
            Some(total) if (self.holders.len() as f64) < total => {
                unmapped.add("total_seats".to_owned(), Problem::Conflict);
                Ok(())
            }
            None if seats == 0 => Err("the list has neither seats nor their number".to_owned()),
            _ => Ok(()),
        }
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        let Some(fetched_at) = self.fetched_at else { return };
        let at = start_of_day_ms(fetched_at);
        let families = &self.families;
        samples.push(families.seats, &[], self.holders.len() as f64, at);
        if let Some((_, total)) = self.reported {
            samples.push(families.reported, &[], total, at);
        }
        let pending = self.holders.iter().filter(|held| held.pending_cancellation).count();
        samples.push(families.pending_cancellation, &[], pending as f64, at);
        let mut plans: BTreeMap<&str, u32> = BTreeMap::new();
        let mut editors: BTreeMap<&str, u32> = BTreeMap::new();
        let mut ages: BTreeMap<&str, u32> = BTreeMap::new();
        let mut ages_of_plans: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for held in self.holders.iter() {
            *plans.entry(&held.plan).or_default() += 1;
            if held.last_activity.is_some() {
                *editors.entry(or_unknown(held.editor.as_deref())).or_default() += 1;
            }
            let age = held.activity_age();
            *ages.entry(age).or_default() += 1;
            *ages_of_plans.entry((&held.plan, age)).or_default() += 1;
        }
        // Ages without users are 0, so that sums and ratios over them have no gaps.
        let always = || AGES.iter().map(|(_, label)| *label).chain([OLDER, NEVER]);
        for (plan, users) in plans {
            samples.push(families.by_plan, &[plan], users.into(), at);
            for age in always() {
                ages_of_plans.entry((plan, age)).or_default();
            }
        }
        for ((plan, age), users) in ages_of_plans {
            samples.push(families.by_plan_and_activity_age, &[plan, age], users.into(), at);
        }
        for (editor, users) in editors {
            samples.push(families.by_editor, &[editor], users.into(), at);
        }
        for label in always() {
            let users = ages.remove(label).unwrap_or(0);
            samples.push(families.by_activity_age, &[label], users.into(), at);
        }
        for (label, users) in ages {
            samples.push(families.by_activity_age, &[label], users.into(), at);
        }
        for ((slug, id), users) in self.holders.by_team() {
            samples.push(families.by_team, &[slug, id], users as f64, at);
        }
    }
}

impl SeatsFamilies {
    fn declare(catalogue: &mut Catalogue) -> Self {
        Self {
            seats: catalogue.gauge(
                "seats",
                "Number of users with a Copilot seat. A user with several grants counts once.",
                &[],
            ),
            reported: catalogue.gauge(
                "seats_reported",
                "Number of seats according to GitHub (total_seats).",
                &[],
            ),
            pending_cancellation: catalogue.gauge(
                "seats_pending_cancellation",
                "Number of users whose seats will all be cancelled at the end of the current billing cycle.",
                &[],
            ),
            by_plan: catalogue.gauge("seats_by_plan", "Number of users with a seat, by plan. A user with several plans counts with the most expensive one.", &["plan"]),
            by_editor: catalogue.gauge(
                "seats_by_editor",
                "Number of users with a seat who have been active, by the editor they used last.",
                &["editor"],
            ),
            by_activity_age: catalogue.gauge(
                "seats_by_activity_age",
                "Number of users with a seat, by the time since their last activity: up to 1 day (1d), then up to \
                 7, 30 and 90 days (7d, 30d, 90d), longer (over_90d), no activity on record (never), or a time that is not readable (unknown). \
                 GitHub deletes the last activity after 90 days.",
                &["activity_age"],
            ),
            by_plan_and_activity_age: catalogue.gauge(
                "seats_by_plan_and_activity_age",
                "Number of users with a seat, by plan and by the time since their last activity: what idle seats of \
                 each plan cost is their number times the price of the plan.",
                &["plan", "activity_age"],
            ),
            by_team: catalogue.detailed(None, 1, |catalogue| catalogue.gauge(
                "seats_by_team",
                &format!(
                    "Number of users with a seat, by the team that grants it. A user may be in several teams, so teams \
                     must not be summed. {TEAM_ID_NOTE}"
                ),
                &["team", "team_id"],
            )),
        }
    }
}
