"""What every life on IBM's API begins with and ends with: a VPC with a subnet, and machines in it."""

import os

import typed
from lab import until

ibm = typed.client()
zone = os.environ["PINTLE_ZONE"]


def make(range, part):
    """A VPC of this range, and a subnet that is a part of it; their ids."""
    vpc = ibm.create_vpc(address_prefix_management="manual").id
    ibm.create_vpc_address_prefix(vpc_id=vpc, cidr=range, zone={"name": zone})
    subnet = ibm.create_subnet(subnet_prototype={"vpc": {"id": vpc}, "zone": {"name": zone}, "ipv4_cidr_block": part}).id
    until("available", lambda: ibm.get_subnet(id=subnet).status == "available")
    return vpc, subnet


def open_group(vpc):
    """The id of the VPC's default group, which lets its members in among each other, and everything out."""
    return ibm.get_vpc_default_security_group(id=vpc).id


def machine():
    """What a prototype of an instance says of the machine itself."""
    return {"profile": {"name": ibm.list_instance_profiles().profiles[0].name}, "image": {"id": ibm.list_images().images[0].id}}


def instance(vpc, interface, name):
    """A running instance whose first interface is this one; its id."""
    made = ibm.create_instance(instance_prototype={
        **machine(), "name": name, "vpc": {"id": vpc}, "zone": {"name": zone},
        "primary_network_attachment": {"virtual_network_interface": interface}}).id
    until("running", lambda: ibm.get_instance(id=made).status == "running")
    return made


def bare_metal_server(vpc, name, primary, **more):
    """A running bare metal server whose primary network attachment is this one; its id."""
    image = ibm.list_images().images[0].id
    made = ibm.create_bare_metal_server(bare_metal_server_prototype={
        "name": name, "vpc": {"id": vpc}, "zone": {"name": zone}, "profile": {"name": "metal"},
        "initialization": {"image": {"id": image}, "keys": []}, "primary_network_attachment": primary, **more}).id
    until("running", lambda: ibm.get_bare_metal_server(id=made).status == "running")
    return made


def end(instance):
    """Deletes an instance and waits until it is gone."""
    ibm.delete_instance(id=instance)
    until("gone", lambda: all(one.id != instance for one in ibm.list_instances(limit=100).instances))


def end_server(server):
    """Deletes a bare metal server and waits until it is gone."""
    ibm.delete_bare_metal_server(id=server)
    until("gone", lambda: all(one.id != server for one in ibm.list_bare_metal_servers(limit=100).bare_metal_servers))


def remove(vpc, subnet):
    ibm.delete_subnet(id=subnet)
    ibm.delete_vpc(id=vpc)
