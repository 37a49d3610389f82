# SPDX-License-Identifier: Apache-2.0
"""`thymus-vsensor --config` watching a wire: real packets between two ends of a cable, in a network
namespace that only the test sees."""
import os
import pathlib
import subprocess
import sys

import pytest


def can_make_namespaces():
    done = subprocess.run(["unshare", "-n", "ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1"],
                          capture_output=True, check=False, timeout=20)
    return done.returncode == 0


pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and packet sockets take root"),
    pytest.mark.skipif(os.geteuid() == 0 and not can_make_namespaces(),
                       reason="this system lets nobody make a network namespace with a cable in it"),
]


@pytest.mark.parametrize("case", ["records", "own_traffic", "tagged", "filtered", "killed", "killed_of_two", "seen_twice", "away", "down",
                                  "down_for_two", "down_at_first", "reported", "overload",
                                  pytest.param("losses", marks=pytest.mark.skipif(
                                      not os.path.exists("/dev/net/tun"), reason="this system has no tunnel devices")),
                                  "mirror", "tunnels", "dealt", "kept"])
def test_live(case, tmp_path):
    run(case, tmp_path)


def run(case, tmp_path):
    done = subprocess.run(["unshare", "-n", sys.executable, pathlib.Path(__file__).with_name("live_cases.py"), case,
                           tmp_path], capture_output=True, text=True, timeout=90, check=False)
    said = (tmp_path / "errors").read_text() if (tmp_path / "errors").exists() else ""
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nthe sensor said:\n{said}"
