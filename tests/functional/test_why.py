# SPDX-License-Identifier: Apache-2.0
"""`thymusctl why`: what is said of an hour is what the analysis of the same input did, whoever is asked for and however."""
import json
import os
import pathlib
import subprocess

import pytest

BIN = pathlib.Path(os.environ.get("THYMUS_BIN", pathlib.Path(__file__).parents[2] / "build/bin"))
DAY1 = 1767571200.0  # 2026-01-05T00:00:00Z, a Monday
pytestmark = pytest.mark.asan


def ctl(*args):
    return subprocess.run([BIN / "thymusctl", *map(str, args)], capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL)


def why(*args, status=0):
    done = ctl("why", "--json", *args)
    assert (done.returncode, done.stderr) == (status, "")
    (line,) = done.stdout.splitlines()
    return json.loads(line)


@pytest.fixture(name="spool", scope="module")
def two_days(tmp_path_factory):
    path = tmp_path_factory.mktemp("lab") / "office.tev"
    subprocess.run([BIN / "thymus-lab", "--quiet", "--seed", "5", "--devices", "20", "--days", "2", "--inject",
                    "beacon@+1d10h:period=60", "--spool", path], check=True, timeout=120)
    return path


@pytest.fixture(name="findings", scope="module")
def found(spool):
    done = ctl("analyse", "--json", spool)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(name="breaches", scope="module")
def breaches_of(findings):
    return [line for line in findings if line["kind"] == "breach"]


def hour_of(breach):
    """Evidence of a sequence, or of a long connection, begins in an hour before that which told it."""
    return breach["time"][:13]


@pytest.fixture(name="beacon")
def a_beacon(breaches):
    return next(b for b in breaches if b["model"] == "beacon-to-rare-destination" and b["device"]["hostname"])


def of(answer, outcome):
    return [m for m in answer["activity"]["window"]["models"] if m["outcome"] == outcome]


def test_what_was_told_is_said_to_be(spool, findings, breaches):
    """One device-hour of each model that told something."""
    hours = {b["model"]: (b["device"]["id"], hour_of(b)) for b in breaches}
    count = findings[-1]["models"]
    assert len(hours) >= 5 and count > 70
    for device, hour in set(hours.values()):
        want = {b["id"]: (b["model"], b["score"]) for b in breaches if (b["device"]["id"], hour_of(b)) == (device, hour)}
        answer = why(device, hour, spool)
        assert {m["breach"]: (m["model"], m["score"]) for m in of(answer, "told")} == want
        window = answer["activity"]["window"]
        models = {m["model"] for m in window["models"]}
        assert not models & set(window["other_models"])
        assert len(models) + len(window["other_models"]) == count
        p = [s["p"] for s in window["signals"]]
        assert p == sorted(p) and window["events"] > 0


def test_each_name_and_each_number_of_shards_give_one_answer(spool, beacon):
    device, hour = beacon["device"], hour_of(beacon)
    answer = why(device["id"], hour, spool)
    assert answer["device"] == device
    for name in (device["ip"], device["mac"], device["hostname"].upper(), device["hostname"].split(".")[0]):
        other = why(name, hour + ":59", spool)
        assert other.pop("asked") == name
        assert other == {k: v for k, v in answer.items() if k != "asked"}
    assert why(device["id"], beacon["time"], "--shards", 3, spool) == answer


def test_a_throttle_says_what_was_told_before(spool, breaches):
    """What goes on in the next hour, under a model that told it in this one: calls, or a long connection."""
    lasting = ("beacon-to-rare-destination", "beacon-to-new-destination", "internal-beacon", "long-connection-to-rare-destination")
    for b in (b for b in breaches if b["model"] in lasting and hour_of(b)[11:] != "23"):
        done = ctl("why", "--json", b["device"]["id"], f"{hour_of(b)[:11]}{int(hour_of(b)[11:]) + 1:02}", spool)
        held = [m for m in of(json.loads(done.stdout), "throttled") if m["told"] == b["time"]] if done.returncode == 0 else []
        if held:
            assert held[0]["told_score"] == b["score"] and held[0]["score"] < held[0]["again_score"]
            assert held[0]["again"] > held[0]["told"]
            return
    pytest.fail("nothing was told twice")


def test_a_report_for_people(spool, beacon):
    done = ctl("why", beacon["device"]["ip"], hour_of(beacon), spool)
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout
    assert told.startswith(f"{beacon['device']['hostname']} ({beacon['device']['ip']}, {beacon['device']['mac']}, ")
    assert told.index("active hour") < told.index("What was seen") < told.index("What the models made of it") < \
        told.index("beacon-to-rare-destination (") < told.index("What others lack") < told.index("other models look for")
    assert max(map(len, told.splitlines())) <= 80


def test_who_was_not_there(spool, beacon):
    device = beacon["device"]
    name = device["hostname"].split(".")[0]
    answer = why(device["id"], "2026-11-30T10", spool, status=1)
    activity = answer["activity"]
    assert activity["window"] is None and activity["hours"] > 2 and activity["first"] <= beacon["start"] <= activity["last"]
    done = ctl("why", name, "2026-11-30T10", spool)
    assert done.returncode == 1 and f"it was in {activity['hours']} hours, from" in " ".join(done.stdout.split())
    answer = why(name[:-1] + "x", hour_of(beacon), spool, status=1)
    assert answer["device"] is None and answer["activity"] is None
    assert device in answer["similar"] and len(answer["similar"]) <= 10
    done = ctl("why", name[:-1] + "x", hour_of(beacon), spool)
    assert done.returncode == 1 and done.stdout.startswith("No device of this input is") and device["id"] in done.stdout
    assert why("nothing-at-all-like-it", hour_of(beacon), spool, status=1)["similar"] == []


def conn(t, orig, resp, uid):
    return json.dumps({"_path": "conn", "ts": t, "uid": uid, "id.orig_h": orig, "id.orig_p": 50000, "id.resp_h": resp,
                       "id.resp_p": 443, "proto": "tcp", "duration": 0.5, "orig_bytes": 100, "resp_bytes": 100,
                       "conn_state": "SF", "orig_pkts": 5, "resp_pkts": 5})


def tls(t, orig, resp, uid, name):
    return json.dumps({"_path": "ssl", "ts": t, "uid": uid, "id.orig_h": orig, "id.orig_p": 50000, "id.resp_h": resp,
                       "id.resp_p": 443, "version": "TLSv12", "server_name": name})


def dhcp(t, addr, mac, name):
    return json.dumps({"_path": "dhcp", "ts": t, "uids": ["D"], "client_addr": addr, "server_addr": "10.0.1.254", "mac": mac,
                       "host_name": name, "assigned_addr": addr, "msg_types": ["REQUEST", "ACK"]})


def test_hostile_names_steer_nothing(tmp_path):
    evil = "\x1b[31m\u202eevil<script>\x07.example"
    folder = tmp_path / "logs"
    folder.mkdir()
    times = [DAY1 + hour * 3600 + n * 60 for hour in range(9, 12) for n in range(60)]
    (folder / "conn.log").write_text("".join(conn(t, "10.0.1.7", "198.51.100.10", f"C{t}") + "\n" for t in times))
    (folder / "ssl.log").write_text("".join(tls(t, "10.0.1.7", "198.51.100.10", f"C{t}", evil) + "\n" for t in times))
    (folder / "dhcp.log").write_text(dhcp(DAY1 + 9 * 3600, "10.0.1.7", "02:00:5e:00:00:07", evil) + "\n")
    for args in (["10.0.1.7", "2026-01-05T10"], [evil, "2026-01-05T10"], ["10.0.1.8", "2026-01-05T10"],
                 ["10.0.1.7\x1b[2J", "2026-01-05T10"]):
        for form in ([], ["--json"]):
            done = ctl("why", *form, *args, "--no-prior", folder)
            assert done.returncode in (0, 1) and done.stderr == ""
            assert all(c >= " " and c != "\x7f" for c in done.stdout.replace("\n", "")), (args, form)
            assert ("<" if form else "\u202e") not in done.stdout, (args, form)
    answer = why("10.0.1.7", "2026-01-05T10", "--no-prior", folder)
    assert any(s["feature"] == "beacon" for s in answer["activity"]["window"]["signals"])


def test_a_user_is_asked_for(spool, breaches):
    told = next(b for b in breaches if (b["device"] or {}).get("user"))
    name, hour = told["device"]["user"], hour_of(told)
    answer = json.loads(ctl("why", "--json", f"user:{name.upper()}", hour, spool).stdout)
    user = answer["user"]
    assert user["name"] == name.lower() and user["id"].startswith("u") and answer["device"] is None
    assert answer["activity"]["hours"] >= 1
    first = answer["activity"]["first"][:13]
    answer = why(user["id"], first, spool)
    assert answer["user"] == user and "password-spray" in answer["activity"]["window"]["other_models"]
    done = ctl("why", f"user:{name}", first, spool)
    assert done.stdout.startswith(f"user {name.lower()} ({user['id']})") and "learned of the user" in done.stdout
    assert why("user:nobody-at-all", first, spool, status=1)["device"] is None


def test_a_state_is_used_and_left_as_it_is(spool, beacon, tmp_path):
    state = tmp_path / "state"
    assert ctl("analyse", "--json", "--state", state, spool).returncode == 0
    before = (state / "state").read_bytes()
    assert ctl("why", "--json", beacon["device"]["id"], hour_of(beacon), "--state", state, spool).returncode == 0
    assert (state / "state").read_bytes() == before and [f.name for f in state.iterdir()] == ["state"]


def test_wrong_usage_and_unread_input_are_told(spool, beacon):
    device, hour = beacon["device"]["id"], hour_of(beacon)
    for args in ([], [device], [device, hour], [device, "2026-11-30", spool], ["", hour, spool], ["d" * 256, hour, spool],
                 ["--from", "2026-01-07", device, hour, spool], ["--html", "x", device, hour, spool]):
        done = ctl("why", *args)
        assert done.returncode == 2 and "thymusctl why --help" in done.stderr, args
    done = ctl("why", device, hour, spool, spool.parent / "missing")
    assert done.returncode == 3 and "no such file or folder" in done.stdout
    assert why(device, hour, spool, spool.parent / "missing", status=3)["unread"] == 1
    assert ctl("why", "--help").stdout.startswith("Usage: thymusctl why")
