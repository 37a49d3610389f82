# SPDX-License-Identifier: Apache-2.0
"""What the sensor says of a capture, by flow.

A flow is a transport and two ends, whichever of them began: references end their sessions by other time-outs and
guess originators in other ways, so what is compared is what was said of a pair of ends in one capture."""
import collections
import ipaddress
import json
import subprocess

PORTLESS = ("icmp", "icmp6")
TIMEOUT_S = 120


def end(address, port=0):
    """nDPI shortens `:0:` anywhere: "2600:1900:4160:5999::19::"."""
    text = str(address).strip("[]")
    while text.count("::") > 1:
        text = text.replace("::", ":0:", 1)
    return ipaddress.ip_address(text).compressed, int(port or 0)


def key_of(proto, a, b):
    """ICMP's type and code are no ports, and no reference agrees with another on what to put there."""
    proto = proto.lower()
    if proto in PORTLESS:
        proto, a, b = "icmp", (a[0], 0), (b[0], 0)
    return (proto,) + tuple(sorted((a, b)))


def end_text(at):
    host, port = at
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def key_text(key):
    return f"{key[0]} {end_text(key[1])} {end_text(key[2])}" if key else "-"


def several(value):
    return value if isinstance(value, list) else [value]


class Flow:
    """Records of one pair of ends: of each kind, in the order of their times."""

    def __init__(self):
        self.kinds = collections.defaultdict(list)
        self.packets = collections.Counter()  # by end
        self.octets = collections.Counter()  # with link headers

    def services(self):
        return {s for record in self.kinds["conn"] for s in record.get("service", "").split(",") if s}

    def values(self, names):
        """Values of fields, each named KIND.FIELD."""
        found = []
        for name in names:
            kind, field = name.split(".", 1)
            for record in self.kinds.get(kind, ()):
                if field in record:
                    found += several(record[field])
        return found


class Capture:
    """Everything the sensor says of one capture."""

    def __init__(self, sensor, path):
        self.path = path
        self.flows = collections.defaultdict(Flow)
        self.records = collections.defaultdict(list)
        done = subprocess.run([*sensor, "--json", "-", "--read", str(path)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIMEOUT_S, check=False)
        self.status = done.returncode
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            record = json.loads(line)
            self.records[record["_path"]].append(record)
        self._by_flow()

    def flow(self, key):
        return self.flows.get(key) or Flow()

    def _by_flow(self):
        keys = {}
        for record in self.records["conn"]:
            ends = [end(record[f"id.{side}_h"], record.get(f"id.{side}_p")) for side in ("orig", "resp")]
            key = keys[record["uid"]] = key_of(record["proto"], *ends)
            flow = self.flows[key]
            flow.kinds["conn"].append(record)
            if record.get("partial"):
                continue
            for side, at in zip(("orig", "resp"), ends):
                at = at if key[0] != "icmp" else (at[0], 0)
                flow.packets[at] += record[f"{side}_pkts"]
                flow.octets[at] += record[f"{side}_wire_bytes"]
        certificates = {r["id"]: r for r in self.records["x509"]}
        for kind, records in self.records.items():
            for record in records if kind not in ("conn", "x509") else ():
                for uid in {record.get("uid"), *record.get("uids", ())} & set(keys):
                    self.flows[keys[uid]].kinds[kind].append(record)
        for flow in list(self.flows.values()):
            for record in flow.kinds.get("ssl", []):
                for fuid in record.get("cert_chain_fuids", []) + record.get("client_cert_chain_fuids", []):
                    if fuid in certificates:
                        flow.kinds["x509"].append(certificates[fuid])
