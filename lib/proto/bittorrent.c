/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BitTorrent (BEP 3, BEP 5): the handshake of two peers with the hash of what they share, and
 * the first messages of the distributed hash table.
 */
#include "analysers.h"

#include "overlay.h"

#define HANDSHAKE_BYTES 68u
#define HASH_BYTES 20u

static const char greeting[] = "\x13"
                               "BitTorrent protocol";

struct state {
    struct th_hold hold[2];
    struct th_overlay o;
};

static bool begins(const struct th_probe_in *in, const char *text)
{
    size_t n = strlen(text);
    return in->len >= n && memcmp(in->p, text, n) == 0;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    if (in->ip_proto == 6)
        return begins(in, greeting) ? TH_PROBE_CLIENT : TH_PROBE_NO;
    /* An answer may say first which address it goes to (BEP 42). */
    bool with_ip = begins(in, "d2:ip6:") && memmem(in->p, in->len, "1:rd2:id20:", 11);
    if (begins(in, "d1:rd2:id20:") || with_ip)
        return TH_PROBE_SERVER;
    return begins(in, "d1:ad2:id20:") ? TH_PROBE_CLIENT : TH_PROBE_NO;
}

/* What stands behind this key, of a fixed size; empty when it is not there. */
static struct th_str member(const struct th_chunk *ch, const char *key, size_t size)
{
    size_t n = strlen(key);
    const uint8_t *at = memmem(ch->p, ch->len, key, n);
    if (!at || (size_t)(ch->p + ch->len - at) < n + size)
        return th_str_c("");
    return th_str_n(at + n, size);
}

static void note(struct th_conn *c, struct th_overlay *o, int64_t time_ns)
{
    if (!o->protocol)
        o->first_ns = time_ns;
    o->protocol = "bittorrent";
    o->last_ns = time_ns;
    th_conn_service(c, TH_SVC_BITTORRENT);
}

static enum th_verdict table(struct th_conn *c, struct th_overlay *o, const struct th_chunk *ch)
{
    static const char *const queries[] = {"get_peers", "announce_peer", "find_node", "ping"};
    note(c, o, ch->time_ns);
    struct th_str id = member(ch, "2:id20:", HASH_BYTES);
    th_overlay_id_set(ch->from_client ? &o->initiator : &o->responder, id);
    struct th_str hash = member(ch, "9:info_hash20:", HASH_BYTES);
    if (hash.len)
        th_overlay_id_set(&o->info_hash, hash);
    for (size_t i = 0; !o->exchange && i < TH_ARRAY_LEN(queries); i++)
        if (memmem(ch->p, ch->len, queries[i], strlen(queries[i])))
            o->exchange = queries[i];
    o->answered = !ch->from_client;
    return o->answered ? TH_DONE : TH_GO_ON;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct th_overlay *o = &s->o;
    bool ok;
    if (c->flow->proto != 6)
        return table(c, o, ch);
    struct th_hold *h = &s->hold[ch->dir];
    struct th_cur cur = th_hold_join(h, ch->p, ch->len, HANDSHAKE_BYTES + ch->len, &ok);
    struct th_cur at = cur;
    struct th_str head = th_cur_bytes(&at, sizeof(greeting) - 1);
    th_cur_skip(&at, 8);
    struct th_str hash = th_cur_bytes(&at, HASH_BYTES), peer = th_cur_bytes(&at, HASH_BYTES);
    if (at.failed)
        return th_hold_keep(h, &cur, HANDSHAKE_BYTES) ? TH_GO_ON : TH_BAIL;
    if (memcmp(head.p, greeting, sizeof(greeting) - 1) != 0)
        return o->protocol ? TH_DONE_DIR : TH_BAIL;
    note(c, o, ch->time_ns);
    o->exchange = "handshake";
    th_overlay_id_set(&o->info_hash, hash);
    th_overlay_id_set(ch->from_client ? &o->initiator : &o->responder, peer);
    o->answered = o->answered || !ch->from_client;
    th_hold_done(h);
    return TH_DONE_DIR;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    th_overlay_emit(c, &s->o);
    th_hold_done(&s->hold[0]);
    th_hold_done(&s->hold[1]);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->hold[0].cap + s->hold[1].cap;
}

const struct th_analyser th_bittorrent_analyser = {
    .service = TH_SVC_BITTORRENT,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
