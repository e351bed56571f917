//! What the run ran on, as far as the system tells.

use std::time::SystemTime;

use crate::report::record::Machine;

/// The computer and the threads in use.
pub fn machine() -> Machine {
    Machine {
        cpu: cpu_name().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        threads: rayon::current_num_threads(),
        os: std::env::consts::OS.to_owned(),
        device: "CPU".to_owned(),
    }
}

fn cpu_name() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Greatest resident memory of this process so far in MiB; Linux only.
pub fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// The commit that the program was built from, where that was known.
pub fn commit() -> Option<String> {
    option_env!("SYNTHGEN_COMMIT").map(str::to_owned)
}

/// The time now as RFC 3339 in UTC, to the second.
pub fn now_rfc3339() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
