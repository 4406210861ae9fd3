#!/usr/bin/env python3
"""Holds answers of the EC2 API to botocore's service model.

Reads lines of JSON from standard input: {"service": "ec2", "action": "DescribeVpcs", "status": 200, "body": "<…>"}.
botocore's own parser must read each body, every element must be a member that the output's shape has, and every value must
have the form of its type. Prints one finding a line and fails if there are any; says how many answers it has seen.
"""

import json
import re
import sys
import xml.etree.ElementTree as ET

import botocore.loaders
import botocore.model
import botocore.parsers

FORMS = {
    "boolean": re.compile(r"true|false"),
    "integer": re.compile(r"-?\d+"),
    "long": re.compile(r"-?\d+"),
    "double": re.compile(r"-?\d+(\.\d+)?"),
    "float": re.compile(r"-?\d+(\.\d+)?"),
    "timestamp": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
}
# What EC2 itself answers beside the model's list, and says so in the member's documentation.
BESIDE = {("AttachmentStatus", "available")}
MODELS = {}


def model(service):
    if service not in MODELS:
        found = botocore.loaders.Loader().load_service_model(service, "service-2")
        MODELS[service] = botocore.model.ServiceModel(found, service)
    return MODELS[service]


def local(element):
    return element.tag.rsplit("}", 1)[-1]


def wire_name(name, shape):
    return shape.serialization.get("name", name)


def check(element, shape, path, findings):
    kind = shape.type_name
    if kind == "structure":
        members = {wire_name(name, member): member for name, member in shape.members.items()}
        seen = set()
        for child in element:
            name = local(child)
            if name not in members:
                findings.append(f"{path}: '{name}' is not a member of {shape.name}")
                continue
            if name in seen:
                findings.append(f"{path}: '{name}' comes twice")
            seen.add(name)
            check(child, members[name], f"{path}/{name}", findings)
        if element.text and element.text.strip():
            findings.append(f"{path}: text in a structure")
        for name in shape.required_members:
            if wire_name(name, shape.members[name]) not in seen:
                findings.append(f"{path}: '{name}' is required")
    elif kind == "list":
        item = wire_name("member", shape.member)
        for number, child in enumerate(element):
            if local(child) != item:
                findings.append(f"{path}: '{local(child)}' where a list has '{item}'")
                continue
            check(child, shape.member, f"{path}[{number}]", findings)
    else:
        text = element.text or ""
        if len(element):
            findings.append(f"{path}: elements in a {kind}")
        elif kind in FORMS and not FORMS[kind].fullmatch(text):
            findings.append(f"{path}: '{text}' is not a {kind}")
        elif kind == "string" and shape.enum and text not in shape.enum and (shape.name, text) not in BESIDE:
            findings.append(f"{path}: '{text}' is not one of {', '.join(shape.enum)}")


def errors(answer, root, findings):
    sts = answer["service"] == "sts"
    error = root.find(".//{*}Error") if sts else root.find("./Errors/Error")
    if error is None or error.find("{*}Code") is None or error.find("{*}Message") is None:
        findings.append("an error without Code and Message")


def validate(answer):
    findings = []
    service, action, body = answer["service"], answer["action"], answer["body"].encode()
    root = ET.fromstring(body)
    status = answer["status"]
    if status >= 300:
        errors(answer, root, findings)
    else:
        operation = model(service).operation_model(action)
        parser = botocore.parsers.create_parser(model(service).metadata["protocol"])
        parser.parse({"status_code": status, "headers": {}, "body": body}, operation.output_shape)
        if local(root) != f"{action}Response":
            findings.append(f"the root is '{local(root)}'")
        namespace = model(service).metadata["xmlNamespace"].rstrip("/")
        if not root.tag.startswith("{" + namespace):
            findings.append(f"the namespace of '{root.tag}' is not {namespace}")
        result = root
        if service == "sts":
            result = root.find("{*}" + operation.output_shape.serialization.get("resultWrapper", f"{action}Result"))
        for child in list(result):
            # Not part of any shape; and operations without output say that they have done it.
            if local(child) == "requestId" or (local(child) == "return" and operation.output_shape is None):
                result.remove(child)
        if operation.output_shape is not None:
            check(result, operation.output_shape, action, findings)
    return [f"{action}: {finding}" for finding in findings]


def main():
    count, bad = 0, 0
    for line in sys.stdin:
        if not line.strip():
            continue
        count += 1
        for finding in validate(json.loads(line)):
            bad += 1
            print(finding)
    print(f"{count} answers, {bad} findings")
    sys.exit(1 if bad or not count else 0)


if __name__ == "__main__":
    main()
