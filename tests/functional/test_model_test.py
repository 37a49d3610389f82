# SPDX-License-Identifier: Apache-2.0
"""`thymusctl model test`: what models on trial would have told over three days of Zeek logs."""
import json
import os
import pathlib
import subprocess

import pytest
import trial

BIN = pathlib.Path(os.environ.get("THYMUS_BIN", pathlib.Path(__file__).parents[2] / "build/bin"))
DAY1 = 1767571200.0  # 2026-01-05T00:00:00Z, a Monday
DAY = 86400.0
pytestmark = pytest.mark.asan

SILENT = """
id: my-mining
name: Mining of mine
description: Talks to a mining pool.
technique: T1496
tactic: impact
components:
  - feature: mining
    rarity: 0.5
"""


def conn(t, orig, resp, state="SF", port=443):
    used = 100 if state == "SF" else 0
    return json.dumps({"_path": "conn", "ts": t, "uid": f"C{t}-{resp}", "id.orig_h": orig, "id.orig_p": 50000, "id.resp_h": resp,
                       "id.resp_p": port, "proto": "tcp", "duration": 0.5, "orig_bytes": used, "resp_bytes": used,
                       "conn_state": state, "orig_pkts": 5, "resp_pkts": 5 if used else 0})


@pytest.fixture(name="logs", scope="module")
def three_days(tmp_path_factory):
    """Six devices that browse from nine to five; one searches on the second day, another on the third."""
    rows = [conn(DAY1 + day * DAY + hour * 3600 + i, f"10.0.1.{i}", "198.51.100.10")
            for day in range(3) for hour in range(9, 17) for i in range(1, 7)]
    for day, who in ((1, "10.0.1.2"), (2, "10.0.1.4")):
        rows += [conn(DAY1 + day * DAY + 10.5 * 3600 + n, who, f"10.0.2.{n}", "S0", 445) for n in range(1, 60)]
    folder = tmp_path_factory.mktemp("logs")
    (folder / "conn.log").write_text("\n".join(rows) + "\n")
    return folder


def run(*args):
    return subprocess.run([BIN / "thymusctl", "model", "test", *map(str, args)], capture_output=True, text=True,
                          timeout=120, check=False, stdin=subprocess.DEVNULL)


def outcome(*args):
    done = run("--json", "--no-prior", *args)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def by_id(found):
    return {m["model"]: m for m in found["models"]}


@pytest.fixture(name="mine")
def models_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(trial.SEARCH + "---" + SILENT)
    return file


def test_one_fires_and_one_does_not(mine, logs):
    found = outcome(mine, logs)
    assert [m["model"] for m in found["models"] if m["on_trial"]] == ["my-search", "my-mining"]
    models = by_id(found)
    search, mining, built_in = models["my-search"], models["my-mining"], models["internal-scan"]
    assert (search["breaches"], search["devices"], search["per_day"]) == (2, 2, [0, 1, 1])
    assert (mining["breaches"], mining["alerts"], mining["best_score"]) == (0, 0, 0)
    assert built_in["breaches"] == 2 and not built_in["on_trial"]
    assert search["alerts"] == sum(b["alert"] for b in found["strongest"]) >= 1
    first = found["strongest"][0]
    assert first["score"] == search["best_score"] >= found["threshold"]
    assert {b["ip"] for b in found["strongest"]} == {"10.0.1.2", "10.0.1.4"}
    assert "hosts inside on one port without success" in first["detail"]


def test_a_report_for_people(mine, logs):
    done = run("--no-prior", mine, logs)
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout
    assert told.index("On trial") < told.index("my-search") < told.index("strongest") < told.index("models that are there")
    assert "10.0.1.4" in told and "alert" in told and told.index("internal-scan") > told.index("models that are there")


def test_from_and_to_cut(mine, logs):
    cut = by_id(outcome("--from", "2026-01-07", mine, logs))["my-search"]
    assert (cut["breaches"], cut["devices"], cut["per_day"]) == (1, 1, [1])
    cut = outcome("--to", "2026-01-06T00:00:00Z", mine, logs)
    assert by_id(cut)["my-search"]["breaches"] == 0 and cut["events"] == 48  # what comes later is not read
    cut = by_id(outcome("--from", "2026-01-06", "--to", "2026-01-07", mine, logs))["my-search"]
    assert (cut["breaches"], cut["per_day"]) == (1, [1])
    none = outcome("--from", "2027-01-01", mine, logs)
    assert "from" not in none and by_id(none)["my-search"]["breaches"] == 0
    assert "No events lie in the time" in run("--from", "2027-01-01", mine, logs).stdout


def test_a_model_takes_the_place_of_a_built_in_one(tmp_path, logs):
    file = tmp_path / "other.yaml"
    file.write_text(trial.SEARCH.replace("my-search", "internal-scan").replace("at-least: 4", "at-least: 100000"))
    scan = by_id(outcome(file, logs))["internal-scan"]
    assert scan["on_trial"] and scan["breaches"] == 0 and scan["name"] == "A search of mine"


@pytest.mark.parametrize("text, line, why", [
    (trial.SEARCH.replace("rarity", "rarty"), 10, 'unknown setting "rarty" of a component'),
    (trial.SEARCH + "---" + SILENT.replace("mining\n    rarity", "mineing\n    rarity"), 18, "mineing"),
    (trial.SEARCH + "---" + trial.SEARCH, 12, 'there is a model "my-search" already'),
])
def test_a_mistake_is_told_with_its_line(tmp_path, logs, text, line, why):
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    done = run(file, logs)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"thymusctl: {file}:{line}: ") and why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_state_is_used_and_left_as_it_is(mine, logs, tmp_path):
    state = tmp_path / "state"
    subprocess.run([BIN / "thymusctl", "analyse", "--json", "--no-prior", "--state", state, logs], check=True,
                   capture_output=True, timeout=120)
    before = (state / "state").read_bytes()
    done = run("--json", "--state", state, mine, logs)
    assert done.returncode == 0, done.stderr
    assert (state / "state").read_bytes() == before and [f.name for f in state.iterdir()] == ["state"]
    assert run("--state", tmp_path / "none", mine, logs).returncode == 1
    assert not (tmp_path / "none").exists()


def test_wrong_usage_is_told(mine, logs):
    for args in ([mine], [], ["--html", "x", mine, logs], ["--to", "2020", mine, logs],
                 ["--from", "2026-01-07", "--to", "2026-01-06", mine, logs]):
        done = run(*args)
        assert done.returncode == 2 and "thymusctl model test --help" in done.stderr, args
    done = run(mine, logs / "missing")
    assert done.returncode == 3 and "no such file or folder" in done.stdout
    assert run("--help").stdout.startswith("Usage: thymusctl model test")
