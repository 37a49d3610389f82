# SPDX-License-Identifier: Apache-2.0
"""The self-test of an installation: it finds what it made and leaves nothing; it fails in a sentence."""
import contextlib
import json
import os
import re
import signal
import subprocess
import sqlite3
import time

import packets
import pytest
import verify
from spine import BIN, Client, Instance, lab, wait_until


@pytest.fixture(name="instance")
def _instance(tmp_path):
    for parent in (tmp_path, *tmp_path.parents[:2]):  # DuckDB goes by paths, as nobody
        if parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    made = Instance(tmp_path, approve=True)
    yield made
    made.end()


def selftest(instance, *args):
    env = dict(os.environ, TMPDIR=str(instance.folder))
    return subprocess.run([BIN / "thymusctl", "selftest", "--instance", instance.path, *args], env=env, text=True,
                          capture_output=True, timeout=300, check=False)


def left_folders(instance):
    return [p.name for p in instance.folder.iterdir() if p.name.startswith("thymus-selftest")]


def test_finds_all_and_leaves_nothing(instance):
    instance.start()
    client = instance.admin()
    wait_until("the store answers", lambda: client.ask("GET", "/api/v1/overview").status == 200)
    before = client.api("GET", "/overview")["devices"]
    done = selftest(instance)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr + instance.logged()[-3000:]
    for what in ("sensor enrolled", "batches in the log", "events in search", "beacon found", "generated names found",
                 "all of it removed"):
        assert re.search(rf"ok +\d+\.\d s  .*{what}", done.stdout), done.stdout
    name = re.search(r"selftest-[0-9a-f]{8}", done.stdout)[0]
    assert not left_folders(instance)
    # Nowhere is anything of it.
    assert client.api("GET", "/overview")["devices"] == before
    assert not client.api("GET", "/devices")["devices"]
    assert not client.api("GET", "/incidents?state=all")["incidents"]
    assert not client.api("GET", "/breaches")["breaches"]
    assert not client.api("GET", "/sensors")["sensors"]
    assert not client.api("GET", "/tokens")["tokens"]
    assert client.api("GET", "/search?histogram=1&q=fd74:6879:6d75::/48")["total"] == 0
    assert client.api("GET", "/search?histogram=1&q=invalid")["total"] == 0
    wait_until("no source is left", lambda: not client.api("GET", "/status")["sources"])
    with contextlib.closing(sqlite3.connect(f"file:{instance.path}/segments/catalogue.db?mode=ro", uri=True)) as db:
        for table in ("breaches", "incidents", "incident_devices", "incident_breaches", "devices", "states", "sensors"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0, table
    # But who looks into the audit log knows that it was there.
    entries = client.api("GET", "/audit?limit=100")
    assert entries["intact"]
    assert any(e["action"] == "forget" and "fd74:6879:6d75" in e["detail"] for e in entries["entries"])
    assert name in json.dumps(entries)
    # What is forgotten stays so when every part reads the log anew, and a second test finds its own.
    instance.stop()
    instance.start()
    client = Client(instance.port)
    assert selftest(instance).returncode == 0
    listed = json.loads(instance.ctl("sensor", "list", "--instance", str(instance.path)) or "[]")
    assert not listed


def test_keeps_and_removes_later(instance):
    instance.start()
    client = instance.admin()
    done = selftest(instance, "--keep")
    assert done.returncode == 0, done.stdout + done.stderr
    name = re.search(r"selftest-[0-9a-f]{8}", done.stdout)[0]
    assert [d["hostname"] for d in client.api("GET", "/devices")["devices"]] == [name]
    models = {b["model"]["id"] for b in client.api("GET", "/breaches")["breaches"]}
    assert "generated-domains" in models and any(m.startswith("beacon-to-") for m in models), models
    done = selftest(instance, "--remove")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not client.api("GET", "/devices")["devices"]
    assert not client.api("GET", "/breaches")["breaches"]


def test_changes_nothing_of_others(instance, tmp_path):
    text = (instance.path / "instance.conf").read_text()
    (instance.path / "instance.conf").write_text(text.replace("approve_sensors: true", "approve_sensors: false"))
    instance.start()
    client = instance.admin()
    conf = instance.sensor()
    start = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(time.time() - 13 * 3600))
    instance.feed(conf, lab(str(tmp_path / "history"), "--devices", 40, "--hours", 12, "--seed", 7, "--attack=+5h",
                            "--start", start))
    # The history's last hour is judged when a later one has come: by this, not by the self-test.
    (tmp_path / "now.pcap").write_bytes(packets.pcap(packets.lookup(time.time())))
    instance.feed(conf, str(tmp_path / "now.pcap"))

    def others():
        learning = client.api("GET", "/overview")["learning"]
        return (sorted(d["id"] for d in client.api("GET", "/devices?limit=200")["devices"]),
                sorted(i["id"] for i in client.api("GET", "/incidents?state=all&limit=200")["incidents"]),
                sorted(b["id"] for b in client.api("GET", "/breaches?limit=200")["breaches"]),
                learning["device_hours"], client.api("GET", "/search?histogram=1&q=ip:10.0.0.0/8")["total"])
    verify.settle(client, instance.path)
    before = wait_until("it found something", lambda: others() if others()[1] else None)
    # Where others call as regularly, and as few others, the beacon is nothing to alarm about: it is found all the same.
    done = selftest(instance)
    assert done.returncode == 0, done.stdout + done.stderr
    assert others() == before


def test_says_that_no_master_runs(instance):
    done = selftest(instance)
    assert done.returncode == 1
    assert "No master runs on" in done.stderr and "thymus-master --instance" in done.stderr
    assert not left_folders(instance)


def test_says_which_part_is_behind(instance):
    instance.start()
    client = instance.admin()
    wait_until("all parts are up", lambda: all(r["state"] == "up" for r in client.api("GET", "/status")["roles"]))
    core = instance.roles()["core"]
    os.kill(core, signal.SIGSTOP)
    try:
        done = selftest(instance, "--step-s", "8")
    finally:
        os.kill(core, signal.SIGCONT)
    assert done.returncode == 1
    assert "generated names found" in done.stderr and 'Part "core"' in done.stderr, done.stderr
    assert "ok" in done.stdout and "FAIL" in done.stdout
    assert not left_folders(instance)
    # What was asked to be forgotten is, once core reads on.
    wait_until("all is gone", lambda: not client.api("GET", "/devices")["devices"] and
               client.api("GET", "/search?histogram=1&q=fd74:6879:6d75::/48")["total"] == 0 and
               not client.api("GET", "/breaches")["breaches"])
