# SPDX-License-Identifier: Apache-2.0
"""The packet keep, case by case, each inside a network namespace of its own: `unshare -n python3
keep_cases.py CASE FOLDER`. tcpdump watches the same end of the cable as the sensor: what is kept has to
be what it saw. test_keep.py runs them."""
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

import link_master
import packets as p
from live_cases import cable, ip
from sensor import BIN, Sensor, until
from spine import Instance, roles_of

A, B, OTHER = (10, 0, 0, 5), (192, 0, 2, 7), (10, 0, 9, 9)
SECRET = b"a secret of somebody "


def text(address):
    return ".".join(map(str, address))


def read_pcap(data):
    """[(time in ns, bytes on the wire, frame)]"""
    magic, _, _, _, _, _, linktype = struct.unpack("<IHHiIII", data[:24])
    assert (magic, linktype) == (0xa1b23c4d, 1), (hex(magic), linktype)
    found, at = [], 24
    while at < len(data):
        s, ns, kept, wire = struct.unpack("<4I", data[at:at + 16])
        found.append((s * 10**9 + ns, wire, data[at + 16:at + 16 + kept]))
        at += 16 + kept
    assert at == len(data)
    return found


class Dump:
    """What tcpdump sees."""

    def __init__(self, folder, *filter_):
        self.file = folder / "wire.pcap"
        self.process = subprocess.Popen(
            ["tcpdump", "-i", "wire1", "-p", "-U", "--immediate-mode", "-B", "65536", "-s", "0", "--time-stamp-precision=nano", "-w", self.file,
             "-Z", "root", *filter_], stderr=subprocess.PIPE, text=True)
        assert "listening" in self.process.stderr.readline()

    def stop(self):
        time.sleep(0.3)
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=10)[1]
        assert "0 packets dropped by kernel" in said, said
        return read_pcap(self.file.read_bytes())


def begin(folder, **more):
    wire, master = cable(), link_master.Master(folder)
    values = {"interfaces": ["wire1"], "keep": str(folder / "keep"), "keep_bytes": "64M", **more}
    sensor = Sensor(folder, master, **values).start()
    until(lambda: master.taken and sensor.role("keep"))
    time.sleep(0.3)
    return wire, master, sensor


def ask(sensor, *args, status=0, host=A):
    """Packets by the command line, and what it said. Status None: the ring may take files away meanwhile."""
    out = sensor.folder / "found.pcap"
    done = subprocess.run(sensor.command("--packets", out, "--host", text(host), *args), capture_output=True, text=True,
                          timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == status or (status is None and done.returncode in (0, 3)), (done.returncode, done.stderr)
    return read_pcap(out.read_bytes()) if done.returncode in (0, 3) else [], done.stderr


def log(sensor):
    return [json.loads(line) for line in (sensor.folder / "state/packets.log").read_text().splitlines()]


def kept(sensor, host, count, *args):
    """Waits until so many are found."""
    return until(lambda: (lambda found: found if len(found) >= count else None)(ask(sensor, "--peer", text(host), *args)[0]))


def datagrams(count, size=400, port=7000, source=A, target=B):
    return [p.udp(source, port, target, 9, struct.pack("!I", n) + SECRET * (size // len(SECRET))) for n in range(count)]


def flow(folder):
    """A flow among others, all of it: the frames and times that tcpdump saw."""
    wire, _, sensor = begin(folder, keep_payload="all")
    dump = Dump(folder, "host", text(A), "and", "host", text(B), "and", "tcp", "port", "80")
    for n in range(40):
        for _, frame in p.fetch(0, port=50000 + n) + p.lookup(0, n=n) + p.fetch(0, port=51000 + n, client=OTHER):
            wire.send(frame)
    time.sleep(0.2)
    seen = dump.stop()
    assert len(seen) > 300
    found = kept(sensor, B, len(seen), "--peer-port", "80", "--proto", "6")
    assert found == seen, (len(found), len(seen))
    one = [f for f in seen if struct.pack("!H", 50007) in f[2][34:38]]
    assert ask(sensor, "--port", "50007")[0] == one
    assert ask(sensor, "--port", "50007", "--host", text(B))[0] == []
    assert sensor.stop() == 0


def headers(folder):
    """What is kept when nothing is said: headers of packets, no byte of payload, each found by its hosts."""
    wire, _, sensor = begin(folder)
    dump = Dump(folder, "host", text(A))
    frames = datagrams(20) + [frame for _, frame in p.fetch(0)] + [p.udp(OTHER, 1, B, 2, SECRET)]
    for frame in frames:
        wire.send(frame)
    seen = dump.stop()
    assert len(seen) == len(frames) - 1
    until(lambda: len(ask(sensor)[0]) == len(seen))
    found, _ = ask(sensor)
    for (time_ns, wire_len, frame), (at, wire_, whole) in zip(found, seen):
        assert (time_ns, wire_len) == (at, wire_)
        payload = 14 + 20 + (8 if whole[23] == 17 else 20)
        assert frame == whole[:payload], (frame, whole)
    assert sensor.stop() == 0
    for file in (folder / "keep").iterdir():
        assert SECRET not in file.read_bytes() and bytes(A) * 2 not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def rules(folder):
    """Rules decide, the first that fits; a tagged frame is cut behind its tag."""
    wire, _, sensor = begin(folder, keep_payload="all", keep_rules=["10.0.9.0/24 none", "udp/7001 headers", "udp/7002 5"])
    for port in (7000, 7001, 7002):
        wire.send(datagrams(1, port=port)[0])
        wire.send(datagrams(1, port=port, source=OTHER)[0])
    tagged = datagrams(1, port=7001)[0]
    wire.send(tagged[:12] + b"\x81\0\0\x2a" + tagged[12:])
    found = kept(sensor, B, 4)
    whole = 14 + 28 + len(SECRET) * 19 + 4
    assert [len(frame) for _, _, frame in found] == [whole, 42, 42 + 5, 46], found
    assert {wire_len for _, wire_len, _ in found} == {whole, whole + 4}
    assert ask(sensor, host=OTHER)[0] == []
    assert sensor.stop() == 0


def tags(folder):
    """Frames with and without a tag, close together, some apart by their tag alone: each as it was sent."""
    wire, _, sensor = begin(folder, keep_payload="all")
    sent = []
    for n, frame in enumerate(datagrams(200)):
        sent.append(frame if n % 3 == 0 else frame[:12] + struct.pack("!HH", 0x8100, n + 1) + frame[12:])
        if n % 5 == 4:
            sent += [frame, frame[:12] + struct.pack("!HH", 0x8100, 7) + frame[12:]]
    for frame in sent:
        wire.send(frame)
    assert [frame for _, _, frame in kept(sensor, B, len(sent))] == sent
    assert sensor.stop() == 0


def kills(folder):
    """Keep and capture die again and again while packets come: all of them are there, each once."""
    wire, _, sensor = begin(folder, keep_payload="all", workers=2)
    dump = Dump(folder, "host", text(A))
    sent = 0
    for n in range(8):
        role = ("keep", 0) if n % 2 == 0 else ("capture", n // 2 % 2)
        first = until(lambda: sensor.role(*role))
        for _ in range(10):
            for frame in datagrams(25, port=8000 + n):
                wire.send(frame)
                sent += 1
            for peer in range(5):  # of the other worker, too
                wire.send(datagrams(1, port=8000 + n, target=(192, 0, 2, 20 + peer))[0])
                sent += 1
            time.sleep(0.03)
            if _ == 4:
                os.kill(first, signal.SIGKILL)
        until(lambda: sensor.role(*role) not in (None, first), 15)
    time.sleep(1)
    seen = dump.stop()
    assert len(seen) == sent, (len(seen), sent)
    found = until(lambda: (lambda f: f if len(f) >= sent else None)(ask(sensor)[0]), 10)
    assert found == seen, (len(found), len(seen))
    assert sensor.stop() == 0
    assert ask(sensor)[0] == seen  # and without the daemon


def stopped(folder):
    """What came just before the end is kept."""
    wire, _, sensor = begin(folder, keep_payload="all")
    for frame in datagrams(50):
        wire.send(frame)
    time.sleep(0.2)  # the kernel hands a block over once it is 50 ms old
    assert sensor.stop() == 0
    assert len(ask(sensor)[0]) == 50


def full(folder):
    """A disk with less room than was given: the oldest goes. Then others take the rest of it: keeping pauses, is
    told, and goes on; nothing else of the sensor minds."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12M,mode=0755", "none", disk], check=True, timeout=20)
    try:
        wire, master, sensor = begin(folder, keep_payload="all", keep=str(disk / "keep"))

        def burst(port, count=1500):
            for frame in datagrams(count, 1300, port):
                wire.send(frame)
            time.sleep(0.1)

        for n in range(16):
            burst(8000 + n)
        until(lambda: len(ask(sensor, "--port", "8015", status=None)[0]) == 1500)
        time.sleep(1.5)  # and all is on the disk
        assert ask(sensor, "--port", "8000")[0] == []
        report = until(lambda: next((s for s in master.statuses if s.get("kept_packets", 0) >= 1500 * 16), None), 20)
        assert report["keep_dropped"] == 0 and report["kept_bytes"] < 12 << 20 and report["keep_failing"] == 0, report
        oldest = ask(sensor)[0][0][0]
        assert abs(report["keep_oldest_s"] - oldest / 1e9) < 60, report

        os.kill(sensor.role("keep"), signal.SIGKILL)
        until(lambda: "role keep was ended by signal" in sensor.said() or "starting it again" in sensor.said())
        for file in (disk / "keep").glob("*.keep"):
            file.unlink()
        with open(disk / "others", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(1 << 16))
            except OSError:
                pass
        until(lambda: sensor.role("keep"))
        burst(9000)
        until(lambda: "packets cannot be kept" in sensor.said(), 15)
        until(lambda: master.latest().get("keep_failing") == 1, 20)
        count = len(master.taken)
        until(lambda: len(master.taken) > count, 10)  # events go on
        (disk / "others").unlink()
        until(lambda: "packets can be kept again" in sensor.said(), 15)
        until(lambda: len(ask(sensor, "--port", "9000")[0]) == 1500)  # it waited in memory
        assert sensor.stop() == 0
    finally:
        subprocess.run(["umount", "-l", disk], check=False, timeout=20)


def tampered(folder):
    """Bytes of the folder that somebody changed are left out, and it is said; another key opens nothing."""
    wire, _, sensor = begin(folder, keep_payload="all")
    for n in range(3):
        for frame in datagrams(100, port=8000 + n):
            wire.send(frame)
        kept(sensor, B, 100 * (n + 1))
    assert sensor.stop() == 0
    file, = (folder / "keep").glob("*.keep")
    content = bytearray(file.read_bytes())
    content[4096 + 2000] ^= 1  # in the first block
    file.write_bytes(content)
    found, said = ask(sensor, status=3)
    assert len(found) == 200 and "could not be read" in said, (len(found), said)
    key = folder / "state/keep.key"
    was = key.read_bytes()
    key.write_bytes(os.urandom(32))
    _, said = ask(sensor, status=1)
    assert "another key" in said, said
    sensor.start()
    until(lambda: "of another key than the sensor's" in sensor.said())
    assert sensor.stop() == 0
    key.write_bytes(was)
    assert len(ask(sensor, status=3)[0]) == 200


def limits(folder):
    """Times and a limit; who asked is in the sensor's log; what cannot be asked is refused."""
    wire, _, sensor = begin(folder, keep_payload="all")
    for frame in datagrams(100):
        wire.send(frame)
    found = kept(sensor, B, 100)
    some, said = ask(sensor, "--limit", "10000", status=3)
    assert some == found[:len(some)] and 0 < len(some) < 100 and "the limit was reached" in said
    assert sum(16 + len(f) for _, _, f in some) + 24 <= 10000

    def stamp(ns):
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + f".{ns % 10**9:09}Z"

    part, _ = ask(sensor, "--from", stamp(found[10][0] // 1000 * 1000), "--to", stamp(found[19][0] // 1000 * 1000 + 1000))
    assert set(found[11:19]) <= set(part) and len(part) <= 14, len(part)
    assert ask(sensor, "--to", stamp(found[0][0] - 10**9))[0] == []
    asked = [line for line in log(sensor) if line["packets"] == "asked"]
    given = [line for line in log(sensor) if line["packets"] == "given"]
    assert len(asked) == len(given) and all(line["by"] == "user root" for line in asked)
    assert any(line["cut"] and line["count"] == len(some) and line["wish"]["limit_bytes"] == 10000 for line in given)
    assert (folder / "state/packets.log").stat().st_mode & 0o077 == 0
    assert (folder / "state/keep.key").stat().st_mode & 0o077 == 0
    for wrong in (["--port", "0"], ["--host", "everybody"], ["--limit", "0"], ["--from", "yesterday"], ["path"],
                  ["--from", stamp(10**18), "--to", stamp(0)]):
        ask(sensor, *wrong, status=2)
    assert sensor.stop() == 0
    sensor.write(keep=None, keep_bytes=None, keep_payload=None)
    assert "keeps no packets" in ask(sensor, status=2)[1]


def reported(folder):
    """A running master shows what a sensor keeps, and that it cannot."""
    wire, instance = cable(), Instance(folder)
    try:
        client = instance.start().admin()
        conf = instance.sensor(lines=["interfaces: [wire1]", f"keep: {folder}/keep", "keep_bytes: 64M"])

        def start():
            daemon = subprocess.Popen([BIN / "thymus-vsensor", "--config", conf], stderr=(folder / "errors").open("ab"),
                                      stdin=subprocess.DEVNULL)
            instance.others.append(daemon)
            return daemon

        def told(name):
            status = client.api("GET", "/status")
            problems = [x["text"] for x in status["problems"] if x["code"].startswith("keep_")]
            return next((s["report"][name] for s in status["sources"] if name in s.get("report", {})), None), problems

        daemon = start()
        until(lambda: told("keep_limit_bytes") == (64 << 20, []), 40)  # one that is well reports each half minute
        for frame in datagrams(50):
            wire.send(frame)
        until(lambda: (told("kept_packets")[0] or 0) >= 50, 40)
        assert 0 < told("kept_bytes")[0] < 64 << 20 and told("keep_failing") == (0, [])
        assert abs(told("keep_oldest_s")[0] - time.time()) < 120
        daemon.terminate()
        daemon.wait(20)
        state = next(line.split()[1] for line in pathlib.Path(conf).read_text().splitlines() if line.startswith("state:"))
        (pathlib.Path(state.strip('"')) / "keep.key").write_bytes(os.urandom(32))
        start()
        until(lambda: told("keep_failing")[0] == 1, 40)
        assert told("problems")[0] == ["keep_other_key"]
        assert told("problems")[1][0].startswith('Sensor "office": it cannot keep packets: the folder holds packets of another key')
    finally:
        instance.end()


def fetched(folder):
    """All real: a running master fetches what a sensor keeps, while roles of both are killed in the middle. What comes is
    what the sensor's own command line finds."""
    wire, instance = cable(), Instance(folder)
    try:
        instance.start()
        conf = instance.sensor(lines=["interfaces: [wire1]", f"keep: {folder}/keep", "keep_payload: all"])
        daemon = subprocess.Popen([BIN / "thymus-vsensor", "--config", conf], stderr=(folder / "errors").open("ab"),
                                  stdin=subprocess.DEVNULL)
        instance.others.append(daemon)
        at = ["--instance", str(instance.path)]
        until(lambda: "authorised" in instance.ctl("sensor", "list", *at) and "keep" in roles_of(daemon.pid), 30)
        time.sleep(0.5)
        for _ in range(20):
            for frame in datagrams(1000, size=1400):
                wire.send(frame)
            time.sleep(0.05)
        own = folder / "own.pcap"

        def find():
            subprocess.run([BIN / "thymus-vsensor", "--config", conf, "--packets", own, "--host", text(A), "--peer", text(B)],
                           check=True, timeout=60, stderr=subprocess.DEVNULL)
            return len(read_pcap(own.read_bytes()))
        until(lambda: find() == 20000, 40, 1)
        now = time.time()
        moments = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + s)) for s in (-600, 600)]

        def listed(ident):
            line = next(x for x in instance.ctl("packets", "list", *at).splitlines() if x.startswith(ident))
            return line.split()[1], int(line.split()[2])
        for where, role in ((instance, "gateway"), (daemon, "keep"), (daemon, "link"), (instance, "state")):
            ident = instance.ctl("packets", "ask", *at, "--host", text(A), "--peer", text(B), "--from", moments[0],
                                 "--to", moments[1]).strip()
            until(lambda i=ident: listed(i)[1] > 0, 30, 0)
            before = listed(ident)
            roles = where.roles() if where is instance else roles_of(where.pid)
            os.kill(roles[role], signal.SIGKILL)
            print(role, before, flush=True)

            def over(i=ident):
                try:
                    return listed(i) if listed(i)[0] in ("done", "failed") else None
                except AssertionError:  # state is on its way up
                    return None
            assert until(over, 60)[0] == "done", instance.ctl("packets", "list", *at)
            got = folder / f"{role}.pcap"
            instance.ctl("packets", "get", ident, "--output", str(got), *at)
            assert got.read_bytes() == own.read_bytes(), role
    finally:
        instance.end()


if __name__ == "__main__":
    globals()[sys.argv[1]](pathlib.Path(sys.argv[2]))
    print("done")
