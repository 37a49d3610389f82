# SPDX-License-Identifier: Apache-2.0
"""Recordings as records: captures through the sensor, Zeek's logs (TSV and JSON) as they are."""
import gzip
import json
import pathlib
import subprocess

# What the overlay carries over; other logs of Zeek are no traffic (statistics, notices, software).
KINDS = ("conn", "dns", "http", "ssl", "x509", "files", "dhcp", "arp", "ssh", "smb_files", "smb_mapping", "kerberos",
         "dce_rpc", "ntlm", "rdp", "smtp", "ldap", "ftp", "snmp", "mqtt", "sip")
UNSET = {"-", "(empty)"}
LISTS = ("set[", "vector[")
NUMBERS = {"count", "int", "port"}
REALS = {"time", "interval", "double"}


def is_capture(path):
    name = path.name.lower().removesuffix(".gz")
    return name.endswith((".pcap", ".pcapng", ".cap"))


def value(text, kind):
    if text in UNSET:
        return None
    if kind.startswith(LISTS):
        return [value(t, kind[kind.index("[") + 1:-1]) for t in text.split(",")]
    if kind in NUMBERS:
        return int(text)
    if kind in REALS:
        return float(text)
    return text == "T" if kind == "bool" else text


def lines_of(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", errors="replace") as f:
        yield from f


def read_log(path):
    """Records of one log as dicts by Zeek's field names."""
    names, kinds = [], []
    for line in lines_of(path):
        line = line.rstrip("\n")
        if line.startswith("{"):
            o = json.loads(line)
            if isinstance(o.get("ts"), (int, float)):
                yield {k: v for k, v in o.items() if not k.startswith("@")}
        elif line.startswith("#fields"):
            names = line.split("\t")[1:]
        elif line.startswith("#types"):
            kinds = line.split("\t")[1:]
        elif line and not line.startswith("#") and names:
            pairs = ((n, value(t, k)) for n, k, t in zip(names, kinds, line.split("\t")))
            yield {n: v for n, v in pairs if v is not None}


def read(paths, vsensor, folder):
    """{kind: records} of files and folders, by time. `folder` takes the sensor's logs."""
    files = [f for p in paths for f in (sorted(p.rglob("*")) if p.is_dir() else [p]) if f.is_file()]
    captures = [str(f) for f in files if is_capture(f)]
    if captures:
        subprocess.run([vsensor, "--read", *captures, "--json-dir", str(folder), "--no-progress"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        files = sorted(pathlib.Path(folder).glob("*.log"))
    out = {}
    for f in files:
        kind = f.name.split(".")[0]
        if kind in KINDS and ".log" in f.name:
            out.setdefault(kind, []).extend(read_log(f))
    for records in out.values():
        records.sort(key=lambda r: r["ts"])
    return out
