//! The documents of days in the store.
//!
//! A document that was fetched is stored as pending, and a run that can map it makes it the good one: so
//! a malformed revision does not replace what it revises.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::model::day::{day_of, is_final};
use crate::model::digest::sha256;
use crate::model::{Document, Documents, Target};
use crate::store::{Key, Slot, Store, StoreError};

/// How often a day is fetched again that GitHub may still revise.
pub const REVISION_INTERVAL: SignedDuration = SignedDuration::from_hours(6);

/// Whether a stored document of a day need not be fetched again: it is final, or new.
pub fn is_current(document: &Document, day: Date, now: Timestamp) -> bool {
    let confirmed_at = document.confirmed_at;
    let age = now.duration_since(confirmed_at);
    is_final(day, day_of(confirmed_at)) || (SignedDuration::ZERO..REVISION_INTERVAL).contains(&age)
}

/// What became of a document that was fetched again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Its content is that of the stored one.
    Confirmed,
    /// Its content is new.
    Revised,
}

/// The newest stored version of the document of a day, which may only note that there is none.
pub async fn stored(
    store: &dyn Store,
    target: &Target,
    name: &str,
    day: Date,
) -> Result<Option<Document>, StoreError> {
    let good = Key::document(target, name, Some(day), Slot::Good);
    match store.get(&good.in_slot(Slot::Pending)).await? {
        Some(document) => Ok(Some(document)),
        None => store.get(&good).await,
    }
}

/// Stores the document of a day.
pub async fn keep(
    store: &dyn Store,
    target: &Target,
    name: &str,
    day: Date,
    document: &Document,
) -> Result<Kept, StoreError> {
    let good = Key::document(target, name, Some(day), Slot::Good);
    let pending = good.in_slot(Slot::Pending);
    let has_content =
        |stored: Option<Document>| stored.is_some_and(|stored| stored.has_content_of(document));
    if has_content(store.get(&good).await?) {
        store.confirm(&good, document, document.confirmed_at).await?;
        // It is what it was before a revision.
        store.remove(&pending).await?;
        return Ok(Kept::Confirmed);
    }
    if has_content(store.get(&pending).await?) {
        store.confirm(&pending, document, document.confirmed_at).await?;
        return Ok(Kept::Confirmed);
    }
    store.put(&pending, document).await?;
    Ok(Kept::Revised)
}

/// Notes that there is no document of a day, and never will be.
pub async fn keep_absent(
    store: &dyn Store,
    target: &Target,
    name: &str,
    day: Date,
    note: &Document,
) -> Result<(), StoreError> {
    store.put(&Key::document(target, name, Some(day), Slot::Good), note).await.map(drop)
}

/// The days of which a target has documents, and their keys.
#[derive(Clone, Debug, Default)]
pub struct Days(BTreeMap<Date, Vec<Key>>);

impl Days {
    /// Those in a store.
    pub async fn list(store: &dyn Store, target: &Target) -> Result<Self, StoreError> {
        let mut days: BTreeMap<Date, Vec<Key>> = BTreeMap::new();
        for key in store.list(target).await? {
            if let Some(day) = key.day.filter(|_| key.mapping().is_none()) {
                days.entry(day).or_default().push(key);
            }
        }
        Ok(Self(days))
    }

    /// Adds a document that has been stored since.
    pub fn add(&mut self, target: &Target, name: &str, day: Date) {
        let keys = self.0.entry(day).or_default();
        for slot in [Slot::Good, Slot::Pending] {
            let key = Key::document(target, name, Some(day), slot);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }

    /// Whether there is a document of a day, or the note that there is none.
    pub fn has(&self, day: Date, name: &str) -> bool {
        self.0.get(&day).is_some_and(|keys| keys.iter().any(|key| key.name == name))
    }

    /// The days, oldest first.
    pub fn days(&self) -> impl Iterator<Item = Date> {
        self.0.keys().copied()
    }

    /// Identifies the list: it changes when a document is added, accepted or removed.
    pub fn digest(&self) -> String {
        let text = |(day, keys): (&Date, &Vec<Key>)| {
            let mut keys: Vec<_> =
                keys.iter().map(|key| format!("{} {:?},", key.name, key.slot)).collect();
            keys.sort();
            format!("{day}: {};", keys.concat())
        };
        sha256(self.0.iter().map(text))
    }

    /// Loads the documents of a day.
    pub async fn load(&self, store: &dyn Store, day: Date) -> Result<DayDocuments, StoreError> {
        let mut documents = DayDocuments::default();
        for key in self.0.get(&day).into_iter().flatten() {
            // One that is gone was accepted in the meantime, and another key has it.
            let Some(document) = store.get(key).await? else { continue };
            documents.add(&key.name, key.slot, document);
        }
        Ok(documents)
    }
}

/// The documents of one day.
#[derive(Clone, Default)]
pub struct DayDocuments {
    /// The newest version of each.
    pub newest: Documents,
    /// The last version of each that a mapping accepted.
    pub good: Documents,
    /// Notes that there is none.
    pub absent: Documents,
}

impl DayDocuments {
    /// Adds a document, or the note that there is none.
    pub fn add(&mut self, name: &str, slot: Slot, document: Document) {
        if document.is_absent() {
            self.absent.insert(name.to_owned(), document);
        } else if slot == Slot::Good {
            self.good.insert(name.to_owned(), document.clone());
            self.newest.entry(name.to_owned()).or_insert(document);
        } else {
            self.newest.insert(name.to_owned(), document);
        }
    }

    /// What is stored under a name: the newest version, or the note that there is none.
    pub fn stored(&self, name: &str) -> Option<&Document> {
        self.newest.get(name).or_else(|| self.absent.get(name))
    }

    /// The documents that no mapping has accepted, among those that one has accepted now.
    pub fn newly_accepted<'a>(&'a self, used: &'a Documents) -> impl Iterator<Item = &'a str> {
        let is_new = |name: &&str, document: &Document| {
            let is_newest = self.newest.get(*name).is_some_and(|of| of.has_content_of(document));
            is_newest && !self.good.get(*name).is_some_and(|good| good.has_content_of(document))
        };
        let used = used.iter().map(|(name, document)| (name.as_str(), document));
        used.filter(move |(name, document)| is_new(name, document)).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::body::Body;
    use crate::model::{Part, Scope};
    use crate::store::Memory;

    const DAY: Date = date(2026, 11, 20);

    fn target() -> Target {
        Target::new(Scope::Organization, "octo-org").unwrap()
    }

    fn document(second: i64, text: &str) -> Document {
        let body = Body::of(text.as_bytes()).unwrap();
        let part = Part { body, validator: None, next: None, day: Some(DAY) };
        Document::new(vec![part], Timestamp::from_second(second).unwrap(), Some(DAY))
    }

    async fn load(store: &Memory) -> DayDocuments {
        let days = Days::list(store, &target()).await.unwrap();
        assert_eq!(days.days().collect::<Vec<_>>(), [DAY]);
        days.load(store, DAY).await.unwrap()
    }

    #[test]
    fn a_day_that_is_not_final_is_current_for_six_hours() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut users = document(0, "users");
        users.confirmed_at = at("2026-11-23T23:59:59Z");
        assert!(is_current(&users, DAY, at("2026-11-24T05:59:00Z")));
        assert!(!is_current(&users, DAY, at("2026-11-24T06:00:00Z")));
        // A clock was wrong when it was stored.
        assert!(!is_current(&users, DAY, at("2026-11-22T00:00:00Z")));
        users.confirmed_at = at("2026-11-24T00:00:00Z");
        assert!(is_current(&users, DAY, at("2027-11-24T00:00:00Z")));
    }

    #[tokio::test]
    async fn a_revision_replaces_the_good_version_only_when_a_mapping_accepts_it() {
        let (store, target) = (Memory::default(), target());
        let keep_one = async |document: &Document| {
            keep(&store, &target, "users", DAY, document).await.unwrap()
        };
        let (first, second) = (document(1, "first"), document(2, "second"));
        assert_eq!(keep_one(&first).await, Kept::Revised);
        let loaded = load(&store).await;
        assert!(loaded.good.is_empty());
        assert_eq!(loaded.newly_accepted(&loaded.newest).collect::<Vec<_>>(), ["users"]);
        store.accept(&Key::document(&target, "users", Some(DAY), Slot::Good)).await.unwrap();
        assert_eq!(keep_one(&second).await, Kept::Revised);
        assert_eq!(keep_one(&document(3, "second")).await, Kept::Confirmed);
        let loaded = load(&store).await;
        assert_eq!(loaded.good["users"], first);
        assert!(loaded.newest["users"].has_content_of(&second));
        // The good version was used in place of a malformed one: that accepts nothing.
        assert_eq!(loaded.newly_accepted(&loaded.good).count(), 0);
        // It is revised back.
        assert_eq!(keep_one(&document(4, "first")).await, Kept::Confirmed);
        let loaded = load(&store).await;
        assert!(loaded.newest["users"].has_content_of(&first));
        let stored = stored(&store, &target, "users", DAY).await.unwrap().unwrap();
        assert_eq!(stored.confirmed_at, Timestamp::from_second(4).unwrap());
    }
}
