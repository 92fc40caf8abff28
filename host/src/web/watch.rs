//! Reads the web config file, again whenever it or a file that it names changes: certificates are
//! renewed and passwords changed without a restart.
//!
//! Files are only read on threads for blocking work, and none of what is served waits for them: a file
//! on a mount that does not respond would otherwise block scrapes.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::probes::Probes;
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
    probes: Probes,
}

impl Web {
    /// Reads the web config file, if there is one.
    pub async fn new(file: Option<PathBuf>) -> Result<Self, SettingError> {
        let Some(path) = file.clone() else { return Ok(Self::default()) };
        let read_path = path.clone();
        let read = spawn_blocking(move || WebConfig::read(&read_path).map(WebSettings::new));
        let settings = match timeout(READ_TIMEOUT, read).await {
            Ok(Ok(settings)) => settings?,
            Ok(Err(error)) => return Err(unreadable(&path, &error.to_string())),
            Err(_) => return Err(unreadable(&path, &too_slow())),
        };
        Ok(Self { file, settings: ArcSwap::from_pointee(settings), probes: Probes::default() })
    }

    /// Checks a web config file as a start does. It needs no runtime, and blocks for as long as the time
    /// limit at most.
    pub fn check(path: &Path) -> Result<(), SettingError> {
        let (sender, result) = mpsc::channel();
        let file = path.to_owned();
        thread::spawn(move || sender.send(WebConfig::read(&file).map(drop)));
        result.recv_timeout(READ_TIMEOUT).unwrap_or_else(|_| Err(unreadable(path, &too_slow())))
    }

    /// The current settings: a pointer, whatever happens to the files.
    pub(super) fn settings(&self) -> Arc<WebSettings> {
        self.settings.load_full()
    }

    /// Whether an address may send another request that needs no password.
    pub(super) fn admits_probe(&self, address: Option<IpAddr>) -> bool {
        address.is_none_or(|address| self.probes.admits(address))
    }

    /// Keeps the settings up to date until cancelled. Settings that can't be used are reported once, and
    /// the previous ones stay in use.
    pub async fn watch(&self, cancel: CancellationToken) {
        if let Some(path) = &self.file {
            cancel.run_until_cancelled(self.check_forever(path, read_if_changed)).await;
        }
    }

    /// Puts what `read` returns in use. It is called again and again, on a thread for blocking work.
    async fn check_forever(
        &self,
        path: &Path,
        read: impl Fn(&Path, &WebSettings) -> Result<Option<WebSettings>, String>
        + Clone
        + Send
        + 'static,
    ) {
        let mut reported = None;
        loop {
            sleep(CHECK_INTERVAL).await;
            let (file, current) = (path.to_owned(), self.settings());
            let read = read.clone();
            let mut reading = spawn_blocking(move || read(&file, &current));
            let Ok(result) = timeout(READ_TIMEOUT, &mut reading).await else {
                report(too_slow(), &mut reported);
                // Its result is outdated when it comes; waiting for it keeps others from piling up.
                reading.await.ok();
                continue;
            };
            match result.unwrap_or_else(|error| Err(error.to_string())) {
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
    format!("reading it or a file that it names takes longer than {} s", READ_TIMEOUT.as_secs())
}

fn unreadable(path: &Path, problem: &str) -> SettingError {
    SettingError::new(
        "--web.config.file (WEB_CONFIG_FILE)",
        format!("{}: {problem}", path.display()),
    )
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
    let mut settings = WebSettings::new(config);
    settings.remember(current);
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
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::http::header::X_FRAME_OPTIONS;
    use axum::http::{HeaderMap, HeaderValue};

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

    #[tokio::test(flavor = "multi_thread")]
    async fn a_read_that_hangs_changes_nothing_and_is_the_only_one() {
        let with_headers = |value: &'static str| {
            let headers =
                HeaderMap::from_iter([(X_FRAME_OPTIONS, HeaderValue::from_static(value))]);
            WebSettings::new(WebConfig { headers, ..WebConfig::default() })
        };
        let settings = ArcSwap::from_pointee(with_headers("old"));
        let web = Web { settings, ..Web::default() };
        let (release, released) = mpsc::channel::<()>();
        let (released, reads) = (Arc::new(Mutex::new(released)), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&reads);
        let read = move |_: &Path, _: &WebSettings| match count.fetch_add(1, Ordering::Relaxed) {
            // Until it is released.
            0 => {
                released.lock().unwrap().recv().ok();
                Ok(Some(with_headers("outdated")))
            }
            _ => Ok(Some(with_headers("new"))),
        };
        let checking = web.check_forever(Path::new("web.yaml"), read);
        let observing = async {
            sleep(READ_TIMEOUT + 3 * CHECK_INTERVAL).await;
            assert_eq!(web.settings().headers[X_FRAME_OPTIONS], "old");
            assert_eq!(reads.load(Ordering::Relaxed), 1);
            drop(release);
            while web.settings().headers[X_FRAME_OPTIONS] == "old" {
                sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(web.settings().headers[X_FRAME_OPTIONS], "new");
        };
        tokio::select! {
            () = checking => {}
            () = observing => {}
        }
    }
}
