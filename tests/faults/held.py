# SPDX-License-Identifier: Apache-2.0
"""A master that two of its sensors have no way to."""
import sources
import spine
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
