/* SPDX-License-Identifier: Apache-2.0 */
#include "match.h"

#include "base/mem.h"

static bool ends_fit(const struct th_packets_request *want, const struct th_keep_ends *e)
{
    struct th_packets_request w = *want;
    if (e->is_arp && w.proto != 0)
        return false;
    if (e->no_ports)
        w.port = w.peer_port = 0;
    return th_packets_request_fits(&w, &e->src, &e->dst, e->src_port, e->dst_port, e->proto);
}

bool keep_fits(const struct th_packets_request *want, const struct th_keep_record *r)
{
    struct th_keep_ends ends[TH_KEEP_MAX_ENDS];
    if (r->time_ns < want->from_ns || r->time_ns > want->to_ns)
        return false;
    unsigned n = th_keep_record_ends(r, ends);
    for (unsigned i = 0; i < n; i++)
        if (ends_fit(want, &ends[i]))
            return true;
    return false;
}

int keep_record_cmp(const struct th_keep_record *a, const struct th_keep_record *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    if (a->wire_len != b->wire_len)
        return a->wire_len < b->wire_len ? -1 : 1;
    if (a->linktype != b->linktype)
        return a->linktype < b->linktype ? -1 : 1;
    return memcmp(a->frame, b->frame, a->len);
}

static int by_time(const void *a, const void *b)
{
    return keep_record_cmp(a, b);
}

bool keep_match(
    const struct th_packets_request *want, struct th_str records, struct keep_matches *ret)
{
    struct th_cur c = th_cur_init(records.p, records.len);
    struct th_keep_record rec;
    struct keep_matches m = {0};
    size_t room = 0, bytes = 0;
    while (th_keep_record_next(&c, &rec)) {
        if (!keep_fits(want, &rec))
            continue;
        if (m.count == room) {
            room = room ? 2 * room : 64;
            m.v = th_xreallocarray(m.v, room, sizeof(*m.v));
        }
        m.v[m.count++] = rec;
        bytes += rec.len;
    }
    m.frames = th_xmalloc(bytes + 1);
    for (size_t i = 0, at = 0; i < m.count; i++) {
        memcpy(m.frames + at, m.v[i].frame, m.v[i].len);
        m.v[i].frame = m.frames + at;
        at += m.v[i].len;
    }
    if (m.count > 1)
        qsort(m.v, m.count, sizeof(*m.v), by_time);
    *ret = m;
    return !c.failed;
}

void keep_matches_done(struct keep_matches *m)
{
    free(m->v);
    free(m->frames);
    *m = (struct keep_matches){0};
}
