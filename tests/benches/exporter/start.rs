//! A cold start of the demo, and of an exporter with the demo's targets: the time until all of them have
//! data, and the memory that is in use afterwards.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::github::Options;
use copilot_metrics_tests::github::StandIn;
use tokio::runtime::Runtime;

use crate::process;

/// How long after the data memory is read: by then, what fetching and mapping needed is free.
const PAUSE: Duration = Duration::from_secs(5);

pub fn measure() {
    let runtime = Runtime::new().unwrap();
    let mut demo = exporter();
    demo.arg("--demo");
    measure_start(&runtime, "the demo", demo, 40);
    let directory = tempfile::tempdir().unwrap();
    let mut demo = install(directory.path());
    demo.arg("--demo");
    measure_start(&runtime, "the demo with the compiled mapping of the image", demo, 40);
    let github = runtime.block_on(StandIn::start_with(Options::default())).unwrap();
    measure_start(&runtime, "the demo's three targets", github.exporter(), 32);
}

/// The exporter in a directory, with its compiled default mapping, as in the image.
fn install(directory: &Path) -> Command {
    let program = directory.join("bin/copilot-metrics-exporter");
    let library = directory.join("lib/copilot-metrics-exporter");
    for created in [program.parent().unwrap(), &library] {
        fs::create_dir_all(created).unwrap();
    }
    fs::copy(exporter().get_program(), &program).unwrap();
    let code = fs::File::create(library.join("default-mapping.code")).unwrap();
    let compiled = exporter().arg("compile-default-mapping").stdout(code).status().unwrap();
    assert!(compiled.success());
    let mut command = Command::new(program);
    for (name, value) in exporter().get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn measure_start(runtime: &Runtime, what: &str, command: Command, most_megabytes: u64) {
    let started = Instant::now();
    let serving = Serving::start_with_own_log_level(command);
    runtime.block_on(async {
        while serving.get("/-/ready").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let ready = started.elapsed().as_secs_f64();
    for _ in 0..3 {
        serving.wait_for("refreshed org=");
    }
    let refreshed = started.elapsed().as_secs_f64();
    runtime.block_on(serving.get("/metrics"));
    std::thread::sleep(PAUSE);
    let memory = process::memory(serving.id()).unwrap();
    println!(
        "cold start of {what}: ready after {ready:.2} s, all targets after {refreshed:.2} s, {} MB resident (at most {most_megabytes}), peak {} MB",
        memory.resident / 1_000_000,
        memory.peak / 1_000_000
    );
}
