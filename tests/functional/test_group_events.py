# SPDX-License-Identifier: Apache-2.0
"""A patch day at a running master: told of its devices while the hour goes on, one group event when it is over; core is killed
in the middle of it."""
import os
import pathlib
import signal
import subprocess

import pytest
import spine
import verify

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPOOL = verify.SUPPORT / "scenario_spool"
MEMBERS = 18


@pytest.fixture(name="master", scope="module")
def running_master(tmp_path_factory):
    i = spine.Instance(tmp_path_factory.mktemp("groups") / "i")
    try:
        yield i.start()
    finally:
        i.end()


def spool(script, path):
    with open(path, "wb") as out:
        subprocess.run([SPOOL, script], stdout=out, check=True, timeout=60)
    return path


def alerts(admin):
    """Devices of open incidents of the day, by name."""
    found = verify.pages(admin, "/incidents?state=all&from=2024-03-07T00:00:00Z", "incidents")
    return {d["hostname"] for i in found for d in i["devices"]}


def test_patch_day(master, tmp_path):
    admin, conf = master.admin(), master.sensor()
    master.feed(conf, spool(ROOT / "tests/scenario/patch-day.scn", tmp_path / "day.tev"))
    verify.looked(admin, master.path)
    assert len(alerts(admin)) >= MEMBERS, "looks tell at once"
    assert verify.pages(admin, "/group-events", "group_events") == []
    os.kill(master.roles()["core"], signal.SIGKILL)
    (tmp_path / "later.scn").write_text(
        "at 2024-03-07T12:30:00Z\n"
        "conn 10.0.1.20:50010 > 198.51.100.40:443 proto=tcp service=ssl conn_state=SF duration=1 orig_pkts=6\n")
    master.feed(conf, spool(tmp_path / "later.scn", tmp_path / "later.tev"))
    verify.looked(admin, master.path)
    events = spine.wait_until("the group event", lambda: verify.pages(admin, "/group-events", "group_events"), 60, 0.5)
    assert [(e["devices"], e["group"], e["start"][:16], e["discounted"]) for e in events] == [(MEMBERS, "client", "2024-03-07T09:00", True)]
    assert events[0]["shared"][0]["text"] == "update.example"
    assert alerts(admin) == {"ws6"}, "what hides in it stays"
    event = admin.api("GET", f"/group-events/{events[0]['id']}")
    names = {d["hostname"] for d in event["members"]}
    assert names == {f"ws{n}" for n in range(1, MEMBERS + 1)}
    assert {b["device"]["hostname"] for b in event["breaches"]} == names
    member = next(d for d in event["members"] if d["hostname"] == "ws7")
    page = admin.api("GET", f"/devices/{member['id']}")
    assert [e["id"] for e in page["group_events"]] == [event["id"]] and page["incidents"] == []
    part = next(b for b in event["breaches"] if b["device"]["id"] == member["id"])
    breach = admin.api("GET", f"/breaches/{part['id']}")
    assert (breach["group_event"], breach["incident"], breach.get("early")) == (event["id"], None, None)
    assert admin.ask("GET", "/api/v1/group-events/0000000000000000").status == 404
    assert spine.Client(master.port).ask("GET", "/api/v1/group-events").status == 401
