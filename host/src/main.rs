//! The command: parses, starts, runs.

#[path = "main/log.rs"]
mod log;
#[path = "main/record.rs"]
mod record;
#[path = "main/resources.rs"]
mod resources;
#[path = "main/targets.rs"]
mod targets;

use std::io::IsTerminal;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use copilot_metrics_exporter::app::{self, BackfillError, Ended, Exporter, StartError};
use copilot_metrics_exporter::backfill::BackfillArgs;
use copilot_metrics_exporter::cli::{Cli, Command, MappingCommand};
use copilot_metrics_exporter::config::{
    Log, ServeArgs, Settings, TargetSettings, WebArgs, wants_demo,
};
use copilot_metrics_exporter::demo::{self, Demo, RunningStandIn};
use copilot_metrics_exporter::log::RateLimit;
use copilot_metrics_exporter::offline::{self, BuiltInRecording, OfflineError};
use copilot_metrics_exporter::refresh::{Reloader, Source};
use copilot_metrics_exporter::wasm::{compile_default_mapping, compile_stdin};
use copilot_metrics_exporter::web::healthcheck::healthcheck;
use copilot_metrics_exporter::web::systemd_sockets;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::log::fail;

/// An invalid setting or argument (EX_USAGE of sysexits.h).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    resources::limit_heaps();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    match cli.command {
        Some(Command::Map(args)) => finish(offline::map(
            &args,
            &mut std::io::stdout().lock(),
            &mut std::io::stderr().lock(),
        )),
        Some(Command::Mapping(MappingCommand::Check(args))) => {
            let checked = offline::check(&args, recordings, &mut std::io::stdout().lock());
            finish(checked.map(drop))
        }
        Some(Command::Mapping(MappingCommand::New(args))) => {
            finish(offline::new(&args, &mut std::io::stdout().lock()))
        }
        Some(Command::Mapping(MappingCommand::Wit(args))) => {
            finish(offline::print_contract(&args, &mut std::io::stdout().lock()))
        }
        Some(Command::Mapping(MappingCommand::Show(args))) => {
            finish(offline::show(&args, &mut std::io::stdout().lock()))
        }
        Some(Command::Mapping(MappingCommand::Push(args))) => {
            finish(offline::push(&args, recordings, &mut std::io::stdout().lock()))
        }
        Some(Command::Mapping(MappingCommand::Test(args))) => {
            finish(offline::test(&args, &mut std::io::stdout().lock()))
        }
        Some(Command::CompileMapping(args)) => {
            let time = Duration::from_secs(args.seconds);
            ExitCode::from(compile_stdin(time, args.memory_bytes))
        }
        Some(Command::CompileDefaultMapping) => {
            match compile_default_mapping(&mut std::io::stdout().lock()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(1, &error),
            }
        }
        Some(Command::CheckConfig(args)) => check_config(*args),
        Some(Command::Backfill(args)) => {
            resources::allow_open_files();
            run_backfill(*args)
        }
        Some(Command::Record(args)) => record::run(*args),
        Some(Command::Healthcheck(args)) => check_health(&args),
        None => {
            resources::allow_open_files();
            serve(cli.serve)
        }
    }
}

/// The built-in recordings, for `mapping check`.
fn recordings() -> std::io::Result<Vec<BuiltInRecording>> {
    let recordings = demo::recordings()?.into_iter().map(|recording| BuiltInRecording {
        target: recording.target.clone(),
        bodies: recording.bodies.clone(),
        is_response_to: Box::new(move |path| recording.is_response_to(path)),
    });
    Ok(recordings.collect())
}

/// Ends a command that does not serve.
fn finish(result: Result<(), OfflineError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => fail(error.exit_code(), &error),
    }
}

/// Prints help as it is, and an error on one line.
fn explain(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return fail(USAGE, &"a subcommand is missing; see --help");
    }
    let text = error.to_string();
    let mut parts: Vec<String> = Vec::new();
    // Paragraphs are joined with a semicolon, the lines of one with a space.
    for paragraph in text.split("\n\n").take_while(|paragraph| !paragraph.starts_with("Usage:")) {
        let lines = paragraph.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines.collect::<Vec<_>>().join(" ");
        if !line.is_empty() && !line.starts_with("For more information") {
            parts.push(line.trim_start_matches("error: ").to_owned());
        }
    }
    fail(USAGE, &format!("{}; see --help", parts.join("; ")))
}

/// Prints a summary of the settings, or what is wrong with them.
fn check_config(args: ServeArgs) -> ExitCode {
    if let Err(error) = Log::new(&args) {
        return fail(USAGE, &error);
    }
    let demo = match wants_demo(&args) {
        Ok(demo) => demo,
        Err(error) => return fail(USAGE, &error),
    };
    match app::check(&source(args, None)) {
        Ok(_) if demo => {
            println!("the demo would be served\nthe settings are valid");
            ExitCode::SUCCESS
        }
        Ok((settings, warnings)) => {
            for warning in warnings {
                log::print(&format!("warning: {warning}"));
            }
            for TargetSettings { target, credential, ttl, .. } in &settings.targets {
                let (github, seconds) = (target.github(), ttl.as_secs());
                let credential = &credential.name;
                println!(
                    "{target} at {github}, every {seconds} s, with the credential {credential}"
                );
            }
            match settings.missing {
                Some(missing) => println!("nothing would be exported: {missing}"),
                None => println!("the settings are valid"),
            }
            ExitCode::SUCCESS
        }
        Err(error @ StartError::Setting(_)) => fail(USAGE, &error),
        Err(error) => fail(1, &error),
    }
}

/// Prints nothing if the exporter is healthy.
fn check_health(args: &WebArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("failed to start the runtime: {error}")),
    };
    match runtime.block_on(healthcheck(args)) {
        Ok(()) => ExitCode::SUCCESS,
        // Container engines only know 1.
        Err(error) => fail(1, &error),
    }
}

/// Fills databases or files with the past.
fn run_backfill(args: BackfillArgs) -> ExitCode {
    // A bar takes the place of lines about progress.
    let quiet = Some("warn").filter(|_| std::io::stderr().is_terminal());
    let filled =
        targets::run(&args.serve, quiet, async |settings| app::backfill(&args, settings).await);
    match filled {
        Ok(Some(Ok(Ended::Planned(plan)))) => {
            print!("{plan}");
            ExitCode::SUCCESS
        }
        Ok(Some(Ok(Ended::Filled(report)))) => {
            report.to_string().lines().for_each(log::print_line);
            ExitCode::from(u8::from(!report.is_complete()))
        }
        Ok(Some(Err(error))) => match error {
            BackfillError::Start(error) => fail_to_start(&error),
            BackfillError::Usage(_) => fail(USAGE, &error),
            BackfillError::Sink(_) => fail(1, &error),
        },
        Ok(None) => fail(1, &"interrupted; the next run continues where this one stopped"),
        Err(code) => code,
    }
}

/// Starts the stand-in of the demo if the arguments ask for it.
async fn start_demo(args: &ServeArgs) -> Result<Option<(RunningStandIn, Demo)>, ExitCode> {
    match wants_demo(args) {
        Ok(true) => {
            demo::start().await.map(Some).map_err(|error| fail(1, &format!("the demo: {error}")))
        }
        Ok(false) => Ok(None),
        Err(error) => Err(fail(USAGE, &error)),
    }
}

/// Reads the settings: the demo's own targets, or those of the arguments.
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
    let limit = match Log::new(&args) {
        Ok(log) => log::set_up(log),
        Err(error) => return fail(USAGE, &error),
    };
    // Before the runtime starts threads: see `systemd_sockets`.
    let sockets = match args.systemd_socket.then(systemd_sockets).transpose() {
        Ok(sockets) => sockets.unwrap_or_default(),
        Err(error) => return fail(USAGE, &error),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("failed to start the runtime: {error}")),
    };
    let code = runtime.block_on(serve_until_signal(args, sockets, limit.clone()));
    limit.report();
    // A mapping that is still running is not needed any more.
    runtime.shutdown_timeout(Duration::from_millis(500));
    code
}

async fn serve_until_signal(
    args: ServeArgs,
    sockets: Vec<TcpListener>,
    limit: RateLimit,
) -> ExitCode {
    let cancel = CancellationToken::new();
    tokio::spawn(limit.clone().report_regularly());
    if let Err(error) = cancel_on_signal(&cancel) {
        return fail(1, &format!("cannot receive signals: {error}"));
    }
    // The stand-in stops when it is dropped: after the exporter.
    let (stand_in, demo) = match start_demo(&args).await {
        Ok(demo) => demo.unzip(),
        Err(code) => return code,
    };
    let started = cancel.run_until_cancelled(Exporter::start(source(args, demo), sockets)).await;
    let exporter = match started {
        Some(Ok(exporter)) => exporter,
        Some(Err(error)) => return fail_to_start(&error),
        None => return ExitCode::SUCCESS,
    };
    limit.count_in(exporter.log_metrics());
    if let Err(error) = reload_on_signal(exporter.reloader()) {
        return fail(1, &format!("cannot receive signals: {error}"));
    }
    tokio::spawn(resources::return_memory(exporter.snapshots()));
    let ran = exporter.run(cancel).await;
    drop(stand_in);
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail_to_start(&error),
    }
}

fn fail_to_start(error: &StartError) -> ExitCode {
    match error {
        StartError::Setting(_) => fail(USAGE, error),
        _ => fail(1, error),
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

/// Reloads the settings at SIGHUP. The result is in the log.
fn reload_on_signal(reloader: Reloader) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            reloader.reload().await.ok();
        }
    });
    Ok(())
}
