# SPDX-License-Identifier: Apache-2.0
"""Bytes on the wire, from the RFCs: frames, streams and protocol messages for make.py."""
import socket
import ssl
import struct

EPOCH = 1700000000
CLIENT, SERVER = "10.0.0.1", "192.0.2.1"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ether(payload, ethertype=0x0800, src="02:00:00:00:00:01", dst="02:00:00:00:00:02"):
    def mac(m):
        return bytes.fromhex(m.replace(":", ""))
    return mac(dst) + mac(src) + struct.pack("!H", ethertype) + payload


def ipv4(src, dst, proto, payload, ident=1, offset=0, more=False):
    flags = (0x2000 if more else 0) | offset // 8
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, flags, 64, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(src, sport, dst, dport, payload):
    return ipv4(src, dst, 17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload)


def tcp(src, sport, dst, dport, seq, ack, flags, payload=b""):
    return ipv4(src, dst, 6, struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff,
                                         ack & 0xffffffff, 0x50, flags, 8192, 0, 0) + payload)


class Pcap:
    """Frames with times 10 ms apart."""

    def __init__(self):
        self.frames = []
        self.now = EPOCH * 1000000

    def add(self, frame, step_us=10000):
        self.now += step_us
        self.frames.append((self.now, frame))
        return self.now

    def udp(self, *args):
        return self.add(ether(udp(*args)))

    def stream(self, chunks, sport, dport, src=CLIENT, dst=SERVER, mss=1400, order=None,
               fin=True):
        """A TCP connection: chunks of (from_client, bytes). order: function on the data frames."""
        ends = [(src, sport), (dst, dport)]
        seq = [1000, 5000]
        self.add(ether(tcp(src, sport, dst, dport, seq[0], 0, 2)))
        self.add(ether(tcp(dst, dport, src, sport, seq[1], seq[0] + 1, 0x12)))
        seq = [1001, 5001]
        self.add(ether(tcp(src, sport, dst, dport, seq[0], seq[1], 0x10)))
        data = []
        for from_client, payload in chunks:
            d = 0 if from_client else 1
            for at in range(0, len(payload), mss):
                part = payload[at:at + mss]
                data.append(ether(tcp(*ends[d], *ends[1 - d], seq[d], seq[1 - d], 0x18, part)))
                seq[d] += len(part)
        for frame in (order(data) if order else data):
            self.add(frame)
        if fin:
            self.add(ether(tcp(src, sport, dst, dport, seq[0], seq[1], 0x11)))
            self.add(ether(tcp(dst, dport, src, sport, seq[1], seq[0] + 1, 0x11)))
            self.add(ether(tcp(src, sport, dst, dport, seq[0] + 1, seq[1] + 1, 0x10)))

    def pcap(self):
        out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
        for when, frame in self.frames:
            out += struct.pack("<IIII", when // 1000000, when % 1000000, len(frame), len(frame))
            out += frame
        return out

    def corpus(self):
        return b"".join(struct.pack("!H", len(f)) + f for _, f in self.frames)


# DNS, RFC 1035

def dns_name(name):
    out = b""
    for label in name.split(".") if name != "." else []:
        out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def dns(ident, flags, question, answers=(), qtype=1):
    """answers: (type, ttl, rdata); the owner is a pointer to the question."""
    out = struct.pack("!HHHHHH", ident, flags, 1, len(answers), 0, 0)
    out += dns_name(question) + struct.pack("!HH", qtype, 1)
    for rtype, ttl, rdata in answers:
        out += b"\xc0\x0c" + struct.pack("!HHIH", rtype, 1, ttl, len(rdata)) + rdata
    return out


# TLS by Python's own library, through memory

def tls_handshake(cert, key, version, name, alpn=()):
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    for ctx in (client, server):
        ctx.minimum_version = ctx.maximum_version = version
        if alpn:
            ctx.set_alpn_protocols(list(alpn))
    c_in, c_out, s_in, s_out = (ssl.MemoryBIO() for _ in range(4))
    c = client.wrap_bio(c_in, c_out, server_hostname=name)
    s = server.wrap_bio(s_in, s_out, server_side=True)
    chunks = []

    def pump(sock, out, other, from_client, work):
        try:
            work()
        except ssl.SSLWantReadError:
            pass
        data = out.read()
        if data:
            chunks.append((from_client, data))
            other.write(data)

    for _ in range(4):
        pump(c, c_out, s_in, True, c.do_handshake)
        pump(s, s_out, c_in, False, s.do_handshake)
    pump(c, c_out, s_in, True, lambda: c.write(b"hello"))
    pump(s, s_out, c_in, False, lambda: s.write(b"world"))
    return chunks, c.cipher()[0]


# DHCP, RFC 2131

def dhcp(op, xid, mac, options, ciaddr="0.0.0.0", yiaddr="0.0.0.0"):
    out = struct.pack("!BBBBIHH4s4s4s4s", op, 1, 6, 0, xid, 0, 0, socket.inet_aton(ciaddr),
                      socket.inet_aton(yiaddr), b"\0" * 4, b"\0" * 4)
    out += bytes.fromhex(mac.replace(":", "")) + b"\0" * 10 + b"\0" * 192 + b"\x63\x82\x53\x63"
    for code, value in options:
        out += bytes([code, len(value)]) + value
    return out + b"\xff"


# SSH, RFC 4253

SSH_LISTS = ["curve25519-sha256,ecdh-sha2-nistp256", "ssh-ed25519,rsa-sha2-512",
             "chacha20-poly1305@openssh.com,aes128-ctr", "aes256-ctr,aes128-ctr",
             "umac-64@openssh.com,hmac-sha2-256", "hmac-sha2-512,hmac-sha2-256", "none,zlib",
             "none", "", ""]


def ssh_kexinit(lists):
    payload = b"\x14" + bytes(range(16))
    for names in lists:
        payload += struct.pack("!I", len(names)) + names.encode()
    payload += b"\0" * 5
    padding = 8 - (len(payload) + 5) % 8 + 4
    return struct.pack("!IB", len(payload) + padding + 1, padding) + payload + b"\0" * padding


# SMB 2, MS-SMB2, and DCE/RPC inside

def smb2(command, ident, body, response=False, status=0, tree=0):
    head = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16s", 64, 0, status, command, 1,
                                    1 if response else 0, 0, ident, 0, tree, 7, b"\0" * 16)
    message = head + body
    return struct.pack("!I", len(message)) + message


def utf16(text):
    return text.encode("utf-16-le")


FID = bytes(range(16))


def smb_tree(ident, path):
    return smb2(3, ident, struct.pack("<HHHH", 9, 0, 72, len(utf16(path))) + utf16(path))


def smb_tree_ok(ident, tree, share):
    return smb2(3, ident, struct.pack("<HBBIII", 16, share, 0, 0, 0, 0), True, 0, tree)


def smb_create(ident, tree, name):
    body = struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 120,
                       len(utf16(name)), 0, 0) + utf16(name)
    return smb2(5, ident, body, tree=tree)


def smb_create_ok(ident, tree, size=0):
    body = struct.pack("<HBBIQQQQQQII", 89, 0, 0, 1, 0, 0, 0, 0, 0, size, 0, 0) + FID
    return smb2(5, ident, body + struct.pack("<II", 0, 0), True, 0, tree)


def smb_write(ident, tree, data):
    body = struct.pack("<HHIQ", 49, 112, len(data), 0) + FID + struct.pack("<IIHHI", 0, 0, 0, 0, 0)
    return smb2(9, ident, body + data, tree=tree)


def smb_read(ident, tree):
    body = struct.pack("<HBBIQ", 49, 0, 0, 4096, 0) + FID + struct.pack("<IIIHH", 0, 0, 0, 0, 0)
    return smb2(8, ident, body, tree=tree)


def smb_read_ok(ident, tree, data):
    return smb2(8, ident, struct.pack("<HBBIII", 17, 80, 0, len(data), 0, 0) + data, True, 0, tree)


def smb_close(ident, tree, response=False):
    body = b"\x3c\0" + b"\0" * 58 if response else struct.pack("<HHI", 24, 0, 0) + FID
    return smb2(6, ident, body, response, 0, tree)


SVCCTL = bytes.fromhex("81bb7a364498f135ad3298f038001003")


def rpc(ptype, call, body):
    return struct.pack("<BBBBIHHI", 5, 0, ptype, 3, 0x10, 16 + len(body), 0, call) + body


def rpc_bind(uuid):
    return rpc(11, 1, struct.pack("<HHIBBHHBB", 4280, 4280, 0, 1, 0, 0, 0, 1, 0) + uuid +
               struct.pack("<I", 2) + bytes.fromhex("045d888aeb1cc9119fe808002b104860") +
               struct.pack("<I", 2))


def rpc_request(call, opnum, stub=b"\0" * 24):
    return rpc(0, call, struct.pack("<IHH", len(stub), 0, opnum) + stub)


def rpc_response(call, stub=b"\0" * 24):
    return rpc(2, call, struct.pack("<IHBB", len(stub), 0, 0, 0) + stub)


# NTLM, MS-NLMP

def ntlm_negotiate():
    return b"NTLMSSP\0" + struct.pack("<II", 1, 1) + b"\0" * 16


def ntlm_challenge(computer):
    info = struct.pack("<HH", 1, len(utf16(computer))) + utf16(computer) + b"\0" * 4
    return (b"NTLMSSP\0" + struct.pack("<IHHII", 2, 0, 0, 56, 1) + b"\1" * 8 + b"\0" * 8 +
            struct.pack("<HHI", len(info), len(info), 56) + b"\0" * 8 + info)


def ntlm_answer(domain, user, host):
    at, fields, texts = 64, b"", b""
    for text in (domain, user, host):
        fields += struct.pack("<HHI", len(utf16(text)), len(utf16(text)), at)
        at += len(utf16(text))
        texts += utf16(text)
    empty = struct.pack("<HHI", 0, 0, 64)
    return b"NTLMSSP\0" + struct.pack("<I", 3) + empty * 2 + fields + empty + struct.pack(
        "<I", 1) + texts


def smb_session(ident, blob):
    return smb2(1, ident, struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(blob), 0) + blob)


def smb_session_ok(ident, status, blob=b""):
    return smb2(1, ident, struct.pack("<HHHH", 9, 0, 72, len(blob)) + blob, True, status)


# DER, and Kerberos (RFC 4120)

def der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    return bytes([tag, 0x82]) + struct.pack("!H", len(body)) + body


def number(value):
    return der(2, bytes([value]))


def principal(kind, *names):
    return der(0x30, der(0xa0, number(kind)),
               der(0xa1, der(0x30, *[der(0x1b, n.encode()) for n in names])))


def krb_pa(kind, value=b"secret"):
    return der(0x30, der(0xa1, der(2, bytes([0, kind]) if kind > 127 else bytes([kind]))), der(0xa2, der(4, value)))


def krb_for_user(user, realm):
    return krb_pa(129, der(0x30, der(0xa0, principal(10, user)), der(0xa1, der(0x1b, realm.encode())),
                           der(0xa3, der(0x1b, b"Kerberos"))))


def krb_request(tgs, user, realm, *service, pa=(), options=b"\x40\x81\0\x10"):
    body = [der(0xa0, der(3, b"\0" + options))]
    if user:
        body.append(der(0xa1, principal(1, user)))
    body += [der(0xa2, der(0x1b, realm.encode())), der(0xa3, principal(2, *service)),
             der(0xa5, der(0x18, b"20370913024805Z")), der(0xa7, number(42)),
             der(0xa8, der(0x30, number(18), number(23)))]
    return der(0x6c if tgs else 0x6a, der(0x30, der(0xa1, number(5)),
                                         der(0xa2, number(12 if tgs else 10)),
                                         der(0xa3, der(0x30, *pa)) if pa else b"",
                                         der(0xa4, der(0x30, *body))))


def krb_reply(tgs, user, realm, etype, *service):
    ticket = der(0x61, der(0x30, der(0xa0, number(5)), der(0xa1, der(0x1b, realm.encode())),
                           der(0xa2, principal(2, *service)),
                           der(0xa3, der(0x30, der(0xa0, number(etype)),
                                         der(0xa2, der(4, b"secret"))))))
    return der(0x6d if tgs else 0x6b, der(0x30, der(0xa0, number(5)),
                                         der(0xa1, number(13 if tgs else 11)),
                                         der(0xa3, der(0x1b, realm.encode())),
                                         der(0xa4, principal(1, user)), der(0xa5, ticket),
                                         der(0xa6, der(0x30, der(0xa0, number(23)), der(0xa2, der(4, b"sealed"))))))


def krb_error(code, realm, *service):
    return der(0x7e, der(0x30, der(0xa0, number(5)), der(0xa1, number(30)),
                         der(0xa4, der(0x18, b"20231114221320Z")), der(0xa5, number(0)),
                         der(0xa6, number(code)), der(0xa9, der(0x1b, realm.encode())),
                         der(0xaa, principal(2, *service))))


def framed(message):
    return struct.pack("!I", len(message)) + message
