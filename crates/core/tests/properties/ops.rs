//! Random commands over a small world: what they speak of is picked from what there is when they are run.

use std::net::{IpAddr, Ipv4Addr};

use pintle_core::command::{
    Command, CreateInstance, CreateInstances, CreatePublicPool, CreateReservedIp, CreateSubnet, CreateVni, CreateVpc,
    InstancesChange, IpChoice, Ipv6Range, NewAttachment, PrefixChoice, RegisterHost, UpdateAttachment, UpdateChild,
    UpdateInstance, UpdateReservedIp, UpdateVni, VniChoice,
};
use pintle_core::id::{HostId, ReservedIpId, SubnetId, VniId};
use pintle_core::model::{
    Attachment, Host, Instance, InterfaceStyle, Move, MoveStep, ReservedBy, ReservedIp, Role, Subnet, Vni, Vpc,
};
use pintle_core::model::{IpFamily, NetworkAcl, PublicPool, SecurityGroup};
use pintle_core::record::Record;
use proptest::prelude::*;

use super::instance_ops::{child, create_instance, launch, new_attachment, nic, vlans};
use super::{network_ops, policy_ops, share_ops};
use crate::common::build::{create_subnet, host, net};
use crate::common::{Seeded, Store, World};

/// A command in the making: what to do, and numbers to pick by.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) what: What,
    picks: [u8; 4],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Vpc,
    Subnet,
    ReservedIp,
    Vni,
    AddIp,
    RemoveIp,
    UpdateVni,
    UpdateIp,
    Instance,
    Attach,
    Vlans,
    UpdateChild,
    DeleteChild,
    Detach,
    Move,
    Advance,
    Abort,
    Start,
    Stop,
    Realised,
    Failed,
    Gone,
    InstanceRealised,
    InstanceFailed,
    InstanceGone,
    InstanceStopped,
    Launch,
    Change,
    UpdateInstance,
    Host,
    DeleteVni,
    DeleteIp,
    DeleteInstance,
    DeleteSubnet,
    DeleteVpc,
    DeleteHost,
    UpdateVpc,
    UpdateSubnet,
    MoveIp,
    AddPrefix,
    RemovePrefix,
    VniGroups,
    Quarantine,
    Release,
    Flush,
    Shadow,
    EndAdoption,
    Group,
    Rules,
    DeleteGroup,
    Acl,
    AclRules,
    DeleteAcl,
    List,
    UpdateList,
    DeleteList,
    Pool,
    FloatingIp,
    Associate,
    Disassociate,
    DeleteFloatingIp,
    Gateway,
    DeleteGateway,
    DeletePool,
    RestoreList,
    FlowLog,
    DeleteFlowLog,
    AddRange,
    RemoveRange,
    AddSubnetRange,
    RemoveSubnetRange,
    ReservePart,
    FreePart,
    DhcpSet,
    DeleteDhcpSet,
    AssociateDhcpSet,
    EnsureDefaults,
    DefaultVpc,
    DefaultSubnet,
    DeleteBareVpc,
    Share,
    UpdateShare,
    MountTarget,
    RenameMountTarget,
    DeleteMountTarget,
    ShareRealised,
    ShareFailed,
    DeleteShare,
    ShareGone,
    Rename,
}

impl What {
    /// How many kinds of command there are.
    pub(crate) const COUNT: usize = What::Rename as usize + 1;
}

const NAMES: [&str; 4] = ["one", "two", "three", "BAD"];
const CIDRS: [&str; 6] = ["10.0.1.0/28", "10.0.0.0/29", "10.0.0.8/29", "10.0.0.0/28", "10.0.0.16/28", "10.0.0.1/28"];
/// Two /64s.
const IPV6: &str = "2001:db8::/63";
/// With one network card and with several, with and without IPv6, and one that does not exist.
pub(super) const TYPES: [&str; 5] = ["t3.micro", "m5.large", "p5.48xlarge", "m1.small", "m5.unheard-of"];
pub(super) const ZONES: [&str; 2] = ["zone-1", "zone-2"];
const STEPS: [MoveStep; 4] = [MoveStep::Prepare, MoveStep::Open, MoveStep::Drain, MoveStep::Settle];

pub(crate) fn ops(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Op>> {
    proptest::collection::vec(op(), count)
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    use What::*;
    let what = prop_oneof![
        6 => proptest::sample::select(vec![Vni, AddIp, RemoveIp, UpdateVni, UpdateIp, ReservedIp]),
        8 => proptest::sample::select(vec![Instance, Attach, Attach, Vlans, Detach, Move, Move, Start, Stop]),
        1 => proptest::sample::select(vec![UpdateChild, DeleteChild]),
        10 => proptest::sample::select(vec![Advance, Realised, Failed, Gone, Advance, Realised, Gone, Abort]),
        3 => proptest::sample::select(vec![InstanceRealised, InstanceFailed, InstanceGone, Host, Rename]),
        1 => proptest::sample::select(vec![InstanceStopped, InstanceStopped, Launch, Change, UpdateInstance]),
        2 => proptest::sample::select(vec![Vpc, Subnet, DeleteIp, DeleteVni, DeleteInstance]),
        2 => proptest::sample::select(vec![DeleteVni, DeleteSubnet, DeleteVpc, DeleteHost, DeleteHost]),
        5 => proptest::sample::select(vec![UpdateVpc, UpdateSubnet, UpdateSubnet, MoveIp, AddPrefix, RemovePrefix]),
        5 => proptest::sample::select(vec![VniGroups, VniGroups, Quarantine, Release, Flush, Shadow, EndAdoption]),
        5 => proptest::sample::select(vec![
            Group, Rules, Rules, Acl, AclRules, AclRules, List, UpdateList, UpdateList, RestoreList
        ]),
        4 => proptest::sample::select(vec![Pool, FloatingIp, Associate, Disassociate, Gateway]),
        3 => proptest::sample::select(vec![
            DeleteGroup, DeleteAcl, DeleteList, FlowLog, FlowLog, DeleteFlowLog, DeleteFloatingIp, DeleteGateway, DeleteGateway,
            DeleteGateway, DeletePool
        ]),
        4 => proptest::sample::select(vec![
            AddRange, RemoveRange, AddSubnetRange, RemoveSubnetRange, ReservePart, ReservePart, FreePart, DhcpSet,
            DeleteDhcpSet, AssociateDhcpSet, EnsureDefaults, DefaultVpc, DefaultSubnet, DeleteBareVpc
        ]),
        4 => proptest::sample::select(vec![
            Share, MountTarget, MountTarget, RenameMountTarget, DeleteMountTarget, ShareRealised, ShareFailed, UpdateShare,
            DeleteShare, DeleteShare, ShareGone, ShareGone, ShareGone
        ]),
    ];
    (what, any::<[u8; 4]>()).prop_map(|(what, picks)| Op { what, picks })
}

/// Only commands that make instances and their interfaces, and some that give their places free again.
pub(crate) fn creations(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Op>> {
    use What::*;
    let what = proptest::sample::select(vec![
        Vni,
        Instance,
        Instance,
        Attach,
        Attach,
        Launch,
        Move,
        Detach,
        DeleteChild,
        Gone,
    ]);
    let op = (what, any::<[u8; 4]>()).prop_map(|(what, picks)| Op { what, picks });
    proptest::collection::vec(op, count)
}

/// A world with something of everything, and two instances on one host, so that most commands have something to speak of.
pub(crate) fn small_world() -> World {
    let mut world = World::new();
    let ipv6_cidrs = vec![IPV6.parse().unwrap()];
    let vpc = world.run::<Vpc>(Command::CreateVpc(CreateVpc { ipv6_cidrs, ..CreateVpc::default() })).id;
    let create = CreateSubnet { ipv6: Some(Ipv6Range::Auto), ..create_subnet(vpc, "zone-1", "10.0.0.0/27") };
    let subnet = world.run::<Subnet>(Command::CreateSubnet(create)).id;
    let pool = CreatePublicPool { name: None, zone: "zone-1".to_owned(), cidrs: vec![net("198.51.100.0/30")] };
    world.run::<PublicPool>(Command::CreatePublicPool(pool));
    for number in 1..=3 {
        let host = world.host(number, "zone-1").id;
        if number == 1 {
            world.instance(vpc, host);
        }
        let home = world.instance(vpc, host).id;
        let vni = world.vni(subnet).id;
        world.attach_now(home, vni);
    }
    let child =
        || NewAttachment::of(VniChoice::Child(Box::new(CreateVni { subnet: Some(subnet), ..CreateVni::default() })));
    let (style, primary, attachments) = (InterfaceStyle::Children, Some(child()), vec![child()]);
    let zone = Some(ZONES[0].to_owned());
    let create = CreateInstance { style, zone, primary, attachments, ..CreateInstance::of(vpc) };
    world.run::<Instance>(Command::CreateInstance(create));
    world
}

impl Op {
    /// The command that this is in a world.
    pub(crate) fn command(&self, store: &Store) -> Command {
        let [a, b, c, d] = self.picks;
        let name = (d.is_multiple_of(3)).then(|| NAMES[usize::from(d / 3) % NAMES.len()].to_owned());
        let vni = || pick::<Vni>(store, a);
        let attachment = || pick::<Attachment>(store, a);
        let instance = || pick::<Instance>(store, a);
        let choice = |by: u8| ip_choice(store, by, b);
        match self.what {
            What::Vpc => Command::CreateVpc(CreateVpc {
                name,
                cidrs: vec![net(CIDRS[usize::from(a) % CIDRS.len()])],
                ipv6_cidrs: (b.is_multiple_of(2)).then(|| IPV6.parse().unwrap()).into_iter().collect(),
                ..CreateVpc::default()
            }),
            What::Subnet => Command::CreateSubnet(CreateSubnet {
                vpc: pick::<Vpc>(store, a),
                name,
                zone: ZONES[usize::from(b.is_multiple_of(5))].to_owned(),
                cidr: net(CIDRS[usize::from(c) % CIDRS.len()]),
                ipv6: (d.is_multiple_of(2)).then_some(Ipv6Range::Auto),
                acl: (d.is_multiple_of(5)).then(|| pick::<NetworkAcl>(store, d)),
                public_gateway: None,
            }),
            What::ReservedIp => Command::CreateReservedIp(CreateReservedIp {
                subnet: pick::<Subnet>(store, a),
                address: (b.is_multiple_of(2)).then(|| address(c)),
                name,
                auto_delete: b.is_multiple_of(5),
                target: (b.is_multiple_of(3)).then(|| pick::<Vni>(store, c)),
            }),
            What::Vni => Command::CreateVni(create_vni(store, a, b, c, name)),
            What::AddIp => Command::AddVniIp(vni(), choice(c)),
            What::RemoveIp => Command::RemoveVniIp(vni(), listed(store, a, b)),
            What::UpdateVni => Command::UpdateVni(vni(), update_vni(b, name)),
            What::UpdateIp => {
                let auto_delete = (c.is_multiple_of(2)).then_some(c.is_multiple_of(4));
                Command::UpdateReservedIp(pick::<ReservedIp>(store, a), UpdateReservedIp { name, auto_delete })
            }
            What::Instance => Command::CreateInstance(create_instance(store, self.picks, name)),
            What::Attach => Command::Attach(instance(), new_attachment(store, b, c, name)),
            What::Vlans => {
                let allowed_vlans = Some(vlans(b));
                Command::UpdateAttachment(
                    attachment(),
                    UpdateAttachment { allowed_vlans, ..UpdateAttachment::default() },
                )
            }
            What::UpdateChild => {
                let update =
                    UpdateChild { name, allow_ip_spoofing: (c.is_multiple_of(2)).then_some(c.is_multiple_of(4)) };
                Command::UpdateChild(child(store, a, b), update)
            }
            What::DeleteChild => Command::DeleteChild(child(store, a, b)),
            What::Detach if c.is_multiple_of(3) => Command::DeleteAttachment(attachment()),
            What::Detach => Command::Detach { attachment: attachment(), force: b.is_multiple_of(3) },
            What::Move => Command::MoveVni {
                vni: vni(),
                to: pick::<Instance>(store, b),
                nic: (c.is_multiple_of(2)).then(|| nic(d)),
            },
            What::Advance => Command::AdvanceMove(moving(store, a), step(store, a, b)),
            What::Abort => Command::AbortMove(moving(store, a), "given up".to_owned()),
            What::Start => Command::StartInstance(instance()),
            What::Stop => Command::StopInstance(instance()),
            What::Realised => Command::AttachmentRealised(attachment(), generation(store, a, b)),
            What::Failed => {
                Command::AttachmentFailed(attachment(), generation(store, a, b), format!("reason {}", c % 2))
            }
            What::Gone => Command::AttachmentGone(attachment()),
            What::InstanceRealised => Command::InstanceRealised(instance()),
            What::InstanceFailed => Command::InstanceFailed(instance(), format!("reason {}", c % 2)),
            What::InstanceGone => Command::InstanceGone(instance()),
            What::InstanceStopped => Command::InstanceStopped(instance()),
            What::Launch => {
                let mut each = create_instance(store, [a, b & !3, c, d], None);
                (each.host, each.zone) = (None, Some(ZONES[0].to_owned()));
                (each.role, each.launch) = (Role::Server, Some(launch(b)));
                Command::CreateInstances(Box::new(CreateInstances { each, least: 1, most: 1 + u32::from(c % 3) }))
            }
            What::Change => {
                use InstancesChange::{Delete, Start, Stop};
                let change = [Start, Stop, Stop, Delete][usize::from(c) % 4];
                Command::ChangeInstances(vec![instance(), pick::<Instance>(store, b)], change)
            }
            What::UpdateInstance => Command::UpdateInstance(
                instance(),
                UpdateInstance {
                    kind: (b.is_multiple_of(2)).then(|| TYPES[usize::from(c) % TYPES.len()].to_owned()),
                    delete_protected: (c.is_multiple_of(5)).then_some(d.is_multiple_of(4)),
                    stop_protected: (c.is_multiple_of(7)).then_some(d.is_multiple_of(4)),
                    notes: [("colour".to_owned(), (d.is_multiple_of(2)).then(|| "red".to_owned()))].into(),
                    ..UpdateInstance::default()
                },
            ),
            What::Host => Command::RegisterHost(register(store, self.picks)),
            What::DeleteVni => Command::DeleteVni(vni()),
            What::DeleteIp => Command::DeleteReservedIp(prefer(store, a, b, unbound)),
            What::DeleteInstance => Command::DeleteInstance(instance()),
            What::DeleteSubnet => {
                let users = store.records::<ReservedIp>().into_iter().filter(|ip| ip.reserved_by == ReservedBy::User);
                let used: Vec<SubnetId> = users.map(|ip| ip.subnet).collect();
                Command::DeleteSubnet(prefer(store, a, b, |subnet: &Subnet| !used.contains(&subnet.id)))
            }
            What::DeleteVpc => Command::DeleteVpc(pick::<Vpc>(store, a)),
            What::DeleteHost => Command::DeleteHost(pick::<Host>(store, a)),
            What::AddRange
            | What::RemoveRange
            | What::AddSubnetRange
            | What::RemoveSubnetRange
            | What::ReservePart
            | What::FreePart
            | What::DhcpSet
            | What::DeleteDhcpSet
            | What::AssociateDhcpSet
            | What::EnsureDefaults
            | What::DefaultVpc
            | What::DefaultSubnet
            | What::DeleteBareVpc => network_ops::command(self.what, store, self.picks),
            What::Share
            | What::UpdateShare
            | What::MountTarget
            | What::RenameMountTarget
            | What::DeleteMountTarget
            | What::ShareRealised
            | What::ShareFailed
            | What::DeleteShare
            | What::ShareGone => share_ops::command(self.what, store, self.picks, name),
            What::Rename => rename(store, a, b, NAMES[usize::from(c) % NAMES.len()].to_owned()),
            _ => policy_ops::command(self.what, store, self.picks, name),
        }
    }
}

/// One of the records of a kind; now and then one that is not there.
pub(super) fn pick<R: Record>(store: &Store, by: u8) -> R::Id
where
    R::Id: std::str::FromStr,
{
    let all = store.records::<R>();
    if by < 250 && !all.is_empty() {
        return all[usize::from(by) % all.len()].id();
    }
    let prefix = match R::KIND {
        "reserved_ip" => "rip",
        "vni" => "eni",
        "instance" => "i",
        "attachment" => "eni-attach",
        "security_group" => "sg",
        "network_acl" => "acl",
        "prefix_list" => "pl",
        "flow_log" => "fl",
        "public_pool" => "pool",
        "floating_ip" => "eipalloc",
        "public_gateway" => "nat",
        "subnet_reservation" => "scr",
        "dhcp_option_set" => "dopt",
        "share" => "fs",
        other => other,
    };
    let text = format!("{prefix}-{by:017x}");
    text.parse().unwrap_or_else(|_| panic!("'{text}' is not the id of a {}", R::KIND))
}

/// An interface that is being moved, if there is one.
fn moving(store: &Store, by: u8) -> VniId {
    let moves = store.records::<Move>();
    match moves.len() {
        0 => pick::<Vni>(store, by),
        count => moves[usize::from(by) % count].vni,
    }
}

/// Mostly the step that the move is at.
fn step(store: &Store, by: u8, other: u8) -> MoveStep {
    let now = store.record(&Move::key_of(moving(store, by)));
    match now {
        Some(Move { step, .. }) if !other.is_multiple_of(4) => step,
        _ => STEPS[usize::from(other / 4) % STEPS.len()],
    }
}

/// Mostly the attachment's own.
fn generation(store: &Store, by: u8, other: u8) -> u32 {
    let own = store.record(&Attachment::key_of(pick::<Attachment>(store, by)));
    own.map_or(1, |attachment: Attachment| attachment.generation) + u32::from(other.is_multiple_of(8))
}

/// Mostly an address of the interface itself.
pub(super) fn listed(store: &Store, by: u8, which: u8) -> ReservedIpId {
    let vni: Option<Vni> = store.record(&Vni::key_of(pick::<Vni>(store, by)));
    match vni {
        Some(vni) if !which.is_multiple_of(8) => vni.ips[usize::from(which) % vni.ips.len()],
        _ => pick::<ReservedIp>(store, which),
    }
}

/// Mostly one that is as wanted.
pub(super) fn prefer<R: Record>(store: &Store, by: u8, other: u8, wanted: impl Fn(&R) -> bool) -> R::Id
where
    R::Id: std::str::FromStr,
{
    let some: Vec<R> = store.records::<R>().into_iter().filter(wanted).collect();
    match some.len() {
        count if count > 0 && !other.is_multiple_of(4) => some[usize::from(by) % count].id(),
        _ => pick::<R>(store, by),
    }
}

fn unbound(ip: &ReservedIp) -> bool {
    ip.reserved_by == ReservedBy::User && ip.bound_to.is_none()
}

fn address(by: u8) -> IpAddr {
    match by {
        0..200 => Ipv4Addr::new(10, 0, 0, by % 34).into(),
        _ => format!("2001:db8:0:{}::{by:x}", by % 2).parse().unwrap(),
    }
}

pub(super) fn ip_choice(store: &Store, by: u8, other: u8) -> IpChoice {
    match by % 4 {
        0 => IpChoice::Reserved(pick::<ReservedIp>(store, other)),
        1 => IpChoice::Address { address: address(other), name: None, auto_delete: by % 8 < 4 },
        _ => {
            let family = if other.is_multiple_of(3) { IpFamily::V6 } else { IpFamily::V4 };
            IpChoice::Auto { family, name: None, auto_delete: by % 8 < 4 }
        }
    }
}

pub(super) fn create_vni(store: &Store, a: u8, b: u8, c: u8, name: Option<String>) -> CreateVni {
    CreateVni {
        subnet: (!a.is_multiple_of(9)).then(|| pick::<Subnet>(store, a)),
        name,
        primary_ip: ip_choice(store, b, c),
        ips: (0..c % 3).map(|more| ip_choice(store, c.wrapping_add(more * 5), b.wrapping_add(more))).collect(),
        allow_ip_spoofing: (a.is_multiple_of(4)).then_some(true),
        auto_delete: (b.is_multiple_of(7)).then_some(b.is_multiple_of(2)),
        enable_infrastructure_nat: (c.is_multiple_of(11)).then_some(false),
        protocol_state_filtering: None,
        security_groups: (0..b % 3).map(|more| pick::<SecurityGroup>(store, a.wrapping_add(more))).collect(),
        prefixes: (a.is_multiple_of(10)).then_some(PrefixChoice::Auto(IpFamily::V4)).into_iter().collect(),
        ..CreateVni::default()
    }
}

fn update_vni(by: u8, name: Option<String>) -> UpdateVni {
    UpdateVni {
        name,
        allow_ip_spoofing: (by.is_multiple_of(4)).then_some(by.is_multiple_of(8)),
        auto_delete: (by.is_multiple_of(3)).then_some(by.is_multiple_of(2)),
        enable_infrastructure_nat: (by.is_multiple_of(5)).then_some(by.is_multiple_of(2)),
        ..UpdateVni::default()
    }
}

fn register(store: &Store, [a, b, c, d]: [u8; 4]) -> RegisterHost {
    let id = match a % 3 {
        0 => HostId::new(&mut Seeded(u64::from(a))),
        _ => pick::<Host>(store, a),
    };
    let underlay_mtu = [1500, 9000, 625][usize::from(c) % 3];
    let uplink = (!c.is_multiple_of(4)).then(|| "up0".to_owned());
    RegisterHost { underlay_mtu, uplink, ..host(id, b % 6, ZONES[usize::from(d.is_multiple_of(6))]) }
}

fn rename(store: &Store, a: u8, b: u8, name: String) -> Command {
    match b % 4 {
        0 => Command::RenameVpc(pick::<Vpc>(store, a), name),
        1 => Command::RenameSubnet(pick::<Subnet>(store, a), name),
        2 => Command::RenameInstance(pick::<Instance>(store, a), name),
        _ => Command::RenameAttachment(pick::<Attachment>(store, a), name),
    }
}
