/* SPDX-License-Identifier: Apache-2.0 */
#include "nic.h"

#include "base/mem.h"

/* Columns of what came in: bytes packets errs drop fifo ... */
enum { DROP = 3, FIFO = 4 };

bool th_nic_add(struct th_nic *n, const char *text)
{
    struct th_str count = th_str_c(text);
    struct th_str name = th_str_split(&count, '=');
    bool has_count = name.len < strlen(text);
    struct th_nic_one one = {.known = has_count};
    if (n->count == TH_ARRAY_LEN(n->v) || name.len == 0 || name.len >= sizeof(one.name) ||
        (has_count && !th_str_u64(count, &one.last)))
        return false;
    memcpy(one.name, name.p, name.len);
    n->v[n->count++] = one;
    return true;
}

static struct th_str next_word(struct th_str *rest)
{
    *rest = th_str_trim(*rest);
    return th_str_split(rest, ' ');
}

/* Numbers behind the colon; a line that has too few, or others, is none. */
static bool read_line(struct th_str rest, uint64_t *ret)
{
    uint64_t sum = 0, v;
    for (int column = 0; column <= FIFO; column++) {
        if (!th_str_u64(next_word(&rest), &v))
            return false;
        sum += column == DROP || column == FIFO ? v : 0;
    }
    *ret = sum;
    return true;
}

bool th_nic_count(struct th_str text, const char *name, uint64_t *ret)
{
    while (text.len > 0) {
        struct th_str rest = th_str_split(&text, '\n');
        struct th_str line = rest;
        struct th_str is = th_str_trim(th_str_split(&rest, ':'));
        if (is.len < line.len && th_str_is(is, name))
            return read_line(rest, ret);
    }
    return false;
}

void th_nic_read(struct th_nic *n, struct th_str text)
{
    uint64_t now;
    for (size_t i = 0; i < n->count; i++) {
        struct th_nic_one *one = &n->v[i];
        if (!th_nic_count(text, one->name, &now))
            continue;
        if (one->known)
            n->lost += now >= one->last ? now - one->last : now;
        one->last = now;
        one->known = true;
    }
}
