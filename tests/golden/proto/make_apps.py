# SPDX-License-Identifier: Apache-2.0
"""Exchanges of industrial protocols, databases and others, byte by byte from their documents: golden
captures and fuzz corpora for make.py."""
import struct

from wire import CLIENT, SERVER, Pcap


def be16(v):
    return struct.pack("!H", v)


def modbus(tid, unit, pdu):
    return struct.pack("!HHHB", tid, 0, 1 + len(pdu), unit) + pdu


def dnp3_crc(data):
    v = 0
    for b in data:
        v ^= b
        for _ in range(8):
            v = v >> 1 ^ 0xa6bc if v & 1 else v >> 1
    return struct.pack("<H", ~v & 0xffff)


def dnp3(control, to, sender, data):
    head = struct.pack("<BBBBHH", 5, 0x64, 5 + len(data), control, to, sender)
    out = head + dnp3_crc(head)
    for at in range(0, len(data), 16):
        out += data[at:at + 16] + dnp3_crc(data[at:at + 16])
    return out


def s7(kind, reference, params, data=b"", error=b""):
    body = struct.pack("!BBHHHH", 0x32, kind, 0, reference, len(params), len(data)) + error + params + data
    return struct.pack("!BBH", 3, 0, 7 + len(body)) + b"\x02\xf0\x80" + body


def enip(command, data, session=0, status=0):
    return struct.pack("<HHII8sI", command, len(data), session, status, b"ctx\0\0\0\0\0", 0) + data


def enip_items(*items):
    return struct.pack("<H", len(items)) + b"".join(struct.pack("<HH", t, len(d)) + d for t, d in items)


def bacnet(function, apdu):
    npdu = b"\x01\x04" + apdu
    return struct.pack("!BBH", 0x81, function, 4 + len(npdu)) + npdu


def industrial():
    """(name, chunks, port, UDP?) and the records of each."""
    read = b"\x12\x0a\x10\x02\x00\x04\x00\x07\x84\x00\x00\x50"
    identity = (struct.pack("<H", 1) + struct.pack("!HH4s8s", 2, 44818, bytes([192, 0, 2, 1]), b"\0" * 8) +
                struct.pack("<HHHBBHI", 1, 14, 54, 20, 11, 0, 0xc0ffee) + b"\x0a1756-L61/B\x03")
    get = b"\x0e\x03\x20\x01\x24\x01\x30\x07"
    return [
        ("modbus", [(True, modbus(7, 1, b"\x03\0\x6b\0\x03")), (False, modbus(7, 1, b"\x03\x06\0\1\0\2\0\3")),
                    (True, modbus(8, 1, b"\x06\0\x01\0\xff")), (False, modbus(8, 1, b"\x86\x02"))], 502, False,
         [{"_path": "modbus", "tid": 7, "unit": 1, "func": "READ_HOLDING_REGISTERS", "address": 0x6b,
           "quantity": 3, "pdu_type": "RESP", "exception": None},
          {"_path": "modbus", "tid": 8, "func": "WRITE_SINGLE_REGISTER", "address": 1,
           "exception": "ILLEGAL_DATA_ADDRESS"}]),
        ("dnp3", [(True, dnp3(0xc4, 1, 3, b"\xc1\xc1\x01\x3c\x02\x06\x3c\x03\x06\x1e\x01\x00\x00\x05")),
                  (False, dnp3(0x44, 3, 1, b"\xc1\xc1\x81\x80\0" + b"\x1e\x01\0\0\0" + b"\1" * 5)),
                  (True, dnp3(0xc4, 1, 3, b"\xc2\xc2\x0d"))], 20000, False,
         [{"_path": "dnp3", "fc_request": "READ", "fc_reply": "RESPONSE", "iin": 0x8000, "source": 3,
           "destination": 1, "objects": ["g60v2", "g60v3", "g30v1"]},
          {"_path": "dnp3", "fc_request": "COLD_RESTART", "fc_reply": None, "objects": None}]),
        ("s7comm", [(True, b"\x03\0\0\x16\x11\xe0\0\0\0\1\0\xc1\2\1\0\xc2\2\1\2\xc0\1\x0a"),
                    (False, b"\x03\0\0\x16\x11\xd0\0\1\0\2\0\xc1\2\1\0\xc2\2\1\2\xc0\1\x0a"),
                    (True, s7(1, 5, b"\x04\x01" + read)), (False, s7(3, 5, b"\x04\x01", b"\x0a\0\0\0", b"\x81\x04")),
                    (True, s7(1, 6, b"\x29\0\0\0\0\0\x09P_PROGRAM")), (False, s7(2, 6, b"\x29", error=b"\0\0")),
                    (True, s7(7, 7, b"\0\1\x12\4\x11\x44\1\0", b"\xff\x09\0\4\0\x11\0\0"))], 102, False,
         [{"_path": "s7comm", "function_name": "Read Variable", "items": ["DB7.10 x4"], "error_class": 0x81,
           "error_code": 4, "pdu_reference": 5},
          {"_path": "s7comm", "function_name": "PLC Stop", "block": "P_PROGRAM", "error_class": 0},
          {"_path": "s7comm", "function_name": "CPU Functions", "subfunction_name": "Read SZL"}]),
        ("enip", [(True, enip(0x65, b"\1\0\0\0")), (False, enip(0x65, b"\1\0\0\0", 77)),
                  (True, enip(0x63, b"")), (False, enip(0x63, enip_items((0x0c, identity)))),
                  (True, enip(0x6f, b"\0" * 6 + enip_items((0, b""), (0xb2, get)), 77)),
                  (False, enip(0x6f, b"\0" * 6 + enip_items((0, b""), (0xb2, b"\x8e\0\x08\0")), 77)),
                  (True, enip(0x6f, b"\0" * 6 + enip_items((0, b""), (
                      0xb2, b"\x52\x02\x20\x06\x24\x01\x0a\xf0\x06\0\x05\x02\x20\x01\x24\x01\x01\0\1\0")), 77))],
         44818, False,
         [{"_path": "enip", "enip_command": "Register Session", "is_orig": True},
          {"_path": "enip", "enip_command": "List Identity", "is_orig": True, "vendor_id": None},
          {"_path": "enip", "enip_command": "List Identity", "is_orig": False, "vendor_id": 1, "device_type": 14,
           "product_code": 54, "revision": "20.11", "serial_number": "00c0ffee", "product_name": "1756-L61/B"},
          {"_path": "enip", "cip_service": "Get Attribute Single", "class_name": "Identity", "instance_id": 1,
           "attribute_id": 7, "is_orig": True, "session_handle": 77},
          {"_path": "enip", "cip_service": "Get Attribute Single", "cip_status": 8, "is_orig": False},
          {"_path": "enip", "cip_service": "Reset", "class_name": "Identity"}]),
        ("bacnet", [(True, bacnet(10, b"\x00\x05\x01\x0c\x0c\x00\x80\x00\x02\x19\x55")),
                    (False, bacnet(10, b"\x50\x01\x0c\x91\x02\x91\x20")),
                    (True, bacnet(11, b"\x10\x08"))], 47808, True,
         [{"_path": "bacnet", "pdu_type": "Confirmed Request", "pdu_service": "read_property", "invoke_id": 1,
           "object_type": "analog-value", "instance_number": 2, "property": "present-value"},
          {"_path": "bacnet", "pdu_type": "Error", "result_code": "32", "pdu_service": "read_property"},
          {"_path": "bacnet", "bvlc_function": "Original-Broadcast-NPDU", "pdu_service": "who_is"}]),
    ]


def mysql(seq, payload):
    return struct.pack("<I", len(payload))[:3] + bytes([seq]) + payload


def pg(kind, payload):
    return kind + struct.pack("!I", 4 + len(payload)) + payload


def tds(kind, payload, status=1):
    return struct.pack("!BBHHBB", kind, status, 8 + len(payload), 0, 1, 0) + payload


def login7(host, user, password, app, database):
    names = [host, user, password, app, "srv", "", "lib", "", database]
    at, table, text = 94, b"", b""
    for name in names:
        table += struct.pack("<HH", at, len(name))
        text += name.encode("utf-16-le")
        at += 2 * len(name)
    head = struct.pack("<IIIIIIBBBBII", 94 + len(text), 0x74000004, 4096, 7, 1, 0, 0, 0, 0, 0, 0, 0)
    return head + table + b"\0" * (94 - 36 - len(table)) + text


def bson(*members):
    body = b"".join(members)
    return struct.pack("<I", 5 + len(body)) + body + b"\0"


def text(name, value):
    return b"\2" + name + b"\0" + struct.pack("<I", len(value) + 1) + value + b"\0"


def mongo(ident, answers, doc):
    body = struct.pack("<IB", 0, 0) + doc
    return struct.pack("<IIII", 16 + len(body), ident, answers, 2013) + body


def databases():
    greeting = b"\x0a8.0.36\0" + struct.pack("<I", 9) + b"saltsalt\0" + b"\xff\xf7\xff\2\0\xff\xff\x15" + b"\0" * 10 + b"saltsaltsalt\0"
    caps = 1 << 3 | 1 << 9 | 1 << 15 | 1 << 19
    login = struct.pack("<IIB", caps, 1 << 24, 33) + b"\0" * 23 + b"alice\0\x04hash" + b"shop\0mysql_native_password\0"
    error = b"\xff\x28\x04#42000You have an error near 'hunter2' at line 1"
    startup = struct.pack("!I", 3 << 16) + b"user\0alice\0database\0shop\0application_name\0psql\0\0"
    statement = "SELECT * FROM users WHERE name='O''Brien' AND pin=1234 -- x\n"
    batch = struct.pack("<IIHQI", 22, 18, 2, 0, 1) + statement.encode("utf-16-le")
    message = "Invalid object name 'secret'.".encode("utf-16-le")
    token = struct.pack("<IBBH", 208, 1, 16, len(message) // 2) + message + b"\0\0" + struct.pack("<I", 1)
    payload = b"n,,n=alice,r=abcdef"
    sasl = bson(b"\x10saslStart\0\1\0\0\0", text(b"mechanism", b"SCRAM-SHA-256"),
                b"\5payload\0" + struct.pack("<IB", len(payload), 0) + payload)
    return [
        ("mysql", [(False, mysql(0, greeting)), (True, mysql(1, login)), (False, mysql(2, b"\0\0\0\2\0\0\0")),
                   (True, mysql(0, b"\3UPDATE t SET pw='hunter2' WHERE id=7")),
                   (False, mysql(1, b"\0\5\0\2\0\0\0")), (True, mysql(0, b"\3SELEC 'hunter2'")),
                   (False, mysql(1, error)),
                   (True, mysql(0, b"\x11bob\0\x04hashother\0\x21\0mysql_native_password\0")), (False, mysql(1, error)),
                   (True, mysql(0, b"\1"))], 3306, False,
         [{"_path": "mysql", "cmd": "login", "user": "alice", "database": "shop", "version": "8.0.36",
           "success": True},
          {"_path": "login", "service": "mysql", "user": "alice", "method": "MYSQL_NATIVE_PASSWORD", "success": True, "cleartext": False},
          {"_path": "mysql", "cmd": "query", "arg": "UPDATE t SET pw=? WHERE id=?", "rows": 5, "success": True},
          {"_path": "mysql", "cmd": "query", "arg": "SELEC ?", "success": False,
           "response": "You have an error near ? at line ?"},
          {"_path": "mysql", "cmd": "change_user", "user": "bob", "database": "other", "success": False},
          {"_path": "login", "service": "mysql", "user": "bob", "method": "MYSQL_NATIVE_PASSWORD", "success": False, "cleartext": False},
          {"_path": "mysql", "cmd": "quit"}]),
        ("postgresql", [(True, struct.pack("!II", 8, 80877103)), (False, b"N"),
                        (True, struct.pack("!I", 4 + len(startup)) + startup),
                        (False, pg(b"R", struct.pack("!I", 3))), (True, pg(b"p", b"hunter2\0")),
                        (False, pg(b"R", struct.pack("!I", 0)) + pg(b"Z", b"I")),
                        (True, pg(b"Q", statement.encode() + b"\0")),
                        (False, pg(b"T", b"\0\0") + pg(b"D", b"\0\0") + pg(b"C", b"SELECT 1\0") + pg(b"Z", b"I")),
                        (True, pg(b"P", b"\0DROP TABLE \"x\"\0\0\0")),
                        (False, pg(b"E", b"SERROR\0C42P01\0Mtable \"x\" is not there\0\0")),
                        (True, pg(b"X", b""))], 5432, False,
         [{"_path": "postgresql", "frontend": "startup", "user": "alice", "database": "shop", "success": True,
           "application_name": "psql", "backend": "auth_ok"},
          {"_path": "login", "service": "postgresql", "user": "alice", "method": "PASSWORD", "success": True, "cleartext": True},
          {"_path": "postgresql", "frontend": "simple_query", "success": True, "rows": 1,
           "frontend_arg": "SELECT * FROM users WHERE name=? AND pin=?"},
          {"_path": "postgresql", "frontend": "parse", "success": False, "backend": "error",
           "backend_arg": "42P01 table ? is not there"},
          {"_path": "postgresql", "frontend": "terminate"}]),
        ("tds", [(True, tds(16, login7("PC7", "alice", "hunter2", "shop.exe", "shop"))),
                 (False, tds(4, b"\xad\1\0\1" + b"\xfd\0\0\0\0\0\0\0\0\0\0\0\0")),
                 (True, tds(1, batch)), (False, tds(4, b"\xaa" + struct.pack("<H", len(token)) + token)),
                 (True, tds(3, struct.pack("<HH", 0xffff, 10)))], 1433, False,
         [{"_path": "db", "protocol": "tds", "cmd": "login", "user": "alice", "database": "shop",
           "client_host": "PC7", "application": "shop.exe", "version": "7.4", "success": True},
          {"_path": "login", "service": "tds", "user": "alice", "method": "PASSWORD", "success": True, "cleartext": True},
          {"_path": "db", "cmd": "batch", "arg": "SELECT * FROM users WHERE name=? AND pin=?",
           "success": False, "error_code": 208, "error": "Invalid object name ?."},
          {"_path": "db", "cmd": "rpc", "arg": "sp_executesql"}]),
        ("redis", [(True, b"*3\r\n$4\r\nAUTH\r\n$5\r\nalice\r\n$7\r\nhunter2\r\n"),
                   (False, b"-WRONGPASS invalid username-password pair\r\n"),
                   (True, b"*3\r\n$3\r\nset\r\n$24\r\nsession:0123456789abcdef\r\n$3000\r\n" + b"v" * 3000 + b"\r\n"),
                   (False, b"+OK\r\n"), (True, b"*2\r\n$4\r\necho\r\n$7\r\nhunter2\r\n"), (False, b"$7\r\nhunter2\r\n")],
         6379, False,
         [{"_path": "redis", "cmd.name": "AUTH", "user": "alice", "success": False, "error": "WRONGPASS",
           "cmd.key": None},
          {"_path": "login", "service": "redis", "user": "alice", "method": "AUTH", "success": False, "cleartext": True},
          {"_path": "redis", "cmd.name": "SET", "cmd.key": "session:?", "success": True},
          {"_path": "redis", "cmd.name": "ECHO", "cmd.key": None}]),
        ("mongodb", [(True, mongo(1, 0, bson(b"\x10hello\0\1\0\0\0", text(b"$db", b"admin"),
                                             b"\3speculativeAuthenticate\0" + sasl,
                                             b"\3client\0" + bson(b"\3application\0" + bson(text(b"name", b"shop")))))),
                     (False, mongo(9, 1, bson(b"\1ok\0" + struct.pack("<d", 1)))),
                     (True, mongo(2, 0, bson(b"\x10saslStart\0\1\0\0\0", text(b"mechanism", b"SCRAM-SHA-256"),
                                             b"\5payload\0" + struct.pack("<IB", len(payload), 0) + payload,
                                             text(b"$db", b"admin")))),
                     (False, mongo(9, 2, bson(b"\1ok\0" + struct.pack("<d", 0), b"\x10code\0\x12\0\0\0",
                                              text(b"codeName", b"AuthenticationFailed")))),
                     (True, mongo(3, 0, bson(text(b"find", b"orders"), b"\3filter\0" + bson(text(b"card", b"4111")),
                                             text(b"$db", b"shop")))),
                     (False, mongo(9, 3, bson(b"\3cursor\0" + bson(), b"\1ok\0" + struct.pack("<d", 1))))],
         27017, False,
         [{"_path": "db", "protocol": "mongodb", "cmd": "hello", "application": "shop", "success": True},
          {"_path": "db", "cmd": "saslStart", "user": "alice", "success": False, "error_code": 18,
           "error": "AuthenticationFailed"},
          {"_path": "login", "service": "mongodb", "user": "alice", "method": "SCRAM-SHA-256", "success": False, "cleartext": False},
          {"_path": "db", "cmd": "find", "arg": "orders", "database": "shop", "success": True}]),
    ]


def field(data):
    return be16(len(data)) + data


def mqtt(first, body):
    n, size = len(body), b""
    while True:
        size += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            return bytes([first]) + size + body


def overlays():
    spi, other = bytes(range(1, 9)), bytes(range(17, 25))
    sa = b"\x2b\0\0\x08\1\2\3\4" + b"\0\0\0\x0cvendor-7"
    infohash, peer = bytes(range(20)), b"-TR4000-abcdefghijkl"
    handshake = b"\x13BitTorrent protocol" + b"\0" * 8 + infohash + peer
    return [
        ("mqtt", [(True, mqtt(0x10, field(b"MQTT") + b"\4\xc2\0\x3c" + field(b"pump-7") + field(b"alice") +
                              field(b"hunter2"))), (False, b"\x20\2\0\5"),
                  (True, mqtt(0x82, b"\0\1" + field(b"plant/+/cmd") + b"\1")), (False, b"\x90\3\0\1\1"),
                  (True, mqtt(0x33, field(b"plant/7/temp") + b"\0\2" + b"21.5" * 600)),
                  (True, b"\xe0\0")], 1883, False,
         [{"_path": "mqtt_connect", "client_id": "pump-7", "user": "alice", "proto_version": "3.1.1",
           "connect_status": "Refused: not authorized"},
          {"_path": "login", "service": "mqtt", "user": "alice", "method": "CONNECT", "success": False, "cleartext": True},
          {"_path": "mqtt_subscribe", "topics": ["plant/+/cmd"], "granted_qos_level": 1, "ack": True,
           "action": "MQTT::SUBSCRIBE"},
          {"_path": "mqtt_publish", "topic": "plant/7/temp", "payload_len": 2400, "retain": True,
           "qos": "at least once", "from_client": True}]),
        ("rfb", [(False, b"RFB 003.008\n"), (True, b"RFB 003.008\n"), (False, b"\2\1\2"), (True, b"\2"),
                 (False, b"c" * 16), (True, b"r" * 16), (False, b"\0\0\0\0"), (True, b"\1"),
                 (False, struct.pack("!HH16sI", 1280, 800, b"f" * 16, 4) + b"desk")], 5900, False,
         [{"_path": "rfb", "client_minor_version": "008", "authentication_method": "VNC", "auth": True,
           "share_flag": True, "desktop_name": "desk", "width": 1280, "height": 800},
          {"_path": "login", "service": "rfb", "user": None, "method": "VNC", "success": True, "cleartext": False}]),
        ("wireguard", [(True, b"\1\0\0\0\x07\0\0\0" + b"k" * 140), (False, b"\2\0\0\0\x08\0\0\0\x07\0\0\0" + b"k" * 80)],
         51820, True,
         [{"_path": "overlay", "protocol": "wireguard", "answered": True, "initiator_id": "07000000",
           "responder_id": "08000000", "exchange": "Handshake Initiation"}]),
        ("openvpn", [(True, b"\x38" + spi + b"\0" * 5), (False, b"\x40" + other + b"\0" * 17)], 1194, True,
         [{"_path": "overlay", "protocol": "openvpn", "answered": True, "initiator_id": spi.hex(),
           "responder_id": other.hex(), "exchange": "P_CONTROL_HARD_RESET_CLIENT_V2"}]),
        ("ike", [(True, spi + b"\0" * 8 + struct.pack("!BBBBII", 33, 0x20, 34, 8, 0, 28 + len(sa)) + sa),
                 (False, spi + other + struct.pack("!BBBBII", 0, 0x20, 34, 0x20, 0, 28))], 500, True,
         [{"_path": "overlay", "protocol": "ipsec", "version": "2.0", "exchange": "IKE_SA_INIT", "answered": True,
           "initiator_id": spi.hex(), "responder_id": other.hex(), "vendor_ids": [b"vendor-7".hex()]}]),
        ("bittorrent", [(True, handshake), (False, handshake[:48] + b"-qB4500-mnopqrstuvwx" + b"\0\0\0\0")], 51413, False,
         [{"_path": "overlay", "protocol": "bittorrent", "info_hash": infohash.hex(), "answered": True,
           "initiator_id": peer.hex(), "exchange": "handshake"}]),
    ]


def dhcp6_messages():
    duid = struct.pack("!HHHHI", 1, 14, 1, 1, 5) + bytes.fromhex("02000000000a")
    address = bytes.fromhex("20010db8000000000000000000000007")
    ia = struct.pack("!HHIII", 3, 40, 1, 0, 0) + struct.pack("!HH16sII", 5, 24, address, 3600, 7200)
    fqdn = b"\0\x27\0\x0b\0\4pc-7\4corp"
    solicit = b"\1\0\0\7" + duid + fqdn
    reply = b"\7\0\0\7" + duid + ia
    relay = b"\x0c\0" + address + address + struct.pack("!HH", 9, len(solicit)) + solicit
    return solicit, reply, relay


def make(m, stream_input):
    for group, name in ((industrial, "industrial"), (databases, "databases"), (overlays, "overlays")):
        p, counts, records = Pcap(), {}, []
        for i, (target, chunks, port, udp, want) in enumerate(group()):
            if udp:
                for from_client, data in chunks:
                    ends = (CLIENT, 41000 + i, SERVER, port) if from_client else (SERVER, port, CLIENT, 41000 + i)
                    p.udp(*ends, data)
            else:
                p.stream(chunks, 41000 + i, port)
            for r in want:
                counts[r["_path"]] = counts.get(r["_path"], 0) + 1
                records.append(dict(r, **{"id.orig_h": CLIENT, "id.resp_p": port}))
            counts["conn"] = counts.get("conn", 0) + 1
            m.corpus(target, "exchange", stream_input(chunks))
            m.corpus(target, "recognised", stream_input(chunks, 0))
        m.golden(name, p, counts, records)
    for i, message in enumerate(dhcp6_messages()):
        m.corpus("dhcp6", "message%d" % i, stream_input([(True, message)]))
