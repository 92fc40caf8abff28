//! The command: parses, starts, runs.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use copilot_metrics_exporter::cli::{
    Cli, Command, LogFormat, LogLevel, MappingCommand, ServeArgs, WebArgs,
};
use copilot_metrics_exporter::demo::{self, Demo};
use copilot_metrics_exporter::app::{self, Exporter, Source, StartError};
use copilot_metrics_exporter::web::healthcheck::healthcheck;
use copilot_metrics_exporter::offline::{self, OfflineError};
use copilot_metrics_exporter::refresh::reload::Reloader;
use copilot_metrics_exporter::config::{Log, Settings, TargetSettings, wants_demo};
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
        Some(Command::Map(args)) => finish(offline::map(&args, &mut std::io::stdout().lock())),
        Some(Command::Mapping(MappingCommand::Check(args))) => {
            finish(offline::check(&args, &mut std::io::stdout().lock()))
        }
        Some(Command::Mapping(MappingCommand::Show(args))) => {
            finish(offline::show(&args, &mut std::io::stdout().lock()))
        }
        Some(Command::CheckConfig(args)) => check_config(*args),
        Some(Command::Healthcheck(args)) => check_health(&args),
        None => serve(cli.serve),
    }
}

/// Ends a command that does not serve.
fn finish(result: Result<(), OfflineError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => fail(error.exit_code(), &error),
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

/// Says what the settings come to, or what is wrong with them.
fn check_config(args: ServeArgs) -> ExitCode {
    if let Err(error) = Log::new(&args) {
        return fail(USAGE, &error);
    }
    let demo = match wants_demo(&args) {
        Ok(demo) => demo,
        Err(error) => return fail(USAGE, &error),
    };
    match exporter::check(&source(args, None)) {
        Ok(_) if demo => {
            println!("the demo would be served\nthe settings are in order");
            ExitCode::SUCCESS
        }
        Ok(settings) => {
            for TargetSettings { target, credential, ttl, .. } in &settings.targets {
                let (github, seconds) = (target.github(), ttl.as_secs());
                let credential = &credential.name;
                println!(
                    "{target} at {github}, every {seconds} s, with the credential {credential}"
                );
            }
            if let Some(missing) = settings.missing {
                println!("there would be no data: {missing}");
            }
            println!("the settings are in order");
            ExitCode::SUCCESS
        }
        Err(error @ StartError::Setting(_)) => fail(USAGE, &error),
        Err(error) => fail(1, &error),
    }
}

/// Says nothing where all is well.
fn check_health(args: &WebArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("the runtime did not start: {error}")),
    };
    match runtime.block_on(healthcheck(args)) {
        Ok(()) => ExitCode::SUCCESS,
        // Container engines know 1 only.
        Err(error) => fail(1, &error),
    }
}

/// Where the settings come from: the demo's own targets, or what was given.
fn source(args: ServeArgs, demo: Option<Demo>) -> Source {
    Box::new(move || {
        let settings = Settings::new(&args)?;
        Ok(match &demo {
            Some(demo) => demo.point(settings),
            None => settings,
        })
    })
}

fn serve(args: ServeArgs) -> ExitCode {
    match Log::new(&args) {
        Ok(log) => set_up_log(log),
        Err(error) => return fail(USAGE, &error),
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("the runtime did not start: {error}")),
    };
    let code = runtime.block_on(serve_until_signal(args));
    // A mapping that is still running has no one left to run for.
    runtime.shutdown_timeout(Duration::from_millis(500));
    code
}

async fn serve_until_signal(args: ServeArgs) -> ExitCode {
    // The stand-in stops when it is dropped: after the exporter.
    let (mut stand_in, mut demo) = (None, None);
    let demo_wanted = match wants_demo(&args) {
        Ok(wanted) => wanted,
        Err(error) => return fail(USAGE, &error),
    };
    if demo_wanted {
        match demo::start().await {
            Ok((started, found)) => (stand_in, demo) = (Some(started), Some(found)),
            Err(error) => return fail(1, &format!("the demo's stand-in for GitHub: {error}")),
        }
    }
    let exporter = match Exporter::start(source(args, demo)).await {
        Ok(exporter) => exporter,
        Err(error @ StartError::Setting(_)) => return fail(USAGE, &error),
        Err(error) => return fail(1, &error),
    };
    let cancel = CancellationToken::new();
    let signals = cancel_on_signal(&cancel).and_then(|()| reload_on_signal(exporter.reloader()));
    if let Err(error) = signals {
        return fail(1, &format!("signals can't be received: {error}"));
    }
    let ran = exporter.run(cancel).await;
    drop(stand_in);
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(USAGE, &error),
    }
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

/// Reads the settings again at SIGHUP. The log says how that went.
fn reload_on_signal(reloader: Reloader) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            reloader.reload().await.ok();
        }
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
