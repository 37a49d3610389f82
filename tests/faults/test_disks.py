# SPDX-License-Identifier: Apache-2.0
"""Disks that are full, one place after the other: nobody ends, System Status names it, and when there is room
again everything is there once."""
import contextlib
import os
import subprocess

import pytest
import spine
import verify


def can_mount():
    done = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False,
                          timeout=20)
    return done.returncode == 0


pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="small disks (tmpfs) take root"),
              pytest.mark.skipif(os.geteuid() == 0 and not can_mount(), reason="this system lets nobody mount a tmpfs")]


@contextlib.contextmanager
def small_disk(folder, size):
    """A disk of so many bytes on an empty folder, owned as it was."""
    st = folder.stat()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700,uid={st.st_uid},gid={st.st_gid}", "tmpfs", folder],
                   check=True, timeout=20)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True, timeout=20)


def fill(folder, leave_bytes=0):
    """Takes all room on a disk."""
    with open(folder / "ballast", "wb", buffering=0) as f:
        left = os.statvfs(folder)
        many = left.f_bavail * left.f_frsize - leave_bytes
        os.posix_fallocate(f.fileno(), 0, many)


@pytest.fixture(name="instance")
def an_instance(tmp_path):
    i = spine.Instance(tmp_path / "i")
    yield i
    i.end()


@pytest.fixture(name="files", scope="module")
def made_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    for day in (3, 4):
        spine.lab(folder / f"{day}.tev", "--seed", day, "--devices", 40, "--start", f"2026-03-0{day}T10:00:00Z", "--hours", 2)
    return folder


def count(path):
    return sum(verify.events_by_kind(path).values())


def start_feed(instance, conf, path):
    said = conf.with_suffix(".said")
    process = subprocess.Popen([spine.BIN / "thymus-vsensor", "--config", conf, "--feed", path], stdout=subprocess.DEVNULL,
                               stderr=said.open("wb"), stdin=subprocess.DEVNULL)
    process.said = said.read_text
    instance.others.append(process)
    return process


def shows(client, *codes):
    spine.wait_until(f"System Status shows {' or '.join(codes)}", lambda: set(codes) & set(verify.problems(client)), 30)


def shows_none_of(client, *codes):
    spine.wait_until(f"System Status shows {', '.join(codes)} no more", lambda: not set(codes) & set(verify.problems(client)), 90)


def holds(client, instance, events):
    """All is in the log and in the store, once."""
    assert verify.check_log(verify.settle(client, instance.path)) == events
    assert sum(verify.rows_of(client).values()) == events


def test_the_logs_disk(instance, files):
    """Sensors are told to wait, and do."""
    conf = instance.path / "instance.conf"
    conf.write_text(conf.read_text().replace("log_bytes: 8G", "log_bytes: 64M"))
    log = instance.path / "log"
    with small_disk(log, "64M"):
        instance.start()
        client = instance.admin()
        sensor = instance.sensor()
        instance.feed(sensor, files / "3.tev")
        fill(log)
        process = start_feed(instance, sensor, files / "4.tev")
        spine.wait_until("the sensor waits", lambda: "takes nothing at the moment" in process.said(), 30)
        shows(client, "log_full", "log_write")
        assert process.poll() is None
        (log / "ballast").unlink()
        assert process.wait(60) == 0, process.said()
        shows_none_of(client, "log_full", "log_write")
        holds(client, instance, count(files / "3.tev") + count(files / "4.tev"))
        instance.stop()


def test_the_segments_disk(instance, files):
    """What is taken stays in the log; what was stored stays, too."""
    segments = instance.path / "segments"
    with small_disk(segments, "600M"):
        instance.start()
        client = instance.admin()
        sensor = instance.sensor()
        instance.feed(sensor, files / "3.tev")
        before = count(files / "3.tev")
        holds(client, instance, before)
        fill(segments)
        instance.feed(sensor, files / "4.tev")  # to its end: the log takes it
        shows(client, "disk_full", "segments", "catalogue")
        (segments / "ballast").unlink()
        holds(client, instance, before + count(files / "4.tev"))
        shows_none_of(client, "disk_full", "segments", "catalogue")
        instance.stop()


def test_the_spools_disk(instance, files):
    """The sensor says so, takes no more meanwhile, and loses nothing of what is recorded."""
    instance.start()
    client = instance.admin()
    sensor = instance.sensor()
    spool = sensor.parent / "spool"
    with small_disk(spool, "8M"):
        fill(spool, 300 << 10)
        process = start_feed(instance, sensor, files / "3.tev")
        spine.wait_until("the sensor says that its disk is full", lambda: "nothing is taken until it can be written" in process.said(),
                         30)
        assert process.poll() is None
        (spool / "ballast").unlink()
        assert process.wait(60) == 0, process.said()
        holds(client, instance, count(files / "3.tev"))


def test_the_accounts_disk(instance):
    """Nothing is changed that cannot be kept."""
    state = instance.path / "state"
    with small_disk(state, "8M"):
        instance.start()
        client = instance.admin()
        settings = client.api("GET", "/settings")
        fill(state)
        changed = {**settings, "alerts_per_day": settings["alerts_per_day"] + 1}
        refused = spine.wait_until("a change is refused", lambda: next((a for a in [
            client.ask("PUT", "/api/v1/settings", changed)] if a.status >= 500), None), 30)
        assert "error" in refused.json
        shows(client, "state_storage", "role_down")
        (state / "ballast").unlink()
        spine.wait_until("a change is kept", lambda: client.ask("PUT", "/api/v1/settings", changed).status == 200, 30)
        assert client.api("GET", "/settings")["alerts_per_day"] == changed["alerts_per_day"]
        shows_none_of(client, "state_storage", "role_down")
        instance.stop()
