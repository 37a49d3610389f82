# SPDX-License-Identifier: Apache-2.0
"""What the references call a protocol, and what conn.service calls it: labels.tsv, a reviewed file."""
from tally import HERE, rows_of


UNKNOWN = "not recognised"  # such a flow must have no name


class Labels:
    """Lines: reference, its name, our names that mean the same (or `-`), why."""

    def __init__(self, source, path=HERE / "labels.tsv"):
        self.of = {}
        for name, theirs, ours, why in rows_of(path, 4):
            if name == source:
                self.of[theirs] = (() if ours == "-" else tuple(ours.split(",")), why)

    def ours(self, theirs):
        """(names that mean the same, why); None for a name that nobody has reviewed."""
        return self.of.get(theirs)


def check_label(tally, source, capture, flow, theirs, services, labels):
    """`theirs` agrees when one of our words for it was said. Where we have no word for it, saying another protocol's
    is a difference, saying nothing is counted apart."""
    known = labels.ours(theirs)
    if known is None:
        tally.check(source, "label", capture, flow, "label", theirs, "not in labels.tsv", False)
        return
    words, why = known
    if words:
        said = ",".join(sorted(services)) or "nothing"
        tally.check(source, "label", capture, flow, "label", theirs, said, bool(services & set(words)))
    elif services and why == UNKNOWN:
        tally.check(source, "label", capture, flow, "label", theirs, ",".join(sorted(services)), False)
    else:
        tally.skip(source, "label", theirs, why)
