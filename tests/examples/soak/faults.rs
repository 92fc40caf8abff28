//! What goes wrong with GitHub, and documents that change.

use std::sync::Arc;
use std::time::Duration;

use copilot_metrics_tests::fixtures::read;
use copilot_metrics_tests::github::Fault;
use copilot_metrics_tests::mutation::{Random, mutate};
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::scene::Scene;

/// Parts of the paths that faults apply to: everything, one target, one document, the report files.
const PATHS: [&str; 9] = [
    "/",
    "/octodemo/",
    "/octo-legacy/",
    "/octo-enterprise/",
    "/copilot/billing",
    "/metrics/reports/",
    "/octodemo/organization-28-day",
    "/octodemo/users-1-day",
    ".json",
];
/// Bodies without data.
const EMPTY: [&[u8]; 6] = [b"", b"null", b"[]", b"{}", b"<html>", b"\xff"];
/// The size of a body that is larger than `max_document_mib`.
const HUGE_BYTES: usize = 12 << 20;

/// Starts them.
pub fn start(scene: &Arc<Scene>, seed: u64, tasks: &mut JoinSet<()>) {
    tasks.spawn(run(Arc::clone(scene), Random::new(seed.wrapping_add(0xfa17))));
}

async fn run(scene: Arc<Scene>, mut random: Random) {
    let report = read("demo/octodemo/organization-28-day.json");
    let huge = bytes::Bytes::from(format!("[{}0]", "0,".repeat(HUGE_BYTES / 2)));
    while scene.pause(random.below(1500)).await {
        let (name, fault) = fault(&mut random, &report, &huge);
        scene.tally.add(&format!("GitHub: {name}"));
        match name {
            "changed document" => {
                scene.github.fail("/octodemo/organization-28-day/0.json", fault);
                scene.github.fail("/octodemo/copilot/billing", Fault::Body(seats(&mut random)));
            }
            _ => scene.github.fail(PATHS[random.below(PATHS.len())], fault),
        }
        scene.pause(500 + random.below(2500)).await;
        scene.github.recover();
    }
}

/// A fault, and its name.
fn fault(random: &mut Random, report: &[u8], huge: &bytes::Bytes) -> (&'static str, Fault) {
    // Later than the fault lasts: a reset that is over says nothing, and the exporter would wait a minute.
    let reset = (Timestamp::now().as_second() + 8).to_string();
    match random.below(14) {
        0 => ("5xx", Fault::Status(500 + random.below(5) as u16, "broken", vec![])),
        1 => ("forbidden", Fault::Status(403, "Resource not accessible by integration", vec![])),
        2 => ("unauthorized", Fault::Status(401, "Bad credentials", vec![])),
        3 => ("not found", Fault::Status(404, "Not Found", vec![])),
        4 => {
            let wait = vec![("retry-after", "1".to_owned())];
            ("secondary rate limit", Fault::Status(429, "slow down", wait))
        }
        5 => {
            let used_up = vec![
                ("x-ratelimit-limit", "5000".to_owned()),
                ("x-ratelimit-remaining", "0".to_owned()),
                ("x-ratelimit-reset", reset),
            ];
            ("rate limit", Fault::Status(403, "API rate limit exceeded", used_up))
        }
        6 => {
            let mut body = report.to_vec();
            (0..1 + random.below(5)).for_each(|_| mutate(&mut body, random));
            ("malformed body", Fault::Body(body.into()))
        }
        7 => {
            let body = EMPTY[random.below(EMPTY.len())];
            ("empty body", Fault::Body(bytes::Bytes::from_static(body)))
        }
        8 => ("huge body", Fault::Body(huge.clone())),
        9 => ("connection reset", Fault::CutOff(random.below(5000))),
        10 => ("hanging response", Fault::Hang),
        11 => ("slow response", Fault::Trickle(Duration::from_millis(1 + random.below(20) as u64))),
        _ => ("changed document", Fault::Body(changed(report, random).into())),
    }
}

/// The report with other numbers.
fn changed(report: &[u8], random: &mut Random) -> Vec<u8> {
    let mut report: Value =
        serde_json::from_slice(report).unwrap_or_else(|error| panic!("{error}"));
    let days = report["day_totals"].as_array_mut();
    for day in days.into_iter().flatten() {
        day["daily_active_users"] = random.below(1000).into();
        day["code_generation_activity_count"] = random.below(100_000).into();
    }
    report.to_string().into_bytes()
}

/// A billing document with another number of seats.
fn seats(random: &mut Random) -> bytes::Bytes {
    let billing = read("demo/octodemo/billing.json");
    let mut billing: Value =
        serde_json::from_slice(&billing).unwrap_or_else(|error| panic!("{error}"));
    billing["seat_breakdown"]["total"] = (1 + random.below(1000)).into();
    billing.to_string().into()
}
