/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis (RESP2 and RESP3): the client's commands by name and key, with how the server took those
 * that were alone on their way. Values are passed over; AUTH and HELLO become a `login`, too,
 * without their passwords.
 */
#include "analysers.h"

#include "login.h"
#include "mask.h"

#define LINE_MAX_BYTES 1024u
#define ARG_MAX_BYTES 128u
#define MAX_ARGS 5u /* HELLO 3 AUTH user password */
#define MAX_ARRAY (1u << 20)

struct command {
    uint32_t left; /* arguments still to come */
    uint8_t count;
    struct th_text arg[MAX_ARGS];
};

struct state {
    struct th_hold hold;
    uint64_t skip;
    struct command now;
    struct th_login login;
    struct th_text name, key, user; /* of what waits for its answer */
    bool waiting;
    uint32_t others; /* commands on their way beside it */
    int64_t asked_ns;
    struct th_repeat told;
};

/* On its port: an answer, or a command as telnet sends it. */
static enum th_probe probe_port(const struct th_probe_in *in)
{
    unsigned first = th_probe_at(in, 0);
    if (in->src == 6379)
        return first && memchr("+-:$*", (int)first, 5) ? TH_PROBE_SERVER : TH_PROBE_NO;
    for (size_t i = 0; i < in->len; i++) {
        if (in->p[i] == '\r' || in->p[i] == '\n')
            return i >= 3 ? TH_PROBE_CLIENT : TH_PROBE_NO;
        if (in->p[i] < ' ' || in->p[i] > '~')
            return TH_PROBE_NO;
    }
    return in->len < LINE_MAX_BYTES ? TH_PROBE_MORE : TH_PROBE_NO;
}

/* An array whose first member is a short word: a command. */
static enum th_probe probe(const struct th_probe_in *in)
{
    if (in->src == 6379 || (in->dst == 6379 && th_probe_at(in, 0) != '*'))
        return probe_port(in);
    struct th_str rest = th_str_n(in->p, in->len);
    uint64_t args, len;
    if (th_probe_at(in, 0) != '*' || in->len < 4)
        return in->len < 4 && th_probe_at(in, 0) == '*' && in->dst == 6379 ? TH_PROBE_MORE
                                                                           : TH_PROBE_NO;
    struct th_str head = th_str_split(&rest, '\n'), bulk = th_str_split(&rest, '\n');
    head = th_str_trim(th_str_n(head.p + 1, head.len - 1));
    if (!th_str_u64(head, &args) || !args || args > MAX_ARRAY)
        return TH_PROBE_NO;
    if (bulk.len < 2)
        return in->dst == 6379 ? TH_PROBE_MORE : TH_PROBE_NO;
    bool word = bulk.p[0] == '$' &&
        th_str_u64(th_str_trim(th_str_n(bulk.p + 1, bulk.len - 1)), &len) && len && len <= 32 &&
        rest.len;
    for (size_t i = 0; word && i < TH_MIN(len, (uint64_t)rest.len); i++)
        word = (th_lower(rest.p[i]) >= 'a' && th_lower(rest.p[i]) <= 'z') || rest.p[i] == '.' ||
            rest.p[i] == '_' || rest.p[i] == '-';
    return word ? TH_PROBE_CLIENT : TH_PROBE_NO;
}

static bool named(const struct th_text *w, const char *name)
{
    return th_str_ieq(th_text_get(w), th_str_c(name));
}

/* Commands whose first argument is no key, and may be worse: a password, a script, a value. */
static bool has_key(const struct th_text *name)
{
    static const char *const without[] = {"auth", "hello", "eval", "evalsha", "eval_ro",
        "evalsha_ro", "echo", "ping", "script", "acl", "migrate", "function", "fcall", "fcall_ro",
        "wait", "select", "swapdb", "debug", "psync", "replconf", "sync", "reset", "quit",
        "sentinel"};
    for (size_t i = 0; i < TH_ARRAY_LEN(without); i++)
        if (named(name, without[i]))
            return false;
    return true;
}

static void emit(
    struct th_conn *c, struct state *s, int success, struct th_str error, int64_t time_ns)
{
    struct th_ev_redis ev = {0};
    struct th_str name = th_text_get(&s->name), key = th_text_get(&s->key);
    uint64_t tag = th_repeat_key(th_repeat_key((uint64_t)success + 1, name), key);
    s->waiting = false;
    th_login_end(c, &s->login, TH_SVC_REDIS, th_login_result_of(success), time_ns);
    uint32_t due = th_repeat_due(c, &s->told, th_repeat_key(tag, error), time_ns);
    if (!due)
        return;
    TH_CONN_ID(&ev, REDIS, c, s->asked_ns);
    TH_SET(&ev, REDIS, cmd_name, name);
    TH_SET_TEXT(&ev, REDIS, cmd_key, key);
    if (success >= 0)
        TH_SET(&ev, REDIS, success, success == 1);
    TH_SET_TEXT(&ev, REDIS, user, th_text_get(&s->user));
    TH_SET_TEXT(&ev, REDIS, error, error);
    TH_SET_REPEATS(&ev, REDIS, due);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, s->asked_ns));
}

/* AUTH [user] password; HELLO version AUTH user password; ... */
static void credentials(struct state *s, const struct command *k, int64_t time_ns)
{
    bool auth = named(&k->arg[0], "auth");
    bool hello = named(&k->arg[0], "hello") && k->count >= 5 && named(&k->arg[2], "auth");
    if (!(auth && k->count >= 2) && !hello)
        return;
    th_login_begin(&s->login, th_str_c("AUTH"), true, time_ns);
    if (auth && k->count >= 3)
        s->user = k->arg[1];
    else if (hello)
        s->user = k->arg[3];
    if (hello || k->count >= 3)
        s->login.user = s->user;
}

static void complete(struct th_conn *c, struct state *s, int64_t time_ns)
{
    const struct command *k = &s->now;
    th_conn_service(c, TH_SVC_REDIS);
    if (s->waiting) { /* sent behind one another: whose answer is whose is not told */
        s->others++;
        emit(c, s, -1, th_str_c(""), time_ns);
    }
    s->name = k->arg[0];
    for (unsigned i = 0; i < s->name.len; i++)
        s->name.p[i] =
            s->name.p[i] >= 'a' && s->name.p[i] <= 'z' ? (char)(s->name.p[i] - 32) : s->name.p[i];
    s->key.len = 0;
    if (k->count >= 2 && (named(&k->arg[0], "config") || has_key(&k->arg[0])))
        th_text_set_field(&s->key, th_mask_key(&c->pr->scratch, th_text_get(&k->arg[1])));
    credentials(s, k, time_ns);
    s->asked_ns = time_ns;
    s->waiting = true;
}

static void argument(struct th_conn *c, struct state *s, struct th_str value, int64_t time_ns)
{
    if (s->now.count < MAX_ARGS)
        th_text_set_field(&s->now.arg[s->now.count++], value);
    if (--s->now.left == 0)
        complete(c, s, time_ns);
}

/* "SET a b" without RESP, as telnet sends it. */
static void inline_command(struct th_conn *c, struct state *s, struct th_str line, int64_t time_ns)
{
    s->now.count = 0;
    while (line.len && s->now.count < MAX_ARGS) {
        struct th_str word = th_str_split(&line, ' ');
        if (word.len)
            th_text_set_field(&s->now.arg[s->now.count++], word);
    }
    if (s->now.count)
        complete(c, s, time_ns);
}

/* One line or argument; false: more bytes are needed. *ret_bad: it is not Redis. */
static bool step(
    struct th_conn *c, struct state *s, struct th_cur *cur, int64_t time_ns, bool *ret_bad)
{
    uint64_t n = TH_MIN(s->skip, (uint64_t)th_cur_left(cur));
    th_cur_skip(cur, (size_t)n);
    s->skip -= n;
    if (!th_cur_left(cur))
        return false;
    const uint8_t *nl = memchr(cur->p, '\n', th_cur_left(cur));
    if (!nl)
        return false;
    struct th_cur at = *cur;
    struct th_str line = th_str_trim(th_cur_bytes(&at, (size_t)(nl - cur->p)));
    th_cur_skip(&at, 1);
    uint64_t v = 0;
    bool number = line.len > 1 && th_str_u64(th_str_n(line.p + 1, line.len - 1), &v);
    if (!s->now.left && (!line.len || line.p[0] != '*')) {
        inline_command(c, s, line, time_ns);
        *ret_bad = !c->service_count;
    } else if (!s->now.left) {
        *ret_bad = !number || v > MAX_ARRAY;
        s->now.left = (uint32_t)v;
        s->now.count = 0;
    } else {
        *ret_bad = line.len < 2 || line.p[0] != '$' || !number || v > (UINT64_C(512) << 20);
        bool wanted = s->now.count < MAX_ARGS && v <= ARG_MAX_BYTES;
        struct th_str value = th_cur_bytes(&at, wanted && !*ret_bad ? (size_t)v : 0);
        th_cur_skip(&at, wanted ? 2 : 0);
        if (at.failed)
            return false;
        s->skip = wanted ? 0 : v + 2;
        if (!*ret_bad)
            argument(c, s, value, time_ns);
    }
    *cur = at;
    return !*ret_bad;
}

/* The first byte of an answer says how it went; of several answers only their end is of use. */
static void on_answer(struct th_conn *c, struct state *s, const struct th_chunk *ch)
{
    struct th_str line = th_str_n(ch->p, TH_MIN(ch->len, 64u));
    if (!s->waiting)
        return;
    if (s->others) {
        emit(c, s, -1, th_str_c(""), ch->time_ns);
        s->others = 0;
        return;
    }
    bool bad = line.p[0] == '-' || line.p[0] == '!';
    struct th_str word = th_str_c("");
    if (line.p[0] == '-') { /* the class only: "WRONGPASS", "NOAUTH", "ERR" */
        struct th_str text = th_str_n(line.p + 1, line.len - 1);
        word = th_str_trim(th_str_split(&text, ' '));
    }
    emit(c, s, !bad, word, ch->time_ns);
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    bool ok, bad = false;
    if (!ch->from_client) {
        on_answer(c, s, ch);
        return TH_GO_ON;
    }
    struct th_cur cur = th_hold_join(&s->hold, ch->p, ch->len, LINE_MAX_BYTES + ch->len, &ok);
    while (step(c, s, &cur, ch->time_ns, &bad))
        ;
    if (bad)
        return c->service_count ? TH_DONE : TH_BAIL;
    return th_hold_keep(&s->hold, &cur, LINE_MAX_BYTES) ? TH_GO_ON : TH_DONE;
}

static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    struct state *s = state;
    (void)time_ns;
    if (dir != c->client)
        return TH_GO_ON;
    if (s->hold.len || s->skip < len)
        return TH_DONE;
    s->skip -= len;
    return TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    if (s->waiting)
        emit(c, s, -1, th_str_c(""), s->asked_ns);
    th_hold_done(&s->hold);
}

static size_t held(const void *state)
{
    return ((const struct state *)state)->hold.cap;
}

const struct th_analyser th_redis_analyser = {
    .service = TH_SVC_REDIS,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .gap = gap,
    .end = end,
};
