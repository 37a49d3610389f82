# SPDX-License-Identifier: Apache-2.0
"""A sensor by hand: enrolled as any other, it signs and sends what a test makes up (lib/link/envelope.h,
lib/event/batch.h), frames of thymus-lab or frames of its own."""
import base64
import ctypes
import mmap
import struct
import time

import envelopes
from link_master import BATCH_HEAD, EVENTS, FRAME_HEAD, REPLAY, SODIUM, from_base64url

ZSTD = ctypes.CDLL("libzstd.so.1")
ZSTD.ZSTD_compressBound.restype = ZSTD.ZSTD_compress.restype = ctypes.c_size_t
BATCH_FIELDS = ["run", "number", "events", "first_ns", "last_ns", "complete_until_ns"]


def crc32c_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def frame(head, packed, raw_len):
    """An event frame; head: BATCH_FIELDS."""
    payload = BATCH_HEAD.pack(*[head[k] for k in BATCH_FIELDS]) + packed
    return FRAME_HEAD.pack(b"TEVF", 1, 1, 0, len(payload), raw_len, crc32c(payload)) + payload


def parts(whole):
    """(head, packed, raw_len) of an event frame."""
    raw_len = FRAME_HEAD.unpack_from(whole)[5]
    head = dict(zip(BATCH_FIELDS, BATCH_HEAD.unpack_from(whole, FRAME_HEAD.size)))
    return head, whole[FRAME_HEAD.size + BATCH_HEAD.size:], raw_len


def frames_of(path):
    """The event frames of a spool of batches, as thymus-lab writes it."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        _, _, kind, _, stored, _, _ = FRAME_HEAD.unpack_from(data, at)
        if kind == 1:
            found.append(data[at:at + FRAME_HEAD.size + stored])
        at += FRAME_HEAD.size + stored
    return found


def zeros(size_bytes, said_bytes=None):
    """So many zero bytes, compressed; the frame says that it is said_bytes."""
    source = mmap.mmap(-1, size_bytes)  # pages that nobody wrote take no memory
    bound = ZSTD.ZSTD_compressBound(ctypes.c_size_t(size_bytes))
    out = ctypes.create_string_buffer(bound)
    at = (ctypes.c_char * size_bytes).from_buffer(source)
    packed_bytes = ZSTD.ZSTD_compress(out, ctypes.c_size_t(bound), at, ctypes.c_size_t(size_bytes), 1)
    packed = bytearray(out.raw[:packed_bytes])
    del at
    source.close()
    if said_bytes is not None:
        flags = packed[4]
        assert flags >> 6 == 2, "a size of 4 bytes"
        struct.pack_into("<I", packed, 5 if flags & 32 else 6, said_bytes)
    return bytes(packed)


class Hand:
    """Enrolled with a token of its own; `offset_s` is how far its clock is ahead."""

    def __init__(self, instance, client, name, offset_s=0):
        self.client, self.offset_ns, self.name = client, int(offset_s * 1e9), name
        self.public, self.secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        SODIUM.crypto_sign_keypair(self.public, self.secret)
        token = instance.ctl("token", "create", "--instance", str(instance.path), f"token-{name}")
        key = base64.urlsafe_b64encode(self.public.raw).rstrip(b"=").decode()
        assert from_base64url(key) == self.public.raw
        told = client.ask("POST", "/link/v1/enrol", {"token": token, "key": key, "name": name, "version": "0",
                                                     "protocol": 1, "capabilities": []}).json
        assert told["status"] == "authorised", told
        self.sensor, self.instance = int(told["sensor"], 16), int(told["instance"], 16)
        self.epoch, self.sequence = time.time_ns(), 0

    def now_ns(self):
        """By its own clock."""
        return time.time_ns() + self.offset_ns

    def envelope(self, whole, replay=False):
        """A frame, signed, with the next sequence."""
        head, _, raw_len = parts(whole)
        signed = envelopes.HEAD.pack(b"TENV", 1, EVENTS, REPLAY if replay else 0, self.instance, self.sensor, self.epoch,
                                     self.sequence, self.now_ns(), raw_len, len(whole), head["events"], 0,
                                     head["complete_until_ns"], head["first_ns"], head["last_ns"], 0) + whole
        signature = ctypes.create_string_buffer(envelopes.SIGNATURE_BYTES)
        SODIUM.crypto_sign_detached(signature, None, signed, ctypes.c_ulonglong(len(signed)), self.secret)
        return signature.raw + signed

    def post(self, whole, replay=False):
        """(status, answer); what is taken takes a sequence."""
        status, answer = envelopes.post(self.client, self.envelope(whole, replay))
        self.sequence += status == 200
        return status, answer
