# SPDX-License-Identifier: Apache-2.0
"""Figures beside their targets, as Markdown and as JSON."""
import measure
import slips

STRENGTHS = ("strong", "medium", "weak")


def share(n, of):
    return f"{n}/{of}"


def verdict(ok):
    return "met" if ok else "**missed**"


def percent(n, of):
    return f"{100 * n / of:.0f} %" if of else ""


def hours(v):
    return "" if v is None else f"{v:.1f}"


class Group:
    """What the cases of one row add up to."""

    def __init__(self, cases, budgets, middle):
        self.n = len(cases)
        self.found = {b: sum(bool(c.at[b]) for c in cases) for b in budgets}
        self.swallowed = sum(c.swallowed[middle] for c in cases)
        at = [c.at[middle] for c in cases if c.at[middle]]
        self.one = sum(a["incidents"] == 1 for a in at)
        self.incidents = [a["incidents"] for a in at]
        self.right = sum(a["right"] for a in at)
        self.hours = [a["hours"] for a in at]
        self.at_middle = len(at)


def found_table(m):
    head = ["attack", "strength"] + [f"{b:g} a day" for b in m.budgets] + [
        "in an older alert", "hours to detect, median", "p90", "incidents an attack", "right reason", "target", ""]
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for (kind, strength, of), cases in m.rows():
        g = Group(cases, m.budgets, m.middle)
        goal = 0.6 if strength == "weak" else 1.0
        ok = g.found[m.middle] >= goal * g.n
        out.append("| " + " | ".join([
            kind, f"{strength}: {of}", *(share(g.found[b], g.n) for b in m.budgets),
            str(g.swallowed or ""), hours(measure.quantile(g.hours, 0.5)), hours(measure.quantile(g.hours, 0.9)),
            f"{sum(g.incidents) / len(g.incidents):.1f}" if g.incidents else "",
            share(g.right, g.at_middle) if g.at_middle else "",
            ">= 60 %" if strength == "weak" else "all", verdict(ok)]) + " |")
    return out


def target_table(m):
    out = ["| what | measured | target | |", "|---|---|---|---|"]

    def row(what, measured, target, ok):
        out.append(f"| {what} | {measured} | {target} | {verdict(ok)} |")

    for s in STRENGTHS:
        cases = [c for c in m.cases if c.attack.strength["strength"] == s]
        if not cases:
            continue
        n = sum(bool(c.at[m.middle]) for c in cases)
        goal = 0.6 if s == "weak" else 1.0
        row(f"{s} attacks found at {m.middle:g} alerts a day achieved", f"{n} of {len(cases)} ({percent(n, len(cases))})",
            ">= 60 %" if s == "weak" else "every kind", n >= goal * len(cases))
    g = Group(m.cases, m.budgets, m.middle)
    if g.at_middle:
        row("one incident an attack", percent(g.one, g.at_middle), ">= 80 %", g.one >= 0.8 * g.at_middle)
        row("top reason is the injected one", percent(g.right, g.at_middle), ">= 80 %", g.right >= 0.8 * g.at_middle)
    f = m.false_rates()
    row("false incidents a day, at the threshold for 5 a day", f"{f['nominal_5']:.2f}", "<= 1", f["nominal_5"] <= 1)
    for c in m.calibration():
        if c["level"] not in (1e-3, 1e-4):
            continue
        bounds = (0.5, 2) if c["level"] == 1e-3 else (0, 3)
        row(f"calibration ratio at {c['level']:.0e}", f"{c['ratio']:.2f}",
            "0.5 to 2" if c["level"] == 1e-3 else "<= 3", bounds[0] <= c["ratio"] <= bounds[1])
    return out


def calibration_table(m):
    out = ["| share of device-hours | score | device-hours that reach it | expected | ratio |", "|---|---|---|---|---|"]
    for c in m.calibration():
        few = "" if c["expected"] >= 10 else " (too few to say)"
        out.append(f"| {c['level']:.0e} | {c['score']:.1f} | {c['count']} of {c['device_hours']} | "
                   f"{c['expected']:.1f} | {c['ratio']:.2f}{few} |")
    return out


def rival(m):
    """The same findings by a sum, beside ours; slow poisoning left out."""
    theirs, of = slips.counts(m.offices, m.budgets, STRENGTHS)
    out = ["The same breaches scored as Slips does (a sum of levels by device and hour), and by us:", "",
           "| found at so many a day | " + " | ".join(f"{b:g}, sum | {b:g}, ours" for b in m.budgets) + " |",
           "|---|" + "---|---|" * len(m.budgets)]
    for s in STRENGTHS:
        cases = [c for c in m.cases if c.attack.strength["strength"] == s and c.attack.kind["kind"] != "poisoning"]
        if cases:
            out.append(f"| {s} | " + " | ".join(
                f"{share(theirs[s][b], of[s])} | {share(sum(bool(c.at[b]) for c in cases), len(cases))}"
                for b in m.budgets) + " |")
    return out


def misses(m):
    out = ["| seed | attack | strength | why not |", "|---|---|---|---|"]
    for c in m.cases:
        if c.missed_by:
            out.append(f"| {c.seed} | {c.attack.kind['kind']} | {c.attack.strength['strength']}: "
                       f"{c.attack.strength['of']} | {c.missed_by} |")
    return out


def markdown(m, part, config, which):
    f = m.false_rates()
    seeds = ", ".join(str(o.seed) for o in m.offices)
    others = ", ".join(str(s) for s in part["judging" if which == "tuning" else "tuning"])
    out = [f"Seeds for {which}: {seeds} (for {'judging' if which == 'tuning' else 'tuning'}: {others}); "
           f"{part['devices']} devices, {part['learn_days']} days learned, {part['clean_days']} days without an attack"
           + (f", lab options {' '.join(config['lab'])}" if config["lab"] else "") + ".", ""]
    out += target_table(m) + ["", f"Found at so many false alerts a day achieved, of attacks; the rest at {m.middle:g} a day:", ""]
    out += found_table(m)
    out += ["", f"False incidents per 100 devices and week at the threshold for 5 a day: {f['per_100_devices_week']:.1f}. "
            "Cuts by office: " + "; ".join(
                f"{s}: " + ", ".join(f"{c:.1f} for {b:g}" for b, c in sorted(cuts.items()))
                for s, cuts in m.cuts.items()) + ".", ""]
    out += calibration_table(m)
    out += ["", "Alerts beyond those of the clean days that tell none of a branch's attacks, at "
            f"{m.middle:g} a day: " + "; ".join(
                f"{kinds} {sum(v) / len(v):.1f}" for kinds, v in sorted(m.collateral.items()) if sum(v)) + ".", ""]
    out += rival(m) + [""]
    out += [f"Not found at {m.middle:g} a day:", ""] + misses(m)
    return "\n".join(out) + "\n"


def as_json(m, part, which):
    return {"seeds": {"which": which, which: [o.seed for o in m.offices]}, "part": part,
            "cuts": {str(s): {str(b): v for b, v in c.items()} for s, c in m.cuts.items()},
            "cases": [c.json() for c in m.cases], "false": m.false_rates(), "calibration": m.calibration(),
            "collateral": m.collateral}
