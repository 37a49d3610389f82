# SPDX-License-Identifier: Apache-2.0
"""Small disks, and what fills them."""
import contextlib
import os
import subprocess

import spine
import verify


def can_mount():
    done = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False,
                          timeout=20)
    return done.returncode == 0


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
    """Takes all room on a disk, also while others write to it."""
    with open(folder / "ballast", "wb", buffering=0) as f:
        taken = 0
        while (many := room(folder) - leave_bytes) > 0:
            with contextlib.suppress(OSError):  # somebody was faster: ask again
                os.posix_fallocate(f.fileno(), taken, many)
                taken += many


def room(folder):
    """Bytes that are left on its disk."""
    left = os.statvfs(folder)
    return left.f_bavail * left.f_frsize


class NoCheckpoints:
    """A master whose folder of checkpoints is on a full disk from the beginning. It tries to save after a minute."""

    def __init__(self, folder, path):
        self.instance, self.path = spine.Instance(folder), path

    def begin(self):
        fill(self.instance.path / "checkpoints")
        self.instance.start()
        self.client = self.instance.admin()
        self.instance.feed(self.instance.sensor(), self.path)
        self.events = sum(verify.events_by_kind(self.path).values())
        return self


def shows(client, *codes):
    spine.wait_until(f"System Status shows {' or '.join(codes)}", lambda: set(codes) & set(verify.problems(client)), 30)


def shows_none_of(client, *codes):
    spine.wait_until(f"System Status shows {', '.join(codes)} no more", lambda: not set(codes) & set(verify.problems(client)), 90)


def holds(client, instance, events):
    """All is in the log and in the store, once."""
    assert verify.check_log(verify.settle(client, instance.path)) == events
    assert sum(verify.rows_of(client).values()) == events
