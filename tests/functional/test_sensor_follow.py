# SPDX-License-Identifier: Apache-2.0
"""`thymus-vsensor --config` with eve_follow: what Suricata writes becomes events while it writes it, once, whatever
rotates the log and whoever is killed."""
import json
import os
import random
import shutil
import signal
import subprocess
import time

import link_master
import pytest
from sensor import BIN, Sensor, until

DUMP = BIN.parent / "tests/support/spool_dump"


def stamp(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e6):06d}+0000"


class Suricata:
    """Writes the log as Suricata does: lines appended to a file that it opens anew when it is told to."""

    def __init__(self, path):
        self.path, self.out, self.flows = path, None, 0
        self.reopen()

    def reopen(self):
        if self.out:
            os.close(self.out)
        self.out = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, text):
        os.write(self.out, text if isinstance(text, bytes) else text.encode())

    def line(self, **more):
        head = {"timestamp": stamp(more.pop("at", time.time())), "src_ip": "10.1.0.5", "dest_ip": "192.0.2.80",
                "dest_port": 443, "proto": "TCP"}
        return json.dumps(head | more) + "\n"

    def flow(self, n, client="10.1.0.5"):
        """A connection whose source port says which one it is."""
        now = time.time()
        return self.line(event_type="flow", flow_id=1000 + n, src_ip=client, src_port=n, app_proto="tls", flow={
            "pkts_toserver": 10, "pkts_toclient": 8, "bytes_toserver": 1140, "bytes_toclient": 6112,
            "start": stamp(now - 5), "end": stamp(now - 1)})

    def dns(self, n, kind, at=None):
        return self.line(event_type="dns", flow_id=5000 + n, src_port=n, dest_port=53, proto="UDP",
                         at=at or time.time(), dns={"type": kind, "id": n, "rrname": f"q{n}.example.net",
                                                    "rrtype": "A", "rcode": "NOERROR", "version": 2,
                                                    "answers": [{"rrname": "x", "rrtype": "A", "rdata": "192.0.2.1"}]
                                                    if kind == "answer" else []})

    def flows_to(self, count):
        for n in range(self.flows + 1, count + 1):
            self.write(self.flow(n))
        self.flows = count

    def rename(self, reopen=True):
        """logrotate: rename, and a signal; between the two Suricata writes to the renamed file."""
        for n in range(8, 0, -1):
            old = self.path.with_name(f"{self.path.name}.{n}")
            if old.exists():
                old.rename(self.path.with_name(f"{self.path.name}.{n + 1}"))
        self.path.rename(self.path.with_name(f"{self.path.name}.1"))
        if reopen:
            self.reopen()

    def copytruncate(self):
        shutil.copy(self.path, self.path.with_name(self.path.name + ".1"))
        os.truncate(self.path, 0)


@pytest.fixture(name="master")
def a_master(tmp_path):
    m = link_master.Master(tmp_path)
    yield m
    m.close()


@pytest.fixture(name="eve")
def an_eve(tmp_path):
    folder = tmp_path / "suricata"
    folder.mkdir()
    return Suricata(folder / "eve.json")


@pytest.fixture(name="sensor")
def a_sensor(tmp_path, master, eve):
    s = Sensor(tmp_path, master, eve_follow=[str(eve.path)], exclude_networks=["198.51.100.0/24"])
    s.start()
    until(lambda: master.taken, show=s.said)
    yield s
    s.kill()


def told(master, tmp_path, kind="conn"):
    done = subprocess.run([DUMP, master.spool(tmp_path / "taken.tev")], capture_output=True, check=True, timeout=30)
    found = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    return [e for e in found if e["_path"] == kind]


def ports(master, tmp_path):
    return sorted(e["id.orig_p"] for e in told(master, tmp_path))


def gaps(master):
    return [e for e in master.taken if e.kind == link_master.GAP]


def check_all(sensor, master, tmp_path, count):
    """Every connection up to this one, once."""
    until(lambda: len(told(master, tmp_path)) >= count, 30, 0.2, show=lambda: (ports(master, tmp_path), sensor.said()))
    time.sleep(0.7)
    assert ports(master, tmp_path) == list(range(1, count + 1))
    assert not master.refusals


def test_lines_become_events_while_they_are_written(sensor, master, eve, tmp_path):
    eve.write(eve.flow(1))
    half = eve.flow(2)
    eve.write(half[:100])
    check_all(sensor, master, tmp_path, 1)
    time.sleep(1)
    eve.write(half[100:])
    eve.write(eve.flow(60000, client="198.51.100.9"))  # excluded
    eve.write(eve.flow(3))
    check_all(sensor, master, tmp_path, 3)
    e = told(master, tmp_path)[0]
    assert (e["id.orig_h"], e["id.resp_h"], e["id.resp_p"]) == ("10.1.0.5", "192.0.2.80", 443)
    assert (e["told_by"], e["service"], e["orig_ip_bytes"]) == ("suricata", "ssl", 1000)
    untils = [e.complete_until for e in master.taken if e.kind == link_master.EVENTS]
    assert untils == sorted(untils) and untils[-1] / 1e9 > time.time() - 5 * 60 - 30
    until(lambda: master.latest().get("excluded") == 1, 15)
    assert not gaps(master)


def test_what_stood_there_before_the_first_start_is_not_read(tmp_path, master, eve):
    eve.write(eve.flow(50000))
    eve.write(eve.flow(50001)[:40])
    s = Sensor(tmp_path, master, eve_follow=[str(eve.path)])
    s.start()
    until(lambda: master.taken, show=s.said)
    eve.write("the rest of a line\n")
    eve.flows_to(2)
    check_all(s, master, tmp_path, 2)
    assert s.stop() == 0 and "could not be read" not in s.said()


def test_a_renamed_log_is_read_to_its_end(sensor, master, eve, tmp_path):
    for i in range(3):
        eve.flows_to(i * 20 + 10)
        eve.rename(reopen=False)
        eve.flows_to(i * 20 + 15)  # into the renamed one
        time.sleep(0.4)
        eve.reopen()
        eve.flows_to(i * 20 + 20)
        time.sleep(0.3)
    check_all(sensor, master, tmp_path, 60)
    assert not gaps(master) and "not there" not in sensor.said()


def test_an_emptied_log_is_read_anew(sensor, master, eve, tmp_path):
    eve.flows_to(30)
    check_all(sensor, master, tmp_path, 30)
    eve.copytruncate()
    eve.flows_to(32)  # shorter than before
    check_all(sensor, master, tmp_path, 32)
    eve.copytruncate()
    eve.flows_to(90)  # at once longer than before
    check_all(sensor, master, tmp_path, 90)
    assert gaps(master) and "was emptied or removed" in sensor.said()


def test_kill_and_rotation_lose_and_double_nothing(sensor, master, eve, tmp_path):
    chance = random.Random(7)
    for i in range(1, 41):
        eve.flows_to(i * 25)
        if i % 4 == 0:
            os.kill(until(lambda: sensor.role("follow")), signal.SIGKILL)
        if i % 9 == 0:
            os.kill(until(lambda: sensor.role("link")), signal.SIGKILL)
        if i % 10 == 0:
            eve.rename()
        if i % 13 == 0:  # what follow has given is not on link's disk when it is killed
            link = until(lambda: sensor.role("link"))
            os.kill(link, signal.SIGSTOP)
            eve.flows_to(i * 25 + 10)
            time.sleep(1)
            os.kill(until(lambda: sensor.role("follow")), signal.SIGKILL)
            os.kill(link, signal.SIGKILL)  # and with it what lay in the socket between them
        time.sleep(chance.random() * 0.5)
    check_all(sensor, master, tmp_path, 1000)
    assert not gaps(master), sensor.said()


def test_a_stop_loses_and_doubles_nothing(sensor, master, eve, tmp_path):
    eve.flows_to(50)
    eve.write(eve.dns(7, "query"))
    check_all(sensor, master, tmp_path, 50)
    sensor.kill()  # all of it
    eve.flows_to(100)
    eve.rename()
    eve.flows_to(150)
    eve.write(eve.dns(7, "answer"))
    until(lambda: not subprocess.run(["pgrep", "-f", f"--role follow.*{eve.path}"], check=False,
                                     capture_output=True).stdout)
    sensor.start()
    check_all(sensor, master, tmp_path, 150)
    found = told(master, tmp_path, "dns")  # the question was read before, and its answer after
    assert [(e["query"], e["answers"], "rtt" in e) for e in found] == [("q7.example.net", ["192.0.2.1"], True)], found
    assert sensor.stop() == 0
    assert not gaps(master)


def test_a_question_without_an_answer_is_told_when_the_log_says_nothing_more(sensor, master, eve, tmp_path):
    eve.write(eve.dns(9, "query"))
    time.sleep(1.5)
    os.kill(until(lambda: sensor.role("follow")), signal.SIGKILL)
    until(lambda: told(master, tmp_path, "dns"), 30, 0.5, show=sensor.said)
    os.kill(until(lambda: sensor.role("follow")), signal.SIGKILL)
    time.sleep(6)
    assert [e["query"] for e in told(master, tmp_path, "dns")] == ["q9.example.net"]


def test_what_cannot_be_read_is_counted_and_told(sensor, master, eve, tmp_path):
    eve.write("{not JSON\n")
    eve.write(b"\0\xff\n")
    eve.write(b"x" * (3 << 20))
    eve.flows_to(0)
    eve.write("\n" + eve.flow(1))
    check_all(sensor, master, tmp_path, 1)
    until(lambda: "lines of eve_follow could not be read" in sensor.said())
    until(lambda: any("log_unreadable" in s.get("problems", "") for s in master.statuses), 15)
    assert sensor.role("follow")


def test_a_log_that_is_not_there_is_waited_for(tmp_path, master):
    folder = tmp_path / "later"
    folder.mkdir()
    s = Sensor(tmp_path, master, eve_follow=[str(folder / "eve.json")])
    s.start()
    try:
        until(lambda: "eve.json is not there or cannot be opened" in s.said(), 15)
        until(lambda: any("log_missing" in x.get("problems", "") for x in master.statuses), 15)
        eve = Suricata(folder / "eve.json")
        eve.flows_to(5)
        check_all(s, master, tmp_path, 5)
    finally:
        s.kill()


@pytest.mark.parametrize("more,words", [
    ({"eve_follow": ["eve.json"]}, "eve_follow: paths"),
    ({"eve_follow": ["/a", "/a"]}, "each once"),
    ({"eve_follow": ["/a"], "interfaces": ["lo"], "workers": 7}, "1 to 6"),
])
def test_a_wrong_configuration_is_told(tmp_path, master, more, words):
    s = Sensor(tmp_path, master, **more)
    done = subprocess.run(s.command(), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and words in done.stderr, done.stderr
