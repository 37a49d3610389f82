#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The evaluation of detection.

    lab/evaluate [--quick] [--tuning] [--seeds N,N] [--only office|overlay|ablation|recordings] [--bin DIR]
                 [--data DIR] [--jobs N] [--work DIR] [--write FILE.md] [--json FILE]

office: attacks of fixed strengths (strengths.json) laid into generated offices that were learned
first; what is found at alert rates that are achieved. overlay: recordings laid over such an office in the
role of one of its devices, with harmless ones as control (needs the office's clean days). ablation: one office, again and
again without a part of the engine or a feature. recordings: labelled captures and logs, each
alone (scenarios.json). config.json has seeds and sizes. QUICK=1 in the environment is --quick.
"""
import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

import ablation
import measure
import office
import overlay
import programs
import recordings
import report

HERE = pathlib.Path(__file__).resolve().parent
TITLES = {"office": "Attacks laid into generated offices", "overlay": "Recordings laid over a generated office",
          "ablation": "What each part of the engine brings",
          "recordings": "Labelled recordings, each alone"}


def arguments():
    a = argparse.ArgumentParser(description="Evaluation of detection.")
    a.add_argument("--quick", action="store_true", default=os.environ.get("QUICK") == "1")
    a.add_argument("--tuning", action="store_true", help="the seeds one may look at while working on detection")
    a.add_argument("--seeds", help="other seeds, or some of them")
    a.add_argument("--kinds", help="only these kinds of attack")
    a.add_argument("--no-poisoning", action="store_true", help="without the eight weeks that it takes")
    a.add_argument("--only", choices=["office", "overlay", "ablation", "recordings"])
    a.add_argument("--bin", default=str(HERE.parent.parent / "build/bin"))
    a.add_argument("--data", default=os.environ.get("THYMUS_DATA", str(HERE.parent / "../../shared/data")))
    a.add_argument("--jobs", type=int, default=2)
    a.add_argument("--lab", action="append", default=[], help="a further option of thymus-lab, as --lab=--scanner")
    a.add_argument("--config", default=str(HERE / "config.json"))
    a.add_argument("--prior", help="instead of the one installed")
    a.add_argument("--work", help="folder for what lies about meanwhile, a gigabyte an office")
    a.add_argument("--write", help="the tables as Markdown")
    a.add_argument("--json", help="everything as JSON")
    return a.parse_args()


class Lab:
    """What it takes to make offices."""

    def __init__(self, o, config, say):
        self.part = dict(config["quick" if o.quick else "full"])
        if o.kinds:
            self.part["kinds"] = o.kinds.split(",")
        self.programs = programs.Programs(o.bin, config["lab"], ["--prior", o.prior] if o.prior else [])
        self.strengths = json.loads((HERE / "strengths.json").read_text())
        if o.work:
            pathlib.Path(o.work).mkdir(parents=True, exist_ok=True)
        self.work = tempfile.mkdtemp(prefix="thymus-evaluate-", dir=o.work)
        self.runner = office.Runner(self.programs, self.strengths, config["start"], self.part, self.work, o.jobs, say)


def ablations(o, config, say, write):
    """One office for tuning: it may be looked at."""
    lab = Lab(o, config, say)
    lab.part["poisoning"] = False
    seed = int(o.seeds.split(",")[0]) if o.seeds else lab.part["ablation"]
    features = [] if o.quick else ablation.features_of(lab.strengths)
    middle = sorted(config["budgets"])[len(config["budgets"]) // 2]

    def progress(rows):
        write("ablation", ablation.table(rows, seed, middle), [r.json() for r in rows])

    def again(whole, folder):
        ablation.run(lab.runner, whole, folder, config["budgets"], features, progress)

    try:
        lab.runner.run(seed, lambda office: None, again)
    finally:
        shutil.rmtree(lab.work, ignore_errors=True)


def generated(o, config, say, write):
    """Measures offices one behind the other; write(section, Markdown, JSON) as far as it has come."""
    lab = Lab(o, config, say)
    part, p, runner = lab.part, lab.programs, lab.runner
    part["poisoning"] = part["poisoning"] and not o.no_poisoning
    if o.only == "overlay":
        part["kinds"] = ["none"]
    which = "tuning" if o.tuning else "judging"
    seeds = [int(s) for s in o.seeds.split(",")] if o.seeds else part[which]
    offices, laid_over = [], []
    try:
        def progress(now):
            m = measure.Measured([*offices, now], config["budgets"])
            if o.only != "overlay":
                write("office", report.markdown(m, part, config, which),
                      {**report.as_json(m, part, which), "seconds": p.seconds})

        def one_laid_over(case):
            laid_over.append(case)
            write("overlay", overlay.table(laid_over), [c.json() for c in laid_over])

        def over(now, folder):
            overlay.run(p, now, folder, runner, HERE / "scenarios.json", pathlib.Path(o.data), config["budgets"],
                        one_laid_over)

        for n, seed in enumerate(seeds):
            laid = n < part["overlay_seeds"] and o.only != "office" and pathlib.Path(o.data).is_dir()
            offices.append(runner.run(seed, progress, over if laid else None))
        say("seconds by phase: " + ", ".join(f"{k} {v:.0f}" for k, v in p.seconds.items()))
    finally:
        shutil.rmtree(lab.work, ignore_errors=True)


def main():
    o = arguments()
    config = json.loads(pathlib.Path(o.config).read_text())
    config["lab"] += o.lab
    begin = time.monotonic()

    def say(text):
        print(f"evaluate: {time.monotonic() - begin:5.0f} s: {text}", file=sys.stderr, flush=True)

    sections, data, bad = {}, {}, 0

    def write(section, text, figures):
        sections[section] = f"### {TITLES[section]}\n\n{text}"
        data[section] = figures
        if o.write:
            pathlib.Path(o.write).write_text("\n".join(sections.values()), encoding="utf-8")
        if o.json:
            pathlib.Path(o.json).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

    if o.only in (None, "office", "overlay"):
        generated(o, config, say, write)
    if o.only in (None, "ablation"):
        ablations(o, config, say, write)
    if o.only in (None, "recordings"):
        text, bad = recordings.table_of_all(HERE / "scenarios.json", o)
        write("recordings", text, {})
    print("\n".join(sections.values()))
    say("done")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
