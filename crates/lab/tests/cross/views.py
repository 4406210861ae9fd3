"""Everything that there is of interfaces, as both clouds' clients show it: the same, or this fails. One line of JSON each."""

import json

import both
from ibm_vpc.vpc_v1 import VirtualNetworkInterfacesPager

by_ec2, by_ibm = {}, {}
for page in both.ec2.get_paginator("describe_network_interfaces").paginate(PaginationConfig={"PageSize": 5}):
    by_ec2 |= {one["NetworkInterfaceId"]: both.as_ec2_has_it(one) for one in page["NetworkInterfaces"]}
for one in both.ibm.all(VirtualNetworkInterfacesPager):
    by_ibm[one["id"]] = both.as_ibm_has_it(both.ibm.get_virtual_network_interface(id=one["id"]))
assert by_ec2.keys() == by_ibm.keys(), by_ec2.keys() ^ by_ibm.keys()
for interface, shown in by_ec2.items():
    assert shown == by_ibm[interface], f"{interface}\nEC2: {shown}\nIBM: {by_ibm[interface]}"
    # Told to the test in a list, because what scripts say as objects are checks.
    print(json.dumps([interface, shown]))
