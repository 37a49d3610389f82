# SPDX-License-Identifier: Apache-2.0
"""Live capture, case by case, each inside a network namespace of its own: `unshare -n python3
live_cases.py CASE FOLDER`. Two ends of a cable (wire0, wire1); the sensor watches one, the case sends
into the other. test_sensor_live.py runs them."""
import collections
import contextlib
import fcntl
import ipaddress
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback

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


def events(master, folder, worker=None):
    done = subprocess.run([DUMP, master.spool(folder / "taken.tev", worker)], capture_output=True, check=True, timeout=30)
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


def frames_of(pcap):
    """Those of a libpcap file, of little-endian numbers."""
    magic = struct.unpack_from("<I", pcap)[0]
    assert magic in (0xa1b2c3d4, 0xa1b23c4d), hex(magic)
    at, found = 24, []
    while at < len(pcap):
        size = struct.unpack_from("<I", pcap, at + 8)[0]
        found.append(pcap[at + 16:at + 16 + size])
        at += 16 + size
    return found


def kept(folder):
    """A flow's packets, asked for at a real master, are those that went over the wire, and no others."""
    wire = cable()
    instance = Instance(folder / "all").start()
    keep = folder / "keep"
    keep.mkdir()
    os.chown(keep, 65534, 65534)
    conf = instance.sensor("office", ["interfaces: [wire1]", f"keep: {keep}", "keep_payload: all"])
    with (folder / "errors").open("ab") as errors, subprocess.Popen(
            [BIN / "thymus-vsensor", "--config", conf], stderr=errors, stdin=subprocess.DEVNULL) as sensor:
        instance.others.append(sensor)
        try:
            client = instance.admin()
            until(lambda: [x for x in client.api("GET", "/status")["sources"] if x.get("report")], 30)
            time.sleep(0.5)
            began = time.time()
            flow, other = p.fetch(0), p.lookup(0)
            send(wire, other + flow)
            time.sleep(3)
            stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (began - 5, time.time() + 5)]
            ends = [".".join(map(str, flow[0][1][at:at + 4])) for at in (26, 30)]
            ask = client.api("POST", "/packets", {"wish": {"host": ends[0], "peer": ends[1], "proto": 6,
                                                           "from": stamp[0], "to": stamp[1]}})
            done = until(lambda: next(a for a in client.api("GET", "/packets")["asks"] if a["id"] == ask["id"] and
                                      a["state"] in ("done", "failed")) if [
                a for a in client.api("GET", "/packets")["asks"] if a["finished"]] else None, 60)
            assert done["state"] == "done", done
            got = frames_of(client.ask("GET", f"/api/v1/packets/{ask['id']}.pcap").body)
            assert [f[:len(frame)] for f, (_, frame) in zip(got, flow)] == [frame for _, frame in flow]
            assert len(got) == len(flow) == done["packets"], (len(got), len(flow), done)
        finally:
            instance.end()


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


def filtered(folder):
    """What the filter leaves out the kernel keeps away, whether or not it is tagged; what comes from excluded networks is
    counted apart from what was lost."""
    wire, master = cable(), link_master.Master(folder)
    sensor = Sensor(folder, master, interfaces=["wire1"], filter="not port 80", exclude_networks=["10.0.9.0/24"],
                    workers=2).start()
    until(lambda: len({e.run % 8 for e in master.taken}) == 2)
    time.sleep(0.3)
    send(wire, p.fetch(0) + p.lookup(0, n=1, text="left.example.com", client=(10, 0, 9, 9)))
    for _, frame in p.fetch(0, port=50001):
        wire.send(frame[:12] + b"\x81\x00\x00\x2a" + frame[12:])
    send(wire, p.lookup(0, n=2, text="wanted.example.com"))
    until(lambda: kinds(events(master, folder, 0) + events(master, folder, 1))["dns"] == 1, 10)
    until(lambda: master.latest().get("packets") == 4, 10, show=master.latest)
    left_out = 2 + 2 * len(p.fetch(0))  # by the networks, and by the filter in the kernel
    until(lambda: master.latest().get("excluded") == left_out, 10, show=master.latest)
    assert master.statuses[-1]["drops"] == 0, master.statuses[-1]
    assert sensor.stop() == 0
    found = events(master, folder, 0) + events(master, folder, 1)
    assert kinds(found) == {"dns": 1, "conn": 1}, kinds(found)


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


def killed_of_two(folder):
    """Roles of a sensor with two workers die while packets come: nothing is there twice, what is not there lies in a
    pause that was told, no event comes that was said to be passed."""
    wire, master = cable(), link_master.Master(folder)
    sensor = Sensor(folder, master, interfaces=["wire1"], workers=2).start()
    until(lambda: len({e.run % 8 for e in master.taken}) == 2)
    time.sleep(0.3)
    sent = {}

    def look_up(count):
        for _ in range(count):
            text = f"name{len(sent)}.example.com"
            sent[text] = time.time()
            send(wire, p.lookup(0, n=len(sent), text=text, client=(10, 0, 0, 2 + len(sent) % 200)))
            time.sleep(0.01)
    for victim in (("capture", 0), ("capture", 1), ("link", 0), ("capture", 1), ("link", 0), ("capture", 0)):
        look_up(30)
        pid = sensor.role(*victim)
        os.kill(pid, signal.SIGKILL)
        look_up(30)
        until(lambda v=victim, old=pid: sensor.role(*v) not in (None, old), 10)
    look_up(30)
    time.sleep(0.3)
    assert sensor.stop() == 0
    told = [e for e in events(master, folder) if e["_path"] == "dns"]
    names = collections.Counter(e["query"] for e in told)
    gaps = [e for e in master.taken if e.kind == link_master.GAP]
    assert len(gaps) == 4, [vars(g) for g in gaps]
    assert set(names.values()) == {1}, [e for e in told if names[e["query"]] > 1][:6]
    missing = [t for text, t in sent.items() if text not in names]
    untold = [t for t in missing if not any(g.first <= t * 1e9 <= g.last for g in gaps)]
    assert not untold and len(missing) < len(sent) / 2, (len(missing), untold, [(g.first, g.last) for g in gaps])
    passed = 0
    for e in master.taken:
        assert e.kind == link_master.GAP or not e.events or e.first >= passed, vars(e)
        passed = max(passed, e.complete_until if e.kind == link_master.EVENTS else 0)
    assert [e.sequence for e in master.taken] == list(range(len(master.taken)))


def seen_twice(folder):
    """Both ends of the cable are watched: what passes counts once, and the master hears how much was left out. What
    is sent again counts again."""
    wire, master = cable(), link_master.Master(folder)
    sensor = Sensor(folder, master, interfaces=["wire0", "wire1"], workers=2).start()
    until(lambda: len({e.run % 8 for e in master.taken}) == 2)
    time.sleep(0.3)
    for _ in range(2):
        send(wire, p.lookup(0))
        time.sleep(0.2)
    until(lambda: master.latest().get("copies") == 4, 5)
    assert sensor.stop() == 0
    conn, = (e for e in events(master, folder) if e["_path"] == "conn")
    assert (conn["orig_pkts"], conn["resp_pkts"]) == (2, 2), conn


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


def down(folder, **more):
    """An interface goes down and comes back: capture lives on and sees it again, the master hears of both soon."""
    wire, master = cable(), link_master.Master(folder)
    master.hold_s = 25
    sensor = Sensor(folder, master, interfaces=["wire1"], **more).start()
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
    until(lambda: master.latest().get("interfaces_down") == 0, 5)
    # Nothing more is to be told: it asks no more before the answer comes.
    asked = len(master.statuses)
    time.sleep(4)
    assert len(master.statuses) == asked <= 5, master.statuses
    assert sensor.stop() == 0


def down_for_two(folder):
    """The same of two workers, of whom one gets no packet when it is back: it is one interface."""
    down(folder, workers=2)


def down_at_first(folder):
    """An interface that is down when the sensor starts, and one role that ends meanwhile: it is told, also by the
    role that comes next; when it is up, before any packet comes, that is told too."""
    wire, master = cable(), link_master.Master(folder)
    ip("link", "set", "wire1", "down")
    sensor = Sensor(folder, master, interfaces=["wire1"]).start()
    until(lambda: [(s["interfaces"], s["interfaces_down"]) for s in master.statuses][-1:] == [(1, 1)], 10)
    first = sensor.role("capture")
    os.kill(first, signal.SIGKILL)
    until(lambda: sensor.role("capture") not in (None, first), 10)
    told = len(master.statuses)
    until(lambda: len(master.statuses) > told + 3, 30)
    assert all(s["interfaces_down"] == 1 for s in master.statuses[told:]), master.statuses
    ip("link", "set", "wire1", "up")
    until(lambda: master.latest().get("interfaces_down") == 0, 10)
    ip("link", "set", "wire0", "up")
    time.sleep(0.5)
    send(wire, p.lookup(0))
    until(lambda: kinds(events(master, folder))["dns"] == 1, 5)
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
    until(lambda: master.latest().get("drops", 0) > 0, 5)
    assert sensor.role("capture") == pid
    assert sensor.stop() == 0
    gap = next(e for e in master.taken if e.kind == link_master.GAP)
    assert gap.lost == 0 and 0 < gap.last - gap.first < 60e9
    assert [e.sequence for e in master.taken] == list(range(len(master.taken)))


def tunnel_device(name):
    """A network device whose packets come from here; the kernel refuses what is no IP, and counts it as lost there."""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", name.encode(), 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
    pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    ip("link", "set", name, "up")
    return fd


def losses(folder):
    """Losses at the interface and at the ring: what the sensor says was lost is what was sent and not recorded."""
    wire, master = cable(), link_master.Master(folder)
    tunnel = tunnel_device("tun0")
    before = 3
    for _ in range(before):  # of before the sensor's time
        with contextlib.suppress(OSError):
            os.write(tunnel, b"\0" * 100)
    master.hold_s = 25
    sensor = Sensor(folder, master, interfaces=["wire1", "tun0"], ring_bytes="4M").start()
    until(lambda: master.taken)
    pid = sensor.role("capture")
    os.kill(pid, signal.SIGSTOP)
    frame = p.udp((10, 0, 0, 5), 5000, (10, 0, 0, 6), 6000, b"x" * 1400)
    sent = refused = 0
    for _ in range(8000):
        wire.send(frame)
        sent += 1
    for n in range(50):
        os.write(tunnel, frame[14:])
        sent += 1
        if n % 5 == 0:
            with contextlib.suppress(OSError):
                os.write(tunnel, b"\0" * 100)  # neither version 4 nor 6
            refused += 1
    os.kill(pid, signal.SIGCONT)

    def figure():
        s = master.latest()
        return s and s["packets"] + s["drops"] == sent and s["nic_lost"] == refused and s
    said = until(figure, 10)
    assert said["drops"] > 100 and said["excluded"] == 0, said
    assert sensor.stop() == 0
    recorded = sum(e["orig_pkts"] + e["resp_pkts"] for e in events(master, folder) if e["_path"] == "conn")
    lost = sent + refused - recorded
    assert said["drops"] + said["nic_lost"] == lost - said["copies"], (said, recorded)
    share = (said["drops"] + said["nic_lost"]) / (said["drops"] + said["nic_lost"] + said["packets"])
    assert abs(share - (lost - said["copies"]) / (sent + refused)) < 1e-9


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


def tunnels(folder):
    """Each way in which a mirror may wrap packets, as frames on the wire: what is inside is seen, and who sent it."""
    wire, master = cable(), link_master.Master(folder)
    sensor = Sensor(folder, master, interfaces=["wire1"]).start()
    until(lambda: master.taken)
    time.sleep(0.3)
    expected = {}
    for n, (told, wrap) in enumerate(p.TUNNELS.items(), 2):
        client = (10, 0, 0, n)
        expected[f"10.0.0.{n}"] = [told]
        send(wire, [(0, wrap(frame)) for _, frame in p.lookup(0, n=n, client=client) + p.fetch(0, port=50000 + n, client=client)])
    until(lambda: kinds(events(master, folder))["http"] == len(expected))
    assert sensor.stop() == 0
    found = events(master, folder)
    assert kinds(found)["dns"] == kinds(found)["http"] == len(expected), kinds(found)
    told = {e["id.orig_h"]: e["tunnel"] for e in found if e["_path"] == "conn"}
    assert told == expected, told


def in_vlan(frame):
    return frame[:12] + b"\x81\x00\x00\x2a" + frame[12:]


def in_two_vlans(frame):
    return frame[:12] + b"\x88\xa8\x00\x07\x81\x00\x00\x2a" + frame[12:]


def in_ipv6(frame):
    """The datagram of an IPv4 packet between the same two in IPv6; no checksum, which nobody checks."""
    ends = [b"\x20\x01\x0d\xb8" + bytes(8) + frame[at:at + 4] for at in (26, 30)]
    return (frame[:12] + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(frame) - 34, 17, 64) + b"".join(ends) +
            frame[34:])


def in_fragments(frame):
    """The IPv4 packet in two: the second has no ports."""
    head, body = frame[14:34], frame[34:]
    def one(at, size, more):
        part = body[at:at + size]
        return frame[:14] + head[:2] + struct.pack("!HHH", 20 + len(part), 7, more << 13 | at // 8) + head[8:] + part
    return [one(0, 24, 1), one(24, len(body) - 24, 0)]


def in_vxlan(frame):
    return p.udp((10, 9, 0, 1), 5555, (10, 9, 0, 2), 4789, b"\x08\0\0\0\0\0\x2a\0" + in_vlan(frame))


def in_gre(head, skip=14):
    return lambda frame: p.ip4((10, 9, 0, 1), (10, 9, 0, 2), 47, bytes.fromhex(head) + frame[skip:])


def in_gtpu(head):
    return lambda frame: p.udp((10, 9, 0, 1), 2152, (10, 9, 0, 2), 2152, bytes.fromhex(head) + frame[14:])


WAYS = [lambda f: [f], lambda f: [in_vlan(f)], lambda f: [in_two_vlans(f)], lambda f: [in_ipv6(f)], in_fragments] + [
    lambda f, wrap=wrap: [wrap(f)] for wrap in (
        in_vxlan,
        in_gre("00000800"), in_gre("20000800" "0000004d"), in_gre("b0000800" "00000000" "0000004d" "00000001"),
        in_gre("30006558" "0000004d" "00000001", 0),  # Ethernet
        in_gre("000088be", 0), in_gre("100088be" "00000001" "1000fd5500000000", 0),  # ERSPAN I and II
        in_gre("100022eb" "00000001" "200001560000000000000001" "3000000000000000", 0),  # and III
        lambda f: in_gre("00000800")(in_gre("00000800")(f)),  # two deep
        lambda f: in_gre("00006558", 0)(in_vxlan(f)),
        lambda f: p.udp((10, 9, 0, 1), 5555, (10, 9, 0, 2), 4754, bytes.fromhex("20000800" "0000004d") + f[14:]),
        lambda f: p.ip4((10, 9, 0, 1), (10, 9, 0, 2), 4, f[14:]),
        lambda f: p.ip4((10, 9, 0, 1), (10, 9, 0, 2), 41, in_ipv6(f)[14:]),
        in_gtpu("30ff0000" "00000007"), in_gtpu("32ff0000" "00000007" "00010000"),  # a number
        in_gtpu("34ff0000" "00000007" "00000085" "01100900"),  # 5G's extension
        in_gtpu("34ff0000" "00000007" "00000085" "02100900000000c0" "01000000"))]


def way_of(client):
    return ipaddress.ip_address(client).packed[-2]


def dealt(folder):
    """With two workers, whatever the packets are in, what two hosts say to each other is one worker's: also where
    one side's packets come in and the other's go out, as on a router or on one of the two hosts."""
    wire, master = cable(), link_master.Master(folder)
    own = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    own.bind(("wire1", 0))
    sensor = Sensor(folder, master, interfaces=["wire1"], workers=2).start()
    until(lambda: len({e.run % 8 for e in master.taken}) == 2)
    time.sleep(0.3)
    clients = [(10, 0, k, n) for k in range(len(WAYS)) for n in range(2, 22)]
    for answering in (wire, own):
        for n, client in enumerate(clients):
            port = 100 if answering is wire else 200
            query, answer = (f for _, f in p.lookup(0, n=n + port, client=client))
            for f in WAYS[client[2]](query):
                wire.send(f)
            for f in WAYS[client[2]](answer):
                answering.send(f)
    time.sleep(0.3)
    assert sensor.stop() == 0  # it reads what came before the word to end
    found = [[e for e in events(master, folder, worker) if e["_path"] == "conn"] for worker in (0, 1)]
    wrong = [e for e in sum(found, []) if (e["orig_pkts"], e["resp_pkts"]) not in ((1, 1), (2, 2))]
    assert len(sum(found, [])) == 2 * len(clients) and not wrong, (len(sum(found, [])), wrong[:3])
    for way in range(len(WAYS)):
        share = [sum(way_of(e["id.orig_h"]) == way for e in of) for of in found]
        assert min(share) >= 10, (way, share)
    assert not [e for e in master.taken if e.kind == link_master.GAP]


if __name__ == "__main__":
    case, where = sys.argv[1:]
    os.setpgrp()
    try:
        globals()[case](pathlib.Path(where))
    except BaseException:  # said at once, and nothing left behind: a sensor that ran on would hold this one's pipes
        traceback.print_exc()
        sys.stderr.flush()
        os.killpg(0, signal.SIGKILL)
    print("done")
