#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""peak FILE COMMAND...: runs it and writes into FILE how many bytes it and its roles had at their peak. A process of
its own, because a child's peak begins with that of who started it."""
import os
import pathlib
import resource
import sys

pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
pathlib.Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024), encoding="ascii")
sys.exit(status if status >= 0 else 128 - status)
