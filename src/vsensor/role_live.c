/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role capture over live packets: reads the rings that its parent opened, runs the packets through
 * the engine, and gives the events to the link role at least twice a second. It never waits for
 * link: what finds no room is counted and told. Between packets it lets time pass, so that
 * flows end on a silent wire too. When it is stopped it ends all flows and hands them on.
 *
 * Descriptors: parent, link, "ring" for each --ring (in the same order).
 */
#include "role_live.h"

#include <getopt.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/mem.h"
#include "clock.h"
#include "config.h"
#include "crypto/random.h"
#include "options.h"
#include "outlet.h"
#include "priv/priv.h"
#include "proto/engine.h"
#include "ring.h"
#include "status.h"

static const int64_t flush_ns = 500 * TH_NS_PER_MS;
static const int64_t heartbeat_ns = 5 * TH_NS_PER_S; /* a frame of no events, on a silent wire */
static const int64_t status_ns = TH_NS_PER_S;
static const int64_t missed_each_ns =
    TH_NS_PER_MIN; /* an overload is one gap a minute, not one a second */
/* A frame is in its ring for at most this long before it can be read: time that passed without
 * frames is known to be empty only that much later. */
static const int64_t quiet_ns = 4 * TH_RING_RETIRE_MS * TH_NS_PER_MS;
static const int64_t last_read_ns = TH_NS_PER_S;
static const int64_t farewell_ns = 3 * TH_NS_PER_S;
static const size_t max_waiting_bytes = 64u << 20;
static const unsigned turn_frames = 20000; /* of one ring before the others have their turn */

struct wire {
    char name[64];
    uint32_t linktype;
    struct th_ring *ring;
    int fd;
    struct th_ring_counts counts;
    bool down;
};

struct live {
    struct th_capture_options options;
    uint64_t ring_bytes;
    uint64_t worker; /* of those that share the packets */
    struct wire wires[TH_VSENSOR_MAX_INTERFACES];
    size_t wire_count;
    struct th_edges *edges;
    struct th_outlet *outlet;
    struct th_engine *engine;
    uint64_t seq;
    int64_t packet_ns;                                  /* latest packet or passed time */
    int64_t flush_at_ns, heartbeat_at_ns, status_at_ns; /* monotonic */
    uint64_t told_drops, told_lost;
    int64_t missed_since_ns; /* wall clock: packets were dropped since then, untold; 0: none */
    int64_t missed_at_ns;    /* monotonic: not to be told again before */
};

enum { LINK };
static const char *const edge_names[] = {"link"};

/* The engine's sink. */
static int take_event(void *arg, const struct th_event *ev)
{
    struct live *l = arg;
    union th_any_event copy;
    memcpy(&copy, ev, th_kind_get(ev->kind)->size_bytes);
    copy.h.seq = l->seq++;
    copy.h.source = 0; /* the sensor's id, which the log knows */
    return th_outlet_put(l->outlet, &copy.h);
}

/* ---- packets ---- */

/* Whether more is waiting. */
static int read_wire(struct live *l, struct wire *w, bool *ret_more)
{
    struct th_ring_frame f;
    unsigned n = 0;
    th_engine_wire(l->engine, (uint16_t)(w - l->wires));
    while (n++ < turn_frames && th_ring_next(w->ring, &f)) {
        int r = th_engine_frame(l->engine, w->linktype, f.time_ns, f.data, f.cap_len, f.wire_len);
        if (r < 0 && r != TH_E_UNSUPPORTED_LINKTYPE)
            return r;
        l->packet_ns = TH_MAX(l->packet_ns, f.time_ns);
    }
    *ret_more |= n > turn_frames;
    return 0;
}

static int read_wires(struct live *l, bool *ret_more)
{
    int r = 0;
    *ret_more = false;
    for (size_t i = 0; r == 0 && i < l->wire_count; i++)
        r = read_wire(l, &l->wires[i], ret_more);
    if (r == 0 && !*ret_more) {
        l->packet_ns = TH_MAX(l->packet_ns, th_clock_ns(CLOCK_REALTIME) - quiet_ns);
        r = th_engine_advance(l->engine, l->packet_ns);
    }
    return r;
}

/* An interface that goes down says so once, as an error of its socket; it comes back by itself. */
static void look_at_error(struct wire *w, short revents)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (!(revents & (POLLERR | POLLHUP)))
        return;
    getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error == 0)
        return;
    if (!w->down)
        th_log(TH_LOG_WARN, "interface %s: %s; it is watched again when it is back", w->name,
            th_strerror(-error));
    w->down = true;
}

/* ---- status ---- */

static void put_problems(
    struct live *l, struct th_json *j, uint64_t drops, const struct th_outlet_counts *c)
{
    char text[256];
    th_json_key(j, "problems");
    th_json_open_list(j);
    for (size_t i = 0; i < l->wire_count; i++) {
        if (!l->wires[i].down)
            continue;
        snprintf(
            text, sizeof(text), "interface %s is down: nothing of it is seen", l->wires[i].name);
        th_status_problem(j, "error", "interface_down", text);
    }
    if (drops > l->told_drops) {
        snprintf(text, sizeof(text),
            "%llu packets were dropped in the last second: give the ring more memory (ring_bytes) "
            "or the sensor a faster processor",
            (unsigned long long)(drops - l->told_drops));
        th_status_problem(j, "warn", "packets_dropped", text);
    }
    if (c->lost_events > l->told_lost) {
        snprintf(text, sizeof(text), "%llu events were lost: the link role did not take them",
            (unsigned long long)(c->lost_events - l->told_lost));
        th_status_problem(j, "error", "events_lost", text);
    }
    th_json_close_list(j);
}

/* Packets that the ring had no room for are events that nobody will see: a gap in the log says
 * when. */
static void tell_missed(struct live *l, uint64_t drops, int64_t now_ns)
{
    int64_t wall_ns = th_clock_ns(CLOCK_REALTIME);
    if (drops > l->told_drops && l->missed_since_ns == 0)
        l->missed_since_ns = wall_ns - status_ns;
    if (l->missed_since_ns == 0 || now_ns < l->missed_at_ns)
        return;
    th_outlet_missed(l->outlet, TH_MIN(l->missed_since_ns, wall_ns), wall_ns);
    l->missed_since_ns = 0;
    l->missed_at_ns = now_ns + missed_each_ns;
    l->heartbeat_at_ns = 0; /* a frame follows, with the gap before it */
}

static void tell_status(struct live *l, int64_t now_ns)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_json j = th_json_init(&b);
    struct th_outlet_counts c;
    struct th_ring_counts ring = {0};
    unsigned down = 0;
    const struct th_engine_stats *e = th_engine_stats(l->engine);
    const struct th_flow_stats *f = th_engine_flow_stats(l->engine);
    th_outlet_counts(l->outlet, &c);
    for (size_t i = 0; i < l->wire_count; i++) {
        struct wire *w = &l->wires[i];
        uint64_t before = w->counts.packets;
        th_ring_count(w->ring, &w->counts);
        w->down &= w->counts.packets == before;
        down += w->down;
        ring.packets += w->counts.packets;
        ring.drops += w->counts.drops;
        ring.freezes += w->counts.freezes;
    }
    th_json_open(&j);
    th_json_key(&j, "counters");
    th_json_open(&j);
    th_status_count(&j, "packets", ring.packets);
    th_status_count(&j, "packets_dropped", ring.drops);
    th_status_count(&j, "ring_full", ring.freezes);
    th_status_count(&j, "wire_bytes", e->wire_bytes);
    th_status_count(&j, "packets_seen_twice", e->copies);
    th_status_count(&j, "events", e->events);
    th_status_count(&j, "events_lost", c.lost_events);
    th_status_count(&j, "events_oversize", c.oversize_events);
    th_status_count(&j, "flows", f->flows);
    th_status_count(&j, "flows_evicted", f->evicted);
    th_json_close(&j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    th_status_count(&j, "flows_now", f->flows_now);
    th_status_count(&j, "waiting_bytes", c.waiting_bytes);
    th_status_count(&j, "interfaces", l->wire_count);
    th_status_count(&j, "interfaces_down", down);
    th_json_close(&j);
    put_problems(l, &j, ring.drops, &c);
    th_json_close(&j);
    if (ring.drops > l->told_drops)
        th_log(TH_LOG_WARN, "%llu packets dropped: the ring was full",
            (unsigned long long)(ring.drops - l->told_drops));
    if (c.lost_events > l->told_lost)
        th_log(TH_LOG_ERROR, "%llu events lost: the link role did not take them",
            (unsigned long long)(c.lost_events - l->told_lost));
    tell_missed(l, ring.drops, now_ns);
    l->told_drops = ring.drops;
    l->told_lost = c.lost_events;
    th_edges_status(l->edges, th_buf_view(&b));
}

/* ---- the loop ---- */

static void hear_link(struct live *l)
{
    struct th_ipc_message m;
    while (th_edges_receive(l->edges, LINK, &m) > 0)
        if (m.type == TH_SENSOR_SAVED)
            th_outlet_saved(l->outlet, m.id);
}

static int flush(struct live *l, int64_t now_ns)
{
    struct th_outlet_counts before, after;
    int64_t until_ns = th_time_sub(l->packet_ns, th_engine_lateness_ns(l->engine));
    th_outlet_counts(l->outlet, &before);
    int r = th_outlet_flush(l->outlet, until_ns, now_ns >= l->heartbeat_at_ns);
    th_outlet_counts(l->outlet, &after);
    if (after.last != before.last)
        l->heartbeat_at_ns = now_ns + heartbeat_ns;
    l->flush_at_ns = now_ns + flush_ns;
    return r;
}

static int wait_for_something(struct live *l, int timeout_ms)
{
    struct pollfd fds[TH_VSENSOR_MAX_INTERFACES];
    for (size_t i = 0; i < l->wire_count; i++)
        fds[i] = (struct pollfd){.fd = l->wires[i].fd, .events = POLLIN};
    int r = th_edges_wait(l->edges, fds, l->wire_count, timeout_ms);
    for (size_t i = 0; r == 0 && i < l->wire_count; i++)
        look_at_error(&l->wires[i], fds[i].revents);
    return r;
}

static int turn(struct live *l, bool *more)
{
    int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
    int64_t left_ms = (TH_MIN(l->flush_at_ns, l->status_at_ns) - now_ns) / TH_NS_PER_MS + 1;
    int r = wait_for_something(l, *more ? 0 : (int)TH_MAX(left_ms, 0));
    if (r == 0)
        r = read_wires(l, more);
    now_ns = th_clock_ns(CLOCK_MONOTONIC);
    if (r == 0 && now_ns >= l->flush_at_ns)
        r = flush(l, now_ns);
    if (now_ns >= l->status_at_ns) {
        tell_status(l, now_ns);
        l->status_at_ns = now_ns + status_ns;
    }
    hear_link(l);
    th_outlet_turn(l->outlet);
    return r;
}

/* Told to end: all flows end here, and link gets them if it takes them in time. */
static int say_farewell(struct live *l)
{
    struct th_outlet_counts c;
    int64_t until_ns = th_clock_ns(CLOCK_MONOTONIC) + farewell_ns;
    int r = th_engine_flush(l->engine);
    if (r == 0)
        r = th_outlet_flush(l->outlet, l->packet_ns, true);
    th_outlet_counts(l->outlet, &c);
    while (r == 0 && c.saved < c.last && th_clock_ns(CLOCK_MONOTONIC) < until_ns) {
        th_outlet_turn(l->outlet);
        r = th_edges_wait(l->edges, NULL, 0, 50);
        hear_link(l);
        th_outlet_counts(l->outlet, &c);
    }
    return r;
}

/* ---- the role ---- */

static int add_wire(struct live *l, const char *text)
{
    struct th_str rest = th_str_c(text);
    struct th_str number = th_str_split(&rest, '/');
    uint64_t linktype;
    if (l->wire_count == TH_VSENSOR_MAX_INTERFACES || !th_str_u64(number, &linktype) ||
        linktype > UINT16_MAX || rest.len == 0 || rest.len >= sizeof(l->wires[0].name))
        return -EINVAL;
    struct wire *w = &l->wires[l->wire_count++];
    w->linktype = (uint32_t)linktype;
    memcpy(w->name, rest.p, rest.len);
    return 0;
}

static int parse_options(int argc, char **argv, struct live *l)
{
    static const struct option longs[] = {
        {"role", required_argument, NULL, 'r'},
        {"live", no_argument, NULL, 'r'},
        {"uid", required_argument, NULL, 'u'},
        {"gid", required_argument, NULL, 'g'},
        {"ring", required_argument, NULL, 'w'},
        {"ring-bytes", required_argument, NULL, 'b'},
        {"worker", required_argument, NULL, 'k'},
        {"local-net", required_argument, NULL, 'o'},
        {"hash-limit", required_argument, NULL, 'o'},
        {"log-level", required_argument, NULL, 'o'},
        {0},
    };
    int index = 0;
    int r = 0;
    l->options.log_level = TH_LOG_INFO;
    for (int c; r == 0 && (c = getopt_long(argc, argv, "", longs, &index)) != -1;) {
        switch (c) {
        case 'r':
        case 'u':
        case 'g': break;
        case 'w': r = add_wire(l, optarg); break;
        case 'b': r = th_str_u64(th_str_c(optarg), &l->ring_bytes) ? 0 : -EINVAL; break;
        case 'k':
            r = th_str_u64(th_str_c(optarg), &l->worker) && l->worker < TH_VSENSOR_MAX_WORKERS
                ? 0
                : -EINVAL;
            break;
        case 'o':
            r = th_capture_option(&l->options, longs[index].name, optarg) ? 0 : -EINVAL;
            break;
        default: r = -EINVAL;
        }
    }
    return r < 0 || l->wire_count == 0 ? -EINVAL : 0;
}

static int open_all(struct live *l)
{
    struct th_inherited in;
    int r = th_inherit(&in);
    for (size_t i = 0; r == 0 && i < l->wire_count; i++) {
        l->wires[i].fd = th_inherit_get(&in, "ring", i);
        r = l->wires[i].fd < 0 ? -EBADF
                               : th_ring_map(l->wires[i].fd, l->ring_bytes, &l->wires[i].ring);
    }
    if (r < 0)
        return r;
    l->edges = th_edges_new(&in, edge_names, TH_ARRAY_LEN(edge_names));
    struct th_outlet_config out = {.edges = l->edges,
        .edge = LINK,
        .type = TH_SENSOR_FRAME,
        .run = th_random_below(UINT32_MAX / TH_SENSOR_RUN_WORKERS) * TH_SENSOR_RUN_WORKERS +
            (uint32_t)l->worker,
        .max_bytes = max_waiting_bytes,
        .may_lose = true};
    struct th_engine_config config = {.max_hash_bytes = l->options.max_hash_bytes,
        .local = l->options.local_count ? l->options.local : NULL,
        .local_count = l->options.local_count};
    struct th_sink sink = {.put = take_event, .arg = l};
    th_random_bytes(&config.flow.key, sizeof(config.flow.key));
    l->outlet = th_outlet_new(&out);
    l->engine = th_engine_new(&config, &sink);
    return 0;
}

static int run(struct live *l)
{
    bool more = false;
    int r = 0;
    l->packet_ns = th_clock_ns(CLOCK_REALTIME) - quiet_ns;
    while (r == 0 && !th_edges_stopping(l->edges))
        r = turn(l, &more);
    int64_t until_ns = th_clock_ns(CLOCK_MONOTONIC) + last_read_ns;
    do /* what came before the word to end */
        r = r == 0 ? read_wires(l, &more) : r;
    while (r == 0 && more && th_clock_ns(CLOCK_MONOTONIC) < until_ns);
    return r == 0 ? say_farewell(l) : r;
}

int role_live(int argc, char **argv)
{
    struct live *l = th_xcalloc(1, sizeof(*l));
    int r = parse_options(argc, argv, l);
    th_log_set(l->options.log_level, "thymus-vsensor capture");
    if (r == 0)
        r = open_all(l);
    if (r == 0)
        r = th_role_lock(TH_ROLE_CAPTURE_LIVE, true);
    if (r == 0)
        r = run(l);
    if (r < 0 && r != -EPIPE)
        th_log(TH_LOG_ERROR, "capture stopped: %s", th_strerror(r));
    for (size_t i = 0; i < l->wire_count; i++)
        th_ring_free(l->wires[i].ring);
    th_engine_free(l->engine);
    th_outlet_free(l->outlet);
    th_edges_free(l->edges);
    free(l);
    return r < 0 ? 1 : 0;
}
