/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSH (RFC 4253): banners and the two KEXINIT messages, of which HASSH and HASSH
 * server are made (salesforce/hassh) and the algorithms that both sides agree on. Whether a
 * login succeeded is not guessed.
 */
#include "analysers.h"

#include "base/buf.h"
#include "crypto/hash.h"

#define BANNER_MAX_BYTES 255u   /* RFC 4253 4.2 */
#define PACKET_MAX_BYTES 35000u /* RFC 4253 6.1 */
#define MSG_KEXINIT 20
#define NAME_LISTS 10u
#define MD5_HEX_LEN 33

enum { CLIENT, SERVER };
enum { KEX, HOST_KEY, CIPHER_C2S, CIPHER_S2C, MAC_C2S, MAC_S2C, COMP_C2S, COMP_S2C };

struct side {
    struct th_hold hold;
    uint8_t banner_len;
    bool has_banner, has_kex;
    char banner[BANNER_MAX_BYTES];
    uint8_t *kex; /* the message's name lists */
    struct th_str list[NAME_LISTS];
    char hassh[MD5_HEX_LEN];
};

struct state {
    struct side side[2];
    int64_t first_ns, last_ns;
    bool started, version1;
};

static enum th_probe probe(const struct th_probe_in *in)
{
    if (memcmp(in->p, "SSH-", TH_MIN(in->len, 4u)) != 0)
        return TH_PROBE_NO;
    if (in->len < 5)
        return TH_PROBE_MORE;
    return in->dst == 22 || (in->src != 22 && in->dst < in->src) ? TH_PROBE_CLIENT
                                                                 : TH_PROBE_SERVER;
}

static void hassh(const struct side *sd, const int lists[4], char out[MD5_HEX_LEN])
{
    TH_AUTOBUF struct th_buf b = {.limit = PACKET_MAX_BYTES};
    uint8_t digest[TH_MD5_LEN];
    for (int i = 0; i < 4; i++) {
        th_buf_puts(&b, i ? ";" : "");
        th_buf_str(&b, sd->list[lists[i]]);
    }
    th_md5(b.p, b.len, digest);
    th_hex(digest, sizeof(digest), out);
}

static bool kexinit(struct state *s, int who, struct th_str payload)
{
    static const int lists[2][4] = {
        {KEX, CIPHER_C2S, MAC_C2S, COMP_C2S}, {KEX, CIPHER_S2C, MAC_S2C, COMP_S2C}};
    struct side *sd = &s->side[who];
    sd->kex = th_xmalloc(TH_MAX(payload.len, 1u));
    memcpy(sd->kex, payload.p, payload.len);
    struct th_cur c = th_cur_init(sd->kex, payload.len);
    th_cur_skip(&c, 16); /* cookie */
    for (unsigned i = 0; i < NAME_LISTS; i++)
        sd->list[i] = th_cur_bytes(&c, th_cur_be32(&c));
    if (c.failed)
        return false;
    hassh(sd, lists[who], sd->hassh);
    sd->has_kex = true;
    return true;
}

/* RFC 4253 7.1: the first of the client's that the server has too. */
static struct th_str agreed(const struct state *s, int list)
{
    struct th_str mine = s->side[CLIENT].list[list];
    while (mine.len) {
        struct th_str name = th_str_split(&mine, ',');
        struct th_str other = s->side[SERVER].list[list];
        while (other.len)
            if (th_str_eq(th_str_split(&other, ','), name))
                return name;
    }
    return th_str_c("");
}

static void set_direction(struct th_ev_ssh *ev, const struct th_conn *c)
{
    bool from = c->pr->is_local(c->pr->arg, &c->flow->addr[c->client]);
    bool to = c->pr->is_local(c->pr->arg, &c->flow->addr[!c->client]);
    if (from != to)
        TH_SET(ev, SSH, direction, th_str_c(from ? "OUTBOUND" : "INBOUND"));
}

static void set_kex(struct th_ev_ssh *ev, const struct state *s)
{
    const struct side *cl = &s->side[CLIENT], *sv = &s->side[SERVER];
    if (cl->has_kex)
        TH_SET(ev, SSH, hassh, th_str_c(cl->hassh));
    if (sv->has_kex)
        TH_SET(ev, SSH, hasshServer, th_str_c(sv->hassh));
    if (!cl->has_kex || !sv->has_kex)
        return;
    TH_SET_TEXT(ev, SSH, kex_alg, agreed(s, KEX));
    TH_SET_TEXT(ev, SSH, host_key_alg, agreed(s, HOST_KEY));
    TH_SET_TEXT(ev, SSH, cipher_alg, agreed(s, CIPHER_C2S));
    TH_SET_TEXT(ev, SSH, mac_alg, agreed(s, MAC_C2S));
}

static void end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct state *s = state;
    struct th_ev_ssh ev = {0};
    (void)time_ns;
    const struct side *cl = &s->side[CLIENT], *sv = &s->side[SERVER];
    if (cl->has_banner || sv->has_banner) {
        TH_CONN_ID(&ev, SSH, c, s->first_ns);
        TH_SET(&ev, SSH, version, s->version1 ? 1 : 2);
        set_direction(&ev, c);
        TH_SET_TEXT(&ev, SSH, client, th_str_n(cl->banner, cl->banner_len));
        TH_SET_TEXT(&ev, SSH, server, th_str_n(sv->banner, sv->banner_len));
        set_kex(&ev, s);
        th_proto_emit(c->pr, &ev.h, TH_MAX(s->last_ns, s->first_ns));
    }
    for (int i = 0; i < 2; i++) {
        th_hold_done(&s->side[i].hold);
        free(s->side[i].kex);
    }
}

/* True when the line is complete. *ret_bad: it is no banner. */
static bool banner(struct state *s, struct side *sd, struct th_cur *cur, bool *ret_bad)
{
    size_t left = th_cur_left(cur);
    const uint8_t *nl = memchr(cur->p, '\n', left);
    *ret_bad = !nl && left > BANNER_MAX_BYTES;
    if (!nl)
        return false;
    struct th_str line = th_str_trim(th_cur_bytes(cur, (size_t)(nl - cur->p)));
    th_cur_skip(cur, 1);
    *ret_bad = !th_str_starts(line, "SSH-") || line.len > BANNER_MAX_BYTES;
    if (*ret_bad)
        return false;
    memcpy(sd->banner, line.p, line.len);
    sd->banner_len = (uint8_t)line.len;
    sd->has_banner = true;
    s->version1 =
        s->version1 || (th_str_starts(line, "SSH-1.") && !th_str_starts(line, "SSH-1.99"));
    return true;
}

/* The first packet of a side is its KEXINIT. */
static enum th_verdict packet(struct state *s, int who, struct th_cur *cur)
{
    struct th_cur at = *cur;
    size_t len = th_cur_be32(&at);
    size_t padding = th_cur_u8(&at);
    unsigned type = th_cur_u8(&at);
    if (!at.failed && (len > PACKET_MAX_BYTES || len < padding + 2 || type != MSG_KEXINIT))
        return TH_DONE_DIR;
    struct th_str payload = th_cur_bytes(&at, len - padding - 2);
    if (at.failed)
        return TH_GO_ON;
    *cur = at;
    kexinit(s, who, payload);
    return TH_DONE_DIR;
}

static enum th_verdict data(struct th_conn *c, void *state, const struct th_chunk *ch)
{
    struct state *s = state;
    int who = ch->from_client ? CLIENT : SERVER;
    struct side *sd = &s->side[who];
    bool ok, bad = false;
    if (!s->started)
        s->first_ns = ch->time_ns;
    s->started = true;
    s->last_ns = ch->time_ns;
    struct th_cur cur = th_hold_join(&sd->hold, ch->p, ch->len, PACKET_MAX_BYTES + ch->len, &ok);
    enum th_verdict v = TH_GO_ON;
    if (!sd->has_banner && banner(s, sd, &cur, &bad))
        th_conn_service(c, TH_SVC_SSH);
    if (bad)
        return c->service_count ? TH_DONE_DIR : TH_BAIL;
    if (sd->has_banner)
        v = s->version1 ? TH_DONE_DIR : packet(s, who, &cur);
    if (v == TH_GO_ON && !th_hold_keep(&sd->hold, &cur, PACKET_MAX_BYTES))
        return TH_DONE_DIR;
    return v;
}

const struct th_analyser th_ssh_analyser = {
    .service = TH_SVC_SSH,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .probe = probe,
    .data = data,
    .end = end,
};
