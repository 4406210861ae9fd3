//! The table of `model::moving`, host by host and step by step.

use pintle_core::command::{Command, RegisterHost};
use pintle_core::compile::{HostEntries, Subject, subject};
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey};
use pintle_core::id::{HostId, InstanceId, SubnetId, VniId, VpcId};
use pintle_core::model::{Host, Instance, Move, MoveStep, Subnet, Vpc};
use pintle_core::query;

use super::told::{carriers, whole};
use crate::common::World;
use crate::common::build::{host, ip, ip4, scene};

const STEPS: [MoveStep; 4] = [MoveStep::Prepare, MoveStep::Open, MoveStep::Drain, MoveStep::Settle];

/// Hosts A, B and C with guest MTUs 1450, 8950 and 1350, each with a bystander's port, and an interface on A.
struct Stage {
    w: World,
    vpc: VpcId,
    subnet: SubnetId,
    hosts: [HostId; 3],
    homes: [InstanceId; 3],
    vni: VniId,
}

fn stage() -> Stage {
    let mut w = World::new();
    let vpc = w.vpc(&[]).id;
    let subnet = w.subnet(vpc, "10.0.0.0/24").id;
    let hosts = [(1, 1500), (2, 9000), (3, 1400)].map(|(number, underlay_mtu)| {
        let id = HostId::new(&mut w.ids);
        w.run::<Host>(Command::RegisterHost(RegisterHost { underlay_mtu, ..host(id, number, "zone-1") })).id
    });
    let homes = hosts.map(|host| {
        let home = w.instance(vpc, host).id;
        let bystander = w.vni(subnet).id;
        w.attach_now(home, bystander);
        home
    });
    let vni = w.vni_at(subnet, "10.0.0.100").id;
    w.attach_now(homes[0], vni);
    Stage { w, vpc, subnet, hosts, homes, vni }
}

impl Stage {
    fn start(&mut self, to: InstanceId) -> Move {
        self.w.run(Command::MoveVni { vni: self.vni, to, nic: None })
    }

    fn entries(&self) -> HostEntries {
        super::sound::check(&self.w.store, &whole(&self.w.store));
        subject(&self.w.store, &carriers(&self.w.store), Subject::Vni(self.vni)).unwrap()
    }

    /// The interface's entries on one host in a line: ports, the way to it, and who may speak for it.
    fn line(&self, moving: &Move, host: usize) -> String {
        let name = |vtep: Option<std::net::Ipv4Addr>| vtep.map_or("-".to_owned(), |vtep| self.name(vtep));
        let port = |id: Option<pintle_core::id::AttachmentId>| match id {
            Some(id) if id == moving.from => "old",
            Some(id) if id == moving.to => "new",
            Some(id) => panic!("{id} is neither side"),
            None => "-",
        };
        let mut parts = Vec::new();
        let entries = self.entries();
        let Some(own) = entries.get(&self.hosts[host]) else { return "nothing".to_owned() };
        for (key, entry) in own {
            parts.push(match (key, entry) {
                (EntryKey::Port(id), Entry::Port(spec)) => {
                    format!("{} {:?} g{}", port(Some(*id)), spec.mode, spec.generation)
                }
                (_, Entry::Location(at)) => format!("from {} {}", name(at.vtep), name(at.alt_vtep)),
                (_, Entry::Endpoint(EndpointSpec::Vni(to))) => format!(
                    "to {} alt {} vtep {} in {}{} mtu {} g{}",
                    port(to.port),
                    port(to.alt_port),
                    name(to.vtep),
                    name(to.incoming_from),
                    if to.moved { " moved" } else { "" },
                    to.mtu,
                    to.generation
                ),
                other => panic!("{other:?}"),
            });
        }
        parts.sort_by_key(|part| !part.starts_with("old") && !part.starts_with("new"));
        parts.join(" | ")
    }

    fn name(&self, vtep: std::net::Ipv4Addr) -> String {
        let position = self.hosts.iter().position(|host| self.w.get::<Host>(*host).vtep == vtep).unwrap();
        ["A", "B", "C"][position].to_owned()
    }

    #[track_caller]
    fn shows(&self, moving: &Move, at: &str, expected: [&str; 3]) {
        for (host, expected) in expected.into_iter().enumerate() {
            assert_eq!(self.line(moving, host), expected, "host {} at {at}", ["A", "B", "C"][host]);
        }
    }
}

#[test]
fn a15_f16_a_move_between_hosts_follows_the_table() {
    let mut t = stage();
    let moving = t.start(t.homes[1]);
    t.w.realise(moving.to);
    let table = [
        [
            "old Active g1 | from - B | to old alt - vtep - in - mtu 1450 g1",
            "new Prepared g2 | from A - | to - alt new vtep A in A mtu 1450 g1",
            "from A B | to - alt - vtep A in - mtu 1350 g1",
        ],
        [
            "old Active g1 | from - B | to old alt - vtep - in - mtu 1450 g1",
            "new Active g2 | from - A | to new alt - vtep - in A mtu 8950 g2",
            "from A B | to - alt - vtep A in - mtu 1350 g1",
        ],
        [
            "old Active g1 | from B - | to - alt old vtep B in - moved mtu 1450 g2",
            "new Active g2 | from - A | to new alt - vtep - in A mtu 8950 g2",
            "from A B | to - alt - vtep A in - mtu 1350 g1",
        ],
        [
            "old Fenced g1 | from B - | to - alt - vtep B in - moved mtu 1450 g2",
            "new Active g2 | from - A | to new alt - vtep - in A mtu 8950 g2",
            "from B A | to - alt - vtep B in - mtu 1350 g2",
        ],
    ];
    for (step, expected) in STEPS.into_iter().zip(table) {
        t.shows(&moving, &format!("{step:?}"), expected);
        t.w.done(Command::AdvanceMove(t.vni, step));
    }
    let ended = [
        "from B - | to - alt - vtep B in - mtu 1450 g2",
        "new Active g2 | from - - | to new alt - vtep - in - mtu 8950 g2",
        "from B - | to - alt - vtep B in - mtu 1350 g2",
    ];
    t.shows(&moving, "the end", ended);
    t.w.hosts_let_go();
    t.shows(&moving, "the end, let go", ended);
}

#[test]
fn a15_a_move_between_two_instances_of_one_host_turns_as_soon_as_the_new_side_speaks() {
    let mut t = stage();
    let other = t.w.instance(t.vpc, t.hosts[0]).id;
    let moving = t.start(other);
    t.w.realise(moving.to);
    let far = |generation: u32| format!("from A - | to - alt - vtep A in - mtu 1450 g{generation}");
    let near = |generation: u32| format!("from A - | to - alt - vtep A in - mtu 1350 g{generation}");
    let table = [
        ("old Active g1 | new Prepared g2 | from - - | to old alt new vtep - in - mtu 1450 g1", 1),
        ("old Active g1 | new Active g2 | from - - | to new alt old vtep - in - mtu 1450 g2", 1),
        ("old Active g1 | new Active g2 | from - - | to new alt old vtep - in - mtu 1450 g2", 1),
        ("old Fenced g1 | new Active g2 | from - - | to new alt - vtep - in - mtu 1450 g2", 2),
    ];
    for (step, (here, generation)) in STEPS.into_iter().zip(table) {
        let line = t.line(&moving, 0);
        let mut ports: Vec<&str> = line.split(" | ").collect();
        ports[..2].sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(ports.join(" | "), here, "host A at {step:?}");
        assert_eq!(t.line(&moving, 1), far(generation), "host B at {step:?}");
        assert_eq!(t.line(&moving, 2), near(generation), "host C at {step:?}");
        t.w.done(Command::AdvanceMove(t.vni, step));
    }
    let here = "new Active g2 | from - - | to new alt - vtep - in - mtu 1450 g2";
    t.shows(&moving, "the end", [here, &far(2), &near(2)]);
}

#[test]
fn f16_after_a_move_no_host_accepts_or_sends_to_the_host_that_was_left() {
    let mut t = stage();
    t.start(t.homes[1]);
    t.w.finish_move(t.vni);
    let left = Some(ip4("192.0.2.1"));
    for (host, entries) in t.entries() {
        for (key, entry) in entries {
            match entry {
                Entry::Location(at) => assert!(at.vtep != left && at.alt_vtep != left, "{host} {key}: {at:?}"),
                Entry::Endpoint(EndpointSpec::Vni(to)) => {
                    assert!(to.vtep != left && to.incoming_from != left, "{host} {key}: {to:?}");
                }
                Entry::Port(_) => assert_eq!(host, t.hosts[1]),
                Entry::Group(_) | Entry::Acl(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn f16_a_host_that_carries_the_vpc_no_more_has_nothing_of_it() {
    let mut t = stage();
    let bystander = t.w.all::<pintle_core::model::Attachment>();
    let bystander = bystander.iter().find(|one| one.host == t.hosts[0] && one.vni != t.vni).unwrap().id;
    t.w.detach(bystander);
    t.w.hosts_let_go();
    let moving = t.start(t.homes[1]);
    t.w.finish_move(t.vni);
    assert_eq!(t.line(&moving, 0), "nothing");
    let left = &whole(&t.w.store)[&t.hosts[0]];
    assert_eq!(left.keys().collect::<Vec<_>>(), [&EntryKey::Instance(t.homes[0])]);
}

#[test]
fn a_move_given_up_leaves_no_trace_on_any_host() {
    let mut t = stage();
    let before = t.entries();
    let moving = t.start(t.homes[1]);
    assert_ne!(t.entries(), before);
    t.w.done(Command::AbortMove(t.vni, "no such namespace".to_owned()));
    assert_eq!(t.entries(), before);
    t.w.done(Command::AttachmentGone(moving.to));
    assert_eq!(t.entries(), before);

    let moving = t.start(t.homes[1]);
    t.w.done(Command::AdvanceMove(t.vni, MoveStep::Prepare));
    t.w.done(Command::AbortMove(t.vni, "host lost".to_owned()));
    assert_eq!(t.entries(), before, "not even when the new side may have spoken");
    t.w.done(Command::AttachmentGone(moving.to));
    assert_eq!(t.entries(), before);
}

/// The old side has no port then: nobody may be told to send there.
#[test]
fn a15_a_move_away_from_a_stopped_instance_is_announced_when_the_new_side_speaks() {
    let mut t = stage();
    t.w.run::<Instance>(Command::StopInstance(t.homes[0]));
    let moving = t.start(t.homes[1]);
    t.shows(&moving, "Prepare", ["nothing", "new Prepared g2", "nothing"]);
    t.w.realise(moving.to);
    for step in STEPS {
        t.w.done(Command::AdvanceMove(t.vni, step));
        assert_eq!(t.line(&moving, 2), "from B - | to - alt - vtep B in - mtu 1350 g2", "after {step:?}");
    }
}

#[test]
fn a15_a_move_before_the_old_side_was_realised_sends_nobody_there() {
    let mut t = stage();
    let young = t.w.vni_at(t.subnet, "10.0.0.101").id;
    t.w.attach(t.homes[0], young);
    t.vni = young;
    let moving = t.start(t.homes[1]);
    assert_eq!(t.line(&moving, 2), "from A B", "heard from either side, sent to neither");
    t.w.realise(moving.from);
    assert_eq!(t.line(&moving, 2), "from A B | to - alt - vtep A in - mtu 1350 g1");
}

#[test]
fn a06_the_new_port_is_the_old_one_but_for_its_place() {
    let mut t = stage();
    let (segment, subnet) = (t.w.get::<Vpc>(t.vpc).segment, query::get::<Subnet>(&t.w.store, t.subnet).unwrap().0.cidr);
    let moving = t.start(t.homes[1]);
    t.w.done(Command::AdvanceMove(t.vni, MoveStep::Prepare));
    let entries = t.entries();
    let port = |host: usize, id| match &entries[&t.hosts[host]][&EntryKey::Port(id)] {
        Entry::Port(port) => port.clone(),
        other => panic!("{other:?}"),
    };
    let (old, new) = (port(0, moving.from), port(1, moving.to));
    assert_eq!((old.segment, old.subnet, old.mtu, old.instance), (segment, subnet, 1450, t.homes[0]));
    assert_eq!((old.gateway, &old.addresses[..]), (ip4("10.0.0.1"), &[ip("10.0.0.100")][..]));
    let mut expected = old.clone();
    (expected.instance, expected.mtu, expected.generation) = (t.homes[1], 8950, 2);
    expected.guest_config.hostname = Some(t.w.get::<Instance>(t.homes[1]).name);
    expected.policy.adopting = true;
    assert_eq!(new, expected, "addresses, MAC, policy, gateway and index are the same");
}

#[test]
fn a_scene_without_attachments_needs_nothing_on_any_host() {
    let mut s = scene();
    s.world.vni(s.subnet);
    assert_eq!(whole(&s.world.store), HostEntries::new());
}
