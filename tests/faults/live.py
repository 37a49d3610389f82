#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""live.py CASE: a sensor that watches a cable and feeds a master, both real, in a network namespace of
their own (unshare -n). Case `killed`: capture is killed. Case `away`: the master is away for --minutes. Prints what
was measured, or ends with what was broken."""
import argparse
import datetime
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "functional"))
import live_cases  # noqa: E402  (beside the functional tests, which use it too)
import packets  # noqa: E402
import spine  # noqa: E402
import verify  # noqa: E402


def seconds(text):
    """Of a time as the API has it."""
    return datetime.datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


class Names(threading.Thread):
    """Looks up names with a running number on the cable, so many a second, until it is stopped."""

    def __init__(self, wire, per_second):
        super().__init__(daemon=True)
        self.wire, self.pause_s, self.over = wire, 1 / per_second, threading.Event()
        self.sent = []  # wall clock of each, before it was sent

    def run(self):
        while not self.over.wait(self.pause_s):
            n = len(self.sent) + 1
            self.sent.append(time.time())
            live_cases.send(self.wire, packets.lookup(0, n=n % 20000, text=f"name{n}.example.com"))

    def stop(self):
        self.over.set()
        self.join(10)


class Watched:
    """A cable, a master, and a sensor that watches the cable's other end."""

    def __init__(self, folder, per_second):
        self.wire = live_cases.cable()
        self.instance = spine.Instance(folder / "i")
        self.names = Names(self.wire, per_second)
        self.said = folder / "said"

    def begin(self):
        self.instance.start()
        self.client = self.instance.admin()
        conf = self.instance.sensor("office", ["interfaces: [wire1]"])
        self.sensor = subprocess.Popen([spine.BIN / "thymus-vsensor", "--config", conf], stderr=self.said.open("wb"),
                                       stdin=subprocess.DEVNULL)
        self.instance.others.append(self.sensor)
        spine.wait_until("the sensor is heard", lambda: self.source().get("batches"), 30)
        self.names.start()
        spine.wait_until("names come to the master", lambda: self.source().get("events"), 30)
        return self

    def role(self, name):
        return spine.roles_of(self.sensor.pid).get(name)

    def source(self):
        """What System Status says of the sensor; {} when it cannot be asked."""
        status = self.client.ask("GET", "/api/v1/status")
        return next(iter(status.json["sources"]), {}) if status.status == 200 else {}

    def found(self):
        """Numbers of the names that search finds, one a lookup."""
        rows = verify.rows(self.client, "", "dns")
        return [int(r["query"].removeprefix("name").partition(".")[0]) for r in rows]

    def settled(self):
        """All names are sent; waits until the master has the last of them, and the store what the master has."""
        self.names.stop()
        last = f"name{len(self.names.sent)}.example.com"
        spine.wait_until("the last name is found", lambda: self.client.ask(
            "GET", f"/api/v1/search?q=query:{last}&kind=dns&limit=1").json.get("rows"), 120, 0.5)
        verify.check_log(verify.settle(self.client, self.instance.path))

    def end(self):
        self.names.over.set()
        self.instance.end()


def killed(folder):
    """Capture is killed beside a connection that is under way: lost is what it had not given away of its last second, and
    both the sensor's counters and a search say from when to when."""
    w = Watched(folder, per_second=20)
    try:
        w.begin()
        begun, rest = packets.fetch(0)[:4], packets.fetch(0)[4:]
        live_cases.send(w.wire, begun)
        time.sleep(2)
        roles = spine.roles_of(w.sensor.pid)
        killed_at = time.time()
        os.kill(roles["capture"], signal.SIGKILL)
        spine.wait_until("capture runs again", lambda: w.role("capture") not in (None, roles["capture"]), 10)
        back_at = time.time()
        live_cases.send(w.wire, rest)
        time.sleep(2)
        w.settled()
        found, sent = w.found(), w.names.sent
        missing = sorted(set(range(1, len(sent) + 1)) - set(found))
        assert len(found) == len(set(found)) and set(found) <= set(range(1, len(sent) + 1)), "names are there twice"
        assert all(killed_at - 1 <= sent[n - 1] <= killed_at + 0.1 for n in missing), (
            f"killed at {killed_at}, missing: {[sent[n - 1] for n in missing]}")
        assert w.role("link") == roles["link"]
        assert w.source()["lost"]["gaps"] == 1, w.source()
        gaps = verify.rows(w.client, "name:sensor_gap", "weird")
        assert len(gaps) == 1 and gaps[0]["peer"] == "office", gaps
        blind = seconds(gaps[0]["ts"]), seconds(gaps[0]["until"])
        assert killed_at - 1 <= blind[0] <= killed_at + 0.1 and blind[0] < blind[1] <= back_at + 2, (killed_at, back_at, blind)
        assert all(blind[0] - 0.6 <= sent[n - 1] <= blind[1] for n in missing), (blind, [sent[n - 1] for n in missing])
        # Somebody who asks for a moment in it hears of it, too.
        at = datetime.datetime.fromtimestamp(sum(blind) / 2, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert verify.rows(w.client, f'ts:<"{at}"%20until:>"{at}"', "weird") == gaps
        print(f"capture was killed with {len(sent)} names looked up: {len(missing)} are lost, of its last "
              f"{max((killed_at - sent[n - 1] for n in missing), default=0):.2f} s; the gap is told as {blind[1] - blind[0]:.2f} s")
    finally:
        w.end()


def away(folder, minutes):
    """The master is killed, and started again after so many minutes."""
    w = Watched(folder, per_second=5)
    try:
        w.begin()
        pids = spine.roles_of(w.sensor.pid)
        w.instance.stop(signal.SIGKILL)
        before = len(w.names.sent)
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            time.sleep(min(5, max(0.1, end - time.monotonic())))
            assert w.sensor.poll() is None and spine.roles_of(w.sensor.pid) == pids, f"a role died: {w.said.read_text()}"
        assert "cannot be reached" in w.said.read_text()
        missed, came = len(w.names.sent) - before, time.monotonic()
        w.instance.start()
        spine.wait_until("the sensor is heard again", lambda: (w.source().get("rate_events_s") or 0) > 0, 60)
        heard_s = time.monotonic() - came
        w.settled()
        found, sent = w.found(), len(w.names.sent)
        assert sorted(found) == list(range(1, sent + 1)), (
            f"{sent} names were looked up, {len(found)} found, {len(set(found))} different")
        source = w.source()
        assert source["lost"]["gaps"] == 0 and not source["silent"], source
        assert not {"source_silent", "clock", "clock_ahead"} & set(verify.problems(w.client))
        rows = verify.rows(w.client, "", "dns")
        late = max(abs(seconds(r["_time"]) - w.names.sent[int(r["query"][4:].partition(".")[0]) - 1]) for r in rows)
        assert late < 2, f"a name's time is {late:.1f} s from when it was looked up"
        print(f"away for {60 * minutes:.0f} s: {missed} of {sent} names were looked up meanwhile, all are there once, with "
              f"their times (at most {late:.2f} s off); the sensor was heard {heard_s:.1f} s after the start began")
    finally:
        w.end()


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("case", choices=["killed", "away"])
    args.add_argument("folder", type=pathlib.Path, nargs="?")
    args.add_argument("--minutes", type=float, default=60)
    opt = args.parse_args()
    with tempfile.TemporaryDirectory(prefix="thymus-live-") as made:
        os.chmod(made, 0o711)
        folder = opt.folder or pathlib.Path(made)
        if opt.case == "away":
            away(folder, opt.minutes)
        else:
            killed(folder)


if __name__ == "__main__":
    main()
