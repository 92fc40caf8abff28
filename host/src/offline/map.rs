//! `copilot-metrics-exporter map`: runs a mapping over recorded files.

use std::io::{BufWriter, Write};

use jiff::Timestamp;

use super::args::{Format, MapArgs, MapInput, RecordedDocument, Span};
use super::case::Case;
use super::files::{self, OfflineError, engine, load, take_unknown};
use crate::config::HistoryOptions;
use crate::mappings::check_option;
use crate::model::text::sanitize;
use crate::model::{self, Limits, MappingOption, Scope, Target, UnmappedField};
use crate::output::daily::{timestamp_ms, to_daily};
use crate::output::{write_exposition, write_openmetrics};
use crate::runner::execute;

/// Maps the files and prints the exposition to `out`. What is not mapped goes to `err`.
pub fn map(args: &MapArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), OfflineError> {
    if args.format == Format::Openmetrics && matches!(args.span, Span::Latest) {
        let reason = "--format openmetrics requires --span history".to_owned();
        return Err(OfflineError::Usage(reason));
    }
    let Input { target, fetched_at, options, mut documents, is_case } = input(args)?;
    let scope = target.scope();
    let engine = engine(Limits::default())?;
    let mapping = load(&engine, args.mapping.as_deref())?;
    for option in &options {
        check_option(&option.name, std::iter::once(mapping.manifest()))
            .map_err(OfflineError::Usage)?;
    }
    mapping.check_options(&options).map_err(OfflineError::Usage)?;
    if is_case {
        // It may have been recorded for other mappings too.
        for name in take_unknown(&mut documents, &mapping, scope) {
            writeln!(err, "not used: the mapping has no document {name}").ok();
        }
    }
    let files = files::open(&documents, Some(fetched_at), &mapping, scope)?;
    let span = match args.span {
        Span::Latest => model::Span::Latest,
        Span::History => model::Span::History,
    };
    let result = execute(&mapping, &target, span, &options, files, None)?;
    let left_out = result.samples.left_out.clone();
    match args.format {
        Format::Prometheus => {
            out.write_all(write_exposition([&result.samples], 0)?.as_bytes())?;
        }
        Format::Openmetrics => {
            let time = |_: &str, day| Some(timestamp_ms(day, fetched_at));
            let daily = to_daily(result.samples, &HistoryOptions::default().prefix, time);
            let mut buffered = BufWriter::new(&mut *out);
            write_openmetrics(&daily, &mut buffered)?;
            buffered.flush()?;
        }
    }
    out.flush()?;
    let written = result.unmapped.iter().try_for_each(|UnmappedField { document, path, count }| {
        writeln!(err, "not mapped: {document} {} ({count})", sanitize(path))
    });
    // Without a place for these lines, the samples are still what was asked for.
    written.ok();
    if let Some(left_out) = &left_out {
        writeln!(err, "{left_out}").ok();
    }
    for line in &result.stderr {
        writeln!(err, "the mapping wrote: {line}").ok();
    }
    Ok(())
}

/// What is mapped.
struct Input {
    target: Target,
    fetched_at: Timestamp,
    options: Vec<MappingOption>,
    documents: Vec<RecordedDocument>,
    is_case: bool,
}

/// What the arguments name. They take precedence over what a case says.
fn input(args: &MapArgs) -> Result<Input, OfflineError> {
    let usage = |reason: &str| Err(OfflineError::Usage(reason.to_owned()));
    let target = match (&args.org, &args.enterprise) {
        (_, Some(name)) => Some(Target::new(Scope::Enterprise, name)),
        (Some(name), None) => Some(Target::new(Scope::Organization, name)),
        (None, None) => None,
    };
    let target = target.transpose().map_err(OfflineError::Usage)?;
    if let [MapInput::Case(directory)] = args.documents.as_slice()
        && !directory.is_file()
    {
        let case = Case::read(directory)?;
        let options = case
            .options
            .into_iter()
            .filter(|option| !args.options.iter().any(|of_args| of_args.name == option.name));
        return Ok(Input {
            target: target.unwrap_or(case.target),
            fetched_at: args.fetched_at.unwrap_or(case.fetched_at),
            options: options.chain(args.options.iter().cloned()).collect(),
            documents: case.documents,
            is_case: true,
        });
    }
    let mut documents = Vec::new();
    for input in &args.documents {
        match input {
            MapInput::Document(document) => documents.push(document.clone()),
            MapInput::Case(path) if path.is_dir() => {
                return usage("a case must be the only input: leave out the other ones");
            }
            MapInput::Case(path) => {
                let path = path.display();
                return usage(&format!(
                    "\"{path}\" is not of the form DOCUMENT=FILE, such as seats=seats.json, and not the directory of a case"
                ));
            }
        }
    }
    let Some(target) = target else { return usage("set --org or --enterprise") };
    Ok(Input {
        target,
        fetched_at: args.fetched_at.unwrap_or_else(Timestamp::now),
        options: args.options.clone(),
        documents,
        is_case: false,
    })
}
