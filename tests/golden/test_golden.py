# SPDX-License-Identifier: Apache-2.0
"""Golden tests: a capture made by cases.py, and every record that it must give.

Two checks a case: the facts that the case works out by itself hold, and the records are, field by
field, the ones in expected/NAME.jsonl. When a change of the records is meant, run with
THYMUS_GOLDEN_UPDATE=1 and read the difference before committing it."""
import gzip
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import cases  # noqa: E402
import wire  # noqa: E402

BIN = pathlib.Path(os.environ.get("THYMUS_BIN", HERE.parents[1] / "build/bin"))


def read(path):
    done = subprocess.run([str(BIN / "thymus-vsensor"), "--read", str(path), "--json", "-"],
                          capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert b"Sanitizer" not in done.stderr, done.stderr.decode(errors="replace")
    lines = done.stdout.decode("utf-8").splitlines()
    return sorted(lines, key=lambda line: (json.loads(line)["_path"], line))


@pytest.fixture(scope="module", params=sorted(cases.CASES))
def case(request, tmp_path_factory):
    made = cases.CASES[request.param]()
    path = tmp_path_factory.mktemp("golden") / f"{request.param}.pcap"
    path.write_bytes(wire.pcap(made.frames, made.linktype))
    return request.param, made, path, read(path)


def holds(record, fact):
    return all(record.get(k) == v if not isinstance(v, float) else
               abs((record.get(k) or 0) - v) < 1e-6 for k, v in fact.items())


def test_facts(case):
    """Each fact holds for a record of its own."""
    name, made, _, lines = case
    left = [json.loads(line) for line in lines]
    for kind, fact in made.facts:
        same = [r for r in left if r["_path"] == kind]
        match = next((r for r in same if holds(r, fact)), None)
        nearest = max(same, key=lambda r: sum(holds(r, {k: v}) for k, v in fact.items()), default={})
        wrong = {k: (nearest.get(k), v) for k, v in fact.items() if not holds(nearest, {k: v})}
        assert match is not None, f"{name}: no {kind} record fits; nearest differs in (got, want): {wrong}"
        left.remove(match)


def test_records(case):
    name, _, _, lines = case
    path = HERE / "expected" / f"{name}.jsonl"
    if os.environ.get("THYMUS_GOLDEN_UPDATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    want = path.read_text(encoding="utf-8").splitlines()
    assert lines == want


def test_compressed_is_the_same(case, tmp_path):
    _, _, path, lines = case
    packed = tmp_path / "x.pcap.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    assert read(packed) == lines
