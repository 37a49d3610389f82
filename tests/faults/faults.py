#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""faults.py [--seed N] [--minutes M | --rounds N] [--events N]: kills roles and daemons with SIGKILL at random
moments while an office's events run through a sensor into a master, beside other disturbances (disturb.py), and then
holds it to its word:

- what entered the sensor's spool is in the log once: sequences without hole or repetition,
- what is in the log is in the store once: rows of each kind as many as events,
- the findings are those of an undisturbed master that reads the same log.

The moments and victims come from the seed; when a kill hits differs with the machine, the verdict may not. A
round prints one line; exit status 1 when a promise was broken."""
import argparse
import contextlib
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "functional"))
import disturb  # noqa: E402
import spine  # noqa: E402  (beside the functional tests, which use it too)
import verify  # noqa: E402

SENSOR_VICTIMS = ["vsensor", "link", "feed"]
MASTER_VICTIMS = ["master", "gateway", "intake", "state", "core", "store", "seal", "query"]
VICTIMS = SENSOR_VICTIMS + MASTER_VICTIMS


class Killer(threading.Thread):
    """Kills at random moments, until it is stopped, has hit at least so often, and each victim: those not hit yet come first,
    the sensor's (there only while it feeds) before the master's."""

    def __init__(self, instance, rng, feed, least, disturbances):
        super().__init__(daemon=True)
        self.least, self.disturbances = least, disturbances
        self.instance, self.rng, self.feed = instance, rng, feed
        self.kills, self.over, self.error = {}, threading.Event(), None
        self.owed = [*rng.sample(SENSOR_VICTIMS, len(SENSOR_VICTIMS)), *rng.sample(MASTER_VICTIMS, len(MASTER_VICTIMS))]

    def candidates(self):
        """{victim: pids}"""
        found = {"master": [self.instance.master.pid]}
        for role, pid in self.instance.roles().items():
            found.setdefault(role.rstrip("+"), []).append(pid)
        sensor = self.feed.pid()
        if sensor:
            found["vsensor"] = [sensor]
            for role, pid in spine.roles_of(sensor).items():
                found.setdefault(role, []).append(pid)
        return {k: v for k, v in found.items() if k in VICTIMS}

    def strike(self):
        there = self.candidates()
        if self.rng.random() < 0.15:
            self.disturbances.begin(there)
            return
        owed = [v for v in self.owed if v in there]
        mortal = sorted(set(there) & set(SENSOR_VICTIMS)) if self.rng.random() < 0.5 else []
        name = owed[0] if owed else self.rng.choice(mortal or sorted(there))
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
            while (not self.over.is_set() or set(self.owed) & set(MASTER_VICTIMS) or self.disturbances.owed() or
                   sum(self.kills.values()) < self.least):
                time.sleep(self.rng.uniform(0.05, 0.3 if set(self.owed) & set(SENSOR_VICTIMS) else 0.8))
                self.strike()
            self.disturbances.end()
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


def one_round(seed, events, folder):
    rng = random.Random(seed)
    began = time.monotonic()
    hours = max(6, events // 18000)
    history = spine.lab(folder / "history.spool", "--seed", seed, "--devices", 60, "--start", "2026-03-02T00:00:00Z",
                        "--hours", hours, "--attack=2026-03-02T09:00:00Z" if hours > 15 else "--inject=scan@+2h")
    instance = spine.Instance(folder / "disturbed", "disturbed")
    wire = disturb.Wire(instance.port)
    with disturb.small_log(instance, max(64, events // 4000)), contextlib.closing(wire):
        try:
            killer, counts = disturbed(instance, wire, rng, history, events, folder)
        finally:
            instance.end()
    kills = " ".join(f"{k}:{v}" for k, v in sorted(killer.kills.items()))
    others = " ".join(f"{k}:{v}" for k, v in sorted(killer.disturbances.counts.items()))
    print(f"seed {seed}: {counts[0]} events, {sum(killer.kills.values())} kills ({kills}), disturbed ({others}), {counts[1]} "
          f"breaches and {counts[2]} incidents equal, {time.monotonic() - began:.0f} s", flush=True)


def disturbed(instance, wire, rng, history, events, folder):
    """The killer when all was done and held, and how many events, breaches and incidents there were."""
    instance.start()
    client = instance.admin()
    conf = instance.sensor("office")
    disturb.through(conf, wire)
    feed = Feed(conf, history)
    killer = Killer(instance, rng, feed, events // 10000, disturb.Disturbances(instance, wire, rng))
    feed.start()
    killer.start()
    feed.join(600)
    assert not feed.is_alive(), f"the feed hangs: {feed.said[-2000:]}"
    killer.over.set()
    killer.join(240)
    assert not killer.is_alive() and not killer.error, f"the killer: {killer.error!r}"
    assert not killer.owed, f"never killed: {killer.owed}; the run was too short"
    instance.wait_ready()
    with verify.still(client, instance, folder / "copy"):
        logged = verify.check_log(verify.log_of(folder / "copy"))
        rows, found = verify.rows_of(client), verify.findings_of(client)
    assert logged == feed.events(), f"{feed.events()} events were fed, {logged} are in the log"
    assert sum(rows.values()) == logged, f"{logged} events in the log, {sum(rows.values())} rows in the store: {rows}"
    instance.stop()
    alone, alone_rows = verify.undisturbed(folder / "undisturbed", folder / "copy")
    assert rows == alone_rows, f"rows differ: {rows} and {alone_rows}"
    assert found["incidents"] and found == alone, verify.difference(found, alone)
    return killer, (logged, len(found["breaches"]), len(found["incidents"]))


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
