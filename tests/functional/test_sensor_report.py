# SPDX-License-Identifier: Apache-2.0
"""What a sensor says of itself stands on System Status; when it last sent is known of each."""
import contextlib
import os
import subprocess
import time

import pytest
from spine import BIN, Instance, lab, wait_until


@pytest.fixture(name="instance")
def _instance(tmp_path):
    for parent in (tmp_path, *tmp_path.parents[:2]):
        if parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    made = Instance(tmp_path)
    yield made.start()
    made.end()


def source(client):
    sources = client.api("GET", "/status")["sources"]
    return sources[0] if sources else {}


def test_a_report_of_a_sensor_is_shown(instance, tmp_path):
    client = instance.admin()
    conf = instance.sensor()
    instance.feed(conf, lab(str(tmp_path / "events"), "--devices", 18, "--hours", 1, "--seed", 5))
    enrolled = client.api("GET", "/sensors")["sensors"][0]
    # Without interfaces it watches nothing, sends what its spool has and asks for commands.
    with subprocess.Popen([BIN / "thymus-vsensor", "--config", conf], stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL) as daemon:
        instance.others.append(daemon)
        report = wait_until("it reports", lambda: source(client).get("report"))
        daemon.terminate()
        daemon.wait(20)
    assert report["sensor"] == enrolled["id"]
    assert report["drops"] == 0 and report["spool_dropped"] == 0 and report["events_lost"] == 0
    assert report["queue"] <= 1  # it may not have heard yet that its last batch is there
    assert 0 <= report["spool_bytes"] <= report["spool_limit_bytes"]
    assert source(client)["lost"]["capture_drops"] == 0
    wait_until("its events are counted", lambda: source(client)["events"] > 0)


def test_last_seen_is_the_last_batch(instance, tmp_path):
    client = instance.admin()
    conf = instance.sensor()
    instance.feed(conf, lab(str(tmp_path / "one"), "--devices", 18, "--hours", 1, "--seed", 5))
    first = client.api("GET", "/sensors")["sensors"][0]
    time.sleep(1.1)  # times are told in whole seconds by some
    instance.feed(conf, lab(str(tmp_path / "two"), "--devices", 18, "--hours", 1, "--seed", 6))
    wait_until("it was seen again", lambda: client.api("GET", "/sensors")["sensors"][0]["last_seen"] >
               first["last_seen"], timeout_s=30)
    last = client.api("GET", "/sensors")["sensors"][0]
    assert last["first_seen"] == first["first_seen"]
    with contextlib.suppress(KeyError):
        assert last["last_seen"] >= source(client)["last_batch"][:19]


def test_settings_name_what_there_is(instance):
    client = instance.admin()
    good = client.api("GET", "/settings")
    assert good["data_bytes"] == 64 << 30  # until somebody changes it, what instance.conf says
    assert client.api("PUT", "/settings", {**good, "time_zone": "Asia/Tokyo", "retention_days": {"conn": 7}})
    for wrong in ({"retention_days": {"connections": 7}}, {"time_zone": "Asia/Atlantis"}):
        answer = client.api("PUT", "/settings", {**good, **wrong}, want=400)
        assert next(iter(wrong)) in answer["error"]["message"]
