//! Basic authentication against bcrypt hashes. RFC 7617.
//!
//! A hash takes a tenth of a second of a core by design. It is computed on a thread for blocking work,
//! one at a time, and its result is remembered, because a password comes with every scrape. An unknown
//! user takes as long as a known one. An address that sends wrong passwords has to wait.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::failures::FailuresByAddress;
use crate::model::Secret;

/// The number of hashes that are computed at once, and of requests that may wait for theirs.
const MAX_COMPUTING: usize = 1;
const MAX_WAITING: usize = 8;
/// The number of results that are remembered, of accepted and of rejected passwords each.
const MAX_RESULTS: usize = 100;

/// The users that are admitted.
pub(super) struct Users {
    hashes: BTreeMap<String, Secret>,
    /// The hash for unknown users: no password matches it, and it is as costly as the others.
    unknown_user_hash: Secret,
    results: Arc<Mutex<Results>>,
    failures: Arc<Mutex<FailuresByAddress>>,
    computing: Arc<Semaphore>,
    waiting: Semaphore,
}

/// Identifies a request's user, password and expected hash. The password can't be computed from it.
type Key = [u8; 32];

/// The results of earlier requests. Rejected passwords, of which anyone can send many, don't displace
/// accepted ones.
#[derive(Default)]
struct Results {
    admitted: HashSet<Key>,
    rejected: HashSet<Key>,
}

impl Results {
    fn get(&self, key: &Key) -> Option<Admission> {
        if self.admitted.contains(key) {
            return Some(Admission::Admitted);
        }
        self.rejected.contains(key).then_some(Admission::Rejected)
    }

    fn insert(&mut self, key: Key, is_admitted: bool) {
        let keys = if is_admitted { &mut self.admitted } else { &mut self.rejected };
        if keys.len() >= MAX_RESULTS {
            keys.clear();
        }
        keys.insert(key);
    }
}

/// Whether a request is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It comes from a user.
    Admitted,
    /// It does not.
    Rejected,
    /// Too many other requests are waiting for their hash.
    Busy,
}

impl Users {
    /// Users with their bcrypt hashes.
    pub(super) fn new(hashes: BTreeMap<String, Secret>) -> Self {
        let cost = |hash: &Secret| hash.expose().split('$').nth(2).unwrap_or("10").to_owned();
        let cost = hashes.values().map(cost).max().unwrap_or_else(|| "10".to_owned());
        // A salt and a hash for which no password is known.
        let hash = format!("$2b${cost}$abcdefghijklmnopqrstuu5Vn2RZ3mcEvBPeYUzlgKtaGmMYLJ7hS");
        Self {
            hashes,
            unknown_user_hash: Secret::new(hash),
            results: Arc::default(),
            failures: Arc::default(),
            computing: Arc::new(Semaphore::new(MAX_COMPUTING)),
            waiting: Semaphore::new(MAX_WAITING),
        }
    }

    /// Remembers the results of earlier settings. They are of no use for a password that has changed.
    pub(super) fn remember(&mut self, earlier: &Self) {
        self.results = Arc::clone(&earlier.results);
        self.failures = Arc::clone(&earlier.failures);
    }

    /// Checks whether a request comes from a user. `address` is where it comes from.
    pub(super) async fn admit(&self, headers: &HeaderMap, address: Option<IpAddr>) -> Admission {
        let Some((user, password)) = basic_credentials(headers) else {
            return Admission::Rejected;
        };
        let (is_known, hash) = match self.hashes.get(&user) {
            Some(hash) => (true, hash.clone()),
            None => (false, self.unknown_user_hash.clone()),
        };
        let key = key(&user, &password, &hash);
        if let Some(result) = self.results().get(&key) {
            return result;
        }
        let Ok(_waiting) = self.waiting.try_acquire() else { return Admission::Busy };
        let Some(check) = Check::begin(&self.failures, address) else { return Admission::Busy };
        // It is never closed.
        let Ok(permit) = Arc::clone(&self.computing).acquire_owned().await else {
            return Admission::Busy;
        };
        // Another request may have had the same password.
        if let Some(result) = self.results().get(&key) {
            return result;
        }
        let results = Arc::clone(&self.results);
        // It continues if the client disconnects: the result is kept for the next request.
        let verified = spawn_blocking(move || {
            let (_permit, mut check) = (permit, check);
            let is_admitted = bcrypt::verify(password, hash.expose()).unwrap_or(false) && is_known;
            check.was_right = Some(is_admitted);
            results.lock().unwrap_or_else(PoisonError::into_inner).insert(key, is_admitted);
            is_admitted
        });
        match verified.await {
            Ok(true) => Admission::Admitted,
            _ => Admission::Rejected,
        }
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A password of an address is being checked. It ends when it is dropped.
struct Check {
    failures: Arc<Mutex<FailuresByAddress>>,
    address: Option<IpAddr>,
    was_right: Option<bool>,
}

impl Check {
    /// `None`: the address has to wait.
    fn begin(failures: &Arc<Mutex<FailuresByAddress>>, address: Option<IpAddr>) -> Option<Self> {
        let may_begin = address.is_none_or(|address| {
            let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
            failures.begin(address, Instant::now())
        });
        may_begin.then(|| Self { failures: Arc::clone(failures), address, was_right: None })
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = self.address {
            failures.end(address, self.was_right, Instant::now());
        }
    }
}

fn key(user: &str, password: &[u8], hash: &Secret) -> Key {
    let mut digest = Sha256::new();
    for piece in [user.as_bytes(), password, hash.expose().as_bytes()] {
        digest.update((piece.len() as u64).to_le_bytes());
        digest.update(piece);
    }
    digest.finalize().into()
}

/// The user and password of a request.
fn basic_credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let (user, password) = decoded.split_at_checked(colon)?;
    Some((String::from_utf8(user.to_vec()).ok()?, password.get(1..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(user: &str, password: &str) -> HeaderMap {
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        HeaderMap::from_iter([(AUTHORIZATION, format!("Basic {encoded}").parse().unwrap())])
    }

    fn users() -> Users {
        let hash = bcrypt::hash("right", 5).unwrap();
        Users::new(BTreeMap::from([("me".to_owned(), Secret::new(hash))]))
    }

    fn number_of_results(users: &Users) -> usize {
        let results = users.results();
        results.admitted.len() + results.rejected.len()
    }

    #[tokio::test]
    async fn an_unknown_user_costs_a_hash_too() {
        let users = users();
        assert!(users.unknown_user_hash.expose().starts_with("$2b$05$"));
        assert!(bcrypt::verify("right", users.unknown_user_hash.expose()).is_ok_and(|is| !is));
        for (user, password, admission) in [
            ("me", "right", Admission::Admitted),
            ("me", "wrong", Admission::Rejected),
            ("unknown", "right", Admission::Rejected),
        ] {
            let before = number_of_results(&users);
            assert_eq!(users.admit(&headers(user, password), None).await, admission, "{user}");
            // Each hash is computed once.
            assert_eq!(number_of_results(&users), before + 1);
            assert_eq!(users.admit(&headers(user, password), None).await, admission, "{user}");
            assert_eq!(number_of_results(&users), before + 1);
        }
        assert_eq!(users.admit(&HeaderMap::new(), None).await, Admission::Rejected);
    }

    #[tokio::test]
    async fn a_flood_of_wrong_passwords_does_not_keep_out_a_user_who_was_admitted_before() {
        let users = users();
        assert_eq!(users.admit(&headers("me", "right"), None).await, Admission::Admitted);
        for number in 0..3 * MAX_RESULTS {
            let wrong = headers("me", &number.to_string());
            assert_ne!(users.admit(&wrong, None).await, Admission::Admitted);
        }
        let _others = users.waiting.try_acquire_many(MAX_WAITING as u32).unwrap();
        assert_eq!(users.admit(&headers("me", "right"), None).await, Admission::Admitted);
        // Others are told at once that there is no capacity.
        assert_eq!(users.admit(&headers("me", "new"), None).await, Admission::Busy);
    }

    #[tokio::test]
    async fn who_was_admitted_before_a_reload_needs_no_hash_after_it() {
        let (earlier, mut users) = (users(), users());
        users.hashes = earlier.hashes.clone();
        assert_eq!(earlier.admit(&headers("me", "right"), None).await, Admission::Admitted);
        users.remember(&earlier);
        let _others = users.waiting.try_acquire_many(MAX_WAITING as u32).unwrap();
        assert_eq!(users.admit(&headers("me", "right"), None).await, Admission::Admitted);
        // A password that has changed is not remembered.
        users.hashes.insert("me".to_owned(), Secret::new(bcrypt::hash("other", 5).unwrap()));
        assert_eq!(users.admit(&headers("me", "right"), None).await, Admission::Busy);
    }

    #[tokio::test]
    async fn an_address_that_guesses_passwords_has_to_wait_and_others_do_not() {
        let users = users();
        let [guesser, scraper] = [1, 2].map(|last| Some(IpAddr::from([192, 0, 2, last])));
        let mut rejected = 0;
        for number in 0..20 {
            let guess = headers("me", &number.to_string());
            rejected += usize::from(users.admit(&guess, guesser).await == Admission::Rejected);
        }
        assert!((3..20).contains(&rejected), "{rejected}");
        assert_eq!(users.admit(&headers("me", "right"), scraper).await, Admission::Admitted);
    }
}
