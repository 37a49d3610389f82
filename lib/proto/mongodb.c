/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MongoDB (wire protocol: OP_MSG, and OP_QUERY with OP_REPLY of older ones): commands with their
 * collection and outcome, the user of a SCRAM login and the client's names. Of BSON only what
 * lies on the way is read; documents and filters never come out.
 */
#include "analysers.h"

#include "db.h"

#define LOOK_BYTES 2048u
#define HEADER_BYTES 16u
#define MESSAGE_MAX_BYTES 48000000u
#define MAX_MEMBERS 64u

enum { OP_REPLY = 1, OP_UPDATE = 2001, OP_INSERT = 2002, OP_QUERY = 2004, OP_GET_MORE = 2005 };
enum { OP_DELETE = 2006, OP_KILL = 2007, OP_COMPRESSED = 2012, OP_MSG = 2013 };
enum { DOUBLE = 1, TEXT = 2, DOCUMENT = 3, ARRAY = 4, BINARY = 5, OBJECT_ID = 7, BOOL = 8 };
enum { DATE = 9, NONE = 10, INT32 = 16, TIMESTAMP = 17, INT64 = 18, DECIMAL = 19 };

struct state {
    struct th_frames frames;
    struct th_db db;
    bool waiting, speculative; /* a login came along with a hello */
    uint32_t request;
    int64_t asked_ns;
    struct th_text cmd, arg;
};

/* A member of a document; value is its bytes, for a text without length and zero. */
struct member {
    unsigned type;
    struct th_str name, value;
};

static bool known_op(uint32_t op)
{
    return op == OP_REPLY || op == OP_MSG || op == OP_COMPRESSED ||
        (op >= OP_UPDATE && op <= OP_KILL && op != 2003);
}

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_cur c = th_cur_init(in->p, in->len);
    uint32_t len = th_cur_le32(&c);
    th_cur_skip(&c, 4);
    uint32_t answers = th_cur_le32(&c), op = th_cur_le32(&c);
    if (in->len < 26)
        return in->dst == 27017 && len <= MESSAGE_MAX_BYTES ? TH_PROBE_MORE : TH_PROBE_NO;
    bool request = answers == 0 || answers == UINT32_MAX; /* some drivers write -1 */
    bool yes = len >= 26 && len <= MESSAGE_MAX_BYTES && request &&
        (op == OP_MSG || op == OP_QUERY || op == OP_COMPRESSED);
    return yes ? TH_PROBE_CLIENT : TH_PROBE_NO;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    (void)state;
    (void)from_client;
    uint32_t len = th_cur_le32(&c);
    th_cur_skip(&c, 8);
    uint32_t op = th_cur_le32(&c);
    if (c.failed)
        return TH_FRAME_SHORT;
    return len < HEADER_BYTES || len > MESSAGE_MAX_BYTES || !known_op(op) ? TH_FRAME_BAD
                                                                          : (int64_t)len;
}

/* bsonspec.org: the size of a value that has no length of its own; SIZE_MAX for unknown types. */
static size_t fixed_size(unsigned type)
{
    switch (type) {
    case DOUBLE:
    case DATE:
    case TIMESTAMP:
    case INT64: return 8;
    case INT32: return 4;
    case BOOL: return 1;
    case OBJECT_ID: return 12;
    case DECIMAL: return 16;
    case NONE: return 0;
    default: return SIZE_MAX;
    }
}

/* The next member of a document whose length was read; false at its end or its cut. */
static bool next_member(struct th_cur *c, struct member *m)
{
    m->type = th_cur_u8(c);
    if (c->failed || !m->type)
        return false;
    m->name = th_cur_cstr(c);
    size_t n = fixed_size(m->type);
    if (m->type == TEXT) {
        n = th_cur_le32(c);
        m->value = th_cur_bytes(c, n);
        m->value.len -= m->value.len ? 1 : 0;
        return !c->failed;
    }
    if (m->type == DOCUMENT || m->type == ARRAY) {
        n = th_cur_le32(c);
        m->value = th_cur_bytes(c, n >= 4 ? n - 4 : SIZE_MAX);
        return !c->failed;
    }
    if (m->type == BINARY) {
        n = th_cur_le32(c);
        th_cur_skip(c, 1);
    }
    m->value = th_cur_bytes(c, n);
    return !c->failed;
}

static bool next_inner(struct th_cur *c, const char *name, struct member *m)
{
    for (unsigned i = 0; i < MAX_MEMBERS && next_member(c, m); i++)
        if (th_str_is(m->name, name))
            return true;
    return false;
}

/* "n,,n=user,r=..." (RFC 5802) of a saslStart. One with zeros may be of PLAIN, and end in the
 * password. */
static void scram_user(struct state *s, struct th_str payload)
{
    static const char word[] = "n=";
    const char *at = payload.len ? memmem(payload.p, payload.len, word, 2) : NULL;
    if (!at || memchr(payload.p, 0, payload.len))
        return;
    struct th_str rest = th_str_n(at + 2, payload.len - (size_t)(at + 2 - payload.p));
    th_text_set_field(&s->db.user, th_str_split(&rest, ','));
}

/* hello's client: {application: {name}, driver: {name, version}, ...}. */
static void client_names(struct state *s, struct th_str client)
{
    struct th_cur c = th_cur_init(client.p, client.len), in;
    struct member m;
    for (unsigned i = 0; i < MAX_MEMBERS && next_member(&c, &m); i++) {
        bool application = th_str_is(m.name, "application"), driver = th_str_is(m.name, "driver");
        if (m.type != DOCUMENT || !(application || driver))
            continue;
        in = th_cur_init(m.value.p, m.value.len);
        struct member name;
        if (next_inner(&in, "name", &name) && name.type == TEXT &&
            (application || !s->db.application.len))
            th_text_set_field(&s->db.application, name.value);
    }
}

/* "authority\0user\0password" (RFC 4616): the user only, and only when its end shows. */
static void plain_user(struct state *s, struct th_str payload)
{
    th_str_split(&payload, '\0');
    if (th_str_index(payload, '\0') >= 0)
        th_text_set_field(&s->db.user, payload);
}

static void sasl(struct state *s, const struct member *m)
{
    struct th_login *login = &s->db.login;
    if (th_str_is(m->name, "mechanism") && m->type == TEXT)
        th_login_method(login, m->value, th_sasl_is_clear(m->value));
    if (!th_str_is(m->name, "payload") || m->type != BINARY)
        return;
    if (th_str_is(th_str_n(login->method, login->method_len), "PLAIN"))
        plain_user(s, m->value);
    else
        scram_user(s, m->value);
}

/* What a hello tried beforehand and was not taken is asked for again. */
static void begin_login(struct th_conn *c, struct state *s)
{
    s->db.login.begun = s->db.login.begun && !s->speculative;
    s->speculative = false;
    th_login_end(c, &s->db.login, TH_SVC_MONGODB, TH_LOGIN_UNKNOWN, s->asked_ns);
    th_login_begin(&s->db.login, th_str_c(""), false, s->asked_ns);
    s->db.user.len = 0;
}

/* {saslStart: 1, mechanism, payload}, inside of a hello. */
static void speculative(struct th_conn *c, struct state *s, struct th_str value)
{
    struct th_cur doc = th_cur_init(value.p, value.len);
    struct member m;
    if (!next_member(&doc, &m) || !th_str_is(m.name, "saslStart"))
        return;
    begin_login(c, s);
    for (unsigned i = 0; i < MAX_MEMBERS && next_member(&doc, &m); i++)
        sasl(s, &m);
    s->db.login.user = s->db.user;
    s->speculative = true;
}

static void read_command(struct th_conn *c, struct state *s, struct th_cur *doc)
{
    struct member m;
    th_cur_skip(doc, 4);
    if (!next_member(doc, &m))
        return;
    th_text_set_field(&s->cmd, m.name);
    s->arg.len = 0;
    bool program = th_str_is(m.name, "eval") || th_str_is(m.name, "$eval");
    if (m.type == TEXT && !program)
        th_text_set_field(&s->arg, m.value);
    bool login = th_str_is(m.name, "saslStart");
    if (login)
        begin_login(c, s);
    for (unsigned i = 0; i < MAX_MEMBERS && next_member(doc, &m); i++) {
        if (th_str_is(m.name, "$db") && m.type == TEXT)
            th_text_set_field(&s->db.database, m.value);
        else if (th_str_is(m.name, "client") && m.type == DOCUMENT)
            client_names(s, m.value);
        else if (th_str_is(m.name, "speculativeAuthenticate") && m.type == DOCUMENT)
            speculative(c, s, m.value);
        else if (login)
            sasl(s, &m);
    }
    if (login)
        s->db.login.user = s->db.user;
}

static bool is_true(const struct member *m)
{
    struct th_cur v = th_cur_init(m->value.p, m->value.len);
    switch (m->type) {
    case DOUBLE: return th_cur_le64(&v) != 0;
    case INT32: return th_cur_le32(&v) != 0;
    case INT64: return th_cur_le64(&v) != 0;
    case BOOL: return th_cur_u8(&v) != 0;
    default: return false;
    }
}

static void emit(struct th_conn *c, struct state *s, int success, int64_t code, struct th_str error,
    int64_t time_ns)
{
    const struct th_db_call call = {.cmd = th_text_get(&s->cmd),
        .arg = th_text_get(&s->arg),
        .error = error,
        .asked_ns = s->asked_ns,
        .error_code = code,
        .success = success};
    if (s->waiting && s->cmd.len)
        th_db_emit(c, &s->db, &call, time_ns);
    s->waiting = false;
}

/* ok, code and codeName of an answer, and done of one step of a login; large ones are cut and then
 * taken as good. */
static void read_answer(struct th_conn *c, struct state *s, struct th_cur *doc, int64_t time_ns)
{
    struct member m;
    int success = -1;
    int64_t code = -1;
    bool done = false;
    struct th_str name = th_str_c("");
    th_cur_skip(doc, 4);
    for (unsigned i = 0; i < MAX_MEMBERS && next_member(doc, &m); i++) {
        struct th_cur v = th_cur_init(m.value.p, m.value.len);
        if (th_str_is(m.name, "ok"))
            success = is_true(&m);
        else if (th_str_is(m.name, "done"))
            done = is_true(&m);
        else if (th_str_is(m.name, "code") && m.type == INT32)
            code = th_cur_le32(&v);
        else if (th_str_is(m.name, "codeName") && m.type == TEXT)
            name = m.value;
    }
    if (doc->failed && success < 0)
        success = 1;
    bool login = s->waiting && th_str_starts(th_text_get(&s->cmd), "sasl");
    emit(c, s, success, success == 0 ? code : -1, success == 0 ? name : th_str_c(""), time_ns);
    if (login && (done || success == 0))
        th_login_end(c, &s->db.login, TH_SVC_MONGODB, th_login_result_of(success), time_ns);
}

/* To the command's or answer's document; false when there is none to read. */
static bool find_document(struct state *s, uint32_t op, struct th_cur *m)
{
    switch (op) {
    case OP_MSG: th_cur_skip(m, 4); return th_cur_u8(m) == 0; /* a section with one document */
    case OP_REPLY: th_cur_skip(m, 20); return !m->failed;
    case OP_QUERY: {
        th_cur_skip(m, 4);
        struct th_str space = th_cur_cstr(m);
        th_text_set_field(&s->db.database, th_str_split(&space, '.'));
        th_cur_skip(m, 8);
        return th_str_is(space, "$cmd") && !m->failed;
    }
    default: return false;
    }
}

static void old_request(struct state *s, uint32_t op)
{
    static const struct th_named names[] = {{OP_UPDATE, "update"}, {OP_INSERT, "insert"},
        {OP_QUERY, "query"}, {OP_GET_MORE, "getMore"}, {OP_DELETE, "delete"},
        {OP_KILL, "killCursors"}, {OP_COMPRESSED, "compressed"}};
    s->arg.len = s->cmd.len = 0;
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        if (names[i].number == op)
            th_text_set_field(&s->cmd, th_str_c(names[i].name));
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct state *s = state;
    s->db.protocol = "mongodb";
    th_cur_skip(&msg, 4);
    uint32_t id = th_cur_le32(&msg), answers = th_cur_le32(&msg), op = th_cur_le32(&msg);
    if (msg.failed)
        return TH_FRAME_BAIL;
    th_conn_service(c, TH_SVC_MONGODB);
    if (ch->from_client) {
        emit(c, s, -1, -1, th_str_c(""), ch->time_ns);
        s->asked_ns = ch->time_ns;
        s->request = id;
        old_request(s, op);
        if (find_document(s, op, &msg))
            read_command(c, s, &msg);
        s->waiting = true;
        return TH_FRAME_GO_ON;
    }
    if (!s->waiting || answers != s->request)
        return TH_FRAME_GO_ON;
    if (find_document(s, op, &msg))
        read_answer(c, s, &msg, ch->time_ns);
    else
        emit(c, s, -1, -1, th_str_c(""), ch->time_ns);
    return TH_FRAME_GO_ON;
}

static const struct th_framing framing = {
    .look_bytes = LOOK_BYTES, .length = length, .message = message};

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    emit(c, s, -1, -1, th_str_c(""), s->asked_ns);
    th_login_end(c, &s->db.login, TH_SVC_MONGODB, TH_LOGIN_UNKNOWN, time_ns);
}

const struct th_analyser th_mongodb_analyser = {
    .service = TH_SVC_MONGODB,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .gap = th_frames_gap,
    .end = end,
};
