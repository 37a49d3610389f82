/* SPDX-License-Identifier: Apache-2.0 */
#include "index.h"

#include "base/hash.h"
#include "base/mem.h"

enum { BITS_A_HOST = 4 };

/* Fixed: an index is read by other runs than the one that wrote it, and it lies sealed. */
static const struct th_hash_key hash_key = {.k0 = 0x7061636b6574732e, .k1 = 0x686f7374732e7631};

void keep_index_init(struct keep_index *x)
{
    *x = (struct keep_index){
        .first_ns = INT64_MAX, .last_ns = INT64_MIN, .host_bytes = KEEP_HOSTS_MAX_BYTES};
}

void keep_index_packet(struct keep_index *x, int64_t time_ns)
{
    x->first_ns = TH_MIN(x->first_ns, time_ns);
    x->last_ns = TH_MAX(x->last_ns, time_ns);
    x->packets++;
}

/* The n-th bit of a host, in a filter of so many bytes: halving one leaves the lower bits of its
 * number. */
static uint32_t bit_of(uint64_t hash, unsigned n, uint32_t host_bytes)
{
    return (uint32_t)(hash >> 16 * n) & (host_bytes * 8 - 1) & UINT16_MAX;
}

static uint64_t hash_of(const struct th_addr *host)
{
    return th_siphash(&hash_key, host->b, sizeof(host->b));
}

void keep_index_host(struct keep_index *x, const struct th_addr *host)
{
    uint64_t hash = hash_of(host);
    for (unsigned n = 0; n < BITS_A_HOST; n++) {
        uint32_t bit = bit_of(hash, n, x->host_bytes);
        x->hosts[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
}

static uint32_t bits_set(const struct keep_index *x)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->host_bytes; i++)
        n += (uint32_t)__builtin_popcount(x->hosts[i]);
    return n;
}

void keep_index_end(struct keep_index *x)
{
    /* At most a quarter of the bits of the half: one in 256 that are not there seems to be. */
    while (x->host_bytes > KEEP_HOSTS_MIN_BYTES && bits_set(x) <= x->host_bytes) {
        x->host_bytes /= 2;
        for (uint32_t i = 0; i < x->host_bytes; i++)
            x->hosts[i] |= x->hosts[x->host_bytes + i];
    }
}

bool keep_index_has(const struct keep_index *x, const struct th_addr *host)
{
    uint64_t hash = hash_of(host);
    for (unsigned n = 0; n < BITS_A_HOST && x->host_bytes > 0; n++) {
        uint32_t bit = bit_of(hash, n, x->host_bytes);
        if (!(x->hosts[bit / 8] & 1u << bit % 8))
            return false;
    }
    return true;
}

void keep_index_add(struct keep_index *x, const struct keep_index *more)
{
    x->first_ns = TH_MIN(x->first_ns, more->first_ns);
    x->last_ns = TH_MAX(x->last_ns, more->last_ns);
    x->written_ns = TH_MAX(x->written_ns, more->written_ns);
    x->packets += more->packets;
}

void keep_index_put(struct th_buf *out, const struct keep_index *x)
{
    th_buf_le64(out, (uint64_t)x->first_ns);
    th_buf_le64(out, (uint64_t)x->last_ns);
    th_buf_le64(out, (uint64_t)x->written_ns);
    th_buf_le64(out, x->packets);
    th_buf_le64(out, x->host_bytes);
    th_buf_put(out, x->hosts, x->host_bytes);
}

bool keep_index_read(struct th_cur *c, struct keep_index *ret)
{
    keep_index_init(ret);
    ret->first_ns = (int64_t)th_cur_le64(c);
    ret->last_ns = (int64_t)th_cur_le64(c);
    ret->written_ns = (int64_t)th_cur_le64(c);
    ret->packets = th_cur_le64(c);
    uint64_t host_bytes = th_cur_le64(c);
    if (host_bytes > KEEP_HOSTS_MAX_BYTES || (host_bytes & (host_bytes - 1)) != 0 ||
        (host_bytes > 0 && host_bytes < KEEP_HOSTS_MIN_BYTES))
        th_cur_fail(c);
    ret->host_bytes = (uint32_t)host_bytes;
    struct th_str hosts = th_cur_bytes(c, (size_t)host_bytes);
    if (c->failed)
        return false;
    memcpy(ret->hosts, hosts.p, hosts.len);
    return th_cur_left(c) == 0;
}
