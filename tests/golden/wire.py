# SPDX-License-Identifier: Apache-2.0
"""Frames and captures, byte by byte, for golden tests: what goes over the wire is written here once
more, independently of the C code that reads it. A conversation keeps sequence numbers and time, so that
a case reads like a script. Nothing here is random and nothing reads a clock."""
import base64
import hashlib
import ipaddress
import struct

START = 1767949200.0  # 2026-01-09 09:00:00 UTC
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packed(address):
    return ipaddress.ip_address(address).packed


def ip(src, dst, proto, payload, ident=1, flags_offset=0x4000, ttl=64):
    """An IPv4 or IPv6 packet; flags_offset is IPv4's (0x4000: do not fragment)."""
    s, d = packed(src), packed(dst)
    if len(s) == 16:
        return struct.pack(">IHBB", 6 << 28, len(payload), proto, ttl) + s + d + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), ident, flags_offset, ttl, proto, 0) + s + d
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def with_checksum(src, dst, proto, segment, at):
    pseudo = packed(src) + packed(dst) + struct.pack(">II", len(segment), proto)
    if len(packed(src)) == 4:
        pseudo = packed(src) + packed(dst) + struct.pack(">BBH", 0, proto, len(segment))
    return segment[:at] + struct.pack(">H", checksum(pseudo + segment)) + segment[at + 2:]


def udp(src, sport, dst, dport, payload):
    return with_checksum(src, dst, 17, struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload, 6)


def tcp(src, sport, dst, dport, seq, ack, flags, payload=b"", window=64240):
    head = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, 5 << 4, flags, window, 0, 0)
    return with_checksum(src, dst, 6, head + payload, 16)


def ethernet(src_mac, dst_mac, packet, vlans=()):
    kind = 0x86dd if packet[0] >> 4 == 6 else 0x0800
    tags = b"".join(struct.pack(">HH", 0x88a8 if i == 0 and len(vlans) > 1 else 0x8100, v)
                    for i, v in enumerate(vlans))
    return mac(dst_mac) + mac(src_mac) + tags + struct.pack(">H", kind) + packet


def pcap(frames, linktype=1):
    """A capture with microseconds, little-endian, of (time, frame) or (time, frame, wire length)."""
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, linktype)
    for when, frame, *wire in frames:
        us = round(when * 1e6)
        out += struct.pack("<IIII", us // 10**6, us % 10**6, len(frame), wire[0] if wire else len(frame)) + frame
    return out


class Host:
    """One side of a conversation."""

    def __init__(self, address, hardware, isn=1000):
        self.address, self.hardware, self.isn = address, hardware, isn


class Tcp:
    """A TCP connection between two hosts; each call appends frames 10 ms apart."""

    def __init__(self, client, server, sport, dport, start=START, vlans=()):
        self.ends = ((client, sport), (server, dport))
        self.next = [client.isn, server.isn]
        self.time, self.frames, self.vlans = start, [], vlans

    def send(self, way, flags, payload=b"", seq=None, keep=True):
        """keep False: the segment is counted as sent, but was lost before the capture."""
        (a, sport), (b, dport) = self.ends[way], self.ends[1 - way]
        at = self.next[way] if seq is None else seq
        ack = self.next[1 - way] if flags & ACK else 0
        packet = ip(a.address, b.address, 6, tcp(a.address, sport, b.address, dport, at, ack, flags, payload))
        if keep:
            self.frames.append((self.time, ethernet(a.hardware, b.hardware, packet, self.vlans)))
        self.time += 0.01
        if seq is None:
            self.next[way] += len(payload) + (1 if flags & (SYN | FIN) else 0)
        return self

    def open(self):
        return self.send(0, SYN).send(1, SYN | ACK).send(0, ACK)

    def say(self, way, payload, mss=1460):
        for at in range(0, len(payload), mss):
            self.send(way, PSH | ACK, payload[at:at + mss])
        return self.send(1 - way, ACK)

    def close(self):
        return self.send(0, FIN | ACK).send(1, FIN | ACK).send(0, ACK)

    def pause(self, seconds):
        self.time += seconds
        return self


def datagram(a, sport, b, dport, payload, when, vlans=()):
    packet = ip(a.address, b.address, 17, udp(a.address, sport, b.address, dport, payload))
    return when, ethernet(a.hardware, b.hardware, packet, vlans)


def community_id(src, sport, dst, dport, proto):
    """Community ID version 1 of TCP and UDP, seed 0."""
    a, b = (packed(src), sport), (packed(dst), dport)
    if b < a:
        a, b = b, a
    data = struct.pack(">H", 0) + a[0] + b[0] + bytes([proto, 0]) + struct.pack(">HH", a[1], b[1])
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


# DNS

def dns_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def dns_query(ident, name, kind):
    return struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + dns_name(name) + struct.pack(">HH", kind, 1)


def dns_answer(ident, name, kind, answers, rcode=0):
    """answers: (name or 0xC00C, type, ttl, rdata)."""
    out = struct.pack(">HHHHHH", ident, 0x8180 | rcode, 1, len(answers), 0, 0) + dns_name(name)
    out += struct.pack(">HH", kind, 1)
    for owner, rtype, ttl, rdata in answers:
        out += (struct.pack(">H", owner) if isinstance(owner, int) else dns_name(owner))
        out += struct.pack(">HHIH", rtype, 1, ttl, len(rdata)) + rdata
    return out


# TLS

def tls_record(kind, body, version=0x0301):
    return struct.pack(">BHH", kind, version, len(body)) + body


def tls_handshake(kind, body):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def vector(data, width):
    return len(data).to_bytes(width, "big") + data


def shorts(values):
    return b"".join(struct.pack(">H", v) for v in values)


class Hello:
    """A ClientHello, and its fingerprints as their descriptions define them."""

    def __init__(self, sni, alpn, ciphers, groups, signatures, versions=(), grease=0x0a0a):
        self.alpn, self.ciphers, self.groups, self.signatures = alpn, ciphers, groups, signatures
        self.versions, self.sni = versions, sni
        ext = []
        if grease:
            ext.append((grease, b""))
        if sni:
            ext.append((0, vector(b"\0" + vector(sni.encode(), 2), 2)))
        ext += [(23, b""), (10, vector(shorts(groups), 2)), (11, vector(b"\0", 1)),
                (13, vector(shorts(signatures), 2))]
        if alpn:
            ext.append((16, vector(b"".join(vector(a.encode(), 1) for a in alpn), 2)))
        if versions:
            ext.append((43, vector(shorts(versions), 1)))
            ext.append((51, vector(struct.pack(">HH", 29, 32) + bytes(range(32)), 2)))
        self.extensions = ext
        self.all_ciphers = ([grease] if grease else []) + list(ciphers)

    def bytes(self):
        body = struct.pack(">H", 0x0303) + bytes(range(32)) + vector(bytes(range(32)), 1)
        body += vector(shorts(self.all_ciphers), 2) + vector(b"\0", 1)
        body += vector(b"".join(struct.pack(">H", k) + vector(v, 2) for k, v in self.extensions), 2)
        return tls_record(22, tls_handshake(1, body))

    def _extension_ids(self):
        return [k for k, _ in self.extensions if k & 0x0f0f != 0x0a0a]

    def ja3(self):
        text = ",".join(["771", "-".join(map(str, self.ciphers)), "-".join(map(str, self._extension_ids())),
                         "-".join(map(str, self.groups)), "0"])
        return hashlib.md5(text.encode()).hexdigest()

    def ja4(self):
        version = {0x0304: "13", 0x0303: "12"}[max(self.versions or [0x0303])]
        ids = self._extension_ids()
        first = self.alpn[0] if self.alpn else ""
        head = f"t{version}{'d' if self.sni else 'i'}{len(self.ciphers):02}{len(ids):02}"
        head += first[0] + first[-1] if first else "00"
        ciphers = ",".join(sorted(f"{c:04x}" for c in self.ciphers))
        rest = ",".join(sorted(f"{i:04x}" for i in ids if i not in (0, 16)))
        rest += "_" + ",".join(f"{s:04x}" for s in self.signatures)
        return "_".join([head] + [hashlib.sha256(t.encode()).hexdigest()[:12] for t in (ciphers, rest)])


class ServerHello:
    def __init__(self, cipher, extensions, version=0x0303):
        self.cipher, self.extensions, self.version = cipher, extensions, version

    def handshake(self):
        body = struct.pack(">H", self.version) + bytes(range(32, 64)) + vector(b"", 1)
        body += struct.pack(">HB", self.cipher, 0)
        body += vector(b"".join(struct.pack(">H", k) + vector(v, 2) for k, v in self.extensions), 2)
        return tls_handshake(2, body)

    def ja3s(self):
        text = f"{self.version},{self.cipher},{'-'.join(str(k) for k, _ in self.extensions)}"
        return hashlib.md5(text.encode()).hexdigest()


# X.509: just enough DER for a certificate whose signature nobody checks.

def der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    width = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | width]) + len(body).to_bytes(width, "big") + body


def oid(text):
    first, second, *rest = map(int, text.split("."))
    out = bytes([first * 40 + second])
    for value in rest:
        chunk = [value & 0x7f]
        while value := value >> 7:
            chunk.append(0x80 | value & 0x7f)
        out += bytes(reversed(chunk))
    return der(6, out)


def dn(*pairs):
    ids = {"C": "2.5.4.6", "O": "2.5.4.10", "CN": "2.5.4.3"}
    return der(0x30, *(der(0x31, der(0x30, oid(ids[k]), der(0x13 if k == "C" else 0x0c, v.encode())))
                       for k, v in pairs))


def certificate(serial, issuer, subject, not_before, not_after, names=(), ca=False):
    """times as UTCTime text, YYMMDDHHMMSSZ."""
    sha256_rsa = der(0x30, oid("1.2.840.113549.1.1.11"), der(5))
    modulus = b"\0" + bytes([0xc3]) + bytes((i * 37 + 11) & 0xff for i in range(255))
    key = der(0x30, der(2, modulus), der(2, b"\x01\x00\x01"))
    spki = der(0x30, der(0x30, oid("1.2.840.113549.1.1.1"), der(5)), der(3, b"\0" + key))
    extensions = []
    if names:
        san = der(0x30, *(der(0x82, n.encode()) for n in names))
        extensions.append(der(0x30, oid("2.5.29.17"), der(4, san)))
    constraints = der(0x30, der(1, b"\xff")) if ca else der(0x30)
    extensions.append(der(0x30, oid("2.5.29.19"), der(1, b"\xff"), der(4, constraints)))
    tbs = der(0x30, der(0xa0, der(2, b"\x02")), der(2, serial), sha256_rsa, dn(*issuer),
              der(0x30, der(0x17, not_before.encode()), der(0x17, not_after.encode())), dn(*subject), spki,
              der(0xa3, der(0x30, *extensions)))
    return der(0x30, tbs, sha256_rsa, der(3, b"\0" + bytes(256)))
