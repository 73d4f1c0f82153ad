//! How much memory the process has used.

/// The largest resident size of this process so far, in bytes; `None` where the system does not tell (anywhere but on
/// Linux).
pub fn peak_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// The high-water mark in the text of `/proc/self/status`: `VmHWM:   12345 kB`, in units of 1024 bytes.
fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_found_or_nothing_is_said() {
        let status = "VmPeak:\t  300 kB\nVmHWM:\t    20 kB\nVmRSS:\t   10 kB\n";
        assert_eq!(parse(status), Some(20 * 1024));
        for other in ["", "VmHWM:", "VmHWM: 20", "VmHWM: many kB", "VmRSS: 20 kB"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
