# SPDX-License-Identifier: Apache-2.0
"""Live capture, case by case, each inside a network namespace of its own: `unshare -n python3
live_cases.py CASE FOLDER`. Two ends of a cable (wire0, wire1); the sensor watches one, the case sends
into the other. test_sensor_live.py runs them."""
import collections
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import link_master
import packets as p
from sensor import BIN, Sensor, until
from spine import Instance

DUMP = BIN.parent / "tests/support/spool_dump"


def ip(*args):
    subprocess.run(["ip", *args], check=True, timeout=20)


def cable():
    ip("link", "set", "lo", "up")
    ip("link", "add", "wire0", "type", "veth", "peer", "name", "wire1")
    for end in ("wire0", "wire1"):
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1")
        ip("link", "set", end, "up")
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("wire0", 0))
    return s


def send(s, frames):
    for _, frame in frames:
        s.send(frame)


def events(master, folder):
    done = subprocess.run([DUMP, master.spool(folder / "taken.tev")], capture_output=True, check=True, timeout=30)
    return [json.loads(line)["event"] for line in done.stdout.splitlines()]


def kinds(found):
    return collections.Counter(e["_path"] for e in found)


def records(folder):
    """What is on the wire is at the master within seconds, flows when they end."""
    wire, master = cable(), link_master.Master(folder)
    sensor = Sensor(folder, master, interfaces=["wire1"]).start()
    until(lambda: master.taken)
    time.sleep(0.3)
    began = time.time()
    send(wire, p.lookup(0) + p.fetch(0))
    until(lambda: kinds(events(master, folder))["http"] == 1, 5)
    took = time.time() - began
    assert took < 2.5, took
    found = events(master, folder)
    dns = next(e for e in found if e["_path"] == "dns")
    assert (dns["query"], dns["answers"]) == ("www.example.com", ["192.0.2.7"])
    assert abs(dns["ts"] - began) < 2, dns
    assert sensor.stop() == 0
    assert kinds(events(master, folder))["conn"] == 2  # ended by the farewell
    heads = [e for e in master.taken if e.kind == link_master.EVENTS]
    assert [e.sequence for e in master.taken] == list(range(len(master.taken)))
    assert all(e.flags == 0 for e in heads)
    untils = [e.complete_until for e in heads]
    assert untils == sorted(untils)
    assert not master.refusals, master.refusals
    assert oct((folder / "state/key").stat().st_mode & 0o777) == "0o600"
    assert master.TOKEN.split(":")[1] not in sensor.said()


def own_traffic(folder):
    """The sensor's own connection is left out, another one of the same interface is not."""
    cable()
    master = link_master.Master(folder)
    sensor = Sensor(folder, master, interfaces=["lo"]).start()
    until(lambda: master.taken)
    time.sleep(0.3)
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    peer, _ = server.accept()
    client.sendall(b"a line that nobody knows\n")
    assert peer.recv(100)
    for s in (client, peer, server):
        s.close()
    time.sleep(1.2)
    assert sensor.stop() == 0
    ports = [e["id.resp_p"] for e in events(master, folder) if e["_path"] == "conn"]
    assert ports == [port], ports


def tagged(folder):
    """A VLAN tag, which the kernel takes off, is where analysers look for it."""
    wire, master = cable(), link_master.Master(folder)
    sensor = Sensor(folder, master, interfaces=["wire1"]).start()
    until(lambda: master.taken)
    time.sleep(0.3)
    for _, frame in p.lookup(0):
        wire.send(frame[:12] + b"\x81\x00\x00\x2a" + frame[12:])
    until(lambda: kinds(events(master, folder))["dns"] == 1, 5)
    assert sensor.stop() == 0
    conn = next(e for e in events(master, folder) if e["_path"] == "conn")
    assert conn["vlan"] == 42, conn


def killed(folder):
    """Capture dies: what it had sent is there once, another one goes on, the pause is told."""
    wire, master = cable(), link_master.Master(folder)
    sensor = Sensor(folder, master, interfaces=["wire1"]).start()
    until(lambda: master.taken)
    time.sleep(0.3)
    send(wire, p.lookup(0, n=1, text="before.example.com"))
    until(lambda: kinds(events(master, folder))["dns"] == 1, 5)
    first = sensor.role("capture")
    os.kill(first, signal.SIGKILL)
    # What comes while nobody reads waits in the ring.
    send(wire, p.lookup(0, n=2, text="between.example.com"))
    until(lambda: sensor.role("capture") not in (None, first), 10)
    until(lambda: kinds(events(master, folder))["dns"] == 2, 10)
    os.kill(sensor.role("link"), signal.SIGKILL)
    send(wire, p.lookup(0, n=3, text="after.example.com"))
    until(lambda: kinds(events(master, folder))["dns"] == 3, 15)
    assert sensor.stop() == 0
    names = [e["query"] for e in events(master, folder) if e["_path"] == "dns"]
    assert names == ["before.example.com", "between.example.com", "after.example.com"], names
    gaps = [e for e in master.taken if e.kind == link_master.GAP]
    assert len(gaps) == 1 and gaps[0].last - gaps[0].first < 10e9, [vars(g) for g in gaps]
    assert [e.sequence for e in master.taken] == list(range(len(master.taken)))


def away(folder):
    """The master is away, then back at the same port: all is there, once and in order."""
    wire, master = cable(), link_master.Master(folder)
    sensor = Sensor(folder, master, interfaces=["wire1"]).start()
    until(lambda: master.taken)
    master.paused = True
    for n in range(1, 31):
        send(wire, p.lookup(0, n=n, text=f"name{n}.example.com"))
        time.sleep(0.05)
    time.sleep(1)
    master.paused = False
    until(lambda: kinds(events(master, folder))["dns"] == 30, 20)
    assert sensor.stop() == 0
    assert {e["query"] for e in events(master, folder) if e["_path"] == "dns"} == {
        f"name{n}.example.com" for n in range(1, 31)}
    assert [e.sequence for e in master.taken] == list(range(len(master.taken)))


def down(folder):
    """An interface goes down and comes back: capture lives on and sees it again, the master hears of both soon."""
    wire, master = cable(), link_master.Master(folder)
    master.hold_s = 25
    sensor = Sensor(folder, master, interfaces=["wire1"]).start()
    until(lambda: master.taken)
    pid = sensor.role("capture")
    ip("link", "set", "wire1", "down")
    until(lambda: "interface wire1" in sensor.said(), 5)
    until(lambda: [(s["interfaces"], s["interfaces_down"]) for s in master.statuses][-1:] == [(1, 1)], 5)
    ip("link", "set", "wire1", "up")
    ip("link", "set", "wire0", "up")
    time.sleep(0.5)
    send(wire, p.lookup(0))
    until(lambda: kinds(events(master, folder))["dns"] == 1, 5)
    assert sensor.role("capture") == pid
    until(lambda: master.statuses[-1]["interfaces_down"] == 0, 5)
    # Nothing more is to be told: it asks no more before the answer comes.
    asked = len(master.statuses)
    time.sleep(4)
    assert len(master.statuses) == asked <= 5, master.statuses
    assert sensor.stop() == 0


def reported(folder):
    """A running master shows within seconds that an interface of a sensor went down, and that it is back."""
    wire, instance = cable(), Instance(folder)
    try:
        client = instance.start().admin()
        daemon = subprocess.Popen([BIN / "thymus-vsensor", "--config", instance.sensor(lines=["interfaces: [wire1]"])],
                                  stderr=(folder / "errors").open("wb"), stdin=subprocess.DEVNULL)
        instance.others.append(daemon)

        def down():
            status = client.api("GET", "/status")
            told = [x["text"] for x in status["problems"] if x["code"] == "sensor_interface"]
            return [s["report"]["interfaces_down"] for s in status["sources"] if "report" in s], told
        until(lambda: down() == ([0], []))
        ip("link", "set", "wire1", "down")
        until(lambda: down()[0] == [1], 6)
        assert down()[1] == ['Sensor "office": 1 of 1 interfaces that it watches is down; nothing of it is seen.']
        ip("link", "set", "wire1", "up")
        ip("link", "set", "wire0", "up")
        time.sleep(0.5)
        send(wire, p.lookup(0))
        until(lambda: down() == ([0], []), 8)
    finally:
        instance.end()


def overload(folder):
    """More packets than the ring holds while capture does not come to read: counted, and told as a gap."""
    wire, master = cable(), link_master.Master(folder)
    master.hold_s = 25
    sensor = Sensor(folder, master, interfaces=["wire1"], ring_bytes="4M").start()
    until(lambda: master.taken)
    pid = sensor.role("capture")
    os.kill(pid, signal.SIGSTOP)
    frame = p.udp((10, 0, 0, 5), 5000, (10, 0, 0, 6), 6000, b"x" * 1400)
    for _ in range(8000):
        wire.send(frame)
    os.kill(pid, signal.SIGCONT)
    until(lambda: "packets dropped" in sensor.said(), 5)
    until(lambda: [e for e in master.taken if e.kind == link_master.GAP], 5)
    until(lambda: master.statuses[-1]["drops"] > 0, 5)
    assert sensor.role("capture") == pid
    assert sensor.stop() == 0
    gap = next(e for e in master.taken if e.kind == link_master.GAP)
    assert gap.lost == 0 and 0 < gap.last - gap.first < 60e9
    assert [e.sequence for e in master.taken] == list(range(len(master.taken)))


def mirror(folder):
    """The kernel's own VXLAN device brings a mirror's packets: two workers share them by what is inside, each
    conversation is one worker's, and it is told what it came in. Mirrored at both its ends it counts once."""
    cable()
    ip("addr", "add", "10.9.0.1/24", "dev", "wire0")
    ip("neigh", "add", "10.9.0.2", "lladdr", "02:00:00:00:00:02", "dev", "wire0")
    wires = []
    for vni in (42, 43):
        ip("link", "add", f"vx{vni}", "type", "vxlan", "id", str(vni), "remote", "10.9.0.2", "dev", "wire0", "dstport", "4789")
        pathlib.Path(f"/proc/sys/net/ipv6/conf/vx{vni}/disable_ipv6").write_text("1")
        ip("link", "set", f"vx{vni}", "up")
        wires.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        wires[-1].bind((f"vx{vni}", 0))
    master = link_master.Master(folder)
    sensor = Sensor(folder, master, interfaces=["wire1"], workers=2).start()
    until(lambda: len({e.run % 8 for e in master.taken}) == 2)
    time.sleep(0.3)
    clients = range(2, 62)
    for n in clients:
        for _, frame in p.lookup(0, n=n, client=(10, 0, 0, n)):
            for wire in wires:
                wire.send(frame)
    until(lambda: kinds(events(master, folder))["dns"] == len(clients))
    assert sensor.stop() == 0
    inner = [e for e in events(master, folder) if e["_path"] == "conn" and e["id.resp_p"] == 53]
    assert sorted(e["id.orig_h"] for e in inner) == sorted(f"10.0.0.{n}" for n in clients)
    assert all((e["orig_pkts"], e["resp_pkts"]) == (1, 1) for e in inner), inner[:3]
    assert all(e["tunnel"] in (["vxlan/10.9.0.1/42"], ["vxlan/10.9.0.1/43"]) for e in inner), inner[:3]
    share = collections.Counter()
    for e in master.taken:
        share[e.run % 8] += e.events
    assert all(share[w] >= 15 for w in (0, 1)), share
    assert not [e for e in master.taken if e.kind == link_master.GAP]
    assert [e.sequence for e in master.taken] == list(range(len(master.taken)))


if __name__ == "__main__":
    case, where = sys.argv[1:]
    globals()[case](pathlib.Path(where))
    print("done")
