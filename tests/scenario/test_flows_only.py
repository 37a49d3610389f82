# SPDX-License-Identifier: Apache-2.0
"""An office of which nobody sees a packet: a router tells of its flows by NetFlow version 9, a cloud by VPC flow
logs, both cut at an active time-out. What attacks do to volume and rhythm is found all the same."""
import json
import os
import pathlib
import struct
import subprocess
import sys

import pytest
from test_scenario import Outcome

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "functional"))
import exporter as x  # noqa: E402

BIN = pathlib.Path(os.environ.get("THYMUS_BIN", pathlib.Path(__file__).resolve().parents[2] / "build/bin"))
SPOOL = BIN.parent / "tests/support/netflow_spool"
ACTIVE, INACTIVE = 60, 15
PROTO = {"tcp": 6, "udp": 17}


@pytest.fixture(name="office", scope="module")
def an_office(tmp_path_factory):
    """Its connections, and what was injected."""
    folder = tmp_path_factory.mktemp("office")
    subprocess.run([BIN / "thymus-lab", "--quiet", "--seed", "11", "--devices", "24", "--days", "3", "--part-minutes", "0",
                    "--inject", "beacon@+2d9h:period=300,jitter=0.3,hours=8h",
                    "--inject", "exfiltration@+2d10h:bytes=3G,hours=4h",
                    "--truth", folder / "truth", "--zeek-json", folder / "logs"], check=True, timeout=600)
    conns = [json.loads(line) for line in (folder / "logs/conn.log").open()]
    conns = [c for c in conns if c["proto"] in PROTO and ":" not in c["id.orig_h"]]
    return conns, [json.loads(line) for line in (folder / "truth").read_text().splitlines()]


def pieces(c):
    """(told at, flow) of both directions, each cut at the active time-out."""
    duration, proto = c.get("duration", 0), PROTO[c["proto"]]
    count = max(1, int(duration // ACTIVE) + (duration % ACTIVE > 0))
    answered = c["resp_pkts"] > 0
    for i in range(count):
        begin, end = c["ts"] + i * ACTIVE, c["ts"] + min(duration, (i + 1) * ACTIVE)
        last = i == count - 1
        flags = 0 if proto != 6 else (x.SYN if i == 0 else 0) | (x.ACK if answered else 0) | (x.FIN if last and answered else 0)
        told = end + INACTIVE if last else end
        for way, later in ("orig", 0.0), ("resp", 0.004):
            octets, packets = c[f"{way}_ip_bytes"], c[f"{way}_pkts"]
            part = [v * (i + 1) // count - v * i // count for v in (octets, packets)]
            if part[1] == 0:
                continue
            ends = [c["id.orig_h"], c["id.orig_p"], c["id.resp_h"], c["id.resp_p"]]
            if way == "resp":
                ends = ends[2:] + ends[:2]
            yield told, x.Flow(*ends, *part, begin + later, max(end, begin + later), proto, flags)


def flows(conns):
    """In the order in which they are told."""
    return sorted((p for c in conns for p in pieces(c)), key=lambda p: p[0])


def netflow(told, path):
    number = 0
    with path.open("wb") as out:
        for at in range(0, len(told), 30):
            group = told[at:at + 30]
            now = group[-1][0]
            uptime = int((now - told[0][0] + 86400) * 1000) & 0xffffffff
            sets = [x.template(256, x.V9_FIELDS, 0)] if at % 3000 == 0 else []
            sets.append(x.data(256, [x.v9_record(f, now, uptime) for _, f in group]))
            datagram = x.v9(sets, now, number, uptime)
            number += 1
            out.write(struct.pack("<qH", int(now * 1e9), len(datagram)) + datagram)


def vpc(told, path):
    with path.open("w") as out:
        out.write("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
                  "log-status\n")
        for _, f in told:
            out.write(f"2 123456789012 eni-{f.src if f.src.startswith('10.') else f.dst} {f.src} {f.dst} {f.sport} {f.dport} "
                      f"{f.proto} {f.packets} {f.octets} {int(f.first)} {int(f.last) + 1} ACCEPT OK\n")


def analyse(path, truth):
    done = subprocess.run([BIN / "thymusctl", "analyse", "--json", path], stdout=subprocess.PIPE, check=True, timeout=600)
    return Outcome([json.loads(line) for line in done.stdout.splitlines()], truth)


@pytest.mark.parametrize("form", ["netflow", "vpc"])
def test_what_flows_alone_tell(office, tmp_path, form):
    conns, truth = office
    told = flows(conns)
    path = tmp_path / "flows"
    if form == "vpc":
        vpc(told, path)
    else:
        netflow(told, tmp_path / "datagrams")
        with (tmp_path / "datagrams").open("rb") as source, path.open("wb") as to:
            done = subprocess.run([SPOOL], stdin=source, stdout=to, stderr=subprocess.PIPE, check=True, timeout=300)
        assert b" 0 malformed, 0 lost" in done.stderr, done.stderr
    outcome = analyse(path, truth)
    for kind in ("exfiltration", "beacon"):
        rank, _ = outcome.place(kind)
        assert rank and rank <= 12, f"{kind}: rank {rank} of {outcome.told()}"
    print(form, {k: outcome.place(k)[0] for k in ("exfiltration", "beacon")}, outcome.told()[:6])
