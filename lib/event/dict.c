/* SPDX-License-Identifier: Apache-2.0 */
#include "dict.h"

#include "wire.h"

static const uint32_t first_slots = 64;
static const uint32_t max_probes = 8;

void th_dict_done(struct th_dict *d)
{
    free(d->entries);
    free(d->slots);
    free(d->bytes);
    *d = (struct th_dict){0};
}

void th_dict_clear(struct th_dict *d)
{
    if (d->count)
        memset(d->slots, 0, d->slot_count * sizeof(*d->slots));
    d->count = 0;
    d->bytes_len = 0;
    d->last = 0;
}

static inline uint64_t load(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    memcpy(&v, p, n);
    return v;
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    __uint128_t m = (__uint128_t)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Fast and unkeyed: see the header for why that is enough. */
static inline uint32_t hash_of(const uint8_t *p, uint32_t len)
{
    uint64_t h = len ^ UINT64_C(0x9e3779b97f4a7c15);
    uint32_t i = 0;
    for (; len - i > 8; i += 8)
        h = fold(h ^ load(p + i, 8), UINT64_C(0xa0761d6478bd642f));
    if (len >= 8)
        h ^= load(p + len - 8, 8);
    else if (len >= 4)
        h ^= load(p, 4) << 32 | load(p + len - 4, 4);
    else if (len)
        h ^= (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1];
    h = fold(h, UINT64_C(0xe7037ed1a0b428db));
    return (uint32_t)(h ^ h >> 32);
}

/* memcmp without the call: most strings are shorter than a cache line. */
static inline bool equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
    uint32_t i = 0;
    for (; len - i > 8; i += 8)
        if (load(a + i, 8) != load(b + i, 8))
            return false;
    if (len >= 8)
        return load(a + len - 8, 8) == load(b + len - 8, 8);
    if (len >= 4)
        return load(a, 4) == load(b, 4) && load(a + len - 4, 4) == load(b + len - 4, 4);
    return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
}

static inline bool same(const struct th_dict *d, uint32_t i, const void *p, uint32_t len)
{
    const struct th_dict_entry *e = &d->entries[i];
    return e->len == len && equal(d->bytes + e->at, p, len);
}

static void enter_slot(struct th_dict *d, uint32_t index)
{
    uint32_t mask = d->slot_count - 1;
    uint32_t at = d->entries[index].hash & mask;
    for (uint32_t n = 0; n < max_probes; n++, at = (at + 1) & mask) {
        if (d->slots[at] == 0) {
            d->slots[at] = index + 1;
            return;
        }
    }
}

static void grow_slots(struct th_dict *d)
{
    d->slot_count = d->slot_count ? d->slot_count * 4 : first_slots;
    free(d->slots);
    d->slots = th_xcalloc(d->slot_count, sizeof(*d->slots));
    for (uint32_t i = 0; i < d->count; i++)
        enter_slot(d, i);
}

static uint32_t enter(struct th_dict *d, const void *p, uint32_t len, uint32_t hash)
{
    if (d->count == d->room) {
        d->room = d->room ? d->room * 2 : 32;
        d->entries = th_xreallocarray(d->entries, d->room, sizeof(*d->entries));
    }
    if (d->bytes_room - d->bytes_len < len) {
        d->bytes_room = TH_MAX(d->bytes_room * 2, d->bytes_len + len + 256);
        d->bytes = th_xrealloc(d->bytes, d->bytes_room);
    }
    if (len)
        memcpy(d->bytes + d->bytes_len, p, len);
    d->entries[d->count] = (struct th_dict_entry){.hash = hash, .at = d->bytes_len, .len = len};
    d->bytes_len += len;
    enter_slot(d, d->count);
    return d->count++;
}

uint32_t th_dict_add(struct th_dict *d, const void *p, uint32_t len, bool *ret_new)
{
    *ret_new = false;
    if (d->count && same(d, d->last, p, len))
        return d->last;
    if (d->count * 2 >= d->slot_count)
        grow_slots(d);
    uint32_t hash = hash_of(p, len);
    uint32_t mask = d->slot_count - 1;
    uint32_t at = hash & mask;
    for (uint32_t n = 0; n < max_probes && d->slots[at]; n++, at = (at + 1) & mask) {
        uint32_t i = d->slots[at] - 1;
        if (d->entries[i].hash == hash && same(d, i, p, len)) {
            d->last = i;
            return i;
        }
    }
    *ret_new = true;
    d->last = enter(d, p, len, hash);
    return d->last;
}

void th_dict_write(const struct th_dict *d, struct th_buf *out)
{
    uint8_t *p = th_buf_reserve(out, (size_t)(d->count + 1) * TH_WIRE_VARINT_BYTES);
    if (!p)
        return;
    uint8_t *begin = p;
    p = th_wire_put(p, d->count);
    for (uint32_t i = 0; i < d->count; i++)
        p = th_wire_put(p, d->entries[i].len);
    th_buf_commit(out, (size_t)(p - begin));
    th_buf_put(out, d->bytes, d->bytes_len);
}
