/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POP3 (RFC 1939, RFC 5034, RFC 2595) until somebody is logged in: USER and PASS, APOP and AUTH
 * become `login` events; after STLS the stream is looked at anew. Mail is not read.
 */
#include "analysers.h"
#include "login.h"

#define LINE_MAX_BYTES 4096u
#define LINES_MAX 1000u

struct state {
    struct th_frames frames;
    struct th_login login;
    struct th_text user;
    bool ask_tls, sasl;
    bool asked; /* the next answer is that of the login */
};

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_str s = th_str_n(in->p, in->len);
    if (th_probe_at(in, 0) != '+')
        return TH_PROBE_NO;
    return th_str_starts(s, "+OK ") || th_str_starts(s, "+OK\r") ? TH_PROBE_SERVER : TH_PROBE_NO;
}

static enum th_frame client_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    (void)c;
    struct th_str v;
    if (s->sasl) {
        th_sasl_user(&s->login, line);
    } else if (th_line_after(line, "user ", &v)) {
        th_text_set(&s->user, v);
    } else if (th_line_after(line, "pass ", &v)) {
        th_login_begin(&s->login, th_str_c("PASS"), true, time_ns);
        s->login.user = s->user;
        s->asked = true;
    } else if (th_line_after(line, "apop ", &v)) {
        th_login_begin(&s->login, th_str_c("APOP"), false, time_ns);
        th_text_set(&s->login.user, th_line_word(&v));
        s->asked = true;
    } else if (th_line_after(line, "auth ", &v)) {
        struct th_str mechanism = th_line_word(&v);
        th_login_begin(&s->login, mechanism, th_sasl_is_clear(mechanism), time_ns);
        th_sasl_user(&s->login, v);
        s->asked = s->sasl = true;
    } else if (th_line_after(line, "stls", &v)) {
        s->ask_tls = true;
    }
    return TH_FRAME_GO_ON;
}

static enum th_frame server_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    bool ok = th_str_starts(line, "+OK"), failed = th_str_starts(line, "-ERR");
    if (!ok && !failed) /* a challenge, or lines of a longer answer */
        return TH_FRAME_GO_ON;
    if (s->asked) {
        s->asked = s->sasl = false;
        th_login_end(c, &s->login, TH_SVC_POP3, ok ? TH_LOGIN_OK : TH_LOGIN_FAILED, time_ns);
        return ok ? TH_FRAME_DONE : TH_FRAME_GO_ON;
    }
    bool tls = s->ask_tls && ok;
    s->ask_tls = false;
    return tls ? TH_FRAME_RESTART : TH_FRAME_GO_ON;
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
    th_login_end(c, &s->login, TH_SVC_POP3, TH_LOGIN_UNKNOWN, time_ns);
}

const struct th_analyser th_pop3_analyser = {
    .service = TH_SVC_POP3,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .end = end,
};
