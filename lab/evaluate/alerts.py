# SPDX-License-Identifier: Apache-2.0
"""When an incident is an alert (docs/findings.md), at any cut: when its score first is above, and again
when it is ten times as rare as at its last alert. Scores are lists, in the order in which they came."""

ESCALATION = 12.5


def scores(incident, breaches):
    """How the score rose, by the breaches of one run; breaches: by id."""
    out = []
    for b in sorted((breaches[k] for k in incident["breaches"] if k in breaches), key=lambda b: (b["time"], b["id"])):
        if not out or b["score"] > out[-1]:
            out.append(b["score"])
    if not out or incident["score"] > out[-1]:
        out.append(incident["score"])
    return out


def raised(rise, cut, before=()):
    """The scores of a rise at which it is an alert; `before` is how it had risen until then. Ties with
    the cut count against us."""
    out, last = [], None
    for n, score in enumerate([*before, *rise]):
        if score > cut and (last is None or score >= last + ESCALATION):
            last = score
            if n >= len(before):
                out.append(score)
    return out


def needed(cut, before):
    """The score above which an incident is an alert, by what it was until then."""
    past = raised(before, cut)
    return past[-1] + ESCALATION if past else cut
