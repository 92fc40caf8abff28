//! `copilot-metrics-exporter mapping check`: takes a mapping through every gate, in their order, and
//! says of each what there is or what is wrong.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::map::files;
use super::{OfflineError, load};
use crate::cli::{CheckArgs, ServeArgs};
use crate::demo::recordings::{self, RECORDINGS};
use crate::demo::targets;
use crate::model::digest::sha256;
use crate::github::Document;
use crate::mappings::{MappingSet, Refusal, check_digest, read_file};
use crate::runner::pipeline::{self, MapError, Mapped};
use crate::model::{self, Need, Span};
use crate::wasm::{Engine, INTERFACE, Mapping, Version, documents_of};
use crate::config::{MappingPolicy, MappingSource, Settings};
use crate::model::{Scope, Target};

/// What is checked of a file before anything is run, with the causes of [`Refusal`]s that belong to it.
const GATES: [(&str, &[&str]); 7] = [
    ("size", &["unreadable", "size"]),
    ("digest", &["digest"]),
    ("component", &["component"]),
    ("imports", &["import"]),
    ("world", &["world", "version"]),
    ("describe", &["describe"]),
    ("manifest", &["manifest"]),
];

/// The bodies of a target's documents.
type Bodies = Vec<(model::PartHeader, Vec<u8>)>;

/// Prints the report to `out`.
pub fn check(args: &CheckArgs, out: &mut dyn Write) -> Result<(), OfflineError> {
    let serve = ServeArgs { config: args.config.clone(), ..ServeArgs::default() };
    let settings = Settings::new(&serve).map_err(|error| OfflineError::Usage(error.to_string()))?;
    if let Err(error) = std::fs::metadata(&args.file) {
        return Err(OfflineError::Open { path: args.file.clone(), error });
    }
    let engine = Engine::new(settings.policy.limits.clone())?;
    writeln!(out, "{}", args.file.display())?;
    let refused = || OfflineError::Refused(args.file.clone());
    let mapping = match load_checked(&engine, &args.file, &settings.policy, &settings.source) {
        Ok((mapping, found)) => {
            for ((gate, _), found) in GATES.iter().zip(found) {
                line(out, "ok", gate, &found)?;
            }
            mapping
        }
        Err(refusal) => {
            for (gate, causes) in GATES {
                if causes.contains(&refusal.cause()) {
                    line(out, "FAIL", gate, &refusal.to_string())?;
                    break;
                }
                line(out, "ok", gate, "")?;
            }
            return Err(refused());
        }
    };
    let default = Arc::new(load(&engine, None)?);
    match beside(&default, &mapping) {
        Ok(found) => line(out, "ok", "conflicts", &found)?,
        Err(problem) => {
            line(out, "FAIL", "conflicts", &problem)?;
            return Err(refused());
        }
    }
    let inputs = match args.documents.is_empty() {
        true => recorded(&default, &mapping),
        false => vec![given(args, &mapping)?],
    };
    let mut passed = true;
    for (target, bodies) in inputs {
        passed &= run(&mapping, &target, &bodies, out)?;
    }
    match passed {
        true => Ok(writeln!(out, "the mapping can be used")?),
        false => Err(refused()),
    }
}

fn line(out: &mut dyn Write, verdict: &str, gate: &str, text: &str) -> io::Result<()> {
    writeln!(out, "{}", format!("  {verdict:4}  {gate:9}  {text}").trim_end())
}

/// Loads a mapping as a serving exporter does. With it comes what each gate has found.
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
    let mapping = Mapping::load(engine, &bytes)?;
    let (seconds, manifest) = (started.elapsed().as_secs_f64(), mapping.manifest());
    let found = [
        format!("{} bytes, of at most {}", bytes.len(), policy.max_file_bytes),
        format!("SHA-256 {digest}"),
        format!("compiled in {seconds:.1} s; with CACHE_DIR once only"),
        "none but those that mappings get".to_owned(),
        format!("{INTERFACE}@{}", Version::NEWEST),
        format!("{} {}", manifest.name, manifest.version),
        format!("documents: {}, families: {}", manifest.documents.len(), manifest.families.len()),
    ];
    Ok((Arc::new(mapping), found))
}

/// Whether it can run beside the default mapping, or takes its place.
fn beside(default: &Arc<Mapping>, mapping: &Arc<Mapping>) -> Result<String, String> {
    let name = &default.manifest().name;
    if mapping.manifest().name == *name {
        return Ok(format!("it takes the place of the default mapping {name}"));
    }
    match MappingSet::new([Arc::clone(default), Arc::clone(mapping)]) {
        Ok(_) => Ok(format!("it runs beside the default mapping {name}")),
        Err(conflict) => Err(conflict.to_string()),
    }
}

/// The built-in recordings that the mapping wants, of every invented target.
fn recorded(default: &Mapping, mapping: &Mapping) -> Vec<(Target, Bodies)> {
    let bodies = |target: &Target| {
        let scope = target.scope();
        let mut bodies = Bodies::new();
        for spec in mapping.manifest().documents_of(scope) {
            let source = spec.source();
            // The recordings have the names of the default mapping's documents.
            let known = default.manifest().documents_of(scope)
                .find(|known| known.need != Need::Offline && Document::source_of(known) == source);
            let Some(known) = known else { continue };
            let recording =
                RECORDINGS.iter().find(|of| of.owner == target.name() && of.document == known.name);
            for (part, file) in (0..).zip(recording.iter().flat_map(|of| of.files)) {
                let (name, fetched_at) = (spec.name.clone(), Timestamp::now().as_second());
                let moved = recordings::moved_to(recordings::newest_day(), file);
                bodies.push((model::PartHeader { name, part, fetched_at }, moved));
            }
        }
        bodies
    };
    targets().map(|target| (target.clone(), bodies(&target))).collect()
}

/// The documents that were named.
fn given(args: &CheckArgs, mapping: &Mapping) -> Result<(Target, Bodies), OfflineError> {
    let scope = if args.enterprise { Scope::Enterprise } else { Scope::Organization };
    let target = Target::new(scope, "given").map_err(OfflineError::Usage)?;
    let mut bodies = Bodies::new();
    for (document, mut file) in files(&args.documents, None, mapping, scope)? {
        let mut body = Vec::new();
        file.read_to_end(&mut body)?;
        bodies.push((document, body));
    }
    Ok((target, bodies))
}

/// Runs the mapping over a target's documents, twice. Answers whether that works.
fn run(
    mapping: &Mapping,
    target: &Target,
    bodies: &Bodies,
    out: &mut dyn Write,
) -> Result<bool, OfflineError> {
    if bodies.is_empty() {
        let text = format!("{target}: there is none of its documents to run it over");
        line(out, "-", "run", &text)?;
        return Ok(true);
    }
    let started = Instant::now();
    let whole = map(mapping, target, bodies, usize::MAX);
    let seconds = started.elapsed().as_secs_f64();
    let whole = match whole {
        Ok(mapped) => mapped,
        Err(error) => {
            let cause = error.cause();
            line(out, "FAIL", "run", &format!("{target}: {error} ({cause})"))?;
            return Ok(false);
        }
    };
    let (families, megabytes) = (whole.families.len(), whole.memory_bytes as f64 / 1e6);
    let series = whole.series;
    let text = format!(
        "{target}: families: {families}, series: {series}; {seconds:.2} s, {megabytes:.1} MB"
    );
    line(out, "ok", "run", &text)?;
    if series == 0 {
        line(out, "-", "run", "it made nothing of these documents")?;
    }
    // An odd length cuts rows, numbers and characters.
    let same = map(mapping, target, bodies, 997);
    if same.is_ok_and(|other| other.families == whole.families) {
        line(out, "ok", "chunks", "the same samples, however the bytes are cut")?;
        return Ok(true);
    }
    let text = "other samples, or an error, when the bytes are cut at other places: \
                chunks may end anywhere, within a character too";
    line(out, "FAIL", "chunks", text)?;
    Ok(false)
}

fn map(
    mapping: &Mapping,
    target: &Target,
    bodies: &Bodies,
    chunk: usize,
) -> Result<Mapped, MapError> {
    let readers = bodies
        .iter()
        .map(|(document, body)| (document.clone(), Cut { rest: body.as_slice(), chunk }));
    pipeline::map(mapping, &target, Span::Latest, &[], readers)
}

/// Reads no more than `chunk` bytes at once.
struct Cut<'a> {
    rest: &'a [u8],
    chunk: usize,
}

impl Read for Cut<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.chunk);
        self.rest.read(buffer.get_mut(..most).unwrap_or_default())
    }
}
