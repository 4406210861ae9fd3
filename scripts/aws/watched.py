"""boto3 clients whose every answer is held to the service model, for tests."""

import boto3
import validate
from botocore.exceptions import ClientError

# What answers did not have as the model has it, and the actions that were answered.
FINDINGS = []
SEEN = set()


def watched(service, **options):
    """A client of this service; what is wrong with its answers comes into FINDINGS."""
    client = boto3.client(service, **options)

    def look(response_dict, event_name="", **_):
        action = event_name.rsplit(".", 1)[-1]
        SEEN.add(action)
        status, body = response_dict["status_code"], response_dict["body"].decode()
        FINDINGS.extend(validate.validate({"service": service, "action": action, "status": status, "body": body}))

    client.meta.events.register(f"before-parse.{service}.*", look)
    return client


def refused(code, status, call, **arguments):
    """The call must fail so."""
    try:
        call(**arguments)
    except ClientError as error:
        got = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert got == (code, status), f"{got} instead of {(code, status)}: {error}"
    else:
        raise AssertionError(f"{code} was expected")


def end():
    """Says what was used, and fails if any answer was wrong."""
    assert not FINDINGS, "\n".join(FINDINGS)
    print("actions:", ", ".join(sorted(SEEN)))
