/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP (RFC 3261) over UDP and TCP: a request and its final response become one `sip` event, matched
 * by Call-ID and CSeq. Either end may ask. What a digest answers is passed over; whose it is, and
 * whether it was accepted, becomes a `login` event.
 */
#include "analysers.h"
#include "login.h"
#include "mask.h"

#define HEAD_MAX_BYTES 8192u
#define PENDING_MAX 8u
#define EVENTS_MAX 4096u /* of a flow, then it is enough */

struct txn {
    bool used, digest;
    int64_t time_ns;
    uint32_t depth;
    uint64_t body_len[2];
    unsigned status;
    struct th_text method, uri, from[2], to[2], call_id, seq, subject, agent, reason, warning, type,
        user;
};

struct state {
    struct th_hold hold[2];
    uint64_t body_left[2]; /* TCP: of a body that is passed over */
    struct txn *pending;   /* PENDING_MAX of them */
    unsigned next;
    uint32_t depth, events;
};

static const char *const methods[] = {"INVITE", "REGISTER", "OPTIONS", "ACK", "BYE", "CANCEL",
    "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "INFO", "REFER", "UPDATE", "PRACK"};

/* "METHOD sip:" or "METHOD sips:", "tel:" */
static bool is_request(struct th_str line)
{
    if (line.len < 8 || line.p[0] < 'A' || line.p[0] > 'U')
        return false;
    for (size_t i = 0; i < TH_ARRAY_LEN(methods); i++) {
        size_t n = strlen(methods[i]);
        if (line.len > n + 4 && memcmp(line.p, methods[i], n) == 0 && line.p[n] == ' ')
            return memcmp(line.p + n + 1, "sip", 3) == 0 || memcmp(line.p + n + 1, "tel", 3) == 0;
    }
    return false;
}

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_str s = th_str_n(in->p, in->len);
    if (th_str_starts(s, "SIP/2.0 "))
        return TH_PROBE_SERVER;
    return is_request(s) ? TH_PROBE_CLIENT : TH_PROBE_NO;
}

enum header {
    HDR_NONE,
    HDR_FROM,
    HDR_TO,
    HDR_CALL_ID,
    HDR_CSEQ,
    HDR_SUBJECT,
    HDR_AGENT,
    HDR_WARNING,
    HDR_TYPE,
    HDR_LENGTH,
    HDR_AUTHORIZATION
};

static const struct {
    const char *name;
    enum header is;
} headers[] = {{"from", HDR_FROM}, {"f", HDR_FROM}, {"to", HDR_TO}, {"t", HDR_TO},
    {"call-id", HDR_CALL_ID}, {"i", HDR_CALL_ID}, {"cseq", HDR_CSEQ}, {"subject", HDR_SUBJECT},
    {"s", HDR_SUBJECT}, {"user-agent", HDR_AGENT}, {"warning", HDR_WARNING},
    {"content-type", HDR_TYPE}, {"c", HDR_TYPE}, {"content-length", HDR_LENGTH}, {"l", HDR_LENGTH},
    {"authorization", HDR_AUTHORIZATION}, {"proxy-authorization", HDR_AUTHORIZATION}};

/* username="bob" of a Digest (RFC 7616 3.4). */
static void digest_user(struct txn *t, struct th_str v)
{
    static const char word[] = "username=\"";
    const char *at = v.len ? memmem(v.p, v.len, word, sizeof(word) - 1) : NULL;
    t->digest = true;
    if (!at)
        return;
    size_t skip = (size_t)(at - v.p) + sizeof(word) - 1;
    struct th_str rest = th_str_n(v.p + skip, v.len - skip);
    th_text_set(&t->user, th_str_split(&rest, '"'));
}

/* A URI may carry a password (RFC 3261 19.1.1). */
static void set_uri(struct th_arena *a, struct th_text *t, struct th_str v)
{
    char *copy = th_arena_alloc(a, TH_MAX(v.len, 1u));
    memcpy(copy, v.p, v.len);
    th_text_set(t, th_str_n(copy, th_mask_uri(copy, v.len)));
}

static void header(struct th_arena *a, struct txn *t, int side, struct th_str line)
{
    enum header is = HDR_NONE;
    struct th_str v = line;
    struct th_str name = th_str_trim(th_str_split(&v, ':'));
    v = th_str_trim(v);
    for (size_t i = 0; i < TH_ARRAY_LEN(headers) && is == HDR_NONE; i++)
        if (th_str_ieq(name, th_str_c(headers[i].name)))
            is = headers[i].is;
    switch (is) {
    case HDR_FROM: set_uri(a, &t->from[side], v); break;
    case HDR_TO: set_uri(a, &t->to[side], v); break;
    case HDR_CALL_ID: th_text_set(&t->call_id, v); break;
    case HDR_CSEQ: th_text_set(&t->seq, v); break;
    case HDR_SUBJECT: th_text_set(&t->subject, v); break;
    case HDR_AGENT:
        if (!side)
            th_text_set(&t->agent, v);
        break;
    case HDR_WARNING: th_text_set(&t->warning, v); break;
    case HDR_TYPE: th_text_set(&t->type, v); break;
    case HDR_LENGTH:
        if (!th_str_u64(v, &t->body_len[side]))
            t->body_len[side] = 0;
        break;
    case HDR_AUTHORIZATION: digest_user(t, v); break;
    case HDR_NONE: break;
    }
}

static void emit(struct th_conn *c, struct state *s, struct txn *t, int64_t time_ns)
{
    struct th_ev_sip ev = {0};
    t->used = false;
    s->events++;
    TH_CONN_ID(&ev, SIP, c, t->time_ns);
    TH_SET(&ev, SIP, trans_depth, t->depth);
    TH_SET_TEXT(&ev, SIP, method, th_text_get(&t->method));
    TH_SET_TEXT(&ev, SIP, uri, th_text_get(&t->uri));
    TH_SET_TEXT(&ev, SIP, request_from, th_text_get(&t->from[0]));
    TH_SET_TEXT(&ev, SIP, request_to, th_text_get(&t->to[0]));
    TH_SET_TEXT(&ev, SIP, response_from, th_text_get(&t->from[1]));
    TH_SET_TEXT(&ev, SIP, response_to, th_text_get(&t->to[1]));
    TH_SET_TEXT(&ev, SIP, call_id, th_text_get(&t->call_id));
    TH_SET_TEXT(&ev, SIP, seq, th_text_get(&t->seq));
    TH_SET_TEXT(&ev, SIP, subject, th_text_get(&t->subject));
    TH_SET_TEXT(&ev, SIP, user_agent, th_text_get(&t->agent));
    if (t->status) {
        TH_SET(&ev, SIP, status_code, t->status);
        TH_SET_TEXT(&ev, SIP, status_msg, th_text_get(&t->reason));
        TH_SET(&ev, SIP, response_body_len, t->body_len[1]);
    }
    TH_SET_TEXT(&ev, SIP, warning, th_text_get(&t->warning));
    TH_SET(&ev, SIP, request_body_len, t->body_len[0]);
    TH_SET_TEXT(&ev, SIP, content_type, th_text_get(&t->type));
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, t->time_ns));
    if (!t->digest)
        return;
    struct th_login l = {0};
    th_login_begin(&l, th_str_c("DIGEST"), false, t->time_ns);
    l.user = t->user;
    bool refused = t->status == 401 || t->status == 403 || t->status == 407;
    th_login_end(c, &l, TH_SVC_SIP,
        refused                    ? TH_LOGIN_FAILED
            : t->status / 100 == 2 ? TH_LOGIN_OK
                                   : TH_LOGIN_UNKNOWN,
        time_ns);
}

static struct txn *find(struct state *s, const struct txn *like)
{
    for (unsigned i = 0; i < PENDING_MAX; i++) {
        struct txn *t = &s->pending[i];
        if (t->used && th_str_eq(th_text_get(&t->call_id), th_text_get(&like->call_id)) &&
            th_str_eq(th_text_get(&t->seq), th_text_get(&like->seq)))
            return t;
    }
    return NULL;
}

static void on_request(struct th_conn *c, struct state *s, const struct txn *t, int64_t time_ns)
{
    if (find(s, t)) /* sent again */
        return;
    struct txn *place = &s->pending[s->next++ % PENDING_MAX];
    if (place->used)
        emit(c, s, place, time_ns);
    *place = *t;
    place->used = true;
    place->depth = ++s->depth;
    place->time_ns = time_ns;
    if (th_str_is(th_text_get(&t->method), "ACK")) /* has no response */
        emit(c, s, place, time_ns);
}

static void on_response(struct th_conn *c, struct state *s, struct txn *t, int64_t time_ns)
{
    struct txn *asked = find(s, t);
    if (t->status < 200)
        return;
    if (!asked) {
        t->time_ns = time_ns;
        t->depth = ++s->depth;
        emit(c, s, t, time_ns);
        return;
    }
    asked->status = t->status;
    asked->reason = t->reason;
    asked->from[1] = t->from[1];
    asked->to[1] = t->to[1];
    asked->warning = t->warning;
    asked->body_len[1] = t->body_len[1];
    if (!asked->type.len)
        asked->type = t->type;
    emit(c, s, asked, time_ns);
}

static bool start_line(struct th_arena *a, struct txn *t, struct th_str line)
{
    struct th_str rest = line;
    struct th_str word = th_line_word(&rest);
    uint64_t status;
    if (!th_str_is(word, "SIP/2.0")) {
        th_text_set(&t->method, word);
        set_uri(a, &t->uri, th_line_word(&rest));
        return is_request(line);
    }
    if (!th_str_u64(th_line_word(&rest), &status) || status < 100 || status > 699)
        return false;
    t->status = (unsigned)status;
    th_text_set(&t->reason, rest);
    return true;
}

/* A head up to its empty line. False: it is not whole (more), or none at all (*ret_bad). */
static bool message(
    struct th_conn *c, struct state *s, struct th_cur *cur, int dir, int64_t time_ns, bool *ret_bad)
{
    struct th_cur at = *cur;
    struct th_str line;
    struct txn *t = th_arena_alloc(&c->pr->scratch, sizeof(*t));
    if (!t)
        return false;
    *t = (struct txn){0};
    do /* keep-alives between messages (RFC 5626 4.4.1) */
        if (!th_line_next(&at, &line))
            return false;
    while (!line.len);
    *ret_bad = !start_line(&c->pr->scratch, t, line);
    if (*ret_bad)
        return false;
    int side = t->status ? 1 : 0;
    while (th_line_next(&at, &line)) {
        if (line.len) {
            header(&c->pr->scratch, t, side, line);
            continue;
        }
        *cur = at;
        s->body_left[dir] = t->body_len[side];
        if (side)
            on_response(c, s, t, time_ns);
        else
            on_request(c, s, t, time_ns);
        th_conn_service(c, TH_SVC_SIP);
        return true;
    }
    return false;
}

static void skip_body(struct state *s, struct th_cur *cur, int dir)
{
    size_t n = (size_t)TH_MIN((uint64_t)th_cur_left(cur), s->body_left[dir]);
    th_cur_skip(cur, n);
    s->body_left[dir] -= n;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    struct th_hold *h = &s->hold[ch->dir];
    bool ok, bad = false, tcp = c->flow->proto == 6;
    if (!s->pending)
        s->pending = th_xcalloc(PENDING_MAX, sizeof(*s->pending));
    struct th_cur cur = th_hold_join(h, ch->p, ch->len, HEAD_MAX_BYTES + ch->len, &ok);
    do
        skip_body(s, &cur, ch->dir);
    while (s->events < EVENTS_MAX && th_cur_left(&cur) &&
        message(c, s, &cur, ch->dir, ch->time_ns, &bad));
    if (s->events >= EVENTS_MAX)
        return TH_DONE;
    if (!tcp) { /* a datagram is a message */
        s->body_left[ch->dir] = 0;
        return bad && !c->service_count ? TH_BAIL : TH_GO_ON;
    }
    if (!bad && th_hold_keep(h, &cur, HEAD_MAX_BYTES))
        return TH_GO_ON;
    return c->service_count ? TH_DONE_DIR : TH_BAIL;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    for (unsigned i = 0; s->pending && i < PENDING_MAX; i++)
        if (s->pending[i].used)
            emit(c, s, &s->pending[i], time_ns);
    free(s->pending);
    th_hold_done(&s->hold[0]);
    th_hold_done(&s->hold[1]);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->hold[0].cap + s->hold[1].cap + (s->pending ? PENDING_MAX * sizeof(*s->pending) : 0);
}

const struct th_analyser th_sip_analyser = {
    .service = TH_SVC_SIP,
    .tcp = true,
    .udp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
