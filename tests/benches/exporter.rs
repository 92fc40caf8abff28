//! `make bench`: how fast the default mapping is natively and as a component, how many scrapes
//! a second are served beside a bare handler with the same bytes, how much memory a large report
//! takes, how long a swap of the mapping, how long a restart.
//!
//! Criterion measures; the ratios of one run are printed at the end, from its own estimates.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::BufWriter;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;
use copilot_metrics_exporter::cache::{Cache, Disk, Store};
use copilot_metrics_exporter::github::{Body, Document, Part};
use copilot_metrics_exporter::mappings::MappingSet;
use copilot_metrics_exporter::model::digest::sha256;
use copilot_metrics_exporter::output::encode::EncodedFamily;
use copilot_metrics_exporter::page::Page;
use copilot_metrics_exporter::publisher::{Placed, Publisher};
use copilot_metrics_exporter::refresh::Shared;
use copilot_metrics_exporter::refresh::reload::Reloader;
use copilot_metrics_exporter::target::{Scope, Target};
use copilot_metrics_exporter::telemetry::Telemetry;
use copilot_metrics_exporter::wasm::wit::Span;
use copilot_metrics_exporter::wasm::{DEFAULT_MAPPING, Engine, Limits, Mapping};
use copilot_metrics_exporter::web::{App, Listener, router, serve};
use copilot_metrics_tests::command::{Serving, binary, exporter as exporter_command};
use copilot_metrics_tests::fixtures::{OCTODEMO, Recorded, root, write_users_report};
use copilot_metrics_tests::guests::Mappings;
use copilot_metrics_tests::mapping::{Component, bodies, map_natively};
use criterion::{Criterion, Throughput};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The size of the chunks that the host feeds.
const CHUNK_BYTES: usize = 128 << 10;
/// The size of the generated users reports: one that is mapped again and again, one for memory.
const THROUGHPUT_BYTES: u64 = 32 << 20;
const MEMORY_BYTES: u64 = 200_000_000;
/// The series on the measured `/metrics`.
const SERIES: usize = 10_000;
/// The clients that scrape at once, and how often each does in one sample.
const CLIENTS: usize = 4;
const SCRAPES: usize = 25;
/// How often the default mapping is swapped.
const SWAPS: u8 = 51;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(2))
        .measurement_time(Duration::from_secs(8))
        .configure_from_args();
    mapping(&mut criterion);
    scrapes(&mut criterion);
    criterion.final_summary();
    report();
}

fn mapping(criterion: &mut Criterion) {
    let mut report = Vec::new();
    write_users_report(&mut report, THROUGHPUT_BYTES).unwrap();
    let users = vec![("users-28-day".to_owned(), 0, report)];
    let entity: Vec<_> = bodies(&OCTODEMO).into_iter().take(1).collect();
    let component = Component::load();
    for (name, bodies) in [("users report", &users), ("entity report", &entity)] {
        let size: usize = bodies.iter().map(|(_, _, body)| body.len()).sum();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(size as u64));
        let recorded: &Recorded = &OCTODEMO;
        group.bench_function("native", |bencher| {
            bencher
                .iter(|| map_natively(recorded, black_box(bodies), false, || CHUNK_BYTES).unwrap());
        });
        group.bench_function("component", |bencher| {
            bencher.iter(|| {
                component.map(recorded, black_box(bodies), Span::Latest, || CHUNK_BYTES).unwrap()
            });
        });
        group.finish();
    }
}

/// The exporter's router with as many series.
fn exporter() -> Router {
    let cache = Arc::new(Cache::default());
    let telemetry = Arc::new(Telemetry::new(Arc::clone(&cache)).unwrap());
    let target = Target::new(Scope::Organization, "octodemo").unwrap();
    telemetry.add_target(&target);
    let publisher = Arc::new(Publisher::new(Arc::clone(&telemetry)));
    publisher.set_targets(std::slice::from_ref(&target), None);
    let engine = Engine::new(Limits::default()).unwrap();
    let mapping = Arc::new(Mapping::load(&engine, DEFAULT_MAPPING).unwrap());
    let sha256 = mapping.sha256().to_owned();
    let set = Arc::new(MappingSet::new([mapping]).unwrap());
    let lines = (0..SERIES).map(|i| {
        format!("github_copilot_language_model_lines_added{{org=\"octodemo\",scope=\"organization\",language=\"language-{i}\",model=\"gpt-5.3-codex\"}} {i}\n")
    });
    let family = EncodedFamily {
        name: "github_copilot_language_model_lines_added".to_owned(),
        header: "# HELP github_copilot_language_model_lines_added Lines.\n# TYPE github_copilot_language_model_lines_added gauge\n".to_owned(),
        samples: lines.collect(),
    };
    publisher.place(vec![Placed { target, set, families: vec![(sha256, vec![family])] }]);
    let (shared, _) = Shared::new(cache, Arc::clone(&publisher), Arc::clone(&telemetry));
    router(Arc::new(App {
        telemetry,
        publisher,
        page: Page::new(Arc::new(shared)),
        reloader: Reloader::new().0,
        web: Arc::default(),
    }))
}

fn scrapes(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let start = |router: Router| {
        let listener = runtime.block_on(Listener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, router, CancellationToken::new()));
        url
    };
    let url = start(exporter());
    let body: Bytes =
        runtime.block_on(async { reqwest::get(&url).await.unwrap().bytes().await }).unwrap();
    let size = body.len();
    let bare =
        Router::new().route(
            "/metrics",
            get(move || async move {
                ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], body)
            }),
        );
    let mut group = criterion.benchmark_group("scrapes");
    group.throughput(Throughput::Elements((CLIENTS * SCRAPES) as u64));
    for (name, url) in [("exporter", url), ("bare axum", start(bare))] {
        let client = reqwest::Client::builder().no_gzip().build().unwrap();
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(|| scrape(&client, &url, size));
        });
    }
    group.finish();
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

/// The mean time of a benchmark in seconds, as criterion estimated it.
fn seconds(group: &str, function: &str) -> Option<f64> {
    let path =
        root().join("target/criterion").join(group).join(function).join("new/estimates.json");
    let estimates: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    Some(estimates["mean"]["point_estimate"].as_f64()? / 1e9)
}

fn report() {
    println!("\n--- in this run ---");
    for group in ["users report", "entity report"] {
        let (Some(native), Some(component)) =
            (seconds(group, "native"), seconds(group, "component"))
        else {
            continue;
        };
        let ratio = native / component;
        println!("{group}: component / native = {ratio:.2} (at least 0.5)");
    }
    if let (Some(exporter), Some(bare)) =
        (seconds("scrapes", "exporter"), seconds("scrapes", "bare axum"))
    {
        let per_second = |seconds: f64| (CLIENTS * SCRAPES) as f64 / seconds;
        println!(
            "scrapes of {SERIES} series: exporter {:.0}/s, bare axum {:.0}/s, ratio {:.2} (at least 0.8)",
            per_second(exporter),
            per_second(bare),
            bare / exporter
        );
    }
    memory();
    swaps();
    for megabytes in [1, 32, 200] {
        restart(megabytes * 1_000_000);
    }
}

/// The time from the start of the process to the first scrape with data, where GitHub is down and
/// the cache has a users report of as many bytes: when the samples are made of it anew, as after an
/// upgrade, and when those of the last run are there.
fn restart(bytes: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut body = GzEncoder::new(Vec::new(), Compression::fast());
    let written = write_users_report(&mut body, bytes).unwrap();
    let body = Body::from_compressed(body.finish().unwrap().into(), written);
    let part = Part { body, validator: None, next: None };
    let day = "2026-10-30".parse().ok();
    let fetched_at = jiff::Timestamp::now();
    let source = "report /orgs/{org}/copilot/metrics/reports/users-1-day?day={day}".to_owned();
    let document = Document { source, parts: vec![part], fetched_at, report_day: day };
    let target = Target::new(Scope::Organization, "octodemo").unwrap();
    let target = target.at(&"http://127.0.0.1:9".parse().unwrap());
    Disk::open(folder.path()).unwrap().save(&target, "users-1-day", &document).unwrap();
    for samples in ["made anew", "kept"] {
        let mut command = exporter_command();
        command.env("CACHE_DIR", folder.path()).env("GITHUB_API_URL", "http://127.0.0.1:9");
        command.env("ORG", "octodemo").env("GHC_TOKEN", "none");
        let started = std::time::Instant::now();
        let serving = Serving::start(command);
        let runtime = Runtime::new().unwrap();
        while !runtime
            .block_on(serving.get("/metrics"))
            .1
            .contains("github_copilot_users_reported{")
        {}
        println!(
            "a restart with {} MB in the cache, samples {samples}: first data after {:.2} s",
            written / 1_000_000,
            started.elapsed().as_secs_f64()
        );
        // By now the samples are kept.
        serving.wait_for("cached data is served");
    }
}

/// The time from the rename of a file over the mapping in use to the first scrape that has its
/// samples, for all targets of the demo, while clients scrape without pause: between two mappings,
/// and with a file that is new each time and has to be compiled.
fn swaps() {
    let folder = Mappings::default();
    let mut command = exporter_command();
    command.args(["--demo", "--mapping-dir"]).arg(folder.path());
    let serving = Serving::start(command);
    for _ in 0..3 {
        serving.wait_for("refreshed");
    }
    let runtime = Runtime::new().unwrap();
    for (what, clients, contents) in
        [("between two files", 8, 2), ("of a new file each time", 1, SWAPS)]
    {
        let load = CancellationToken::new();
        for _ in 1..clients {
            let (url, load) = (serving.url("/metrics"), load.clone());
            runtime.spawn(load.run_until_cancelled_owned(async move {
                let client = reqwest::Client::builder().no_gzip().build().unwrap();
                loop {
                    client.get(&url).send().await.unwrap().bytes().await.unwrap();
                }
            }));
        }
        let mut times = Vec::new();
        for number in 0..SWAPS {
            let mut mapping = DEFAULT_MAPPING.to_vec();
            // A custom section: the same mapping, and another file.
            mapping.extend([0, 5, 1, b'n', clients, number % contents, 0]);
            let info = format!("sha256=\"{}\"", sha256([&mapping]));
            folder.put("mapping.wasm", &mapping);
            let renamed = std::time::Instant::now();
            let has_all = |text: &str| text.matches(&info).count() == 3;
            while !has_all(&runtime.block_on(serving.get("/metrics")).1) {}
            times.push(renamed.elapsed());
        }
        load.cancel();
        times.sort();
        let seconds = |at: usize| times[at].as_secs_f64();
        println!(
            "{SWAPS} swaps of the default mapping {what}, {clients} clients: new samples after {:.2} s at the median, {:.2} s at most",
            seconds(times.len() / 2),
            seconds(times.len() - 1)
        );
    }
}

/// The resident memory of `map` over a large users report.
fn memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.ndjson");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    let written = write_users_report(&mut file, MEMORY_BYTES).unwrap();
    drop(file);
    let exporter = binary();
    let started = std::time::Instant::now();
    let mut child = Command::new(exporter)
        .args(["map", "--org", "octodemo", &format!("users-28-day={}", path.display())])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The high-water mark only rises: the last reading before the end is the whole run's.
    let mut resident = 0;
    let status = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = mark.and_then(|mark| mark.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        resident = kilobytes.map_or(resident, |kilobytes| kilobytes * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success());
    println!(
        "a users report of {} MB: {:.1} s, {} MB resident at most (under 200)",
        written / 1_000_000,
        started.elapsed().as_secs_f64(),
        resident / 1_000_000
    );
}
