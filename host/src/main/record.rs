//! The command `record`.

use std::process::ExitCode;

use copilot_metrics_exporter::app::{self, RecordError};
use copilot_metrics_exporter::offline::RecordArgs;

use super::log::fail;
use super::{fail_to_start, targets};

/// Records what GitHub has now.
pub fn run(args: RecordArgs) -> ExitCode {
    // What is recorded is printed at the end.
    let quiet = Some("warn");
    let recorded =
        targets::run(&args.serve, quiet, async |settings| app::record(&args, settings).await);
    match recorded {
        Ok(Some(Ok(summary))) => {
            print!("{summary}");
            let missing = summary.missing();
            if missing.is_empty() {
                return ExitCode::SUCCESS;
            }
            let missing = missing.join(", ");
            fail(1, &format!("required documents were not recorded: {missing}"))
        }
        Ok(Some(Err(RecordError::Start(error)))) => fail_to_start(&error),
        Ok(Some(Err(RecordError::Offline(error)))) => fail(error.exit_code(), &error),
        Ok(None) => fail(1, &"interrupted; nothing that was fetched is kept"),
        Err(code) => code,
    }
}
