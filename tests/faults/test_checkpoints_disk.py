# SPDX-License-Identifier: Apache-2.0
"""A disk that has no room for checkpoints. Alone in its file: the first checkpoint is a minute away, which passes while
other files run."""
import os

import pytest
import spine
import verify
from disks import can_mount, holds, shows_none_of

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="small disks (tmpfs) take root"),
              pytest.mark.skipif(os.geteuid() == 0 and not can_mount(), reason="this system lets nobody mount a tmpfs")]


def test_the_checkpoints_disk(no_checkpoints):
    """What is learned is learned on, and saved when there is room."""
    client, instance, events = no_checkpoints.client, no_checkpoints.instance, no_checkpoints.events
    checkpoints = instance.path / "checkpoints"
    spine.wait_until("System Status shows it", lambda: {"disk_full", "checkpoint"} & set(verify.problems(client)), 100, 0.5)
    holds(client, instance, events)
    found = verify.findings_of(client)
    assert not list(checkpoints.glob("core-*"))
    (checkpoints / "ballast").unlink()
    shows_none_of(client, "disk_full", "checkpoint")
    assert list(checkpoints.glob("core-*"))
    holds(client, instance, events)
    later = verify.findings_of(client)
    assert all(later[kind].keys() >= found[kind].keys() for kind in found), verify.difference(found, later)
