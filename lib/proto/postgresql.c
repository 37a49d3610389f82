/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL (protocol version 3.0): start-up, authentication, statements and how the server took
 * them. After an accepted SSLRequest the stream is handed on. Names of messages are those of the
 * protocol's documentation, as Zeek has them.
 */
#include "analysers.h"

#include "login.h"
#include "mask.h"

#define LOOK_BYTES 1024u
#define STARTUP_MAX_BYTES 10000u /* what the server takes, too */
#define MESSAGE_MAX_BYTES (1u << 30)

enum { PROTOCOL_3 = 0x00030000, CANCEL = 80877102, SSL_REQUEST = 80877103, GSS_REQUEST = 80877104 };
enum { AUTH_OK = 0, AUTH_CLEARTEXT = 3, AUTH_MD5 = 5, AUTH_SASL = 10 };

struct state {
    struct th_frames frames;
    bool started; /* the client's messages have a type byte */
    bool asked_tls, asked_gss, tls, asked_password, told_login;
    char pending; /* type of the client's message that waits for its outcome; 0: none */
    int64_t asked_ns;
    struct th_login login;
    struct th_text user, database, application;
    struct th_text text;
    struct th_repeat told;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_cur c = th_cur_init(in->p, in->len);
    uint32_t len = th_cur_be32(&c), code = th_cur_be32(&c);
    bool request = len == 8 && (code == SSL_REQUEST || code == GSS_REQUEST);
    bool startup = len >= 9 && len <= STARTUP_MAX_BYTES && code == PROTOCOL_3;
    bool cancel = len == 16 && code == CANCEL;
    return !c.failed && (request || startup || cancel) && len >= in->len ? TH_PROBE_CLIENT
                                                                         : TH_PROBE_NO;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    const struct state *s = state;
    if (!from_client && (s->asked_tls || s->asked_gss))
        return 1; /* S, N or G alone */
    bool typed = s->started || !from_client;
    if (typed)
        th_cur_skip(&c, 1);
    uint32_t len = th_cur_be32(&c);
    if (c.failed)
        return TH_FRAME_SHORT;
    if (len < (typed ? 4u : 8u) || len > (typed ? MESSAGE_MAX_BYTES : STARTUP_MAX_BYTES))
        return TH_FRAME_BAD;
    return (int64_t)len + typed;
}

struct outcome {
    int success; /* -1: unknown */
    int64_t rows;
    const char *backend;
    struct th_str arg;
};

static void emit(struct th_conn *c, struct state *s, const char *frontend, const struct outcome *o,
    int64_t time_ns)
{
    struct th_ev_postgresql ev = {0};
    struct th_str text = th_text_get(&s->text);
    uint64_t key = th_repeat_key((uint64_t)o->success + 1, th_str_c(frontend));
    key = th_repeat_key(th_repeat_key(key, text), o->arg);
    uint32_t due = th_repeat_due(c, &s->told, key, time_ns);
    if (!due)
        return;
    TH_CONN_ID(&ev, POSTGRESQL, c, s->asked_ns);
    TH_SET_TEXT(&ev, POSTGRESQL, user, th_text_get(&s->user));
    TH_SET_TEXT(&ev, POSTGRESQL, database, th_text_get(&s->database));
    TH_SET_TEXT(&ev, POSTGRESQL, application_name, th_text_get(&s->application));
    TH_SET(&ev, POSTGRESQL, frontend, th_str_c(frontend));
    TH_SET_TEXT(&ev, POSTGRESQL, frontend_arg, text);
    if (o->success >= 0)
        TH_SET(&ev, POSTGRESQL, success, o->success == 1);
    if (o->rows >= 0)
        TH_SET(&ev, POSTGRESQL, rows, (uint64_t)o->rows);
    if (o->backend)
        TH_SET(&ev, POSTGRESQL, backend, th_str_c(o->backend));
    TH_SET_TEXT(&ev, POSTGRESQL, backend_arg, o->arg);
    if (s->tls)
        TH_SET(&ev, POSTGRESQL, tls, true);
    TH_SET_REPEATS(&ev, POSTGRESQL, due);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, s->asked_ns));
}

static void read_startup(struct state *s, struct th_cur *m)
{
    while (th_cur_left(m) > 1) {
        struct th_str name = th_cur_cstr(m), value = th_cur_cstr(m);
        if (m->failed || !name.len)
            return;
        if (th_str_is(name, "user"))
            th_text_set_field(&s->user, value);
        else if (th_str_is(name, "database"))
            th_text_set_field(&s->database, value);
        else if (th_str_is(name, "application_name"))
            th_text_set_field(&s->application, value);
    }
}

static enum th_frame untyped(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur *m)
{
    static const struct outcome nothing = {.success = -1, .rows = -1, .arg = {.p = ""}};
    th_cur_skip(m, 4);
    uint32_t code = th_cur_be32(m);
    s->asked_ns = time_ns;
    if (code == SSL_REQUEST || code == GSS_REQUEST) {
        th_conn_service(c, TH_SVC_POSTGRESQL);
        s->asked_tls = code == SSL_REQUEST;
        s->asked_gss = code == GSS_REQUEST;
        return TH_FRAME_GO_ON;
    }
    if (code == CANCEL) {
        th_conn_service(c, TH_SVC_POSTGRESQL);
        emit(c, s, "cancel_request", &nothing, time_ns);
        return TH_FRAME_DONE;
    }
    if (code != PROTOCOL_3)
        return TH_FRAME_BAIL;
    th_conn_service(c, TH_SVC_POSTGRESQL);
    s->started = true;
    read_startup(s, m);
    th_login_begin(&s->login, th_str_c(""), false, time_ns);
    s->login.user = s->user;
    return TH_FRAME_GO_ON;
}

/* A text up to its zero, or up to where it was cut. */
static struct th_str open_text(struct th_cur *m)
{
    struct th_str s = th_cur_bytes(m, th_cur_left(m));
    return th_str_split(&s, '\0');
}

static const char *frontend_name(char type)
{
    return type == 'Q' ? "simple_query"
        : type == 'P'  ? "parse"
        : type == 'F'  ? "function_call"
                       : "terminate";
}

static enum th_frame typed_client(
    struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur *m)
{
    static const struct outcome nothing = {.success = -1, .rows = -1, .arg = {.p = ""}};
    char type = (char)th_cur_u8(m);
    th_cur_skip(m, 4);
    if (!memchr("BCDEFHPQSXdcfp", type, 14))
        return TH_FRAME_DONE;
    if (type == 'p') { /* the password, or a part of an exchange: not read */
        s->login.clear = s->login.clear || s->asked_password;
        return TH_FRAME_GO_ON;
    }
    if (type != 'Q' && type != 'P' && type != 'F' && type != 'X')
        return TH_FRAME_GO_ON;
    if (s->pending)
        emit(c, s, frontend_name(s->pending), &nothing, time_ns);
    s->pending = type == 'X' ? 0 : type;
    s->asked_ns = time_ns;
    s->text.len = 0;
    if (type == 'P')
        (void)th_cur_cstr(m); /* name of the prepared statement */
    if (type == 'Q' || type == 'P')
        th_text_set_field(&s->text, th_mask_sql(&c->pr->scratch, open_text(m), false));
    if (type == 'X')
        emit(c, s, "terminate", &nothing, time_ns);
    return type == 'X' ? TH_FRAME_DONE : TH_FRAME_GO_ON;
}

/* ErrorResponse: the severity, code and message of its fields. */
static struct th_str error_text(struct th_conn *c, struct th_cur *m)
{
    struct th_str code = th_str_c(""), text = th_str_c("");
    while (th_cur_left(m)) {
        unsigned field = th_cur_u8(m);
        if (!field)
            break;
        struct th_str value = th_cur_cstr(m);
        if (field == 'C')
            code = value;
        else if (field == 'M')
            text = th_mask_sql(&c->pr->scratch, value, false);
    }
    return th_arena_printf(
        &c->pr->scratch, "%.*s %.*s", (int)code.len, code.p, (int)text.len, text.p);
}

/* "SELECT 12" or "INSERT 0 3": the last word, when it is a number. */
static int64_t tag_rows(struct th_str tag)
{
    uint64_t n;
    struct th_str word = tag;
    for (int64_t at; (at = th_str_index(word, ' ')) >= 0;)
        word = th_str_n(word.p + at + 1, word.len - (size_t)at - 1);
    return word.len && word.len < tag.len && th_str_u64(word, &n) && n <= INT64_MAX ? (int64_t)n
                                                                                    : -1;
}

/* What the server asks for, by the names of its configuration; steps of an exchange are not here.
 */
static const struct th_named methods[] = {{2, "kerberos"}, {AUTH_CLEARTEXT, "password"},
    {4, "crypt"}, {AUTH_MD5, "md5"}, {7, "gss"}, {9, "sspi"}, {AUTH_SASL, "sasl"}};

static void authentication(struct th_conn *c, struct state *s, int64_t time_ns, uint32_t method)
{
    const struct outcome good = {.success = 1, .rows = -1, .backend = "auth_ok", .arg = {.p = ""}};
    s->asked_password = method == AUTH_CLEARTEXT;
    for (size_t i = 0; i < TH_ARRAY_LEN(methods); i++)
        if (methods[i].number == method)
            th_login_method(&s->login, th_str_c(methods[i].name), s->login.clear);
    if (method != AUTH_OK || s->told_login)
        return;
    s->told_login = true;
    s->text.len = 0;
    emit(c, s, "startup", &good, time_ns);
    th_login_end(c, &s->login, TH_SVC_POSTGRESQL, TH_LOGIN_OK, time_ns);
}

static enum th_frame typed_server(
    struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur *m)
{
    char type = (char)th_cur_u8(m);
    th_cur_skip(m, 4);
    struct outcome o = {.success = 1, .rows = -1, .arg = th_str_c("")};
    switch (type) {
    case 'R': authentication(c, s, time_ns, th_cur_be32(m)); return TH_FRAME_GO_ON;
    case 'E':
        o = (struct outcome){.success = 0, .rows = -1, .backend = "error", .arg = error_text(c, m)};
        if (!s->told_login)
            emit(c, s, "startup", &o, time_ns);
        else if (s->pending)
            emit(c, s, frontend_name(s->pending), &o, time_ns);
        th_login_end(c, &s->login, TH_SVC_POSTGRESQL, TH_LOGIN_FAILED, time_ns);
        s->told_login = true;
        s->pending = 0;
        return TH_FRAME_GO_ON;
    case 'C':
        o.rows = tag_rows(open_text(m));
        o.backend = "command_complete";
        if (s->pending)
            emit(c, s, frontend_name(s->pending), &o, time_ns);
        s->pending = 0;
        return TH_FRAME_GO_ON;
    default: return type >= '1' && type <= 'z' ? TH_FRAME_GO_ON : TH_FRAME_DONE;
    }
}

/* The server's one byte to a request for encryption. */
static enum th_frame on_encryption(
    struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur *m)
{
    static const struct outcome nothing = {.success = -1, .rows = -1, .arg = {.p = ""}};
    char answer = (char)th_cur_u8(m);
    bool tls = s->asked_tls && answer == 'S', gss = s->asked_gss && answer == 'G';
    if (answer != 'S' && answer != 'G' && answer != 'N' && answer != 'E')
        return TH_FRAME_BAIL;
    th_conn_service(c, TH_SVC_POSTGRESQL);
    s->asked_tls = s->asked_gss = false;
    if (answer == 'E')
        return TH_FRAME_DONE;
    if (!tls && !gss)
        return TH_FRAME_GO_ON;
    s->tls = tls;
    emit(c, s, tls ? "ssl_request" : "gssenc_request", &nothing, time_ns);
    return tls ? TH_FRAME_RESTART : TH_FRAME_DONE;
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct state *s = state;
    if (ch->from_client)
        return s->started ? typed_client(c, s, ch->time_ns, &msg)
                          : untyped(c, s, ch->time_ns, &msg);
    if (s->asked_tls || s->asked_gss)
        return on_encryption(c, s, ch->time_ns, &msg);
    return typed_server(c, s, ch->time_ns, &msg);
}

static const struct th_framing framing = {
    .look_bytes = LOOK_BYTES, .length = length, .message = message};

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    static const struct outcome nothing = {.success = -1, .rows = -1, .arg = {.p = ""}};
    struct state *s = state;
    if (s->started && !s->told_login)
        emit(c, s, "startup", &nothing, s->asked_ns);
    else if (s->pending)
        emit(c, s, frontend_name(s->pending), &nothing, s->asked_ns);
    th_login_end(c, &s->login, TH_SVC_POSTGRESQL, TH_LOGIN_UNKNOWN, time_ns);
}

const struct th_analyser th_postgresql_analyser = {
    .service = TH_SVC_POSTGRESQL,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .gap = th_frames_gap,
    .end = end,
};
