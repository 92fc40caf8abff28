//! Basic authentication against bcrypt hashes. RFC 7617.
//!
//! A hash takes a tenth of a second of a core on purpose: it is computed on another thread, few at
//! once, and what it came to is remembered for passwords that come with every scrape. A user that is not
//! known takes as long as one that is.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::model::Secret;

/// How many hashes are computed at once, and how many requests may wait for theirs.
const CONCURRENT: usize = 1;
const WAITING: usize = 8;
/// How many results are remembered, of each kind.
const REMEMBERED: usize = 100;

/// The users that may come in.
pub(super) struct Users {
    hashes: BTreeMap<String, Secret>,
    /// The hash of no password at all, as costly as the users'.
    nobody: Secret,
    results: Arc<Mutex<Results>>,
    computing: Arc<Semaphore>,
    waiting: Semaphore,
}

/// What hashes came to. Wrong passwords, of which anybody may send many, don't push out right ones.
#[derive(Default)]
struct Results {
    right: HashSet<[u8; 32]>,
    wrong: HashSet<[u8; 32]>,
}

impl Results {
    fn get(&self, key: &[u8; 32]) -> Option<Admission> {
        let right = self.right.contains(key).then_some(Admission::Welcome);
        right.or_else(|| self.wrong.contains(key).then_some(Admission::Refused))
    }

    fn keep(&mut self, key: [u8; 32], admission: Admission) {
        let kept = match admission {
            Admission::Welcome => &mut self.right,
            Admission::Refused | Admission::Busy => &mut self.wrong,
        };
        if kept.len() >= REMEMBERED {
            kept.clear();
        }
        kept.insert(key);
    }
}

/// Whether a request may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It comes from a user.
    Welcome,
    /// It does not.
    Refused,
    /// Too many others wait to be told.
    Busy,
}

impl Users {
    /// Of bcrypt hashes, by name.
    pub(super) fn new(hashes: BTreeMap<String, Secret>) -> Self {
        let cost = |hash: &Secret| hash.expose().split('$').nth(2).unwrap_or("10").to_owned();
        let cost = hashes.values().map(cost).max().unwrap_or_else(|| "10".to_owned());
        // A salt and a hash that no password is known for.
        let nobody = format!("$2b${cost}$abcdefghijklmnopqrstuu5Vn2RZ3mcEvBPeYUzlgKtaGmMYLJ7hS");
        Self {
            hashes,
            nobody: Secret::new(nobody),
            results: Arc::default(),
            computing: Arc::new(Semaphore::new(CONCURRENT)),
            waiting: Semaphore::new(WAITING),
        }
    }

    /// Whether a request comes from one of them.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> Admission {
        let Some((user, password)) = credentials(headers) else { return Admission::Refused };
        let (known, hash) = match self.hashes.get(&user) {
            Some(hash) => (true, hash.clone()),
            None => (false, self.nobody.clone()),
        };
        let key = key(&user, &password, &hash);
        if let Some(result) = self.results().get(&key) {
            return result;
        }
        let Ok(_place) = self.waiting.try_acquire() else { return Admission::Busy };
        // It is never closed.
        let Ok(permit) = Arc::clone(&self.computing).acquire_owned().await else {
            return Admission::Busy;
        };
        // Others may have asked the same meanwhile.
        if let Some(result) = self.results().get(&key) {
            return result;
        }
        let results = Arc::clone(&self.results);
        // Whoever asked may go: the result is kept for the next time.
        let verified = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let right = bcrypt::verify(password, hash.expose()).unwrap_or(false) && known;
            let result = if right { Admission::Welcome } else { Admission::Refused };
            results.lock().unwrap_or_else(PoisonError::into_inner).keep(key, result);
            result
        });
        verified.await.unwrap_or(Admission::Refused)
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands for what was asked: no password is kept.
fn key(user: &str, password: &[u8], hash: &Secret) -> [u8; 32] {
    let mut digest = Sha256::new();
    for piece in [user.as_bytes(), password, hash.expose().as_bytes()] {
        digest.update((piece.len() as u64).to_le_bytes());
        digest.update(piece);
    }
    digest.finalize().into()
}

fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
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

    fn asking(user: &str, password: &str) -> HeaderMap {
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        HeaderMap::from_iter([(AUTHORIZATION, format!("Basic {encoded}").parse().unwrap())])
    }

    fn users() -> Users {
        let hash = bcrypt::hash("right", 5).unwrap();
        Users::new(BTreeMap::from([("me".to_owned(), Secret::new(hash))]))
    }

    fn kept(users: &Users) -> usize {
        let results = users.results();
        results.right.len() + results.wrong.len()
    }

    #[tokio::test]
    async fn a_user_that_is_not_known_costs_a_hash_too() {
        let users = users();
        assert!(users.nobody.expose().starts_with("$2b$05$"));
        assert!(bcrypt::verify("right", users.nobody.expose()).is_ok_and(|same| !same));
        for (user, password, admitted) in [
            ("me", "right", Admission::Welcome),
            ("me", "wrong", Admission::Refused),
            ("nobody", "right", Admission::Refused),
        ] {
            let before = kept(&users);
            assert_eq!(users.admit(&asking(user, password)).await, admitted, "{user}");
            // Each was computed, and need not be again.
            assert_eq!(kept(&users), before + 1);
            assert_eq!(users.admit(&asking(user, password)).await, admitted, "{user}");
            assert_eq!(kept(&users), before + 1);
        }
        assert_eq!(users.admit(&HeaderMap::new()).await, Admission::Refused);
    }

    #[tokio::test]
    async fn a_flood_of_wrong_passwords_keeps_nobody_out_who_was_in() {
        let users = users();
        assert_eq!(users.admit(&asking("me", "right")).await, Admission::Welcome);
        for number in 0..3 * REMEMBERED {
            assert_ne!(users.admit(&asking("me", &number.to_string())).await, Admission::Welcome);
        }
        let _others = users.waiting.try_acquire_many(WAITING as u32).unwrap();
        assert_eq!(users.admit(&asking("me", "right")).await, Admission::Welcome);
        // Whoever is new is told at once that there is no room.
        assert_eq!(users.admit(&asking("me", "new")).await, Admission::Busy);
    }
}
