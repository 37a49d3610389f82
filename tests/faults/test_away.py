# SPDX-License-Identifier: Apache-2.0
"""A master that is away, one with another certificate, and a sensor that is held back by it for hours: what the
sensor and System Status say, and that everything is there once when it is over."""
import json
import signal
import subprocess

import pytest
import spine
import verify


@pytest.fixture(name="instance")
def an_instance(tmp_path):
    i = spine.Instance(tmp_path / "i")
    yield i
    i.end()


def count(path):
    return sum(verify.events_by_kind(path).values())


def start_feed(instance, conf, path):
    said = conf.with_suffix(f".{path.stem}.said")
    process = subprocess.Popen([spine.BIN / "thymus-vsensor", "--config", conf, "--feed", path], stdout=subprocess.DEVNULL,
                               stderr=said.open("wb"), stdin=subprocess.DEVNULL)
    process.said = said.read_text
    instance.others.append(process)
    return process


def says(process, text):
    spine.wait_until(f"the sensor says: {text}", lambda: text in process.said(), 30)


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


def other_certificate(instance, folder):
    """The master gets key and certificate of another instance; the pins before and after."""
    before = instance.ctl("instance", "pin", str(instance.path))
    other = spine.Instance(folder, "other")
    other.end()
    for name in ("tls.key", "tls.crt"):
        (instance.path / "keys" / name).write_bytes((other.path / "keys" / name).read_bytes())
    return before, instance.ctl("instance", "pin", str(instance.path))


def test_another_certificate_holds_a_sensor_back(instance, tmp_path):
    """One sensor's pin is changed with the certificate, the other's hours later: it refuses the master, says so and
    spools; its attack is found late, and told as late."""
    def office(name, seed, start, hours, *more):
        return spine.lab(tmp_path / f"{name}.tev", "--seed", seed, "--devices", 30, "--start", f"2026-03-02T{start:02}:00:00Z",
                         "--hours", hours, *more)
    a1, a2 = office("a1", 8, 8, 2), office("a2", 8, 10, 8)
    b1, b2 = office("b1", 9, 8, 2), office("b2", 9, 10, 2, "--inject=scan@+30m", "--truth", tmp_path / "truth")
    instance.start()
    client = instance.admin()
    a, b = instance.sensor("a"), instance.sensor("b")
    instance.feed(a, a1)
    instance.feed(b, b1)
    instance.stop()
    old, new = other_certificate(instance, tmp_path / "other")
    assert old != new
    instance.start()
    held = start_feed(instance, b, b2)
    says(held, "not the one of master_pin")
    a.write_text(a.read_text().replace(old, new))
    instance.feed(a, a2)
    spine.wait_until("System Status misses the sensor",
                     lambda: any(p["code"] == "source_silent" and " b" in p["text"] for p in client.api("GET", "/status")["problems"]),
                     120, 1)
    assert held.poll() is None
    assert verify.check_log(verify.settle(client, instance.path)) == count(a1) + count(b1) + count(a2)
    held.terminate()
    held.wait(20)
    b.write_text(b.read_text().replace(old, new))
    instance.feed(b, b2)
    assert verify.check_log(verify.settle(client, instance.path)) == sum(map(count, (a1, a2, b1, b2)))
    spine.wait_until("the sensor is not missed any more", lambda: "source_silent" not in verify.problems(client), 30)
    # What is late is scored when the next hour ends.
    instance.feed(a, office("a3", 8, 18, 2))
    instance.feed(b, office("b3", 9, 18, 2))
    attacker = json.loads((tmp_path / "truth").read_text().splitlines()[0])["device"]

    def found():
        return [b for b in verify.pages(client, "/breaches", "breaches")
                if attacker["ip"] == b["device"]["ip"] and "scan" in b["model"]["id"] and b["start"] < "2026-03-02T12"]
    breach = spine.wait_until("the late attack is found", found, 60, 1)[0]
    assert client.api("GET", f"/breaches/{breach['id']}")["late_hours"] >= 5, breach
