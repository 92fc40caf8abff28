//! Gets the documents of a day: those that are kept, and from GitHub those that are not.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use tracing::warn;

use super::pace::Pace;
use crate::github::{Client, FetchError, Fetched};
use crate::history::{DayDocuments, Days, is_current, keep, keep_absent};
use crate::model::day::{is_final, today};
use crate::model::{Document, DocumentSpec, Target};
use crate::store::{Slot, Store, StoreError};

/// On how many days a document is looked for: reports come up to four days late.
const PROBED_DAYS: i64 = 5;
/// In how many months a document of months is looked for: one that has just begun may have none yet.
const PROBED_MONTHS: usize = 2;

/// Why GitHub refuses a document.
pub(super) struct Refused {
    /// The error.
    pub reason: String,
    /// Whether it may not exist: an organization need not have reports.
    pub is_not_found: bool,
}

impl Refused {
    fn of(error: &FetchError) -> Self {
        Self { reason: error.to_string(), is_not_found: error.is_not_found() }
    }
}

/// Gets the documents of the days of a target.
pub(super) struct DaySource<'a> {
    client: &'a Client,
    store: Arc<dyn Store>,
    target: Target,
    /// The days that are kept.
    kept: Days,
    /// The documents that mappings want.
    wanted: Vec<DocumentSpec>,
    /// The names of those that are fetched.
    fetched: BTreeSet<String>,
    /// The documents of which GitHub has had any day: a day without a report may look like a report that
    /// the credential may not read.
    seen: BTreeSet<String>,
    /// The documents of days that were requested.
    in_this_run: HashSet<(String, Date)>,
    /// The documents that GitHub refuses, and why: they are not requested again.
    pub(super) refused: BTreeMap<String, Refused>,
    /// The number of requests, without those of files.
    pub(super) requests: u64,
}

impl<'a> DaySource<'a> {
    /// A source of the documents that mappings want, of which those that are not kept are fetched only if
    /// their names are in `fetched`.
    pub(super) fn new(
        client: &'a Client,
        (store, kept): (Arc<dyn Store>, Days),
        target: Target,
        wanted: Vec<DocumentSpec>,
        fetched: BTreeSet<String>,
    ) -> Self {
        Self {
            client,
            store,
            kept,
            target,
            wanted,
            fetched,
            seen: BTreeSet::new(),
            in_this_run: HashSet::new(),
            refused: BTreeMap::new(),
            requests: 0,
        }
    }

    /// Looks for the newest day of each document, from the last day on backwards. One that GitHub does not
    /// find on any of them is not requested again.
    pub(super) async fn probe(&mut self, days: &RangeInclusive<Date>, pace: &mut Pace) {
        let today = today();
        for spec in self.requested() {
            let mut not_found = None;
            for day in probed_days(&spec, days, today) {
                let stored = self.load(day).await;
                match self.fetch(&spec, day, stored.stored(&spec.name), pace).await {
                    Ok(_) => {
                        not_found = None;
                        break;
                    }
                    Err(error) if error.is_not_found() => not_found = Some(error),
                    // It is said of the day itself.
                    Err(_) => break,
                }
            }
            if let Some(error) = not_found {
                self.refused.insert(spec.name, Refused::of(&error));
            }
        }
    }

    /// The documents of a day. The error says why one could not be fetched: the day is not complete.
    pub(super) async fn get(&mut self, day: Date, pace: &mut Pace) -> Result<DayDocuments, String> {
        let mut documents = self.load(day).await;
        let today = today();
        for spec in self.requested().into_iter().filter(|spec| spec.has_day(day, today)) {
            let old = documents.stored(&spec.name).filter(|old| old.is_of(&spec)).cloned();
            match self.fetch(&spec, day, old.as_ref(), pace).await {
                Ok(Some(document)) => documents.add(&spec.name, Slot::Pending, document),
                Ok(None) => {}
                Err(error) if error.is_not_found() => {
                    // The credential may read other days of it: there is no report of this one.
                    if self.seen.contains(&spec.name) {
                        self.note_absent(&spec, day).await;
                    }
                }
                Err(error) if error.is_settled() => {
                    self.refused.insert(spec.name.clone(), Refused::of(&error));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(documents)
    }

    /// What is kept of a day.
    async fn load(&mut self, day: Date) -> DayDocuments {
        let loaded = self.kept.load(&*self.store, day).await;
        let documents = self.note(loaded).unwrap_or_default();
        self.seen.extend(documents.newest.keys().cloned());
        documents
    }

    /// The documents of a day with one of them fetched again, if it is another one now. One that was
    /// fetched in this run is not requested twice.
    pub(super) async fn get_again(
        &mut self,
        name: &str,
        day: Date,
        pace: &mut Pace,
    ) -> Option<DayDocuments> {
        let spec = self.requested().into_iter().find(|spec| spec.name == name)?;
        if !self.in_this_run.insert((name.to_owned(), day)) {
            return None;
        }
        let mut documents = self.load(day).await;
        let document = self.request(&spec, day, None, pace).await.ok()??;
        if documents.stored(name).is_none_or(|old| document.has_content_of(old)) {
            return None;
        }
        documents.add(name, Slot::Pending, document);
        Some(documents)
    }

    /// The documents that GitHub is asked for.
    fn requested(&self) -> Vec<DocumentSpec> {
        let is_requested = |spec: &&DocumentSpec| {
            self.fetched.contains(&spec.name) && !self.refused.contains_key(&spec.name)
        };
        self.wanted.iter().filter(is_requested).cloned().collect()
    }

    /// Fetches the document of a day and keeps it, unless the final one is kept. `None`: it is kept, or
    /// GitHub does not have it.
    async fn fetch(
        &mut self,
        spec: &DocumentSpec,
        day: Date,
        old: Option<&Document>,
        pace: &mut Pace,
    ) -> Result<Option<Document>, FetchError> {
        if old.is_some_and(|old| is_current(old, day, Timestamp::now())) {
            return Ok(None);
        }
        self.in_this_run.insert((spec.name.clone(), day));
        self.request(spec, day, old.filter(|old| !old.is_absent()), pace).await
    }

    /// Requests the document of a day, and keeps it. `None`: GitHub does not have it.
    async fn request(
        &mut self,
        spec: &DocumentSpec,
        day: Date,
        old: Option<&Document>,
        pace: &mut Pace,
    ) -> Result<Option<Document>, FetchError> {
        pace.wait().await;
        self.requests += 1;
        match self.client.fetch_day(spec, day, old).await? {
            Fetched::Fresh(document) => {
                self.seen.insert(spec.name.clone());
                let kept = keep(&*self.store, &self.target, &spec.name, day, &document).await;
                self.note(kept);
                self.kept.add(&self.target, &spec.name, day);
                Ok(Some(document))
            }
            Fetched::Absent | Fetched::Final => {
                self.note_absent(spec, day).await;
                Ok(None)
            }
        }
    }

    /// Notes that GitHub has no document of a day, if it never will.
    async fn note_absent(&mut self, spec: &DocumentSpec, day: Date) {
        if is_final(day, today()) {
            let note = Document::absent(spec, day, Timestamp::now());
            let kept = keep_absent(&*self.store, &self.target, &spec.name, day, &note).await;
            self.note(kept);
            self.kept.add(&self.target, &spec.name, day);
        }
    }

    /// What the store failed to do is done without it.
    fn note<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        let [org, scope] = self.target.labels();
        let failed = |error: &StoreError| warn!(org, scope, %error, "the store failed");
        result.inspect_err(failed).ok()
    }
}

/// The days on which a document is looked for, newest first.
fn probed_days(spec: &DocumentSpec, days: &RangeInclusive<Date>, today: Date) -> Vec<Date> {
    let (first, newest) = (*days.start(), *days.end());
    if !spec.is_of_month() {
        return (0..PROBED_DAYS).map(|age| newest.saturating_sub(age.days())).collect();
    }
    let all = newest.series(-1.day()).take_while(|day| *day >= first);
    all.filter(|day| spec.has_day(*day, today)).take(PROBED_MONTHS).collect()
}
