"""An interface that one cloud's client has made is moved by the other's under a connection that goes on, read by both, and deleted."""

import os

import typed
import watched
from both import ec2, ibm, instance_of, same
from lab import ask, until


zone = os.environ["PINTLE_ZONE"]
# Each connection has one of its own: what is left of one before could still hold it.
ports = range(9000, 9004)
free = iter(ports)


def by_ec2(interface, instance):
    """Away from where it is, and to another instance."""
    attachment = same(interface)["attachment"]
    ec2.detach_network_interface(AttachmentId=attachment)
    ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[interface], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    ask("session waits", at=instance)
    ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=instance, DeviceIndex=1)


def by_ibm(interface, instance):
    shown = ibm.get_virtual_network_interface(id=interface)
    ibm.delete_instance_network_attachment(instance_id=instance_of(shown.target), id=shown.target["id"])
    until("detached", lambda: ibm.get_virtual_network_interface(id=interface).target is None)
    ask("session waits", at=instance)
    ibm.create_instance_network_attachment(instance_id=instance, virtual_network_interface={"id": interface})


def crosses(interface, move, of, to):
    """A move under traffic, after which all is as before but for where it is."""
    before = same(interface)
    ask("session begins", **{"from": client, "to": before["primary"], "at": of, "port": next(free)})
    move(interface, to)
    ask("session goes on", at=to)
    after = same(interface)
    elsewhere = {name for name in before if before[name] != after[name]}
    assert elsewhere == {"attachment", "instance"}, (before, after)
    ask("answers", **{"from": client, "to": before["addresses"][1]})


# One network and its instances, by EC2; IBM's client has them too.
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
front, back = (ec2.create_subnet(VpcId=vpc, CidrBlock=range, AvailabilityZone=zone)["Subnet"]["SubnetId"]
               for range in ("10.0.1.0/24", "10.0.2.0/24"))
assert ibm.get_subnet(id=front).vpc.id == vpc
group = ec2.create_security_group(GroupName="web", Description="what the interface lets in", VpcId=vpc)["GroupId"]
inside = [{"CidrIp": "10.0.0.0/16"}]
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
    {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": inside},
    {"IpProtocol": "tcp", "FromPort": ports[0], "ToPort": ports[-1], "IpRanges": inside}])
rules = ibm.watched.list_security_group_rules(security_group_id=group).get_result()["rules"]
assert {rule["protocol"] for rule in rules if rule["direction"] == "inbound"} == {"icmp", "tcp"}
launched = [ec2.run_instances(ImageId="ami-00000000000000001", InstanceType="t3.small", MinCount=1, MaxCount=1, SubnetId=subnet)
            ["Instances"][0]["InstanceId"] for subnet in (back, back, front)]
ec2.get_waiter("instance_running").wait(InstanceIds=launched, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
first, second, client = launched
ask("apart", these=[first, second])
assert [ibm.get_instance(id=one).status for one in launched] == ["running"] * 3

# Made by EC2's client, moved by IBM's, deleted by IBM's.
made = ec2.create_network_interface(SubnetId=front, PrivateIpAddress="10.0.1.50", Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
ec2.assign_private_ip_addresses(NetworkInterfaceId=made, PrivateIpAddresses=["10.0.1.51"])
same(made)
ec2.attach_network_interface(NetworkInterfaceId=made, InstanceId=first, DeviceIndex=1)
ask("answers", **{"from": client, "to": "10.0.1.50"})
crosses(made, by_ibm, first, second)
crosses(made, by_ec2, second, first)
attached = same(made)["attachment"]
ibm.delete_instance_network_attachment(instance_id=first, id=attached)
until("detached", lambda: same(made)["attachment"] is None)
ibm.delete_virtual_network_interfaces(id=made)
watched.refused("InvalidNetworkInterfaceID.NotFound", 400, ec2.describe_network_interfaces, NetworkInterfaceIds=[made])

# Made by IBM's client, moved by EC2's, deleted by EC2's.
made = ibm.create_virtual_network_interface(subnet={"id": front}, primary_ip={"address": "10.0.1.60"}, ips=[{"address": "10.0.1.61"}],
                                            security_groups=[{"id": group}]).id
ibm.create_instance_network_attachment(instance_id=second, virtual_network_interface={"id": made})
ask("answers", **{"from": client, "to": "10.0.1.60"})
crosses(made, by_ec2, second, first)
crosses(made, by_ibm, first, second)
ec2.detach_network_interface(AttachmentId=same(made)["attachment"])
until("detached", lambda: same(made)["attachment"] is None)
ec2.delete_network_interface(NetworkInterfaceId=made)
typed.refused("not_found", 404, ibm.get_virtual_network_interface, id=made)

# Nothing is left.
for instance in launched:
    ibm.delete_instance(id=instance)
ec2.get_waiter("instance_terminated").wait(InstanceIds=launched, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
ibm.delete_security_group(id=group)
for subnet in (front, back):
    ibm.delete_subnet(id=subnet)
ec2.delete_vpc(VpcId=vpc)
typed.end()
watched.end()
