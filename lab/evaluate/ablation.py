# SPDX-License-Identifier: Apache-2.0
"""What each part of the engine brings: one office, learned and searched again with one part left out
(`thymusctl analyse --without`). Features are left out of what is told only: learning is the same, so that
it is done once."""
import concurrent.futures
import shutil

import measure
import office
import programs

PARTS = [("gate", "what is far off is learned from like anything else"),
         ("rhythm", "all hours of the week are alike"),
         ("peers", "what is expected of a new device comes from no others"),
         ("stage-two", "no calibration with the organisation"),
         ("time", "each hour stands for itself")]
STRENGTHS = ("strong", "medium", "weak")


class Row:
    def __init__(self, name, words, now, budgets):
        m = measure.Measured([now], budgets)
        self.name, self.words = name, words
        self.found = {}
        for s in STRENGTHS:
            cases = [c for c in m.cases if c.attack.strength["strength"] == s]
            self.found[s] = [sum(bool(c.at[m.middle]) for c in cases), len(cases)]
        self.false = m.false_rates()["nominal_5"]
        self.ratio = next(c["ratio"] for c in m.calibration() if c["level"] == 1e-3)
        self.cut = m.cuts[now.seed][m.middle]
        self.lost = {c.attack.label() for c in m.cases if not c.at[m.middle]}

    def json(self):
        return {"without": self.name, "found": self.found, "false_a_day": self.false, "calibration_1e-3": self.ratio,
                "cut": self.cut, "missed": sorted(self.lost)}


def features_of(strengths):
    """Those that are a right reason of some attack."""
    return sorted({f for kind in strengths["kinds"] for f in kind["features"]})


def again(runner, whole, folder, name, learns):
    """The office without that."""
    p = programs.Programs.without(runner.programs, name)
    alone = office.Runner(p, runner.strengths, runner.start, runner.part, folder, 1, lambda text: None)
    now = office.Office(whole.seed, runner.part)
    states = folder / f"without-{name}"
    states.mkdir()
    if not learns:
        now.learned = whole.learned
        shutil.copytree(folder / "state-0", states / "state-0")
    alone.measure(now, folder, states, [b.attacks for b in whole.branches if not b.slow], [], lambda office: None)
    shutil.rmtree(states)
    runner.say(f"seed {whole.seed}: without {name}")
    return now


def run(runner, whole, folder, budgets, features, progress):
    """Tells rows as they come, the whole engine first, whose learned state is still in the folder."""
    rows = [Row("", "the whole engine", whole, budgets)]
    variants = [(n, w, True) for n, w in PARTS] + [(f, "", False) for f in features]
    with concurrent.futures.ThreadPoolExecutor(runner.jobs) as pool:
        running = [pool.submit(again, runner, whole, folder, name, learns) for name, _, learns in variants]
        for (name, words, _), r in zip(variants, running):
            rows.append(Row(name, words, r.result(), budgets))
            progress(rows)


def table(rows, seed, middle):
    out = [f"Seed {seed}; found at {middle:g} alerts a day achieved. Without a feature nothing is told of it; what it taught stays.",
           "", "| without | strong | medium | weak | false incidents a day, at the threshold for 5 | calibration at 1e-3 | lost | gained |",
           "|---|---|---|---|---|---|---|---|"]
    for r in rows:
        name = f"{r.name}: {r.words}" if r.name and r.words else r.name or r.words
        lost = ", ".join(sorted(r.lost - rows[0].lost))
        gained = ", ".join(sorted(rows[0].lost - r.lost))
        found = " | ".join(f"{n} of {of}" for n, of in r.found.values())
        out.append(f"| {name} | {found} | {r.false:.1f} | {r.ratio:.2f} | {lost} | {gained} |")
    return "\n".join(out) + "\n"
