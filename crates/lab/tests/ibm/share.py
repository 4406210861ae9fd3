"""The life of an interface as a share's mount target, by IBM's SDK; each step is checked by NFS clients in instances."""

import network
from lab import ask, until
from network import ibm, zone
from typed import end

address = "10.0.1.50"
vpc, subnet = network.make("10.0.0.0/16", "10.0.1.0/24")
group = ibm.create_security_group(vpc={"id": vpc}, name="files").id
near, far = (network.instance(vpc, {"subnet": {"id": subnet}}, name) for name in ("near", "far"))
ask("apart", these=[near, far])
share = ibm.create_share(share_prototype={"name": "data", "size": 10, "profile": {"name": "dp2"}, "zone": {"name": zone}}).id
until("stable", lambda: ibm.get_share(id=share).lifecycle_state == "stable")
files = ibm.create_virtual_network_interface(
    subnet={"id": subnet}, primary_ip={"address": address}, security_groups=[{"id": group}])


def shown():
    return ibm.get_virtual_network_interface(id=files.id)


def mount(interface, name):
    """A mount target that serves."""
    made = ibm.create_share_mount_target(share_id=share, share_mount_target_prototype={
        "name": name, "access_protocol": "nfs4", "transit_encryption": "none", "virtual_network_interface": interface}).id
    until("stable", lambda: ibm.get_share_mount_target(share_id=share, id=made).lifecycle_state == "stable")
    return ibm.get_share_mount_target(share_id=share, id=made)


def unmount(target):
    ibm.delete_share_mount_target(share_id=share, id=target.id)
    until("gone", lambda: target.id not in [one.id for one in ibm.list_share_mount_targets(share_id=share).mount_targets])


def let_in(port):
    return ibm.create_security_group_rule(security_group_id=group, security_group_rule_prototype={
        "direction": "inbound", "protocol": "tcp", "port_min": port, "port_max": port}).id


def reads(who, target, file, text):
    ask("reads", **{"from": who, "path": target.mount_path, "file": file, "text": text})


def writes(who, target, file, text):
    ask("writes", **{"from": who, "path": target.mount_path, "file": file, "text": text})


def cannot_mount(who, target):
    ask("cannot mount", **{"from": who, "path": target.mount_path})


# The group of the interface decides who reaches the share.
target = mount({"id": files.id}, "front")
assert target.mount_path.startswith(f"{address}:"), target.mount_path
assert shown().target["resource_type"] == "share_mount_target"
assert target.virtual_network_interface.id == files.id and target.primary_ip.address == address
cannot_mount(near, target)
rule = let_in(2049)
writes(near, target, "one", "from near")
reads(far, target, "one", "from near")
ibm.delete_security_group_rule(security_group_id=group, id=rule)
cannot_mount(far, target)
let_in(2049)
reads(far, target, "one", "from near")

# The interface outlives its mount target, goes on at an instance, and comes back.
before = shown().to_dict()
unmount(target)
until("unbound", lambda: shown().target is None)
cannot_mount(near, target)
ibm.create_security_group_rule(security_group_id=group, security_group_rule_prototype={"direction": "inbound", "protocol": "icmp"})
attachment = ibm.create_instance_network_attachment(instance_id=far, virtual_network_interface={"id": files.id}).id
ask("answers", **{"from": near, "to": address})
ibm.delete_instance_network_attachment(instance_id=far, id=attachment)
until("unbound", lambda: shown().target is None)
ask("silent", **{"from": near, "to": address})
target = mount({"id": files.id}, "front")
changed = {name for name, value in shown().to_dict().items() if value != before[name]}
assert changed == {"target"}, changed
reads(far, target, "one", "from near")
writes(far, target, "two", "from far")
unmount(target)
until("unbound", lambda: shown().target is None)
cannot_mount(near, target)

# One that is made with its mount target goes with it.
inline = mount({"subnet": {"id": subnet}, "primary_ip": {"address": "10.0.1.60"}, "security_groups": [{"id": group}]}, "other")
reads(near, inline, "two", "from far")
unmount(inline)
cannot_mount(near, inline)
until("gone with it", lambda: "10.0.1.60" not in [
    one.primary_ip.address for one in ibm.list_virtual_network_interfaces(limit=100).virtual_network_interfaces])

# Nothing is left.
ibm.delete_share(id=share)
until("gone", lambda: share not in [one.id for one in ibm.list_shares(limit=100).shares])
for instance in (near, far):
    network.end(instance)
ibm.delete_virtual_network_interfaces(id=files.id)
ibm.delete_security_group(id=group)
network.remove(vpc, subnet)
end()
