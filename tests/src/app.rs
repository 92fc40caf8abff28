//! The part of GitHub's API that signs Apps in: it checks the App's claim with its public key, and
//! gives tokens that the stand-in takes.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, DATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use copilot_metrics_exporter::demo::{Options, StandIn};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::json;

use crate::github::stand_in_with;
use crate::transcript::keep_secret;

/// The App's id.
pub const APP_ID: &str = "314159";
/// The organizations and enterprises that it is installed on, and the installations.
pub const INSTALLATIONS: [(&str, u64); 3] =
    [("octodemo", 1001), ("octo-legacy", 1002), ("octo-enterprise", 1003)];

/// The App's side of GitHub, in front of a stand-in.
pub struct AppServer {
    state: Arc<AppState>,
    private_key: String,
}

struct AppState {
    public_key: DecodingKey,
    github: OnceLock<StandIn>,
    /// By how much GitHub's clock is before this machine's.
    skew: SignedDuration,
    /// How long its tokens live.
    lifetime: SignedDuration,
    /// Whether it can be asked for the installation of one owner.
    lists_only: bool,
    given: Mutex<Vec<String>>,
    claims: Mutex<HashSet<String>>,
}

/// How the server differs from the usual one.
pub struct Differences {
    /// By how much GitHub's clock is before this machine's.
    pub skew: SignedDuration,
    /// How long its tokens live.
    pub lifetime: SignedDuration,
    /// Whether it can only list all installations.
    pub lists_only: bool,
}

impl Default for Differences {
    fn default() -> Self {
        let lifetime = SignedDuration::from_hours(1);
        Self { skew: SignedDuration::ZERO, lifetime, lists_only: false }
    }
}

#[derive(Debug, Deserialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

/// A new private key, as GitHub gives it to whoever registers an App: PKCS#1, in PEM form.
pub fn private_key() -> String {
    pem_of(&KeyPair::generate(KeySize::Rsa2048).unwrap_or_else(|error| panic!("{error}")))
}

fn pem_of(key: &KeyPair) -> String {
    let outer = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(key);
    let outer = outer.unwrap_or_else(|error| panic!("{error}"));
    // Of a 2048-bit key, the outer form takes the first 26 bytes.
    let text = pem::encode(&pem::Pem::new("RSA PRIVATE KEY", &outer.as_ref()[26..]));
    keep_secret(text.lines().nth(3).unwrap_or_default());
    text
}

impl AppServer {
    /// Starts it, with a new key.
    pub async fn start(differences: Differences) -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap_or_else(|error| panic!("{error}"));
        let state = Arc::new(AppState {
            public_key: DecodingKey::from_rsa_der(key.public_key().as_ref()),
            github: OnceLock::new(),
            skew: differences.skew,
            lifetime: differences.lifetime,
            lists_only: differences.lists_only,
            given: Mutex::default(),
            claims: Mutex::default(),
        });
        let routes = Router::new()
            .route("/app/installations", get(list))
            .route("/app/installations/{id}/access_tokens", post(create_token))
            .route("/orgs/{owner}/installation", get(find))
            .route("/enterprises/{owner}/installation", get(find))
            .with_state(Arc::clone(&state));
        let github = stand_in_with(Options { routes, ..Options::default() }).await;
        // Whoever has this one needs no App.
        github.revoke(github.token());
        state.github.set(github).unwrap_or_else(|_| panic!("it starts once"));
        Self { state, private_key: pem_of(&key) }
    }

    /// The stand-in.
    pub fn github(&self) -> &StandIn {
        self.state.github()
    }

    /// The private key.
    pub fn private_key(&self) -> &str {
        &self.private_key
    }

    /// The tokens that were given, oldest first.
    pub fn tokens(&self) -> Vec<String> {
        self.state.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AppState {
    fn github(&self) -> &StandIn {
        self.github.get().unwrap_or_else(|| panic!("it has started"))
    }

    fn now(&self) -> Timestamp {
        Timestamp::now() + self.skew
    }

    /// The answer with GitHub's time; refused unless the claim is in order.
    fn answer(&self, headers: &HeaderMap, right: impl FnOnce() -> Response) -> Response {
        let mut response = match self.check(headers) {
            Ok(()) => right(),
            Err(reason) => {
                (StatusCode::UNAUTHORIZED, json!({"message": reason}).to_string()).into_response()
            }
        };
        let date = jiff::fmt::rfc2822::to_string(&self.now().to_zoned(jiff::tz::TimeZone::UTC));
        let date = date.unwrap_or_default().replace("+0000", "GMT");
        response.headers_mut().insert(DATE, date.parse().unwrap_or_else(|_| panic!("{date}")));
        response
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), String> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let claim = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        keep_secret(claim);
        // The times are checked by GitHub's clock, below.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<Claims>(claim, &self.public_key, &validation)
            .map_err(|_| "A JSON web token could not be decoded".to_owned())?;
        let (claims, now) = (decoded.claims, self.now().as_second());
        if claims.iss != APP_ID {
            return Err("Integration not found".to_owned());
        }
        if claims.iat > now {
            return Err("'Issued at' claim ('iat') is in the future".to_owned());
        }
        if claims.exp <= now || claims.exp > now + 600 {
            return Err("'Expiration time' claim ('exp') is over or too far away".to_owned());
        }
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).insert(claim.to_owned());
        Ok(())
    }
}

fn installation(owner: &str, id: u64) -> serde_json::Value {
    let name = if owner.contains("enterprise") { "slug" } else { "login" };
    json!({"id": id, "account": {name: owner}, "app_id": 314_159})
}

async fn find(
    State(state): State<Arc<AppState>>,
    Path(owner): Path<String>,
    headers: HeaderMap,
) -> Response {
    state.answer(&headers, || {
        let found = INSTALLATIONS.iter().find(|(name, _)| *name == owner && !state.lists_only);
        match found {
            Some((name, id)) => installation(name, *id).to_string().into_response(),
            None => (StatusCode::NOT_FOUND, "{\"message\":\"Not Found\"}").into_response(),
        }
    })
}

async fn list(State(state): State<Arc<AppState>>, headers: HeaderMap) -> Response {
    state.answer(&headers, || {
        let all: Vec<_> = INSTALLATIONS.iter().map(|(name, id)| installation(name, *id)).collect();
        serde_json::Value::from(all).to_string().into_response()
    })
}

async fn create_token(
    State(state): State<Arc<AppState>>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Response {
    state.answer(&headers, || {
        let Some((owner, _)) = INSTALLATIONS.iter().find(|(_, known)| *known == id) else {
            return (StatusCode::NOT_FOUND, "{\"message\":\"Not Found\"}").into_response();
        };
        let mut given = state.given.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("ghs_{id}x{}x{}", given.len(), state.github().signature());
        keep_secret(&token);
        state.github().grant(&token, &[owner]);
        given.push(token.clone());
        let end = state.now() + state.lifetime;
        let answer = json!({"token": token, "expires_at": end});
        (StatusCode::CREATED, answer.to_string()).into_response()
    })
}
