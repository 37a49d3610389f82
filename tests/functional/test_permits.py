# SPDX-License-Identifier: Apache-2.0
"""This is normal here, at a running master: who may say so, what is told and what is not, whatever is killed meanwhile."""
import json
import os
import signal

import pytest
import spine
import verify

DAYS = ("02", "04", "06")
REASON = "our scanner <img src=x onerror=alert(1)>"


@pytest.fixture(name="master", scope="module")
def running_master(tmp_path_factory):
    i = spine.Instance(tmp_path_factory.mktemp("permits") / "i")
    try:
        yield i.start()
    finally:
        i.end()


@pytest.fixture(name="admin", scope="module")
def the_admin(master):
    return master.admin()


def user(admin, master, role):
    made = admin.api("POST", "/users", {"name": f"the-{role}", "role": role})
    c = spine.Client(master.port)
    c.first_login(f"the-{role}", made["one_time_password"])
    return c


@pytest.fixture(name="analyst", scope="module")
def the_analyst(admin, master):
    return user(admin, master, "analyst")


def status(c, method, path, body=None):
    return c.ask(method, "/api/v1" + path, body).status


def permit_of(c, permit_id):
    return next(p for p in verify.pages(c, "/permits", "permits") if p["id"] == permit_id)


def audited(admin, action):
    return [e for e in admin.api("GET", "/audit?limit=200")["entries"] if e["action"] == action]


def test_who_may(master, admin, analyst):
    reader = user(admin, master, "reader")
    body = {"device": "dabcdefghij", "model": "internal-scan", "reason": REASON}
    assert status(reader, "POST", "/permits", body) == 403
    assert status(reader, "GET", "/permits") == 200
    assert status(spine.Client(master.port), "GET", "/permits") == 401
    for who, endless in ((analyst, 403), (admin, 200)):
        assert status(who, "POST", "/permits", {**body, "days": None}) == endless
        made = who.api("POST", "/permits", body)["id"]
        assert status(reader, "DELETE", f"/permits/{made}") == 403
        csrf, who.csrf = who.csrf, reader.csrf
        assert status(who, "DELETE", f"/permits/{made}") == 403
        who.csrf = csrf
        assert permit_of(reader, made)["state"] == "active"
        assert status(analyst, "DELETE", f"/permits/{made}") == 200
        assert status(analyst, "DELETE", f"/permits/{made}") == 404
        over = permit_of(reader, made)
        assert (over["state"], over["ended_by"], over["reason"]) == ("ended", "the-analyst", REASON)
    for wrong in ({"reason": REASON}, {**body, "reason": ""}, {**body, "reason": "two\nlines"}, {**body, "reason": "a" * 241},
                  {**body, "days": 366}, {**body, "days": 0}, {**body, "days": "7"}, {**body, "device": None},
                  {**body, "tactic": "discovery"}, {**body, "port": 0}, {**body, "host": "a", "domain": "b"},
                  {**body, "host": "a" * 128}, {**body, "everything": True}):
        assert status(analyst, "POST", "/permits", wrong) == 400, wrong
    assert len(audited(admin, "permit.add")) == 3 and len(audited(admin, "permit.end")) == 2
    for p in verify.pages(admin, "/permits?state=active", "permits"):
        assert p["until"] is None
        admin.api("DELETE", f"/permits/{p['id']}")


def feed(master, admin, conf, folder, day):
    """An office of some hours, always the same one, with a scan by the same device and generated names by another."""
    spool = spine.lab(folder / f"{day}.tev", "--seed", 7, "--devices", 40, "--start", f"2026-03-{day}T08:00:00Z", "--hours", 4,
                      "--inject=scan@+1h", "--inject=dga@+2h", "--truth", folder / f"{day}.truth")
    master.feed(conf, spool)
    verify.looked(admin, master.path)
    return [json.loads(line)["device"]["ip"] for line in (folder / f"{day}.truth").read_text().splitlines()]


def told(admin, day, model):
    return [b for b in verify.pages(admin, f"/breaches?from=2026-03-{day}T00:00:00Z&to=2026-03-{day}T23:59:59Z", "breaches")
            if b["model"]["id"] == model]


def test_taught_held_back_counted_and_ended(master, admin, analyst, tmp_path):
    conf = master.sensor()
    scanner = feed(master, admin, conf, tmp_path, DAYS[0])[0]
    scans = [b for b in told(admin, DAYS[0], "internal-scan") if b["device"]["ip"] == scanner]
    assert len(scans) == 1 and told(admin, DAYS[0], "generated-domains")
    scan = scans[0]
    made = analyst.api("POST", "/permits", {"device": scan["device"]["id"], "tactic": "discovery", "reason": REASON,
                                            "breach": scan["id"], "incident": scan["incident"]})["id"]
    # What was told stays, and the incident that led to it is closed with the decision.
    assert told(admin, DAYS[0], "internal-scan") == scans
    assert admin.api("GET", f"/incidents/{scan['incident']}")["state"] == "acknowledged"
    assert [e["detail"] for e in audited(admin, "incident.acknowledge")] == [f"permit {made}"]
    listed = permit_of(admin, made)
    assert listed["device"]["ip"] == scanner and listed["tactic"] == "discovery" and listed["breach"] == scan["id"]
    assert (listed["by"], listed["held"], listed["last_held"], listed["state"]) == ("the-analyst", 0, None, "active")
    for role in ("core", "state", "store"):
        os.kill(master.roles()[role], signal.SIGKILL)
    spine.wait_until("all are back", lambda: status(admin, "GET", "/permits") == 200 and status(admin, "GET", "/settings") == 200)
    assert feed(master, admin, conf, tmp_path, DAYS[1])[0] == scanner
    assert not [b for b in told(admin, DAYS[1], "internal-scan") if b["device"]["ip"] == scanner]
    assert told(admin, DAYS[1], "generated-domains")  # another attack of the same day
    spine.wait_until("what was held back is counted", lambda: permit_of(admin, made)["held"] > 0, 30)
    assert permit_of(admin, made)["last_held"].startswith(f"2026-03-{DAYS[1]}T")
    os.kill(master.roles()["core"], signal.SIGKILL)
    line = next(x for x in master.ctl("permit", "list", "--instance", str(master.path)).splitlines() if made in x)
    assert "active" in line and "the-analyst" in line and "tactic discovery" in line and REASON in line and "\x1b" not in line
    master.ctl("permit", "end", "--instance", str(master.path), made)
    assert master.ctl("permit", "end", "--instance", str(master.path), made, want=1) is not None
    feed(master, admin, conf, tmp_path, DAYS[2])
    assert [b for b in told(admin, DAYS[2], "internal-scan") if b["device"]["ip"] == scanner]
    over = permit_of(admin, made)
    assert over["state"] == "ended" and over["held"] > 0 and over["ended_by"] == "operator"
