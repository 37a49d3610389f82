# SPDX-License-Identifier: Apache-2.0
"""Runs thymusctl analyse over labelled recordings and tabulates what was found.

scenarios.json names each recording with what is known of its attacks: device, peer
and the phases that fit. An attack counts as found when an incident names its device and
its peer and has a breach of a fitting phase. Its rank is that incident's place by score,
ties counted against us. Whatever else is reported stands beside it.
"""
import json
import pathlib
import subprocess
import sys
import time


def run(binary, paths, budget, more):
    begin = time.monotonic()
    p = subprocess.run([binary, "analyse", "--json", "--budget", str(budget), *more, *paths],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = []
    for line in p.stdout.splitlines():
        lines.append(json.loads(line))
    return p.returncode, lines, p.stderr, time.monotonic() - begin


def peer_of(b):
    peer = b.get("peer") or {}
    return {peer.get("ip"), peer.get("host"), peer.get("domain")} - {None, ""}


def fits(truth, incident, breaches):
    """The breaches of an incident that tell this attack."""
    hits = []
    for bid in incident["breaches"]:
        b = breaches.get(bid)
        if b is None:
            continue
        device = b["device"] or {}
        known = {device.get("ip"), device.get("hostname"), *device.get("addresses", [])}
        if truth["device"] != "*" and truth["device"] not in known:
            continue
        if "peer" in truth and truth["peer"] not in peer_of(b):
            continue
        if b.get("tactic") in truth["tactics"]:
            hits.append(b)
    return hits


def evaluate(scenario, binary, data, budget, more):
    paths = [str(data / p) for p in scenario["paths"]]
    status, lines, err, seconds = run(binary, paths, budget, more)
    breaches = {l["id"]: l for l in lines if l["kind"] == "breach"}
    incidents = sorted((l for l in lines if l["kind"] == "incident"), key=lambda l: -l["score"])
    summary = next((l for l in lines if l["kind"] == "summary"), {})
    rows = []
    for truth in scenario["truth"]:
        row = {"truth": truth, "rank": None}
        for inc in incidents:
            hits = fits(truth, inc, breaches)
            if hits:
                best = max(hits, key=lambda b: b["score"])
                row.update(rank=sum(o["score"] >= inc["score"] for o in incidents),
                           score=inc["score"], model=best["model"], alert=inc.get("alert"))
                break
        rows.append(row)
    return {"status": status, "rows": rows, "incidents": len(incidents), "summary": summary,
            "alerts": summary.get("alerts", 0), "seconds": seconds, "stderr": err}


def table(results):
    out = ["| recording | attack: device -> peer | found | rank | score | alert | by model | incidents | exit |",
           "|---|---|---|---|---|---|---|---|---|"]
    for s, r in results:
        for i, row in enumerate(r["rows"]):
            t = row["truth"]
            found = row["rank"] is not None
            out.append("| {} | {} | {} | {} | {} | {} | {} | {} | {} |".format(
                s["name"] if i == 0 else "", t["device"] + (" -> " + t["peer"] if "peer" in t else ""),
                "yes" if found else "**no**", row["rank"] or "", f"{row['score']:.1f}" if found else "",
                "yes" if row.get("alert") else "", row.get("model", ""),
                r["incidents"] if i == 0 else "", r["status"] if i == 0 else ""))
    return "\n".join(out)


def table_of_all(scenarios, o, budget=5):
    """Markdown, and how many runs failed. o: --bin, --data, --prior."""
    data = pathlib.Path(o.data)
    if not data.is_dir():
        return f"No recordings at {data}; set THYMUS_DATA. Nothing was measured.\n", 0
    results, bad = [], 0
    for s in json.loads(scenarios.read_text())["scenarios"]:
        r = evaluate(s, str(pathlib.Path(o.bin) / "thymusctl"), data, budget,
                     ["--prior", o.prior] if o.prior else [])
        if r["status"] not in (0, 3):
            bad += 1
            print(f"evaluate: {s['name']}: exit {r['status']}: {r['stderr'][-400:]}", file=sys.stderr)
        results.append((s, r))
    found = [row for _, r in results for row in r["rows"] if row["rank"]]
    total = sum(len(r["rows"]) for _, r in results)
    top3 = sum(row["rank"] <= 3 for row in found)
    return table(results) + (
        f"\n\n{len(found)} of {total} attacks found, {top3} in the top three, "
        f"{sum(bool(row.get('alert')) for row in found)} as alerts at {budget:g} a day; "
        f"{sum(r['incidents'] for _, r in results)} incidents in {len(results)} recordings; "
        f"{bad} runs ended in failure; {sum(r['seconds'] for _, r in results):.0f} s.\n"), bad
