//! The part of GitHub's API that authenticates Apps: it verifies an App's JSON web token with its public
//! key, and issues installation tokens that the stand-in accepts.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>

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
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::json;

use crate::github::{Options, StandIn, stand_in_with};
use crate::transcript::keep_secret;

/// The id of the App.
pub const APP_ID: &str = "314159";
/// The organizations and enterprises with an installation of the App, and its id.
pub const INSTALLATIONS: [(&str, u64); 3] =
    [("octodemo", 1001), ("octo-legacy", 1002), ("octo-enterprise", 1003)];

/// A stand-in for GitHub with the routes that authenticate Apps.
pub struct AppServer {
    state: Arc<AppState>,
    private_key: String,
}

struct AppState {
    public_key: DecodingKey,
    github: OnceLock<StandIn>,
    /// How far GitHub's clock is ahead of this machine's.
    skew: SignedDuration,
    /// The lifetime of its tokens.
    lifetime: SignedDuration,
    /// Whether it can only list all installations, not find one by its owner.
    lists_only: bool,
    issued: Mutex<Vec<String>>,
}

/// How a server differs from the usual one.
pub struct Differences {
    /// How far GitHub's clock is ahead of this machine's.
    pub skew: SignedDuration,
    /// The lifetime of its tokens.
    pub lifetime: SignedDuration,
    /// Whether it can only list all installations, not find one by its owner.
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

/// A new private key in the format in which GitHub issues them: PKCS#1, as PEM.
pub fn private_key() -> String {
    pem_of(&KeyPair::generate(KeySize::Rsa2048).unwrap_or_else(|error| panic!("{error}")))
}

fn pem_of(key: &KeyPair) -> String {
    let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(key);
    let pkcs8 = pkcs8.unwrap_or_else(|error| panic!("{error}"));
    // The PKCS#8 wrapper of a 2048-bit key takes the first 26 bytes.
    let text = pem::encode(&pem::Pem::new("RSA PRIVATE KEY", &pkcs8.as_ref()[26..]));
    keep_secret(text.lines().nth(3).unwrap_or_default());
    text
}

impl AppServer {
    /// Starts a server, with a new key.
    pub async fn start(differences: Differences) -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap_or_else(|error| panic!("{error}"));
        let state = Arc::new(AppState {
            public_key: DecodingKey::from_rsa_der(key.public_key().as_ref()),
            github: OnceLock::new(),
            skew: differences.skew,
            lifetime: differences.lifetime,
            lists_only: differences.lists_only,
            issued: Mutex::default(),
        });
        let routes = Router::new()
            .route("/app/installations", get(list))
            .route("/app/installations/{id}/access_tokens", post(create_token))
            .route("/orgs/{owner}/installation", get(find))
            .route("/enterprises/{owner}/installation", get(find))
            .with_state(Arc::clone(&state));
        let github = stand_in_with(Options { routes, ..Options::default() }).await;
        // With this token no App would be needed.
        github.revoke(github.token());
        state.github.set(github).unwrap_or_else(|_| panic!("set twice"));
        Self { state, private_key: pem_of(&key) }
    }

    /// The stand-in.
    pub fn github(&self) -> &StandIn {
        self.state.github()
    }

    /// The private key of the App, as PEM.
    pub fn private_key(&self) -> &str {
        &self.private_key
    }

    /// The issued tokens, oldest first.
    pub fn tokens(&self) -> Vec<String> {
        self.state.issued.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AppState {
    fn github(&self) -> &StandIn {
        self.github.get().unwrap_or_else(|| panic!("not started"))
    }

    fn now(&self) -> Timestamp {
        Timestamp::now() + self.skew
    }

    /// The response with GitHub's time, or 401 if the request's token is invalid.
    fn respond(&self, headers: &HeaderMap, right: impl FnOnce() -> Response) -> Response {
        let mut response = match self.verify(headers) {
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

    fn verify(&self, headers: &HeaderMap) -> Result<(), String> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let claim = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        keep_secret(claim);
        // The times are checked with GitHub's clock, below.
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
    state.respond(&headers, || {
        let found = INSTALLATIONS.iter().find(|(name, _)| *name == owner && !state.lists_only);
        match found {
            Some((name, id)) => installation(name, *id).to_string().into_response(),
            None => (StatusCode::NOT_FOUND, "{\"message\":\"Not Found\"}").into_response(),
        }
    })
}

async fn list(State(state): State<Arc<AppState>>, headers: HeaderMap) -> Response {
    state.respond(&headers, || {
        let all: Vec<_> = INSTALLATIONS.iter().map(|(name, id)| installation(name, *id)).collect();
        serde_json::Value::from(all).to_string().into_response()
    })
}

async fn create_token(
    State(state): State<Arc<AppState>>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Response {
    state.respond(&headers, || {
        let Some((owner, _)) = INSTALLATIONS.iter().find(|(_, known)| *known == id) else {
            return (StatusCode::NOT_FOUND, "{\"message\":\"Not Found\"}").into_response();
        };
        let mut issued = state.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("ghs_{id}x{}x{}", issued.len(), state.github().signature());
        keep_secret(&token);
        state.github().grant(&token, &[owner]);
        issued.push(token.clone());
        let end = state.now() + state.lifetime;
        let body = json!({"token": token, "expires_at": end});
        (StatusCode::CREATED, body.to_string()).into_response()
    })
}
