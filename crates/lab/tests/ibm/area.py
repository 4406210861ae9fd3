"""The operations of IBM's SDK that are about networks and what they need, and which of them have been called."""

import inspect
import re

from ibm_vpc.vpc_v1 import VpcV1

FAMILIES = re.compile(r"/(bare_metal_servers|floating_ips|flow_log_collectors|images|instance/profiles|instances|keys|network_acls"
                      r"|public_gateways|regions|security_groups|shares|subnets|virtual_network_interfaces|vpcs)(/|$)")
# What these resources have beside that: the insides of machines, disks, snapshots, images that one makes, names.
BESIDE = re.compile(r"/(accessor_bindings|bare_metal_server_profiles|cluster_network_attachments|console_access_token|deprecate|disks"
                    r"|dns_resolution_bindings|export_jobs|failover|firmware|initialization|instance_profiles|obsolete|reinitialize"
                    r"|snapshots|software_attachments|source|volume_attachments)(/|$)")
MADE_BY_THE_SERVER = re.compile(r"/images(/|$)")
# IBM's own older way to the default routing table's routes.
OLDER = re.compile(r"/vpcs/\{vpc_id\}/routes(/|$)")


def all_operations():
    """Name to verb and path."""
    found = {}
    for name, method in inspect.getmembers(VpcV1, inspect.isfunction):
        source = inspect.getsource(method)
        verb, path = re.search(r"method='(\w+)'", source), re.search(r"url = '([^']+)'", source)
        if verb and path:
            found[name] = (verb[1], path[1])
    return found


def operations():
    def within(verb, path):
        changed = verb != "GET" and MADE_BY_THE_SERVER.match(path)
        return FAMILIES.match(path) and not (BESIDE.search(path) or OLDER.match(path) or changed)

    return {name: (verb, path) for name, (verb, path) in all_operations().items() if within(verb, path)}


def missing(seen):
    """What has not been called, with verb and path."""
    return [f"{name} ({verb} {path})" for name, (verb, path) in sorted(operations().items()) if name not in seen]
