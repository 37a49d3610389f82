# SPDX-License-Identifier: Apache-2.0
"""`thymus-vsensor --config` with flow_listen: what exporters send over loopback arrives as connections."""
import json
import subprocess
import time

import exporter as x
import link_master
import pytest
from sensor import BIN, Sensor, until

DUMP = BIN.parent / "tests/support/spool_dump"


@pytest.fixture(name="master")
def a_master(tmp_path):
    m = link_master.Master(tmp_path)
    yield m
    m.close()


@pytest.fixture(name="sensor")
def a_sensor(tmp_path, master):
    port = x.free_port()
    s = Sensor(tmp_path, master, flow_listen=[f"127.0.0.1:{port}"], flow_from=["127.0.0.0/29"],
               exclude_networks=["198.51.100.0/24"])
    s.port = port
    s.start()
    until(lambda: master.taken)
    yield s
    s.kill()


def conns(sensor, master, tmp_path):
    """Of all that was sent, once the sensor has ended and told what waited."""
    assert sensor.stop() == 0, sensor.said()
    done = subprocess.run([DUMP, master.spool(tmp_path / "taken.tev")], capture_output=True, check=True, timeout=30)
    found = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    return sorted((e for e in found if e["_path"] == "conn"), key=lambda e: e["id.orig_p"])


def fetch(port, now, octets=5000):
    there = x.Flow("10.1.0.5", port, "192.0.2.80", 443, 1200, 10, now - 8, now - 3)
    return there, there.back(octets, 12)


def test_three_formats_on_one_port(sensor, master, tmp_path):
    now = time.time()
    a, b, c = (fetch(40000 + i, now, 5000 + i) for i in range(3))
    x.send(sensor.port,
           x.v5(a, now, 1),
           x.v9([x.data(256, [x.v9_record(f, now) for f in b])], now, 1),  # before its template
           x.v9([x.template(256, x.V9_FIELDS, 0)], now, 2),
           x.ipfix([x.template(300, x.IPFIX_FIELDS, 2), x.data(300, [x.ipfix_record(f) for f in c])], now, 0))
    time.sleep(1.5)
    found = conns(sensor, master, tmp_path)
    assert [e["told_by"] for e in found] == ["netflow v5 127.0.0.1", "netflow v9 127.0.0.1", "ipfix 127.0.0.1"]
    for i, e in enumerate(found):
        assert (e["id.orig_h"], e["id.resp_h"], e["id.resp_p"]) == ("10.1.0.5", "192.0.2.80", 443)
        assert (e["orig_ip_bytes"], e["resp_ip_bytes"]) == (1200, 5000 + i)
        assert (e["orig_pkts"], e["resp_pkts"], e["conn_state"]) == (10, 12, "SF")
        assert abs(e["ts"] - (now - 8)) < 1.1 and abs(e["duration"] - 5) < 0.1, e
        assert e["community_id"].startswith("1:")
    untils = [e.complete_until for e in master.taken if e.kind == link_master.EVENTS]
    assert untils == sorted(untils)
    assert not master.refusals


def test_a_stranger_is_not_read(sensor, master, tmp_path):
    now = time.time()
    x.send(sensor.port, x.v5(fetch(40000, now), now, 1), source="127.0.0.9")
    x.send(sensor.port, x.v5(fetch(40001, now), now, 1))
    time.sleep(1)
    until(lambda: "127.0.0.9 is not in flow_from" in sensor.said(), 5)
    assert [e["id.orig_p"] for e in conns(sensor, master, tmp_path)] == [40001]


def test_what_is_excluded_is_not_told(sensor, master, tmp_path):
    now = time.time()
    left_out = x.Flow("10.1.0.5", 40001, "198.51.100.9", 443, 1200, 10, now - 8, now - 3)
    x.send(sensor.port, x.v5((*fetch(40000, now), left_out), now, 1))
    until(lambda: master.latest().get("excluded") == 1, 15)
    assert [e["id.orig_p"] for e in conns(sensor, master, tmp_path)] == [40000]


def test_what_numbers_say_is_lost_is_a_gap(sensor, master, tmp_path):
    now = time.time()
    x.send(sensor.port, x.v5(fetch(40000, now), now, 100), x.v5(fetch(40001, now), now, 102 + 40))
    until(lambda: any(e.kind == link_master.GAP for e in master.taken), 10)
    assert "40 records or datagrams of flow exporters were lost" in sensor.said()
    assert len(conns(sensor, master, tmp_path)) == 2


def test_an_old_clock_is_put_right(sensor, master, tmp_path):
    now, wrong = time.time(), time.time() - 86400 * 400
    x.send(sensor.port, x.v5(fetch(40000, wrong), wrong, 1))
    time.sleep(1)
    (found,) = conns(sensor, master, tmp_path)
    assert abs(found["ts"] - (now - 8)) < 3, found
    assert "the clock of 1 flow exporters is off" in sensor.said()


def test_garbage_ends_nothing(sensor, master, tmp_path):
    now = time.time()
    bomb = [x.template(256 + i, [(8, 4)] * 30, 0) for i in range(400)]
    x.send(sensor.port, b"", b"\0", b"\0\x09", bytes(1400), x.v9(bomb, now, 1), x.ipfix([b"\0\2\0\0"], now, 0),
           *(x.v9([x.data(9999, [bytes(1200)])], now, n) for n in range(2, 100)), x.v5(fetch(40000, now), now, 1))
    time.sleep(1)
    assert len(conns(sensor, master, tmp_path)) == 1


@pytest.mark.parametrize("more,words", [
    ({"flow_listen": ["127.0.0.1:9"]}, "both or neither"),
    ({"flow_listen": ["2055"], "flow_from": ["10.0.0.0/8"]}, "flow_listen"),
    ({"flow_listen": ["127.0.0.1:9"], "flow_from": ["everybody"]}, "flow_from"),
    ({"flow_listen": ["127.0.0.1:9"], "flow_from": ["10.0.0.0/8"], "workers": 8}, "1 to 7"),
])
def test_a_wrong_configuration_is_told(tmp_path, master, more, words):
    s = Sensor(tmp_path, master, **more)
    done = subprocess.run(s.command(), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and words in done.stderr, done.stderr
