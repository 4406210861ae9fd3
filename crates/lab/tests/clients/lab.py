"""What a script says to the test that runs it: the test sends the packets and tells whether what should hold holds."""

import json
import sys
import time


def ask(check, **details):
    """Fails unless it holds."""
    print(json.dumps({"check": check, **details}), flush=True)
    answer = json.loads(sys.stdin.readline())
    assert "error" not in answer, answer["error"]


def until(what, holds, seconds=30):
    """Asks until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
