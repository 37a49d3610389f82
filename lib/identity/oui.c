/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/oui.h"

#include "base/buf.h"
#include "base/mem.h"

struct maker {
    uint32_t prefix;
    uint32_t name_at; /* in names */
    uint8_t name_len;
};

struct th_oui {
    struct maker *maker; /* by prefix */
    size_t count, cap;
    struct th_buf names;
};

static int by_prefix(const void *a, const void *b)
{
    const struct maker *x = a;
    const struct maker *y = b;
    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    return (x->name_at > y->name_at) - (x->name_at < y->name_at); /* the first said counts */
}

/* The next field of a line of CSV (RFC 4180), without its quotes. */
static struct th_str field(struct th_str *line)
{
    bool quoted = line->len && line->p[0] == '"';
    uint32_t from = quoted;
    uint32_t n = from;
    while (n < line->len &&
        (quoted ? line->p[n] != '"' || (n + 1 < line->len && line->p[n + 1] == '"')
                : line->p[n] != ','))
        n += quoted && line->p[n] == '"' ? 2 : 1;
    struct th_str f = th_str_n(line->p + from, n - from);
    n += quoted && n < line->len;
    n += n < line->len; /* the comma */
    *line = th_str_n(line->p + n, line->len - n);
    return f;
}

static bool hex24(struct th_str s, uint32_t *ret)
{
    *ret = 0;
    for (uint32_t i = 0; i < s.len; i++) {
        char c = th_lower(s.p[i]);
        int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (v < 0)
            return false;
        *ret = *ret << 4 | (uint32_t)v;
    }
    return s.len == 6;
}

static void add(struct th_oui *o, uint32_t prefix, struct th_str name)
{
    if (o->count == o->cap) {
        o->cap = o->cap ? o->cap * 2 : 4096;
        o->maker = th_xreallocarray(o->maker, o->cap, sizeof(*o->maker));
    }
    uint32_t len = TH_MIN(name.len, TH_OUI_NAME_MAX);
    o->maker[o->count++] = (struct maker){
        .prefix = prefix, .name_at = (uint32_t)o->names.len, .name_len = (uint8_t)len};
    for (uint32_t i = 0; i < len; i++)
        th_buf_u8(&o->names, name.p[i] >= ' ' && name.p[i] < 0x7f ? (uint8_t)name.p[i] : '?');
}

struct th_oui *th_oui_new(struct th_str csv)
{
    struct th_oui *o = th_xcalloc(1, sizeof(*o));
    while (csv.len && o->count < TH_OUI_MAX) {
        uint32_t prefix;
        struct th_str line = th_str_split(&csv, '\n');
        struct th_str registry = field(&line);
        struct th_str assignment = field(&line);
        struct th_str name = th_str_trim(field(&line));
        if (th_str_is(registry, "MA-L") && hex24(assignment, &prefix) && name.len)
            add(o, prefix, name);
    }
    if (o->count)
        qsort(o->maker, o->count, sizeof(*o->maker), by_prefix);
    return o;
}

void th_oui_free(struct th_oui *o)
{
    if (!o)
        return;
    free(o->maker);
    th_buf_done(&o->names);
    free(o);
}

size_t th_oui_count(const struct th_oui *o)
{
    return o ? o->count : 0;
}

struct th_str th_oui_maker(const struct th_oui *o, const struct th_mac *m)
{
    if (!o || th_mac_is_random(m))
        return (struct th_str){0};
    uint32_t prefix = (uint32_t)m->b[0] << 16 | (uint32_t)m->b[1] << 8 | m->b[2];
    size_t from = 0;
    for (size_t to = o->count; from < to;) {
        size_t mid = from + (to - from) / 2;
        if (o->maker[mid].prefix < prefix)
            from = mid + 1;
        else
            to = mid;
    }
    if (from == o->count || o->maker[from].prefix != prefix)
        return (struct th_str){0};
    return th_str_n(o->names.p + o->maker[from].name_at, o->maker[from].name_len);
}
