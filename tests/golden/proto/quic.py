# SPDX-License-Identifier: Apache-2.0
"""QUIC's Initial packets (RFC 9001, RFC 9369) for make_services.py, sealed with Python's hashes and the
openssl program's AES."""
import hashlib
import hmac
import ssl
import struct
import subprocess

V1, V2 = 1, 0x6b3343cf
SALT = {V1: bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
        V2: bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")}


def expand(secret, label, length):
    label = b"tls13 " + label
    info = struct.pack("!HB", length, len(label)) + label + b"\0"
    return hmac.new(secret, info + b"\1", hashlib.sha256).digest()[:length]


def keys(version, dcid, side):
    initial = hmac.new(SALT[version], dcid, hashlib.sha256).digest()
    secret = expand(initial, side + b" in", 32)
    word = b"quicv2 " if version == V2 else b"quic "
    return [expand(secret, word + what, n) for what, n in ((b"key", 16), (b"iv", 12), (b"hp", 16))]


def aes(mode, key, data, *more):
    return subprocess.run(["openssl", "enc", "-aes-128-" + mode, "-K", key.hex(), "-nopad", *more],
                          input=data, check=True, stdout=subprocess.PIPE).stdout


def times(x, y):
    """In GF(2^128) as GCM has it (NIST SP 800-38D 6.3)."""
    z = 0
    for i in range(127, -1, -1):
        if x >> i & 1:
            z ^= y
        y = y >> 1 ^ (0xe1 << 120 if y & 1 else 0)
    return z


def gcm(key, nonce, aad, text):
    h = int.from_bytes(aes("ecb", key, bytes(16)), "big")
    sealed = aes("ctr", key, text, "-iv", (nonce + b"\0\0\0\2").hex())
    y = 0
    for part in (aad, sealed, struct.pack("!QQ", 8 * len(aad), 8 * len(sealed))):
        for at in range(0, len(part), 16):
            y = times(y ^ int.from_bytes(part[at:at + 16].ljust(16, b"\0"), "big"), h)
    mask = aes("ecb", key, nonce + b"\0\0\0\1")
    return sealed + (y ^ int.from_bytes(mask, "big")).to_bytes(16, "big")


def number(v):
    return struct.pack("!H", 0x4000 | v) if v < 1 << 14 else struct.pack("!I", 0x80000000 | v)


def crypto(offset, data):
    return b"\6" + number(offset) + number(len(data)) + data


def initial(version, key_dcid, side, dcid, scid, pn, frames, size=0, token=b""):
    """A protected Initial packet with a two-byte number; padded so that it has `size` bytes."""
    key, iv, hp = keys(version, key_dcid, side)
    kind = 1 if version == V2 else 0
    head = bytes([0xc1 | kind << 4]) + struct.pack("!I", version) + bytes([len(dcid)]) + dcid
    head += bytes([len(scid)]) + scid + number(len(token)) + token
    frames += bytes(max(0, size - len(head) - 2 - 2 - 16 - len(frames)))
    head += number(2 + len(frames) + 16) + struct.pack("!H", pn)
    nonce = (int.from_bytes(iv, "big") ^ pn).to_bytes(12, "big")
    packet = bytearray(head + gcm(key, nonce, head, frames))
    at = len(head) - 2
    mask = aes("ecb", hp, bytes(packet[at + 4:at + 20]))
    packet[0] ^= mask[0] & 0x0f
    packet[at] ^= mask[1]
    packet[at + 1] ^= mask[2]
    return bytes(packet)


def handshake_packet(version, dcid, scid):
    kind = 3 if version == V2 else 2
    return (bytes([0xc0 | kind << 4]) + struct.pack("!I", version) + bytes([len(dcid)]) + dcid +
            bytes([len(scid)]) + scid + number(40) + bytes(40))


def hellos(cert, key, name, alpn):
    """The Client Hello and the Server Hello of a TLS 1.3 handshake, without records."""
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.minimum_version = ssl.TLSVersion.TLSv1_3
    server.load_cert_chain(cert, key)
    client.set_alpn_protocols(alpn)
    server.set_alpn_protocols(alpn)
    c_in, c_out, s_in, s_out = (ssl.MemoryBIO() for _ in range(4))
    c = client.wrap_bio(c_in, c_out, server_hostname=name)
    s = server.wrap_bio(s_in, s_out, server_side=True)
    for side, out, to in ((c, c_out, s_in), (s, s_out, None)):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
        data = out.read()
        if to is not None:
            hello = data
            to.write(data)
    n, = struct.unpack_from("!H", data, 3)
    return hello, data[5:5 + n]
