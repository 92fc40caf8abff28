//! The newest days of a target: those of its documents, and those that are kept.

use std::collections::BTreeMap;

use jiff::civil::Date;
use tokio_util::task::TaskTracker;

use super::day::{MapFailure, Mapped, Subject, map};
use super::kept::{DayDocuments, Days};
use super::stored::map_day;
use crate::model::Samples;
use crate::output::daily::timestamp_ms;
use crate::runner::Runner;
use crate::store::{Key, Slot, Store};

/// The daily samples of days that `wants` selects: of the newest documents, which may be about many
/// days, and of the documents that are kept of single days. Where both have a family of a day, that of
/// the single day counts.
pub async fn map_recent(
    (runner, store): (&Runner, &dyn Store),
    subject: &Subject<'_>,
    (documents, kept): (&DayDocuments, &Days),
    (prefix, wants): (&str, &(dyn Fn(Date) -> bool + Sync)),
    tracker: &TaskTracker,
) -> Result<Vec<Samples>, MapFailure> {
    let newest = map(runner, subject, documents, tracker).await?;
    let mut of_days: BTreeMap<Date, Mapped> = BTreeMap::new();
    for day in kept.days().filter(|day| wants(*day)) {
        // What can't be read is fetched again some time.
        let Ok(of_day) = kept.load(store, day).await else { continue };
        let is_newest = |(name, document): (&String, &crate::model::Document)| {
            documents.newest.get(name).is_some_and(|newest| newest.has_content_of(document))
        };
        if of_day.newest.iter().all(is_newest) {
            continue;
        }
        let mapped = map_day((runner, store), subject, (day, &of_day), tracker).await?;
        for name in of_day.newly_accepted(&mapped.used) {
            let key = Key::document(subject.target, name, Some(day), Slot::Good);
            // One that stays pending is accepted the next time.
            store.accept(&key).await.ok();
        }
        of_days.insert(day, mapped);
    }
    let time_of = times(&newest, &of_days);
    let is_replaced = |family: &str, day: Date| of_days.get(&day).is_some_and(|of| of.has(family));
    let of_newest =
        |family: &str, day: Date| (wants(day) && !is_replaced(family, day)).then(|| time_of(day));
    let mut samples = newest.into_daily(prefix, of_newest);
    for (day, mapped) in of_days {
        let of_day = |_: &str, other: Date| (other == day).then(|| time_of(day));
        samples.extend(mapped.into_daily(prefix, of_day));
    }
    Ok(samples)
}

/// The timestamp of all samples of a day: it changes with each of the documents about the day.
fn times(newest: &Mapped, of_days: &BTreeMap<Date, Mapped>) -> impl Fn(Date) -> i64 + use<> {
    let of_newest = newest.fetched_at();
    let of_days: BTreeMap<Date, _> =
        of_days.iter().map(|(day, mapped)| (*day, mapped.fetched_at()(*day))).collect();
    move |day| {
        let fetched_at = of_newest(day);
        timestamp_ms(day, of_days.get(&day).map_or(fetched_at, |at| fetched_at.max(*at)))
    }
}
