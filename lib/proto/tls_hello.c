/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_hello.h"

#include "base/mem.h"

enum {
    EXT_SERVER_NAME = 0,
    EXT_GROUPS = 10,
    EXT_POINTS = 11,
    EXT_SIG_ALGS = 13,
    EXT_ALPN = 16,
    EXT_PSK = 41,
    EXT_VERSIONS = 43,
    EXT_KEY_SHARE = 51,
    EXT_ECH = 0xfe0d
};

static struct th_be16_list be16_list(struct th_cur *c, size_t len)
{
    struct th_str s = th_cur_bytes(c, len);
    return (struct th_be16_list){.p = (const uint8_t *)s.p, .n = s.len / 2};
}

/* RFC 6066 3: the first name of type host_name. */
static void server_name(struct th_cur *c, struct th_tls_hello *h)
{
    struct th_cur list = th_cur_sub(c, th_cur_be16(c));
    while (th_cur_left(&list)) {
        unsigned type = th_cur_u8(&list);
        struct th_str name = th_cur_bytes(&list, th_cur_be16(&list));
        if (type == 0 && name.len) {
            h->sni = name;
            return;
        }
    }
}

static void alpn(struct th_cur *c, struct th_tls_hello *h)
{
    struct th_cur list = th_cur_sub(c, th_cur_be16(c));
    while (th_cur_left(&list) && h->alpn_count < TH_TLS_MAX_ALPN) {
        struct th_str name = th_cur_bytes(&list, th_cur_u8(&list));
        if (!list.failed)
            h->alpn[h->alpn_count++] = name;
    }
}

/* DTLS counts downwards. */
static bool newer(uint16_t v, uint16_t than)
{
    return th_tls_dtls(v) ? v < than : v > than;
}

static void client_versions(struct th_cur *c, struct th_tls_hello *h)
{
    h->versions = be16_list(c, th_cur_u8(c));
    for (uint32_t i = 0; i < h->versions.n; i++) {
        uint16_t v = th_be16_at(&h->versions, i);
        if (th_tls_dtls(v) != th_tls_dtls(h->version)) /* GREASE is neither */
            continue;
        if (!th_tls_grease(v) && (!h->has_highest || newer(v, h->highest))) {
            h->highest = v;
            h->has_highest = true;
        }
        /* Drafts of 1.3 (0x7f..) would be greater than 1.3 itself. */
        bool release = v >> 8 == 3 || th_tls_dtls(v);
        if (!release || (h->has_ext_version && !newer(v, h->best)))
            continue;
        h->best = v;
        h->has_ext_version = true;
    }
}

static void extension(struct th_tls_hello *h, unsigned type, struct th_cur *c, bool client)
{
    switch (type) {
    case EXT_SERVER_NAME:
        h->has_sni = true;
        if (client)
            server_name(c, h);
        return;
    case EXT_GROUPS: h->groups = be16_list(c, th_cur_be16(c)); return;
    case EXT_POINTS: h->points = th_cur_bytes(c, th_cur_u8(c)); return;
    case EXT_SIG_ALGS: h->sig_algs = be16_list(c, th_cur_be16(c)); return;
    case EXT_ALPN: alpn(c, h); return;
    case EXT_PSK: h->psk = true; return;
    case EXT_ECH: h->ech = true; return;
    case EXT_KEY_SHARE: h->key_group = client ? 0 : th_cur_be16(c); return;
    case EXT_VERSIONS:
        if (client) {
            client_versions(c, h);
        } else {
            uint16_t version = th_cur_be16(c);
            h->best = c->failed ? h->best : version;
            h->has_ext_version = !c->failed;
        }
        return;
    default: return;
    }
}

/* Extensions are optional: a hello may end before them. */
static bool extensions(struct th_cur *c, struct th_tls_hello *h, bool client)
{
    if (!th_cur_left(c))
        return !c->failed;
    struct th_cur list = th_cur_sub(c, th_cur_be16(c));
    while (th_cur_left(&list)) {
        uint16_t type = th_cur_be16(&list);
        struct th_cur body = th_cur_sub(&list, th_cur_be16(&list));
        if (list.failed)
            break;
        if (h->extension_count < TH_TLS_MAX_EXTENSIONS)
            h->extensions[h->extension_count++] = type;
        extension(h, type, &body, client);
    }
    return !list.failed && !c->failed;
}

bool th_tls_client_hello(struct th_cur body, struct th_tls_hello *ret)
{
    *ret = (struct th_tls_hello){0};
    struct th_cur *c = &body;
    ret->version = ret->best = ret->highest = th_cur_be16(c);
    th_cur_skip(c, 32);
    ret->session_id = th_cur_bytes(c, th_cur_u8(c));
    if (th_tls_dtls(ret->version))
        th_cur_skip(c, th_cur_u8(c)); /* cookie, RFC 6347 4.2.1 */
    ret->ciphers = be16_list(c, th_cur_be16(c));
    th_cur_skip(c, th_cur_u8(c));
    return !c->failed && extensions(c, ret, true);
}

/* RFC 8446 4.1.3: the random of a Hello Retry Request. */
static const uint8_t retry_random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d,
    0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e,
    0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

bool th_tls_server_hello(struct th_cur body, struct th_tls_hello *ret)
{
    *ret = (struct th_tls_hello){0};
    struct th_cur *c = &body;
    ret->version = ret->best = th_cur_be16(c);
    struct th_str random = th_cur_bytes(c, 32);
    ret->retry = random.len == 32 && memcmp(random.p, retry_random, 32) == 0;
    /* The drafts of TLS 1.3 before 22 have no session id here. */
    if (ret->version >> 8 != 0x7f) {
        ret->session_id = th_cur_bytes(c, th_cur_u8(c));
        ret->ciphers = be16_list(c, 2);
        th_cur_skip(c, 1);
    } else {
        ret->ciphers = be16_list(c, 2);
    }
    if (c->failed)
        return false;
    extensions(c, ret, false); /* of a broken list those before the fault count */
    return true;
}

bool th_tls_v2_hello(struct th_cur body, struct th_arena *arena, struct th_tls_hello *ret)
{
    *ret = (struct th_tls_hello){0};
    struct th_cur *c = &body;
    if (th_cur_u8(c) != 1)
        return false;
    ret->version = ret->best = ret->highest = th_cur_be16(c);
    size_t ciphers_len = th_cur_be16(c), id_len = th_cur_be16(c), random_len = th_cur_be16(c);
    struct th_str ciphers = th_cur_bytes(c, ciphers_len);
    ret->session_id = th_cur_bytes(c, id_len);
    th_cur_skip(c, random_len);
    uint8_t *kept = th_arena_alloc(arena, ciphers_len);
    if (c->failed || ciphers_len % 3 || !kept)
        return false;
    for (uint32_t i = 0; i + 3 <= ciphers.len; i += 3) {
        if (ciphers.p[i])
            continue;
        memcpy(kept + 2 * (size_t)ret->ciphers.n, ciphers.p + i + 1, 2);
        ret->ciphers.n++;
    }
    ret->ciphers.p = kept;
    return true;
}
