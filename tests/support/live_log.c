/* SPDX-License-Identifier: Apache-2.0 */
#include "live_log.h"

#include "link/envelope.h"
#include "office.h"
#include "store/log.h"

#define SENSOR_ID 0x5e50u
#define TICK_NS (10 * TH_NS_PER_S)
#define WAIT_NS (TH_NS_PER_S / 2) /* on the way */

/* ---- events ---- */

static void keep(void *arg, const struct th_event *ev)
{
    struct live_events *e = arg;
    if (e->n == e->cap) {
        e->cap = e->cap ? 2 * e->cap : 4096;
        e->v = th_xreallocarray(e->v, e->cap, sizeof(struct th_event *));
    }
    e->v[e->n] = th_event_copy(&e->arena, ev);
    TH_ASSERT(e->v[e->n]);
    e->n++;
}

static void run_office(struct live_events *e, uint64_t seed, uint8_t site, unsigned devices,
    unsigned hours, const char *const *inject)
{
    struct office o = office_init(seed);
    o.opt.site = site;
    o.opt.devices = devices;
    o.opt.end_ns = o.opt.start_ns + (int64_t)hours * TH_NS_PER_HOUR;
    o.light = true;
    o.each = keep;
    o.arg = e;
    for (unsigned i = 0; inject && inject[i]; i++)
        o.inject[i] = inject[i];
    office_run(&o);
    e->start_ns = o.opt.start_ns;
    e->end_ns = o.opt.end_ns;
    office_done(&o);
}

void live_events_make(struct live_events *e, uint64_t seed, unsigned devices, unsigned hours,
    const char *const *inject)
{
    *e = (struct live_events){.arena = {.limit_bytes = (size_t)2 << 30}};
    run_office(e, seed, 0, devices, hours, inject);
}

static int by_time(const void *a, const void *b)
{
    return th_event_cmp(*(struct th_event *const *)a, *(struct th_event *const *)b);
}

void live_events_add_site(struct live_events *e, uint64_t seed, unsigned devices, unsigned hours,
    const char *const *inject)
{
    run_office(e, seed, LIVE_SITE_OCTET, devices, hours, inject);
    qsort(e->v, e->n, sizeof(struct th_event *), by_time);
}

void live_events_done(struct live_events *e)
{
    th_arena_done(&e->arena);
    free(e->v);
}

static const struct th_addr *side(const struct th_event *ev, const char *name)
{
    const struct th_kind_info *k = th_kind_get(ev->kind);
    int f = th_field_find(k, th_str_c(name));
    return f >= 0 && ev->set >> f & 1 ? th_event_field(ev, &k->fields[f]) : NULL;
}

static unsigned sensor_of(const struct live_log_options *o, const struct th_event *ev)
{
    static const char *const names[] = {
        "id.orig_h", "orig_h", "assigned_addr", "client_addr", "requested_addr"};
    const struct th_addr *a = NULL;
    for (size_t i = 0; i < TH_ARRAY_LEN(names) && !a; i++)
        a = side(ev, names[i]);
    if (o->by_site)
        return a && a->b[13] == LIVE_SITE_OCTET;
    return a && !o->one_sensor ? a->b[15] & 1 : 0;
}

/* ---- the log ---- */

void live_log_record(struct live_log *l, uint8_t type, int64_t time_ns, struct th_str body)
{
    uint64_t position;
    TH_ASSERT(th_journal_add(l->journal, type, l->still ? 1 : time_ns, body, &position) == 0);
    l->next = position + 1;
}

void live_log_control(struct live_log *l, int64_t time_ns, const char *json)
{
    live_log_record(l, TH_RECORD_CONTROL, time_ns, th_str_c(json));
}

void live_log_body(struct th_buf *out, unsigned sensor, uint64_t sequence, int64_t offset_ns,
    struct th_event *const *v, size_t n)
{
    static const uint8_t seed[TH_SIGN_SEED_BYTES] = {7};
    struct th_sign_key key;
    TH_AUTOBUF struct th_buf frame = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf envelope = TH_BUF_INIT;
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_batch_head head = {0};
    for (size_t i = 0; i < n; i++)
        TH_ASSERT(th_batch_add(w, v[i]) == 0);
    head.complete_until_ns = n ? v[n - 1]->time_ns : 0;
    TH_ASSERT(th_batch_finish(w, &head, &frame) == 0);
    th_batch_writer_free(w);
    struct th_envelope e = {.version = TH_LINK_VERSION,
        .kind = TH_ENVELOPE_EVENTS,
        .instance = 1,
        .sensor = SENSOR_ID + sensor,
        .epoch = 1,
        .sequence = sequence,
        .sent_ns = head.last_ns,
        .events = head.count,
        .complete_until_ns = head.complete_until_ns,
        .first_ns = head.first_ns,
        .last_ns = head.last_ns,
        .payload = th_buf_view(&frame)};
    memcpy(&e.raw_len, frame.p + 12, sizeof(e.raw_len));
    th_sign_key_init(&key, seed);
    TH_ASSERT(th_envelope_put(&envelope, &e, &key) == 0);
    struct th_record_batch b = {.clock_offset_ns = offset_ns, .envelope = th_buf_view(&envelope)};
    th_record_batch_put(out, &b);
}

/* A sensor on its way through the events. */
struct sensor {
    struct th_event **pending;
    size_t n, cap;
    uint64_t sequence;
};

struct making {
    struct live_log *log;
    const struct live_log_options *o;
    struct sensor sensors[LIVE_LOG_SENSORS];
    int64_t watermark_ns, epoch_ns, tick_ns;
    size_t controls_put;
};

static void put_batch(struct making *m, unsigned s, size_t n, int64_t time_ns)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    struct sensor *p = &m->sensors[s];
    live_log_body(&body, s, p->sequence++, 0, p->pending, n);
    live_log_record(m->log, TH_RECORD_BATCH, time_ns, th_buf_view(&body));
    memmove(p->pending, p->pending + n, (p->n - n) * sizeof(struct th_event *));
    p->n -= n;
}

static void put_epoch(struct making *m, int64_t time_ns)
{
    char text[160];
    int64_t hour = th_time_floor(m->watermark_ns, TH_NS_PER_HOUR);
    if (hour <= m->epoch_ns)
        return;
    m->epoch_ns = hour;
    snprintf(text, sizeof(text), "{\"at_ns\": %lld, \"hour_ns\": %lld, \"type\": \"epoch\"}",
        (long long)time_ns, (long long)hour);
    live_log_control(m->log, time_ns, text);
}

static void put_tick(struct making *m, int64_t time_ns)
{
    char text[160];
    if (time_ns < m->tick_ns)
        return;
    m->tick_ns = time_ns + TICK_NS;
    snprintf(text, sizeof(text), "{\"at_ns\": %lld, \"type\": \"tick\", \"wall_ns\": %lld}",
        (long long)time_ns, (long long)time_ns);
    live_log_control(m->log, time_ns, text);
}

static bool is_held(const struct live_log_options *o, unsigned s, int64_t time_ns)
{
    return s == 1 && time_ns >= o->held_from_ns && time_ns < o->held_to_ns;
}

/* All that was seen until time_ns goes out. */
static void flush(struct making *m, int64_t time_ns, bool last)
{
    for (unsigned s = 0; s < LIVE_LOG_SENSORS; s++) {
        if (is_held(m->o, s, time_ns) && !last)
            continue;
        while (m->sensors[s].n > 0)
            put_batch(m, s, TH_MIN(m->sensors[s].n, (size_t)2000), time_ns + WAIT_NS);
    }
    m->watermark_ns = time_ns;
    put_tick(m, time_ns + WAIT_NS);
    while (
        m->controls_put < m->o->control_count && m->o->controls[m->controls_put].time_ns <= time_ns)
        live_log_control(m->log, time_ns + WAIT_NS, m->o->controls[m->controls_put++].json);
    if (!m->o->exact_epochs)
        put_epoch(m, time_ns + WAIT_NS);
}

static void pend(struct making *m, struct th_event *ev)
{
    struct sensor *p = &m->sensors[sensor_of(m->o, ev)];
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 1024;
        p->pending = th_xreallocarray(p->pending, p->cap, sizeof(struct th_event *));
    }
    p->pending[p->n++] = ev;
}

void live_log_make(
    struct live_log *l, const struct live_events *e, const struct live_log_options *options)
{
    struct th_journal_config config = {.file_bytes = 1u << 20, .epoch = 77};
    struct making m = {.log = l, .o = options, .epoch_ns = e->start_ns};
    int64_t every = options->batch_ns ? options->batch_ns : 10 * TH_NS_PER_S;
    *l = (struct live_log){.still = options->still};
    if (options->io) {
        l->io = *options->io;
    } else {
        l->disk = io_record_new();
        io_record_io(l->disk, &l->io);
    }
    TH_ASSERT(th_journal_open(&l->io, &config, &l->journal) == 0);
    int64_t until = e->start_ns + every;
    for (size_t i = 0; i < e->n; i++) {
        while (e->v[i]->time_ns >= until) {
            flush(&m, until, false);
            if (options->exact_epochs)
                put_epoch(&m, until);
            until += every;
        }
        pend(&m, e->v[i]);
    }
    flush(&m, until, true);
    m.watermark_ns = th_time_floor(until, TH_NS_PER_HOUR) + TH_NS_PER_HOUR;
    put_epoch(&m, until + TH_NS_PER_S);
    TH_ASSERT(th_journal_sync(l->journal) == 0);
    for (unsigned s = 0; s < LIVE_LOG_SENSORS; s++)
        free(m.sensors[s].pending);
}

void live_log_done(struct live_log *l)
{
    th_journal_close(l->journal);
    io_record_free(l->disk);
    *l = (struct live_log){0};
}
