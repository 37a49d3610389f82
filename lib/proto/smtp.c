/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMTP (RFC 5321): the envelope and a few headers of each mail; after STARTTLS
 * (RFC 3207) the stream is handed on. Bodies are passed over; of a login
 * (RFC 4954) the user's name is kept, the password never read.
 */
#include "analysers.h"
#include "login.h"

#define LINE_MAX_BYTES 2048u
#define RCPT_MAX 16u

struct state {
    struct th_frames frames;
    uint32_t depth;
    int64_t first_ns, last_ns;
    bool in_mail, in_data, in_body, ask_data, ask_tls, tls;
    struct th_login login;
    struct th_text helo, from, header_from, subject, reply, agent;
    struct th_text rcpt[RCPT_MAX];
    uint8_t rcpt_count;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_str s = th_str_n(in->p, in->len);
    if (s.len < 5)
        return s.p[0] == '2' || s.p[0] == 'E' || s.p[0] == 'H' ? TH_PROBE_MORE : TH_PROBE_NO;
    if (th_str_ieq(th_str_n(s.p, 5), th_str_c("EHLO ")) ||
        th_str_ieq(th_str_n(s.p, 5), th_str_c("HELO ")))
        return TH_PROBE_CLIENT;
    if (!th_str_starts(s, "220 ") && !th_str_starts(s, "220-"))
        return TH_PROBE_NO;
    bool port = in->src == 25 || in->src == 587 || in->src == 2525;
    return port || memmem(s.p, s.len, "SMTP", 4) ? TH_PROBE_SERVER : TH_PROBE_NO;
}

static void emit(struct th_conn *c, struct state *s)
{
    struct th_ev_smtp ev = {0};
    struct th_str rcpt[RCPT_MAX];
    TH_CONN_ID(&ev, SMTP, c, s->first_ns);
    TH_SET(&ev, SMTP, trans_depth, ++s->depth);
    TH_SET_TEXT(&ev, SMTP, helo, th_text_get(&s->helo));
    TH_SET_TEXT(&ev, SMTP, mailfrom, th_text_get(&s->from));
    for (unsigned i = 0; i < s->rcpt_count; i++)
        rcpt[i] = th_text_get(&s->rcpt[i]);
    if (s->rcpt_count)
        TH_SET(&ev, SMTP, rcptto, (struct th_strs){rcpt, s->rcpt_count});
    TH_SET_TEXT(&ev, SMTP, from, th_text_get(&s->header_from));
    TH_SET_TEXT(&ev, SMTP, subject, th_text_get(&s->subject));
    TH_SET_TEXT(&ev, SMTP, last_reply, th_text_get(&s->reply));
    TH_SET_TEXT(&ev, SMTP, user_agent, th_text_get(&s->agent));
    TH_SET(&ev, SMTP, tls, s->tls);
    th_proto_emit(c->pr, &ev.h, TH_MAX(s->last_ns, s->first_ns));
    s->in_mail = s->in_data = s->in_body = false;
    s->rcpt_count = 0;
    s->from.len = s->header_from.len = s->subject.len = s->agent.len = 0;
}

/* "<who@where> SIZE=1" to "who@where" */
static struct th_str path(struct th_str s)
{
    int64_t open = th_str_index(s, '<'), close = th_str_index(s, '>');
    if (open < 0 || close < open)
        return th_str_split(&s, ' ');
    return th_str_n(s.p + open + 1, (size_t)(close - open - 1));
}

static void header(struct state *s, struct th_str line)
{
    struct th_str v;
    if (!line.len)
        s->in_body = true;
    else if (th_line_after(line, "from:", &v))
        th_text_set(&s->header_from, v);
    else if (th_line_after(line, "subject:", &v))
        th_text_set(&s->subject, v);
    else if (th_line_after(line, "x-mailer:", &v) || th_line_after(line, "user-agent:", &v))
        th_text_set(&s->agent, v);
}

static void command(struct state *s, struct th_str line, int64_t time_ns)
{
    struct th_str v;
    if (th_line_after(line, "ehlo ", &v) || th_line_after(line, "helo ", &v)) {
        th_text_set(&s->helo, v);
    } else if (th_line_after(line, "mail from:", &v)) {
        s->in_mail = true;
        s->first_ns = time_ns;
        th_text_set(&s->from, path(v));
    } else if (th_line_after(line, "rcpt to:", &v)) {
        if (s->rcpt_count < RCPT_MAX)
            th_text_set(&s->rcpt[s->rcpt_count++], path(v));
    } else if (th_line_after(line, "data", &v)) {
        s->ask_data = true;
    } else if (th_line_after(line, "starttls", &v)) {
        s->ask_tls = true;
    } else if (th_line_after(line, "auth ", &v)) {
        struct th_str mechanism = th_line_word(&v);
        th_login_begin(&s->login, mechanism, th_sasl_is_clear(mechanism), time_ns);
        th_sasl_user(&s->login, v);
    } else if (s->login.begun) {
        th_sasl_user(&s->login, line); /* RFC 4954: the answer to a challenge */
    }
}

static enum th_frame client_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    (void)c;
    s->last_ns = time_ns;
    if (!s->in_data)
        command(s, line, time_ns);
    else if (th_str_is(line, "."))
        s->in_data = false;
    else if (!s->in_body)
        header(s, line);
    return TH_FRAME_GO_ON;
}

static enum th_frame server_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    s->last_ns = time_ns;
    if (line.len < 3 || (line.len > 3 && line.p[3] == '-'))
        return TH_FRAME_GO_ON;
    th_text_set(&s->reply, line);
    if (s->login.begun && line.p[0] != '3')
        th_login_end(
            c, &s->login, TH_SVC_SMTP, line.p[0] == '2' ? TH_LOGIN_OK : TH_LOGIN_FAILED, time_ns);
    bool go = line.p[0] == '3' || line.p[0] == '2';
    if (s->ask_tls) {
        s->ask_tls = false;
        s->tls = line.p[0] == '2';
        return s->tls ? TH_FRAME_RESTART : TH_FRAME_GO_ON;
    }
    if (s->ask_data && line.p[0] == '3') {
        s->ask_data = false;
        s->in_data = true;
        s->in_body = false;
        return TH_FRAME_GO_ON;
    }
    /* The reply after a mail's data ends it. */
    if (s->in_mail && !s->in_data && s->in_body)
        emit(c, s);
    s->ask_data = s->ask_data && go;
    return TH_FRAME_GO_ON;
}

/* A body in lines too long is passed over: its end will still be seen. */
static int64_t length(const void *state, struct th_cur head, bool from_client)
{
    const struct state *s = state;
    int64_t n = th_line_length(state, head, from_client);
    bool endless = n == TH_FRAME_SHORT && th_cur_left(&head) > LINE_MAX_BYTES;
    return endless && s->in_body ? (int64_t)th_cur_left(&head) : n;
}

static const struct th_framing framing = {.look_bytes = LINE_MAX_BYTES,
    .length = length,
    .message = th_line_message,
    .client_line = client_line,
    .server_line = server_line};

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    if (!s->first_ns)
        s->first_ns = ch->time_ns;
    return th_frames_data(c, state, ch);
}

static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    struct state *s = state;
    (void)time_ns;
    (void)len;
    th_frames_forget(&s->frames, dir);
    return dir == c->client && s->in_body ? TH_GO_ON : TH_DONE_DIR;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    th_login_end(c, &s->login, TH_SVC_SMTP, TH_LOGIN_UNKNOWN, time_ns);
    if (s->in_mail || s->tls || (s->helo.len && !s->depth))
        emit(c, s);
}

const struct th_analyser th_smtp_analyser = {
    .service = TH_SVC_SMTP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = data,
    .gap = gap,
    .end = end,
};
