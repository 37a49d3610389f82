# SPDX-License-Identifier: Apache-2.0
"""Wireshark's dissectors, over all captures of all folders: conversations, names, JA3 and HASSH.

As a reference of its own, and as a third opinion beside each difference with another. What tshark says of a capture is
kept in a folder by the capture's hash: a second run is quick. The innermost addresses and ports of a packet name its
flow; of packets quoted by ICMP the ICMP counts. Flows with fragments are not compared in packets and bytes: tshark
knows the ports of one fragment only."""
import collections
import hashlib
import shutil
import subprocess

import alike
from flows import Capture, end, key_of, key_text

SOURCE = "tshark"
FOLDERS = ("parser-pcap", "attack-pcap", "ics-pcap")
SUFFIXES = (".pcap", ".pcapng", ".cap")
TIMEOUT_S = 300
SEPARATOR = "\x1f"
COLUMNS = ("frame.protocols", "frame.len", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.len", "ipv6.plen", "tcp.srcport",
           "tcp.dstport", "udp.srcport", "udp.dstport", "ip.flags.mf", "ip.frag_offset", "ipv6.fraghdr.offset")
# Theirs, what it is, ours, how compared.
VALUES = (("tls.handshake.extensions_server_name", "names", ("ssl.server_name", "quic.server_name"), alike.host),
          ("dtls.handshake.extensions_server_name", "names", ("ssl.server_name",), alike.host),
          ("http.host", "names", ("http.host",), alike.host),
          ("http2.headers.authority", "names", ("http.host",), alike.host),
          ("dns.qry.name", "names", ("dns.query",), alike.host),
          ("tls.handshake.ja3", "fingerprints", ("ssl.ja3",), alike.plain),
          ("tls.handshake.ja3s", "fingerprints", ("ssl.ja3s",), alike.plain),
          ("ssh.kex.hassh", "fingerprints", ("ssh.hassh",), alike.plain),
          ("ssh.kex.hasshserver", "fingerprints", ("ssh.hasshServer",), alike.plain))
PLAIN_TOKENS = {"eth", "ethertype", "sll", "raw", "ip", "ipv6", "tcp", "udp", "vlan", "frame", "data", "null", "ppp"}


class Conversation:
    def __init__(self):
        self.packets = collections.Counter()
        self.ip_bytes = collections.Counter()
        self.frame_bytes = collections.Counter()
        self.values = collections.defaultdict(dict)  # field -> values in their order
        self.protocols = {}
        self.fragments = self.odd = False


def fields_of(capture, cache):
    """One line a packet, of COLUMNS and the values."""
    digest = hashlib.sha256(capture.read_bytes()).hexdigest()
    kept = cache / f"{digest}.tsv"
    if not kept.exists():
        argv = ["tshark", "-n", "-r", str(capture), "-T", "fields", "-E", "separator=/t", "-E", f"aggregator={SEPARATOR}"]
        for name in [*COLUMNS, *(v[0] for v in VALUES)]:
            argv += ["-e", name]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False)
        cache.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        part.write_bytes(done.stdout)
        part.rename(kept)
    return kept.read_text(errors="replace").split("\n")


def packet_key(row):
    """(key, source end, IP bytes) of the innermost packet, or None."""
    def take(name):
        return [v for v in row[name].split(SEPARATOR) if v]
    v4, v6 = (list(zip(take(f"{f}.src"), take(f"{f}.dst"), take(n))) for f, n in (("ip", "ip.len"), ("ipv6", "ipv6.plen")))
    ports = {t: list(zip(take(f"{t}.srcport"), take(f"{t}.dstport"))) for t in ("tcp", "udp")}
    at = collections.Counter()
    addresses = transport = None
    for token in row["frame.protocols"].split(":"):
        layers = {"ip": v4, "ipv6": v6}.get(token)
        if layers is not None:
            if at[token] >= len(layers):
                return None
            addresses, transport = layers[at[token]] + (40 if token == "ipv6" else 0,), None
            at[token] += 1
        elif token in ports and addresses:
            if at[token] < len(ports[token]):
                transport = (token, *ports[token][at[token]])
            at[token] += 1
        elif token in ("icmp", "icmpv6") and addresses:
            transport = ("icmp", 0, 0)
            break
    if not transport:
        return None
    src, dst, length, head = addresses
    source, target = end(src, transport[1]), end(dst, transport[2])
    return key_of(transport[0], source, target), source, int(length) + head


def conversations(capture, cache):
    names = [*COLUMNS, *(v[0] for v in VALUES)]
    found = collections.defaultdict(Conversation)
    for line in fields_of(capture, cache):
        cells = line.split("\t")
        if len(cells) != len(names):
            continue
        row = dict(zip(names, cells))
        known = packet_key(row)
        if not known:
            continue
        key, source, length = known
        one = found[key]
        one.packets[source] += 1
        one.ip_bytes[source] += length
        one.frame_bytes[source] += int(row["frame.len"])
        one.fragments |= any(v not in ("", "0", "False") for name in COLUMNS[-3:] for v in row[name].split(SEPARATOR))
        one.odd |= "0" in row["ip.len"].split(SEPARATOR)
        one.protocols.update(dict.fromkeys(t for t in row["frame.protocols"].split(":") if t not in PLAIN_TOKENS))
        for field, *_ in VALUES:
            one.values[field].update(dict.fromkeys(v for v in row[field].split(SEPARATOR) if v))
    return found


class Tshark:
    def __init__(self, sensor, tally, cache):
        self.sensor, self.tally, self.cache = sensor, tally, cache
        self.paths, self.known = {}, {}

    @staticmethod
    def missing():
        return "" if shutil.which("tshark") else "tshark is not installed (apt-get install tshark)"

    def inputs(self, data):
        for folder in FOLDERS:
            for path in sorted((data / folder).rglob("*")):
                if path.suffix in SUFFIXES:
                    yield path.relative_to(data), path

    def compare(self, name, capture):
        ours = Capture(self.sensor, capture)
        name = str(name)
        theirs = conversations(capture, self.cache)
        if ours.status != 0 and not ours.flows:
            self.tally.skip(SOURCE, "sessions", "captures", "we do not read them to their end", len(theirs) and 1)
            return
        for key, one in theirs.items():
            flow, text = ours.flow(key), key_text(key)
            here = bool(flow.kinds["conn"])
            self.tally.check(SOURCE, "sessions", name, text, "sessions", f"{sum(one.packets.values())} packets", "none", here)
            if not here:
                continue
            if one.fragments or one.odd:
                self.tally.skip(SOURCE, "packets", "flows", "fragments, or packets without a length")
            else:
                self._counts(name, key, one, flow)
            for field, what, names, same in VALUES:
                for value in one.values[field]:
                    mine = flow.values(names)
                    self.tally.check(SOURCE, what, name, text, field, value, mine[:8], same(value, mine))
        self.tally.extra(SOURCE, "sessions", len(set(ours.flows) - set(theirs)))

    def _counts(self, name, key, one, flow):
        ip_bytes = collections.Counter()
        for record in flow.kinds["conn"]:
            if not record.get("partial"):
                for side in ("orig", "resp"):
                    at = end(record[f"id.{side}_h"], record[f"id.{side}_p"] if key[0] != "icmp" else 0)
                    ip_bytes[at] += record[f"{side}_ip_bytes"]
        for what, wanted, got in (("packets", one.packets, flow.packets), ("bytes", one.ip_bytes, ip_bytes)):
            wanted, got = ([c[at] for at in dict.fromkeys(key[1:])] for c in (wanted, got))
            self.tally.check(SOURCE, what, name, key_text(key), what, wanted, got, wanted == got)

    def remember(self, name, path):
        """So that a third opinion can be had of a capture."""
        self.paths[name] = path

    def opinion(self, d):
        """What tshark says where another reference and we differ; "" for what it is not asked."""
        if d.source == SOURCE or d.capture not in self.paths or d.what == "fields":
            return ""
        if d.capture not in self.known:
            found = conversations(self.paths[d.capture], self.cache)
            self.known = {d.capture: {key_text(k): (k, v) for k, v in found.items()}}
        flows = self.known[d.capture]
        if d.flow not in flows:
            if d.what == "names":
                seen = {alike.host_text(v) for _, one in flows.values() for f in one.values for v in one.values[f]}
                return "has it in the capture" if alike.host_text(d.theirs) in seen else "does not have it"
            return "sees no such flow" if d.what == "sessions" else ""
        key, one = flows[d.flow]
        if d.what == "sessions":
            return f"sees {sum(one.packets.values())} packets of it"
        if d.what in ("packets", "bytes"):
            counter = one.packets if d.what == "packets" else one.frame_bytes
            told = str([counter[at] for at in dict.fromkeys(key[1:])])
            return f"says {told}, as " + {d.theirs: "they do", d.ours: "we do"}.get(told, "neither does")
        if d.what == "label":
            return "says " + ",".join(list(one.protocols)[:6] or ["nothing"])
        values = [v for f in one.values for v in one.values[f]]
        return "has it too" if alike.host(d.theirs, values) else "does not have it"
