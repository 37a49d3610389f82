# SPDX-License-Identifier: Apache-2.0
"""Which findings tell an attack.

A breach tells an attack when it is about the attack's device, falls into the attack's time, and was
not there, or two points lower, in the clean run of the same day: the background is the same, so what is
new comes of the attack. Where there is no clean run (slow poisoning), it must name the attack's
peer or come of a fitting model. On other hosts of a path, and where the device is the peer, the model
must fit as well.
"""
import datetime

import alerts

LATE = datetime.timedelta(hours=2)  # an hour ends after the attack, and evidence may close later
RISE = 2.0


def time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def short(name):
    return (name or "").split(".")[0].lower()


def is_device(d, truth):
    """Same link address, name or address as the truth's device."""
    v = truth["device"]
    return bool(d) and (d.get("mac") == v["mac"] or short(d.get("hostname")) == v["hostname"].lower() or
                        (not d.get("mac") and d.get("ip") == v["ip"]))


def is_victim_as_peer(p, truth):
    return bool(p) and (p.get("ip") == truth["device"]["ip"] or short(p.get("host")) == truth["device"]["hostname"])


def names_peer(b, truth):
    """The breach's peer is the attack's outside host, by address, name or domain."""
    p, host = b.get("peer") or {}, truth["peer"]["host"] or ""
    return (p.get("ip") is not None and p.get("ip") == truth["peer"]["ip"]) or bool(
        host and (p.get("host") == host or (p.get("domain") and (host == p["domain"] or
                                                                  host.endswith("." + p["domain"])))))


def tells(b, attack, clean):
    """clean: score by id of the breaches of the clean run, or None."""
    truth, models = attack.truth, attack.kind["models"]
    at = time(b["time"])
    if at < time(truth["start"]) or at > time(truth["end"]) + LATE:
        return False
    fits = b["model"] in models
    if not is_device(b["device"], truth):
        on_path = short((b["device"] or {}).get("hostname")) in truth.get("path", "").split()
        if not (fits and (on_path or is_victim_as_peer(b.get("peer"), truth))):
            return False
    if clean is None:
        return names_peer(b, truth) or (fits and not b.get("peer"))
    return b["id"] not in clean or b["score"] >= clean[b["id"]] + RISE


class Told:
    """One incident that tells an attack."""

    def __init__(self, incident, breaches, before, clean_rise, findings):
        self.score, self.before = incident["score"], before
        self.rise, self.clean_rise = alerts.scores(incident, findings.breaches), clean_rise
        self.best = max(breaches, key=lambda b: b["score"])
        self.breaches = breaches
        # What the person reads first: the strongest breach of the incident in this run.
        known = [findings.breaches[i] for i in incident["breaches"] if i in findings.breaches]
        self.top = max(known, key=lambda b: b["score"])

    def alert(self, cut):
        """A new alert at this cut that the attack itself raised, or that tells of it by a breach which
        would have raised one."""
        mine = len(alerts.raised(self.rise, cut, self.before))
        return mine > 0 and (mine > len(alerts.raised(self.clean_rise, cut, self.before)) or
                             self.best["score"] > alerts.needed(cut, self.before))

    def swallowed(self, cut):
        """Strong enough for an alert of its own, but joined to an incident that had been one before."""
        return bool(alerts.raised(self.before, cut)) and self.best["score"] > cut

    def when(self, cut):
        """When the first breach past the cut was complete; else the strongest."""
        need = alerts.needed(cut, self.before)
        past = [time(b["time"]) for b in self.breaches if b["score"] > need]
        return min(past) if past else time(self.best["time"])

    def right_reason(self, attack):
        evidence = self.top["evidence"]
        return (self.top in self.breaches and bool(evidence) and
                evidence[0]["feature"] in attack.kind["features"])

    def names(self, attack):
        return any(names_peer(b, attack.truth) for b in self.breaches)


def clean_scores(office, branch):
    """Highest score by id of breaches in the clean days that the branch replaces; None: there are none."""
    if branch.slow:
        return None
    out = {}
    for day in office.clean[branch.before:branch.before + branch.days]:
        for k, v in day.findings.breaches.items():
            out[k] = max(out.get(k, 0.0), v["score"])
    return out


def clean_rises_of(office, branch):
    """How each incident rose in those days, by id."""
    out = {}
    for day in [] if branch.slow else office.clean[branch.before:branch.before + branch.days]:
        for k, i in day.findings.incidents.items():
            out.setdefault(k, []).extend(alerts.scores(i, day.findings.breaches))
    return out


def incidents_of(office, branch, attack):
    """Told for each incident of the branch that tells the attack."""
    clean = clean_scores(office, branch)
    clean_rises = clean_rises_of(office, branch)
    before = office.told_before(branch.before)
    mine = {b["id"]: b for b in branch.findings.breaches.values() if tells(b, attack, clean)}
    out = []
    for i in branch.findings.incidents.values():
        breaches = [mine[k] for k in i["breaches"] if k in mine]
        if breaches:
            out.append(Told(i, breaches, before.get(i["id"], []), clean_rises.get(i["id"], []),
                            branch.findings))
    return out


def collateral(office, branch, cut):
    """New alerts of a branch by breaches that the clean days do not have, or lower, and that tell none of
    its attacks. An incident that only got another name by what joined it is none."""
    before = office.told_before(branch.before)
    clean = clean_rises_of(office, branch)
    known = clean_scores(office, branch) or {}
    breaches = branch.findings.breaches
    told = {b["id"] for b in breaches.values() for a in branch.attacks if tells(b, a, known)}
    new = {k for k, b in breaches.items() if b["score"] > cut and b["score"] >= known.get(k, -RISE) + RISE}

    def more(i):
        was = before.get(i["id"], [])
        return len(alerts.raised(alerts.scores(i, breaches), cut, was)) > len(
            alerts.raised(clean.get(i["id"], []), cut, was))

    return sum(more(i) and not told.intersection(i["breaches"]) and bool(new.intersection(i["breaches"]))
               for i in branch.findings.incidents.values())
