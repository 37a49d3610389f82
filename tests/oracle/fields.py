# SPDX-License-Identifier: Apache-2.0
"""A reviewed table of what a reference tells and which fields of ours tell the same."""
import dataclasses
import fnmatch

import alike
from tally import HERE, rows_of


EMPTY = ([""], ["00:00:00:00:00:00"])  # loopback has no link addresses


@dataclasses.dataclass
class Field:
    what: str
    ours: tuple  # KIND.FIELD; empty where we have none
    same: object
    why: str

    def whole(self):
        """All of their values are one: which of several we name is not said."""
        return self.same in alike.WHOLE


class Fields:
    def __init__(self, name):
        self.exact, self.patterns = {}, []
        for theirs, what, ours, how, why in rows_of(HERE / name, 5):
            if how != "-" and how not in alike.BY_NAME:
                raise SystemExit(f"{name}: {how} is no way of comparing")
            field = Field(what, () if ours == "-" else tuple(ours.split(",")), alike.BY_NAME.get(how), why)
            if "*" in theirs:
                self.patterns.append((theirs, field))
            else:
                self.exact[theirs] = field

    def find(self, theirs):
        """None for what nobody has reviewed."""
        if theirs in self.exact:
            return self.exact[theirs]
        return next((field for pattern, field in self.patterns if fnmatch.fnmatchcase(theirs, pattern)), None)

    def check(self, tally, source, capture, flow_text, theirs, values, flow):
        """Each value of their field against ours of the same flow."""
        field = self.find(theirs)
        if field is None:
            tally.check(source, "fields", capture, flow_text, theirs, "a field that nobody has reviewed", "", False)
            return
        if not field.ours:
            tally.skip(source, field.what, theirs, field.why, len(values))
            return
        mine = flow.values(field.ours)
        if values in EMPTY:
            tally.skip(source, field.what, theirs, "empty")
            return
        for value in [" ".join(values)] if field.whole() else values:
            tally.check(source, field.what, capture, flow_text, theirs, value, mine[:8], field.same(value, mine))
