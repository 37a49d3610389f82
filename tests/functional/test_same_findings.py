# SPDX-License-Identifier: Apache-2.0
"""The same input gives the same findings: in any order of files, for any number of shards, and
when what was learned was saved and loaded in the middle."""
import json
import os
import pathlib
import subprocess

import pytest

BIN = pathlib.Path(os.environ.get("THYMUS_BIN", pathlib.Path(__file__).parents[2] / "build/bin"))
# Saved in the middle of an hour, while the attack is under way.
SPLIT = "2026-01-06T10:25:00Z"


def lab(directory, *options):
    subprocess.run([BIN / "thymus-lab", "--quiet", "--seed", "7", "--devices", "20",
                    "--start", "2026-01-05T20:00:00Z", "--hours", "16", *options,
                    "--zeek-json", str(directory)], check=True, timeout=300)


def analyse(*args):
    done = subprocess.run([BIN / "thymusctl", "analyse", "--json", *map(str, args)],
                          stdout=subprocess.PIPE, check=True, timeout=300)
    return done.stdout.decode().splitlines()


def findings(lines):
    """Breaches and incidents by id, as the exact text that was printed."""
    out = {}
    for line in lines:
        record = json.loads(line)
        if record["kind"] in ("breach", "incident"):
            out[record["kind"], record["id"]] = line
    return out


def incidents(found):
    """What they are, without words."""
    def what(i):
        return i["start"], i["end"], i["score"], i["alert"], i["breaches"], [d["id"] for d in i["devices"]]
    return {k: what(json.loads(v)) for k, v in found.items() if k[0] == "incident"}


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    directory = tmp_path_factory.mktemp("office")
    lab(directory, "--inject", "beacon@2026-01-06T09:00:00Z", "--inject", "scan@2026-01-06T10:10:00Z",
        "--inject", "takeover@2026-01-06T10:05:00Z:hosts=8,hours=40m")
    return directory


@pytest.fixture(scope="module")
def whole(office):
    lines = analyse(office)
    assert any(k[0] == "incident" for k in findings(lines)), "the attack must be found at all"
    assert any('"user":{"id":"u' in v for k, v in findings(lines).items() if k[0] == "breach"), "a credential as well"
    return lines


def test_any_order_of_files(office, whole):
    files = sorted(office.glob("*.log"))
    assert len(files) >= 3
    assert analyse(*files) == analyse(*reversed(files))
    assert findings(analyse(*reversed(files))) == findings(whole)


def test_one_shard_and_four(office, whole):
    assert analyse("--shards", "4", office) == whole


def test_twice(office, whole):
    assert analyse(office) == whole


def test_saved_and_loaded_in_the_middle(office, whole, tmp_path):
    split = subprocess.run(["date", "-d", SPLIT, "+%s"], capture_output=True, check=True, text=True)
    at = float(split.stdout)
    parts = [tmp_path / "first", tmp_path / "second"]
    for p in parts:
        p.mkdir()
    for log in office.glob("*.log"):
        halves = [[], []]
        for line in log.read_text().splitlines(keepends=True):
            r = json.loads(line)
            when = r["ts"]
            if log.name == "conn.log":
                when += r.get("duration", 0)
            elif log.name == "dns.log":
                when += r.get("rtt", 0)
            halves[when >= at].append(line)
        for p, h in zip(parts, halves):
            if h:
                (p / log.name).write_text("".join(h))
    state = tmp_path / "state"
    first = analyse("--state", state, parts[0])
    second = analyse("--state", state, parts[1])
    # The hour that was open when the state was saved is told again, whole, by the second run.
    closed = {k: v for k, v in findings(first).items()
              if k[0] == "breach" and json.loads(v)["end"] <= SPLIT}
    told = findings(second)
    assert closed.items() | {k: v for k, v in told.items() if k[0] == "breach"}.items() == {
        k: v for k, v in findings(whole).items() if k[0] == "breach"}.items()
    # An incident is told again only when it is another than the first run told. Then it says what one run says, to
    # the letter; what was told before names devices as they were known then.
    again, one_run = incidents(told), incidents(findings(whole))
    assert not [k for k, v in again.items() if incidents(findings(first)).get(k) == v]
    assert {k: told[k] for k in again} == {k: findings(whole)[k] for k in again}
    assert {**incidents(findings(first)), **again} == one_run
