//! `copilot-metrics-exporter mapping check`: runs all checks on a mapping, in their order, and reports
//! the result of each.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;

use super::args::CheckArgs;
use super::files::{self, OfflineError, engine, load};
use crate::config::{MappingPolicy, MappingSource, ServeArgs, Settings};
use crate::mappings::{MappingSet, Refusal, check_digest, read_file};
use crate::model::digest::sha256;
use crate::model::{PartHeader, Scope, Span, Target};
use crate::runner::{MapError, RunResult, execute};
use crate::wasm::{Engine, INTERFACE, Mapping};

/// The checks of a file before anything runs, with the causes of [`Refusal`]s that belong to each.
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

/// The bodies of a target's documents.
type Bodies = Vec<(PartHeader, Bytes)>;

/// A built-in recording of an invented target.
pub struct BuiltInRecording {
    /// The target.
    pub target: Target,
    /// Whether it is the response to a path, without a date.
    pub is_response_to: Box<dyn Fn(&str) -> bool>,
    /// The bodies.
    pub bodies: Vec<Bytes>,
}

/// Prints the report to `out`. Without documents among the arguments, the mapping runs over the
/// built-in recordings.
pub fn check(
    args: &CheckArgs,
    recordings: &[BuiltInRecording],
    out: &mut dyn Write,
) -> Result<(), OfflineError> {
    let serve = ServeArgs { config: args.config.clone(), ..ServeArgs::default() };
    let settings = Settings::new(&serve).map_err(|error| OfflineError::Usage(error.to_string()))?;
    if let Err(error) = std::fs::metadata(&args.file) {
        return Err(OfflineError::Open { path: args.file.clone(), error });
    }
    let engine = engine(settings.policy.limits.clone())?;
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
    match coexistence(&default, &mapping) {
        Ok(found) => line(out, "ok", "conflicts", &found)?,
        Err(problem) => {
            line(out, "FAIL", "conflicts", &problem)?;
            return Err(refused());
        }
    }
    let inputs = match args.documents.is_empty() {
        true => built_in(&mapping, recordings),
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
        format!("documents: {}, families: {}", manifest.documents.len(), manifest.families.len()),
    ];
    Ok((Arc::new(mapping), found))
}

/// Whether it can run side by side with the default mapping, or replaces it.
fn coexistence(default: &Arc<Mapping>, mapping: &Arc<Mapping>) -> Result<String, String> {
    let name = &default.manifest().name;
    if mapping.manifest().name == *name {
        return Ok(format!("it replaces the default mapping {name}"));
    }
    match MappingSet::new([Arc::clone(default), Arc::clone(mapping)]) {
        Ok(_) => Ok(format!("it runs side by side with the default mapping {name}")),
        Err(conflict) => Err(conflict.to_string()),
    }
}

/// The built-in recordings that the mapping wants, by target.
fn built_in(mapping: &Mapping, recordings: &[BuiltInRecording]) -> Vec<(Target, Bodies)> {
    let mut targets: Vec<&Target> = Vec::new();
    for recording in recordings {
        if !targets.contains(&&recording.target) {
            targets.push(&recording.target);
        }
    }
    let fetched_at = Timestamp::now().as_second();
    let bodies = |target: &Target| {
        let specs = mapping.manifest().documents_of(target.scope());
        let of_spec = specs.flat_map(|spec| {
            let path = spec.path_for(target.login(), None);
            let recorded = recordings
                .iter()
                .find(|recording| recording.target == *target && (recording.is_response_to)(&path));
            let bodies = recorded.into_iter().flat_map(|recording| &recording.bodies);
            (0..)
                .zip(bodies)
                .map(|(part, body)| (PartHeader::new(&spec.name, part, fetched_at), body.clone()))
        });
        of_spec.collect::<Bodies>()
    };
    targets.into_iter().map(|target| (target.clone(), bodies(target))).collect()
}

/// The documents that the arguments name.
fn given(args: &CheckArgs, mapping: &Mapping) -> Result<(Target, Bodies), OfflineError> {
    let scope = if args.enterprise { Scope::Enterprise } else { Scope::Organization };
    let target = Target::new(scope, "given").map_err(OfflineError::Usage)?;
    let mut bodies = Bodies::new();
    for (document, mut file) in files::open(&args.documents, None, mapping, scope)? {
        let mut body = Vec::new();
        file.read_to_end(&mut body)?;
        bodies.push((document, body.into()));
    }
    Ok((target, bodies))
}

/// Runs the mapping over a target's documents, twice. Returns whether that works.
fn run(
    mapping: &Mapping,
    target: &Target,
    bodies: &Bodies,
    out: &mut dyn Write,
) -> Result<bool, OfflineError> {
    if bodies.is_empty() {
        let text = format!("{target}: none of its documents to run it over");
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
    let (families, megabytes) = (whole.samples.families.len(), whole.memory_bytes as f64 / 1e6);
    let series = whole.samples.len();
    let text = format!(
        "{target}: families: {families}, series: {series}; {seconds:.2} s, {megabytes:.1} MB"
    );
    line(out, "ok", "run", &text)?;
    if series == 0 {
        line(out, "-", "run", "it returned no samples for these documents")?;
    }
    // An odd length splits rows, numbers and characters.
    let same = map(mapping, target, bodies, 997);
    if same.is_ok_and(|other| other.samples == whole.samples) {
        line(out, "ok", "chunks", "the same samples, however the bytes are split")?;
        return Ok(true);
    }
    let text = "different samples, or an error, if the bytes are split at other places: \
                chunks may end anywhere, even within a character";
    line(out, "FAIL", "chunks", text)?;
    Ok(false)
}

fn map(
    mapping: &Mapping,
    target: &Target,
    bodies: &Bodies,
    chunk: usize,
) -> Result<RunResult, MapError> {
    let readers =
        bodies.iter().map(|(document, body)| (document.clone(), Chunks { rest: body, chunk }));
    execute(mapping, target, Span::Latest, &[], readers, None)
}

/// Reads at most `chunk` bytes at once.
struct Chunks<'a> {
    rest: &'a [u8],
    chunk: usize,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.chunk);
        self.rest.read(buffer.get_mut(..most).unwrap_or_default())
    }
}
