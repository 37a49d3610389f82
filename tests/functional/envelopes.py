# SPDX-License-Identifier: Apache-2.0
"""Signed envelopes, taken out of a sensor's spool, looked into and posted by hand (lib/link/envelope.h)."""
import struct

import spine

HEAD = struct.Struct("<4sBBHQQQQqIIIIqqqQ")
SIGNATURE_BYTES = 64
RAW_LEN_AT = SIGNATURE_BYTES + 48
PAYLOAD_LEN_AT = RAW_LEN_AT + 4
FIELDS = ["magic", "version", "kind", "flags", "instance", "sensor", "epoch", "sequence", "sent_ns", "raw_len", "payload_len",
          "events"]


def fields(envelope):
    return dict(zip(FIELDS, HEAD.unpack_from(envelope, SIGNATURE_BYTES)))


def in_spool(folder):
    """The envelopes that lie in a spool, in order of sequence."""
    found = {}
    for path in folder.glob("*.j"):
        data = path.read_bytes()
        at = data.find(b"TENV")
        while at >= 0:
            begin = at - SIGNATURE_BYTES
            if begin >= 0 and at + HEAD.size <= len(data):
                head = fields(data[begin:at + HEAD.size])
                found[head["sequence"]] = data[begin:at + HEAD.size + head["payload_len"]]
            at = data.find(b"TENV", at + 4)
    return [found[k] for k in sorted(found)]


def post(client, envelope):
    """(status, answer) of the master."""
    got = client.ask("POST", "/link/v1/batches", envelope, {"Content-Type": "application/octet-stream"})
    return got.status, got.json


def refusals(client):
    return client.api("GET", "/status")["refusals"]


def rises(client, name, before, by=1):
    """Waits until System Status counts so many more of a refusal."""
    spine.wait_until(f"refusals of {name}", lambda: refusals(client)[name] >= before[name] + by, 20)
