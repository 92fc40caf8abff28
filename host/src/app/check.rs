//! Checks settings without starting.

use std::io;
use std::path::Path;

use super::error::StartError;
use super::mappings::compile_all;
use super::open::{open_disk, unusable_cache_dir};
use crate::body::Spool;
use crate::config::{SettingError, Settings};
use crate::oci;
use crate::refresh::Source;
use crate::wasm::{Compiler, Engine};
use crate::web::Web;

/// Checks the settings as a start does, without starting. Returns them, and what is valid but probably
/// not meant.
pub fn check(source: &Source) -> Result<(Settings, Vec<String>), StartError> {
    let settings = source()?;
    check_cache_dir(&settings)?;
    if let Some(path) = &settings.web_config {
        Web::check(path)?;
    }
    // What is compiled here is not kept: it may be another user who checks.
    let compiler = Compiler::in_child_process(None);
    let engine = Engine::with_compiler(settings.policy.limits.clone(), compiler)?;
    let mut warnings = missing_directories(&settings);
    // A check sends no request: what has not been pulled yet is not checked.
    let kept = oci::kept(&settings);
    let not_pulled = kept.iter().filter(|update| update.pulled.is_none());
    warnings.extend(
        not_pulled.map(|update| {
            format!("{} has not been pulled yet: it is not checked", update.reference)
        }),
    );
    warnings.extend(compile_all(&engine, &settings, kept)?.warnings);
    Ok((settings, warnings))
}

/// Mapping directories that do not exist: they may be created later.
pub(super) fn missing_directories(settings: &Settings) -> Vec<String> {
    let sources = settings.targets.iter().map(|target| &target.source).chain([&settings.source]);
    let mut missing: Vec<_> = sources
        .filter_map(|source| source.directory.as_ref())
        .filter(|directory| !directory.is_dir())
        .map(|directory| format!("the mapping directory {} does not exist", directory.display()))
        .collect();
    missing.sort();
    missing.dedup();
    missing
}

/// Checks that the cache directory can be used, without creating it.
fn check_cache_dir(settings: &Settings) -> Result<(), SettingError> {
    let Some(directory) = &settings.cache_dir else { return Ok(()) };
    if directory.exists() {
        return open_disk(directory, &Spool::default()).map(|_| ());
    }
    let parent = directory.ancestors().skip(1).find(|parent| parent.exists());
    let is_directory = |parent: &Path| parent.is_dir();
    let probe = match parent.filter(|parent| is_directory(parent)) {
        Some(parent) => tempfile::tempdir_in(parent).map(|_| ()),
        None => Err(io::Error::from(io::ErrorKind::NotADirectory)),
    };
    probe.map_err(|error| unusable_cache_dir(directory, &error))
}
