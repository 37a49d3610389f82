# SPDX-License-Identifier: Apache-2.0
"""What mirrors do to packets on their way: wrapped in tunnels, out of order, cut to the wire's size, nested."""
import json
import random
import subprocess

import pytest

import packets as p
from sensor import BIN


def read(tmp_path, packets):
    path = tmp_path / "in.pcap"
    path.write_bytes(p.pcap(packets))
    done = subprocess.run([BIN / "thymus-vsensor", "--read", path, "--json", "-"], capture_output=True, text=True, check=False,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def of(found, kind):
    return [e for e in found if e["_path"] == kind]


@pytest.mark.parametrize("told", p.TUNNELS)
def test_out_of_order(tmp_path, told):
    """Neighbours change their places on the way, the handshake's excepted: a stream is put in order again."""
    body = bytes(range(256)) * 40
    frames = p.fetch(1000, body=b"")[:4]
    c, s = (p.CLIENT, 50000, p.SERVER, 80), (p.SERVER, 80, p.CLIENT, 50000)
    request = len(frames[3][1]) - 54
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    pieces = [(i, answer[i:i + 500]) for i in range(0, len(answer), 500)]
    shuffled = random.Random(7)
    for i in range(0, len(pieces) - 4, 4):
        window = pieces[i:i + 4]
        shuffled.shuffle(window)
        pieces[i:i + 4] = window
    assert pieces != sorted(pieces)
    rest = [p.tcp(*s, 1 + at, 1 + request, p.PSH | p.ACK, piece) for at, piece in pieces]
    rest += [p.tcp(*s, 1 + len(answer), 1 + request, p.FIN | p.ACK), p.tcp(*c, 1 + request, 2 + len(answer), p.FIN | p.ACK)]
    wrap = p.TUNNELS[told]
    found = read(tmp_path, [(t, wrap(f)) for t, f in frames + [(1001 + i / 1000, f) for i, f in enumerate(rest)]])
    http, = of(found, "http")
    assert http["response_body_len"] == len(body)
    conn, = of(found, "conn")
    assert conn["tunnel"] == [told] and conn["missed_bytes"] == 0
    assert not of(found, "weird")


@pytest.mark.parametrize("told", p.TUNNELS)
def test_cut_by_the_mirror(tmp_path, told):
    """A mirror that sends the first 200 bytes of each packet: what they show is shown, what they had is counted."""
    frames = p.fetch(1000, body=bytes(1000))
    cut = [(t, p.TUNNELS[told](f[:200])) for t, f in frames]
    found = read(tmp_path, cut)
    conn, = of(found, "conn")
    assert conn["resp_bytes"] == len(frames[4][1]) - 54
    assert conn["conn_state"] == "SF"
    http, = of(found, "http")
    assert http["status_code"] == 200 and http["host"] == "www.example.com"
    assert "truncated_IP" not in {e["name"] for e in of(found, "weird")}


def test_nested(tmp_path):
    """Four tunnels around a packet are taken off; a fifth is one too many, and what is there is a connection."""
    def nest(depth):
        frames = []
        for t, f in p.lookup(1000, n=depth):
            for _ in range(depth):
                f = p.udp(p.MIRROR, 50000, p.SENSOR, 4789, b"\x08\0\0\0\0\0\x2a\0" + f)
            frames.append((t, f))
        return read(tmp_path, frames)
    assert len(of(nest(4), "dns")) == 1 and len(of(nest(4), "conn")[0]["tunnel"]) == 4
    assert not of(nest(5), "dns") and of(nest(5), "conn")[0]["id.resp_p"] == 4789
    assert not of(nest(12), "dns")
