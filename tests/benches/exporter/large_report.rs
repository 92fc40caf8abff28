//! Memory use of the exporter that fetches, stores and maps a users report of 1 GB.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use copilot_metrics_exporter::demo::{Clock, SystemClock};
use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::write_users_report;
use copilot_metrics_tests::organizations::Organizations;
use copilot_metrics_tests::valkey::{Engine, Server};
use futures_util::stream;
use tokio::io::AsyncReadExt;
use tokio::runtime::Runtime;

use crate::process;
use crate::scale::used_memory;

/// The size of the report.
const REPORT_BYTES: u64 = 1_000_000_000;
/// The most memory that the exporter may take.
const MOST_MEGABYTES: u64 = 64;
/// The number of users in it.
const USERS: usize = 100_000;
/// The family that counts them.
const FAMILY: &str = "github_copilot_users_reported";

pub fn measure() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users.ndjson");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    let day = SystemClock.newest_day().to_string();
    let written = write_users_report(&mut file, REPORT_BYTES, &[&day], USERS).unwrap();
    file.flush().unwrap();
    drop(file);
    let runtime = Runtime::new().unwrap();
    // The second file of the report is the recorded one.
    let serve = move || send(path.clone());
    let routes = Router::new().route("/{day}/octodemo/users-1-day/0.json", get(serve));
    let github = runtime.block_on(Organizations::start_with_files(routes)).unwrap();
    let measure = |what: &str, set: &dyn Fn(&mut Command)| {
        let serving = measure_with(&runtime, &github, written, (what, set));
        // Its samples are stored too.
        serving.wait_for("refreshed");
        print_memory(&serving);
    };
    measure("not stored", &|_| {});
    measure("stored in a directory", &|command| {
        command.env("CACHE_DIR", directory.path().join("cache"));
    });
    let server = Server::start(Engine::Valkey);
    let before = used_memory(&server);
    measure("stored in Valkey", &|command| {
        command.env("STORE_URL", server.url());
    });
    let used = used_memory(&server) - before;
    println!(
        "Valkey: {} MB for {} MB of the report, {:.0} KB for 1,000 users",
        used / 1_000_000,
        written / 1_000_000,
        used as f64 / USERS as f64
    );
    // A replica that joins loads the samples, and fetches nothing.
    let set = |command: &mut Command| {
        command.env("STORE_URL", server.url());
    };
    let what = "loaded from Valkey by another replica";
    print_memory(&measure_with(&runtime, &github, written, (what, &set)));
}

fn measure_with(
    runtime: &Runtime,
    github: &Organizations,
    bytes: u64,
    (what, set): (&str, &dyn Fn(&mut Command)),
) -> Serving {
    let started = Instant::now();
    let mut command = exporter();
    command
        .env("ORG", "octodemo")
        .env("GITHUB_API_URL", &github.api)
        .env("GHC_TOKEN", &github.token);
    set(&mut command);
    let serving = Serving::start(command);
    let users = loop {
        let (_, text) = runtime.block_on(serving.get("/metrics"));
        let users = Exposition::parse(&text).sum(FAMILY, "octodemo");
        if users >= USERS as f64 {
            break users;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    println!(
        "users report of {} MB, {users} users, {what}: served after {:.1} s",
        bytes / 1_000_000,
        started.elapsed().as_secs_f64()
    );
    serving
}

fn print_memory(serving: &Serving) {
    let peak = process::memory(serving.id()).unwrap().peak / 1_000_000;
    println!("its peak memory: {peak} MB (at most {MOST_MEGABYTES})");
}

/// Sends a file piece by piece.
async fn send(path: PathBuf) -> Response {
    let file = tokio::fs::File::open(path).await.unwrap();
    let pieces = stream::unfold(file, |mut file| async move {
        let mut piece = Vec::with_capacity(256 << 10);
        let read = file.read_buf(&mut piece).await;
        match read {
            Ok(0) => None,
            result => Some((result.map(|_| piece), file)),
        }
    });
    Response::new(Body::from_stream(pieces))
}
