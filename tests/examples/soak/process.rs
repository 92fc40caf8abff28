//! What Linux reports about a process.

use std::fs;

/// What a process uses at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Its resident memory, in bytes.
    pub resident: u64,
    /// Its open descriptors.
    pub descriptors: u64,
    /// Its threads.
    pub threads: u64,
}

impl Sample {
    /// What a process uses now. It panics if the process has ended.
    pub fn of(process: u32) -> Self {
        let path = format!("/proc/{process}/status");
        let status =
            fs::read_to_string(path).unwrap_or_else(|error| panic!("the exporter ended: {error}"));
        let number = |name: &str| {
            let text = status.lines().find_map(|line| line.strip_prefix(name));
            let number = text.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
            number.unwrap_or_else(|| panic!("no {name} in the status of the process"))
        };
        let descriptors = fs::read_dir(format!("/proc/{process}/fd"));
        let descriptors = descriptors.map(Iterator::count).unwrap_or_default() as u64;
        Self { resident: number("VmRSS:") * 1024, descriptors, threads: number("Threads:") }
    }
}
