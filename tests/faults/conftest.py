# SPDX-License-Identifier: Apache-2.0
"""What several tests use, and what has to be begun early: some things show after a minute, which passes while other
tests run."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "functional"))
import disks  # noqa: E402  (by this path)
import held  # noqa: E402
import sources  # noqa: E402
import spine  # noqa: E402


@pytest.fixture(name="files", scope="session")
def made_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    for day in (3, 4):
        spine.lab(folder / f"{day}.tev", "--seed", day, "--devices", 40, "--start", f"2026-03-0{day}T10:00:00Z", "--hours", 2)
    return folder


@pytest.fixture(name="offices", scope="session")
def made_offices(tmp_path_factory):
    return sources.Offices(tmp_path_factory.mktemp("offices"))


@pytest.fixture(name="held", scope="session")
def held_back(tmp_path_factory, offices):
    """At 10 o'clock sensor b has no way to its master any more, and sensor pinned refuses its new certificate."""
    master = held.Held(tmp_path_factory.mktemp("held"), offices)
    try:
        yield master.begin()
    finally:
        master.instance.end()


@pytest.fixture(name="no_checkpoints", scope="session")
def full_checkpoints(tmp_path_factory, files):
    master = disks.NoCheckpoints(tmp_path_factory.mktemp("checkpoints"), files / "3.tev")
    with disks.small_disk(master.instance.path / "checkpoints", "64M"):
        try:
            yield master.begin()
        finally:
            master.instance.end()


@pytest.fixture(scope="session", autouse=True)
def begun_early(request):
    skipped = not disks.can_mount()
    for name in ("held", "no_checkpoints"):
        if any(name in item.fixturenames for item in request.session.items) and not (skipped and name == "no_checkpoints"):
            request.getfixturevalue(name)
