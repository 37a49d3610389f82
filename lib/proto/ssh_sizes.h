/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sizes of encrypted SSH packets tell (RFC 4253 6, RFC 4252): whether a login
 * succeeded, how often it was refused, whether somebody types. Cipher and MAC say how
 * long a message of so many bytes is on the wire, so the answer to a login is known by its length:
 * USERAUTH_SUCCESS is one byte, and nothing else that a server says before it is as short.
 * Where the length of a packet is encrypted too, a TCP segment counts as one packet.
 *
 * In go the names of the algorithms, then the bytes of both directions from NEWKEYS on. It
 * keeps sizes only and allocates nothing.
 */
#ifndef TH_PROTO_SSH_SIZES_H
#define TH_PROTO_SSH_SIZES_H

#include "login.h"

/* One direction. */
struct th_ssh_sealed {
    uint8_t block, mac; /* bytes; block 0: an algorithm that is not known */
    bool length_apart;  /* the length field does not count for the padding */
    bool length_clear;  /* and is not encrypted: packets can be told apart */
    uint8_t head_len;
    uint8_t head[4];
    uint32_t left; /* of the packet */
};

struct th_ssh_sizes {
    struct th_ssh_sealed sealed[2]; /* client's, server's */
    uint32_t packets;               /* so far, both */
    uint32_t accept, refusal, last_answer;
    uint32_t refused, keys;
    bool asked, accepted, success, key_waits;
};

/* The algorithms of a direction as both agreed on them. */
void th_ssh_sealed_set(struct th_ssh_sealed *d, struct th_str cipher, struct th_str mac);
/* What a message of so many bytes takes on the wire; 0 when that is not known. */
uint32_t th_ssh_sealed_size(const struct th_ssh_sealed *d, uint32_t message_bytes);
/* False: enough was seen. */
bool th_ssh_sizes_data(struct th_ssh_sizes *s, bool from_client, const uint8_t *p, size_t len);

/* Unknown until something was refused or let in. */
enum th_login_result th_ssh_sizes_result(const struct th_ssh_sizes *s);
/* Logins tried; the question which methods there are does not count. */
uint32_t th_ssh_sizes_attempts(const struct th_ssh_sizes *s);
/* Single keys came and were echoed. */
bool th_ssh_sizes_typed(const struct th_ssh_sizes *s);

#endif
