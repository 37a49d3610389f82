# SPDX-License-Identifier: Apache-2.0
"""A running instance for tests: real daemons on loopback, and a client as a browser would be one."""
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import time

from roles import role_processes

BIN = pathlib.Path(os.environ.get("THYMUS_BIN", "build/bin")).resolve()
PASSWORD = "correct horse battery staple 9"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def totp(secret_base32, at_s=None, step=0):
    """RFC 6238: SHA-1, six digits, 30 s."""
    key = base64.b32decode(secret_base32 + "=" * (-len(secret_base32) % 8))
    counter = int(at_s if at_s is not None else time.time()) // 30 + step
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7fffffff) % 1000000:06d}"


def wait_until(what, fn, timeout_s=60, every_s=0.1):
    """Calls fn until it gives something true, which is returned."""
    end = time.monotonic() + timeout_s
    while True:
        got = fn()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {timeout_s} s")
        time.sleep(every_s)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body) if self.body else None


class Client:
    """Speaks to a master over HTTPS and keeps cookies and the CSRF token, one connection a request."""

    def __init__(self, port):
        self.port, self.cookies, self.csrf = port, {}, None
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE

    def ask(self, method, path, body=None, headers=None, timeout_s=60):
        c = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=timeout_s)
        head = {"Origin": f"https://127.0.0.1:{self.port}", **(headers or {})}
        if self.cookies:
            head["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if self.csrf and method != "GET":
            head["X-CSRF"] = self.csrf
        data = body
        if isinstance(body, (dict, list)):
            data = json.dumps(body)
            head["Content-Type"] = "application/json"
        try:
            c.request(method, path, body=data, headers=head)
            r = c.getresponse()
            answer = Answer(r.status, r.headers, r.read())
        finally:
            c.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            if value and "Max-Age=0" not in line:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer

    def api(self, method, path, body=None, want=200, **kw):
        a = self.ask(method, "/api/v1" + path, body, **kw)
        assert a.status == want, f"{method} {path}: {a.status} {a.body[:400]!r}"
        return a.json

    def first_login(self, user, one_time, password=PASSWORD):
        """Name and one-time password, a password of one's own, the authenticator app. Returns its secret."""
        step = self.api("POST", "/login", {"user": user, "password": one_time})
        assert step["next"] == "password", step
        step = self.api("POST", "/login/password", {"password": password})
        assert step["next"] == "enrol", step
        secret = step["secret"].replace(" ", "")
        step = self.api("POST", "/login/enrol", {"code": totp(secret)})
        assert step["next"] == "done" and len(step["recovery_codes"]) == 10, step
        self.csrf = self.api("GET", "/session")["csrf"]
        return secret


def reachable(folder):
    """The roles are nobody's when root runs the test: they must come to the folder through those above it, too."""
    for part in (folder, *folder.parents[:3]):
        if part.stat().st_uid == os.getuid():
            part.chmod(part.stat().st_mode | 0o011)


def roles_of(daemon):
    """name -> pid of a daemon's roles that run now; of those with one name the later have plus signs."""
    found = {}
    for pid, words in role_processes(daemon):
        name = words[2].decode()
        while name in found:
            name += "+"
        found[name] = pid
    return found


class Instance:
    """An instance in a folder. Daemons are ended by end(), whatever happened before."""

    def __init__(self, folder, name="test", approve=False):
        """approve: new sensors wait until somebody approves them."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        reachable(self.folder)
        self.path = self.folder / "master"
        self.port = free_port()
        self.master = None
        self.others = []
        self.log = open(self.folder / "master.log", "ab")
        self.ctl("instance", "create", str(self.path), "--name", name, "--listen", f"127.0.0.1:{self.port}",
                 "--host-name", "thymus.test")
        conf = self.path / "instance.conf"
        text = conf.read_text()
        assert "approve_sensors: true" in text
        conf.write_text(text.replace("approve_sensors: true", f"approve_sensors: {'true' if approve else 'false'}"))

    def ctl(self, *args, want=0):
        done = subprocess.run([BIN / "thymusctl", *args], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == want, f"thymusctl {' '.join(map(str, args))}: {done.returncode} {done.stderr}"
        return done.stdout.strip()

    def start(self):
        ui = BIN.parent / "ui.pack"
        argv = [BIN / "thymus-master", "--instance", self.path, *(["--ui", ui] if ui.exists() else [])]
        self.master = subprocess.Popen(argv, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self.wait_ready()
        return self

    def wait_ready(self, timeout_s=60):
        def ready():
            assert self.master.poll() is None, f"the master ended: {self.logged()[-2000:]}"
            with contextlib.suppress(OSError, http.client.HTTPException):
                return Client(self.port).ask("GET", "/healthcheck", timeout_s=5).status == 200
            return False
        wait_until("the master answers", ready, timeout_s)

    def logged(self):
        return (self.folder / "master.log").read_text(encoding="utf-8", errors="replace")

    def roles(self):
        """name -> pid of the roles that run now."""
        return roles_of(self.master.pid)

    def stop(self, how=signal.SIGTERM, timeout_s=30):
        if self.master and self.master.poll() is None:
            self.master.send_signal(how)
            self.master.wait(timeout_s)
        self.master = None

    def admin(self):
        """A client logged in as a new administrator."""
        one_time = self.ctl("user", "create", "--instance", str(self.path), "--role", "administrator", "admin")
        c = Client(self.port)
        self.secret = c.first_login("admin", one_time)
        return c

    def admin_again(self, secret):
        """A client of the same administrator, in an instance that was made of a snapshot."""
        c = Client(self.port)
        c.api("POST", "/login", {"user": "admin", "password": PASSWORD})
        c.api("POST", "/login/code", {"code": totp(secret, step=1)})
        c.csrf = c.api("GET", "/session")["csrf"]
        return c

    def restored(self, cut, folder):
        """An instance out of a snapshot of this one: its keys, accounts and sensors, another port."""
        made = Instance.__new__(Instance)
        made.folder, made.path, made.port = folder, folder / "master", free_port()
        folder.mkdir()
        reachable(folder)
        made.master, made.others, made.log = None, [], open(folder / "master.log", "ab")
        made.ctl("restore", str(cut), str(made.path))
        conf = made.path / "instance.conf"
        conf.write_text(conf.read_text().replace(f"127.0.0.1:{self.port}", f"127.0.0.1:{made.port}"))
        return made

    def sensor(self, name="office", lines=()):
        """The configuration of a new sensor with a token of its own; it is approved at once when it comes."""
        folder = self.folder / name
        for sub in ("state", "spool"):
            (folder / sub).mkdir(parents=True, exist_ok=True)
            if os.getuid() == 0:
                os.chown(folder / sub, 65534, 65534)
        token = self.ctl("token", "create", "--instance", str(self.path), f"token-{name}")
        (folder / "token").write_text(token + "\n")
        pin = self.ctl("instance", "pin", str(self.path))
        conf = folder / "vsensor.conf"
        conf.write_text("\n".join([f"name: {name}", f"master: https://127.0.0.1:{self.port}", f"master_pin: {pin}",
                                   f"token_file: {folder}/token", f"state: {folder}/state",
                                   f"spool: {folder}/spool", *lines]) + "\n")
        return conf

    def feed(self, conf, *paths, timeout_s=300):
        done = subprocess.run([BIN / "thymus-vsensor", "--config", conf, "--feed", *paths], capture_output=True,
                              text=True, timeout=timeout_s, check=False)
        assert done.returncode == 0, f"feed: {done.returncode} {done.stderr[-3000:]}"
        return done.stderr

    def end(self):
        for p in self.others:
            if p.poll() is None:
                p.terminate()
                p.wait(20)
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.stop(signal.SIGKILL)
        self.log.close()


def lab(path, *args):
    """Events of a made office as a spool of batches."""
    subprocess.run([BIN / "thymus-lab", "--quiet", "--spool", path, *map(str, args)], check=True, timeout=300,
                   stdin=subprocess.DEVNULL)
    return path
