# SPDX-License-Identifier: Apache-2.0
"""Role gateway, alone and for real: the harness plays its parent and the roles behind it; the clients are
openssl, gnutls-cli, curl and sockets. What it takes, what it refuses, and that it says and counts so."""
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import queue
import re
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BUILD = pathlib.Path(os.environ.get("THYMUS_BUILD", ROOT / "build"))
BIN = pathlib.Path(os.environ.get("THYMUS_BIN", BUILD / "bin"))
SLOW = 5 if os.environ.get("THYMUS_SANITIZED") else 1
pytestmark = pytest.mark.asan

ALL_RIGHTS = ["session", "read", "search", "acknowledge", "configure", "users", "audit", "packets"]
RIGHTS = {"reader": {"read", "search"}, "analyst": {"read", "search", "acknowledge", "packets"},
          "administrator": {"read", "search", "acknowledge", "configure", "users", "audit", "packets"}}
COOKIE = {"Cookie": "__Host-thymus=abc"}


def authorise(role="administrator", **more):
    return {"edge": "state", "route": "authorise", **more,
            "body": {"user": {"id": "1", "name": "ada", "role": role, "session": more.get("session", "s1")}}}


BASIC = [authorise(may=ALL_RIGHTS), {"edge": "intake", "body": {"epoch": 1, "next": 2}}, {"body": {"answer": 42}}]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Gateway:
    """The harness as a process; `told` are the requests that the roles behind it got."""

    def __init__(self, files, rules, *args, ports=1):
        argv = [BUILD / "tests/support/gateway_harness", BIN / "thymus-master", ",".join(["0"] * ports),
                files / "tls.crt", files / "tls.key", files / "ui.pack", json.dumps(rules), "--",
                "--instance-name", "test", *args]
        self.process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.told = []
        threading.Thread(target=self._read, daemon=True).start()
        self.ports = [self.line("port")["port"] for _ in range(ports)]
        self.port = self.ports[0]
        self.pid = self.line("pid")["pid"]
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        for _ in range(200):
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/healthcheck").status == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the gateway does not answer")

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def line(self, key, timeout_s=20):
        while True:
            got = self.lines.get(timeout=timeout_s)
            if "edge" in got:
                self.told.append(got)
            if key in got:
                return got

    def do(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self.line("done")["err"] == 0

    def rules(self, *rules):
        self.do("rules " + json.dumps(list(rules)))

    def requests(self, settle_s=0.1):
        """What the roles were told since the last call."""
        time.sleep(settle_s)
        while not self.lines.empty():
            got = self.lines.get()
            if "edge" in got:
                self.told.append(got)
        told, self.told = self.told, []
        return told

    def ask(self, method, path, body=None, headers=None, timeout_s=20):
        c = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=timeout_s)
        try:
            head = dict(headers or {})
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
                head.setdefault("Content-Type", "application/json")
            c.request(method, path, body=body, headers=head)
            r = c.getresponse()
            return Answer(r.status, r.headers, r.read())
        finally:
            c.close()

    def api(self, method, path, body=None, headers=None):
        return self.ask(method, "/api/v1" + path, body, {**COOKIE, **(headers or {})})

    def tls(self, source=None):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=20, source_address=source)
        return self.context.wrap_socket(raw, server_hostname="localhost")

    def raw(self, data, wait_s=20):
        """Sends bytes over TLS as they are; what comes back until the end."""
        with self.tls() as s:
            s.settimeout(wait_s)
            got = b""
            with contextlib.suppress(OSError):
                s.sendall(data)
            with contextlib.suppress(OSError):
                while (part := s.recv(65536)):
                    got += part
            return got

    def status_line(self, text, headers="", body=b""):
        got = self.raw(f"{text}\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode() + body)
        found = re.match(rb"HTTP/1\.1 (\d+)", got)
        return int(found.group(1)) if found else 0

    def status(self):
        a = self.api("GET", "/status")
        assert a.status == 200, a.body
        return a.json

    def counters(self):
        return self.status()["roles"][0]["counters"]

    def end(self):
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                self.do("stop")
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


@pytest.fixture(scope="module", name="files")
def files_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", folder / "tls.key", "-out", folder / "tls.crt", "-days", "30", "-subj", "/CN=localhost"],
                   check=True, capture_output=True)
    (folder / "ui/assets").mkdir(parents=True)
    (folder / "ui/index.html").write_text("<!doctype html><title>Thymus</title>")
    (folder / "ui/assets/app-AbCd1234.js").write_text("console.log(1);" * 400)
    subprocess.run([ROOT / "scripts/pack-ui", folder / "ui", folder / "ui.pack"], check=True)
    return folder


@pytest.fixture(scope="module", name="shared")
def shared_gateway(files):
    g = Gateway(files, BASIC, ports=2)
    yield g
    assert g.end() == 0


@pytest.fixture(name="gateway")
def clean_gateway(shared):
    shared.rules(*BASIC)
    shared.requests(0)
    yield shared
    assert shared.process.poll() is None, "the gateway ended"


@contextlib.contextmanager
def special(files, *args, rules=None):
    g = Gateway(files, rules or BASIC, *args)
    try:
        yield g
        assert g.process.poll() is None, "the gateway ended"
    finally:
        g.end()


def routes():
    api = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    for path, methods in api["paths"].items():
        for method, op in methods.items():
            yield method.upper(), path.replace("{id}", "7"), op


def sample_body(op):
    """A body that fits the shape of a route, or None."""
    api = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    if "requestBody" not in op:
        return None

    def value(schema):
        if "$ref" in schema:
            shape = api["components"]["schemas"][schema["$ref"].split("/")[-1]]
            return {k: value(shape["properties"][k]) for k in shape["required"]}
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("format") == "date-time":
            return "2026-11-30T10:00:00Z"
        return {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "object": {}, "array": []}[schema["type"]]
    return value(op["requestBody"]["content"]["application/json"]["schema"])


# ---- TLS and the first bytes ----

def test_tls_is_graded(gateway):
    before = gateway.status()["refusals"]
    done = subprocess.run([ROOT / "scripts/grade-tls", "127.0.0.1", str(gateway.port)], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    after = gateway.status()["refusals"]
    assert after["plain_http"] == before["plain_http"] + 1
    assert after["tls"] >= before["tls"] + 15


def test_the_grader_finds_a_bad_server(files, tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    bad = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", files / "tls.crt", "-key",
                            files / "tls.key", "-www", "-cipher", "ALL:@SECLEVEL=0"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        done = subprocess.run([ROOT / "scripts/grade-tls", "127.0.0.1", str(port)], capture_output=True, text=True,
                              timeout=120, check=False)
    finally:
        bad.kill()
        bad.wait()
    assert done.returncode == 1
    faults = [l for l in done.stdout.splitlines() if l.startswith("FAULT")]
    assert any("AES128" in l for l in faults) and any("content-security-policy" in l for l in faults)


def test_plain_http_is_told_so_on_every_port(gateway):
    for port in gateway.ports:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
            s.sendall(b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
            time.sleep(0.1)
            s.sendall(b"a=b\n")
            got = b""
            while (part := s.recv(4096)):
                got += part
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400") and b"HTTPS" in body
        assert int(re.search(rb"Content-Length: (\d+)", head).group(1)) == len(body)
    assert not gateway.requests()


def test_what_is_neither_is_closed_and_counted(gateway):
    before = gateway.counters()["not_tls"]
    for first in (b"\x00\x00\x00\x00", b"SSH"[::-1].lower(), b"\x80\x2e\x01\x00\x02"):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as s:
            s.sendall(first)
            with contextlib.suppress(ConnectionError):
                assert s.recv(100) == b""
    assert gateway.counters()["not_tls"] == before + 3


# ---- headers, files ----

def test_every_answer_has_the_headers(gateway):
    for method, path in (("GET", "/"), ("GET", "/nothing.js"), ("GET", "/api/v1/none"), ("GET", "/api/v1/status"),
                         ("POST", "/"), ("GET", "/healthcheck"), ("GET", "/link/v1/commands")):
        h = gateway.ask(method, path).headers
        assert h["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
        assert h["X-Content-Type-Options"] == "nosniff" and h["Referrer-Policy"] == "no-referrer"
        assert "max-age=31536000" in h["Strict-Transport-Security"] and "camera=()" in h["Permissions-Policy"]
        assert h["Cross-Origin-Opener-Policy"] == h["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Server" not in h
        if path.startswith("/api"):
            assert h["Cache-Control"] == "no-store"


def test_files_of_the_user_interface(gateway):
    start = gateway.ask("GET", "/")
    assert start.status == 200 and b"<title>Thymus" in start.body and start.headers["Cache-Control"] == "no-cache"
    for view in ("/incidents/7", "/search?q=a%20b"):
        assert gateway.ask("GET", view).body == start.body
    script = gateway.ask("GET", "/assets/app-AbCd1234.js")
    assert script.headers["Content-Type"].startswith("text/javascript") and "immutable" in script.headers["Cache-Control"]
    small = gateway.ask("GET", "/assets/app-AbCd1234.js", headers={"Accept-Encoding": "gzip"})
    assert small.headers["Content-Encoding"] == "gzip" and gzip.decompress(small.body) == script.body
    assert len(small.body) < 200
    again = gateway.ask("GET", "/assets/app-AbCd1234.js", headers={"If-None-Match": script.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert gateway.ask("GET", "/assets/other-AbCd1234.js").status == 404
    head = gateway.ask("HEAD", "/")
    assert head.status == 200 and head.body == b""


@pytest.mark.parametrize("path", [
    "/../etc/passwd", "/assets/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2fetc/passwd",
    "/..\\..\\etc\\passwd", "//etc/passwd", "/assets/%00", "/%c0%ae%c0%ae/etc/passwd", "/api/v1/../../x", "/a%", "/a%zz",
    "http://x/", "*", "/x#y", "/api/v1/incidents/%2e%2e", "/api/v1/incidents/a%2fb", "/api/v1//incidents",
])
def test_paths_that_are_none(gateway, path):
    assert gateway.status_line(f"GET {path} HTTP/1.1") in (400, 404)
    assert not gateway.requests(0.02)


# ---- sessions and rights ----

def test_no_route_without_a_session(gateway):
    open_routes = set()
    for method, path, op in routes():
        a = gateway.ask(method, path, sample_body(op))
        if op["x-right"] == "none":
            open_routes.add(path)
            assert a.status == 200, (method, path, a.body)
        else:
            assert a.status == 401 and a.json["error"]["code"] == "session", (method, path, a.status)
    assert open_routes == {"/api/v1/login", "/api/v1/login/password", "/api/v1/login/enrol", "/api/v1/login/code"}
    assert {r["request"]["route"] for r in gateway.requests()} == {
        "login", "login_password", "login_enrol", "login_code"}


@pytest.mark.parametrize("role", sorted(RIGHTS))
@pytest.mark.parametrize("judged", ["by state", "by the gateway"])
def test_each_role_on_each_route(gateway, role, judged):
    """State judges; were it to let everybody pass, the gateway's own table would still hold."""
    may = {"may": [*RIGHTS[role], "session"]} if judged == "by state" else {}
    gateway.rules(authorise(role, **may), {"body": {}})
    reached = set()
    for method, path, op in routes():
        right = op["x-right"]
        if path.endswith("/stream"):
            continue
        a = gateway.ask(method, path, sample_body(op), COOKIE)
        allowed = right in ("none", "session") or right in RIGHTS[role]
        good = 502 if op["operationId"] == "packetsFile" else 200  # {} is no piece of a file
        assert a.status == (good if allowed else 403), (role, method, path, a.status, a.body)
        if allowed and path not in ("/api/v1/fields", "/api/v1/status"):
            reached.add(re.sub("([A-Z])", r"_\1", op["operationId"]).lower())
    assert {r["request"]["route"] for r in gateway.requests(0.3)} - {"authorise"} == reached


def test_what_state_is_asked_and_the_owner_told(gateway):
    a = gateway.api("PATCH", "/incidents/1f", {"state": "acknowledged", "comment": "seen"}, {"X-CSRF": "t0ken", "User-Agent": "me"})
    assert a.status == 200 and a.json == {"answer": 42}
    ask, told = [r["request"] for r in gateway.requests()]
    assert ask["route"] == "authorise" and ask["cookies"] == {"session": "abc"} and ask["csrf"] == "t0ken"
    assert ask["body"] == {"cookie": "abc", "csrf": "t0ken", "method": "PATCH", "right": "acknowledge",
                           "address": "127.0.0.1"}
    assert told["route"] == "incident_change" and told["path"] == {"id": "1f"} and told["agent"] == "me"
    assert told["body"] == {"state": "acknowledged", "comment": "seen"} and told["user"]["role"] == "administrator"
    assert abs(told["now_ns"] / 1e9 - time.time()) < 60
    gateway.api("GET", "/search?q=dns.query%3A%22a+b%22&limit=5&kind=conn,dns")
    ask, told = gateway.requests()
    assert told["edge"].startswith("query.")
    assert told["request"]["params"] == {"q": 'dns.query:"a b"', "limit": "5", "kind": "conn,dns"}


def test_a_login_sets_its_cookies(gateway):
    gateway.rules({"route": "login", "cookies": "__Host-thymus=new; Secure; HttpOnly; SameSite=Strict; Path=/\n"
                   "__Host-thymus-login=; Max-Age=0; Secure; Path=/", "body": {"next": "done"}})
    a = gateway.ask("POST", "/api/v1/login", {"user": "ada", "password": "x"}, {"Cookie": "__Host-thymus-login=half; a=b"})
    assert a.json == {"next": "done"}
    assert [c.split(";")[0] for c in a.headers.get_all("Set-Cookie")] == ["__Host-thymus=new", "__Host-thymus-login="]
    assert gateway.requests()[0]["request"]["cookies"] == {"login": "half"}


def test_a_refusal_of_state_is_passed_on(gateway):
    gateway.rules({"route": "authorise", "status": 401, "body": {"error": {"code": "session", "message": "It ended."}}})
    a = gateway.api("GET", "/incidents")
    assert a.status == 401 and a.json["error"]["message"] == "It ended."
    assert gateway.ask("GET", "/api/v1/incidents", headers={"Cookie": "__Host-thymus=a; __Host-thymus=b"}).status == 401
    gateway.rules({"route": "authorise", "body": {"no": "user"}})
    assert gateway.api("GET", "/incidents").status == 502


# ---- cross-site requests ----

@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
])
def test_requests_of_other_sites(gateway, headers):
    for method, path, body in (("POST", "/login", {"user": "a", "password": "b"}), ("DELETE", "/session", None),
                               ("GET", "/incidents", None)):
        a = gateway.api(method, path, body, headers)
        assert a.status == 403 and a.json["error"]["code"] == "origin"
    assert not gateway.requests()


def test_requests_of_the_own_site(gateway):
    own = {"Origin": f"https://127.0.0.1:{gateway.port}", "Sec-Fetch-Site": "same-origin", "X-CSRF": "x"}
    assert gateway.api("DELETE", "/session", None, own).status == 200


# ---- bodies, queries, methods, sizes ----

@pytest.mark.parametrize("body", [
    "", "null", "[]", "{", '{"state":"closed"}', '{"state":"open","more":1}', '{"state":7}', '{"comment":"x"}',
    '{"state":"open","state":"open"}', '{"state":"open","comment":"\\u0007"}', "{" * 5000, '{"state":"open"}x',
    '{"state":"open","comment":"' + "x" * 5000 + '"}', b'{"state":"open","comment":"\xff"}',
])
def test_bodies_that_do_not_fit(gateway, body):
    a = gateway.api("PATCH", "/incidents/7", body, {"Content-Type": "application/json"})
    assert a.status == 400 and a.json["error"]["code"] == "body", a.body
    assert not gateway.requests(0.02)


def test_bodies_of_another_type(gateway):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert gateway.api("PATCH", "/incidents/7", '{"state":"open"}', {"Content-Type": kind}).status == 415


@pytest.mark.parametrize("query", [
    "limit=x", "limit=1&limit=2", "unknown=1", "from=yesterday", "state=closed", "cursor=%zz", "cursor=%00",
    "cursor=%ff", "&".join(f"a{i}=1" for i in range(40)),
])
def test_queries_that_do_not_fit(gateway, query):
    a = gateway.api("GET", f"/incidents?{query}")
    assert a.status == 400 and a.json["error"]["code"] == "query"
    assert not gateway.requests(0.02)


def test_methods(gateway):
    a = gateway.api("PUT", "/incidents")
    assert a.status == 405 and a.headers["Allow"] == "GET"
    assert gateway.api("POST", "/users/7", {}).headers["Allow"] == "PATCH, DELETE"
    for method in ("TRACE", "CONNECT", "OPTIONS", "PROPFIND", "get", "DEBUG"):
        assert gateway.status_line(f"{method} /api/v1/session HTTP/1.1") in (400, 405, 501), method
    a = gateway.api("GET", "/users/7", None, {"X-HTTP-Method-Override": "DELETE"})
    assert a.status == 405
    assert gateway.ask("DELETE", "/").status == 405
    assert gateway.ask("GET", "/link/v1/batches").status == 405
    assert gateway.ask("HEAD", "/link/v1/commands").status == 405
    assert gateway.ask("GET", "/link/v1/packets/00000000000000a7").status == 405
    assert gateway.ask("POST", "/link/v1/packets/00000000000000a7", b"x").status == 400  # by nobody
    assert gateway.ask("POST", "/link/v1/packets/00000000000000a7", bytes(262145)).status == 413
    assert not gateway.requests()


def test_sizes(gateway):
    before = gateway.counters()["too_large"]
    assert gateway.status_line("POST /api/v1/login HTTP/1.1",
                               "Content-Type: application/json\r\nContent-Length: 70000\r\n", b"x" * 70000) == 413
    assert gateway.status_line("POST /api/v1/login HTTP/1.1", "Expect: 100-continue\r\n"
                               "Content-Type: application/json\r\nContent-Length: 70000\r\n") == 413
    assert gateway.status_line("POST /link/v1/batches HTTP/1.1", "Content-Length: 99999999999\r\n") == 413
    assert gateway.status_line("GET /api/v1/session HTTP/1.1", "Content-Length: 1\r\n", b"x") == 413
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    assert gateway.status_line("POST /link/v1/batches HTTP/1.1", "Transfer-Encoding: chunked\r\n", chunk * 40) == 0
    assert gateway.status_line("GET / HTTP/1.1", f"X: {'y' * 17000}\r\n") == 431
    assert gateway.status_line("GET / HTTP/1.1", "".join(f"X{i}: {'y' * 100}\r\n" for i in range(2000))) in (0, 413, 431)
    assert gateway.status_line("GET /" + "a" * 9000 + " HTTP/1.1") in (400, 414)
    assert gateway.counters()["too_large"] >= before + 5


@pytest.mark.parametrize("headers", [
    "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length: -1\r\n", "Content-Length: 5, 5\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Content-Length: 0x5\r\n",
])
def test_two_lengths_are_none(gateway, headers):
    body = b"0\r\n\r\nGET /api/v1/users HTTP/1.1\r\nHost: x\r\nCookie: __Host-thymus=abc\r\n\r\n"
    gateway.raw(f"POST /nowhere HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode() + body, 2)
    got = gateway.raw(f"POST /link/v1/batches HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode() + body, 2)
    assert set(re.findall(rb"^HTTP/1\.1 (\d+)", got, re.M)) <= {b"400"}, got
    assert not gateway.requests(0.02)


# ---- time and numbers ----

def test_slow_clients_are_ended(files):
    with special(files, "--header-s", "2") as g:
        silent = socket.create_connection(("127.0.0.1", g.port), timeout=20)
        hello = socket.create_connection(("127.0.0.1", g.port), timeout=20)
        hello.sendall(b"\x16\x03\x01")
        slow = g.tls()
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        begin, ended = time.monotonic(), {}
        while len(ended) < 3 and time.monotonic() < begin + 15 * SLOW:
            time.sleep(0.25)
            with contextlib.suppress(OSError):
                if slow not in ended:
                    slow.sendall(b"X")
            for s in (silent, hello, slow):
                ready, _, _ = select.select([s], [], [], 0)
                if s not in ended and ready:
                    with contextlib.suppress(OSError):
                        if s.recv(1000) not in (b"",):
                            continue
                    ended[s] = time.monotonic() - begin
        assert len(ended) == 3 and all(1.5 <= v <= 6 * SLOW for v in ended.values()), ended
        for s in (silent, hello, slow):
            s.close()
        counters = g.counters()
        assert counters["too_slow"] >= 2 and counters["tls_refused"] >= 1


def test_connections_are_limited(files):
    with special(files, "--max-per-address", "10", "--max-connections", "30") as g:
        held = []
        while g.status()["roles"][0]["gauges"]["connections"] > 1:
            time.sleep(0.1)
        time.sleep(0.3)  # its own connection ends, too
        for _ in range(40):
            s = socket.create_connection(("127.0.0.1", g.port), timeout=10)
            held.append(s)
        time.sleep(0.3)
        open_ones = 0
        for s in held:
            ready, _, _ = select.select([s], [], [], 0)
            if not ready:
                open_ones += 1
        assert open_ones == 10
        other = g.tls(("127.0.0.2", 0))  # somebody else still gets in
        other.sendall(b"GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n")
        assert other.recv(100).startswith(b"HTTP/1.1 200")
        other.close()
        for s in held:
            s.close()
        time.sleep(0.3)
        assert g.counters()["too_many_connections"] == 30


def test_bodies_in_memory_are_limited(gateway):
    """24 MiB of one address; who comes then is told to come again, and somebody else is served."""
    held = []
    for _ in range(24):
        s = gateway.tls()
        s.sendall(b"POST /link/v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + bytes(1048575))
        held.append(s)
    time.sleep(0.5)
    a = gateway.ask("POST", "/link/v1/batches", b"x")
    assert a.status == 503 and a.json["error"]["code"] == "busy" and a.headers["Retry-After"]
    with gateway.tls(("127.0.0.3", 0)) as other:
        other.sendall(b"POST /link/v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
        assert other.recv(100).startswith(b"HTTP/1.1 200")
    for s in held:
        s.close()
    time.sleep(0.5)
    assert gateway.ask("POST", "/link/v1/batches", b"x").status == 200
    assert gateway.status()["roles"][0]["gauges"]["body_bytes"] == 0


def test_a_role_that_does_not_answer(files):
    rules = [authorise(may=ALL_RIGHTS), {"route": "devices", "silent": True}, {"route": "incidents", "delay_ms": 300},
             {"route": "breaches", "status": 777}, {"body": {}}]
    with special(files, "--ask-s", "1", rules=rules) as g:
        assert g.api("GET", "/devices").status == 504
        assert [r["type"] for r in g.requests() if r["edge"] == "store"] == [10, 12]  # REQUEST, CANCEL
        assert g.api("GET", "/incidents").status == 200
        assert g.api("GET", "/breaches").status == 502
        g.do("down store")
        time.sleep(0.3)
        a = g.api("GET", "/incidents")
        assert a.status == 503 and a.headers["Retry-After"] and '"store"' in a.json["error"]["message"]
        g.do("up store")
        time.sleep(0.3)
        assert g.api("GET", "/incidents").status == 200
        g.do("down state")
        time.sleep(0.3)
        assert g.api("GET", "/incidents").status == 503
        assert g.ask("GET", "/").status == 200
        g.do("up state")
        time.sleep(0.3)
        counters = g.counters()
        assert counters["timed_out"] == 1 and counters["role_down"] == 2


def test_a_role_that_goes_away_meanwhile(gateway):
    gateway.rules(authorise(), {"route": "incidents", "silent": True}, {"body": {}})
    threading.Timer(0.5, lambda: gateway.process.stdin.write("down store\n") and gateway.process.stdin.flush()).start()
    assert gateway.api("GET", "/incidents").status == 503
    gateway.line("done")
    gateway.do("up store")


def test_whoever_leaves_has_the_search_cancelled(gateway):
    gateway.rules(authorise(), {"route": "search", "silent": True}, {"body": {}})
    s = gateway.tls()
    s.sendall(b"GET /api/v1/search?q=a HTTP/1.1\r\nHost: x\r\nCookie: __Host-thymus=abc\r\n\r\n")
    time.sleep(0.3)
    s.close()
    gateway.requests(0.7)
    s = gateway.tls()
    s.sendall(b"GET /api/v1/search?q=a HTTP/1.1\r\nHost: x\r\nCookie: __Host-thymus=abc\r\n\r\n")
    time.sleep(0.3)
    assert [r["type"] for r in gateway.requests() if r["edge"].startswith("query")] == [10]
    s.close()
    begin = time.monotonic()
    told = []
    while 12 not in told and time.monotonic() < begin + 5:
        told += [r["type"] for r in gateway.requests(0.05)]
    assert 12 in told and time.monotonic() - begin < SLOW


# ---- the proxy ----

def proxy_head(address="203.0.113.9", command=0x21):
    body = socket.inet_aton(address) + socket.inet_aton("192.0.2.1") + struct.pack(">HH", 40000, 443)
    return b"\r\n\r\n\x00\r\nQUIT\n" + bytes([command, 0x11]) + struct.pack(">H", len(body)) + body


def through_proxy(g, head, pieces=1):
    raw = socket.create_connection(("127.0.0.1", g.port), timeout=10)
    step = max(1, len(head) // pieces)
    for i in range(0, len(head), step):
        raw.sendall(head[i:i + step])
        if pieces > 1:
            time.sleep(0.05)
    with g.context.wrap_socket(raw, server_hostname="localhost") as s:
        s.sendall(b"GET /api/v1/incidents HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: __Host-thymus=abc\r\n\r\n")
        return s.recv(100)


def test_a_proxy_says_whose_a_connection_is(files):
    with special(files, "--proxy-from", "127.0.0.2/32") as g:
        real = socket.create_connection
        def from_proxy(address, timeout=None, source_address=None):
            return real(address, timeout, source_address or ("127.0.0.2", 0))
        assert g.api("GET", "/incidents").status == 200
        assert g.requests()[0]["request"]["address"] == "127.0.0.1"  # not the proxy: nothing is read
        socket.create_connection = from_proxy
        try:
            for pieces in (1, 7):
                assert through_proxy(g, proxy_head(), pieces).startswith(b"HTTP/1.1 200")
                assert [r["request"]["address"] for r in g.requests()] == ["203.0.113.9"] * 2
            assert through_proxy(g, proxy_head(command=0x20)).startswith(b"HTTP/1.1 200")
            assert g.requests()[0]["request"]["address"] == "127.0.0.2"
            for bad in (b"", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", proxy_head()[:12] + b"\x31\x11\x00\x0c" + bytes(12),
                        proxy_head()[:14] + b"\xff\xff" + bytes(2000)):
                with pytest.raises((OSError, ssl.SSLError)):
                    through_proxy(g, bad)
        finally:
            socket.create_connection = real
        assert g.counters()["bad_proxy"] == 4
        with pytest.raises((OSError, ssl.SSLError)):  # a head from somebody who is no proxy
            through_proxy(g, proxy_head())
        assert not g.requests()[1:]


# ---- the stream ----

def open_stream(g):
    s = g.tls()
    s.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nCookie: __Host-thymus=abc\r\n\r\n")
    return s


def read_until(s, what, timeout_s=10):
    s.settimeout(timeout_s)
    got = b""
    while what not in got:
        part = s.recv(65536)
        assert part, got
        got += part
    return got


def test_the_stream(gateway):
    with open_stream(gateway) as a, open_stream(gateway) as b:
        head = read_until(a, b"event: pulse\ndata: {")
        assert b"text/event-stream" in head and b"no-store" in head
        read_until(b, b"event: pulse")
        gateway.do('notice incident {"id":"1f","title":"<b>x"}')
        for s in (a, b):
            assert b'event: incident\ndata: {"id":"1f","title":"<b>x"}\n\n' in read_until(s, b'<b>x"}\n\n')
        gateway.do('status intake {"counters":{},"gauges":{},"problems":[{"severity":"warn","code":"x","text":"y"}],'
                   '"log":{"next":17,"followers":[{"name":"core","lag_s":2.5},{"name":"seal","lag_s":1}]},'
                   '"sources":[{"sensor":"1","rate_events_s":5},{"sensor":"2","rate_events_s":2.5}]}')
        got = read_until(a, b'"log_next":17')
        got += read_until(a, b"}\n")
        pulse = json.loads(re.findall(rb"data: (\{.*\"log_next\":17.*\})", got)[-1])
        assert (pulse["events_per_s"], pulse["lag_s"], pulse["problems"]) == (7.5, 2.5, 1)
        assert b"event: status" in got or b"event: status" in read_until(a, b"event: status")
        with open_stream(gateway) as c, open_stream(gateway) as d:
            read_until(c, b"pulse")
            read_until(d, b"pulse")
            assert gateway.api("GET", "/stream").status == 429
    time.sleep(2.5)
    assert gateway.status()["roles"][0]["gauges"]["streams"] == 0
    gateway.do("status intake ")


def test_a_stream_ends_with_its_session(files):
    with special(files, "--check-s", "1") as g, open_stream(g) as s:
        read_until(s, b"pulse")
        time.sleep(2)
        read_until(s, b"pulse")
        g.rules({"route": "authorise", "status": 401, "body": {}}, {"body": {}})
        s.settimeout(10)
        while s.recv(65536):
            pass


def test_a_stream_that_is_not_read_is_dropped(files):
    with special(files) as g:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", g.port))
        with g.context.wrap_socket(raw, server_hostname="localhost") as s:
            s.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nCookie: __Host-thymus=abc\r\n\r\n")
            read_until(s, b"pulse")
            for _ in range(400):
                g.do('notice breach {"x":"' + "y" * 20000 + '"}')
            assert g.counters()["streams_dropped"] == 1


# ---- the sensors' link ----

def test_the_link(gateway):
    batch = os.urandom(1 << 20)
    a = gateway.ask("POST", "/link/v1/batches", batch)
    assert a.status == 200 and a.json == {"epoch": 1, "next": 2}
    assert [(r["edge"], r["type"], r["bytes"]) for r in gateway.requests()] == [("intake", 20, 1 << 20)]
    assert gateway.ask("POST", "/link/v1/batches", os.urandom((1 << 20) + (64 << 10) + 1)).status == 413
    gateway.rules({"edge": "intake", "status": 503, "body": {}}, {"route": "commands", "status": 204},
                  {"route": "enrol", "body": {"status": "pending"}})
    a = gateway.ask("POST", "/link/v1/batches", b"x")
    assert a.status == 503 and a.headers["Retry-After"] == "1"
    assert gateway.ask("GET", "/link/v1/commands").status == 400
    gateway.requests()
    signed = {"Thymus-Sensor": "00112233445566aa", "Thymus-Time": "1", "Thymus-Signature": "c2ln"}
    assert gateway.ask("GET", "/link/v1/commands", headers=signed).status == 204
    assert gateway.requests()[0]["request"]["body"] == {"sensor": "00112233445566aa", "time": "1", "signature": "c2ln"}
    a = gateway.ask("POST", "/link/v1/enrol", {"token": "a:b"})
    assert a.json == {"status": "pending"}
    told = gateway.requests()[0]
    assert told["edge"] == "state" and told["request"]["body"] == {"token": "a:b"} and told["request"]["address"] == "127.0.0.1"
    assert gateway.ask("POST", "/link/v1/enrol", b"{}" * 10000).status == 413


# ---- status ----

def test_status_is_put_together(gateway):
    gateway.do('status intake {"counters":{"refused_revoked":2},"gauges":{},"problems":[{"severity":"error","code":"disk_full",'
               '"text":"full","since":null,"object":"log"}],"sources":[{"sensor":"a"}],"refusals":{"replayed":3,"revoked":1,"pending":4,"wrong_instance":5,"full":6}}')
    gateway.do('status store {"counters":{},"gauges":{},"problems":[],"storage":{"rows":9}}')
    gateway.do("status core {\"counters\":{\"rows\":1},\"gauges\":{},\"problems\":[]}")
    gateway.do("status core ")
    gateway.do("status query.0 not json at all")
    time.sleep(0.2)
    s = gateway.status()
    roles = {r["name"]: r for r in s["roles"]}
    assert (s["instance"], s["storage"], s["sources"], s["log"]) == ("test", {"rows": 9}, [{"sensor": "a"}], None)
    assert s["refusals"]["replayed"] == 3 and s["refusals"]["revoked"] == 3 and s["refusals"]["bomb"] == 0
    assert [s["refusals"][k] for k in ("pending", "wrong_instance", "full")] == [4, 5, 6]
    assert roles["gateway"]["state"] == "up" and roles["core"]["state"] == "down" and roles["seal"]["state"] == "starting"
    assert {p["code"] for p in s["problems"]} == {"disk_full", "role_down"}
    gateway.do("status core {\"counters\":{},\"gauges\":{},\"problems\":[]}")
    time.sleep(0.2)
    core = next(r for r in gateway.status()["roles"] if r["name"] == "core")
    assert (core["state"], core["restarts"]) == ("up", 1)
    gateway.do('status supervisor {"roles":[{"name":"core","state":"up","pid":7,"restarts":3,"up_s":9,"last_exit":"ended by signal 9"},'
               '{"name":"query.5","state":"down","pid":0,"restarts":0,"up_s":0,"last_exit":""}]}')
    time.sleep(0.2)
    roles = {r["name"]: r for r in gateway.status()["roles"]}
    assert [roles["core"][k] for k in ("state", "pid", "restarts", "up_s", "last_exit")] == ["up", 7, 3, 9, "ended by signal 9"]
    assert roles["query.5"]["state"] == "down" and "supervisor" not in roles
    fields = gateway.api("GET", "/fields").json["kinds"]
    conn = next(k for k in fields if k["name"] == "conn")
    assert {"name": "id.orig_h", "type": "addr", "unit": "", "help": "address of the originator"} in conn["fields"]


# ---- the process ----

def test_it_is_locked(gateway):
    status = pathlib.Path(f"/proc/{gateway.pid}/status").read_text()
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    if not os.environ.get("THYMUS_SANITIZED"):
        assert re.search(r"^Seccomp:\s+2$", status, re.M)
    if os.getuid() == 0:
        assert re.search(r"^Uid:\s+65534\s+65534\s+65534", status, re.M)
    assert re.search(r"^Threads:\s+1$", status, re.M)


def test_it_ends_while_people_wait(files):
    rules = [authorise(), {"route": "incidents", "silent": True}, {"body": {}}]
    g = Gateway(files, rules)
    with open_stream(g) as s, g.tls() as waiting:
        read_until(s, b"pulse")
        waiting.sendall(b"GET /api/v1/incidents HTTP/1.1\r\nHost: x\r\nCookie: __Host-thymus=abc\r\n\r\n")
        time.sleep(0.3)
        assert g.end() == 0


def test_it_needs_a_certificate(files, tmp_path):
    (tmp_path / "tls.crt").write_text("not a certificate")
    (tmp_path / "tls.key").write_bytes((files / "tls.key").read_bytes())
    with subprocess.Popen([BUILD / "tests/support/gateway_harness", BIN / "thymus-master", "0", tmp_path / "tls.crt",
                           tmp_path / "tls.key", "", "[]", "--"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as p:
        assert p.wait(60) == 1 and "certificate" in p.stderr.read()
