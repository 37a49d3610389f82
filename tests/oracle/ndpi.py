# SPDX-License-Identifier: Apache-2.0
"""What nDPI's reader printed of its own test captures: CAPTURE.out beside each of them.

One line a flow: ends, label, packets and bytes of both directions, then what its dissectors found, in brackets. nDPI
does not put fragments together, and gives up on a flow after some packets. A label that it took from the port or the
address and not from the content is no answer, and is counted apart."""
import collections
import re

from fields import Fields
from flows import Capture, end, key_of, key_text
from labels import Labels, check_label

SOURCE = "nDPI"
ATTACKS = "nDPI, attacks"  # apart: thousands of flows of a scan would weigh more than all others
FLOW = re.compile(r"^\t\d+\t(\S+) (\S+):(\d+) <?-> (\S+):(\d+) .*?\[proto: (?:([^\d:\]]+):)?([\d.]+)/([^]]+)\]")
COUNTS = re.compile(r"\[(\d+) pkts/(\d+) bytes <?-> (\d+) pkts/(\d+) bytes\]")
TAG = re.compile(r"\[([A-Z][\w /-]*?): ?([^]]*)\]")
CONFIDENCE = re.compile(r"\[Confidence: ([^]]*)\]")
GOOGLE_QUIC = re.compile(r"\[QUIC ver: [QT]\d")
PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "ICMP": "icmp", "ICMPV6": "icmp", "IGMP": "2", "ESP": "50", "AH": "51", "PIM": "103",
             "OSPF": "89"}
BY_LABEL = ("Hostname/SNI", "URL", "User-Agent", "Filename")  # of what depends on the protocol
SEEN = ("DPI", "DPI (cache)", "DPI (partial)")


class Sum:
    """The flows of one pair of ends."""

    def __init__(self):
        self.packets = collections.Counter()
        self.octets = collections.Counter()
        self.lines = []
        self.tunnel = ""


def flows_of(path):
    flows = collections.defaultdict(Sum)
    for line in path.read_text(errors="replace").splitlines():
        found = FLOW.match(line)
        if not found:
            continue
        proto, a, ap, b, bp, tunnel, _, label = found.groups()
        ends = [end(a, ap), end(b, bp)]
        proto = PROTOCOLS.get(proto, proto.lower())
        one = flows[key_of(proto, *ends)]
        counts = COUNTS.search(line).groups()
        for i, at in enumerate(ends):
            at = at if proto != "icmp" else (at[0], 0)
            one.packets[at] += int(counts[2 * i])
            one.octets[at] += int(counts[2 * i + 1])
        one.tunnel = one.tunnel or tunnel or ""
        one.lines.append((label, line))
    return flows


class NDPI:
    def __init__(self, sensor, tally):
        self.sensor, self.tally = sensor, tally
        self.labels = Labels(SOURCE)
        self.fields = Fields("ndpi-fields.tsv")

    def inputs(self, data):
        for out in sorted([*data.glob("parser-pcap/ndpi/*.out"), *data.glob("attack-pcap/ndpi/*.out")]):
            if out.with_suffix("").exists():
                yield out, out.with_suffix("")

    def compare(self, out, capture):
        name = capture.name
        self.source = ATTACKS if "attack-pcap" in out.parts else SOURCE
        ours = Capture(self.sensor, capture)
        theirs = flows_of(out)
        for key, one in theirs.items():
            flow, text = ours.flow(key), key_text(key)
            here = bool(flow.kinds["conn"])
            self.tally.check(self.source, "sessions", name, text, "sessions", "a flow", "none", here)
            if not here:
                continue
            for what, wanted, got in (("packets", one.packets, flow.packets), ("bytes", one.octets, flow.octets)):
                if one.tunnel and what == "bytes":
                    self.tally.skip(self.source, what, one.tunnel, "nDPI counts outer headers of a tunnel, we the inner packet")
                    continue
                self.tally.check(self.source, what, name, text, what, *(
                    [c[at] for at in dict.fromkeys(key[1:])] for c in (wanted, got)), wanted == got)
            for label, line in one.lines:
                self._label(name, text, label, line, flow)
                self._fields(name, text, label, line, flow)
        self.tally.extra(self.source, "sessions", len(set(ours.flows) - set(theirs)))

    def _label(self, name, text, label, line, flow):
        confidence = CONFIDENCE.search(line).group(1)
        if label == "Unknown":
            self.tally.skip(self.source, "label", label, "nDPI does not know it")
            self.tally.extra(self.source, "label", int(bool(flow.services())))
        elif not text.startswith(("tcp", "udp")):
            self.tally.skip(self.source, "label", label, "a transport for us")
        elif confidence not in SEEN:
            self.tally.skip(self.source, "label", label.split(".")[0], f"no content: {confidence.lower()}")
        else:
            word = label if self.labels.ours(label) else label.split(".")[0]
            check_label(self.tally, self.source, name, text, word, flow.services(), self.labels)

    def _fields(self, name, text, label, line, flow):
        master = "QUIC of Google" if GOOGLE_QUIC.search(line) else label.split(".")[0]
        for tag, value in dict(TAG.findall(line)).items():
            if tag in BY_LABEL:
                tag = f"{tag} of {master}"
            self.fields.check(self.tally, self.source, name, text, tag, [value], flow)
