"""What makes fuzzing reach beyond "not found": ids of things that exist, in the places where they belong.

Schemathesis makes requests from the schemas alone, in which an id is any text. Most of them keep what it made; in the others, ids
are put in that earlier answers have shown, names and ranges that can be had.
"""

import atexit
import random

import schemathesis

# What the fields of bodies name, by the collection that it is in.
NAMED = {
    "floating_ip": "floating_ips",
    "ips": "reserved_ips",
    "network_acl": "network_acls",
    "primary_ip": "reserved_ips",
    "public_gateway": "public_gateways",
    "remote": "security_groups",
    "routing_table": "routing_tables",
    "security_groups": "security_groups",
    "source_network_acl": "network_acls",
    "subnet": "subnets",
    "target": "virtual_network_interfaces",
    "virtual_network_interface": "virtual_network_interfaces",
    "vpc": "vpcs",
}
KEPT = 200

seen: dict[str, list[str]] = {}
counts: dict[int, int] = {}
chance = random.Random(7)


def remember(value):
    """Keeps the ids that an answer shows, by collection."""
    if isinstance(value, list):
        for item in value:
            remember(item)
    elif isinstance(value, dict):
        parts = str(value.get("href", "")).partition("?")[0].split("/")
        if isinstance(value.get("id"), str) and len(parts) > 2 and parts[-1] == value["id"]:
            ids = seen.setdefault(parts[-2], [])
            if value["id"] not in ids:
                ids.append(value["id"])
                del ids[:-KEPT]
        for item in value.values():
            remember(item)


def known(collection):
    ids = seen.get(collection)
    return chance.choice(ids) if ids else None


def fill(value, key=None):
    """A body with things that exist in the places of some of the identities."""
    if isinstance(value, list):
        return [fill(item, key) for item in value]
    if not isinstance(value, dict):
        return value
    found = known(NAMED[key]) if key in NAMED else None
    if found and chance.random() < 0.8:
        return {"id": found}
    filled = {name: fill(item, name) for name, item in value.items()}
    if "name" in filled and chance.random() < 0.7:
        filled["name"] = f"n{chance.randrange(10**6)}"
    if "ipv4_cidr_block" in filled and chance.random() < 0.8:
        filled["ipv4_cidr_block"] = f"10.{chance.randrange(256)}.{chance.randrange(16) * 16}.0/20"
    return filled


@schemathesis.hook
def before_call(context, case, kwargs):
    parts = case.path.split("/")
    for collection, part in zip(parts, parts[1:]):
        if part.startswith("{") and chance.random() < 0.85:
            name = part[1:-1]
            found = known("virtual_network_interfaces" if collection == "targets" else collection)
            if found:
                case.path_parameters[name] = found
    if isinstance(case.body, dict) and chance.random() < 0.85:
        case.body = fill(case.body)
        if "zone" in case.body:
            case.body["zone"] = {"name": "local-1"}


@schemathesis.hook
def after_call(context, case, response):
    counts[response.status_code] = counts.get(response.status_code, 0) + 1
    if response.status_code < 300 and response.content:
        remember(response.json())


def report():
    print("answers by status:", " ".join(f"{status}:{count}" for status, count in sorted(counts.items())))


atexit.register(report)
