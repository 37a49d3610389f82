# SPDX-License-Identifier: Apache-2.0
"""What the sensor makes of real SSH logins: right, wrong, typed; all kinds of ciphers."""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import ssh_cases
from sensor import BIN

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and packet sockets take root")

ETM = "hmac-sha2-256-etm@openssh.com"
CASES = [("openssh", "chacha20-poly1305@openssh.com", ETM), ("openssh", "aes256-gcm@openssh.com", ETM),
         ("openssh", "aes128-ctr", "hmac-sha2-256"), ("openssh", "aes256-ctr", ETM), ("openssh", "aes128-ctr", "umac-64@openssh.com"),
         ("dropbear", "chacha20-poly1305@openssh.com", "hmac-sha2-256"), ("dropbear", "aes128-ctr", "hmac-sha1")]


def log_in(server, cipher, mac, folder):
    return subprocess.run(["unshare", "-nm", sys.executable, pathlib.Path(__file__).with_name("ssh_cases.py"), server, cipher, mac,
                           folder], capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module", name="logins")
def logins_side_by_side(tmp_path_factory, request):
    """The cases that are asked for: each has namespaces of its own, and mostly waits."""
    wanted = {tuple(item.callspec.params[name] for name in ("server", "cipher", "mac"))
              for item in request.session.items if item.path == request.path}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        started = {}
        for case in CASES:
            if case in wanted and has_server(case[0]):
                folder = tmp_path_factory.mktemp(case[0])
                started[case] = folder, pool.submit(log_in, *case, folder)
        yield started


def has_server(name):
    return ssh_cases.SSHD if name == "openssh" else shutil.which("dropbear")


@pytest.mark.parametrize("server,cipher,mac", CASES)
def test_logins(server, cipher, mac, logins):
    if not has_server(server):
        pytest.skip(f"there is no server of {server} (scripts/setup)")
    folder, running = logins[server, cipher, mac]
    done = running.result()
    assert done.returncode == 0, done.stdout + done.stderr
    read = subprocess.run([BIN / "thymus-vsensor", "--json", "-", "--read", folder / "ssh.pcap"], capture_output=True, check=True,
                          timeout=60)
    # A connection that only asked whether the server listens may have come along.
    found = [e for e in map(json.loads, read.stdout.splitlines()) if e["_path"] == "ssh" and "client" in e]
    found.sort(key=lambda e: e["ts"])
    assert [e["cipher_alg"] for e in found] == [cipher] * 4, found
    told = [(e.get("auth_success"), e.get("auth_attempts"), e.get("interactive")) for e in found]
    assert told == [(True, 1, None), (False, 1, None), (False, 3, None), (True, 1, True)]
