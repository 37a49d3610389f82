/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDS: Microsoft SQL Server (MS-TDS 7.x) and Sybase (TDS 5.0). The login with its names, statements
 * and calls, and what the server said to them. TDS 7 wraps its TLS handshake in packets of
 * its own, which are taken off it for the TLS analyser, and then encrypts all, or only the login:
 * after that nothing is read. A password that is merely shuffled (MS-TDS 2.2.6.4) counts as sent in
 * clear.
 */
#include "analysers.h"

#include "db.h"
#include "ntlm.h"

#define HEADER_BYTES 8u
#define LOOK_BYTES 1400u
#define LOGIN5_BYTES 512u

enum { BATCH = 1, LOGIN5 = 2, RPC = 3, RESPONSE = 4, ATTENTION = 6, QUERY5 = 15, LOGIN7 = 16 };
enum { PRELOGIN = 18 };
enum { TOKEN_ERROR = 0xaa, TOKEN_INFO = 0xab, TOKEN_LOGINACK = 0xad, TOKEN_ENVCHANGE = 0xe3 };
enum { TOKEN_EED = 0xe5, TOKEN_DONE = 0xfd };

/* A packet of TDS around TLS records, as it comes. */
struct wrap {
    uint8_t head[HEADER_BYTES];
    uint8_t head_len;
    uint32_t left;
};

struct state {
    struct th_frames frames;
    void *tls; /* state of the TLS analyser, once there is TLS */
    struct wrap wrap[2];
    struct th_db db;
    bool waiting, in_message[2];
    const char *cmd;
    int64_t asked_ns;
    struct th_text text;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    size_t len = (size_t)th_probe_at(in, 2) << 8 | th_probe_at(in, 3);
    unsigned type = th_probe_at(in, 0);
    bool first = th_probe_at(in, 1) <= 1 && len > HEADER_BYTES && th_probe_at(in, 7) <= 1;
    if (in->len < 16)
        return in->dst == 1433 && type <= PRELOGIN ? TH_PROBE_MORE : TH_PROBE_NO;
    if (!first)
        return TH_PROBE_NO;
    if (type == PRELOGIN) /* its first option is the version: at 26 or so, 6 bytes */
        return len <= in->len && th_probe_at(in, 8) == 0 && th_probe_at(in, 9) == 0 &&
                th_probe_at(in, 12) == 6
            ? TH_PROBE_CLIENT
            : TH_PROBE_NO;
    if (type == LOGIN7) { /* the length again, and version 7.x */
        size_t again = th_probe_at(in, 8) | (size_t)th_probe_at(in, 9) << 8;
        unsigned major = th_probe_at(in, 15);
        return again + HEADER_BYTES == len && major >= 0x70 && major <= 0x74 ? TH_PROBE_CLIENT
                                                                             : TH_PROBE_NO;
    }
    /* Sybase: host name of 30 bytes with its length behind. */
    bool sybase = type == LOGIN5 && len == LOGIN5_BYTES && th_probe_at(in, 38) <= 30 &&
        in->len > 70 && th_probe_at(in, 69) <= 30;
    return sybase ? TH_PROBE_CLIENT : TH_PROBE_NO;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    (void)state;
    (void)from_client;
    unsigned type = th_cur_u8(&c);
    th_cur_skip(&c, 1);
    unsigned len = th_cur_be16(&c);
    if (c.failed)
        return TH_FRAME_SHORT;
    return type == 0 || type > PRELOGIN || len < HEADER_BYTES ? TH_FRAME_BAD : (int64_t)len;
}

static void emit(struct th_conn *c, struct state *s, int success, int64_t code, struct th_str error,
    int64_t time_ns)
{
    if (!s->waiting)
        return;
    const struct th_db_call call = {.cmd = th_str_c(s->cmd),
        .arg = th_text_get(&s->text),
        .error = error,
        .asked_ns = s->asked_ns,
        .error_code = code,
        .success = success};
    th_db_emit(c, &s->db, &call, time_ns);
    th_login_end(c, &s->db.login, TH_SVC_TDS, th_login_result_of(success), time_ns);
    s->waiting = false;
}

static void begin(struct th_conn *c, struct state *s, const char *cmd, int64_t time_ns)
{
    emit(c, s, -1, -1, th_str_c(""), time_ns);
    s->cmd = cmd;
    s->asked_ns = time_ns;
    s->text.len = 0;
    s->waiting = true;
}

/* Offset and length in characters, and the text there. */
static struct th_str login_field(struct th_conn *c, struct th_cur msg, size_t at, size_t *ret_chars)
{
    struct th_cur field = msg;
    th_cur_skip(&field, at);
    size_t offset = th_cur_le16(&field), chars = th_cur_le16(&field);
    *ret_chars = field.failed ? 0 : chars;
    th_cur_skip(&msg, offset);
    struct th_str raw = th_cur_bytes(&msg, 2 * TH_MIN(chars, (size_t)TH_TEXT_MAX));
    return field.failed || msg.failed ? th_str_c("") : th_utf16le(&c->pr->scratch, raw);
}

/* Without a password it is another exchange, as that of NTLM, or none. */
static void begin_login(struct state *s, bool password, int64_t time_ns)
{
    th_login_begin(&s->db.login, th_str_c(password ? "PASSWORD" : ""), password, time_ns);
    s->db.login.user = s->db.user;
}

/* LOGIN7 (MS-TDS 2.2.6.4): offsets count from the message's begin. */
static void login7(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur m)
{
    size_t n, password;
    struct th_cur head = m;
    begin(c, s, "login", time_ns);
    th_cur_skip(&head, 4);
    uint32_t version = th_cur_le32(&head);
    th_text_set_field(&s->db.client_host, login_field(c, m, 36, &n));
    th_text_set_field(&s->db.user, login_field(c, m, 40, &n));
    (void)login_field(c, m, 44, &password);
    th_text_set_field(&s->db.application, login_field(c, m, 48, &n));
    th_text_set_field(&s->db.database, login_field(c, m, 68, &n));
    th_text_set_field(&s->db.version,
        th_arena_printf(&c->pr->scratch, "%u.%u", version >> 28, version >> 24 & 15));
    begin_login(s, password > 0, time_ns);
}

/* A field of fixed size with its used length behind it. */
static struct th_str fixed(struct th_cur *m, size_t size)
{
    struct th_str s = th_cur_bytes(m, size);
    uint32_t used = th_cur_u8(m);
    s.len = TH_MIN(used, s.len);
    return s;
}

static void login5(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur m)
{
    begin(c, s, "login", time_ns);
    th_text_set_field(&s->db.client_host, fixed(&m, 30));
    th_text_set_field(&s->db.user, fixed(&m, 30));
    bool password = fixed(&m, 30).len > 0;
    (void)fixed(&m, 30); /* process */
    th_cur_skip(&m, 16);
    th_text_set_field(&s->db.application, fixed(&m, 30));
    th_text_set_field(&s->db.version, th_str_c("5.0"));
    begin_login(s, password, time_ns);
}

/* ALL_HEADERS (7.2 and later) say their own length; older statements begin at once. */
static void skip_headers(struct th_cur *m)
{
    struct th_cur at = *m;
    uint32_t total = th_cur_le32(&at), first = th_cur_le32(&at);
    if (!at.failed && total >= 10 && total <= 256 && first + 4 <= total && th_cur_left(m) >= total)
        th_cur_skip(m, total);
}

static void statement(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur m)
{
    struct th_arena *a = &c->pr->scratch;
    begin(c, s, "batch", time_ns);
    skip_headers(&m);
    struct th_str raw = th_cur_bytes(&m, th_cur_left(&m) & ~(size_t)1);
    th_text_set_field(&s->text, th_mask_sql(a, th_utf16le(a, raw), false));
}

static void call(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur m)
{
    static const char *const known[] = {"", "sp_cursor", "sp_cursoropen", "sp_cursorprepare",
        "sp_cursorexecute", "sp_cursorprepexec", "sp_cursorunprepare", "sp_cursorfetch",
        "sp_cursoroption", "sp_cursorclose", "sp_executesql", "sp_prepare", "sp_execute",
        "sp_prepexec", "sp_prepexecrpc", "sp_unprepare"};
    begin(c, s, "rpc", time_ns);
    skip_headers(&m);
    size_t chars = th_cur_le16(&m);
    if (chars == 0xffff) {
        unsigned id = th_cur_le16(&m);
        th_text_set_field(&s->text, th_str_c(id < TH_ARRAY_LEN(known) ? known[id] : ""));
        return;
    }
    struct th_str raw = th_cur_bytes(&m, 2 * TH_MIN(chars, (size_t)128));
    th_text_set_field(&s->text, th_utf16le(&c->pr->scratch, raw));
}

/* A language token of TDS 5: length, status, text. */
static void language(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur m)
{
    begin(c, s, "batch", time_ns);
    if (th_cur_u8(&m) != 0x21)
        return;
    size_t n = th_cur_le32(&m);
    th_cur_skip(&m, 1);
    struct th_str sql = th_cur_bytes(&m, TH_MIN(n ? n - 1 : 0, th_cur_left(&m)));
    th_text_set_field(&s->text, th_mask_sql(&c->pr->scratch, sql, false));
}

/* Number and text of an error (MS-TDS 2.2.7.10); the text of TDS 5 has one byte a character. */
static void on_error(
    struct th_conn *c, struct state *s, unsigned token, struct th_cur t, int64_t time_ns)
{
    struct th_arena *a = &c->pr->scratch;
    uint32_t code = th_cur_le32(&t);
    th_cur_skip(&t, 2); /* state, class */
    if (token == TOKEN_EED) {
        th_cur_skip(&t, th_cur_u8(&t)); /* SQL state */
        th_cur_skip(&t, 3);
    }
    size_t chars = th_cur_le16(&t);
    bool wide = s->db.version.len && s->db.version.p[0] == '7';
    struct th_str raw = th_cur_bytes(&t, TH_MIN(wide ? 2 * chars : chars, th_cur_left(&t)));
    struct th_str text = th_mask_sql(a, wide ? th_utf16le(a, raw) : raw, false);
    emit(c, s, 0, code, text, time_ns);
}

/* Tokens with a length of two bytes are walked; at any other one the walk ends. */
static void response(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur m)
{
    while (th_cur_left(&m) && s->waiting) {
        unsigned token = th_cur_u8(&m);
        bool lengthy = token == TOKEN_ERROR || token == TOKEN_INFO || token == TOKEN_LOGINACK ||
            token == TOKEN_ENVCHANGE || token == TOKEN_EED;
        if (!lengthy) {
            unsigned status = token >= TOKEN_DONE ? th_cur_le16(&m) : 0;
            emit(c, s, !(status & 2), -1, th_str_c(""), time_ns);
            return;
        }
        size_t len = th_cur_le16(&m);
        struct th_cur t = th_cur_sub(&m, TH_MIN(len, th_cur_left(&m)));
        unsigned class = token == TOKEN_EED ? th_cur_peek(&t, 5) : 11;
        if (token == TOKEN_ERROR || (token == TOKEN_EED && class > 10))
            on_error(c, s, token, t, time_ns);
        else if (token == TOKEN_LOGINACK && th_cur_peek(&t, 0) != 6)
            emit(c, s, 1, -1, th_str_c(""), time_ns);
    }
}

/* A client's packet of this type that begins with a TLS record. */
static bool begins_tls(const struct th_chunk *ch)
{
    return ch->from_client && ch->len > HEADER_BYTES && ch->p[0] == PRELOGIN &&
        ch->p[HEADER_BYTES] == 0x16;
}

static void begin_tls(struct th_conn *c, struct state *s, int64_t time_ns)
{
    begin(c, s, "login", time_ns);
    s->db.tls = true;
    emit(c, s, -1, -1, th_str_c(""), time_ns);
    s->tls = th_xcalloc(1, th_tls_analyser.state_bytes);
}

/* Takes the headers of packets off; once the handshake is through, records come without. */
static enum th_verdict unwrap(struct th_conn *c, struct state *s, const struct th_chunk *ch)
{
    struct wrap *w = &s->wrap[ch->dir];
    struct th_cur cur = th_cur_init(ch->p, ch->len);
    enum th_verdict v = TH_GO_ON;
    while (v == TH_GO_ON && th_cur_left(&cur)) {
        bool bare = !w->left && !w->head_len && cur.p[0] != PRELOGIN;
        if (!w->left && !bare) {
            w->head[w->head_len++] = th_cur_u8(&cur);
            if (w->head_len < HEADER_BYTES)
                continue;
            uint32_t len = (uint32_t)w->head[2] << 8 | w->head[3];
            w->head_len = 0;
            w->left = len > HEADER_BYTES ? len - HEADER_BYTES : 0;
            continue;
        }
        size_t n = bare ? th_cur_left(&cur) : TH_MIN(th_cur_left(&cur), (size_t)w->left);
        struct th_chunk in = *ch;
        in.p = cur.p;
        in.len = in.wire_len = n;
        th_cur_skip(&cur, n);
        w->left -= bare ? 0 : (uint32_t)n;
        v = th_tls_analyser.data(c, s->tls, &in);
    }
    return v == TH_BAIL ? TH_DONE : v;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    if (!s->tls && begins_tls(ch) && !s->frames.dir[ch->dir].hold.len &&
        !s->frames.dir[ch->dir].skip) {
        th_conn_service(c, TH_SVC_TDS);
        s->db.protocol = "tds";
        begin_tls(c, s, ch->time_ns);
    }
    return s->tls ? unwrap(c, s, ch) : th_frames_data(c, s, ch);
}

static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    const struct state *s = state;
    return s->tls ? TH_DONE : th_frames_gap(c, state, dir, time_ns, len);
}

static enum th_frame request(
    struct th_conn *c, struct state *s, unsigned type, const struct th_chunk *ch, struct th_cur m)
{
    switch (type) {
    case LOGIN7: login7(c, s, ch->time_ns, m); return TH_FRAME_GO_ON;
    case LOGIN5: login5(c, s, ch->time_ns, m); return TH_FRAME_GO_ON;
    case BATCH: statement(c, s, ch->time_ns, m); return TH_FRAME_GO_ON;
    case RPC: call(c, s, ch->time_ns, m); return TH_FRAME_GO_ON;
    case QUERY5: language(c, s, ch->time_ns, m); return TH_FRAME_GO_ON;
    default: return TH_FRAME_GO_ON;
    }
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct state *s = state;
    s->db.protocol = "tds";
    unsigned type = th_cur_u8(&msg), status = th_cur_u8(&msg);
    th_cur_skip(&msg, 6);
    if (msg.failed)
        return TH_FRAME_BAIL;
    th_conn_service(c, TH_SVC_TDS);
    bool first = !s->in_message[ch->dir];
    s->in_message[ch->dir] = !(status & 1);
    if (!first)
        return TH_FRAME_GO_ON;
    if (ch->from_client)
        return request(c, s, type, ch, msg);
    if (type == RESPONSE && s->waiting)
        response(c, s, ch->time_ns, msg);
    return TH_FRAME_GO_ON;
}

static const struct th_framing framing = {
    .look_bytes = LOOK_BYTES, .length = length, .message = message};

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    emit(c, s, -1, -1, th_str_c(""), s->asked_ns);
    if (s->tls)
        th_tls_analyser.end(c, s->tls, time_ns);
    free(s->tls);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return s->tls ? th_tls_analyser.state_bytes + th_tls_analyser.held(s->tls) : 0;
}

const struct th_analyser th_tds_analyser = {
    .service = TH_SVC_TDS,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .framing = &framing,
    .data = data,
    .gap = gap,
    .end = end,
};
