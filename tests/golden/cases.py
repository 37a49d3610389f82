# SPDX-License-Identifier: Apache-2.0
"""The cases: each makes a capture, and says of some of its records what they must hold. Those facts are
worked out here, from the standards, and not taken from what the program printed; the complete records
are in expected/."""
import hashlib

from wire import (ACK, FIN, PSH, RST, START, SYN, Hello, Host, ServerHello, Tcp, certificate, community_id,
                  datagram, dns_answer, dns_name, dns_query, ethernet, ip, packed, shorts, struct,
                  tls_handshake, tls_record, udp, vector)

LAPTOP = Host("192.168.10.21", "02:00:00:00:10:21", isn=0xfffffff0)  # its sequence numbers wrap
SERVER = Host("203.0.113.80", "02:00:00:00:00:01", isn=5000)
RESOLVER = Host("192.168.10.1", "02:00:00:00:00:01")
LAPTOP6 = Host("2001:db8:10::21", "02:00:00:00:10:21")
SERVER6 = Host("2001:db8:ffff::80", "02:00:00:00:00:01")


class Case:
    def __init__(self, frames, facts, linktype=1):
        self.frames, self.facts, self.linktype = frames, facts, linktype


def http_get():
    body = b"The quick brown fox jumps over the lazy dog.\n" * 100
    request = (b"GET /fox/report.txt?page=1 HTTP/1.1\r\nHost: www.example.test\r\n"
               b"User-Agent: golden/1.0\r\nReferer: http://start.example.test/\r\n\r\n")
    reply = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body)) + body
    c = Tcp(LAPTOP, SERVER, 49200, 80).open().say(0, request).say(1, reply).close()
    return Case(c.frames, [
        ("conn", {"proto": "tcp", "service": "http", "conn_state": "SF", "orig_bytes": len(request),
                  "resp_bytes": len(reply), "id.orig_h": LAPTOP.address, "id.orig_p": 49200,
                  "id.resp_h": SERVER.address, "id.resp_p": 80, "missed_bytes": 0,
                  "orig_pkts": sum(1 for _, f in c.frames if f[6:12] == bytes.fromhex("020000001021")),
                  "orig_l2_addr": LAPTOP.hardware, "resp_l2_addr": SERVER.hardware,
                  "community_id": community_id(LAPTOP.address, 49200, SERVER.address, 80, 6)}),
        ("http", {"method": "GET", "host": "www.example.test", "uri": "/fox/report.txt?page=1",
                  "user_agent": "golden/1.0", "referrer": "http://start.example.test/", "version": "1.1",
                  "status_code": 200, "status_msg": "OK", "request_body_len": 0,
                  "response_body_len": len(body)}),
        ("files", {"source": "HTTP", "seen_bytes": len(body), "total_bytes": len(body), "is_orig": False,
                   "sha256": hashlib.sha256(body).hexdigest()}),
    ])


def http_chunked_keepalive():
    c = Tcp(LAPTOP, SERVER, 49201, 8080).open()
    c.say(0, b"POST /in HTTP/1.1\r\nHost: api.example.test\r\nContent-Length: 11\r\n\r\nhello=world")
    c.say(1, b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n3\r\nabc\r\n0\r\n\r\n")
    c.say(0, b"HEAD /next HTTP/1.1\r\nHost: api.example.test\r\n\r\n")
    c.say(1, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4000\r\n\r\n").close()
    return Case(c.frames, [
        ("http", {"method": "POST", "status_code": 201, "request_body_len": 11, "response_body_len": 8,
                  "trans_depth": 1}),
        ("http", {"method": "HEAD", "status_code": 304, "response_body_len": 0, "trans_depth": 2}),
        ("files", {"is_orig": True, "sha256": hashlib.sha256(b"hello=world").hexdigest()}),
        ("files", {"is_orig": False, "sha256": hashlib.sha256(b"12345abc").hexdigest()}),
        ("conn", {"service": "http", "conn_state": "SF"}),
    ])


def dns_lookups():
    f, t = [], START

    def ask(ident, port, name, kind, answers, rcode=0):
        nonlocal t
        f.append(datagram(LAPTOP, port, RESOLVER, 53, dns_query(ident, name, kind), t))
        f.append(datagram(RESOLVER, 53, LAPTOP, port, dns_answer(ident, name, kind, answers, rcode), t + 0.02))
        t += 1

    ask(7, 50001, "www.example.test", 1, [
        (0xc00c, 5, 300, dns_name("cdn.example.test")),
        ("cdn.example.test", 1, 60, packed("203.0.113.80")), ("cdn.example.test", 1, 60, packed("203.0.113.81"))])
    ask(8, 50002, "www.example.test", 28, [(0xc00c, 28, 60, packed("2001:db8:ffff::80"))])
    ask(9, 50003, "qzxkjv.example.test", 1, [], rcode=3)
    ask(10, 50004, "example.test", 16, [(0xc00c, 16, 60, vector(b"v=spf1 -all", 1))])
    f.append(datagram(LAPTOP, 50005, RESOLVER, 53, dns_query(11, "silent.example.test", 1), t))
    return Case(f, [
        ("dns", {"query": "www.example.test", "qtype_name": "A", "rcode_name": "NOERROR", "trans_id": 7, "rtt": 0.02,
                 "answers": ["cdn.example.test", "203.0.113.80", "203.0.113.81"], "TTLs": [300.0, 60.0, 60.0],
                 "AA": False, "RD": True, "RA": True, "rejected": False, "proto": "udp"}),
        ("dns", {"qtype_name": "AAAA", "answers": ["2001:db8:ffff::80"]}),
        ("dns", {"query": "qzxkjv.example.test", "rcode": 3, "rcode_name": "NXDOMAIN"}),
        ("dns", {"qtype_name": "TXT"}),
        ("dns", {"query": "silent.example.test", "rcode_name": None, "rtt": None}),
        ("conn", {"proto": "udp", "service": "dns", "conn_state": "SF", "id.orig_p": 50001}),
        ("conn", {"conn_state": "S0", "id.orig_p": 50005}),
    ])


def tls12_certificates():
    hello = Hello("shop.example.test", ["h2", "http/1.1"], [0xc02b, 0xc02f, 0xc030, 0x009c], [29, 23],
                  [0x0403, 0x0804, 0x0401])
    server = ServerHello(0xc02f, [(0xff01, b"\0"), (16, vector(vector(b"h2", 1), 2))])
    ca = (("C", "DE"), ("O", "Golden"), ("CN", "Golden CA"))
    leaf = certificate(b"\x4f\x01", ca, (("O", "Shop"), ("CN", "shop.example.test")), "260101000000Z",
                       "270101000000Z", ["shop.example.test", "www.shop.example.test"])
    root = certificate(b"\x01", ca, ca, "200101000000Z", "400101000000Z", ca=True)
    chain = vector(b"".join(vector(x, 3) for x in (leaf, root)), 3)
    c = Tcp(LAPTOP, SERVER, 49300, 443).open().say(0, hello.bytes())
    c.say(1, tls_record(22, server.handshake() + tls_handshake(11, chain) + tls_handshake(14, b""), 0x0303))
    c.say(0, tls_record(22, tls_handshake(16, vector(bytes(65), 1)), 0x0303) + tls_record(20, b"\1", 0x0303) +
          tls_record(22, bytes(40), 0x0303))
    c.say(1, tls_record(20, b"\1", 0x0303) + tls_record(22, bytes(40), 0x0303))
    c.say(0, tls_record(23, bytes(300), 0x0303)).say(1, tls_record(23, bytes(900), 0x0303)).close()
    return Case(c.frames, [
        ("ssl", {"version": "TLSv12", "cipher": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                 "server_name": "shop.example.test", "next_protocol": "h2", "established": True, "resumed": False,
                 "ja3": hello.ja3(), "ja3s": server.ja3s(), "ja4": hello.ja4()}),
        ("x509", {"certificate.serial": "4F01", "certificate.key_length": 2048, "certificate.key_type": "rsa",
                  "certificate.exponent": "65537", "san.dns": ["shop.example.test", "www.shop.example.test"],
                  "basic_constraints.ca": False, "certificate.not_valid_before": 1767225600.0,
                  "certificate.not_valid_after": 1798761600.0, "host_cert": True,
                  "fingerprint": hashlib.sha256(leaf).hexdigest()}),
        ("x509", {"certificate.serial": "01", "basic_constraints.ca": True,
                  "fingerprint": hashlib.sha256(root).hexdigest()}),
        ("conn", {"service": "ssl", "conn_state": "SF"}),
    ])


def tls13():
    hello = Hello("api.example.test", ["http/1.1"], [0x1301, 0x1302, 0x1303], [29], [0x0403], versions=(0x0304, 0x0303))
    server = ServerHello(0x1301, [(51, struct.pack(">HH", 29, 32) + bytes(32)), (43, b"\x03\x04")])
    c = Tcp(LAPTOP, SERVER, 49301, 443).open()
    c.say(0, hello.bytes(), mss=100)  # in several segments
    c.say(1, tls_record(22, server.handshake(), 0x0303) + tls_record(20, b"\1", 0x0303) +
          tls_record(23, bytes(700), 0x0303))
    c.say(0, tls_record(20, b"\1", 0x0303) + tls_record(23, bytes(64), 0x0303))
    c.say(1, tls_record(23, bytes(500), 0x0303)).close()
    return Case(c.frames, [
        ("ssl", {"version": "TLSv13", "cipher": "TLS_AES_128_GCM_SHA256", "server_name": "api.example.test",
                 "established": True, "ja3": hello.ja3(), "ja3s": server.ja3s(), "ja4": hello.ja4()}),
        ("conn", {"service": "ssl", "conn_state": "SF"}),
    ])


def dhcp_lease():
    hardware = bytes.fromhex("020000001021")
    nobody, everybody = Host("0.0.0.0", LAPTOP.hardware), Host("255.255.255.255", "ff:ff:ff:ff:ff:ff")
    router = Host("192.168.10.1", "02:00:00:00:00:01")

    def message(op, kind, options=b"", yours="0.0.0.0", server=b"", file=b""):
        head = struct.pack(">BBBBIHH", op, 1, 6, 0, 0x1234abcd, 0, 0) + packed("0.0.0.0") + packed(yours) + bytes(8)
        return head + hardware + bytes(10) + server.ljust(64, b"\0") + file.ljust(128, b"\0") + b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + options + b"\xff"

    # The two fixed fields hold options as well when option 52 says so (RFC 2132 9.3).
    name, vendor, overload = bytes([12, 9]) + b"laptop-21", bytes([60, 8]) + b"MSFT 5.0", bytes([52, 1, 3])
    want = bytes([50, 4]) + packed(LAPTOP.address) + bytes([55, 3, 1, 3, 6])
    lease = bytes([54, 4]) + packed(router.address) + bytes([51, 4]) + struct.pack(">I", 86400) + bytes([15, 12]) + b"example.test"
    f = [datagram(nobody, 68, everybody, 67, message(1, 1, overload, server=name + b"\xff", file=vendor + b"\xff"), START),
         datagram(router, 67, everybody, 68, message(2, 2, lease, LAPTOP.address), START + 0.1),
         datagram(nobody, 68, everybody, 67, message(1, 3, name + vendor + want), START + 0.2),
         datagram(router, 67, everybody, 68, message(2, 5, lease, LAPTOP.address), START + 0.3)]
    return Case(f, [
        ("dhcp", {"mac": LAPTOP.hardware, "host_name": "laptop-21", "assigned_addr": LAPTOP.address,
                  "requested_addr": LAPTOP.address, "lease_time": 86400.0, "server_addr": router.address,
                  "domain": "example.test", "vendor_class": "MSFT 5.0",
                  "msg_types": ["DISCOVER", "OFFER", "REQUEST", "ACK"]}),
    ])


def tcp_endings():
    def start(port):
        return Tcp(LAPTOP, SERVER, port, 9000, start=START + (port - 40000) * 30)

    asked = start(40001).send(0, SYN).pause(1).send(0, SYN, seq=LAPTOP.isn)
    refused = start(40002).send(0, SYN).send(1, RST | ACK)
    reset_by_client = start(40003).open().say(0, b"abc").send(0, RST | ACK)
    reset_by_server = start(40004).open().say(0, b"abc").send(1, RST | ACK)
    open_still = start(40005).open().say(0, b"abcdef")
    frames = sum((c.frames for c in (asked, refused, reset_by_client, reset_by_server, open_still)), [])
    return Case(frames, [
        ("conn", {"id.orig_p": 40001, "conn_state": "S0", "orig_pkts": 2, "resp_pkts": 0}),
        ("conn", {"id.orig_p": 40002, "conn_state": "REJ", "history": "Sr"}),
        ("conn", {"id.orig_p": 40003, "conn_state": "RSTO", "orig_bytes": 3}),
        ("conn", {"id.orig_p": 40004, "conn_state": "RSTR", "orig_bytes": 3}),
        ("conn", {"id.orig_p": 40005, "conn_state": "S1", "orig_bytes": 6}),
    ])


def tcp_disorder():
    """Out of order, sent twice, overlapping with other content, and a hole that stays."""
    request = b"GET /order HTTP/1.1\r\nHost: disorder.example.test\r\nX-Pad: " + b"x" * 60 + b"\r\n\r\n"
    c = Tcp(LAPTOP, SERVER, 41001, 80).open()
    base = c.next[0]
    c.send(0, PSH | ACK, request[40:], seq=base + 40).send(0, PSH | ACK, request[:40], seq=base)
    c.send(0, PSH | ACK, request[20:60].replace(b"disorder", b"EVILEVIL"), seq=base + 20)
    c.next[0] += len(request)
    c.send(1, ACK)
    c.say(1, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsorted").close()
    hole = Tcp(LAPTOP, SERVER, 41002, 80, start=START + 60).open()
    hole.say(0, b"GET /hole HTTP/1.1\r\nHost: disorder.example.test\r\n\r\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 350\r\n\r\n"
    hole.say(1, head + b"a" * 100).send(1, PSH | ACK, b"b" * 200, keep=False).send(0, ACK).say(1, b"c" * 50).close()
    return Case(c.frames + hole.frames, [
        ("http", {"host": "disorder.example.test", "uri": "/order", "status_code": 200}),
        ("conn", {"id.orig_p": 41001, "orig_bytes": len(request), "conn_state": "SF"}),
        ("conn", {"id.orig_p": 41002, "resp_bytes": len(head) + 350, "missed_bytes": 200, "conn_state": "SF"}),
        ("files", {"missing_bytes": 200, "total_bytes": 350, "seen_bytes": 150, "sha256": None}),
    ])


def vlans_and_ipv6():
    c = Tcp(LAPTOP6, SERVER6, 42001, 80, vlans=(100, 7)).open()
    c.say(0, b"GET / HTTP/1.0\r\n\r\n").say(1, b"HTTP/1.0 204 No Content\r\n\r\n").close()

    def echo(kind, src, dst, when):
        body = struct.pack(">BBHHH", kind, 0, 0, 77, 1) + b"ping" * 8
        return when, ethernet(src.hardware, dst.hardware, ip(src.address, dst.address, 58, body))

    pings = [echo(128, LAPTOP6, SERVER6, START + 5), echo(129, SERVER6, LAPTOP6, START + 5.05)]
    lookup = datagram(LAPTOP6, 52001, SERVER6, 53, dns_query(3, "six.example.test", 28), START + 6, vlans=(200,))
    return Case(c.frames + pings + [lookup], [
        ("conn", {"id.orig_h": LAPTOP6.address, "id.resp_h": SERVER6.address, "vlan": 100, "inner_vlan": 7,
                  "service": "http", "conn_state": "SF"}),
        ("http", {"method": "GET", "uri": "/", "status_code": 204, "version": "1.0"}),
        ("conn", {"proto": "icmp", "id.orig_p": 128, "id.resp_p": 129, "orig_pkts": 1, "resp_pkts": 1}),
        ("dns", {"query": "six.example.test", "qtype_name": "AAAA"}),
        ("conn", {"id.orig_p": 52001, "vlan": 200}),
    ])


def fragments():
    """A DNS answer in three IPv4 fragments, the last one first."""
    answers = [(0xc00c, 16, 60, vector(bytes([65 + i]) * 200, 1)) for i in range(8)]
    answer = udp(RESOLVER.address, 53, LAPTOP.address, 50010, dns_answer(5, "big.example.test", 16, answers))
    parts = [(0, answer[:600]), (600, answer[600:1200]), (1200, answer[1200:])]
    f = [datagram(LAPTOP, 50010, RESOLVER, 53, dns_query(5, "big.example.test", 16), START)]
    for i, (offset, data) in enumerate(reversed(parts)):
        more = 0x2000 if offset < 1200 else 0
        packet = ip(RESOLVER.address, LAPTOP.address, 17, data, ident=99, flags_offset=more | offset // 8)
        f.append((START + 0.01 * (i + 1), ethernet(RESOLVER.hardware, LAPTOP.hardware, packet)))
    return Case(f, [
        ("dns", {"query": "big.example.test", "rcode_name": "NOERROR", "qtype_name": "TXT"}),
        ("conn", {"id.orig_p": 50010, "conn_state": "SF", "resp_bytes": len(answer) - 8}),
    ])


def hostile():
    """What must neither stop the reader nor be believed."""
    good = datagram(LAPTOP, 50020, RESOLVER, 53, dns_query(1, "after.example.test", 1), START + 9)
    loop = struct.pack(">HHHHHH", 2, 0x0100, 1, 0, 0, 0) + b"\x03abc\xc0\x0c" + struct.pack(">HH", 1, 1)
    query = ip(LAPTOP.address, RESOLVER.address, 17, udp(LAPTOP.address, 50021, RESOLVER.address, 53, loop))
    short_ip = ip(LAPTOP.address, RESOLVER.address, 17, b"")[:12]
    long_header = b"\x4f" + ip(LAPTOP.address, RESOLVER.address, 17, bytes(4))[1:]
    nothing = mac_only = bytes(14)
    escape = Tcp(LAPTOP, SERVER, 43001, 80, start=START + 20).open()
    escape.say(0, b"GET /\x1b[2J<script>\xff HTTP/1.1\r\nHost: \"quote\\back\r\nUser-Agent: \x07bell\r\n\r\n").close()
    cut = datagram(LAPTOP, 50022, RESOLVER, 53, dns_query(4, "cut.example.test", 1), START + 8)
    frames = [(START, b""), (START + 1, b"\0" * 3), (START + 2, nothing), (START + 3, mac_only[:13]),
              (START + 4, ethernet(LAPTOP.hardware, RESOLVER.hardware, short_ip)),
              (START + 5, ethernet(LAPTOP.hardware, RESOLVER.hardware, long_header)),
              (START + 6, ethernet(LAPTOP.hardware, RESOLVER.hardware, query)),
              (cut[0], cut[1][:44], len(cut[1])), good] + escape.frames
    return Case(frames, [
        ("dns", {"query": "after.example.test"}),
        ("http", {"uri": "/\x1b[2J<script>\\xff", "host": "\"quote\\back", "user_agent": "\x07bell"}),
    ])


CASES = {f.__name__: f for f in (http_get, http_chunked_keepalive, dns_lookups, tls12_certificates, tls13, dhcp_lease,
                                 tcp_endings, tcp_disorder, vlans_and_ipv6, fragments, hostile)}
