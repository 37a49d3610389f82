/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TFTP (RFC 1350, RFC 2347): the request names the file, the answer comes from a port that nobody
 * could know before, so the request announces it (expect.h). Blocks in order become a `files`
 * event.
 */
#include "analysers.h"

#include "framing.h"
#include "transfer.h"

#define PORT 69
#define BLOCK_BYTES 512u
#define OPTIONS_MAX 8u

enum { READ = 1, WRITE = 2, DATA = 3, ACK = 4, ERROR = 5, OPTIONS = 6 };

/* ---- requests ---- */

static enum th_probe probe(const struct th_probe_in *in)
{
    bool yes = in->dst == PORT && in->len > 8 && th_probe_at(in, 0) == 0 &&
        (th_probe_at(in, 1) == READ || th_probe_at(in, 1) == WRITE);
    return yes ? TH_PROBE_CLIENT : TH_PROBE_NO;
}

static enum th_verdict request(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct th_cur m = th_cur_init(ch->p, ch->len);
    struct th_expected e = {.from = c->flow->addr[!c->client],
        .to = c->flow->addr[c->client],
        .to_port = c->flow->port[c->client],
        .ip_proto = 17,
        .an = &th_tftp_data_analyser};
    (void)state;
    unsigned kind = th_cur_be16(&m);
    struct th_str name = th_cur_cstr(&m), mode = th_cur_cstr(&m);
    if (m.failed || (kind != READ && kind != WRITE) || !name.len || !mode.len)
        return c->service_count ? TH_GO_ON : TH_BAIL;
    th_conn_service(c, TH_SVC_TFTP);
    th_text_set_field(&e.name, name);
    th_expect(c->pr, &e, ch->time_ns);
    return TH_GO_ON;
}

const struct th_analyser th_tftp_analyser = {
    .service = TH_SVC_TFTP,
    .udp = true,
    .state_bytes = 1,
    .probe = probe,
    .data = request,
};

/* ---- transfers ---- */

struct state {
    struct th_transfer transfer;
    uint16_t next; /* block */
    uint32_t block_bytes;
    bool has_total;
    uint64_t total;
};

/* What the server agrees to: pairs of texts. */
static void options(struct state *s, struct th_cur m)
{
    for (unsigned i = 0; i < OPTIONS_MAX && th_cur_left(&m); i++) {
        struct th_str name = th_cur_cstr(&m), value = th_cur_cstr(&m);
        uint64_t v;
        if (m.failed || !th_str_u64(value, &v))
            continue;
        if (th_str_ieq(name, th_str_c("blksize")) && v >= 8 && v <= 65464)
            s->block_bytes = (uint32_t)v;
        if (th_str_ieq(name, th_str_c("tsize")) && v) {
            s->has_total = true;
            s->total = v;
        }
    }
}

static enum th_verdict block(
    struct th_conn *c, struct state *s, const struct th_chunk *ch, struct th_cur m)
{
    struct th_transfer *t = &s->transfer;
    uint16_t number = th_cur_be16(&m), ahead = (uint16_t)(number - s->next);
    if (m.failed || ahead > UINT16_MAX / 2)
        return TH_GO_ON; /* sent again */
    th_transfer_begin(c, t, TH_SVC_TFTP, ch);
    if (s->has_total)
        th_file_expect(t->file, s->total);
    size_t len = th_cur_left(&m), sent = ch->wire_len > 4 ? ch->wire_len - 4 : 0;
    if (ahead)
        th_file_gap(t->file, (uint64_t)ahead * s->block_bytes);
    th_file_data(t->file, ch->time_ns, m.p, len);
    if (sent > len)
        th_file_gap(t->file, sent - len);
    s->next = (uint16_t)(number + 1);
    t->finished = TH_MAX(sent, len) < s->block_bytes;
    return t->finished ? TH_DONE : TH_GO_ON;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct th_cur m = th_cur_init(ch->p, ch->len);
    if (!s->block_bytes) {
        s->block_bytes = BLOCK_BYTES;
        s->next = 1;
    }
    switch (th_cur_be16(&m)) {
    case DATA: th_conn_service(c, TH_SVC_TFTP); return block(c, s, ch, m);
    case OPTIONS: options(s, m); break;
    case ACK: break;
    case ERROR: th_conn_service(c, TH_SVC_TFTP); return TH_DONE;
    default: return c->service_count ? TH_DONE : TH_BAIL;
    }
    th_conn_service(c, TH_SVC_TFTP);
    return TH_GO_ON;
}

const struct th_analyser th_tftp_data_analyser = {
    .service = TH_SVC_TFTP,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .held = th_transfer_held,
    .data = data,
    .end = th_transfer_end,
};
