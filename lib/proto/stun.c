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

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_cur c = th_cur_init(in->p, in->len);
    unsigned type = th_cur_be16(&c), len = th_cur_be16(&c);
    bool yes = !(type & 0xc000) && th_cur_be32(&c) == COOKIE && in->len >= HEAD_BYTES &&
        len % 4 == 0 && len + HEAD_BYTES <= in->wire_len;
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
