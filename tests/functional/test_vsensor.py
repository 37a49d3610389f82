# SPDX-License-Identifier: Apache-2.0
"""`thymus-vsensor --read` as a user runs it: inputs of every sort, outputs, messages, exit status,
and the sandbox that its role is in."""
import ctypes
import ctypes.util
import gzip
import json
import lzma
import os
import pathlib
import subprocess
import tempfile
import time

import packets as p
import pytest

BIN = pathlib.Path(os.environ.get("THYMUS_BIN", pathlib.Path(__file__).parents[2] / "build/bin"))
T0 = 1767610800.0  # 2026-01-05 11:00:00 UTC
OFFICE = p.lookup(T0) + p.fetch(T0 + 1)
pytestmark = pytest.mark.asan


def vsensor(*args, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([BIN / "thymus-vsensor", *map(str, args)], capture_output=True, timeout=120, check=False,
                          **kw)


def events(*args, status=0, **kw):
    done = vsensor("--read", *args, "--json", "-", **kw)
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def kinds(records):
    return sorted(r["_path"] for r in records)


@pytest.fixture(name="capture")
def capture_file(tmp_path):
    path = tmp_path / "office.pcap"
    path.write_bytes(p.pcap(OFFICE))
    return path


OFFICE_KINDS = ["conn", "conn", "dns", "files", "http"]


def test_a_stream_of_json(capture):
    got = events(capture)
    assert kinds(got) == OFFICE_KINDS
    dns = next(r for r in got if r["_path"] == "dns")
    assert (dns["query"], dns["answers"]) == ("www.example.com", ["192.0.2.7"])
    http = next(r for r in got if r["_path"] == "http")
    assert (http["host"], http["uri"], http["status_code"]) == ("www.example.com", "/", 200)
    web = next(r for r in got if r["_path"] == "conn" and r["proto"] == "tcp")
    assert (web["id.orig_h"], web["id.resp_p"], web["conn_state"], web["resp_pkts"]) == ("10.0.0.5", 80, "SF", 3)
    assert http["uid"] == web["uid"]
    assert events(capture) == got


def test_a_folder_of_logs(capture, tmp_path):
    out = tmp_path / "logs"
    out.mkdir()
    (out / "ssl.log").write_text("of an earlier run")
    done = vsensor("--read", capture, "--json-dir", out)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(f.name for f in out.iterdir()) == ["conn.log", "dns.log", "files.log", "http.log"]
    lines = [json.loads(line) for line in (out / "conn.log").read_text().splitlines()]
    assert len(lines) == 2 and "_path" not in lines[0]
    assert [r["ts"] for r in lines] == sorted(r["ts"] for r in lines)


def test_a_spool(capture, tmp_path):
    spool = tmp_path / "spool.tev"
    assert vsensor("--read", capture, "--spool", spool).returncode == 0
    assert spool.read_bytes()[:4] == b"TEVF"


def zstd(data):
    lib = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    lib.ZSTD_compress.restype = lib.ZSTD_compressBound.restype = ctypes.c_size_t
    room = lib.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(room)
    n = lib.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:n]


@pytest.mark.parametrize("ending, pack", [(".gz", gzip.compress), (".xz", lzma.compress), (".zst", zstd)])
def test_compressed(tmp_path, capture, ending, pack):
    packed = tmp_path / f"packed.pcap{ending}"
    packed.write_bytes(pack(p.pcap(OFFICE)))
    assert events(packed) == events(capture)


def test_pcapng_and_standard_input(tmp_path, capture):
    ng = tmp_path / "office.pcapng"
    ng.write_bytes(p.pcapng(OFFICE))
    assert events(ng) == events(capture)
    with open(ng, "rb") as f:
        assert events("-", stdin=f) == events(capture)
    done = subprocess.run([BIN / "thymus-vsensor", "--read", "-", "--json", "-"], input=p.pcap(OFFICE),
                          capture_output=True, timeout=60, check=True)
    assert kinds(json.loads(x) for x in done.stdout.splitlines()) == OFFICE_KINDS


def test_folders_are_walked_and_order_plays_no_part(tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    a, b = tmp_path / "z.pcap", tmp_path / "deep/er/a.pcap"
    a.write_bytes(p.pcap(p.lookup(T0)))
    b.write_bytes(p.pcap(p.lookup(T0 + 5, 2, "later.example.com")))
    (tmp_path / ".hidden.pcap").write_bytes(p.pcap(p.lookup(T0 + 9, 3, "hidden.example.com")))
    walked = events(tmp_path)
    assert [r["query"] for r in walked if r["_path"] == "dns"] == ["www.example.com", "later.example.com"]
    assert events(b, a) == walked


def test_a_capture_in_pieces_is_one(tmp_path):
    whole = p.fetch(T0, step=2.0)
    cut = {"cap-1.pcap": whole[:4], "cap-2.pcap": whole[4:]}
    for name, part in cut.items():
        (tmp_path / name).write_bytes(p.pcap(part))
    got = events(tmp_path)
    assert kinds(got) == ["conn", "files", "http"]
    assert next(r for r in got if r["_path"] == "conn")["conn_state"] == "SF"
    # The same pieces in two folders are two captures.
    other = tmp_path / "elsewhere"
    other.mkdir()
    (tmp_path / "cap-2.pcap").rename(other / "cap-2.pcap")
    assert kinds(events(tmp_path)).count("conn") == 2


def test_the_same_content_counts_once(tmp_path, capture):
    (tmp_path / "copy.pcap").write_bytes(capture.read_bytes())
    (tmp_path / "packed.pcap.gz").write_bytes(gzip.compress(capture.read_bytes()))
    assert kinds(events(tmp_path)) == OFFICE_KINDS


def test_truncated_is_read_up_to_the_cut(tmp_path):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(p.pcap(OFFICE)[:-30])
    done = vsensor("--read", cut, "--json", "-")
    assert done.returncode == 3
    assert b"cut.pcap: read in part:" in done.stderr
    assert "dns" in kinds(json.loads(x) for x in done.stdout.splitlines())


def test_a_length_beyond_belief(tmp_path):
    bad = tmp_path / "bad.pcap"
    data = bytearray(p.pcap(OFFICE))
    second = 24 + 16 + len(OFFICE[0][1])
    data[second + 8:second + 12] = b"\xff\xff\xff\x7f"
    bad.write_bytes(bytes(data))
    done = vsensor("--read", bad, "--json", "-")
    assert done.returncode == 3
    assert b"bad.pcap: read in part:" in done.stderr


def test_damaged_compression(tmp_path):
    bad = tmp_path / "bad.pcap.gz"
    data = bytearray(gzip.compress(p.pcap(p.fetch(T0, body=os.urandom(1300)))))
    data[len(data) // 2] ^= 0xff
    bad.write_bytes(bytes(data))
    done = vsensor("--read", bad, "--json", "-")
    assert done.returncode == 3 and b"bad.pcap.gz: " in done.stderr


def test_what_cannot_be_read_is_named_and_the_rest_read(tmp_path, capture):
    empty = tmp_path / "nothing"
    empty.mkdir()
    (tmp_path / "notes.txt").write_text("no capture")
    (tmp_path / "strange.pcap").write_bytes(p.pcap(OFFICE, linktype=147))
    done = vsensor("--read", empty, tmp_path / "missing", tmp_path / "notes.txt", tmp_path / "strange.pcap",
                   "/dev/null", capture, "--json", "-")
    assert done.returncode == 3
    for said in ("nothing: the folder holds no files", "missing: no such file or folder",
                 "notes.txt: not read: not a capture", "strange.pcap: not read: ", "link type 147",
                 "/dev/null: not a regular file"):
        assert said in done.stderr.decode(), said
    assert kinds(json.loads(x) for x in done.stdout.splitlines()) == OFFICE_KINDS


def test_an_unreadable_file(capture):
    as_nobody = {}
    with tempfile.TemporaryDirectory() as folder:
        locked = pathlib.Path(folder) / "locked.pcap"
        locked.write_bytes(b"x")
        locked.chmod(0)
        readable = locked.with_name("office.pcap")
        readable.write_bytes(capture.read_bytes())
        if os.geteuid() == 0:
            os.chmod(folder, 0o755)
            as_nobody = {"user": 65534, "group": 65534, "extra_groups": []}
            for parent in BIN.resolve().parents:
                if not parent.stat().st_mode & 1:
                    pytest.skip(f"{parent} cannot be entered by another user")
        done = vsensor("--read", locked, readable, "--json", "-", **as_nobody)
    assert done.returncode == 3, done.stderr
    assert b"locked.pcap: not read: permission denied" in done.stderr
    assert len(done.stdout.splitlines()) == len(OFFICE_KINDS)


def test_full_disk(capture):
    done = vsensor("--read", capture, "--json", "/dev/full")
    assert done.returncode == 1
    assert b"disk is full" in done.stderr


def test_full_folder_leaves_the_older_logs(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=False,
                      capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        (small / "conn.log").write_text("older\n")
        many = tmp_path / "many.pcap"
        many.write_bytes(p.pcap([f for i in range(800) for f in p.lookup(T0 + i, i, f"n{i}.example.com")]))
        done = vsensor("--read", many, "--json-dir", small)
        assert done.returncode == 1
        assert b"disk is full" in done.stderr
        assert [f.name for f in small.iterdir()] == ["conn.log"]
        assert (small / "conn.log").read_text() == "older\n"
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("args", [
    [], ["--read"], ["--read", "x"], ["--json", "-", "x"], ["--read", "x", "--json", "-", "--spool", "y"],
    ["--read", "x", "--json", "-", "--local-net", "10.0.0.0/99"], ["--read", "x", "--nonsense"],
    ["--read", "x", "--json", "-", "--hash-limit", "many"]])
def test_wrong_usage(args):
    done = vsensor(*args)
    assert done.returncode == 2
    assert done.stderr.startswith(b"thymus-vsensor: ")


def test_help_and_version():
    assert b"--json-dir" in vsensor("--help").stdout
    assert vsensor("--version").stdout.startswith(b"thymus-vsensor ")


def test_local_networks(capture):
    web = [r for r in events(capture, "--local-net", "192.0.2.0/24") if r.get("proto") == "tcp"][0]
    assert web["local_resp"] is True


def test_the_role_is_locked_before_the_first_byte():
    with subprocess.Popen([BIN / "thymus-vsensor", "--read", "-", "--json", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as parent:
        # Not a byte was sent yet: the role waits for the first in its sandbox.
        status = {}
        for _ in range(200):
            children = pathlib.Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
            if children:
                text = pathlib.Path(f"/proc/{children[0]}/status").read_text()
                status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
                if status.get("Seccomp") == "2":
                    break
            time.sleep(0.05)
        assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == 0
        assert status["Uid"].split()[0] != "0"
        out, err = parent.communicate(p.pcap(OFFICE), timeout=60)
        assert parent.returncode == 0, err
        assert len(out.splitlines()) == len(OFFICE_KINDS)


def test_the_role_alone_says_how_it_is_started():
    done = vsensor("--role", "capture")
    assert done.returncode == 1 and b"capture" in done.stderr
