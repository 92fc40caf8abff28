//! Signs in as a GitHub App: a signed claim is exchanged for an installation's token, which is valid
//! for an hour.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Header};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::authorization::{Authorization, read_file};
use super::error::FetchError;
use super::hosts::is_own;
use super::rate_limit::{Labels, RateLimit, Weight};
use super::transport::{Reply, Request, Transport, url_of};
use crate::config::read_private_key;
use crate::model::{Scope, Secret, Target};

/// Claims are backdated by a minute, as GitHub recommends, in case its clock is slow.
const BACKDATED: i64 = 60;
/// GitHub accepts claims that expire within ten minutes.
const CLAIM_SECONDS: i64 = 540;
/// If GitHub's clock turns out to differ by more, a new claim is signed for that clock.
const MAX_SKEW: i64 = 20;
/// A token that expires sooner than this is renewed before it is used: the longest document takes
/// minutes.
const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);
/// How long a failure to sign in is returned to further requests without trying again.
const REMEMBERED: Duration = Duration::from_secs(30);
/// The largest response, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// The largest number of pages of installations that are searched.
const MAX_PAGES: u32 = 100;

/// An App at one GitHub.
pub(super) struct App {
    id: String,
    private_key_file: PathBuf,
    installation: Option<u64>,
    api: Url,
    labels: Labels,
    /// The rate limit of the App itself.
    own: RateLimit,
    /// The rate limits of its installations.
    limits: std::sync::Mutex<HashMap<u64, Arc<RateLimit>>>,
    /// By target. Each has its own lock, so that a slow one does not delay the others.
    sessions: std::sync::Mutex<HashMap<Target, Arc<Mutex<Session>>>>,
}

/// What is known about a target's installation.
#[derive(Default)]
struct Session {
    installation: Option<u64>,
    token: Option<Token>,
    rate: Option<Arc<RateLimit>>,
    failed: Option<(Instant, FetchError)>,
}

struct Token {
    secret: Secret,
    renew_at: Instant,
}

#[derive(Serialize)]
struct Claims<'a> {
    iat: i64,
    exp: i64,
    iss: &'a str,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
    account: Option<Account>,
}

/// Organizations have a login, enterprises a slug.
#[derive(Deserialize)]
struct Account {
    login: Option<String>,
    slug: Option<String>,
}

#[derive(Deserialize)]
struct AccessToken {
    token: String,
    expires_at: Timestamp,
}

impl App {
    pub(super) fn new(
        id: String,
        private_key_file: PathBuf,
        installation: Option<u64>,
        api: Url,
        labels: Labels,
    ) -> Self {
        let own = RateLimit::new(labels.clone());
        let (limits, sessions) = Default::default();
        Self { id, private_key_file, installation, api, labels, own, limits, sessions }
    }

    /// Returns the installation's token for a target, creating one if needed.
    pub(super) async fn authorize(
        &self,
        transport: &Transport,
        target: &Target,
    ) -> Result<Authorization, FetchError> {
        let session = self.session(target);
        let mut session = session.lock().await;
        let fresh = session.token.as_ref().filter(|token| token.renew_at > Instant::now());
        if let (Some(token), Some(rate)) = (fresh, &session.rate) {
            return Ok(Authorization { token: token.secret.clone(), rate: Arc::clone(rate) });
        }
        let recent = session.failed.as_ref().filter(|(at, _)| at.elapsed() < REMEMBERED);
        if let Some((_, error)) = recent {
            return Err(error.clone());
        }
        session.failed = None;
        let signed_in = self.sign_in(transport, target, session.installation).await;
        // After a failure it is looked up again: the App may have been reinstalled.
        session.installation = signed_in.as_ref().ok().map(|(id, _)| *id);
        let (installation, token) = signed_in.inspect_err(|error| {
            session.failed = Some((Instant::now(), error.clone()));
        })?;
        let rate = self.limit_of(installation);
        session.rate = Some(Arc::clone(&rate));
        let secret = token.secret.clone();
        session.token = Some(token);
        Ok(Authorization { token: secret, rate })
    }

    async fn sign_in(
        &self,
        transport: &Transport,
        target: &Target,
        known: Option<u64>,
    ) -> Result<(u64, Token), FetchError> {
        let installation = match self.installation.or(known) {
            Some(id) => id,
            None => self.find_installation(transport, target).await?,
        };
        match self.create_token(transport, installation).await {
            Err(error) if error.is_not_found() => Err(self.unusable(format!(
                "the App {} has no installation {installation}: correct the ID, or remove it to have it looked up",
                self.id
            ))),
            created => Ok((installation, created?)),
        }
    }

    /// The rate limit of an installation, which all of its targets share.
    fn limit_of(&self, installation: u64) -> Arc<RateLimit> {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let installation = installation.to_string();
            Arc::new(RateLimit::new(Labels { installation, ..self.labels.clone() }))
        };
        Arc::clone(limits.entry(installation).or_insert_with(new))
    }

    /// The rate limit that the requests of a target count toward, if its installation is known.
    pub(super) fn known_limit(&self, target: &Target) -> Option<Arc<RateLimit>> {
        let session = self.session(target);
        // It is locked only while it signs in.
        let rate = session.try_lock().ok().and_then(|session| session.rate.clone());
        rate.or_else(|| self.installation.map(|id| self.limit_of(id)))
    }

    /// The rate limits of all installations that are known.
    pub(super) fn limits(&self) -> Vec<Arc<RateLimit>> {
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        limits.values().cloned().collect()
    }

    fn unusable(&self, reason: String) -> FetchError {
        FetchError::Credential { credential: self.labels.credential.clone(), reason }
    }

    /// Discards a token that GitHub refused.
    pub(super) async fn forget(&self, target: &Target, refused: &Secret) {
        let session = self.session(target);
        let mut session = session.lock().await;
        // Another request may have renewed it already.
        session.token.take_if(|token| token.secret == *refused);
    }

    fn session(&self, target: &Target) -> Arc<Mutex<Session>> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sessions.entry(target.clone()).or_default())
    }

    async fn find_installation(
        &self,
        transport: &Transport,
        target: &Target,
    ) -> Result<u64, FetchError> {
        let owner = match target.scope() {
            Scope::Organization => "orgs",
            Scope::Enterprise => "enterprises",
        };
        let path = format!("/{owner}/{}/installation", target.login());
        match self.call::<Installation>(transport, Method::GET, &path).await {
            Ok(installation) => Ok(installation.id),
            // GitHub Enterprise Server before 2026 has no such endpoint for enterprises.
            Err(error) if error.is_not_found() => {
                self.list_installations(transport, target).await?.ok_or_else(|| {
                    self.unusable(format!(
                        "the App {} is not installed on the {target}: install it under Install App in the App's settings",
                        self.id
                    ))
                })
            }
            Err(error) => Err(error),
        }
    }

    async fn list_installations(
        &self,
        transport: &Transport,
        target: &Target,
    ) -> Result<Option<u64>, FetchError> {
        let is_target = |installation: &Installation| {
            let account = installation.account.as_ref();
            let name = account.and_then(|account| match target.scope() {
                Scope::Organization => account.login.as_deref(),
                Scope::Enterprise => account.slug.as_deref(),
            });
            name.is_some_and(|name| name.eq_ignore_ascii_case(target.login()))
        };
        for page in 1..=MAX_PAGES {
            let path = format!("/app/installations?per_page=100&page={page}");
            let installations: Vec<Installation> = self.call(transport, Method::GET, &path).await?;
            if let Some(found) = installations.iter().find(|found| is_target(found)) {
                return Ok(Some(found.id));
            }
            if installations.len() < 100 {
                break;
            }
        }
        Ok(None)
    }

    async fn create_token(
        &self,
        transport: &Transport,
        installation: u64,
    ) -> Result<Token, FetchError> {
        let path = format!("/app/installations/{installation}/access_tokens");
        let created: AccessToken = self.call(transport, Method::POST, &path).await?;
        // By GitHub's clock, which determined the expiry.
        let now = Timestamp::now().as_second() + transport.skew(&self.api);
        let left =
            Duration::from_secs((created.expires_at.as_second() - now).max(0).unsigned_abs());
        Ok(Token {
            secret: Secret::new(created.token),
            renew_at: Instant::now() + left.saturating_sub(RENEW_BEFORE),
        })
    }

    /// Calls the API as the App itself.
    async fn call<T: for<'de> Deserialize<'de>>(
        &self,
        transport: &Transport,
        method: Method,
        path: &str,
    ) -> Result<T, FetchError> {
        let url = url_of(&self.api, path)?;
        let trusted = |url: &Url| is_own(&self.api, url);
        let attempt = || async {
            let skew = transport.skew(&self.api);
            let claim = self.claim(skew).await?;
            let request = |token| Request {
                what: path,
                permission: None,
                method: method.clone(),
                url: url.clone(),
                token: Some(token),
                etag: None,
                limit: MAX_BYTES,
                trusted: &trusted,
                rate: Some((&self.own, Weight::Single)),
            };
            let reply = transport.exchange(&request(&claim)).await;
            // The response has told GitHub's time.
            let now = transport.skew(&self.api);
            match reply {
                Err(FetchError::Status { status: 401, .. }) if (now - skew).abs() > MAX_SKEW => {
                    transport.exchange(&request(&self.claim(now).await?)).await
                }
                reply => reply,
            }
        };
        match transport.retrying(attempt).await? {
            // serde's error may quote the response, which contains a token.
            Reply::Content(body, _) => serde_json::from_reader(body.reader())
                .map_err(|_| FetchError::answer(path, "not the expected JSON")),
            Reply::Empty | Reply::NotModified(_) => {
                Err(FetchError::answer(path, "the response is empty"))
            }
        }
    }

    /// Signs the claim to be the App, with its period of validity.
    async fn claim(&self, skew: i64) -> Result<Secret, FetchError> {
        let unusable = |reason| self.unusable(reason);
        let path = self.private_key_file.clone();
        let key = read_file(move || read_private_key(&path)).await.map_err(unusable)?;
        let now = Timestamp::now().as_second() + skew;
        let claims = Claims { iat: now - BACKDATED, exp: now + CLAIM_SECONDS, iss: &self.id };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key)
            .map(Secret::new)
            .map_err(|error| unusable(format!("failed to sign with the private key: {error}")))
    }
}
