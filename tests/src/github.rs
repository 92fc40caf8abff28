//! Stand-ins for GitHub whose secrets are looked for in everything the exporter says.

use copilot_metrics_exporter::demo::{Options, StandIn};

use crate::transcript::keep_secret;

/// Starts the usual one.
pub async fn stand_in() -> StandIn {
    stand_in_with(Options::default()).await
}

/// Starts one with differences.
pub async fn stand_in_with(options: Options) -> StandIn {
    let github = StandIn::start_with(options).await.unwrap_or_else(|error| panic!("{error}"));
    keep_secret(github.token());
    keep_secret(github.signature());
    github
}
