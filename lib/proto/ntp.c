/* SPDX-License-Identifier: Apache-2.0 */
/* NTP (RFC 5905): an `ntp` event for each of the first messages of a flow. */
#include "analysers.h"

#define MESSAGES_MAX 8u /* of a direction */
#define SHORT_BYTES 48u
#define SECONDS_1900_TO_1970 INT64_C(2208988800)

struct state {
    uint8_t messages[2];
};

static enum th_probe probe(const struct th_probe_in *in)
{
    unsigned version = th_probe_at(in, 0) >> 3 & 7, mode = th_probe_at(in, 0) & 7;
    bool yes = th_probe_on_port(in, 123) && version >= 1 && version <= 4 && mode &&
        (mode >= 6 ? in->len >= 8 : in->wire_len >= SHORT_BYTES);
    return !yes ? TH_PROBE_NO : mode == 4 || mode == 2 ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

/* 16 bits of seconds and 16 of their parts. */
static int64_t short_ns(uint32_t v)
{
    return (int64_t)v * TH_NS_PER_S >> 16;
}

/* 2 to the power of a signed byte of seconds; what is out of reason is cut. */
static int64_t power_ns(uint8_t exponent)
{
    int e = exponent < 128 ? exponent : (int)exponent - 256;
    return e >= 0 ? TH_NS_PER_S << TH_MIN(e, 32) : TH_NS_PER_S >> TH_MIN(-e, 62);
}

/* False: not set. Seconds since 1900, and their parts in 32 bits. */
static bool stamp(struct th_cur *c, int64_t *ret_ns)
{
    uint64_t v = th_cur_be64(c);
    *ret_ns = ((int64_t)(v >> 32) - SECONDS_1900_TO_1970) * TH_NS_PER_S +
        (int64_t)((v & UINT32_MAX) * (uint64_t)TH_NS_PER_S >> 32);
    return v != 0 && !c->failed;
}

/* RFC 5905 7.3: the four letters of a clock, or an IPv4 address (of IPv6, a hash of it). */
static struct th_str reference(struct th_arena *a, struct th_str id, unsigned stratum)
{
    const uint8_t *b = (const uint8_t *)id.p;
    if (stratum > 1)
        return th_arena_printf(a, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    while (id.len && !id.p[id.len - 1])
        id.len--;
    return id;
}

static void body(struct th_ev_ntp *ev, struct th_arena *a, struct th_cur *c)
{
    unsigned stratum = th_cur_u8(c);
    uint8_t poll = th_cur_u8(c), precision = th_cur_u8(c);
    uint32_t delay = th_cur_be32(c), dispersion = th_cur_be32(c);
    struct th_str id = th_cur_bytes(c, 4);
    int64_t ns;
    if (c->failed)
        return;
    TH_SET(ev, NTP, stratum, stratum);
    TH_SET(ev, NTP, poll, power_ns(poll));
    TH_SET(ev, NTP, precision, power_ns(precision));
    TH_SET(ev, NTP, root_delay, short_ns(delay));
    TH_SET(ev, NTP, root_disp, short_ns(dispersion));
    TH_SET_TEXT(ev, NTP, ref_id, reference(a, id, stratum));
    if (stamp(c, &ns))
        TH_SET(ev, NTP, ref_time, ns);
    if (stamp(c, &ns))
        TH_SET(ev, NTP, org_time, ns);
    if (stamp(c, &ns))
        TH_SET(ev, NTP, rec_time, ns);
    if (stamp(c, &ns))
        TH_SET(ev, NTP, xmt_time, ns);
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct th_ev_ntp ev = {0};
    struct th_cur cur = th_cur_init(ch->p, ch->len);
    unsigned first = th_cur_u8(&cur), mode = first & 7;
    th_conn_service(c, TH_SVC_NTP);
    TH_CONN_ID(&ev, NTP, c, ch->time_ns);
    TH_SET(&ev, NTP, version, first >> 3 & 7);
    TH_SET(&ev, NTP, mode, mode);
    if (mode < 6)
        body(&ev, &c->pr->scratch, &cur);
    th_proto_emit(c->pr, &ev.h, ch->time_ns);
    return ++s->messages[ch->dir] == MESSAGES_MAX ? TH_DONE_DIR : TH_GO_ON;
}

const struct th_analyser th_ntp_analyser = {
    .service = TH_SVC_NTP,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
};
