//! What the kernel tests share: throw-away namespaces, pin roots, and a small data plane with known guests.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test binary uses its own part of this module")]

pub mod frames;
pub mod hosts;
pub mod netns;
pub mod policy;
pub mod public;
pub mod services;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use pintle_core::DropReason;
use pintle_core::policy::Rule;
use pintle_datapath::{
    Datapath, Endpoint, EndpointFlags, EndpointKey, HostSettings, Iface, IfaceFlags, LocationKey, Port, PortFlags,
    ProgramName, RunInput, RunOutput, Settings, Verdict, cell_of_endpoint, cell_of_slot, remove_all,
};

use netns::Netns;
use policy::{Policies, allow_all, closed};

/// A number that no other test of this run or of another process uses.
pub fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("plt-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Runs a command and panics with its output when it fails.
pub fn sh(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().expect("sh runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "`{line}` failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// A pin root of its own, removed with everything in it when the test ends.
pub struct PinRoot(pub PathBuf);

impl PinRoot {
    pub fn new() -> PinRoot {
        static MOUNT: Once = Once::new();
        MOUNT.call_once(|| {
            sh("grep -q ' /sys/fs/bpf bpf ' /proc/mounts || mount -t bpf bpf /sys/fs/bpf");
        });
        PinRoot(Path::new("/sys/fs/bpf").join(unique()))
    }
}

impl Drop for PinRoot {
    fn drop(&mut self) {
        if let Err(error) = remove_all(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}

pub const SMALL: Settings = Settings {
    max_ports: 16,
    max_endpoints: 64,
    max_flows: 2048,
    max_prefixes: 1024,
    max_spans: 1024,
    max_acl_rules: 64,
};
pub const SEGMENT: u32 = 100;
pub const OTHER_SEGMENT: u32 = 200;
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
pub const GATEWAY_2: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 1);
pub const GATEWAY_MAC: [u8; 6] = [0x02, 0, 0x5e, 0, 0, 0x01];
pub const GATEWAY_MAC_2: [u8; 6] = [0x02, 0, 0x5e, 0, 0, 0x02];
pub const MTU: u16 = 1450;
/// A guest on another host, in A's subnet.
pub const REMOTE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 20);
pub const REMOTE_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x20];
pub const REMOTE_VTEP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// The key of an endpoint of either IP version.
pub fn endpoint_key(segment: u32, addr: impl Into<IpAddr>) -> EndpointKey {
    EndpointKey { segment, addr: addr.into() }
}

/// One guest of the bench.
#[derive(Debug, Clone, Copy)]
pub struct Guest {
    pub ifindex: u32,
    pub slot: u32,
    pub segment: u32,
    pub ip: Ipv4Addr,
    pub mac: [u8; 6],
    pub gateway: Ipv4Addr,
    pub gateway_mac: [u8; 6],
}

impl Guest {
    pub fn port(&self) -> Port {
        Port {
            segment: self.segment,
            slot: self.slot,
            primary_ip: self.ip.into(),
            gateway_ip: self.gateway,
            prefix_len: 24,
            subnet6: None,
            table: 0,
            mac: self.mac,
            gateway_mac: self.gateway_mac,
            mtu: MTU,
            card: None,
            flags: PortFlags::ACTIVE,
            generation: 1,
            vni: format!("eni-{:017x}", self.slot),
        }
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            ifindex: Some(self.ifindex),
            slot: self.slot,
            mac: self.mac,
            gateway_mac: self.gateway_mac,
            mtu: MTU,
            generation: 1,
            cell: cell_of_endpoint(self.segment, self.ip.into()),
            ..Endpoint::default()
        }
    }

    pub fn location_key(&self) -> LocationKey {
        LocationKey { segment: self.segment, mac: self.mac }
    }

    pub fn key(&self) -> EndpointKey {
        EndpointKey { segment: self.segment, addr: self.ip.into() }
    }
}

/// A data plane in a namespace of its own: A and B in one subnet, C in another of the same VPC, D in another VPC with
/// A's very address, and a remote guest. Each may do everything, and TCP state is not filtered.
pub struct Bench {
    pub datapath: Datapath,
    pub policies: Policies,
    pub a: Guest,
    pub b: Guest,
    pub c: Guest,
    pub d: Guest,
    pub vxlan: u32,
    _root: PinRoot,
    _netns: Netns,
}

impl Bench {
    /// Runs `test` with a bench, on a thread of its own in the bench's namespace.
    pub fn run(test: impl FnOnce(&Bench) + Send + 'static) {
        netns::on_own_thread(move || {
            let netns = Netns::enter_new();
            let root = PinRoot::new();
            let datapath = Datapath::open(&root.0, &SMALL).expect("the data plane opens");
            let guest = |slot: u32, segment, ip: [u8; 4], second: bool| Guest {
                ifindex: netns::add_veth(&format!("port{slot}")),
                slot,
                segment,
                ip: ip.into(),
                mac: [0x02, 0, 0, 0, 0, slot as u8],
                gateway: if second { GATEWAY_2 } else { GATEWAY },
                gateway_mac: if second { GATEWAY_MAC_2 } else { GATEWAY_MAC },
            };
            let bench = Bench {
                policies: Policies::open(&datapath),
                a: guest(1, SEGMENT, [10, 0, 1, 10], false),
                b: guest(2, SEGMENT, [10, 0, 1, 11], false),
                c: guest(3, SEGMENT, [10, 0, 2, 10], true),
                d: guest(4, OTHER_SEGMENT, [10, 0, 1, 10], false),
                vxlan: netns::add_veth("overlay"),
                datapath,
                _root: root,
                _netns: netns,
            };
            bench.fill();
            test(&bench);
        });
    }

    fn fill(&self) {
        for guest in [self.a, self.b, self.c, self.d] {
            self.datapath.ports().put(&guest.ifindex, &guest.port()).expect("put");
            self.datapath.endpoints().put(&guest.key(), &guest.endpoint()).expect("put");
            let iface = closed(guest.mac, guest.gateway_mac);
            self.policies.put(&self.datapath, guest.slot, iface, allow_all());
        }
        let gateway = |mac| Endpoint { flags: EndpointFlags::GATEWAY, mac, gateway_mac: mac, ..Endpoint::default() };
        let remote = Endpoint {
            vtep: Some(REMOTE_VTEP),
            mac: REMOTE_MAC,
            gateway_mac: GATEWAY_MAC,
            mtu: MTU,
            cell: cell_of_endpoint(SEGMENT, REMOTE.into()),
            ..Endpoint::default()
        };
        let rows = [
            (EndpointKey { segment: SEGMENT, addr: GATEWAY.into() }, gateway(GATEWAY_MAC)),
            (EndpointKey { segment: SEGMENT, addr: GATEWAY_2.into() }, gateway(GATEWAY_MAC_2)),
            (EndpointKey { segment: SEGMENT, addr: REMOTE.into() }, remote),
        ];
        self.datapath.endpoints().put_many(&rows).expect("put");
        let settings = HostSettings { vxlan_ifindex: Some(self.vxlan), ..HostSettings::default() };
        self.datapath.set_host_settings(&settings).expect("set");
    }

    pub fn edit_port(&self, guest: &Guest, edit: impl FnOnce(&mut Port)) {
        let mut port = self.datapath.ports().get(&guest.ifindex).expect("get").expect("there");
        edit(&mut port);
        self.datapath.ports().put(&guest.ifindex, &port).expect("put");
        self.datapath.epochs().raise(cell_of_slot(guest.slot));
    }

    pub fn edit_iface(&self, guest: &Guest, edit: impl FnOnce(&mut Iface)) {
        let mut iface = self.datapath.ifaces().get(&guest.slot).expect("get").unwrap_or_default();
        edit(&mut iface);
        self.datapath.ifaces().put(&guest.slot, &iface).expect("put");
        self.datapath.epochs().raise(cell_of_slot(guest.slot));
    }

    /// Gives the guest's only group these rules.
    pub fn set_rules(&self, guest: &Guest, rules: Vec<Rule>) {
        let policy = self.policies.set_rules(&self.datapath, guest.slot, rules);
        self.edit_iface(guest, |iface| iface.policy = policy);
    }

    /// Turns TCP state filtering on or off.
    pub fn filter_state(&self, guest: &Guest, on: bool) {
        let flag = IfaceFlags::STATE_FILTERING;
        self.edit_iface(guest, |iface| {
            iface.flags = if on { iface.flags.with(flag) } else { iface.flags.without(flag) }
        });
    }

    /// Lets seconds pass, for the programs only.
    pub fn wait(&self, seconds: u32) {
        let there = self.datapath.host_settings().expect("get");
        let clock_offset = there.clock_offset + pintle_datapath::ticks(seconds);
        self.datapath.set_host_settings(&HostSettings { clock_offset, ..there }).expect("set");
    }

    pub fn edit_endpoint(&self, key: EndpointKey, edit: impl FnOnce(&mut Endpoint)) {
        let mut endpoint = self.datapath.endpoints().get(&key).expect("get").unwrap_or_default();
        edit(&mut endpoint);
        endpoint.cell = cell_of_endpoint(key.segment, key.addr);
        self.datapath.endpoints().put(&key, &endpoint).expect("put");
        self.datapath.epochs().raise(endpoint.cell);
    }

    /// Sends a frame as if the guest had.
    pub fn send(&self, from: &Guest, frame: &[u8]) -> RunOutput {
        self.send_with(frame, RunInput { ifindex: from.ifindex, ..RunInput::default() })
    }

    pub fn send_with(&self, frame: &[u8], input: RunInput) -> RunOutput {
        self.datapath.runner(ProgramName::FromPort).run(frame, input).expect("the program runs")
    }

    /// Packets delivered to the guest so far.
    pub fn delivered(&self, guest: &Guest) -> u64 {
        self.datapath.counters().traffic(guest.slot).expect("read").rx_packets
    }

    pub fn sent(&self, guest: &Guest) -> u64 {
        self.datapath.counters().traffic(guest.slot).expect("read").tx_packets
    }

    pub fn dropped(&self, slot: u32, reason: DropReason) -> u64 {
        self.datapath.counters().dropped(slot, reason).expect("read")
    }

    /// Sends a frame; says why it was dropped, if it was. An answer that goes back for it has a reason too.
    pub fn fate(&self, from: &Guest, frame: &[u8]) -> (RunOutput, Option<DropReason>) {
        let count = || {
            let mut counts = std::collections::BTreeMap::new();
            for drops in self.datapath.counters().drops().expect("read") {
                *counts.entry(drops.reason).or_insert(0) += drops.packets;
            }
            counts
        };
        let before = count();
        let output = self.send(from, frame);
        let new: Vec<DropReason> =
            count().into_iter().filter(|(reason, n)| before.get(reason) != Some(n)).map(|(reason, _)| reason).collect();
        assert!(new.len() <= 1, "{new:?}");
        (output, new.first().copied())
    }

    /// Sends a frame and says why it was dropped; `None` if it passed.
    pub fn refused(&self, from: &Guest, frame: &[u8]) -> Option<DropReason> {
        let (output, reason) = self.fate(from, frame);
        assert_eq!(output.verdict == Verdict::Redirect, reason.is_none(), "{reason:?} {:?}", output.verdict);
        reason
    }

    /// The flows that there are.
    pub fn flows(&self) -> Vec<pintle_datapath::Flow> {
        let mut flows = Vec::new();
        let each = |flow| {
            flows.push(flow);
            true
        };
        self.datapath.flows().for_each(each).expect("read");
        flows
    }

    /// Sends a frame that must be dropped for `reason`, and for nothing else.
    pub fn expect_drop(&self, from: &Guest, frame: &[u8], reason: DropReason) {
        let before = self.datapath.counters().drops().expect("read");
        let output = self.send(from, frame);
        assert_eq!(output.verdict, Verdict::Drop, "{}", reason.label());
        let count = |drops: &[pintle_datapath::Drops], reason| {
            drops.iter().find(|d| d.slot == from.slot && d.reason == reason).map_or(0, |d| d.packets)
        };
        let after = self.datapath.counters().drops().expect("read");
        for other in DropReason::ALL {
            let expected = u64::from(*other == reason);
            assert_eq!(count(&after, *other) - count(&before, *other), expected, "{}", other.label());
        }
    }
}
