#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""More golden captures, as make.py makes its own: one of each group of protocols.

    make_services.py [NAME...]

Makes those named (quic, dtls, ...), or all.
"""
import base64
import hashlib
import os
import ssl
import struct
import sys
import tempfile

import quic
import wire
from make import HERE, Maker, ja3_and_ja4, openssl, stream_input
from wire import CLIENT, SERVER, Pcap

CORPUS = os.path.join(HERE, "..", "..", "..", "fuzz", "corpus")


def self_signed(folder, name):
    key, cert = os.path.join(folder, "key"), os.path.join(folder, "cert")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "365",
            "-subj", "/CN=" + name)
    return cert, key


def datagrams(p, sport, dport, exchange):
    for from_client, data in exchange:
        if from_client:
            p.udp(CLIENT, sport, SERVER, dport, data)
        else:
            p.udp(SERVER, dport, CLIENT, sport, data)


def make_quic(m):
    """Version 1 with a hello in pieces out of order over two packets and a Retry; version 2 in one
    datagram with more behind it; Version Negotiation."""
    with tempfile.TemporaryDirectory() as folder:
        cert, key = self_signed(folder, "quic.example")
        hello, server_hello = quic.hellos(cert, key, "www.quic.example", ["h3"])
    message = hello[5:]
    _, ja4 = ja3_and_ja4(hello)
    first, retried, mine, theirs = bytes(range(8)), b"retried!", b"client", b"srv"
    one, two, three = message[:40], message[40:200], message[200:]
    retry = bytes([0xf0]) + struct.pack("!I", quic.V1) + bytes([6]) + mine + bytes([8]) + retried + b"token" + bytes(16)
    v1 = [
        (True, quic.initial(quic.V1, first, b"client", first, mine, 0, quic.crypto(0, message), 1200)),
        (False, retry),
        (False, retry.replace(retried, b"again by")),  # is not obeyed
        (True, quic.initial(quic.V1, retried, b"client", retried, mine, 1,
                            quic.crypto(200, three) + b"\0\1" + quic.crypto(0, one), 1200, b"token")),
        (True, quic.initial(quic.V1, retried, b"client", retried, mine, 2, quic.crypto(40, two), 1200, b"token")),
        (False, quic.initial(quic.V1, retried, b"server", mine, theirs, 0,
                             b"\2\0\0\0\0" + quic.crypto(0, server_hello)) + quic.handshake_packet(quic.V1, mine, theirs)),
        (True, quic.handshake_packet(quic.V1, theirs, mine))]
    scattered = v1[3:4] + [(True, quic.initial(quic.V1, retried, b"client", retried, mine, 3,
                                               quic.crypto(0, one) + quic.crypto(30, message[30:200]), 1200))] + v1[5:]
    v2 = [
        (True, quic.initial(quic.V2, first, b"client", first, mine, 0, quic.crypto(0, message), 1200)),
        (False, quic.initial(quic.V2, first, b"server", mine, theirs, 0, quic.crypto(0, server_hello)) +
         quic.handshake_packet(quic.V2, mine, theirs)),
        (True, quic.handshake_packet(quic.V2, theirs, mine))]
    asked = bytes([0xc0]) + struct.pack("!I", 0xff000010) + bytes([8]) + first + bytes([6]) + mine + bytes(1180)
    offer = bytes([0x80, 0, 0, 0, 0, 6]) + mine + bytes([8]) + first + struct.pack("!II", quic.V1, quic.V2)
    forged = bytearray(v2[0][1])
    forged[600] ^= 1
    p = Pcap()
    for port, exchange in ((40101, v1), (40102, scattered), (40103, v2), (40104, [(True, asked), (False, offer)]),
                           (40105, [(True, bytes(forged))])):
        datagrams(p, port, 443, exchange)
    told = {"version": "1", "server_name": "www.quic.example", "client_protocol": "h3", "ja4": "q" + ja4[1:],
            "opened": True}
    m.golden("quic", p, {"quic": 5, "ssl": 3, "conn": 5}, [
        {"_path": "quic", "id.orig_p": 40101, **told, "client_initial_dcid": first.hex(), "client_scid": mine.hex(),
         "server_scid": theirs.hex(), "history": "ISrIishH"},
        {"_path": "quic", "id.orig_p": 40102, **told, "client_initial_dcid": retried.hex()},
        {"_path": "quic", "id.orig_p": 40103, **told, "version": "quicv2", "history": "ISishH"},
        {"_path": "quic", "id.orig_p": 40104, "version": "draft-16", "history": "Iv", "opened": False, "ja4": None},
        {"_path": "quic", "id.orig_p": 40105, "opened": False, "server_name": None},
        {"_path": "ssl", "id.orig_p": 40103, "version": "TLSv13", "server_name": "www.quic.example",
         "ja4": "q" + ja4[1:], "client_alpn": ["h3"], "established": True, "cipher": "TLS_AES_256_GCM_SHA384"},
        {"_path": "ssl", "id.orig_p": 40101, "established": True, "cipher": "TLS_AES_256_GCM_SHA384"},
        {"_path": "conn", "id.orig_p": 40101, "service": "quic"}])
    for name, exchange in (("retry", v1), ("scattered", scattered), ("version2", v2), ("negotiation", [(True, asked), (False, offer)])):
        m.corpus("quic", name, stream_input(exchange))


def tls_messages(records):
    """The handshake messages in the clear of one side's TLS records."""
    data = b""
    while records and records[0] == 22:
        n, = struct.unpack_from("!H", records, 3)
        data += records[5:5 + n]
        records = records[5 + n:]
    out = []
    while len(data) >= 4:
        n = struct.unpack("!I", b"\0" + data[1:4])[0]
        out.append((data[0], data[4:4 + n]))
        data = data[4 + n:]
    return out


class Dtls:
    """One side's records: messages numbered, cut into fragments of at most `size`."""

    def __init__(self):
        self.message = self.record = 0

    def put(self, kind, body, epoch=0):
        self.record += 1
        return struct.pack("!BHHHIH", kind, 0xfefd, epoch, 0, self.record, len(body)) + body

    def say(self, kind, body, size=10000):
        out = []
        for at in range(0, max(len(body), 1), size):
            part = body[at:at + size]
            out.append(self.put(22, bytes([kind]) + struct.pack("!I", len(body))[1:] + struct.pack("!H", self.message) +
                                struct.pack("!I", at)[1:] + struct.pack("!I", len(part))[1:] + part))
        self.message += 1
        return out


def make_dtls(m):
    with tempfile.TemporaryDirectory() as folder:
        cert, key = self_signed(folder, "dtls.example")
        chunks, _ = wire.tls_handshake(cert, key, ssl.TLSVersion.TLSv1_2, "www.dtls.example", ["coap"])
    _, ja4 = ja3_and_ja4(chunks[0][1])
    body = tls_messages(chunks[0][1])[0][1]
    session = 34 + 1 + body[34]
    body = b"\xfe\xfd" + body[2:]

    def hello(cookie):
        return body[:session] + bytes([len(cookie)]) + cookie + body[session:]
    c, s = Dtls(), Dtls()
    exchange = [(True, c.say(1, hello(b""))[0]), (False, s.say(3, b"\xfe\xfd\4abcd")[0]), (True, c.say(1, hello(b"abcd"))[0])]
    flight = []
    for kind, text in tls_messages(chunks[1][1]):
        flight += s.say(kind, b"\xfe\xfd" + text[2:] if kind == 2 else text, 300)
    flight[1], flight[2] = flight[2], flight[1]
    exchange += [(False, flight[0] + flight[1])] + [(False, f) for f in flight[2:]]
    exchange += [(True, c.say(16, bytes(33))[0] + c.put(20, b"\1") + c.put(22, bytes(40), 1)),
                 (False, s.put(20, b"\1") + s.put(22, bytes(40), 1)), (True, c.put(23, bytes(60), 1))]
    binding = struct.pack("!HHI", 1, 0, 0x2112a442) + bytes(12)
    answer = struct.pack("!HHI", 0x0101, 0, 0x2112a442) + bytes(12)
    alert = [exchange[0], (False, struct.pack("!BHHHIHBB", 21, 0xfefd, 0, 0, 0, 2, 2, 40))]
    p = Pcap()
    datagrams(p, 40201, 4433, exchange)
    datagrams(p, 40202, 3478, [(True, binding), (False, answer)] + exchange)
    datagrams(p, 40203, 5684, alert)
    told = {"version": "DTLSv12", "server_name": "www.dtls.example", "established": True, "subject": "CN=dtls.example",
            "client_alpn": ["coap"], "client_version": "DTLSv12", "ja4": "dd2" + ja4[3:]}
    m.golden("dtls", p, {"ssl": 3, "x509": 2, "conn": 3}, [
        {"_path": "ssl", "id.orig_p": 40201, **told}, {"_path": "ssl", "id.orig_p": 40202, **told},
        {"_path": "ssl", "id.orig_p": 40203, "last_alert": "handshake_failure", "established": False, "version": None},
        {"_path": "x509", "certificate.subject": "CN=dtls.example", "host_cert": True},
        {"_path": "conn", "id.orig_p": 40201, "service": "dtls"},
        {"_path": "conn", "id.orig_p": 40202, "service": "stun,dtls"}])
    m.corpus("dtls", "handshake", stream_input(exchange))
    m.corpus("dtls", "alert", stream_input(alert))


def make_logins(m):
    """FTP, IMAP, POP3 and SMTP: right and wrong, in the clear and not; no password may come out."""
    def b64(text):
        return base64.b64encode(text)
    ftp = [
        (False, b"220-hello\r\n220 ready\r\n"), (True, b"USER anna\r\n"), (False, b"331 and?\r\n"),
        (True, b"PASS wrong-secret\r\n"), (False, b"530 no\r\n"), (True, b"USER anna\r\n"), (False, b"331 and?\r\n"),
        (True, b"PASS right-secret\r\n"), (False, b"230-welcome\r\n 230 is no end\r\n230 in\r\n"),
        (True, b"SIZE plan.txt\r\n"), (False, b"213 4096\r\n"), (True, b"PASV\r\n"),
        (False, b"227 Entering Passive Mode (192,0,2,1,195,80).\r\n"), (True, b"RETR plan.txt\r\n"),
        (False, b"150 coming\r\n226 done\r\n"), (True, b"EPSV\r\n"), (False, b"229 ok (|||50001|)\r\n"),
        (True, b"STOR up.bin\r\n"), (False, b"553 no\r\n"), (True, b"PORT 10,0,0,1,4,1\r\n"), (False, b"200 ok\r\n"),
        (True, b"EPRT |1|10.0.0.1|1026|\r\n"), (False, b"200 ok\r\n"), (True, b"NLST\r\n"), (False, b"150 x\r\n226 y\r\n")]
    guest = [(False, b"220 FTP\r\n"), (True, b"USER anonymous\r\n"), (False, b"331 mail?\r\n"), (True, b"PASS a@b.example\r\n"),
             (False, b"230 in\r\n"), (True, b"AUTH TLS\r\n"), (False, b"234 go\r\n"), (True, b"SSH-2.0-C\r\n"), (False, b"SSH-2.0-S\r\n")]
    imap = [(False, b"* OK IMAP4rev1\r\n"), (True, b'a1 LOGIN "bert" wrong-secret\r\n'), (False, b"a1 NO bad\r\n"),
            (True, b"a2 login {4}\r\n"), (False, b"+ go\r\n"), (True, b"bert {12}\r\n"), (False, b"+ go\r\n"),
            (True, b"right-secret\r\n"), (False, b"* CAPABILITY X\r\na2 OK in\r\n")]
    imap_sasl = [(False, b"* OK hi\r\n"), (True, b"1 AUTHENTICATE PLAIN\r\n"), (False, b"+\r\n"),
                 (True, b64(b"\0carla\0right-secret") + b"\r\n"), (False, b"1 OK\r\n")]
    imap_tls = [(False, b"* OK hi\r\n"), (True, b"s STARTTLS\r\n"), (False, b"s OK go\r\n"), (True, b"SSH-2.0-C\r\n"),
                (False, b"SSH-2.0-S\r\n")]
    pop = [(False, b"+OK ready\r\n"), (True, b"USER dora\r\n"), (False, b"+OK\r\n"), (True, b"PASS wrong-secret\r\n"),
           (False, b"-ERR no\r\n"), (True, b"APOP dora c4c9334bac560ecc979e58001b3e22fb\r\n"), (False, b"+OK in\r\n")]
    pop_sasl = [(False, b"+OK ready\r\n"), (True, b"AUTH PLAIN " + b64(b"\0dora\0right-secret") + b"\r\n"), (False, b"+OK\r\n")]
    pop_tls = [(False, b"+OK ready\r\n"), (True, b"STLS\r\n"), (False, b"+OK go\r\n"), (True, b"SSH-2.0-C\r\n"),
               (False, b"SSH-2.0-S\r\n")]
    smtp = [(False, b"220 mx ESMTP\r\n"), (True, b"EHLO pc\r\n"), (False, b"250 AUTH LOGIN\r\n"), (True, b"AUTH LOGIN\r\n"),
            (False, b"334 VXNlcm5hbWU6\r\n"), (True, b64(b"emil") + b"\r\n"), (False, b"334 UGFzc3dvcmQ6\r\n"),
            (True, b64(b"wrong-secret") + b"\r\n"), (False, b"535 no\r\n"), (True, b"AUTH CRAM-MD5\r\n"), (False, b"334 PDE4OTY=\r\n"),
            (True, b64(b"emil 0123456789abcdef") + b"\r\n"), (False, b"235 in\r\n")]
    p = Pcap()
    for port, to, chunks in ((40301, 21, ftp), (40302, 21, guest), (40303, 143, imap), (40304, 143, imap_sasl),
                             (40305, 143, imap_tls), (40306, 110, pop), (40307, 110, pop_sasl), (40308, 110, pop_tls),
                             (40309, 587, smtp)):
        p.stream(chunks, port, to)

    def login(port, service, user, method, success, clear):
        return {"_path": "login", "id.orig_p": port, "service": service, "user": user, "method": method, "success": success,
                "cleartext": clear}
    m.golden("logins", p, {"ftp": 7, "login": 11, "smtp": 1, "ssh": 3, "conn": 9}, [
        login(40301, "ftp", "anna", "PASS", False, True), login(40301, "ftp", "anna", "PASS", True, True),
        login(40302, "ftp", "anonymous", "PASS", True, False), login(40303, "imap", "bert", "LOGIN", False, True),
        login(40303, "imap", "bert", "LOGIN", True, True), login(40304, "imap", "carla", "PLAIN", True, True),
        login(40306, "pop3", "dora", "PASS", False, True), login(40306, "pop3", "dora", "APOP", True, False),
        login(40307, "pop3", "dora", "PLAIN", True, True), login(40309, "smtp", "emil", "LOGIN", False, True),
        login(40309, "smtp", None, "CRAM-MD5", True, False),
        {"_path": "ftp", "command": "PASV", "user": "anna", "reply_code": 227, "data_channel.passive": True,
         "data_channel.orig_h": CLIENT, "data_channel.resp_h": SERVER, "data_channel.resp_p": 50000},
        {"_path": "ftp", "command": "RETR", "arg": "plan.txt", "file_size": 4096, "reply_code": 226, "reply_msg": "done",
         "data_channel.resp_p": 50000},
        {"_path": "ftp", "command": "EPSV", "data_channel.resp_h": SERVER, "data_channel.resp_p": 50001},
        {"_path": "ftp", "command": "STOR", "arg": "up.bin", "reply_code": 553, "file_size": None},
        {"_path": "ftp", "command": "PORT", "data_channel.passive": False, "data_channel.orig_h": SERVER,
         "data_channel.resp_h": CLIENT, "data_channel.resp_p": 1025},
        {"_path": "ftp", "command": "EPRT", "data_channel.resp_h": CLIENT, "data_channel.resp_p": 1026},
        {"_path": "ftp", "command": "NLST", "arg": None, "data_channel.resp_p": 1026},
        {"_path": "conn", "id.orig_p": 40302, "service": "ftp,ssh"}, {"_path": "conn", "id.orig_p": 40305, "service": "imap,ssh"},
        {"_path": "conn", "id.orig_p": 40308, "service": "pop3,ssh"}])
    for target, name, chunks in (("ftp", "session", ftp), ("ftp", "tls", guest), ("imap", "login", imap), ("imap", "sasl", imap_sasl),
                                 ("imap", "tls", imap_tls), ("pop3", "login", pop), ("pop3", "sasl", pop_sasl),
                                 ("pop3", "tls", pop_tls), ("smtp", "auth", smtp)):
        m.corpus(target, name, stream_input(chunks))


def make_fetched(m):
    """Mails out of a box: POP3 with a pipelining client, IMAP whole, in pieces, and what is none."""
    tool = bytes(range(256)) * 4
    letter = (b"Received: from relay.example ([198.51.100.7])\r\n\tby mx.example; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
              b"From: E <e@evil.example>\r\nTo: j@corp.example\r\nMessage-ID: <1@evil.example>\r\nSubject: your invoice\r\n"
              b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee it\r\n.\r\n--x\r\n"
              b"Content-Disposition: attachment; filename=invoice.exe\r\nContent-Transfer-Encoding: base64\r\n\r\n"
              + base64.encodebytes(tool).replace(b"\n", b"\r\n") + b"--x--\r\n")
    short = b"From: a@corp.example\r\nSubject: hello\r\n\r\n* 3 FETCH (BODY[] {9}\r\n+OK\r\n"

    def dots(mail):
        return b"".join((b"." if line.startswith(b".") else b"") + line for line in mail.splitlines(True)) + b".\r\n"

    def literal(item, data):
        return item + b" {%d}\r\n" % len(data) + data
    pop = [(False, b"+OK ready\r\n"), (True, b"USER dora\r\n"), (False, b"+OK\r\n"), (True, b"PASS right-secret\r\n"),
           (False, b"+OK in\r\n"), (True, b"CAPA\r\nLIST\r\nRETR 1\r\nRETR 9\r\nUIDL 2\r\nTOP 2 0\r\nQUIT\r\n"),
           (False, b"+OK\r\nUSER\r\n.\r\n+OK 2\r\n1 900\r\n2 90\r\n.\r\n+OK 900\r\n" + dots(letter) +
            b"-ERR none\r\n+OK 2 x\r\n+OK\r\n" + dots(short) + b"+OK bye\r\n")]
    imap = [(False, b"* OK IMAP4rev1\r\n"), (True, b"a LOGIN bert right-secret\r\n"), (False, b"a OK in\r\n"),
            (True, b"b SELECT INBOX\r\n"), (False, b"* 2 EXISTS\r\nb OK\r\n"),
            (True, b"c FETCH 1:2 (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\n"),
            (False, b"* 1 FETCH (FLAGS (\\Seen) " + literal(b"BODY[HEADER.FIELDS (SUBJECT)]", b"Subject: x\r\n\r\n") + b")\r\nc OK\r\n"),
            (True, b"d UID FETCH 71 (UID RFC822.SIZE BODY[])\r\n"),
            (False, b"* 1 FETCH (UID 71 RFC822.SIZE 900 " + literal(b"BODY[]", letter) + b" FLAGS ())\r\nd OK\r\n"),
            (True, b"e APPEND Sent {%d}\r\n" % len(short)), (False, b"+ go\r\n"), (True, short + b"\r\n"), (False, b"e OK\r\n"),
            (True, b"f FETCH 2 BODY[]<0.30>\r\n"), (False, b"* 2 FETCH (" + literal(b"BODY[]<0>", short[:30]) + b")\r\nf OK\r\n"),
            (True, b"g FETCH 2 BODY[]<30.99>\r\n"), (False, b"* 2 FETCH (" + literal(b"BODY[]<30>", short[30:]) + b")\r\ng OK\r\n"),
            (True, b"h FETCH 2 BODY[]<500.9>\r\n"), (False, b"* 2 FETCH (" + literal(b"BODY[]<500>", b"Subject: no\r\n") + b")\r\nh OK\r\n"),
            (True, b"i LOGOUT\r\n"), (False, b"* BYE\r\ni OK\r\n")]
    packed = [(False, b"* PREAUTH hi\r\n"), (True, b"a COMPRESS DEFLATE\r\n"), (False, b"a OK\r\n" + bytes(range(256)))]
    p = Pcap()
    for port, to, chunks in ((40311, 110, pop), (40312, 143, imap), (40313, 143, packed)):
        p.stream(chunks, port, to)
    sha = hashlib.sha256(tool).hexdigest()
    first = {"_path": "smtp", "trans_depth": 1, "from": "E <e@evil.example>", "to": ["j@corp.example"], "subject": "your invoice",
             "msg_id": "<1@evil.example>", "path": ["198.51.100.7"], "mailfrom": None, "helo": None, "last_reply": None}
    second = {"_path": "smtp", "trans_depth": 2, "from": "a@corp.example", "subject": "hello", "fuids": None}
    file = {"_path": "files", "filename": "invoice.exe", "sha256": sha, "is_orig": False, "seen_bytes": len(tool)}
    m.golden("fetched", p, {"smtp": 4, "files": 2, "login": 2, "conn": 3}, [
        {**first, "id.orig_p": 40311, "fetched_by": "pop3"}, {**second, "id.orig_p": 40311, "fetched_by": "pop3"},
        {**first, "id.orig_p": 40312, "fetched_by": "imap"}, {**second, "id.orig_p": 40312, "fetched_by": "imap"},
        {**file, "source": "POP3"}, {**file, "source": "IMAP"}])
    m.corpus("pop3", "fetched", stream_input(pop))
    m.corpus("imap", "fetched", stream_input(imap))
    m.corpus("imap", "packed", stream_input(packed))


def snmp_message(version, community, kind, *bindings):
    pairs = [wire.der(0x30, wire.der(6, oid), value) for oid, value in bindings]
    pdu = wire.der(kind, wire.number(1), wire.number(0), wire.number(0), wire.der(0x30, *pairs))
    return wire.der(0x30, wire.number(version), wire.der(4, community), pdu)


DESCR, UPTIME = bytes([0x2b, 6, 1, 2, 1, 1, 1, 0]), bytes([0x2b, 6, 1, 2, 1, 1, 3, 0])


def snmp3_message(flags, user, scoped):
    head = wire.der(0x30, wire.number(1), wire.der(2, b"\5\xdc"), wire.der(4, bytes([flags])), wire.number(3))
    usm = wire.der(0x30, wire.der(4, b"engine"), wire.number(1), wire.number(2), wire.der(4, user), wire.der(4, bytes(12)),
                   wire.der(4, b""))
    return wire.der(0x30, wire.number(3), head, wire.der(4, usm), scoped)


def sip_message(first, seq, *more, body=b""):
    lines = [first, b"Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx", b"f: <sip:ann@example.org>;tag=1", b"To: <sip:bob@example.org>",
             b"Call-ID: abc@10.0.0.1", b"CSeq: " + seq, *more, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def radius_message(code, ident, *attributes):
    body = b"".join(bytes([kind, len(v) + 2]) + v for kind, v in attributes)
    return struct.pack("!BBH", code, ident, 20 + len(body)) + bytes(16) + body


def make_datagrams(m):
    """NTP, SNMP, SIP, RADIUS and syslog."""
    def stamp(unix):
        return struct.pack("!II", unix + 2208988800, 1 << 31)
    ntp = [(True, bytes([0x23, 0, 6, 0xec]) + bytes(36) + stamp(1700000000)),
           (False, bytes([0x24, 2, 6, 0xe9]) + struct.pack("!II4s", 1 << 15, 1 << 14, bytes([192, 0, 2, 7])) + stamp(1699999000) +
            stamp(1700000000) + stamp(1700000001) + stamp(1700000002))]
    clock = [(True, bytes([0x23]) + bytes(47)), (False, bytes([0x24, 1, 6, 0xe9]) + bytes(8) + b"GPS\0" + bytes(32))]
    control = [(True, bytes([0x17, 0, 3, 42, 0, 0, 0, 0]))]
    ticks, text = wire.der(0x43, struct.pack("!I", 360000)), wire.der(4, b"Golden switch")
    null = wire.der(5)
    snmp = [(True, snmp_message(1, b"top-secret", 0xa0, (DESCR, null), (UPTIME, null))),
            (False, snmp_message(1, b"top-secret", 0xa2, (DESCR, text), (UPTIME, ticks))),
            (True, snmp_message(1, b"top-secret", 0xa5, (DESCR, null))), (True, snmp_message(1, b"top-secret", 0xa3, (DESCR, text)))]
    trap = [(True, snmp_message(1, b"top-secret", 0xa7, (UPTIME, ticks)))]
    scoped = wire.der(0x30, wire.der(4, b"engine"), wire.der(4, b""), wire.der(
        0xa0, wire.number(1), wire.number(0), wire.number(0), wire.der(0x30, wire.der(0x30, wire.der(6, DESCR), null))))
    snmp3 = [(True, snmp3_message(4, b"", scoped)), (True, snmp3_message(7, b"ops", wire.der(4, bytes(30))))]
    digest = b'Authorization: Digest username="ann", realm="x", response="0123456789abcdef"'
    sip = [(True, sip_message(b"REGISTER sip:example.org SIP/2.0", b"1 REGISTER", b"User-Agent: Golden/1")),
           (False, sip_message(b"SIP/2.0 100 Trying", b"1 REGISTER")),
           (False, sip_message(b"SIP/2.0 401 Unauthorized", b"1 REGISTER", b"Warning: 399 x")),
           (True, sip_message(b"REGISTER sip:example.org SIP/2.0", b"2 REGISTER", digest)),
           (False, sip_message(b"SIP/2.0 200 OK", b"2 REGISTER")),
           (False, sip_message(b"INVITE sip:ann@example.org SIP/2.0", b"7 INVITE", b"c: application/sdp", b"s: talk", body=b"v=0\r\n")),
           (True, sip_message(b"SIP/2.0 486 Busy Here", b"7 INVITE"))]
    radius = [(True, radius_message(1, 9, (1, b"anna"), (2, bytes(16)), (4, bytes([10, 0, 0, 9])), (31, b"02-00-00-00-10-21"))),
              (False, radius_message(2, 9, (8, bytes([10, 9, 9, 9])), (18, b"hello"))),
              (True, radius_message(1, 10, (1, b"bert"), (2, bytes(16)))), (False, radius_message(3, 10))]
    accounting = [(True, radius_message(4, 1, (1, b"anna"), (40, b"\0\0\0\1"), (8, bytes([10, 9, 9, 9])))), (False, radius_message(5, 1))]
    syslog = [(True, b"<34>Oct 11 22:14:15 host su: failed"), (True, b"<165>1 2003-10-11T22:14:15Z host app - - - hi"), (True, b"<999>no")]
    p = Pcap()
    for port, to, exchange in ((40401, 123, ntp), (40402, 123, clock), (40403, 123, control), (40404, 161, snmp), (40405, 162, trap),
                               (40406, 161, snmp3), (40407, 5060, sip), (40408, 1812, radius), (40409, 1813, accounting),
                               (40410, 514, syslog)):
        datagrams(p, port, to, exchange)
    parts = [(d, data[i:i + 100]) for d, data in sip for i in range(0, len(data), 100)]
    p.stream(parts, 40411, 5060)
    invite = {"method": "INVITE", "uri": "sip:ann@example.org", "request_from": "<sip:ann@example.org>;tag=1", "status_code": 486,
              "status_msg": "Busy Here", "subject": "talk", "content_type": "application/sdp", "request_body_len": 5, "seq": "7 INVITE"}
    m.golden("datagrams", p, {"ntp": 5, "snmp": 3, "sip": 6, "radius": 3, "syslog": 2, "login": 4, "conn": 11}, [
        {"_path": "ntp", "id.orig_p": 40401, "version": 4, "mode": 3, "xmt_time": 1700000000.5, "org_time": None},
        {"_path": "ntp", "id.orig_p": 40401, "mode": 4, "stratum": 2, "poll": 64.0, "root_delay": 0.5, "root_disp": 0.25,
         "ref_id": "192.0.2.7", "ref_time": 1699999000.5, "org_time": 1700000000.5, "rec_time": 1700000001.5, "xmt_time": 1700000002.5},
        {"_path": "ntp", "id.orig_p": 40402, "stratum": 1, "ref_id": "GPS"},
        {"_path": "ntp", "id.orig_p": 40403, "version": 2, "mode": 7, "stratum": None},
        {"_path": "snmp", "id.orig_p": 40404, "version": "2c", "get_requests": 2, "get_responses": 2, "get_bulk_requests": 1,
         "set_requests": 1, "display_string": "Golden switch", "duration": 0.03,
         "up_since": wire.EPOCH + 0.07 - 3600},
        {"_path": "snmp", "id.orig_p": 40405, "traps": 1},
        {"_path": "snmp", "id.orig_p": 40406, "version": "3", "user": "ops", "encrypted": True, "get_requests": 1},
        {"_path": "login", "id.orig_p": 40404, "service": "snmp", "method": "COMMUNITY", "cleartext": True, "success": True, "user": None},
        {"_path": "login", "id.orig_p": 40405, "success": None},
        {"_path": "login", "id.orig_p": 40407, "service": "sip", "user": "ann", "method": "DIGEST", "success": True, "cleartext": False},
        {"_path": "sip", "id.orig_p": 40407, "method": "REGISTER", "status_code": 401, "user_agent": "Golden/1", "warning": "399 x",
         "trans_depth": 1, "call_id": "abc@10.0.0.1"},
        {"_path": "sip", "id.orig_p": 40407, "method": "REGISTER", "status_code": 200, "trans_depth": 2},
        {"_path": "sip", "id.orig_p": 40407, **invite}, {"_path": "sip", "id.orig_p": 40411, **invite},
        {"_path": "radius", "username": "anna", "mac": "02-00-00-00-10-21", "framed_addr": "10.9.9.9", "reply_msg": "hello",
         "result": "success", "ttl": 0.01, "nas_addr": "10.0.0.9"},
        {"_path": "radius", "username": "bert", "result": "failed"},
        {"_path": "radius", "username": "anna", "acct_status": "Start", "framed_addr": "10.9.9.9", "result": None},
        {"_path": "syslog", "facility": "AUTH", "severity": "CRIT", "message": "Oct 11 22:14:15 host su: failed", "proto": "udp"},
        {"_path": "syslog", "facility": "LOCAL4", "severity": "NOTICE"}] + [
        {"_path": "conn", "id.orig_p": port, "service": name} for port, name in
        ((40401, "ntp"), (40404, "snmp"), (40407, "sip"), (40408, "radius"), (40410, "syslog"), (40411, "sip"))])
    for target, name, exchange in (("ntp", "exchange", ntp), ("ntp", "control", control), ("snmp", "v2c", snmp), ("snmp", "v3", snmp3),
                                   ("snmp", "trap", trap), ("sip", "calls", sip), ("radius", "login", radius),
                                   ("radius", "accounting", accounting), ("syslog", "lines", syslog)):
        m.corpus(target, name, stream_input(exchange))


def make_proxies(m):
    """SOCKS 4, 4a and 5, with what flows through them; IRC."""
    inside = [(True, b"GET /in HTTP/1.1\r\nHost: inner.example\r\n\r\n"), (False, b"HTTP/1.1 204 None\r\n\r\n")]
    five = [(True, b"\5\2\0\2"), (False, b"\5\2"), (True, b"\1\4anna\6secret"), (False, b"\1\0"),
            (True, b"\5\1\0\3\x0dinner.example\0\x50"), (False, b"\5\0\0\1\x0a\0\0\7\x1f\x90")] + inside
    refused = [(True, b"\5\1\0"), (False, b"\5\0"), (True, b"\5\1\0\4" + bytes.fromhex("20010db8" + "00" * 11 + "01") + b"\1\xbb"),
               (False, b"\5\5\0\1\0\0\0\0\0\0")]
    four = [(True, b"\4\1\0\x50\xc0\0\2\x63bert\0"), (False, b"\0\x5a\0\0\0\0\0\0")] + inside
    four_a = [(True, b"\4\1\0\x50\0\0\0\1\0inner.example\0"), (False, b"\0\x5b\0\0\0\0\0\0")]
    irc = [(True, b"PASS secret\r\nNICK gold\r\nUSER g 0 * :Gold Ens\r\n"), (False, b":srv 001 gold :hi\r\n"),
           (True, b"JOIN #one,#two key\r\nPRIVMSG #one :nothing to see\r\nPRIVMSG bob :\1DCC SEND \"x.exe\" 167772161 1024 9000\1\r\n")]
    sasl = [(True, b"CAP REQ :sasl\r\nNICK gold\r\n"), (True, b"AUTHENTICATE PLAIN\r\n"), (False, b"AUTHENTICATE +\r\n"),
            (True, b"AUTHENTICATE " + base64.b64encode(b"\0anna\0secret") + b"\r\n"), (False, b":srv 904 gold :no\r\n"),
            (True, b"PRIVMSG NickServ :IDENTIFY bert secret\r\n")]
    p = Pcap()
    p.stream(sasl, 40506, 6667)
    for port, to, chunks in ((40501, 1080, five), (40502, 9050, refused), (40503, 1080, four), (40504, 1080, four_a), (40505, 6667, irc)):
        p.stream(chunks, port, to)
    m.golden("proxies", p, {"socks": 4, "http": 2, "login": 4, "irc": 6, "conn": 6}, [
        {"_path": "login", "id.orig_p": 40506, "service": "irc", "user": "anna", "method": "PLAIN", "success": False, "cleartext": True},
        {"_path": "login", "id.orig_p": 40506, "service": "irc", "user": "bert", "method": "NICKSERV", "success": None},
        {"_path": "socks", "id.orig_p": 40501, "version": 5, "user": "anna", "status": "succeeded", "request.name": "inner.example",
         "request_p": 80, "bound.host": "10.0.0.7", "bound_p": 8080},
        {"_path": "socks", "id.orig_p": 40502, "status": "Connection refused", "request.host": "2001:db8::1", "request_p": 443},
        {"_path": "socks", "id.orig_p": 40503, "version": 4, "user": "bert", "request.host": "192.0.2.99", "status": "succeeded"},
        {"_path": "socks", "id.orig_p": 40504, "request.name": "inner.example", "request.host": None,
         "status": "general SOCKS server failure"},
        {"_path": "http", "id.orig_p": 40501, "uri": "/in", "host": "inner.example", "status_code": 204},
        {"_path": "http", "id.orig_p": 40503, "uri": "/in"},
        {"_path": "login", "service": "socks", "user": "anna", "method": "PASSWORD", "success": True, "cleartext": True},
        {"_path": "login", "service": "irc", "user": "gold", "method": "PASS", "success": True, "cleartext": True},
        {"_path": "irc", "command": "NICK", "value": "gold", "nick": None},
        {"_path": "irc", "command": "USER", "value": "g", "nick": "gold", "addl": "Gold Ens"},
        {"_path": "irc", "command": "JOIN", "value": "#one", "user": "g"}, {"_path": "irc", "command": "JOIN", "value": "#two"},
        {"_path": "irc", "command": "DCC", "value": "bob", "dcc_file_name": "x.exe", "dcc_file_size": 9000},
        {"_path": "conn", "id.orig_p": 40501, "service": "socks,http"}, {"_path": "conn", "id.orig_p": 40502, "service": "socks"},
        {"_path": "conn", "id.orig_p": 40505, "service": "irc"}])
    for name, chunks in (("five", five), ("refused", refused), ("four", four), ("four-a", four_a)):
        m.corpus("socks", name, stream_input(chunks))
    m.corpus("irc", "session", stream_input(irc))
    m.corpus("irc", "sasl", stream_input(sasl))


def h2(kind, flags, stream, body=b""):
    return struct.pack("!I", len(body))[1:] + struct.pack("!BBI", kind, flags, stream) + body


def literal(name, value, keep=False):
    """A field with its name (RFC 7541 6.2), with `keep` to be entered into the dynamic table."""
    return bytes([0x40 if keep else 0, len(name)]) + name + bytes([len(value)]) + value


def make_http2(m):
    """With prior knowledge: two streams at once, a padded and cut head, the dynamic table, a body in pieces,
    trailers, a reset. And an upgrade from HTTP/1."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings, ack = h2(4, 0, 0, struct.pack("!HI", 1, 8192)), h2(4, 1, 0)
    # 0x82 :method GET, 0x83 POST, 0x84 :path /, 0x88 :status 200, 0x8d 404, 0x86 :scheme http
    get = b"\x82\x86" + literal(b":path", b"/one") + literal(b":authority", b"h2.example:8080", True) + literal(
        b"user-agent", b"Golden/2", True) + literal(b"authorization", b"Basic YWxpY2U6c2VjcmV0")
    again = b"\x83\x86" + literal(b":path", b"/two") + b"\xbf\xbe" + literal(b"content-length", b"10")
    page = b"<!DOCTYPE html><html>" + b"y" * 600 + b"</html>"
    chunks = [
        (True, preface + settings + h2(1, 0x4 | 0x1, 1, get)), (False, settings + ack),
        (True, h2(1, 0x8 | 0x20, 3, b"\3" + bytes(5) + again[:9] + bytes(3)) + h2(9, 4, 3, again[9:]) + h2(6, 0, 0, bytes(8))),
        (True, h2(0, 8, 3, b"\2" + b"01234" + b"\0\0") + h2(0, 1, 3, b"56789")),
        (False, h2(1, 4, 3, b"\x8d") + h2(1, 4, 1, b"\x88" + literal(b"content-type", b"text/html", True)) + h2(0, 0, 1, page[:300])),
        (False, h2(0, 1, 3) + h2(0, 8, 1, b"\1" + page[300:] + b"\0") + h2(1, 5, 1, literal(b"grpc-status", b"0"))),
        (True, h2(1, 5, 5, b"\x82\x86\x84\xbf")), (True, h2(3, 0, 5, bytes(4)))]
    split = [(d, data[i:i + 7]) for d, data in chunks for i in range(0, len(data), 7)]
    upgrade = [(True, b"GET /up HTTP/1.1\r\nHost: up.example\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
                      b"Connection: Upgrade, HTTP2-Settings\r\n\r\n"),
               (False, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + settings),
               (True, preface + settings), (False, h2(1, 4, 1, b"\x88") + h2(0, 1, 1, b"answer")),
               (True, h2(1, 5, 3, b"\x82\x86" + literal(b":path", b"/more") + literal(b":authority", b"up.example"))),
               (False, h2(1, 5, 3, b"\x8d"))]
    p = Pcap()
    p.stream(chunks, 40601, 8080)
    p.stream(split, 40602, 50051)
    p.stream(upgrade, 40603, 80)
    records = []
    for port in (40601, 40602):
        records += [
            {"_path": "http", "id.orig_p": port, "trans_depth": 1, "method": "GET", "host": "h2.example", "uri": "/one", "version": "2",
             "user_agent": "Golden/2", "username": "alice", "status_code": 200, "response_body_len": len(page),
             "resp_mime_types": ["text/html"]},
            {"_path": "http", "id.orig_p": port, "trans_depth": 2, "method": "POST", "host": "h2.example", "uri": "/two",
             "user_agent": "Golden/2", "status_code": 404, "request_body_len": 10, "response_body_len": 0},
            {"_path": "http", "id.orig_p": port, "trans_depth": 3, "method": "GET", "uri": "/", "host": "h2.example", "status_code": None},
            {"_path": "files", "id.orig_p": port, "sha256": hashlib.sha256(page).hexdigest(), "is_orig": False},
            {"_path": "files", "id.orig_p": port, "sha256": hashlib.sha256(b"0123456789").hexdigest(), "total_bytes": 10, "is_orig": True},
            {"_path": "login", "id.orig_p": port, "user": "alice", "method": "BASIC"},
            {"_path": "conn", "id.orig_p": port, "service": "http"}]
    m.golden("http2", p, {"http": 9, "files": 5, "login": 2, "conn": 3}, records + [
        {"_path": "http", "id.orig_p": 40603, "method": "GET", "uri": "/up", "version": "1.1", "status_code": 101},
        {"_path": "http", "id.orig_p": 40603, "method": None, "version": "2", "status_code": 200, "response_body_len": 6},
        {"_path": "http", "id.orig_p": 40603, "method": "GET", "uri": "/more", "host": "up.example", "version": "2", "status_code": 404}])
    m.corpus("http2", "streams", stream_input(chunks))
    m.corpus("http2", "split", stream_input(split))
    m.corpus("http", "upgrade", stream_input(upgrade))


def tagged(type_and_tag, inner=0x0800):
    """A frame with a tag of a switch, as fuzz_decode wants it: link type, bytes cut, frame."""
    packet = wire.udp(CLIENT, 5353, SERVER, 53, b"data")
    return struct.pack("!HH", 1, 0) + bytes.fromhex("02000000000d02000000000a") + type_and_tag + struct.pack("!H", inner) + packet


def make_corpora(m):
    """What the golden captures do not have: mail in chunks and unasked, DNS inside HTTP, options in DHCP's fixed
    fields, many questions in one query, tags of switches, tunnels."""
    m.corpus("smtp", "chunks", stream_input([
        (False, b"220 mx ESMTP\r\n"), (True, b"EHLO me\r\n"), (False, b"250 mx\r\n"),
        (True, b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 25\r\nSubject: one\r\nFrom: a\r\n\r\nBDAT 4 LAST\r\ntext"
               b"MAIL FROM:<c@x>\r\nDATA\r\nSubject:\r\n two\r\n\r\n.\r\nRSET\r\n"),
        (False, b"250 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n354 f\r\n250 g\r\n")]))
    query, answer = wire.dns(0, 0x0100, "www.example.com"), wire.dns(0, 0x8180, "www.example.com", [(1, 60, bytes([192, 0, 2, 7]))])
    kind = b"Content-Type: application/dns-message\r\n"
    m.corpus("http", "doh", stream_input([
        (True, b"POST /dns-query HTTP/1.1\r\n" + kind + b"Content-Length: %d\r\n\r\n" % len(query) + query),
        (False, b"HTTP/1.1 200 OK\r\n" + kind + b"Content-Length: %d\r\n\r\n" % len(answer) + answer),
        (True, b"GET /?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB HTTP/1.1\r\nAuthorization: Digest username=\"bob\"\r\n\r\n"),
        (False, b"HTTP/1.1 200 OK\r\n" + kind + b"Content-Length: %d\r\n\r\n" % len(answer) + answer)]))
    m.corpus("dhcp", "overload", stream_input([
        (True, struct.pack(">BBBBIHH", 1, 1, 6, 0, 7, 0, 0) + bytes(16) + bytes(16) + b"\x0c\2pc\xff".ljust(64, b"\0") +
         b"\x3c\4MSFT\xff".ljust(128, b"\0") + b"\x63\x82\x53\x63\x35\1\1\x34\1\3\xff")]))
    m.corpus("dns", "questions", stream_input([
        (True, b"\0\7\0\0\0\3\0\0\0\0\0\0\1a\0\0\x0c\0\1\1b\xc0\x0c\0\1\0\1\1c\0\0\1\0\1")]))
    for name, tag in (("vntag", "892600010002"), ("etag", "893f000000010000"), ("metadata", "8909010100010007"),
                      ("itag", "88e700000001020000000001020000000002")):
        m.corpus("decode", "eth_" + name, tagged(bytes.fromhex(tag)))
    inner, frames = wire.udp("10.1.0.1", 41000, "10.1.0.2", 53, query), []
    for proto, payload in ((47, struct.pack("!HHHHI", 0x3001, 0x880b, len(inner) + 1, 9, 1) + b"\x21" + inner),
                           (17, struct.pack("!HHHH", 50000, 4790, 16 + len(inner), 0) + struct.pack("!II", 0x0c000001, 42 << 8) + inner),
                           (17, struct.pack("!HHHH", 50000, 4754, 12 + len(inner), 0) + struct.pack("!HH", 0, 0x0800) + inner)):
        frame = wire.ether(wire.ipv4(CLIENT, SERVER, proto, payload))
        frames.append(struct.pack("!H", len(frame)) + frame)
    m.corpus("engine", "tunnels2", b"".join(frames))


def main():
    m = Maker(HERE, CORPUS)
    makers = {name[5:]: f for name, f in globals().items() if name.startswith("make_")}
    for name in sys.argv[1:] or makers:
        makers[name](m)


if __name__ == "__main__":
    main()
