//! CPU time and memory use of 500 organizations beside 50, without and with a Valkey that replicas share, and how
//! much that one needs.

use std::process::Command;

use copilot_metrics_tests::valkey::{Engine, Server};

use crate::targets::{Cost, cost_of};

/// The numbers of targets.
const FEW: usize = 50;
const MANY: usize = 500;
/// The CPU time of the many in relation to the few that is linear enough.
const MOST_TIMES: f64 = 12.0;

pub fn measure() {
    // What a process needs for a single target is not what is compared.
    let base = report("one", cost_of(1, |_| {}));
    let few = report("few", cost_of(FEW, |_| {}));
    let many = report("many", cost_of(MANY, |_| {}));
    let times = (many.cpu_seconds - base.cpu_seconds) / (few.cpu_seconds - base.cpu_seconds);
    println!(
        "CPU of {MANY} targets in relation to {FEW}, each without that of one: {times:.1} (at most {MOST_TIMES})"
    );
    let server = Server::start(Engine::Valkey);
    let before = used_memory(&server);
    let set = |command: &mut Command| {
        command.env("STORE_URL", server.url());
    };
    let shared = report("few, stored in Valkey", cost_of(FEW, set));
    println!(
        "Valkey: {:.0} KB per organization; CPU of the exporter in relation to memory only: {:.2}",
        (used_memory(&server) - before) as f64 / FEW as f64 / 1e3,
        shared.cpu_seconds / few.cpu_seconds
    );
}

fn report(what: &str, cost: Cost) -> Cost {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "{what}: {} organizations, {:.1} MB of metrics: {:.2} s of CPU, the first served after {:.1} s and all after {:.1} s, {:.0} MB resident (at most {:.0}), peak {:.0} MB",
        cost.targets,
        cost.exposition_bytes as f64 / 1e6,
        cost.cpu_seconds,
        cost.first.as_secs_f64(),
        cost.all.as_secs_f64(),
        megabytes(cost.memory.resident),
        cost.most_resident() as f64 / 1e6,
        megabytes(cost.memory.peak),
    );
    cost
}

/// The memory that a server uses, in bytes.
pub fn used_memory(server: &Server) -> u64 {
    let info: String = server.send(&["INFO", "memory"]);
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    used.and_then(|used| used.trim().parse().ok()).unwrap_or_default()
}
