/* SPDX-License-Identifier: Apache-2.0 */
#include "ntlm.h"

#define TEXT_MAX 127u
#define SIGNATURE "NTLMSSP"
#define SIGNATURE_LEN 8u /* with its zero */

enum { NEGOTIATE_UNICODE = 1 };

struct text {
    uint8_t len;
    char p[TEXT_MAX];
};

struct th_ntlm {
    int64_t first_ns, last_ns;
    bool answered;
    struct text user, host, domain, server_nb, server_dns, server_tree;
};

static void set_text(struct text *t, struct th_str s)
{
    t->len = (uint8_t)TH_MIN(s.len, TEXT_MAX);
    if (t->len)
        memcpy(t->p, s.p, t->len);
}

static struct th_str text_of(const struct text *t)
{
    return th_str_n(t->p, t->len);
}

static uint32_t put_utf8(char *out, uint32_t v)
{
    if (v < 0x80) {
        out[0] = (char)v;
        return 1;
    }
    if (v < 0x800) {
        out[0] = (char)(0xc0 | v >> 6);
        out[1] = (char)(0x80 | (v & 0x3f));
        return 2;
    }
    if (v < 0x10000) {
        out[0] = (char)(0xe0 | v >> 12);
        out[1] = (char)(0x80 | (v >> 6 & 0x3f));
        out[2] = (char)(0x80 | (v & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | v >> 18);
    out[1] = (char)(0x80 | (v >> 12 & 0x3f));
    out[2] = (char)(0x80 | (v >> 6 & 0x3f));
    out[3] = (char)(0x80 | (v & 0x3f));
    return 4;
}

struct th_str th_utf16le(struct th_arena *a, struct th_str s)
{
    /* Two bytes become at most three. */
    char *out = s.len >= 2 ? th_arena_alloc(a, (size_t)s.len / 2 * 3) : NULL;
    uint32_t n = 0;
    struct th_cur c = th_cur_init(s.p, s.len & ~1u);
    while (out && th_cur_left(&c)) {
        uint32_t v = th_cur_le16(&c);
        if (v >= 0xd800 && v < 0xdc00 && th_cur_left(&c)) {
            struct th_cur at = c;
            uint32_t low = th_cur_le16(&at);
            if (low >= 0xdc00 && low < 0xe000) {
                v = 0x10000 + ((v & 0x3ff) << 10 | (low & 0x3ff));
                c = at;
            }
        }
        if (v >= 0xd800 && v < 0xe000)
            v = '?';
        if (v)
            n += put_utf8(out + n, v);
    }
    return th_str_n(out ? out : "", n);
}

/* Length, space, offset: eight bytes that point into the token. */
static struct th_str field(struct th_cur *c, const uint8_t *token, size_t len)
{
    size_t n = th_cur_le16(c);
    th_cur_skip(c, 2);
    size_t at = th_cur_le32(c);
    if (c->failed || at > len || n > len - at)
        return th_str_c("");
    return th_str_n(token + at, n);
}

/* MS-NLMP 2.2.1.2 and 2.2.2.1 */
static void challenge(struct th_ntlm *n, struct th_arena *a, const uint8_t *token, size_t len)
{
    struct th_cur c = th_cur_init(token, len);
    th_cur_skip(&c, 12 + 8 + 4 + 8 + 8);
    struct th_str info = field(&c, token, len);
    struct th_cur pairs = th_cur_init(info.p, info.len);
    while (th_cur_left(&pairs) >= 4) {
        unsigned id = th_cur_le16(&pairs);
        struct th_str value = th_cur_bytes(&pairs, th_cur_le16(&pairs));
        if (pairs.failed || id == 0)
            return;
        if (id == 1)
            set_text(&n->server_nb, th_utf16le(a, value));
        else if (id == 3)
            set_text(&n->server_dns, th_utf16le(a, value));
        else if (id == 5)
            set_text(&n->server_tree, th_utf16le(a, value));
    }
}

/* MS-NLMP 2.2.1.3 */
static void answer(struct th_ntlm *n, struct th_arena *a, const uint8_t *token, size_t len)
{
    struct th_cur c = th_cur_init(token, len);
    th_cur_skip(&c, 12 + 16);
    struct th_str domain = field(&c, token, len), user = field(&c, token, len),
                  host = field(&c, token, len);
    th_cur_skip(&c, 8);
    bool unicode = c.failed || th_cur_le32(&c) & NEGOTIATE_UNICODE;
    set_text(&n->domain, unicode ? th_utf16le(a, domain) : domain);
    set_text(&n->user, unicode ? th_utf16le(a, user) : user);
    set_text(&n->host, unicode ? th_utf16le(a, host) : host);
    n->answered = true;
}

void th_ntlm_look(
    struct th_ntlm **n, struct th_conn *c, int64_t time_ns, const uint8_t *p, size_t len)
{
    const uint8_t *token = len > 12 ? memmem(p, len, SIGNATURE, SIGNATURE_LEN) : NULL;
    if (!token)
        return;
    size_t left = len - (size_t)(token - p);
    struct th_cur cur = th_cur_init(token, left);
    th_cur_skip(&cur, SIGNATURE_LEN);
    uint32_t type = th_cur_le32(&cur);
    if (cur.failed || type < 1 || type > 3)
        return;
    th_conn_service(c, TH_SVC_NTLM);
    if (!*n) {
        *n = th_xcalloc(1, sizeof(**n));
        (*n)->first_ns = time_ns;
    }
    (*n)->last_ns = time_ns;
    if (type == 2)
        challenge(*n, &c->pr->scratch, token, left);
    else if (type == 3)
        answer(*n, &c->pr->scratch, token, left);
    else if (!(*n)->answered)
        (*n)->first_ns = time_ns;
}

size_t th_ntlm_held(const struct th_ntlm *n)
{
    return n ? sizeof(*n) : 0;
}

bool th_ntlm_pending(const struct th_ntlm *n)
{
    return n && n->answered;
}

static void emit(struct th_ntlm *n, struct th_conn *c, const bool *success)
{
    struct th_ev_ntlm ev = {0};
    TH_CONN_ID(&ev, NTLM, c, n->first_ns);
    TH_SET_TEXT(&ev, NTLM, username, text_of(&n->user));
    TH_SET_TEXT(&ev, NTLM, hostname, text_of(&n->host));
    TH_SET_TEXT(&ev, NTLM, domainname, text_of(&n->domain));
    TH_SET_TEXT(&ev, NTLM, server_nb_computer_name, text_of(&n->server_nb));
    TH_SET_TEXT(&ev, NTLM, server_dns_computer_name, text_of(&n->server_dns));
    TH_SET_TEXT(&ev, NTLM, server_tree_name, text_of(&n->server_tree));
    if (success)
        TH_SET(&ev, NTLM, success, *success);
    th_proto_emit(c->pr, &ev.h, TH_MAX(n->last_ns, n->first_ns));
    n->answered = false;
}

void th_ntlm_outcome(struct th_ntlm *n, struct th_conn *c, int64_t time_ns, bool success)
{
    if (!th_ntlm_pending(n))
        return;
    n->last_ns = time_ns;
    emit(n, c, &success);
}

void th_ntlm_end(struct th_ntlm *n, struct th_conn *c)
{
    if (th_ntlm_pending(n))
        emit(n, c, NULL);
    free(n);
}
