# SPDX-License-Identifier: Apache-2.0
"""`thymus-vsensor --config --feed` against a strict counterpart of its link: what arrives, what is
refused on either side, and that every event arrives once whatever happens in between."""
import os
import shutil
import signal
import socket
import subprocess
import time

import link_master
import packets as p
import pytest
from sensor import BIN, Sensor, until

T0 = 1767610800.0


@pytest.fixture(name="master")
def a_master(tmp_path):
    m = link_master.Master(tmp_path)
    yield m
    m.close()


@pytest.fixture(name="sensor")
def a_sensor(tmp_path, master):
    s = Sensor(tmp_path, master)
    yield s
    s.kill()


@pytest.fixture(name="capture", scope="module")
def a_capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("captures") / "office.pcap"
    path.write_bytes(p.pcap(p.lookup(T0) + p.fetch(T0 + 1)))
    return path


@pytest.fixture(name="history", scope="module")
def a_history(tmp_path_factory):
    """Ten hours of an office: some 40 frames of events."""
    path = tmp_path_factory.mktemp("spools") / "office.tev"
    subprocess.run([BIN / "thymus-lab", "--devices", "60", "--hours", "10", "--quiet", "--spool", path], check=True,
                   timeout=60)
    return path


@pytest.fixture(name="expected", scope="module")
def events_of_history(history, tmp_path_factory):
    """How many events it has, by a feed that nothing disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    m = link_master.Master(folder)
    done = Sensor(folder, m).feed(history)
    m.close()
    assert done.returncode == 0, done.stderr
    return m.events()


def in_order(master):
    at = master.taken[0].sequence
    for e in master.taken:
        assert e.sequence == at
        at += e.batches


@pytest.mark.asan
def test_captures_and_spools_go_in_order_of_time(sensor, master, capture, history):
    done = sensor.feed(history, capture)
    assert done.returncode == 0, done.stderr
    assert master.events() > 30000 and not master.refusals
    in_order(master)
    assert all(e.flags == link_master.REPLAY for e in master.taken)
    times = [t for e in master.taken for t in (e.first, e.last)]
    assert times == sorted(times)
    assert times[0] < T0 * 1e9 + 2e9 < times[-1]  # the capture is of another day than the history
    assert master.TOKEN.split(":")[1].encode() not in done.stderr


def test_recorded_input_waits_for_a_small_spool(sensor, master, tmp_path):
    """More than the spool holds, to a master that takes its time: nothing is dropped."""
    path = tmp_path / "days.tev"
    subprocess.run([BIN / "thymus-lab", "--devices", "60", "--days", "2", "--quiet", "--spool", path], check=True,
                   timeout=60)
    assert path.stat().st_size > 20 << 20
    sensor.write(spool_bytes="16M")
    master.hook = lambda _: time.sleep(0.02)
    done = sensor.feed(path)
    assert done.returncode == 0, done.stderr
    assert all(e.kind == link_master.EVENTS for e in master.taken)
    in_order(master)
    assert f"{master.events()} events fed".encode() in done.stderr


def test_what_was_fed_is_not_fed_twice(sensor, master, capture):
    assert sensor.feed(capture).returncode == 0
    taken = master.events()
    assert taken == 5
    assert sensor.feed(capture).returncode == 0
    assert master.events() == taken


def test_what_cannot_be_read_is_told(sensor, master, capture, tmp_path):
    (tmp_path / "letter.txt").write_text("no events here")
    done = sensor.feed(tmp_path / "letter.txt")
    assert done.returncode == 1 and b"cannot be fed" in done.stderr
    done = sensor.feed(capture, tmp_path / "nothing")
    assert done.returncode == 3 and b"nothing" in done.stderr
    assert master.events() == 5


def test_a_wrong_token_enrols_nobody(sensor, master, capture):
    sensor.write(token="lab:wrong-secret-word")
    sensor.start("--feed", capture)
    until(lambda: "the master does not know the token" in sensor.said())
    sensor.stop()
    assert not master.keys and not master.taken
    assert "wrong-secret-word" not in sensor.said()


def test_a_token_from_a_file(sensor, master, capture, tmp_path):
    (tmp_path / "token").write_text(master.TOKEN + "\n")
    (tmp_path / "token").chmod(0o600)
    sensor.write(token=None, token_file=str(tmp_path / "token"))
    assert sensor.feed(capture).returncode == 0
    assert master.events() == 5


def test_a_pending_sensor_waits_for_its_authorisation(sensor, master, capture):
    master.status = "pending"
    sensor.start("--feed", capture)
    until(lambda: "pending" in sensor.said())
    assert not master.taken
    master.status = "authorised"
    assert sensor.process.wait(30) == 0
    assert master.events() == 5


def test_a_revoked_sensor_sends_nothing(sensor, master, capture, tmp_path):
    assert sensor.feed(capture).returncode == 0
    master.status = "revoked"
    other = tmp_path / "other.pcap"
    other.write_bytes(p.pcap(p.lookup(T0 + 60, n=9)))
    sensor.start("--feed", other)
    until(lambda: "revoked" in sensor.said())
    time.sleep(1)
    sensor.stop()
    assert master.events() == 5


def test_another_key_than_the_pinned_one_is_refused(sensor, master, capture):
    sensor.write(master_pin="sha256//" + "A" * 43 + "=")
    sensor.start("--feed", capture)
    until(lambda: "not the one of master_pin" in sensor.said())
    sensor.stop()
    assert not master.requests


def test_authorities_instead_of_a_pin(sensor, master, capture, tmp_path):
    sensor.write(master_pin=None, master_ca=str(tmp_path / "tls.crt"))
    assert sensor.feed(capture).returncode == 0
    assert master.events() == 5


def test_a_certificate_that_no_authority_signed_is_refused(sensor, master, capture):
    if not os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
        pytest.skip("this system has no authorities (package ca-certificates)")
    sensor.write(master_pin=None)
    sensor.start("--feed", capture)
    until(lambda: "the master cannot be reached" in sensor.said())
    sensor.stop()
    assert not master.requests


def test_a_name_is_looked_up(sensor, master, capture, tmp_path):
    try:
        socket.getaddrinfo("localhost", None, socket.AF_INET)
    except OSError as e:
        pytest.skip(f"this machine does not know localhost: {e}")
    sensor.write(master=f"https://localhost:{master.port}", master_pin=None, master_ca=str(tmp_path / "tls.crt"))
    assert sensor.feed(capture).returncode == 0
    assert master.events() == 5


@pytest.mark.parametrize("ciphers", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-SHA384",
                                     "ECDHE-ECDSA-AES128-SHA"])
def test_weak_ciphers_hear_no_request(tmp_path, capture, ciphers):
    m = link_master.Master(tmp_path, ciphers=ciphers, tls13=False)
    sensor = Sensor(tmp_path, m).start("--feed", capture)
    until(lambda: "the master cannot be reached" in sensor.said())
    sensor.stop()
    m.close()
    assert not m.requests


@pytest.mark.parametrize("ciphers", ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"])
def test_strong_ciphers_of_tls12(tmp_path, capture, ciphers):
    m = link_master.Master(tmp_path, ciphers=ciphers, tls13=False)
    assert Sensor(tmp_path, m).feed(capture).returncode == 0
    m.close()
    assert m.events() == 5


def test_plain_http_is_no_master(sensor):
    sensor.write(master="http://127.0.0.1:1")
    done = sensor.feed("x.pcap")
    assert done.returncode == 2 and b"https://host:port" in done.stderr


def test_answers_that_are_lost_cost_nothing(sensor, master, history, expected):
    master.drop_answers = 3
    assert sensor.feed(history).returncode == 0
    assert master.events() == expected
    in_order(master)


def test_a_master_that_loses_its_place_gets_it_again(sensor, master, history, expected):
    """A 409 in between, also one that goes back further than was acknowledged."""
    seen = []

    def back(e):
        seen.append(e.sequence)
        if len(seen) == 7:
            del master.taken[2:]
            master.next = 2
            return 409, {"epoch": master.epoch, "next": 2}
        return None
    master.hook = back
    assert sensor.feed(history).returncode == 0
    assert len(seen) > 10
    assert master.events() == expected
    in_order(master)


def test_later_is_later(sensor, master, capture):
    master.paused = True
    sensor.start("--feed", capture)
    until(lambda: "takes nothing at the moment" in sensor.said())
    asked = len(master.requests)
    time.sleep(2.5)
    assert len(master.requests) - asked <= 4  # Retry-After: 1
    master.paused = False
    assert sensor.process.wait(20) == 0
    assert master.events() == 5


def test_what_the_master_refuses_for_good_becomes_a_gap(sensor, master, history, expected):
    lost = []

    def refuse(e):
        if e.sequence == 3 and e.kind == link_master.EVENTS:
            lost.append(e.events)
            return 400, {"error": {"code": "malformed", "message": "not this one"}}
        return None
    master.hook = refuse
    assert sensor.feed(history).returncode == 0
    assert len(lost) == 3
    gap = master.taken[3]
    assert (gap.kind, gap.batches, gap.lost) == (link_master.GAP, 1, lost[0])
    assert master.events() == expected - lost[0]
    in_order(master)


def test_a_proxys_400_is_not_the_masters(sensor, master, capture):
    answers = iter(range(4))
    master.hook = lambda e: (400, "a page of a proxy") if next(answers, None) is not None else None
    assert sensor.feed(capture).returncode == 0
    assert master.events() == 5 and all(e.kind == link_master.EVENTS for e in master.taken)


def test_a_spool_that_was_put_back_begins_anew(sensor, master, capture, tmp_path):
    assert sensor.feed(capture).returncode == 0
    before = master.epoch
    with master.lock:
        master.epoch += 10**15
    other = tmp_path / "other.pcap"
    other.write_bytes(p.pcap(p.lookup(T0 + 60, n=9)))
    done = sensor.feed(other)
    assert done.returncode == 0 and b"later spool" in done.stderr, done.stderr
    assert master.taken[-1].epoch > before + 10**15
    # What the old spool had is told as missing, or more: it does not know what was acknowledged.
    assert master.taken[-1].kind == link_master.GAP and master.taken[-1].lost >= 2


@pytest.mark.asan
@pytest.mark.parametrize("answer", [b"", b"{}", b"[" * 100000, b"x" * (1 << 20), b"{\"epoch\":1,\"next\":-1}",
                                    b"{\"epoch\":\"\\u0000\",\"next\":1}", b"\xff\xfe{}"],
                         ids=["nothing", "empty", "deep", "long", "negative", "zero-byte", "not-utf8"])
def test_hostile_answers_end_nothing(sensor, master, capture, answer):
    """Whatever stands in an answer: the batch is sent again, the role lives."""
    class Raw(bytes):
        pass
    left = [answer]

    def hostile(_):
        return (200, Raw(left.pop())) if left else None
    dumps = link_master.json.dumps
    link_master.json.dumps = lambda what: what.decode("latin-1") if isinstance(what, Raw) else dumps(what)
    try:
        master.hook = hostile
        done = sensor.feed(capture)
    finally:
        link_master.json.dumps = dumps
    assert done.returncode == 0, done.stderr
    assert master.events() == 5 and b"link stopped" not in done.stderr and b"starting it again" not in done.stderr


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


@pytest.fixture(name="proxy")
def a_proxy(tmp_path):
    program = shutil.which("tinyproxy") or shutil.which("tinyproxy", path="/usr/sbin:/usr/bin")
    if not program:
        pytest.skip("no HTTP proxy here (package tinyproxy-bin)")
    port = free_port()
    log = tmp_path / "proxy.log"
    (tmp_path / "proxy.conf").write_text(
        f"Port {port}\nListen 127.0.0.1\nTimeout 60\nLogFile \"{log}\"\nLogLevel Connect\nMaxClients 50\n"
        f"Allow 127.0.0.1\nBasicAuth gate open-sesame\n")
    process = subprocess.Popen([program, "-d", "-c", tmp_path / "proxy.conf"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
    yield port, log
    process.terminate()
    process.wait(10)


def test_through_a_proxy(sensor, master, capture, proxy):
    port, log = proxy
    sensor.write(proxy=f"http://gate:open-sesame@127.0.0.1:{port}")
    done = sensor.feed(capture)
    assert done.returncode == 0, done.stderr
    assert master.events() == 5
    assert f"CONNECT 127.0.0.1:{master.port}" in log.read_text()
    assert b"open-sesame" not in done.stderr


def test_a_proxy_that_lets_nobody_through(sensor, master, capture, proxy):
    port, _ = proxy
    sensor.write(proxy=f"http://gate:wrong-sesame@127.0.0.1:{port}")
    sensor.start("--feed", capture)
    until(lambda: "the master cannot be reached" in sensor.said())
    for pid in (sensor.process.pid, sensor.role("link"), sensor.role("feed")):
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            assert b"sesame" not in f.read()
    sensor.stop()
    assert not master.requests
    assert "sesame" not in sensor.said()


@pytest.mark.asan
def test_every_event_once_when_all_is_killed(sensor, master, history, expected):
    """Roles and parent die at moments that differ from run to run; the same feed goes on."""
    slow = [0]

    def slowly(_):
        slow[0] += 1
        time.sleep(0.05)
    master.hook = slowly
    for victim in ("link", "feed", "parent", "link", "parent"):
        sensor.start("--feed", history)
        before = slow[0]
        try:
            until(lambda before=before: slow[0] > before + 2, 10)
        except AssertionError:
            break  # through already
        pid = sensor.process.pid if victim == "parent" else sensor.role(victim)
        if pid:
            os.kill(pid, signal.SIGKILL)
        if victim == "link":
            time.sleep(0.5)  # it is started again, and the feed goes on
        sensor.kill()
    master.hook = None
    done = sensor.feed(history)
    assert done.returncode == 0, done.stderr
    assert master.events() == expected
    in_order(master)
    assert len({(e.run, e.number) for e in master.taken}) == len(master.taken)


@pytest.mark.parametrize(("line", "said"), [
    ("colour: blue\n", "colour"),
    ("spool_bytes: 1M\n", "spool_bytes"),
    ("proxy: \"socks5://127.0.0.1:1\"\n", "proxy"),
    ("local_networks: [\"10.0.0.0/64\"]\n", "local_networks"),
    ("interfaces: [\"no-such-if\"]\n", "no-such-if"),
])
def test_a_wrong_configuration_is_told(sensor, line, said):
    sensor.conf.write_text(sensor.conf.read_text() + line)
    done = subprocess.run(sensor.command(), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode in (1, 2) and said in done.stderr


def test_one_parent_a_sensor(sensor, master):
    assert master
    sensor.start()
    until(lambda: sensor.role("link"))
    done = subprocess.run(sensor.command(), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1 and "running already" in done.stderr
    assert sensor.stop() == 0
