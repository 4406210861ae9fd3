//! Permissions: what another account may do with an interface, and what it may not.

use pintle_core::command::{
    Command, CreateAccount, CreateFloatingIp, CreatePublicPool, CreateVni, CreateVniPermission, CreateVpc,
    FloatingIpChoice,
};
use pintle_core::id::{InstanceId, VniId};
use pintle_core::legality::Manner;
use pintle_core::model::{
    Account, AccountId, Attachment, FloatingIp, FloatingIpTarget, Instance, Owner, PublicPool, ReservedIp,
};
use pintle_core::model::{Vni, VniPermission, VniUse, Vpc};
use pintle_core::refusal::{Holder, Noun};
use pintle_core::{Refusal, Request};

use crate::common::build::{Scene, at, existing, instance, net, scene, vni};
use crate::common::says;

fn other() -> Owner {
    Owner::new("000000000007".parse().unwrap(), "local")
}

fn theirs(command: Command) -> Request {
    Request::tenant(other(), command)
}

fn ours(command: Command) -> Request {
    Request::tenant(Owner::new(AccountId::FIRST, "local"), command)
}

fn permit(vni: VniId, allows: VniUse) -> Command {
    Command::CreateVniPermission(CreateVniPermission { vni, account: other().account, allows })
}

fn revoke(permission: &VniPermission, force: bool) -> Request {
    ours(Command::RevokeVniPermission { id: permission.id, force })
}

/// Our interface, and an instance of another account on the same host.
fn two_accounts() -> (Scene, VniId, InstanceId) {
    let mut s = scene();
    let lent = s.world.vni(s.subnet).id;
    let account = CreateAccount { id: Some(other().account), name: None };
    s.world.run::<Account>(Command::CreateAccount(account));
    let vpc: Vpc = s.world.run(theirs(Command::CreateVpc(CreateVpc::default())));
    let home = Command::CreateInstance(instance(vpc.id, s.hosts[0]));
    let home: Instance = s.world.run(home);
    assert_eq!(home.owner, other());
    (s, lent, home.id)
}

#[test]
fn p01_another_account_attaches_an_interface_only_by_permission() {
    let (mut s, lent, home) = two_accounts();
    let attach = || theirs(Command::Attach(home, existing(lent)));
    let unknown = Refusal::NotFound { noun: Noun::Vni, id: lent.to_string() };
    assert_eq!(s.world.refused(attach()), unknown);
    assert!(matches!(s.world.refused(Command::Attach(home, existing(lent))), Refusal::WrongVpc { .. }));
    s.world.run::<VniPermission>(ours(permit(lent, VniUse::Associate)));
    assert_eq!(s.world.refused(attach()), unknown, "one permission is not the other");
    let given: VniPermission = s.world.run(ours(permit(lent, VniUse::Attach)));
    let elsewhere = Owner::new(other().account, "far");
    assert_eq!(s.world.refused(Request::tenant(elsewhere, Command::DeleteVni(lent))), unknown);
    assert_eq!(s.world.refused(theirs(Command::DeleteVni(lent))), unknown, "nothing else is permitted by it");

    let made: Attachment = s.world.run(attach());
    assert_eq!((made.owner.clone(), made.vni), (other(), lent));
    s.world.realise(made.id);
    match s.world.refused(revoke(&given, false)) {
        Refusal::InUse { noun: Noun::VniPermission, holder: Holder::Attachment(id), .. } => assert_eq!(id, made.id),
        refusal => panic!("{refusal}"),
    }
    // Its owner keeps it: addresses, policy, and the end of it.
    s.world.run::<ReservedIp>(ours(Command::AddVniIp(lent, at("10.0.0.77"))));
    assert!(matches!(s.world.refused(ours(Command::DeleteVni(lent))), Refusal::InUse { .. }));
    assert!(s.world.run::<VniPermission>(revoke(&given, true)).revoked);
    assert_eq!(s.world.get::<Vni>(lent).attachment, Some(made.id), "what there is by a permission outlives it");
    s.world.run::<Attachment>(theirs(Command::Detach { attachment: made.id, force: true }));
    assert_eq!(s.world.get::<Vni>(lent).attachment, None);
    assert_eq!(s.world.refused(attach()), unknown);
    let again: VniPermission = s.world.run(ours(permit(lent, VniUse::Attach)));
    assert_ne!(again.id, given.id);
    assert!(s.world.find::<VniPermission>(given.id).is_none(), "it has taken the place of the revoked one");
    let made: Attachment = s.world.run(attach());
    s.world.run::<Attachment>(ours(Command::Detach { attachment: made.id, force: false }));
    s.world.hosts_let_go();
    s.world.run::<Vni>(ours(Command::DeleteVni(lent)));
    assert_eq!(s.world.all::<VniPermission>(), [], "permissions go with their interface");
}

#[test]
fn p01_an_instance_can_go_with_a_lent_interface_attached_which_stays() {
    let (mut s, lent, home) = two_accounts();
    s.world.run::<VniPermission>(ours(permit(lent, VniUse::Attach)));
    let made: Attachment = s.world.run(theirs(Command::Attach(home, existing(lent))));
    s.world.realise(made.id);
    s.world.run::<Instance>(theirs(Command::StopInstance(home)));
    s.world.run::<Instance>(theirs(Command::StartInstance(home)));
    s.world.run::<Instance>(theirs(Command::DeleteInstance(home)));
    s.world.hosts_let_go();
    assert_eq!(s.world.get::<Vni>(lent).attachment, None);
}

#[test]
fn p01_another_account_leads_its_floating_ip_to_an_interface_only_by_permission() {
    let (mut s, _, _) = two_accounts();
    let cidrs = vec![net("203.0.113.4/30")];
    let pool = CreatePublicPool { name: None, zone: "zone-1".to_owned(), cidrs };
    s.world.run::<PublicPool>(Command::CreatePublicPool(pool));
    let create = CreateVni { ips: vec![at("10.0.0.50")], ..vni(s.subnet) };
    let lent: Vni = s.world.run(Command::CreateVni(create));
    let create = |target| {
        let zone = Some("zone-1".to_owned());
        Command::CreateFloatingIp(CreateFloatingIp { name: None, zone, address: None, target })
    };
    let their_ip: FloatingIp = s.world.run(theirs(create(None)));
    let lead = |id, ip: usize, displace| {
        let target = FloatingIpChoice { vni: lent.id, ip: Some(lent.ips[ip]), manner: Manner::PerAddress };
        Command::AssociateFloatingIp { id, target, reassociate: true, displace }
    };
    let refusal = s.world.refused(theirs(lead(their_ip.id, 1, false)));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Vni, id: lent.id.to_string() });
    says(&s.world.refused(lead(their_ip.id, 1, false)), &["field 'target'", "belongs to"]);
    let given: VniPermission = s.world.run(ours(permit(lent.id, VniUse::Associate)));
    let our_ip: FloatingIp = s.world.run(ours(create(Some(FloatingIpChoice::primary(lent.id, Manner::PerAddress)))));
    let refusal = s.world.refused(theirs(lead(their_ip.id, 0, true)));
    assert!(matches!(refusal, Refusal::AddressHasFloatingIp { .. }), "nobody displaces anothers: {refusal}");
    let led: FloatingIp = s.world.run(theirs(lead(their_ip.id, 1, false)));
    assert_eq!(led.target, Some(FloatingIpTarget::Vni { vni: lent.id, ip: lent.ips[1] }));
    match s.world.refused(revoke(&given, false)) {
        Refusal::InUse { holder: Holder::FloatingIp(id), .. } => assert_eq!(id, their_ip.id),
        refusal => panic!("{refusal}"),
    }
    // Our address goes, and their public one stays theirs.
    s.world.run::<ReservedIp>(ours(Command::RemoveVniIp(lent.id, lent.ips[1])));
    assert_eq!(s.world.get::<FloatingIp>(their_ip.id).target, None);
    s.world.run::<VniPermission>(revoke(&given, false));
    assert_eq!(s.world.get::<FloatingIp>(our_ip.id).owner.account, AccountId::FIRST);
}

#[test]
fn a_permission_is_given_once_to_another_account_and_taken_back_once() {
    let (mut s, lent, _) = two_accounts();
    let own = CreateVniPermission { vni: lent, account: AccountId::FIRST, allows: VniUse::Attach };
    says(&s.world.refused(ours(Command::CreateVniPermission(own))), &["field 'account'", "owns"]);
    let given: VniPermission = s.world.run(ours(permit(lent, VniUse::Attach)));
    let refusal = s.world.refused(ours(permit(lent, VniUse::Attach)));
    says(&refusal, &["field 'account'", &given.id.to_string()]);
    let not_found = Refusal::NotFound { noun: Noun::VniPermission, id: given.id.to_string() };
    let by_them = theirs(Command::RevokeVniPermission { id: given.id, force: true });
    assert_eq!(s.world.refused(by_them), not_found);
    s.world.run::<VniPermission>(revoke(&given, false));
    assert_eq!(s.world.refused(revoke(&given, true)), not_found);
}
