//! Whether this host can run the data plane: one check per thing that can be missing, each with what to do about it.

use std::fs;
use std::path::Path;

use nix::sys::statfs::statfs;

use crate::open::try_load;
use crate::pins::BPF_FS;
use crate::sys::{self, Hook};

/// One thing that the data plane needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Short name.
    pub name: &'static str,
    /// Whether it is there.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do when it is not there.
    pub fix: &'static str,
}

/// Looks at this host. Changes nothing; the last check loads the programs and lets them go again.
pub fn probe() -> Vec<Check> {
    // What libbpf would print is in the checks' details.
    let printed = libbpf_rs::set_print(None);
    let checks =
        vec![privileges(), kernel_types(), file_system(Path::new("/sys/fs/bpf")), hooks(), compiler(), programs()];
    libbpf_rs::set_print(printed);
    checks
}

fn privileges() -> Check {
    const NEEDED: [(&str, u32); 3] = [("CAP_NET_ADMIN", 12), ("CAP_SYS_ADMIN", 21), ("CAP_BPF", 39)];
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    let missing: Vec<&str> = NEEDED.iter().filter(|(_, bit)| bits >> bit & 1 == 0).map(|(name, _)| *name).collect();
    Check {
        name: "privileges",
        ok: missing.is_empty(),
        detail: if missing.is_empty() { "present".into() } else { format!("missing {}", missing.join(", ")) },
        fix: "run as root, or with CAP_BPF, CAP_NET_ADMIN and, for namespaces, CAP_SYS_ADMIN",
    }
}

fn kernel_types() -> Check {
    let path = "/sys/kernel/btf/vmlinux";
    let found = fs::metadata(path);
    Check {
        name: "kernel type information",
        ok: found.is_ok(),
        detail: found.map_or_else(|error| format!("{path}: {error}"), |file| format!("{path}, {} bytes", file.len())),
        fix: "use a kernel built with CONFIG_DEBUG_INFO_BTF",
    }
}

fn file_system(path: &Path) -> Check {
    let found = statfs(path).map(|info| info.filesystem_type());
    Check {
        name: "BPF file system",
        ok: found == Ok(BPF_FS),
        detail: match found {
            Ok(BPF_FS) => format!("mounted at {}", path.display()),
            Ok(_) => format!("not mounted at {}", path.display()),
            Err(error) => format!("{}: {error}", path.display()),
        },
        fix: "mount -t bpf bpf /sys/fs/bpf",
    }
}

fn hooks() -> Check {
    const LOOPBACK: u32 = 1;
    let answer = sys::query(LOOPBACK, Hook::Ingress);
    Check {
        name: "tcx hooks",
        ok: answer.is_ok(),
        detail: answer.map_or_else(|error| format!("the kernel answers: {error}"), |_| "supported".into()),
        fix: "use Linux 6.6 or newer with CONFIG_NET_XGRESS",
    }
}

fn compiler() -> Check {
    let setting = fs::read_to_string("/proc/sys/net/core/bpf_jit_enable");
    Check {
        name: "JIT compiler",
        // A kernel that always compiles may hide the setting.
        ok: setting.as_ref().map_or(true, |value| value.trim() != "0"),
        detail: setting
            .map_or_else(|_| "always on".into(), |value| format!("net.core.bpf_jit_enable = {}", value.trim())),
        fix: "sysctl net.core.bpf_jit_enable=1 (without it every packet costs several times as much)",
    }
}

fn programs() -> Check {
    let loaded = try_load();
    Check {
        name: "programs",
        ok: loaded.is_ok(),
        detail: loaded.map_or_else(|error| error.to_string(), |()| "the kernel's verifier accepts them".into()),
        fix: "report this with the kernel's version (uname -r); Linux 6.6 or newer is needed",
    }
}
