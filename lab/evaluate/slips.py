# SPDX-License-Identifier: Apache-2.0
"""A rival on the same findings: Slips adds up, for each host and window of an hour, the threat level of each piece of
evidence times the confidence in it, and alerts above a sum (its documentation; written anew). Evidence is our
breaches, as rare as they are but without calibration, budget or story; the words for levels and their values are
Slips', which tactic has which is ours. A unit is a device and a day, by its highest hour."""
import match

INFO, LOW, MEDIUM, HIGH = 0.0, 0.2, 0.5, 0.8
LEVELS = {"reconnaissance": HIGH, "discovery": HIGH, "credential-access": HIGH, "command-and-control": HIGH, "impact": HIGH,
          "lateral-movement": MEDIUM, "execution": MEDIUM, "initial-access": MEDIUM, "exfiltration": LOW}
SURE = 3.0  # a breach of 1 in 1,000 hours is as sure as can be


def sums(breaches):
    """The highest sum of an hour by device and day."""
    hours = {}
    for b in breaches:
        who = (b.get("device") or b.get("user") or {}).get("id")
        confidence = min(b["rarity"] / SURE, 1.0)
        key = (who, b["end"][:13])
        hours[key] = hours.get(key, 0.0) + LEVELS.get(b["tactic"], LOW) * confidence
    days = {}
    for (who, hour), s in hours.items():
        key = (who, hour[:10])
        days[key] = max(days.get(key, 0.0), s)
    return days


def cut_for(values, most):
    """The lowest sum with at most so many units above it."""
    v = sorted(values, reverse=True)
    return v[most] if len(v) > most else 0.0


def found(office, branch, attack, cut):
    """Is a unit of the attack's device above the cut, and higher than without the attack?"""
    mine = [b for b in branch.findings.breaches.values()
            if match.is_device(b["device"], attack.truth) and
            match.time(attack.truth["start"]) <= match.time(b["time"]) <= match.time(attack.truth["end"]) + match.LATE]
    clean = {}
    for day in [] if branch.slow else office.clean[branch.before:branch.before + branch.days]:
        clean.update(sums(day.findings.breaches.values()))
    return any(s > max(cut, clean.get(unit, 0.0)) for unit, s in sums(mine).items())


def counts(offices, budgets, strengths):
    """{strength: {budget: found}} and {strength: attacks}, of attacks that take no weeks."""
    out = {s: dict.fromkeys(budgets, 0) for s in strengths}
    of = dict.fromkeys(strengths, 0)
    for o in offices:
        values = [s for day in o.clean for s in sums(day.findings.breaches.values()).values()]
        cuts = {b: cut_for(values, b * len(o.clean)) for b in budgets}
        for branch in o.branches:
            for a in [] if branch.slow else branch.attacks:
                of[a.strength["strength"]] += 1
                for b in budgets:
                    out[a.strength["strength"]][b] += found(o, branch, a, cuts[b])
    return out, of
