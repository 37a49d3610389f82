#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares our SNI, HTTP host, DNS query and JA4 with the answers of nDPI's test suite.

nDPI keeps beside each of its test captures what its reader printed. For every flow it calls TLS
over TCP, HTTP, DNS, QUIC or DTLS and for which it names a host, we must name the same one. Prints the
agreement per protocol and each disagreement; those in the reviewed exclusions file are counted
apart. Exit 0 when every figure is at least --need, 1 when not, 77 when there is no data.

QUIC is compared where it is the standard's (nDPI: "QUIC ver" 1, 2 or a draft); of Google's versions before it we
only recognise that they are.

JA4 is compared in what both sides do after FoxIO's specification: version, counts and both hashes.
Two letters are left out of it: nDPI of that time wrote `d` also where no name was sent (the
specification: `i`), and took the first two letters of the protocol where the specification takes the
first and the last ("ht", not "h1", of http/1.1). It also hashed an empty list of extensions, for which the
specification writes zeros. `JA4 =` says how often all of it is equal.

    ndpi.py --sensor 'thymus-vsensor --json - --read' [--data DIR] [--need 95] [-v]
"""
import argparse
import collections
import glob
import ipaddress
import json
import os
import re
import shlex
import subprocess
import sys

FLOW = re.compile(
    r"^\t\d+\t(TCP|UDP) (\S+):(\d+) <?-> (\S+):(\d+) .*?\[proto: (?:(\S+?):)?([\d.]+)/([^]]+)\]")
HOST = re.compile(r"\[Hostname/SNI: ([^]]*)\]")
GOOGLE = re.compile(r"\[QUIC ver: [QT]\d")
JA4 = re.compile(r"\[JA4: (\w+)\]")
MASTER = {"91": "TLS", "7": "HTTP", "5": "DNS", "188": "QUIC", "30": "DTLS"}
KINDS = ("TLS", "HTTP", "DNS", "QUIC")  # no flow of its DTLS captures has a name


def end(address, port):
    """nDPI shortens IPv6 addresses in its own way."""
    return ipaddress.ip_address(address.strip("[]")).compressed, int(port)


def reference(path):
    """Flows of one .out file: (key, protocol, tunnel, host, ja4)."""
    for line in open(path, errors="replace"):
        m = FLOW.match(line)
        if not m:
            continue
        l4, a, ap, b, bp, tunnel, ids, _names = m.groups()
        master = MASTER.get(ids.split(".")[0])
        if not master or (master == "TLS" and l4 != "TCP"):
            continue
        if GOOGLE.search(line):
            continue
        host, ja4 = HOST.search(line), JA4.search(line)
        ends = frozenset([end(a, ap), end(b, bp)])
        yield ((l4.lower(), ends), master, tunnel, host.group(1) if host else "",
               ja4.group(1) if ja4 else "")


def ours(sensor, capture):
    """Names by flow: {key: {"TLS": [...], "HTTP": [...], "DNS": [...], "JA4": [...], "service"}}"""
    out = subprocess.run(sensor + [capture], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    flows = collections.defaultdict(lambda: collections.defaultdict(list))
    uids = {}
    pending = []
    for line in out.stdout.decode(errors="replace").splitlines():
        try:
            ev = json.loads(line)
        except ValueError:
            continue
        if ev.get("_path") == "conn":
            key = (ev["proto"], frozenset([end(ev["id.orig_h"], ev["id.orig_p"]),
                                           end(ev["id.resp_h"], ev["id.resp_p"])]))
            uids[ev["uid"]] = key
            flows[key]["service"].append(ev.get("service", ""))
        elif ev.get("_path") in ("ssl", "http", "dns"):
            pending.append(ev)
    for ev in pending:
        f = flows[uids.get(ev.get("uid"))]
        kind = {"ssl": "TLS", "http": "HTTP", "dns": "DNS"}[ev["_path"]]
        field = {"ssl": "server_name", "http": "host", "dns": "query"}[ev["_path"]]
        if ev.get("ja4", "t")[0] in "qd":
            kind = {"q": "QUIC", "d": "DTLS"}[ev["ja4"][0]]
        if field in ev:
            f[kind].append(ev[field])
        if "ja4" in ev:
            f["JA4"].append(ev["ja4"])
    return flows


def plain(name):
    """nDPI cuts, lowers, and replaces what it does not print."""
    return re.sub(r"[^\x21-\x7e]", "?", name.lower().rstrip("."))


def same(theirs, mine):
    t = plain(theirs)
    return any(plain(m) == t or (len(t) >= 79 and plain(m).startswith(t)) or
               re.sub(r":\d+$", "", t) == plain(m) for m in mine)


def ja4_core(text):
    """Without the letter for the name and the two of the protocol."""
    text = text.replace("_e3b0c44298fc", "_000000000000")
    return text[:3] + text[4:8] + text[10:] if len(text) == 36 else text


def read_exclusions(path):
    """capture<TAB>protocol<TAB>host or *<TAB>reason"""
    rows = {}
    for line in open(path):
        if line.strip() and not line.startswith("#"):
            capture, protocol, host, reason = line.rstrip("\n").split("\t")
            rows[(capture, protocol, host)] = reason
    return rows


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser()
    p.add_argument("--sensor", required=True)
    p.add_argument("--data", default=os.environ.get(
        "THYMUS_DATA", os.path.join(here, "..", "..", "..", "shared", "data")))
    p.add_argument("--need", type=float, default=95.0)
    p.add_argument("-v", "--verbose", action="store_true", help="name each disagreement")
    args = p.parse_args()
    outs = sorted(glob.glob(os.path.join(args.data, "parser-pcap", "ndpi", "**", "*.out"),
                            recursive=True))
    if not outs:
        print("skipped: no nDPI captures under %s (set THYMUS_DATA)" % args.data)
        return 77
    excluded = read_exclusions(os.path.join(here, "ndpi_exclusions.tsv"))
    sensor = shlex.split(args.sensor)
    good, bad, left_out, equal = (collections.Counter() for _ in range(4))
    for out in outs:
        capture = out[:-len(".out")]
        if not os.path.exists(capture):
            continue
        wanted = [r for r in reference(out) if r[3] or r[4]]
        if not wanted:
            continue
        flows = ours(sensor, capture)
        name = os.path.basename(capture)
        for key, protocol, tunnel, host, ja4 in wanted:
            mine = flows.get(key, {})
            checks = [(protocol, host, mine.get(protocol, []))] if host else []
            if ja4 and protocol in ("TLS", "QUIC", "DTLS"):
                checks.append(("JA4", ja4, mine.get("JA4", [])))
            for what, theirs, got in checks:
                if what == "JA4":
                    equal[theirs in got] += 1
                    theirs, got = ja4_core(theirs), [ja4_core(g) for g in got]
                if same(theirs, got):
                    good[what] += 1
                    continue
                reason = excluded.get((name, what, theirs), excluded.get((name, what, "*")))
                (left_out if reason else bad)[what] += 1
                if args.verbose or not reason:
                    print("%s %-4s %s: nDPI %r, ours %r%s%s" % (
                        name, what, " ".join("%s:%d" % e for e in sorted(key[1])), theirs,
                        got[:3], " in %s" % tunnel if tunnel else "",
                        " (excluded: %s)" % reason if reason else ""))
    ok = True
    names = collections.Counter()
    for what in KINDS + ("JA4",):
        total = good[what] + bad[what]
        share = 100.0 * good[what] / total if total else 0.0
        ok = ok and total and share >= args.need
        print("%-5s %4d of %4d agree (%.1f %%), %d excluded" % (
            what, good[what], total, share, left_out[what]))
        if what != "JA4":
            names.update(good=good[what], total=total, out=left_out[what])
    print("JA4 = %4d of %4d" % (equal[True], sum(equal.values())))
    print("names %4d of %4d agree (%.1f %%), %d excluded (%.1f %%, at most 3 %%)" % (
        names["good"], names["total"], 100.0 * names["good"] / max(names["total"], 1),
        names["out"], 100.0 * names["out"] / max(names["total"] + names["out"], 1)))
    return 0 if ok and names["out"] <= 0.03 * (names["total"] + names["out"]) else 1


if __name__ == "__main__":
    sys.exit(main())
