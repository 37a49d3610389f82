/* SPDX-License-Identifier: Apache-2.0 */
#include "identity_i.h"

#include <libpsl.h>

#define MAX_HOST 253u /* RFC 1035 2.3.4, without the root's dot */

/* Lower case without the final dot; 0 when it is no host name. */
static size_t normalise(struct th_str host, char out[256])
{
    if (host.len && host.p[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || host.len > MAX_HOST || host.p[0] == '.' || host.p[host.len - 1] == '.')
        return 0;
    bool dot = false;
    for (uint32_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.p[i];
        if (c <= ' ' || c == ':' || c == 0x7f || (c == '.' && host.p[i - 1] == '.'))
            return 0;
        dot = dot || c == '.';
        out[i] = th_lower((char)c);
    }
    out[host.len] = '\0';
    return dot ? host.len : 0;
}

/* Length of the registered domain at the end of a normalised name; 0 for none. */
static uint8_t lookup(const char *name, size_t len)
{
    struct th_addr a;
    if (name[len - 1] >= '0' && name[len - 1] <= '9' && th_addr_parse(th_str_n(name, len), &a))
        return 0;
    const char *dom = psl_registrable_domain(psl_builtin(), name);
    return dom ? (uint8_t)strlen(dom) : 0;
}

struct th_str th_registered_domain(struct th_str host, char storage[256])
{
    size_t len = normalise(host, storage);
    uint8_t dom = len ? lookup(storage, len) : 0;
    return th_str_n(storage + len - dom, dom);
}

struct th_domains *th_domains_new(const struct th_hash_key *key)
{
    struct th_domains *d = th_xcalloc(1, sizeof(*d));
    d->key = *key;
    return d;
}

void th_domains_free(struct th_domains *d)
{
    free(d);
}

struct th_str th_domains_get(struct th_domains *d, struct th_str host, char storage[256])
{
    size_t len = normalise(host, storage);
    if (!len)
        return th_str_n(storage, 0);
    uint64_t tag = th_siphash(&d->key, storage, len) | 1;
    uint32_t at = (uint32_t)(tag >> 32) % DOMAIN_CACHE_SIZE;
    if (d->slot[at].tag != tag) {
        d->slot[at].tag = tag;
        d->slot[at].dom_len = lookup(storage, len);
    }
    uint8_t dom = d->slot[at].dom_len;
    return th_str_n(storage + len - dom, dom);
}
