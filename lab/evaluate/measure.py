# SPDX-License-Identifier: Apache-2.0
"""Figures of offices: cuts at achieved rates, what was found, how early, how right, and how well the
score keeps its promise."""
import math

import alerts
import match

LEVELS = (1e-2, 1e-3, 1e-4, 1e-5)
SCORE_PER_LGP = 12.5  # docs/findings.md: 12.5 x -lg of the share of device-hours


def false_alerts(office):
    """(how it had risen before, how it rose) of each incident of each clean day."""
    return [rise for n in range(len(office.clean)) for rise in alerts_of_day(office, n)]


def alerts_of_day(office, n):
    before, found = office.told_before(n), office.clean[n].findings
    return [(before.get(i["id"], []), alerts.scores(i, found.breaches)) for i in found.incidents.values()]


def alerts_at(rises, cut):
    return sum(len(alerts.raised(rise, cut, before)) for before, rise in rises)


def cut_for(rises, most):
    """The lowest cut at and above which there are at most so many alerts; those are scores above
    it."""
    best = 100.0
    for cut in sorted({s for _, rise in rises for s in rise} | {0.0}, reverse=True):
        if alerts_at(rises, cut) > most:
            break
        best = cut
    return best


def quantile(values, q):
    """The value of rank ceil(q n); None of nothing."""
    v = sorted(values)
    return v[max(math.ceil(q * len(v)) - 1, 0)] if v else None


class Case:
    """One attack of one office."""

    def __init__(self, office, branch, attack, cuts):
        told = match.incidents_of(office, branch, attack)
        self.attack, self.seed = attack, office.seed
        self.told = len(told)
        self.best = max((t.score for t in told), default=None)
        self.at = {}
        for budget, cut in cuts.items():
            found = [t for t in told if t.alert(cut)]
            first = max(found, key=lambda t: t.score, default=None)
            self.at[budget] = first and {
                "incidents": len(found), "score": first.score, "right": first.right_reason(attack),
                "names_peer": first.names(attack), "top": first.top["evidence"][0]["feature"],
                "model": first.top["model"],
                "hours": max((min(t.when(cut) for t in found) -
                              match.time(attack.truth["start"])).total_seconds() / 3600, 0)}
        self.swallowed = {b: not self.at[b] and any(t.swallowed(cut) for t in told) for b, cut in cuts.items()}
        self.missed_by = self.why_not(told, cuts)

    def why_not(self, told, cuts):
        """In words, why it is not found at the middle budget."""
        middle = sorted(cuts)[len(cuts) // 2]
        if self.at[middle]:
            return ""
        if not told:
            return "nothing told"
        t = max(told, key=lambda t: t.best["score"])
        if self.swallowed[middle]:
            return f"joined an incident that had alerted before ({t.best['model']} {t.best['score']:.0f})"
        return f"{t.best['model']} {t.best['score']:.0f}, incident {t.score:.0f}, cut {cuts[middle]:.0f}"

    def json(self):
        return {"seed": self.seed, "kind": self.attack.kind["kind"], "strength": self.attack.strength["strength"],
                "of": self.attack.strength["of"], "device": self.attack.device, "start": self.attack.truth["start"],
                "best_score": self.best, "at": {str(k): v for k, v in self.at.items()}, "why_not": self.missed_by,
                "swallowed": {str(k): v for k, v in self.swallowed.items()}}


class Measured:
    """All offices of one set of seeds."""

    def __init__(self, offices, budgets):
        self.offices, self.budgets = offices, budgets
        self.middle = sorted(budgets)[len(budgets) // 2]
        self.cases, self.cuts, self.collateral = [], {}, {}
        for o in offices:
            rises, days = false_alerts(o), len(o.clean)
            self.cuts[o.seed] = {b: cut_for(rises, b * days) for b in budgets}
            for b in o.branches:
                self.cases += [Case(o, b, a, self.cuts[o.seed]) for a in b.attacks]
                if not b.slow:
                    kinds = " + ".join(sorted({a.kind["kind"] for a in b.attacks}))
                    self.collateral.setdefault(kinds, []).append(
                        match.collateral(o, b, self.cuts[o.seed][self.middle]))

    def rows(self):
        """Cases by kind, strength and variant, in the order of the table of strengths."""
        out = {}
        for c in self.cases:
            key = (c.attack.kind["kind"], c.attack.strength["strength"], c.attack.strength["of"])
            out.setdefault(key, []).append(c)
        order = {k: n for n, k in enumerate(dict.fromkeys(
            (c.attack.kind["kind"], s["strength"], s["of"]) for c in self.cases for s in c.attack.kind["strengths"]))}
        return sorted(out.items(), key=lambda kv: order[kv[0]])

    def false_rates(self):
        """A day and office: at each budget achieved, and at the product's own threshold."""
        days = sum(len(o.clean) for o in self.offices)
        nominal = 0
        for o in self.offices:
            for n, day in enumerate(o.clean):
                nominal += alerts_at(alerts_of_day(o, n), day.findings.summary["threshold"])
        per = {b: sum(alerts_at(false_alerts(o), self.cuts[o.seed][b]) for o in self.offices) / days
               for b in self.budgets}
        return {"days": days, "nominal_5": nominal / days, "achieved": per,
                "per_100_devices_week": nominal / days * 7 / (self.offices[0].devices / 100)}

    def calibration(self):
        """Share of device-hours of the clean days whose best told breach reaches a level, against the
        level. Of what is told, as the score itself counts: a breach that is throttled costs nobody."""
        best, hours = {}, 0
        for o in self.offices:
            for n, day in enumerate(o.clean):
                hours += day.findings.summary["device_hours"]
                for b in day.findings.breaches.values():
                    key = (o.seed, n, (b.get("user") or b["device"])["id"], b["end"][:13])
                    best[key] = max(best.get(key, 0.0), b["score"])
        out = []
        for p in LEVELS:
            need = -SCORE_PER_LGP * math.log10(p)
            n = sum(s >= need for s in best.values())
            out.append({"level": p, "score": need, "device_hours": hours, "count": n,
                        "expected": p * hours, "ratio": n / (p * hours)})
        return out
