//! VPCs: ranges that guests can use and that do not overlap; deleted only when empty.

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateVpc};
use pintle_core::id::VpcId;
use pintle_core::model::{Subnet, Vpc};
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{net, scene};
use crate::common::{World, says};

fn with_ranges(cidrs: &[&str]) -> Command {
    Command::CreateVpc(CreateVpc { cidrs: cidrs.iter().map(|text| net(text)).collect(), ..CreateVpc::default() })
}

#[test]
fn every_vpc_has_a_segment_of_its_own_that_fits_24_bits() {
    let mut world = World::new();
    let mut segments: Vec<u32> = (0..50).map(|_| world.vpc(&[]).segment).collect();
    assert!(segments.iter().all(|segment| (1..1 << 24).contains(segment)));
    segments.sort_unstable();
    segments.dedup();
    assert_eq!(segments.len(), 50);
}

#[test]
fn ranges_of_a_vpc_may_touch_but_not_overlap() {
    let mut world = World::new();
    world.vpc(&["10.0.0.0/16", "10.1.0.0/16", "172.16.0.0/12"]);
    for (first, second) in
        [("10.0.0.0/8", "10.3.0.0/16"), ("10.3.0.0/16", "10.0.0.0/8"), ("10.0.0.0/16", "10.0.0.0/16")]
    {
        let refusal = world.refused(with_ranges(&[first, second]));
        assert!(matches!(refusal, Refusal::CidrOverlap { .. }), "{refusal:?}");
        says(&refusal, &[first, second, "overlaps"]);
    }
}

#[test]
fn a_range_that_guests_cannot_use_is_refused_with_the_reason() {
    let mut world = World::new();
    for (cidr, rule) in [
        ("10.0.0.1/24", "10.0.0.0/24"),
        ("10.0.0.0/30", "from /8 to /29"),
        ("10.0.0.0/32", "from /8 to /29"),
        ("10.0.0.0/7", "from /8 to /29"),
        ("0.0.0.0/0", "from /8 to /29"),
        ("0.0.0.0/8", "this network"),
        ("127.0.0.0/8", "loopback"),
        ("127.1.2.0/24", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("169.254.169.0/24", "link-local"),
        ("169.0.0.0/8", "link-local"),
        ("224.0.0.0/8", "multicast"),
        ("240.0.0.0/8", "multicast and reserved"),
        ("255.255.255.248/29", "multicast and reserved"),
    ] {
        says(&world.refused(with_ranges(&[cidr])), &["field 'cidrs'", cidr, rule]);
    }
    for cidr in ["10.0.0.0/8", "10.0.0.0/29", "100.64.0.0/10", "192.168.0.0/16", "223.255.255.248/29"] {
        world.vpc(&[cidr]);
    }
}

#[test]
fn a_vpc_in_use_names_the_subnet_or_instance_that_holds_it() {
    let mut s = scene();
    let refusal = s.world.refused(Command::DeleteVpc(s.vpc));
    assert!(matches!(&refusal, Refusal::InUse { noun: Noun::Vpc, holder: Holder::Subnet(id), .. } if *id == s.subnet));
    says(&refusal, &[&s.vpc.to_string(), &s.subnet.to_string(), "delete its subnets first"]);

    s.world.run::<Subnet>(Command::DeleteSubnet(s.subnet));
    let instance = s.world.instance(s.vpc, s.hosts[0]).id;
    let refusal = s.world.refused(Command::DeleteVpc(s.vpc));
    says(&refusal, &[&s.vpc.to_string(), &instance.to_string(), "delete its instances first"]);

    s.world.delete_instance(instance);
    let gone: Vpc = s.world.run(Command::DeleteVpc(s.vpc));
    assert_eq!((gone.id, s.world.find::<Vpc>(s.vpc)), (s.vpc, None));
}

#[test]
fn what_is_not_there_is_named_as_it_was_asked_for() {
    let mut world = World::new();
    let nobody = VpcId::new(&mut world.ids);
    for command in [
        Command::DeleteVpc(nobody),
        Command::RenameVpc(nobody, "a".to_owned()),
        crate::common::build::subnet(nobody, "zone-1", "10.0.0.0/24"),
    ] {
        let refusal = world.refused(command);
        assert_eq!(refusal, Refusal::NotFound { noun: Noun::Vpc, id: nobody.to_string() });
        says(&refusal, &["VPC", &nobody.to_string(), "not found"]);
    }
}
