//! A whole life from nothing to nothing, with two hosts and a move in it.

use pintle_core::command::{Command, CreateInstance, UpdateVni};
use pintle_core::id::InstanceId;
use pintle_core::model::{Host, Instance, Move, ReservedIp, Subnet, Vni, Vpc};

use crate::common::build::{existing, instance, new, scene, vni};

#[test]
fn a22_b16_after_everything_is_deleted_nothing_at_all_is_stored() {
    let mut s = scene();
    let kept = s.world.reserve(s.subnet, "10.0.0.50").id;
    let roaming = s.world.vni(s.subnet).id;
    let create = CreateInstance {
        primary: Some(new(vni(s.subnet))),
        attachments: vec![existing(roaming)],
        ..instance(s.vpc, s.hosts[0])
    };
    let first: Instance = s.world.run(Command::CreateInstance(create));
    let second = s.world.instance_with_new(s.vpc, s.hosts[1], s.subnet);
    s.world.run::<ReservedIp>(Command::AddVniIp(roaming, pintle_core::command::IpChoice::Reserved(kept)));
    let update = UpdateVni { name: Some("roaming".to_owned()), ..UpdateVni::default() };
    s.world.run::<Vni>(Command::UpdateVni(roaming, update));
    s.world.run::<Instance>(Command::RenameInstance(first.id, "first".to_owned()));
    s.world.run::<Move>(Command::MoveVni { vni: roaming, to: second, nic: None });
    s.world.finish_move(roaming);

    s.world.delete_instance(first.id);
    s.world.delete_instance(second);
    assert_eq!(s.world.all::<Vni>().len(), 1, "only the one that was made by itself is left");
    s.world.run::<Vni>(Command::DeleteVni(roaming));
    s.world.run::<ReservedIp>(Command::DeleteReservedIp(kept));
    s.world.run::<Subnet>(Command::DeleteSubnet(s.subnet));
    s.world.run::<Vpc>(Command::DeleteVpc(s.vpc));
    for host in s.hosts {
        s.world.run::<Host>(Command::DeleteHost(host));
    }
    assert!(s.world.store.content().is_empty(), "{:?}", s.world.store.content());
}

impl crate::common::World {
    /// An instance with a new primary interface that goes with it.
    fn instance_with_new(
        &mut self,
        vpc: pintle_core::id::VpcId,
        host: pintle_core::id::HostId,
        subnet: pintle_core::id::SubnetId,
    ) -> InstanceId {
        let primary = Some(new(vni(subnet)));
        self.run::<Instance>(Command::CreateInstance(CreateInstance { primary, ..instance(vpc, host) })).id
    }
}
