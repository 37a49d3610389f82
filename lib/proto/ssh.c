/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSH (RFC 4253): banners and the two KEXINIT messages, of which HASSH and HASSH
 * server are made (salesforce/hassh) and the algorithms that both sides agree on. Then packets are
 * counted off until NEWKEYS; what is behind it is encrypted, and judged by its sizes.
 */
#include "analysers.h"

#include "base/buf.h"
#include "crypto/hash.h"
#include "ssh_sizes.h"

#define BANNER_MAX_BYTES 255u       /* RFC 4253 4.2 */
#define PACKET_MAX_BYTES 35000u     /* RFC 4253 6.1 */
#define PRE_BANNER_MAX_BYTES 65536u /* lines that a server may send before (RFC 4253 4.2) */
#define PLAIN_MAX_PACKETS 32u       /* from KEXINIT to NEWKEYS */
#define MSG_KEXINIT 20
#define MSG_NEWKEYS 21
#define NAME_LISTS 10u
#define MD5_HEX_LEN 33

enum { CLIENT, SERVER };
enum { KEX, HOST_KEY, CIPHER_C2S, CIPHER_S2C, MAC_C2S, MAC_S2C, COMP_C2S, COMP_S2C };

struct side {
    struct th_hold hold;
    uint8_t banner_len;
    bool has_banner, has_kex, sealed;
    uint8_t plain;   /* packets */
    uint32_t before; /* bytes ahead of the banner */
    char banner[BANNER_MAX_BYTES];
    uint8_t *kex; /* the message's name lists */
    uint32_t kex_bytes;
    struct th_str list[NAME_LISTS];
    char hassh[MD5_HEX_LEN];
};

struct state {
    struct side side[2];
    int64_t first_ns, last_ns;
    bool started, version1, sizes_known;
    struct th_ssh_sizes sizes;
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
    sd->kex_bytes = payload.len;
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

/* With compression from the start a size says nothing. */
static bool compressed(const struct state *s)
{
    return th_str_is(agreed(s, COMP_S2C), "zlib");
}

static void set_login(struct th_ev_ssh *ev, const struct state *s)
{
    enum th_login_result result = th_ssh_sizes_result(&s->sizes);
    if (result == TH_LOGIN_UNKNOWN || compressed(s))
        return;
    TH_SET(ev, SSH, auth_success, result == TH_LOGIN_OK);
    TH_SET(ev, SSH, auth_attempts, th_ssh_sizes_attempts(&s->sizes));
    if (th_ssh_sizes_typed(&s->sizes))
        TH_SET(ev, SSH, interactive, true);
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
        set_login(&ev, s);
        th_proto_emit(c->pr, &ev.h, TH_MAX(s->last_ns, s->first_ns));
    }
    for (int i = 0; i < 2; i++) {
        th_hold_done(&s->side[i].hold);
        free(s->side[i].kex);
    }
}

/* True when the line is complete. *ret_bad: it is no banner. */
static bool banner(struct state *s, int who, struct th_cur *cur, bool *ret_bad)
{
    struct side *sd = &s->side[who];
    size_t left = th_cur_left(cur);
    const uint8_t *nl = memchr(cur->p, '\n', left);
    bool lines = who == SERVER && s->side[CLIENT].has_banner;
    *ret_bad = !nl && left > BANNER_MAX_BYTES;
    if (!nl)
        return false;
    struct th_str line = th_str_trim(th_cur_bytes(cur, (size_t)(nl - cur->p)));
    th_cur_skip(cur, 1);
    sd->before += line.len + 2;
    *ret_bad = line.len > BANNER_MAX_BYTES || sd->before > PRE_BANNER_MAX_BYTES ||
        (!lines && !th_str_starts(line, "SSH-"));
    if (*ret_bad || !th_str_starts(line, "SSH-"))
        return !*ret_bad;
    memcpy(sd->banner, line.p, line.len);
    sd->banner_len = (uint8_t)line.len;
    sd->has_banner = true;
    s->version1 =
        s->version1 || (th_str_starts(line, "SSH-1.") && !th_str_starts(line, "SSH-1.99"));
    return true;
}

/* A packet in the clear (RFC 4253 6); the first of a side is its KEXINIT, NEWKEYS the last. False:
 * it is not complete, or *ret_bad. */
static bool packet(struct state *s, int who, struct th_cur *cur, bool *ret_bad)
{
    struct side *sd = &s->side[who];
    struct th_cur at = *cur;
    size_t len = th_cur_be32(&at);
    size_t padding = th_cur_u8(&at);
    unsigned type = th_cur_u8(&at);
    *ret_bad = !at.failed &&
        (len > PACKET_MAX_BYTES || len < padding + 2 || (!sd->has_kex && type != MSG_KEXINIT) ||
            sd->plain == PLAIN_MAX_PACKETS);
    struct th_str payload = th_cur_bytes(&at, len - padding - 2);
    th_cur_skip(&at, padding);
    if (at.failed || *ret_bad)
        return false;
    *cur = at;
    sd->plain++;
    if (!sd->has_kex)
        *ret_bad = !kexinit(s, who, payload);
    sd->sealed = type == MSG_NEWKEYS;
    return !*ret_bad;
}

static bool sealed(struct state *s, int who, struct th_cur *cur)
{
    if (!s->sizes_known && s->side[CLIENT].has_kex && s->side[SERVER].has_kex) {
        th_ssh_sealed_set(&s->sizes.sealed[CLIENT], agreed(s, CIPHER_C2S), agreed(s, MAC_C2S));
        th_ssh_sealed_set(&s->sizes.sealed[SERVER], agreed(s, CIPHER_S2C), agreed(s, MAC_S2C));
        s->sizes_known = true;
    }
    struct th_str bytes = th_cur_bytes(cur, th_cur_left(cur));
    return s->sizes_known &&
        th_ssh_sizes_data(&s->sizes, who == CLIENT, (const uint8_t *)bytes.p, bytes.len);
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
    while (!sd->has_banner && th_cur_left(&cur) && banner(s, who, &cur, &bad))
        if (sd->has_banner)
            th_conn_service(c, TH_SVC_SSH);
    if (bad)
        return c->service_count ? TH_DONE_DIR : TH_BAIL;
    if (sd->has_banner && s->version1)
        return TH_DONE_DIR;
    while (sd->has_banner && !sd->sealed && packet(s, who, &cur, &bad))
        ;
    if (bad)
        return TH_DONE_DIR;
    if (sd->sealed && th_cur_left(&cur) && !sealed(s, who, &cur))
        return TH_DONE;
    return th_hold_keep(&sd->hold, &cur, PACKET_MAX_BYTES) ? TH_GO_ON : TH_DONE_DIR;
}

/* With a part missing sizes would be those of something else. */
static enum th_verdict gap(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len)
{
    const struct state *s = state;
    (void)c;
    (void)dir;
    (void)time_ns;
    (void)len;
    return s->side[CLIENT].sealed || s->side[SERVER].sealed ? TH_DONE : TH_DONE_DIR;
}

static size_t held(const void *state)
{
    const struct state *s = state;
    size_t n = 0;
    for (int i = 0; i < 2; i++)
        n += s->side[i].hold.cap + (s->side[i].kex ? s->side[i].kex_bytes : 0);
    return n;
}

const struct th_analyser th_ssh_analyser = {
    .service = TH_SVC_SSH,
    .tcp = true,
    .state_bytes = sizeof(struct state),
    .held = held,
    .probe = probe,
    .data = data,
    .gap = gap,
    .end = end,
};
