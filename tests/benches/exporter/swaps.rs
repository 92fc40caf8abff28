//! The time from replacing the file of the mapping in use to the first scrape with the samples of the
//! new one, for all targets of the demo, while clients scrape without pause: between two files, and with
//! a new file each time, which has to be compiled.

use std::time::Instant;

use copilot_metrics_exporter::model::digest::sha256;
use copilot_metrics_exporter::wasm::DEFAULT_MAPPING;
use copilot_metrics_tests::command::{Serving, client, exporter};
use copilot_metrics_tests::guests::Mappings;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The number of swaps.
const SWAPS: u8 = 51;
/// The number of targets of the demo.
const TARGETS: usize = 3;

pub fn measure() {
    let directory = Mappings::default();
    let mut command = exporter();
    command.args(["--demo", "--mapping-dir"]).arg(directory.path());
    let serving = Serving::start(command);
    for _ in 0..TARGETS {
        serving.wait_for("refreshed");
    }
    let runtime = Runtime::new().unwrap();
    let url = serving.url("/metrics");
    for (files, clients, contents) in [("between two files", 8, 2), ("to a new file", 1, SWAPS)] {
        let load = CancellationToken::new();
        for _ in 1..clients {
            let (url, load) = (url.clone(), load.clone());
            runtime.spawn(load.run_until_cancelled_owned(async move {
                let client = client();
                loop {
                    scrape(&client, &url).await;
                }
            }));
        }
        let client = client();
        let mut seconds: Vec<f64> = (0..SWAPS)
            .map(|number| {
                let mut mapping = DEFAULT_MAPPING.to_vec();
                // A custom section makes it another file with the same mapping.
                mapping.extend([0, 5, 1, b'n', clients, number % contents, 0]);
                let label = format!("sha256=\"{}\"", sha256([&mapping]));
                directory.put("mapping.wasm", &mapping);
                let replaced = Instant::now();
                runtime.block_on(async {
                    while scrape(&client, &url).await.matches(&label).count() < TARGETS {}
                });
                replaced.elapsed().as_secs_f64()
            })
            .collect();
        load.cancel();
        seconds.sort_by(f64::total_cmp);
        println!(
            "{SWAPS} swaps {files}, {clients} clients: new samples after {:.2} s (median), {:.2} s (maximum)",
            seconds[seconds.len() / 2],
            seconds[seconds.len() - 1]
        );
    }
}

async fn scrape(client: &reqwest::Client, url: &str) -> String {
    client.get(url).send().await.unwrap().text().await.unwrap()
}
