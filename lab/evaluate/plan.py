# SPDX-License-Identifier: Apache-2.0
"""Which attack is laid into which day of which office: by the seed alone.

Every attack of an office gets a victim of its own. A branch is a copy of the learned office in
which some attacks happen at once, each on another device. Attacks that touch inside hosts have the
inside part of a branch to themselves, and a scan, which touches every device, a branch; the others
go to outside hosts of their own.
"""
import datetime
import random

INSIDE = {"lateral", "password-spray", "ransomware", "takeover"}
ALONE = {"scan"}
HABITS = {"poisoning", "lateral"}  # of which something happens before the attack
BEACONS_A_BRANCH = 3


class Attack:
    """One injection: its kind and strength of strengths.json, its day (0: first after the learned
    weeks), its start and the specification for the lab."""

    def __init__(self, kind, strength, day, start):
        self.kind, self.strength, self.day, self.start = kind, strength, day, start
        self.days = strength["days"]
        self.device = self.truth = self.number = None

    def spec(self):
        device = f"device={self.device}," if self.device else ""
        return f"{self.kind['inject']}@{stamp(self.start)}:{device}{self.strength['spec']}"

    def label(self):
        return f"{self.kind['kind']}/{self.strength['strength']}/{self.strength['of']}"

    def has_habit(self):
        return self.kind["kind"] == "poisoning" or "habit=" in self.strength["spec"]


def stamp(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def attacks(strengths, part, start, seed):
    """All attacks of an office, each at a random working hour of a random day."""
    chance = random.Random(f"evaluate {seed}")
    begin = moment(start) + datetime.timedelta(days=part["learn_days"])
    out = []
    for kind in strengths["kinds"]:
        for strength in kind["strengths"]:
            hour = chance.uniform(9, 15)
            day = chance.randrange(max(part["clean_days"] - strength["days"] + 1, 1))
            if part["kinds"] and kind["kind"] not in part["kinds"]:
                continue
            if part["strengths"] and strength["strength"] not in part["strengths"]:
                continue
            slow = kind["kind"] == "poisoning"
            if slow and not part["poisoning"]:
                continue
            at = begin + datetime.timedelta(days=0 if slow else day, seconds=int(hour * 3600))
            out.append(Attack(kind, strength, 0 if slow else day, at))
    return out


def branches(all_attacks):
    """The attacks in groups that run together; those of a group have the same first day."""
    slow = [a for a in all_attacks if a.kind["kind"] == "poisoning"]
    alone = [a for a in all_attacks if a.kind["kind"] in ALONE]
    inside = [a for a in all_attacks if a.kind["kind"] in INSIDE]
    outside = [a for a in all_attacks if a not in slow and a not in alone and a not in inside]
    groups = [[a] for a in alone] + [[a] for a in inside]
    for a in outside:
        for g in groups:
            if fits(a, g):
                g.append(a)
                break
        else:
            groups.append([a])
    return groups, slow


def fits(a, group):
    """Same days, no scan beside it, no host shared, few of one kind and few in all."""
    return (group[0].kind["kind"] not in ALONE and all(b.day == a.day and b.days == a.days for b in group) and
            sum(b.kind["kind"] == a.kind["kind"] for b in group) < BEACONS_A_BRANCH and len(group) < 5 and
            not any(popularity(a) and popularity(b) == popularity(a) for b in group))


def popularity(attack):
    """Of the host that a beacon calls; two of one popularity may share it."""
    return next((p for p in attack.strength["spec"].split(",") if p.startswith("popularity=")), None)
