//! What the kernel tells about a running process, read from `/proc` (Linux): CPU time and memory.
//!
//! Called by the crash test and the benchmark.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// How many ticks `/proc/PID/stat` counts in a second: `USER_HZ`, which is 100 on every Linux that Rust's tier 1 names.
const TICKS_PER_SECOND: u64 = 100;

/// The CPU time that a process has used, in user and kernel mode together.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    cpu_time_in(&stat).with_context(|| format!("{path} is not as proc(5) says"))
}

/// Fields 14 and 15 of `/proc/PID/stat`; the name in field 2 may hold spaces, so counting begins after its bracket.
fn cpu_time_in(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + kernel) * 1_000 / TICKS_PER_SECOND))
}

/// The memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// All of it, with its share of what it has in common with others (PSS).
    pub(crate) all_bytes: u64,
    /// What belongs to no file: the rest the kernel may take back at any time.
    pub(crate) own_bytes: u64,
}

/// The memory of a process now.
pub(crate) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let rollup = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let of = |name: &str| {
        let line =
            rollup.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB"));
        let kilobytes: Option<u64> = line.and_then(|text| text.trim().parse().ok());
        kilobytes
            .map(|kilobytes| kilobytes * 1_024)
            .with_context(|| format!("{path} has no line {name:?}"))
    };
    Ok(Memory { all_bytes: of("Pss:")?, own_bytes: of("Pss_Anon:")? })
}

/// The load averages of the machine, as they are written.
pub(crate) fn load_average() -> String {
    fs::read_to_string("/proc/loadavg")
        .map(|text| text.trim().to_owned())
        .unwrap_or_else(|_| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "4242 (a ) b) S 1 4242 4242 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 8 0 100 1 1";
        assert_eq!(cpu_time_in(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu_time_in("4242 (short) S 1"), None);
    }

    #[test]
    fn this_process_has_a_size() {
        let pid = std::process::id();
        let memory = memory(pid).expect("a size");
        assert!(memory.own_bytes > 10_000 && memory.all_bytes > memory.own_bytes, "{memory:?}");
        cpu_time(pid).expect("a time");
    }
}
