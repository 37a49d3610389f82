# SPDX-License-Identifier: Apache-2.0
"""The hours of the overview have the events that a search finds in them, also when one batch has
those of many hours."""
import datetime
import pathlib
import re
import tempfile
import time

import pytest

import spine

pytestmark = pytest.mark.skipif(not (spine.BIN / "thymus-master").exists(), reason="the master is not built")
HOURS = 9


def text(at_s):
    return datetime.datetime.fromtimestamp(at_s, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="thymus-test-") as f:  # pytest's own is closed to the roles
        yield pathlib.Path(f)


def test_hours(folder):
    instance = spine.Instance(folder)
    start_s = (int(time.time()) // 3600 - 20) * 3600
    try:
        instance.start()
        client = instance.admin()
        events = spine.lab(folder / "hours.tev", "--seed", 3, "--devices", 18, "--start", text(start_s),
                           "--hours", HOURS)
        said = instance.feed(instance.sensor(), events)
        sent = int(re.findall(r"(\d+) events fed", said)[-1])

        def shown():
            hours = {h["time"]: h["events"] for h in client.api("GET", "/overview")["activity"]}
            return hours if sum(hours.values()) >= sent else None

        hours = spine.wait_until("the overview has all events", shown)
        assert sum(hours.values()) == sent
        kinds = ",".join(k["name"] for k in client.api("GET", "/fields")["kinds"] if k["name"] != "metric")
        spine.wait_until("a search finds all", lambda: client.api(
            "GET", f"/search?q=*&kind={kinds}&histogram=1&limit=1")["total"] == sent)
        for n in range(HOURS):
            begin, end = text(start_s + n * 3600), text(start_s + (n + 1) * 3600)
            found = client.api("GET", f"/search?q=*&kind={kinds}&from={begin}&to={end}&histogram=1&limit=1")["total"]
            shown_then = next(v for at, v in hours.items() if at[:13] == begin[:13])
            assert shown_then == found, (begin, hours)
    finally:
        instance.end()
