/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAP (RFC 9051) until somebody is logged in: LOGIN and AUTHENTICATE with their user and answer
 * become `login` events; after STARTTLS the stream is looked at anew. Mail is not read.
 */
#include "analysers.h"
#include "login.h"

#define LINE_MAX_BYTES 8192u
#define LINES_MAX 1000u
#define TAG_MAX 32u

struct state {
    struct th_frames frames;
    struct th_login login;
    uint8_t tag_len;
    char tag[TAG_MAX]; /* of the command whose answer is awaited */
    bool ask_tls, sasl;
    bool user_follows; /* the user's name is a literal: it begins the next line */
    uint32_t literal_len;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_str s = th_str_n(in->p, in->len);
    if (th_probe_at(in, 0) != '*')
        return TH_PROBE_NO;
    return th_str_starts(s, "* OK") || th_str_starts(s, "* PREAUTH") ? TH_PROBE_SERVER
                                                                     : TH_PROBE_NO;
}

/* RFC 9051 4.3: a word, a quoted string, or the length of a literal that follows the line. */
static void take_user(struct state *s, struct th_str arg)
{
    uint64_t n;
    if (arg.len > 2 && arg.p[0] == '"') {
        arg = th_str_n(arg.p + 1, arg.len - 1);
        th_text_set(&s->login.user, th_str_split(&arg, '"'));
    } else if (arg.len > 2 && arg.p[0] == '{') {
        arg = th_str_n(arg.p + 1, arg.len - 1);
        struct th_str digits = th_str_split(&arg, '}');
        if (digits.len && digits.p[digits.len - 1] == '+')
            digits.len--;
        s->user_follows = th_str_u64(digits, &n) && n <= TH_TEXT_MAX;
        s->literal_len = s->user_follows ? (uint32_t)n : 0;
    } else {
        th_text_set(&s->login.user, th_line_word(&arg));
    }
}

static enum th_frame client_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    (void)c;
    struct th_str arg = line, rest;
    if (s->user_follows) {
        s->user_follows = false;
        th_text_set(&s->login.user, th_str_n(line.p, TH_MIN(line.len, s->literal_len)));
        return TH_FRAME_GO_ON;
    }
    if (s->sasl) {
        th_sasl_user(&s->login, line);
        return TH_FRAME_GO_ON;
    }
    if (s->login.begun) /* the password as a literal */
        return TH_FRAME_GO_ON;
    struct th_str tag = th_line_word(&arg);
    if (!tag.len || tag.len > TAG_MAX)
        return TH_FRAME_GO_ON;
    bool login = th_line_after(arg, "login ", &rest);
    bool sasl = !login && th_line_after(arg, "authenticate ", &rest);
    bool tls = th_line_after(arg, "starttls", &rest);
    if (!login && !sasl && !tls)
        return TH_FRAME_GO_ON;
    s->tag_len = (uint8_t)tag.len;
    memcpy(s->tag, tag.p, tag.len);
    s->ask_tls = tls;
    s->sasl = sasl;
    if (login) {
        th_login_begin(&s->login, th_str_c("LOGIN"), true, time_ns);
        take_user(s, rest);
    } else if (sasl) {
        struct th_str mechanism = th_line_word(&rest);
        th_login_begin(&s->login, mechanism, th_sasl_is_clear(mechanism), time_ns);
        th_sasl_user(&s->login, rest);
    }
    return TH_FRAME_GO_ON;
}

static enum th_frame server_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    struct th_str rest = line;
    struct th_str tag = th_line_word(&rest);
    if (th_str_starts(line, "* PREAUTH"))
        return TH_FRAME_DONE;
    if (!s->tag_len || !th_str_eq(tag, th_str_n(s->tag, s->tag_len)))
        return TH_FRAME_GO_ON;
    struct th_str answer = th_line_word(&rest);
    bool ok = th_str_ieq(answer, th_str_c("OK"));
    s->tag_len = 0;
    s->sasl = s->user_follows = false;
    if (s->login.begun) {
        th_login_end(c, &s->login, TH_SVC_IMAP, ok ? TH_LOGIN_OK : TH_LOGIN_FAILED, time_ns);
        return ok ? TH_FRAME_DONE : TH_FRAME_GO_ON;
    }
    return s->ask_tls && ok ? TH_FRAME_RESTART : TH_FRAME_GO_ON;
}

static const struct th_framing framing = {.look_bytes = LINE_MAX_BYTES,
    .max_messages = LINES_MAX,
    .length = th_line_length,
    .message = th_line_message,
    .client_line = client_line,
    .server_line = server_line};

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    th_login_end(c, &s->login, TH_SVC_IMAP, TH_LOGIN_UNKNOWN, time_ns);
}

const struct th_analyser th_imap_analyser = {
    .service = TH_SVC_IMAP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .end = end,
};
