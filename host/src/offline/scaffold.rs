//! `copilot-metrics-exporter mapping new`: writes the directory of a new mapping, which builds and passes
//! its test.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::files::OfflineError;
use super::template::{Language, NewFile, files};
use crate::model::names::check_metric_name;

/// The arguments of `mapping new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  copilot-metrics-exporter mapping new acme-seats --lang python
  cd acme-seats && make && make test

Exit codes: 0 the directory was written, 1 it can't be written, 64 invalid argument.")]
pub struct NewArgs {
    /// The name of the mapping, such as acme-seats. Its family has the same name, with underscores
    pub name: String,

    /// The language to write it in
    #[arg(long, value_enum)]
    pub lang: Language,

    /// The directory to create [default: NAME]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// The longest name.
const MAX_NAME_BYTES: usize = 50;
/// The name of the embedded mapping: one of the same name would replace it.
const DEFAULT_NAME: &str = "github-copilot";

/// Writes the directory, and prints what to do next to `out`.
pub fn new(args: &NewArgs, out: &mut dyn Write) -> Result<(), OfflineError> {
    let name = args.name.as_str();
    let family = family(name).map_err(OfflineError::Usage)?;
    let directory = args.dir.clone().unwrap_or_else(|| PathBuf::from(name));
    let failed = |path: &Path, error| OfflineError::Write { path: path.to_owned(), error };
    if !is_free(&directory).map_err(|error| failed(&directory, error))? {
        let path = directory.display();
        return Err(OfflineError::Usage(format!(
            "{path} exists and is not an empty directory: choose another one with --dir, or remove it"
        )));
    }
    for NewFile { path, bytes } in files(args.lang, name, &family) {
        let path = directory.join(path);
        let parent = path.parent().unwrap_or(&directory);
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, bytes));
        written.map_err(|error| failed(&path, error))?;
    }
    let path = directory.display();
    writeln!(
        out,
        "created {path}; next: cd {path}, make, make test; README.md describes the next steps"
    )?;
    Ok(out.flush()?)
}

/// The name of the family of a mapping, or what is wrong with the mapping's name.
fn family(name: &str) -> Result<String, String> {
    let is_valid = name.len() <= MAX_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !is_valid {
        return Err(format!(
            "invalid name {name:?}: use lowercase letters, digits and single hyphens, such as \
             acme-seats, beginning with a letter, at most {MAX_NAME_BYTES} characters"
        ));
    }
    if name == DEFAULT_NAME {
        return Err(format!(
            "invalid name {name:?}: a mapping with this name would replace the default mapping; \
             use another one, such as acme-seats"
        ));
    }
    let family = name.replace('-', "_");
    check_metric_name(&family)
        .map_err(|error| format!("invalid name {name:?}: as the name of a metric, {error}"))?;
    Ok(family)
}

/// Whether a directory can be created at a path, or is there and empty.
fn is_free(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_the_family_or_the_reason_why_it_is_invalid() {
        assert_eq!(family("acme-seats").unwrap(), "acme_seats");
        for name in ["", "Acme", "2fast", "a_b", "a-", "-a", "a--b", "../a", "a/b", "ä", "a b"] {
            assert!(family(name).unwrap_err().contains("lowercase letters"), "{name}");
        }
        assert!(family(&"a".repeat(51)).unwrap_err().contains("at most 50"));
        assert!(family("github-copilot").unwrap_err().contains("replace the default mapping"));
        assert!(
            family("copilot-exporter-x").unwrap_err().contains("copilot_exporter_ is reserved")
        );
        assert!(family("up").unwrap_err().contains("reserved for Prometheus"));
    }

    #[test]
    fn only_a_missing_or_empty_directory_is_free() {
        let directory = tempfile::tempdir().unwrap();
        assert!(is_free(directory.path()).unwrap());
        let file = directory.path().join("file");
        assert!(is_free(&file).unwrap());
        fs::write(&file, "").unwrap();
        assert!(!is_free(&file).unwrap());
        assert!(!is_free(directory.path()).unwrap());
    }
}
