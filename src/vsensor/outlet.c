/* SPDX-License-Identifier: Apache-2.0 */
#include "outlet.h"

#include "base/mem.h"
#include "event/batch.h"
#include "event/run.h"

struct item {
    struct item *next;
    uint64_t number;
    uint16_t type;
    uint32_t len;
    uint8_t bytes[];
};

/* What was lost and not told yet. */
struct loss {
    bool is;
    uint64_t events;
    int64_t first_ns, last_ns;
};

struct th_outlet {
    struct th_outlet_config config;
    struct th_sorter *sorter;
    struct th_batch_writer *batch;
    struct th_buf frame;
    int64_t complete_until_ns;
    struct item *first, *last; /* not saved yet, in order */
    struct item *unsent;       /* first of these that this connection has not had */
    unsigned generation;       /* of the connection */
    struct loss loss;
    struct th_outlet_counts counts;
};

static const size_t loss_bytes = 32;

static void keep(struct th_outlet *o, uint16_t type, const struct th_buf *b)
{
    struct item *item = th_xmalloc(sizeof(*item) + b->len);
    item->next = NULL;
    item->number = ++o->counts.last;
    item->type = type;
    item->len = (uint32_t)b->len;
    memcpy(item->bytes, b->p, b->len);
    if (o->last)
        o->last->next = item;
    else
        o->first = item;
    o->last = item;
    if (!o->unsent)
        o->unsent = item;
    o->counts.waiting_bytes += item->len;
}

bool th_outlet_full(const struct th_outlet *o)
{
    return o->counts.waiting_bytes + TH_BATCH_TARGET_RAW_BYTES > o->config.max_bytes;
}

void th_outlet_skip(struct th_outlet *o, uint32_t number)
{
    o->counts.last = TH_MAX(o->counts.last, (uint64_t)number);
}

/* ---- what is lost ---- */

void th_outlet_missed(struct th_outlet *o, int64_t first_ns, int64_t last_ns)
{
    struct loss *l = &o->loss;
    l->first_ns = l->is ? TH_MIN(l->first_ns, first_ns) : first_ns;
    l->last_ns = l->is ? TH_MAX(l->last_ns, last_ns) : last_ns;
    l->is = true;
}

static void lose(struct th_outlet *o, const struct th_batch_head *head)
{
    th_outlet_missed(o, head->first_ns, head->last_ns);
    o->loss.events += head->count;
    o->counts.lost_frames++;
    o->counts.lost_events += head->count;
}

/* As soon as there is room: what stands before it in time must be told before it. */
static void tell_loss(struct th_outlet *o)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    if (!o->loss.is)
        return;
    th_buf_le32(&b, o->config.run);
    th_buf_le32(&b, 0);
    th_buf_le64(&b, o->loss.events);
    th_buf_le64(&b, (uint64_t)o->loss.first_ns);
    th_buf_le64(&b, (uint64_t)o->loss.last_ns);
    TH_ASSERT(b.len == loss_bytes);
    keep(o, TH_SENSOR_LOST, &b);
    o->loss = (struct loss){0};
}

/* ---- frames ---- */

static int finish_frame(struct th_outlet *o)
{
    struct th_batch_head head = {.input = o->config.run,
        .run = (uint32_t)(o->counts.last + (o->loss.is ? 2 : 1)),
        .complete_until_ns = o->complete_until_ns};
    th_buf_clear(&o->frame);
    int r = th_batch_finish(o->batch, &head, &o->frame);
    if (r < 0)
        return r;
    if (o->config.may_lose && th_outlet_full(o)) {
        lose(o, &head);
        return 0;
    }
    tell_loss(o);
    keep(o, (uint16_t)o->config.type, &o->frame);
    o->counts.frames++;
    o->counts.events += head.count;
    return 0;
}

/* The sorter's sink. */
static int add_sorted(void *arg, const struct th_event *ev)
{
    struct th_outlet *o = arg;
    int r = th_batch_full(o->batch) ? finish_frame(o) : 0;
    if (r == 0)
        r = th_batch_add(o->batch, ev);
    if (r == TH_E_LIMIT) { /* larger than the room that was left */
        r = finish_frame(o);
        if (r == 0)
            r = th_batch_add(o->batch, ev);
    }
    if (r != -EMSGSIZE)
        return r;
    o->counts.oversize_events++;
    return 0;
}

struct th_outlet *th_outlet_new(const struct th_outlet_config *config)
{
    struct th_outlet *o = th_xcalloc(1, sizeof(*o));
    const struct th_sink sink = {.put = add_sorted, .arg = o};
    o->config = *config;
    o->counts.last = o->counts.saved = config->number;
    o->complete_until_ns = INT64_MIN;
    o->sorter = th_sorter_new(0, 0, &sink);
    o->batch = th_batch_writer_new();
    return o;
}

void th_outlet_free(struct th_outlet *o)
{
    if (!o)
        return;
    for (struct item *i = o->first, *next; i; i = next) {
        next = i->next;
        free(i);
    }
    th_sorter_free(o->sorter);
    th_batch_writer_free(o->batch);
    th_buf_done(&o->frame);
    free(o);
}

int th_outlet_put(struct th_outlet *o, const struct th_event *ev)
{
    return th_sorter_put(o->sorter, ev);
}

int th_outlet_flush(struct th_outlet *o, int64_t complete_until_ns, bool always)
{
    uint64_t before = o->counts.last;
    int r = th_sorter_flush(o->sorter);
    /* Only the last frame says it: the others of this flush are still followed by older events. */
    o->complete_until_ns = TH_MAX(o->complete_until_ns, complete_until_ns);
    bool empty = th_batch_count(o->batch) == 0;
    if (r == 0 && (!empty || (always && o->counts.last == before)))
        r = finish_frame(o);
    return r;
}

/* ---- sending ---- */

void th_outlet_turn(struct th_outlet *o)
{
    unsigned generation = th_edges_generation(o->config.edges, o->config.edge);
    if (!th_edges_up(o->config.edges, o->config.edge))
        return;
    if (generation != o->generation) {
        o->generation = generation;
        o->unsent = o->first;
    }
    while (o->unsent) {
        struct item *i = o->unsent;
        if (th_edges_send(o->config.edges, o->config.edge, i->type, i->number,
                th_str_n(i->bytes, i->len)) < 0)
            return;
        o->unsent = i->next;
    }
}

void th_outlet_saved(struct th_outlet *o, uint64_t number)
{
    while (o->first && o->first->number <= number) {
        struct item *i = o->first;
        if (o->unsent == i)
            o->unsent = i->next;
        o->first = i->next;
        o->counts.waiting_bytes -= i->len;
        free(i);
    }
    if (!o->first)
        o->last = NULL;
    o->counts.saved = TH_MAX(o->counts.saved, TH_MIN(number, o->counts.last));
}

void th_outlet_counts(const struct th_outlet *o, struct th_outlet_counts *ret)
{
    *ret = o->counts;
}
