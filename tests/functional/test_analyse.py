# SPDX-License-Identifier: Apache-2.0
"""`thymusctl analyse` over captures, logs and what is neither: findings, messages, exit status, state.
What it finds in an office with an attack is the evaluation's matter; here it has to hold together."""
import gzip
import json
import os
import pathlib
import subprocess

import packets as p
import pytest

BIN = pathlib.Path(os.environ.get("THYMUS_BIN", pathlib.Path(__file__).parents[2] / "build/bin"))
T0 = 1767610800.0
pytestmark = pytest.mark.asan


def analyse(*args, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([BIN / "thymusctl", "analyse", *map(str, args)], capture_output=True, timeout=240,
                          check=False, **kw)


def records(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def summary(done):
    (found,) = [r for r in records(done) if r["kind"] == "summary"]
    return found


def errors(done):
    return {pathlib.Path(r["input"]).name: r for r in records(done) if r["kind"] == "error"}


def zeek_conn(t, n):
    return json.dumps({"_path": "conn", "ts": t, "uid": f"C{n}", "id.orig_h": "10.0.0.6", "id.orig_p": 50000 + n, "id.resp_h": "10.0.0.1",
                       "id.resp_p": 445, "proto": "tcp", "duration": 0.5, "orig_bytes": 100, "resp_bytes": 100,
                       "conn_state": "SF", "orig_pkts": 5, "resp_pkts": 5}) + "\n"


@pytest.fixture(name="office")
def office_folder(tmp_path):
    """A capture and a Zeek log of the same hour."""
    folder = tmp_path / "office"
    folder.mkdir()
    (folder / "web.pcap").write_bytes(p.pcap([f for i in range(30) for f in
                                              p.lookup(T0 + 60 * i, i) + p.fetch(T0 + 60 * i + 1, 50000 + i)]))
    (folder / "conn.log").write_text("".join(zeek_conn(T0 + 30 + 60 * i, i) for i in range(30)))
    return folder


def test_captures_and_logs_together(office):
    done = analyse("--json", office)
    assert (done.returncode, done.stderr) == (0, b"")
    s = summary(done)
    assert s["inputs"] == 2 and s["unread"] == 0
    assert s["packets"] == 30 * 10
    assert s["events_by_kind"] == {"conn": 90, "dns": 30, "http": 30, "files": 30}
    assert s["devices"] >= 3
    assert s["start"].startswith("2026-01-05T11:00:00") and 0.4 < s["hours"] < 0.6


def test_a_report_and_a_page(office, tmp_path):
    page = tmp_path / "report.html"
    done = analyse("--html", page, office)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\nSummary\n" in done.stdout and b"180 events, 300 packets" in done.stdout
    assert "default-src 'none'" in page.read_text() and not list(tmp_path.glob("*.part"))


def test_standard_input_may_be_either(office):
    web = (office / "web.pcap").read_bytes()
    for data, kind in ((web, "dns"), (gzip.compress(web), "dns"), ((office / "conn.log").read_bytes(), "conn")):
        done = subprocess.run([BIN / "thymusctl", "analyse", "--json", "-"], input=data, capture_output=True,
                              timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        assert summary(done)["events_by_kind"][kind] == 30


def test_what_cannot_be_read_is_reported_and_counted(office, tmp_path):
    (tmp_path / "empty").mkdir()
    (office / "notes.txt").write_text("hello")
    (office / "cut.pcap").write_bytes(p.pcap(p.lookup(T0 + 7000, 1, "late.example.com"))[:-20])
    done = analyse("--json", office, tmp_path / "empty", tmp_path / "missing")
    assert done.returncode == 3
    s, e = summary(done), errors(done)
    assert s["unread"] == 4 and s["inputs"] == 6
    assert {k: v["status"] for k, v in e.items()} == {
        "notes.txt": "unknown-format", "cut.pcap": "partial", "empty": "unreadable", "missing": "unreadable"}
    assert e["empty"]["message"] == "the folder holds no files"
    assert s["events_by_kind"]["http"] == 30  # the rest was read
    done = analyse(tmp_path / "missing")
    assert done.returncode == 3 and b"no such file or folder" in b" ".join(done.stdout.split())


def test_the_same_file_twice_counts_once(office):
    (office / "copy.log").write_bytes((office / "conn.log").read_bytes())
    (office / "copy.pcap.gz").write_bytes(gzip.compress((office / "web.pcap").read_bytes()))
    done = analyse("--json", office, office / "web.pcap")
    assert done.returncode == 0, done.stderr
    assert summary(done)["events_by_kind"] == {"conn": 90, "dns": 30, "http": 30, "files": 30}


def test_state_is_kept_and_goes_on(office, tmp_path):
    state = tmp_path / "state"
    first = analyse("--json", "--state", state, "--no-prior", office / "conn.log")
    assert first.returncode == 0, first.stderr
    assert [f.name for f in state.iterdir()] == ["state"]
    before = (state / "state").read_bytes()
    second = analyse("--json", "--state", state, office / "web.pcap")
    assert second.returncode == 0, second.stderr
    assert (state / "state").read_bytes() != before
    assert summary(second)["devices"] > summary(analyse("--json", "--no-prior", office / "web.pcap"))["devices"]


def test_a_later_run_tells_what_is_new(tmp_path):
    """What a run before it told is not told again, unless more has become of it."""
    for day in ("1", "2"):
        subprocess.run([BIN / "thymus-lab", "--quiet", "--seed", "6", "--devices", "20", "--days", day, *(
            ["--write-from", "2026-03-03T00:00:00Z"] if day == "2" else []), "--spool", tmp_path / f"{day}.tev"], check=True)
    runs = [analyse("--json", "--state", tmp_path / "state", tmp_path / f"{day}.tev") for day in "12"]
    first, second = ({o["id"]: o for o in map(json.loads, run.stdout.splitlines()) if o["kind"] == "incident"} for run in runs)
    assert len(first) > 3 and len(second) > 1
    assert all(len(i["breaches"]) != len(first[key]["breaches"]) or i["score"] != first[key]["score"]
               for key, i in second.items() if key in first)
    whole = analyse("--json", tmp_path / "1.tev", tmp_path / "2.tev")
    assert {o["id"] for o in map(json.loads, whole.stdout.splitlines()) if o["kind"] == "incident"} <= set(first) | set(second)


def test_damaged_state_is_said_and_not_overwritten(office, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "state").write_bytes(b"THYMCORE but not really")
    done = analyse("--json", "--state", state, office)
    assert done.returncode == 1
    assert b"saved state" in done.stderr
    assert (state / "state").read_bytes() == b"THYMCORE but not really"
    assert [f.name for f in state.iterdir()] == ["state"]


def test_a_state_is_used_by_one_run_at_a_time(office, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    with subprocess.Popen(["flock", state, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdin.write(b"held\n")
        holder.stdin.flush()
        holder.stdout.readline()
        done = analyse("--json", "--state", state, office)
        holder.stdin.close()
    assert done.returncode == 1
    assert b"another analysis is using this state" in done.stderr


def test_full_disk_is_said(office):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BIN / "thymusctl", "analyse", "--json", office], stdout=full, stderr=subprocess.PIPE,
                              timeout=240, check=False)
        assert done.returncode == 1 and b"No space left on device" in done.stderr
        done = subprocess.run([BIN / "thymusctl", "analyse", office], stdout=full, stderr=subprocess.PIPE,
                              timeout=240, check=False)
        assert done.returncode == 1 and b"No space left on device" in done.stderr


def test_full_scratch_folder_is_said(office, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", small], check=False,
                      capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        (office / "more.pcap").write_bytes(
            p.pcap([f for i in range(3000) for f in p.lookup(T0 + i, i, f"{i * 7919 % 3001:x}.example.com")]))
        done = analyse("--json", office, env={**os.environ, "TMPDIR": str(small)})
        assert done.returncode == 1 and done.stdout == b""
        assert b"disk is full" in done.stderr
        assert not list(small.iterdir())
    finally:
        subprocess.run(["umount", small], check=True)


def test_no_scratch_folder(office):
    done = analyse("--json", office, env={**os.environ, "TMPDIR": "/nonexistent"})
    assert done.returncode == 1 and b"TMPDIR /nonexistent" in done.stderr


@pytest.mark.parametrize("args", [
    [], ["--budget", "0", "x"], ["--budget", "many", "x"], ["--shards", "17", "x"], ["--local-net", "here", "x"],
    ["--nonsense", "x"], ["--json", "--html", "f", "x"], ["--prior", "f", "--no-prior", "x"], ["--state"]])
def test_wrong_usage(args):
    done = analyse(*args)
    assert done.returncode == 2
    assert done.stderr.startswith(b"thymusctl: ") and done.stderr.count(b"\n") == 1


def test_help_names_every_option():
    text = analyse("--help").stdout.decode()
    for option in ("--json", "--html", "--budget", "--state", "--local-net", "--shards", "--models", "--prior",
                   "--no-prior", "--prior-out", "--progress", "--no-progress", "--help", "--version"):
        assert option in text
    assert all(len(line) <= 90 for line in text.splitlines())
    assert subprocess.run([BIN / "thymusctl"], capture_output=True, check=False).returncode == 2


def test_models_of_ones_own(office, tmp_path):
    done = analyse("--json", "--models", tmp_path / "none", office)
    assert done.returncode == 1 and b"no folder of models" in done.stderr
    (tmp_path / "bad.yaml").write_text("id: [")
    done = analyse("--json", "--models", tmp_path, office)
    assert done.returncode == 1 and b"bad.yaml, line " in done.stderr


def test_logs_of_others_are_told_by_their_content(tmp_path):
    """Suricata's EVE and VPC flow logs, by hand, of any name and compressed."""
    corpus = pathlib.Path(__file__).parents[2] / "fuzz/corpus"
    (tmp_path / "a.gz").write_bytes(gzip.compress((corpus / "eve/all").read_bytes()))
    (tmp_path / "b").write_bytes((corpus / "vpc/header").read_bytes())
    (tmp_path / "c").write_bytes((corpus / "vpc/default").read_bytes() + b"2 rubbish\n")
    done = analyse("--json", tmp_path)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    (wrong,) = (r for r in records if r["kind"] == "error")
    summary = next(r for r in records if r["kind"] == "summary")
    assert done.returncode == 3 and wrong["input"].endswith("/c")  # the line that is none
    assert "1 of 5 lines did not parse: line 5" in wrong["message"]
    assert summary["inputs"] == 3
    assert {k: summary["events_by_kind"].get(k) for k in ("conn", "dns", "ids", "ssl", "x509")} == {
        "conn": 4, "dns": 3, "ids": 3, "ssl": 1, "x509": 1}
