use std::net::SocketAddr;
use std::time::Duration;

use copilot_metrics_tests::command::Serving;
use reqwest::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::difference;

/// The pause between two rounds of scrapes.
const PAUSE: Duration = Duration::from_millis(50);

/// Scrapes replicas all the time, and compares every response byte for byte: none is blank, mixed or doubled.
pub struct Watch {
    task: JoinHandle<usize>,
    stop: CancellationToken,
}

impl Watch {
    /// Starts scraping replicas, which all serve `expected`.
    pub fn start<'a>(replicas: impl IntoIterator<Item = &'a Serving>, expected: &str) -> Self {
        Self::of(replicas.into_iter().map(Serving::address), expected)
    }

    /// Starts scraping addresses.
    pub fn of(addresses: impl IntoIterator<Item = SocketAddr>, expected: &str) -> Self {
        let urls = addresses.into_iter().map(|address| format!("http://{address}/metrics/data"));
        let (urls, expected): (Vec<String>, _) = (urls.collect(), expected.to_owned());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            // Each scrape has a connection of its own, which may lead to another replica.
            let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
            let mut scrapes = 0;
            while !stopped.is_cancelled() {
                for url in &urls {
                    let response = client.get(url).send().await.unwrap();
                    assert_eq!(response.status(), 200);
                    let text = response.text().await.unwrap();
                    assert!(text == expected, "{:#?}", difference(&text, &expected));
                    scrapes += 1;
                }
                tokio::time::sleep(PAUSE).await;
            }
            scrapes
        });
        Self { task, stop }
    }

    /// Stops it. Every replica has been scraped.
    pub async fn stop(self) {
        self.stop.cancel();
        assert!(self.task.await.unwrap() > 0);
    }
}
