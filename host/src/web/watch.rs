//! Reads the web config file, again whenever it or a file that it names changes: certificates are
//! renewed and passwords changed without a restart.
//!
//! Files are only read on threads for blocking work, and none of what is served waits for them: a file
//! on a mount that does not respond would otherwise block scrapes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::settings::WebSettings;
use crate::config::web::WebConfig;
use crate::config::{SettingError, stamp};

/// The time between checks for changes.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// The time limit for reading the files.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// The web settings: read from a file, and kept up to date.
#[derive(Default)]
pub struct Web {
    file: Option<PathBuf>,
    settings: ArcSwap<WebSettings>,
}

impl Web {
    /// Reads the web config file, if there is one.
    pub async fn new(file: Option<PathBuf>) -> Result<Self, SettingError> {
        let Some(path) = file.clone() else { return Ok(Self::default()) };
        let unreadable = |problem: String| {
            let problem = format!("{}: {problem}", path.display());
            SettingError::new("--web.config.file (WEB_CONFIG_FILE)", problem)
        };
        let read_path = path.clone();
        let read = spawn_blocking(move || WebConfig::read(&read_path).map(WebSettings::new));
        let settings = match timeout(READ_TIMEOUT, read).await {
            Ok(Ok(settings)) => settings?,
            Ok(Err(error)) => return Err(unreadable(error.to_string())),
            Err(_) => return Err(unreadable(format!("{}: check the files it names", too_slow()))),
        };
        Ok(Self { file, settings: ArcSwap::from_pointee(settings) })
    }

    /// The current settings: a pointer, whatever happens to the files.
    pub(super) fn settings(&self) -> Arc<WebSettings> {
        self.settings.load_full()
    }

    /// Keeps the settings up to date until cancelled. Settings that can't be used are reported once, and
    /// the previous ones stay in use.
    pub async fn watch(&self, cancel: CancellationToken) {
        if let Some(path) = &self.file {
            cancel.run_until_cancelled(self.check_forever(path)).await;
        }
    }

    async fn check_forever(&self, path: &Path) {
        let mut reported = None;
        loop {
            sleep(CHECK_INTERVAL).await;
            let (file, current) = (path.to_owned(), self.settings());
            let mut read = spawn_blocking(move || read_if_changed(&file, &current));
            let Ok(read) = timeout(READ_TIMEOUT, &mut read).await else {
                report(too_slow(), &mut reported);
                // Its result is outdated when it comes; waiting for it keeps others from piling up.
                read.await.ok();
                continue;
            };
            match read.unwrap_or_else(|error| Err(error.to_string())) {
                Ok(None) => reported = None,
                Ok(Some(settings)) => {
                    self.settings.store(Arc::new(settings));
                    reported = None;
                    info!(file = %path.display(), "web settings reloaded");
                }
                Err(error) => report(error, &mut reported),
            }
        }
    }
}

fn too_slow() -> String {
    format!("reading it takes longer than {} s", READ_TIMEOUT.as_secs())
}

/// Logs a problem, unless it is the one that was logged last.
fn report(problem: String, reported: &mut Option<String>) {
    if reported.as_ref() != Some(&problem) {
        error!(error = problem, "cannot reload the web settings; keeping the previous ones");
        *reported = Some(problem);
    }
}

/// The settings in the files, if they have changed. It blocks.
fn read_if_changed(path: &Path, current: &WebSettings) -> Result<Option<WebSettings>, String> {
    if current.files.iter().all(|(path, known)| stamp(path) == *known) {
        return Ok(None);
    }
    let config = WebConfig::read(path).map_err(|error| error.to_string())?;
    let settings = WebSettings::new(config);
    match settings.missing_protection(current) {
        Some(name) => {
            Err(format!("it no longer has {name}: restart the exporter if this is intended"))
        }
        None => Ok(Some(settings)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const HEADERS: &str = "http_server_config: {headers: {X-Frame-Options: deny}}";

    #[tokio::test]
    async fn settings_follow_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("web.yaml");
        fs::write(&file, "rate_limit: {interval: 1h}").unwrap();
        let web = Web::new(Some(file.clone())).await.unwrap();
        assert!(read_if_changed(&file, &web.settings()).unwrap().is_none());
        fs::write(&file, HEADERS).unwrap();
        let settings = read_if_changed(&file, &web.settings()).unwrap().unwrap();
        assert_eq!(settings.headers["x-frame-options"], "deny");
        fs::write(&file, "http_server_config: [").unwrap();
        assert!(read_if_changed(&file, &web.settings()).is_err());
    }

    #[tokio::test]
    async fn users_are_not_removed_while_the_exporter_runs() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("web.yaml");
        let hash = bcrypt::hash("password", 4).unwrap();
        fs::write(&file, format!("basic_auth_users: {{me: \"{hash}\"}}")).unwrap();
        let web = Web::new(Some(file.clone())).await.unwrap();
        fs::write(&file, HEADERS).unwrap();
        let error = read_if_changed(&file, &web.settings()).err().unwrap();
        assert!(error.contains("basic_auth_users"), "{error}");
    }
}
