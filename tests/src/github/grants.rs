//! Tokens that a stand-in accepts in addition to its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

/// Every token that is accepted.
pub(super) struct Grants {
    /// The header that the stand-in itself accepts.
    accepted: HeaderValue,
    /// By token, the owners whose data it is for: all, if none are named.
    owners: Mutex<HashMap<String, Vec<String>>>,
}

impl Grants {
    /// The stand-in's own token.
    pub(super) fn new(token: &str) -> Self {
        let accepted = HeaderValue::try_from(format!("Bearer {token}"));
        Self {
            accepted: accepted.unwrap_or_else(|error| panic!("{error}")),
            owners: Mutex::new(HashMap::from([(token.to_owned(), Vec::new())])),
        }
    }

    /// Accepts a token.
    pub(super) fn add(&self, token: &str, owners: &[&str]) {
        let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
        self.owners().insert(token.to_owned(), owners);
    }

    /// Accepts a token no longer.
    pub(super) fn remove(&self, token: &str) {
        self.owners().remove(token);
    }

    /// The API, which accepts these tokens.
    pub(super) fn protect(self: &Arc<Self>, router: Router) -> Router {
        router.layer(from_fn_with_state(Arc::clone(self), check))
    }

    /// Whether a token is for the data of an owner. `None`: it is unknown.
    fn allows(&self, token: &str, owner: &str) -> Option<bool> {
        let tokens = self.owners();
        let owners = tokens.get(token)?;
        Some(owners.is_empty() || owners.iter().any(|known| known == owner))
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<String, Vec<String>>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Exchanges an accepted token for the stand-in's own.
async fn check(State(grants): State<Arc<Grants>>, mut request: Request, next: Next) -> Response {
    let header = request.headers_mut().remove(AUTHORIZATION);
    let token = header.as_ref().and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let owner = request.uri().path().split('/').nth(2).unwrap_or_default();
    match grants.allows(token.unwrap_or_default(), owner) {
        Some(true) => {
            request.headers_mut().insert(AUTHORIZATION, grants.accepted.clone());
            next.run(request).await
        }
        Some(false) => {
            // GitHub counts a request that it refuses.
            request.headers_mut().insert(AUTHORIZATION, grants.accepted.clone());
            let counted = next.run(request).await;
            let body = r#"{"message":"Resource not accessible by personal access token"}"#;
            let json = [(CONTENT_TYPE, "application/json")];
            let mut refused = (StatusCode::FORBIDDEN, json, body).into_response();
            let limits = counted.headers().iter();
            let limits = limits.filter(|(name, _)| name.as_str().starts_with("x-ratelimit-"));
            refused.headers_mut().extend(limits.map(|(name, value)| (name.clone(), value.clone())));
            refused
        }
        // Without a token, the stand-in refuses it.
        None => next.run(request).await,
    }
}
