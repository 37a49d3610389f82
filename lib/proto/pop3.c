/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POP3 (RFC 1939, RFC 5034, RFC 2595): USER and PASS, APOP and AUTH become `login` events; after
 * STLS the stream is looked at anew. Mails that the server sends are told with their headers and
 * what is attached (mail.c). A client may send on before it was answered (RFC 2449, PIPELINING):
 * answers are told apart by their order.
 */
#include "analysers.h"
#include "login.h"
#include "mail_event.h"

#define LINE_MAX_BYTES 4096u
#define LINES_MAX 1000u /* until somebody is logged in */
#define OWED_MAX 64u

/* What a command's answer means. */
enum answer { ONE_LINE, LINES, MAIL, LOGIN, TLS };

struct state {
    struct th_frames frames;
    struct th_login login;
    struct th_text user;
    bool sasl;                            /* what the client says next is part of a login */
    bool in;                              /* somebody is logged in */
    bool lines, mail;                     /* the server says lines up to a dot; they are a mail */
    uint32_t seen;                        /* lines before the login */
    uint8_t owed[OWED_MAX], first, count; /* a ring of enum answer */
    struct th_fetched fetched;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_str s = th_str_n(in->p, in->len);
    if (th_probe_at(in, 0) != '+')
        return TH_PROBE_NO;
    return th_str_starts(s, "+OK ") || th_str_starts(s, "+OK\r") ? TH_PROBE_SERVER : TH_PROBE_NO;
}

/* ---- commands ---- */

static enum answer read_login(struct state *s, struct th_str line, int64_t time_ns)
{
    struct th_str v;
    if (th_line_after(line, "pass ", &v)) {
        th_login_begin(&s->login, th_str_c("PASS"), true, time_ns);
        s->login.user = s->user;
    } else if (th_line_after(line, "apop ", &v)) {
        th_login_begin(&s->login, th_str_c("APOP"), false, time_ns);
        th_text_set(&s->login.user, th_line_word(&v));
    } else if (th_line_after(line, "auth ", &v)) {
        struct th_str mechanism = th_line_word(&v);
        th_login_begin(&s->login, mechanism, th_sasl_is_clear(mechanism), time_ns);
        th_sasl_user(&s->login, v);
        s->sasl = true;
    } else {
        return ONE_LINE;
    }
    return LOGIN;
}

static enum answer read_command(struct state *s, struct th_str line)
{
    struct th_str word = th_line_word(&line);
    static const struct {
        const char *word;
        enum answer bare, other; /* without and with an argument */
    } commands[] = {{"retr", MAIL, MAIL}, {"top", MAIL, MAIL}, {"list", LINES, ONE_LINE},
        {"uidl", LINES, ONE_LINE}, {"capa", LINES, LINES}, {"auth", LINES, ONE_LINE},
        {"stls", TLS, TLS}};
    for (size_t i = 0; i < TH_ARRAY_LEN(commands); i++)
        if (th_str_ieq(word, th_str_c(commands[i].word)))
            return line.len ? commands[i].other : commands[i].bare;
    if (th_str_ieq(word, th_str_c("user")))
        th_text_set(&s->user, line);
    return ONE_LINE;
}

static enum th_frame client_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    (void)c;
    if (s->sasl) {
        th_sasl_user(&s->login, line);
        return TH_FRAME_GO_ON;
    }
    if (!s->in && ++s->seen > LINES_MAX)
        return TH_FRAME_DONE;
    if (s->count == OWED_MAX) /* nobody can say any more what answers what */
        return TH_FRAME_DONE;
    line = th_str_trim(line);
    enum answer a = s->in ? ONE_LINE : read_login(s, line, time_ns);
    if (a == ONE_LINE)
        a = read_command(s, line);
    s->owed[(s->first + s->count++) % OWED_MAX] = (uint8_t)a;
    return TH_FRAME_GO_ON;
}

/* ---- answers ---- */

static enum th_frame answered(struct th_conn *c, struct state *s, bool ok, int64_t time_ns)
{
    if (s->count == 0) /* the greeting, or an answer to what was not seen */
        return TH_FRAME_GO_ON;
    enum answer a = s->owed[s->first];
    s->first = (uint8_t)((s->first + 1) % OWED_MAX);
    s->count--;
    if (a == LOGIN) {
        s->sasl = false;
        s->in |= ok;
        th_login_end(c, &s->login, TH_SVC_POP3, ok ? TH_LOGIN_OK : TH_LOGIN_FAILED, time_ns);
    }
    s->lines = ok && (a == LINES || a == MAIL);
    s->mail = ok && a == MAIL;
    if (s->mail)
        th_mail_fetch(c, TH_SVC_POP3, &s->fetched, time_ns);
    return a == TLS && ok ? TH_FRAME_RESTART : TH_FRAME_GO_ON;
}

static enum th_frame server_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    if (s->lines && th_str_is(line, ".")) {
        s->lines = s->mail = false;
        th_mail_fetched(c, TH_SVC_POP3, &s->fetched, true);
    } else if (s->mail) {
        bool dot = line.len && line.p[0] == '.'; /* RFC 1939 3: one ahead is doubled */
        s->fetched.last_ns = time_ns;
        th_mail_line(s->fetched.mail, time_ns, th_str_n(line.p + dot, line.len - dot));
    } else if (!s->lines) {
        bool ok = th_str_starts(line, "+OK");
        if (ok || th_str_starts(line, "-ERR"))
            return answered(c, s, ok, time_ns);
    }
    return TH_FRAME_GO_ON;
}

/* Of a mail in lines too long the pieces are told: its end will still be seen. */
static int64_t length(const void *state, struct th_cur head, bool from_client)
{
    const struct state *s = state;
    int64_t n = th_line_length(state, head, from_client);
    bool piece = !from_client && s->lines && th_cur_left(&head) >= LINE_MAX_BYTES;
    return n == TH_FRAME_SHORT && piece ? (int64_t)LINE_MAX_BYTES : n;
}

static const struct th_framing framing = {.look_bytes = LINE_MAX_BYTES,
    .length = length,
    .message = th_line_message,
    .client_line = client_line,
    .server_line = server_line};

static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    struct state *s = state;
    (void)time_ns;
    len += s->frames.dir[dir].hold.len; /* of a line that has no end now */
    th_frames_forget(&s->frames, dir);
    if (dir == c->client || !s->mail)
        return TH_DONE_DIR;
    th_mail_gap(s->fetched.mail, len);
    return TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    th_login_end(c, &s->login, TH_SVC_POP3, TH_LOGIN_UNKNOWN, time_ns);
    th_mail_fetched(c, TH_SVC_POP3, &s->fetched, false);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return th_mail_held(s->fetched.mail);
}

const struct th_analyser th_pop3_analyser = {
    .service = TH_SVC_POP3,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .gap = gap,
    .end = end,
};
