# SPDX-License-Identifier: Apache-2.0
"""Our records in the words of Suricata's EVE log.

Each record becomes the events that Suricata would have written of it, as flat dicts ("dns.rrname"). A value that is a
set stands for any of its members: ours and theirs take another end as source. A key that is absent here has no
counterpart in our schema."""
import re

SMALL = {"tcp": "TCP", "udp": "UDP", "icmp": "ICMP", "icmp6": "IPv6-ICMP", "132": "SCTP", "47": "GRE", "50": "ESP"}
COMMON = ("src_ip", "dest_ip", "src_port", "dest_port", "proto", "community_id")
# Of these we write one record a conversation or an exchange, not one a message: that there is one is compared.
MERGED = ("snmp", "ntp", "dhcp", "modbus", "quic")
KERBEROS = ("AS", "TGS")
TLS_VERSIONS = {"TLSv13": "TLS 1.3", "TLSv12": "TLS 1.2", "TLSv11": "TLS 1.1", "TLSv10": "TLSv1", "SSLv3": "SSLv3"}
NTP_MODES = {1: "symmetric active", 2: "symmetric passive", 3: "client", 4: "server", 5: "broadcast"}


def common(record, conns):
    uids = [record.get("uid"), *record.get("uids", ())]
    conn = next((conns[uid] for uid in uids if uid in conns), record)
    event = {}
    if "id.orig_h" in conn:
        addresses = {conn["id.orig_h"], conn["id.resp_h"]}
        ports = {conn["id.orig_p"], conn["id.resp_p"]}
        event = {"src_ip": addresses, "dest_ip": addresses, "src_port": ports, "dest_port": ports}
    if "proto" in conn:
        event["proto"] = {SMALL.get(conn["proto"], conn["proto"].upper()), conn["proto"].upper()}
    if "community_id" in conn:
        event["community_id"] = conn["community_id"]
    return event


def flow(r, apps):
    event = {f"flow.{name}": r.get(ours, 0) for name, ours in (
        ("pkts_toserver", "orig_pkts"), ("pkts_toclient", "resp_pkts"), ("bytes_toserver", "orig_wire_bytes"),
        ("bytes_toclient", "resp_wire_bytes"))}
    event["flow.age"] = {int(r.get("duration", 0)), int(r.get("duration", 0)) + 1}
    event["other way"] = (r["id.resp_h"], r["id.resp_p"])
    event["app_proto"] = apps({s for s in r.get("service", "").split(",") if s})
    if r["proto"] == "icmp":
        event["icmp_type"] = r["id.orig_p"]
        event["icmp_code"] = r["id.resp_p"]
    event.update({f"vlan[{i}]": r[name] for i, name in enumerate(("vlan", "inner_vlan")) if name in r})
    yield "flow", event
    for side, other in (("orig", "resp"), ("resp", "orig")):
        if r.get(f"{side}_pkts"):
            yield "netflow", {"netflow.pkts": r[f"{side}_pkts"], "app_proto": event["app_proto"],
                              "src_ip": r[f"id.{side}_h"], "dest_ip": r[f"id.{other}_h"]}


def dns(r, apps):
    asked = {"dns.id": r.get("trans_id"), "dns.tx_id": None, "dns.rd": r.get("RD"), "app_proto": apps({"dns"})}
    for name in ("dns.rrname", "dns.queries[0].rrname"):
        asked[name] = r.get("query")
    for name in ("dns.rrtype", "dns.queries[0].rrtype"):
        asked[name] = r.get("qtype_name")
    del asked["dns.tx_id"]
    if "query_bytes" in r:
        yield "dns", {**asked, "dns.type": {"request", "query"}}
    if "answer_bytes" in r:
        answers = r.get("answers", [])
        event = {**asked, "dns.type": {"response", "answer"}, "dns.rcode": r.get("rcode_name"), "dns.aa": r.get("AA"),
                 "dns.ra": r.get("RA"), "dns.answers.__len": len(answers)}
        for i in range(8):
            event[f"dns.answers[{i}].rdata"] = answers[i] if i < len(answers) else None
            event[f"dns.answers[{i}].ttl"] = int(r["TTLs"][i]) if i < len(r.get("TTLs", [])) else None
        for kind in ("A", "AAAA", "CNAME", "NS"):
            event[f"dns.grouped.{kind}[0]"] = set(answers)
        yield "dns", event


def http(r, apps):
    yield "http", {"http.url": r.get("uri"), "http.hostname": {r.get("host"), f"[{r.get('host')}]"},
                   "http.http_method": r.get("method"), "http.status": r.get("status_code"),
                   "http.protocol": "HTTP/" + r.get("version", "?"), "http.http_user_agent": r.get("user_agent"),
                   "http.http_refer": r.get("referrer"), "http.length": r.get("response_body_len"),
                   "http.version": {"2"} if r.get("version") == "2" else None, "app_proto": apps({"http"})}


def fileinfo(r, apps):
    """Of HTTP without a name in its headers Suricata takes the URI."""
    name = r.get("filename") or r.get("uri")
    yield "fileinfo", {"fileinfo.size": r.get("seen_bytes"), "fileinfo.sha256": r.get("sha256"),
                       "fileinfo.gaps": bool(r.get("missing_bytes")), "app_proto": apps({r.get("source", "").lower()}),
                       **({"fileinfo.filename": name} if name else {})}


def tls(r, apps):
    yield "tls", {"tls.version": TLS_VERSIONS.get(r.get("version", r.get("client_version"))), "tls.sni": r.get("server_name"),
                  "tls.subject": dn(r.get("subject")), "tls.issuerdn": dn(r.get("issuer")), "tls.ja3.hash": r.get("ja3"),
                  "tls.ja3s.hash": r.get("ja3s"), "tls.ja4": r.get("ja4")}
    if r.get("ja4", "").startswith("q"):
        yield "quic", {"quic.sni": r.get("server_name"), "quic.ja4": r.get("ja4")}


def dn(text):
    """Our names run from the leaf to the root, theirs from the root."""
    return ", ".join(reversed(re.split(r"(?<!\\),", text))).replace("\\", "") if text else None


def quic(r, apps):
    yield "quic", {"quic.version": r.get("version"), "quic.sni": r.get("server_name"), "quic.ja4": r.get("ja4")}


def ssh(r, apps):
    def software(side):
        return re.sub(r"^SSH-[\d.]+-", "", r.get(side, "")).split(" ")[0]
    yield "ssh", {"ssh.client.proto_version": re.sub(r"^SSH-([\d.]+)-.*", r"\1", r.get("client", "")),
                  "ssh.server.proto_version": re.sub(r"^SSH-([\d.]+)-.*", r"\1", r.get("server", "")),
                  "ssh.client.software_version": software("client"), "ssh.server.software_version": software("server"),
                  "ssh.client.hassh.hash": r.get("hassh"), "ssh.server.hassh.hash": r.get("hasshServer")}


def smtp(r, apps):
    yield "smtp", {"smtp.helo": r.get("helo"), "smtp.mail_from": bracketed(r.get("mailfrom")), "email.from": r.get("from"),
                   **{f"smtp.rcpt_to[{i}]": bracketed(to) for i, to in enumerate(r.get("rcptto", []))}}


def bracketed(address):
    return {address, f"<{address}>"} if address is not None else None


def smb_files(r, apps):
    yield "smb", {"smb.filename": {r.get("name"), (r.get("name") or "").lstrip("\\")}, "smb.rename.from": r.get("prev_name")}


def smb_mapping(r, apps):
    yield "smb", {"smb.share": r.get("path"), "smb.named_pipe": r.get("path") if r.get("share_type") == "PIPE" else None}


def dce_rpc(r, apps):
    yield "smb", {"smb.named_pipe": r.get("named_pipe")}


def kerberos(r, apps):
    """One of ours is a request with its answer; an error names nobody."""
    client, _, realm = (r.get("client") or "").rpartition("/")
    service = r.get("service") or ""
    kind = r.get("request_type")
    event = {"krb5.cname": client or "<empty>", "krb5.realm": realm or "<empty>",
             "krb5.sname": {service, service.rpartition("@")[0]} if service else "<empty>"}
    if kind in KERBEROS:
        yield "krb5", {**event, "krb5.msg_type": f"KRB_{kind}_REQ"}
        if r.get("success"):
            yield "krb5", {**event, "krb5.msg_type": f"KRB_{kind}_REP", "krb5.ticket_encryption": r.get("cipher")}
    if "error_msg" in r:
        yield "krb5", {**event, "krb5.msg_type": "KRB_ERROR", "krb5.error_code": r["error_msg"],
                       "krb5.cname": {"<empty>", client}, "krb5.realm": {"<empty>", realm}}


def mqtt_connect(r, apps):
    yield "mqtt", {"mqtt.connect.protocol_string": r.get("proto_name"),
                   "mqtt.connect.protocol_version": {"3.1": 3, "3.1.1": 4, "5.0": 5}.get(r.get("proto_version")),
                   "mqtt.connect.client_id": r.get("client_id", ""), "mqtt.connect.username": r.get("user"),
                   "mqtt.connect.will.topic": r.get("will_topic"), "mqtt.connect.flags.will": "will_topic" in r,
                   "mqtt.connect.flags.username": "user" in r}


def mqtt_publish(r, apps):
    event = {"mqtt.publish.topic": r.get("topic"), "mqtt.publish.retain": r.get("retain"),
             "mqtt.publish.qos": {"at most once": 0, "at least once": 1, "exactly once": 2}.get(r.get("qos"))}
    for _ in range(1 + r.get("repeats", 0)):
        yield "mqtt", event


def mqtt_subscribe(r, apps):
    word = "subscribe" if r.get("action") == "MQTT::SUBSCRIBE" else "unsubscribe"
    yield "mqtt", {f"mqtt.{word}.topics": r.get("topics", [])}


def sip(r, apps):
    if r.get("method"):
        yield "sip", {"sip.method": r["method"], "sip.uri": r.get("uri")}
    if "status_code" in r:
        yield "sip", {"sip.code": str(r["status_code"]), "sip.reason": r.get("status_msg")}


def snmp(r, apps):
    word = {"get_requests": "get_request", "set_requests": "set_request", "get_responses": "response",
            "get_bulk_requests": "get_bulk_request"}
    kinds = {v for k, v in word.items() if r.get(k)}
    kinds |= {"get_next_request"} if r.get("get_requests") else set()
    kinds |= {"encrypted"} if r.get("encrypted") else set()
    yield "snmp", {"snmp.version": int(r.get("version", "0").rstrip("c")), "snmp.pdu_type": kinds}


def rfb(r, apps):
    yield "rfb", {"rfb.server_protocol_version.major": r.get("server_major_version"),
                  "rfb.server_protocol_version.minor": r.get("server_minor_version"),
                  "rfb.client_protocol_version.major": r.get("client_major_version"),
                  "rfb.client_protocol_version.minor": r.get("client_minor_version"),
                  "rfb.framebuffer.width": r.get("width"), "rfb.framebuffer.height": r.get("height"),
                  "rfb.framebuffer.name": r.get("desktop_name"), "rfb.screen_shared": r.get("share_flag")}


def dhcp(r, apps):
    yield "dhcp", {"dhcp.dhcp_type": {t.lower() for t in r.get("msg_types", [])}, "dhcp.client_mac": r.get("mac"),
                   "dhcp.lease_time": int(r.get("lease_time", 0)), "dhcp.vendor_class_identifier": r.get("vendor_class")}


def arp(r, apps):
    yield "arp", {"arp.opcode": r.get("operation"), "arp.src_mac": r.get("orig_hw"), "arp.dest_mac": r.get("resp_hw"),
                  "arp.src_ip": r.get("orig_h"), "arp.dest_ip": r.get("resp_h")}


def reference_of(text):
    """Four bytes of a kind ("GPS") or an address; no clock is four zeros, of which we say nothing."""
    if text.count(".") == 3:
        return bytes(int(part) for part in text.split("."))
    return text.encode()[:4].ljust(4, b"\0")


def ntp(r, apps):
    yield "ntp", {"ntp.version": r.get("version"), "ntp.stratum": r.get("stratum"),
                  "ntp.mode": {r.get("mode"), NTP_MODES.get(r.get("mode"))},
                  "ntp.reference_id": ":".join(f"{b:02x}" for b in reference_of(r.get("ref_id", "")))}


def modbus(r, apps):
    yield "modbus", {"modbus.id": None}


def postgresql(r, apps):
    yield "pgsql", {}


TRANSLATED = {"conn": flow, "dns": dns, "http": http, "files": fileinfo, "ssl": tls, "quic": quic, "ssh": ssh, "smtp": smtp,
              "smb_files": smb_files, "smb_mapping": smb_mapping, "dce_rpc": dce_rpc, "kerberos": kerberos,
              "mqtt_connect": mqtt_connect, "mqtt_publish": mqtt_publish, "mqtt_subscribe": mqtt_subscribe, "sip": sip,
              "snmp": snmp, "rfb": rfb, "dhcp": dhcp, "arp": arp, "ntp": ntp, "modbus": modbus, "postgresql": postgresql}


def with_late_packets(records):
    """What comes after a connection's end is a connection of its own here (its history begins with ^), and the same
    flow for Suricata."""
    whole = {}
    for r in sorted(records.get("conn", ()), key=lambda r: r["ts"]):
        ends = frozenset(((r["id.orig_h"], r["id.orig_p"]), (r["id.resp_h"], r["id.resp_p"])))
        before = whole.get((r["proto"], ends))
        if before is None or not r.get("history", "").startswith("^") or r.get("partial"):
            whole[(r["proto"], ends) if before is None else len(whole)] = dict(r)
            continue
        same = before["id.orig_h"] == r["id.orig_h"] and before["id.orig_p"] == r["id.orig_p"]
        for mine, theirs in (("orig", "orig"), ("resp", "resp")) if same else (("orig", "resp"), ("resp", "orig")):
            for field in ("pkts", "wire_bytes"):
                before[f"{mine}_{field}"] += r[f"{theirs}_{field}"]
        before["duration"] = r["ts"] + r.get("duration", 0) - before["ts"]
    return whole.values()


def events_of(capture, apps):
    """[(event_type, dict)]; apps: our services -> the set of Suricata's names."""
    conns = {r["uid"]: r for r in capture.records["conn"]}
    for record in capture.records.get("http", ()):
        for fuid in record.get("orig_fuids", []) + record.get("resp_fuids", []):
            for file in capture.records.get("files", ()):
                if file["fuid"] == fuid:
                    file["uri"] = record.get("uri")
    found = []
    for kind, translate in TRANSLATED.items():
        for record in with_late_packets(capture.records) if kind == "conn" else capture.records.get(kind, ()):
            if not record.get("partial"):
                for name, event in translate(record, apps):
                    found.append((name, {**common(record, conns), **event}))
    return found
