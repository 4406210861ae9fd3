"""The whole life of an interface by boto3, each step checked by packets; every answer is held to the service model."""

import os

import watched
from botocore.config import Config
from lab import ask, until
from watched import refused

ec2 = watched.watched("ec2", config=Config(retries={"max_attempts": 1}))
zone = os.environ["PINTLE_ZONE"]
web, second_address, port = "10.0.1.50", "10.0.1.51", 8080


def wait(name, **ids):
    ec2.get_waiter(name).wait(**ids, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def launch(subnet, **more):
    made = ec2.run_instances(ImageId="ami-00000000000000001", InstanceType="t3.small", MinCount=1, MaxCount=1,
                             SubnetId=subnet, **more)
    return made["Instances"][0]["InstanceId"]


def shown(interface):
    return ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]


# A network with a way out.
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
wait("vpc_available", VpcIds=[vpc])
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
wait("subnet_available", SubnetIds=[subnet])
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
table = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"][0]["RouteTableId"]
ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
group = ec2.create_security_group(GroupName="web", Description="what the interface lets in", VpcId=vpc)["GroupId"]
ping = [{"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=ping)

# Three instances; the first two are on different hosts.
first, second, peer = launch(subnet), launch(subnet), launch(subnet)
wait("instance_running", InstanceIds=[first, second, peer])
ask("apart", these=[first, second])

# Created and attached, it answers.
made = ec2.create_network_interface(SubnetId=subnet, Description="web", PrivateIpAddress=web, Groups=[group],
                                    TagSpecifications=[{"ResourceType": "network-interface",
                                                        "Tags": [{"Key": "Name", "Value": "web"}]}])
interface = made["NetworkInterface"]["NetworkInterfaceId"]
wait("network_interface_available", NetworkInterfaceIds=[interface])
assert shown(interface)["TagSet"] == [{"Key": "Name", "Value": "web"}]
attachment = ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=first, DeviceIndex=1)["AttachmentId"]
until("attached", lambda: shown(interface)["Attachment"]["Status"] == "attached")
assert shown(interface)["Status"] == "in-use", shown(interface)
ask("answers", **{"from": peer, "to": web})
refused("InvalidNetworkInterface.InUse", 400, ec2.delete_network_interface, NetworkInterfaceId=interface)

# A second address, and a public one.
assigned = ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=[second_address])
assert [one["PrivateIpAddress"] for one in assigned["AssignedPrivateIpAddresses"]] == [second_address]
ask("answers", **{"from": peer, "to": second_address})
address = ec2.allocate_address(Domain="vpc")
allocation, public = address["AllocationId"], address["PublicIp"]
ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=interface, PrivateIpAddress=web)
assert shown(interface)["Association"]["PublicIp"] == public
ask("answers", **{"from": "outside", "to": public})

# A rule of its group, seen in traffic.
knock = {"from": peer, "to": web, "at": first, "port": port}
ask("blocked", **knock)
http = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}]
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=http)
ask("passes", **knock)
ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=http)
ask("blocked", **knock)

# Off, and on to an instance on another host, with everything it has.
ec2.detach_network_interface(AttachmentId=attachment)
wait("network_interface_available", NetworkInterfaceIds=[interface])
ask("silent", **{"from": peer, "to": web})
ask("silent", **{"from": "outside", "to": public})
attachment = ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=second, DeviceIndex=1)["AttachmentId"]
ask("answers", **{"from": peer, "to": web})
ask("answers", **{"from": peer, "to": second_address})
ask("answers", **{"from": "outside", "to": public})

# Its instance ends: without DeleteOnTermination it stays, with it it goes along.
kept = {"AttachmentId": attachment, "DeleteOnTermination": False}
ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Attachment=kept)
ec2.terminate_instances(InstanceIds=[second])
wait("instance_terminated", InstanceIds=[second])
wait("network_interface_available", NetworkInterfaceIds=[interface])
ask("silent", **{"from": peer, "to": web})
attachment = ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=first, DeviceIndex=1)["AttachmentId"]
ask("answers", **{"from": peer, "to": web})
ask("answers", **{"from": "outside", "to": public})
until("attached", lambda: shown(interface)["Attachment"]["Status"] == "attached")
goes = {"AttachmentId": attachment, "DeleteOnTermination": True}
ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Attachment=goes)
ec2.terminate_instances(InstanceIds=[first])
wait("instance_terminated", InstanceIds=[first])
refused("InvalidNetworkInterfaceID.NotFound", 400, ec2.describe_network_interfaces, NetworkInterfaceIds=[interface])
ask("silent", **{"from": peer, "to": web})
ask("silent", **{"from": "outside", "to": public})
assert "AssociationId" not in ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]

# Nothing is left.
ec2.release_address(AllocationId=allocation)
ec2.terminate_instances(InstanceIds=[peer])
wait("instance_terminated", InstanceIds=[peer])
ec2.delete_security_group(GroupId=group)
ec2.delete_subnet(SubnetId=subnet)
ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
ec2.delete_internet_gateway(InternetGatewayId=gateway)
ec2.delete_vpc(VpcId=vpc)
watched.end()
