# SPDX-License-Identifier: Apache-2.0
"""The Visualizer in a real browser, against a real master with an attacked office in it and with events whose every
text is hostile. Each test of the .mjs files counts; the pictures of all screens are left in BUILD/shots."""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "functional"))
import spine  # noqa: E402
import verify  # noqa: E402

BUILD = pathlib.Path(os.environ.get("THYMUS_BUILD", "build")).resolve()
FILES = ["flow.test.mjs", "hostile.test.mjs"]


@pytest.fixture(scope="module")
def packages():
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    mark = HERE / "node_modules" / ".thymus-lock"
    if not mark.exists() or mark.read_text(encoding="utf-8") != lock:
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE,
                       check=True, timeout=300)
        mark.write_text(lock, encoding="utf-8")


def let_pass(folder):
    """The master's own user has to come to its folder."""
    for above in [folder, *folder.parents][:3]:
        above.chmod(above.stat().st_mode | 0o011)


def with_administrator(instance, folder):
    """The instance, the credentials of an administrator who never logged in, and how far its log goes."""
    one_time = instance.ctl("user", "create", "--instance", str(instance.path), "--role", "administrator", "admin")
    credentials = folder / "credentials.json"
    credentials.write_text(json.dumps({"user": "admin", "password": one_time}))
    return instance, credentials, verify.log_of(instance.path)[-1]["position"]


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    let_pass(folder)
    hour = int(time.time()) // 3600 * 3600
    iso = lambda s: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s))  # noqa: E731
    spool = spine.lab(folder / "office.spool", "--seed", 7, "--devices", 60, "--start", iso(hour - 60 * 3600),
                      "--hours", 60, f"--attack={iso(hour - 6 * 3600)}")
    hostile = folder / "hostile.spool"
    subprocess.run([BUILD / "tests/support/hostile_events", hostile, str(hour * 10**9)], check=True, timeout=30)
    instance = spine.Instance(folder / "i", "browser")
    try:
        instance.start()
        conf = instance.sensor("office")
        instance.feed(conf, spool)
        instance.feed(instance.sensor("strange"), hostile)
        # Without interfaces it watches nothing, but reports on itself.
        instance.others.append(subprocess.Popen([spine.BIN / "thymus-vsensor", "--config", conf],
                                                stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL))
        yield with_administrator(instance, folder)
    finally:
        instance.end()


@contextlib.contextmanager
def scripted(folder, *scripts):
    """A master that was told what the scripts say."""
    let_pass(folder)
    instance = spine.Instance(folder / "i", "browser")
    try:
        instance.start()
        conf = instance.sensor("office")
        for script in scripts:
            with open(folder / "events.spool", "wb") as out:
                subprocess.run([BUILD / "tests/support/scenario_spool", script], stdout=out, check=True, timeout=60)
            instance.feed(conf, folder / "events.spool")
        yield with_administrator(instance, folder)
    finally:
        instance.end()


@pytest.fixture
def patch_day(tmp_path):
    """Ended, so that it is told: the scenario's hour, and something behind it."""
    later = tmp_path / "later.scn"
    later.write_text("at 2024-03-07T12:30:00Z\nconn 10.0.1.20:50010 > 198.51.100.40:443 proto=tcp conn_state=SF orig_pkts=6\n")
    with scripted(tmp_path, HERE.parent / "scenario/patch-day.scn", later) as made:
        yield made


@pytest.fixture
def users(tmp_path):
    later = tmp_path / "later.scn"
    later.write_text("at 2024-04-03T12:30:00Z\nconn 10.0.1.20:50010 > 198.51.100.40:443 proto=tcp conn_state=SF orig_pkts=6\n")
    with scripted(tmp_path, HERE.parent / "scenario/users.scn", later) as made:
        yield made


def test_groups(packages, patch_day):
    test_in_the_browser("groups.test.mjs", packages, patch_day)


def test_users(packages, users):
    test_in_the_browser("users.test.mjs", packages, users)


@pytest.mark.parametrize("name", FILES)
def test_in_the_browser(name, packages, office):
    instance, credentials, log_end = office
    assert (BUILD / "ui.pack").exists(), "no user interface was built: scripts/build-ui"
    assert shutil.which("chromium"), "Debian's chromium is not installed"
    shots = BUILD / "shots"
    shots.mkdir(exist_ok=True)
    env = {**os.environ, "THYMUS_URL": f"https://127.0.0.1:{instance.port}", "THYMUS_CREDENTIALS": str(credentials),
           "THYMUS_SHOTS": str(shots), "THYMUS_HOSTILE": "hostilemark", "THYMUS_LOG_END": str(log_end)}
    done = subprocess.run(["node", "--test", "--test-reporter=spec", str(HERE / name)], cwd=HERE, env=env,
                          capture_output=True, text=True, timeout=900, check=False)
    (BUILD / "logs").mkdir(exist_ok=True)
    (BUILD / "logs" / f"browser-{name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    ran = re.search(r"^ℹ pass (\d+)$", done.stdout, re.M)
    skipped = re.search(r"^ℹ skipped (\d+)$", done.stdout, re.M)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert ran and int(ran.group(1)) > 0 and int(skipped.group(1)) == 0, done.stdout[-3000:]
