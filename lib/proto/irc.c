/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IRC (RFC 2812): who somebody is, which channels are joined and which files are offered become
 * `irc` events, a password a `login`. What people say to each other is passed over.
 */
#include "analysers.h"
#include "login.h"

#define LINE_MAX_BYTES 2048u
#define LINES_MAX 10000u
#define EVENTS_MAX 256u

struct state {
    struct th_frames frames;
    struct th_login login;
    struct th_text nick, user;
    uint32_t events;
    bool sasl; /* the login is one of SASL */
};

static enum th_probe probe(const struct th_probe_in *in)
{
    struct th_str s = th_str_n(in->p, in->len);
    if (!s.len || !memchr("NUCP:", s.p[0], 5))
        return TH_PROBE_NO;
    if (th_str_starts(s, "NICK ") || (th_str_starts(s, "USER ") && memmem(s.p, s.len, " :", 2)))
        return TH_PROBE_CLIENT;
    if (th_str_starts(s, "CAP LS") || th_str_starts(s, "CAP REQ") ||
        (th_str_starts(s, "PASS ") && memmem(s.p, s.len, "\nNICK ", 6)))
        return TH_PROBE_CLIENT;
    bool server = s.p[0] == ':' && memmem(s.p, s.len, " NOTICE ", 8);
    return server ? TH_PROBE_SERVER : TH_PROBE_NO;
}

/* A parameter: a word, or with a colon the rest of the line. */
static struct th_str parameter(struct th_str *rest)
{
    if (rest->len && rest->p[0] == ':') {
        struct th_str all = th_str_n(rest->p + 1, rest->len - 1);
        rest->len = 0;
        return all;
    }
    return th_line_word(rest);
}

struct offer {
    struct th_str name;
    bool has_size;
    uint64_t size;
};

static void emit(struct th_conn *c, struct state *s, const char *command, struct th_str value,
    struct th_str addl, const struct offer *offer, int64_t time_ns)
{
    struct th_ev_irc ev = {0};
    if (s->events++ >= EVENTS_MAX)
        return;
    TH_CONN_ID(&ev, IRC, c, time_ns);
    TH_SET_TEXT(&ev, IRC, nick, th_text_get(&s->nick));
    TH_SET_TEXT(&ev, IRC, user, th_text_get(&s->user));
    TH_SET(&ev, IRC, command, th_str_c(command));
    TH_SET_TEXT(&ev, IRC, value, value);
    TH_SET_TEXT(&ev, IRC, addl, addl);
    if (offer)
        TH_SET_TEXT(&ev, IRC, dcc_file_name, offer->name);
    if (offer && offer->has_size)
        TH_SET(&ev, IRC, dcc_file_size, offer->size);
    th_proto_emit(c->pr, &ev.h, time_ns);
}

/* "\1DCC SEND name address port size\1" in a message to somebody. */
static void dcc(struct th_conn *c, struct state *s, struct th_str rest, int64_t time_ns)
{
    struct th_str to = parameter(&rest), text = parameter(&rest), v;
    if (!text.len || text.p[0] != '\1' ||
        !th_line_after(th_str_n(text.p + 1, text.len - 1), "dcc send ", &v))
        return;
    struct offer offer = {.name = th_line_word(&v)};
    if (offer.name.len > 1 && offer.name.p[0] == '"') {
        offer.name = th_str_n(offer.name.p + 1, offer.name.len - 1);
        if (offer.name.p[offer.name.len - 1] == '"')
            offer.name.len--;
    }
    th_line_word(&v);
    th_line_word(&v);
    struct th_str size = th_str_split(&v, '\1');
    offer.has_size = th_str_u64(th_str_trim(size), &offer.size);
    emit(c, s, "DCC", to, th_str_c("SEND"), &offer, time_ns);
}

/* IRCv3 SASL: the mechanism, then what it says in base64. */
static void authenticate(struct state *s, struct th_str word, int64_t time_ns)
{
    if (s->login.begun && s->sasl) {
        th_sasl_user(&s->login, word);
        return;
    }
    th_login_begin(&s->login, word, th_sasl_is_clear(word), time_ns);
    s->sasl = true;
}

/* "NickServ :IDENTIFY [name] password": a login that is said to a robot, which answers in words. */
static void identify(struct th_conn *c, struct state *s, struct th_str rest, int64_t time_ns)
{
    struct th_str to = parameter(&rest), text = parameter(&rest), v;
    if (!th_str_ieq(to, th_str_c("nickserv")) || !th_line_after(text, "identify ", &v) || !v.len)
        return;
    struct th_str name = th_line_word(&v);
    th_login_begin(&s->login, th_str_c("NICKSERV"), true, time_ns);
    s->login.user = s->nick;
    if (v.len)
        th_text_set(&s->login.user, name);
    th_login_end(c, &s->login, TH_SVC_IRC, TH_LOGIN_UNKNOWN, time_ns);
}

static enum th_frame client_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    struct th_str rest = line, none = th_str_c("");
    struct th_str word = th_line_word(&rest);
    if (th_str_ieq(word, th_str_c("NICK"))) {
        struct th_str nick = parameter(&rest);
        emit(c, s, "NICK", nick, none, NULL, time_ns);
        th_text_set(&s->nick, nick);
    } else if (th_str_ieq(word, th_str_c("USER"))) {
        struct th_str user = parameter(&rest);
        parameter(&rest);
        parameter(&rest);
        emit(c, s, "USER", user, parameter(&rest), NULL, time_ns);
        th_text_set(&s->user, user);
    } else if (th_str_ieq(word, th_str_c("JOIN"))) {
        struct th_str channels = parameter(&rest); /* keys follow, which are passwords */
        while (channels.len)
            emit(c, s, "JOIN", th_str_split(&channels, ','), none, NULL, time_ns);
    } else if (th_str_ieq(word, th_str_c("PASS"))) {
        th_login_begin(&s->login, th_str_c("PASS"), true, time_ns);
    } else if (th_str_ieq(word, th_str_c("AUTHENTICATE"))) {
        authenticate(s, parameter(&rest), time_ns);
    } else if (th_str_ieq(word, th_str_c("PRIVMSG"))) {
        identify(c, s, rest, time_ns);
        dcc(c, s, rest, time_ns);
    }
    return TH_FRAME_GO_ON;
}

/* 001 welcomes, 464 is a wrong password (RFC 2812 5); 903 to 907 end a SASL login. */
static enum th_frame server_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    struct th_str rest = line;
    if (line.len && line.p[0] == ':')
        th_line_word(&rest);
    struct th_str word = th_line_word(&rest);
    bool in = th_str_is(word, s->sasl ? "903" : "001");
    bool out = s->sasl ? th_str_is(word, "904") || th_str_is(word, "905") || th_str_is(word, "906")
                       : th_str_is(word, "464");
    if (!s->login.begun || !(in || out))
        return TH_FRAME_GO_ON;
    if (!s->login.user.len)
        s->login.user = s->nick;
    s->sasl = false;
    th_login_end(c, &s->login, TH_SVC_IRC, in ? TH_LOGIN_OK : TH_LOGIN_FAILED, time_ns);
    return TH_FRAME_GO_ON;
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
    th_login_end(c, &s->login, TH_SVC_IRC, TH_LOGIN_UNKNOWN, time_ns);
}

const struct th_analyser th_irc_analyser = {
    .service = TH_SVC_IRC,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .end = end,
};
