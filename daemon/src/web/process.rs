//! What the kernel says of this process.

use std::fs;
use std::time::Duration;

use crate::surface::metrics::Process;

/// Times in `/proc` are counted in these, on all Linux (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// As it is now.
pub(super) fn now() -> Process {
    let read = |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let open = fs::read_dir("/proc/self/fd").ok();
    Process {
        open_descriptors: open.and_then(|open| u64::try_from(open.count()).ok()),
        ..parsed(&read("stat"), &read("status"), &read("limits"))
    }
}

/// Reads `stat`, `status` and `limits` (proc(5)).
fn parsed(stat: &str, status: &str, limits: &str) -> Process {
    // The name of the program stands in parentheses and may contain anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut ticks = fields
        .split_whitespace()
        .skip(11)
        .map_while(|field| field.parse::<u32>().ok());
    let cpu = ticks.next().zip(ticks.next());
    let number = |text: &str, name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Process {
        cpu: cpu.map(|(user, system)| TICK * user + TICK * system),
        resident: number(status, "VmRSS:").map(|kib| kib * 1024),
        virtual_memory: number(status, "VmSize:").map(|kib| kib * 1024),
        open_descriptors: None,
        most_descriptors: number(limits, "Max open files"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_kernel_are_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 3 0 99 1 1";
        let status = "Name:\ta\nVmSize:\t   2000 kB\nVmRSS:\t    1000 kB\n";
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax open files   1024   524288   files\n";
        let process = parsed(stat, status, limits);
        assert_eq!(process.cpu, Some(Duration::from_secs(2)));
        assert_eq!(process.resident, Some(1_024_000));
        assert_eq!(process.virtual_memory, Some(2_048_000));
        assert_eq!(process.most_descriptors, Some(1024));
        assert_eq!(parsed("", "", ""), Process::default());
        assert!(now().resident.is_some());
    }
}
