# SPDX-License-Identifier: Apache-2.0
"""What a running master promises, read off its log and off what it answers."""
import collections
import contextlib
import datetime
import json
import os
import shutil
import signal
import subprocess

import spine

SUPPORT = spine.BIN.parent / "tests" / "support"
FOLLOWERS = ("core", "seal", "store")
SEEN_AT = {"first_seen", "updated"}  # when a finding was told, not what was found


def log_of(folder):
    """The records of an instance's log."""
    done = subprocess.run([SUPPORT / "log_dump", folder / "log"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"log_dump: {done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_log(records):
    """Events in the log; every sensor's sequences are 0, 1, 2, ..., with gaps in the place of what they stand for."""
    expected, events = {}, 0
    for r in records:
        if r["record"] != "batch" and r.get("control") != "source_gap":
            continue
        key = (r["sensor"], r["epoch"])
        want = expected.get(key, 0)
        assert r["sequence"] == want, f"{key}: sequence {r['sequence']} where {want} was to come"
        expected[key] = want + r.get("batches", 1)
        events += r.get("events", 0)
    return events


def events_by_kind(path):
    """Of a spool of batches, as thymus-lab writes it."""
    done = subprocess.run([SUPPORT / "spool_dump", path], capture_output=True, text=True, timeout=300, check=True)
    lines = (json.loads(line) for line in done.stdout.splitlines())
    return dict(collections.Counter(line["event"]["_path"] for line in lines if "event" in line))


def settle(client, folder, timeout_s=180):
    """Waits until those who make rows and findings have applied the log of now, and told it; the log."""
    records = log_of(folder)
    last = records[-1]["position"]
    seen = []

    def done():
        status = client.ask("GET", "/api/v1/status")  # 503: who knows the session is being started again
        roles = {r["name"]: r for r in status.json["roles"]} if status.status == 200 else {}
        seen[:] = [(r["name"], r["state"], r["gauges"]) for n, r in roles.items() if n in FOLLOWERS]
        return len(seen) == len(FOLLOWERS) and all(
            state == "up" and gauges.get("position", 0) > last and not gauges.get("outbox_bytes") for _, state, gauges in seen)
    try:
        spine.wait_until(f"all followers are past {last}, the end of the log", done, timeout_s)
    except AssertionError as e:
        raise AssertionError(f"{e}: {seen}") from None
    # Roles that were killed last are connected anew meanwhile; until then the answer is "try again".
    spine.wait_until("search answers", lambda: client.ask("GET", "/api/v1/search?q=&kind=conn&limit=1").status == 200, 30)
    return records


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def len_of(folder):
    return log_of(folder)[-1]["position"] + 1


def looked(client, folder):
    """Waits for a tick at which core looks at what the last batch brought (after a look the next is due within two seconds,
    src/master/live.c): from there on ticks find nothing new, and what is found before a restart can be held against what is
    found behind it."""
    def tick():
        records = log_of(folder)
        times = {what: max((datetime.datetime.fromisoformat(r["time"]) for r in records if what in (r["record"], r.get("control"))),
                           default=None) for what in ("batch", "tick")}
        return times["tick"] and (times["tick"] - times["batch"]).total_seconds() >= 2
    spine.wait_until("a tick behind the last batch", tick, 60, 0.5)
    return settle(client, folder)


@contextlib.contextmanager
def still(client, instance, copy_path):
    """While this lasts nothing is added to the log (intake is stopped), and all is applied; a copy of the log is made."""
    looked(client, instance.path)
    with stopped(instance.roles()["intake"]):
        shutil.copytree(instance.path / "log", copy_path / "log")
        shutil.copy(instance.path / "instance.conf", copy_path / "instance.conf")
        settle(client, copy_path, 60)
        yield


def total_of(client, kind, begin="1970-01-02T00:00:00Z", end="2200-01-01T00:00:00Z"):
    """How many rows of a kind search counts from a time to another, the newest among them."""
    def whole():
        got = client.api("GET", f"/search?q=&kind={kind}&from={begin}&to={end}&limit=1&histogram=1")
        return got if got["newest"] else None
    return spine.wait_until(f"the newest rows of {kind}", whole)["total"]


def rows_of(client):
    """Rows in the store by kind, the newest among them."""
    kinds = [k["name"] for k in client.api("GET", "/fields")["kinds"] if k["name"] != "metric"]
    count = {}
    for kind in kinds:
        total = total_of(client, kind)
        if total:
            count[kind] = total
    return count


def pages(client, path, key):
    out, cursor = [], ""
    while cursor is not None:
        page = client.api("GET", f"{path}{'&' if '?' in path else '?'}limit=200{f'&cursor={cursor}' if cursor else ''}")
        out += page[key]
        cursor = page["next"]
    return out


def check_incidents(client, breaches, incidents):
    """Every incident has breaches, each of which knows it and is in no other; its time line is of these."""
    of = collections.defaultdict(set)
    for b in breaches.values():
        of[b["incident"]].add(b["id"])
    for i in incidents.values():
        detail = client.api("GET", f"/incidents/{i['id']}")
        line = [(b["time"], b["id"]) for b in detail["timeline"]]
        assert line, f"an incident without breaches: {i}"
        assert line == sorted(line) and [b for _, b in line] == detail["breaches"] == i["breaches"], f"{detail}"
        assert set(i["breaches"]) == of[i["id"]], f"{i['id']} has {i['breaches']}, breaches say {of[i['id']]}"
    assert set(of) - {None} == set(incidents), f"breaches of incidents that are not there: {set(of) - set(incidents)}"


def rows(client, q, kind):
    """Rows that a search finds, the newest first."""
    return pages(client, f"/search?q={q}&kind={kind}&from=1970-01-02T00:00:00Z&to=2200-01-01T00:00:00Z", "rows")


def findings_of(client):
    """All breaches and incidents, without what tells only when they were seen. Nothing new may come meanwhile."""
    def plain(found):
        return {x["id"]: {k: v for k, v in x.items() if k not in SEEN_AT} for x in found}
    found = {"breaches": plain(pages(client, "/breaches", "breaches")),
             "incidents": plain(pages(client, "/incidents?state=all", "incidents"))}
    check_incidents(client, **found)
    return found


def difference(a, b):
    """Of two findings_of, in words."""
    lines = []
    for kind in a:
        for key in sorted(set(a[kind]) | set(b[kind])):
            if a[kind].get(key) != b[kind].get(key):
                lines.append(f"{kind} {key}: {a[kind].get(key)} and {b[kind].get(key)}")
    return f"{len(lines)} findings differ:\n" + "\n".join(lines[:20])


def undisturbed(folder, origin):
    """Findings and rows of a new master that finds the log of an instance (a folder) beside nothing else."""
    other = spine.Instance(folder, "other")
    try:
        shutil.rmtree(other.path / "log")
        shutil.copytree(origin / "log", other.path / "log")
        ident = next(x for x in (origin / "instance.conf").read_text().splitlines() if x.startswith("id:"))
        mine = other.path / "instance.conf"
        mine.write_text("\n".join(ident if x.startswith("id:") else x for x in mine.read_text().splitlines()) + "\n")
        if os.getuid() == 0:
            for p in [other.path / "log", *(other.path / "log").iterdir()]:
                os.chown(p, 65534, 65534)
        other.start()
        client = other.admin()
        # Its own ticks find nothing more, since the log ends with one (looked).
        settle(client, other.path)
        added = {r.get("control", r["record"]) for r in log_of(other.path) if r["position"] >= len_of(origin)}
        assert not added & {"batch", "epoch"}, f"the log went on: {added}"
        return findings_of(client), rows_of(client)
    finally:
        other.end()


def problems(client):
    """Codes that System Status shows -> one problem of each."""
    return {p["code"]: p for p in client.api("GET", "/status")["problems"]}
