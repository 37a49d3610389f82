# SPDX-License-Identifier: Apache-2.0
"""What may go wrong beside being killed, each for some seconds: a role stands still, the way between sensor and master
is cut, the log's disk is full, the master is stopped."""
import contextlib
import os
import signal
import socket
import threading
import time

import disks


class Wire:
    """The only way from a sensor to a master: a port of its own that passes bytes on, and can be cut."""

    def __init__(self, port):
        self.port, self.whole, self.ends = port, True, set()
        self.door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.own_port = self.door.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.door.accept()
            except OSError:
                return
            far = None
            if self.whole:
                with contextlib.suppress(OSError):
                    far = socket.create_connection(("127.0.0.1", self.port), 10)
            if far is None:
                near.close()
                continue
            far.settimeout(None)
            self.ends |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.pass_on, args=(one, other), daemon=True).start()

    def pass_on(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self.ends.discard(end)

    def cut(self, seconds):
        self.whole = False
        for end in list(self.ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        time.sleep(seconds)
        self.whole = True

    def close(self):
        self.door.close()


class Disturbances:
    """Each lasts for some seconds beside whatever else is done; begin() picks them by the generator it was given, so that
    each had its turn before one comes again."""

    LONGEST_S = 3.0

    def __init__(self, instance, wire, rng):
        self.instance, self.wire, self.rng = instance, wire, rng
        self.kinds = ["pause", "cut", "away"] + (["full"] if self.small_log() else [])
        self.counts, self.turn, self.running, self.error = {}, [], [], None

    def small_log(self):
        return os.path.ismount(self.instance.path / "log")

    def owed(self):
        return set(self.kinds) - set(self.counts)

    def begin(self, roles):
        """roles: {name: pids} that may stand still."""
        if not self.turn:
            self.turn = self.rng.sample(self.kinds, len(self.kinds))
        kind, seconds = self.turn.pop(), self.rng.uniform(0.3, self.LONGEST_S)
        pid = self.rng.choice(sorted(p for name, pids in roles.items() if name not in ("master", "vsensor") for p in pids))
        if kind in {k for k, t in self.running if t.is_alive()}:
            return
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind == "away":  # whoever kills must not start it meanwhile
            self.away(seconds)
            return
        what = {"pause": lambda: self.pause(pid, seconds), "cut": lambda: self.wire.cut(seconds),
                "full": lambda: self.full(seconds)}[kind]
        thread = threading.Thread(target=self.guarded, args=(what,), daemon=True)
        self.running = [(k, t) for k, t in self.running if t.is_alive()] + [(kind, thread)]
        thread.start()

    def guarded(self, what):
        try:
            what()
        except Exception as e:  # pylint: disable=broad-except  (whatever it is, the round has failed)
            self.error = e

    @staticmethod
    def pause(pid, seconds):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(pid, signal.SIGCONT)

    def full(self, seconds):
        disks.fill(self.instance.path / "log")
        time.sleep(seconds)
        (self.instance.path / "log" / "ballast").unlink()

    def away(self, seconds):
        self.instance.stop()
        time.sleep(seconds)
        self.instance.start()

    def end(self):
        for _, thread in self.running:
            thread.join(10 * self.LONGEST_S)
            assert not thread.is_alive()
        assert not self.error, f"a disturbance: {self.error!r}"


@contextlib.contextmanager
def small_log(instance, size_mib):
    """The log on a small disk, where that can be had."""
    if os.geteuid() != 0 or not disks.can_mount():
        yield
        return
    conf = instance.path / "instance.conf"
    conf.write_text(conf.read_text().replace("log_bytes: 8G", f"log_bytes: {size_mib}M"))
    with disks.small_disk(instance.path / "log", f"{2 * size_mib}M"):
        yield


def through(conf, wire):
    """The sensor goes by the wire."""
    text = conf.read_text()
    assert f":{wire.port}" in text
    conf.write_text(text.replace(f":{wire.port}", f":{wire.own_port}"))


