//! Billing usage: AI credits of a day and of a month, and the premium requests that preceded them.
//!
//! Sources: <https://docs.github.com/en/rest/billing/usage>,
//! <https://docs.github.com/en/enterprise-cloud@latest/rest/billing/usage>.

mod body;
pub mod by_organization;
mod families;
mod month;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::body::{Body, TimePeriod};
use self::families::{CostCenterFamilies, Families, MonthFamilies};
use self::month::Month;
use self::sums::Sums;
use crate::collector::{self, Collector, Collectors};
use crate::contract::{FetchKind, Scope};
use crate::input::{
    Count, Day, Field, Framing, MAX_FUTURE_SECONDS, Problem, Rank, Rejected, Row, Version, by_size,
};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::{
    DocumentDefinition, ENTERPRISE_BILLING, ORGANIZATION_BILLING, Registration,
};
use crate::settings::{OptionDefinition, Settings};

pub const REGISTRATION: Registration = Registration {
    documents: DOCUMENTS,
    framing: Framing::Object,
    options: &[PREMIUM_REQUESTS],
    ..Registration::new(collector::new::<UsageCollector>)
};

/// Premium requests were billed until the end of May 2026. They are history, so they are off by default.
const PREMIUM_REQUESTS: OptionDefinition = OptionDefinition {
    name: "premium-requests",
    help: "Set to true to add the usage of premium requests, which GitHub billed until the end of \
           May 2026: for a backfill of the months before.",
};

const DAY: &str = "ai-credit-usage-day";
const MONTH: &str = "ai-credit-usage-month";
const PREMIUM_DAY: &str = "premium-request-usage-day";
const PREMIUM_MONTH: &str = "premium-request-usage-month";
const UNASSIGNED_MONTH: &str = "ai-credit-usage-month-unassigned";
/// The cost center of usage that no cost center is charged for.
pub const UNASSIGNED: &str = "none";

/// The documents of a scope with the same name follow one another in the same order, so that the place
/// of a name is the place of its first scope.
const DOCUMENTS: &[DocumentDefinition] = &[
    joined(
        organization(
            DAY,
            "/organizations/{org}/settings/billing/ai_credit/usage?year={year}&month={month}&day={day-of-month}",
        ),
        "organization-1-day",
    ),
    organization(
        MONTH,
        "/organizations/{org}/settings/billing/ai_credit/usage?year={year}&month={month}",
    ),
    premium(organization(
        PREMIUM_DAY,
        "/organizations/{org}/settings/billing/premium_request/usage?year={year}&month={month}&day={day-of-month}",
    )),
    premium(organization(
        PREMIUM_MONTH,
        "/organizations/{org}/settings/billing/premium_request/usage?year={year}&month={month}",
    )),
    joined(
        enterprise(
            DAY,
            "/enterprises/{enterprise}/settings/billing/ai_credit/usage?year={year}&month={month}&day={day-of-month}",
        ),
        "enterprise-1-day",
    ),
    enterprise(
        MONTH,
        "/enterprises/{enterprise}/settings/billing/ai_credit/usage?year={year}&month={month}",
    ),
    premium(enterprise(
        PREMIUM_DAY,
        "/enterprises/{enterprise}/settings/billing/premium_request/usage?year={year}&month={month}&day={day-of-month}",
    )),
    premium(enterprise(
        PREMIUM_MONTH,
        "/enterprises/{enterprise}/settings/billing/premium_request/usage?year={year}&month={month}",
    )),
    enterprise(
        UNASSIGNED_MONTH,
        "/enterprises/{enterprise}/settings/billing/ai_credit/usage?year={year}&month={month}&cost_center_id=none",
    ),
];

/// Usage of a day is billed a day before it is reported. It is fetched for the day of the report as well, so
/// that cost can be divided by what was done on that day.
const fn joined(document: DocumentDefinition, report: &'static str) -> DocumentDefinition {
    DocumentDefinition { same_day_as: Some(report), ..document }
}

const fn organization(name: &'static str, path: &'static str) -> DocumentDefinition {
    DocumentDefinition {
        permission: Some(ORGANIZATION_BILLING),
        ..DocumentDefinition::new(Scope::Organization, name, path, FetchKind::Plain)
    }
}

const fn enterprise(name: &'static str, path: &'static str) -> DocumentDefinition {
    DocumentDefinition {
        permission: Some(ENTERPRISE_BILLING),
        ..DocumentDefinition::new(Scope::Enterprise, name, path, FetchKind::Plain)
    }
}

const fn premium(document: DocumentDefinition) -> DocumentDefinition {
    DocumentDefinition { only_with: Some(PREMIUM_REQUESTS.name), ..document }
}

/// What is billed. Of a day that has both, AI credits count where they have the same items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    PremiumRequests,
    AiCredits,
}

/// Collects usage; without `history`, only that of the newest day and month.
pub struct UsageCollector {
    history: bool,
    day_families: Families,
    day_start: FamilyId,
    month_families: MonthFamilies,
    cost_center_families: CostCenterFamilies,
    days: BTreeMap<Day, BTreeMap<Source, Version<Sums>>>,
    months: BTreeMap<Day, BTreeMap<Source, Version<Month>>>,
    /// The usage of a month by the id of its cost center.
    cost_centers: BTreeMap<(Day, String), Version<(String, Month)>>,
}

impl Collector for UsageCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        Self {
            history: settings.history,
            day_families: Families::declare(catalogue, "ai_usage_day", "on the billing day"),
            day_start: catalogue.gauge(
                "ai_usage_day_timestamp_seconds",
                "Start (00:00 UTC) of the billing day of the AI usage, in seconds since 1970-01-01.",
                &[],
            ),
            month_families: MonthFamilies::declare(catalogue),
            cost_center_families: CostCenterFamilies::declare(catalogue),
            days: BTreeMap::new(),
            months: BTreeMap::new(),
            cost_centers: BTreeMap::new(),
        }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (requested, rank) = (row.report_day, row.rank);
        let name = DOCUMENTS.get(rank.document).map_or(DAY, |document| document.name);
        let (body, mut notes) = row.decode::<Body>(&[])?;
        let Body { time_period, usage_items, cost_center, .. } = body;
        let items = notes.required(usage_items, "usageItems")?;
        let is_empty = items.list.is_empty();
        if is_empty && items.has_lost {
            return Err(Rejected::Row);
        }
        let is_day = matches!(name, DAY | PREMIUM_DAY);
        let period = time_period.into_option().unwrap_or_default();
        let latest = rank.fetched_at.saturating_add(MAX_FUTURE_SECONDS);
        let Some(first) = start(&period, requested, is_day).filter(|day| day.is_plausible(latest))
        else {
            notes.note("timePeriod", Problem::Missing);
            return Err(Rejected::Row);
        };
        let sums = Sums::of(&items.list);
        let source = match name {
            PREMIUM_DAY | PREMIUM_MONTH => Source::PremiumRequests,
            _ => Source::AiCredits,
        };
        // Only the time decides: the names of the documents are different things.
        let rank = Rank { document: 0, ..rank };
        let differs = if is_day {
            let versions = self.days.entry(first).or_default();
            Version::keep_in(versions, source, Version::new(rank, sums), by_size(Sums::size))
        } else {
            let month = Month { first, requested, fetched_at: rank.fetched_at, sums };
            if name == UNASSIGNED_MONTH {
                let center = cost_center.into_option().unwrap_or_default();
                let (id, name) = center.0.labels();
                let version = Version::new(rank, (name, month));
                let size = |(_, month): &(String, Month)| month.sums.size();
                Version::keep_in(&mut self.cost_centers, (first, id), version, by_size(size))
            } else {
                let versions = self.months.entry(first).or_default();
                let size = |month: &Month| month.sums.size();
                Version::keep_in(versions, source, Version::new(rank, month), by_size(size))
            }
        };
        if differs {
            notes.note("usageItems", Problem::Conflict);
        }
        Ok(())
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        for (day, versions) in self.shown(&self.days) {
            let at = day.start_ms();
            let sums = merged(versions.values().map(|version| &version.value));
            self.day_families.push(samples, &sums, at);
            samples.push(self.day_start, &[], (at / 1000) as f64, at);
        }
        for (_, versions) in self.shown(&self.months) {
            let months = versions.values().map(|version| &version.value);
            let Some(newest) = months.max_by_key(|month| month.fetched_at) else { continue };
            let sums = merged(versions.values().map(|version| &version.value.sums));
            self.month_families.push(samples, newest, &sums);
        }
        let newest = self.cost_centers.keys().map(|(month, _)| *month).max();
        for ((first, id), version) in &self.cost_centers {
            if self.history || newest == Some(*first) {
                let (name, month) = &version.value;
                self.cost_center_families.push(samples, [name, id], month);
            }
        }
    }
}

impl UsageCollector {
    /// The days or months that samples are about.
    fn shown<'a, T>(&self, all: &'a BTreeMap<Day, T>) -> impl Iterator<Item = (&'a Day, &'a T)> {
        let skipped = if self.history { 0 } else { all.len().saturating_sub(1) };
        all.iter().skip(skipped)
    }

    /// The net amount in dollars of the AI credits of the month so far, if the newest month is the one of
    /// an instant, in seconds since 1970-01-01T00:00:00Z.
    pub fn net_dollars_of_month(&self, at: i64) -> Option<f64> {
        let (first, versions) = self.months.last_key_value()?;
        let is_of_month = Day::of_seconds(at)?.first_of_month() == *first;
        let month = versions.get(&Source::AiCredits).filter(|_| is_of_month)?;
        Some(month.value.sums.net_dollars().unwrap_or_default())
    }

    /// The day that the newest month is about, in milliseconds since 1970-01-01T00:00:00Z.
    pub fn day_of_month_ms(&self) -> Option<i64> {
        let (_, versions) = self.months.last_key_value()?;
        versions.values().map(|version| version.value.about_ms()).max()
    }

    /// The net amount in dollars of the usage that no cost center is charged for, of the month of an instant,
    /// in seconds since 1970-01-01T00:00:00Z.
    pub fn unassigned_net_dollars(&self, at: i64) -> Option<f64> {
        let key = (Day::of_seconds(at)?.first_of_month(), UNASSIGNED.to_owned());
        self.cost_centers.get(&key)?.value.1.sums.net_dollars()
    }
}

/// Adds up what is billed. Of items with the same labels, the later source counts.
fn merged<'a>(sources: impl Iterator<Item = &'a Sums>) -> Sums {
    let mut merged = Sums::default();
    for sums in sources {
        merged.replace(sums);
    }
    merged
}

/// The day or the first day of the month that a body is about: what it says, or what was requested.
fn start(period: &TimePeriod, requested: Option<Day>, is_day: bool) -> Option<Day> {
    let number = |field: &Field<Count>| field.get().map(|of| of.0);
    let (year, month, day) = (number(&period.year), number(&period.month), number(&period.day));
    let said = match (year, month, day) {
        (Some(year), Some(month), Some(day)) if is_day => Day::from_numbers(year, month, Some(day)),
        (Some(year), Some(month), _) if !is_day => Day::from_numbers(year, month, None),
        (None, None, None) => requested,
        _ => None,
    };
    said.map(|day| if is_day { day } else { day.first_of_month() })
}
