# SPDX-License-Identifier: Apache-2.0
"""Packets that a sensor keeps, from the asking to the download: a real master and a real role link, of the keep
alone a test plays the part (keep.py); with `keep` in the configuration, all is real."""
import hashlib
import http.client
import json
import os
import random
import signal
import threading
import time

import link_master
import packets as p
import pytest
from keep import Keep
from sensor import Sensor, until
from spine import Client, Instance, lab, wait_until

T0 = 1767610800.0
WISH = {"host": "10.0.0.1", "from": "2026-01-05T00:00:00Z", "to": "2026-01-05T12:00:00Z"}


@pytest.fixture(name="instance")
def an_instance(tmp_path):
    made = Instance(tmp_path)
    made.start()
    yield made
    made.end()


def a_sensor(instance, name="office"):
    """A link that is enrolled; the configuration names the token itself."""
    conf = instance.sensor(name)
    folder = conf.parent
    token = (folder / "token").read_text().strip()
    conf.write_text(conf.read_text().replace(f"token_file: {folder}/token", f'token: "{token}"'))
    return Keep(conf, folder / "spool", folder / "state", folder / "errors")


@pytest.fixture(name="keep")
def a_keep(instance):
    made = a_sensor(instance)
    yield made
    made.close()


@pytest.fixture(name="admin")
def an_admin(instance, keep):
    client = instance.admin()
    wait_until("it is taken in", lambda: "this sensor is authorised" in keep.errors.read_text())
    return client


@pytest.fixture(name="capture")
def a_capture(tmp_path):
    """A capture of several parts, the last one short."""
    path = tmp_path / "kept.pcap"
    noise = random.Random(7)
    path.write_bytes(p.pcap(p.fetch(T0)) + noise.randbytes(700_000))
    return path


def end(path, packets=9, **more):
    return json.dumps({"packets": packets, "bytes": path.stat().st_size, "cut": False,
                       "oldest": "2026-01-01T00:00:00Z", "problem": "", **more})


def one(client, ask):
    return next((a for a in client.api("GET", "/packets")["asks"] if a["id"] == ask["id"]), None)


def state_of(client, ask, want):
    return wait_until(f"it is {want}", lambda: (a := one(client, ask)) and a["state"] == want and a)


def ask_any(client, **more):
    """Of any sensor: there is one when it has said something."""
    body = {"wish": {**WISH, **more}}
    return wait_until("a sensor is there", lambda: (a := client.ask("POST", "/api/v1/packets", body)).status == 200 and a).json


def audited(client, ask):
    return [e["action"] for e in reversed(client.api("GET", "/audit?limit=200")["entries"]) if e["object"] == ask["id"]]


def test_packets_from_the_keep_to_the_browser(instance, keep, admin, capture):
    sensor = admin.api("GET", "/sensors")["sensors"][0]["id"]
    ask = admin.api("POST", "/packets", {"sensor": sensor, "wish": {**WISH, "peer": "192.0.2.7", "port": 443}})
    assert ask["state"] == "waiting" and ask["by"] == "admin" and ask["sensor_name"] == "office"
    wish, text = keep.wish()
    assert json.loads(text) == {"host": "10.0.0.1", "peer": "192.0.2.7", "port": 443, "peer_port": 0, "proto": 0,
                                "from": "2026-01-05T00:00:00.000000Z", "to": "2026-01-05T12:00:00.000000Z",
                                "limit_bytes": 64 << 20}
    keep.answer(wish, capture, end(capture))
    done = state_of(admin, ask, "done")
    assert done["bytes"] == capture.stat().st_size and done["packets"] == 9 and not done["cut"]
    assert done["oldest"].startswith("2026-01-01T00:00:00") and done["problem"] == ""
    got = admin.ask("GET", f"/api/v1/packets/{ask['id']}.pcap")
    assert got.status == 200 and got.body == capture.read_bytes()
    assert got.headers["Content-Type"] == "application/vnd.tcpdump.pcap"
    assert got.headers["Content-Disposition"] == f'attachment; filename="{ask["id"]}.pcap"'
    assert got.headers["Cache-Control"] == "no-store"
    assert audited(admin, ask) == ["packets.ask", "packets.arrive", "packets.download"]
    # On the disk nothing of it can be read.
    files = list((instance.path / "state").glob("*.packets"))
    assert len(files) == 1 and capture.read_bytes()[1000:1032] not in files[0].read_bytes()
    instance.ctl("snapshot", str(instance.path), str(instance.folder / "cut"))
    assert (instance.folder / "cut/state/state.db").exists() and not list((instance.folder / "cut/state").glob("*.packets"))
    admin.api("DELETE", f"/packets/{ask['id']}")
    assert one(admin, ask) is None and not list((instance.path / "state").glob("*.packets"))
    assert admin.ask("GET", f"/api/v1/packets/{ask['id']}.pcap").status == 404
    assert audited(admin, ask)[-1] == "packets.delete"


def test_from_the_command_line(instance, keep, admin, capture, tmp_path):
    at = ["--instance", str(instance.path)]
    sensor = admin.api("GET", "/sensors")["sensors"][0]["id"]
    ident = instance.ctl("packets", "ask", "--host", "10.0.0.1", "--from", WISH["from"], "--to", WISH["to"], "--sensor",
                         sensor, *at)
    wish, _ = keep.wish()
    keep.answer(wish, capture, end(capture, cut=True))
    state_of(admin, {"id": ident}, "done")
    listed = instance.ctl("packets", "list", *at)
    assert ident in listed and "done" in listed and "operator" in listed
    out = tmp_path / "got.pcap"
    instance.ctl("packets", "get", ident, "--output", str(out), *at)
    assert out.read_bytes() == capture.read_bytes() and out.stat().st_mode & 0o77 == 0
    instance.ctl("packets", "get", ident, "--output", str(out), *at, want=1)  # nothing is overwritten
    instance.ctl("packets", "delete", ident, *at)
    assert ident not in instance.ctl("packets", "list", *at)


def test_who_has_not_the_right(instance, keep, admin):
    one_time = instance.ctl("user", "create", "--instance", str(instance.path), "rob")
    reader = Client(instance.port)
    reader.first_login("rob", one_time)
    for method, path, body in (("GET", "/packets", None), ("POST", "/packets", {"wish": WISH}),
                               ("GET", "/packets/00.pcap", None), ("DELETE", "/packets/00", None)):
        assert reader.ask(method, "/api/v1" + path, body).status == 403
    assert not [line for line in keep.said if line.startswith("wish")]


def test_killed_in_the_middle_it_is_asked_for_anew(instance, keep, admin, capture):
    ask = ask_any(admin)
    wish, _ = keep.wish()
    keep.part(wish, capture, 0, 100_000)
    keep.hear("more")
    os.kill(instance.roles()["state"], signal.SIGKILL)
    keep.part(wish, capture, 100_000, 100_000)
    again, _ = keep.wish()  # the sensor hears that nobody knows the old one
    assert again != wish
    keep.answer(again, capture, end(capture))
    state_of(admin, ask, "done")
    assert admin.ask("GET", f"/api/v1/packets/{ask['id']}.pcap").body == capture.read_bytes()
    os.kill(instance.roles()["state"], signal.SIGKILL)
    wait_until("state is back", lambda: admin.ask("GET", "/api/v1/packets").status == 200)
    assert one(admin, ask)["state"] == "done"
    assert admin.ask("GET", f"/api/v1/packets/{ask['id']}.pcap").body == capture.read_bytes()


def test_a_gateway_that_is_killed_in_the_middle(instance, keep, admin, capture):
    """Parts go on where they were: state has what it took."""
    ask = ask_any(admin)
    wish, _ = keep.wish()
    keep.part(wish, capture, 0, 100_000)
    keep.hear("more")
    os.kill(instance.roles()["gateway"], signal.SIGKILL)
    size = capture.stat().st_size
    for at in range(100_000, size, 200_000):
        keep.part(wish, capture, at, min(200_000, size - at))
        keep.hear("more")
    keep.say(f"end {wish} {end(capture)}")
    listed = ("packets", "list", "--instance", str(instance.path))
    wait_until("it is done", lambda: instance.ctl(*listed).split()[:2] == [ask["id"], "done"])
    assert admin.ask("GET", f"/api/v1/packets/{ask['id']}.pcap").body == capture.read_bytes()
    assert not [line for line in keep.said if line.startswith("stop")]


def test_a_keep_that_ends_in_the_middle(keep, admin, capture):
    ask = ask_any(admin)
    wish, _ = keep.wish()
    keep.part(wish, capture, 0, 1000)
    keep.hear("more")
    keep.say("down")
    keep.say("up")
    again, _ = keep.wish()  # with what came no reader could tell what is missing
    assert again != wish
    keep.answer(again, capture, end(capture))
    assert state_of(admin, ask, "done")["problem"] == ""
    assert admin.ask("GET", f"/api/v1/packets/{ask['id']}.pcap").body == capture.read_bytes()


def test_what_is_not_wanted_any_more_stops(keep, admin, capture):
    ask = ask_any(admin)
    wish, _ = keep.wish()
    keep.part(wish, capture, 0, 1000)
    keep.hear("more")
    admin.api("DELETE", f"/packets/{ask['id']}")
    keep.part(wish, capture, 1000, 1000)
    assert keep.hear("stop").split()[1] == wish
    assert one(admin, ask) is None


def test_a_sensor_without_a_keep_says_so(keep, admin):
    keep.say("down")
    ask = ask_any(admin)
    assert "keep" in state_of(admin, ask, "failed")["problem"]


def test_memory_stays_bounded(instance, keep, admin, tmp_path):
    """160 MiB go through roles that hold a part or two of it."""
    big = tmp_path / "big.pcap"
    block = random.Random(8).randbytes(1 << 20)
    with big.open("wb") as f:
        for _ in range(160):
            f.write(block)
    ask = ask_any(admin, limit_bytes=1 << 30)
    wish, _ = keep.wish()
    roles = {**{r: instance.roles()[r] for r in ("gateway", "state")}, "link": keep.pid}

    def peak(pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) << 10
    before = {r: peak(pid) for r, pid in roles.items()}
    keep.answer(wish, big, end(big))
    state_of(admin, ask, "done")
    digest = hashlib.sha256(admin.ask("GET", f"/api/v1/packets/{ask['id']}.pcap", timeout_s=300).body).hexdigest()
    assert digest == hashlib.sha256(big.read_bytes()).hexdigest()
    grown = {r: peak(pid) - before[r] for r, pid in roles.items()}
    assert all(n < 24 << 20 for n in grown.values()), grown


def test_a_download_ends_with_the_master(instance, keep, admin, tmp_path):
    """A piece of it is waited for when the master is told to end: the gateway ends as ever."""
    big = tmp_path / "big.pcap"
    big.write_bytes(bytes(32 << 20))
    ask = ask_any(admin, limit_bytes=1 << 30)
    wish, _ = keep.wish()
    keep.answer(wish, big, end(big))
    state_of(admin, ask, "done")
    c = http.client.HTTPSConnection("127.0.0.1", instance.port, context=admin.tls, timeout=60)
    c.request("GET", f"/api/v1/packets/{ask['id']}.pcap",
              headers={"Cookie": "; ".join(f"{k}={v}" for k, v in admin.cookies.items())})
    got = c.getresponse()
    assert got.status == 200 and len(got.read(1 << 20)) == 1 << 20
    os.kill(instance.roles()["state"], signal.SIGSTOP)
    threading.Timer(2, lambda: instance.master.send_signal(signal.SIGTERM)).start()
    with pytest.raises((http.client.IncompleteRead, OSError)):
        got.read()  # whoever reads it sees that it is not all
    assert instance.master.wait(60) == 0
    assert "gateway was ended" not in instance.logged(), instance.logged()[-2000:]


# ---- the link alone, against a strict counterpart ----

@pytest.fixture(name="pair")
def a_link_and_its_master(tmp_path):
    """A master that stands still until it is told; a link with batches in its spool."""
    master = link_master.Master(tmp_path)
    sensor = Sensor(tmp_path, master)
    sensor.feed(lab(tmp_path / "first.tev", "--devices", 18, "--hours", 1, "--seed", 3))
    taken = len(master.taken)
    master.paused = True
    sensor.start("--feed", lab(tmp_path / "office.tev", "--devices", 60, "--hours", 24, "--seed", 4))
    until(lambda: sum(f.stat().st_size for f in (tmp_path / "spool").glob("*.j")) > 1_500_000)
    sensor.kill()
    until(lambda: not master.held)
    keep = Keep(sensor.conf, tmp_path / "spool", tmp_path / "state", tmp_path / "errors")
    yield master, keep, taken
    keep.close()
    sensor.kill()
    master.close()


def wished(master, ident="00000000000000a7"):
    master.command(id=ident, type="packets", wish=WISH)
    return ident


def test_batches_go_before_packets(pair, tmp_path):
    """While batches wait that are not on their way yet, a part goes once in five seconds and no more."""
    master, keep, taken = pair
    big = tmp_path / "kept.pcap"
    big.write_bytes(random.Random(9).randbytes(1_500_000))
    master.hook = lambda _: time.sleep(0.3)  # holds the lock: batches come one after the other
    master.paused = False
    ident = wished(master)
    wish, _ = keep.wish()
    assert wish == ident
    began = time.monotonic()
    keep.answer(wish, big, end(big))
    until(lambda: master.parts and master.parts[-1]["number"].endswith("end"), 60)
    last = master.next
    assert len(master.taken) - taken > 12 and not master.refusals
    assert b"".join(x["body"] for x in master.parts[:-1]) == big.read_bytes()
    assert [x["number"].split()[0] for x in master.parts] == [str(n) for n in range(len(master.parts))]
    for before, part in zip([began] + [x["at"] for x in master.parts], master.parts):
        assert part["next"] >= last - 4 or part["at"] - before > 4.5, (part["number"], part["next"], last)
    at = master.taken[taken].sequence
    for e in master.taken[taken:]:
        assert e.sequence == at
        at += e.batches


def test_a_part_is_sent_again_until_it_is_taken(pair, capture):
    master, keep, _ = pair
    answers = [(503, {"error": {"code": "busy", "message": "later"}}), (502, None), (200, {"odd": 1})]
    master.part_hook = lambda part: answers.pop(0) if answers else None
    master.paused = False
    wished(master)
    wish, _ = keep.wish()
    keep.answer(wish, capture, end(capture))
    until(lambda: master.parts and master.parts[-1]["number"].endswith("end"), 60)
    assert [x["number"] for x in master.parts[:4]] == ["0", "0", "0", "0"]
    assert len({x["body"] for x in master.parts[:4]}) == 1
    assert not [line for line in keep.said if line.startswith("stop")]


def test_a_wish_takes_the_place_of_the_one_before(pair, capture):
    master, keep, _ = pair
    master.paused = False
    first, second = wished(master), "00000000000000b8"
    wish, _ = keep.wish()
    keep.part(wish, capture, 0, 1000)
    keep.hear("more")
    master.command(id=first, type="packets", wish=WISH)  # told twice: nothing happens
    wished(master, second)
    assert keep.hear("stop").split()[1] == first
    keep.part(first, capture, 1000, 1000)  # was on its way
    wish, _ = keep.wish()
    assert wish == second
    keep.answer(second, capture, end(capture))
    until(lambda: master.parts[-1]["number"].endswith("end"))
    assert b"".join(x["body"] for x in master.parts if x["id"] == second)[:-len(end(capture))] == capture.read_bytes()
    assert [x["number"] for x in master.parts if x["id"] == first] == ["0"]


def test_a_wish_that_is_none_is_answered(pair):
    master, keep, _ = pair
    master.paused = False
    master.command(id="00000000000000a7", type="packets", wish={"host": "nobody"})
    until(lambda: master.parts)
    assert master.parts[0]["number"] == "0 end" and "cannot read" in json.loads(master.parts[0]["body"])["problem"]
    assert not [line for line in keep.said if line.startswith("wish")]
