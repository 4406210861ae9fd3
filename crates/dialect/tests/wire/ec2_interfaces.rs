//! EC2's interfaces and addresses, one request after the other in one world: requests, commands and answers are golden.
//!
//! A request names what the world holds (`{vni}`) and what earlier answers held (`{associationId}`), so that it says what it
//! means whatever ids there are.

use std::collections::BTreeMap;

use pintle_dialect::ec2::Service;

use crate::ec2::respond;
use crate::golden;
use crate::world::{World, world};

struct Walk {
    world: World,
    /// What a request may name.
    known: BTreeMap<String, String>,
}

impl Walk {
    fn new() -> Walk {
        let (world, ids) = world();
        let known = [
            ("subnet", ids.subnet.to_string()),
            ("vni", ids.vni.to_string()),
            ("instance", ids.instance.to_string()),
            ("spare", ids.spare.to_string()),
            ("attachment", ids.attachment.to_string()),
            ("group", ids.group.to_string()),
            ("floating_ip", ids.floating_ip.to_string()),
        ];
        Walk { world, known: known.map(|(name, id)| (name.to_owned(), id)).into() }
    }

    /// Sends the request of a golden file; holds its command and its answer to theirs.
    fn check(&mut self, name: &str, action: &str) {
        let mut form = golden::read(&format!("ec2/{name}.request.txt")).replace('\n', "");
        for (known, value) in &self.known {
            form = form.replace(&format!("{{{known}}}"), value);
        }
        let (answer, command) = respond(&mut self.world, Service::Ec2, action, &form)
            .unwrap_or_else(|error| panic!("{name}: {form}: {error}"));
        if let Some(command) = command {
            golden::check(&format!("ec2/{name}.command.txt"), &format!("{command:#?}"));
        }
        for line in answer.lines() {
            let element = line.strip_prefix('<').and_then(|line| line.split_once('>'));
            if let Some((element, value)) = element.and_then(|(name, rest)| Some((name, rest.split_once('<')?.0))) {
                self.known.insert(element.to_owned(), value.to_owned());
            }
        }
        golden::check(&format!("ec2/{name}.reply.xml"), &answer);
    }
}

#[test]
fn a13_what_is_done_to_an_interface_is_golden() {
    let mut walk = Walk::new();
    for name in ["description", "group_set", "source_dest_check", "attachment", "public_address"] {
        let name = format!("describe_network_interface_attribute_{name}");
        walk.check(&name, "DescribeNetworkInterfaceAttribute");
    }
    for name in
        ["description", "source_dest_check", "groups", "attachment", "tracking", "primary_ipv6", "public_address"]
    {
        walk.check(&format!("modify_network_interface_attribute_{name}"), "ModifyNetworkInterfaceAttribute");
    }
    walk.check("reset_network_interface_attribute", "ResetNetworkInterfaceAttribute");
    walk.check("assign_private_ip_addresses", "AssignPrivateIpAddresses");
    walk.check("assign_private_ip_addresses_reassigned", "AssignPrivateIpAddresses");
    walk.check("unassign_private_ip_addresses", "UnassignPrivateIpAddresses");
    walk.check("assign_ipv6_addresses", "AssignIpv6Addresses");
    walk.check("unassign_ipv6_addresses", "UnassignIpv6Addresses");
    walk.check("create_network_interface_permission", "CreateNetworkInterfacePermission");
    walk.check("describe_network_interface_permissions", "DescribeNetworkInterfacePermissions");
    walk.check("delete_network_interface_permission", "DeleteNetworkInterfacePermission");
    walk.check("describe_network_interface_permissions_revoked", "DescribeNetworkInterfacePermissions");
    walk.check("detach_network_interface", "DetachNetworkInterface");
    walk.check("attach_network_interface", "AttachNetworkInterface");
}

#[test]
fn a13_what_is_done_to_an_address_is_golden() {
    let mut walk = Walk::new();
    walk.check("allocate_address", "AllocateAddress");
    walk.check("describe_addresses", "DescribeAddresses");
    walk.check("associate_address", "AssociateAddress");
    walk.check("describe_addresses_filtered", "DescribeAddresses");
    walk.check("disassociate_address", "DisassociateAddress");
    walk.check("modify_address_attribute", "ModifyAddressAttribute");
    walk.check("describe_addresses_attribute", "DescribeAddressesAttribute");
    walk.check("reset_address_attribute", "ResetAddressAttribute");
    walk.check("move_address_to_vpc", "MoveAddressToVpc");
    walk.check("release_address", "ReleaseAddress");
}
