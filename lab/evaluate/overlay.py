# SPDX-License-Identifier: Apache-2.0
"""Real recordings laid over a learned office in the role of one of its devices (disguise.py).

What counts is the rank of the pair (device, peer) among that day's alerts, ties against us: in the
first three, and within the budget achieved. Harmless recordings are laid over in the same way.
"""
import collections
import json
import pathlib
import random
import shutil

import alerts
import disguise
import match
import measure
import zeek_logs

ENOUGH = 3


class Case:
    """One recording in one office: rank of each attack's pair, or None."""

    def __init__(self, name, kind, seed, with_name):
        self.name, self.kind, self.seed, self.with_name = name, kind, seed, with_name
        self.rank, self.score, self.hours, self.alert, self.model = None, None, None, False, None

    def json(self):
        return dict(self.__dict__)


class Overlay:
    """office: learned, with clean days; base: folder with state-0 and the spools by day."""

    def __init__(self, programs, office, base, runner, devices, budgets):
        self.programs, self.office, self.base = programs, office, pathlib.Path(base)
        self.day, self.devices = runner.day(0), devices
        self.background = self.base / f"day-{runner.part['learn_days']}.spool"
        rises = measure.false_alerts(office)
        self.cut = measure.cut_for(rises, sorted(budgets)[len(budgets) // 2] * len(office.clean))
        self.before = office.told_before(0)
        clean = office.clean[0].findings
        self.known = {k: b["score"] for k, b in clean.breaches.items()}
        # Alerts of that day without the recording.
        self.others = [(i["id"], i["score"]) for i in clean.incidents.values() if i["score"] > self.was(i)]

    def run(self, scenario, kind, records, truths, number):
        """Case of one recording; truths: of its first attacked device."""
        seed = self.office.seed
        chance = random.Random(f"overlay {seed} {scenario}")
        with_name = (number + seed) % 2 == 0
        victim = chance.choice(sorted(n for n in self.devices if n.startswith("ws-")))
        controllers = {t["peer"] for t in truths if disguise.controller(t)}
        d = disguise.Disguise(records, truths[0]["device"], controllers, self.devices, victim, chance, with_name)
        folder = self.base / "overlay"
        logs, state = folder / "logs", folder / "state"
        logs.mkdir(parents=True)
        shutil.copytree(self.base / "state-0", state)
        start = self.day.timestamp() + 3600 * chance.uniform(9, 15)
        d.write(records, logs, start, self.day.timestamp() + 86400)
        found = self.programs.analyse("overlay", [str(self.background), str(logs)], state)
        shutil.rmtree(folder)
        case = Case(scenario, kind, seed, with_name)
        self.rank(case, found, d, truths, start)
        return case

    def was(self, incident):
        return max(self.before.get(incident["id"], [0.0]))

    def pair(self, b, d, truths):
        """The breach is new, about the device, and names one of the peers (any, when none is known)."""
        if (b["device"] or {}).get("ip") != d.victim["ip"] or (
                b["id"] in self.known and b["score"] < self.known[b["id"]] + match.RISE):
            return False
        peers = {d.of(t["peer"]) for t in truths if "peer" in t}
        if not peers:
            return True
        p = b.get("peer") or {}
        return any(p.get("ip") == address or (name and p.get("host") and match.short(p["host"]) == match.short(name))
                   for address, name in peers)

    def rank(self, case, found, d, truths, start):
        mine = {k: b for k, b in found.breaches.items() if self.pair(b, d, truths)}
        best = None
        for i in found.incidents.values():
            hits = [mine[k] for k in i["breaches"] if k in mine]
            if hits and i["score"] > self.was(i) and (not best or i["score"] > best[0]["score"]):
                best = (i, hits)
        if not best:
            return
        incident, hits = best
        top = max(hits, key=lambda b: b["score"])
        case.score, case.model = incident["score"], top["model"]
        case.rank = 1 + sum(s >= incident["score"] for k, s in self.others if k != incident["id"])
        case.alert = bool(alerts.raised(alerts.scores(incident, found.breaches), self.cut,
                                        self.before.get(incident["id"], [])))
        case.hours = max(match.time(top["time"]).timestamp() - start, 0) / 3600


def scenarios(path, data):
    """(name, kind, paths, truths of the first device) of attacks and controls that are there."""
    doc = json.loads(path.read_text())
    for s in doc["scenarios"]:
        truths = [t for t in s["truth"] if t["device"] == s["truth"][0]["device"]] if s["truth"] else []
        named = all("peer" not in t or t["peer"].replace(".", "").isdigit() for t in truths)
        if truths and disguise.inside(truths[0]["device"]) and named:
            yield s["name"], "attack", [data / p for p in s["paths"]], truths
    for c in doc["controls"]:
        yield c["name"], "control", [data / c["path"]], []


def busiest(records):
    """The inside address that opens most connections; of a harmless recording the device."""
    n = collections.Counter(r["id.orig_h"] for r in records.get("conn", []) if disguise.inside(r["id.orig_h"]))
    return n.most_common(1)[0][0] if n else None


def devices_of(programs, base_options, count):
    """Servers and workstations of the office by name; a good quarter of all are such, and the first
    two are administrators'."""
    names = ["dc-01", "fs-01"] + [f"ws-{n:02d}" for n in range(3, count // 4)]
    specs = [f"dga@+5m:device={n}" for n in names]
    return {t["device"]["hostname"]: t["device"] for t in programs.victims(base_options, specs)}


def run(programs, office, base, runner, scenario_file, data, budgets, progress):
    """All recordings over one office, whose folder still has its state; progress(case) for each."""
    base = pathlib.Path(base)
    devices = devices_of(programs, runner.base(office.seed), office.devices)
    over = Overlay(programs, office, base, runner, devices, budgets)
    vsensor = str(pathlib.Path(programs.ctl).with_name("thymus-vsensor"))
    count = 0
    for n, (name, kind, paths, truths) in enumerate(scenarios(scenario_file, data)):
        if not all(p.exists() for p in paths):
            continue
        logs = over.base / "read"
        logs.mkdir()
        records = zeek_logs.read(paths, vsensor, logs)
        shutil.rmtree(logs)
        if not truths and busiest(records):
            truths = [{"device": busiest(records), "tactics": []}]
        if records and truths:
            progress(over.run(name, kind, records, truths, n))
            count += 1
    runner.say(f"seed {office.seed}: {count} recordings laid over")


def table(cases):
    """Markdown: a row a recording, and the totals."""
    out = ["| recording | kind | found as an alert | median rank | in the first three | hours to detect | by model |",
           "|---|---|---|---|---|---|---|"]
    by_name = {}
    for c in cases:
        by_name.setdefault((c.kind, c.name), []).append(c)
    good = {"attack": [0, 0], "control": [0, 0]}
    for (kind, name), cs in sorted(by_name.items()):
        # What was not found ranks behind everything.
        rank = measure.quantile([c.rank or 10 ** 6 for c in cs], 0.5)
        hits = [c for c in cs if c.rank]
        both = sum(bool(c.rank) and c.rank <= ENOUGH and c.alert for c in cs)
        good[kind][0] += both if kind == "attack" else sum(c.alert for c in cs)
        good[kind][1] += len(cs)
        hours = measure.quantile([c.hours for c in hits], 0.5)
        out.append(f"| {name} | {kind} | {sum(c.alert for c in cs)}/{len(cs)} | {rank if rank < 10 ** 6 else ''} | "
                   f"{sum(bool(c.rank) and c.rank <= ENOUGH for c in cs)}/{len(cs)} | "
                   f"{'' if hours is None else f'{hours:.1f}'} | "
                   f"{', '.join(sorted({c.model for c in hits}))} |")
    for kind, goal, says in (("attack", 0.5, "in the first three and an alert"), ("control", 0.05, "an alert")):
        n, of = good[kind]
        if of:
            ok = n >= goal * of if kind == "attack" else n <= goal * of
            out += ["", f"{kind}s {says}: {n} of {of} ({100 * n / of:.0f} %), target "
                    f"{'>=' if kind == 'attack' else '<='} {100 * goal:.0f} %: {'met' if ok else '**missed**'}."]
    return "\n".join(out) + "\n"
