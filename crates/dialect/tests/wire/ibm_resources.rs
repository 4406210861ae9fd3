//! Resources of IBM's API that attachments need: regions, profiles, images, keys, routing tables.

use pintle_core::command::{
    CreateFlowLog, CreateInstance, CreateSubnet, CreateVni, CreateVpc, NewCollector, NewLaunch, NewRoute, TargetChoice,
};
use pintle_core::model::{FlowLogTarget, Region, RouteTable, SshKey, Timestamp};
use pintle_core::{Command, Reply, query};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::instance_profile::Profile;
use pintle_dialect::ibm::version::Version;
use pintle_dialect::ibm::{self, Site};
use pintle_dialect::view::{self, FlowLogView, InstanceView, Page, RouteTableView, View};
use pintle_dialect::wire::{Params, decode};
use serde_json::{Value, json};

use crate::golden;
use crate::world::{World, world};

pub(crate) fn site() -> Site {
    Site::new("https://pintle.example:7480", "local")
}

pub(crate) fn check(name: &str, body: &Value) {
    golden::check(&format!("ibm/{name}.reply.json"), &serde_json::to_string_pretty(body).unwrap());
}

pub(crate) fn paging(limit: &str) -> Paging {
    Paging::decode(Params::new(vec![("limit".to_owned(), limit.to_owned())]), &[]).unwrap()
}

pub(crate) fn version(date: &str) -> Version {
    let pairs = [("version", date), ("generation", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    ibm::version::check(&mut Params::new(pairs.to_vec())).unwrap()
}

#[test]
fn a10_regions_profiles_and_images_are_golden() {
    let (site, zones) = (site(), ["zone-1".to_owned(), "zone-2".to_owned()]);
    let region = Region { name: "local".to_owned(), zones: zones.to_vec() };
    check("list_regions", &ibm::region::encode_all(&site, std::slice::from_ref(&region)));
    check("get_region", &ibm::region::encode(&site, &region));
    check("list_region_zones", &ibm::region::encode_zones(&site, "local", &zones));
    check("get_region_zone", &ibm::region::encode_zone(&site, "local", "zone-1"));
    check("get_instance_profile", &ibm::instance_profile::encode(&site, Profile::find("bx2-2x8").unwrap(), &zones));
    let pages = |date| ibm::instance_profile::encode_some(&site, &paging("2"), &version(date), &zones).unwrap();
    check("list_instance_profiles", &pages("2026-10-06"));
    let before = pages("2026-04-06");
    assert_eq!(before["profiles"].as_array().unwrap().len(), Profile::all().len(), "all at once before 2026-04-07");
    assert!(before.get("first").is_none() && pages("2026-04-07")["next"]["href"].is_string());
    let image = ibm::image::encode(&site, &zones, Timestamp(1_790_000_000_000));
    check("get_image", &image);
    let page = Page { items: vec![image], next: None, total: 1 };
    check("list_images", &ibm::collection::encode(&site, "images", "images", &paging("50"), &page, Value::clone));
}

#[test]
fn a10_keys_are_golden() {
    let (mut world, _) = world();
    let body = golden::read("ibm/create_key.request.json");
    let Reply::SshKey(key) = world.run(decode::<ibm::key::Create>(body.as_bytes()).unwrap().command().unwrap()) else {
        panic!()
    };
    check("get_key", &ibm::key::encode(&site(), &key));
    let page = view::own(&world, None, None, 1).unwrap();
    check("list_keys", &ibm::key::encode_page(&site(), &paging("1"), &page));
    let Reply::SshKey(renamed) = world.run(Command::RenameSshKey(key.id, "other".to_owned())) else { panic!() };
    assert_eq!((renamed.name.as_str(), renamed.id), ("other", key.id));
    world.run(Command::DeleteSshKey(key.id));
    assert!(query::find::<SshKey>(&world, key.id).unwrap().is_none());
}

#[test]
fn a10_instances_with_and_without_what_a_machine_has_are_golden() {
    let (mut world, ids) = world();
    let spare = InstanceView::read(&world, ids.spare).unwrap();
    check("get_instance_without_interfaces", &ibm::instance::encode(&site(), &spare));
    let launch = NewLaunch {
        kind: Some("bx2-2x8".to_owned()),
        notes: [("ibm-image".to_owned(), ibm::image::ID.to_owned())].into(),
        alone: true,
        ..NewLaunch::default()
    };
    let create = CreateInstance {
        name: Some("sized".to_owned()),
        host: Some(ids.host),
        bandwidth_kbps: Some(3_000_000),
        launch: Some(Box::new(launch)),
        ..CreateInstance::of(ids.vpc)
    };
    let Reply::Instance(made) = world.run(Command::CreateInstance(create)) else { panic!() };
    assert!(made.launch.is_none() && made.cards()[0].interfaces == 5);
    let made = InstanceView::read(&world, made.id).unwrap();
    check("get_instance_with_profile", &ibm::instance::encode(&site(), &made));
}

#[test]
fn a10_the_default_routing_table_is_golden() {
    let (world, ids) = world();
    let vpc = query::get::<pintle_core::model::Vpc>(&world, ids.vpc).unwrap().0;
    let (table, _) = query::get::<RouteTable>(&world, vpc.main_table.table).unwrap();
    let view = RouteTableView::read(&world, table.id).unwrap();
    assert_eq!(view.subnets.iter().map(|subnet| subnet.id).collect::<Vec<_>>(), [ids.subnet]);
    check("get_vpc_default_routing_table", &ibm::routing_table::encode(&site(), &view));
}

#[test]
fn c15_routing_tables_and_routes_are_golden() {
    let (mut world, ids) = world();
    let body = golden::read("ibm/create_vpc_routing_table.request.json");
    let create = decode::<ibm::routing_table::Create>(body.as_bytes()).unwrap().command(ids.vpc).unwrap();
    let Reply::RouteTable(table) = world.run(create) else { panic!() };
    world.run(ibm::subnet::set_routing_table(ids.subnet, table.id));
    let view = RouteTableView::read(&world, table.id).unwrap();
    check("get_vpc_routing_table", &ibm::routing_table::encode(&site(), &view));
    check("get_vpc_routing_table_route", &ibm::routing_table::route::encode(&site(), &table, &view.routes[0]));
    let page = Page { items: view.routes.clone(), next: None, total: 2 };
    let routes = ibm::routing_table::route::encode_page(&site(), &table, None, &paging("50"), &page);
    check("list_vpc_routing_table_routes", &routes);
    let page = Page { items: vec![view], next: None, total: 1 };
    check("list_vpc_routing_tables", &ibm::routing_table::encode_page(&site(), ids.vpc, &paging("50"), &page));
}

#[test]
fn c15_routes_of_ec2_are_those_of_every_zone() {
    let (mut world, _) = world();
    let create = CreateVpc { cidrs: vec!["10.7.0.0/16".parse().unwrap()], route_tables: true, ..CreateVpc::default() };
    let Reply::Vpc(vpc) = world.run(Command::CreateVpc(create)) else { panic!() };
    let subnet = CreateSubnet {
        vpc: vpc.id,
        name: Some("seven".to_owned()),
        zone: "zone-1".to_owned(),
        cidr: "10.7.0.0/24".parse().unwrap(),
        ipv6: None,
        acl: None,
        public_gateway: None,
    };
    let Reply::Subnet(subnet) = world.run(Command::CreateSubnet(subnet)) else { panic!() };
    let vni = CreateVni { subnet: Some(subnet.id), name: Some("router".to_owned()), ..CreateVni::default() };
    let Reply::Vni(vni) = world.run(Command::CreateVni(vni)) else { panic!() };
    let route = NewRoute { net: "192.168.0.0/16".parse().unwrap(), to: TargetChoice::Vni(vni.id) };
    world.run(Command::CreateRoute(vpc.main_table.table, route));
    let view = RouteTableView::read(&world, vpc.main_table.table).unwrap();
    assert!(view.routes.len() == 1 && !view.routes[0].of_zone, "it is EC2's to change");
    check(
        "get_vpc_routing_table_route_of_ec2",
        &ibm::routing_table::route::encode(&site(), &view.table, &view.routes[0]),
    );
    let prefixes = view::address_prefixes(&world, vpc.id).unwrap();
    check("get_vpc_address_prefix_of_ec2", &ibm::address_prefix::encode(&site(), &prefixes[0]));
}

#[test]
fn b02_address_prefixes_are_golden() {
    let (mut world, _) = world();
    let Reply::Vpc(vpc) = world.run(Command::CreateVpc(CreateVpc::default())) else { panic!() };
    let body = golden::read("ibm/create_vpc_address_prefix.request.json");
    world.run(decode::<ibm::address_prefix::Create>(body.as_bytes()).unwrap().command(vpc.id));
    let all = view::address_prefixes(&world, vpc.id).unwrap();
    check("get_vpc_address_prefix", &ibm::address_prefix::encode(&site(), &all[0]));
    let page = Page { items: all, next: None, total: 1 };
    check("list_vpc_address_prefixes", &ibm::address_prefix::encode_page(&site(), vpc.id, &paging("50"), &page));
}

#[test]
fn a09_flow_log_collectors_are_golden() {
    let (mut world, ids) = world();
    let body = golden::read("ibm/create_flow_log_collector.request.json");
    let create = decode::<ibm::flow_log_collector::Create>(body.as_bytes()).unwrap().command().unwrap();
    let Command::CreateFlowLog(create) = create else { panic!() };
    let made = |world: &mut World, target| match world
        .run(Command::CreateFlowLog(CreateFlowLog { target, ..create.clone() }))
    {
        Reply::FlowLog(log) => FlowLogView::read(world, log.id).unwrap(),
        other => panic!("{other:?}"),
    };
    let of_vni = made(&mut world, FlowLogTarget::Vni(ids.vni));
    check("get_flow_log_collector", &ibm::flow_log_collector::encode(&site(), &of_vni));
    let page = view::own(&world, None, None, 1).unwrap();
    check("list_flow_log_collectors", &ibm::flow_log_collector::encode_page(&site(), &paging("1"), &page));
    let named = CreateFlowLog { collector: Some(NewCollector { name: None, active: true }), ..create.clone() };
    for (target, kind) in [
        (FlowLogTarget::Vpc(ids.vpc), "vpc"),
        (FlowLogTarget::Subnet(ids.subnet), "subnet"),
        (FlowLogTarget::Instance(ids.instance), "instance"),
        (FlowLogTarget::Attachment(ids.attachment), "instance_network_attachment"),
    ] {
        let command = Command::CreateFlowLog(CreateFlowLog { target, ..named.clone() });
        let Reply::FlowLog(log) = world.run(command) else { panic!() };
        let shown = ibm::flow_log_collector::encode(&site(), &FlowLogView::read(&world, log.id).unwrap());
        assert_eq!(
            (&shown["target"]["resource_type"], &shown["target"]["id"]),
            (&json!(kind), &json!(target.to_string()))
        );
    }
    let (mut world, ids) = self::world();
    let of_ec2 = CreateFlowLog { collector: None, target: FlowLogTarget::Vni(ids.vni), ..create };
    let Reply::FlowLog(log) = world.run(Command::CreateFlowLog(of_ec2)) else { panic!() };
    let view = FlowLogView::read(&world, log.id).unwrap();
    check("get_flow_log_collector_of_ec2", &ibm::flow_log_collector::encode(&site(), &view));
}
