/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LDAP (RFC 4511) over TCP and CLDAP: recognised, and NTLM binds taken out. After StartTLS the
 * stream is handed on.
 */
#include "analysers.h"

#include "der.h"
#include "ntlm.h"

#define LOOK_BYTES 8192u /* of one message */

/* Application tags of the operations. */
enum { BIND_REQUEST = 0x60, BIND_RESPONSE = 0x61, EXT_REQUEST = 0x77, EXT_RESPONSE = 0x78 };

struct state {
    struct th_hold hold[2];
    uint32_t skip[2];
    bool start_tls;
    struct th_ntlm *ntlm;
};

static bool operation(uint8_t tag)
{
    return tag == 0x42 || tag == 0x4a || tag == 0x50 || (tag >= 0x60 && tag <= 0x79);
}

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_cur c = th_cur_init(in->p, in->len);
    if (th_cur_u8(&c) != TH_DER_SEQUENCE)
        return TH_PROBE_NO;
    if (in->len < 9)
        return in->ip_proto == 6 && (in->dst == 389 || in->src == 389) ? TH_PROBE_MORE
                                                                       : TH_PROBE_NO;
    uint8_t n = th_cur_u8(&c);
    th_cur_skip(&c, n > 0x80 ? n & 0x7f : 0);
    if (n == 0x80 || n > 0x84 || th_cur_u8(&c) != TH_DER_INTEGER)
        return TH_PROBE_NO;
    size_t id = th_cur_u8(&c);
    if (!id || id > 4)
        return TH_PROBE_NO;
    th_cur_skip(&c, id);
    uint8_t tag = th_cur_u8(&c);
    if (c.failed || !operation(tag))
        return TH_PROBE_NO;
    bool answer = tag == 0x61 || tag == 0x64 || tag == 0x65 || tag == 0x73 || tag == 0x78 ||
        tag == 0x67 || tag == 0x69 || tag == 0x6b || tag == 0x6d || tag == 0x6f;
    return answer ? TH_PROBE_SERVER : TH_PROBE_CLIENT;
}

/* The length of a message by its first bytes; 0: not yet known, or not LDAP (*ret_bad). */
static uint32_t message_len(const struct th_cur *cur, bool *ret_bad)
{
    struct th_cur c = *cur;
    *ret_bad = th_cur_u8(&c) != TH_DER_SEQUENCE;
    uint32_t n = th_cur_u8(&c), head = 2;
    if (n >= 0x80) {
        uint32_t bytes = n & 0x7f;
        *ret_bad = *ret_bad || !bytes || bytes > 4;
        head += bytes;
        for (n = 0; bytes && !*ret_bad; bytes--)
            n = n << 8 | th_cur_u8(&c);
        *ret_bad = *ret_bad || n > (64u << 20);
    }
    return c.failed || *ret_bad ? 0 : head + n;
}

/* resultCode of an LDAPResult: 0 is success, 14 asks for more. */
static int64_t result_code(struct th_cur *op)
{
    struct th_cur code = th_der_expect(op, TH_DER_ENUMERATED);
    int64_t v = th_der_int(&code);
    return op->failed || code.failed ? -1 : v;
}

/* True when TLS begins now. */
static bool message(
    struct th_conn *c, struct state *s, int64_t time_ns, const uint8_t *p, size_t len)
{
    struct th_cur cur = th_cur_init(p, len);
    th_cur_skip(&cur, 1);
    uint8_t n = th_cur_u8(&cur);
    th_cur_skip(&cur, n > 0x80 ? n & 0x7f : 0);
    th_cur_skip(&cur, 1);
    th_cur_skip(&cur, th_cur_u8(&cur));
    uint8_t tag = th_cur_u8(&cur);
    n = th_cur_u8(&cur);
    th_cur_skip(&cur, n > 0x80 ? n & 0x7f : 0);
    if (cur.failed || !operation(tag))
        return false;
    th_conn_service(c, c->flow->proto == 6 ? TH_SVC_LDAP : TH_SVC_LDAP_UDP);
    switch (tag) {
    case BIND_REQUEST: th_ntlm_look(&s->ntlm, c, time_ns, p, len); return false;
    case BIND_RESPONSE: {
        th_ntlm_look(&s->ntlm, c, time_ns, p, len);
        int64_t code = result_code(&cur);
        if (code >= 0 && code != 14)
            th_ntlm_outcome(s->ntlm, c, time_ns, code == 0);
        return false;
    }
    case EXT_REQUEST: s->start_tls = memmem(p, len, "1.3.6.1.4.1.1466.20037", 22); return false;
    case EXT_RESPONSE: return s->start_tls && result_code(&cur) == 0;
    default: return false;
    }
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    if (c->flow->proto != 6) {
        message(c, s, ch->time_ns, ch->p, ch->len);
        return TH_GO_ON;
    }
    bool ok, bad;
    struct th_hold *h = &s->hold[ch->dir];
    uint32_t *skip = &s->skip[ch->dir];
    struct th_cur cur = th_hold_join(h, ch->p, ch->len, LOOK_BYTES + ch->len, &ok);
    for (;;) {
        size_t n = TH_MIN((size_t)*skip, th_cur_left(&cur));
        th_cur_skip(&cur, n);
        *skip -= (uint32_t)n;
        if (!th_cur_left(&cur))
            break;
        uint32_t len = message_len(&cur, &bad);
        /* Anything else is a sealed buffer (SASL): nothing more to read. */
        if (bad)
            return c->service_count ? TH_DONE_DIR : TH_BAIL;
        uint32_t want = TH_MIN(len, LOOK_BYTES);
        if (!len || th_cur_left(&cur) < want)
            break;
        struct th_str bytes = th_cur_bytes(&cur, want);
        *skip = len - want;
        if (message(c, s, ch->time_ns, (const uint8_t *)bytes.p, want)) {
            struct th_chunk rest = *ch;
            rest.len = rest.wire_len = 0;
            return th_conn_restart(c, &rest);
        }
    }
    return th_hold_keep(h, &cur, LOOK_BYTES) ? TH_GO_ON : TH_DONE_DIR;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    th_ntlm_end(s->ntlm, c);
    th_hold_done(&s->hold[0]);
    th_hold_done(&s->hold[1]);
}

const struct th_analyser th_ldap_analyser = {
    .service = TH_SVC_LDAP,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
    .end = end,
};
