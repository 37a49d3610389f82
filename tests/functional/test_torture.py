# SPDX-License-Identifier: Apache-2.0
"""A little of `make torture`: some recordings, each spoiled in one way, and what a bomb of a file costs."""
import gzip
import lzma
import os
import pathlib
import shutil
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("THYMUS_BIN", ROOT / "build/bin"))
DATA = pathlib.Path(os.environ.get("THYMUS_DATA", ROOT.parent / "shared/data"))
SANITIZED = "THYMUS_SANITIZED" in os.environ
BOMB_BYTES = 1 << 30
PCAP_HEAD = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1)


@pytest.mark.asan
def test_spoiled_recordings(tmp_path):
    if not (DATA / "parser-pcap").is_dir():
        pytest.skip(f"no recordings at {DATA}; set THYMUS_DATA")
    done = subprocess.run([sys.executable, ROOT / "tests/torture/torture.py", "--seed", "20261130", "--rounds", "2", "--files", "120",
                           "--keep", tmp_path / "found"], capture_output=True, text=True, timeout=240, check=False,
                          env={**os.environ, "THYMUS_BIN": str(BIN)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "240 inputs" in done.stdout and " 0 findings" in done.stdout


def read(path, events):
    """Exit status, what was said, events, peak in bytes."""
    taken = events.with_suffix(".peak")
    done = subprocess.run([sys.executable, ROOT / "tests/torture/peak.py", taken, BIN / "thymus-vsensor", "--read", path,
                           "--json", events, "--no-progress"], capture_output=True, text=True, timeout=240, check=False)
    return done.returncode, done.stderr, events.read_text(), int(taken.read_text(encoding="ascii"))


def zstd(data):
    if not shutil.which("zstd"):
        pytest.skip("no program zstd")
    return subprocess.run(["zstd", "-q"], input=data, capture_output=True, check=True).stdout


def zeros(pack):
    return pack(bytes(1 << 24)) * (BOMB_BYTES >> 24)


@pytest.mark.parametrize("name,pack", [("gz", gzip.compress), ("xz", lzma.compress), ("zst", zstd)])
@pytest.mark.parametrize("head", [b"", PCAP_HEAD], ids=["nothing", "capture"])
def test_a_gigabyte_in_a_small_file(tmp_path, name, pack, head):
    """Zeros are no capture; behind a capture's head they are four million packets of no bytes. Both are read in a
    few megabytes, and told."""
    path = tmp_path / f"bomb.pcap.{name}"
    path.write_bytes(zeros(pack) if not head else pack(head) + pack(bytes(1 << 24)) * 4)
    assert path.stat().st_size < 2 << 20
    status, said, events, peak = read(path, tmp_path / "events.json")
    assert status == (0 if head else 3), said
    assert "Sanitizer" not in said
    assert events.count("\n") < 10000
    assert SANITIZED or peak < 64 << 20
    if not head:
        assert "bomb.pcap" in said


@pytest.mark.asan
def test_memory_is_refused_below_its_least(tmp_path):
    done = subprocess.run([BIN / "thymus-vsensor", "--read", tmp_path, "--json", "-", "--memory", "1000000"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "--memory" in done.stderr
