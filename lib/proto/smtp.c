/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMTP (RFC 5321): the envelope of each mail, its headers and what is attached (mail.c), sent by
 * DATA or in chunks (RFC 3030); after STARTTLS (RFC 3207) the stream is handed on. Of a login
 * (RFC 4954) the user's name is kept, the password never read. A client may send on before it was
 * answered (RFC 2920): then the next mail's first command ends the one before.
 */
#include "analysers.h"
#include "login.h"
#include "mail_event.h"

#define LINE_MAX_BYTES 2048u
#define RCPT_MAX 16u
#define CHUNK_MAX_BYTES (UINT64_C(1) << 40)

struct state {
    struct th_frames frames;
    uint32_t depth;
    int64_t first_ns, last_ns;
    bool in_mail, in_data, sent, ask_data, ask_tls, tls;
    bool greeted, ask_hello;
    uint32_t owed; /* replies that the client waits for */
    bool last_chunk;
    uint64_t chunk; /* bytes of a BDAT that are still to come */
    struct th_login login;
    struct th_mail *mail;
    struct th_text helo, from, reply;
    struct th_text rcpt[RCPT_MAX];
    uint8_t rcpt_count;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_str s = th_str_n(in->p, in->len);
    if (s.len < 5)
        return s.p[0] == '2' || s.p[0] == 'E' || s.p[0] == 'H' ? TH_PROBE_MORE : TH_PROBE_NO;
    bool hello = th_str_ieq(th_str_n(s.p, 4), th_str_c("EHLO")) ||
        th_str_ieq(th_str_n(s.p, 4), th_str_c("HELO"));
    if (hello && (s.p[4] == ' ' || s.p[4] == '\r' || s.p[4] == '\n'))
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
    if (s->mail) {
        th_mail_end(s->mail, s->sent);
        th_mail_set(&ev, &c->pr->scratch, th_mail_head(s->mail));
    }
    TH_SET_TEXT(&ev, SMTP, last_reply, th_text_get(&s->reply));
    TH_SET(&ev, SMTP, tls, s->tls);
    th_proto_emit(c->pr, &ev.h, TH_MAX(s->last_ns, s->first_ns));
    th_mail_free(s->mail);
    s->mail = NULL;
    s->in_mail = s->in_data = s->sent = s->last_chunk = false;
    s->rcpt_count = 0;
    s->from.len = 0;
}

/* "<who@where> SIZE=1" to "who@where" */
static struct th_str path(struct th_str s)
{
    int64_t open = th_str_index(s, '<'), close = th_str_index(s, '>');
    if (open < 0 || close < open)
        return th_str_split(&s, ' ');
    return th_str_n(s.p + open + 1, (size_t)(close - open - 1));
}

static void begin_mail(struct th_conn *c, struct state *s)
{
    if (!s->mail)
        s->mail = th_mail_new(c, TH_SVC_SMTP, c->client);
}

static void begin_data(struct th_conn *c, struct state *s)
{
    s->ask_data = false;
    s->in_data = true;
    begin_mail(c, s);
}

/* "BDAT 1000 LAST": so many bytes follow at once. */
static void begin_chunk(struct th_conn *c, struct state *s, struct th_str v)
{
    struct th_str size = th_line_word(&v);
    uint64_t n;
    if (!s->in_mail || !th_str_u64(size, &n) || n > CHUNK_MAX_BYTES)
        return;
    begin_mail(c, s);
    s->chunk = n;
    s->last_chunk = th_str_ieq(v, th_str_c("last"));
    s->sent = s->last_chunk && !n;
}

/* The whole word: what a client says to log in is base64 and may begin with any. */
static bool is_verb(struct th_str line, const char *verb, struct th_str *ret_rest)
{
    *ret_rest = th_str_trim(line);
    return th_str_ieq(th_line_word(ret_rest), th_str_c(verb));
}

static void command(struct th_conn *c, struct state *s, struct th_str line, int64_t time_ns)
{
    struct th_str v;
    bool hello = is_verb(line, "ehlo", &v) || is_verb(line, "helo", &v);
    bool mail = !hello && th_line_after(line, "mail from:", &v);
    s->owed++;
    if (s->in_mail && (mail || th_str_ieq(line, th_str_c("rset"))))
        emit(c, s);
    if (hello) {
        s->ask_hello = true;
        if (!s->in_mail)
            th_text_set(&s->helo, v);
    } else if (mail) {
        s->in_mail = true;
        s->sent = false; /* of a mail whose begin was not seen */
        s->first_ns = time_ns;
        th_text_set(&s->from, path(v));
    } else if (th_line_after(line, "rcpt to:", &v)) {
        if (s->rcpt_count < RCPT_MAX)
            th_text_set(&s->rcpt[s->rcpt_count++], path(v));
    } else if (is_verb(line, "data", &v)) {
        s->ask_data = true;
    } else if (is_verb(line, "bdat", &v)) {
        begin_chunk(c, s, v);
    } else if (is_verb(line, "starttls", &v)) {
        s->ask_tls = true;
    } else if (is_verb(line, "auth", &v)) {
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
    s->last_ns = time_ns;
    if (s->ask_data) /* some do not wait for the answer, and who sees one direction never sees it */
        begin_data(c, s);
    if (!s->in_data) {
        command(c, s, line, time_ns);
    } else if (th_str_is(line, ".")) {
        s->in_data = false;
        s->sent = true;
        s->owed++;
    } else {
        /* RFC 5321 4.5.2: a dot ahead is doubled. */
        bool dot = line.len && line.p[0] == '.';
        th_mail_line(s->mail, time_ns, th_str_n(line.p + dot, line.len - dot));
    }
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
    bool greeting = !s->greeted && !s->ask_tls && th_str_starts(line, "220");
    if (s->owed && !greeting)
        s->owed--;
    s->greeted = true;
    if (s->login.begun && line.p[0] != '3')
        th_login_end(
            c, &s->login, TH_SVC_SMTP, line.p[0] == '2' ? TH_LOGIN_OK : TH_LOGIN_FAILED, time_ns);
    bool go = line.p[0] == '3' || line.p[0] == '2';
    if (s->ask_tls && !s->owed) {
        s->ask_tls = false;
        s->tls = line.p[0] == '2';
        return s->tls ? TH_FRAME_RESTART : TH_FRAME_GO_ON;
    }
    if (s->ask_data && line.p[0] == '3') {
        begin_data(c, s);
        return TH_FRAME_GO_ON;
    }
    /* The reply after a mail's data ends it, and a hello that is accepted (RFC 5321 4.1.4). */
    bool over = !s->chunk && (s->sent || (s->ask_hello && line.p[0] == '2'));
    if (s->in_mail && over && !s->owed)
        emit(c, s);
    s->ask_hello = s->ask_hello && s->owed;
    s->ask_data = s->ask_data && (go || s->owed);
    return TH_FRAME_GO_ON;
}

/* A body in lines too long is told in pieces: its end will still be seen. */
static int64_t length(const void *state, struct th_cur head, bool from_client)
{
    const struct state *s = state;
    int64_t n = th_line_length(state, head, from_client), left = (int64_t)th_cur_left(&head);
    bool body = from_client && (s->in_data || s->chunk);
    if (body && n == TH_FRAME_SHORT && left > LINE_MAX_BYTES)
        n = LINE_MAX_BYTES;
    if (from_client && s->chunk && (n > (int64_t)s->chunk || (!n && left >= (int64_t)s->chunk)))
        n = (int64_t)s->chunk;
    return n;
}

static void pass_chunk(struct state *s, uint64_t len)
{
    s->chunk -= TH_MIN(s->chunk, len);
    s->sent = s->sent || (s->last_chunk && !s->chunk);
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct state *s = state;
    if (!ch->from_client || !s->chunk)
        return th_line_message(c, state, ch, msg);
    pass_chunk(s, th_cur_left(&msg));
    s->last_ns = ch->time_ns;
    struct th_str line;
    if (!th_line_next(&msg, &line))
        line = th_cur_bytes(&msg, th_cur_left(&msg));
    th_mail_line(s->mail, ch->time_ns, line);
    return TH_FRAME_GO_ON;
}

static const struct th_framing framing = {.look_bytes = LINE_MAX_BYTES,
    .length = length,
    .message = message,
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
    len += s->frames.dir[dir].hold.len; /* of a line that has no end now */
    th_frames_forget(&s->frames, dir);
    if (dir != c->client || (!s->in_data && !s->chunk))
        return TH_DONE_DIR;
    pass_chunk(s, s->chunk ? len : 0);
    th_mail_gap(s->mail, len);
    return TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    th_login_end(c, &s->login, TH_SVC_SMTP, TH_LOGIN_UNKNOWN, time_ns);
    if (s->in_mail || s->tls || (s->helo.len && !s->depth))
        emit(c, s);
    th_mail_free(s->mail);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return th_mail_held(s->mail);
}

const struct th_analyser th_smtp_analyser = {
    .service = TH_SVC_SMTP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .framing = &framing,
    .data = data,
    .gap = gap,
    .end = end,
};
