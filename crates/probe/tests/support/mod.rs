//! Throw-away namespaces and links for the tests, made with `ip` so that nothing under test helps to judge itself.

// Each test binary uses its own part of this.
#![allow(dead_code, unreachable_pub)]

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use pintle_probe::Namespace;

/// A namespace of one test's own, deleted with the value.
pub struct Scratch {
    name: String,
}

impl Scratch {
    pub fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let name = format!("plt-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        ip(&format!("netns add {name}"));
        let scratch = Scratch { name };
        scratch.ip("link set lo up");
        scratch
    }

    pub fn namespace(&self) -> Namespace {
        Namespace::named(&self.name)
    }

    /// Runs `ip -n <this> <args>`.
    pub fn ip(&self, args: &str) {
        ip(&format!("-n {} {args}", self.name));
    }

    /// Sets a sysctl of this namespace, by its path below /proc/sys.
    pub fn sysctl(&self, path: &str, value: &str) {
        let write = || std::fs::write(format!("/proc/sys/{path}"), value);
        self.namespace().run(write).unwrap().unwrap();
    }

    /// The hardware address of a device.
    pub fn mac(&self, device: &str) -> [u8; 6] {
        let output =
            Command::new("ip").args(["-n", &self.name, "-br", "link", "show", "dev", device]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mac = text.split_whitespace().nth(2).unwrap();
        let bytes: Vec<u8> = mac.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        bytes.try_into().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

/// Joins two namespaces by a pair of these devices, both up, with these addresses unless empty.
pub fn join(a: (&Scratch, &str, &str), b: (&Scratch, &str, &str)) {
    ip(&format!("link add {} netns {} type veth peer name {} netns {}", a.1, a.0.name, b.1, b.0.name));
    for (scratch, device, address) in [a, b] {
        scratch.ip(&format!("link set {device} up"));
        if !address.is_empty() {
            scratch.ip(&format!("addr add {address} dev {device}"));
        }
    }
}

/// Two namespaces with 10.9.0.1 and 10.9.0.2 on `eth0`, joined.
pub fn pair() -> (Scratch, Scratch) {
    let (a, b) = (Scratch::new(), Scratch::new());
    join((&a, "eth0", "10.9.0.1/24"), (&b, "eth0", "10.9.0.2/24"));
    (a, b)
}

fn ip(args: &str) {
    let output = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {args}: {}", String::from_utf8_lossy(&output.stderr));
}
