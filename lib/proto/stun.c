/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STUN (RFC 8489), as calls and browsers use it to find a way to each other: it is recognised, and
 * the flow is watched a little for the DTLS handshake that follows between the same ports
 * (RFC 5764).
 */
#include "analysers.h"

#define HEAD_BYTES 20u
#define COOKIE 0x2112a442u
#define DATAGRAMS_MAX 64u /* of a direction; the handshake comes soon or not at all */

struct state {
    uint8_t datagrams[2];
};

/* RFC 3489 had no cookie: then a method of its own, attributes that fill the message to its end,
 * and a port that STUN has. */
static bool is_classic(struct th_cur c, unsigned type, unsigned len)
{
    unsigned method = type & 0xfeef;
    if ((method != 1 && method != 2) || len != th_cur_left(&c))
        return false;
    while (th_cur_left(&c)) {
        th_cur_skip(&c, 2);
        th_cur_skip(&c, th_cur_be16(&c));
    }
    return !c.failed;
}

/* Over TCP each message may be behind its length (RFC 4571), as ICE does it (RFC 6544). */
static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_cur c = th_cur_init(in->p, in->len);
    unsigned type = th_cur_be16(&c), len = th_cur_be16(&c);
    size_t before = 0;
    if (in->ip_proto == 6 && type >= HEAD_BYTES && type + 2u == in->len) {
        before = 2;
        type = len;
        len = th_cur_be16(&c);
    }
    uint32_t cookie = th_cur_be32(&c);
    th_cur_skip(&c, HEAD_BYTES - 8);
    if (c.failed || type & 0xc000 || before + HEAD_BYTES + len > in->wire_len)
        return TH_PROBE_NO;
    bool yes = (cookie == COOKIE && (len % 4 == 0 || th_probe_on_port(in, 3478))) ||
        (th_probe_on_port(in, 3478) && is_classic(c, type, len));
    return !yes ? TH_PROBE_NO : type & 0x0100 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    th_conn_service(c, TH_SVC_STUN);
    if (c->flow->proto != 17)
        return TH_DONE;
    if (ch->len > 2 && ch->p[0] == 22 && ch->p[1] == 0xfe)
        return th_conn_restart(c, ch);
    return ++s->datagrams[ch->dir] == DATAGRAMS_MAX ? TH_DONE_DIR : TH_GO_ON;
}

const struct th_analyser th_stun_analyser = {
    .service = TH_SVC_STUN,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
};
