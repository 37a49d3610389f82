# SPDX-License-Identifier: Apache-2.0
"""PCAP-over-IP: captures that come to a sensor over TCP and have no end, from real senders (tcpdump and nc, socat
with TLS), several at once, damaged, stalled, killed."""
import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest

import link_master
import packets as p
from sensor import BIN, Sensor, until

DUMP = BIN.parent / "tests/support/spool_dump"
needs = {name: pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed")
         for name in ("nc", "socat", "tcpdump")}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def events(master, folder):
    done = subprocess.run([DUMP, master.spool(folder / "taken.tev")], capture_output=True, check=True, timeout=30)
    return [json.loads(line)["event"] for line in done.stdout.splitlines()]


def names(master, folder):
    return collections.Counter(e["query"] for e in events(master, folder) if e["_path"] == "dns")


@pytest.fixture
def sensor(tmp_path):
    """Starts one that listens and knows nothing else; sensor.port is where."""
    made = []

    def start(**more):
        master = link_master.Master(tmp_path)
        port = free_port()
        s = Sensor(tmp_path, master, **{"pcap_listen": [f"127.0.0.1:{port}"], **more}).start()
        s.master, s.port = master, port
        made.append(s)
        until(lambda: master.taken)
        return s
    yield start
    for s in made:
        code = s.stop()
        s.master.close()
        assert code == 0, s.said()
        assert not s.master.refusals
    (tmp_path / "done").touch()


def connect(s):
    return socket.create_connection(("127.0.0.1", s.port), timeout=20)


def lookups(*texts, at=None):
    at = time.time() - 1 if at is None else at
    return [packet for n, text in enumerate(texts) for packet in p.lookup(at, n=n + 1, text=text)]


def swapped(packets, magic, fraction):
    out = struct.pack(">IHHiIII", magic, 2, 4, 0, 0, 262144, 1)
    for t, frame in packets:
        whole = int(t)
        out += struct.pack(">IIII", whole, int((t - whole) * fraction), len(frame), len(frame)) + frame
    return out


def saw(s, tmp_path, *texts):
    until(lambda: set(names(s.master, tmp_path)) >= set(texts), 20, 0.2)


def test_forms_at_once_and_byte_by_byte(sensor, tmp_path):
    """Every form, all open at the same time, each cut anywhere: nothing is mixed, nothing is lost."""
    s = sensor()
    forms = [p.pcap(lookups("us.le")), p.pcapng(lookups("ng.le")), swapped(lookups("us.be"), 0xa1b2c3d4, 1e6),
             swapped(lookups("ns.be"), 0xa1b23c4d, 1e9)]
    socks = [connect(s) for _ in forms]
    for sock in socks:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(max(map(len, forms))):
        for sock, form in zip(socks, forms):
            sock.sendall(form[i:i + 1])
    saw(s, tmp_path, "us.le", "ng.le", "us.be", "ns.be")
    for sock in socks:
        sock.close()
    assert set(names(s.master, tmp_path).values()) == {1}
    began = [e["ts"] for e in events(s.master, tmp_path) if e["_path"] == "dns"]
    assert all(abs(ts - time.time()) < 30 for ts in began), began  # the packets' own times, read right


@needs["nc"]
@needs["tcpdump"]
def test_tcpdump_and_nc(sensor, tmp_path):
    s = sensor()
    (tmp_path / "in.pcap").write_bytes(p.pcap(lookups(*[f"n{i}.example.com" for i in range(200)])))
    subprocess.run(f"tcpdump -U -r {tmp_path}/in.pcap -w - 2>/dev/null | nc -N 127.0.0.1 {s.port}", shell=True, check=True,
                   timeout=30)
    saw(s, tmp_path, *[f"n{i}.example.com" for i in range(200)])
    assert sum(names(s.master, tmp_path).values()) == 200


def authority(folder, name):
    """A CA and what it vouches for: NAME.key, NAME.crt, NAME-ca.crt."""
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder, timeout=60)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", f"{name}-ca.key", "-out", f"{name}-ca.crt", "-days", "2", "-subj",
            f"/CN={name} authority")
    openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=localhost")
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{name}-ca.crt", "-CAkey", f"{name}-ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", f"{name}.crt")
    for f in folder.glob(f"{name}*"):
        f.chmod(0o600)


@needs["socat"]
def test_tls_to_the_sensor(sensor, tmp_path):
    """Whom the client authority knows may send; others, plain or with a certificate of their own, may not."""
    for name in ("sensor", "tap", "stranger"):
        authority(tmp_path, name)
    port = free_port()
    s = sensor(pcap_listen=[f"tls://127.0.0.1:{port}"], pcap_cert=str(tmp_path / "sensor.crt"),
               pcap_key=str(tmp_path / "sensor.key"), pcap_client_ca=str(tmp_path / "tap-ca.crt"))

    def send(name, text, *options):
        (tmp_path / "in.pcap").write_bytes(p.pcap(lookups(text)))
        to = ",".join([f"OPENSSL:127.0.0.1:{port}", f"cafile={tmp_path}/sensor-ca.crt", "commonname=localhost", *options])
        return subprocess.run(["socat", "-u", f"FILE:{tmp_path}/in.pcap", to], capture_output=True, check=False,
                              timeout=30, cwd=tmp_path)
    for who in ("stranger", None):
        send(who, "forged.example.com", *([f"cert={who}.crt", f"key={who}.key"] if who else []))
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(p.pcap(lookups("forged.example.com")))
    done = send("tap", "good.example.com", "cert=tap.crt", "key=tap.key")
    assert done.returncode == 0, done.stderr
    saw(s, tmp_path, "good.example.com")
    until(lambda: s.said().count("no capture from") >= 3, 10)
    assert set(names(s.master, tmp_path)) == {"good.example.com"}


def test_a_new_certificate(sensor, tmp_path):
    """Put in place while the sensor runs, it is shown to the next; one that is of no use changes nothing."""
    authority(tmp_path, "sensor")
    port, crt = free_port(), tmp_path / "sensor.crt"
    s = sensor(pcap_listen=[f"tls://127.0.0.1:{port}"], pcap_cert=str(crt), pcap_key=str(tmp_path / "sensor.key"))

    def shown():
        context = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock, context.wrap_socket(sock) as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(True))

    def on_disk():
        return crt.read_text()[crt.read_text().index("-----BEGIN"):]
    first = on_disk()
    assert shown() == first
    authority(tmp_path, "sensor")
    assert on_disk() != first
    s.process.send_signal(signal.SIGHUP)
    until(lambda: shown() == on_disk(), 20, 0.2)
    second = on_disk()
    crt.write_text("nothing")
    s.process.send_signal(signal.SIGHUP)
    until(lambda: "cannot be used" in s.said(), 20)
    assert shown() == second


@needs["socat"]
@pytest.mark.parametrize("by", ["ca", "pin", "wrong pin"])
def test_tls_from_the_sensor(sensor, tmp_path, by):
    authority(tmp_path, "tap")
    key, crt = tmp_path / "tap.key", tmp_path / "tap.crt"
    pin = subprocess.run("openssl x509 -in tap.crt -pubkey -noout | openssl pkey -pubin -outform DER | "
                         "openssl dgst -sha256 -binary | base64", shell=True, cwd=tmp_path, capture_output=True, check=True,
                         timeout=30).stdout.decode().strip()
    (tmp_path / "out.pcap").write_bytes(p.pcap(lookups("over.tls")))
    port = free_port()
    tap = subprocess.Popen(["socat", "-U", f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,verify=0,cert={crt},key={key}",
                            f"SYSTEM:cat {tmp_path}/out.pcap; sleep 60"], stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        more = {"pcap_ca": str(tmp_path / "tap-ca.crt")} if by == "ca" else {
            "pcap_pin": "sha256//" + (pin if by == "pin" else pin[::-1])}
        s = sensor(pcap_listen=None, pcap_connect=[f"tls://127.0.0.1:{port}"], **more)
        if by == "wrong pin":
            until(lambda: "has not the pin" in s.said(), 15)
            time.sleep(1.5)
            assert not names(s.master, tmp_path)
            assert s.said().count("has not the pin") == 1, "told once, though it is tried again"
        else:
            saw(s, tmp_path, "over.tls")
    finally:
        os.killpg(tap.pid, signal.SIGKILL)
        tap.wait(10)


def test_connects_again(sensor, tmp_path):
    """A peer that is away, then there, then killed, then there again."""
    port = free_port()
    s = sensor(pcap_listen=None, pcap_connect=[f"127.0.0.1:{port}"])
    until(lambda: "no capture from" in s.said(), 10)
    until(lambda: s.master.latest().get("problems") == "stream_away", 10)  # the master hears of it, too
    for text in ("first.example.com", "second.example.com"):
        with socket.create_server(("127.0.0.1", port)) as server:
            server.settimeout(20)
            peer, _ = server.accept()
            peer.sendall(p.pcap(lookups(text)))
            saw(s, tmp_path, text)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()  # as the kernel does for one that was killed


def test_garbage_and_stalls(sensor, tmp_path):
    """One that sends nonsense is closed and told; one that stops in the middle of a head holds nobody up, and events
    are called complete all the same."""
    s = sensor()
    stalled, half = connect(s), connect(s)
    stalled.sendall(p.pcap([])[:11])
    half.sendall(p.pcap(lookups("half.example.com"))[:-10])
    for bad in (b"GET / HTTP/1.1\r\n\r\n" + bytes(100), p.pcap([]) + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30) + bytes(50)):
        with connect(s) as sock:
            sock.sendall(bad)
            assert sock.recv(1) == b"", "it was closed from the other side"
    until(lambda: "it is no capture" in s.said() and "more than any packet has" in s.said(), 10)
    with connect(s) as sock:
        sock.sendall(p.pcap(lookups("good.example.com")))
        saw(s, tmp_path, "good.example.com")
    before = max(e.complete_until for e in s.master.taken)
    until(lambda: max(e.complete_until for e in s.master.taken) > before + 4e9, 20)
    half.close()
    until(lambda: "ends inside" in s.said(), 10)
    stalled.close()


def test_times(sensor, tmp_path):
    """What claims to be of another day is of now, and is told; what is a little late keeps its time."""
    s = sensor()
    now = time.time()
    with connect(s) as sock:
        sock.sendall(p.pcap(lookups("ahead.example.com", at=now + 86400) + lookups("old.example.com", at=now - 86400) +
                            lookups("late.example.com", at=now - 600)))
        saw(s, tmp_path, "ahead.example.com", "old.example.com", "late.example.com")
    found = events(s.master, tmp_path)
    at = {e["query"]: e["ts"] for e in found if e["_path"] == "dns"}
    assert abs(at["ahead.example.com"] - now) < 10 and abs(at["old.example.com"] - now) < 10, at
    assert abs(at["late.example.com"] - (now - 600)) < 1, at
    assert sum(e["_path"] == "weird" and e["name"] == "packet_time_off" for e in found) == 4


@pytest.mark.parametrize("role", ["stream", "capture", "link"])
def test_a_role_dies(sensor, tmp_path, role):
    """Streams begin anew, or go on; what comes after is seen."""
    s = sensor()
    sock = connect(s)
    sock.sendall(p.pcap(lookups("before.example.com")))
    saw(s, tmp_path, "before.example.com")
    first = s.role(role)
    os.kill(first, signal.SIGKILL)
    until(lambda: s.role(role) not in (None, first), 10)
    if role == "link":
        sock.sendall(p.pcap(lookups("after.example.com"))[24:])
        saw(s, tmp_path, "after.example.com")
        sock.close()
        return
    assert sock.recv(1) == b"", "it was closed, so that its sender begins anew"
    sock.close()
    with connect(s) as sock:
        sock.sendall(p.pcap(lookups("after.example.com")))
        saw(s, tmp_path, "after.example.com")


def test_a_busy_stream_waits_and_loses_nothing(sensor, tmp_path):
    """Capture is stopped: the sender is held up, memory is bounded, and all comes when it goes on."""
    s = sensor()
    filler = p.udp(p.CLIENT, 9, p.SERVER, 9, bytes(1400))
    now = time.time()
    many = p.pcap([]) + p.pcap([(now, filler)])[24:] * 30000 + p.pcap(lookups("last.example.com"))[24:]
    capture = s.role("capture")
    os.kill(capture, signal.SIGSTOP)
    sock = connect(s)
    sock.settimeout(2)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < len(many):
            sent += sock.send(many[sent:sent + 65536])
    assert sent < len(many)
    status = pathlib.Path(f"/proc/{s.role('stream')}/status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < 64 << 10, status
    os.kill(capture, signal.SIGCONT)
    sock.settimeout(20)
    sock.sendall(many[sent:])
    sock.close()
    saw(s, tmp_path, "last.example.com")
    until(lambda: s.master.latest().get("packets") == 30002, 10)


def test_a_handshake_does_not_wait_for_capture(sensor, tmp_path):
    """While capture has enough for now, who comes by TLS is greeted and kept, and not taken for one who does not answer."""
    authority(tmp_path, "sensor")
    port, tls_port = free_port(), free_port()
    s = sensor(pcap_listen=[f"127.0.0.1:{port}", f"tls://127.0.0.1:{tls_port}"], pcap_cert=str(tmp_path / "sensor.crt"),
               pcap_key=str(tmp_path / "sensor.key"))
    capture = s.role("capture")
    os.kill(capture, signal.SIGSTOP)
    filler = p.pcap([(time.time(), p.udp(p.CLIENT, 9, p.SERVER, 9, bytes(1400)))])
    with socket.create_connection(("127.0.0.1", port), timeout=2) as plain:
        with pytest.raises(TimeoutError):
            plain.sendall(filler + filler[24:] * 30000)
        context = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", tls_port), timeout=20) as sock, context.wrap_socket(sock) as tls:
            os.kill(capture, signal.SIGCONT)
            tls.sendall(p.pcap(lookups("greeted.example.com")))
            saw(s, tmp_path, "greeted.example.com")


def test_ten_thousand_come_and_go(sensor, tmp_path):
    """Each with the beginning of a capture; memory, descriptors and log stay as they are, the limit is kept."""
    s = sensor(pcap_streams=4)
    begin = p.pcap(lookups("again.example.com"))

    def size(role):
        pid = s.role(role)
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]), len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))

    def storm(n):
        for _ in range(n):
            with connect(s) as sock:
                sock.sendall(begin)
    storm(500)
    before = {role: size(role) for role in ("stream", "capture")}
    storm(9500)

    def is_last_seen():  # while the storm is not through it may be one too many
        with connect(s) as sock:
            sock.sendall(p.pcap(lookups("last.example.com")))
        time.sleep(1)
        return names(s.master, tmp_path)["last.example.com"]
    until(is_last_seen, 60)
    for role, (kib, fds) in before.items():
        assert size(role)[0] < kib + (8 << 10) and size(role)[1] <= fds + 4, (role, before, size(role))
    assert s.said().count("\n") < 300
    held = [connect(s) for _ in range(4)]
    for sock in held:
        sock.sendall(begin)
    time.sleep(0.5)
    with connect(s) as fifth:
        assert fifth.recv(1) == b"", "four at once, no more"
    until(lambda: "more than 4 captures came at once" in s.said(), 5)
    for sock in held:
        sock.close()


def test_mistakes(tmp_path):
    master = link_master.Master(tmp_path)
    for more, said in [({"pcap_listen": ["127.0.0.1"]}, "line 7: pcap_listen: "),
                       ({"pcap_connect": ["tls://host"]}, "line 7: pcap_connect: "),
                       ({"pcap_listen": ["tls://127.0.0.1:5"]}, "pcap_cert and pcap_key"),
                       ({"pcap_listen": ["127.0.0.1:5"], "pcap_streams": 33}, "line 8: pcap_streams: 1 to 32")]:
        s = Sensor(tmp_path, master, **more)
        done = subprocess.run(s.command(), capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    master.close()
