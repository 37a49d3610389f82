# SPDX-License-Identifier: Apache-2.0
"""What the parts that need a running master share: an instance, rows, what its processes take."""
import contextlib
import http.client
import json
import os
import pathlib
import sys
import tempfile
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parent.parent
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
sys.path.insert(0, str(TOP / "tests/functional"))


def row(name, value, unit, budget=None, better="lower"):
    line = {"name": name, "value": float(f"{value:.4g}"), "unit": unit}
    if budget is not None:
        line.update(budget=budget, better=better)
    print(json.dumps(line), flush=True)


def skip(reason):
    print(json.dumps({"skip": reason}), flush=True)


def say(text):
    print(text, file=sys.stderr, flush=True)


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))]


@contextlib.contextmanager
def running(build, name):
    """A master that runs, in a folder that goes, and its harness (tests/functional/spine.py)."""
    os.environ["THYMUS_BIN"] = str(pathlib.Path(build).resolve() / "bin")
    import spine  # pylint: disable=import-outside-toplevel
    with tempfile.TemporaryDirectory(prefix=f"thymus-bench-{name}-") as folder:
        instance = spine.Instance(folder, name=name)
        try:
            yield instance.start(), spine
        finally:
            instance.end()


class Api:
    """Requests of a client that is logged in, over one connection that stays open, as a browser's does."""

    def __init__(self, client):
        self.client, self.c = client, None

    def get(self, path, **params):
        if params:
            path += "?" + urllib.parse.urlencode(params)
        if not self.c:
            self.c = http.client.HTTPSConnection("127.0.0.1", self.client.port, context=self.client.tls, timeout=60)
        cookies = "; ".join(f"{k}={v}" for k, v in self.client.cookies.items())
        try:
            self.c.request("GET", "/api/v1" + path, headers={"Cookie": cookies})
            answer = self.c.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self.c = None
            raise
        if answer.status != 200:
            raise RuntimeError(f"GET {path}: {answer.status} {body[:300]!r}")
        return json.loads(body)


def cpu_s(pid):
    """User and system time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def peak_mib(pid):
    return memory_mib(pid, "VmHWM")


def memory_mib(pid, what="VmRSS"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) / 1024
    return 0


def processes(instance):
    """Name -> pid: the master's parent, its roles, and what these started (core's other shards)."""
    found = {"parent": instance.master.pid, **instance.roles()}
    for name, pid in list(found.items()):
        if name != "parent":
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            found.update({f"{name}.{i + 1}": int(child) for i, child in enumerate(children)})
    return found
