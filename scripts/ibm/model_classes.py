#!/usr/bin/env python3
"""Holds answers of the VPC API to the model classes of IBM's SDK.

Reads lines of JSON from standard input: {"operation": "get_vpc", "body": {…}}. The class that the SDK's method names as its
result must take each body, every field must be one that the class has, required ones must be there, and every value must be of
its field's type and among its field's words. Prints one finding a line and fails if there are any; says how many it has seen.
"""

import enum
import functools
import inspect
import json
import re
import sys
import typing
from datetime import datetime

from ibm_vpc import vpc_v1

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
NAMES = {**vars(vpc_v1), **vars(typing), "datetime": datetime}
RESULT = re.compile(r":rtype: DetailedResponse(?: with `dict` result representing an? `(\w+)` object)?")


@functools.cache
def result_class(operation):
    """The class of a method's result; None: it has no body. KeyError: the SDK has no such operation."""
    method = getattr(vpc_v1.VpcV1, operation, None)
    found = RESULT.search(inspect.getdoc(method) or "") if method else None
    if not found:
        raise KeyError(f"IBM's SDK has no operation '{operation}'")
    return vars(vpc_v1)[found[1]] if found[1] else None


@functools.cache
def fields(model):
    """A class's fields: name to type and whether it must be there."""
    hints = typing.get_type_hints(model.__init__, NAMES)
    parameters = list(inspect.signature(model.__init__).parameters.values())[1:]
    named = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    # What is a word of Python's has an underscore there, and none on the wire.
    return {one.name.rstrip("_"): (hints.get(one.name, dict), one.default is one.empty) for one in named}


@functools.cache
def words(model, name):
    """The words that a field may have; None: any."""
    nested = vars(model).get("".join(part.capitalize() for part in name.split("_")) + "Enum")
    return {word.value for word in nested} if nested and issubclass(nested, enum.Enum) else None


@functools.cache
def kinds(model):
    """The classes that an object of a class may be of: the ones that stand for it, or itself."""
    below = [kind for child in model.__subclasses__() for kind in kinds(child)]
    whole = "Cannot instantiate base class" not in inspect.getsource(model.__init__)
    return tuple(below) + ((model,) if whole else ())


def check(value, kind, path):
    """What is wrong with a value of this type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        return check(value, next(one for one in arguments if one is not type(None)), path)
    if origin in (list, typing.List):
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [finding for at, item in enumerate(value) for finding in check(item, arguments[0], f"{path}[{at}]")]
    if kind is datetime:
        return [] if isinstance(value, str) and TIME.fullmatch(value) else [f"{path}: {value!r} is no time"]
    if inspect.isclass(kind) and kind.__module__ == vpc_v1.__name__:
        return min((check_object(value, one, path) for one in kinds(kind)), key=len)
    if kind is float:
        kind = (int, float)
    plain = isinstance(value, kind if inspect.isclass(kind) or isinstance(kind, tuple) else object)
    right = plain and (kind is bool or not isinstance(value, bool))
    return [] if right else [f"{path}: {value!r} is not of type {kind}"]


def check_object(value, model, path):
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no {model.__name__}"]
    findings, known = [], fields(model)
    for name, (kind, required) in known.items():
        if name not in value:
            findings += [f"{path}: {model.__name__} has '{name}'"] * required
            continue
        findings += check(value[name], kind, f"{path}.{name}")
        allowed = words(model, name)
        given = value[name] if isinstance(value[name], list) else [value[name]]
        findings += [f"{path}.{name}: '{one}' is none of {sorted(allowed)}" for one in given if allowed and one not in allowed]
    findings += [f"{path}: {model.__name__} has no '{name}'" for name in value if name not in known]
    return findings


def typed(operation, body):
    """The body as an object of the SDK's class. ValueError, as the SDK raises it, if that does not take it."""
    model = result_class(operation)
    if model is None:
        return None
    # A class that only stands for others can't be made from anything.
    reads = model if hasattr(model, "from_dict") else min(kinds(model), key=lambda kind: len(check_object(body, kind, "")))
    return reads.from_dict(body)


def validate(operation, body):
    """What is wrong with the body of an operation's answer."""
    model = result_class(operation)
    if model is None:
        return [] if body in (None, "", b"") else [f"{operation}: it has no result, and got {body!r}"]
    try:
        typed(operation, body)
    except (ValueError, TypeError, AttributeError) as error:
        return [f"{operation}: {error}"] + check(body, model, operation)
    return check(body, model, operation)


def main():
    count, bad = 0, 0
    for line in sys.stdin:
        if not line.strip():
            continue
        answer = json.loads(line)
        count += 1
        for finding in validate(answer["operation"], answer["body"]):
            bad += 1
            print(finding)
    print(f"{count} answers, {bad} findings")
    sys.exit(1 if bad or not count else 0)


if __name__ == "__main__":
    main()
