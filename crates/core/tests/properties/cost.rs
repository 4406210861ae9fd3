//! A change costs what it touches: the keys that a decision reads do not grow with the subnet, the VPC or the world.

use std::net::{IpAddr, Ipv4Addr};

use pintle_core::command::{Command, CreateReservedIp, CreateVni, GroupsChange, NewRule, PrefixChoice, RulesChange};
use pintle_core::compile::{Subject, subject};
use pintle_core::id::{IdSource, InstanceId, ReservedIpId, SecurityGroupId, SubnetId, VniId, VpcId};
use pintle_core::model::{Attachment, IpFamily, Move, ReservedIp, Timestamp, Vni, Vpc};
use pintle_core::net::Mac;
use pintle_core::record::{self, Listed, Record, name_key};

use crate::common::World;
use crate::common::build::{at, existing, instance, new, scene, vni};
use crate::compile::told::carriers;

/// What one request may read: one stride of the search for a free address, and a few records.
const BOUND: usize = 300;

struct Crowd {
    world: World,
    vpc: VpcId,
    subnet: SubnetId,
    homes: [InstanceId; 2],
    mine: VniId,
    default: SecurityGroupId,
}

/// A /8 with this many interfaces in it, planted as commands would have left them.
fn crowd(count: u32) -> Crowd {
    let mut s = scene();
    s.world.checked = false;
    let subnet = s.world.subnet(s.vpc, "11.0.0.0/8").id;
    let model = s.world.vni(subnet);
    let model_ip: ReservedIp = s.world.get(model.primary_ip());
    for number in 1..count {
        plant(&mut s.world, &model, &model_ip, number);
    }
    let last = nth(&model_ip, count - 1);
    s.world.store.plant(record::address_hint_key(subnet), last.to_string().into_bytes());
    let homes = s.hosts.map(|host| s.world.instance(s.vpc, host).id);
    let mine = s.world.vni(subnet).id;
    let default = s.world.get::<Vpc>(s.vpc).default_group;
    Crowd { world: s.world, vpc: s.vpc, subnet, homes, mine, default }
}

/// The address so many after another.
fn nth(first: &ReservedIp, number: u32) -> IpAddr {
    let IpAddr::V4(first) = first.address else { panic!("an IPv4 address") };
    Ipv4Addr::from(u32::from(first) + number).into()
}

fn plant(world: &mut World, model: &Vni, model_ip: &ReservedIp, number: u32) {
    let (id, ip) = (VniId::new(&mut world.ids), ReservedIpId::new(&mut world.ids));
    let name = format!("planted-{number}");
    let created_at = Timestamp(model.created_at.0 + u64::from(number));
    let mac = Mac::local(world.ids.bits());
    let vni = Vni { id, name: name.clone(), ips: vec![ip], mac, created_at, ..model.clone() };
    let address = nth(model_ip, number);
    let ip = ReservedIp { id: ip, name: name.clone(), address, bound_to: Some(id), created_at, ..model_ip.clone() };
    let mut put = |key: String, value: String| world.store.plant(key, value.into_bytes());
    put(Vni::key_of(id), serde_json::to_string(&vni).unwrap());
    put(ReservedIp::key_of(ip.id), serde_json::to_string(&ip).unwrap());
    put(vni.list_key(), id.to_string());
    put(ip.list_key(), ip.id.to_string());
    put(name_key::<Vni>(&vni.vpc.to_string(), &name), id.to_string());
    put(name_key::<ReservedIp>(&vni.subnet.to_string(), &name), ip.id.to_string());
    put(record::address_key(vni.vpc, address), ip.id.to_string());
    put(record::mac_key(mac), id.to_string());
    put(format!("{}{id}", record::vnis_of_subnet(vni.subnet)), id.to_string());
    put(format!("{}{id}", record::vnis_of_group(vni.security_groups[0])), id.to_string());
}

/// How many keys each of a day's commands reads.
fn costs(mut c: Crowd) -> Vec<(&'static str, usize)> {
    let mut costs = Vec::new();
    let mut cost = |world: &mut World, what: &'static str, command: Command| {
        world.store.take_touched();
        let decided = world.judge(command);
        costs.push((what, world.store.take_touched()));
        if let Ok((txn, _)) = decided {
            world.commit(&txn).unwrap();
        }
    };
    let w = &mut c.world;
    let host = w.get::<pintle_core::model::Instance>(c.homes[0]).host;
    cost(w, "create", Command::CreateVni(vni(c.subnet)));
    let taken = Command::CreateVni(CreateVni { primary_ip: at("11.0.0.9"), ..vni(c.subnet) });
    cost(w, "create at a taken address", taken);
    let reserve =
        CreateReservedIp { subnet: c.subnet, address: None, name: None, auto_delete: true, target: Some(c.mine) };
    cost(w, "add an address", Command::CreateReservedIp(reserve));
    cost(w, "attach", Command::Attach(c.homes[0], existing(c.mine)));
    cost(w, "create and attach", Command::Attach(c.homes[0], new(vni(c.subnet))));
    cost(w, "create an instance", Command::CreateInstance(instance(c.vpc, host)));
    cost(w, "move", Command::MoveVni { vni: c.mine, to: c.homes[1], nic: None });
    cost(w, "abort", Command::AbortMove(c.mine, "given up".to_owned()));
    let attachment = w.get::<Vni>(c.mine).attachment.unwrap();
    cost(w, "detach", Command::Detach { attachment, force: true });
    let group = crate::common::build::group(w, c.vpc, vec![]);
    cost(w, "join a group", Command::ChangeVniGroups(c.mine, GroupsChange::Add(group)));
    cost(w, "leave a group", Command::ChangeVniGroups(c.mine, GroupsChange::Remove(group)));
    cost(
        w,
        "change the rules of everybody's group",
        Command::ChangeRules(c.default, RulesChange::Set(vec![NewRule::ALL_OUT])),
    );
    cost(w, "delete everybody's group, refused", Command::DeleteSecurityGroup(c.default));
    cost(w, "quarantine", Command::QuarantineVni(c.mine, vec![group]));
    cost(w, "delegate a prefix", Command::AddVniPrefix(c.mine, PrefixChoice::Auto(IpFamily::V4)));
    cost(w, "delete", Command::DeleteVni(c.mine));
    cost(w, "delete the subnet, refused", Command::DeleteSubnet(c.subnet));
    assert!(w.find::<Vni>(c.mine).is_none() && w.find::<Move>(c.mine).is_none());
    costs
}

#[test]
fn p_2_a_decision_reads_no_more_among_100_000_interfaces_than_among_1_000() {
    let (few, many) = (costs(crowd(1_000)), costs(crowd(100_000)));
    assert_eq!(few, many);
    for (what, read) in many {
        assert!(read <= BOUND, "{what} reads {read} keys");
    }
}

#[test]
fn p_2_the_entries_of_one_interface_cost_no_more_among_many() {
    let cost = |count: u32| {
        let mut c = crowd(count);
        let attachment: Attachment = c.world.attach_now(c.homes[0], c.mine);
        let carriers = carriers(&c.world.store);
        c.world.store.take_touched();
        let entries = subject(&c.world.store, &carriers, Subject::Vni(attachment.vni)).unwrap();
        assert_eq!(entries.len(), 1);
        c.world.store.take_touched()
    };
    let (few, many) = (cost(100), cost(5_000));
    assert_eq!(few, many);
    assert!(many <= 12, "{many}");
}

#[test]
fn p_2_the_entry_of_a_group_costs_no_more_with_many_members() {
    let cost = |count: u32| {
        let mut c = crowd(count);
        c.world.attach_now(c.homes[0], c.mine);
        let carriers = carriers(&c.world.store);
        c.world.store.take_touched();
        let entries = subject(&c.world.store, &carriers, Subject::Group(c.default)).unwrap();
        assert_eq!(entries.values().map(|own| own.len()).sum::<usize>(), 1);
        c.world.store.take_touched()
    };
    assert_eq!((cost(100), cost(5_000)), (1, 1));
}
