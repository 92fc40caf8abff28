//! Signs requests in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::app::App;
use super::error::FetchError;
use super::rate_limit::{Labels, RateLimit};
use super::transport::Transport;
use crate::secret::Secret;
use crate::settings::{CredentialSettings, CredentialSource, values};
use crate::target::Target;

/// The greatest file that is read for a token.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// Every credential in use, so that targets with the same one share its limit and its tokens.
#[derive(Default)]
pub struct Credentials(Mutex<Vec<Arc<Credential>>>);

impl Credentials {
    /// Forgets those that nobody uses any more, and with them replaced secrets.
    pub fn prune(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|credential| Arc::strong_count(credential) > 1);
    }

    /// The credential for an API, made where there is none yet.
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
    /// It is read for every request, so that a changed file is in use at once.
    TokenFile(PathBuf, Arc<RateLimit>),
    App(Box<App>),
}

/// What a request needs.
#[derive(Clone)]
pub(super) struct Authorization {
    pub token: Secret,
    pub rate: Arc<RateLimit>,
}

impl Credential {
    fn new(settings: &Arc<CredentialSettings>, api: &Url) -> Self {
        let labels = Labels {
            credential: settings.name.clone(),
            api: api.host_str().unwrap_or_default().to_owned(),
            installation: String::new(),
        };
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

    /// The token for a target.
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
                let read = tokio::task::spawn_blocking(move || read_token_file(&path)).await;
                let token = read.map_err(|error| unusable(error.to_string()))?.map_err(unusable)?;
                Ok(Authorization { token, rate: Arc::clone(rate) })
            }
            Kind::App(app) => app.authorize(transport, target).await,
        }
    }

    /// After a token was refused (401): another one, if there is. A file may have been replaced,
    /// an App's token may have ended early.
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

/// Reads a token. The text of the error has nothing of it.
pub fn read_token_file(path: &Path) -> Result<Secret, String> {
    let wrong = |problem: String| format!("{}: {problem}", path.display());
    let unreadable = |error: std::io::Error| wrong(format!("it can't be read: {error}"));
    if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_TOKEN_BYTES {
        return Err(wrong("it is too large for a token".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let token = values::token(&text).map_err(wrong)?;
    token.ok_or_else(|| wrong("it is empty; it should hold a token".to_owned()))
}
