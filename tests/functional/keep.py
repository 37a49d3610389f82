# SPDX-License-Identifier: Apache-2.0
"""The role link of a sensor, for real, with a keep that the test plays (tests/support/keep_harness.c)."""
import os
import pathlib
import queue
import subprocess
import threading

ROOT = pathlib.Path(__file__).parents[2]
BUILD = pathlib.Path(os.environ.get("THYMUS_BUILD", ROOT / "build"))
BIN = pathlib.Path(os.environ.get("THYMUS_BIN", BUILD / "bin"))
PART = 256 << 10


class Keep:
    """`said` are the lines that link said, in order; `errors` is what it logged."""

    def __init__(self, conf, spool, state, errors):
        self.errors = pathlib.Path(errors)
        self.process = subprocess.Popen(
            [BUILD / "tests/support/keep_harness", BIN / "thymus-vsensor", conf, spool, state], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors.open("ab"))
        self.said, self.lines = [], queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.pid = int(self.hear("link").split()[1])

    def _read(self):
        for line in self.process.stdout:
            self.said.append(line.strip())
            self.lines.put(line.strip())

    def hear(self, word, timeout_s=30):
        """The next line that begins with the word."""
        while True:
            line = self.lines.get(timeout=timeout_s)
            if line.split()[0] == word:
                return line

    def wish(self):
        """Id and JSON of the next wish."""
        return self.hear("wish").split(" ", 2)[1:]

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def part(self, wish, path, at, size):
        self.say(f"part {wish} {path} {at} {size}")

    def answer(self, wish, path, end, part_bytes=PART):
        """The whole file, two parts under way, then the end."""
        size, at, out = path.stat().st_size, 0, 0
        while at < size:
            if out == 2:
                self.hear("more")
                out -= 1
            n = min(part_bytes, size - at)
            self.part(wish, path, at, n)
            at, out = at + n, out + 1
        self.say(f"end {wish} {end}")

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        return self.process.returncode
