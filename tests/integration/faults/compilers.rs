use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::guests::{scripted, slow_to_compile};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio_util::task::AbortOnDropHandle;

use crate::serving::PATIENCE;

/// A mapping that compiles for so long that a test finds the process on every machine.
pub fn slow() -> Vec<u8> {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    BUILT.get_or_init(|| slow_to_compile(&scripted("slow", "1", "nothing"), 80)).clone()
}

/// The processes that compile for an exporter.
pub fn compilers(of: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = format!("PPid:\t{of}");
    ids.filter(|id| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let is_child = status.lines().any(|line| line == parent);
        let arguments = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        is_child && arguments.contains("compile-mapping")
    })
    .collect()
}

/// Waits until this many mappings are being compiled at once, and returns the processes.
pub async fn compiling(serving: &Serving, number: usize) -> Vec<u32> {
    let started = Instant::now();
    loop {
        let compilers = compilers(serving.id());
        if compilers.len() == number {
            return compilers;
        }
        assert!(started.elapsed() < PATIENCE, "{compilers:?}:\n{}", serving.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a process has ended.
pub async fn ended(process: u32) {
    let started = Instant::now();
    while Path::new(&format!("/proc/{process}")).exists() {
        assert!(started.elapsed() < PATIENCE, "process {process} still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A stopped process: it compiles for ever, however fast the machine is. It continues when this is dropped.
pub struct Stopped(Pid);

impl Stopped {
    pub fn new(process: u32) -> Self {
        let process = Pid::from_raw(process as i32);
        // It fails if it has ended in the meantime.
        kill(process, Signal::SIGSTOP).ok();
        Self(process)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It fails if the exporter has killed the process.
        kill(self.0, Signal::SIGCONT).ok();
    }
}

/// Stops all compilations for an exporter, those that start later too. They continue when this is dropped.
pub fn paused(exporter: u32) -> AbortOnDropHandle<()> {
    let stop = async move {
        let mut stopped = BTreeMap::new();
        loop {
            for process in compilers(exporter) {
                stopped.entry(process).or_insert_with(|| Stopped::new(process));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    AbortOnDropHandle::new(tokio::spawn(stop))
}
