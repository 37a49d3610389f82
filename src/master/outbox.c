/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include "base/cursor.h"
#include "base/time.h"

#define RETRY_NS TH_NS_PER_S
#define JOINED_BYTES (1u << 20)

struct message {
    struct message *next;
    uint64_t id;
    unsigned edge, generation; /* 0: not sent yet */
    int64_t not_before_ns;
    uint16_t type;
    struct th_buf body;
};

struct th_outbox {
    struct message *first, **last;
    uint64_t next_id, refused;
    int refused_err;
    size_t bytes;
};

struct th_outbox *th_outbox_new(void)
{
    struct th_outbox *o = th_xcalloc(1, sizeof(*o));
    o->last = &o->first;
    o->next_id = 1;
    return o;
}

void th_outbox_free(struct th_outbox *o)
{
    if (!o)
        return;
    for (struct message *m = o->first; m;) {
        struct message *next = m->next;
        th_buf_done(&m->body);
        free(m);
        m = next;
    }
    free(o);
}

/* The last of this edge. */
static struct message *last_of(const struct th_outbox *o, unsigned edge)
{
    struct message *last = NULL;
    for (struct message *m = o->first; m; m = m->next)
        if (m->edge == edge)
            last = m;
    return last;
}

void th_outbox_add(struct th_outbox *o, unsigned edge, uint16_t type, struct th_str body, bool join)
{
    struct message *m = join ? last_of(o, edge) : NULL;
    bool fits = m && m->type == type && m->generation == 0 && m->not_before_ns == INT64_MIN &&
        m->body.len + body.len <= JOINED_BYTES;
    if (!fits) {
        m = th_xcalloc(1, sizeof(*m));
        m->id = o->next_id++;
        m->edge = edge;
        m->type = type;
        m->not_before_ns = INT64_MIN;
        *o->last = m;
        o->last = &m->next;
    }
    th_buf_str(&m->body, body);
    o->bytes += body.len;
}

bool th_outbox_done(
    struct th_outbox *o, unsigned edge, uint64_t id, struct th_str body, int64_t now_ns)
{
    struct message **link = &o->first;
    while (*link && ((*link)->id != id || (*link)->edge != edge))
        link = &(*link)->next;
    struct message *m = *link;
    if (!m)
        return false;
    struct th_cur c = th_cur_init(body.p, body.len);
    th_cur_skip(&c, 8);
    int err = (int)(int32_t)th_cur_le32(&c);
    if (c.failed || err < 0) {
        o->refused++;
        o->refused_err = c.failed ? TH_E_MALFORMED : err;
        m->generation = 0;
        m->not_before_ns = th_time_add(now_ns, RETRY_NS);
        return true;
    }
    *link = m->next;
    if (!m->next)
        o->last = link;
    o->bytes -= m->body.len;
    th_buf_done(&m->body);
    free(m);
    return true;
}

void th_outbox_pump(struct th_outbox *o, struct th_edges *e, int64_t now_ns)
{
    bool busy[TH_EDGES_MAX] = {false};
    for (struct message *m = o->first; m; m = m->next) {
        if (busy[m->edge])
            continue;
        busy[m->edge] = true;
        unsigned generation = th_edges_generation(e, m->edge);
        if (m->generation != generation && th_edges_up(e, m->edge) && now_ns >= m->not_before_ns &&
            th_edges_send(e, m->edge, m->type, m->id, th_buf_view(&m->body)) == 0)
            m->generation = generation;
    }
}

uint64_t th_outbox_mark(const struct th_outbox *o)
{
    return o->next_id;
}

/* The list is in the order of ids. What is joined to a message from before the mark only makes it
 * later. */
bool th_outbox_past(const struct th_outbox *o, uint64_t mark)
{
    return !o->first || o->first->id >= mark;
}

bool th_outbox_empty(const struct th_outbox *o)
{
    return !o->first;
}

size_t th_outbox_bytes(const struct th_outbox *o)
{
    return o->bytes;
}

uint64_t th_outbox_refused(const struct th_outbox *o, int *ret_err)
{
    *ret_err = o->refused_err;
    return o->refused;
}
