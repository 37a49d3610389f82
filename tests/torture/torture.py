#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""torture: recordings through thymus-vsensor --read, as they are and spoiled in every way that a disk, a
wire or an enemy spoils them. The same seed makes the same variants. What counts as a finding: a role that
dies, a word from a sanitizer, a line of output that is no JSON, more memory than the cap allows. A finding's
input is kept. Run it with a build that has sanitizers (THYMUS_BIN), else it sees crashes only."""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("THYMUS_BIN", ROOT / "build-asan/bin"))
DATA = pathlib.Path(os.environ.get("THYMUS_DATA", ROOT.parent / "shared/data"))
FOLDERS = ["parser-pcap", "ics-pcap"]
SUFFIXES = {".pcap", ".pcapng", ".cap", ".trace", ".gz"}
BATCH = 40  # variants in one run of the program
LARGEST_BYTES = 4 << 20
MEMORY_BYTES = 128 << 20  # what the program is told
PEAK_BYTES = 768 << 20    # what a sanitizer makes of that, with its own memory
HEADS = {b"\xd4\xc3\xb2\xa1": ("<", 1), b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\xc3\xd4": (">", 1), b"\xa1\xb2\x3c\x4d": (">", 1)}
BAD_WORDS = (b"Sanitizer", b"runtime error", b"assertion failed", b"ended by", b"signal")


def recordings(folders):
    found = [p for f in folders for p in sorted(f.rglob("*")) if p.suffix in SUFFIXES and p.is_file()]
    return [p for p in found if p.stat().st_size <= LARGEST_BYTES]


def records(data):
    """The byte order and the packets of a classic capture, as (head, bytes); None when it is none."""
    order = HEADS.get(data[:4], (None, 0))[0]
    if order is None or len(data) < 24:
        return None, []
    out, at = [], 24
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        if length > len(data) - at - 16:
            break
        out.append((data[at:at + 16], data[at + 16:at + 16 + length]))
        at += 16 + length
    return order, out


def build(order, data, packets):
    return data[:24] + b"".join(
        head[:8] + struct.pack(order + "I", len(body)) + head[12:] + body for head, body in packets)


# ---- ways to spoil; each takes the random numbers, a file's bytes and another's ----

def as_it_is(_rnd, data, _other):
    return data


def truncated(rnd, data, _other):
    return data[:rnd.randrange(len(data) + 1)]


def flipped(rnd, data, _other, first=0):
    data = bytearray(data)
    for _ in range(1 + len(data) // rnd.choice([50, 500, 5000])):
        if len(data) > first:
            data[rnd.randrange(first, len(data))] = rnd.choice([0, 0xff, 0x7f, 0x80, rnd.randrange(256)])
    return bytes(data)


def packets_flipped(rnd, data, other):
    """The file's and the packets' heads are spared: what is inside has to be read."""
    order, packets = records(data)
    if not packets:
        return flipped(rnd, data, other, 28)
    return build(order, data, [(h, flipped(rnd, b, other) if b and rnd.random() < 0.7 else b) for h, b in packets])


def packets_cut(rnd, data, other):
    """As with a small snapshot length: the wire's length stays."""
    order, packets = records(data)
    if not packets:
        return truncated(rnd, data, other)
    return build(order, data, [(h, b[:rnd.randrange(len(b) + 1)] if rnd.random() < 0.5 else b) for h, b in packets])


def lengths_lie(rnd, data, other):
    """Length fields of IP, UDP and TCP are what sits at these places in most frames."""
    order, packets = records(data)
    if not packets:
        return flipped(rnd, data, other)
    out = []
    for head, body in packets:
        body = bytearray(body)
        for place in (14, 16, 17, 20, 38, 39, 46, 54, 55, 58):
            if place < len(body) and rnd.random() < 0.15:
                body[place] = rnd.randrange(256)
        out.append((head, bytes(body)))
    return build(order, data, out)


def disordered(rnd, data, other):
    """Packets twice, left out, and in another order; clocks that jump."""
    order, packets = records(data)
    if not packets:
        return flipped(rnd, data, other)
    out = []
    for head, body in packets:
        if rnd.random() < 0.1:
            head = struct.pack(order + "II", rnd.randrange(1 << 32), rnd.randrange(1 << 32)) + head[8:]
        out += [(head, body)] * rnd.choice([0, 1, 1, 1, 1, 2])
    for _ in range(len(out) // 4):
        i, j = rnd.randrange(len(out)), rnd.randrange(len(out))
        out[i], out[j] = out[j], out[i]
    return build(order, data, out)


def merged(rnd, data, other):
    """Two recordings as one, packet by packet; the payloads of one in the other's connections."""
    order, packets = records(data)
    other_order, more = records(other)
    if not packets or order != other_order:
        return data + other
    out = []
    for i in range(max(len(packets), len(more))):
        out += packets[i:i + 1] + more[i:i + 1]
        if i < min(len(packets), len(more)) and rnd.random() < 0.3:
            out.append((packets[i][0], packets[i][1][:54] + more[i][1][54:]))
    return build(order, data, out)


WAYS = [as_it_is, truncated, flipped, packets_flipped, packets_cut, lengths_lie, disordered, merged]


# ---- running ----

class Run:
    """One torture: what it made and what it found."""

    def __init__(self, opt):
        self.opt = opt
        self.keep = opt.keep
        self.made = collections.Counter()
        self.peak_bytes = self.lines = self.findings = 0
        self.env = {**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:quarantine_size_mb=32"}

    def read(self, folder):
        """None, or what is wrong with the run over this folder."""
        events, taken = folder.parent / "events.json", folder.parent / "peak"
        done = subprocess.run(
            [sys.executable, ROOT / "tests/torture/peak.py", taken, BIN / "thymus-vsensor", "--read", folder,
             "--json", events, "--memory", str(MEMORY_BYTES), "--no-progress"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env, check=False)
        peak = int(taken.read_text(encoding="ascii"))
        self.peak_bytes = max(self.peak_bytes, peak)
        if done.returncode not in (0, 3) or any(w in done.stdout for w in BAD_WORDS):
            return f"ended with {done.returncode}: {done.stdout.decode(errors='replace')[-3000:]}"
        if peak > PEAK_BYTES:
            return f"took {peak >> 20} MiB"
        with open(events, "rb") as f:
            for line in f:
                self.lines += 1
                try:
                    json.loads(line)
                except ValueError as e:
                    return f"wrote what is no JSON: {e}: {line[:200]!r}"
        return None

    def try_all(self, variants):
        """A batch; when something is wrong with it, each of it alone."""
        with tempfile.TemporaryDirectory(prefix="torture-") as scratch:
            folder = pathlib.Path(scratch) / "in"
            folder.mkdir()
            for name, data in variants:
                (folder / name).write_bytes(data)
            if self.read(folder) is None:
                return
            culprits = 0
            for name, data in variants:
                shutil.rmtree(folder)
                folder.mkdir()
                (folder / name).write_bytes(data)
                wrong = self.read(folder)
                if wrong:
                    culprits += 1
                    self.tell(name, data, wrong)
            if not culprits:
                for name, data in variants:
                    self.tell(name, data, "wrong only together with the others")

    def tell(self, name, data, wrong):
        self.findings += 1
        self.keep.mkdir(parents=True, exist_ok=True)
        (self.keep / name).write_bytes(data)
        print(f"finding: {self.keep / name}: {wrong}", flush=True)

    def go(self, files):
        rnd = random.Random(self.opt.seed)
        packets = 0
        for number in range(self.opt.rounds):
            waiting = []
            chosen = files if not self.opt.files else rnd.sample(files, min(self.opt.files, len(files)))
            for i, path in enumerate(chosen):
                way = WAYS[(i + number) % len(WAYS)] if self.opt.rounds > 1 or self.opt.files else as_it_is
                other = rnd.choice(files)
                data = way(random.Random(f"{self.opt.seed}/{number}/{path.name}"), path.read_bytes(), other.read_bytes())
                self.made[way.__name__] += 1
                packets += len(records(data)[1])
                waiting.append((f"{number}-{i:04}-{way.__name__}-{path.name}", data))
                if len(waiting) == BATCH:
                    self.try_all(waiting)
                    waiting = []
            if waiting:
                self.try_all(waiting)
            print(f"torture: round {number + 1} of {self.opt.rounds}, {sum(self.made.values())} inputs, {self.findings} findings",
                  file=sys.stderr, flush=True)
        ways = ", ".join(f"{n} {w}" for w, n in sorted(self.made.items()))
        print(f"seed {self.opt.seed}: {len(files)} recordings, {sum(self.made.values())} inputs ({ways}), about {packets} packets, "
              f"{self.lines} events, peak {self.peak_bytes >> 20} MiB, {self.findings} findings")


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--rounds", type=int, default=len(WAYS), help="each round spoils each file in another way")
    args.add_argument("--files", type=int, default=0, help="so many of the recordings a round; 0: all")
    args.add_argument("--keep", type=pathlib.Path, default=pathlib.Path("torture-found"), help="where findings go")
    args.add_argument("folders", nargs="*", type=pathlib.Path, default=[DATA / f for f in FOLDERS])
    opt = args.parse_args()
    files = recordings(opt.folders)
    if not files:
        args.error("no recordings there; set THYMUS_DATA or name folders")
    run = Run(opt)
    run.go(files)
    return 1 if run.findings else 0


if __name__ == "__main__":
    sys.exit(main())
