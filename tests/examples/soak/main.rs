//! `make soak`: runs the exporter for some minutes under load and faults, all at once, and fails if a
//! well-behaved scrape fails or if memory, descriptors or threads grow.
//!
//! # Layout
//!
//! - [`scene`]: the exporter, its stand-in for GitHub and its files;
//! - [`scrapers`]: the clients whose scrapes must never fail; [`hostile`]: those that misbehave;
//! - [`faults`]: what goes wrong with GitHub, and documents that change;
//! - [`changes`]: reloads, and mappings that come and go;
//! - [`process`]: what Linux reports about the exporter; [`verdict`]: whether that is a trend.
//!
//! `SOAK_SECONDS` is how long it takes, and `SOAK_SEED` chooses what happens. The same seed makes the same
//! choices, but not at the same moments.

mod changes;
mod faults;
mod hostile;
mod process;
mod scene;
mod scrapers;
mod tally;
mod verdict;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use self::process::Sample;
use self::scene::{Scene, TARGETS};
use self::verdict::Verdict;

/// How long it runs unless `SOAK_SECONDS` is set.
const SECONDS: u64 = 180;
/// How long the exporter may take at the end until all targets are up, and to become quiet then.
const RECOVERY: Duration = Duration::from_secs(120);
const SETTLE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    let seconds = number("SOAK_SECONDS", SECONDS).max(10);
    let seed = number("SOAK_SEED", 1);
    println!("soak: {seconds} s with SOAK_SEED={seed}");
    let (scene, serving) = Scene::start().await;
    let scene = Arc::new(scene);
    let mut tasks = JoinSet::new();
    scrapers::start(&scene, &mut tasks);
    hostile::start(&scene, seed, &mut tasks);
    faults::start(&scene, seed, &mut tasks);
    changes::start(&scene, seed, &mut tasks);

    // Caches fill and the heap grows to what the load needs.
    let warm_up = Duration::from_secs((seconds / 4).clamp(3, 60));
    let (started, total) = (Instant::now(), Duration::from_secs(seconds));
    let mut samples = Vec::new();
    while started.elapsed() < total {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if started.elapsed() >= warm_up {
            samples.push(Sample::of(scene.process));
        }
    }
    scene.stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            eprintln!("soak: a task failed: {error}");
            return ExitCode::FAILURE;
        }
    }
    scene.github.recover();
    let recovered = Instant::now();
    while scene.targets_up().await < TARGETS.len() as f64 && recovered.elapsed() < RECOVERY {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    tokio::time::sleep(SETTLE).await;
    let settled = Sample::of(scene.process);
    let (tally, scrapes) = (scene.tally.counts(), scene.tally.scrapes());
    let end = Scene::end(scene, serving).await;
    let verdict = Verdict { samples, settled, tally, scrapes, end };
    verdict.print();
    let problems = verdict.problems();
    for problem in &problems {
        println!("soak: FAILED: {problem}");
    }
    match problems.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// The number in an environment variable.
fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty());
    let parse = |text: String| {
        text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text:?}"))
    };
    text.map_or(default, parse)
}
