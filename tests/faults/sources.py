# SPDX-License-Identifier: Apache-2.0
"""Two offices that share no address, each with a sensor of its own that is sent by hand, hour by hour."""
import datetime
import json

import hand
import spine
import verify

HOUR_NS = 3600 * 10**9
DAY = datetime.datetime(2026, 3, 3, tzinfo=datetime.timezone.utc)
ATTACKS = {"a": ["beacon@+1h10m:period=30s", "scan@+3h20m"], "b": ["scan@+2h20m", "beacon@+3h10m:period=30s"]}


class Offices:
    """3 March 2026, from 8 to 18 o'clock, as frames by the hour; attacks in both."""

    HOURS = range(8, 18)

    def __init__(self, folder):
        self.frames = {"a": {}, "b": {}}
        for name, seed, site, devices in (("a", 11, 20, 45), ("b", 12, 60, 20)):
            path = spine.lab(folder / f"{name}.tev", "--seed", seed, "--site", site, "--devices", devices, "--start",
                             DAY.strftime("%Y-%m-%dT08:00:00Z"), "--hours", len(self.HOURS), "--truth", folder / f"{name}.truth",
                             *(f"--inject={attack}" for attack in ATTACKS[name]))
            for frame in hand.frames_of(path):
                self.frames[name].setdefault(self.hour_of(hand.parts(frame)[0]["first_ns"]), []).append(frame)
            self.frames[name] = {hour: self.complete(hour, self.frames[name][hour]) for hour in self.HOURS}
        self.attackers = {name: [json.loads(line)["device"]["ip"] for line in (folder / f"{name}.truth").read_text().splitlines()]
                          for name in "ab"}

    @staticmethod
    def begin_ns(hour):
        return int(DAY.timestamp()) * 10**9 + hour * HOUR_NS

    def hour_of(self, ns):
        return (ns - self.begin_ns(0)) // HOUR_NS

    def complete(self, hour, frames):
        """The last one says that the hour is over; none of them says more."""
        made = []
        for number, frame in enumerate(frames, 1):
            head, packed, raw_len = hand.parts(frame)
            head["complete_until_ns"] = self.begin_ns(hour + (number == len(frames)))
            made.append(hand.frame(head, packed, raw_len))
        return made

    def events(self, *, a, b):
        """In so many hours from the first of each."""
        many = {"a": a, "b": b}
        return sum(hand.parts(f)[0]["events"] for name in many for hour in self.HOURS[:many[name]]
                   for f in self.frames[name][hour])


class Master:
    """A master with the sensors a and b."""

    def __init__(self, folder, offices):
        self.offices, self.instance = offices, spine.Instance(folder)

    def begin(self):
        self.instance.start()
        self.client = self.instance.admin()
        self.sensors = {name: hand.Hand(self.instance, self.client, name) for name in "ab"}
        return self

    def send(self, name, hour):
        """An hour of a sensor."""
        for frame in self.offices.frames[name][hour]:
            status, answer = self.sensors[name].post(frame)
            assert status == 200, answer

    def settled(self):
        """Events in the log."""
        return verify.check_log(verify.settle(self.client, self.instance.path))


    def pass_hours(self, hours, names="ab"):
        for hour in hours:
            for name in names:
                self.send(name, hour)

    def scans(self, attackers, before):
        """Breaches of these devices that are told as scans, of windows that began before."""
        found = [b for b in verify.pages(self.client, "/breaches", "breaches")
                 if b["device"]["ip"] in attackers and "scan" in b["model"]["id"] and b["start"] < before]
        return [self.client.api("GET", f"/breaches/{b['id']}") for b in found]
