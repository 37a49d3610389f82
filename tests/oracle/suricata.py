# SPDX-License-Identifier: Apache-2.0
"""What suricata-verify's tests expect in the EVE log: parser-pcap/suricata-verify/*/test.yaml.

A check names an event type, values, and how many events have them. Our records are put into EVE's words (eve.py) and
counted. Which end is the source is not compared: for what began before the capture it is a guess on both sides. Keys without a
counterpart of ours are left out of a check, which then asks for at least as many. A check with nothing left, and all
that come from rules, are counted apart."""
import ipaddress

import yaml

import eve
from flows import Capture, several
from labels import Labels
from tally import HERE, rows_of

SOURCE = "Suricata"
# Where an event stands in the log of Suricata, and which packet wrote it.
POSITION = {"event_type", "pcap_cnt", "pkt_src", "tx_id", "direction", "ip_v", "stream"}
# Keys that only say which event is meant, and nothing of the protocol.
ENDS = {*eve.COMMON, "app_proto"}
NEWEST = 9
NAMES = {"dns.rrname", "dns.queries[0].rrname", "http.hostname", "tls.sni", "quic.sni", "smtp.helo"}


def what_is(kind, key):
    """In which row of the table a key counts."""
    if key in eve.COMMON:
        return "sessions"
    if key == "app_proto":
        return "label" if kind in ("flow", "netflow") else "fields"
    if key in NAMES:
        return "names"
    if key == "netflow.pkts" or key.startswith("flow.pkts"):
        return "packets"
    if key.startswith("flow.bytes"):
        return "bytes"
    if "ja3" in key or "ja4" in key or "hassh" in key:
        return "fingerprints"
    return "sessions" if kind == "flow" and key == "count" else "fields"


def version_of(text):
    return [int(part) for part in str(text).split(".")]


def outdated(check, requires):
    """Of checks that say the same for several versions, the newest one's is taken."""
    wanted = {**requires, **check.get("requires", {}), **check.get("filter", {}).get("requires", {})}
    return "lt-version" in wanted or version_of(wanted.get("version", NEWEST))[0] != NEWEST


def plain(value):
    try:
        return ipaddress.ip_address(str(value)).compressed
    except ValueError:
        return str(value).lower()


def same(wanted, ours):
    if isinstance(ours, (set, frozenset)):
        return any(same(wanted, one) for one in ours)
    if isinstance(ours, bool) or isinstance(wanted, bool):
        return bool(wanted) == bool(ours)
    if isinstance(wanted, list):
        names = [one.get("topic", one) if isinstance(one, dict) else one for one in wanted]
        return sorted(map(str, names)) == sorted(map(str, several(ours)))
    return plain(wanted) == plain(ours)


def oriented(event, match):
    """A flow seen from the end that the check calls its source."""
    host, port = event.get("other way", (None, None))
    if host is None or plain(match.get("src_ip")) != plain(host) or match.get("src_port", port) != port or \
            len(event["src_ip"]) == 1:
        return event
    swapped = dict(event)
    for name in ("pkts", "bytes"):
        swapped[f"flow.{name}_toserver"] = event[f"flow.{name}_toclient"]
        swapped[f"flow.{name}_toclient"] = event[f"flow.{name}_toserver"]
    return swapped


class Suricata:
    def __init__(self, sensor, tally):
        self.sensor, self.tally = sensor, tally
        self.labels = Labels(SOURCE)
        self.not_covered = {name: why for name, why in rows_of(HERE / "suricata-uncovered.tsv", 2)}

    def inputs(self, data):
        for path in sorted((data / "parser-pcap/suricata-verify").glob("*/test.yaml")):
            for capture in sorted(path.parent.glob("*.pcap"))[:1]:
                yield path, capture

    def _apps(self, services):
        return {theirs for theirs, (words, _) in self.labels.of.items() if set(words) & services} or {"failed", None}

    def compare(self, path, capture):
        test = yaml.safe_load(path.read_text(errors="replace"))
        checks = []
        for check in test.get("checks") or []:
            kind = check.get("filter", {}).get("match", {}).get("event_type")
            if outdated(check, test.get("requires") or {}):
                self.tally.skip(SOURCE, "fields", kind or "other", "said again for a newer version")
            elif kind is None:
                self.tally.skip(SOURCE, "fields", next(iter(check)), self.not_covered["no event type"])
            elif kind in self.not_covered:
                self.tally.skip(SOURCE, "fields", kind, self.not_covered[kind])
            else:
                checks.append((kind, check["filter"]))
        if checks:
            events = eve.events_of(Capture(self.sensor, capture), self._apps)
            for number, (kind, one) in enumerate(checks, 1):
                self._check(path.parent.name, number, kind, one, [e for name, e in events if name == kind])

    def _check(self, name, number, kind, one, events):
        match, count = one["match"], one.get("count")
        vocabulary = self.vocabulary(kind)
        asked = {k: v for k, v in match.items() if k in vocabulary}
        left_out = sorted(set(match) - set(asked) - POSITION)
        for key in left_out:
            self.tally.skip(SOURCE, "fields", f"{kind}: {key}", "no counterpart in our records")
        own = set(asked) - ENDS
        if (left_out and not own and kind != "flow") or set(one) - {"match", "count", "requires"} or count is None:
            self.tally.skip(SOURCE, "fields", f"{kind} checks", "nothing of the check is left to compare")
            return
        if not asked and set(match) & POSITION - {"event_type"}:
            self.tally.skip(SOURCE, "fields", f"{kind} checks", "only where in Suricata's log an event stands")
            return
        events = [oriented(e, match) for e in events]
        if count == 0 and left_out:
            self.tally.skip(SOURCE, "fields", f"{kind} checks", "none is asked for, of what we do not tell apart")
            return
        self._values(name, number, kind, asked, count, events)
        fitting = [e for e in events if all(same(v, e.get(k)) for k, v in asked.items())]
        got, merged = len(fitting), kind in eve.MERGED
        good = got == count or (count > 0 and got > count and bool(left_out)) or (merged and count > 0 and got > 0)
        if good or not asked or any(all(same(v, e.get(k)) for k, v in asked.items()) for e in events) or count == 0:
            self.tally.check(SOURCE, what_is(kind, "count"), name, f"check {number}", f"{kind} count",
                             f"{count} with " + ", ".join(f"{k}={v}" for k, v in asked.items()), f"{got} of {len(events)}", good)

    def _values(self, name, number, kind, asked, count, events):
        """Value by value against the event of ours that fits best; that there is none is a difference in each."""
        if count == 0 or not asked:
            return
        best = max(events, key=lambda e: sum(same(v, e.get(k)) for k, v in asked.items()), default={})
        ends = {k: v for k, v in asked.items() if k in eve.COMMON}
        if ends:
            wrong = {k: v for k, v in ends.items() if not same(v, best.get(k))}
            self.tally.check(SOURCE, "sessions", name, f"check {number}", f"{kind} ends", wrong or ends,
                             {k: best.get(k) for k in wrong}, not wrong)
            if wrong:  # no such flow: nothing of it can be compared
                return
        for key, value in asked.items():
            if key not in ends:
                self.tally.check(SOURCE, what_is(kind, key), name, f"check {number}", f"{kind}: {key}", value, best.get(key),
                                 same(value, best.get(key)))

    @staticmethod
    def vocabulary(kind):
        return {*ENDS, *eve_keys(kind)}


def eve_keys(kind):
    """Keys that eve.py can give to an event of this kind."""
    sample = {
        "flow": "flow.pkts_toserver flow.pkts_toclient flow.bytes_toserver flow.bytes_toclient flow.age icmp_type icmp_code "
                "vlan[0] vlan[1]",
        "netflow": "netflow.pkts",
        "dns": "dns.id dns.rd dns.rrname dns.queries[0].rrname dns.rrtype dns.queries[0].rrtype dns.type dns.rcode dns.aa "
               "dns.ra dns.answers.__len dns.grouped.A[0] dns.grouped.AAAA[0] dns.grouped.CNAME[0] dns.grouped.NS[0] " +
               " ".join(f"dns.answers[{i}].rdata dns.answers[{i}].ttl" for i in range(8)),
        "http": "http.url http.hostname http.http_method http.status http.protocol http.http_user_agent http.http_refer "
                "http.length",
        "fileinfo": "fileinfo.size fileinfo.sha256 fileinfo.gaps fileinfo.filename",
        "tls": "tls.version tls.sni tls.subject tls.issuerdn tls.ja3.hash tls.ja3s.hash tls.ja4",
        "quic": "quic.version quic.sni quic.ja4",
        "ssh": "ssh.client.proto_version ssh.server.proto_version ssh.client.software_version ssh.server.software_version "
               "ssh.client.hassh.hash ssh.server.hassh.hash",
        "smtp": "smtp.helo smtp.mail_from email.from " + " ".join(f"smtp.rcpt_to[{i}]" for i in range(8)),
        "smb": "smb.filename smb.rename.from smb.share smb.named_pipe",
        "krb5": "krb5.msg_type krb5.cname krb5.realm krb5.sname krb5.ticket_encryption krb5.error_code",
        "mqtt": "mqtt.connect.protocol_string mqtt.connect.protocol_version mqtt.connect.client_id mqtt.connect.username "
                "mqtt.connect.will.topic mqtt.connect.flags.will mqtt.connect.flags.username mqtt.publish.topic "
                "mqtt.publish.retain mqtt.publish.qos mqtt.subscribe.topics mqtt.unsubscribe.topics",
        "sip": "sip.method sip.uri sip.code sip.reason",
        "snmp": "snmp.version snmp.pdu_type",
        "rfb": "rfb.server_protocol_version.major rfb.server_protocol_version.minor rfb.client_protocol_version.major "
               "rfb.client_protocol_version.minor rfb.framebuffer.width rfb.framebuffer.height rfb.framebuffer.name "
               "rfb.screen_shared",
        "dhcp": "dhcp.dhcp_type dhcp.client_mac dhcp.lease_time dhcp.vendor_class_identifier",
        "arp": "arp.opcode arp.src_mac arp.dest_mac arp.src_ip arp.dest_ip",
        "ntp": "ntp.version ntp.stratum ntp.mode ntp.reference_id",
    }
    return sample.get(kind, "").split()
