# SPDX-License-Identifier: Apache-2.0
"""Batches that unpack to more than they may, correctly signed by a sensor that is authorised."""
import contextlib
import pathlib
import re

import envelopes
import hand
import pytest
import spine
import verify

BOMB_BYTES = 1 << 30
ROOM_KB = 64 << 10  # more than a role may grow by while it looks at them


@pytest.fixture(name="instance")
def an_instance(tmp_path):
    i = spine.Instance(tmp_path / "i")
    yield i
    i.end()


def peaks(instance):
    """role -> most memory it ever had, in kB."""
    found = {}
    for role, pid in instance.roles().items():
        with contextlib.suppress(OSError):
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            found[role] = int(re.search(r"VmHWM:\s+(\d+)", status).group(1))
    return found


def test_bombs_of_a_known_sensor(instance, tmp_path):
    """What says that it unpacks to a gigabyte is refused at the door, by either of the two lengths that say so; what lies
    about it is set aside, and told. Nobody dies, nobody takes the memory, the next batch is taken."""
    path = spine.lab(tmp_path / "office.tev", "--seed", 3, "--devices", 18, "--start", "2026-03-03T10:00:00Z", "--hours", 1)
    good = hand.frames_of(path)
    instance.start()
    client = instance.admin()
    sensor = hand.Hand(instance, client, "known")
    assert sensor.post(good[0])[0] == 200
    verify.settle(client, instance.path)
    roles, memory, before = instance.roles(), peaks(instance), envelopes.refusals(client)
    head, packed = hand.parts(good[0])[0], hand.zeros(BOMB_BYTES)
    assert len(packed) < 100000
    for raw_len in (BOMB_BYTES, 4096):
        status, answer = sensor.post(hand.frame(head, packed, raw_len))
        assert (status, answer["error"]["code"]) == (413, "bomb"), answer
        assert "unpacks" in answer["error"]["message"]
    envelopes.rises(client, "bomb", before, 2)
    liar = hand.frame(head, hand.zeros(BOMB_BYTES, said_bytes=4096), 4096)
    assert sensor.post(liar)[0] == 200  # nobody at the door unpacks anything
    verify.settle(client, instance.path)
    spine.wait_until("System Status tells of it", lambda: {"damaged", "damaged_batch"} <= set(verify.problems(client)), 30)
    for frame in good[1:]:
        assert sensor.post(frame)[0] == 200
    verify.settle(client, instance.path)
    assert sum(verify.rows_of(client).values()) == sum(verify.events_by_kind(path).values())
    assert instance.roles() == roles
    grown = {role: peak - memory[role] for role, peak in peaks(instance).items()
             if role in ("gateway", "intake", "core", "store")}
    assert all(kb < ROOM_KB for kb in grown.values()), grown
