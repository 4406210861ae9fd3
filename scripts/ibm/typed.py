"""IBM's client for the VPC API, unmodified, whose every answer is read by the SDK's own classes, for tests."""

import json
import re
from types import SimpleNamespace

import model_classes
from ibm_cloud_sdk_core import ApiException
from ibm_vpc import VpcV1

# What answers did not have as the classes have it, and the operations that were answered.
FINDINGS = []
SEEN = set()
# What IBM's own API does not have, and this one has (docs/dialects.md): rules for IPv6.
BESIDE = re.compile(r"ip_version: 'ipv6' is none of \['ipv4'\]$")


class Watched:
    """A client; what is wrong with its answers comes into FINDINGS."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        method = getattr(self._client, name)
        try:
            model_classes.result_class(name)
        except KeyError:
            return method

        def call(**arguments):
            response = method(**arguments)
            SEEN.add(name)
            found = model_classes.validate(name, response.get_result())
            FINDINGS.extend(finding for finding in found if finding not in FINDINGS and not BESIDE.search(finding))
            return response

        return call


class Loose(SimpleNamespace):
    """What an SDK's class should have been: fields as attributes."""

    def __getitem__(self, name):
        return vars(self)[name]

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)


class Typed:
    """The same, with objects of the SDK's classes as results. The client that the SDK's pagers take is `watched`."""

    def __init__(self, watched):
        self.watched = watched

    def __getattr__(self, name):
        method = getattr(self.watched, name)

        def call(**arguments):
            body = method(**arguments).get_result()
            try:
                return model_classes.typed(name, body)
            except ValueError:
                # That is a finding already; the script goes on with what there is.
                return json.loads(json.dumps(body), object_hook=lambda fields: Loose(**fields))

        return call

    def all(self, pager, **arguments):
        """Everything that one of the SDK's pagers finds, two things a page."""
        return pager(client=self.watched, limit=2, **arguments).get_all()


def client(service="vpc"):
    """One that is told where the API is and who asks by its environment (VPC_URL, VPC_AUTH_TYPE and the like), as the SDK reads it."""
    return Typed(Watched(VpcV1.new_instance(service_name=service)))


def refused(code, status, call, **arguments):
    """The call must fail so; the error."""
    try:
        call(**arguments)
    except ApiException as error:
        body = error.http_response.json()
        assert body["trace"] and body["errors"][0]["message"], body
        got = (body["errors"][0]["code"], error.status_code)
        assert got == (code, status), f"{got} instead of {(code, status)}: {body}"
        return body["errors"][0]
    raise AssertionError(f"{code} was expected")


def refusal(call, **arguments):
    """The words with which the call must be refused."""
    try:
        call(**arguments)
    except ApiException as error:
        body = error.http_response.json()
        assert 400 <= error.status_code < 500 and "there is nothing at" not in body["errors"][0]["message"], body
        return body["errors"][0]["message"]
    raise AssertionError("it was expected to be refused")


def end():
    """Says what was used, and fails if any answer was wrong."""
    print("operations:", ", ".join(sorted(SEEN)))
    assert not FINDINGS, "\n".join(FINDINGS)
