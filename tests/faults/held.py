# SPDX-License-Identifier: Apache-2.0
"""A master that two of its sensors have no way to."""
import copy

import sources
import spine
import verify
from feeds import says, start_feed


class Held(sources.Master):
    """With a and b until 10 o'clock, then without b; pinned refuses it, for it has another certificate than pinned knows."""

    def __init__(self, folder, offices):
        super().__init__(folder / "i", offices)
        self.folder = folder
        self.pinned_file = spine.lab(folder / "pinned.tev", "--seed", 8, "--site", 80, "--devices", 18, "--start",
                                     "2026-03-03T18:00:00Z", "--hours", 1)

    def begin(self):
        super().begin()
        self.pinned_conf = self.instance.sensor("pinned")
        self.pass_hours(range(8, 10))
        self.settled()
        self.cut, self.at_cut = self.folder / "cut", {name: copy.copy(hand) for name, hand in self.sensors.items()}
        self.instance.ctl("snapshot", str(self.instance.path), str(self.cut))
        self.instance.stop()
        self.old, self.new = self.other_certificate()
        assert self.old != self.new
        self.instance.start()
        self.pinned = start_feed(self.instance, self.pinned_conf, self.pinned_file)
        says(self.pinned, "not the one of master_pin")
        return self

    def other_certificate(self):
        """The master gets key and certificate of another instance; the pins before and after."""
        before = self.instance.ctl("instance", "pin", str(self.instance.path))
        other = spine.Instance(self.folder / "other", "other")
        other.end()
        for name in ("tls.key", "tls.crt"):
            (self.instance.path / "keys" / name).write_bytes((other.path / "keys" / name).read_bytes())
        return before, self.instance.ctl("instance", "pin", str(self.instance.path))

    def trust_the_new(self):
        self.pinned_conf.write_text(self.pinned_conf.read_text().replace(self.old, self.new))

    def never_held(self):
        """A master that was the same until 10 o'clock, and to whom all had a way from then on."""
        other = sources.Master.__new__(sources.Master)
        other.offices, other.instance = self.offices, self.instance.restored(self.cut, self.folder / "never")
        try:
            other.instance.start()
            other.client = other.instance.admin_again(self.instance.secret)
            other.sensors = self.at_cut
            for hand in other.sensors.values():
                hand.client = other.client
            other.pass_hours(range(10, 18))
            assert other.settled() == self.offices.events(a=10, b=10)
            return confirmed(other.client, self.offices.attackers["a"][0])
        finally:
            other.instance.end()


def confirmed(client, one_of_them):
    """{breach: (score, what it is)} of the devices of the same office, of hours that have ended."""
    site = ".".join(one_of_them.split(".")[:2]) + "."
    return {b["id"]: (b["score"], f'{b["model"]["id"]} {b["device"]["ip"]} {b["time"]}') for b in verify.pages(client, "/breaches", "breaches")
            if (b["device"]["ip"] or "").startswith(site) and not b.get("early")}
