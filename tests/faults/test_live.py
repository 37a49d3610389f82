# SPDX-License-Identifier: Apache-2.0
"""A sensor that watches a wire, and a master, both real, in a network namespace that only the test sees: live.py."""
import subprocess
import sys

import faults
import pytest
from test_sensor_live import pytestmark  # noqa: F401  (what it takes is the same)


@pytest.mark.parametrize("case", ["killed", "away"])
def test_live(case, tmp_path):
    faults.spine.reachable(tmp_path)
    done = subprocess.run(["unshare", "-n", sys.executable, faults.HERE / "live.py", case, tmp_path, "--minutes", "0.2"],
                          capture_output=True, text=True, timeout=200, check=False)
    said = (tmp_path / "said").read_text() if (tmp_path / "said").exists() else ""
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nthe sensor said:\n{said}"
    print(done.stdout)
