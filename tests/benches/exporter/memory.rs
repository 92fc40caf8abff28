//! Memory use of `map` for a large users report.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::exporter;
use copilot_metrics_tests::fixtures::{WEEK, write_users_report};

use crate::process;

/// The size of the report.
const REPORT_BYTES: u64 = 200_000_000;

pub fn measure() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users.ndjson");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    let written = write_users_report(&mut file, REPORT_BYTES, &WEEK, usize::MAX).unwrap();
    file.flush().unwrap();
    drop(file);
    let started = Instant::now();
    let mut child = exporter()
        .args(["map", "--org", "octodemo", &format!("users-28-day={}", path.display())])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The peak only rises: the last reading is that of the whole run.
    let mut memory = process::Memory::default();
    let status = loop {
        memory = process::memory(child.id()).unwrap_or(memory);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success());
    println!(
        "users report of {} MB: {:.1} s, peak memory {} MB (less than 200)",
        written / 1_000_000,
        started.elapsed().as_secs_f64(),
        memory.peak / 1_000_000
    );
}
