//! Basic authentication against bcrypt hashes. RFC 7617.
//!
//! A hash takes a tenth of a second of a core on purpose: it is computed on another thread, few at
//! once, and what it came to is remembered for passwords that come with every scrape. A user that is not
//! known takes as long as one that is.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::secret::Secret;

/// How many hashes are computed at once.
const CONCURRENT: usize = 1;
/// How many results are remembered.
const REMEMBERED: usize = 100;

/// The users that may come in.
pub(super) struct Users {
    hashes: BTreeMap<String, Secret>,
    /// The hash of no password at all, as costly as the users'.
    nobody: Secret,
    results: Mutex<HashMap<[u8; 32], bool>>,
    computing: Arc<Semaphore>,
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
            results: Mutex::default(),
            computing: Arc::new(Semaphore::new(CONCURRENT)),
        }
    }

    /// Whether a request comes from one of them.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> bool {
        let Some((user, password)) = credentials(headers) else { return false };
        let (known, hash) = match self.hashes.get(&user) {
            Some(hash) => (true, hash.clone()),
            None => (false, self.nobody.clone()),
        };
        let key = key(&user, &password, &hash);
        if let Some(result) = self.results().get(&key) {
            return *result;
        }
        // It is never closed.
        let Ok(permit) = Arc::clone(&self.computing).acquire_owned().await else { return false };
        // Others may have asked the same meanwhile.
        if let Some(result) = self.results().get(&key) {
            return *result;
        }
        let verified = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            bcrypt::verify(password, hash.expose()).unwrap_or(false)
        });
        let result = verified.await.unwrap_or(false) && known;
        let mut results = self.results();
        if results.len() >= REMEMBERED {
            results.clear();
        }
        results.insert(key, result);
        result
    }

    fn results(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], bool>> {
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

    #[tokio::test]
    async fn a_user_that_is_not_known_costs_a_hash_too() {
        let hash = bcrypt::hash("right", 5).unwrap();
        let users = Users::new(BTreeMap::from([("me".to_owned(), Secret::new(hash))]));
        assert!(users.nobody.expose().starts_with("$2b$05$"));
        assert!(bcrypt::verify("right", users.nobody.expose()).is_ok_and(|same| !same));
        for (user, password, admitted) in
            [("me", "right", true), ("me", "wrong", false), ("nobody", "right", false)]
        {
            let before = users.results().len();
            assert_eq!(users.admit(&asking(user, password)).await, admitted, "{user}");
            // Each was computed, and need not be again.
            assert_eq!(users.results().len(), before + 1);
            assert_eq!(users.admit(&asking(user, password)).await, admitted, "{user}");
            assert_eq!(users.results().len(), before + 1);
        }
        assert!(!users.admit(&HeaderMap::new()).await);
    }
}
