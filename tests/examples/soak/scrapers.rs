//! Clients that scrape as Prometheus does. None of their scrapes may fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use copilot_metrics_tests::exposition::Exposition;
use tokio::task::JoinSet;

use crate::scene::{PASSWORD, Scene, USER};

/// The time between the scrapes of a client.
const INTERVAL_MILLIS: usize = 250;
/// Prometheus' default timeout.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Every how many scrapes the whole text is parsed.
const PARSED: usize = 20;
/// What must always be there: the data of the target that is never removed.
const DATA: [&str; 3] = [
    "\ngithub_copilot_seats{org=\"octodemo\"",
    "\ntotal_active_users{",
    "\ncopilot_exporter_build_info{",
];

/// Starts clients with and without gzip, at two addresses, with one connection or one for each scrape.
pub fn start(scene: &Arc<Scene>, tasks: &mut JoinSet<()>) {
    for (address, gzip, keep_alive) in [
        ([127, 0, 0, 1], true, true),
        ([127, 0, 0, 1], false, false),
        ([127, 0, 0, 2], true, false),
        ([127, 0, 0, 2], false, true),
    ] {
        tasks.spawn(scrape(Arc::clone(scene), address, gzip, keep_alive));
    }
}

async fn scrape(scene: Arc<Scene>, address: [u8; 4], gzip: bool, keep_alive: bool) {
    let builder = Scene::client_at(address).gzip(gzip).timeout(TIMEOUT);
    let builder = if keep_alive { builder } else { builder.pool_max_idle_per_host(0) };
    let client = builder.build().unwrap_or_else(|error| panic!("{error}"));
    let url = scene.url("/metrics");
    for number in 0.. {
        if !scene.pause(INTERVAL_MILLIS).await {
            return;
        }
        let started = Instant::now();
        let text = text(client.get(&url)).await;
        let took = started.elapsed();
        let result = text.and_then(|text| check(text, number % PARSED == 0));
        scene.tally.add_scrape(took, result);
    }
}

/// The body of a successful response.
pub async fn text(request: reqwest::RequestBuilder) -> Result<String, String> {
    let chain = |error: reqwest::Error| format!("{error:?}");
    let response = request.basic_auth(USER, Some(PASSWORD)).send().await.map_err(chain)?;
    let status = response.status();
    let text = response.text().await.map_err(chain)?;
    match status.as_u16() {
        200 => Ok(text),
        status => Err(format!("{status}: {text}")),
    }
}

fn check(text: String, whole: bool) -> Result<(), String> {
    if let Some(missing) = DATA.iter().find(|data| !text.contains(**data)) {
        return Err(format!("{missing:?} is missing in {} bytes", text.len()));
    }
    if whole {
        let parsed = std::panic::catch_unwind(|| Exposition::parse(&text));
        parsed.map_err(|_| "Prometheus would reject it".to_owned())?;
    }
    Ok(())
}
