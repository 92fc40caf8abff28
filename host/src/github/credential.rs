//! Authorizes requests.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::app::App;
use super::authorization::{Authorization, read_file};
use super::error::FetchError;
use super::metrics::Metrics;
use super::rate_limit::{Labels, RateLimit};
use super::transport::Transport;
use crate::config::{CredentialSettings, CredentialSource, read_token_file};
use crate::model::digest::sha256;
use crate::model::{Secret, Target};

/// All credentials in use, so that targets with the same credential share its rate limit and tokens.
#[derive(Default)]
pub struct Credentials(Mutex<Vec<Arc<Credential>>>);

impl Credentials {
    /// Forgets the credentials that are no longer used, with their secrets and their metrics.
    pub fn prune(&self, metrics: &Metrics) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|credential| Arc::strong_count(credential) > 1);
        let in_use: Vec<(String, String)> = known
            .iter()
            .map(|credential| (credential.settings.name.clone(), host_of(&credential.api)))
            .collect();
        metrics.keep_credentials(&in_use);
    }

    /// The rate limits of all credentials that are known, each with its digest.
    pub fn rate_limits(&self) -> Vec<(String, Arc<RateLimit>)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let limits = known.iter().flat_map(|credential| {
            let limits = credential.limits().into_iter();
            limits.map(|rate| (credential.digest_of(&rate), rate))
        });
        limits.collect()
    }

    /// Returns the credential for an API, creating it if needed.
    pub fn get(&self, settings: &Arc<CredentialSettings>, api: &Url) -> Arc<Credential> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &&Arc<Credential>| known.settings == *settings && known.api == *api;
        if let Some(credential) = known.iter().find(same) {
            return Arc::clone(credential);
        }
        let credential = Arc::new(Credential::new(settings, api));
        known.push(Arc::clone(&credential));
        credential
    }
}

/// A credential for one API.
pub struct Credential {
    settings: Arc<CredentialSettings>,
    api: Url,
    kind: Kind,
}

enum Kind {
    Token(Secret, Arc<RateLimit>),
    /// It is read for every request, so that a changed file takes effect at once.
    TokenFile(PathBuf, Arc<RateLimit>),
    App(Box<App>),
}

impl Credential {
    fn new(settings: &Arc<CredentialSettings>, api: &Url) -> Self {
        let labels = labels(settings, api);
        let kind = match &settings.source {
            CredentialSource::Token(token) => {
                Kind::Token(token.clone(), Arc::new(RateLimit::new(labels)))
            }
            CredentialSource::TokenFile(path) => {
                Kind::TokenFile(path.clone(), Arc::new(RateLimit::new(labels)))
            }
            CredentialSource::App { id, private_key_file, installation } => Kind::App(Box::new(
                App::new(id.clone(), private_key_file.clone(), *installation, api.clone(), labels),
            )),
        };
        Self { settings: Arc::clone(settings), api: api.clone(), kind }
    }

    /// Returns the token for a target.
    pub(super) async fn authorize(
        &self,
        transport: &Transport,
        target: &Target,
    ) -> Result<Authorization, FetchError> {
        let unusable =
            |reason| FetchError::Credential { credential: self.settings.name.clone(), reason };
        match &self.kind {
            Kind::Token(token, rate) => {
                Ok(Authorization { token: token.clone(), rate: Arc::clone(rate) })
            }
            Kind::TokenFile(path, rate) => {
                let path = path.clone();
                let token = read_file(move || read_token_file(&path)).await.map_err(unusable)?;
                Ok(Authorization { token, rate: Arc::clone(rate) })
            }
            Kind::App(app) => app.authorize(transport, target).await,
        }
    }

    /// The rate limit that the requests of a target count toward. `None`: the App has not signed in for it
    /// yet.
    pub(super) fn known_limit(&self, target: &Target) -> Option<Arc<RateLimit>> {
        match &self.kind {
            Kind::Token(_, rate) | Kind::TokenFile(_, rate) => Some(Arc::clone(rate)),
            Kind::App(app) => app.known_limit(target),
        }
    }

    /// Whose rate limit the requests of a target count toward, and the requests per hour, if known.
    pub(super) fn rate_limit(&self, target: &Target) -> (Labels, Option<i64>) {
        match self.known_limit(target) {
            Some(rate) => (rate.labels().clone(), rate.limit()),
            None => (self.labels(), None),
        }
    }

    /// The labels without an installation.
    fn labels(&self) -> Labels {
        labels(&self.settings, &self.api)
    }

    /// The rate limits that are known.
    fn limits(&self) -> Vec<Arc<RateLimit>> {
        match &self.kind {
            Kind::Token(_, rate) | Kind::TokenFile(_, rate) => vec![Arc::clone(rate)],
            Kind::App(app) => app.limits(),
        }
    }

    /// Identifies a rate limit in every replica. It is computed from the settings without any secret.
    pub(super) fn digest_of(&self, rate: &RateLimit) -> String {
        let Labels { credential, installation, .. } = rate.labels();
        let source = match &self.settings.source {
            CredentialSource::Token(_) => "token".to_owned(),
            CredentialSource::TokenFile(path) => format!("file {}", path.display()),
            CredentialSource::App { id, .. } => format!("app {id}"),
        };
        let parts =
            [self.api.as_str(), credential.as_str(), source.as_str(), installation.as_str()];
        sha256([parts.join("\n").as_str()])
    }

    /// Whether each target has its own rate limit.
    pub(super) fn has_own_limits(&self) -> bool {
        let source = &self.settings.source;
        matches!(source, CredentialSource::App { installation: None, .. })
    }

    /// Returns another token after one was refused (401), if available. A file may have been replaced,
    /// and an App's token may have been revoked early.
    pub(super) async fn renew(
        &self,
        transport: &Transport,
        target: &Target,
        refused: &Secret,
    ) -> Result<Option<Authorization>, FetchError> {
        if let Kind::App(app) = &self.kind {
            app.forget(target, refused).await;
        }
        let now = self.authorize(transport, target).await?;
        Ok((now.token != *refused).then_some(now))
    }
}

/// The labels of a credential without an installation.
fn labels(settings: &CredentialSettings, api: &Url) -> Labels {
    Labels { credential: settings.name.clone(), api: host_of(api), installation: String::new() }
}

/// The value of the label `api`.
fn host_of(api: &Url) -> String {
    api.host_str().unwrap_or_default().to_owned()
}
