"""The clients of both clouds, and what each shows of an interface, in the same words."""

import typed
import watched

ibm, ec2 = typed.client(), watched.watched("ec2")


def as_ec2_has_it(shown):
    attachment, public = shown.get("Attachment", {}), shown.get("Association", {})
    return {
        "mac": shown["MacAddress"], "subnet": shown["SubnetId"], "vpc": shown["VpcId"], "zone": shown["AvailabilityZone"],
        "primary": shown["PrivateIpAddress"], "addresses": [one["PrivateIpAddress"] for one in shown["PrivateIpAddresses"]],
        "groups": sorted(one["GroupId"] for one in shown["Groups"]), "goes with its target": attachment.get("DeleteOnTermination", False),
        "attachment": attachment.get("AttachmentId"), "instance": attachment.get("InstanceId"),
        "public": [public["PublicIp"]] if public else []}


def as_ibm_has_it(shown):
    public = ibm.list_network_interface_floating_ips(virtual_network_interface_id=shown.id).floating_ips
    return {
        "mac": shown.mac_address, "subnet": shown.subnet.id, "vpc": shown.vpc.id, "zone": shown.zone.name,
        "primary": shown.primary_ip.address, "addresses": [one.address for one in shown.ips],
        "groups": sorted(one.id for one in shown.security_groups), "goes with its target": shown.auto_delete,
        "attachment": shown.target and shown.target["id"], "instance": shown.target and instance_of(shown.target),
        "public": [one.address for one in public]}


def instance_of(target):
    """IBM shows the instance of an attachment in its URL only: …/instances/<id>/network_attachments/<id>."""
    return target["href"].split("/")[-3]


def same(interface):
    """What both say of it."""
    ours = as_ec2_has_it(ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0])
    theirs = as_ibm_has_it(ibm.get_virtual_network_interface(id=interface))
    assert ours == theirs, f"EC2: {ours}\nIBM: {theirs}"
    return ours
