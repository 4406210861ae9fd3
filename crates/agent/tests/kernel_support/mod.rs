//! Throw-away namespaces and an independent look at them through `ip`.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use pintle_agent::kernel::link::{VethEnd, VethSpec};
use pintle_agent::kernel::{NetNs, Netlink};

/// A namespace of this test's own, deleted with the value.
pub(crate) struct Scratch {
    pub(crate) name: String,
    pub(crate) namespace: NetNs,
}

/// A name that no other test, process or Pintle uses.
pub(crate) fn unique(tag: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("plt-{tag}-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

impl Scratch {
    pub(crate) fn new(tag: &str) -> Self {
        let name = unique(tag);
        let namespace = NetNs::create(&name).unwrap();
        Scratch { name, namespace }
    }

    pub(crate) fn netlink(&self) -> Netlink {
        Netlink::open(&self.namespace).unwrap()
    }

    /// Runs `ip -n <this> <args>` and gives what it prints.
    pub(crate) fn ip(&self, args: &str) -> String {
        ip(&format!("-n {} {args}", self.name))
    }

    /// The names of all devices but loopback, as `ip` tells them.
    pub(crate) fn devices(&self) -> Vec<String> {
        let text = self.ip("-br link");
        let names = text.lines().filter_map(|line| line.split([' ', '@']).next()).map(str::to_owned);
        names.filter(|name| name != "lo").collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A test may have deleted it already.
        let _ = NetNs::delete(&self.name);
    }
}

/// Runs `ip` and gives what it prints.
pub(crate) fn ip(args: &str) -> String {
    let output = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A pair with MTU 1450 whose names are given and whose other properties are the kernel's choice.
pub(crate) fn pair<'a>(host: &'a str, guest: &'a str, namespace: &'a NetNs) -> VethSpec<'a> {
    let end = |name| VethEnd { name, mac: None, index: None };
    VethSpec { host: end(host), host_alias: "", guest: end(guest), namespace, mtu: 1450, group: 0 }
}
