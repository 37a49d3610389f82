/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role feed: recorded events, out of spools of batches, to the link role in order of time and as
 * fast as that takes them, or at `--rate` events a second; ends when the master has all. The same
 * input makes the same frames, so a feed that was broken off goes on where it was when it is
 * started again: its run is a hash of what it feeds.
 *
 * Descriptors: parent, link, "input" (several).
 */
#include "role_feed.h"

#include <string.h>
#include <sys/stat.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "clock.h"
#include "merge.h"
#include "outlet.h"
#include "priv/priv.h"
#include "role_args.h"

static const size_t max_waiting_bytes = 4u << 20; /* what link may have to take past its half */
static const unsigned turn_events = 20000;
static const int64_t show_ns = TH_NS_PER_S;
static const int paced_wait_ms = 20;

enum { LINK };
static const char *const edge_names[] = {"link"};

/* One spool; its next event. */
struct input {
    struct th_merge *merge;
    const struct th_event *event; /* NULL at the end */
    off_t len_bytes;
};

struct feed {
    struct th_edges *edges;
    struct th_outlet *outlet;
    struct input *inputs;
    size_t count;
    uint64_t events;
    uint64_t rate; /* events a second; 0: as fast as it goes */
    int64_t begin_ns, last_ns;
    bool draining, drained;
    unsigned drain_generation;
    bool tty;
    int64_t show_at_ns;
    uint64_t waiting; /* batches that the master does not have */
    char problem[300];
};

/* ---- events in order of time ---- */

static int next_of(struct input *in)
{
    int r = th_merge_next(in->merge, &in->event);
    if (r <= 0)
        in->event = NULL;
    return r;
}

/* The inputs are few: command line arguments. */
static struct input *earliest(struct feed *f)
{
    struct input *best = NULL;
    for (size_t i = 0; i < f->count; i++)
        if (f->inputs[i].event && (!best || th_event_cmp(f->inputs[i].event, best->event) < 0))
            best = &f->inputs[i];
    return best;
}

static int put_event(struct feed *f, const struct th_event *ev)
{
    union th_any_event copy;
    memcpy(&copy, ev, th_kind_get(ev->kind)->size_bytes);
    copy.h.source = 0;
    copy.h.seq = f->events++;
    f->last_ns = copy.h.time_ns;
    return th_outlet_put(f->outlet, &copy.h);
}

/* Whether a turn's events may go now. What a slow master kept back goes later, faster: the rate is
 * one of the whole. Turns are never cut: the same input makes the same frames. */
static bool is_due(const struct feed *f)
{
    double passed_s = (double)(th_clock_ns(CLOCK_MONOTONIC) - f->begin_ns) / TH_NS_PER_S;
    return f->rate == 0 || passed_s * (double)f->rate >= (double)f->events + turn_events;
}

/* One turn's worth of events, and frames of them; true when that was the last. */
static int put_some(struct feed *f, bool *ret_end)
{
    int r = 0;
    *ret_end = false;
    for (unsigned n = 0; r == 0 && n < turn_events; n++) {
        struct input *in = earliest(f);
        *ret_end = !in;
        if (!in)
            break;
        r = put_event(f, in->event);
        if (r == 0)
            r = TH_MIN(next_of(in), 0);
    }
    return r < 0 ? r : th_outlet_flush(f->outlet, f->last_ns, false);
}

/* ---- talking ---- */

static void take_progress(struct feed *f, struct th_str body)
{
    struct th_cur c = th_cur_init(body.p, body.len);
    th_cur_skip(&c, 8);
    f->waiting = th_cur_le64(&c);
    struct th_str text = th_cur_bytes(&c, th_cur_left(&c));
    snprintf(f->problem, sizeof(f->problem), "%.*s", (int)text.len, text.p);
}

static void hear_link(struct feed *f)
{
    struct th_ipc_message m;
    while (th_edges_receive(f->edges, LINK, &m) > 0) {
        if (m.type == TH_SENSOR_SAVED)
            th_outlet_saved(f->outlet, m.id);
        else if (m.type == TH_SENSOR_DRAINED)
            f->drained = true;
        else if (m.type == TH_SENSOR_PROGRESS)
            take_progress(f, m.body);
    }
}

/* When all is saved, and again to a link that was started anew. */
static void ask_drained(struct feed *f)
{
    struct th_outlet_counts c;
    struct th_str none = {.p = "", .len = 0};
    unsigned generation = th_edges_generation(f->edges, LINK);
    th_outlet_counts(f->outlet, &c);
    if (c.saved < c.last || (f->draining && generation == f->drain_generation))
        return;
    if (th_edges_send(f->edges, LINK, TH_SENSOR_DRAIN, 1, none) == 0) {
        f->draining = true;
        f->drain_generation = generation;
    }
}

static void show(struct feed *f, bool last)
{
    int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
    if (!last && now_ns < f->show_at_ns)
        return;
    f->show_at_ns = now_ns + (f->tty ? show_ns : 10 * show_ns);
    char when[TH_TIME_TEXT_LEN] = "";
    if (f->events)
        th_time_rfc3339(f->last_ns, when);
    fprintf(stderr, "%sthymus-vsensor: %llu events fed, up to %s; %llu batches on their way%s%s%s",
        f->tty ? "\r\033[K" : "", (unsigned long long)f->events, when,
        (unsigned long long)f->waiting, f->problem[0] ? "; " : "", f->problem,
        f->tty && !last ? "" : "\n");
    fflush(stderr);
}

static int run(struct feed *f)
{
    bool end = false;
    int r = 0;
    f->begin_ns = th_clock_ns(CLOCK_MONOTONIC);
    while (r == 0 && !f->drained) {
        bool may = !end && !th_outlet_full(f->outlet);
        bool busy = may && is_due(f);
        if (busy)
            r = put_some(f, &end);
        th_outlet_turn(f->outlet);
        if (r == 0)
            r = th_edges_wait(f->edges, NULL, 0, busy ? 0 : may ? paced_wait_ms : 200);
        hear_link(f);
        if (end)
            ask_drained(f);
        show(f, false);
        if (th_edges_stopping(f->edges))
            return -ECANCELED;
    }
    if (r == 0) {
        f->waiting = 0;
        f->problem[0] = '\0';
        show(f, true);
    }
    return r;
}

/* ---- the role ---- */

/* Of the content: its sources as they tell of themselves, its length and its first event. Never 0.
 */
static uint32_t run_of(const struct feed *f)
{
    uint64_t h = 1;
    for (size_t i = 0; i < f->count; i++) {
        const struct input *in = &f->inputs[i];
        size_t n;
        const struct th_merge_input *v = th_merge_inputs(in->merge, &n);
        h = th_hash_pair(h, (uint64_t)in->len_bytes);
        h = th_hash_pair(h, in->event ? (uint64_t)in->event->time_ns : 0);
        for (size_t k = 0; k < n; k++)
            if (v[k].known)
                h = th_hash_pair(h, th_hash_pair(v[k].info.source, v[k].info.events));
    }
    return (uint32_t)(h >> 32 ^ h) | 1;
}

static int open_input(struct feed *f, const struct th_inherited *in, size_t i)
{
    const int fd = th_inherit_get(in, "input", i);
    struct stat st;
    int r = fstat(fd, &st) < 0 ? -errno : th_merge_open(&fd, 1, &f->inputs[i].merge);
    if (r < 0) {
        th_log(TH_LOG_ERROR, "input %zu cannot be fed: %s", i + 1, th_strerror(r));
        return r;
    }
    f->inputs[i].len_bytes = st.st_size;
    return TH_MIN(next_of(&f->inputs[i]), 0);
}

static int open_inputs(struct feed *f, const struct th_inherited *in)
{
    int r = 0;
    while (th_inherit_get(in, "input", f->count) >= 0)
        f->count++;
    f->inputs = th_xcalloc(f->count + 1, sizeof(*f->inputs));
    for (size_t i = 0; r == 0 && i < f->count; i++)
        r = open_input(f, in, i);
    if (r < 0)
        return r;
    struct th_outlet_config config = {.edges = f->edges,
        .edge = LINK,
        .type = TH_SENSOR_REPLAY,
        .run = run_of(f),
        .max_bytes = max_waiting_bytes};
    f->outlet = th_outlet_new(&config);
    return 0;
}

static bool take_option(void *arg, const char *name, const char *value)
{
    struct feed *f = arg;
    return strcmp(name, "--rate") == 0 && th_str_u64(th_str_c(value), &f->rate);
}

int role_feed(int argc, char **argv)
{
    struct feed *f = th_xcalloc(1, sizeof(*f));
    struct th_inherited in;
    struct th_role_args args; /* whom the sensor's roles become; this one becomes nobody */
    f->tty = isatty(STDERR_FILENO);
    int r = th_role_args_read(argc, argv, "thymus-vsensor feed", take_option, f, &args);
    if (r == 0)
        r = th_inherit(&in);
    if (r == 0) {
        f->edges = th_edges_new(&in, edge_names, TH_ARRAY_LEN(edge_names));
        r = th_role_lock(TH_ROLE_FEED, true);
    }
    if (r == 0)
        r = open_inputs(f, &in);
    if (r == 0)
        r = run(f);
    if (r < 0 && r != -EPIPE && r != -ECANCELED)
        th_log(TH_LOG_ERROR, "feed stopped: %s", th_strerror(r));
    for (size_t i = 0; i < f->count; i++)
        th_merge_free(f->inputs[i].merge);
    free(f->inputs);
    th_outlet_free(f->outlet);
    th_edges_free(f->edges);
    free(f);
    return r < 0 ? 1 : 0;
}
