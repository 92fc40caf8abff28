//! `copilot-metrics-exporter map`: a mapping over recorded files.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;

use jiff::Timestamp;

use super::{OfflineError, load};
use crate::cli::{MapArgs, RecordedDocument, Span};
use crate::output::snapshot::Snapshot;
use crate::runner::pipeline;
use crate::wasm::{Engine, Limits, Mapping, documents_of, wit};
use crate::config::check::check_option;
use crate::model::{Scope, Target};

/// Maps the files and prints the exposition to `out`.
pub fn map(args: &MapArgs, out: &mut dyn Write) -> Result<(), OfflineError> {
    let (scope, name) = match (&args.org, &args.enterprise) {
        (_, Some(name)) => (Scope::Enterprise, name),
        (Some(name), None) => (Scope::Organization, name),
        (None, None) => return Err(OfflineError::Usage("give --org or --enterprise".to_owned())),
    };
    let target = Target::new(scope, name).map_err(OfflineError::Usage)?;
    let engine = Engine::new(Limits::default())?;
    let mapping = load(&engine, args.mapping.as_deref())?;
    let mut options = Vec::new();
    for option in &args.options {
        check_option(&option.name, std::iter::once(mapping.manifest()))
            .map_err(OfflineError::Usage)?;
        let (name, value) = (option.name.clone(), option.value.clone());
        options.push(model::MappingOption { name, value });
    }
    mapping.check_options(&options).map_err(OfflineError::Usage)?;
    let files = files(&args.documents, args.fetched_at, &mapping, scope)?;
    let span = match args.span {
        Span::Latest => model::Span::Latest,
        Span::History => model::Span::History,
    };
    let mapped = pipeline::map(&mapping, &target, span, &options, files)?;
    let snapshot = Snapshot::new([mapped.families.as_slice()]);
    out.write_all(snapshot.text()).and_then(|()| out.flush())?;
    Ok(())
}

/// Opens the files, in the order in which the mapping wants their documents.
pub(super) fn files(
    documents: &[RecordedDocument],
    fetched_at: Option<Timestamp>,
    mapping: &Mapping,
    scope: Scope,
) -> Result<Vec<(model::PartHeader, File)>, OfflineError> {
    let order: Vec<&str> =
        mapping.manifest().documents_of(scope).map(|spec| spec.name.as_str()).collect();
    let fetched_at = fetched_at.unwrap_or_else(Timestamp::now).as_second();
    let mut parts: HashMap<&str, u32> = HashMap::new();
    let mut files = Vec::new();
    for document in documents {
        let name = document.name.as_str();
        let at = order.iter().position(|known| *known == name).ok_or_else(|| {
            OfflineError::Usage(format!(
                "the mapping knows no document {name:?} of an {scope}; it knows: {}",
                order.join(", ")
            ))
        })?;
        let file = File::open(&document.path)
            .map_err(|error| OfflineError::Open { path: document.path.clone(), error })?;
        let part = parts.entry(name).or_default();
        files.push((at, model::PartHeader { name: name.to_owned(), part: *part, fetched_at }, file));
        *part += 1;
    }
    // Stable, so that the parts of a document keep their order.
    files.sort_by_key(|(at, _, _)| *at);
    Ok(files.into_iter().map(|(_, document, file)| (document, file)).collect())
}
