/* SPDX-License-Identifier: Apache-2.0 */
#include "identity_i.h"

void names_init(struct names *n, uint32_t max)
{
    n->buckets = 64;
    while (n->buckets < max / NAME_WAYS)
        n->buckets *= 2;
    n->bucket = th_xcalloc(n->buckets, sizeof(*n->bucket));
    n->e = th_xcalloc((size_t)n->buckets * NAME_WAYS, sizeof(*n->e));
}

void names_done(struct names *n)
{
    free(n->bucket);
    free(n->e);
    *n = (struct names){0};
}

static size_t bucket_of(const struct names *n, uint64_t tag)
{
    return (size_t)(tag >> 32 & (n->buckets - 1));
}

/* Way of the tag in its bucket, NAME_WAYS when it is not there. */
static size_t way_of(const struct name_bucket *b, uint64_t tag)
{
    size_t way = 0;
    while (way < NAME_WAYS && b->tag[way] != tag)
        way++;
    return way;
}

/* An empty way, else the stalest. */
static size_t way_to_give(const struct name_bucket *b)
{
    size_t way = 0;
    for (size_t i = 0; i < NAME_WAYS && b->tag[way]; i++)
        if (!b->tag[i] || b->last_ns[i] < b->last_ns[way])
            way = i;
    return way;
}

void names_fetch(const struct names *n, uint64_t tag)
{
    __builtin_prefetch(&n->bucket[bucket_of(n, tag)]);
}

struct name_entry *names_find(const struct names *n, uint64_t tag)
{
    size_t at = bucket_of(n, tag);
    size_t way = way_of(&n->bucket[at], tag);
    return way < NAME_WAYS ? &n->e[at * NAME_WAYS + way] : NULL;
}

struct name_entry *names_put(struct names *n, uint64_t tag, int64_t now_ns)
{
    size_t at = bucket_of(n, tag);
    struct name_bucket *b = &n->bucket[at];
    size_t way = way_of(b, tag);
    if (way == NAME_WAYS) {
        way = way_to_give(b);
        b->tag[way] = tag;
        memset(&n->e[at * NAME_WAYS + way], 0, sizeof(*n->e));
    }
    b->last_ns[way] = now_ns;
    return &n->e[at * NAME_WAYS + way];
}

struct name_entry *names_put_newer(struct names *n, uint64_t tag, int64_t now_ns)
{
    const struct name_bucket *b = &n->bucket[bucket_of(n, tag)];
    size_t way = way_of(b, tag);
    return way < NAME_WAYS && b->last_ns[way] > now_ns ? NULL : names_put(n, tag, now_ns);
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
