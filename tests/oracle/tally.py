# SPDX-License-Identifier: Apache-2.0
"""Counts agreements, reads the reviewed reasons, prints the table.

A comparison is one value that a reference names: a session, its packets, its bytes, its label, a name. It agrees,
differs, or is excluded by a line of reasons.tsv. A difference with a reason stays a difference: only `excluded`
takes one out of the figures, and at most EXCLUDED_MAX per cent may be. What has no counterpart in our schema is
counted apart, by item and reason: in whole by the tables of fields and labels, single ones by `uncovered`."""
import collections
import dataclasses
import itertools
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
GOALS = {"sessions": 97.0, "packets": 97.0, "bytes": 97.0, "label": 95.0, "names": 98.0, "fingerprints": 95.0,
         "fields": 95.0}
AGREEMENT_MIN = 95.0
EXCLUDED_MAX = 3.0
VERDICTS = ("excluded", "differs", "uncovered")
SHOWN = 100  # characters of a value


@dataclasses.dataclass
class Difference:
    source: str
    what: str
    capture: str
    flow: str
    item: str
    theirs: str
    ours: str
    verdict: str = ""
    reason: str = ""


@dataclasses.dataclass
class Row:
    agree: int = 0
    differ: int = 0
    excluded: int = 0

    def compared(self):
        return self.agree + self.differ

    def agreement(self):
        return 100.0 * self.agree / self.compared() if self.compared() else 0.0

    def excluded_share(self):
        return 100.0 * self.excluded / max(self.compared() + self.excluded, 1)


def rows_of(path, columns):
    """Lines of a reviewed table: columns separated by tabs, the last one free text."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line and not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) != columns or not all(cells):
                raise SystemExit(f"{path.name}:{number}: {columns} columns are asked for, each with something in it")
            yield cells


class Tally:
    def __init__(self, reasons=HERE / "reasons.tsv"):
        self.rows = collections.defaultdict(Row)  # (source, what)
        self.differences = []
        self.uncovered = collections.Counter()  # (source, what, item, reason)
        self.only_ours = collections.Counter()  # (source, what)
        self.captures = collections.Counter()  # by reference
        self.reasons = {}
        for source, capture, item, flow, theirs, verdict, reason in rows_of(reasons, 7):
            if verdict not in VERDICTS:
                raise SystemExit(f"{reasons.name}: {verdict} is no verdict ({', '.join(VERDICTS)})")
            self.reasons[(source, capture, item, flow, theirs)] = (verdict, reason)
        self.used = set()
        self.sources = set()

    def check(self, source, what, capture, flow, item, theirs, ours, agrees):
        """One comparison. `item` is the field or `what` itself; `ours` is printed only when they differ."""
        self.sources.add(source)
        row = self.rows[(source, what)]
        if agrees:
            row.agree += 1
            return
        verdict, reason = self._reason(source, capture, item, flow, str(theirs))
        if verdict == "excluded":
            row.excluded += 1
        elif verdict == "uncovered":
            self.skip(source, what, item, reason)
        else:
            row.differ += 1
        self.differences.append(Difference(source, what, capture, flow, item, str(theirs), str(ours), verdict, reason))

    def skip(self, source, what, item, reason, times=1):
        """Something a reference says that we have no counterpart for."""
        self.uncovered[(source, what, item, reason)] += times

    def extra(self, source, what, times=1):
        """Something that only we say."""
        self.only_ours[(source, what)] += times

    def _reason(self, source, capture, item, flow, theirs):
        for row in itertools.product((source,), (capture, "*"), (item, "*"), (flow, "*"), (theirs[:SHOWN], "*")):
            if row in self.reasons:
                self.used.add(row)
                return self.reasons[row]
        return "", ""

    def unused_reasons(self):
        """Lines of the file that explain nothing any more."""
        return [row for row in self.reasons if row[0] in self.sources and row not in self.used]

    def unexplained(self):
        return [d for d in self.differences if not d.verdict]

    def failures(self, strict):
        """What makes the exit status; empty when everything holds. strict: each difference has a reason."""
        said = []
        for (source, what), row in sorted(self.rows.items()):
            if row.compared() and row.agreement() < AGREEMENT_MIN:
                said.append(f"{source}, {what}: {row.agreement():.1f} % agree, less than {AGREEMENT_MIN:.0f} %")
            if row.excluded_share() > EXCLUDED_MAX:
                said.append(f"{source}, {what}: {row.excluded_share():.1f} % are excluded, more than {EXCLUDED_MAX:.0f} %")
        if strict and self.unexplained():
            said.append(f"{len(self.unexplained())} differences without a reason")
        return said

    def print_table(self):
        print("captures:", ", ".join(f"{name} {n}" for name, n in self.captures.items()))
        print("| reference | compared | agree | of | % | excluded | % | goal | met | only we have |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        order = list(GOALS)
        for source, what in sorted(self.rows, key=lambda k: (k[0], order.index(k[1]))):
            row, goal = self.rows[(source, what)], GOALS[what]
            more = self.only_ours.get((source, what), "")
            print(f"| {source} | {what} | {row.agree} | {row.compared()} | {row.agreement():.1f} | {row.excluded} | "
                  f"{row.excluded_share():.1f} | {goal:.0f} | {'yes' if row.agreement() >= goal else 'NO'} | {more} |")

    def print_uncovered(self):
        by_reason = collections.defaultdict(list)
        for (source, what, item, reason), n in sorted(self.uncovered.items()):
            by_reason[(source, what, reason)].append((item, n))
        for (source, what, reason), items in sorted(by_reason.items()):
            listed = ", ".join(f"{item} {n}" for item, n in items)
            print(f"{source}, {what}, {sum(n for _, n in items)}: {reason}: {listed}")

    def print_differences(self, differences, third_opinion=None):
        """third_opinion: Difference -> what tshark says there, or ""."""
        for d in sorted(differences, key=lambda d: (d.source, d.what, d.capture, d.flow, d.theirs)):
            third = third_opinion(d) if third_opinion else ""
            print(" | ".join([d.source, d.what, d.capture, d.flow, d.item, f"theirs {d.theirs[:SHOWN]}",
                              f"ours {d.ours[:SHOWN]}"] + ([f"tshark {third[:SHOWN]}"] if third else []) +
                             [f"{d.verdict}: {d.reason}" if d.reason else "UNEXPLAINED"]))
