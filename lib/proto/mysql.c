/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL and MariaDB (client/server protocol version 10): the greeting, the login and the
 * commands with how the server took them. Rows are not read. TLS is handed on; a password is
 * looked for and not read.
 */
#include "analysers.h"

#include "login.h"
#include "mask.h"

#define LOOK_BYTES 1024u
#define CLEAR_METHOD "mysql_clear_password"

enum { CAP_CONNECT_WITH_DB = 1 << 3, CAP_SSL = 1 << 11, CAP_PLUGIN_AUTH = 1 << 19 };
enum { CAP_SECURE = 1 << 15, CAP_PROTOCOL_41 = 1 << 9, CAP_LENENC_AUTH = 1 << 21 };
enum phase { GREETING, LOGIN, AUTH, COMMANDS };

struct state {
    struct th_frames frames;
    enum phase phase;
    bool waiting, tls;
    bool asked_clear; /* the server wants the password as it is */
    bool again;       /* the session goes on as somebody else */
    uint32_t caps;
    uint8_t command;
    int64_t asked_ns;
    struct th_login login;
    struct th_text user, database, version;
    struct th_text text;
    struct th_repeat told;
};

static const struct th_named commands[] = {{0, "sleep"}, {1, "quit"}, {2, "init_db"}, {3, "query"},
    {4, "field_list"}, {5, "create_db"}, {6, "drop_db"}, {7, "refresh"}, {8, "shutdown"},
    {9, "statistics"}, {10, "process_info"}, {11, "connect"}, {12, "process_kill"}, {13, "debug"},
    {14, "ping"}, {17, "change_user"}, {18, "binlog_dump"}, {19, "table_dump"}, {20, "connect_out"},
    {21, "register_slave"}, {22, "stmt_prepare"}, {23, "stmt_execute"}, {24, "stmt_send_long_data"},
    {25, "stmt_close"}, {26, "stmt_reset"}, {27, "set_option"}, {28, "stmt_fetch"},
    {30, "binlog_dump_gtid"}, {31, "reset_connection"}};
enum { QUIT = 1, INIT_DB = 2, QUERY = 3, CREATE_DB = 5, DROP_DB = 6, CHANGE_USER = 17 };
enum { STMT_PREPARE = 22, STMT_LONG_DATA = 24, STMT_CLOSE = 25, LAST_COMMAND = 31 };

/* Protocol 10, then the version as text. */
static enum th_probe probe(const struct th_probe_in *in)
{
    if (in->len <= 30)
        return in->src == 3306 && in->len && (in->len < 5 || th_probe_at(in, 4) == 10)
            ? TH_PROBE_MORE
            : TH_PROBE_NO;
    bool yes = th_probe_at(in, 1) == 0 && th_probe_at(in, 2) == 0 && th_probe_at(in, 3) == 0 &&
        th_probe_at(in, 4) == 10 && th_probe_at(in, 5) >= '0' && th_probe_at(in, 5) <= '9' &&
        th_probe_at(in, 0) + 4u <= in->len && memchr(in->p + 6, 0, 24);
    return yes ? TH_PROBE_SERVER : TH_PROBE_NO;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    (void)state;
    (void)from_client;
    struct th_str n = th_cur_bytes(&c, 3);
    if (c.failed)
        return TH_FRAME_SHORT;
    const uint8_t *p = (const uint8_t *)n.p;
    return 4 + (int64_t)(p[0] | p[1] << 8 | p[2] << 16);
}

/* rows: -1 for unknown; success: -1 for unknown. */
static void emit(struct th_conn *c, struct state *s, struct th_str cmd, int success, int64_t rows,
    struct th_str response, int64_t time_ns)
{
    struct th_ev_mysql ev = {0};
    struct th_str text = th_text_get(&s->text);
    uint64_t key = th_repeat_key(th_repeat_key((uint64_t)success + 1, cmd), text);
    uint32_t due = th_repeat_due(c, &s->told, th_repeat_key(key, response), time_ns);
    if (!due)
        return;
    TH_CONN_ID(&ev, MYSQL, c, s->asked_ns);
    TH_SET(&ev, MYSQL, cmd, cmd);
    TH_SET_TEXT(&ev, MYSQL, arg, text);
    if (success >= 0)
        TH_SET(&ev, MYSQL, success, success == 1);
    if (rows >= 0)
        TH_SET(&ev, MYSQL, rows, (uint64_t)rows);
    TH_SET_TEXT(&ev, MYSQL, response, response);
    TH_SET_TEXT(&ev, MYSQL, user, th_text_get(&s->user));
    TH_SET_TEXT(&ev, MYSQL, database, th_text_get(&s->database));
    TH_SET_TEXT(&ev, MYSQL, version, th_text_get(&s->version));
    if (s->tls)
        TH_SET(&ev, MYSQL, tls, true);
    TH_SET_REPEATS(&ev, MYSQL, due);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, s->asked_ns));
}

static uint64_t lenenc(struct th_cur *c)
{
    unsigned first = th_cur_u8(c);
    return first < 0xfb ? first
        : first == 0xfc ? th_cur_le16(c)
        : first == 0xfe ? th_cur_le64(c)
                        : 0;
}

/* Protocol::HandshakeResponse41. The answer to the challenge is passed over. */
static enum th_frame on_login(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur m)
{
    uint32_t caps = s->caps = th_cur_le32(&m);
    s->asked_ns = time_ns;
    if (m.failed || !(caps & CAP_PROTOCOL_41))
        return TH_FRAME_DONE;
    th_cur_skip(&m, 4 + 1 + 23);
    if (caps & CAP_SSL && !th_cur_left(&m) && !m.failed) {
        s->tls = true;
        emit(c, s, th_str_c("login"), -1, -1, th_str_c(""), time_ns);
        return TH_FRAME_RESTART;
    }
    th_text_set_field(&s->user, th_cur_cstr(&m));
    if (caps & CAP_LENENC_AUTH) {
        uint64_t n = lenenc(&m);
        th_cur_skip(&m, (size_t)TH_MIN(n, (uint64_t)SIZE_MAX));
    } else if (caps & CAP_SECURE) {
        th_cur_skip(&m, th_cur_u8(&m));
    } else {
        (void)th_cur_cstr(&m);
    }
    if (caps & CAP_CONNECT_WITH_DB && th_cur_left(&m))
        th_text_set_field(&s->database, th_cur_cstr(&m));
    struct th_str method = th_str_c("");
    if (caps & CAP_PLUGIN_AUTH && th_cur_left(&m))
        method = th_cur_cstr(&m);
    th_login_begin(&s->login, method, th_str_is(method, CLEAR_METHOD), time_ns);
    s->login.user = s->user;
    s->phase = AUTH;
    return TH_FRAME_GO_ON;
}

/* COM_CHANGE_USER: name, answer to the challenge, database, character set, method. */
static void change_user(struct state *s, int64_t time_ns, struct th_cur m)
{
    th_text_set_field(&s->user, th_cur_cstr(&m));
    th_cur_skip(&m, s->caps & CAP_SECURE ? th_cur_u8(&m) : 0);
    if (!(s->caps & CAP_SECURE))
        (void)th_cur_cstr(&m);
    th_text_set_field(&s->database, th_cur_cstr(&m));
    th_cur_skip(&m, 2);
    struct th_str method = th_cur_left(&m) ? th_cur_cstr(&m) : th_str_c("");
    s->asked_clear = false;
    th_login_begin(&s->login, method, th_str_is(method, CLEAR_METHOD), time_ns);
    s->login.user = s->user;
    s->again = true;
    s->phase = AUTH;
}

static void on_command(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur m)
{
    s->command = th_cur_u8(&m);
    s->asked_ns = time_ns;
    s->text.len = 0;
    if (s->command == CHANGE_USER)
        change_user(s, time_ns, m);
    struct th_str text = th_cur_bytes(&m, th_cur_left(&m));
    if (s->command == QUERY || s->command == STMT_PREPARE)
        th_text_set_field(&s->text, th_mask_sql(&c->pr->scratch, text, true));
    else if (s->command == INIT_DB || s->command == CREATE_DB || s->command == DROP_DB)
        th_text_set_field(&s->text, text);
    bool silent = s->command == QUIT || s->command == STMT_CLOSE || s->command == STMT_LONG_DATA;
    s->waiting = !silent;
    if (s->command == QUIT)
        emit(c, s, th_str_c("quit"), -1, -1, th_str_c(""), time_ns);
    /* What the server still sends of an earlier answer is not read: the next begins anew. */
    th_frames_forget(&s->frames, !c->client);
}

static struct th_str error_text(struct th_conn *c, struct th_cur *m)
{
    th_cur_skip(m, 2);
    if (th_cur_peek(m, 0) == '#')
        th_cur_skip(m, 6);
    return th_mask_sql(&c->pr->scratch, th_cur_bytes(m, th_cur_left(m)), false);
}

/* The first packet of an answer. */
static void on_answer(struct th_conn *c, struct state *s, int64_t time_ns, struct th_cur m)
{
    unsigned kind = th_cur_u8(&m);
    bool login = s->phase == AUTH;
    struct th_str cmd = login && !s->again ? th_str_c("login")
                                           : TH_NUMBER_NAME(&c->pr->scratch, commands, s->command);
    if (login && kind == 0xfe) { /* another method is asked for */
        struct th_str method = th_cur_cstr(&m);
        s->asked_clear = th_str_is(method, CLEAR_METHOD);
        th_login_method(&s->login, method, s->login.clear);
        return;
    }
    if (login && kind != 0 && kind != 0xff)
        return;
    int64_t rows = kind == 0 && !login && s->command != STMT_PREPARE ? (int64_t)lenenc(&m) : -1;
    struct th_str why = kind == 0xff ? error_text(c, &m) : th_str_c("");
    emit(c, s, cmd, kind != 0xff, m.failed ? -1 : rows, why, time_ns);
    s->waiting = false;
    if (login) {
        s->phase = COMMANDS;
        th_login_end(
            c, &s->login, TH_SVC_MYSQL, kind == 0xff ? TH_LOGIN_FAILED : TH_LOGIN_OK, time_ns);
    }
}

static enum th_frame from_client(
    struct th_conn *c, struct state *s, unsigned seq, int64_t time_ns, struct th_cur m)
{
    if (s->phase == LOGIN)
        return on_login(c, s, time_ns, m);
    if (s->phase == AUTH) { /* the password, or a part of it */
        s->login.clear = s->login.clear || s->asked_clear;
        return TH_FRAME_GO_ON;
    }
    if (seq)
        return TH_FRAME_GO_ON; /* data of LOAD DATA, or the rest of a long packet */
    if (th_cur_peek(&m, 0) > LAST_COMMAND)
        return TH_FRAME_DONE; /* compressed, or out of step */
    on_command(c, s, time_ns, m);
    return TH_FRAME_GO_ON;
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct state *s = state;
    th_cur_skip(&msg, 3);
    unsigned seq = th_cur_u8(&msg);
    if (msg.failed)
        return TH_FRAME_BAIL;
    if (ch->from_client)
        return from_client(c, s, seq, ch->time_ns, msg);
    if (s->phase == GREETING) {
        if (th_cur_u8(&msg) != 10)
            return TH_FRAME_BAIL;
        th_text_set_field(&s->version, th_cur_cstr(&msg));
        s->phase = LOGIN;
        th_conn_service(c, TH_SVC_MYSQL);
        return msg.failed ? TH_FRAME_BAIL : TH_FRAME_GO_ON;
    }
    if (s->phase == AUTH)
        on_answer(c, s, ch->time_ns, msg);
    else if (s->waiting && seq == 1)
        on_answer(c, s, ch->time_ns, msg);
    return TH_FRAME_GO_ON;
}

static const struct th_framing framing = {
    .look_bytes = LOOK_BYTES, .length = length, .message = message};

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    if (!ch->from_client && s->phase == COMMANDS && !s->waiting)
        return TH_GO_ON; /* rows */
    return th_frames_data(c, s, ch);
}

static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    struct state *s = state;
    if (dir != c->client && s->phase == COMMANDS) {
        s->waiting = false;
        th_frames_forget(&s->frames, dir);
        return TH_GO_ON;
    }
    return th_frames_gap(c, s, dir, time_ns, len);
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    if (s->phase == AUTH && s->asked_ns)
        emit(c, s, th_str_c("login"), -1, -1, th_str_c(""), s->asked_ns);
    else if (s->waiting)
        emit(c, s, TH_NUMBER_NAME(&c->pr->scratch, commands, s->command), -1, -1, th_str_c(""),
            s->asked_ns);
    th_login_end(c, &s->login, TH_SVC_MYSQL, TH_LOGIN_UNKNOWN, time_ns);
}

const struct th_analyser th_mysql_analyser = {
    .service = TH_SVC_MYSQL,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = data,
    .gap = gap,
    .end = end,
};
