# SPDX-License-Identifier: Apache-2.0
"""The processes a daemon has now, as /proc tells them."""
import pathlib


def role_processes(daemon):
    """(process id, words of its command line) of each role of a daemon that runs now."""
    try:
        children = pathlib.Path(f"/proc/{daemon}/task/{daemon}/children").read_text(encoding="ascii").split()
    except OSError:
        return  # it has ended
    for pid in children:
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # this one ended between the two looks
        if words[1:2] == [b"--role"]:
            yield int(pid), words
