# SPDX-License-Identifier: Apache-2.0
"""Sessions that Arkime's own tests expect: parser-pcap/arkime/*.test, one for each capture.

Sessions of a pair of ends are summed on both sides. Bytes are those of whole frames; of a session inside a tunnel Arkime
counts the outer headers too, which must then be one number a packet, the same in both directions."""
import collections
import json

from fields import Fields
from flows import Capture, end, key_of, key_text
from labels import Labels, check_label

SOURCE = "Arkime"
PROTOCOLS = {1: "icmp", 58: "icmp", 6: "tcp", 17: "udp"}
TRANSPORTS = {"tcp", "udp", "icmp", "esp", "sctp"}


class Session:
    def __init__(self):
        self.packets = collections.Counter()
        self.octets = collections.Counter()
        self.bodies = []
        self.tunnelled = False


def leaves(at, path=""):
    """(dotted path, value) of everything in a session; counts of lists left out."""
    if isinstance(at, dict):
        for name, value in at.items():
            if not name.endswith(("Cnt", "-cnt")):
                yield from leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(at, list):
        for value in at:
            yield from leaves(value, path)
    else:
        yield path, str(at)


def sessions_of(test_file, tally):
    sessions = collections.defaultdict(Session)
    for one in json.loads(test_file.read_text(errors="replace")).get("sessions3", []):
        body = one["body"]
        if "ip" not in body["source"]:
            tally.skip(SOURCE, "sessions", "+".join(body.get("protocol", [])), "no IP: no connection for us")
            continue
        proto = PROTOCOLS.get(body["ipProtocol"], str(body["ipProtocol"]))
        ends = [end(body[side]["ip"], body[side].get("port", 0)) for side in ("source", "destination")]
        session = sessions[key_of(proto, *ends)]
        for side, at in zip(("source", "destination"), ends):
            at = at if proto != "icmp" else (at[0], 0)
            session.packets[at] += body[side]["packets"]
            session.octets[at] += body[side]["bytes"]
        session.tunnelled |= any("outer" in name.lower() for name in body)
        session.bodies.append(body)
    return sessions


def counts(counter, key):
    return [counter[at] for at in dict.fromkeys(key[1:])]


def same_bytes(session, flow, key):
    theirs, ours = counts(session.octets, key), counts(flow.octets, key)
    if theirs == ours or not session.tunnelled:
        return theirs == ours
    overheads = {(t - o) / p if p else None for t, o, p in zip(theirs, ours, counts(session.packets, key)) if t or o}
    return len(overheads) == 1 and None not in overheads and overheads.pop().is_integer()


class Arkime:
    def __init__(self, sensor, tally):
        self.sensor, self.tally = sensor, tally
        self.labels = Labels(SOURCE)
        self.fields = Fields("arkime-fields.tsv")

    def inputs(self, data):
        for test_file in sorted((data / "parser-pcap/arkime").glob("*.test")):
            yield test_file, test_file.with_suffix(".pcap")

    def compare(self, test_file, capture):
        name = capture.name
        ours = Capture(self.sensor, capture)
        sessions = sessions_of(test_file, self.tally)
        for key, session in sessions.items():
            flow = ours.flow(key)
            here = bool(flow.kinds["conn"])
            self.tally.check(SOURCE, "sessions", name, key_text(key), "sessions", "a session", "none", here)
            if not here:
                continue
            for what, theirs, mine, same in (
                    ("packets", session.packets, flow.packets, None),
                    ("bytes", session.octets, flow.octets, same_bytes(session, flow, key))):
                wanted, got = counts(theirs, key), counts(mine, key)
                self.tally.check(SOURCE, what, name, key_text(key), what, wanted, got,
                                 wanted == got if same is None else same)
            self._labels(name, key, session, flow)
            self._fields(name, key, session, flow)
        self.tally.extra(SOURCE, "sessions", len(set(ours.flows) - set(sessions)))

    def _labels(self, name, key, session, flow):
        for label in sorted({p for body in session.bodies for p in body.get("protocol", [])} - TRANSPORTS):
            check_label(self.tally, SOURCE, name, key_text(key), label, flow.services(), self.labels)

    def _fields(self, name, key, session, flow):
        told = collections.defaultdict(dict)
        for body in session.bodies:
            for path, value in leaves(body):
                told[path][value] = True
        for path, values in sorted(told.items()):
            self.fields.check(self.tally, SOURCE, name, key_text(key), path, sorted(values), flow)
