# SPDX-License-Identifier: Apache-2.0
"""Logins to a real SSH server, written down as packets: `unshare -nm python3 ssh_cases.py SERVER CIPHER
MAC FOLDER`. Four connections after each other, each from a port of its own: with the right key, with a
wrong key, with three wrong passwords, and with the right key and somebody who types.
test_ssh.py runs it and reads the capture."""
import os
import pathlib
import pty
import pwd
import select
import socket
import subprocess
import sys
import time

PORT = 2222
UNPACKED = pathlib.Path(__file__).resolve().parents[2] / "build-tools/openssh-server/usr/sbin/sshd"  # scripts/fetch-sshd
SSHD = next((p for p in (pathlib.Path("/usr/sbin/sshd"), UNPACKED) if p.exists()), None)
SERVERS = {
    "openssh": [SSHD, "-D", "-e", "-f", "sshd_config"],
    "dropbear": ["dropbear", "-F", "-E", "-r", "hostkey", "-p", str(PORT)],
}
CONFIG = f"""Port {PORT}
HostKey {{folder}}/hostkey
UsePAM no
PermitRootLogin yes
PasswordAuthentication yes
PidFile none
Ciphers {{cipher}}
MACs {{mac}}
"""


def listening():
    try:
        socket.create_connection(("127.0.0.1", PORT), 1).close()
        return True
    except OSError:
        return False


def until(what):
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def client(folder, cipher, mac, key, *more):
    return ["ssh", "-F", "none", "-p", str(PORT), "-i", folder / key, "-c", cipher, "-m", mac, "-o", "IdentitiesOnly=yes",
            "-o", "IdentityAgent=none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
            "-o", "KbdInteractiveAuthentication=no", *more, "root@127.0.0.1"]


def typed(command):
    """A shell on a terminal; each key is sent when what the one before drew has come."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], [str(c) for c in command] + ["sh"])

    def drawn(seconds):
        while select.select([terminal], [], [], seconds)[0]:
            try:
                if not os.read(terminal, 4096):
                    return
            except OSError:
                return
    drawn(2)
    for key in "echo a line typed\nexit\n":
        os.write(terminal, key.encode())
        drawn(0.1)
    os.waitpid(pid, 0)


def with_its_user(folder):
    """The server wants a user of its own, whom only an installation makes: this namespace has one."""
    try:
        pwd.getpwnam("sshd")
    except KeyError:
        (folder / "passwd").write_text(pathlib.Path("/etc/passwd").read_text() + "sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin\n")
        subprocess.run(["mount", "--bind", folder / "passwd", "/etc/passwd"], check=True, timeout=20)


def main(server, cipher, mac, folder):
    folder = pathlib.Path(folder)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=20)
    home = pathlib.Path("~root").expanduser()  # where Dropbear looks for keys, whatever it is told
    for place in ("/run", home):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", place], check=True, timeout=20)
    os.makedirs("/run/sshd", mode=0o755)
    (home / ".ssh").mkdir(mode=0o700)
    for name in ("hostkey", "right", "wrong"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True, timeout=20)
    if server == "dropbear":
        subprocess.run(["dropbearconvert", "openssh", "dropbear", folder / "hostkey", folder / "converted"], check=True,
                       timeout=20, capture_output=True)
        (folder / "converted").replace(folder / "hostkey")
    (home / ".ssh/authorized_keys").write_bytes((folder / "right.pub").read_bytes())
    (folder / "sshd_config").write_text(CONFIG.format(folder=folder, cipher=cipher, mac=mac))
    (folder / "no").write_text("#!/bin/sh\necho not-the-password\n")
    (folder / "no").chmod(0o700)
    with_its_user(folder)
    daemon = subprocess.Popen(SERVERS[server], cwd=folder, stderr=(folder / "server").open("wb"))
    until(listening)
    dump = subprocess.Popen(["tcpdump", "-i", "lo", "-U", "-Z", "root", "-w", folder / "ssh.pcap", "tcp"],
                            stderr=subprocess.PIPE, text=True)
    until(lambda: "listening" in dump.stderr.readline())
    keys_only = ("-o", "PasswordAuthentication=no")
    run = {"stdin": subprocess.DEVNULL, "timeout": 60, "capture_output": True}
    done = subprocess.run([*client(folder, cipher, mac, "right", *keys_only), "true"], check=False, **run)
    assert done.returncode == 0, (done.stderr, (folder / "server").read_text())
    assert subprocess.run([*client(folder, cipher, mac, "wrong", *keys_only), "true"], check=False, **run).returncode
    asking = {**os.environ, "SSH_ASKPASS": str(folder / "no"), "SSH_ASKPASS_REQUIRE": "force"}
    words = client(folder, cipher, mac, "wrong", "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=3")
    assert subprocess.run([*words, "true"], check=False, env=asking, start_new_session=True, **run).returncode
    typed(client(folder, cipher, mac, "right", "-tt", *keys_only))
    time.sleep(0.5)
    for process in (dump, daemon):
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main(*sys.argv[1:])
