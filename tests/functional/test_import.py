# SPDX-License-Identifier: Apache-2.0
"""Role import as thymusctl starts it, in its sandbox: what it reads, what it says of what it can't
read, and that every record of real Zeek logs comes through (THYMUS_DATA, skipped where absent)."""
import collections
import gzip
import json
import lzma
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BUILD = pathlib.Path(os.environ.get("THYMUS_BUILD", ROOT / "build"))
DATA = pathlib.Path(os.environ.get("THYMUS_DATA", ROOT.parent / "shared/data"))
READ, PARTIAL, NOT_MINE, UNREADABLE, DUPLICATE = range(5)
HEAD = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tduration\n"
ROWS = [f"{1700000000 + n * 7 % 50}.5\tC{n}\t10.0.0.{n % 9}\t{1000 + n}\t10.0.0.200\t443\t{n % 5}.25\n"
        for n in range(300)]


def run_role(spool, *paths):
    return subprocess.run([BUILD / "tests/support/run_role", BUILD / "bin/thymus-master", "import",
                           str(spool), *map(str, paths)], capture_output=True, text=True, timeout=300)


def import_all(tmp_path, *paths):
    """Events, and what became of each input by its path."""
    spool = tmp_path / "spool"
    done = run_role(spool, *paths)
    assert done.returncode == 0, done.stderr
    told = [line.split("\t") for line in done.stdout.splitlines()]
    dump = subprocess.run([BUILD / "tests/support/spool_dump", spool], capture_output=True, check=True)
    lines = [json.loads(line) for line in dump.stdout.splitlines()]
    sources = {told[s["input"]][0]: s for s in lines if "status" in s}
    for path, status, text in told:  # both ways of telling agree
        assert sources[path]["status"] == int(status)
        assert sources[path]["message"][:200] == text[:200]
    return [e for e in lines if "event" in e], sources


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_events_come_in_sorted_runs(tmp_path):
    conn = write(tmp_path / "conn.log", HEAD + "".join(ROWS))
    events, sources = import_all(tmp_path, conn)
    assert len(events) == len(ROWS)
    assert sources[str(conn)]["status"] == READ
    assert sources[str(conn)]["format"] == "zeek-tsv conn"
    assert sources[str(conn)]["events"] == len(ROWS)
    assert sources[str(conn)]["bytes"] == conn.stat().st_size
    order = [(e["run"], e["time_ns"], e["seq"]) for e in events]
    assert order == sorted(order)
    assert sorted(e["seq"] for e in events) == list(range(len(ROWS)))
    first = next(e for e in events if e["seq"] == 3)
    assert first["time_ns"] == 1700000021_500000000 + 3_250000000
    assert first["event"] == {"_path": "conn", "ts": 1700000021.5, "uid": "C3", "id.orig_h": "10.0.0.3",
                              "id.orig_p": 1003, "id.resp_h": "10.0.0.200", "id.resp_p": 443,
                              "duration": 3.25}


def test_compressed_logs_are_the_same_and_count_once(tmp_path):
    text = (HEAD + "".join(ROWS)).encode()
    plain = write(tmp_path / "conn.log", text)
    gz = write(tmp_path / "conn.log.gz", gzip.compress(text))
    xz = write(tmp_path / "conn.log.xz", lzma.compress(text))
    events, sources = import_all(tmp_path, plain, gz, xz)
    assert sources[str(plain)]["status"] == READ
    for other in (gz, xz):
        assert sources[str(other)]["status"] == DUPLICATE
        assert sources[str(other)]["message"] == f"same content as {plain}"
        assert sources[str(other)]["source"] == sources[str(plain)]["source"]
    by_input = collections.Counter(e["input"] for e in events)
    assert set(by_input.values()) == {len(ROWS)}
    alone, _ = import_all(tmp_path, gz)
    assert [e["event"] for e in alone] == [e["event"] for e in events if e["input"] == 0]


def test_what_cannot_be_read_is_told_and_the_rest_is_read(tmp_path):
    text = (HEAD + "".join(ROWS)).encode()
    good = write(tmp_path / "good.log", text)
    cut = write(tmp_path / "cut.log.gz", gzip.compress(os.urandom(0) + text * 50)[:-200])
    headless = write(tmp_path / "conn.log", "".join(ROWS))
    foreign = write(tmp_path / "eve.json", '{"timestamp":"2024-01-01T00:00:00Z","event_type":"flow"}\n' * 5)
    strange = write(tmp_path / "notes.txt", "hello\n")
    empty = write(tmp_path / "empty.log", "")
    capture = write(tmp_path / "x.pcap", b"\xd4\xc3\xb2\xa1" + bytes(20))
    broken = write(tmp_path / "broken.log", HEAD + "not a time\tC1\t-\t-\t-\t-\t-\n" + ROWS[0])
    used = write(tmp_path / "notice.log", '{"ts":1,"note":"x"}\n')
    missing = tmp_path / "gone.log"
    missing.symlink_to(tmp_path / "nowhere")
    events, sources = import_all(tmp_path, good, cut, headless, foreign, strange, empty, capture, broken, used)
    got = {pathlib.Path(p).name: (s["status"], s["message"]) for p, s in sources.items()}
    assert got["good.log"] == (READ, "")
    assert got["cut.log.gz"][0] == PARTIAL and "the data ends before" in got["cut.log.gz"][1]
    assert 1000 < sources[str(cut)]["events"] < len(ROWS) * 50
    assert got["conn.log"] == (UNREADABLE, "line 1: no #fields header before the first row")
    assert got["eve.json"] == (NOT_MINE, "JSON, but not Zeek's")
    assert got["notes.txt"][0] == NOT_MINE
    assert got["empty.log"] == (NOT_MINE, "the file is empty")
    assert got["x.pcap"][0] == NOT_MINE
    assert got["broken.log"] == (PARTIAL, '1 of 5 lines did not parse, 1 values did not parse: '
                                          'line 4: ts "not a time"; line 4: no ts')
    assert got["notice.log"] == (READ, "known Zeek log without a use here: notice")


def test_a_spool_is_an_input(tmp_path):
    conn = write(tmp_path / "conn.log", HEAD + "".join(ROWS))
    first, _ = import_all(tmp_path, conn)
    spool = (tmp_path / "spool").rename(tmp_path / "kept.tev")
    again, sources = import_all(tmp_path, spool)
    assert sources[str(spool)]["format"] == "thymus-batch"
    assert [e["event"] for e in again] == [e["event"] for e in first]
    spool.write_bytes(spool.read_bytes()[:-30])
    _, sources = import_all(tmp_path, spool)
    assert sources[str(spool)]["status"] == PARTIAL


def test_a_full_disk_ends_it_with_a_message(tmp_path):
    done = run_role("/dev/full", write(tmp_path / "conn.log", HEAD + "".join(ROWS)))
    assert done.returncode != 0
    assert "No space left on device" in done.stderr
    assert "conn.log" in done.stderr


def lines_of(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as f:
        return sum(1 for line in f if line.strip() and not line.startswith(b"#"))


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folders = [DATA / n for n in ("attack-zeek", "labelled-zeek", "scenario-zeek", "bulk-zeek")]
    if not all(f.is_dir() for f in folders):
        pytest.skip(f"no real Zeek logs under {DATA} (THYMUS_DATA)")
    return import_all(tmp_path_factory.mktemp("real"), *folders)


def test_every_record_of_real_logs_comes_through(real):
    _, sources = real
    checked = 0
    for path, source in sources.items():
        if re.search(r"\.log($|\.)", path) and "without a use" not in source["message"]:
            assert source["status"] in (READ, DUPLICATE), (path, source["message"])
            assert source["events"] == lines_of(pathlib.Path(path)), path
            checked += 1
    assert checked >= 100
    assert sum(s["events"] for p, s in sources.items() if "conn" in pathlib.Path(p).name) > 20000


def test_values_of_real_logs(real):
    events, sources = real
    index = {p: s["input"] for p, s in sources.items()}

    def find(path, uid, kind="conn"):
        i = index[str(DATA / path)]
        return next(e for e in events if e["input"] == i and e["event"]["_path"] == kind and
                    e["event"].get("uid") == uid)

    e = find("attack-zeek/apt29-day1/NASHUA/conn.log", "CJ21Le4zsTUcyKKi98")
    assert e["time_ns"] == 1588205199_827696000 + 10_761076927
    assert e["event"]["id.orig_h"] == "10.0.1.6" and e["event"]["id.resp_p"] == 445
    assert e["event"]["service"] == "gssapi,smb,krb" and e["event"]["orig_bytes"] == 4020
    assert e["event"]["orig_l2_addr"] == "00:0d:3a:13:e3:69"
    e = find("labelled-zeek/stratosphere-008-zeek-mixed/data/conn.log.labeled.gz", "CEL3aLvvNGvO6Ecoa")
    assert e["event"]["label"] == "Malicious" and e["event"]["detailedlabel"] == "External-Attack-to-Device"
    assert e["event"]["local_orig"] is False and e["event"]["tunnel_parents"] == []
    e = find("labelled-zeek/stratosphere-001-zeek-scenario-malicious/conn.log", "C91Ycq25p2quMWzEMk")
    assert e["event"]["id.resp_h"] == "fd2d:ab8c:225::1" and e["event"]["duration"] == 0.136721
    e = find("scenario-zeek/rita-proxy_rolling/ssl.160000-170000.log.gz", "CTkV3V37xGG2OV9Ae8", "ssl")
    assert e["event"]["server_name"] == "www.whitehouse.gov" and e["event"]["established"] is True
    e = find("attack-zeek/metasploit-lsass-01/files.log", "CX6po61SVaO8po0uh8", "files")
    assert e["event"]["id.resp_h"] == "10.0.5.13" and e["event"]["seen_bytes"] == 248
