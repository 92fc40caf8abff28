//! The command `record`.

use std::process::ExitCode;
use std::time::Duration;

use copilot_metrics_exporter::app::{self, RecordError};
use copilot_metrics_exporter::config::{Log, ServeArgs, Settings};
use copilot_metrics_exporter::offline::RecordArgs;
use tokio_util::sync::CancellationToken;

use super::log::{self, fail};
use super::{USAGE, cancel_on_signal, fail_to_start, start_demo};

/// Records what GitHub has now.
pub fn run(args: RecordArgs) -> ExitCode {
    // What is recorded is printed at the end.
    let log_level = args.serve.log_level.clone().or_else(|| Some("warn".to_owned()));
    match Log::new(&ServeArgs { log_level, ..args.serve.clone() }) {
        Ok(log) => log::set_up(log),
        Err(error) => return fail(USAGE, &error),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("failed to start the runtime: {error}")),
    };
    let code = runtime.block_on(record_until_signal(&args));
    runtime.shutdown_timeout(Duration::from_millis(500));
    code
}

async fn record_until_signal(args: &RecordArgs) -> ExitCode {
    let cancel = CancellationToken::new();
    if let Err(error) = cancel_on_signal(&cancel) {
        return fail(1, &format!("cannot receive signals: {error}"));
    }
    let (_stand_in, demo) = match start_demo(&args.serve).await {
        Ok(demo) => demo.unzip(),
        Err(code) => return code,
    };
    let read = |args: &ServeArgs| {
        let settings = Settings::new(args)?;
        Ok(demo.as_ref().map_or(settings.clone(), |demo| demo.point(settings)))
    };
    let settings = match app::selecting(&args.serve, read) {
        Ok(settings) => settings,
        Err(error) => return fail(USAGE, &error),
    };
    match cancel.run_until_cancelled(app::record(args, settings)).await {
        Some(Ok(summary)) => {
            print!("{summary}");
            let missing = summary.missing();
            if missing.is_empty() {
                return ExitCode::SUCCESS;
            }
            let missing = missing.join(", ");
            fail(1, &format!("required documents were not recorded: {missing}"))
        }
        Some(Err(RecordError::Start(error))) => fail_to_start(&error),
        Some(Err(RecordError::Offline(error))) => fail(error.exit_code(), &error),
        None => fail(1, &"interrupted; nothing that was fetched is kept"),
    }
}
