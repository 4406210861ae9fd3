//! Records become replies.

use std::time::Duration;

use pintle_core::host_protocol::{DriftReport, Failure};
use pintle_core::host_spec::EntryKey;
use pintle_core::model::{Attachment, Host, MoveStep, Namespace, PrefixList, PublicPool, ReservedIp, Timestamp};
use pintle_core::{Command, Reply, query};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::version::Version;
use pintle_dialect::ibm::{self, Site};
use pintle_dialect::native::action::MoveOutcome;
use pintle_dialect::native::host::{HostView, SessionView};
use pintle_dialect::native::vni::PlacedVni;
use pintle_dialect::native::{self};
use pintle_dialect::view::{self, AttachmentView, InstanceView, ReservedIpView, SubnetView, View, VniView, VpcView};
use pintle_dialect::view::{FloatingIpView, MemberView, NetworkAclView, PublicGatewayView, SecurityGroupView};
use pintle_dialect::wire::Params;
use serde_json::Value;

use crate::golden;
use crate::world::world;

fn site() -> Site {
    Site::new("https://pintle.example:7480", "local")
}

fn check(name: &str, body: &Value) {
    golden::check(&format!("{name}.reply.json"), &serde_json::to_string_pretty(body).unwrap());
}

fn paging(limit: &str) -> Paging {
    Paging::decode(Params::new(vec![("limit".to_owned(), limit.to_owned())]), &[]).unwrap()
}

#[test]
fn a01_ibm_replies_are_golden() {
    let (world, ids) = world();
    let site = site();
    let vpc = VpcView::read(&world, ids.vpc).unwrap();
    check("ibm/get_vpc", &ibm::vpc::encode(&site, &vpc));
    let subnet = SubnetView::read(&world, ids.subnet).unwrap();
    check("ibm/get_subnet", &ibm::subnet::encode(&site, &subnet));
    let ip = ReservedIpView::read(&world, ids.secondary_ip).unwrap();
    check("ibm/get_subnet_reserved_ip", &ibm::reserved_ip::encode(&site, &ip));
    let vni = VniView::read(&world, ids.vni).unwrap();
    check("ibm/get_virtual_network_interface", &ibm::vni::encode(&site, &vni));
    check("ibm/delete_virtual_network_interface", &ibm::vni::encode_deleted(&site, &vni));
    check("ibm/get_virtual_network_interface_ip", &ibm::vni::encode_ip(&site, &vni.primary_ip));
    let instance = InstanceView::read(&world, ids.instance).unwrap();
    check("ibm/get_instance", &ibm::instance::encode(&site, &instance));
    check("ibm/list_instance_network_attachments", &ibm::network_attachment::encode_all(&site, &instance.attachments));
    let attachment = AttachmentView::read(&world, ids.attachment).unwrap();
    check("ibm/get_instance_network_attachment", &ibm::network_attachment::encode(&site, &attachment));
    let action =
        ibm::instance::encode_action(&site, &instance.instance, false, Timestamp(1_790_000_000_000), "trace-1");
    check("ibm/create_instance_action", &action);
}

fn version(date: &str) -> Version {
    let pairs = [("version", date), ("generation", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    ibm::version::check(&mut Params::new(pairs.to_vec())).unwrap()
}

#[test]
fn d02_d05_d15_ibm_policy_replies_are_golden() {
    let (world, ids) = world();
    let (site, now, before) = (site(), version("2026-10-06"), version("2025-12-08"));
    let group = SecurityGroupView::read(&world, ids.group).unwrap();
    check("ibm/get_security_group", &ibm::security_group::encode(&site, &group, &now));
    check("ibm/get_security_group_before_2025_12_09", &ibm::security_group::encode(&site, &group, &before));
    check("ibm/list_security_group_rules", &ibm::security_group::encode_rules(&site, &group, &now));
    let member = MemberView::read(&world, ids.vni).unwrap();
    check("ibm/get_security_group_target", &ibm::security_group::encode_target(&site, &member));
    let vpc = VpcView::read(&world, ids.vpc).unwrap();
    let default = SecurityGroupView::read(&world, vpc.vpc.default_group).unwrap();
    check("ibm/get_vpc_default_security_group", &ibm::security_group::encode(&site, &default, &now));
    let acl = NetworkAclView::read(&world, ids.acl).unwrap();
    check("ibm/get_network_acl", &ibm::network_acl::encode(&site, &acl, &now));
    let default = NetworkAclView::read(&world, vpc.vpc.default_acl).unwrap();
    check("ibm/get_vpc_default_network_acl", &ibm::network_acl::encode(&site, &default, &now));
    let vni = VniView::read(&world, ids.vni).unwrap();
    check("ibm/get_virtual_network_interface_with_groups", &ibm::vni::encode(&site, &vni)["security_groups"]);
}

#[test]
fn ibm_public_replies_are_golden() {
    let (world, ids) = world();
    let site = site();
    let ip = FloatingIpView::read(&world, ids.floating_ip).unwrap();
    check("ibm/get_floating_ip", &ibm::floating_ip::encode(&site, &ip));
    check("ibm/get_virtual_network_interface_floating_ip", &ibm::floating_ip::encode_reference(&site, &ip.ip));
    let gateway = PublicGatewayView::read(&world, ids.gateway).unwrap();
    check("ibm/get_public_gateway", &ibm::public_gateway::encode(&site, &gateway));
    let ip = FloatingIpView::read(&world, gateway.gateway.floating_ip).unwrap();
    check("ibm/get_floating_ip_of_gateway", &ibm::floating_ip::encode(&site, &ip));
}

#[test]
fn native_policy_replies_are_golden() {
    let (world, ids) = world();
    let group = SecurityGroupView::read(&world, ids.group).unwrap();
    check("native/get_security_group", &native::security_group::encode(&group));
    check("native/get_network_acl", &native::network_acl::encode(&NetworkAclView::read(&world, ids.acl).unwrap()));
    let list = query::get::<PrefixList>(&world, ids.prefix_list).unwrap().0;
    check("native/get_prefix_list", &native::prefix_list::encode(&list));
    check("native/get_vpc", &native::vpc::encode(&VpcView::read(&world, ids.vpc).unwrap()));
    check("native/get_subnet", &native::subnet::encode(&SubnetView::read(&world, ids.subnet).unwrap()));
    let pool = query::get::<PublicPool>(&world, ids.pool).unwrap().0;
    check("native/get_public_pool", &native::public::encode_pool(&pool));
    let ip = FloatingIpView::read(&world, ids.floating_ip).unwrap();
    check("native/get_floating_ip", &native::public::encode(&ip));
    let gateway = PublicGatewayView::read(&world, ids.gateway).unwrap();
    check("native/get_public_gateway", &native::public::encode_gateway(&gateway));
}

#[test]
fn ibm_pages_are_golden() {
    let (world, ids) = world();
    let (site, paging) = (site(), paging("1"));
    let page = view::own(&world, None, None, 1).unwrap();
    check("ibm/list_vpcs", &ibm::vpc::encode_page(&site, &paging, &page));
    let page = view::own(&world, None, None, 1).unwrap();
    check("ibm/list_subnets", &ibm::subnet::encode_page(&site, &paging, &page));
    let page = view::all(&world, &ids.subnet.to_string(), None, 1).unwrap();
    check("ibm/list_subnet_reserved_ips", &ibm::reserved_ip::encode_page(&site, ids.subnet, &paging, &page));
    let page = view::own(&world, None, None, 1).unwrap();
    check("ibm/list_virtual_network_interfaces", &ibm::vni::encode_page(&site, &paging, &page));
    let page = view::own(&world, None, None, 1).unwrap();
    check("ibm/list_instances", &ibm::instance::encode_page(&site, &paging, &page));
    let vni = VniView::read(&world, ids.vni).unwrap();
    let of_ids = view::of_ids(&vni.vni.ips, None, 1).unwrap();
    let items = of_ids.items.iter().map(|ip| query::get::<ReservedIp>(&world, *ip).unwrap().0).collect();
    let page = view::Page { items, next: of_ids.next, total: of_ids.total };
    check("ibm/list_virtual_network_interface_ips", &ibm::vni::encode_ip_page(&site, ids.vni, &paging, &page));
}

#[test]
fn native_replies_are_golden() {
    let (mut world, ids) = world();
    let Reply::Move(moving) = world.run(Command::MoveVni { vni: ids.vni, to: ids.spare, nic: None }) else { panic!() };
    let mut instance = InstanceView::read(&world, ids.instance).unwrap();
    check("native/get_instance", &native::instance::encode(&instance));
    instance.instance.namespace = Namespace::Tap { owner: Some(1000) };
    check("native/get_instance_tap", &native::instance::encode(&instance));
    check("native/get_virtual_network_interface", &native::vni::encode(&PlacedVni::read(&world, ids.vni).unwrap()));
    let page = view::own::<PlacedVni>(&world, None, None, 1).unwrap();
    check("native/list_virtual_network_interfaces", &native::paging::encode(&page, native::vni::encode));
    let key = EntryKey::Port(ids.attachment);
    let report = DriftReport { key: Some(key), message: "a route was missing".to_owned(), repaired: true };
    let session = SessionView {
        connected_since: Some(Timestamp(1_790_000_000_000)),
        applied: Some(7),
        pending: 1,
        failures: vec![Failure { key, message: "the namespace is gone".to_owned() }],
        drift: vec![(Timestamp(1_790_000_001_000), report)],
    };
    let host = HostView::read(&world, ids.host).unwrap();
    check("native/get_host", &native::host::encode(&host, Some(&session)));
    check("native/get_host_away", &native::host::encode(&HostView::read(&world, ids.other_host).unwrap(), None));
    let (record, _) = query::get::<Host>(&world, ids.host).unwrap();
    check("native/drift", &native::drift::encode(&[(record, session)]));
    let counts = native::status::Counts::read(&world).unwrap();
    check("native/status", &native::status::encode(&counts, "0.1.0", "local", Duration::from_secs(90), 1));
    let (attachment, _) = query::get::<Attachment>(&world, ids.attachment).unwrap();
    check("native/attach", &native::action::encode_attach(&attachment, false));
    check("native/detach", &native::action::encode_detach(None));
    check(
        "native/move",
        &native::action::encode_move(&moving, Some(&MoveOutcome::Moved), Duration::from_micros(7_500)),
    );
    check("native/move_running", &native::action::encode_move(&moving, None, Duration::ZERO));
}

#[test]
fn the_end_of_a_move_is_told_from_what_is_stored() {
    let (mut world, ids) = world();
    let Reply::Move(moving) = world.run(Command::MoveVni { vni: ids.vni, to: ids.spare, nic: None }) else { panic!() };
    assert_eq!(native::action::moved(&world, &moving).unwrap(), None);
    for step in [MoveStep::Prepare, MoveStep::Open, MoveStep::Drain, MoveStep::Settle] {
        assert_eq!(native::action::moved(&world, &moving).unwrap(), None);
        world.run(Command::AdvanceMove(ids.vni, step));
    }
    assert_eq!(native::action::moved(&world, &moving).unwrap(), Some(MoveOutcome::Moved));

    let Reply::Move(back) = world.run(Command::MoveVni { vni: ids.vni, to: ids.instance, nic: None }) else { panic!() };
    assert_eq!(
        native::action::moved(&world, &moving).unwrap(),
        Some(MoveOutcome::Moved),
        "the next move is another one"
    );
    world.run(Command::AbortMove(ids.vni, "no device".to_owned()));
    let aborted = |reason: Option<&str>| Some(MoveOutcome::Aborted { reason: reason.map(ToOwned::to_owned) });
    assert_eq!(native::action::moved(&world, &back).unwrap(), aborted(Some("no device")));
    world.run(Command::AttachmentGone(back.to));
    assert_eq!(native::action::moved(&world, &back).unwrap(), aborted(None), "the reason goes with its record");
}
