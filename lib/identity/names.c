/* SPDX-License-Identifier: Apache-2.0 */
#include "identity_i.h"

void names_init(struct names *n, uint32_t max)
{
    n->buckets = 64;
    while (n->buckets < max / NAME_WAYS)
        n->buckets *= 2;
    n->tag = th_xcalloc((size_t)n->buckets * NAME_WAYS, sizeof(*n->tag));
    n->e = th_xcalloc((size_t)n->buckets * NAME_WAYS, sizeof(*n->e));
}

void names_done(struct names *n)
{
    free(n->tag);
    free(n->e);
    *n = (struct names){0};
}

/* First entry of the tag's bucket. */
static size_t bucket(const struct names *n, uint64_t tag)
{
    return (size_t)(tag >> 32 & (n->buckets - 1)) * NAME_WAYS;
}

struct name_entry *names_find(const struct names *n, uint64_t tag)
{
    size_t b = bucket(n, tag);
    for (size_t i = b; i < b + NAME_WAYS; i++)
        if (n->tag[i] == tag)
            return &n->e[i];
    return NULL;
}

struct name_entry *names_put(struct names *n, uint64_t tag, int64_t now_ns)
{
    struct name_entry *e = names_find(n, tag);
    if (!e) {
        size_t b = bucket(n, tag);
        size_t at = b;
        for (size_t i = b; i < b + NAME_WAYS && n->tag[at]; i++)
            if (!n->tag[i] || n->e[i].last_ns < n->e[at].last_ns)
                at = i;
        e = &n->e[at];
        memset(e, 0, sizeof(*e));
        n->tag[at] = tag;
    }
    e->last_ns = now_ns;
    return e;
}

void name_set(struct th_identity *id, struct name_entry *e, struct th_str name)
{
    char storage[256];
    struct th_str dom = th_domains_get(id->domains, name, storage);
    if (name.len && name.p[name.len - 1] == '.')
        name.len--;
    /* A name too long keeps its end, where the registered domain is. */
    if (name.len > NAME_LEN)
        name = th_str_n(name.p + (name.len - NAME_LEN), NAME_LEN);
    e->name_len = (uint8_t)name.len;
    for (uint32_t i = 0; i < name.len; i++)
        e->name[i] = name.p[i] > ' ' && name.p[i] < 0x7f ? th_lower(name.p[i]) : '?';
    e->dom_len = dom.len <= name.len ? (uint8_t)dom.len : 0;
    e->key = e->dom_len ? th_siphash(&id->key, dom.p, dom.len) | 1 : 0;
}
