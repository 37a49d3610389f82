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

struct side {
    struct th_hold hold;
    uint32_t scanned; /* bytes of the incomplete line without a newline */
    uint32_t lines;
    uint64_t remain;
    struct th_http_txn *txn;
    struct th_file *file;
    uint8_t mode;
    bool seen;
};

struct state {
    struct side side[2];
    struct th_http_txn *first, *last;
    uint32_t pending, depth;
    bool login_told; /* one a connection, and each refusal */
};

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

static struct th_http_txn *txn_new(struct state *s, int64_t time_ns)
{
    struct th_http_txn *t = th_xcalloc(1, sizeof(*t));
    t->time_ns = t->last_ns = time_ns;
    t->depth = ++s->depth;
    t->block.limit = 2 * TH_HTTP_TEXT_MAX;
    if (s->last)
        s->last->next = t;
    else
        s->first = t;
    s->last = t;
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
        if (s->side[i].txn == t)
            s->side[i].txn = NULL;
    s->first = t->next;
    if (!s->first)
        s->last = NULL;
    s->pending--;
    th_http_emit(c, t);
    bool refused = t->status == 401 || t->status == 407;
    if (t->basic && (refused || !s->login_told))
        th_http_login(c, t);
    s->login_told = s->login_told || (t->basic && !refused);
    th_http_txn_free(t);
}

static void message_done(struct th_conn *c, struct state *s, int who, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    struct th_http_txn *t = sd->txn;
    end_file(sd, true);
    sd->mode = MODE_START;
    sd->txn = NULL;
    if (!t)
        return;
    if (who == CLIENT) {
        t->request_done = true;
        return;
    }
    t->last_ns = TH_MAX(t->last_ns, time_ns);
    t->response_done = true;
    while (s->first && s->first != t)
        finish_first(c, s);
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
    const struct th_http_framing *f = &sd->txn->framing[who];
    if (who == SERVER && no_body(sd->txn)) {
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
    struct th_http_txn *t = sd->txn;
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
        sd->txn = NULL;
        t->framing[SERVER] = (struct th_http_framing){0};
        return TH_GO_ON;
    }
    if (t->status == 101 || (connect && t->status / 100 == 2)) {
        *ret_tunnel = t->status != 101 || t->framing[SERVER].to_http2;
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
        sd->txn = txn_new(s, time_ns);
        return th_http_request_line(sd->txn, line);
    }
    struct th_str version, reason;
    unsigned status;
    if (!th_http_status_line(line, &version, &status, &reason))
        return false;
    struct th_http_txn *t = s->first ? s->first : txn_new(s, time_ns);
    sd->txn = t;
    t->last_ns = TH_MAX(t->last_ns, time_ns);
    t->status = (uint16_t)status;
    t->has_response = true;
    if (status / 100 == 1) {
        t->info = t->status;
        t->info_reason = th_http_keep(t, reason);
    } else {
        t->reason = th_http_keep(t, reason);
    }
    if (!t->has_request)
        t->version = th_http_keep(t, version);
    return true;
}

static void body(struct th_conn *c, struct state *s, int who, const struct th_chunk *ch,
    const uint8_t *p, size_t len)
{
    struct side *sd = &s->side[who];
    struct th_http_txn *t = sd->txn;
    if (!sd->file && t) {
        const struct th_http_framing *f = &t->framing[who];
        sd->file = th_file_new(c, TH_SVC_HTTP, ch->dir, ch->time_ns, 0);
        if (sd->mode == MODE_LENGTH)
            th_file_expect(sd->file, f->length);
        if (f->encoded)
            th_file_encoded(sd->file);
        th_file_set_name(sd->file, th_http_get(t, f->filename));
        memcpy(t->fuid[who], th_file_uid(sd->file), TH_FUID_LEN);
    }
    if (sd->file)
        th_file_data(sd->file, ch->time_ns, p, len);
    if (!t)
        return;
    t->mime[who] = sd->file ? th_file_mime(sd->file) : NULL;
    t->body_len[who] += len;
    if (who == SERVER)
        t->last_ns = TH_MAX(t->last_ns, ch->time_ns);
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
        body(c, s, who, ch, (const uint8_t *)bytes.p, n);
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
        if (!sd->txn) /* its transaction was given up under it */
            return TH_DONE_DIR;
        if (!line.len)
            return head_done(c, s, who, time_ns, ret_tunnel);
        if (++sd->lines > HEAD_MAX_LINES) {
            th_conn_weird(c, time_ns, "HTTP_excessive_headers");
            return TH_DONE_DIR;
        }
        th_http_header(sd->txn, who, line);
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
    struct th_cur cur = th_hold_join(&sd->hold, ch->p, ch->len, LINE_MAX_BYTES + ch->len, &ok);
    while (v == TH_GO_ON && !stop && th_cur_left(&cur))
        v = step(c, s, who, ch, &cur, &tunnel, &stop);
    if (tunnel) {
        /* The rest may lie in the held bytes: they must outlive this state. */
        struct th_hold held = sd->hold;
        sd->hold = (struct th_hold){0};
        struct th_chunk rest = *ch;
        rest.p = cur.p;
        rest.len = rest.wire_len = th_cur_left(&cur);
        v = th_conn_restart(c, &rest);
        th_hold_done(&held);
        return v;
    }
    if (v == TH_GO_ON && !th_hold_keep(&sd->hold, &cur, LINE_MAX_BYTES)) {
        th_conn_weird(c, ch->time_ns, "HTTP_line_too_long");
        return sd->seen ? TH_DONE_DIR : TH_BAIL;
    }
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
    if (sd->txn)
        sd->txn->body_len[who] += len;
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
    for (int i = 0; i < 2; i++) {
        end_file(&s->side[i], false);
        th_hold_done(&s->side[i].hold);
    }
    while (s->first)
        finish_first(c, s);
}

const struct th_analyser th_http_analyser = {
    .service = TH_SVC_HTTP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
    .gap = gap,
    .fin = fin,
    .end = end,
};
