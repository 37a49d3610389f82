# SPDX-License-Identifier: Apache-2.0
"""A master that is away while a sensor dies: everything is there once when it is over."""
import signal

import pytest
import spine
import verify
from feeds import count, says, start_feed


@pytest.fixture(name="instance")
def an_instance(tmp_path):
    i = spine.Instance(tmp_path / "i")
    yield i
    i.end()


def test_the_master_is_away_and_the_sensor_dies(instance, tmp_path):
    """Two at once: what was in the spool, and what was not yet, is there once."""
    path = spine.lab(tmp_path / "office.tev", "--seed", 3, "--devices", 40, "--start", "2026-03-03T10:00:00Z", "--hours", 3)
    first = spine.lab(tmp_path / "first.tev", "--seed", 4, "--devices", 30, "--start", "2026-03-02T10:00:00Z", "--hours", 1)
    instance.start()
    client = instance.admin()
    conf = instance.sensor()
    instance.feed(conf, first)
    instance.stop(signal.SIGKILL)
    process = start_feed(instance, conf, path)
    says(process, "cannot be reached")
    process.kill()
    process.wait(20)
    process = start_feed(instance, conf, path)
    instance.start()
    assert process.wait(90) == 0, process.said()
    assert verify.check_log(verify.settle(client, instance.path)) == count(first) + count(path)
    assert sum(verify.rows_of(client).values()) == count(first) + count(path)
