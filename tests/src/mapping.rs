//! Runs the default mapping natively and as a component, over the same bodies.

use std::time::Duration;

use copilot_metrics_exporter::model::{Manifest, PartHeader, SampleSet, Scope, Span, Target};
use copilot_metrics_exporter::wasm::{Engine, Limits, Mapping};
use copilot_metrics_guest::contract as guest;
use copilot_metrics_guest::run::Run as NativeRun;

use crate::fixtures::{FETCHED_AT_SECONDS, Recorded, read};

/// The bodies of a set of documents: name, part, bytes.
pub type Bodies = Vec<(String, u32, Vec<u8>)>;

/// Reads the bodies of recorded documents.
pub fn bodies(recorded: &Recorded) -> Bodies {
    let mut bodies = Bodies::new();
    for (document, file) in recorded.documents {
        let part = bodies.iter().filter(|(name, _, _)| name == document).count() as u32;
        bodies.push((
            (*document).to_owned(),
            part,
            read(&format!("{}/{file}", recorded.directory)),
        ));
    }
    bodies
}

/// Feeds bodies in chunks: `next` returns the length of the next one.
fn feed<E>(
    bodies: &Bodies,
    mut next: impl FnMut() -> usize,
    mut feed: impl FnMut(&str, u32, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    for (name, part, body) in bodies {
        let mut rest = body.as_slice();
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(next().clamp(1, rest.len()));
            feed(name, *part, chunk)?;
            rest = after;
        }
    }
    Ok(())
}

/// The default mapping as a component.
pub struct Component(Mapping);

impl Component {
    /// Compiles it.
    pub fn load() -> Self {
        let load = || {
            // Byte by byte, a large document takes long on a busy machine.
            let limits = Limits { run_time: Duration::from_secs(3600), ..Limits::default() };
            let engine = Engine::new(limits).unwrap_or_else(|error| panic!("{error}"));
            Mapping::load_default_blocking(&engine).unwrap_or_else(|error| panic!("{error}"))
        };
        // On a thread of its own: the caller may be a task.
        let loaded = std::thread::scope(|scope| scope.spawn(load).join());
        Self(loaded.unwrap_or_else(|_| panic!("the default mapping does not load")))
    }

    /// What it says about itself.
    pub fn manifest(&self) -> &Manifest {
        self.0.manifest()
    }

    /// Maps bodies, cut into chunks.
    pub fn map(
        &self,
        recorded: &Recorded,
        bodies: &Bodies,
        span: Span,
        chunks: impl FnMut() -> usize,
    ) -> Result<SampleSet, String> {
        let scope = match recorded.scope {
            "enterprise" => Scope::Enterprise,
            _ => Scope::Organization,
        };
        let target = Target::new(scope, recorded.name)?;
        let mut run = self.0.start(&target, span, &[]).map_err(|error| error.to_string())?;
        feed(bodies, chunks, |name, part, chunk| {
            let header = PartHeader::new(name, part, FETCHED_AT_SECONDS);
            run.feed(&header, chunk)
        })
        .map_err(|error| error.to_string())?;
        run.finish().map_err(|error| error.to_string())
    }
}

/// Maps bodies, cut into chunks, with the same code as a native library.
pub fn map_natively(
    recorded: &Recorded,
    bodies: &Bodies,
    history: bool,
    chunks: impl FnMut() -> usize,
) -> Result<guest::SampleSet, String> {
    let scope = match recorded.scope {
        "enterprise" => guest::Scope::Enterprise,
        _ => guest::Scope::Organization,
    };
    let target = guest::Target { scope, name: recorded.name.to_owned() };
    let span = if history { guest::Span::History } else { guest::Span::Latest };
    let mut run = NativeRun::new(&target, span, &[]);
    feed(bodies, chunks, |name, part, chunk| {
        let name = name.to_owned();
        let fetched_at = FETCHED_AT_SECONDS;
        let document = guest::Document { name, part, fetched_at, report_day: None };
        run.feed(&document, chunk)
    })
    .map_err(|error| format!("{error:?}"))?;
    run.finish().map_err(|error| format!("{error:?}"))
}
