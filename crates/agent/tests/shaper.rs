//! The shaper against the real kernel: what is asked for is there, once, and comes back when somebody takes it away.

mod kernel_support;

use kernel_support::Scratch;
use pintle_agent::kernel::{Netlink, link};
use pintle_agent::reconcile::Marks;
use pintle_agent::shaper::{Cable, Member, Shaper, Wanted};
use pintle_core::host_spec::PortLimits;

struct Host {
    scratch: Scratch,
    netlink: Netlink,
    shaper: Shaper,
    marks: Marks,
}

impl Host {
    fn new() -> Self {
        let scratch = Scratch::new("shape");
        let marks = Marks::new("host-0123456789abcdef0".parse().unwrap());
        let shaper = Shaper::new(scratch.namespace.try_clone().unwrap(), marks.clone()).unwrap();
        Host { netlink: scratch.netlink(), scratch, shaper, marks }
    }

    /// Makes the host follow, and gives how many requests that took.
    fn follow(&mut self, members: &[Member]) -> (u64, Option<Cable>) {
        let before = self.netlink.writes();
        let wanted = self.wanted(members);
        let cable = self.shaper.prepare(&mut self.netlink, &wanted, |_| Ok(())).unwrap();
        self.shaper.retire(&mut self.netlink, &wanted).unwrap();
        assert!(!self.shaper.differs(&mut self.netlink, &wanted).unwrap());
        (self.netlink.writes() - before, cable)
    }

    fn wanted(&mut self, members: &[Member]) -> Wanted {
        self.shaper.wanted(&mut self.netlink, members, Some(10_000_000)).unwrap()
    }

    fn tc(&self, what: &str, end: usize) -> String {
        let output = std::process::Command::new("tc")
            .args(["-n", &self.scratch.name, what, "show", "dev", &self.marks.shaper_devices()[end]])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

fn member(slot: u32, egress_kbps: Option<u32>, ingress_kbps: Option<u32>) -> Member {
    let instance = format!("i-{:017x}", slot / 4).parse().unwrap();
    Member { slot, tenant: slot / 8, instance, limits: PortLimits { egress_kbps, ingress_kbps, ..Default::default() } }
}

#[test]
fn j01_the_trees_are_as_the_system_tools_see_them_and_a_second_apply_writes_nothing() {
    let mut host = Host::new();
    let members = [member(1, Some(100_000), None), member(2, Some(8_000_000), Some(7)), member(9, None, Some(1000))];
    let (writes, cable) = host.follow(&members);
    assert!(writes > 10 && cable.is_some());
    let egress = host.tc("class", 0);
    for part in ["htb 1:1 parent", "rate 100Mbit ceil 100Mbit", "htb 1:2 parent", "rate 8Gbit", "htb 1:ffff root"] {
        assert!(egress.contains(part), "'{part}' is missing in: {egress}");
    }
    let ingress = host.tc("class", 1);
    assert!(ingress.contains("ceil 7Kbit") && !ingress.contains("htb 1:1 "), "{ingress}");
    assert!(host.tc("qdisc", 0).contains("direct_qlen 0"), "{}", host.tc("qdisc", 0));

    assert_eq!(host.follow(&members).0, 0, "by what is remembered");
    host.shaper.doubt();
    assert_eq!(host.follow(&members).0, 0, "by what is read");
    let marks = host.marks.clone();
    host.shaper = Shaper::new(host.scratch.namespace.try_clone().unwrap(), marks).unwrap();
    assert_eq!(host.follow(&members).0, 0, "by an agent that has just started");
}

#[test]
fn a_change_is_a_few_requests_and_the_last_limit_takes_the_cable_away() {
    let mut host = Host::new();
    let mut members: Vec<Member> = (1..=100).map(|slot| member(slot, Some(1000), Some(1000))).collect();
    host.follow(&members);
    members[49] = member(50, Some(2000), Some(1000));
    assert_eq!(host.follow(&members).0, 3, "the interface, its instance and its tenant");
    members.remove(49);
    assert!(host.follow(&members).0 <= 6);
    assert_eq!(host.scratch.devices().len(), 2);
    assert_eq!(host.follow(&[]).0, 1);
    assert_eq!(host.scratch.devices(), [] as [&str; 0]);
    assert_eq!(host.follow(&[]).0, 0);
}

#[test]
fn j01_what_somebody_changes_is_put_right_again() {
    let mut host = Host::new();
    let members = [member(1, Some(100_000), Some(100_000))];
    let (_, cable) = host.follow(&members);
    let [first, second] = host.marks.shaper_devices();
    let tc = |line: &str| {
        let arguments = format!("-n {} {line}", host.scratch.name);
        assert!(std::process::Command::new("tc").args(arguments.split(' ')).status().unwrap().success(), "{line}");
    };
    tc(&format!("class change dev {first} classid 1:1 htb rate 1gbit"));
    tc(&format!("qdisc replace dev {second} root pfifo limit 10"));
    host.scratch.ip(&format!("link set {first} down"));
    host.shaper.doubt();
    let wanted = host.wanted(&members);
    assert!(host.shaper.differs(&mut host.netlink, &wanted).unwrap());
    let (writes, again) = host.follow(&members);
    assert!(writes > 0 && again == cable);
    assert!(host.tc("class", 0).contains("rate 100Mbit ceil 100Mbit"));
    assert!(host.tc("class", 1).contains("rate 100Mbit ceil 100Mbit"));
    assert!(link::get_named(&mut host.netlink, &first).unwrap().unwrap().up);

    host.scratch.ip(&format!("link del {first}"));
    host.shaper.doubt();
    let (_, anew) = host.follow(&members);
    assert!(anew.is_some() && anew != cable);
}
