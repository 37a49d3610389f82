#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fixtures/findings-sample.jsonl: findings as role core prints them, of an invented
office with a beacon, an exfiltration, a scan and a lateral path in it. Deterministic."""
import datetime
import hashlib
import json
import pathlib
import random

rng = random.Random(20260106)
START = datetime.datetime(2026, 1, 5, tzinfo=datetime.timezone.utc)
HOURS = 36


def at(hours):
    return (START + datetime.timedelta(hours=hours)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def ident(*what):
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def device(n, host, user=None):
    d = {"id": f"d{ident('device', n)[:10]}", "ip": f"10.20.{n // 50}.{n % 50 + 10}",
         "mac": f"02:00:5e:10:{n // 256:02x}:{n % 256:02x}", "hostname": host}
    if user:
        d["user"] = user
    return d


WS14 = device(14, "ws-014.corp.example", "m.keller")
WS22 = device(22, "ws-022.corp.example", "a.osei")
FS1 = device(61, "files-1.corp.example")
CAM = device(71, None)
PRN = device(75, "printer-2f")
lines = []


def evidence(feature, unit, observed, expected, low, high, p, sentence, peer=None):
    e = {"feature": feature, "observed": observed, "expected": expected, "p": p, "low": low, "high": high,
         "unit": unit}
    if peer:
        e["peer"] = peer
    e["sentence"] = sentence
    return e


def breach(dev, hour, model, name, score, technique, tactic, ev, peer=None):
    b = {"kind": "breach", "id": ident(dev["id"], hour, model), "time": at(hour + 0.98), "start": at(hour),
         "end": at(hour + 1), "device": dev, "peer": peer, "model": model, "name": name, "version": 1,
         "score": score, "rarity": round(score / 12.5, 2), "technique": technique, "tactic": tactic,
         "evidence": ev}
    for e in ev:
        e.setdefault("first", at(hour + 0.02))
        e.setdefault("last", at(hour + 0.97))
    lines.append(b)
    return b["id"]


def incident(devices, start, end, score, alert, title, summary, breaches):
    lines.append({"kind": "incident", "id": ident("incident", title), "start": at(start), "end": at(end),
                  "devices": devices, "score": score, "alert": alert, "title": title, "summary": summary,
                  "breaches": breaches})


C2 = {"ip": "203.0.113.77", "host": "cdn-metrics.example.net", "port": 443, "domain": "example.net",
      "inside": False, "devices": 1}
DROP = {"ip": "198.51.100.9", "host": "drop.example.org", "port": 443, "domain": "example.org",
        "inside": False, "devices": 1}
FSP = {"ip": FS1["ip"], "host": FS1["hostname"], "port": 445, "inside": True, "device": FS1["id"], "devices": 40}

# What every office has: small surprises.
for n in range(46):
    host = rng.choice(["ws-%03d.corp.example" % rng.randrange(60), "printer-2f", None])
    hour = rng.choice([h for h in range(HOURS) if 7 <= h % 24 <= 19])
    score = round(min(58, max(8, rng.gauss(24, 9))), 1)
    name, feature, unit, obs, exp = rng.choice([
        ("Unusual amount sent outside", "bytes-out", "B", rng.randrange(10, 400) * 1e6, 4e6),
        ("Many names that do not exist", "dns-nxdomain", "answers", rng.randrange(20, 90), 3.0),
        ("New outside destination", "new-destination", "destinations", 1, 0),
        ("Many failed connections", "connections-failed", "connections", rng.randrange(30, 300), 6.0)])
    breach(device(n, host), hour, feature, name, score, "T1048", "exfiltration",
           [evidence(feature, unit, obs, exp, exp / 4, exp * 5, 10 ** -(score / 12.5),
                     f"{name.lower()}: {obs:g} {unit}; usually about {exp:g}")])

beacon = [breach(WS14, h, "beacon-to-rare-destination", "Beacon to a rare destination", s, "T1071.001",
                 "command-and-control",
                 [evidence("beacon", "connections", n, 0, 0, 2, 10 ** -(s / 12.5),
                           f"called cdn-metrics.example.net at regular intervals, {n} connections an hour",
                           C2["host"]),
                  evidence("new-destination", "destinations", 1, 0, 0, 0, 3e-4,
                           "connected to cdn-metrics.example.net; not seen before", C2["host"]),
                  evidence("new-client-fingerprint", "fingerprints", 1, 0, 0, 0, 0.004,
                           "spoke to cdn-metrics.example.net with client software new for it", C2["host"])],
                 C2)
          for h, s, n in ((9, 71.3, 58), (10, 76.8, 60), (11, 78.2, 59), (12, 78.9, 60), (13, 79.4, 61),
                          (14, 79.4, 60))]
collect = breach(WS14, 13, "data-staging", "Data collected, then sent out", 74.2, "T1074", "collection",
                 [evidence("bytes-in-internal", "B", 9.4e9, 2.1e8, 1.2e7, 8.8e8, 4e-6,
                           "received 9.4 GB from inside hosts in an hour; usually about 210 MB, at most 880 MB",
                           FS1["hostname"])], FSP)
upload = breach(WS14, 14, "upload-to-rare-destination", "Upload to a rare destination", 86.1, "T1567.002",
                "exfiltration",
                [evidence("upload", "B", 8.7e9, 1.4e6, 2.0e4, 1.4e7, 1.3e-7,
                          "sent 8.7 GB to drop.example.org in an hour; usually about 1.4 MB, at most 14 MB",
                          DROP["host"]),
                 evidence("bytes-out", "B", 8.8e9, 4.4e7, 3.0e6, 2.6e8, 2e-6,
                          "sent 8.8 GB outside in an hour; usually about 44 MB, at most 260 MB"),
                 evidence("new-destination", "destinations", 1, 0, 0, 0, 9e-4,
                          "connected to drop.example.org; not seen before", DROP["host"])], DROP)
lateral = breach(WS14, 12, "lateral-path", "A path of administration", 66.0, "T1021.002", "lateral-movement",
                 [evidence("lateral-path", "hops", 2, 0, 0, 0, 5e-6,
                           "was administered by one host and then administered files-1.corp.example, a path of 2 hops",
                           FS1["hostname"]),
                  evidence("new-admin-peer", "hosts", 1, 0, 0, 0, 1e-3,
                           "connected to an administration service of files-1.corp.example; not seen before",
                           FS1["hostname"])], FSP)
scan = breach(CAM, 27, "internal-scan", "Scan of inside hosts", 69.5, "T1046", "discovery",
              [evidence("scan-internal", "hosts", 212, 0.4, 0, 3, 2.7e-6,
                        "tried 212 hosts inside on one port without success; usually about 0, at most 3"),
               evidence("connections-failed", "connections", 4312, 12, 1, 60, 8e-6,
                        "made 4,312 connections that were refused or not answered in an hour; usually about 12, at most 60"),
               evidence("failed-peers", "hosts", 219, 1, 0, 5, 2e-5,
                        "tried 219 hosts in an hour that refused or did not answer; usually about 1, at most 5")])
guess = breach(WS22, 31, "brute-force", "Logins tried again and again", 47.7, "T1110", "credential-access",
               [evidence("brute-force", "logins", 140, 0, 0, 4, 1.5e-4,
                         "tried 140 logins at files-1.corp.example; usually about 0, at most 4", FS1["hostname"])],
               FSP)
names = breach(PRN, 20, "generated-names", "Names that look generated", 41.0, "T1568.002",
               "command-and-control",
               [evidence("generated-names", "names", 33, 0, 0, 2, 5e-4,
                         "asked for 33 names that look generated; usually about 0, at most 2")])

incident([WS14, FS1], 9, 15, 91.6, True,
         "ws-014 kept a command channel, collected from files-1 and sent 8.7 GB out",
         "Lateral movement: 2026-01-05 12:59, ws-014.corp.example was administered by one host and then administered "
         "files-1.corp.example, a path of 2 hops. Collection: 2026-01-05 13:59, ws-014.corp.example received 9.4 GB "
         "from inside hosts in an hour; usually about 210 MB, at most 880 MB. Command and control: 2026-01-05 09:59, "
         "ws-014.corp.example called cdn-metrics.example.net at regular intervals, 61 connections an hour; no other "
         "device uses it (6 times in this incident). Exfiltration: 2026-01-05 14:59, ws-014.corp.example sent 8.7 GB "
         "to drop.example.org in an hour; usually about 1.4 MB, at most 14 MB.",
         [*beacon, lateral, collect, upload])
incident([CAM], 27, 28, 69.5, True, "10.20.1.31 tried 212 inside hosts",
         "In one hour 10.20.1.31 tried 212 inside hosts on port 23 without success. It usually tries none.", [scan])
incident([WS22], 31, 32, 47.7, False, "ws-022 tried 140 logins at files-1",
         "140 logins in an hour at files-1.corp.example; it usually fails at most 4.", [guess])
incident([PRN], 20, 21, 41.0, False, "printer-2f asked for 33 generated names",
         "33 names that look generated, 31 of them without an answer.", [names])
lines.append({"kind": "error", "input": "captures/monday-3.pcap", "status": "partial",
              "message": "the capture ends inside packet 10,231"})
lines.append({"kind": "error", "input": "captures/notes.txt", "status": "unknown-format",
              "message": "neither a capture, nor a Zeek log, nor a Thymus spool"})
hourly = [{"time": at(h), "events": int(2200 + 9800 * max(0, 1 - abs(h % 24 - 13) / 7) + rng.randrange(600))}
          for h in range(HOURS)]
by_kind = {"conn": 131022, "dns": 58310, "http": 9120, "ssl": 22410, "x509": 801, "dhcp": 122, "files": 9744,
           "smb_files": 1304, "dce_rpc": 77, "weird": 312}
lines.append({"kind": "summary", "version": "0.1.0", "start": at(0), "end": at(HOURS - 0.01),
              "hours": HOURS - 0.01, "inputs": 14, "unread": 2, "events": sum(by_kind.values()), "late_events": 41,
              "packets": 18211004, "devices": 78, "device_hours": 1990,
              "breaches": sum(x["kind"] == "breach" for x in lines), "incidents": 4, "alerts": 2,
              "budget_per_day": 5, "achieved_per_day": 1.34, "threshold": 52.4, "calibration": "mixed",
              "pooled_device_hours": 102822, "models": 12, "shards": 1, "local_networks": ["10.20.0.0/16"],
              "events_by_kind": by_kind, "events_per_hour": hourly})
path = pathlib.Path(__file__).resolve().parent.parent / "fixtures/findings-sample.jsonl"
path.write_text("".join(json.dumps(x, separators=(",", ":")) + "\n" for x in lines), encoding="utf-8")
