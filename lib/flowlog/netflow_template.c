/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "netflow_priv.h"

static void free_held(struct th_nf_stream *s)
{
    for (struct th_nf_held *h = s->held, *next; h; h = next) {
        next = h->next;
        free(h);
    }
    s->held = NULL;
    s->held_end = &s->held;
    s->held_count = s->held_bytes = 0;
}

static void free_templates(struct th_nf_stream *s)
{
    for (struct th_nf_template *t = s->templates, *next; t; t = next) {
        next = t->next;
        free(t);
    }
    s->templates = NULL;
    s->template_count = 0;
}

void th_nf_stream_done(struct th_nf_stream *s)
{
    free_held(s);
    free_templates(s);
}

/* ---- the templates of a stream ---- */

/* Takes it out of the list. */
static struct th_nf_template *cut_out(struct th_nf_stream *s, uint16_t id)
{
    for (struct th_nf_template **at = &s->templates; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            struct th_nf_template *t = *at;
            *at = t->next;
            return t;
        }
    return NULL;
}

static void put_first(struct th_nf_stream *s, struct th_nf_template *t)
{
    t->next = s->templates;
    s->templates = t;
}

static void drop(struct th_netflow *n, struct th_nf_stream *s, uint16_t id)
{
    struct th_nf_template *t = cut_out(s, id);
    if (!t)
        return;
    free(t);
    s->template_count--;
    n->counts.templates_now--;
}

static void drop_last(struct th_netflow *n, struct th_nf_stream *s)
{
    const struct th_nf_template *last = s->templates;
    while (last->next)
        last = last->next;
    drop(n, s, last->id);
    n->counts.templates_gone++;
}

static void keep(struct th_netflow *n, struct th_nf_stream *s, struct th_nf_template *t)
{
    drop(n, s, t->id);
    if (s->template_count == TH_NETFLOW_MAX_TEMPLATES)
        drop_last(n, s);
    put_first(s, t);
    s->template_count++;
    n->counts.templates_now++;
    n->counts.templates++;
}

/* ---- reading them ---- */

/* The enterprise bit is IPFIX's (RFC 7011 section 3.2). */
static struct th_nf_field read_field(struct th_cur *c, bool v9)
{
    struct th_nf_field f = {.id = th_cur_be16(c)};
    f.len = th_cur_be16(c);
    if (!v9 && f.id & 0x8000) {
        f.enterprise = th_cur_be32(c);
        f.id &= 0x7fff;
    }
    return f;
}

/* NULL: it is of no use, though it may be read over; the cursor says whether it was read. Fields of
 * no length tell nothing, and would make records of a byte as long to read as one likes. */
static struct th_nf_template *read_fields(struct th_cur *c, uint16_t id, uint32_t count, bool v9)
{
    struct th_nf_template *t =
        th_xcalloc(1, sizeof(*t) + TH_MIN(count, TH_NETFLOW_MAX_FIELDS) * sizeof(t->fields[0]));
    t->id = id;
    for (uint32_t i = 0; i < count && !c->failed; i++) {
        struct th_nf_field f = read_field(c, v9);
        t->min_len += f.len == TH_NETFLOW_VARIABLE ? 1 : f.len;
        if (f.len && i < TH_NETFLOW_MAX_FIELDS)
            t->fields[t->count++] = f;
    }
    if (!c->failed && id >= TH_SET_DATA && count <= TH_NETFLOW_MAX_FIELDS && t->min_len > 0 &&
        t->min_len <= UINT16_MAX)
        return t;
    free(t);
    return NULL;
}

static void read_held(struct th_netflow *n, struct th_nf_datagram *d, struct th_nf_held *h,
    const struct th_nf_template *t, int *err)
{
    struct th_nf_datagram then = {.stream = d->stream,
        .now_ns = h->now_ns,
        .export_ns = h->export_ns,
        .shift_ns = h->shift_ns,
        .uptime_ms = h->uptime_ms};
    if (*err == 0)
        *err = th_nf_records(n, &then, t, th_cur_init(h->bytes, h->len));
}

/* What waited for this template. */
static int release(struct th_netflow *n, struct th_nf_datagram *d, const struct th_nf_template *t)
{
    struct th_nf_stream *s = d->stream;
    int err = 0;
    struct th_nf_held **at = &s->held;
    while (*at) {
        struct th_nf_held *h = *at;
        if (h->set_id != t->id) {
            at = &h->next;
            continue;
        }
        *at = h->next;
        s->held_count--;
        s->held_bytes -= h->len;
        read_held(n, d, h, t, &err);
        free(h);
    }
    s->held_end = at;
    return err;
}

static int learn(struct th_netflow *n, struct th_nf_datagram *d, struct th_nf_template *t)
{
    if (!t) {
        n->counts.malformed++;
        return 0;
    }
    keep(n, d->stream, t);
    return release(n, d, t);
}

/* A template without fields takes one back, one of the set's number all (RFC 7011 section 8.1). */
static void withdraw(struct th_netflow *n, struct th_nf_stream *s, uint16_t id, uint16_t all)
{
    if (id != all) {
        drop(n, s, id);
        return;
    }
    bool options = all == TH_SET_OPTIONS;
    for (struct th_nf_template *t = s->templates, *next; t; t = next) {
        next = t->next;
        if (t->options == options)
            drop(n, s, t->id);
    }
}

int th_nf_templates(struct th_netflow *n, struct th_nf_datagram *d, struct th_cur set)
{
    bool v9 = d->stream->version == TH_NETFLOW_V9;
    int r = 0;
    while (r == 0 && th_cur_left(&set) >= 4) {
        uint16_t id = th_cur_be16(&set);
        uint16_t count = th_cur_be16(&set);
        if (v9 && id < TH_SET_DATA) /* padding */
            break;
        if (count == 0)
            withdraw(n, d->stream, id, TH_SET_TEMPLATE);
        else
            r = learn(n, d, read_fields(&set, id, count, v9));
    }
    return r;
}

/* Version 9 tells lengths of the two kinds of fields, IPFIX numbers (RFC 3954 section 6.1,
 * RFC 7011 section 3.4.2.2). */
static int learn_options(
    struct th_netflow *n, struct th_nf_datagram *d, struct th_cur *set, uint16_t id)
{
    bool v9 = d->stream->version == TH_NETFLOW_V9;
    uint32_t first = th_cur_be16(set);
    if (!v9 && first == 0) {
        withdraw(n, d->stream, id, TH_SET_OPTIONS);
        return 0;
    }
    uint32_t second = th_cur_be16(set);
    uint32_t count = v9 ? first / 4 + second / 4 : first;
    struct th_nf_template *t = read_fields(set, id, count, v9);
    if (t)
        t->options = true;
    return learn(n, d, t);
}

int th_nf_options(struct th_netflow *n, struct th_nf_datagram *d, struct th_cur set)
{
    int r = 0;
    while (r == 0 && th_cur_left(&set) >= 4) {
        uint16_t id = th_cur_be16(&set);
        if (id < TH_SET_DATA && id != TH_SET_OPTIONS) /* padding */
            break;
        r = learn_options(n, d, &set, id);
    }
    return r;
}

/* ---- data ---- */

static void hold(
    struct th_netflow *n, const struct th_nf_datagram *d, uint16_t set_id, struct th_cur set)
{
    struct th_nf_stream *s = d->stream;
    uint32_t len = (uint32_t)th_cur_left(&set);
    while (s->held &&
        (s->held_count == TH_NETFLOW_MAX_HELD || s->held_bytes + len > TH_NETFLOW_MAX_HELD_BYTES)) {
        struct th_nf_held *oldest = s->held;
        s->held = oldest->next;
        s->held_count--;
        s->held_bytes -= oldest->len;
        n->counts.no_template++;
        free(oldest);
    }
    if (!s->held)
        s->held_end = &s->held;
    if (len > TH_NETFLOW_MAX_HELD_BYTES) {
        n->counts.no_template++;
        return;
    }
    struct th_nf_held *h = th_xmalloc(sizeof(*h) + len);
    *h = (struct th_nf_held){.set_id = set_id,
        .len = len,
        .export_ns = d->export_ns,
        .shift_ns = d->shift_ns,
        .now_ns = d->now_ns,
        .uptime_ms = d->uptime_ms};
    memcpy(h->bytes, set.p, len);
    *s->held_end = h;
    s->held_end = &h->next;
    s->held_count++;
    s->held_bytes += len;
}

int th_nf_data(struct th_netflow *n, struct th_nf_datagram *d, uint16_t set_id, struct th_cur set)
{
    struct th_nf_template *t = cut_out(d->stream, set_id);
    if (!t) {
        hold(n, d, set_id, set);
        return 0;
    }
    put_first(d->stream, t);
    return th_nf_records(n, d, t, set);
}
