# SPDX-License-Identifier: Apache-2.0
"""One round of faults.py with a fixed seed."""
import faults


def test_killed_at_random_moments(tmp_path):
    faults.one_round(1, 250000, tmp_path)
