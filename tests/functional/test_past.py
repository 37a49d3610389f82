# SPDX-License-Identifier: Apache-2.0
"""What an instance has stored, as an input of `thymusctl analyse`, `model test` and `why`: it must say what the input said
that its sensor was fed with, and a running instance must not notice."""
import json
import shutil
import signal
import sqlite3
import subprocess

import pytest
import spine
import trial
import verify

DAY = "2026-03-02"  # of the capture; the spool is of the day behind it
OF_INPUTS = {"inputs", "packets"}  # in a summary: how many there were, and of what kind, not what was in them


def ctl(*args, **how):
    return subprocess.run([spine.BIN / "thymusctl", *map(str, args)], capture_output=True, text=True, timeout=300, check=False,
                          stdin=subprocess.DEVNULL, **how)


def findings(*paths, status=0, **how):
    """The lines of an analysis."""
    done = ctl("analyse", "--json", *paths, **how)
    assert (done.returncode, done.stderr) == (status, ""), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def without_inputs(lines):
    return [{k: v for k, v in line.items() if k not in OF_INPUTS} for line in lines]


def unread(lines):
    return [line for line in lines if line["kind"] == "error"]


def names_in(instance):
    """Segments that the store shows as done; hot ones come and go with each search."""
    return sorted(f.name for f in (instance / "segments").glob("*.parquet") if not f.name.startswith("hot-"))


def replace(file, data):
    """A snapshot's segments are links to the instance's own: a new file, and not other bytes in that."""
    file.unlink()
    file.write_bytes(data)


class Stored:
    """A running instance whose sensor was fed with a capture, and with so many events of the next day that both were sealed;
    the last of them are in the log alone."""

    def __init__(self, folder):
        self.folder = folder
        self.inputs = [folder / "office.pcap", folder / "next.tev"]
        subprocess.run([spine.BIN / "thymus-lab", "--quiet", "--pcap", self.inputs[0], "--seed", "3", "--devices", "18", "--start",
                        f"{DAY}T09:00:00Z", "--hours", "1", "--inject", "scan@+20m"], check=True, timeout=300)
        spine.lab(self.inputs[1], "--seed", 3, "--devices", 40, "--start", "2026-03-03T00:00:00Z", "--days", 1, "--inject",
                  "beacon@+10h:period=60", "--inject", "scan@+11h")
        self.instance = spine.Instance(folder / "instance", "office")
        self.path = self.instance.path
        self.admin = None

    def begin(self):
        self.instance.start()
        self.admin = self.instance.admin()
        self.conf = self.instance.sensor("office")
        self.instance.feed(self.conf, *self.inputs)
        verify.settle(self.admin, self.path)
        spine.wait_until("both days are sealed", lambda: len({n[5:13] for n in names_in(self.path) if n.startswith("conn-")}) == 2)
        self.direct = findings(*self.inputs)
        return self

    def cut(self, folder):
        """A copy of the instance, at rest."""
        self.instance.ctl("snapshot", str(self.path), str(folder))
        return folder


@pytest.fixture(name="stored", scope="module")
def stored_office(tmp_path_factory):
    folder = tmp_path_factory.mktemp("past")
    folder.chmod(0o755)
    s = Stored(folder)
    try:
        yield s.begin()
    finally:
        s.instance.end()


@pytest.fixture(name="mine")
def models_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(trial.SEARCH)
    return file


def test_the_store_says_what_the_input_said(stored):
    """Line by line: events by kind and hour, breaches, incidents, their ids and scores. Both have the key of `analyse`, and not
    the instance's, and a replayed capture keeps its times."""
    found = findings(stored.path)
    assert len([f for f in found if f["kind"] == "breach"]) > 10 and len([f for f in found if f["kind"] == "incident"]) > 5
    assert without_inputs(found) == without_inputs(stored.direct)
    assert found[-1]["inputs"] == 1 and found[-1]["events"] == sum(found[-1]["events_by_kind"].values())
    assert found[-1]["events_by_kind"] == {k: n for k, n in verify.rows_of(stored.admin).items() if n}


def test_it_is_read_once_and_along_with_others(stored):
    assert findings(stored.path, f"{stored.path}/") == findings(stored.path)
    both = findings(stored.path, stored.inputs[0])[-1]
    assert both["inputs"] == 2 and both["unread"] == 0
    assert both["events"] > stored.direct[-1]["events"] and both["packets"] == stored.direct[-1]["packets"]


def test_a_model_is_tested_against_what_is_stored(stored, mine):
    def tested(*args):
        done = ctl("model", "test", "--json", "--no-prior", *args)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    told = 0
    for span in ([], ["--from", "2026-03-03"], ["--to", "2026-03-03"], ["--from", f"{DAY}T09:30:00Z", "--to", "2026-03-03T12:00:00Z"]):
        past = tested(*span, mine, stored.path)
        assert past == tested(*span, mine, *stored.inputs), span
        assert past["models"][0]["model"] == "my-search" and past["models"][0]["on_trial"]
        told += past["models"][0]["breaches"]
    assert told >= 2
    done = ctl("model", "test", "--to", "2020-01-01", mine, stored.path)
    assert done.returncode == 3 and "nothing is stored there of before 2020-01-01" in done.stdout


def test_an_hour_is_explained_from_what_is_stored(stored):
    breach = next(line for line in stored.direct if line["kind"] == "breach" and line["device"]["hostname"])
    said = [ctl("why", "--json", breach["device"]["hostname"], breach["time"][:13], *paths) for paths in (stored.inputs, [stored.path])]
    for done in said:
        assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(said[0].stdout) == json.loads(said[1].stdout)
    told = json.loads(said[1].stdout)["activity"]["window"]["models"]
    assert breach["id"] in [m.get("breach") for m in told]


def test_a_running_instance_does_not_notice(stored):
    """Its files stay as they are, its roles go on, and what is fed meanwhile is taken."""
    before = stored.instance.roles(), set(verify.problems(stored.admin)), len(stored.instance.logged())
    owners = {f.name: f.stat().st_uid for f in (stored.path / "segments").iterdir()}
    more = spine.lab(stored.folder / "more.tev", "--seed", 9, "--devices", 20, "--start", "2026-03-04T10:00:00Z", "--hours", 2)
    feed = subprocess.Popen([spine.BIN / "thymus-vsensor", "--config", stored.conf, "--feed", more], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    stored.instance.others.append(feed)
    for _ in range(3):
        lines = findings(stored.path)
        assert not unread(lines) and lines[-1]["events"] >= stored.direct[-1]["events"]
    assert feed.wait(60) == 0
    verify.settle(stored.admin, stored.path)
    fed = sum(verify.events_by_kind(more).values())
    assert findings(stored.path)[-1]["events"] == stored.direct[-1]["events"] + fed
    assert (stored.instance.roles(), set(verify.problems(stored.admin))) == before[:2]
    assert stored.instance.logged()[before[2]:] == ""
    now = {f.name: f.stat().st_uid for f in (stored.path / "segments").iterdir()}
    assert {n: now.get(n, u) for n, u in owners.items()} == owners and set(now.values()) == set(owners.values())


def test_an_instance_that_was_killed_is_read(stored, tmp_path):
    """Its catalogue's write-ahead log is whole, and nobody is there who uses it."""
    other = stored.instance.restored(stored.cut(tmp_path / "cut"), tmp_path / "other").start()
    written = other.path / "segments/catalogue.db-wal"
    spine.wait_until("its store has written", lambda: written.exists() and written.stat().st_size > 0)
    want = findings(other.path)
    other.stop(signal.SIGKILL)
    other.end()
    assert written.stat().st_size > 0
    assert findings(other.path) == want


def test_a_snapshot_is_read_wherever_it_lies(stored, tmp_path):
    """Also where the master's user does not come to: its folders come as descriptors."""
    cut = stored.cut(tmp_path / "cut")
    tmp_path.chmod(0o700)
    want = findings(stored.path)
    before = {f: f.stat().st_mtime_ns for f in cut.rglob("*")}
    assert findings(cut) == want
    assert {f: f.stat().st_mtime_ns for f in cut.rglob("*")} == before


@pytest.mark.asan
def test_damaged_segments_are_told_and_the_rest_is_analysed(stored, tmp_path, mine):
    cut = stored.cut(tmp_path / "cut")
    whole = findings(cut)[-1]
    dns = next(cut / "segments" / n for n in names_in(cut) if n.startswith("dns-20260302"))
    ssl = next(cut / "segments" / n for n in names_in(cut) if n.startswith("ssl-20260302"))
    http = next(cut / "segments" / n for n in names_in(cut) if n.startswith("http-20260302"))
    conn = next(cut / "segments" / n for n in names_in(cut) if n.startswith("conn-20260303"))
    count = len([n for n in names_in(cut) if not n.startswith("metric")])
    replace(dns, dns.read_bytes()[:-100])
    ssl.unlink()
    replace(http, conn.read_bytes())  # a segment of another kind: its columns are there, and mean something else
    lines = findings(cut, status=3)
    (said,) = unread(lines)
    assert (said["input"], said["status"]) == (str(cut), "partial")
    assert said["message"] == (f"2 of {count} segments could not be read, or not to their end (the first is {dns.name}: the file "
                               "is damaged)"), said
    left, had = lines[-1]["events_by_kind"], whole["events_by_kind"]
    assert left["conn"] == had["conn"] and 0 < left["dns"] < had["dns"] and 0 < left["ssl"] < had["ssl"]
    done = ctl("model", "test", mine, cut)
    assert done.returncode == 3 and dns.name in done.stdout
    done = ctl("why", "10.20.1.1", f"{DAY}T09", cut)
    assert done.returncode in (1, 3) and "could not be read" in done.stdout


@pytest.mark.parametrize("spoil", range(6))
def test_segments_with_spoiled_bytes_end_nothing(stored, tmp_path, spoil):
    """Bytes turned here and there: what can be read is, or is told not to be; the analysis ends as it should."""
    cut = stored.cut(tmp_path / "cut")
    for k, name in enumerate(names_in(cut)):
        file = cut / "segments" / name
        data = bytearray(file.read_bytes())
        for n in range(1 + spoil):
            data[(k * 7919 + n * 104729 + spoil * 31337) % len(data)] ^= 1 << (n + spoil) % 8
        replace(file, data)
    lines = findings(cut, status=3)
    (said,) = unread(lines)
    assert "could not be read" in said["message"] or "values were none" in said["message"]


def test_what_is_no_store_is_told(stored, tmp_path):
    new = spine.Instance(tmp_path / "new", "new")
    new.end()
    cases = [(new.path, "nothing is stored there")]
    for name, text in (("newer", "a newer version of Thymus wrote its catalogue of segments"), ("none", "catalogue of segments is damaged"),
                       ("half", "segments/ and log/ of the instance: no such file or folder"), ("conf", "name is missing")):
        cases.append((stored.cut(tmp_path / name), text))
    with sqlite3.connect(tmp_path / "newer/segments/catalogue.db") as db:
        db.execute("PRAGMA user_version = 99")
    (tmp_path / "none/segments/catalogue.db").write_bytes(b"not a database " * 1000)
    shutil.rmtree(tmp_path / "half/segments")
    conf = tmp_path / "conf/instance.conf"
    conf.write_text("\n".join(line for line in conf.read_text().splitlines() if not line.startswith("name:")) + "\n")
    for path, text in cases:
        lines = findings(path, status=3)
        (said,) = unread(lines)
        assert said["status"] == "unreadable" and text in said["message"], said
        assert lines[-1]["events"] == 0


def test_inside_is_what_the_instance_takes_for_it(stored, tmp_path):
    cut = stored.cut(tmp_path / "cut")
    conf = cut / "instance.conf"
    conf.write_text(conf.read_text() + 'local_networks: ["10.0.0.0/8", "198.51.100.0/24"]\n')
    assert findings(cut)[-1]["local_networks"] == ["10.0.0.0/8", "198.51.100.0/24"]
    assert findings("--local-net", "10.20.0.0/16", cut)[-1]["local_networks"] == ["10.20.0.0/16"]
