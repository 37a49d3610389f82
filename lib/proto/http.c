/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.0 and 1.1 (RFC 9112): pipelining, keep-alive, chunked bodies, bodies by
 * length or until the end; after CONNECT or an upgrade to HTTP/2 the stream is looked at anew. A
 * transaction becomes an event when its response is complete. Each side is a small machine over
 * lines and counted bytes; only an incomplete line is ever kept.
 */
#include "analysers.h"
#include "http_txn.h"

#define LINE_MAX_BYTES 16384u
#define HEAD_MAX_LINES 512u
#define PIPELINE_MAX 64u /* requests that wait for their response */

enum { CLIENT, SERVER };

enum mode {
    MODE_START,
    MODE_HEADERS,
    MODE_LENGTH,
    MODE_CHUNK_SIZE,
    MODE_CHUNK,
    MODE_CHUNK_END,
    MODE_TRAILER,
    MODE_CLOSE,
    MODE_WAIT /* CONNECT was asked: what follows is not for us */
};

/* Small, since it stays for as long as a connection is kept alive. */
struct side {
    uint64_t remain;
    struct th_file *file;
    uint32_t scanned; /* bytes of the incomplete line without a newline */
    uint16_t lines;
    uint8_t mode;
    bool seen : 1;
    bool in_txn : 1; /* its message is the last one's request, or the first one's response */
};

/* Of the few that need it. */
struct rare {
    struct th_hold hold[2]; /* an incomplete line */
    struct th_ntlm *ntlm;
};

struct state {
    struct side side[2];
    struct th_http_txn *first;
    struct rare *rare;
    uint32_t depth;
    uint8_t pending;
    bool login_told;
};
_Static_assert(
    PIPELINE_MAX <= UINT8_MAX && HEAD_MAX_LINES < UINT16_MAX, "counters are wide enough");

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_str s = th_str_n(in->p, in->len);
    if (s.len >= 9 && memcmp(s.p, "HTTP/1.", 7) == 0)
        return s.p[8] == ' ' ? TH_PROBE_SERVER : TH_PROBE_NO;
    if (!((s.p[0] >= 'A' && s.p[0] <= 'Z')))
        return TH_PROBE_NO;
    uint32_t n = th_http_method_len(s);
    if (!n) {
        bool letters = true;
        for (uint32_t i = 0; i < s.len && i < 8; i++)
            letters = letters && (s.p[i] >= '.' && s.p[i] <= '_');
        return letters && s.len < 14 ? TH_PROBE_MORE : TH_PROBE_NO;
    }
    int64_t end = th_str_index(s, '\n');
    if (end < 0) {
        char target = s.len > n + 1 ? s.p[n + 1] : '\0';
        if (s.len < TH_PROBE_MAX_BYTES && target != '/')
            return TH_PROBE_MORE;
        return target == '/' || target == 'h' ? TH_PROBE_CLIENT : TH_PROBE_NO;
    }
    struct th_str line = th_str_trim(th_str_n(s.p, (size_t)end));
    if (line.len < 9 || memcmp(line.p + line.len - 9, " HTTP/1.", 8) != 0)
        return TH_PROBE_NO;
    return TH_PROBE_CLIENT;
}

static struct rare *rare_of(struct state *s)
{
    if (!s->rare)
        s->rare = th_xcalloc(1, sizeof(*s->rare));
    return s->rare;
}

/* NULL: none waits. */
static struct th_http_txn *last_of(const struct state *s)
{
    struct th_http_txn *t = s->first;
    while (t && t->next)
        t = t->next;
    return t;
}

/* The transaction that this side is in the middle of; NULL: none. */
static struct th_http_txn *txn_of(const struct state *s, int who)
{
    if (!s->side[who].in_txn)
        return NULL;
    return who == CLIENT ? last_of(s) : s->first;
}

static struct th_http_txn *txn_new(struct state *s, int64_t time_ns)
{
    struct th_http_txn *last = last_of(s);
    struct th_http_txn *t = th_http_txn_new(time_ns, ++s->depth);
    *(last ? &last->next : &s->first) = t;
    s->pending++;
    return t;
}

static void end_file(struct side *sd, bool complete)
{
    if (!sd->file)
        return;
    th_file_end(sd->file, complete);
    sd->file = NULL;
}

/* Writes the oldest transaction and forgets it. */
static void finish_first(struct th_conn *c, struct state *s)
{
    struct th_http_txn *t = s->first;
    TH_ASSERT(t);
    for (int i = 0; i < 2; i++)
        if (txn_of(s, i) == t)
            s->side[i].in_txn = false;
    s->first = t->next;
    s->pending--;
    th_http_emit(c, t);
    struct th_ntlm *ntlm = s->rare ? s->rare->ntlm : NULL;
    th_http_ntlm(&ntlm, c, t);
    if (ntlm || s->rare)
        rare_of(s)->ntlm = ntlm;
    th_http_login(c, t, &s->login_told);
    th_http_txn_free(t);
}

static void message_done(struct th_conn *c, struct state *s, int who, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    struct th_http_txn *t = txn_of(s, who);
    end_file(sd, true);
    sd->mode = MODE_START;
    sd->in_txn = false;
    if (!t || who == CLIENT)
        return;
    t->last_ns = TH_MAX(t->last_ns, time_ns);
    finish_first(c, s);
}

static bool no_body(const struct th_http_txn *t)
{
    return t->status == 204 || t->status == 304 || t->status / 100 == 1 ||
        th_str_is(th_http_get(t, t->method), "HEAD");
}

/* RFC 9112 6.3: what follows the head. */
static void begin_body(struct th_conn *c, struct state *s, int who, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    const struct th_http_txn *t = txn_of(s, who);
    const struct th_http_message *f = th_http_told(t, who);
    if (who == SERVER && no_body(t)) {
        message_done(c, s, who, time_ns);
    } else if (f->chunked) {
        sd->mode = MODE_CHUNK_SIZE;
    } else if (f->has_length) {
        sd->mode = MODE_LENGTH;
        sd->remain = f->length;
        if (!f->length)
            message_done(c, s, who, time_ns);
    } else if (who == SERVER) {
        sd->mode = MODE_CLOSE;
    } else {
        message_done(c, s, who, time_ns);
    }
}

static enum th_verdict head_done(
    struct th_conn *c, struct state *s, int who, int64_t time_ns, bool *ret_tunnel)
{
    struct side *sd = &s->side[who];
    struct th_http_txn *t = txn_of(s, who);
    bool connect = th_str_is(th_http_get(t, t->method), "CONNECT");
    th_conn_service(c, TH_SVC_HTTP);
    if (who == CLIENT) {
        begin_body(c, s, who, time_ns);
        if (connect)
            sd->mode = MODE_WAIT;
        return TH_GO_ON;
    }
    if (t->status / 100 == 1 && t->status != 101) {
        t->has_response = false;
        sd->mode = MODE_START;
        sd->in_txn = false;
        th_http_forget_framing(t, SERVER);
        return TH_GO_ON;
    }
    if (t->status == 101 || (connect && t->status / 100 == 2)) {
        const struct th_http_message *m = th_http_told(t, SERVER);
        if (t->status == 101 && m->to_websocket)
            th_conn_service(c, TH_SVC_WEBSOCKET);
        *ret_tunnel = t->status != 101 || m->to_http2;
        message_done(c, s, who, time_ns);
        return TH_DONE;
    }
    begin_body(c, s, who, time_ns);
    return TH_GO_ON;
}

static bool start_line(
    struct th_conn *c, struct state *s, int who, int64_t time_ns, struct th_str line)
{
    struct side *sd = &s->side[who];
    if (who == CLIENT) {
        if (!th_http_method_len(line))
            return false;
        if (s->pending >= PIPELINE_MAX)
            finish_first(c, s);
        struct th_http_txn *asked = txn_new(s, time_ns);
        sd->in_txn = true;
        return th_http_request_line(asked, line);
    }
    struct th_str version, reason;
    unsigned status;
    if (!th_http_status_line(line, &version, &status, &reason))
        return false;
    struct th_http_txn *t = s->first ? s->first : txn_new(s, time_ns);
    sd->in_txn = true;
    t->last_ns = TH_MAX(t->last_ns, time_ns);
    t->status = (uint16_t)status;
    t->has_response = true;
    if (status / 100 == 1) {
        struct th_http_message *m = th_http_message(t, SERVER);
        m->info = t->status;
        m->info_reason = th_http_keep(t, reason);
    } else {
        th_http_message(t, SERVER)->reason = th_http_keep(t, reason);
    }
    if (!t->has_request)
        t->version = th_http_keep(t, version);
    return true;
}

static void body(
    struct th_conn *c, struct state *s, int who, const struct th_chunk *ch, struct th_str bytes)
{
    struct side *sd = &s->side[who];
    struct th_http_txn *t = txn_of(s, who);
    if (t)
        th_http_body(c, t, who, &sd->file, ch, bytes);
    else if (sd->file)
        th_file_data(sd->file, ch->time_ns, (const uint8_t *)bytes.p, bytes.len);
}

/* Takes what belongs to the body; true when a counted part is complete. */
static bool eat(
    struct th_conn *c, struct state *s, int who, const struct th_chunk *ch, struct th_cur *cur)
{
    struct side *sd = &s->side[who];
    size_t n = th_cur_left(cur);
    if (sd->mode != MODE_CLOSE)
        n = (size_t)TH_MIN((uint64_t)n, sd->remain);
    struct th_str bytes = th_cur_bytes(cur, n);
    if (n)
        body(c, s, who, ch, bytes);
    if (sd->mode == MODE_CLOSE)
        return false;
    sd->remain -= n;
    return sd->remain == 0;
}

/* RFC 9112 7.1: hexadecimal size, then extensions that nobody uses. */
static bool chunk_size(struct th_str line, uint64_t *ret)
{
    uint64_t v = 0;
    uint32_t i = 0;
    for (; i < line.len && i < 16; i++) {
        char ch = th_lower(line.p[i]);
        int d = ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
        if (d < 0)
            break;
        v = v << 4 | (unsigned)d;
    }
    if (!i || (i < line.len && line.p[i] != ';' && line.p[i] != ' '))
        return false;
    *ret = v;
    return true;
}

static enum th_verdict on_line(struct th_conn *c, struct state *s, int who, int64_t time_ns,
    struct th_str line, bool *ret_tunnel)
{
    struct side *sd = &s->side[who];
    switch (sd->mode) {
    case MODE_START:
        if (!line.len)
            return TH_GO_ON;
        if (!start_line(c, s, who, time_ns, line)) {
            th_conn_weird(c, time_ns, who == CLIENT ? "bad_HTTP_request" : "bad_HTTP_reply");
            return sd->seen ? TH_DONE_DIR : TH_BAIL;
        }
        sd->seen = true;
        sd->mode = MODE_HEADERS;
        sd->lines = 0;
        return TH_GO_ON;
    case MODE_HEADERS:
        if (!sd->in_txn) /* its transaction was given up under it */
            return TH_DONE_DIR;
        if (!line.len)
            return head_done(c, s, who, time_ns, ret_tunnel);
        if (++sd->lines > HEAD_MAX_LINES) {
            th_conn_weird(c, time_ns, "HTTP_excessive_headers");
            return TH_DONE_DIR;
        }
        th_http_header(txn_of(s, who), who, line);
        return TH_GO_ON;
    case MODE_CHUNK_SIZE:
        if (!chunk_size(line, &sd->remain)) {
            th_conn_weird(c, time_ns, "HTTP_bad_chunk_size");
            return TH_DONE_DIR;
        }
        sd->mode = sd->remain ? MODE_CHUNK : MODE_TRAILER;
        return TH_GO_ON;
    case MODE_CHUNK_END: sd->mode = MODE_CHUNK_SIZE; return TH_GO_ON;
    default: /* trailer */
        if (!line.len)
            message_done(c, s, who, time_ns);
        return TH_GO_ON;
    }
}

/* The next line without its end. False: it is not complete. */
static bool next_line(struct side *sd, struct th_cur *cur, struct th_str *ret)
{
    size_t left = th_cur_left(cur);
    const uint8_t *nl =
        left > sd->scanned ? memchr(cur->p + sd->scanned, '\n', left - sd->scanned) : NULL;
    if (!nl) {
        sd->scanned = (uint32_t)left;
        return false;
    }
    sd->scanned = 0;
    *ret = th_cur_bytes(cur, (size_t)(nl - cur->p));
    th_cur_skip(cur, 1);
    if (ret->len && ret->p[ret->len - 1] == '\r')
        ret->len--;
    return true;
}

static enum th_verdict step(struct th_conn *c, struct state *s, int who, const struct th_chunk *ch,
    struct th_cur *cur, bool *ret_tunnel, bool *ret_stop)
{
    struct side *sd = &s->side[who];
    struct th_str line;
    switch (sd->mode) {
    case MODE_WAIT: th_cur_skip(cur, th_cur_left(cur)); return TH_GO_ON;
    case MODE_LENGTH:
        if (eat(c, s, who, ch, cur))
            message_done(c, s, who, ch->time_ns);
        return TH_GO_ON;
    case MODE_CHUNK:
        if (eat(c, s, who, ch, cur))
            sd->mode = MODE_CHUNK_END;
        return TH_GO_ON;
    case MODE_CLOSE: eat(c, s, who, ch, cur); return TH_GO_ON;
    default: break;
    }
    if (!next_line(sd, cur, &line)) {
        *ret_stop = true;
        return TH_GO_ON;
    }
    return on_line(c, s, who, ch->time_ns, line, ret_tunnel);
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    int who = ch->from_client ? CLIENT : SERVER;
    struct side *sd = &s->side[who];
    bool ok, tunnel = false, stop = false;
    enum th_verdict v = TH_GO_ON;
    struct th_hold fresh = {0};
    struct th_hold *hold = s->rare ? &s->rare->hold[who] : &fresh;
    struct th_cur cur = th_hold_join(hold, ch->p, ch->len, LINE_MAX_BYTES + ch->len, &ok);
    while (v == TH_GO_ON && !stop && th_cur_left(&cur))
        v = step(c, s, who, ch, &cur, &tunnel, &stop);
    if (tunnel) {
        /* The rest may lie in the held bytes: they must outlive this state. */
        struct th_hold held = *hold;
        *hold = (struct th_hold){0};
        struct th_chunk rest = *ch;
        rest.p = cur.p;
        rest.len = rest.wire_len = th_cur_left(&cur);
        v = th_conn_restart(c, &rest);
        th_hold_done(&held);
        return v;
    }
    if (v == TH_GO_ON && !th_hold_keep(hold, &cur, LINE_MAX_BYTES)) {
        th_conn_weird(c, ch->time_ns, "HTTP_line_too_long");
        return sd->seen ? TH_DONE_DIR : TH_BAIL;
    }
    if (fresh.len)
        rare_of(s)->hold[who] = fresh;
    return v;
}

static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    struct state *s = state;
    int who = dir == c->client ? CLIENT : SERVER;
    struct side *sd = &s->side[who];
    bool counted = sd->mode == MODE_LENGTH || sd->mode == MODE_CHUNK;
    if (sd->mode == MODE_WAIT)
        return TH_GO_ON;
    if (!(counted && len <= sd->remain) && sd->mode != MODE_CLOSE)
        return TH_DONE_DIR;
    if (sd->file)
        th_file_gap(sd->file, len);
    struct th_http_txn *t = txn_of(s, who);
    if (t)
        th_http_message(t, who)->body_len += len;
    if (!counted)
        return TH_GO_ON;
    sd->remain -= len;
    if (!sd->remain && sd->mode == MODE_LENGTH)
        message_done(c, s, who, time_ns);
    else if (!sd->remain)
        sd->mode = MODE_CHUNK_END;
    return TH_GO_ON;
}

static void fin(struct th_conn *c, void *state, int dir, int64_t time_ns)
{
    struct state *s = state;
    int who = dir == c->client ? CLIENT : SERVER;
    if (s->side[who].mode == MODE_CLOSE)
        message_done(c, s, who, time_ns);
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    for (int i = 0; i < 2; i++)
        end_file(&s->side[i], false);
    while (s->first)
        finish_first(c, s);
    if (!s->rare)
        return;
    th_hold_done(&s->rare->hold[0]);
    th_hold_done(&s->rare->hold[1]);
    th_ntlm_end(s->rare->ntlm, c);
    free(TH_TAKE(s->rare));
}

static size_t held(const void *state)
{
    const struct state *s = state;
    const struct rare *r = s->rare;
    size_t n = r ? sizeof(*r) + r->hold[0].cap + r->hold[1].cap + th_ntlm_held(r->ntlm) : 0;
    for (int i = 0; i < 2; i++)
        n += s->side[i].file ? TH_FILE_BYTES : 0;
    for (const struct th_http_txn *t = s->first; t; t = t->next)
        n += th_http_txn_held(t);
    return n;
}

const struct th_analyser th_http_analyser = {
    .service = TH_SVC_HTTP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .gap = gap,
    .fin = fin,
    .end = end,
};
