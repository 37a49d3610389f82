# SPDX-License-Identifier: Apache-2.0
"""What is left out: by a filter in libpcap's language, by networks; recorded, and over the network. In live packets:
test_sensor_live.py."""
import json
import subprocess
import time

import pytest

import link_master
import packets as p
from sensor import BIN, Sensor, until


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "in.pcap"
    path.write_bytes(p.pcap(p.lookup(1000) + p.fetch(1001) + p.lookup(1002, n=2, text="other", client=(10, 0, 9, 9))))
    return path


def read(capture, *args):
    done = subprocess.run([BIN / "thymus-vsensor", "--read", capture, "--json", "-", *args], capture_output=True, text=True,
                          check=False, timeout=60)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def hosts(found, kind="conn"):
    return sorted({e["id.orig_h"] for e in found if e["_path"] == kind})


def test_filter_of_captures(capture):
    done, found = read(capture, "--filter", "not port 53")
    assert done.returncode == 0 and {e["_path"] for e in found} >= {"conn", "http"}
    assert not any(e["_path"] == "dns" for e in found)
    assert "4 packets were left out" in done.stderr
    _, found = read(capture, "--filter", "host 10.0.9.9")
    assert hosts(found) == ["10.0.9.9"]


def test_excluded_networks(capture):
    done, found = read(capture, "--exclude-net", "10.0.9.0/24", "--exclude-net", "192.0.2.7")
    assert hosts(found) == ["10.0.0.5"] and {e["_path"] for e in found} == {"conn", "dns"}
    assert "10 packets were left out" in done.stderr


@pytest.mark.parametrize("program, status, args", [("thymus-vsensor", 2, ["--read", "IN", "--json", "-"]),
                                                   ("thymusctl", 2, ["analyse", "IN"])])
def test_mistakes_are_placed(capture, program, status, args):
    args = [str(capture) if a == "IN" else a for a in args]
    for expression, said in [("not port 22 and hots 10.0.0.1", "at character 13, behind \"not port 22\""),
                             ("prt 22", "syntax error"), ("port 99999", "99999 > 65535")]:
        done = subprocess.run([BIN / program, *args, "--filter", expression], capture_output=True, text=True, check=False,
                              timeout=60)
        assert done.returncode == status and said in done.stderr, done.stderr


def test_analyse_takes_both(capture):
    done = subprocess.run([BIN / "thymusctl", "analyse", "--json", "--filter", "not port 53", "--exclude-net", "10.0.9.0/24",
                           capture], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0 and "4 packets were left out" in done.stderr, done.stderr


def test_configuration(tmp_path):
    master = link_master.Master(tmp_path)
    for more, said in [({"filter": "not port 22 and hots x"}, "line 7: filter: unknown port 'hots': at character 13"),
                       ({"exclude_networks": ["10.0.0.0/8", "x"]}, "line 7: exclude_networks: networks like")]:
        s = Sensor(tmp_path, master, **more)
        done = subprocess.run(s.command(), capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    master.close()


def test_feed_and_streams(capture, tmp_path):
    """The sensor's own filter and networks hold for what it is fed, and for what comes over TCP."""
    import socket
    from test_sensor_streams import events, free_port
    master, port = link_master.Master(tmp_path), free_port()
    s = Sensor(tmp_path, master, filter="not port 80", exclude_networks=["10.0.9.0/24"], pcap_listen=[f"127.0.0.1:{port}"])
    done = s.feed(capture)
    assert done.returncode == 0, done.stderr
    assert hosts(events(master, tmp_path)) == ["10.0.0.5"]
    assert {e["_path"] for e in events(master, tmp_path)} == {"conn", "dns"}
    s.start()
    until(lambda: s.role("stream"))
    now = time.time() - 5
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(p.pcap(p.fetch(now) + p.lookup(now, n=5, text="left.out", client=(10, 0, 9, 9)) +
                            p.lookup(now, n=6, text="wanted")))
        until(lambda: any(e.get("query") == "wanted" for e in events(master, tmp_path)))
    assert s.stop() == 0
    found = [e for e in events(master, tmp_path) if e["ts"] > 10**6]
    assert {e["_path"] for e in found} == {"conn", "dns"} and hosts(found) == ["10.0.0.5"]
    master.close()
