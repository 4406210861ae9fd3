//! What a tenant has: one of each thing that ids lead to, by the names that requests of the tests give them.

use std::collections::BTreeMap;

use pintle_core::Command;
use pintle_core::command::CreatePublicPool;
use pintle_core::model::Region;
use serde_json::{Value, json};

use crate::client::{Api, text};
use crate::ec2::free;

/// The one zone in which everything is.
pub(super) const ZONE: &str = "zone-1";

/// A region in which nobody has anything.
pub(super) const ELSEWHERE: &str = "far";

/// How the things of a tenant are called by: `vpc` an id, `vpc.crn`, `vpc.href` and `vpc.name` other names of it.
pub(crate) type Names = BTreeMap<String, String>;

/// A server with room for all that tenants make in the tests, and no limit to how fast they ask.
pub(super) async fn server() -> Api {
    let api = Api::with_rates(free());
    let region = |name: &str, zone: &str| Region { name: name.to_owned(), zones: vec![zone.to_owned()] };
    let regions = vec![region("local", ZONE), region(ELSEWHERE, "far-1")];
    api.engine.execute(Command::ConfigureRegions(regions)).await.unwrap();
    api.host(1, ZONE).await;
    let cidrs = vec!["203.0.113.128/25".parse().unwrap()];
    let pool = CreatePublicPool { name: None, zone: ZONE.to_owned(), cidrs };
    api.engine.execute(Command::CreatePublicPool(pool)).await.unwrap();
    api
}

/// Makes things for a tenant and keeps their names.
struct Maker<'a> {
    api: &'a Api,
    /// What the tenant's names of things begin with.
    whose: &'a str,
    names: Names,
}

impl Maker<'_> {
    fn keep(&mut self, key: &str, thing: &Value) -> String {
        let id = text(thing, "id");
        self.names.insert(key.to_owned(), id.clone());
        for more in ["crn", "href", "name", "fingerprint"] {
            // A name that was made up is no name that others could guess at.
            let said = thing[more].as_str().filter(|value| more != "name" || value.starts_with(self.whose));
            if let Some(value) = said {
                self.names.insert(format!("{key}.{more}"), value.to_owned());
            }
        }
        id
    }

    /// Makes a thing, named if such things have names that clients choose.
    async fn make(&mut self, key: &str, path: &str, mut body: Value) -> Value {
        if key != "old_instance_nic" && !path.ends_with("/rules") {
            body["name"] = json!(format!("{}-{}", self.whose, key.replace('_', "-")));
        }
        let made = self.api.post(path, body).await.expect(201);
        self.keep(key, &made);
        made
    }

    fn id(&self, key: &str) -> Value {
        json!({ "id": self.names[key] })
    }

    fn path(&self, key: &str, below: &str) -> String {
        format!("/v1/{}", below.replace("ID", &self.names[key]))
    }
}

/// One of everything that IBM's API and the native one show, made through them. `whose` begins the names, `number` is the
/// tenant's own: no two have the same addresses.
pub(super) async fn world(api: &Api, whose: &str, number: u8) -> Names {
    let mut m = Maker { api, whose, names: Names::new() };
    for key in ["vpc", "other_vpc"] {
        m.make(key, "/v1/vpcs", json!({ "address_prefix_management": "manual" })).await;
    }
    let prefix = json!({ "cidr": format!("10.{number}.0.0/16"), "zone": { "name": ZONE } });
    m.make("prefix", &m.path("vpc", "vpcs/ID/address_prefixes"), prefix).await;
    let cidr = format!("10.{number}.0.0/24");
    let subnet = json!({ "vpc": m.id("vpc"), "zone": { "name": ZONE }, "ipv4_cidr_block": cidr });
    m.make("subnet", "/v1/subnets", subnet).await;
    policy(&mut m).await;
    routing(&mut m, number).await;
    interfaces(&mut m).await;
    servers(&mut m).await;
    shares(&mut m).await;
    public(&mut m).await;
    for (key, target) in [("collector", "vpc"), ("collector_of_vni", "vni")] {
        let collector = json!({ "storage_bucket": { "name": "bucket" }, "target": m.id(target) });
        m.make(key, "/v1/flow_log_collectors", collector).await;
    }
    let public_key =
        format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDq1QVKlYnkaJJoQHVHdPaf5LqbuMg2ePEvVhoshI{number:02}B");
    m.make("key", "/v1/keys", json!({ "type": "ed25519", "public_key": public_key })).await;
    api.hosts_obey().await;
    m.names
}

async fn policy(m: &mut Maker<'_>) {
    let in_vpc = json!({ "vpc": m.id("vpc") });
    m.make("group", "/v1/security_groups", in_vpc.clone()).await;
    m.make("acl", "/v1/network_acls", in_vpc).await;
    let list = json!({ "family": "ipv4", "max_entries": 5 });
    m.make("list", "/native/v1/prefix_lists", list).await;
    let rule = json!({ "direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 22 });
    m.make("rule", &m.path("group", "security_groups/ID/rules"), rule).await;
    let rule = json!({ "direction": "inbound", "action": "allow", "protocol": "icmp", "source": "0.0.0.0/0",
        "destination": "0.0.0.0/0" });
    m.make("acl_rule", &m.path("acl", "network_acls/ID/rules"), rule).await;
}

async fn routing(m: &mut Maker<'_>, number: u8) {
    let route = json!({ "destination": "192.168.0.0/16", "zone": { "name": ZONE },
        "next_hop": { "address": format!("10.{number}.0.200") } });
    m.make("table", &m.path("vpc", "vpcs/ID/routing_tables"), json!({})).await;
    let routes = format!("{}/routes", m.names["table.href"].replace("http://pintle.test", ""));
    m.make("table_route", &routes, route.clone()).await;
    m.make("default_route", &m.path("vpc", "vpcs/ID/routes"), route).await;
}

async fn interfaces(m: &mut Maker<'_>) {
    let ips = m.path("subnet", "subnets/ID/reserved_ips");
    m.make("ip", &ips, json!({})).await;
    let vni = json!({ "subnet": m.id("subnet"), "security_groups": [m.id("group")], "auto_delete": false });
    let made = m.make("vni", "/v1/virtual_network_interfaces", vni.clone()).await;
    m.keep("vni_ip", &made["primary_ip"]);
    m.make("attached_vni", "/v1/virtual_network_interfaces", vni).await;
}

async fn servers(m: &mut Maker<'_>) {
    let new = json!({ "virtual_network_interface": { "subnet": m.id("subnet") } });
    let instance = json!({ "zone": { "name": ZONE }, "primary_network_attachment": new });
    m.make("instance", "/v1/instances", instance).await;
    m.api.hosts_obey().await;
    let attach = json!({ "virtual_network_interface": m.id("attached_vni") });
    m.make("attachment", &m.path("instance", "instances/ID/network_attachments"), attach).await;
    let old = json!({ "zone": { "name": ZONE }, "primary_network_interface": { "subnet": m.id("subnet") } });
    m.make("old_instance", "/v1/instances", old).await;
    let nic = json!({ "subnet": m.id("subnet"), "security_groups": [m.id("group")] });
    let nic = m.make("nic", &m.path("old_instance", "instances/ID/network_interfaces"), nic).await;
    m.keep("nic_ip", &nic["primary_ip"]);
    let metal = json!({ "zone": { "name": ZONE }, "profile": { "name": "metal" },
        "primary_network_attachment": { "allowed_vlans": [10], "virtual_network_interface": { "subnet": m.id("subnet") } } });
    m.make("metal", "/v1/bare_metal_servers", metal).await;
    m.api.hosts_obey().await;
    let vlan =
        json!({ "interface_type": "vlan", "vlan": 10, "virtual_network_interface": { "subnet": m.id("subnet") } });
    let made = m.make("vlan", &m.path("metal", "bare_metal_servers/ID/network_attachments"), vlan).await;
    let attached = m.api.get(&text(&made["virtual_network_interface"], "href")).await.expect(200);
    m.keep("vlan_ip", &attached["primary_ip"]);
}

async fn shares(m: &mut Maker<'_>) {
    let share = json!({ "size": 100, "profile": { "name": "dp2" }, "zone": { "name": ZONE } });
    m.make("share", "/v1/shares", share).await;
    let target = json!({ "access_protocol": "nfs4", "transit_encryption": "none",
        "virtual_network_interface": { "subnet": m.id("subnet") } });
    m.make("mount", &m.path("share", "shares/ID/mount_targets"), target).await;
}

async fn public(m: &mut Maker<'_>) {
    m.make("floating", "/v1/floating_ips", json!({ "zone": { "name": ZONE } })).await;
    m.make("floating_of_vni", "/v1/floating_ips", json!({ "target": m.id("attached_vni") })).await;
    m.make("floating_of_nic", "/v1/floating_ips", json!({ "target": m.id("nic") })).await;
    let gateway = json!({ "vpc": m.id("vpc"), "zone": { "name": ZONE } });
    m.make("gateway", "/v1/public_gateways", gateway).await;
}
