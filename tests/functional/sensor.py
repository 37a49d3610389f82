# SPDX-License-Identifier: Apache-2.0
"""A vsensor as a test runs it: its folder with configuration, its processes, what it says."""
import json
import os
import pathlib
import signal
import subprocess
import time

from roles import role_processes

BIN = pathlib.Path(os.environ.get("THYMUS_BIN", pathlib.Path(__file__).parents[2] / "build/bin"))


def until(what, timeout=20.0, step=0.02, show=None):
    """Waits for what() to be true; what it gave. show(): what to say when it does not come true."""
    end = time.monotonic() + timeout
    while True:
        got = what()
        if got or time.monotonic() > end:
            assert got, f"it did not happen in time: {show() if show else got}"
            return got
        time.sleep(step)


class Sensor:
    def __init__(self, folder, master, token=None, **more):
        self.folder = pathlib.Path(folder)
        for parent in (self.folder, *self.folder.parents[:2]):
            if parent.stat().st_uid == os.getuid():
                parent.chmod(parent.stat().st_mode | 0o011)  # the roles are nobody's
        self.conf, self.errors, self.process = self.folder / "vsensor.conf", self.folder / "errors", None
        self.values = {"name": "test", "master": f"https://127.0.0.1:{master.port}", "token": token or master.TOKEN,
                       "master_pin": master.pin, "spool": str(self.folder / "spool"),
                       "state": str(self.folder / "state"), **more}
        self.write()

    def write(self, **more):
        self.values.update(more)
        # JSON's texts and lists are YAML's.
        self.conf.write_text("".join(f"{k}: {json.dumps(v)}\n" for k, v in self.values.items() if v is not None))

    def command(self, *args):
        return [BIN / "thymus-vsensor", "--config", self.conf, *map(str, args)]

    def feed(self, *paths, timeout=60):
        return subprocess.run(self.command("--feed", *paths), capture_output=True, timeout=timeout, check=False,
                              stdin=subprocess.DEVNULL)

    def start(self, *args):
        self.process = subprocess.Popen(self.command(*args), stderr=self.errors.open("ab"), stdin=subprocess.DEVNULL)
        return self

    def stop(self, timeout=15):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout)
        return self.process.returncode

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def role(self, name, worker=0):
        """Process id of a role, of capture that of one worker; None while it does not run."""
        for pid, words in role_processes(self.process.pid):
            if words[2] == name.encode() and (b"--worker" not in words or int(words[words.index(b"--worker") + 1]) == worker):
                return pid
        return None

    def said(self):
        return self.errors.read_text() if self.errors.exists() else ""
