//! Fetches days again that GitHub may still revise, and removes those that are too old to be kept.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use tokio::time::Instant;
use tracing::debug;

use super::schedule::Outcome;
use super::target::TargetTask;
use crate::github::Fetched;
use crate::history::{self, Kept, REVISION_INTERVAL, is_current};
use crate::model::day::{is_final, today};
use crate::model::{DocumentSpec, Need};

impl TargetTask {
    /// Fetches the days before the newest one again that are not final yet, if days are kept: so gaps of
    /// the last days are filled too. A failure is left to the next time.
    pub(super) async fn fetch_revisions(&mut self) {
        if !self.shared.store.is_durable() {
            return;
        }
        let now = Instant::now();
        let specs = self.specs.iter().filter(|spec| self.has_newest_day(spec));
        let specs: Vec<DocumentSpec> = specs.cloned().collect();
        for spec in &specs {
            let newest = self.versions.newest().get(&spec.name).and_then(|of| of.report_day);
            let Some(newest) = newest else { continue };
            let today = today();
            let days = unfinished_days(newest, today);
            for day in days.filter(|day| spec.has_day(*day, today)) {
                let next = self.revisions.entry((spec.name.clone(), day)).or_insert(now);
                if *next <= now {
                    *next = now + REVISION_INTERVAL.unsigned_abs();
                    self.fetch_revision(spec, day).await;
                }
            }
        }
        let today = today();
        self.revisions.retain(|(_, day), _| !is_final(*day, today));
    }

    /// Whether the newest day of a document is known.
    fn has_newest_day(&self, spec: &DocumentSpec) -> bool {
        let is_fresh = self.schedule.outcome(&spec.name).is_some_and(Outcome::is_fresh);
        spec.is_of_day() && spec.need != Need::Offline && is_fresh
    }

    async fn fetch_revision(&mut self, spec: &DocumentSpec, day: Date) {
        let (store, target) = (&*self.shared.store, &self.settings.target);
        let old = history::stored(store, target, &spec.name, day).await;
        let old = self.shared.note_store_error(target, "load", old).flatten();
        if old.as_ref().is_some_and(|old| is_current(old, day, Timestamp::now())) {
            return;
        }
        let [org, scope] = target.labels();
        match self.client.fetch_day(spec, day, old.as_ref()).await {
            Ok(Fetched::Fresh(document)) => {
                let kept = history::keep(store, target, &spec.name, day, &document).await;
                let kept = self.shared.note_store_error(target, "save", kept);
                if kept == Some(Kept::Revised) {
                    self.revised += 1;
                    debug!(org, scope, document = spec.name, %day, "revised");
                }
            }
            Ok(Fetched::Absent | Fetched::Final) => {}
            Err(error) => debug!(org, scope, document = spec.name, %day, %error, "not revised"),
        }
    }

    /// Removes the documents of days that are too old to be kept.
    pub(super) async fn remove_old_days(&mut self) {
        let first = today().saturating_sub(i64::from(self.settings.history.keep_days).days());
        if !self.shared.store.is_durable() || self.kept_since == Some(first) {
            return;
        }
        self.kept_since = Some(first);
        let target = self.target();
        let keys = self.shared.store.list(target).await;
        let keys = self.shared.note_store_error(target, "load", keys).unwrap_or_default();
        for key in keys.into_iter().filter(|key| key.day.is_some_and(|day| day < first)) {
            let removed = self.shared.store.remove(&key).await;
            self.shared.note_store_error(target, "save", removed);
        }
    }
}

/// The days before the newest one that GitHub may still revise, newest first.
fn unfinished_days(newest: Date, today: Date) -> impl Iterator<Item = Date> {
    let days = (1..).map_while(move |age: i64| newest.checked_sub(age.days()).ok());
    days.take_while(move |day| !is_final(*day, today))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_days_of_the_last_four_that_are_not_the_newest_are_fetched_again() {
        let days = |newest, today| unfinished_days(newest, today).collect::<Vec<_>>();
        assert_eq!(
            days(date(2027, 1, 1), date(2027, 1, 2)),
            [date(2026, 12, 31), date(2026, 12, 30)]
        );
        assert_eq!(days(date(2026, 12, 31), date(2027, 1, 2)), [date(2026, 12, 30)]);
        assert!(days(date(2026, 12, 30), date(2027, 1, 2)).is_empty());
        assert!(days(date(2026, 12, 1), date(2027, 1, 2)).is_empty());
    }
}
