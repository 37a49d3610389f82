# SPDX-License-Identifier: Apache-2.0
"""Runs each *.scenario beside this file: see README.md for what its lines mean."""
import json
import os
import pathlib
import shlex
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("THYMUS_BIN", HERE.parents[1] / "build/bin"))


class Scenario:
    def __init__(self, path):
        self.office, self.attacks, self.analyse, self.expects = [], [], [], []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            words = shlex.split(line, comments=True)
            if not words:
                continue
            if words[0] == "office":
                self.office += words[1:]
            elif words[0] == "attack":
                self.attacks += words[1:]
            elif words[0] == "analyse":
                self.analyse += words[1:]
            elif words[0] == "expect":
                self.expects.append((number, words[1:]))
            else:
                raise ValueError(f"{path.name}:{number}: {words[0]}?")


class Outcome:
    """What the analysis said, beside what was injected."""

    def __init__(self, records, truth):
        self.incidents = sorted((r for r in records if r["kind"] == "incident"),
                                key=lambda r: (-r["score"], r["id"]))
        self.breaches = {r["id"]: r for r in records if r["kind"] == "breach"}
        self.truth = truth
        self.summary = next(r for r in records if r["kind"] == "summary")

    def of(self, incident):
        return [b if isinstance(b, dict) else self.breaches[b] for b in incident["breaches"]
                if isinstance(b, dict) or b in self.breaches]

    def names(self, incident, fact):
        for breach in self.of(incident):
            peer, want = breach.get("peer") or {}, fact["peer"]
            same_peer = not want["ip"] and not want["host"] or not peer or \
                want["ip"] == peer.get("ip") or (want["host"] and want["host"] == peer.get("host"))
            if breach["device"].get("ip") == fact["device"]["ip"] and same_peer:
                return True
        return False

    def place(self, kind):
        """(rank from 1, incident) of the first incident that names the injection."""
        facts = [t for t in self.truth if t["kind"] == kind]
        assert facts, f"nothing of kind {kind} was injected"
        for rank, incident in enumerate(self.incidents, 1):
            if any(self.names(incident, f) for f in facts):
                return rank, incident
        return None, None

    def told(self):
        return [(round(i["score"], 1), i["title"]) for i in self.incidents]


def check(outcome, words):
    """"" when it holds, else what is there instead."""
    match words:
        case ["found", kind, "rank", most]:
            rank, _ = outcome.place(kind)
            return "" if rank and rank <= int(most) else f"rank {rank} of {outcome.told()}"
        case ["tactic", kind, tactic]:
            _, incident = outcome.place(kind)
            seen = {str(b.get(k)) for b in outcome.of(incident or {"breaches": []})
                    for k in ("tactic", "technique", "model")}
            return "" if tactic in seen else f"it has {sorted(seen)}"
        case ["alerts", "at", "most", most]:
            alerts = outcome.summary["alerts"]
            above = sum(i["score"] >= outcome.summary["threshold"] for i in outcome.incidents)
            return "" if max(alerts, above) <= int(most) else f"{alerts}, {above} above the threshold: {outcome.told()}"
        case ["score", "at", "most", most]:
            top = max((b["score"] for b in outcome.breaches.values()), default=0)
            return "" if top <= float(most) else f"{top}"
    raise ValueError(f"expect {' '.join(words)}?")


@pytest.mark.parametrize("path", sorted(HERE.glob("*.scenario")), ids=lambda p: p.stem)
def test_scenario(path, tmp_path):
    scenario = Scenario(path)
    logs, truth = tmp_path / "logs", tmp_path / "truth.jsonl"
    inject = [word for attack in scenario.attacks for word in ("--inject", attack)]
    subprocess.run([BIN / "thymus-lab", "--quiet", *scenario.office, *inject, "--truth", truth,
                    "--zeek-json", logs], check=True, timeout=600)
    done = subprocess.run([BIN / "thymusctl", "analyse", "--json", *scenario.analyse, logs],
                          stdout=subprocess.PIPE, check=True, timeout=600)
    records = [json.loads(line) for line in done.stdout.decode().splitlines()]
    facts = [json.loads(line) for line in truth.read_text().splitlines()] if truth.exists() else []
    outcome = Outcome(records, facts)
    assert scenario.expects, "a scenario that expects nothing cannot fail"
    wrong = [f"{path.name}:{number}: expect {' '.join(words)}: {text}"
             for number, words in scenario.expects if (text := check(outcome, words))]
    assert not wrong, "\n".join(wrong)
