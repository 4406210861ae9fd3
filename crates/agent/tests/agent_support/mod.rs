//! A throw-away host: a namespace with an underlay device, in which a reconciler works without a server.

// Each test binary uses its own part of this.
#![allow(dead_code)]

pub(crate) mod server;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, recv, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use pintle_agent::desired::{Delta, Desired};
use pintle_agent::kernel::{NetNs, Netlink, addr, link};
use pintle_agent::reconcile::{HostConfig, Outcome, Reconciler};
use pintle_agent::{Limits, uninstall_host};
use pintle_core::host_spec::{
    EndpointSpec, Entry, EntryKey, GuestConfig, InstanceSpec, LocationSpec, PortLimits, PortMode, PortNic, PortPolicy,
    PortSpec, VniEndpoint,
};
use pintle_core::id::{AttachmentId, HostId, IdSource, InstanceId, RuleId, SecurityGroupId, VniId};
use pintle_core::model::Namespace;
use pintle_core::net::Mac;
use pintle_core::policy::{Direction, ProtocolMatch, Remote, Rule};

pub(crate) const BPFFS: &str = "/sys/fs/bpf";
/// The segment that all ports are in.
pub(crate) const SEGMENT: u32 = 77;
/// The subnet's gateway.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 1);

/// The group that every guest is in to begin with: it permits everything.
pub(crate) const OPEN: SecurityGroupId = SecurityGroupId::from_bits(1);

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Ids that no other test, process or Pintle uses: the process, the time of its start, and a counter.
pub(crate) struct UniqueIds;

impl IdSource for UniqueIds {
    fn bits(&mut self) -> u64 {
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
        let count = u64::from(COUNTER.fetch_add(1, Ordering::Relaxed));
        (u64::from(std::process::id()) << 44) ^ (time << 20) ^ (count.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8)
    }
}

/// A name that no other test, process or Pintle uses.
pub(crate) fn unique(tag: &str) -> String {
    format!("plt-{tag}-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// A namespace of this test's own, deleted with the value.
pub(crate) struct Scratch {
    pub(crate) name: String,
    pub(crate) namespace: NetNs,
}

impl Scratch {
    pub(crate) fn new(tag: &str) -> Self {
        let name = unique(tag);
        let namespace = NetNs::create(&name).unwrap();
        Scratch { name, namespace }
    }

    pub(crate) fn path(&self) -> String {
        format!("/run/netns/{}", self.name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = NetNs::delete(&self.name);
    }
}

/// A host with everything that is removed at its end.
pub(crate) struct Host {
    pub(crate) id: HostId,
    pub(crate) scratch: Scratch,
    pub(crate) vtep: Ipv4Addr,
}

impl Host {
    /// A host whose underlay is a pair of devices of its own, of which one has the address `192.0.2.<last>`.
    pub(crate) fn new(last: u8) -> Self {
        let (scratch, vtep) = (Scratch::new("host"), Ipv4Addr::new(192, 0, 2, last));
        ip(&scratch.name, "link add under0 type veth peer name under1");
        ip(&scratch.name, &format!("addr add {vtep}/24 dev under0"));
        ip(&scratch.name, "link set under0 up");
        ip(&scratch.name, "link set under1 up");
        Host { id: HostId::new(&mut UniqueIds), scratch, vtep }
    }

    pub(crate) fn config(&self) -> HostConfig {
        HostConfig {
            host: self.id,
            vtep: None,
            vxlan_port: 4789,
            bpffs: BPFFS.into(),
            limits: Limits { max_ports: 1100, max_endpoints: 4096, max_flows: 16_384, ..Limits::default() },
            expedite: true,
            link_kbps: None,
            uplink: None,
        }
    }

    /// Runs `work` on a thread inside the host.
    pub(crate) fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.scratch.namespace.run(work).unwrap()
    }

    pub(crate) fn reconciler(&self) -> Reconciler {
        Reconciler::open(&self.config()).unwrap()
    }

    pub(crate) fn pins(&self) -> std::path::PathBuf {
        Path::new(BPFFS).join("pintle").join(self.id.to_string())
    }

    /// The names of all devices but loopback and the underlay.
    pub(crate) fn devices(&self) -> Vec<String> {
        let mut netlink = Netlink::open(&self.scratch.namespace).unwrap();
        let links = link::list(&mut netlink).unwrap();
        links.into_iter().map(|link| link.name).filter(|name| name != "lo" && !name.starts_with("under")).collect()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let (id, namespace) = (self.id, &self.scratch.namespace);
        let _ = namespace.run(|| uninstall_host(id, Path::new(BPFFS)));
    }
}

/// A guest: an instance with one interface.
#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) instance: InstanceId,
    pub(crate) attachment: AttachmentId,
    pub(crate) spec: PortSpec,
    pub(crate) namespace: Namespace,
}

impl Guest {
    /// A guest with address `10.7.<number>` in a namespace that is made for it.
    pub(crate) fn new(number: u16) -> Self {
        let ids = &mut UniqueIds;
        let (instance, attachment) = (InstanceId::new(ids), AttachmentId::new(ids));
        let [high, low] = number.to_be_bytes();
        let spec = PortSpec {
            nic: PortNic::default(),
            vni: VniId::new(ids),
            instance,
            segment: SEGMENT,
            mac: Mac::local(number.into()),
            addresses: vec![IpAddr::from([10, 7, high, low])],
            prefixes: Vec::new(),
            subnet: "10.7.0.0/16".parse().unwrap(),
            subnet6: None,
            gateway: GATEWAY,
            mtu: 1450,
            device: "eth0".into(),
            default_route: true,
            mode: PortMode::Active,
            generation: 1,
            policy: PortPolicy {
                groups: vec![OPEN],
                source_dest_check: true,
                state_filtering: true,
                ..PortPolicy::default()
            },
            limits: PortLimits::default(),
            guest_config: GuestConfig::default(),
            route_table: 0,
        };
        Guest { instance, attachment, spec, namespace: Namespace::Made }
    }

    /// A guest with IPv6 too: `2001:db8:7::<number>`.
    pub(crate) fn dual(number: u16) -> Self {
        let mut guest = Guest::new(number);
        guest.spec.subnet6 = Some("2001:db8:7::/64".parse().unwrap());
        guest.spec.addresses.push(format!("2001:db8:7::{number:x}").parse().unwrap());
        guest
    }

    /// The same guest in other groups.
    pub(crate) fn within(mut self, groups: &[SecurityGroupId]) -> Self {
        self.spec.policy.groups = groups.to_vec();
        self
    }

    /// Its primary IPv4 address.
    pub(crate) fn ip(&self) -> IpAddr {
        self.spec.addresses[0]
    }

    /// Its primary IPv6 address.
    pub(crate) fn ip6(&self) -> IpAddr {
        *self.spec.addresses.iter().find(|ip| ip.is_ipv6()).unwrap()
    }

    pub(crate) fn port_key(&self) -> EntryKey {
        EntryKey::Port(self.attachment)
    }

    pub(crate) fn instance_entry(&self) -> (EntryKey, Entry) {
        let spec = InstanceSpec { namespace: self.namespace.clone(), serves: None };
        (EntryKey::Instance(self.instance), Entry::Instance(spec))
    }

    pub(crate) fn port_entry(&self) -> (EntryKey, Entry) {
        (self.port_key(), Entry::Port(Box::new(self.spec.clone())))
    }

    /// Every entry of an interface that lives here.
    pub(crate) fn entries(&self) -> Vec<(EntryKey, Entry)> {
        let mut entries = vec![self.instance_entry(), self.port_entry()];
        let endpoint = |address: &IpAddr| {
            (EntryKey::Endpoint(SEGMENT, *address), Entry::Endpoint(EndpointSpec::Vni(self.endpoint())))
        };
        entries.extend(self.spec.addresses.iter().map(endpoint));
        let location = LocationSpec { vtep: None, alt_vtep: None, route_table: 0 };
        entries.push((EntryKey::Location(SEGMENT, self.spec.mac), Entry::Location(location)));
        entries
    }

    /// The endpoint of its addresses, where it lives.
    pub(crate) fn endpoint(&self) -> VniEndpoint {
        VniEndpoint {
            mac: self.spec.mac,
            port: Some(self.attachment),
            alt_port: None,
            vtep: None,
            incoming_from: None,
            moved: false,
            mtu: 1450,
            generation: self.spec.generation,
            groups: self.spec.policy.groups.clone(),
        }
    }

    /// The guest's namespace.
    pub(crate) fn netns(&self) -> NetNs {
        match &self.namespace {
            Namespace::Made => NetNs::open_named(&self.instance.to_string()).unwrap(),
            Namespace::Path(path) => NetNs::open_path(path).unwrap(),
            Namespace::Pid(pid) => NetNs::open_pid(*pid).unwrap(),
            Namespace::Tap { .. } => panic!("a virtual machine has no namespace"),
        }
    }

    /// Runs `ip` inside the guest.
    pub(crate) fn ip_command(&self, args: &str) -> String {
        ip(&self.instance.to_string(), args)
    }

    /// Whether `to` answers an echo request of this guest.
    pub(crate) fn ping(&self, to: Ipv4Addr) -> bool {
        self.netns().run(|| ping(to)).unwrap()
    }

    /// Whether `to` answers an echo request of IPv6.
    pub(crate) fn ping6(&self, to: &str) -> bool {
        // A lost question for a neighbour is asked again after a second.
        let ping = || Command::new("ping").args(["-6", "-n", "-c", "1", "-W", "3", to]).output();
        self.netns().run(ping).unwrap().unwrap().status.success()
    }

    /// Whether a datagram to `to` arrives.
    pub(crate) fn reaches(&self, to: &Guest) -> bool {
        datagram((self, self.ip()), (to, to.ip()), 0)
    }

    /// Whether a datagram to `to` arrives by IPv6.
    pub(crate) fn reaches6(&self, to: &Guest) -> bool {
        datagram((self, self.ip6()), (to, to.ip6()), 0)
    }
}

/// Whether a datagram arrives from one guest's address at another's and this port; port 0 is any.
pub(crate) fn datagram(from: (&Guest, IpAddr), to: (&Guest, IpAddr), port: u16) -> bool {
    let receiver = to.0.netns().run(|| UdpSocket::bind((to.1, port)).unwrap()).unwrap();
    let address = receiver.local_addr().unwrap();
    // A lost question for a neighbour is asked again after a second, and nobody prepares IPv6 neighbours beforehand.
    let patience = if to.1.is_ipv6() { 2500 } else { 300 };
    receiver.set_read_timeout(Some(Duration::from_millis(patience))).unwrap();
    let sent = from.0.netns().run(|| UdpSocket::bind((from.1, 0)).and_then(|socket| socket.send_to(b"hello", address)));
    sent.unwrap().is_ok() && receiver.recv(&mut [0; 16]).is_ok()
}

/// A rule that permits a protocol from or to remotes.
pub(crate) fn rule(id: u64, direction: Direction, protocol: ProtocolMatch, remote: Remote) -> Rule {
    Rule { id: RuleId::from_bits(id), direction, protocol, remote, local: None }
}

/// A group's entry.
pub(crate) fn group(id: SecurityGroupId, rules: Vec<Rule>) -> (EntryKey, Entry) {
    (EntryKey::Group(id), Entry::Group(rules))
}

/// The gateway's entry and those of these guests, as a desired state.
pub(crate) fn desired(revision: u64, guests: &[&Guest]) -> Desired {
    Desired::new(revision, entries(guests))
}

/// The gateway's entry and those of these guests.
pub(crate) fn entries(guests: &[&Guest]) -> Vec<(EntryKey, Entry)> {
    let all = |id, direction| rule(id, direction, ProtocolMatch::Any, Remote::Any);
    let mut entries = vec![
        group(OPEN, vec![all(1, Direction::Ingress), all(2, Direction::Egress)]),
        (EntryKey::Endpoint(SEGMENT, GATEWAY.into()), Entry::Endpoint(EndpointSpec::Gateway)),
    ];
    entries.extend(guests.iter().flat_map(|guest| guest.entries()));
    entries
}

/// A delta that only puts.
pub(crate) fn put(entries: Vec<(EntryKey, Entry)>) -> Delta {
    Delta { put: entries, removed: Vec::new() }
}

/// Whether `to` answers an echo request from the calling thread's namespace within 300 ms.
fn ping(to: Ipv4Addr) -> bool {
    let fd = socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, nix::sys::socket::SockProtocol::Icmp);
    let fd = fd.unwrap();
    setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::milliseconds(300)).unwrap();
    let id = (std::process::id() as u16) ^ COUNTER.fetch_add(1, Ordering::Relaxed) as u16;
    let mut request = [8, 0, 0, 0, (id >> 8) as u8, id as u8, 0, 1];
    let sum = u32::from(u16::from_be_bytes([8, 0])) + u32::from(id) + 1;
    let sum = !(((sum & 0xffff) + (sum >> 16)) as u16);
    request[2..4].copy_from_slice(&sum.to_be_bytes());
    let [a, b, c, d] = to.octets();
    if sendto(fd.as_raw_fd(), &request, &SockaddrIn::new(a, b, c, d, 0), MsgFlags::empty()).is_err() {
        return false;
    }
    let deadline = Instant::now() + Duration::from_millis(300);
    let mut buffer = [0; 128];
    while Instant::now() < deadline {
        let Ok(length) = recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty()) else { return false };
        // Type 0 is the answer; the socket sees other ICMP too.
        if length >= 28 && buffer[20] == 0 && buffer[24..26] == id.to_be_bytes() {
            return true;
        }
    }
    false
}

/// Runs `ip -n <namespace> <args>` and gives what it prints.
pub(crate) fn ip(namespace: &str, args: &str) -> String {
    let output = Command::new("ip").args(["-n", namespace]).args(args.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip -n {namespace} {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The texts of an outcome's drift reports, all of which must say that they were repaired.
pub(crate) fn repaired(outcome: &Outcome) -> String {
    assert!(outcome.drift.iter().all(|report| report.repaired), "{:#?}", outcome.drift);
    let texts: Vec<&str> = outcome.drift.iter().map(|report| report.message.as_str()).collect();
    texts.join("\n")
}

/// The address list of a device in a namespace, as text.
pub(crate) fn addresses(namespace: &NetNs, device: &str) -> Vec<String> {
    let mut netlink = Netlink::open(namespace).unwrap();
    let link = link::get_named(&mut netlink, device).unwrap().unwrap();
    let list = addr::list(&mut netlink, Some(link.index)).unwrap();
    list.iter().map(|address| address.net.to_string()).collect()
}
