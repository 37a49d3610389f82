#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden captures, what must come out of them, and the fuzz corpora of the analysers.

    make.py [FOLDER [CORPUS]]

Writes NAME.pcap and NAME.json into FOLDER (default: beside this script) and stream inputs below
CORPUS (default: fuzz/corpus). Everything is made here, with Python's standard library and the
openssl program; what is expected is worked out here too (hashes by hashlib, certificates by
openssl), not taken from the sensor. Certificates and key exchanges are new in each run, so the
files in the repository are those of the last one.
"""
import base64
import hashlib
import json
import os
import ssl
import struct
import subprocess
import sys
import tempfile

import make_apps
import wire
from wire import CLIENT, SERVER, Pcap

HERE = os.path.dirname(os.path.abspath(__file__))
GREASE = {0x0a0a | i << 12 | i << 4 for i in range(16)}


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def stream_input(chunks, first=1):
    """The fuzz targets' form: see tests/support/feed.h."""
    out = bytes([first])
    for from_client, data in chunks:
        for at in range(0, len(data), 1400):
            part = data[at:at + 1400]
            out += struct.pack("!H", (0 if from_client else 0x8000) | len(part)) + part
    return out


class Maker:
    def __init__(self, folder, corpus):
        self.folder, self.corpus_dir = folder, corpus

    def golden(self, name, pcap, counts, records):
        """counts: events by kind, all of them; records: what must be among them, in part."""
        with open(os.path.join(self.folder, name + ".pcap"), "wb") as f:
            f.write(pcap.pcap())
        with open(os.path.join(self.folder, name + ".json"), "w") as f:
            json.dump({"counts": counts, "records": records}, f, indent=1, sort_keys=True)
            f.write("\n")
        self.corpus("engine", name, pcap.corpus())

    def corpus(self, target, name, data):
        folder = os.path.join(self.corpus_dir, target)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


def make_dns(m):
    p = Pcap()
    query = wire.dns(7, 0x0100, "WWW.Example.com")
    answer = wire.dns(7, 0x8180, "WWW.Example.com", [
        (5, 300, b"\x03cdn\xc0\x10"), (1, 60, bytes([192, 0, 2, 80])),
        (28, 60, bytes.fromhex("20010db8" + "00" * 11 + "01"))])
    asked = p.udp(CLIENT, 40001, SERVER, 53, query)
    p.udp(SERVER, 53, CLIENT, 40001, answer)
    p.udp(CLIENT, 40002, SERVER, 53, wire.dns(8, 0x0100, "nobody.example"))
    mx = wire.dns(9, 0x8180, "example.com", [(15, 5, b"\0\x0a\x04mail\xc0\x0c"),
                                            (16, 5, b"\x05hello\x02hi"),
                                            (33, 5, b"\0\1\0\2\0\x50\x03srv\xc0\x0c")], 255)
    p.udp(CLIENT, 40003, SERVER, 53, wire.dns(9, 0x0100, "example.com", (), 255))
    p.udp(SERVER, 53, CLIENT, 40003, mx)
    loop = struct.pack("!HHHHHH", 10, 0x0100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1"
    p.udp(CLIENT, 40004, SERVER, 53, loop)
    framed = [(True, struct.pack("!H", len(query)) + query),
              (False, struct.pack("!H", len(answer)) + answer)]
    p.stream([(d, b[i:i + 9]) for d, b in framed for i in range(0, len(b), 9)], 40005, 53)
    m.golden("dns", p, {"dns": 4, "conn": 5, "weird": 1}, [
        {"_path": "dns", "ts": asked / 1e6, "rtt": 0.01, "query": "www.example.com", "qtype": 1,
         "qtype_name": "A", "qclass_name": "C_INTERNET", "rcode": 0, "rcode_name": "NOERROR",
         "trans_id": 7, "RD": True, "RA": True, "AA": False, "proto": "udp", "rejected": False,
         "answers": ["cdn.example.com", "192.0.2.80", "2001:db8::1"], "TTLs": [300.0, 60.0, 60.0],
         "id.orig_h": CLIENT, "id.resp_p": 53, "query_bytes": len(query)},
        {"_path": "dns", "query": "nobody.example", "rcode": None, "answers": None},
        {"_path": "dns", "query": "example.com", "qtype_name": "*",
         "answers": ["mail.example.com", "TXT 5 hello TXT 2 hi", "srv.example.com"]},
        {"_path": "dns", "proto": "tcp", "query": "www.example.com",
         "answers": ["cdn.example.com", "192.0.2.80", "2001:db8::1"]},
        {"_path": "conn", "id.orig_p": 40001, "service": "dns", "proto": "udp",
         "orig_bytes": len(query), "resp_bytes": len(answer), "conn_state": "SF"},
        {"_path": "conn", "id.orig_p": 40004, "service": None},
        {"_path": "weird", "id.orig_p": 40004, "name": "DNS_malformed"}])
    for i, message in enumerate((query, answer, mx, loop)):
        m.corpus("dns", "message%d" % i, stream_input([(True, message)]))
    m.corpus("dns_tcp", "exchange", stream_input(framed))


def make_http(m):
    page = b"<!DOCTYPE html><html><body>" + b"x" * 3000 + b"</body></html>"
    program = b"MZ" + bytes(range(256)) * 8
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(program[i:i + 500]), program[i:i + 500])
                       for i in range(0, len(program), 500)) + b"0\r\n\r\n"
    form = b'{"user": "x"}'
    chunks = [
        (True, b"GET /index.html HTTP/1.1\r\nHost: www.example.com:8080\r\nUser-Agent: Golden/1\r\n"
               b"Referer: http://example.org/\r\nVia: 1.1 proxy\r\n"
               b"Authorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n"
               b"HEAD /head HTTP/1.1\r\nHost: www.example.com\r\n\r\n"),
        (False, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n"
                b"Content-Type: text/html\r\n\r\n%s" % (len(page), page)),
        (False, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
        (True, b"POST /upload HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: %d\r\n\r\n%s"
               % (len(form), form)),
        (False, b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n"
                b"Content-Disposition: attachment; filename=\"tool.exe\"\r\n\r\n" + chunked)]
    p = Pcap()
    p.stream(chunks, 40010, 80)
    closing = [(True, b"GET /old HTTP/1.0\r\nHost: old.example\r\n\r\n"),
               (False, b"HTTP/1.0 404 Not Found\r\n\r\nnothing here")]
    p.stream(closing, 40011, 8000)
    proxy = [(True, b"CONNECT mail.example:25 HTTP/1.1\r\nHost: mail.example:25\r\n\r\n"),
             (False, b"HTTP/1.1 200 Connection established\r\n\r\n"),
             (False, b"SSH-2.0-Golden_1\r\n"), (True, b"SSH-2.0-Client_1\r\n")]
    p.stream(proxy, 40012, 3128)
    m.golden("http", p, {"http": 5, "files": 4, "ssh": 1, "login": 1, "conn": 3}, [
        {"_path": "http", "trans_depth": 1, "method": "GET", "host": "www.example.com",
         "uri": "/index.html", "user_agent": "Golden/1", "referrer": "http://example.org/",
         "version": "1.1", "username": "alice", "status_code": 200, "status_msg": "OK",
         "info_code": 100, "info_msg": "Continue", "response_body_len": len(page),
         "proxied": ["VIA -> 1.1 proxy"], "resp_mime_types": ["text/html"]},
        {"_path": "http", "trans_depth": 2, "method": "HEAD", "response_body_len": 0},
        {"_path": "http", "trans_depth": 3, "method": "POST", "status_code": 201,
         "request_body_len": len(form), "response_body_len": len(program),
         "orig_mime_types": ["application/json"], "resp_filenames": ["tool.exe"],
         "resp_mime_types": ["application/x-dosexec"]},
        {"_path": "http", "host": "old.example", "version": "1.0", "status_code": 404,
         "response_body_len": 12},
        {"_path": "http", "method": "CONNECT", "uri": "mail.example:25"},
        {"_path": "files", "mime_type": "text/html", "seen_bytes": len(page), "source": "HTTP",
         "sha256": hashlib.sha256(page).hexdigest(), "tx_hosts": [SERVER], "is_orig": False},
        {"_path": "files", "mime_type": "application/x-dosexec", "filename": "tool.exe",
         "seen_bytes": len(program), "sha256": hashlib.sha256(program).hexdigest()},
        {"_path": "files", "mime_type": "application/json", "is_orig": True,
         "sha256": hashlib.sha256(form).hexdigest()},
        {"_path": "files", "seen_bytes": 12, "sha256": hashlib.sha256(b"nothing here").hexdigest()},
        {"_path": "ssh", "client": "SSH-2.0-Client_1", "server": "SSH-2.0-Golden_1"},
        {"_path": "conn", "id.resp_p": 80, "service": "http", "conn_state": "SF"},
        {"_path": "conn", "id.resp_p": 3128, "service": "http,ssh"},
        {"_path": "login", "service": "http", "user": "alice", "method": "BASIC", "success": True,
         "cleartext": True}])
    for name, c in (("keepalive", chunks), ("closing", closing), ("connect", proxy)):
        m.corpus("http", name, stream_input(c))


def client_numbers(hello):
    """Version, ciphers, extensions, groups, formats, signature algorithms, versions, alpn."""
    at = 43 + 1 + hello[43]
    n, = struct.unpack_from("!H", hello, at)
    ciphers = struct.unpack_from("!%dH" % (n // 2), hello, at + 2)
    at += 2 + n
    at += 1 + hello[at] + 2
    exts = []
    found = {}
    while at < len(hello):
        kind, n = struct.unpack_from("!HH", hello, at)
        exts.append(kind)
        found[kind] = hello[at + 4:at + 4 + n]
        at += 4 + n

    def numbers(kind, skip):
        body = found.get(kind, b"")[skip:]
        return struct.unpack("!%dH" % (len(body) // 2), body[:len(body) // 2 * 2])
    return (struct.unpack_from("!H", hello, 9)[0], ciphers, exts, numbers(10, 2),
            list(found.get(11, b"\0")[1:]), numbers(13, 2), numbers(43, 1), found.get(16, b""))


def ja3_and_ja4(hello):
    version, ciphers, exts, groups, points, sigs, versions, alpn = client_numbers(hello)

    def clean(values):
        return [v for v in values if v not in GREASE]
    ja3 = md5(",".join([str(version)] + ["-".join(map(str, clean(v)))
                                        for v in (ciphers, exts, groups, points)]))
    best = max(clean(versions) or [version])
    first = alpn[3:3 + alpn[2]].decode() if alpn else ""

    def h12(text):
        return hashlib.sha256(text.encode()).hexdigest()[:12]
    ja4 = "t%s%s%02d%02d%s_%s_%s" % (
        {0x304: "13", 0x303: "12"}[best], "d" if 0 in exts else "i", len(clean(ciphers)),
        len(clean(exts)), first[0] + first[-1] if first else "00",
        h12(",".join("%04x" % v for v in sorted(clean(ciphers)))),
        h12(",".join("%04x" % v for v in sorted(clean(exts)) if v not in (0, 16)) + "_" +
            ",".join("%04x" % v for v in sigs)))
    return ja3, ja4


def openssl(*args):
    return subprocess.run(("openssl",) + args, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def make_tls(m):
    with tempfile.TemporaryDirectory() as folder:
        key, cert = os.path.join(folder, "key"), os.path.join(folder, "cert")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
                "-days", "365", "-set_serial", "0x1234abcd", "-subj",
                "/C=XX/O=Golden, Inc./CN=www.example.com", "-addext",
                "subjectAltName=DNS:www.example.com,DNS:*.example.org,IP:192.0.2.1,"
                "email:a@example.com,URI:https://example.com/", "-addext",
                "basicConstraints=critical,CA:TRUE,pathlen:3")
        der = openssl("x509", "-in", cert, "-outform", "DER")
        ec_key, ec_cert = os.path.join(folder, "eckey"), os.path.join(folder, "eccert")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes",
                "-keyout", ec_key, "-out", ec_cert, "-days", "36500", "-subj", "/CN=ec")
        ec_der = openssl("x509", "-in", ec_cert, "-outform", "DER")
        old, cipher = wire.tls_handshake(cert, key, ssl.TLSVersion.TLSv1_2, "www.example.com",
                                         ["h2", "http/1.1"])
        new, _ = wire.tls_handshake(cert, key, ssl.TLSVersion.TLSv1_3, "new.example.com")
        other, _ = wire.tls_handshake(cert, key, ssl.TLSVersion.TLSv1_2, "a.b.example.org", ["dot"])
    iana = {"ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}[cipher]
    ja3, ja4 = ja3_and_ja4(old[0][1])
    ja3_new, ja4_new = ja3_and_ja4(new[0][1])
    alert = [(True, old[0][1]), (False, b"\x15\x03\x03\0\2\2\x28")]
    p = Pcap()
    p.stream(old, 40020, 443, mss=300)
    p.stream(new, 40021, 4443)
    p.stream(alert, 40022, 443)
    p.stream(other, 40023, 853)
    packets = [(True, make_apps.tds(18, b"\0\0\x1a\0\6\1\0\x20\0\1\xff" + bytes(22)))]
    packets += [(d, make_apps.tds(18, data[at:at + 500])) for d, data in old[:-1] for at in range(0, len(data), 500)]
    p.stream(packets + [old[-1]], 40024, 1433, mss=300)
    subject = "CN=www.example.com,O=Golden\\, Inc.,C=XX"
    m.golden("tls", p, {"ssl": 5, "x509": 3, "db": 1, "conn": 5}, [
        {"_path": "ssl", "id.orig_p": 40024, "version": "TLSv12", "server_name": "www.example.com", "subject": subject,
         "established": True},
        {"_path": "db", "protocol": "tds", "cmd": "login", "tls": True},
        {"_path": "conn", "id.orig_p": 40024, "service": "tds,ssl"},
        {"_path": "ssl", "id.orig_p": 40023, "cert_faults": ["self_signed", "not_yet_valid", "other_name"]},
        {"_path": "conn", "id.orig_p": 40023, "service": "ssl,dot"},
        {"_path": "ssl", "id.orig_p": 40020, "version": "TLSv12", "cipher": iana,
         "server_name": "www.example.com", "next_protocol": "h2", "established": True,
         "resumed": False, "subject": subject, "issuer": subject, "ja3": ja3, "ja4": ja4,
         "client_alpn": ["h2", "http/1.1"], "curve": "x25519",
         "cert_faults": ["self_signed", "not_yet_valid"], "ech": None},  # the captures' time is before today
        {"_path": "ssl", "id.orig_p": 40021, "version": "TLSv13", "established": True,
         "server_name": "new.example.com", "ja3": ja3_new, "ja4": ja4_new, "curve": "x25519",
         "cipher": "TLS_AES_256_GCM_SHA384", "subject": None},
        {"_path": "ssl", "id.orig_p": 40022, "established": False, "version": None,
         "last_alert": "handshake_failure", "server_name": "www.example.com"},
        {"_path": "x509", "certificate.version": 3, "certificate.serial": "1234ABCD",
         "certificate.subject": subject, "certificate.key_alg": "rsaEncryption",
         "certificate.sig_alg": "sha256WithRSAEncryption", "certificate.key_type": "rsa",
         "certificate.key_length": 2048, "certificate.exponent": "65537",
         "san.dns": ["www.example.com", "*.example.org"], "san.ip": ["192.0.2.1"],
         "san.email": ["a@example.com"], "san.uri": ["https://example.com/"],
         "basic_constraints.ca": True, "basic_constraints.path_len": 3, "host_cert": True,
         "client_cert": False, "fingerprint": hashlib.sha256(der).hexdigest()},
        {"_path": "conn", "id.resp_p": 4443, "service": "ssl"}])
    m.corpus("tds", "tls", stream_input(packets))
    for name, c in (("tls12", old), ("tls13", new), ("alert", alert)):
        m.corpus("tls", name, stream_input(c))
    m.corpus("x509", "rsa", der)
    m.corpus("x509", "ec", ec_der)


def make_dhcp(m):
    mac = "02:00:00:00:00:aa"
    names = [(12, b"laptop-7"), (60, b"MSFT 5.0"), (81, b"\0\0\0laptop-7.corp.example"),
             (55, bytes([1, 3, 6, 15]))]
    server = [(54, bytes([192, 0, 2, 1])), (51, struct.pack("!I", 3600)), (15, b"corp.example")]
    any_addr, all_addr = "0.0.0.0", "255.255.255.255"
    messages = [
        (True, wire.dhcp(1, 99, mac, [(53, b"\1")] + names)),
        (False, wire.dhcp(2, 99, mac, [(53, b"\2")] + server, yiaddr="10.0.0.50")),
        (True, wire.dhcp(1, 99, mac, [(53, b"\3"), (50, bytes([10, 0, 0, 50]))] + names)),
        (False, wire.dhcp(2, 99, mac, [(53, b"\5")] + server, yiaddr="10.0.0.50"))]
    p = Pcap()
    for client, message in messages:
        if client:
            p.udp(any_addr, 68, all_addr, 67, message)
        else:
            p.udp(SERVER, 67, all_addr, 68, message)
    m.golden("dhcp", p, {"dhcp": 1, "conn": 2}, [
        {"_path": "dhcp", "mac": mac, "host_name": "laptop-7", "client_fqdn":
         "laptop-7.corp.example", "domain": "corp.example", "assigned_addr": "10.0.0.50",
         "requested_addr": "10.0.0.50", "server_addr": "192.0.2.1", "lease_time": 3600.0,
         "msg_types": ["DISCOVER", "OFFER", "REQUEST", "ACK"], "vendor_class": "MSFT 5.0",
         "param_list": "1,3,6,15", "duration": 0.03, "ts": (wire.EPOCH * 100 + 1) / 100,
         "client_port": 68, "server_port": 67}])
    m.corpus("dhcp", "transaction", stream_input(messages))


def make_ssh(m):
    lists = wire.SSH_LISTS
    server = ["ecdh-sha2-nistp256", "rsa-sha2-512", "aes128-ctr", "aes128-ctr", "hmac-sha2-256",
              "hmac-sha2-256", "none", "none", "", ""]
    chunks = [(True, b"SSH-2.0-OpenSSH_9.2\r\n"), (False, b"SSH-2.0-dropbear_2022.83\r\n"),
              (True, wire.ssh_kexinit(lists)), (False, wire.ssh_kexinit(server)),
              (True, b"\x77" * 400), (False, b"\x66" * 400)]
    p = Pcap()
    p.stream([(d, b[i:i + 100]) for d, b in chunks for i in range(0, len(b), 100)], 40030, 2222)
    m.golden("ssh", p, {"ssh": 1, "conn": 1}, [
        {"_path": "ssh", "version": 2, "client": "SSH-2.0-OpenSSH_9.2",
         "server": "SSH-2.0-dropbear_2022.83", "kex_alg": "ecdh-sha2-nistp256",
         "host_key_alg": "rsa-sha2-512", "cipher_alg": "aes128-ctr", "mac_alg": "hmac-sha2-256",
         "hassh": md5(";".join([lists[0], lists[2], lists[4], lists[6]])),
         "hasshServer": md5(";".join([server[0], server[3], server[5], server[7]])),
         "direction": "OUTBOUND"},
        {"_path": "conn", "service": "ssh", "orig_bytes": sum(len(b) for d, b in chunks if d)}])
    m.corpus("ssh", "exchange", stream_input(chunks))


def make_windows(m):
    share, pipe = "\\\\FILE1\\C$", "\\\\FILE1\\IPC$"
    smb = [
        (True, wire.smb_session(1, wire.ntlm_negotiate())),
        (False, wire.smb_session_ok(1, 0xc0000016, wire.ntlm_challenge("FILE1"))),
        (True, wire.smb_session(2, wire.ntlm_answer("CORP", "alice", "PC7"))),
        (False, wire.smb_session_ok(2, 0)),
        (True, wire.smb_tree(3, pipe)), (False, wire.smb_tree_ok(3, 1, 2)),
        (True, wire.smb_create(4, 1, "svcctl")), (False, wire.smb_create_ok(4, 1)),
        (True, wire.smb_write(5, 1, wire.rpc_bind(wire.SVCCTL))),
        (True, wire.smb_write(6, 1, wire.rpc_request(2, 12))),
        (True, wire.smb_read(7, 1)), (False, wire.smb_read_ok(7, 1, wire.rpc_response(2))),
        (True, wire.smb_close(8, 1)), (False, wire.smb_close(8, 1, True)),
        (True, wire.smb_tree(9, share)), (False, wire.smb_tree_ok(9, 2, 1)),
        (True, wire.smb_create(10, 2, "Temp\\evil.exe")), (False, wire.smb_create_ok(10, 2, 5)),
        (True, wire.smb_read(11, 2)), (False, wire.smb_read_ok(11, 2, b"hello")),
        (True, wire.smb_write(12, 2, b"y" * 40000)),
        (True, wire.smb_close(13, 2)), (False, wire.smb_close(13, 2, True))]
    rpc = [(True, wire.rpc_bind(wire.SVCCTL)), (True, wire.rpc_request(2, 15)),
           (False, wire.rpc_response(2)), (True, wire.rpc_request(3, 99))]
    realm = "CORP.EXAMPLE"
    krb = [(True, wire.framed(wire.krb_request(False, "alice", realm, "krbtgt", realm))),
           (False, wire.framed(wire.krb_error(25, realm, "krbtgt", realm))),
           (True, wire.framed(wire.krb_request(True, "", realm, "cifs", "file1.corp.example"))),
           (False, wire.framed(wire.krb_reply(True, "alice", realm, 23, "cifs",
                                              "file1.corp.example"))),
           (True, wire.framed(wire.krb_request(False, "bob", realm, "krbtgt", realm))),
           (False, wire.framed(wire.krb_reply(False, "bob", realm, 18, "krbtgt", realm))),
           (True, wire.framed(wire.krb_request(True, "", realm, "svc", pa=(wire.krb_pa(1), wire.krb_for_user("admin", realm))))),
           (False, wire.framed(wire.krb_reply(True, "admin", realm, 18, "svc"))),
           (True, wire.framed(wire.krb_request(True, "", realm, "cifs", "db1", pa=(wire.krb_pa(1),),
                                               options=b"\x40\x83\0\2")))]
    p = Pcap()
    p.stream(smb, 40040, 445)
    p.stream(rpc, 40041, 49664)
    p.stream(krb, 40042, 88)
    m.golden("windows", p, {"ntlm": 1, "smb_mapping": 2, "smb_files": 4, "dce_rpc": 3,
                            "files": 2, "kerberos": 5, "conn": 3}, [
        {"_path": "ntlm", "username": "alice", "hostname": "PC7", "domainname": "CORP",
         "server_nb_computer_name": "FILE1", "success": True},
        {"_path": "smb_mapping", "path": pipe, "share_type": "PIPE"},
        {"_path": "smb_mapping", "path": share, "share_type": "DISK"},
        {"_path": "smb_files", "action": "SMB::PIPE_OPEN", "name": "svcctl", "path": pipe},
        {"_path": "smb_files", "action": "SMB::FILE_OPEN", "name": "Temp\\evil.exe", "path": share,
         "size": 5},
        {"_path": "smb_files", "action": "SMB::FILE_WRITE", "name": "Temp\\evil.exe",
         "size": 40000, "bytes": 40000},
        {"_path": "smb_files", "action": "SMB::FILE_READ", "size": 5, "bytes": 5},
        {"_path": "files", "source": "SMB", "filename": "Temp\\evil.exe", "is_orig": False,
         "sha256": hashlib.sha256(b"hello").hexdigest(), "total_bytes": 5},
        {"_path": "files", "source": "SMB", "is_orig": True, "seen_bytes": 40000, "entropy": 0.0,
         "sha256": hashlib.sha256(b"y" * 40000).hexdigest(), "timedout": False},
        {"_path": "dce_rpc", "named_pipe": "svcctl", "endpoint": "svcctl",
         "operation": "CreateServiceW"},
        {"_path": "dce_rpc", "named_pipe": "49664", "endpoint": "svcctl",
         "operation": "OpenSCManagerW", "rtt": 0.01},
        {"_path": "dce_rpc", "named_pipe": "49664", "operation": "unknown-99", "rtt": None},
        {"_path": "kerberos", "request_type": "AS", "client": "alice/" + realm, "success": False,
         "service": "krbtgt/" + realm, "error_msg": "KDC_ERR_PREAUTH_REQUIRED",
         "forwardable": True},
        {"_path": "kerberos", "request_type": "TGS", "client": "alice/" + realm, "success": True,
         "service": "cifs/file1.corp.example", "cipher": "rc4-hmac", "preauth": None},
        {"_path": "kerberos", "request_type": "AS", "client": "bob/" + realm, "success": True,
         "reply_cipher": "rc4-hmac", "cipher": "aes256-cts-hmac-sha1-96", "preauth": None,
         "request_ciphers": ["aes256-cts-hmac-sha1-96", "rc4-hmac"], "options": ["canonicalize"]},
        {"_path": "kerberos", "service": "svc", "preauth": ["TGS-REQ", "FOR-USER"], "for_user": "admin"},
        {"_path": "kerberos", "service": "cifs/db1", "options": ["cname-in-addl-tkt", "canonicalize", "renew"],
         "success": None},
        {"_path": "conn", "id.resp_p": 445, "service": "smb,ntlm,dce_rpc"},
        {"_path": "conn", "id.resp_p": 49664, "service": "dce_rpc"},
        {"_path": "conn", "id.resp_p": 88, "service": "krb_tcp"}])
    for target, c in (("smb", smb), ("dce_rpc", rpc), ("krb", krb)):
        m.corpus(target, "exchange", stream_input(c))


def make_mail(m):
    smtp = [(False, b"220 mx.example ESMTP\r\n"), (True, b"EHLO pc7.corp.example\r\n"),
            (False, b"250-mx.example\r\n250 STARTTLS\r\n"),
            (True, b"MAIL FROM:<a@corp.example> SIZE=99\r\n"), (False, b"250 OK\r\n"),
            (True, b"RCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\n"),
            (False, b"250 OK\r\n250 OK\r\n"), (True, b"DATA\r\n"), (False, b"354 go\r\n"),
            (True, b"From: A <a@corp.example>\r\nSubject: hello\r\nX-Mailer: Golden\r\n\r\nbody\r\n"
                   b".\r\n"), (False, b"250 queued\r\n"), (True, b"QUIT\r\n"),
            (False, b"221 bye\r\n")]
    tool, note = bytes(range(256)) * 4, "caf\u00e9 = 1\r\n.dot".encode()
    encoded = base64.encodebytes(tool).replace(b"\n", b"\r\n")
    inner = b"Subject: inner\r\nContent-Type: application/zip; name=in.zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n"
    letter = (b"Received: from relay.example ([198.51.100.7])\r\n\tby mx.example; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
              b"Received: from pc (pc [IPv6:2001:db8::9]) by relay.example\r\nFrom: E <e@evil.example>\r\n"
              b"To: \"Doe, J\" <j@corp.example>,\r\n k@corp.example\r\nCc: l@corp.example\r\nMessage-ID: <1@evil.example>\r\n"
              b"X-Originating-IP: [203.0.113.9]\r\nSubject: your\r\n invoice\r\n"
              b"Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\npreamble\r\n--a b\r\n"
              b"Content-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\n\r\nplain\r\n--inner--\r\n--a b\r\n"
              b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment;\r\n filename=\"invoice.exe\"\r\n"
              b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded + b"--a b\r\n"
              b"Content-Type: text/plain; name*=utf-8''my%20notes.txt\r\nContent-Disposition: attachment\r\n"
              b"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9 =\r\n=3D 1\r\n..dot\r\n--a b\r\n"
              b"Content-Type: message/rfc822\r\n\r\n" + inner + b"--a b--\r\nepilogue\r\n")
    chunked = letter.replace(b"\r\n..dot", b"\r\n.dot")
    attached = [(False, b"220 mx.example ESMTP\r\n"), (True, b"HELO evil.example\r\n"), (False, b"250 hi\r\n"),
                (True, b"MAIL FROM:<e@evil.example>\r\n"), (False, b"250 ok\r\n"), (True, b"RCPT TO:<j@corp.example>\r\n"),
                (False, b"250 ok\r\n"), (True, b"DATA\r\n"), (False, b"354 go\r\n"), (True, letter + b".\r\n"),
                (False, b"250 queued\r\n"), (True, b"MAIL FROM:<e@evil.example>\r\nRCPT TO:<k@corp.example>\r\n"),
                (False, b"250 ok\r\n250 ok\r\n"), (True, b"BDAT 500\r\n" + chunked[:500]), (False, b"250 ok\r\n"),
                (True, b"BDAT %d LAST\r\n" % (len(chunked) - 500) + chunked[500:]), (False, b"250 queued\r\n")]
    cookie = b"Cookie: mstshash=alice\r\n"
    rdp = [(True, struct.pack("!BBHBBHHB", 3, 0, 11 + len(cookie) + 8, 6 + len(cookie) + 8, 0xe0, 0,
                              0, 0) + cookie + struct.pack("<BBHI", 1, 0, 8, 3)),
           (False, struct.pack("!BBHBBHHB", 3, 0, 19, 14, 0xd0, 0, 0, 0) +
            struct.pack("<BBHI", 2, 0, 8, 2))]
    core = struct.pack("<HHIHHHHII", 0xc001, 12 + 216 - 12, 0x80004, 1024, 768, 0xca01, 0xaa03, 0x409, 2600) + wire.utf16("PC7").ljust(32, b"\0")
    core = core.ljust(216, b"\0")
    net = struct.pack("<HHI", 0xc003, 8 + 24, 2) + b"rdpdr\0\0\0\0\0\0\x80cliprdr\0\0\0\0\xc0"
    blocks = b"\x7f\x65\x82\1\x2c" + bytes(20) + b"Duca" + struct.pack("!H", 0x8000 | len(core + net)) + core + net
    plain = [(True, rdp[0][1][:-4] + struct.pack("<I", 0)),
             (False, struct.pack("!BBHBBHHB", 3, 0, 11, 6, 0xd0, 0, 0, 0)),
             (True, struct.pack("!BBHBBB", 3, 0, 7 + len(blocks), 2, 0xf0, 0x80) + blocks)]
    bind = wire.der(0x30, wire.number(1), wire.der(0x60, wire.number(3), wire.der(4, b"cn=x"),
                                                   wire.der(0x80, b"")))
    done = wire.der(0x30, wire.number(1), wire.der(0x61, wire.der(10, b"\0"), wire.der(4),
                                                   wire.der(4)))
    spn = wire.der(0xa0, wire.der(0xa3, wire.der(4, b"objectClass"), wire.der(4, b"user")),
                   wire.der(0x87, b"servicePrincipalName"),
                   wire.der(0xa3, wire.der(4, b"mail"), wire.der(4, b"anna@corp.example")))
    search = wire.der(0x30, wire.number(2), wire.der(0x63, wire.der(4, b"dc=corp"), wire.der(10, b"\2"), wire.der(10, b"\0"),
                                                     wire.number(0), wire.number(0), wire.der(1, b"\0"), spn,
                                                     wire.der(0x30, wire.der(4, b"cn"), wire.der(4, b"userPassword"))))
    entry = wire.der(0x30, wire.number(2), wire.der(0x64, wire.der(4, b"cn=a"), wire.der(0x30)))
    found = wire.der(0x30, wire.number(2), wire.der(0x65, wire.der(10, b"\0"), wire.der(4), wire.der(4)))
    change = wire.der(0x30, wire.number(3), wire.der(0x66, wire.der(4, b"cn=pc7"), wire.der(0x30, wire.der(
        0x30, wire.der(10, b"\2"), wire.der(0x30, wire.der(4, b"msDS-KeyCredentialLink"), wire.der(0x31, wire.der(4, b"secret")))))))
    refused = wire.der(0x30, wire.number(3), wire.der(0x67, wire.der(10, b"\x32"), wire.der(4), wire.der(4, b"no right to 'cn=pc7'")))
    ldap = [(True, bind), (False, done), (True, search + change), (False, entry + entry + found + refused)]
    p = Pcap()
    p.stream(smtp, 40050, 25)
    p.stream(rdp, 40051, 3389)
    p.stream(ldap, 40052, 389)
    p.stream(attached, 40053, 25)
    p.stream(plain, 40054, 3389)
    mail = {"_path": "smtp", "id.orig_p": 40053, "to": ["\"Doe, J\" <j@corp.example>", "k@corp.example"],
            "cc": ["l@corp.example"], "msg_id": "<1@evil.example>", "x_originating_ip": "203.0.113.9",
            "path": ["198.51.100.7", "2001:db8::9"], "subject": "your invoice", "from": "E <e@evil.example>",
            "second_received": "from pc (pc [IPv6:2001:db8::9]) by relay.example"}
    files = [{"_path": "files", "source": "SMTP", "filename": name, "sha256": hashlib.sha256(data).hexdigest(), "is_orig": True,
              "seen_bytes": len(data)} for name, data in (("invoice.exe", tool), ("my notes.txt", note), ("in.zip", b"PK\3\4"))]
    m.golden("services", p, {"smtp": 3, "files": 6, "rdp": 2, "login": 1, "ldap": 2, "ldap_search": 1, "conn": 5}, files * 2 + [
        {"_path": "rdp", "id.orig_p": 40054, "cookie": "alice", "client_name": "PC7", "client_build": "RDP 5.1",
         "client_channels": ["rdpdr", "cliprdr"], "keyboard_layout": "keyboard-0x0409"},
        {**mail, "trans_depth": 1}, {**mail, "trans_depth": 2, "rcptto": ["k@corp.example"]},
        {"_path": "ldap", "opcode": "bind simple", "object": "cn=x", "version": 3, "result": "success"},
        {"_path": "ldap", "opcode": "modify", "object": "cn=pc7", "argument": "msDS-KeyCredentialLink",
         "result": "insufficient access rights", "diagnostic_message": "no right to "},
        {"_path": "ldap_search", "base_object": "dc=corp", "scope": "tree", "result_count": 2, "result": "success",
         "filter": "(&(objectClass=user)(servicePrincipalName=*)(mail=?))", "attributes": ["cn", "userPassword"]},
        {"_path": "smtp", "helo": "pc7.corp.example", "mailfrom": "a@corp.example",
         "rcptto": ["b@example.org", "c@example.org"], "subject": "hello", "user_agent": "Golden",
         "from": "A <a@corp.example>", "last_reply": "250 queued", "tls": False},
        {"_path": "rdp", "cookie": "alice", "security_protocol": "HYBRID", "result": "encrypted"},
        {"_path": "login", "service": "ldap_tcp", "user": "cn=x", "method": "SIMPLE", "success": True,
         "cleartext": False},
        {"_path": "conn", "id.resp_p": 389, "service": "ldap_tcp"},
        {"_path": "conn", "id.resp_p": 3389, "service": "rdp"},
        {"_path": "conn", "id.resp_p": 25, "service": "smtp"}])
    m.corpus("smtp", "mail", stream_input(smtp))
    m.corpus("smtp", "attached", stream_input(attached))
    m.corpus("rdp", "request", stream_input(rdp))
    m.corpus("rdp", "plain", stream_input(plain))
    m.corpus("ldap", "bind", stream_input(ldap))


def make_transfers(m):
    """Files by FTP, passive, active and over TLS, and by TFTP, in flows that others announce."""
    down, up, image = b"%PDF-1.4 " + b"p" * 3000, bytes(range(256)) * 10, b"\x7fELF" + bytes(1020)
    control = [(False, b"220 FTP\r\n"), (True, b"USER anna\r\n"), (False, b"230 in\r\n"), (True, b"PASV\r\n"),
               (False, b"227 ok (192,0,2,1,195,80)\r\n"), (True, b"RETR plan.pdf\r\n"), (False, b"150 x\r\n226 done\r\n"),
               (True, b"PORT 10,0,0,1,4,1\r\n"), (False, b"200 ok\r\n"), (True, b"STOR up.bin\r\n"), (False, b"150 x\r\n226 y\r\n"),
               (True, b"EPSV\r\n"), (False, b"229 ok (|||50009|)\r\n"), (True, b"LIST\r\n"), (False, b"150 x\r\n226 y\r\n")]
    p = Pcap()
    p.stream(control, 40061, 21)
    p.stream([(False, down)], 40062, 50000)
    p.stream([(False, up)], 20, 1025, src=SERVER, dst=CLIENT)
    p.stream([(False, b"drwx 1 root\r\n")], 40063, 50009)
    p.stream([(False, b"nobody announced this\r\n")], 40064, 50000)

    def block(n, data):
        return struct.pack("!HH", 3, n) + data
    p.udp(CLIENT, 40065, SERVER, 69, b"\0\1boot.img\0octet\0tsize\0" + b"0\0")
    p.udp(SERVER, 50065, CLIENT, 40065, b"\0\6tsize\0" + b"1024\0")
    p.udp(CLIENT, 40065, SERVER, 50065, b"\0\4\0\0")
    for n, at in ((1, 0), (2, 512), (2, 512), (3, 1024)):
        p.udp(SERVER, 50065, CLIENT, 40065, block(n, image[at:at + 512]))
        p.udp(CLIENT, 40065, SERVER, 50065, struct.pack("!HH", 4, n))
    p.udp(CLIENT, 40066, SERVER, 69, b"\0\2config\0netascii\0")
    p.udp(SERVER, 50066, CLIENT, 40066, b"\0\4\0\0")
    p.udp(CLIENT, 40066, SERVER, 50066, block(1, b"hostname x\n"))

    def told(source, name, data, sender):
        return {"_path": "files", "source": source, "filename": name, "sha256": hashlib.sha256(data).hexdigest(),
                "tx_hosts": [sender], "seen_bytes": len(data), "timedout": False}
    m.golden("transfers", p, {"ftp": 6, "login": 1, "files": 4, "conn": 9}, [
        {**told("FTP_DATA", "plan.pdf", down, SERVER), "mime_type": "application/pdf"},
        told("FTP_DATA", "up.bin", up, CLIENT),
        {**told("TFTP", "boot.img", image, SERVER), "mime_type": "application/x-executable", "total_bytes": 1024},
        told("TFTP", "config", b"hostname x\n", CLIENT),
        {"_path": "conn", "id.orig_p": 40062, "service": "ftp-data"}, {"_path": "conn", "id.orig_p": 40063, "service": "ftp-data"},
        {"_path": "conn", "id.orig_p": 40064, "service": None}, {"_path": "conn", "id.orig_p": 50065, "service": "tftp"},
        {"_path": "conn", "id.orig_p": 40065, "service": "tftp"}])
    for kind, chunks in (("request", [(True, b"\0\1boot.img\0octet\0")]),
                         ("transfer", [(False, b"\0\6blksize\0" + b"8\0"), (False, block(1, b"12345678")), (False, block(3, b"x"))])):
        m.corpus("tftp", kind, stream_input(chunks))


def make_disorder(m):
    """The same exchange in fragments, out of order, twice, with a hole, and cut."""
    body = bytes(i * 7 & 0xff for i in range(9000))
    chunks = [(True, b"GET /a HTTP/1.1\r\nHost: order.example\r\n\r\n"),
              (False, b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + body)]
    sha = hashlib.sha256(body).hexdigest()
    p = Pcap()

    def shuffled(frames):
        return frames[:1] + frames[2:0:-1] + frames[3:][::-1]
    p.stream(chunks, 40060, 80, order=shuffled)
    p.stream(chunks, 40061, 80, order=lambda f: [x for x in f for _ in range(2)])
    p.stream(chunks, 40062, 80, order=lambda f: f[:3] + f[4:])
    query = wire.dns(5, 0x0100, "fragment." + "a" * 60 + ".example")
    datagram = struct.pack("!HHHH", 40063, 53, 8 + len(query), 0) + query
    parts = [(i, datagram[i:i + 40]) for i in range(0, len(datagram), 40)]
    for at, part in parts[::-1]:
        p.add(wire.ether(wire.ipv4(CLIENT, SERVER, 17, part, 77, at, at + 40 < len(datagram))))
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, bytes.fromhex("020000000001"),
                      bytes([10, 0, 0, 1]), b"\0" * 6, bytes([10, 0, 0, 2]))
    p.add(wire.ether(arp, 0x0806))
    p.add(wire.ether(arp[:10], 0x0806))
    whole = {"_path": "files", "sha256": sha, "seen_bytes": 9000, "missing_bytes": 0}
    m.golden("disorder", p, None, [
        dict(whole, **{"id.orig_p": 40060}), dict(whole, **{"id.orig_p": 40061}),
        {"_path": "files", "id.orig_p": 40062, "sha256": None, "hash_skipped": "gap"},
        {"_path": "conn", "id.orig_p": 40061, "missed_bytes": 0},
        {"_path": "http", "id.orig_p": 40062, "response_body_len": 9000},
        {"_path": "dns", "query": "fragment." + "a" * 60 + ".example"},
        {"_path": "arp", "operation": "request", "orig_h": "10.0.0.1", "resp_h": "10.0.0.2",
         "orig_hw": "02:00:00:00:00:01"},
        {"_path": "weird", "name": "bad_ARP", "count": 1}])


def make_tunnels(m):
    """One query in each kind of tunnel; the last in two at once."""
    p = Pcap()
    count = [0]

    def inner(name):
        count[0] += 1
        return wire.udp("10.1.0.1", 41000 + count[0], "10.1.0.2", 53, wire.dns(1, 0x0100, name))

    def outer(proto, payload):
        p.add(wire.ether(wire.ipv4(CLIENT, SERVER, proto, payload)))

    def in_udp(port, payload):
        return struct.pack("!HHHH", 50000, port, 8 + len(payload), 0) + payload
    vxlan = struct.pack("!II", 0x08000000, 42 << 8)
    outer(4, inner("ipip.example"))
    outer(47, struct.pack("!HHII", 0x3000, 0x0800, 7, 8) + inner("gre.example"))
    outer(47, struct.pack("!HHIII", 0x1000, 0x88be, 9, 0x10010064, 0) +
          wire.ether(inner("erspan.example")))
    outer(17, in_udp(4789, vxlan + wire.ether(inner("vxlan.example"))))
    outer(17, in_udp(6081, struct.pack("!BBHII", 1, 0, 0x6558, 42 << 8, 0) +
                     wire.ether(inner("geneve.example"))))
    gtp = inner("gtp.example")
    outer(17, in_udp(2152, struct.pack("!BBHIHBB", 0x34, 0xff, 8 + len(gtp), 5, 1, 0, 0x85) +
                     b"\1\0\0\0" + gtp))
    double = vxlan + wire.ether(inner("twice.example"))
    outer(47, struct.pack("!HH", 0, 0x0800) + wire.udp(CLIENT, 50000, SERVER, 4789, double))
    outer(17, in_udp(4789, b"this is not VXLAN at all"))
    names = ["ipip", "gre", "erspan", "vxlan", "geneve", "gtp", "twice"]
    m.golden("tunnels", p, {"dns": 7, "conn": 8}, [
        {"_path": "dns", "query": name + ".example", "id.orig_h": "10.1.0.1",
         "id.orig_p": 41001 + i} for i, name in enumerate(names)] + [
        {"_path": "conn", "id.orig_h": CLIENT, "id.resp_p": 4789, "orig_pkts": 1}])


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else HERE
    corpus = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "..", "..", "..", "fuzz", "corpus")
    m = Maker(folder, corpus)
    for make in (make_dns, make_http, make_tls, make_dhcp, make_ssh, make_windows, make_mail,
                 make_transfers, make_disorder, make_tunnels):
        make(m)
    make_apps.make(m, stream_input)


if __name__ == "__main__":
    main()
