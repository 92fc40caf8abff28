//! The checks of a file before anything runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::advice::advice;
use super::report::{About, Report};
use crate::config::{MappingPolicy, MappingSource};
use crate::mappings::{MappingSet, Refusal, check_digest, read_file};
use crate::model::digest::sha256;
use crate::offline::files::OfflineError;
use crate::wasm::{Engine, INTERFACE, Mapping};

/// The checks, with the causes of [`Refusal`]s that belong to each.
const GATES: [(&str, &[&str]); 8] = [
    ("size", &["unreadable", "size"]),
    ("digest", &["digest"]),
    ("component", &["component"]),
    ("imports", &["import"]),
    ("world", &["world", "version"]),
    ("compile", &["compile", "compile_time", "compile_memory"]),
    ("describe", &["describe"]),
    ("manifest", &["manifest"]),
];

/// Loads a mapping and reports each check. `None`: one failed.
pub(super) fn pass(
    engine: &Engine,
    path: &Path,
    policy: &MappingPolicy,
    source: &MappingSource,
    report: &mut Report<'_>,
) -> Result<Option<Arc<Mapping>>, OfflineError> {
    match load_checked(engine, path, policy, source) {
        Ok((mapping, found)) => {
            for ((gate, _), found) in GATES.iter().zip(found) {
                report.ok(gate, &found)?;
            }
            let id = mapping.id();
            report.about = Some(About {
                name: id.name,
                version: id.version,
                contract: mapping.version().to_string(),
                sha256: id.sha256,
            });
            Ok(Some(mapping))
        }
        Err(refusal) => {
            for (gate, causes) in GATES {
                if causes.contains(&refusal.cause()) {
                    report.failed(gate, &refusal.to_string(), advice(refusal.cause()))?;
                    break;
                }
                report.ok(gate, "")?;
            }
            Ok(None)
        }
    }
}

/// Loads a mapping as a serving exporter does, and returns what each check has found.
fn load_checked(
    engine: &Engine,
    path: &Path,
    policy: &MappingPolicy,
    source: &MappingSource,
) -> Result<(Arc<Mapping>, [String; GATES.len()]), Refusal> {
    let bytes = read_file(path, policy.max_file_bytes)?;
    let digest = sha256([&bytes]);
    check_digest(&digest, &source.sha256)?;
    let started = Instant::now();
    let (size, mapping) = (bytes.len(), Mapping::load_blocking(engine, bytes)?);
    let (seconds, manifest) = (started.elapsed().as_secs_f64(), mapping.manifest());
    let found = [
        format!("{size} bytes, limit {}", policy.max_file_bytes),
        format!("SHA-256 {digest}"),
        String::new(),
        "only allowed ones".to_owned(),
        format!("{INTERFACE}@{}", mapping.version()),
        format!("{seconds:.1} s; with CACHE_DIR only once"),
        format!("{} {}", manifest.name, manifest.version),
        format!(
            "documents: {}, families: {}, charts: {}",
            manifest.documents.len(),
            manifest.families.len(),
            manifest.charts.len()
        ),
    ];
    Ok((Arc::new(mapping), found))
}

/// Whether it can run side by side with the default mapping, or replaces it. Returns that.
pub(super) fn check_conflicts(
    default: &Arc<Mapping>,
    mapping: &Arc<Mapping>,
    report: &mut Report<'_>,
) -> Result<bool, OfflineError> {
    let name = &default.manifest().name;
    if mapping.manifest().name == *name {
        report.ok("conflicts", &format!("it replaces the default mapping {name}"))?;
        return Ok(true);
    }
    match MappingSet::new([Arc::clone(default), Arc::clone(mapping)]) {
        Ok(_) => {
            let text = format!("it runs side by side with the default mapping {name}");
            report.ok("conflicts", &text)?;
            Ok(true)
        }
        Err(conflict) => {
            report.failed("conflicts", &conflict.to_string(), advice("conflict"))?;
            Ok(false)
        }
    }
}
