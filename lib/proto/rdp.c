/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDP (MS-RDPBCGR 2.2.1): the connection request with its cookie, and which protection was
 * chosen. With TLS the stream is handed on; without, the client says in its first message who it
 * is and which channels it wants.
 */
#include "analysers.h"

#include "framing.h"
#include "ntlm.h"

#define REQUEST_MAX_BYTES 1024u
#define MESSAGE_MAX_BYTES 8192u
#define COOKIE_MAX 127u
#define CHANNELS_MAX 31u
#define CHANNEL_NAME_BYTES 8u
#define CLIENT_NAME_BYTES 32u

enum { X224_REQUEST = 0xe0, X224_CONFIRM = 0xd0, X224_DATA = 0xf0 };
enum { CS_CORE = 0xc001, CS_NET = 0xc003 };

struct state {
    struct th_frames frames;
    int64_t first_ns, last_ns;
    bool requested, confirmed, failed;
    uint32_t protocol;
    uint8_t cookie_len;
    char cookie[COOKIE_MAX];
    bool has_core;
    uint32_t keyboard, build;
    uint8_t channel_count;
    char channels[CHANNELS_MAX][CHANNEL_NAME_BYTES];
    struct th_text client_name;
};

/* TPKT (RFC 1006) with an X.224 connection request; on port 102 it is something else. */
static enum th_probe probe(const struct th_probe_in *in)
{
    if (th_probe_at(in, 0) != 3 || in->dst == 102 || in->src == 102)
        return TH_PROBE_NO;
    if (in->len < 11)
        return in->dst == 3389 ? TH_PROBE_MORE : TH_PROBE_NO;
    size_t len = (size_t)th_probe_at(in, 2) << 8 | th_probe_at(in, 3);
    if (th_probe_at(in, 1) || len > REQUEST_MAX_BYTES || th_probe_at(in, 5) != X224_REQUEST ||
        th_probe_at(in, 6) || th_probe_at(in, 7))
        return TH_PROBE_NO;
    if (in->len != len || th_probe_at(in, 4) + 5u > len)
        return in->len < len ? TH_PROBE_MORE : TH_PROBE_NO;
    bool named = memmem(in->p + 11, in->len - 11, "Cookie: mstshash=", 17) != NULL;
    bool negotiates =
        in->len >= 19 && th_probe_at(in, in->len - 8) == 1 && th_probe_at(in, in->len - 6) == 8;
    return named || negotiates || in->dst == 3389 ? TH_PROBE_CLIENT : TH_PROBE_NO;
}

static void on_request(struct state *s, struct th_cur *c)
{
    static const char word[] = "Cookie: mstshash=";
    size_t left = th_cur_left(c);
    const uint8_t *at = left ? memmem(c->p, left, word, sizeof(word) - 1) : NULL;
    s->requested = true;
    if (!at)
        return;
    at += sizeof(word) - 1;
    struct th_str name = th_str_n(at, (size_t)(c->end - at));
    name = th_str_trim(th_str_split(&name, '\r'));
    s->cookie_len = (uint8_t)TH_MIN(name.len, COOKIE_MAX);
    memcpy(s->cookie, name.p, s->cookie_len);
}

static void on_confirm(struct state *s, struct th_cur *c)
{
    s->confirmed = true;
    unsigned type = th_cur_u8(c);
    th_cur_skip(c, 3);
    s->failed = type == 3;
    s->protocol = th_cur_le32(c);
    if (c->failed)
        s->protocol = 0;
}

/* Client Core Data, Client Network Data (2.2.1.3.2, 2.2.1.3.4). */
static void client_block(struct th_conn *c, struct state *s, unsigned type, struct th_cur b)
{
    if (type == CS_CORE) {
        th_cur_skip(&b, 12);
        s->keyboard = th_cur_le32(&b);
        s->build = th_cur_le32(&b);
        struct th_str name = th_cur_bytes(&b, CLIENT_NAME_BYTES);
        s->has_core = !b.failed;
        if (s->has_core)
            th_text_set_field(&s->client_name, th_utf16le(&c->pr->scratch, name));
    } else if (type == CS_NET) {
        uint32_t n = th_cur_le32(&b);
        for (uint32_t i = 0; i < n && s->channel_count < CHANNELS_MAX; i++) {
            struct th_str name = th_cur_bytes(&b, CHANNEL_NAME_BYTES);
            th_cur_skip(&b, 4);
            if (b.failed)
                return;
            memcpy(s->channels[s->channel_count++], name.p, CHANNEL_NAME_BYTES);
        }
    }
}

/* MCS Connect Initial: the client's blocks stand behind the key "Duca" of T.124 and a length. */
static void on_client_data(struct th_conn *c, struct state *s, struct th_cur msg)
{
    size_t left = th_cur_left(&msg);
    const uint8_t *at = left ? memmem(msg.p, left, "Duca", 4) : NULL;
    if (!at)
        return;
    th_cur_skip(&msg, (size_t)(at - msg.p) + 4);
    if (th_cur_u8(&msg) & 0x80)
        th_cur_skip(&msg, 1);
    while (th_cur_left(&msg) >= 4) {
        unsigned type = th_cur_le16(&msg), len = th_cur_le16(&msg);
        if (len < 4)
            return;
        client_block(c, s, type, th_cur_sub(&msg, TH_MIN((size_t)len - 4, th_cur_left(&msg))));
    }
}

/* The version of the client by its build, as Zeek names it. */
static struct th_str build_name(struct th_arena *a, uint32_t build)
{
    static const struct th_named names[] = {{419, "RDP 4.0"}, {2195, "RDP 5.0"}, {2221, "RDP 5.0"},
        {2600, "RDP 5.1"}, {3790, "RDP 5.2"}, {6000, "RDP 6.0"}, {6001, "RDP 6.1"},
        {6002, "RDP 6.2"}, {7600, "RDP 7.0"}, {7601, "RDP 7.1"}, {9200, "RDP 8.0"},
        {9600, "RDP 8.1"}};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        if (names[i].number == build)
            return th_str_c(names[i].name);
    return th_arena_printf(a, "client_build-%u", build);
}

static void set_client(struct th_ev_rdp *ev, struct th_arena *a, const struct state *s)
{
    struct th_str *list = th_arena_alloc(a, sizeof(*list) * CHANNELS_MAX);
    for (unsigned i = 0; i < s->channel_count; i++) {
        list[i] = th_str_n(s->channels[i], CHANNEL_NAME_BYTES);
        list[i] = th_str_split(&list[i], '\0');
    }
    if (s->channel_count)
        TH_SET(ev, RDP, client_channels, (struct th_strs){list, s->channel_count});
    if (!s->has_core)
        return;
    TH_SET(ev, RDP, keyboard_layout, th_arena_printf(a, "keyboard-0x%04x", s->keyboard));
    TH_SET(ev, RDP, client_build, build_name(a, s->build));
    TH_SET_TEXT(ev, RDP, client_name, th_text_get(&s->client_name));
}

static void emit(struct th_conn *c, struct state *s)
{
    static const char *const names[] = {
        "RDP", "SSL", "HYBRID", NULL, "RDSTLS", NULL, NULL, NULL, "HYBRID_EX"};
    struct th_ev_rdp ev = {0};
    if (!s->requested)
        return;
    TH_CONN_ID(&ev, RDP, c, s->first_ns);
    TH_SET_TEXT(&ev, RDP, cookie, th_str_n(s->cookie, s->cookie_len));
    if (s->confirmed && s->failed)
        TH_SET(&ev, RDP, result, th_str_c("failed"));
    else if (s->confirmed && s->protocol)
        TH_SET(&ev, RDP, result, th_str_c("encrypted"));
    if (s->confirmed && !s->failed && s->protocol < TH_ARRAY_LEN(names) && names[s->protocol])
        TH_SET(&ev, RDP, security_protocol, th_str_c(names[s->protocol]));
    set_client(&ev, &c->pr->scratch, s);
    th_proto_emit(c->pr, &ev.h, TH_MAX(s->last_ns, s->first_ns));
    s->requested = false;
}

static int64_t length(const void *state, struct th_cur c, bool from_client)
{
    const struct state *s = state;
    unsigned max = s->confirmed && from_client ? MESSAGE_MAX_BYTES : REQUEST_MAX_BYTES;
    unsigned version = th_cur_u8(&c);
    th_cur_skip(&c, 1);
    unsigned len = th_cur_be16(&c);
    if (c.failed)
        return TH_FRAME_SHORT;
    return len < 11 || len > max || version != 3 ? TH_FRAME_BAD : (int64_t)len;
}

static enum th_frame message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg)
{
    struct state *s = state;
    th_cur_skip(&msg, 5);
    unsigned type = th_cur_u8(&msg);
    if (type == X224_DATA && s->confirmed && ch->from_client) {
        on_client_data(c, s, msg);
        return TH_FRAME_DONE;
    }
    th_cur_skip(&msg, 5);
    if (!s->requested && !s->confirmed)
        s->first_ns = ch->time_ns;
    s->last_ns = ch->time_ns;
    th_conn_service(c, TH_SVC_RDP);
    if (type == X224_REQUEST && ch->from_client) {
        on_request(s, &msg);
        return TH_FRAME_GO_ON;
    }
    if (type != X224_CONFIRM || ch->from_client)
        return TH_FRAME_DONE;
    on_confirm(s, &msg);
    return s->failed ? TH_FRAME_DONE : s->protocol ? TH_FRAME_RESTART : TH_FRAME_GO_ON;
}

static const struct th_framing framing = {
    .look_bytes = MESSAGE_MAX_BYTES, .length = length, .message = message};

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    (void)time_ns;
    emit(c, s);
}

const struct th_analyser th_rdp_analyser = {
    .service = TH_SVC_RDP,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .framing = &framing,
    .data = th_frames_data,
    .end = end,
};
