# SPDX-License-Identifier: Apache-2.0
"""`make evaluate` in the small, and the lab's part of it: a day that follows upon others."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(os.environ.get("THYMUS_BIN", ROOT / "build/bin"))


def lab(folder, *options):
    subprocess.run([BIN / "thymus-lab", "--quiet", "--seed", "5", "--devices", "20", "--days", "2", "--zeek-json", folder,
                    *options], check=True, timeout=120)
    return {f.name: f.read_text().splitlines() for f in folder.iterdir()}


def test_a_day_is_the_same_when_the_one_before_is_not_written(tmp_path):
    whole = lab(tmp_path / "whole")
    part = lab(tmp_path / "part", "--write-from", "2026-03-03T00:00:00Z")
    assert sum(map(len, part.values())) > 5000
    for name, lines in part.items():
        assert 0 < len(lines) < len(whole[name])
        left_out = set(whole[name]) - set(lines)
        assert set(lines) <= set(whole[name])
        # What began before and ended after midnight is told when it ends.
        assert all(json.loads(line)["ts"] < 1772496000 for line in left_out)


def test_spools_by_day_and_injection_are_the_whole(tmp_path):
    base = ["--quiet", "--seed", "5", "--devices", "30", "--days", "2", "--inject", "dga@+10h:rate=300,hours=2h",
            "--inject", "scan@+11h:rate=60,hours=20m"]
    subprocess.run([BIN / "thymus-lab", *base, "--spool", tmp_path / "whole.spool"], check=True, timeout=120)
    subprocess.run([BIN / "thymus-lab", *base, "--spools", tmp_path / "parts"], check=True, timeout=120)
    parts = sorted((tmp_path / "parts").iterdir())
    assert [p.name for p in parts] == ["day-0.spool", "day-1.spool", "inject-0-0.spool", "inject-1-0.spool"]
    told = []
    for paths in ([tmp_path / "whole.spool"], parts):
        done = subprocess.run([BIN / "thymusctl", "analyse", "--json", *paths], capture_output=True, timeout=120, check=True)
        told.append(sorted(line for line in done.stdout.splitlines() if b'"kind":"summary"' not in line))
    assert len(told[0]) > 50 and told[0] == told[1]


def test_two_attacks_are_laid_into_an_office_and_judged(tmp_path):
    config = json.loads((ROOT / "lab/evaluate/config.json").read_text())
    config["quick"].update(devices=30, learn_days=1, clean_days=1, kinds=["dga", "scan"], judging=[7001])
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = subprocess.run([sys.executable, ROOT / "lab/evaluate", "--quick", "--only", "office", "--bin", BIN, "--work", tmp_path,
                           "--config", tmp_path / "config.json", "--json", tmp_path / "out.json"],
                          capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert "Seeds for judging: 7001 (for tuning: 3001)" in done.stdout
    office = json.loads((tmp_path / "out.json").read_text())["office"]
    assert {(c["kind"], c["strength"]) for c in office["cases"]} == {("dga", "strong"), ("scan", "strong")}
    # Six hundred generated names an hour and a hundred probes a minute are told, at whatever score.
    assert all(c["best_score"] for c in office["cases"])
    assert [c["level"] for c in office["calibration"]] == [1e-2, 1e-3, 1e-4, 1e-5]
    assert not list(tmp_path.glob("thymus-evaluate-*"))


def test_an_office_is_judged_again_without_a_part(tmp_path):
    config = json.loads((ROOT / "lab/evaluate/config.json").read_text())
    config["quick"].update(devices=30, learn_days=1, clean_days=1, kinds=["scan"], ablation=7001)
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = subprocess.run([sys.executable, ROOT / "lab/evaluate", "--quick", "--only", "ablation", "--bin", BIN, "--work", tmp_path,
                           "--config", tmp_path / "config.json", "--json", tmp_path / "out.json"],
                          capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "out.json").read_text())["ablation"]
    assert [r["without"] for r in rows] == ["", "gate", "rhythm", "peers", "stage-two", "time"]
    assert all(r["found"]["strong"] == [1, 1] for r in rows[:1])
    assert len({r["calibration_1e-3"] for r in rows} | {r["cut"] for r in rows}) > 2  # leaving out does something


def test_without_a_feature_nothing_is_told_of_it(tmp_path):
    subprocess.run([BIN / "thymus-lab", "--quiet", "--seed", "5", "--devices", "30", "--days", "2", "--inject",
                    "scan@+30h:rate=60,hours=20m", "--spool", tmp_path / "x.spool"], check=True, timeout=120)

    def features(*options):
        done = subprocess.run([BIN / "thymusctl", "analyse", "--json", *options, tmp_path / "x.spool"],
                              capture_output=True, timeout=120, check=True)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        return {e["feature"] for b in told if b["kind"] == "breach" for e in b["evidence"]}

    assert {"beacon", "address-probes"} <= features()
    assert not {"beacon", "address-probes"} & features("--without", "beacon,address-probes,time")
    wrong = subprocess.run([BIN / "thymusctl", "analyse", "--without", "wings", tmp_path / "x.spool"], capture_output=True,
                           text=True, timeout=120, check=False)
    assert wrong.returncode == 2 and "wings" in wrong.stderr
