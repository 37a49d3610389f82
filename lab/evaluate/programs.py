# SPDX-License-Identifier: Apache-2.0
"""The programs that are evaluated, run one behind the other, with the time they took."""
import json
import pathlib
import subprocess
import time


class Failed(Exception):
    """A program ended otherwise than it should; says which and what it wrote."""


class Programs:
    """thymus-lab and thymusctl of one build. `lab_options` go to every run of the lab."""

    def __init__(self, folder, lab_options=(), analyse_options=()):
        self.lab = str(pathlib.Path(folder) / "thymus-lab")
        self.ctl = str(pathlib.Path(folder) / "thymusctl")
        self.lab_options = list(lab_options)
        self.analyse_options = list(analyse_options)
        self.seconds = {}

    @classmethod
    def without(cls, whole, name):
        """The same, with a part of the engine left out."""
        p = cls(pathlib.Path(whole.ctl).parent, whole.lab_options, [*whole.analyse_options, "--without", name])
        p.seconds = whole.seconds
        return p

    def _took(self, what, begin):
        self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - begin

    def victims(self, options, specs):
        """Truth of injections without running them: who would be hit."""
        command = [self.lab, "--quiet", *self.lab_options, *options, "--hours", "0.1", "--truth", "/dev/stdout"]
        for s in specs:
            command += ["--inject", s]
        p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if p.returncode != 0:
            raise Failed(f"{' '.join(command)}: {p.stderr[-600:]}")
        told = [json.loads(line) for line in p.stdout.splitlines()]
        return [t for t in told if not t.get("benign")]  # what life brought hits nobody

    def make(self, what, options, specs, folder):
        """A run of the lab into spools by day and injection (thymus-lab --spools). Truth."""
        begin = time.monotonic()
        truth = pathlib.Path(folder) / "truth.jsonl"
        command = [self.lab, "--quiet", *self.lab_options, *options, "--truth", str(truth), "--spools", str(folder)]
        for s in specs:
            command += ["--inject", s]
        p = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if p.returncode != 0:
            raise Failed(f"{' '.join(command)}: {p.stderr[-600:]}")
        self._took(what + ": lab", begin)
        return [json.loads(line) for line in truth.read_text().splitlines()]

    def analyse(self, what, paths, state=None):
        """Findings of files, from and into the state."""
        begin = time.monotonic()
        command = [self.ctl, "analyse", "--json", "--budget", "5", *self.analyse_options]
        if state:
            command += ["--state", str(state)]
        p = subprocess.run([*command, *paths], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if p.returncode not in (0, 3):
            raise Failed(f"{' '.join(command)}: exit {p.returncode}: {p.stderr[-600:]}")
        self._took(what + ": analyse", begin)
        return Findings(p.stdout.splitlines())


class Findings:
    """Breaches and incidents by id, and the summary, of one run."""

    def __init__(self, lines):
        self.breaches, self.incidents, self.groups, self.summary = {}, {}, {}, {}
        for line in lines:
            o = json.loads(line)
            if o["kind"] == "breach":
                self.breaches[o["id"]] = o
            elif o["kind"] == "incident":
                o.pop("summary", None)
                self.incidents[o["id"]] = o
            elif o["kind"] == "group-event" and o["breaches"]:
                # What a person reads instead of its members' incidents: it counts as one.
                self.groups[o["id"]] = self.incidents[o["id"]] = o
            elif o["kind"] == "summary":
                self.summary = o
