# SPDX-License-Identifier: Apache-2.0
"""The master's certificate and key are replaced while it runs: who comes from then on sees the new one, who is there
stays, and what is of no use changes nothing but System Status."""
import contextlib
import os
import signal
import socket
import ssl
import subprocess

import pytest
from spine import Instance, wait_until

CODES = ("certificate", "certificate_ends")


@pytest.fixture(name="instance")
def _instance(tmp_path):
    made = Instance(tmp_path)
    yield made.start()
    made.end()


def connect(instance):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.create_connection(("127.0.0.1", instance.port), 20)
    return context.wrap_socket(raw)


def shown(instance):
    """The certificate that somebody sees who comes now, DER; None while nobody listens."""
    with contextlib.suppress(ConnectionError, ssl.SSLError), connect(instance) as s:
        return s.getpeercert(binary_form=True)
    return None


def problems(client):
    return {p["code"]: p["text"] for p in client.api("GET", "/status")["problems"] if p["code"] in CODES}


def make(folder, name, days=60):
    key, crt = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", crt, "-days", str(days), "-subj", f"/CN={name}"], check=True,
                   capture_output=True)
    return key.read_text(), crt.read_text()


def put(instance, key=None, crt=None, signalled=True):
    """As certificate tools do it: a new file takes the old one's name."""
    for name, text in (("tls.key", key), ("tls.crt", crt)):
        if text is not None:
            new = instance.path / "keys" / "new"
            new.write_text(text)
            os.replace(new, instance.path / "keys" / name)
    if signalled:
        instance.master.send_signal(signal.SIGHUP)


def ask(s):
    s.sendall(b"GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n")
    return s.recv(4096)


def test_a_new_certificate_is_shown_without_a_restart(instance, tmp_path):
    client = instance.admin()
    roles = instance.roles()
    key, crt = make(tmp_path, "second")
    with connect(instance) as before:
        old = before.getpeercert(binary_form=True)
        put(instance, key, crt)
        wait_until("the new one is shown", lambda: shown(instance) == ssl.PEM_cert_to_DER_cert(crt), 20)
        assert b"200 OK" in ask(before)  # who was there stays
    assert shown(instance) != old and not problems(client)
    # Nobody says anything: the master looks by itself.
    key, crt = make(tmp_path, "third", days=3)
    put(instance, key, crt, signalled=False)
    wait_until("the change is noticed", lambda: shown(instance) == ssl.PEM_cert_to_DER_cert(crt), 30, every_s=0.5)
    assert list(problems(client)) == ["certificate_ends"]
    assert instance.roles() == roles
    # It is the one that the gateway starts with, too.
    os.kill(roles["gateway"], signal.SIGKILL)
    wait_until("it is back", lambda: instance.roles().get("gateway") not in (None, roles["gateway"]), 20)
    wait_until("it shows the newest", lambda: shown(instance) == ssl.PEM_cert_to_DER_cert(crt), 20)


def test_a_bad_file_keeps_the_one_before(instance, tmp_path):
    client = instance.admin()
    old = shown(instance)
    old_key, old_crt = ((instance.path / "keys" / name).read_text() for name in ("tls.key", "tls.crt"))
    key, crt = make(tmp_path, "second")
    for bad_key, bad_crt in ((old_key, crt), (old_key, "no certificate\n"), ("", old_crt),
                             (old_key, old_crt[:len(old_crt) // 2])):
        put(instance, bad_key, bad_crt)
        wait_until("it is told", lambda: "certificate" in problems(client), 20)
        assert "cannot be used" in problems(client)["certificate"] and shown(instance) == old
        put(instance, old_key, old_crt)
        wait_until("all is well again", lambda: not problems(client), 20)
    (instance.path / "keys" / "tls.key").unlink()
    instance.master.send_signal(signal.SIGHUP)
    wait_until("it is told", lambda: "tls.key" in problems(client).get("certificate", "") and
               "No such file" in problems(client)["certificate"], 20)
    # A gateway that starts now has still the good one, and says what it thinks of the other.
    put(instance, key, old_crt)
    wait_until("the wrong key is told", lambda: "the key is not" in problems(client).get("certificate", ""), 20)
    gateway = instance.roles()["gateway"]
    os.kill(gateway, signal.SIGKILL)
    wait_until("it is back", lambda: instance.roles().get("gateway") not in (None, gateway), 20)
    wait_until("it shows the one before", lambda: shown(instance) == old, 20)
    assert "certificate" in problems(client)
    put(instance, key, crt)
    wait_until("a good pair is taken", lambda: shown(instance) == ssl.PEM_cert_to_DER_cert(crt), 20)
    assert not problems(client)
