//! `make bench`: throughput of the default mapping (native and as a component), scrapes per second
//! compared with a bare handler, memory use for large reports, the time until new data is served after
//! a restart and after a change of mappings, what many targets cost, also on the page, how fast replicas
//! follow and take over, and how fast the past is filled in.
//!
//! `cargo bench --package copilot-metrics-tests -- NAME` runs only what contains NAME: `users report`,
//! `aggregate report`, `scrapes`, `memory`, `large report`, `start`, `swaps`, `restart`, `targets`,
//! `page`, `scale`, `replicas` or `backfill`.

mod backfill;
mod large_report;
mod mapping;
mod memory;
mod page;
mod process;
mod replicas;
mod restart;
mod scale;
mod scrapes;
mod start;
mod swaps;
mod targets;

use std::fs;
use std::time::Duration;

use copilot_metrics_tests::command::binary;
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(2))
        .measurement_time(Duration::from_secs(8))
        .configure_from_args();
    // What Criterion measures takes its filter from the arguments.
    mapping::measure(&mut criterion);
    scrapes::measure(&mut criterion);
    criterion.final_summary();

    println!("\n--- results ---");
    if is_selected(mapping::USERS) || is_selected(mapping::AGGREGATE) {
        mapping::report();
    }
    let others: [(&str, fn()); 11] = [
        (scrapes::GROUP, scrapes::report),
        ("memory", memory::measure),
        ("large report", large_report::measure),
        ("start", start::measure),
        ("swaps", swaps::measure),
        ("restart", restart::measure),
        ("targets", targets::measure),
        ("page", page::measure),
        ("scale", scale::measure),
        ("replicas", replicas::measure),
        ("backfill", backfill::measure),
    ];
    for (_, measure) in others.iter().filter(|(name, _)| is_selected(name)) {
        measure();
    }
}

/// Whether the arguments select a measurement. Without a filter, all are.
fn is_selected(name: &str) -> bool {
    let mut filters = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    filters.next().is_none_or(|filter| name.contains(&filter))
}

/// The mean duration of a benchmark in seconds, as estimated by Criterion. `None`: it has not run.
fn mean_seconds(group: &str, function: &str) -> Option<f64> {
    // target/PROFILE/copilot-metrics-exporter
    let target = binary().ancestors().nth(2)?.join("criterion");
    let path = target.join(group).join(function).join("new/estimates.json");
    let estimates: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    Some(estimates["mean"]["point_estimate"].as_f64()? / 1e9)
}
