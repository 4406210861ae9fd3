"""Every operation of the area is called by IBM's SDK, and its answer read by the SDK's classes; what is missing is printed."""

import sys
import traceback

import area
import network
import typed
from ibm_vpc.vpc_v1 import (BareMetalServerNetworkAttachmentsPager, BareMetalServersPager, FlowLogCollectorsPager, ImagesPager,
                            InstanceNetworkInterfaceIpsPager, InstanceProfilesPager, KeysPager, NetworkAclRulesPager,
                            NetworkAclsPager, PublicGatewaysPager, SecurityGroupsPager, ShareMountTargetsPager, SharesPager,
                            VpcAddressPrefixesPager, VpcRoutingTableRoutesPager, VpcRoutingTablesPager)
from lab import until
from network import ibm, zone

FAMILIES, FAILED, REFUSED = [], [], {}
in_zone = {"name": zone}
ANYWHERE = "0.0.0.0/0"


def family(steps):
    FAMILIES.append(steps)
    return steps


def there(thing, pager, **of):
    """A thing is among those that a pager lists."""
    assert thing in [one["id"] for one in ibm.all(pager, **of)], thing


@family
def places():
    region = ibm.list_regions().regions[0]
    assert ibm.get_region(name=region.name).href == region.href
    assert zone in [one.name for one in ibm.list_region_zones(region_name=region.name).zones]
    assert ibm.get_region_zone(region_name=region.name, name=zone).region.name == region.name


@family
def what_machines_are_made_of():
    profile = ibm.all(InstanceProfilesPager)[0]["name"]
    assert ibm.get_instance_profile(name=profile).name == profile
    image = ibm.all(ImagesPager)[0]["id"]
    assert ibm.get_image(id=image).id == image
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIx1cOEvMlxgM2SVwPYi3p5SbnNlJu5UaSkXAxBKXHWc somebody"
    key = ibm.create_key(public_key=public, name="somebody", type="ed25519").id
    ibm.update_key(id=key, key_patch={"name": "nobody"})
    assert ibm.get_key(id=key).name == "nobody"
    there(key, KeysPager)
    ibm.delete_key(id=key)


@family
def vpcs():
    ibm.update_vpc(id=vpc, vpc_patch={"name": "renamed"})
    assert ibm.get_vpc(id=vpc).name == "renamed"
    assert vpc in [one.id for one in ibm.list_vpcs(limit=100).vpcs]
    shown = ibm.get_vpc(id=vpc)
    assert ibm.get_vpc_default_security_group(id=vpc).id == shown.default_security_group.id
    assert ibm.get_vpc_default_network_acl(id=vpc).id == shown.default_network_acl.id
    assert ibm.get_vpc_default_routing_table(id=vpc).id == shown.default_routing_table.id
    prefix = ibm.create_vpc_address_prefix(vpc_id=vpc, cidr="10.9.0.0/24", zone=in_zone, name="ninth").id
    ibm.update_vpc_address_prefix(vpc_id=vpc, id=prefix, address_prefix_patch={"name": "other"})
    assert ibm.get_vpc_address_prefix(vpc_id=vpc, id=prefix).cidr == "10.9.0.0/24"
    there(prefix, VpcAddressPrefixesPager, vpc_id=vpc)
    ibm.delete_vpc_address_prefix(vpc_id=vpc, id=prefix)


@family
def routing_tables():
    table = ibm.create_vpc_routing_table(vpc_id=vpc, name="own").id
    ibm.update_vpc_routing_table(vpc_id=vpc, id=table, routing_table_patch={"name": "renamed"})
    assert ibm.get_vpc_routing_table(vpc_id=vpc, id=table).name == "renamed"
    there(table, VpcRoutingTablesPager, vpc_id=vpc)
    of = {"vpc_id": vpc, "routing_table_id": table}
    route = ibm.create_vpc_routing_table_route(**of, destination="192.168.0.0/24", zone=in_zone, action="deliver",
                                               next_hop={"address": "10.0.1.50"}, name="away").id
    ibm.update_vpc_routing_table_route(**of, id=route, route_patch={"name": "renamed"})
    assert ibm.get_vpc_routing_table_route(**of, id=route).name == "renamed"
    there(route, VpcRoutingTableRoutesPager, **of)
    ibm.replace_subnet_routing_table(id=subnet, routing_table_identity={"id": table})
    assert ibm.get_subnet_routing_table(id=subnet).id == table
    ibm.replace_subnet_routing_table(id=subnet, routing_table_identity={"id": ibm.get_vpc_default_routing_table(id=vpc).id})
    ibm.delete_vpc_routing_table_route(**of, id=route)
    ibm.delete_vpc_routing_table(vpc_id=vpc, id=table)


@family
def subnets():
    ibm.update_subnet(id=subnet, subnet_patch={"name": "renamed"})
    assert ibm.get_subnet(id=subnet).name == "renamed"
    assert subnet in [one.id for one in ibm.list_subnets(vpc_id=vpc).subnets]
    ip = ibm.create_subnet_reserved_ip(subnet_id=subnet, name="kept").id
    ibm.update_subnet_reserved_ip(subnet_id=subnet, id=ip, reserved_ip_patch={"name": "renamed"})
    assert ibm.get_subnet_reserved_ip(subnet_id=subnet, id=ip).name == "renamed"
    assert ip in [one.id for one in ibm.list_subnet_reserved_ips(subnet_id=subnet, limit=100).reserved_ips]
    ibm.delete_subnet_reserved_ip(subnet_id=subnet, id=ip)


@family
def security_groups():
    group = ibm.create_security_group(vpc={"crn": ibm.get_vpc(id=vpc).crn}, name="one").id
    ibm.update_security_group(id=group, security_group_patch={"name": "two"})
    assert ibm.get_security_group(id=group).name == "two"
    there(group, SecurityGroupsPager, vpc_id=vpc)
    for protocol in ({"protocol": "tcp", "port_min": 1, "port_max": 2}, {"protocol": "icmp", "type": 8}, {"protocol": "any"},
                     {"protocol": "icmp_tcp_udp"}, {"protocol": "gre"}):
        rule = ibm.create_security_group_rule(security_group_id=group, security_group_rule_prototype={
            "direction": "inbound", "remote": {"id": group}, **protocol})
        assert rule.protocol == protocol["protocol"], rule
        ibm.get_security_group_rule(security_group_id=group, id=rule.id)
        ibm.update_security_group_rule(security_group_id=group, id=rule.id, security_group_rule_patch={"direction": "outbound"})
        ibm.delete_security_group_rule(security_group_id=group, id=rule.id)
    ibm.list_security_group_rules(security_group_id=group)
    interface = ibm.create_virtual_network_interface(subnet={"id": subnet}).id
    ibm.create_security_group_target_binding(security_group_id=group, id=interface)
    assert ibm.get_security_group_target(security_group_id=group, id=interface).id == interface
    assert [one["id"] for one in ibm.list_security_group_targets(security_group_id=group).targets] == [interface]
    ibm.delete_security_group_target_binding(security_group_id=group, id=interface)
    ibm.delete_virtual_network_interfaces(id=interface)
    ibm.delete_security_group(id=group)


@family
def network_acls():
    acl = ibm.create_network_acl(network_acl_prototype={"vpc": {"id": vpc}, "name": "own"}).id
    ibm.update_network_acl(id=acl, network_acl_patch={"name": "renamed"})
    assert ibm.get_network_acl(id=acl).name == "renamed"
    there(acl, NetworkAclsPager)
    rules = []
    for protocol in ({"protocol": "tcp", "destination_port_min": 1, "destination_port_max": 2}, {"protocol": "icmp", "type": 8},
                     {"protocol": "any"}, {"protocol": "icmp_tcp_udp"}, {"protocol": "gre"}):
        rule = {"action": "allow", "direction": "inbound", "source": ANYWHERE, "destination": ANYWHERE, **protocol}
        if rules:
            rule["before"] = {"id": rules[-1]}
        rules.append(ibm.create_network_acl_rule(network_acl_id=acl, network_acl_rule_prototype=rule).id)
    order = [rule["id"] for rule in ibm.all(NetworkAclRulesPager, network_acl_id=acl, direction="inbound")]
    assert order == rules[::-1], order
    ibm.update_network_acl_rule(network_acl_id=acl, id=rules[0], network_acl_rule_patch={"name": "renamed"})
    assert ibm.get_network_acl_rule(network_acl_id=acl, id=rules[0]).name == "renamed"
    ibm.delete_network_acl_rule(network_acl_id=acl, id=rules[0])
    ibm.replace_subnet_network_acl(id=subnet, network_acl_identity={"id": acl})
    assert ibm.get_subnet_network_acl(id=subnet).id == acl
    ibm.replace_subnet_network_acl(id=subnet, network_acl_identity={"id": ibm.get_vpc_default_network_acl(id=vpc).id})
    ibm.delete_network_acl(id=acl)


@family
def public_addresses():
    floating = ibm.create_floating_ip(floating_ip_prototype={"zone": in_zone}).id
    ibm.update_floating_ip(id=floating, floating_ip_patch={"name": "renamed"})
    assert ibm.get_floating_ip(id=floating).name == "renamed"
    assert floating in [one.id for one in ibm.list_floating_ips(limit=100).floating_ips]
    gateway = ibm.create_public_gateway(vpc={"id": vpc}, zone=in_zone, name="own", floating_ip={"id": floating}).id
    ibm.update_public_gateway(id=gateway, public_gateway_patch={"name": "renamed"})
    assert ibm.get_public_gateway(id=gateway).name == "renamed"
    there(gateway, PublicGatewaysPager)
    ibm.set_subnet_public_gateway(id=subnet, public_gateway_identity={"id": gateway})
    assert ibm.get_subnet_public_gateway(id=subnet).id == gateway
    ibm.unset_subnet_public_gateway(id=subnet)
    ibm.delete_public_gateway(id=gateway)
    ibm.delete_floating_ip(id=floating)


@family
def interfaces():
    interface = ibm.create_virtual_network_interface(subnet={"id": subnet}, name="one").id
    ibm.update_virtual_network_interface(id=interface, virtual_network_interface_patch={"name": "two"})
    assert ibm.get_virtual_network_interface(id=interface).name == "two"
    assert interface in [one.id for one in ibm.list_virtual_network_interfaces(limit=100).virtual_network_interfaces]
    of = {"virtual_network_interface_id": interface}
    ip = ibm.create_subnet_reserved_ip(subnet_id=subnet).id
    ibm.add_virtual_network_interface_ip(**of, id=ip)
    assert ibm.get_virtual_network_interface_ip(**of, id=ip).id == ip
    assert ip in [one.id for one in ibm.list_virtual_network_interface_ips(**of).ips]
    ibm.remove_virtual_network_interface_ip(**of, id=ip)
    ibm.delete_subnet_reserved_ip(subnet_id=subnet, id=ip)
    floating = ibm.create_floating_ip(floating_ip_prototype={"target": {"id": interface}}).id
    ibm.remove_network_interface_floating_ip(**of, id=floating)
    ibm.add_network_interface_floating_ip(**of, id=floating)
    assert ibm.get_network_interface_floating_ip(**of, id=floating).id == floating
    assert [one.id for one in ibm.list_network_interface_floating_ips(**of).floating_ips] == [floating]
    ibm.delete_floating_ip(id=floating)
    ibm.delete_virtual_network_interfaces(id=interface)


@family
def flow_log_collectors():
    collector = ibm.create_flow_log_collector(storage_bucket={"name": "bucket"}, target={"id": subnet}, name="own").id
    ibm.update_flow_log_collector(id=collector, flow_log_collector_patch={"active": False})
    assert not ibm.get_flow_log_collector(id=collector).active
    there(collector, FlowLogCollectorsPager, target_id=subnet)
    ibm.delete_flow_log_collector(id=collector)


@family
def instances():
    instance = network.instance(vpc, {"subnet": {"id": subnet}}, "one")
    ibm.update_instance(id=instance, instance_patch={"name": "two"})
    assert instance in [one.id for one in ibm.list_instances(limit=100).instances]
    for action, becomes in (("stop", "stopped"), ("start", "running")):
        ibm.create_instance_action(instance_id=instance, type=action)
        until(becomes, lambda: ibm.get_instance(id=instance).status == becomes)
    attachment = ibm.create_instance_network_attachment(instance_id=instance, virtual_network_interface={"subnet": {"id": subnet}})
    ibm.update_instance_network_attachment(instance_id=instance, id=attachment.id, instance_network_attachment_patch={"name": "two"})
    assert ibm.get_instance_network_attachment(instance_id=instance, id=attachment.id).name == "two"
    assert len(ibm.list_instance_network_attachments(instance_id=instance).network_attachments) == 2
    # As old clients see it.
    of = {"instance_id": instance}
    old = ibm.get_instance_network_interface(**of, id=attachment.id)
    assert len(ibm.list_instance_network_interfaces(**of).network_interfaces) == 2
    assert ibm.list_instance_network_interface_ips(**of, network_interface_id=old.id).ips[0].address == old.primary_ip.address
    ibm.get_instance_network_interface_ip(**of, network_interface_id=old.id, id=old.primary_ip.id)
    ibm.delete_instance_network_attachment(instance_id=instance, id=attachment.id)
    network.end(instance)


@family
def instances_of_old_clients():
    made = ibm.create_instance(instance_prototype={
        **network.machine(), "name": "old", "vpc": {"id": vpc}, "zone": in_zone, "primary_network_interface": {"subnet": {"id": subnet}}}).id
    until("running", lambda: ibm.get_instance(id=made).status == "running")
    of = {"instance_id": made}
    card = ibm.create_instance_network_interface(**of, subnet={"id": subnet}, name="second")
    ibm.update_instance_network_interface(**of, id=card.id, network_interface_patch={"name": "renamed"})
    assert ibm.get_instance_network_interface(**of, id=card.id).name == "renamed"
    assert len(ibm.list_instance_network_interfaces(**of).network_interfaces) == 2
    on = {**of, "network_interface_id": card.id}
    floating = ibm.create_floating_ip(floating_ip_prototype={"zone": in_zone}).id
    ibm.add_instance_network_interface_floating_ip(**on, id=floating)
    assert ibm.get_instance_network_interface_floating_ip(**on, id=floating).id == floating
    assert [one.id for one in ibm.list_instance_network_interface_floating_ips(**on).floating_ips] == [floating]
    ibm.remove_instance_network_interface_floating_ip(**on, id=floating)
    assert ibm.all(InstanceNetworkInterfaceIpsPager, **on)[0]["address"] == card.primary_ip.address
    ibm.delete_instance_network_interface(**of, id=card.id)
    ibm.delete_floating_ip(id=floating)
    network.end(made)


@family
def bare_metal_servers():
    card = {"interface_type": "pci", "allowed_vlans": [4], "virtual_network_interface": {"subnet": {"id": subnet}}}
    server = network.bare_metal_server(vpc, "one", card)
    ibm.update_bare_metal_server(id=server, bare_metal_server_patch={"name": "two"})
    assert ibm.get_bare_metal_server(id=server).name == "two"
    there(server, BareMetalServersPager)
    of = {"bare_metal_server_id": server}
    vlan = {"interface_type": "vlan", "vlan": 4, "allow_to_float": True, "virtual_network_interface": {"subnet": {"id": subnet}}}
    attachment = ibm.create_bare_metal_server_network_attachment(**of, bare_metal_server_network_attachment_prototype=vlan)
    ibm.update_bare_metal_server_network_attachment(**of, id=attachment.id, bare_metal_server_network_attachment_patch={"name": "two"})
    assert ibm.get_bare_metal_server_network_attachment(**of, id=attachment.id).vlan == 4
    there(attachment.id, BareMetalServerNetworkAttachmentsPager, **of)
    # As old clients see it, which change nothing.
    floating = ibm.create_floating_ip(floating_ip_prototype={"zone": in_zone}).id
    ibm.add_network_interface_floating_ip(virtual_network_interface_id=attachment.virtual_network_interface.id, id=floating)
    old = ibm.get_bare_metal_server_network_interface(**of, id=attachment.id)
    assert len(ibm.list_bare_metal_server_network_interfaces(**of).network_interfaces) == 2
    on = {**of, "network_interface_id": attachment.id}
    assert ibm.list_bare_metal_server_network_interface_ips(**on).ips[0].address == old.primary_ip.address
    ibm.get_bare_metal_server_network_interface_ip(**on, id=old.primary_ip.id)
    assert [one.id for one in ibm.list_bare_metal_server_network_interface_floating_ips(**on).floating_ips] == [floating]
    ibm.get_bare_metal_server_network_interface_floating_ip(**on, id=floating)
    for change, arguments in (
            ("create_bare_metal_server_network_interface", {**of, "bare_metal_server_network_interface_prototype": {"interface_type": "pci", "subnet": {"id": subnet}}}),
            ("update_bare_metal_server_network_interface", {**of, "id": old.id, "bare_metal_server_network_interface_patch": {"name": "three"}}),
            ("delete_bare_metal_server_network_interface", {**of, "id": old.id}),
            ("add_bare_metal_server_network_interface_floating_ip", {**on, "id": floating}),
            ("remove_bare_metal_server_network_interface_floating_ip", {**on, "id": floating})):
        REFUSED[change] = typed.refusal(getattr(ibm, change), **arguments)
    ibm.delete_floating_ip(id=floating)
    ibm.delete_bare_metal_server_network_attachment(**of, id=attachment.id)
    ibm.stop_bare_metal_server(id=server, type="soft")
    until("stopped", lambda: ibm.get_bare_metal_server(id=server).status == "stopped")
    ibm.start_bare_metal_server(id=server)
    until("running", lambda: ibm.get_bare_metal_server(id=server).status == "running")
    ibm.restart_bare_metal_server(id=server)
    network.end_server(server)


@family
def shares():
    share = ibm.create_share(share_prototype={"name": "one", "size": 10, "profile": {"name": "dp2"}, "zone": in_zone}).id
    until("stable", lambda: ibm.get_share(id=share).lifecycle_state == "stable")
    ibm.update_share(id=share, share_patch={"name": "two"})
    there(share, SharesPager)
    target = ibm.create_share_mount_target(share_id=share, share_mount_target_prototype={
        "name": "one", "virtual_network_interface": {"subnet": {"id": subnet}}}).id
    ibm.update_share_mount_target(share_id=share, id=target, share_mount_target_patch={"name": "two"})
    assert ibm.get_share_mount_target(share_id=share, id=target).name == "two"
    there(target, ShareMountTargetsPager, share_id=share)
    ibm.delete_share_mount_target(share_id=share, id=target)
    until("gone", lambda: not ibm.list_share_mount_targets(share_id=share).mount_targets)
    ibm.delete_share(id=share)


@family
def nothing_is_left():
    network.remove(vpc, subnet)


def call(steps):
    """Does a family's steps; what fails in one does not keep the others from being called."""
    try:
        steps()
    except Exception as error:
        here = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == __file__]
        FAILED.append(f"{steps.__name__}, line {here[-1].lineno}: {type(error).__name__}: {error}")


vpc, subnet = network.make("10.0.0.0/16", "10.0.1.0/24")
for steps in FAMILIES:
    call(steps)
for name, words in REFUSED.items():
    print("refused:", name, "–", words)
missing = area.missing(typed.SEEN | REFUSED.keys())
for name in missing:
    print("not called:", name)
for failure in FAILED:
    print("failed:", failure, file=sys.stderr)
assert not FAILED and not missing
print(len(area.operations()), "operations")
typed.end()
