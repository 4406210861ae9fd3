//! Saying at once what would otherwise fail later in less clear words.

use anyhow::bail;

/// What an agent can't do without, with the bits of capabilities(7).
const NEEDED: [(&str, u32); 3] = [("CAP_NET_ADMIN", 12), ("CAP_SYS_ADMIN", 21), ("CAP_BPF", 39)];

/// Fails when this process may not make devices and namespaces and load programs.
///
/// # Errors
/// Which capabilities are missing, and what to do.
pub(crate) fn require() -> anyhow::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let missing = missing(&status);
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "it makes network devices and namespaces and loads eBPF programs: run it as root (missing: {})",
        missing.join(", ")
    )
}

/// The capabilities that a process's status file does not show; none where there is no such file to tell.
fn missing(status: &str) -> Vec<&'static str> {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(bits) = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()) else { return Vec::new() };
    NEEDED.iter().filter(|(_, bit)| bits >> bit & 1 == 0).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_told_by_name() {
        assert_eq!(missing("Name:\tx\nCapEff:\t0000000000000000\n"), ["CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_BPF"]);
        assert_eq!(missing("CapEff:\t000001ffffffffff\n"), [""; 0]);
        assert_eq!(missing("CapEff:\t0000000000201000\n"), ["CAP_BPF"]);
        assert_eq!(missing(""), [""; 0]);
    }
}
