#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""faults.py [--seed N] [--minutes M | --rounds N] [--events N]: kills roles and daemons with SIGKILL at random
moments while an office's events run through a sensor into a master, and then holds it to its word:

- what entered the sensor's spool is in the log once: sequences without hole or repetition,
- what is in the log is in the store once: rows of each kind as many as events,
- the findings are those of an undisturbed master that reads the same log.

The moments and victims come from the seed; when a kill hits differs with the machine, the verdict may not. A
round prints one line; exit status 1 when a promise was broken."""
import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "functional"))
import spine  # noqa: E402  (beside the functional tests, which use it too)

SENSOR_VICTIMS = ["vsensor", "link", "feed"]
MASTER_VICTIMS = ["master", "gateway", "intake", "state", "core", "store", "seal", "query"]
VICTIMS = SENSOR_VICTIMS + MASTER_VICTIMS
SEEN_AT = {"first_seen", "updated"}  # when a finding was told, not what was found


def log_of(instance):
    tool = spine.BIN.parent / "tests" / "support" / "log_dump"
    text = subprocess.run([tool, instance.path / "log"], capture_output=True, text=True, check=True, timeout=300).stdout
    return [json.loads(line) for line in text.splitlines()]


def check_log(records):
    """Events in the log; every sensor's sequences are 0, 1, 2, ..."""
    expected, events = {}, 0
    for r in records:
        if r["record"] != "batch":
            continue
        key = (r["sensor"], r["epoch"])
        want = expected.get(key, 0)
        assert r["sequence"] == want, f"{key}: sequence {r['sequence']} where {want} was to come"
        expected[key] = want + 1
        events += r["events"]
    return events


def settle(client, records, timeout_s=180):
    """Waits until every follower has applied the log to its end."""
    last = records[-1]["position"]

    def done():
        status = client.api("GET", "/status")
        followers = (status["log"] or {}).get("followers", [])
        return len(followers) >= 4 and all(f["up"] and f["position"] > last for f in followers)
    spine.wait_until("all followers are at the end of the log", done, timeout_s, 0.5)
    # Those who were killed last are connected anew meanwhile; until then the answer is "try again".
    spine.wait_until("search answers", lambda: client.ask("GET", "/api/v1/search?q=&kind=conn&limit=1").status == 200, 30)


def rows_of(client):
    """Rows in the store by kind."""
    kinds = [k["name"] for k in client.api("GET", "/fields")["kinds"] if k["name"] != "metric"]
    count = {}
    for kind in kinds:
        got = client.api("GET", f"/search?q=&kind={kind}&from=1970-01-02T00:00:00Z&to=2200-01-01T00:00:00Z&limit=1&histogram=1")
        if got["total"]:
            count[kind] = got["total"]
    return count


def findings_of(client):
    """All breaches and incidents, without what tells only when they were seen."""
    def walk(path, key):
        out, cursor = {}, ""
        while cursor is not None:
            page = client.api("GET", f"{path}?limit=200{'&state=all' if key == 'incidents' else ''}{f'&cursor={cursor}' if cursor else ''}")
            for x in page[key]:
                out[x["id"]] = {k: v for k, v in x.items() if k not in SEEN_AT}
            cursor = page["next"]
        return out
    return {"breaches": walk("/breaches", "breaches"), "incidents": walk("/incidents", "incidents")}


def roles_of(pid):
    """[(role, pid)] of a daemon's roles that run now."""
    found = []
    with contextlib.suppress(OSError):
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            argv = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if argv[1:2] == [b"--role"]:
                found.append((argv[2].decode(), int(child)))
    return found


class Killer(threading.Thread):
    """Kills at random moments, until it is stopped, has hit at least so often, and each victim: those not hit yet come first,
    the sensor's (there only while it feeds) before the master's."""

    def __init__(self, instance, rng, feed, least):
        super().__init__(daemon=True)
        self.least = least
        self.instance, self.rng, self.feed = instance, rng, feed
        self.kills, self.over, self.error = {}, threading.Event(), None
        self.owed = [*rng.sample(SENSOR_VICTIMS, len(SENSOR_VICTIMS)), *rng.sample(MASTER_VICTIMS, len(MASTER_VICTIMS))]

    def candidates(self):
        """{victim: pids}"""
        found = {"master": [self.instance.master.pid]}
        for role, pid in roles_of(self.instance.master.pid):
            found.setdefault(role, []).append(pid)
        sensor = self.feed.pid()
        if sensor:
            found["vsensor"] = [sensor]
            for role, pid in roles_of(sensor):
                found.setdefault(role, []).append(pid)
        return {k: v for k, v in found.items() if k in VICTIMS}

    def strike(self):
        there = self.candidates()
        owed = [v for v in self.owed if v in there]
        name = owed[0] if owed else self.rng.choice(sorted(there))
        pid = self.rng.choice(sorted(there[name]))
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[name] = self.kills.get(name, 0) + 1
        if name in self.owed:
            self.owed.remove(name)
        if name == "master":
            self.instance.master.wait(60)
            self.instance.start()

    def run(self):
        try:
            while not self.over.is_set() or set(self.owed) & set(MASTER_VICTIMS) or sum(self.kills.values()) < self.least:
                time.sleep(self.rng.uniform(0.05, 0.8))
                self.strike()
        except Exception as e:  # pylint: disable=broad-except  (whatever it is, the round has failed)
            self.error = e


class Feed(threading.Thread):
    """Feeds a file, again and again, until it went through: what entered the spool before a kill counts once."""

    def __init__(self, conf, path):
        super().__init__(daemon=True)
        self.conf, self.path = conf, path
        self.process, self.said, self.runs = None, "", 0

    def pid(self):
        """Of the sensor while it runs."""
        p = self.process
        return p.pid if p and p.poll() is None else None

    def run(self):
        while self.process is None or self.process.returncode != 0:
            self.runs += 1
            self.process = subprocess.Popen([spine.BIN / "thymus-vsensor", "--config", self.conf, "--feed", self.path],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            self.said = self.process.communicate()[1].decode(errors="replace")

    def events(self):
        """That the file holds, as the last run counted them."""
        return int(re.findall(r"(\d+) events fed", self.said)[-1])


def undisturbed(folder, log):
    """A master that finds this log beside nothing else, and what it makes of it."""
    other = spine.Instance(folder, "other")
    try:
        shutil.rmtree(other.path / "log")
        shutil.copytree(log, other.path / "log")
        conf = (log.parent / "instance.conf").read_text()
        ident = [l for l in conf.splitlines() if l.startswith("id:")][0]
        mine = other.path / "instance.conf"
        mine.write_text("\n".join(ident if l.startswith("id:") else l for l in mine.read_text().splitlines()) + "\n")
        if os.getuid() == 0:
            for p in [other.path / "log", *(other.path / "log").iterdir()]:
                os.chown(p, 65534, 65534)
        other.start()
        client = other.admin()
        settle(client, log_of(other))
        return findings_of(client), rows_of(client)
    finally:
        other.end()


def one_round(seed, events, folder):
    rng = random.Random(seed)
    began = time.monotonic()
    hours = max(6, events // 18000)
    history = spine.lab(folder / "history.spool", "--seed", seed, "--devices", 60, "--start", "2026-03-02T00:00:00Z",
                        "--hours", hours, "--attack=2026-03-02T09:00:00Z" if hours > 15 else "--inject=scan@+2h")
    instance = spine.Instance(folder / "disturbed", "disturbed")
    try:
        instance.start()
        client = instance.admin()
        conf = instance.sensor("office")
        feed = Feed(conf, history)
        killer = Killer(instance, rng, feed, events // 10000)
        feed.start()
        killer.start()
        feed.join(600)
        assert not feed.is_alive(), f"the feed hangs: {feed.said[-2000:]}"
        killer.over.set()
        killer.join(120)
        assert not killer.is_alive() and not killer.error, f"the killer: {killer.error!r}"
        assert not killer.owed, f"never killed: {killer.owed}; the run was too short"
        instance.wait_ready()
        records = log_of(instance)
        logged = check_log(records)
        settle(client, records)
        rows, found = rows_of(client), findings_of(client)
        assert logged == feed.events(), f"{feed.events()} events were fed, {logged} are in the log"
        assert sum(rows.values()) == logged, f"{logged} events in the log, {sum(rows.values())} rows in the store: {rows}"
        instance.stop()
        alone, alone_rows = undisturbed(folder / "undisturbed", instance.path / "log")
        assert rows == alone_rows, f"rows differ: {rows} and {alone_rows}"
        assert found == alone, difference(found, alone)
    finally:
        instance.end()
    kills = " ".join(f"{k}:{v}" for k, v in sorted(killer.kills.items()))
    print(f"seed {seed}: {logged} events, {sum(killer.kills.values())} kills ({kills}), {len(found['breaches'])} breaches and "
          f"{len(found['incidents'])} incidents equal, {time.monotonic() - began:.0f} s", flush=True)


def difference(a, b):
    lines = []
    for kind in a:
        for key in sorted(set(a[kind]) | set(b[kind])):
            if a[kind].get(key) != b[kind].get(key):
                lines.append(f"{kind} {key}: disturbed {a[kind].get(key)}, undisturbed {b[kind].get(key)}")
    return f"{len(lines)} findings differ:\n" + "\n".join(lines[:20])


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--minutes", type=float, default=0)
    args.add_argument("--rounds", type=int, default=1)
    args.add_argument("--events", type=int, default=1000000)
    opt = args.parse_args()
    end = time.monotonic() + 60 * opt.minutes
    seed = opt.seed
    while True:
        with tempfile.TemporaryDirectory(prefix="thymus-faults-") as folder:
            os.chmod(folder, 0o711)
            try:
                one_round(seed, opt.events, pathlib.Path(folder))
            except AssertionError as e:
                print(f"seed {seed}: {e}", flush=True)
                return 1
        seed += 1
        if time.monotonic() >= end and seed - opt.seed >= opt.rounds:
            return 0


if __name__ == "__main__":
    sys.exit(main())
