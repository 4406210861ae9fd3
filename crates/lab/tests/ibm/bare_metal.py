"""The life of interfaces on bare metal servers, a network card's and a VLAN's, by IBM's SDK; each step is checked by packets."""

import network
from ibm_vpc.vpc_v1 import BareMetalServerNetworkAttachmentsPager
from lab import ask, until
from network import ibm, zone
from typed import end, refusal

card_address, vlan_address, vlan = "10.0.1.50", "10.0.2.70", 4
vpc, front = network.make("10.0.0.0/16", "10.0.1.0/24")
back = ibm.create_subnet(subnet_prototype={"vpc": {"id": vpc}, "zone": {"name": zone}, "ipv4_cidr_block": "10.0.2.0/24"}).id
group = ibm.create_security_group(vpc={"id": vpc}, name="web").id
ibm.create_security_group_rule(security_group_id=group, security_group_rule_prototype={"direction": "inbound", "protocol": "icmp"})


def interface(subnet, address):
    return ibm.create_virtual_network_interface(subnet={"id": subnet}, primary_ip={"address": address}, security_groups=[{"id": group}])


def shown(of):
    return ibm.get_virtual_network_interface(id=of.id)


def answers(address, who):
    ask("answers", **{"from": who, "to": address})


def silent(address, who):
    ask("silent", **{"from": who, "to": address})


def card(of):
    return {"interface_type": "pci", "allowed_vlans": [vlan], "virtual_network_interface": of}


def attach_vlan(server):
    made = ibm.create_bare_metal_server_network_attachment(bare_metal_server_id=server, bare_metal_server_network_attachment_prototype={
        "interface_type": "vlan", "vlan": vlan, "allow_to_float": True, "virtual_network_interface": {"id": floats.id}})
    # What is behind a card is the server's own affair: its system makes the VLAN's device.
    ask("has vlan", at=server, vlan=vlan, mac=shown(floats).mac_address, address=vlan_address)
    return made


# Two servers on different hosts, and a client in each subnet.
web, floats = interface(front, card_address), interface(back, vlan_address)
first = network.bare_metal_server(vpc, "first", card({"id": web.id}))
second = network.bare_metal_server(vpc, "second", card({"subnet": {"id": front}}))
ask("apart", these=[first, second])
near, far = (network.instance(vpc, {"subnet": {"id": subnet}}, name) for subnet, name in ((front, "near"), (back, "far")))
primary = ibm.get_bare_metal_server(id=first).primary_network_attachment
assert primary.virtual_network_interface.id == web.id
assert shown(web).target["resource_type"] == "bare_metal_server_network_attachment"
answers(card_address, near)

# A VLAN of the card, with an interface of its own, which moves to another server.
attachment = attach_vlan(first)
answers(vlan_address, far)
answers(card_address, near)
before = shown(floats).to_dict()
ibm.delete_bare_metal_server_network_attachment(bare_metal_server_id=first, id=attachment.id)
until("detached", lambda: shown(floats).target is None)
silent(vlan_address, far)
attachment = attach_vlan(second)
answers(vlan_address, far)
changed = {name for name, value in shown(floats).to_dict().items() if value != before[name]}
assert changed == {"target"}, changed
assert attachment.id in [one["id"] for one in ibm.all(BareMetalServerNetworkAttachmentsPager, bare_metal_server_id=second)]

# Without infrastructure NAT it may have several floating IPs, whose packets reach it as they are.
ibm.update_virtual_network_interface(id=web.id, virtual_network_interface_patch={"allow_ip_spoofing": True})
ibm.update_virtual_network_interface(id=web.id, virtual_network_interface_patch={"enable_infrastructure_nat": False})
public = [ibm.create_floating_ip(floating_ip_prototype={"target": {"id": web.id}}) for _ in range(2)]
for one in public:
    ask("has address", at=first, device="eth0", address=one.address)
    answers(one.address, "outside")
for one in public:
    ibm.delete_floating_ip(id=one.id)

# A server ends: what is not to go with it stays, and goes on elsewhere.
network.end_server(first)
until("unbound", lambda: shown(web).target is None)
silent(card_address, near)
print("not on an instance:", refusal(ibm.create_instance_network_attachment, instance_id=near, virtual_network_interface={"id": web.id}))
ibm.update_virtual_network_interface(id=web.id, virtual_network_interface_patch={"enable_infrastructure_nat": True})
ibm.create_instance_network_attachment(instance_id=far, virtual_network_interface={"id": web.id})
answers(card_address, near)
ibm.update_virtual_network_interface(id=floats.id, virtual_network_interface_patch={"auto_delete": True})
network.end_server(second)
silent(vlan_address, far)
assert floats.id not in [one.id for one in ibm.list_virtual_network_interfaces(limit=100).virtual_network_interfaces]

# Nothing is left.
for instance in (near, far):
    network.end(instance)
until("unbound", lambda: shown(web).target is None)
ibm.delete_virtual_network_interfaces(id=web.id)
ibm.delete_security_group(id=group)
ibm.delete_subnet(id=back)
network.remove(vpc, front)
end()
