//! `copilot-metrics-exporter record`: fetches what the mappings want, and writes it as a case.
//!
//! - `args`: the command line; `fetch`: the requests.
//! - `write`: the case; `links`: what is masked in any case; `summary`: what became of each document.

mod args;
mod fetch;
mod links;
mod summary;
mod write;

use std::fs;
use std::io;
use std::path::Path;

use jiff::{Timestamp, Unit};

pub use self::args::RecordArgs;
pub use self::fetch::RecordJob;
use self::fetch::{Obtained, fetch};
use self::links::WithoutSecrets;
pub use self::summary::Summary;
use self::write::{About, read_all, write_case};
use super::anonymize::Anonymizer;
use super::files::OfflineError;
use crate::config::TargetSettings;
use crate::model::Scope;

/// A target, and its documents.
type Target = (TargetSettings, Vec<Obtained>);

/// Fetches the documents of the targets, and writes a case for each.
pub async fn record(args: &RecordArgs, jobs: Vec<RecordJob>) -> Result<Summary, OfflineError> {
    check_directory(&args.out)?;
    let now = Timestamp::now();
    let fetched_at = now.round(Unit::Second).unwrap_or(now);
    let mut targets: Vec<Target> = Vec::new();
    for job in jobs {
        let obtained = fetch(&job).await;
        targets.push((job.settings, obtained));
    }
    let (out, seed) = (args.out.clone(), args.seed.clone());
    let anonymizer = args.anonymize.then(|| Anonymizer::new(seed.as_deref())).transpose()?;
    let written =
        tokio::task::spawn_blocking(move || write_all(&out, &targets, fetched_at, anonymizer));
    written.await.map_err(|error| OfflineError::Machine(error.to_string()))?
}

/// Whether a directory is new or empty: a recording must not mix with another.
fn check_directory(path: &Path) -> Result<(), OfflineError> {
    match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let path = path.display();
            let reason = format!("--out: {path} is not empty; use a new directory");
            Err(OfflineError::Usage(reason))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(OfflineError::Usage(format!("--out: {}: {error}", path.display()))),
    }
}

/// Writes the cases. It blocks.
fn write_all(
    out: &Path,
    targets: &[Target],
    fetched_at: Timestamp,
    mut anonymizer: Option<Anonymizer>,
) -> Result<Summary, OfflineError> {
    if let Some(anonymizer) = &mut anonymizer {
        for (settings, obtained) in targets {
            anonymizer.target(settings.target.login());
            read_all(obtained, anonymizer);
        }
        anonymizer.has_learned();
    }
    let mut recorded = Vec::new();
    for (settings, obtained) in targets {
        let target = &settings.target;
        let name = match &mut anonymizer {
            Some(anonymizer) => anonymizer.target(target.login()),
            None => target.login().to_owned(),
        };
        let directory = match targets.len() {
            1 => out.to_owned(),
            // An organization and an enterprise can have the same name.
            _ if target.scope() == Scope::Enterprise => out.join(format!("enterprise-{name}")),
            _ => out.join(format!("org-{name}")),
        };
        let about = About { settings, name, fetched_at };
        recorded.push(match &mut anonymizer {
            Some(anonymizer) => write_case(&directory, &about, obtained, anonymizer)?,
            None => {
                let mut policy = WithoutSecrets::of(settings);
                write_case(&directory, &about, obtained, &mut policy)?
            }
        });
    }
    Ok(Summary(recorded))
}
