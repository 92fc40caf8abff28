//! What Linux reports about a process.

use std::fs;

/// The unit of CPU times in `/proc`: the same on every architecture that the exporter is built for.
/// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
const TICKS_PER_SECOND: f64 = 100.0;

/// The user and system time of a process and of its children that have ended, in seconds.
pub fn cpu_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The command, in parentheses, may contain spaces. The first field after it is the third one.
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
    let times = fields.skip(14 - 3).take(4).map(|ticks| ticks.parse::<f64>().unwrap());
    times.sum::<f64>() / TICKS_PER_SECOND
}

/// The memory of a process.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// The resident memory, in bytes.
    pub resident: u64,
    /// The peak resident memory, in bytes.
    pub peak: u64,
}

/// The memory of a process, if it is running.
pub fn memory(process: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let bytes = |name: &str| {
        let text = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(text.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    };
    Some(Memory { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
}
