//! Seats: who has one, and whether they use it.

mod seat;

use std::collections::{BTreeMap, BTreeSet};

use self::seat::{FOREIGN, Seat, SeatsPage};
use crate::charts::{ChartDefinition, Form, Matchers, Series};
use crate::collector::{self, Collector, Collectors};
use crate::contract::{FetchKind, Scope};
use crate::input::{Count, Framing, Id, Instant, Malformed, Row, or_unknown, start_of_day_ms};
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

/// Who has a seat: a user, or the number of a seat that no one has taken.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    User(Id),
    Unassigned(u64),
}

/// What is known about a holder, over all of their seats.
struct Held {
    plan: String,
    last_activity: Option<Instant>,
    editor: Option<String>,
    pending_cancellation: bool,
    fetched_at: i64,
}

/// The times since a seat was last used: the maximum in seconds, and the label. They do not overlap.
const AGES: [(i64, &str); 4] =
    [(86_400, "1d"), (7 * 86_400, "7d"), (30 * 86_400, "30d"), (90 * 86_400, "90d")];
const OLDER: &str = "over_90d";
const NEVER: &str = "never";

/// Collects the seats of distinct users.
pub struct SeatsCollector {
    families: SeatsFamilies,
    holders: BTreeMap<Holder, Held>,
    /// By slug and id: two organizations of an enterprise may have teams with the same name.
    teams: BTreeMap<(String, String), BTreeSet<Holder>>,
    total_seats: Option<(i64, f64)>,
    fetched_at: Option<i64>,
    unassigned: u64,
}

struct SeatsFamilies {
    seats: FamilyId,
    reported: FamilyId,
    pending_cancellation: FamilyId,
    by_plan: FamilyId,
    by_editor: FamilyId,
    by_activity_age: FamilyId,
    by_team: FamilyId,
}

impl Collector for SeatsCollector {
    fn declare(catalogue: &mut Catalogue, _: &Settings) -> Self {
        let families = SeatsFamilies::declare(catalogue);
        let (holders, teams, total_seats, fetched_at, unassigned) = Default::default();
        Self { families, holders, teams, total_seats, fetched_at, unassigned }
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<(), Malformed> {
        let seat: Seat<'_> = row.decode_except(FOREIGN)?;
        self.add(&seat, row.fetched_at);
        Ok(())
    }

    fn wrapper(&mut self, mut wrapper: Row<'_>) -> Result<(), Malformed> {
        let page: SeatsPage = wrapper.decode()?;
        let fetched_at = wrapper.fetched_at;
        self.fetched_at = self.fetched_at.max(Some(fetched_at));
        if let Some(Count(total)) = page.total_seats {
            self.total_seats =
                self.total_seats.filter(|(at, _)| *at > fetched_at).or(Some((fetched_at, total)));
        }
        Ok(())
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        let Some(fetched_at) = self.fetched_at else { return };
        let at = start_of_day_ms(fetched_at);
        let families = &self.families;
        samples.push(families.seats, &[], self.holders.len() as f64, at);
        if let Some((_, total)) = self.total_seats {
            samples.push(families.reported, &[], total, at);
        }
        let pending = self.holders.values().filter(|held| held.pending_cancellation).count();
        samples.push(families.pending_cancellation, &[], pending as f64, at);
        let mut plans: BTreeMap<&str, u32> = BTreeMap::new();
        let mut editors: BTreeMap<&str, u32> = BTreeMap::new();
        let mut ages: BTreeMap<&str, u32> = BTreeMap::new();
        for held in self.holders.values() {
            *plans.entry(&held.plan).or_default() += 1;
            if held.last_activity.is_some() {
                *editors.entry(or_unknown(held.editor.as_deref())).or_default() += 1;
            }
            *ages.entry(held.activity_age()).or_default() += 1;
        }
        for (plan, users) in plans {
            samples.push(families.by_plan, &[plan], users.into(), at);
        }
        for (editor, users) in editors {
            samples.push(families.by_editor, &[editor], users.into(), at);
        }
        // Ages without users are 0, so that sums and ratios over them have no gaps.
        for label in AGES.iter().map(|(_, label)| *label).chain([OLDER, NEVER]) {
            let users = ages.get(label).copied().unwrap_or(0);
            samples.push(families.by_activity_age, &[label], users.into(), at);
        }
        for ((slug, id), users) in &self.teams {
            samples.push(families.by_team, &[slug, id], users.len() as f64, at);
        }
    }
}

impl SeatsCollector {
    /// Takes a seat.
    fn add(&mut self, seat: &Seat<'_>, fetched_at: i64) {
        self.fetched_at = self.fetched_at.max(Some(fetched_at));
        let user = seat
            .assignee
            .as_ref()
            .and_then(|assignee| Id::of_user(assignee.id.as_ref(), assignee.login.as_deref()));
        let holder = user.map_or_else(
            || {
                self.unassigned += 1;
                Holder::Unassigned(self.unassigned)
            },
            Holder::User,
        );
        if let Some(team) = &seat.assigning_team {
            let slug = or_unknown(team.slug.as_deref().or(team.name.as_deref()));
            let id = team.id.as_ref().map(Id::to_string).unwrap_or_default();
            self.teams.entry((slug.to_owned(), id)).or_default().insert(holder.clone());
        }
        let held = self.holders.entry(holder).or_insert_with(|| Held {
            plan: or_unknown(seat.plan_type.as_deref()).to_owned(),
            last_activity: None,
            editor: None,
            pending_cancellation: true,
            fetched_at,
        });
        held.pending_cancellation &= seat.pending_cancellation_date.is_some();
        if seat.last_activity_at > held.last_activity {
            held.last_activity = seat.last_activity_at;
            // "vscode/1.77.3/copilot/1.86.82": with the versions, every release would be a series.
            held.editor = seat
                .last_activity_editor
                .as_deref()
                .and_then(|editor| editor.split('/').next())
                .map(str::to_owned);
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
            by_plan: catalogue.gauge("seats_by_plan", "Number of users with a seat, by plan.", &["plan"]),
            by_editor: catalogue.gauge(
                "seats_by_editor",
                "Number of users with a seat who have been active, by the editor they used last.",
                &["editor"],
            ),
            by_activity_age: catalogue.gauge(
                "seats_by_activity_age",
                "Number of users with a seat, by the time since their last activity: up to 1 day (1d), then up to \
                 7, 30 and 90 days (7d, 30d, 90d), longer (over_90d), or no activity on record (never). \
                 GitHub deletes the last activity after 90 days.",
                &["activity_age"],
            ),
            by_team: catalogue.gauge(
                "seats_by_team",
                "Number of users with a seat, by the team that grants it. A user may be in several teams.",
                &["team", "team_id"],
            ),
        }
    }
}

impl Held {
    fn activity_age(&self) -> &'static str {
        let Some(Instant(last)) = self.last_activity else { return NEVER };
        let age = self.fetched_at - last;
        AGES.iter().find(|(max, _)| age <= *max).map_or(OLDER, |(_, label)| label)
    }
}
