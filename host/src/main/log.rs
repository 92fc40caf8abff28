//! What is written to standard error: the log, and errors that end the command.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use copilot_metrics_exporter::config::{Log, LogFormat, LogLevel};
use copilot_metrics_exporter::log::RateLimit;
use copilot_metrics_exporter::model::text::is_control;
use tracing::error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::prelude::*;

/// Sends the log to standard error. Only the first call has an effect. Returns what limits its lines.
pub fn set_up(Log { level, format }: Log) -> RateLimit {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // Only warnings of other crates: their details may quote a request.
    let filter = tracing_subscriber::EnvFilter::default()
        .add_directive(LevelFilter::WARN.into())
        // It warns of every directory that is removed while it is watched.
        .add_directive("notify=error".parse().unwrap_or_default())
        .add_directive(format!("copilot_metrics_exporter={level}").parse().unwrap_or_default());
    let has_colors = io::stderr().is_terminal();
    let limit = RateLimit::default();
    let limited = tracing_subscriber::registry().with(filter).with(limit.clone());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(has_colors)
        .with_writer(move || Lines { to: io::stderr(), has_colors });
    match format {
        LogFormat::Text => limited.with(lines.with_target(false)).try_init().ok(),
        LogFormat::Json => limited.with(lines.json().flatten_event(true)).try_init().ok(),
    };
    limit
}

/// Writes each event as one line, whatever the names of files or the texts of errors contain.
struct Lines<W> {
    to: W,
    /// Whether escape sequences are part of the log.
    has_colors: bool,
}

impl<W: Write> Write for Lines<W> {
    /// Writes an event, which is passed as a whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let is_shown = |c: char| !is_control(c) || (c == '\u{1B}' && self.has_colors);
        let text = String::from_utf8_lossy(event.trim_ascii_end());
        let chars = text.chars().map(|c| if is_shown(c) { c } else { ' ' });
        let mut line: String = chars.collect();
        line.push('\n');
        self.to.write_all(line.as_bytes()).map(|()| event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Prints an error, as a line of the log if that is JSON.
pub fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    if wants_json() {
        set_up(Log { level: LogLevel::Error, format: LogFormat::Json });
        error!("{error}");
    } else {
        print(&error.to_string());
    }
    ExitCode::from(code)
}

/// Prints a text on one line.
pub fn print(text: &str) {
    let line = format!("copilot-metrics-exporter: {text}");
    // Nothing can be done if standard error is closed.
    Lines { to: io::stderr(), has_colors: false }.write_all(line.as_bytes()).ok();
}

/// Prints a line of a report.
pub fn print_line(line: &str) {
    Lines { to: io::stderr(), has_colors: false }.write_all(line.as_bytes()).ok();
}

/// Whether the log of the exporter is to be JSON. The error may be that its settings can't be parsed.
fn wants_json() -> bool {
    const FLAG: &str = "--log.format";
    let arguments = std::env::args_os().skip(1);
    let arguments: Vec<String> =
        arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    // A command comes first. None of them has a log.
    if arguments.first().is_some_and(|first| !first.starts_with('-')) {
        return false;
    }
    let flag = arguments.iter().position(|argument| argument == FLAG);
    let value = flag.and_then(|at| arguments.get(at + 1).map(String::as_str));
    let joined =
        |argument: &String| Some(argument.strip_prefix(FLAG)?.strip_prefix('=')?.to_owned());
    let value = value.map(str::to_owned).or_else(|| arguments.iter().find_map(joined));
    let value = value.or_else(|| std::env::var("LOG_FORMAT").ok());
    value.is_some_and(|value| value.trim().eq_ignore_ascii_case("json"))
}
