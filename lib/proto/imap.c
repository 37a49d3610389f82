/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAP (RFC 9051): LOGIN and AUTHENTICATE with their user and answer become `login` events; after
 * STARTTLS the stream is looked at anew. Of a mail that the server gives whole (BODY[], RFC822) the
 * headers and what is attached are told (mail.c), also when the client fetches it piece by piece;
 * its parts and heads alone are passed over, as is what a client puts into a box. What is
 * compressed (RFC 4978) is not read.
 */
#include "analysers.h"
#include "login.h"
#include "mail_event.h"

#define LINE_MAX_BYTES 8192u
#define LINES_MAX 1000u /* until somebody is logged in */
#define TAG_MAX 32u
#define LITERAL_MAX_BYTES (UINT64_C(1) << 40)

struct state {
    struct th_frames frames;
    struct th_login login;
    uint8_t tag_len;
    char tag[TAG_MAX]; /* of the command whose answer is awaited */
    bool ask_tls, sasl;
    bool user_follows; /* the user's name is a literal: it begins the next line */
    uint32_t literal_len;
    bool in;             /* somebody is logged in */
    uint32_t seen;       /* lines before that */
    uint64_t literal[2]; /* bytes of one that are still to come, of the server and of the client */
    struct th_fetched fetched;
    bool mail, piece;   /* the server's literal is that of a mail, of a piece of one */
    uint64_t number;    /* of the mail in its box */
    uint64_t mail_next; /* offset in it behind what came */
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

/* ---- mails ---- */

/* RFC 9051 4.3: "... {310}", and the bytes follow. ret_before: what stands before it. */
static bool ends_in_literal(struct th_str line, struct th_str *ret_before, uint64_t *ret_len)
{
    if (line.len < 3 || line.p[line.len - 1] != '}')
        return false;
    uint32_t at = line.len - 1;
    while (at > 0 && line.p[at] != '{')
        at--;
    struct th_str digits = th_str_n(line.p + at + 1, line.len - at - 2);
    if (digits.len && digits.p[digits.len - 1] == '+') /* RFC 7888 */
        digits.len--;
    *ret_before = th_str_trim(th_str_n(line.p, at));
    return line.p[at] == '{' && th_str_u64(digits, ret_len) && *ret_len > 0 &&
        *ret_len <= LITERAL_MAX_BYTES;
}

/* Whether the item before a literal is a whole mail, and from which byte on. */
static bool is_mail(struct th_str before, bool *ret_piece, uint64_t *ret_offset)
{
    uint32_t at = before.len;
    while (at > 0 && before.p[at - 1] != ' ' && before.p[at - 1] != '(')
        at--;
    struct th_str item = th_str_n(before.p + at, before.len - at), rest;
    *ret_offset = 0;
    *ret_piece = false;
    if (th_str_ieq(item, th_str_c("rfc822")) || th_str_ieq(item, th_str_c("body[]")))
        return true;
    if (!th_line_after(item, "body[]<", &rest) || rest.len < 2 || rest.p[rest.len - 1] != '>')
        return false;
    *ret_piece = true;
    return th_str_u64(th_str_n(rest.p, rest.len - 1), ret_offset);
}

/* "* 12 FETCH (...": the number. */
static void take_number(struct state *s, struct th_str line)
{
    uint64_t n;
    if (th_str_is(th_line_word(&line), "*") && th_str_u64(th_line_word(&line), &n))
        s->number = n;
}

static void begin_literal(struct th_conn *c, struct state *s, struct th_str line, int64_t time_ns)
{
    struct th_str before;
    uint64_t len, offset, number = s->number;
    take_number(s, line);
    if (!ends_in_literal(line, &before, &len))
        return;
    s->literal[0] = len;
    s->mail = is_mail(before, &s->piece, &offset);
    if (!s->mail)
        return;
    bool next = s->fetched.mail && s->number == number && offset > 0 && offset == s->mail_next;
    if (!next && offset > 0) { /* a piece of one whose begin was not seen */
        s->mail = false;
        return;
    }
    if (!next) {
        th_mail_fetched(c, TH_SVC_IMAP, &s->fetched, true); /* it had no further pieces */
        th_mail_fetch(c, TH_SVC_IMAP, &s->fetched, time_ns);
        s->mail_next = 0;
    }
    s->mail_next += len;
}

/* Up to the end of its piece: one that is fetched whole is over, others when the next one begins.
 */
static void literal_line(
    struct th_conn *c, struct state *s, const struct th_chunk *ch, struct th_cur msg)
{
    uint64_t *left = &s->literal[ch->from_client];
    struct th_str line;
    *left -= TH_MIN(*left, (uint64_t)th_cur_left(&msg));
    if (ch->from_client || !s->mail)
        return;
    if (!th_line_next(&msg, &line))
        line = th_cur_bytes(&msg, th_cur_left(&msg));
    s->fetched.last_ns = ch->time_ns;
    th_mail_line(s->fetched.mail, ch->time_ns, line);
    if (*left == 0 && !s->piece)
        th_mail_fetched(c, TH_SVC_IMAP, &s->fetched, true);
    s->mail = s->mail && *left > 0;
}

/* ---- commands and answers ---- */

static enum th_frame client_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    (void)c;
    struct th_str arg = line, rest;
    if (s->in) {
        if (!ends_in_literal(line, &rest, &s->literal[1]))
            s->literal[1] = 0;
        th_line_word(&arg);
        return th_line_after(arg, "compress", &rest) ? TH_FRAME_DONE : TH_FRAME_GO_ON;
    }
    if (++s->seen > LINES_MAX)
        return TH_FRAME_DONE;
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
    s->in |= th_str_starts(line, "* PREAUTH");
    if (s->in) {
        begin_literal(c, s, line, time_ns);
        return TH_FRAME_GO_ON;
    }
    if (!s->tag_len || !th_str_eq(tag, th_str_n(s->tag, s->tag_len)))
        return TH_FRAME_GO_ON;
    struct th_str answer = th_line_word(&rest);
    bool ok = th_str_ieq(answer, th_str_c("OK"));
    s->tag_len = 0;
    s->sasl = s->user_follows = false;
    if (s->login.begun) {
        th_login_end(c, &s->login, TH_SVC_IMAP, ok ? TH_LOGIN_OK : TH_LOGIN_FAILED, time_ns);
        s->in = ok;
        return TH_FRAME_GO_ON;
    }
    return s->ask_tls && ok ? TH_FRAME_RESTART : TH_FRAME_GO_ON;
}

/* A literal is cut at its end, and in its lines; those too long are told in pieces. */
static int64_t length(const void *state, struct th_cur head, bool from_client)
{
    const struct state *s = state;
    int64_t n = th_line_length(state, head, from_client), left = (int64_t)th_cur_left(&head);
    uint64_t literal = s->literal[from_client];
    if (literal && n == TH_FRAME_SHORT && left >= LINE_MAX_BYTES)
        n = LINE_MAX_BYTES;
    if (literal && (n > (int64_t)literal || (n == TH_FRAME_SHORT && left >= (int64_t)literal)))
        n = (int64_t)literal;
    return n;
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct state *s = state;
    if (s->literal[ch->from_client] == 0)
        return th_line_message(c, state, ch, msg);
    literal_line(c, s, ch, msg);
    return TH_FRAME_GO_ON;
}

static const struct th_framing framing = {.look_bytes = LINE_MAX_BYTES,
    .length = length,
    .message = message,
    .client_line = client_line,
    .server_line = server_line};

/* A hole inside of a literal does no harm. */
static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    struct state *s = state;
    uint64_t *left = &s->literal[dir == c->client];
    (void)time_ns;
    len += s->frames.dir[dir].hold.len; /* of a line that has no end now */
    th_frames_forget(&s->frames, dir);
    if (*left < len)
        return TH_DONE_DIR;
    *left -= len;
    if (dir == c->client || !s->mail)
        return TH_GO_ON;
    th_mail_gap(s->fetched.mail, len);
    if (*left == 0 && !s->piece)
        th_mail_fetched(c, TH_SVC_IMAP, &s->fetched, true);
    s->mail = *left > 0;
    return TH_GO_ON;
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    bool whole = s->literal[0] == 0;
    th_login_end(c, &s->login, TH_SVC_IMAP, TH_LOGIN_UNKNOWN, time_ns);
    th_mail_fetched(c, TH_SVC_IMAP, &s->fetched, whole);
}

static size_t held(const void *state)
{
    const struct state *s = state;
    return th_mail_held(s->fetched.mail);
}

const struct th_analyser th_imap_analyser = {
    .service = TH_SVC_IMAP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .gap = gap,
    .end = end,
};
