//! `copilot-metrics-exporter map`: runs a mapping over recorded files.

use std::io::{BufWriter, Write};

use jiff::Timestamp;

use super::args::{Format, MapArgs, Span};
use super::files::{self, OfflineError, engine, load};
use crate::config::HistoryOptions;
use crate::mappings::check_option;
use crate::model::text::sanitize;
use crate::model::{self, Limits, Scope, Target, UnmappedField};
use crate::output::daily::{timestamp_ms, to_daily};
use crate::output::{write_exposition, write_openmetrics};
use crate::runner::execute;

/// Maps the files and prints the exposition to `out`. What is not mapped goes to `err`.
pub fn map(args: &MapArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), OfflineError> {
    let (scope, name) = match (&args.org, &args.enterprise) {
        (_, Some(name)) => (Scope::Enterprise, name),
        (Some(name), None) => (Scope::Organization, name),
        (None, None) => return Err(OfflineError::Usage("set --org or --enterprise".to_owned())),
    };
    if args.format == Format::Openmetrics && matches!(args.span, Span::Latest) {
        let reason = "--format openmetrics requires --span history".to_owned();
        return Err(OfflineError::Usage(reason));
    }
    let fetched_at = args.fetched_at.unwrap_or_else(Timestamp::now);
    let target = Target::new(scope, name).map_err(OfflineError::Usage)?;
    let engine = engine(Limits::default())?;
    let mapping = load(&engine, args.mapping.as_deref())?;
    for option in &args.options {
        check_option(&option.name, std::iter::once(mapping.manifest()))
            .map_err(OfflineError::Usage)?;
    }
    mapping.check_options(&args.options).map_err(OfflineError::Usage)?;
    let files = files::open(&args.documents, Some(fetched_at), &mapping, scope)?;
    let span = match args.span {
        Span::Latest => model::Span::Latest,
        Span::History => model::Span::History,
    };
    let result = execute(&mapping, &target, span, &args.options, files, None)?;
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
    Ok(())
}
