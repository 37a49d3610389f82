# SPDX-License-Identifier: Apache-2.0
"""Disks that are full, one place after the other: nobody ends, System Status names it, and when there is room
again everything is there once."""
import os

import pytest
import spine
import verify
from disks import can_mount, fill, holds, shows, shows_none_of, small_disk
from feeds import count, start_feed

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="small disks (tmpfs) take root"),
              pytest.mark.skipif(os.geteuid() == 0 and not can_mount(), reason="this system lets nobody mount a tmpfs")]


@pytest.fixture(name="instance")
def an_instance(tmp_path):
    i = spine.Instance(tmp_path / "i")
    yield i
    i.end()


def test_the_logs_disk(instance, files):
    """Sensors are told to wait, and do."""
    conf = instance.path / "instance.conf"
    conf.write_text(conf.read_text().replace("log_bytes: 8G", "log_bytes: 64M"))
    log = instance.path / "log"
    with small_disk(log, "64M"):
        instance.start()
        client = instance.admin()
        sensor = instance.sensor()
        instance.feed(sensor, files / "3.tev")
        fill(log)
        process = start_feed(instance, sensor, files / "4.tev")
        spine.wait_until("the sensor waits", lambda: "takes nothing at the moment" in process.said(), 30)
        shows(client, "log_full", "log_write")
        assert process.poll() is None
        (log / "ballast").unlink()
        assert process.wait(60) == 0, process.said()
        shows_none_of(client, "log_full", "log_write")
        holds(client, instance, count(files / "3.tev") + count(files / "4.tev"))
        instance.stop()


def test_the_segments_disk(instance, files):
    """What is taken stays in the log; what was stored stays, too."""
    segments = instance.path / "segments"
    with small_disk(segments, "600M"):
        instance.start()
        client = instance.admin()
        sensor = instance.sensor()
        instance.feed(sensor, files / "3.tev")
        before = count(files / "3.tev")
        holds(client, instance, before)
        fill(segments)
        instance.feed(sensor, files / "4.tev")  # to its end: the log takes it
        shows(client, "disk_full", "segments", "catalogue")
        (segments / "ballast").unlink()
        holds(client, instance, before + count(files / "4.tev"))
        shows_none_of(client, "disk_full", "segments", "catalogue")
        instance.stop()


def test_the_spools_disk(instance, files):
    """The sensor says so, takes no more meanwhile, and loses nothing of what is recorded."""
    instance.start()
    client = instance.admin()
    sensor = instance.sensor()
    spool = sensor.parent / "spool"
    with small_disk(spool, "8M"):
        fill(spool, 300 << 10)
        process = start_feed(instance, sensor, files / "3.tev")
        spine.wait_until("the sensor says that its disk is full", lambda: "nothing is taken until it can be written" in process.said(),
                         30)
        assert process.poll() is None
        (spool / "ballast").unlink()
        assert process.wait(60) == 0, process.said()
        holds(client, instance, count(files / "3.tev"))


def test_the_accounts_disk(instance):
    """Nothing is changed that cannot be kept."""
    state = instance.path / "state"
    with small_disk(state, "8M"):
        instance.start()
        client = instance.admin()
        settings = client.api("GET", "/settings")
        fill(state)
        changed = {**settings, "alerts_per_day": settings["alerts_per_day"] + 1}
        refused = spine.wait_until("a change is refused", lambda: next((a for a in [
            client.ask("PUT", "/api/v1/settings", changed)] if a.status >= 500), None), 30)
        assert "error" in refused.json
        shows(client, "state_storage", "role_down")
        (state / "ballast").unlink()
        spine.wait_until("a change is kept", lambda: client.ask("PUT", "/api/v1/settings", changed).status == 200, 30)
        assert client.api("GET", "/settings")["alerts_per_day"] == changed["alerts_per_day"]
        shows_none_of(client, "state_storage", "role_down")
        instance.stop()
