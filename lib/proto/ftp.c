/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FTP's control connection (RFC 959, RFC 2428, RFC 4217): commands that move files or say where
 * data will flow become `ftp` events when they are answered, a login a `login` event. The data
 * connection of a file is announced (ftp_data.c). After AUTH the stream is looked at anew.
 * Passwords are passed over.
 */
#include "analysers.h"
#include "expect.h"
#include "login.h"

#define LINE_MAX_BYTES 4096u
#define LINES_MAX 20000u /* of a connection, then it is enough */

enum command { CMD_OTHER, CMD_USER, CMD_PASS, CMD_AUTH, CMD_SIZE, CMD_DATA, CMD_FILE };

static const struct {
    const char *word;
    enum command is;
} commands[] = {{"USER", CMD_USER}, {"PASS", CMD_PASS}, {"AUTH", CMD_AUTH}, {"SIZE", CMD_SIZE},
    {"PORT", CMD_DATA}, {"EPRT", CMD_DATA}, {"PASV", CMD_DATA}, {"EPSV", CMD_DATA},
    {"RETR", CMD_FILE}, {"STOR", CMD_FILE}, {"STOU", CMD_FILE}, {"APPE", CMD_FILE},
    {"DELE", CMD_FILE}, {"RNFR", CMD_FILE}, {"RNTO", CMD_FILE}, {"MKD", CMD_FILE},
    {"RMD", CMD_FILE}, {"LIST", CMD_FILE}, {"NLST", CMD_FILE}, {"MLSD", CMD_FILE}};

/* Where data will flow, as the command or its answer says. */
struct channel {
    bool known, passive, has_addr;
    struct th_addr addr;
    uint16_t port;
};

struct state {
    struct th_frames frames;
    struct th_login login;
    struct th_text user, arg, sized;
    const char *word; /* of the command that waits for its answer; NULL: none does */
    enum command command;
    int64_t command_ns;
    uint64_t size_bytes;
    bool has_size, in_reply; /* in a reply of several lines */
    uint16_t reply_code;
    struct channel channel;
};

static bool begins(const struct th_probe_in *in, const char *word)
{
    return th_str_starts(th_str_n(in->p, in->len), word);
}

static enum th_probe probe(const struct th_probe_in *in)
{
    uint8_t first = th_probe_at(in, 0);
    if (first != '2' && first != 'U' && first != 'A')
        return TH_PROBE_NO;
    if (in->dst == 21 && (begins(in, "USER ") || begins(in, "AUTH ")))
        return TH_PROBE_CLIENT;
    bool greeting = begins(in, "220 ") || begins(in, "220-");
    return greeting && (in->src == 21 || memmem(in->p, in->len, "FTP", 3)) ? TH_PROBE_SERVER
                                                                           : TH_PROBE_NO;
}

/* "a,b,c,d,p,q" among other text (RFC 959 4.1.2). */
static bool six_numbers(struct th_str s, struct channel *ret)
{
    uint8_t v[6];
    unsigned n = 0, value = 0, digits = 0;
    for (uint32_t i = 0; i <= s.len && n < 6; i++) {
        char ch = i < s.len ? s.p[i] : ')';
        if (ch >= '0' && ch <= '9' && digits < 3) {
            value = value * 10 + (unsigned)(ch - '0');
            digits++;
            continue;
        }
        bool ends = n < 5 ? ch == ',' : true;
        if (digits && ends && value < 256)
            v[n++] = (uint8_t)value;
        else
            n = 0;
        value = digits = 0;
    }
    if (n < 6)
        return false;
    ret->addr = th_addr_v4(v);
    ret->has_addr = true;
    ret->port = (uint16_t)(v[4] << 8 | v[5]);
    return true;
}

/* "|1|192.0.2.1|6275|" and "(|||6446|)" (RFC 2428); the delimiter may be another. */
static bool bars(struct th_str s, struct channel *ret)
{
    uint64_t port;
    while (s.len && (s.p[0] == '(' || s.p[0] == ' '))
        s = th_str_n(s.p + 1, s.len - 1);
    if (!s.len)
        return false;
    char bar = s.p[0];
    struct th_str rest = th_str_n(s.p + 1, s.len - 1);
    th_str_split(&rest, bar);
    struct th_str addr = th_str_split(&rest, bar);
    if (!th_str_u64(th_str_split(&rest, bar), &port) || port > UINT16_MAX)
        return false;
    ret->has_addr = addr.len && th_addr_parse(addr, &ret->addr);
    ret->port = (uint16_t)port;
    return true;
}

static void announced(struct state *s, bool passive, struct th_str text, bool extended)
{
    struct channel ch = {.passive = passive};
    int64_t open = passive && extended ? th_str_index(text, '(') : 0;
    if (open < 0)
        return;
    text = th_str_n(text.p + open, text.len - (size_t)open);
    ch.known = extended ? bars(text, &ch) : six_numbers(text, &ch);
    if (ch.known)
        s->channel = ch;
}

static void set_channel(struct th_ev_ftp *ev, struct th_conn *c, const struct channel *ch)
{
    const struct th_flow *f = c->flow;
    const struct th_addr *client = &f->addr[c->client], *server = &f->addr[!c->client];
    const struct th_addr *listener = ch->has_addr ? &ch->addr : ch->passive ? server : client;
    TH_SET(ev, FTP, data_channel_passive, ch->passive);
    TH_SET(ev, FTP, data_channel_orig_h, ch->passive ? *client : *server);
    TH_SET(ev, FTP, data_channel_resp_h, *listener);
    TH_SET(ev, FTP, data_channel_resp_p, ch->port);
}

static void emit(struct th_conn *c, struct state *s, struct th_str message, int64_t time_ns)
{
    struct th_ev_ftp ev = {0};
    TH_CONN_ID(&ev, FTP, c, s->command_ns);
    TH_SET_TEXT(&ev, FTP, user, th_text_get(&s->user));
    TH_SET(&ev, FTP, command, th_str_c(s->word));
    TH_SET_TEXT(&ev, FTP, arg, th_text_get(&s->arg));
    if (s->has_size && s->command == CMD_FILE &&
        th_str_eq(th_text_get(&s->sized), th_text_get(&s->arg)))
        TH_SET(&ev, FTP, file_size, s->size_bytes);
    if (s->reply_code)
        TH_SET(&ev, FTP, reply_code, s->reply_code);
    TH_SET_TEXT(&ev, FTP, reply_msg, message);
    if (s->channel.known)
        set_channel(&ev, c, &s->channel);
    th_proto_emit(c->pr, &ev.h, TH_MAX(time_ns, s->command_ns));
    if (s->command == CMD_FILE)
        s->channel.known = false;
    s->word = NULL;
}

/* Data will flow over the channel that was agreed on: a file by its name, or a list without one. */
static void expect_data(struct th_conn *c, const struct state *s, int64_t time_ns)
{
    static const char *const moves[] = {"RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD"};
    const struct channel *ch = &s->channel;
    const struct th_addr *client = &c->flow->addr[c->client], *server = &c->flow->addr[!c->client];
    struct th_expected e = {.from = ch->passive ? *client : *server,
        .to = ch->has_addr ? ch->addr
            : ch->passive  ? *server
                           : *client,
        .to_port = ch->port,
        .ip_proto = 6,
        .an = &th_ftp_data_analyser};
    for (size_t i = 0; ch->known && i < TH_ARRAY_LEN(moves); i++) {
        if (!th_str_is(th_str_c(s->word), moves[i]))
            continue;
        if (i < 4)
            e.name = s->arg;
        if (i < 4 && !e.name.len)
            th_text_set(&e.name, th_str_c(s->word)); /* STOU: the server finds a name */
        th_expect(c->pr, &e, time_ns);
    }
}

/* A name that asks for no password. */
static bool anonymous(const struct th_text *user)
{
    return th_str_ieq(th_text_get(user), th_str_c("anonymous")) ||
        th_str_ieq(th_text_get(user), th_str_c("ftp"));
}

static enum th_frame client_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    struct th_str arg = line;
    struct th_str word = th_line_word(&arg);
    if (s->word && (s->command == CMD_DATA || s->command == CMD_FILE)) {
        s->reply_code = 0;
        emit(c, s, th_str_c(""), time_ns);
    }
    s->word = "";
    s->command = CMD_OTHER;
    s->command_ns = time_ns;
    for (size_t i = 0; i < TH_ARRAY_LEN(commands); i++)
        if (th_str_ieq(word, th_str_c(commands[i].word))) {
            s->word = commands[i].word;
            s->command = commands[i].is;
        }
    if (s->command == CMD_PASS) {
        th_login_begin(&s->login, th_str_c("PASS"), !anonymous(&s->user), time_ns);
        s->login.user = s->user;
        return TH_FRAME_GO_ON; /* and its argument is not looked at */
    }
    if (s->command == CMD_USER)
        th_text_set(&s->user, arg);
    if (s->command != CMD_OTHER)
        th_text_set(&s->arg, arg);
    if (s->command == CMD_DATA && th_str_is(th_str_n(s->word, 1), "P") && arg.len)
        announced(s, false, arg, false);
    else if (s->command == CMD_DATA && th_str_is(th_str_c(s->word), "EPRT"))
        announced(s, false, arg, true);
    if (s->command == CMD_FILE)
        expect_data(c, s, time_ns);
    return TH_FRAME_GO_ON;
}

/* The last line of an answer that is not a preliminary one. */
static enum th_frame answered(
    struct th_conn *c, struct state *s, struct th_str message, int64_t time_ns)
{
    switch (s->command) {
    case CMD_PASS:
        if (s->reply_code != 332)
            th_login_end(c, &s->login, TH_SVC_FTP,
                s->reply_code / 100 == 2 ? TH_LOGIN_OK : TH_LOGIN_FAILED, time_ns);
        break;
    case CMD_USER:
        if (s->reply_code != 230)
            break;
        th_login_begin(&s->login, th_str_c("USER"), false, s->command_ns);
        s->login.user = s->user;
        th_login_end(c, &s->login, TH_SVC_FTP, TH_LOGIN_OK, time_ns);
        break;
    case CMD_AUTH:
        if (s->reply_code == 234 || s->reply_code == 334)
            return TH_FRAME_RESTART;
        return TH_FRAME_GO_ON;
    case CMD_SIZE:
        s->has_size = s->reply_code == 213 && th_str_u64(message, &s->size_bytes);
        s->sized = s->arg;
        break;
    case CMD_DATA:
        if (s->reply_code == 227 || s->reply_code == 229)
            announced(s, true, message, s->reply_code == 229);
        emit(c, s, message, time_ns);
        break;
    case CMD_FILE: emit(c, s, message, time_ns); break;
    case CMD_OTHER: break;
    }
    s->word = NULL;
    return TH_FRAME_GO_ON;
}

/* RFC 959 4.2: three digits, then a blank, or a hyphen when more lines follow. */
static enum th_frame server_line(
    struct th_conn *c, void *state, struct th_str line, int64_t time_ns)
{
    struct state *s = state;
    uint64_t code;
    bool numbered = line.len >= 3 && th_str_u64(th_str_n(line.p, 3), &code);
    if (!numbered || (s->in_reply && code != s->reply_code))
        return TH_FRAME_GO_ON;
    s->reply_code = (uint16_t)code;
    s->in_reply = line.len > 3 && line.p[3] == '-';
    if (s->in_reply || code < 200 || !s->word)
        return TH_FRAME_GO_ON;
    return answered(c, s, th_str_trim(th_str_n(line.p + 3, line.len - 3)), time_ns);
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
    if (s->word && (s->command == CMD_DATA || s->command == CMD_FILE)) {
        s->reply_code = 0;
        emit(c, s, th_str_c(""), time_ns);
    }
    th_login_end(c, &s->login, TH_SVC_FTP, TH_LOGIN_UNKNOWN, time_ns);
}

const struct th_analyser th_ftp_analyser = {
    .service = TH_SVC_FTP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .end = end,
};
