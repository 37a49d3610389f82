# SPDX-License-Identifier: Apache-2.0
"""Accounts by what a browser, a sensor and the operator see of a running master."""
import base64
import os
import signal
import subprocess

import pytest
import spine

ROLES = ("gateway", "intake", "state")


def has_roles():
    """Whether this build has the roles that answer; each says so in its own words."""
    return all("no such role" not in subprocess.run([spine.BIN / "thymus-master", "--role", r], capture_output=True,
                                                    text=True, timeout=20, check=False).stderr for r in ROLES)


pytestmark = pytest.mark.skipif(not has_roles(), reason="thymus-master is built without gateway, intake or state")


@pytest.fixture
def master(tmp_path):
    i = spine.Instance(tmp_path / "i", approve=True)
    try:
        yield i.start()
    finally:
        i.end()


def new_user(admin, master, name, role):
    made = admin.api("POST", "/users", {"name": name, "role": role})
    c = spine.Client(master.port)
    c.secret = c.first_login(name, made["one_time_password"])
    c.id = made["user"]["id"]
    return c


def status(c, method, path, body=None):
    return c.ask(method, "/api/v1" + path, body).status


def test_login_step_by_step(master):
    one_time = master.ctl("user", "create", "--instance", str(master.path), "--role", "analyst", "ann")
    c = spine.Client(master.port)
    assert status(c, "POST", "/login", {"user": "ann", "password": "wrong"}) == 401
    assert status(c, "GET", "/session") == 401
    secret = c.first_login("ann", one_time)
    session = c.api("GET", "/session")
    assert session["user"]["name"] == "ann" and "configure" not in session["rights"]
    # from another browser: the password, then a code of a later step, and never the same again
    d = spine.Client(master.port)
    assert d.api("POST", "/login", {"user": "ann", "password": spine.PASSWORD})["next"] == "code"
    assert status(d, "GET", "/session") == 401  # half a login is none
    code = spine.totp(secret, step=1)
    assert d.api("POST", "/login/code", {"code": code})["next"] == "done"
    e = spine.Client(master.port)
    e.api("POST", "/login", {"user": "ann", "password": spine.PASSWORD})
    assert status(e, "POST", "/login/code", {"code": code}) == 401
    # the first browser sees the second one's session, and ends it
    other = [s for s in c.api("GET", "/sessions")["sessions"] if not s["current"]]
    assert len(other) == 1
    c.api("DELETE", f"/sessions/{other[0]['id']}")
    assert status(d, "GET", "/session") == 401
    c.api("DELETE", "/session")
    assert status(c, "GET", "/session") == 401


def test_roles_csrf_and_a_user_who_is_removed(master):
    admin = master.admin()
    analyst = new_user(admin, master, "ann", "analyst")
    reader = new_user(admin, master, "rob", "reader")
    for who, users, ack, sensors in ((admin, 200, 200, 200), (analyst, 403, 200, 200), (reader, 403, 403, 200)):
        assert status(who, "GET", "/users") == users
        assert status(who, "GET", "/audit") == users
        assert status(who, "PATCH", "/incidents/abc", {"state": "acknowledged"}) == ack
        assert status(who, "GET", "/sensors") == sensors
        assert status(who, "GET", "/sessions") == 200
    token, admin.csrf = admin.csrf, reader.csrf
    assert status(admin, "POST", "/tokens", {"label": "forged"}) == 403
    admin.csrf = token
    assert admin.api("GET", "/tokens")["tokens"] == []
    admin.api("DELETE", f"/users/{reader.id}")
    assert status(reader, "GET", "/session") == 401
    me = admin.api("GET", "/session")["user"]["id"]
    for method, body in (("DELETE", None), ("PATCH", {"role": "reader"}), ("PATCH", {"disabled": True})):
        assert status(admin, method, f"/users/{me}", body) == 409


def test_kept_searches_outlive_a_killed_state_and_go_with_their_user(master):
    admin = master.admin()
    reader = new_user(admin, master, "rob", "reader")
    asked = {"name": "uploads <b>", "q": "orig_bytes:>1GB", "from": "-24h", "to": "", "kind": "conn", "columns": "uid,orig_bytes"}
    kept = reader.api("POST", "/searches", asked)
    assert {k: kept[k] for k in asked} == asked
    assert status(reader, "POST", "/searches", {**asked, "name": ""}) == 400
    assert status(reader, "POST", "/searches", {"name": "no text"}) == 400
    assert status(reader, "POST", "/searches", {**asked, "owner": "1"}) == 400
    assert admin.api("GET", "/searches")["searches"] == []
    assert status(admin, "DELETE", f"/searches/{kept['id']}") == 404
    os.kill(master.roles()["state"], signal.SIGKILL)
    spine.wait_until("state is back", lambda: status(reader, "GET", "/searches") == 200)
    assert reader.api("GET", "/searches")["searches"] == [kept]
    csrf, reader.csrf = reader.csrf, admin.csrf
    assert status(reader, "DELETE", f"/searches/{kept['id']}") == 403
    reader.csrf = csrf
    reader.api("DELETE", f"/searches/{kept['id']}")
    assert reader.api("GET", "/searches")["searches"] == []
    reader.api("POST", "/searches", asked)
    admin.api("DELETE", f"/users/{reader.id}")
    assert status(reader, "GET", "/searches") == 401


def test_lock_out(master):
    admin = master.admin()
    new_user(admin, master, "ann", "reader")
    c = spine.Client(master.port)
    seen = [status(c, "POST", "/login", {"user": "ann", "password": "guess"}) for _ in range(5)]
    assert seen[:3] == [401, 401, 401] and 429 in seen
    assert any(u["name"] == "ann" for u in admin.api("GET", "/users")["users"])


def test_a_sensor_is_taken_in_and_a_killed_state_forgets_nothing(master):
    admin = master.admin()
    token = admin.api("POST", "/tokens", {"label": "site-a"})["token"]
    ask = {"token": token, "key": base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("="),
           "name": "<script>alert(1)</script>", "version": "0.1.0", "protocol": 1, "capabilities": []}
    sensor = spine.Client(master.port)
    assert sensor.ask("POST", "/link/v1/enrol", {**ask, "token": "site-a:" + "A" * 43}).status == 401
    got = sensor.ask("POST", "/link/v1/enrol", ask)
    assert got.status == 200 and got.json["status"] == "pending"
    assert b"<script>" not in admin.ask("GET", "/api/v1/sensors").body
    settings = admin.api("GET", "/settings")
    settings["alerts_per_day"] = 7
    assert admin.api("PUT", "/settings", settings)["alerts_per_day"] == 7
    for wanted in ("authorised", "revoked"):
        os.kill(master.roles()["state"], signal.SIGKILL)
        path = f"/sensors/{got.json['sensor']}"
        spine.wait_until("state is back", lambda p=path, w=wanted: status(admin, "PATCH", p, {"status": w}) == 200)
        assert admin.api("GET", "/sensors")["sensors"][0]["status"] == wanted
        assert admin.api("GET", "/settings")["alerts_per_day"] == 7
    assert sensor.ask("POST", "/link/v1/enrol", ask).status == 403
    audit = admin.api("GET", "/audit")
    assert audit["intact"]
    actions = [e["action"] for e in audit["entries"]]
    for action in ("login", "token.add", "sensor.enrol", "sensor.status", "settings"):
        assert action in actions
