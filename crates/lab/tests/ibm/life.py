"""The whole life of an interface on instances by IBM's SDK, each step checked by packets; every answer is read by the SDK's classes."""

import network
from ibm_vpc.vpc_v1 import (FloatingIpsPager, InstancesPager, NetworkInterfaceFloatingIpsPager, SecurityGroupTargetsPager,
                             SubnetReservedIpsPager, SubnetsPager, VirtualNetworkInterfaceIpsPager,
                             VirtualNetworkInterfacesPager, VpcsPager)
from lab import ask, until
from network import ibm, zone
from typed import end, refused

web, second_address, third_address, port = "10.0.1.50", "10.0.1.51", "10.0.1.52", 8080
vpc, subnet = network.make("10.0.0.0/16", "10.0.1.0/24")
of_vpc, of_subnet = {"id": vpc}, {"id": subnet}
group = ibm.create_security_group(vpc=of_vpc, name="web").id
ping = {"direction": "inbound", "protocol": "icmp", "remote": {"cidr_block": "0.0.0.0/0"}}
ibm.create_security_group_rule(security_group_id=group, security_group_rule_prototype=ping)


def shown(interface):
    return ibm.get_virtual_network_interface(id=interface)


def attach(instance, interface, **more):
    made = ibm.create_instance_network_attachment(instance_id=instance, virtual_network_interface=interface, **more)
    until("attached", lambda: ibm.get_instance_network_attachment(instance_id=instance, id=made.id).lifecycle_state == "stable")
    return made


def detach(instance, attachment, interface):
    ibm.delete_instance_network_attachment(instance_id=instance, id=attachment)
    until("detached", lambda: shown(interface).target is None)


def answers(address, who=None):
    ask("answers", **{"from": who or peer, "to": address})


def silent(address, who=None):
    ask("silent", **{"from": who or peer, "to": address})


# Instances, each with an interface made inline; the first two are on different hosts.
first, second, peer, other = (network.instance(vpc, {"subnet": of_subnet}, name) for name in ("first", "second", "peer", "other"))
ask("apart", these=[first, second])
primary = ibm.get_instance(id=peer).primary_network_attachment
peer_address = primary.primary_ip.address
answers(peer_address, first)

# A name is had once in a VPC, and is given where none is asked for.
auto = ibm.create_virtual_network_interface(subnet=of_subnet)
assert auto.name and auto.target is None and auto.lifecycle_state == "stable" and not auto.auto_delete
assert [ip.address for ip in auto.ips] == [auto.primary_ip.address]
assert [one.name for one in auto.security_groups] == [ibm.get_vpc_default_security_group(id=vpc).name]
ibm.delete_virtual_network_interfaces(id=auto.id)
refused("not_found", 404, ibm.get_virtual_network_interface, id=auto.id)

# At a reserved IP that is there; what holds an address is named to whoever wants it.
kept = ibm.create_subnet_reserved_ip(subnet_id=subnet, name="kept", address="10.0.1.40")
named = ibm.create_virtual_network_interface(name="named", primary_ip={"id": kept.id})
assert named.primary_ip.id == kept.id and named.subnet.id == subnet
error = refused("address_in_use", 409, ibm.create_virtual_network_interface, subnet=of_subnet, primary_ip={"address": kept.address})
assert named.id in error["message"], error
ibm.delete_virtual_network_interfaces(id=named.id)

# At an address, apart from any instance, and then attached.
interface = ibm.create_virtual_network_interface(subnet=of_subnet, name="web", primary_ip={"address": web},
                                                 security_groups=[{"id": group}]).id
refused("invalid_value", 400, ibm.update_virtual_network_interface, id=interface,
        virtual_network_interface_patch={"auto_delete": True})
attachment = attach(first, {"id": interface}, name="web")
assert attachment.type == "secondary" and attachment.virtual_network_interface.id == interface
assert shown(interface).target["id"] == attachment.id
answers(web)
refused("resource_in_use", 409, ibm.delete_virtual_network_interfaces, id=interface)

# Another, made with its attachment.
inline = attach(first, {"subnet": of_subnet, "primary_ip": {"address": "10.0.1.60"}, "security_groups": [{"id": group}]})
assert shown(inline.virtual_network_interface.id).auto_delete
answers("10.0.1.60")
ibm.update_instance_network_attachment(instance_id=first, id=inline.id, instance_network_attachment_patch={"name": "inline"})
names = [one.name for one in ibm.list_instance_network_attachments(instance_id=first).network_attachments]
assert names[-2:] == ["web", "inline"], names
ibm.delete_instance_network_attachment(instance_id=first, id=inline.id)
until("gone with its attachment", lambda: inline.virtual_network_interface.id not in
      [one["id"] for one in ibm.all(VirtualNetworkInterfacesPager)])
silent("10.0.1.60")

# Two more addresses.
for address in (second_address, third_address):
    ip = ibm.create_subnet_reserved_ip(subnet_id=subnet, address=address)
    ibm.add_virtual_network_interface_ip(virtual_network_interface_id=interface, id=ip.id)
    ibm.get_virtual_network_interface_ip(virtual_network_interface_id=interface, id=ip.id)
    ibm.update_subnet_reserved_ip(subnet_id=subnet, id=ip.id, reserved_ip_patch={"auto_delete": True})
    answers(address)
addresses = [web, second_address, third_address]
assert [ip.address for ip in shown(interface).ips] == addresses
paged = ibm.all(VirtualNetworkInterfaceIpsPager, virtual_network_interface_id=interface)
assert sorted(ip["address"] for ip in paged) == addresses

# A server on each, with a client of its own: rules of one group tell the addresses apart.
clients = [(one, ibm.get_instance(id=one).primary_network_attachment.primary_ip.address) for one in (peer, second, other)]
rules = [ibm.create_security_group_rule(security_group_id=group, security_group_rule_prototype={
    "direction": "inbound", "protocol": "tcp", "port_min": 5432, "port_max": 5432, "local": {"address": address},
    "remote": {"address": client}}).id for address, (_, client) in zip(addresses, clients)]
for at, address in enumerate(addresses):
    for who, (client, _) in enumerate(clients):
        ask("passes" if at == who else "blocked", **{"from": client, "to": address, "at": first, "port": 5432})
for rule in rules:
    ibm.delete_security_group_rule(security_group_id=group, id=rule)

# A public one: one only, of the primary address.
floating = ibm.create_floating_ip(floating_ip_prototype={"zone": {"name": zone}, "name": "public"})
ibm.add_network_interface_floating_ip(virtual_network_interface_id=interface, id=floating.id)
ibm.get_network_interface_floating_ip(virtual_network_interface_id=interface, id=floating.id)
assert ibm.get_floating_ip(id=floating.id).target["id"] == interface
assert [one["id"] for one in ibm.all(NetworkInterfaceFloatingIpsPager, virtual_network_interface_id=interface)] == [floating.id]
answers(floating.address, "outside")
another = ibm.create_floating_ip(floating_ip_prototype={"zone": {"name": zone}}).id
refused("invalid_value", 400, ibm.add_network_interface_floating_ip, virtual_network_interface_id=interface, id=another)
ibm.delete_floating_ip(id=another)

# A rule of its group, seen in traffic, from outside too.
knock = {"from": peer, "to": web, "at": first, "port": port}
ask("blocked", **knock)
rule = ibm.create_security_group_rule(security_group_id=group, security_group_rule_prototype={
    "direction": "inbound", "protocol": "tcp", "port_min": port, "port_max": port}).id
ask("passes", **knock)
ask("translated", **{"to": floating.address, "at": first, "private": web, "not": second_address, "port": port})
ibm.delete_security_group_rule(security_group_id=group, id=rule)
ask("blocked", **knock)

# Whether it may send under other addresses.
ibm.create_security_group_rule(security_group_id=network.open_group(vpc), security_group_rule_prototype={
    "direction": "inbound", "protocol": "udp", "port_min": 7, "port_max": 7})
forge = {"from": first, "by": web, "as": "10.0.1.99", "to": peer_address, "at": peer}
ask("cannot forge", **forge)
assert ibm.update_virtual_network_interface(id=interface, virtual_network_interface_patch={"allow_ip_spoofing": True}).allow_ip_spoofing
ask("forges", **forge)
ibm.update_virtual_network_interface(id=interface, virtual_network_interface_patch={"allow_ip_spoofing": False})
ask("cannot forge", **forge)

# Off, and on to an instance on another host, with everything it has.
before = shown(interface).to_dict()
detach(first, attachment.id, interface)
silent(web)
silent(floating.address, "outside")
attach(second, {"id": interface})
changed = {name for name, value in shown(interface).to_dict().items() if value != before[name]}
assert changed == {"target"}, changed
answers(web)
answers(second_address)
answers(floating.address, "outside")

# Its instance ends: without auto_delete it stays, and is the first interface of a new one.
ibm.update_virtual_network_interface(id=interface, virtual_network_interface_patch={"auto_delete": False})
network.end(second)
until("unbound", lambda: shown(interface).target is None)
silent(web)
reborn = network.instance(vpc, {"id": interface}, "reborn")
refused("primary_attachment", 409, ibm.delete_instance_network_attachment, instance_id=reborn,
        id=ibm.get_instance(id=reborn).primary_network_attachment.id)
for address in addresses:
    answers(address)
answers(floating.address, "outside")

# With it, it goes along, and its addresses are free.
ibm.update_virtual_network_interface(id=interface, virtual_network_interface_patch={"auto_delete": True})
network.end(reborn)
refused("not_found", 404, ibm.get_virtual_network_interface, id=interface)
silent(web)
silent(floating.address, "outside")
assert ibm.get_floating_ip(id=floating.id).target is None
left = {ip["address"] for ip in ibm.all(SubnetReservedIpsPager, subnet_id=subnet)}
assert not left & set(addresses) and kept.address in left, left
assert [one["id"] for one in ibm.all(SecurityGroupTargetsPager, security_group_id=group)] == []

# Nothing is left.
for pager, name in ((VpcsPager, vpc), (SubnetsPager, subnet), (InstancesPager, peer), (FloatingIpsPager, floating.id)):
    assert name in [one["id"] for one in ibm.all(pager)], name
ibm.delete_floating_ip(id=floating.id)
ibm.delete_subnet_reserved_ip(subnet_id=subnet, id=kept.id)
for instance in (first, peer, other):
    network.end(instance)
ibm.delete_security_group(id=group)
network.remove(vpc, subnet)
end()
