//! Scrapes per second of `/metrics`, compared with a bare axum handler that sends the same bytes.

use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;
use copilot_metrics_exporter::app::Metrics;
use copilot_metrics_exporter::config::WebPaths;
use copilot_metrics_exporter::model::{
    Family, FamilySamples, MappingId, MetricKind, Samples, Scope, Target,
};
use copilot_metrics_exporter::output::{Placement, Published};
use copilot_metrics_exporter::refresh::{Reloader, Targets};
use copilot_metrics_exporter::runner::Runner;
use copilot_metrics_exporter::store::Memory;
use copilot_metrics_exporter::web::{App, Listener, Page, router, serve};
use copilot_metrics_tests::command::client;
use criterion::{Criterion, Throughput};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::mean_seconds;

pub const GROUP: &str = "scrapes";

/// The number of series on `/metrics`, besides the exporter's own.
const SERIES: u32 = 10_000;
/// The number of concurrent clients, and of scrapes by each of them in one iteration.
const CLIENTS: usize = 4;
const SCRAPES: usize = 25;

pub fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let start = |router: Router| {
        let listener = runtime.block_on(Listener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, router, CancellationToken::new()));
        url
    };
    let url = start(runtime.block_on(exporter()));
    let response = async { client().get(&url).send().await.unwrap().bytes().await };
    let body: Bytes = runtime.block_on(response).unwrap();
    let size = body.len();
    let bare =
        Router::new().route(
            "/metrics",
            get(move || async move {
                ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], body)
            }),
        );
    let mut group = criterion.benchmark_group(GROUP);
    group.throughput(Throughput::Elements((CLIENTS * SCRAPES) as u64));
    for (name, url) in [("exporter", url), ("bare axum", start(bare))] {
        let client = client();
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(|| scrape(&client, &url, size));
        });
    }
    group.finish();
}

pub fn report() {
    let (Some(exporter), Some(bare)) =
        (mean_seconds(GROUP, "exporter"), mean_seconds(GROUP, "bare axum"))
    else {
        return;
    };
    let per_second = |seconds: f64| (CLIENTS * SCRAPES) as f64 / seconds;
    println!(
        "scrapes of {SERIES} series: exporter {:.0}/s, bare axum {:.0}/s, ratio {:.2} (at least 0.8)",
        per_second(exporter),
        per_second(bare),
        bare / exporter
    );
}

/// The exporter's router, with [`SERIES`] samples of one target.
async fn exporter() -> Router {
    let metrics = Metrics::new().unwrap();
    let publisher = metrics.publisher().unwrap();
    let target = Target::new(Scope::Organization, "octodemo").unwrap();
    publisher.set_targets(std::slice::from_ref(&target), None);
    let mapping = MappingId {
        name: "github-copilot".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha256: "0".repeat(64),
    };
    let samples = samples();
    let families = samples.families.iter().map(|(family, _)| family.clone()).collect();
    let published = Published {
        mapping: mapping.clone(),
        fingerprint: String::new(),
        samples: Arc::new(samples),
        unmapped: Arc::from([]),
    };
    let placement = Placement {
        target,
        mappings: vec![(mapping, families)],
        published: vec![published],
        is_complete: true,
    };
    // It returns when they are served.
    publisher.place(vec![placement]).await;
    let runner = Arc::new(Runner::new(metrics.runner));
    router(Arc::new(App {
        daily: None,
        enable_lifecycle: false,
        paths: WebPaths::default(),
        registry: metrics.registry,
        metrics: metrics.web,
        github: metrics.github,
        page: Page::new(
            Arc::clone(&publisher),
            Arc::new(Targets::default()),
            runner,
            Arc::new(Memory::default()),
        ),
        publisher,
        reloader: Reloader::new().0,
        web: Arc::default(),
    }))
}

/// One family with labels like those of the default mapping.
fn samples() -> Samples {
    let name = "github_copilot_language_model_lines_added".to_owned();
    let family = Family {
        name: name.clone(),
        help: "Lines of code added.".to_owned(),
        kind: MetricKind::Gauge,
        label_names: ["org", "scope", "language", "model"].map(str::to_owned).to_vec(),
        enabled_by: None,
        detail: 0,
    };
    let shared = ["octodemo", "organization", "gpt-5.3-codex"].map(str::to_owned);
    let languages = (0..SERIES).map(|number| format!("language-{number}"));
    let strings = shared.into_iter().chain(languages).collect();
    let columns = FamilySamples {
        name,
        label_values: (0..SERIES).flat_map(|number| [0, 1, 3 + number, 2]).collect(),
        values: (0..SERIES).map(f64::from).collect(),
        timestamps: None,
    };
    Samples { strings, families: vec![(Arc::new(family), columns)], left_out: None }
}

/// Scrapes with several clients at once, each on a connection that stays open, as Prometheus does.
async fn scrape(client: &reqwest::Client, url: &str, size: usize) {
    let clients = (0..CLIENTS).map(|_| {
        let (client, url) = (client.clone(), url.to_owned());
        tokio::spawn(async move {
            for _ in 0..SCRAPES {
                let body = client.get(&url).send().await.unwrap().bytes().await.unwrap();
                // The exporter's own metrics change a little.
                assert!(body.len().abs_diff(size) < 1000);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}
