# SPDX-License-Identifier: Apache-2.0
"""A strict counterpart of a sensor's link: an HTTPS server that checks every envelope as a master has
to (signature, ids, epoch, order, head against payload) and keeps what it took. Tests make it
misbehave by its attributes."""
import base64
import ctypes
import hashlib
import http.server
import json
import pathlib
import ssl
import struct
import subprocess
import threading
import time

SODIUM = ctypes.CDLL("libsodium.so.23")
ENVELOPE_HEAD = struct.Struct("<4sBBHQQQQqIIIIqqqQ")
FRAME_HEAD = struct.Struct("<4sBBHIII")
BATCH_HEAD = struct.Struct("<IIIqqq")
EVENTS, GAP, REPLAY = 1, 2, 1


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify(key, message, signature):
    return len(key) == 32 and len(signature) == 64 and SODIUM.crypto_sign_verify_detached(
        signature, message, ctypes.c_ulonglong(len(message)), key) == 0


class Envelope:
    def __init__(self, data):
        self.signature, self.signed = data[:64], data[64:]
        (magic, version, self.kind, self.flags, self.instance, self.sensor, self.epoch, self.sequence, self.sent,
         self.raw_len, payload_len, self.events, zero, self.complete_until, self.first, self.last,
         zeros) = ENVELOPE_HEAD.unpack_from(data, 64)
        self.payload = data[64 + ENVELOPE_HEAD.size:]
        assert (magic, version, zero, zeros) == (b"TENV", 1, 0, 0)
        assert len(self.payload) == payload_len <= 1 << 20
        self.batches = 1
        if self.kind == EVENTS:
            magic, _, kind, _, stored, raw, _ = FRAME_HEAD.unpack_from(self.payload)
            assert (magic, kind, stored + FRAME_HEAD.size, raw) == (b"TEVF", 1, payload_len, self.raw_len)
            self.run, self.number, count, first, last, until = BATCH_HEAD.unpack_from(self.payload, FRAME_HEAD.size)
            assert (count, first, last) == (self.events, self.first, self.last)
            assert until >= self.complete_until  # of several workers the slowest counts
        else:
            assert self.kind == GAP
            self.batches, self.lost, first, last = struct.unpack("<QQqq", self.payload)
            assert (first, last) == (self.first, self.last)


def certificate(folder):
    key, crt = folder / "tls.key", folder / "tls.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True, timeout=60)
    der = subprocess.run(["openssl", "x509", "-in", crt, "-pubkey", "-noout"], check=True, capture_output=True,
                         timeout=60).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=der, check=True,
                         capture_output=True, timeout=60).stdout
    return key, crt, "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


class Master:
    TOKEN = "lab:secret-of-the-token"

    def __init__(self, folder, port=0, ciphers=None, tls13=True, address="127.0.0.1"):
        self.folder = pathlib.Path(folder)
        if not (self.folder / "tls.crt").exists():
            self.key_file, self.crt_file, self.pin = certificate(self.folder)
        self.lock = threading.Lock()
        self.instance, self.keys, self.status = 0x1122334455667788, {}, "authorised"
        self.epoch, self.next = None, 0
        self.taken, self.refusals, self.log, self.requests = [], [], [], []
        self.statuses = []
        self.paused = False                 # answers 503
        self.hook = None                    # hook(envelope) -> (status, object) or None
        self.drop_answers = 0               # takes so many batches without answering
        self.waiting = threading.Condition()
        self.commands = []                  # given out with the next answer
        self.parts, self.part_hook = [], None  # of packets; part_hook(part) -> (status, object) or None
        self.asked, self.hold_s = 0, 0.5    # a request for commands waits so long, or until another comes
        self.held = 0                       # that wait, also of a sensor that was killed: those would take what is given once
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "tls.crt", self.folder / "tls.key")
        if ciphers:
            context.set_ciphers(ciphers)
        if not tls13:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        master = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, what=None, **headers):
                body = json.dumps(what).encode() if what is not None else b""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                master.requests.append(self.path)
                if master.paused:
                    self.answer(503, {"error": {"code": "busy", "message": "later"}}, Retry_After="1")
                elif self.path == "/link/v1/enrol":
                    self.answer(*master.enrol(json.loads(body)))
                elif self.path == "/link/v1/batches":
                    status, what = master.batch(body)
                    if status == 200 and master.drop_answers > 0:
                        master.drop_answers -= 1
                        self.close_connection = True
                        return
                    self.answer(status, what)
                elif self.path.startswith("/link/v1/packets/"):
                    self.answer(*master.part(self.path, self.headers, body))
                else:
                    self.answer(404)

            def do_GET(self):
                master.requests.append(self.path)
                sensor, at = self.headers["Thymus-Sensor"], self.headers["Thymus-Time"]
                message = f"GET\n/link/v1/commands\n{sensor}\n{at}".encode()
                status = self.headers["Thymus-Status"]
                if status:
                    message += b"\n" + status.encode()
                    master.statuses.append(json.loads(status))
                key = master.keys.get(int(sensor, 16), b"")
                if not verify(key, message, from_base64url(self.headers["Thymus-Signature"])):
                    self.answer(401, {"error": {"code": "signature", "message": "not by this sensor"}})
                    return
                with master.waiting:
                    master.asked += 1
                    own = master.asked
                    master.held += 1
                    master.waiting.notify_all()
                    master.waiting.wait_for(lambda: master.asked != own or master.commands, master.hold_s)
                    given, master.commands = master.commands, []
                    master.held -= 1
                if given:
                    self.answer(200, {"commands": given})
                else:
                    self.answer(204)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                sock, addr = super().get_request()
                sock.settimeout(30)
                return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), addr

            def handle_error(self, *_):
                pass

        self.server = Server((address, port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def latest(self):
        """The last status that came; {} before the first."""
        return self.statuses[-1] if self.statuses else {}

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def enrol(self, what):
        assert set(what) == {"token", "key", "name", "version", "protocol", "capabilities"}, what
        assert what["protocol"] == 1 and what["capabilities"] == []
        if what["token"] != self.TOKEN:
            return 401, {"error": {"code": "token", "message": "unknown token"}}
        key = from_base64url(what["key"])
        sensor = next((s for s, k in self.keys.items() if k == key), None) or 0x00000000000000a1 + len(self.keys)
        self.keys[sensor] = key
        return 200, {"sensor": f"{sensor:016x}", "instance": f"{self.instance:016x}", "status": self.status}

    def refuse(self, status, code):
        self.refusals.append(code)
        return status, {"error": {"code": code, "message": code}}

    def batch(self, data):
        try:
            e = Envelope(data)
        except (AssertionError, struct.error):
            return self.refuse(400, "malformed")
        with self.lock:
            key = self.keys.get(e.sensor)
            if key is None or e.instance != self.instance or not verify(key, e.signed, e.signature):
                return self.refuse(401, "signature")
            if self.status != "authorised":
                return 403, {"status": self.status}
            decided = self.hook(e) if self.hook else None
            if decided:
                return decided
            if self.epoch is None or e.epoch > self.epoch:
                self.epoch, self.next = e.epoch, e.sequence
        until = time.monotonic() + 2
        while True:  # those ahead wait for the hole to close
            with self.lock:
                if e.epoch == self.epoch and e.sequence < self.next:
                    return 200, {"epoch": self.epoch, "next": self.next}
                if e.epoch == self.epoch and e.sequence == self.next:
                    self.taken.append(e)
                    self.next = e.sequence + e.batches
                    return 200, {"epoch": self.epoch, "next": self.next}
                if e.epoch != self.epoch or e.sequence > self.next + 8 or time.monotonic() > until:
                    return 409, {"epoch": self.epoch, "next": self.next}
            time.sleep(0.005)

    def command(self, **command):
        with self.waiting:
            self.commands.append(command)
            self.waiting.notify_all()

    def part(self, path, headers, body):
        sensor, number = headers["Thymus-Sensor"], headers["Thymus-Part"]
        said = f"POST\n{path}\n{sensor}\n{headers['Thymus-Time']}\n{number}\n{hashlib.sha256(body).hexdigest()}"
        if not verify(self.keys.get(int(sensor, 16), b""), said.encode(), from_base64url(headers["Thymus-Signature"])):
            return self.refuse(401, "signature")
        part = {"id": path.rsplit("/", 1)[1], "number": number, "body": body, "next": self.next, "at": time.monotonic()}
        with self.lock:
            decided = self.part_hook(part) if self.part_hook else None
            self.parts.append(part)
        return decided or (200, {"next": int(number.split()[0]) + 1})

    # What came, as tests want it.
    def events(self):
        return sum(e.events for e in self.taken if e.kind == EVENTS)

    def spool(self, path, worker=None):
        """What was taken, or of that what one worker of capture brought."""
        path.write_bytes(b"".join(e.payload for e in self.taken
                                  if e.kind == EVENTS and worker in (None, e.run % 8)))
        return path
