# SPDX-License-Identifier: Apache-2.0
"""Fields of applications against answers that we did not write: Arkime keeps beside each of its test
captures what its own parsers found. Whatever it names of a session, we must name in one of ours."""
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("THYMUS_BIN", ROOT / "build/bin"))
DATA = pathlib.Path(os.environ.get("THYMUS_DATA", ROOT.parent / "shared/data")) / "parser-pcap/arkime"

# Capture; then Arkime's field, and the fields of ours that must hold the same values.
FIELDS = [
    ("mysql-tls", [("mysql.version", ["mysql.version"])]),
    ("postgres-good", [("postgresql.user", ["postgresql.user"]), ("postgresql.db", ["postgresql.database"]),
                       ("postgresql.app", ["postgresql.application_name"])]),
    ("postgres-badpass", [("postgresql.user", ["postgresql.user"]), ("postgresql.db", ["postgresql.database"])]),
    ("tds5", [("user", ["db.user"])]),
    ("modbus", [("modbus.unitid", ["modbus.unit"])]),  # of its transactions we merge what repeats
    ("dnp3_synthetic", [("dnp3.src", ["dnp3.source", "dnp3.destination"]),
                        ("dnp3.dst", ["dnp3.source", "dnp3.destination"]),
                        ("dnp3.funcName", ["dnp3.fc_request", "dnp3.fc_reply"])]),
    ("s7comm_synthetic", [("s7comm.pduref", ["s7comm.pdu_reference"]), ("s7comm.errorClass", ["s7comm.error_class"]),
                          ("s7comm.errorCode", ["s7comm.error_code"])]),
    ("mqtt_synthetic", [("mqtt.clientId", ["mqtt_connect.client_id"]), ("user", ["mqtt_connect.user"]),
                        ("mqtt.version", ["mqtt_connect.proto_version"]),
                        ("mqtt.willTopic", ["mqtt_connect.will_topic"]),
                        ("mqtt.topic", ["mqtt_publish.topic", "mqtt_subscribe.topics"])]),
    ("ike-cert_synthetic", [("isakmp.initiatorSpi", ["overlay.initiator_id"]),
                            ("isakmp.responderSpi", ["overlay.responder_id"]), ("isakmp.version", ["overlay.version"])]),
    ("wireshark-dhcpv6", [("dhcp.type", ["dhcp.msg_types"])]),
]


def plain(value):
    """Words differ in case and in what joins them: "ColdRestart", "COLD_RESTART"."""
    return str(value).replace("_", "").replace(" ", "").lower()


def several(value):
    return value if isinstance(value, list) else [value]


def theirs(path, field):
    found = set()
    for session in json.loads(path.read_text())["sessions3"]:
        at = session["body"]
        for part in field.split("."):
            at = at.get(part, {}) if isinstance(at, dict) else {}
        if at != {}:
            found.update(plain(v) for v in several(at))
    return found


def ours(events, fields):
    return {plain(v) for e in events for f in fields
            if e["_path"] == f.split(".")[0] and f.split(".", 1)[1] in e
            for v in several(e[f.split(".", 1)[1]])}


@pytest.mark.parametrize("name,fields", FIELDS)
def test_names_what_arkime_names(name, fields):
    capture = DATA / f"{name}.pcap"
    if not capture.is_file():
        pytest.skip(f"no capture at {capture}; set THYMUS_DATA")
    done = subprocess.run([BIN / "thymus-vsensor", "--read", capture, "--json", "-"], capture_output=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for field, names in fields:
        want = theirs(capture.with_suffix(".test"), field)
        assert want, f"Arkime names no {field}"
        assert want <= ours(events, names), f"{field}: {want - ours(events, names)} is missing"
