# SPDX-License-Identifier: Apache-2.0
"""The same capture by our own capture role and by exporters from elsewhere (softflowd; nfdump's nfpcapd and
nfreplay), which send it to the collect role: the totals of each 5-tuple must agree."""
import collections
import json
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "functional"))
import exporter as x  # noqa: E402
import link_master  # noqa: E402
from sensor import BIN, Sensor, until  # noqa: E402

DUMP = BIN.parent / "tests/support/spool_dump"


def needs(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


@pytest.fixture(name="capture", scope="module")
def a_capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("capture") / "office.pcap"
    subprocess.run([BIN / "thymus-lab", "--devices", "18", "--hours", "1", "--start", "2026-03-02T09:00:00Z", "--seed",
                    "3", "--quiet", "--pcap-payload-cap", "1000000", "--pcap", path], check=True, timeout=120)
    return path


def totals(conns):
    """By 5-tuple, both ways together and apart: bytes and packets of IP."""
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for e in conns:
        if e["proto"] not in ("tcp", "udp"):
            continue
        ends = (e["id.orig_h"], e["id.orig_p"]), (e["id.resp_h"], e["id.resp_p"])
        values = [e.get("orig_ip_bytes", 0), e.get("resp_ip_bytes", 0), e.get("orig_pkts", 0), e.get("resp_pkts", 0)]
        for i, v in enumerate(values):
            sums[(e["proto"], *ends)][i] += v
    return sums


def last_parts(conns):
    """A connection that is told in parts is what its last part says."""
    latest = {}
    for e in conns:
        before = latest.get(e["uid"])
        if not before or e.get("part", 0) >= before.get("part", 0):
            latest[e["uid"]] = e
    return list(latest.values())


@pytest.fixture(name="ours", scope="module")
def seen_by_us(capture):
    done = subprocess.run([BIN / "thymus-vsensor", "--read", "--json", "-", capture], capture_output=True, check=True,
                          timeout=120)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return totals(last_parts([e for e in found if e["_path"] == "conn"]))


def collect(tmp_path, export):
    """What the collect role makes of what export(port) sends."""
    master, port = link_master.Master(tmp_path), x.free_port()
    sensor = Sensor(tmp_path, master, flow_listen=[f"127.0.0.1:{port}"], flow_from=["127.0.0.1/32"]).start()
    try:
        until(lambda: master.taken)
        export(port)
        time.sleep(2)
        assert sensor.stop() == 0, sensor.said()
        assert not any(e.kind == link_master.GAP for e in master.taken), "datagrams were lost"
        done = subprocess.run([DUMP, master.spool(tmp_path / "taken.tev")], capture_output=True, check=True, timeout=60)
    finally:
        sensor.kill()
        master.close()
    found = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    return last_parts([e for e in found if e["_path"] == "conn"])


def compare(ours, conns, name):
    theirs = totals(conns)
    assert len(theirs) > 100, "hardly anything was exported"
    turned = sum(1 for k in theirs if k not in ours and (k[0], k[2], k[1]) in ours)
    both = [k for k in ours if k in theirs]
    exact = [k for k in both if ours[k] == theirs[k]]
    differ = [(k, ours[k], theirs[k]) for k in both if ours[k] != theirs[k]]
    sum_ours, sum_theirs = ([sum(v[i] for v in t.values()) for i in range(4)] for t in (ours, theirs))
    print(f"\n{name}: {len(ours)} 5-tuples here, {len(theirs)} there, {len(both)} the same way round, {turned} turned, "
          f"{len(exact)} of them with equal bytes and packets both ways; in all {sum_ours} and {sum_theirs}")
    assert len(both) >= 0.98 * len(ours), differ[:5]
    assert len(exact) >= 0.98 * len(both), differ[:5]
    assert turned <= 0.01 * len(ours)


@needs("softflowd")
@pytest.mark.parametrize("version,more", [("5", ()), ("9", ()), ("10", ()), ("10", ("-b",))])
def test_softflowd(capture, ours, tmp_path, version, more):
    def export(port):
        subprocess.run(["softflowd", "-r", capture, "-n", f"127.0.0.1:{port}", "-v", version, *more, "-a", "-d", "-m", "100000",
                        "-p", tmp_path / "pid", "-c", "none"], check=True, timeout=120, capture_output=True)
    conns = collect(tmp_path, export)
    compare(ours, conns, f"softflowd -v {version} {' '.join(more)}")


@needs("softflowd")
def test_softflowd_samples(capture, tmp_path):
    """One packet in 10: the totals are about right, and marked."""
    def export(port):
        subprocess.run(["softflowd", "-r", capture, "-n", f"127.0.0.1:{port}", "-v", "5", "-s", "10", "-a", "-d", "-m", "100000",
                        "-p", tmp_path / "pid", "-c", "none"], check=True, timeout=120, capture_output=True)
    conns = collect(tmp_path, export)
    assert {e.get("sampling") for e in conns} == {10}
    assert all("conn_state" not in e for e in conns if e["proto"] == "tcp")


@needs("nfpcapd", "nfreplay")
def test_nfdump(capture, ours, tmp_path):
    """Version 9: in version 5 each file of a replay has another engine and a clock of its own."""
    flows = tmp_path / "flows"
    flows.mkdir()
    subprocess.run(["nfpcapd", "-r", capture, "-l", flows, "-w", flows], check=False, timeout=180, capture_output=True)
    files = sorted(p for p in flows.rglob("nfcapd.*") if p.is_file() and "current" not in p.name)
    if not files:
        pytest.skip("this nfpcapd writes nothing out of a file")

    def export(port):
        for f in files:
            subprocess.run(["nfreplay", "-r", f, "-H", "127.0.0.1", "-p", str(port), "-v", "9", "-d", "200"],
                           check=True, timeout=120, capture_output=True)
    conns = collect(tmp_path, export)
    compare(ours, conns, "nfreplay -v 9")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-s", *sys.argv[1:]]))
