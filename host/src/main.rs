//! The command: parses, starts, runs.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use copilot_metrics_exporter::cli::{Cli, Command, LogFormat, LogLevel, ServeArgs};
use copilot_metrics_exporter::demo;
use copilot_metrics_exporter::exporter::{Exporter, StartError};
use copilot_metrics_exporter::offline;
use copilot_metrics_exporter::settings::{Log, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

/// A setting or argument is wrong (EX_USAGE of sysexits.h).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    match cli.command {
        Some(Command::Map(args)) => match offline::map(&args, &mut std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error.exit_code(), &error),
        },
        None => serve(&cli.serve),
    }
}

/// Help goes out as it is; a mistake in one line.
fn explain(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let lines = text.lines().take_while(|line| !line.starts_with("Usage:"));
    let line = lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let line = line.replace(" For more information, try '--help'.", "");
    fail(USAGE, &line.trim_start_matches("error: "))
}

fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("copilot-metrics-exporter: {error}");
    ExitCode::from(code)
}

fn serve(args: &ServeArgs) -> ExitCode {
    let (settings, log) = match (Settings::new(args), Log::new(args)) {
        (Ok(settings), Ok(log)) => (settings, log),
        (Err(error), _) | (_, Err(error)) => return fail(USAGE, &error),
    };
    set_up_log(log);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("the runtime did not start: {error}")),
    };
    let code = runtime.block_on(serve_until_signal(args.demo, settings));
    // A mapping that is still running has no one left to run for.
    runtime.shutdown_timeout(Duration::from_millis(500));
    code
}

async fn serve_until_signal(demo: bool, mut settings: Settings) -> ExitCode {
    // The stand-in stops when it is dropped: after the exporter.
    let mut stand_in = None;
    if demo {
        match demo::start(settings).await {
            Ok((started, pointed_at_it)) => (stand_in, settings) = (Some(started), pointed_at_it),
            Err(error) => return fail(1, &format!("the demo's stand-in for GitHub: {error}")),
        }
    }
    let exporter = match Exporter::start(settings).await {
        Ok(exporter) => exporter,
        Err(error @ StartError::Option(_)) => return fail(USAGE, &error),
        Err(error) => return fail(1, &error),
    };
    let cancel = CancellationToken::new();
    if let Err(error) = cancel_on_signal(&cancel) {
        return fail(1, &format!("signals can't be received: {error}"));
    }
    exporter.run(cancel).await;
    drop(stand_in);
    ExitCode::SUCCESS
}

/// Cancels at SIGTERM, which container runtimes send, and at Ctrl-C.
fn cancel_on_signal(cancel: &CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let cancel = cancel.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancel.cancel();
    });
    Ok(())
}

/// The log goes to standard error.
fn set_up_log(Log { level, format }: Log) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // Of other crates only what failed: their details may quote a request.
    let filter = tracing_subscriber::EnvFilter::default()
        .add_directive(LevelFilter::WARN.into())
        .add_directive(format!("copilot_metrics_exporter={level}").parse().unwrap_or_default());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
