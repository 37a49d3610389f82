#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""arkime.py [--sensor PROGRAM] [--verbose] [CAPTURE...]: compares connections with the sessions that Arkime's
own tests expect (parser-pcap/arkime/*.test under THYMUS_DATA, default ../shared/data).

Compared: addresses, ports, and for each end packets and bytes (frames with link headers), of all TCP and UDP
sessions outside tunnels. Arkime ends sessions by other time-outs, so records of one pair of ends in one capture
are summed on both sides before they are compared. Which end is the originator is reported, not compared:
for connections whose begin is not in the capture it is a guess on both sides.

Sessions named in arkime-exclusions.txt are left out, at most 3 % of all. Exit status 1 below 95 % agreement,
77 when the data is not there."""
import argparse
import collections
import ipaddress
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
PROTOCOLS = {6: "tcp", 17: "udp"}
# Arkime's names of what carries packets inside packets: not compared here.
TUNNELS = {"gre", "vxlan", "geneve", "gtp", "erspan", "teredo", "gre-erspan", "vxlan-gpe", "ipip"}
AGREEMENT_MIN = 95.0
EXCLUDED_MAX = 3.0
SKIPPED = 77  # what meson takes for "skipped"


def key_of(protocol, a, b):
    return (protocol,) + tuple(sorted((a, b)))


def add(table, protocol, orig, resp, orig_count, resp_count):
    """table: key -> {end: [packets, bytes], "orig": set of originators}"""
    row = table.setdefault(key_of(protocol, orig, resp), {"orig": set()})
    row["orig"].add(orig)
    for end, count in ((orig, orig_count), (resp, resp_count)):
        have = row.setdefault(end, [0, 0])
        have[0] += count[0]
        have[1] += count[1]


def in_tunnel(body):
    named = TUNNELS & set(body.get("protocol", []))
    return bool(named) or any("outer" in name.lower() for name in body)


def expected(test_file):
    table, tunnels = {}, 0
    for session in json.loads(test_file.read_text(errors="replace")).get("sessions3", []):
        body = session["body"]
        protocol = PROTOCOLS.get(body.get("ipProtocol"))
        if not protocol:
            continue
        if in_tunnel(body):
            tunnels += 1
            continue
        ends = [(str(ipaddress.ip_address(body[side]["ip"])), body[side].get("port", 0)) for side in ("source", "destination")]
        counts = [(body[side]["packets"], body[side]["bytes"]) for side in ("source", "destination")]
        add(table, protocol, *ends, *counts)
    return table, tunnels


def observed(command, capture):
    table = {}
    done = subprocess.run(command + [str(capture)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          errors="replace", check=False, timeout=120)
    for line in done.stdout.splitlines():
        record = json.loads(line)
        if record.get("_path") != "conn" or record.get("partial") or record.get("proto") not in ("tcp", "udp"):
            continue
        ends = [(str(ipaddress.ip_address(record[f"id.{side}_h"])), record[f"id.{side}_p"]) for side in ("orig", "resp")]
        counts = [(record[f"{side}_pkts"], record[f"{side}_wire_bytes"]) for side in ("orig", "resp")]
        add(table, record["proto"], *ends, *counts)
    return table


def end_text(end):
    host, port = end
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def key_text(key):
    return f"{key[0]} {end_text(key[1])} {end_text(key[2])}"


def difference(want, got, key):
    """"" when they agree."""
    if not got:
        return "no such connection"
    said = []
    for end in key[1:]:
        for i, name in enumerate(("packets", "bytes")):
            if want[end][i] != got[end][i]:
                said.append(f"{end_text(end)} {name} {got[end][i]}, Arkime {want[end][i]}")
    return "; ".join(dict.fromkeys(said))


def read_exclusions(path):
    """Lines: capture, session as printed below, reason; separated by tabs."""
    rows = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            capture, session, reason = line.split("\t")
            rows[(capture, session)] = reason
    return rows


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensor", help="the sensor, default build/bin/thymus-vsensor")
    parser.add_argument("--probe", help="a program that prints conn records of one capture, in the sensor's place")
    parser.add_argument("--verbose", action="store_true", help="print connections that Arkime does not expect")
    parser.add_argument("captures", nargs="*", help="names without suffix; default all")
    return parser.parse_args()


def main():
    args = parse_arguments()
    folder = pathlib.Path(os.environ.get("THYMUS_DATA", TOP / "../shared/data")) / "parser-pcap/arkime"
    if not folder.is_dir():
        print(f"skipped: {folder} is not there (set THYMUS_DATA)")
        return SKIPPED
    command = [args.probe, "--conn"] if args.probe else [args.sensor or str(TOP / "build/bin/thymus-vsensor"), "--json", "-", "--read"]
    exclusions = read_exclusions(HERE / "arkime-exclusions.txt")
    total = collections.Counter()
    for test_file in sorted(folder.glob("*.test")):
        name = test_file.stem
        capture = next((p for p in (test_file.with_suffix(s) for s in (".pcap", ".pcapng")) if p.exists()), None)
        if not capture or (args.captures and name not in args.captures):
            continue
        want, tunnels = expected(test_file)
        got = observed(command, capture)
        total["tunnels"] += tunnels
        for key, row in want.items():
            total["sessions"] += 1
            reason = exclusions.get((name, key_text(key)))
            wrong = difference(row, got.get(key), key)
            if not wrong:
                total["agree"] += 1
                total["other originator"] += row["orig"] != got[key]["orig"]
                if reason:
                    print(f"{name}\t{key_text(key)}\texcluded without need")
            elif reason:
                total["excluded"] += 1
            else:
                print(f"{name}\t{key_text(key)}\t{wrong}")
        extra = set(got) - set(want)
        total["only ours"] += len(extra)
        if args.verbose:
            for key in sorted(extra):
                print(f"{name}\t{key_text(key)}\tonly ours")
    return report(total)


def report(total):
    compared = total["sessions"] - total["excluded"]
    if not compared:
        print("nothing was compared")
        return 1
    agreement = 100.0 * total["agree"] / compared
    excluded = 100.0 * total["excluded"] / total["sessions"]
    print(f"TCP and UDP sessions outside tunnels: {total['sessions']} (in tunnels, not compared: {total['tunnels']})")
    print(f"excluded with a reason: {total['excluded']} ({excluded:.2f} %)")
    print(f"agree in addresses, ports, packets and bytes: {total['agree']} of {compared} ({agreement:.2f} %)")
    print(f"of these with the other end as originator: {total['other originator']}; connections only we have: {total['only ours']}")
    return 0 if agreement >= AGREEMENT_MIN and excluded <= EXCLUDED_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
