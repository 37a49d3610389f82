# SPDX-License-Identifier: Apache-2.0
"""The same input gives the same findings: in any order of files, for any number of shards, and
when what was learned was saved and loaded in the middle."""
import json
import os
import pathlib
import subprocess

import pytest

BIN = pathlib.Path(os.environ.get("THYMUS_BIN", pathlib.Path(__file__).parents[2] / "build/bin"))
# Saved in the middle of an hour, while the attack is under way.
SPLIT = "2026-01-06T10:25:00Z"


def lab(directory, *options):
    subprocess.run([BIN / "thymus-lab", "--quiet", "--seed", "7", "--devices", "20",
                    "--start", "2026-01-05T20:00:00Z", "--hours", "16", *options,
                    "--zeek-json", str(directory)], check=True, timeout=300)


def analyse(*args):
    done = subprocess.run([BIN / "thymusctl", "analyse", "--json", *map(str, args)],
                          stdout=subprocess.PIPE, check=True, timeout=300)
    return done.stdout.decode().splitlines()


def findings(lines):
    """Breaches, incidents and group events by id, as the exact text that was printed."""
    out = {}
    for line in lines:
        record = json.loads(line)
        if record["kind"] in ("breach", "incident", "group-event"):
            out[record["kind"], record["id"]] = line
    return out


def incidents(found):
    """What they are, without words."""
    def what(i):
        return i["start"], i["end"], i["score"], i["alert"], i["breaches"], [d["id"] for d in i["devices"]]
    return {k: what(json.loads(v)) for k, v in found.items() if k[0] == "incident"}


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    directory = tmp_path_factory.mktemp("office")
    lab(directory, "--inject", "beacon@2026-01-06T09:00:00Z", "--inject", "scan@2026-01-06T10:10:00Z",
        "--inject", "takeover@2026-01-06T10:05:00Z:hosts=8,hours=40m")
    return directory


@pytest.fixture(scope="module")
def whole(office):
    lines = analyse(office)
    assert any(k[0] == "incident" for k in findings(lines)), "the attack must be found at all"
    assert any('"user":{"id":"u' in v for k, v in findings(lines).items() if k[0] == "breach"), "a credential as well"
    return lines


def test_any_order_of_files(office, whole):
    files = sorted(office.glob("*.log"))
    assert len(files) >= 3
    assert analyse(*files) == analyse(*reversed(files))
    assert findings(analyse(*reversed(files))) == findings(whole)


def test_one_shard_and_four(office, whole):
    assert analyse("--shards", "4", office) == whole


def test_twice(office, whole):
    assert analyse(office) == whole


# ---- what a whole group does ----

PATCH_DAY = 1767776400  # 2026-01-07T09:00:00Z
CLIENTS, MEMBERS = 24, 18


def calls(directory, rows):
    """A conn.log of (time, client's number, destination, bytes received)."""
    with open(directory / "conn.log", "w", encoding="utf-8") as log:
        for n, (at, client, to, received) in enumerate(sorted(rows)):
            log.write(json.dumps({
                "ts": at, "uid": f"C{n}", "id.orig_h": f"10.0.1.{client}", "id.orig_p": 40000 + n % 20000, "id.resp_h": to,
                "id.resp_p": 443, "proto": "tcp", "service": "ssl", "duration": 1.5, "orig_bytes": 90, "resp_bytes": received,
                "conn_state": "SF", "orig_pkts": 9, "resp_pkts": 6 + received // 1400}) + "\n")


@pytest.fixture(scope="module")
def patch_day(tmp_path_factory):
    """Four days of 24 clients; on the last, in one hour, 18 of them fetch much in many pieces."""
    directory = tmp_path_factory.mktemp("patch-day")
    days = [PATCH_DAY + (day - 3) * 86400 + hour * 3600 for day in range(4) for hour in range(9 if day < 3 else 2)]
    rows = [(hour + 37.25 * client + 600 * call, client, f"198.51.100.{10 + (client + call + hour // 3600) % 9}", 4000 + 977 * client)
            for hour in days for client in range(1, CLIENTS + 1) for call in range(4)]
    rows += [(PATCH_DAY + 600 + 20 * client + piece / 100, client, "203.0.113.80", 900000)
             for client in range(1, MEMBERS + 1) for piece in range(900)]
    calls(directory, rows)
    return directory


def test_a_group_event_for_any_number_of_shards(patch_day, tmp_path):
    one = analyse(patch_day)
    found = [json.loads(line) for line in one]
    events = [f for f in found if f["kind"] == "group-event"]
    assert [(e["group"], e["devices"], e["start"], e["discounted"]) for e in events] == [
        ("client", MEMBERS, "2026-01-07T09:00:00.000000Z", True)]
    assert "203.0.113.80" in [s["text"] for s in events[0]["shared"]]
    part = {f["id"] for f in found if f["kind"] == "breach" and f.get("group_event") == events[0]["id"]}
    assert part and part == set(events[0]["breaches"])
    assert not [f for f in found if f["kind"] == "incident" and part & set(f["breaches"])]
    assert [f["group_events"] for f in found if f["kind"] == "summary"] == [1]
    assert analyse("--shards", "4", patch_day) == one
    # Saved in the middle of that hour, by another number of shards.
    lines = (patch_day / "conn.log").read_text().splitlines(keepends=True)
    for name, chosen in (("first", lines[:len(lines) * 7 // 8]), ("second", lines[len(lines) * 7 // 8:])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "conn.log").write_text("".join(chosen))
    analyse("--state", tmp_path / "state", tmp_path / "first")
    second = analyse("--state", tmp_path / "state", "--shards", "3", tmp_path / "second")
    assert [f for f in second if '"group-event"' in f] == [f for f in one if '"group-event"' in f]


def test_saved_and_loaded_in_the_middle(office, whole, tmp_path):
    split = subprocess.run(["date", "-d", SPLIT, "+%s"], capture_output=True, check=True, text=True)
    at = float(split.stdout)
    parts = [tmp_path / "first", tmp_path / "second"]
    for p in parts:
        p.mkdir()
    for log in office.glob("*.log"):
        halves = [[], []]
        for line in log.read_text().splitlines(keepends=True):
            r = json.loads(line)
            when = r["ts"]
            if log.name == "conn.log":
                when += r.get("duration", 0)
            elif log.name == "dns.log":
                when += r.get("rtt", 0)
            halves[when >= at].append(line)
        for p, h in zip(parts, halves):
            if h:
                (p / log.name).write_text("".join(h))
    state = tmp_path / "state"
    first = analyse("--state", state, parts[0])
    second = analyse("--state", state, parts[1])
    # The hour that was open when the state was saved is told again, whole, by the second run.
    closed = {k: v for k, v in findings(first).items()
              if k[0] == "breach" and json.loads(v)["end"] <= SPLIT}
    told = findings(second)
    assert closed.items() | {k: v for k, v in told.items() if k[0] == "breach"}.items() == {
        k: v for k, v in findings(whole).items() if k[0] == "breach"}.items()
    assert {k: v for k, v in (findings(first) | told).items() if k[0] == "group-event"} == {
        k: v for k, v in findings(whole).items() if k[0] == "group-event"}
    # An incident is told again only when it is another than the first run told. Then it says what one run says, to
    # the letter; what was told before names devices as they were known then.
    again, one_run = incidents(told), incidents(findings(whole))
    assert not [k for k, v in again.items() if incidents(findings(first)).get(k) == v]
    assert {k: told[k] for k in again} == {k: findings(whole)[k] for k in again}
    assert {**incidents(findings(first)), **again} == one_run
