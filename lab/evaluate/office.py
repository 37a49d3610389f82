# SPDX-License-Identifier: Apache-2.0
"""One generated office: learned once, then branched for every group of attacks.

    learn ── state 0 ── clean day 0 ── state 1 ── clean day 1 ── ...
                └ branch: a copy of the state before its first day, that day with attacks

The clean days are the false alerts, and what a branch is held against: the generator's background is
the same, event for event, with and without an attack.
"""
import concurrent.futures
import datetime
import pathlib
import re
import shutil

import alerts
import plan


class Day:
    """Findings of one stretch of event time."""

    def __init__(self, findings, days):
        self.findings, self.days = findings, days


class Branch:
    """Findings of some days with attacks in them; `before` is the index of the clean day that it
    replaces, `slow` says that it goes on for longer than there are clean days."""

    def __init__(self, attacks, findings, before, days, slow=False):
        self.attacks, self.findings, self.before = attacks, findings, before
        self.days, self.slow = days, slow


class Office:
    """What was measured with one seed."""

    def __init__(self, seed, part):
        self.seed, self.part = seed, part
        self.devices = part["devices"]
        self.learned = None
        self.clean, self.branches = [], []

    def told_before(self, day):
        """How each incident had risen, by id, in the learned weeks and the clean days before."""
        out = {}
        for findings in [self.learned] + [c.findings for c in self.clean[:day]]:
            for i in findings.incidents.values():
                out.setdefault(i["id"], []).extend(alerts.scores(i, findings.breaches))
        return out


class Runner:
    """Runs offices in a folder of its own, which it leaves empty."""

    def __init__(self, programs, strengths, start, part, folder, jobs, say):
        self.jobs = jobs
        self.programs, self.strengths, self.start = programs, strengths, start
        self.part, self.folder, self.say = part, pathlib.Path(folder), say

    def base(self, seed):
        return ["--seed", str(seed), "--devices", str(self.part["devices"]), "--start", self.start]

    def day(self, n):
        return plan.moment(self.start) + datetime.timedelta(days=self.part["learn_days"] + n)

    def run(self, seed, progress, afterwards=None):
        """The office; progress(office) is called as its branches come, afterwards(office, folder) while
        its learned state is still there."""
        office = Office(seed, self.part)
        folder = self.folder / f"seed-{seed}"
        folder.mkdir(parents=True)
        attacks = plan.attacks(self.strengths, self.part, self.start, seed)
        groups, slow = plan.branches(attacks)
        self.make(seed, folder, attacks, slow)
        self.measure(office, folder, folder, groups, slow, progress)
        if afterwards:
            afterwards(office, folder)
        shutil.rmtree(folder)
        return office

    def measure(self, office, folder, states, groups, slow, progress):
        """Findings of the office whose spools lie in the folder; states are kept in the other one. What
        lies there as learned already is not learned again."""
        seed = office.seed
        if not office.learned:
            office.learned = self.learn(folder, states / "state-0", [a for g in [*groups, slow] for a in g])
            self.say(f"seed {seed}: learned, {len(office.learned.incidents)} incidents")
        for n in range(self.part["clean_days"]):
            shutil.copytree(states / f"state-{n}", states / f"state-{n + 1}")
            office.clean.append(Day(self.stretch("clean", folder, states / f"state-{n + 1}", n, 1, []), 1))
        self.say(f"seed {seed}: {len(office.clean)} days without an attack")
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            # The longest first.
            running = [pool.submit(self.branch, folder, states, "slow", slow, True)] if slow else []
            running += [pool.submit(self.branch, folder, states, f"branch-{k}", g) for k, g in enumerate(groups)]
            for r in concurrent.futures.as_completed(running):
                office.branches.append(r.result())
                self.say(f"seed {seed}: {', '.join(a.label() for a in office.branches[-1].attacks)}")
                progress(office)

    def learn(self, folder, state, attacks):
        habits = [a for a in attacks if a.has_habit()]
        return self.stretch("learn", folder, state, -self.part["learn_days"], self.part["learn_days"], habits)

    def make(self, seed, folder, attacks, slow):
        """All days and all attacks, in one run of the lab; each attack gets its device and truth."""
        for a, truth in zip(attacks, self.programs.victims(self.base(seed), [a.spec() for a in attacks])):
            a.device = truth["device"]["hostname"]
        days = max(self.part["clean_days"], slow_days(slow) if slow else 0)
        truths = self.programs.make("all", self.base(seed) + ["--days", str(self.part["learn_days"] + days)],
                                    [a.spec() for a in attacks], folder)
        for k, (a, truth) in enumerate(zip(attacks, truths)):
            if truth["device"]["hostname"] != a.device or not truth["actions"]:
                raise ValueError(f"{a.label()}: the lab did not do it on {a.device}: {truth}")
            a.number, a.truth = k, truth

    def stretch(self, what, folder, state, day, days, attacks):
        """Findings of so many days from a day on (0: first after the learned ones) with these attacks,
        from and into the state."""
        first = self.part["learn_days"] + day
        paths = []
        for n in range(first, first + days):
            paths.append(folder / f"day-{n}.spool")
            paths += [p for p in (folder / f"inject-{a.number}-{n}.spool" for a in attacks) if p.exists()]
        return self.programs.analyse(what, [str(p) for p in paths], state)

    def branch(self, folder, states, name, attacks, slow=False):
        day = attacks[0].day
        days = slow_days(attacks) if slow else attacks[0].days
        state = states / name
        shutil.copytree(states / f"state-{day}", state)
        found = self.stretch("poisoning" if slow else "branches", folder, state, day, days, attacks)
        shutil.rmtree(state)
        return Branch(attacks, found, day, days, slow)


def slow_days(attacks):
    """Until the slowest has kept its level for two days: "span=7d" of its specification, and the
    rest of the first day."""
    return max(int(re.search(r"span=(\d+)d", a.strength["spec"]).group(1)) for a in attacks) + 3
