# SPDX-License-Identifier: Apache-2.0
"""The UI's own checks: types of every component and test, then what it computes by itself. Building it and the
weight of its screens belong to the build (scripts/build-ui)."""
import hashlib
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UI = ROOT / "ui"
LIMIT_S = 300


def npm(*args):
    done = subprocess.run(["npm", *args], cwd=UI, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def packages():
    """What the lock file names, and nothing newer (as scripts/build-ui does it)."""
    lock = f"{hashlib.sha256((UI / 'package-lock.json').read_bytes()).hexdigest()}  {UI / 'package-lock.json'}"
    mark = UI / "node_modules" / ".thymus-lock"
    if not mark.exists() or mark.read_text(encoding="utf-8").split()[0] != lock.split()[0]:
        status, text = npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        assert status == 0, text
        mark.write_text(lock + "\n", encoding="utf-8")


def test_types():
    status, text = npm("run", "--silent", "check")
    assert status == 0, text


def test_what_it_computes():
    status, text = npm("test", "--silent")
    assert status == 0, text


@pytest.mark.parametrize("folder", ["ui", "tests/browser"])
def test_lock_file_names_no_host(folder):
    text = (ROOT / folder / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text
    assert "omit-lockfile-registry-resolved=true" in (ROOT / folder / ".npmrc").read_text(encoding="utf-8")
