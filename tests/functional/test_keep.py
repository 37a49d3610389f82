# SPDX-License-Identifier: Apache-2.0
"""The sensor's packet keep on a live wire, beside tcpdump: a network namespace for each case (keep_cases.py)."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

from test_sensor_live import can_make_namespaces

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and packet sockets take root"),
    pytest.mark.skipif(os.geteuid() == 0 and not can_make_namespaces(),
                       reason="this system lets nobody make a network namespace with a cable in it"),
    pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed"),
]


@pytest.mark.parametrize("case", [pytest.param("flow", marks=pytest.mark.asan), "headers", "rules", "tags", "kills", "stopped", "full",
                                  pytest.param("tampered", marks=pytest.mark.asan), "limits", "reported",
                                  "fetched"])
def test_keep(case, tmp_path):
    """In a process group of its own: a case that fails leaves nobody behind."""
    out = tmp_path / "out"
    run = subprocess.Popen(["unshare", "-n", "-m", sys.executable, pathlib.Path(__file__).with_name("keep_cases.py"), case,
                            tmp_path], stdout=out.open("w"), stderr=subprocess.STDOUT, start_new_session=True)
    try:
        run.wait(180 if case == "fetched" else 90)
    finally:
        try:
            os.killpg(run.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    said = (tmp_path / "errors").read_text() if (tmp_path / "errors").exists() else ""
    assert run.returncode == 0, f"{out.read_text()}\nthe sensor said:\n{said}"
