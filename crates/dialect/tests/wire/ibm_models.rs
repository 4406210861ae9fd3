//! Every reply of IBM's API has what the models of IBM's SDK require, all the way down.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::golden;

const TEXT: &str = include_str!("../ibm_models.tsv");

/// Which model reads which reply.
const REPLIES: &[(&str, &str)] = &[
    ("create_instance_action", "InstanceAction"),
    ("delete_virtual_network_interface", "VirtualNetworkInterface"),
    ("get_floating_ip", "FloatingIP"),
    ("get_floating_ip_of_gateway", "FloatingIP"),
    ("get_flow_log_collector", "FlowLogCollector"),
    ("get_flow_log_collector_of_ec2", "FlowLogCollector"),
    ("get_image", "Image"),
    ("get_instance", "Instance"),
    ("get_instance_without_interfaces", "Instance"),
    ("get_instance_with_profile", "Instance"),
    ("get_instance_network_attachment", "InstanceNetworkAttachment"),
    ("get_instance_profile", "InstanceProfile"),
    ("get_key", "Key"),
    ("get_network_acl", "NetworkACL"),
    ("get_public_gateway", "PublicGateway"),
    ("get_region", "Region"),
    ("get_region_zone", "Zone"),
    ("get_security_group", "SecurityGroup"),
    ("get_subnet", "Subnet"),
    ("get_subnet_reserved_ip", "ReservedIP"),
    ("get_virtual_network_interface", "VirtualNetworkInterface"),
    ("get_virtual_network_interface_floating_ip", "FloatingIPReference"),
    ("get_virtual_network_interface_ip", "ReservedIPReference"),
    ("get_vpc", "VPC"),
    ("get_vpc_address_prefix", "AddressPrefix"),
    ("get_vpc_address_prefix_of_ec2", "AddressPrefix"),
    ("get_vpc_routing_table", "RoutingTable"),
    ("get_vpc_routing_table_route", "Route"),
    ("get_vpc_routing_table_route_of_ec2", "Route"),
    ("list_flow_log_collectors", "FlowLogCollectorCollection"),
    ("list_vpc_address_prefixes", "AddressPrefixCollection"),
    ("list_vpc_routing_table_routes", "RouteCollection"),
    ("list_vpc_routing_tables", "RoutingTableCollection"),
    ("get_vpc_default_network_acl", "NetworkACL"),
    ("get_vpc_default_routing_table", "DefaultRoutingTable"),
    ("get_vpc_default_security_group", "SecurityGroup"),
    ("list_images", "ImageCollection"),
    ("list_instance_network_attachments", "InstanceNetworkAttachmentCollection"),
    ("list_instance_profiles", "InstanceProfileCollection"),
    ("list_instances", "InstanceCollection"),
    ("list_keys", "KeyCollection"),
    ("list_region_zones", "ZoneCollection"),
    ("list_regions", "RegionCollection"),
    ("list_security_group_rules", "SecurityGroupRuleCollection"),
    ("list_subnet_reserved_ips", "ReservedIPCollection"),
    ("list_subnets", "SubnetCollection"),
    ("list_virtual_network_interface_ips", "ReservedIPCollectionVirtualNetworkInterfaceContext"),
    ("list_virtual_network_interfaces", "VirtualNetworkInterfaceCollection"),
    ("list_vpcs", "VPCCollection"),
];

struct Model {
    required: Vec<&'static str>,
    models: BTreeMap<&'static str, &'static str>,
}

fn models() -> BTreeMap<&'static str, Model> {
    let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
    let model = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let required = fields[1].split_whitespace().collect();
        let models = fields[2].split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect();
        (fields[0], Model { required, models })
    };
    lines.map(model).collect()
}

/// What is missing, by path.
fn missing(models: &BTreeMap<&str, Model>, model: &str, body: &Value, path: &str, found: &mut Vec<String>) {
    let Some(known) = models.get(model) else { return found.push(format!("{path}: no model {model}")) };
    found.extend(known.required.iter().filter(|name| body[**name].is_null()).map(|name| format!("{path}.{name}")));
    for (name, model) in &known.models {
        match &body[*name] {
            Value::Null => {}
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    missing(models, model, item, &format!("{path}.{name}[{at}]"), found);
                }
            }
            item => missing(models, model, item, &format!("{path}.{name}"), found),
        }
    }
}

#[test]
fn a01_replies_have_all_that_the_models_of_ibms_sdk_require() {
    let models = models();
    let mut found = Vec::new();
    for (reply, model) in REPLIES {
        let body: Value = serde_json::from_str(&golden::read(&format!("ibm/{reply}.reply.json"))).unwrap();
        missing(&models, model, &body, reply, &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
    let vpc: Value = serde_json::from_str(&golden::read("ibm/get_vpc.reply.json")).unwrap();
    missing(&models, "Subnet", &vpc, "vpc", &mut found);
    assert!(found.contains(&"vpc.zone".to_owned()), "what is missing is seen: {found:?}");
}
