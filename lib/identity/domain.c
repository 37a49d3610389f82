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

bool th_domain_is_hosted(struct th_str domain)
{
    const char *dot = domain.len ? memchr(domain.p, '.', domain.len) : NULL;
    return dot && !psl_is_public_suffix2(psl_builtin(), dot + 1, PSL_TYPE_ICANN);
}

static const char *const known[] = {
#define TH_KNOWN(name) name,
#include "known.def"
};

static int by_bytes(const void *a, const void *b)
{
    return th_str_cmp(*(const struct th_str *)a, th_str_c(*(const char *const *)b));
}

bool th_domain_is_known(struct th_str domain)
{
    return bsearch(&domain, known, TH_ARRAY_LEN(known), sizeof(known[0]), by_bytes) != NULL;
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
    if (host.len && host.p[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || host.len > MAX_HOST)
        return th_str_n(storage, 0);
    /* Filed under the name as it stands: a name met before is not looked through again. */
    uint64_t tag = th_siphash(&d->key, host.p, host.len) | 1;
    struct domain_slot *set = d->set[(tag >> 32) % DOMAIN_SETS];
    if (set[0].tag != tag) {
        /* The newer of the two goes first, the older one out. */
        struct domain_slot found = set[1];
        if (found.tag != tag) {
            size_t len = normalise(host, storage);
            found = (struct domain_slot){.tag = tag, .len = len ? lookup(storage, len) : 0};
        }
        set[1] = set[0];
        set[0] = found;
    }
    uint8_t dom = set[0].len;
    for (uint8_t i = 0; i < dom; i++)
        storage[i] = th_lower(host.p[host.len - dom + i]);
    return th_str_n(storage, dom);
}
