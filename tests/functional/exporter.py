# SPDX-License-Identifier: Apache-2.0
"""Datagrams of flow exporters, written after their specifications: NetFlow 5 and 9 (RFC 3954), IPFIX (RFC 7011)."""
import ipaddress
import socket
import struct

SYN, ACK, FIN = 2, 16, 1


def ip(text):
    return ipaddress.ip_address(text).packed


class Flow:
    """One direction."""

    def __init__(self, src, sport, dst, dport, octets, packets, first, last, proto=6, flags=SYN | ACK | FIN):
        self.src, self.sport, self.dst, self.dport = src, sport, dst, dport
        self.octets, self.packets, self.first, self.last = octets, packets, first, last
        self.proto, self.flags = proto, flags

    def back(self, octets, packets, later=0.01):
        return Flow(self.dst, self.dport, self.src, self.sport, octets, packets, self.first + later,
                    self.last + later, self.proto, self.flags)


def v5(flows, now, number, uptime=10_000_000, sampling=0):
    head = struct.pack(">HHIIIIBBH", 5, len(flows), uptime, int(now), int(now % 1 * 1e9), number, 0, 0, sampling)
    out = head
    for f in flows:
        first, last = (uptime - int((now - t) * 1000) for t in (f.first, f.last))
        out += ip(f.src) + ip(f.dst) + bytes(8) + struct.pack(
            ">IIIIHHBBBBHHBBH", f.packets, f.octets, first, last, f.sport, f.dport, 0, f.flags, f.proto, 0, 0, 0, 0, 0, 0)
    return out


V9_FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (1, 4), (2, 4), (22, 4), (21, 4)]
IPFIX_FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (1, 8), (2, 8), (152, 8), (153, 8)]


def template(number, fields, set_id):
    body = struct.pack(">HH", number, len(fields)) + b"".join(struct.pack(">HH", *f) for f in fields)
    return struct.pack(">HH", set_id, 4 + len(body)) + body


def data(number, records):
    body = b"".join(records)
    body += bytes(-len(body) % 4)
    return struct.pack(">HH", number, 4 + len(body)) + body


def v9(sets, now, number, uptime=10_000_000, source=7):
    return struct.pack(">HHIIII", 9, 1, uptime, int(now), number, source) + b"".join(sets)


def v9_record(f, now, uptime=10_000_000):
    now = int(now)  # as the head has it
    first, last = (uptime - int((now - t) * 1000) for t in (f.first, f.last))
    return ip(f.src) + ip(f.dst) + struct.pack(">HHBBIIII", f.sport, f.dport, f.proto, f.flags, f.octets, f.packets,
                                              first & 0xffffffff, last & 0xffffffff)


def ipfix(sets, now, number, domain=3):
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, 16 + len(body), int(now), number, domain) + body


def ipfix_record(f):
    return ip(f.src) + ip(f.dst) + struct.pack(">HHBBQQQQ", f.sport, f.dport, f.proto, f.flags, f.octets, f.packets,
                                              int(f.first * 1000), int(f.last * 1000))


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def send(port, *datagrams, source="127.0.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        for d in datagrams:
            s.sendto(d, ("127.0.0.1", port))
