# SPDX-License-Identifier: Apache-2.0
"""Every recording we have, malformed ones included, is read to its end without a crash."""
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("THYMUS_BIN", ROOT / "build/bin"))
DATA = pathlib.Path(os.environ.get("THYMUS_DATA", ROOT.parent / "shared/data"))
FOLDERS = ["attack-pcap", "attack-zeek", "labelled-zeek", "scenario-zeek", "parser-pcap", "ics-pcap"]


@pytest.mark.asan
@pytest.mark.parametrize("name", FOLDERS)
def test_is_read_to_its_end(name):
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}; set THYMUS_DATA")
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    done = subprocess.run([BIN / "thymusctl", "analyse", "--json", folder], capture_output=True,
                          timeout=280, check=False)
    assert done.returncode in (0, 3), done.stderr.decode(errors="replace")[-2000:]
    assert b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    summary = lines[-1]
    assert summary["kind"] == "summary"
    assert summary["inputs"] == len(files)
    assert summary["events"] > 0
    told = [line for line in lines if line["kind"] == "error"]
    assert len(told) == summary["unread"]
    assert all(line["message"] for line in told)
