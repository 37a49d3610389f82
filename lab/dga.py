#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the generated-name scorer of the prior on lists of real families and on benign names.

    THYMUS_DATA=FOLDER lab/dga.py BUILD [PRIOR]     (PRIOR "-": the built-in lists alone)

Benign lists that set the threshold are the names that recorded networks asked for and a list of popular sites, one
name a registered domain, without those that the engine learned from; what stands under a hosting provider's suffix (cloudfront.net) is a list of its own, since
the engine weighs it only where it does not exist. Lists of lab/names-hard.txt are only held against the threshold.
"""
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
RECORDED = {
    "wrccdc": ["bulk-zeek/wrccdc2018/dns.log.gz"],
    "proxy-network": [
        "scenario-zeek/rita-proxy_rolling/dns.160000-170000.log.gz",
        "scenario-zeek/rita-proxy/dns.log",
    ],
}


def zeek_queries(path: Path) -> set[str]:
    names: set[str] = set()
    at = -1
    with gzip.open(path, "rt", errors="replace") if path.suffix == ".gz" else open(path, errors="replace") as f:
        for line in f:
            cells = line.rstrip("\n").split("\t")
            if cells[0] == "#fields":
                at = cells.index("query") - 1
            elif not line.startswith("#") and 0 <= at < len(cells):
                names.add(cells[at].lower())
    return {n for n in names if "." in n and not n.endswith((".arpa", ".local", ".lan"))}


def registered(build: Path, names: list[str]) -> tuple[list[str], list[str]]:
    """Registered domains, and those of them that a hosting provider's suffix makes."""
    lines = "\n".join(names) + "\n"
    out = subprocess.run([build / "lab/domains"], input=lines, capture_output=True, text=True, check=True).stdout
    own: dict[str, None] = {}
    hosted: dict[str, None] = {}
    for line in out.splitlines():
        domain, kind = line.split()
        (hosted if kind == "hosted" else own)[domain] = None
    return list(own), list(hosted)


def hard_lists() -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    names: list[str] = []
    for line in (HERE / "names-hard.txt").read_text().splitlines():
        if line.startswith("["):
            names = lists.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            names += line.split()
    return lists


def unlearned(names: list[str]) -> list[str]:
    """Without those whose label stands in the built-in lists."""
    learned = set()
    for name in ("names.def", "words.def"):
        text = (HERE.parent / "lib/learn" / name).read_text()
        learned |= {w for line in re.findall(r'TH_WORDS\("([^"]*)"\)', text) for w in line.split()}
    return [n for n in names if n.split(".")[0] not in learned]


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    build = Path(sys.argv[1])
    prior = sys.argv[2] if len(sys.argv) == 3 else HERE.parent / "models/prior.bin"
    data = Path(os.environ.get("THYMUS_DATA", HERE.parent / "../shared/data"))
    if not (data / "domains/dga").is_dir():
        print(f"skipped: no domains/dga below {data}; set THYMUS_DATA")
        return 0
    moz = json.loads((data / "domains/benign/top-sites-moz-a.json").read_text())
    benign = {"popular": [site["rootDomain"] for site in moz]}
    for name, files in RECORDED.items():
        benign[name] = sorted(set().union(*(zeek_queries(data / f) for f in files)))
    with tempfile.TemporaryDirectory() as work:

        def put(name: str, names: list[str]) -> str:
            path = Path(work) / name
            path.write_text("\n".join(names) + "\n")
            return str(path)

        args = ["benign"]
        judged = ["judged"]
        for name, names in benign.items():
            own, hosted = registered(build, names)
            args.append(put(name, unlearned(own)))
            judged.append(put(f"{name}, hosted and missing", hosted))
        args.append("families")
        for folder in sorted((data / "domains/dga").iterdir()):
            names = [n for f in sorted(folder.iterdir()) for n in f.read_text(errors="replace").split()]
            own, hosted = registered(build, names)
            args.append(put(folder.name, own + hosted))
        judged += [put(name, unlearned(names)) for name, names in hard_lists().items()]
        return subprocess.run([build / "lab/dga", prior, *args, *judged], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
