/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 in the clear (RFC 9113), begun with its preface or after an upgrade from HTTP/1: frames as
 * they come, heads unpacked by libnghttp2 (RFC 7541), bodies counted and hashed as files. A stream
 * becomes the same `http` event as a transaction of HTTP/1. Either direction's heads depend on all
 * before them: after a gap that direction is over.
 */
#include <nghttp2/nghttp2.h>

#include "analysers.h"
#include "http_txn.h"

#define FRAME_HEAD_BYTES 9u
#define HEAD_FRAME_MAX_BYTES 65536u /* of a frame that is held until it is whole */
#define HEAD_FIELDS_MAX 512u
#define STREAMS_MAX 64u        /* that are open at once */
#define TABLE_MAX_BYTES 65536u /* of a direction's dynamic table */
#define INFLATER_BYTES 8192u   /* about what it takes besides */

enum { CLIENT, SERVER };
enum frame {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RST = 3,
    FRAME_SETTINGS = 4,
    FRAME_PUSH = 5,
    FRAME_CONTINUATION = 9
};
enum {
    FLAG_ACK = 0x1,
    FLAG_END_STREAM = 0x1,
    FLAG_END_HEADERS = 0x4,
    FLAG_PADDED = 0x8,
    FLAG_PRIORITY = 0x20
};
enum { SETTING_TABLE_SIZE = 1, TABLE_DEFAULT_BYTES = 4096 };

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct stream {
    uint32_t id;
    struct th_http_txn *txn;
    struct th_file *file[2];
};

struct side {
    struct th_hold hold;
    nghttp2_hd_inflater *inflater;
    bool preface_over, in_head, end_after_head; /* in_head: CONTINUATION must follow */
    bool in_data, data_ends;                    /* in a DATA frame; it is its stream's last */
    uint32_t head_stream, data_stream;
    uint32_t data_left, skip_left; /* of a DATA frame; of padding, or of a frame nobody reads */
    unsigned fields;               /* of the head */
    int head_side;                 /* 0: of a request, 1: of a response */
};

struct state {
    struct side side[2];
    struct stream streams[STREAMS_MAX];
    unsigned count; /* of streams, oldest first */
    uint32_t depth;
    bool login_told;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    static const uint8_t settings[] = {4, 0, 0, 0, 0, 0};
    size_t n = TH_MIN(in->len, sizeof(preface) - 1);
    if (memcmp(in->p, preface, n) == 0)
        return n == sizeof(preface) - 1 ? TH_PROBE_CLIENT : TH_PROBE_MORE;
    /* A server's own preface, after an upgrade: SETTINGS of stream 0 with a few of six bytes each.
     */
    bool server = in->len >= FRAME_HEAD_BYTES && !in->p[0] && !in->p[1] && in->p[2] % 6 == 0 &&
        in->p[2] <= 60 && memcmp(in->p + 3, settings, sizeof(settings)) == 0;
    return server ? TH_PROBE_SERVER : TH_PROBE_NO;
}

static struct stream *find(struct state *s, uint32_t id)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->streams[i].id == id)
            return &s->streams[i];
    return NULL;
}

static void finish(struct th_conn *c, struct state *s, struct stream *st, bool complete)
{
    for (int i = 0; i < 2; i++)
        if (st->file[i])
            th_file_end(st->file[i], complete);
    th_http_emit(c, st->txn);
    th_http_login(c, st->txn, &s->login_told);
    th_http_txn_free(st->txn);
    unsigned at = (unsigned)(st - s->streams);
    memmove(st, st + 1, (s->count - at - 1) * sizeof(*st));
    s->count--;
}

static struct stream *find_or_new(struct th_conn *c, struct state *s, uint32_t id, int64_t time_ns)
{
    struct stream *st = find(s, id);
    if (st)
        return st;
    if (s->count == STREAMS_MAX)
        finish(c, s, &s->streams[0], false);
    st = &s->streams[s->count++];
    *st = (struct stream){.id = id, .txn = th_http_txn_new(time_ns, ++s->depth)};
    st->txn->version = th_http_keep(st->txn, th_str_c("2"));
    return st;
}

static void status(struct th_http_txn *t, struct th_str v)
{
    uint64_t n;
    if (!th_str_u64(v, &n) || n > 999)
        return;
    if (n / 100 == 1) {
        th_http_message(t, SERVER)->info = (uint16_t)n;
        return;
    }
    t->has_response = true;
    t->status = (uint16_t)n;
}

/* Pseudo-fields (RFC 9113 8.3) and fields; side 0: of a request. */
static void field(struct th_http_txn *t, int side, struct th_str name, struct th_str v)
{
    if (!name.len || name.p[0] != ':') {
        th_http_field(t, side, name, v);
    } else if (side) {
        if (th_str_is(name, ":status"))
            status(t, v);
    } else if (th_str_is(name, ":method")) {
        t->has_request = true;
        t->method = th_http_keep(t, v);
    } else if (th_str_is(name, ":path")) {
        t->uri = th_http_keep_uri(t, v);
    } else if (th_str_is(name, ":authority")) {
        t->host = th_http_keep(t, v);
    }
}

/* A stream's head, or a piece of one; last: the head ends with it. */
static bool unpack(struct side *sd, struct th_http_txn *t, struct th_str in, bool last)
{
    const uint8_t *p = (const uint8_t *)in.p;
    size_t left = in.len;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(sd->inflater, &nv, &flags, p, left, last);
        if (n < 0 || (size_t)n > left)
            return false;
        p += n;
        left -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            if (++sd->fields > HEAD_FIELDS_MAX)
                return false;
            if (t)
                field(t, sd->head_side, th_str_n(nv.name, nv.namelen),
                    th_str_n(nv.value, nv.valuelen));
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            nghttp2_hd_inflate_end_headers(sd->inflater);
            return true;
        }
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && !left)
            return true;
    }
}

/* A side's stream is over: the response's end is the transaction's. */
static void end_stream(
    struct th_conn *c, struct state *s, struct stream *st, int who, int64_t time_ns)
{
    if (who == CLIENT)
        return;
    st->txn->last_ns = TH_MAX(st->txn->last_ns, time_ns);
    finish(c, s, st, true);
}

static bool head_piece(
    struct th_conn *c, struct state *s, int who, struct th_str in, bool last, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    struct stream *st = find(s, sd->head_stream);
    if (!unpack(sd, st ? st->txn : NULL, in, last)) {
        th_conn_weird(c, time_ns, "HTTP2_bad_head");
        return false;
    }
    sd->in_head = !last;
    if (!last || !st)
        return true;
    th_conn_service(c, TH_SVC_HTTP);
    if (sd->end_after_head)
        end_stream(c, s, st, who, time_ns);
    return true;
}

/* Takes padding and priority off (RFC 9113 6.2). */
static struct th_cur unpadded(struct th_cur body, unsigned flags)
{
    size_t pad = flags & FLAG_PADDED ? th_cur_u8(&body) : 0;
    if (pad > th_cur_left(&body))
        th_cur_fail(&body);
    return body.failed ? body : th_cur_sub(&body, th_cur_left(&body) - pad);
}

static bool head(struct th_conn *c, struct state *s, int who, uint32_t id, unsigned type,
    unsigned flags, struct th_cur body, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    body = unpadded(body, flags);
    if (type == FRAME_HEADERS && flags & FLAG_PRIORITY)
        th_cur_skip(&body, 5);
    if (type == FRAME_PUSH)
        id = th_cur_be32(&body) & INT32_MAX;
    if (body.failed || !id || sd->in_head || (type == FRAME_PUSH && who == CLIENT))
        return false;
    sd->head_stream = id;
    sd->head_side = who == SERVER && type != FRAME_PUSH;
    sd->end_after_head = type == FRAME_HEADERS && flags & FLAG_END_STREAM;
    sd->fields = 0;
    find_or_new(c, s, id, time_ns);
    return head_piece(
        c, s, who, th_cur_bytes(&body, th_cur_left(&body)), flags & FLAG_END_HEADERS, time_ns);
}

/* What one side allows is the other's table. Less than the default needs nothing: the sender says
 * it again in its own heads (RFC 7541 4.2). */
static bool settings(struct state *s, int who, struct th_cur body)
{
    while (th_cur_left(&body) >= 6) {
        unsigned name = th_cur_be16(&body);
        uint32_t value = th_cur_be32(&body);
        if (name == SETTING_TABLE_SIZE && value > TABLE_DEFAULT_BYTES &&
            nghttp2_hd_inflate_change_table_size(
                s->side[!who].inflater, TH_MIN(value, TABLE_MAX_BYTES)) != 0)
            return false;
    }
    return true;
}

/* A whole frame that is not DATA. */
static bool on_frame(struct th_conn *c, struct state *s, int who, uint32_t id, unsigned type,
    unsigned flags, struct th_cur body, int64_t time_ns)
{
    struct side *sd = &s->side[who];
    struct stream *st;
    switch (type) {
    case FRAME_HEADERS:
    case FRAME_PUSH: return head(c, s, who, id, type, flags, body, time_ns);
    case FRAME_CONTINUATION:
        return sd->in_head && id == sd->head_stream &&
            head_piece(c, s, who, th_cur_bytes(&body, th_cur_left(&body)), flags & FLAG_END_HEADERS,
                time_ns);
    case FRAME_SETTINGS: return flags & FLAG_ACK || s->side[!who].in_head || settings(s, who, body);
    default: /* RST_STREAM */
        st = find(s, id);
        if (st)
            finish(c, s, st, false);
        return true;
    }
}

static void body_bytes(
    struct th_conn *c, struct state *s, int who, const struct th_chunk *ch, struct th_str bytes)
{
    struct stream *st = find(s, s->side[who].data_stream);
    if (!st || !bytes.len)
        return;
    th_http_body(c, st->txn, who, &st->file[who], ch, bytes);
}

static void skip(struct side *sd, struct th_cur *cur)
{
    size_t n = TH_MIN(th_cur_left(cur), (size_t)sd->skip_left);
    th_cur_skip(cur, n);
    sd->skip_left -= (uint32_t)n;
}

/* What of a DATA frame has come. */
static void eat_data(
    struct th_conn *c, struct state *s, int who, const struct th_chunk *ch, struct th_cur *cur)
{
    struct side *sd = &s->side[who];
    size_t n = TH_MIN(th_cur_left(cur), (size_t)sd->data_left);
    body_bytes(c, s, who, ch, th_cur_bytes(cur, n));
    sd->data_left -= (uint32_t)n;
    if (sd->data_left)
        return;
    sd->in_data = false;
    struct stream *st = sd->data_ends ? find(s, sd->data_stream) : NULL;
    if (st)
        end_stream(c, s, st, who, ch->time_ns);
}

/* A frame's head and what is needed behind it. False: more must come first, or *ret_bad. */
static bool begin_frame(
    struct th_conn *c, struct state *s, int who, struct th_cur *cur, int64_t time_ns, bool *ret_bad)
{
    struct side *sd = &s->side[who];
    struct th_cur at = *cur;
    uint32_t len = th_cur_be24(&at);
    unsigned type = th_cur_u8(&at), flags = th_cur_u8(&at);
    uint32_t id = th_cur_be32(&at) & INT32_MAX;
    if (at.failed)
        return false;
    if (type == FRAME_DATA) {
        bool padded = flags & FLAG_PADDED;
        uint32_t pad = padded ? th_cur_u8(&at) : 0;
        if (at.failed)
            return false;
        *ret_bad = len < pad + padded;
        sd->data_left = *ret_bad ? 0 : len - pad - padded;
        sd->skip_left = pad;
        sd->data_stream = id;
        sd->data_ends = flags & FLAG_END_STREAM;
        sd->in_data = true;
        *cur = at;
        return !*ret_bad;
    }
    bool read = type == FRAME_HEADERS || type == FRAME_PUSH || type == FRAME_CONTINUATION ||
        type == FRAME_SETTINGS || type == FRAME_RST;
    if (!read) {
        sd->skip_left = len;
        *cur = at;
        return true;
    }
    *ret_bad = len > HEAD_FRAME_MAX_BYTES;
    if (*ret_bad || th_cur_left(&at) < len)
        return false;
    struct th_cur body = th_cur_sub(&at, len);
    *cur = at;
    *ret_bad = !on_frame(c, s, who, id, type, flags, body, time_ns);
    return !*ret_bad;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    int who = ch->from_client ? CLIENT : SERVER;
    struct side *sd = &s->side[who];
    bool ok, bad = false;
    for (int i = 0; i < 2; i++)
        if (!s->side[i].inflater && nghttp2_hd_inflate_new(&s->side[i].inflater) != 0)
            return TH_DONE;
    struct th_cur cur = th_hold_join(
        &sd->hold, ch->p, ch->len, FRAME_HEAD_BYTES + HEAD_FRAME_MAX_BYTES + ch->len, &ok);
    if (who == CLIENT && !sd->preface_over && th_cur_left(&cur) >= sizeof(preface) - 1) {
        sd->preface_over = true;
        if (memcmp(cur.p, preface, sizeof(preface) - 1) == 0)
            th_cur_skip(&cur, sizeof(preface) - 1);
    }
    bool more = who == SERVER || sd->preface_over;
    while (more) {
        if (sd->in_data)
            eat_data(c, s, who, ch, &cur);
        if (!sd->in_data)
            skip(sd, &cur);
        more = th_cur_left(&cur) && begin_frame(c, s, who, &cur, ch->time_ns, &bad);
    }
    if (!bad && th_hold_keep(&sd->hold, &cur, FRAME_HEAD_BYTES + HEAD_FRAME_MAX_BYTES))
        return TH_GO_ON;
    return c->service_count ? TH_DONE_DIR : TH_BAIL;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    while (s->count)
        finish(c, s, &s->streams[0], false);
    for (int i = 0; i < 2; i++) {
        th_hold_done(&s->side[i].hold);
        if (s->side[i].inflater)
            nghttp2_hd_inflate_del(s->side[i].inflater);
    }
}

static size_t held(const void *state)
{
    const struct state *s = state;
    size_t n = 0;
    for (int i = 0; i < 2; i++)
        n += s->side[i].hold.cap + (s->side[i].inflater ? INFLATER_BYTES + TABLE_MAX_BYTES : 0);
    for (unsigned i = 0; i < s->count; i++)
        n += th_http_txn_held(s->streams[i].txn) + (s->streams[i].file[0] ? TH_FILE_BYTES : 0) +
            (s->streams[i].file[1] ? TH_FILE_BYTES : 0);
    return n;
}

const struct th_analyser th_http2_analyser = {
    .service = TH_SVC_HTTP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .end = end,
};
