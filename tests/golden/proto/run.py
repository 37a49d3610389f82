#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads each golden capture with the sensor and compares records field by field. TAP output.

    run.py --sensor 'thymus-vsensor --json - --read' [FOLDER]

NAME.json has `records`, each to be found among the sensor's (null: the field must be absent), and
`counts`: how many records of each kind there are in all (null: not checked).
"""
import argparse
import collections
import glob
import json
import os
import shlex
import subprocess
import sys


def matches(want, have):
    for field, value in want.items():
        got = have.get(field)
        if isinstance(value, float) and isinstance(got, (int, float)):
            if abs(value - got) > 5e-7:
                return False
        elif got != value:
            return False
    return True


def closest(want, events):
    """The record of the kind that agrees in most fields, and where it differs."""
    same = [e for e in events if e["_path"] == want["_path"]]
    if not same:
        return "no %s at all" % want["_path"]
    best = min(same, key=lambda e: sum(not matches({k: v}, e) for k, v in want.items()))
    return "; ".join("%s is %r, not %r" % (k, best.get(k), v) for k, v in want.items()
                     if not matches({k: v}, best))


def check(sensor, pcap):
    expected = json.load(open(pcap[:-len(".pcap")] + ".json"))
    out = subprocess.run(sensor + [pcap], stdout=subprocess.PIPE, check=True).stdout
    events = [json.loads(line) for line in out.decode().splitlines()]
    faults = []
    left = list(events)
    for want in expected["records"]:
        found = next((e for e in left if matches(want, e)), None)
        if found is None:
            faults.append(closest(want, left))
        else:
            left.remove(found)
    if expected["counts"] is not None:
        have = collections.Counter(e["_path"] for e in events)
        if dict(have) != expected["counts"]:
            faults.append("records are %r, not %r" % (dict(have), expected["counts"]))
    return faults


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser()
    p.add_argument("--sensor", required=True)
    p.add_argument("folder", nargs="?", default=here)
    args = p.parse_args()
    pcaps = sorted(glob.glob(os.path.join(args.folder, "*.pcap")))
    print("1..%d" % len(pcaps))
    failed = 0
    for i, pcap in enumerate(pcaps, 1):
        faults = check(shlex.split(args.sensor), pcap)
        failed += bool(faults)
        print("%s %d - %s" % ("not ok" if faults else "ok", i, os.path.basename(pcap)))
        for fault in faults:
            print("# " + fault)
    return 1 if failed or not pcaps else 0


if __name__ == "__main__":
    sys.exit(main())
