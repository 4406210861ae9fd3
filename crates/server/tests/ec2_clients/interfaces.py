"""An interface's life by boto3; every answer is held to the service model."""

import os
import urllib.error
import urllib.request

import boto3
import watched
from botocore import UNSIGNED
from botocore.config import Config
from watched import refused


def get(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


CONFIG = Config(retries={"max_attempts": 1})
ec2 = watched.watched("ec2", config=CONFIG)
sts = watched.watched("sts", config=CONFIG)
subnet = os.environ["PINTLE_SUBNET"]

# Who and where.
assert sts.get_caller_identity()["Account"] == "123456789012"
assert [region["RegionName"] for region in ec2.describe_regions()["Regions"]] == ["local"]
zones = ec2.describe_availability_zones()["AvailabilityZones"]
assert [(zone["ZoneName"], zone["State"]) for zone in zones] == [("local-1", "available")]
ec2.describe_account_attributes()

# The interface's life.
refused("DryRunOperation", 412, ec2.create_network_interface, SubnetId=subnet, DryRun=True)
made = ec2.create_network_interface(
    SubnetId=subnet,
    Description="ä <first> & 'last'",
    PrivateIpAddresses=[
        {"PrivateIpAddress": "10.0.0.50", "Primary": True},
        {"PrivateIpAddress": "10.0.0.51", "Primary": False},
    ],
    ConnectionTrackingSpecification={"UdpTimeout": 45},
)["NetworkInterface"]
eni = made["NetworkInterfaceId"]
assert made["Description"] == "ä <first> & 'last'", made
assert [ip["PrivateIpAddress"] for ip in made["PrivateIpAddresses"]] == ["10.0.0.50", "10.0.0.51"]
assert made["ConnectionTrackingConfiguration"]["UdpTimeout"] == 45
ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[eni])
others = [ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"] for _ in range(11)]
pages = ec2.get_paginator("describe_network_interfaces").paginate(
    Filters=[{"Name": "subnet-id", "Values": [subnet]}], PaginationConfig={"PageSize": 5}
)
listed = [[one["NetworkInterfaceId"] for one in page["NetworkInterfaces"]] for page in pages]
assert sorted(sum(listed, [])) == sorted([eni, *others]) and [len(page) for page in listed] == [5, 5, 2], listed
found = ec2.describe_network_interfaces(Filters=[{"Name": "addresses.private-ip-address", "Values": ["10.0.0.5?"]}])
assert [one["NetworkInterfaceId"] for one in found["NetworkInterfaces"]] == [eni]

# What goes wrong.
refused("DryRunOperation", 412, ec2.delete_network_interface, NetworkInterfaceId=eni, DryRun=True)
refused("InvalidIPAddress.InUse", 400, ec2.create_network_interface, SubnetId=subnet, PrivateIpAddress="10.0.0.50")
refused("InvalidSubnetID.NotFound", 400, ec2.create_network_interface, SubnetId="subnet-0ffffffffffffffff")
refused("InvalidNetworkInterfaceId.Malformed", 400, ec2.delete_network_interface, NetworkInterfaceId="eni-x")
refused("InvalidAction", 400, ec2.describe_carrier_gateways)
refused("InvalidParameterValue", 400, ec2.describe_network_interfaces, Filters=[{"Name": "colour", "Values": ["red"]}])
refused(
    "InvalidParameterCombination", 400, ec2.describe_network_interfaces, NetworkInterfaceIds=[eni], MaxResults=5
)

# Who it is not.
OWN = {
    "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
    "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
    "region_name": "local",
}
for change in [
    {"aws_secret_access_key": "x" * 40},
    {"aws_access_key_id": "AKIA" + "Z" * 16},
    {"region_name": "nowhere"},
    {"aws_session_token": "borrowed"},
]:
    refused("AuthFailure", 401, boto3.client("ec2", config=CONFIG, **{**OWN, **change}).describe_regions)
stranger = {**OWN, "aws_secret_access_key": "x" * 40}
refused("SignatureDoesNotMatch", 403, boto3.client("sts", config=CONFIG, **stranger).get_caller_identity)
with_no_key = boto3.client("ec2", config=CONFIG.merge(Config(signature_version=UNSIGNED)))
refused("MissingAuthenticationToken", 403, with_no_key.describe_regions)

# By a link that carries its own signature.
link = ec2.generate_presigned_url("describe_regions", HttpMethod="GET", ExpiresIn=300)
status, body = get(link)
assert status == 200 and "<regionName>local</regionName>" in body, (link, status, body)
forged = link.replace("Action=DescribeRegions", "Action=DescribeVpcs")
assert forged != link and get(forged)[0] == 401, get(forged)

for one in [eni, *others]:
    ec2.delete_network_interface(NetworkInterfaceId=one)
assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []

watched.end()
