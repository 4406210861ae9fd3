"""VPCs, subnets, DHCP options and defaults by boto3; every answer is held to the service model."""

import watched
from botocore.config import Config
from watched import refused as refused_with

ec2 = watched.watched("ec2", config=Config(retries={"max_attempts": 1}))


def refused(code, call, **arguments):
    refused_with(code, 400, call, **arguments)


def tagged(kind):
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": "by boto3"}]}]


# What an account begins with.
[default] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
assert default["CidrBlock"] == "172.31.0.0/16" and default["IsDefault"]
[subnet] = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [default["VpcId"]]}])["Subnets"]
assert subnet["DefaultForAz"] and subnet["MapPublicIpOnLaunch"] and subnet["AvailabilityZoneId"] == "local-az1"
refused("DefaultVpcAlreadyExists", ec2.create_default_vpc)
refused("DefaultSubnetAlreadyExistsInAvailabilityZone", ec2.create_default_subnet, AvailabilityZone="local-1")
ec2.delete_subnet(SubnetId=subnet["SubnetId"])
assert ec2.create_default_subnet(AvailabilityZone="local-1")["Subnet"]["CidrBlock"] == subnet["CidrBlock"]
[attribute] = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"]
assert attribute["AttributeValues"][0]["AttributeValue"] == default["VpcId"]
ec2.describe_account_attributes()

# A VPC's life.
vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", AmazonProvidedIpv6CidrBlock=True, TagSpecifications=tagged("vpc"))["Vpc"]
vpc_id = vpc["VpcId"]
ec2.get_waiter("vpc_available").wait(VpcIds=[vpc_id])
ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
assert ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]
for attribute in ["enableDnsSupport", "enableNetworkAddressUsageMetrics"]:
    ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)
second = ec2.associate_vpc_cidr_block(VpcId=vpc_id, CidrBlock="10.10.0.0/16")["CidrBlockAssociation"]
ec2.disassociate_vpc_cidr_block(AssociationId=second["AssociationId"])
sixth = ec2.associate_vpc_cidr_block(VpcId=vpc_id, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]
ec2.disassociate_vpc_cidr_block(AssociationId=sixth["AssociationId"])

# A subnet's life.
v6 = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.9.1.0/24", TagSpecifications=tagged("subnet"))["Subnet"]
subnet_id = subnet["SubnetId"]
ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet_id])
association = ec2.associate_subnet_cidr_block(SubnetId=subnet_id, Ipv6CidrBlock=v6)["Ipv6CidrBlockAssociation"]
ec2.modify_subnet_attribute(SubnetId=subnet_id, AssignIpv6AddressOnCreation={"Value": True})
[shown] = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]
assert shown["AssignIpv6AddressOnCreation"] and shown["AvailableIpAddressCount"] == 251
ec2.modify_subnet_attribute(SubnetId=subnet_id, AssignIpv6AddressOnCreation={"Value": False})
ec2.disassociate_subnet_cidr_block(AssociationId=association["AssociationId"])
reservation = ec2.create_subnet_cidr_reservation(
    SubnetId=subnet_id,
    Cidr="10.9.1.64/26",
    ReservationType="prefix",
    Description="for later",
    TagSpecifications=tagged("subnet-cidr-reservation"),
)["SubnetCidrReservation"]
[found] = ec2.get_subnet_cidr_reservations(SubnetId=subnet_id)["SubnetIpv4CidrReservations"]
assert found == reservation
ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=reservation["SubnetCidrReservationId"])

# A set of DHCP options.
options = ec2.create_dhcp_options(
    DhcpConfigurations=[
        {"Key": "domain-name", "Values": ["corp.example"]},
        {"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]},
        {"Key": "netbios-node-type", "Values": ["2"]},
    ],
    TagSpecifications=tagged("dhcp-options"),
)["DhcpOptions"]
ec2.associate_dhcp_options(VpcId=vpc_id, DhcpOptionsId=options["DhcpOptionsId"])
refused("DependencyViolation", ec2.delete_dhcp_options, DhcpOptionsId=options["DhcpOptionsId"])
ec2.associate_dhcp_options(VpcId=vpc_id, DhcpOptionsId="default")
ec2.delete_dhcp_options(DhcpOptionsId=options["DhcpOptionsId"])
assert len(list(ec2.get_paginator("describe_dhcp_options").paginate(PaginationConfig={"PageSize": 5}))) == 1

refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc_id)
ec2.delete_subnet(SubnetId=subnet_id)
ec2.delete_vpc(VpcId=vpc_id)
refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[vpc_id])

watched.end()
