//! What the commands about targets that do not serve have in common.

use std::process::ExitCode;
use std::time::Duration;

use copilot_metrics_exporter::app;
use copilot_metrics_exporter::config::{Log, ServeArgs, Settings};
use tokio_util::sync::CancellationToken;

use super::log::{self, fail};
use super::{USAGE, cancel_on_signal, start_demo};

/// Runs a command with the targets that the arguments select, until it ends or is interrupted, which is
/// `None`. Without a level among the arguments, `log_level` is used. An exit code: it did not start.
pub fn run<T>(
    args: &ServeArgs,
    log_level: Option<&str>,
    command: impl AsyncFnOnce(Settings) -> T,
) -> Result<Option<T>, ExitCode> {
    let log_level = args.log_level.clone().or_else(|| log_level.map(str::to_owned));
    let log = Log::new(&ServeArgs { log_level, ..args.clone() });
    log::set_up(log.map_err(|error| fail(USAGE, &error))?);
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| fail(1, &format!("failed to start the runtime: {error}")))?;
    let result = runtime.block_on(run_until_signal(args, command));
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

async fn run_until_signal<T>(
    args: &ServeArgs,
    command: impl AsyncFnOnce(Settings) -> T,
) -> Result<Option<T>, ExitCode> {
    let cancel = CancellationToken::new();
    cancel_on_signal(&cancel)
        .map_err(|error| fail(1, &format!("cannot receive signals: {error}")))?;
    let (_stand_in, demo) = start_demo(args).await?.unzip();
    let read = |args: &ServeArgs| {
        let settings = Settings::new(args)?;
        Ok(demo.as_ref().map_or(settings.clone(), |demo| demo.point(settings)))
    };
    let settings = app::selecting(args, read).map_err(|error| fail(USAGE, &error))?;
    Ok(cancel.run_until_cancelled(command(settings)).await)
}
