//! The versions of a target's documents: the newest one, and the last one that a mapping accepted.

use crate::model::{Document, Documents};

/// The documents of a target. Everything about which version counts is decided here.
#[derive(Default)]
pub(super) struct Versions {
    newest: Documents,
    good: Documents,
}

/// What became of a document that was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// Its content is new.
    New,
    /// GitHub confirmed the content of the newest version, which is also the last good one.
    ConfirmedGood,
    /// GitHub confirmed the content of the newest version, which no mapping has accepted.
    ConfirmedPending,
}

impl Versions {
    /// The stored versions.
    pub(super) fn new(good: Documents, pending: Documents) -> Self {
        let mut newest = good.clone();
        // A crash may have left one that has been replaced.
        let is_newer = |(name, pending): &(String, Document)| {
            good.get(name).is_none_or(|good| good.fetched_at <= pending.fetched_at)
        };
        newest.extend(pending.into_iter().filter(is_newer));
        Self { newest, good }
    }

    /// The newest version of each document.
    pub(super) fn newest(&self) -> &Documents {
        &self.newest
    }

    /// The last version of each document that a mapping accepted.
    pub(super) fn good(&self) -> &Documents {
        &self.good
    }

    /// Takes a document that was fetched.
    pub(super) fn fetched(&mut self, name: &str, document: Document) -> Fetched {
        let confirms =
            |old: Option<&Document>| old.is_some_and(|old| old.has_content_of(&document));
        let is_confirmed = confirms(self.newest.get(name));
        let is_good = confirms(self.good.get(name));
        if is_good {
            self.good.insert(name.to_owned(), document.clone());
        }
        self.newest.insert(name.to_owned(), document);
        match (is_confirmed, is_good) {
            (true, true) => Fetched::ConfirmedGood,
            (true, false) => Fetched::ConfirmedPending,
            // A version that returns to the last good content is as good as that one.
            (false, _) => Fetched::New,
        }
    }

    /// A mapping accepted the newest version of a document. Returns whether that is news.
    pub(super) fn accept(&mut self, name: &str) -> bool {
        let Some(newest) = self.newest.get(name) else { return false };
        if self.good.get(name).is_some_and(|good| good.has_content_of(newest)) {
            return false;
        }
        self.good.insert(name.to_owned(), newest.clone());
        true
    }

    /// Whether the newest version of a document has not been accepted by any mapping.
    pub(super) fn is_pending(&self, name: &str) -> bool {
        let newest = self.newest.get(name);
        newest.is_some_and(|newest| {
            !self.good.get(name).is_some_and(|good| good.has_content_of(newest))
        })
    }

    /// Takes a document of other versions, if there is none of its name.
    pub(super) fn take_missing(&mut self, name: &str, other: &Self) {
        for (own, other) in [(&mut self.newest, &other.newest), (&mut self.good, &other.good)] {
            if let Some(document) = other.get(name).filter(|_| !own.contains_key(name)) {
                own.insert(name.to_owned(), document.clone());
            }
        }
    }

    /// Removes a document.
    pub(super) fn remove(&mut self, name: &str) -> Option<Document> {
        self.good.remove(name);
        self.newest.remove(name)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::body::Body;
    use crate::model::Part;

    fn document(second: i64, text: &str) -> Document {
        let body = Body::of(text.as_bytes()).unwrap();
        let parts = vec![Part { body, validator: None, next: None, day: None }];
        Document::new(parts, Timestamp::from_second(second).unwrap(), None)
    }

    #[test]
    fn a_rejected_version_never_takes_the_place_of_the_good_one() {
        let mut versions = Versions::default();
        assert_eq!(versions.fetched("seats", document(1, "good")), Fetched::New);
        assert!(versions.is_pending("seats"));
        assert!(versions.accept("seats"));
        assert_eq!(versions.fetched("seats", document(2, "malformed")), Fetched::New);
        assert_eq!(versions.good().get("seats"), Some(&document(1, "good")));
        assert!(versions.is_pending("seats"));
        // The same again is not news.
        let again = versions.fetched("seats", document(3, "malformed"));
        assert_eq!(again, Fetched::ConfirmedPending);
        assert_eq!(versions.good().get("seats"), Some(&document(1, "good")));
        // A mapping that can read it changes that.
        assert!(versions.accept("seats"));
        assert!(!versions.accept("seats"));
        assert_eq!(versions.fetched("seats", document(4, "malformed")), Fetched::ConfirmedGood);
    }

    #[test]
    fn stored_versions_are_told_apart_after_a_restart() {
        let good = Documents::from([("seats".to_owned(), document(1, "good"))]);
        let pending = Documents::from([("seats".to_owned(), document(2, "pending"))]);
        let versions = Versions::new(good.clone(), pending.clone());
        assert_eq!(versions.newest(), &pending);
        assert_eq!(versions.good(), &good);
        assert!(versions.is_pending("seats"));
        // A crash between storing a good version and removing the pending one leaves both.
        let newer = Documents::from([("seats".to_owned(), document(3, "newer"))]);
        assert_eq!(Versions::new(newer.clone(), pending).newest(), &newer);
    }
}
