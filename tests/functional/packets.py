# SPDX-License-Identifier: Apache-2.0
"""Frames and capture files by hand, as few as a test of the whole program needs."""
import struct


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def mac(host):
    return bytes([2, 0, 0x5e, 0x10, 0, host])


def ip4(src, dst, proto, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, proto, 0, bytes(src), bytes(dst))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return mac(dst[3]) + mac(src[3]) + b"\x08\0" + head + payload


def udp(src, sport, dst, dport, payload):
    return ip4(src, dst, 17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload)


def tcp(src, sport, dst, dport, seq, ack, flags, payload=b""):
    return ip4(src, dst, 6, struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 8192, 0, 0) + payload)


def name(text):
    return b"".join(bytes([len(p)]) + p for p in text.encode().split(b".")) + b"\0"


def dns_query(n, text):
    return struct.pack("!6H", n, 0x0100, 1, 0, 0, 0) + name(text) + b"\0\1\0\1"


def dns_answer(n, text, address):
    return (struct.pack("!6H", n, 0x8180, 1, 1, 0, 0) + name(text) + b"\0\1\0\1" + b"\xc0\x0c\0\1\0\1" +
            struct.pack("!IH", 60, 4) + bytes(address))


CLIENT, SERVER, RESOLVER = (10, 0, 0, 5), (192, 0, 2, 7), (10, 0, 0, 1)
SYN, FIN, PSH, ACK = 2, 1, 8, 16


def lookup(t, n=1, text="www.example.com", client=CLIENT):
    return [(t, udp(client, 40000 + n, RESOLVER, 53, dns_query(n, text))),
            (t + 0.01, udp(RESOLVER, 53, client, 40000 + n, dns_answer(n, text, SERVER)))]


def fetch(t, port=50000, path="/", body=b"hello", client=CLIENT, step=0.01):
    """A TCP connection with one HTTP request and its answer."""
    request = b"GET %s HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: test\r\n\r\n" % path.encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    c, s = (client, port, SERVER, 80), (SERVER, 80, client, port)
    q, a = 1 + len(request), 1 + len(answer)
    steps = [tcp(*c, 0, 0, SYN), tcp(*s, 0, 1, SYN | ACK), tcp(*c, 1, 1, ACK), tcp(*c, 1, 1, PSH | ACK, request),
             tcp(*s, 1, q, PSH | ACK, answer), tcp(*c, q, a, FIN | ACK), tcp(*s, a, q + 1, FIN | ACK),
             tcp(*c, q + 1, a + 1, ACK)]
    return [(t + i * step, f) for i, f in enumerate(steps)]


MIRROR, SENSOR = (172, 31, 4, 4), (172, 31, 9, 9)
# How a mirror wraps a frame, and what is told of it.
TUNNELS = {
    "vxlan/172.31.4.4/42": lambda f: udp(MIRROR, 50000, SENSOR, 4789, b"\x08\0\0\0\0\0\x2a\0" + f),
    "vxlan/172.31.4.4/43": lambda f: udp(MIRROR, 50000, SENSOR, 4790, b"\x0c\0\0\3\0\0\x2b\0" + f),
    "geneve/172.31.4.4/5": lambda f: udp(MIRROR, 50000, SENSOR, 6081, b"\0\0\x65\x58\0\0\5\0" + f),
    "geneve/172.31.4.4/0/0123456789abcdef": lambda f: udp(MIRROR, 50000, SENSOR, 6081, bytes.fromhex(
        "0800080000000000" "010801020123456789abcdef" "010802020000000000000007" "0108030100000009") + f[14:]),
    "gre/172.31.4.4/77": lambda f: ip4(MIRROR, SENSOR, 47, bytes.fromhex("300065580000004d00000001") + f),
    "erspan/172.31.4.4": lambda f: ip4(MIRROR, SENSOR, 47, bytes.fromhex("000088be") + f),
    "erspan/172.31.4.4/341": lambda f: ip4(MIRROR, SENSOR, 47, bytes.fromhex("100088be000000011000fd5500000000") + f),
    "erspan/172.31.4.4/342": lambda f: ip4(MIRROR, SENSOR, 47, bytes.fromhex(
        "100022eb00000001200001560000000000000001" "3000000000000000") + f),
    "tzsp/172.31.4.4": lambda f: udp(MIRROR, 50000, SENSOR, 37008, b"\1\0\0\1\1" + f),
    "capwap/172.31.4.4": lambda f: udp(MIRROR, 50000, SENSOR, 5247, bytes.fromhex("0010020000000000") + f),
    "l2tp/172.31.4.4/458761": lambda f: udp(MIRROR, 1701, SENSOR, 1701, bytes.fromhex("000200070009ff030021") + f[14:]),
    "ip/172.31.4.4": lambda f: ip4(MIRROR, SENSOR, 4, f[14:]),
}


def pcap(packets, linktype=1):
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, linktype)
    for t, frame in packets:
        us = round(t * 1e6)
        out += struct.pack("<IIII", us // 10**6, us % 10**6, len(frame), len(frame)) + frame
    return out


def pcapng(packets):
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0))
    for t, frame in packets:
        us = round(t * 1e6)
        out += block(6, struct.pack("<IIIII", 0, us >> 32, us & 0xffffffff, len(frame), len(frame)) + frame)
    return out
