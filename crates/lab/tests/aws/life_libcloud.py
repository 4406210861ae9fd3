"""The whole life of an interface by Apache Libcloud, each step checked by packets.

Libcloud has no words for some of it (secondary addresses, groups and DeleteOnTermination of an interface, a public address
for an interface that is not an instance's first): those requests are sent by its connection, which signs them as all others.
"""

import os
import urllib.parse

from lab import ask, until
from libcloud.compute.base import NodeImage, NodeSize
from libcloud.compute.drivers.ec2 import NAMESPACE, EC2NodeDriver
from libcloud.compute.types import NodeState
from libcloud.utils.xml import findall, findtext

endpoint = urllib.parse.urlparse(os.environ["AWS_ENDPOINT_URL"])
ec2 = EC2NodeDriver(
    os.environ["AWS_ACCESS_KEY_ID"],
    os.environ["AWS_SECRET_ACCESS_KEY"],
    secure=False,
    host=endpoint.hostname,
    port=endpoint.port,
    region=os.environ["AWS_REGION"],
)
zone = os.environ["PINTLE_ZONE"]
web, second_address, port = "10.0.1.50", "10.0.1.51", 8080
image = NodeImage("ami-00000000000000001", "any", ec2)
size = NodeSize("t3.small", "small", 2048, 0, 0, 0, ec2)


def request(action, **parameters):
    parameters = {name.replace("_", "."): value for name, value in parameters.items()}
    return ec2.connection.request("/", params={"Action": action, **parameters}).object


def good(answer):
    assert answer is True, answer


def refused(code, call, *arguments):
    try:
        call(*arguments)
    except Exception as error:
        assert code in str(error), error
    else:
        raise AssertionError(f"{code} was expected")


def shown(interface):
    found = [one for one in ec2.ex_list_network_interfaces() if one.id == interface.id]
    return found[0] if found else None


def is_in(state):
    return lambda: shown(interface).state == state


def launch(name):
    node = ec2.create_node(name, size, image, ex_subnet=subnet)
    until("running", lambda: ec2.list_nodes([node.id])[0].state == NodeState.RUNNING)
    return node


def end(node):
    good(ec2.destroy_node(node))
    until("terminated", lambda: ec2.list_nodes([node.id])[0].state == NodeState.TERMINATED)


# A network with a way out.
network = ec2.ex_create_network("10.0.0.0/16", name="life")
subnet = ec2.ex_create_subnet(network.id, "10.0.1.0/24", zone, name="servers")
assert subnet.name == "servers" and subnet.extra["available_ips"] == 251, subnet.extra
gateway = ec2.ex_create_internet_gateway(name="out")
good(ec2.ex_attach_internet_gateway(gateway, network))
table = ec2.ex_list_route_tables(filters={"vpc-id": network.id})[0]
good(ec2.ex_create_route(table, "0.0.0.0/0", internet_gateway=gateway))
group = ec2.ex_create_security_group("web", "what the interface lets in", vpc_id=network.id)["group_id"]
good(ec2.ex_authorize_security_group_ingress(group, -1, -1, cidr_ips=["0.0.0.0/0"], protocol="icmp"))

# Three instances; the first two are on different hosts.
first, second, peer = launch("first"), launch("second"), launch("peer")
ask("apart", these=[first.id, second.id])

# Created and attached, it answers.
interface = ec2.ex_create_network_interface(subnet, name="web", description="web", private_ip_address=web)
request("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=interface.id, SecurityGroupId_1=group)
until("available", is_in("available"))
now = shown(interface)
assert now.name == "web" and [one["group_id"] for one in now.extra["groups"]] == [group], now.extra
attachment = ec2.ex_attach_network_interface_to_node(interface, first, 1)
until("in use", is_in("in-use"))
ask("answers", **{"from": peer.id, "to": web})
refused("InvalidNetworkInterface.InUse", ec2.ex_delete_network_interface, interface)

# A second address, and a public one.
request("AssignPrivateIpAddresses", NetworkInterfaceId=interface.id, PrivateIpAddress_1=second_address)
assert [one["private_ip"] for one in shown(interface).extra["private_ips"]] == [web, second_address]
ask("answers", **{"from": peer.id, "to": second_address})
address = ec2.ex_allocate_address(domain="vpc")
given = {"AllocationId": address.extra["allocation_id"], "NetworkInterfaceId": interface.id}
association = findtext(element=request("AssociateAddress", **given), xpath="associationId", namespace=NAMESPACE)
address = [one for one in ec2.ex_describe_all_addresses() if one.ip == address.ip][0]
assert address.extra["association_id"] == association, address.extra
ask("answers", **{"from": "outside", "to": address.ip})

# A rule of its group, seen in traffic.
knock = {"from": peer.id, "to": web, "at": first.id, "port": port}
ask("blocked", **knock)
good(ec2.ex_authorize_security_group_ingress(group, port, port, cidr_ips=["10.0.0.0/16"]))
ask("passes", **knock)
good(ec2.ex_revoke_security_group_ingress(group, port, port, cidr_ips=["10.0.0.0/16"]))
ask("blocked", **knock)

# Off, and on to an instance on another host, with everything it has.
good(ec2.ex_detach_network_interface(attachment))
until("available", is_in("available"))
ask("silent", **{"from": peer.id, "to": web})
ask("silent", **{"from": "outside", "to": address.ip})
attachment = ec2.ex_attach_network_interface_to_node(interface, second, 1)
ask("answers", **{"from": peer.id, "to": web})
ask("answers", **{"from": peer.id, "to": second_address})
ask("answers", **{"from": "outside", "to": address.ip})

# Its instance ends: without DeleteOnTermination it stays, with it it goes along.
change = {"NetworkInterfaceId": interface.id, "Attachment.DeleteOnTermination": "false"}
request("ModifyNetworkInterfaceAttribute", **change, **{"Attachment.AttachmentId": attachment})
end(second)
until("available", is_in("available"))
ask("silent", **{"from": peer.id, "to": web})
attachment = ec2.ex_attach_network_interface_to_node(interface, first, 1)
ask("answers", **{"from": peer.id, "to": web})
ask("answers", **{"from": "outside", "to": address.ip})
until("attached", lambda: shown(interface).extra["attachment"]["status"] == "attached")
change["Attachment.DeleteOnTermination"] = "true"
request("ModifyNetworkInterfaceAttribute", **change, **{"Attachment.AttachmentId": attachment})
end(first)
assert shown(interface) is None
ask("silent", **{"from": peer.id, "to": web})
ask("silent", **{"from": "outside", "to": address.ip})
described = request("DescribeAddresses", AllocationId_1=address.extra["allocation_id"])
found = findall(element=described, xpath="addressesSet/item", namespace=NAMESPACE)
assert len(found) == 1 and findtext(element=found[0], xpath="associationId", namespace=NAMESPACE) is None

# Nothing is left.
good(ec2.ex_release_address(address, domain="vpc"))
end(peer)
good(ec2.ex_delete_security_group_by_id(group))
good(ec2.ex_delete_subnet(subnet))
good(ec2.ex_detach_internet_gateway(gateway, network))
good(ec2.ex_delete_internet_gateway(gateway))
good(ec2.ex_delete_network(network))
