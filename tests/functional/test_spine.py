# SPDX-License-Identifier: Apache-2.0
"""The whole spine with its real daemons: a made office goes in at a sensor, and what comes out is held against
what went in."""
import concurrent.futures
import copy
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import envelopes
import pytest
import spine
import verify

START = "2026-03-02T08:00:00Z"


@pytest.fixture(name="files", scope="module")
def made_files(tmp_path_factory):
    """An office with an attack, and some hours of other days."""
    folder = tmp_path_factory.mktemp("made")
    folder.chmod(0o755)
    spine.lab(folder / "office.tev", "--seed", 7, "--devices", 40, "--start", START, "--hours", 3, "--inject=scan@+1h",
              "--inject=takeover@+90m:hosts=9,hours=40m", "--truth", folder / "truth")
    for name, day in (("one", 3), ("two", 4), ("three", 5)):
        spine.lab(folder / f"{name}.tev", "--seed", day, "--devices", 30, "--start", f"2026-03-0{day}T10:00:00Z", "--hours", 1)
    return folder


class Office:
    """An instance that has taken the office's events."""

    def __init__(self, folder, files):
        self.files = files
        self.instance = spine.Instance(folder / "office", "office", approve=True)
        self.admin = None

    def begin(self):
        self.instance.start()
        self.admin = self.instance.admin()
        self.feed("office", "office")
        verify.settle(self.admin, self.instance.path)
        return self

    def known(self, name):
        return next((s for s in self.admin.api("GET", "/sensors")["sensors"] if s["name"] == name), None)

    def enrolled(self, name):
        return spine.wait_until(f"sensor {name} has enrolled", lambda: self.known(name), 30)

    def decide(self, name, status):
        self.admin.api("PATCH", f"/sensors/{self.enrolled(name)['id']}", {"status": status})

    def start_feed(self, conf, name):
        """A feed of a file, running; what it says is in its .said."""
        said = conf.with_suffix(f".{name}.said")
        process = subprocess.Popen([spine.BIN / "thymus-vsensor", "--config", conf, "--feed", self.files / f"{name}.tev"],
                                   stdout=subprocess.DEVNULL, stderr=said.open("wb"), stdin=subprocess.DEVNULL)
        process.said = said.read_text
        self.instance.others.append(process)
        return process

    def feed(self, name, file):
        """A new sensor's feed, approved and gone through."""
        conf = self.instance.sensor(name)
        process = self.start_feed(conf, file)
        self.decide(name, "authorised")
        assert process.wait(60) == 0, process.said()
        return conf

    def source(self, name):
        """What System Status says of a sensor."""
        return next((s for s in self.admin.api("GET", "/status")["sources"] if s["name"] == name), None)

    def takes(self, name, at_least=1):
        """Waits until so many events of a sensor were taken; how many were."""
        def enough():
            s = self.source(name)
            return s["events"] if s and s["events"] >= at_least else 0
        return spine.wait_until(f"{at_least} events of {name}", enough, 30, 0.02)

    def count(self, file):
        return sum(verify.events_by_kind(self.files / f"{file}.tev").values())


@pytest.fixture(name="office", scope="module")
def fed_office(tmp_path_factory, files):
    o = Office(tmp_path_factory.mktemp("spine"), files)
    try:
        yield o.begin()
    finally:
        o.instance.end()


def says(process, text):
    spine.wait_until(f"the sensor says: {text}", lambda: text in process.said(), 30)


def test_what_was_fed_is_in_the_log_and_in_the_store(office):
    fed = verify.events_by_kind(office.files / "office.tev")
    assert len(fed) >= 5 and sum(fed.values()) > 5000
    of_office = [r for r in verify.log_of(office.instance.path) if r.get("sensor") == office.known("office")["id"]]
    assert verify.check_log(of_office) == sum(fed.values())
    for kind, count in fed.items():
        got = office.admin.api("GET", f"/search?q=&kind={kind}&from=2026-03-02T00:00:00Z&to=2026-03-03T00:00:00Z&limit=1"
                                      "&histogram=1")
        assert got["total"] == count, f"{kind}: {count} fed, {got['total']} in the store"
    assert office.takes("office") == sum(fed.values())


def test_the_attack_is_an_incident_with_evidence(office):
    truth = json.loads((office.files / "truth").read_text().splitlines()[0])
    attacker = truth["device"]["ip"]
    found = [i for i in verify.pages(office.admin, "/incidents?state=all", "incidents")
             if attacker in [d["ip"] for d in i["devices"]] and i["score"] >= 30]
    assert found, f"no incident of {attacker}"
    incident = office.admin.api("GET", f"/incidents/{found[0]['id']}")
    assert incident["timeline"]
    breaches = [office.admin.api("GET", f"/breaches/{b['id']}") for b in incident["timeline"]]
    assert any("scan" in b["model"]["id"] or "sweep" in b["model"]["id"] for b in breaches), [b["model"] for b in breaches]
    for b in breaches:
        assert b["evidence"] and all(e["sentence"] for e in b["evidence"])
        assert any(e["observed"] is not None for e in b["evidence"])


def test_a_user_is_whom_it_is_about(office):
    """The account that was taken over: its breach, its page, and that it is normal here."""
    truth = json.loads((office.files / "truth").read_text().splitlines()[1])
    found = [b for b in verify.pages(office.admin, "/breaches", "breaches") if "user" in b]
    assert found and truth["device"]["ip"] in [b["device"]["ip"] for b in found if b["device"]]
    user = found[0]["user"]
    page = office.admin.api("GET", f"/credentials/{user['id']}")
    assert page["name"] == user["name"] and page["first_seen"] and page["learned_hours"] >= 1
    assert found[0]["id"] in [b["id"] for b in page["breaches"]] and page["incidents"]
    assert user in page["incidents"][0]["users"]
    listed = verify.pages(office.admin, f"/breaches?device={user['id']}", "breaches")
    assert [b["id"] for b in listed] == [b["id"] for b in page["breaches"]]
    series = office.admin.api("GET", f"/series?entity={user['id']}&feature=user-logins&from=2026-03-02T00:00:00Z&to=2026-03-03T00:00:00Z")
    assert series["points"] and all(p["observed"] is not None for p in series["points"])
    made = office.admin.api("POST", "/permits", {"device": user["id"], "model": found[0]["model"]["id"], "reason": "on duty"})["id"]
    permit = next(p for p in verify.pages(office.admin, "/permits", "permits") if p["id"] == made)
    assert permit["device"]["hostname"] == user["name"]
    office.admin.api("DELETE", f"/permits/{made}")
    assert office.admin.ask("GET", "/api/v1/credentials/uaaaaaaaaaa").status == 404


def test_a_sensors_life(office):
    """Pending: it waits, and System Status says so. Authorised: it is taken. Revoked: refused, counted, shown."""
    conf = office.instance.sensor("life")
    process = office.start_feed(conf, "one")
    assert office.enrolled("life")["status"] == "pending"
    says(process, "pending")
    spine.wait_until("System Status shows that one waits", lambda: "sensors_pending" in verify.problems(office.admin), 20)
    assert office.source("life")["events"] == 0
    office.decide("life", "authorised")
    assert process.wait(60) == 0, process.said()
    taken = office.count("one")
    assert office.takes("life", taken) == taken
    before = envelopes.refusals(office.admin)
    office.decide("life", "revoked")
    process = office.start_feed(conf, "two")
    says(process, "revoked")
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert office.known("life")["status"] == "revoked"
    # The sensor asks before it sends. One that does not hears the same.
    status, answer = envelopes.post(office.admin, envelopes.in_spool(conf.parent / "spool")[-1])
    assert (status, answer["error"]["code"]) == (403, "revoked"), answer
    envelopes.rises(office.admin, "revoked", before)
    assert office.source("life")["status"] == "revoked" and office.source("life")["events"] == taken


def test_a_wrong_token_and_plain_http(office):
    before = envelopes.refusals(office.admin)
    conf = office.instance.sensor("stranger")
    (conf.parent / "token").write_text("token-stranger:" + "A" * 43 + "\n")
    process = office.start_feed(conf, "one")
    says(process, "does not know the token")
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert not office.known("stranger")
    with socket.create_connection(("127.0.0.1", office.instance.port), 10) as s:
        s.sendall(b"POST /link/v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        heard = s.recv(4096)
    assert b"TENV" not in heard and not heard.startswith(b"HTTP/1.1 2")
    envelopes.rises(office.admin, "bad_token", before)
    envelopes.rises(office.admin, "plain_http", before)


def test_envelopes_altered_replayed_reordered_and_bombs(office):
    """Envelopes out of a sensor's spool, posted again by somebody else."""
    conf = office.feed("forged", "three")
    taken = office.count("three")
    office.takes("forged", taken)
    # Those of before the enrolment were signed anew on their way: what is fed now lies there as it is sent.
    process = office.start_feed(conf, "one")
    assert process.wait(60) == 0, process.said()
    taken += office.count("one")
    office.takes("forged", taken)
    mine = int(office.known("forged")["id"], 16)
    real = [e for e in envelopes.in_spool(conf.parent / "spool") if envelopes.fields(e)["sensor"] == mine]
    assert len(real) >= 3
    head, last = envelopes.fields(real[0]), envelopes.fields(real[-1])

    before = envelopes.refusals(office.admin)
    status, answer = envelopes.post(office.admin, real[0])  # has it already: goes on behind the last
    assert (status, answer) == (200, {"epoch": head["epoch"], "next": last["sequence"] + 1})
    envelopes.rises(office.admin, "replayed", before)
    # Signature, epoch, sequence, clock, payload.
    for at in (0, 63, 64 + 24, 64 + 32, 64 + 40, len(real[0]) // 2, len(real[0]) - 1):
        altered = bytearray(real[0])
        altered[at] ^= 1
        status, answer = envelopes.post(office.admin, bytes(altered))
        assert status in (400, 401), (at, status, answer)
    envelopes.rises(office.admin, "bad_signature", before, 4)
    # What claims to unpack to more than it does, and what claims to be more than is taken.
    bomb = bytearray(real[0])
    bomb[envelopes.RAW_LEN_AT:envelopes.RAW_LEN_AT + 4] = b"\xff\xff\xff\x7f"
    assert envelopes.post(office.admin, bytes(bomb))[0] == 400
    bomb[envelopes.PAYLOAD_LEN_AT:envelopes.PAYLOAD_LEN_AT + 4] = b"\xff\xff\xff\x7f"
    assert envelopes.post(office.admin, bytes(bomb))[0] == 413
    envelopes.rises(office.admin, "bomb", before)
    assert envelopes.post(office.admin, real[0][:100])[0] == 400
    envelopes.rises(office.admin, "malformed", before)
    assert office.source("forged")["events"] == taken
    verify.check_log(verify.log_of(office.instance.path))


def test_envelopes_in_another_order(office):
    """A later one waits for those before it, and is refused when they do not come; then all come, the other way round."""
    conf = office.feed("order", "three")
    sensor = int(office.known("order")["id"], 16)
    office.takes("order", office.count("three"))
    # The master is away: what is fed lies in the spool.
    office.instance.stop()
    first = next(r for r in reversed(verify.log_of(office.instance.path)) if r.get("sensor") == f"{sensor:016x}")["sequence"] + 1
    process = office.start_feed(conf, "one")

    def waiting():
        heads = [(envelopes.fields(e), e) for e in envelopes.in_spool(conf.parent / "spool")]
        held = [e for head, e in heads if head["sensor"] == sensor and head["sequence"] >= first]
        return held if len(held) >= 2 else None
    held = spine.wait_until("the spool has what the master has not", waiting, 30)
    process.kill()
    process.wait(20)
    office.instance.start()
    spine.wait_until("the session is known again", lambda: office.admin.ask("GET", "/api/v1/session").status == 200, 30)
    before = spine.wait_until("intake tells", lambda: office.source("order") and envelopes.refusals(office.admin), 30)
    status, answer = envelopes.post(office.admin, held[1])
    assert (status, answer["next"]) == (409, first)
    envelopes.rises(office.admin, "reordered", before)
    with concurrent.futures.ThreadPoolExecutor() as several:
        answers = []
        for e in (held[1], held[0]):
            answers.append(several.submit(envelopes.post, office.admin, e))
            time.sleep(0.3)
        assert [a.result()[0] for a in answers] == [200, 200]
    # The sensor itself goes on behind them.
    process = office.start_feed(conf, "one")
    assert process.wait(60) == 0, process.said()
    office.takes("order", office.count("three") + office.count("one"))
    verify.check_log(verify.settle(office.admin, office.instance.path))


def test_settings_go_through_the_log(office):
    settings = office.admin.api("GET", "/settings")
    wanted = copy.deepcopy(settings)
    wanted["alerts_per_day"] = settings["alerts_per_day"] + 3
    assert office.admin.api("PUT", "/settings", wanted)["alerts_per_day"] == wanted["alerts_per_day"]
    records = verify.settle(office.admin, office.instance.path)
    assert [r for r in records if r.get("control") == "settings"]
    spine.wait_until("the new budget is in use",
                     lambda: office.admin.api("GET", "/overview")["alert_budget"] == wanted["alerts_per_day"], 20)


def test_an_incident_is_acknowledged(office):
    incident = office.admin.api("GET", "/incidents?state=open&limit=1")["incidents"][0]
    office.admin.api("PATCH", f"/incidents/{incident['id']}", {"state": "acknowledged", "comment": "looked at"})
    spine.wait_until("the incident is acknowledged",
                     lambda: office.admin.api("GET", f"/incidents/{incident['id']}")["state"] == "acknowledged", 20)
    assert incident["id"] not in {i["id"] for i in verify.pages(office.admin, "/incidents?state=open", "incidents")}
    assert [r for r in verify.log_of(office.instance.path) if r.get("control") == "ack"]


def open_paths(instance):
    """What the processes of an instance hold open or mapped, by path."""
    found = set()
    for pid in [instance.master.pid, *instance.roles().values()]:
        for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                found.add(os.readlink(link))
            except OSError:  # closed meanwhile
                continue
    return found


def test_two_instances_share_nothing(office, tmp_path):
    other = spine.Instance(tmp_path / "neighbour", "neighbour")
    try:
        other.start()
        admin = other.admin()
        theirs, ours = str(other.path), str(office.instance.path)
        assert any(p.startswith(theirs) for p in open_paths(other))
        assert not [p for p in open_paths(other) if p.startswith(ours)]
        assert not [p for p in open_paths(office.instance) if p.startswith(theirs)]
        # A session, a token and a batch of the one are nothing to the other.
        stolen = spine.Client(other.port)
        stolen.cookies, stolen.csrf = dict(office.admin.cookies), office.admin.csrf
        assert stolen.ask("GET", "/api/v1/session").status == 401
        real = envelopes.in_spool(office.instance.folder / "office" / "spool")[-1]
        status, answer = envelopes.post(admin, real)
        assert (status, answer["error"]["code"]) == (401, "wrong_instance")
        conf = office.instance.sensor("lost")
        conf.write_text(conf.read_text().replace(str(office.instance.port), str(other.port)).replace(
            office.instance.ctl("instance", "pin", str(office.instance.path)), other.ctl("instance", "pin", str(other.path))))
        process = office.start_feed(conf, "one")
        says(process, "does not know the token")
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        # What one takes, finds and settles, the other does not see; one dies, the other does not.
        other.feed(other.sensor("own"), office.files / "two.tev")
        verify.settle(admin, other.path)
        assert sum(verify.rows_of(admin).values()) == office.count("two")
        assert [s["name"] for s in admin.api("GET", "/sensors")["sensors"]] == ["own"]
        assert not {i["id"] for i in verify.pages(admin, "/incidents?state=all", "incidents")} & {
            i["id"] for i in verify.pages(office.admin, "/incidents?state=all", "incidents")}
        pids = office.instance.roles()
        other.stop(signal.SIGKILL)
        assert office.instance.roles() == pids and office.admin.api("GET", "/session")
    finally:
        other.end()


def test_a_snapshot_under_load_and_what_is_made_of_it(office, tmp_path):
    conf = office.instance.sensor("load")
    spine.lab(office.files / "load.tev", "--seed", 8, "--devices", 60, "--start", "2026-03-06T08:00:00Z", "--hours", 2)
    process = office.start_feed(conf, "load")
    office.decide("load", "authorised")
    office.takes("load")
    office.instance.ctl("snapshot", str(office.instance.path), str(tmp_path / "cut"))
    made = office.instance.restored(tmp_path / "cut", tmp_path / "restored")
    try:
        assert process.wait(90) == 0, process.said()
        made.start()
        admin = made.admin_again(office.instance.secret)
        # Of what is in its log it has what a master of its own makes of that log.
        with verify.still(admin, made, tmp_path / "still"):
            logged = verify.check_log(verify.log_of(tmp_path / "still"))
            found, rows = verify.findings_of(admin), verify.rows_of(admin)
        assert sum(rows.values()) == logged > 0
        made.stop()
        alone, alone_rows = verify.undisturbed(tmp_path / "alone", tmp_path / "still")
        assert rows == alone_rows
        assert found["incidents"] and found == alone, verify.difference(found, alone)
        # A second start goes on where it was, also after a kill and one more look, and takes batches.
        for how in (signal.SIGKILL, signal.SIGTERM):
            made.start()
            verify.looked(admin, made.path)
            again = verify.rows_of(admin)
            assert again == rows, f"{rows} before the start, {again} after it"
            again = verify.findings_of(admin)
            assert again == found, verify.difference(found, again)
            made.stop(how)
        made.start()
        one = office.instance.sensor("later")
        one.write_text(one.read_text().replace(str(office.instance.port), str(made.port)))
        (one.parent / "token").write_text(made.ctl("token", "create", "--instance", str(made.path), "later") + "\n")
        process = office.start_feed(one, "two")
        sensor = spine.wait_until("it enrolls", lambda: next(
            (s for s in admin.api("GET", "/sensors")["sensors"] if s["name"] == "later"), None), 30)
        admin.api("PATCH", f"/sensors/{sensor['id']}", {"status": "authorised"})
        assert process.wait(60) == 0, process.said()
        verify.settle(admin, made.path)
        assert sum(verify.rows_of(admin).values()) == logged + office.count("two")
    finally:
        made.end()
