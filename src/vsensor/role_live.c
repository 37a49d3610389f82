/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role capture over live packets: reads the rings that its parent opened, runs the packets through
 * the engine, and gives the events to the link role at least twice a second. It never waits for
 * link: what finds no room is counted and told. Between packets it lets time pass, so that
 * flows end on a silent wire too. When it is stopped it ends all flows and hands them on.
 *
 * Captures that come over the network (streams.h) are read beside the rings, when role stream is
 * there: their packets may be late, so that events are called complete that much later.
 *
 * Descriptors: parent, link, stream, "ring" for each --ring (in the same order), of
 * the first worker "seen" for each that has a filter; when packets are
 * kept, "lane" and "bell" (copier.h).
 */
#include "role_live.h"

#include <getopt.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/mem.h"
#include "clock.h"
#include "config.h"
#include "copier.h"
#include "crypto/random.h"
#include "messages.h"
#include "options.h"
#include "outlet.h"
#include "priv/priv.h"
#include "proto/engine.h"
#include "ring.h"
#include "status.h"
#include "streams.h"

static const int64_t flush_ns = 500 * TH_NS_PER_MS;
static const int64_t heartbeat_ns = 5 * TH_NS_PER_S; /* a frame of no events, on a silent wire */
static const int64_t status_ns = TH_NS_PER_S;
static const int64_t missed_each_ns =
    TH_NS_PER_MIN; /* an overload is one gap a minute, not one a second */
/* Time that passed without packets is known to be empty only that much later. */
static const int64_t quiet_ns = TH_SENSOR_BEHIND_MS * TH_NS_PER_MS;
_Static_assert(TH_SENSOR_BEHIND_MS >= 4 * TH_RING_RETIRE_MS, "the kernel's timer may be late");
static const int64_t last_read_ns = TH_NS_PER_S;
static const int64_t farewell_ns = 3 * TH_NS_PER_S;
static const size_t max_waiting_bytes = 64u << 20;
static const unsigned turn_frames = 20000; /* of one ring before the others have their turn */
static const unsigned turn_messages = 64;  /* of role stream, of at most 64 KiB each */
static const int64_t stream_behind_ns = TH_STREAM_BEHIND_MS * TH_NS_PER_MS;

struct wire {
    char name[64];
    uint32_t linktype;
    struct th_ring *ring;
    int fd;
    struct th_ring_counts counts;
    int seen_fd; /* counts what its filter is asked about; -1: it has none, or another worker it */
    uint64_t seen;
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
    struct th_copier copier;    /* without a lane when no packets are kept */
    struct th_filter *filter;   /* of what streams bring; rings have it in the kernel. NULL: none */
    uint64_t filtered;          /* packets that it left out */
    struct th_streams *streams; /* NULL: none come here */
    bool has_streams;
    unsigned stream_generation;                         /* of role stream's edge */
    int64_t packet_ns;                                  /* latest packet or passed time */
    int64_t flush_at_ns, heartbeat_at_ns, status_at_ns; /* monotonic */
    uint64_t told_drops, told_lost, told_cut;
    int64_t missed_since_ns; /* wall clock: packets were dropped since then, untold; 0: none */
    int64_t missed_at_ns;    /* monotonic: not to be told again before */
};

enum { LINK, STREAM };
static const char *const edge_names[] = {"link", "stream"};

int64_t th_live_lag_ns(void)
{
    const struct th_flow_config usual = {0}; /* as open_all() has it, but for the key */
    return th_engine_lateness_ns(&usual);
}

/* The engine's sink. The source is the sensor's id, which the log knows. */
static int take_event(void *arg, const struct th_event *ev)
{
    struct live *l = arg;
    return th_outlet_put(l->outlet, ev);
}

/* ---- packets ---- */

/* The ring's next frame and those behind it that stay with it. */
static unsigned gather(struct live *l, struct wire *w, struct th_frame *v)
{
    struct th_ring_frame f;
    unsigned n = 0;
    while (
        n < TH_ENGINE_FRAMES && (n == 0 || th_ring_ready(w->ring)) && th_ring_next(w->ring, &f)) {
        v[n++] = (struct th_frame){.time_ns = f.time_ns,
            .data = f.data,
            .cap_len = f.cap_len,
            .wire_len = f.wire_len,
            .linktype = w->linktype};
        l->packet_ns = TH_MAX(l->packet_ns, f.time_ns);
    }
    return n;
}

/* Whether more is waiting. A block that was begun is read to its end: were its events given before
 * it is given back, who comes after a crash would read it again and give them twice. */
static int read_wire(struct live *l, struct wire *w, bool *ret_more)
{
    struct th_frame v[TH_ENGINE_FRAMES];
    unsigned taken = 0;
    unsigned n = 0;
    th_engine_wire(l->engine, (uint16_t)(w - l->wires));
    while ((taken < turn_frames || !th_ring_settled(w->ring)) && (n = gather(l, w, v)) > 0) {
        int r = th_engine_frames(l->engine, v, n);
        if (r < 0 && r != TH_E_UNSUPPORTED_LINKTYPE)
            return r;
        taken += n;
    }
    *ret_more |= n > 0;
    return 0;
}

static int on_stream_packet(void *arg, unsigned slot, const struct th_record *p, bool retimed)
{
    struct live *l = arg;
    l->packet_ns = TH_MAX(l->packet_ns, p->time_ns);
    if (l->filter && !th_filter_passes(l->filter, p->linktype, p->data, p->cap_len, p->wire_len)) {
        l->filtered++;
        return 0;
    }
    th_engine_wire(l->engine, (uint16_t)(l->wire_count + slot));
    if (retimed)
        th_engine_weird(l->engine, p->time_ns, "packet_time_off");
    return th_engine_frame(l->engine, p->linktype, p->time_ns, p->data, p->cap_len, p->wire_len);
}

static void on_stream_stop(void *arg, uint64_t id, const char *why)
{
    struct live *l = arg;
    int r = th_edges_send(l->edges, STREAM, TH_SENSOR_STREAM_STOP, id, th_str_c(why));
    (void)r; /* with a role that is gone its streams are */
}

static int read_streams(struct live *l, bool *ret_more)
{
    struct th_ipc_message m;
    unsigned n = 0;
    int r = 0;
    unsigned generation = th_edges_generation(l->edges, STREAM);
    if (generation != l->stream_generation || !th_edges_up(l->edges, STREAM))
        th_streams_drop(l->streams);
    l->stream_generation = generation;
    while (r == 0 && n++ < turn_messages && th_edges_receive(l->edges, STREAM, &m) > 0)
        r = th_streams_take(l->streams, &m, th_clock_ns(CLOCK_REALTIME));
    *ret_more |= n > turn_messages;
    return r;
}

static int read_wires(struct live *l, bool *ret_more)
{
    int r = 0;
    /* Of before it looks: what comes while it is held up is not in what it read. */
    int64_t began_ns = th_clock_ns(CLOCK_REALTIME);
    *ret_more = false;
    for (size_t i = 0; r == 0 && i < l->wire_count; i++)
        r = read_wire(l, &l->wires[i], ret_more);
    if (r == 0 && l->streams)
        r = read_streams(l, ret_more);
    if (r == 0 && !*ret_more) {
        l->packet_ns = TH_MAX(l->packet_ns, began_ns - quiet_ns);
        r = th_engine_advance(l->engine, l->packet_ns);
    }
    return r;
}

static void set_down(struct wire *w, bool down)
{
    if (down && !w->down)
        th_log(TH_LOG_WARN, "interface %s is down; it is watched again when it is back", w->name);
    w->down = down;
}

/* An interface that goes down says so once, as an error of its socket; it comes back by itself. */
static void look_at_error(struct wire *w, short revents)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (!(revents & (POLLERR | POLLHUP)))
        return;
    getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0)
        set_down(w, true);
}

/* One that was down at the start says nothing, and one that is back and silent neither. Of one that
 * has no such name any more what its socket said stays. */
static void look_whether_up(struct wire *w)
{
    int up = th_ring_is_up(w->fd, w->name);
    if (up >= 0)
        set_down(w, up == 0);
}

/* ---- status ---- */

/* What was given up for want of memory, so far. */
static uint64_t count_cut(const struct live *l)
{
    const struct th_flow_stats *f = th_engine_flow_stats(l->engine);
    return f->evicted + f->reassembly_given_up + th_engine_stats(l->engine)->analyses_given_up;
}

static void put_problems(
    struct live *l, struct th_json *j, uint64_t drops, const struct th_outlet_counts *c)
{
    char text[256];
    uint64_t cut = count_cut(l);
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
    if (cut > l->told_cut) {
        snprintf(text, sizeof(text),
            "%llu times in the last second memory was short, and a connection was not followed to "
            "its end (cut in its record): a flood, or memory_bytes is too little",
            (unsigned long long)(cut - l->told_cut));
        th_status_problem(j, "warn", "memory_short", text);
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
    uint64_t filter_seen = 0;
    unsigned down = 0;
    const struct th_engine_stats *e = th_engine_stats(l->engine);
    const struct th_flow_stats *f = th_engine_flow_stats(l->engine);
    static const struct th_streams_counts no_streams;
    const struct th_streams_counts *st = l->streams ? th_streams_counts(l->streams) : &no_streams;
    th_outlet_counts(l->outlet, &c);
    for (size_t i = 0; i < l->wire_count; i++) {
        struct wire *w = &l->wires[i];
        if (w->seen_fd >= 0)
            th_ring_seen(w->seen_fd, &w->seen);
        th_ring_count(w->ring, &w->counts);
        filter_seen += w->seen;
        look_whether_up(w);
        down += w->down;
        ring.packets += w->counts.packets;
        ring.drops += w->counts.drops;
        ring.freezes += w->counts.freezes;
    }
    th_json_open(&j);
    th_json_key(&j, "counters");
    th_json_open(&j);
    th_status_count(&j, "packets", ring.packets + st->packets);
    th_status_count(&j, "packets_dropped", ring.drops);
    th_status_count(&j, "packets_excluded", e->excluded + l->filtered);
    th_status_count(&j, "filter_seen", filter_seen);
    th_status_count(&j, "filter_passed", ring.packets + ring.drops);
    th_status_count(&j, "stream_packets", st->packets);
    th_status_count(&j, "packets_retimed", st->retimed);
    th_status_count(&j, "packets_unreadable", st->unreadable);
    th_status_count(&j, "streams_damaged", st->broken);
    th_status_count(&j, "ring_full", ring.freezes);
    th_status_count(&j, "wire_bytes", e->wire_bytes);
    th_status_count(&j, "packets_seen_twice", e->copies);
    th_status_count(&j, "events", e->events);
    th_status_count(&j, "events_lost", c.lost_events);
    th_status_count(&j, "events_oversize", c.oversize_events);
    th_status_count(&j, "flows", f->flows);
    th_status_count(&j, "flows_evicted", f->evicted);
    th_status_count(&j, "reassembly_given_up", f->reassembly_given_up);
    th_status_count(&j, "fragments_dropped", f->fragments_dropped);
    th_status_count(&j, "analyses_given_up", e->analyses_given_up);
    th_status_count(&j, "reassembly_dropped_bytes", f->reassembly_dropped_bytes);
    th_json_close(&j);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    th_status_count(&j, "flows_now", f->flows_now);
    th_status_count(&j, "memory_bytes", th_engine_memory_bytes(l->engine));
    th_status_count(&j, "waiting_bytes", c.waiting_bytes);
    th_status_count(&j, "streams", st->now);
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
    l->told_cut = count_cut(l);
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
    int64_t until_ns = th_time_sub(l->packet_ns, th_live_lag_ns());
    if (l->streams)
        until_ns = th_time_sub(until_ns, stream_behind_ns);
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
        if (l->copier.lane)
            th_lane_flush(l->copier.lane);
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
    if (l->copier.lane)
        th_lane_flush(l->copier.lane);
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
        {"streams", no_argument, NULL, 's'},
        {"local-net", required_argument, NULL, 'o'},
        {"exclude-net", required_argument, NULL, 'o'},
        {"hash-limit", required_argument, NULL, 'o'},
        {"memory", required_argument, NULL, 'o'},
        {"log-level", required_argument, NULL, 'o'},
        {"keep-payload", required_argument, NULL, 'p'},
        {"keep-rules", required_argument, NULL, 'p'},
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
        case 's': l->has_streams = true; break;
        case 'b': r = th_str_u64(th_str_c(optarg), &l->ring_bytes) ? 0 : -EINVAL; break;
        case 'k':
            r = th_str_u64(th_str_c(optarg), &l->worker) && l->worker < TH_VSENSOR_MAX_WORKERS
                ? 0
                : -EINVAL;
            break;
        case 'o':
            r = th_capture_option(&l->options, longs[index].name, optarg) ? 0 : -EINVAL;
            break;
        case 'p': r = th_copier_option(&l->copier, longs[index].name, optarg) ? 0 : -EINVAL; break;
        default: r = -EINVAL;
        }
    }
    return r < 0 || (l->wire_count == 0 && !l->has_streams) ? -EINVAL : 0;
}

static int open_all(struct live *l)
{
    struct th_inherited in;
    int r = th_inherit(&in);
    for (size_t i = 0; r == 0 && i < l->wire_count; i++) {
        l->wires[i].fd = th_inherit_get(&in, "ring", i);
        l->wires[i].seen_fd = th_inherit_get(&in, "seen", i);
        r = l->wires[i].fd < 0 ? -EBADF
                               : th_ring_map(l->wires[i].fd, l->ring_bytes, &l->wires[i].ring);
    }
    int lane = r == 0 ? th_inherit_get(&in, "lane", 0) : -1;
    if (lane >= 0)
        r = th_lane_writer_new(lane, th_inherit_get(&in, "bell", 0), &l->copier.lane);
    if (r == 0)
        r = th_capture_filter(&in, &l->filter);
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
        .memory_bytes = l->options.memory_bytes,
        .local = l->options.local_count ? l->options.local : NULL,
        .local_count = l->options.local_count,
        .exclude = l->options.exclude,
        .exclude_count = l->options.exclude_count,
        .seen = l->copier.lane ? th_copier_seen : NULL,
        .seen_arg = &l->copier};
    struct th_sink sink = {.put = take_event, .arg = l};
    th_random_bytes(&config.flow.key, sizeof(config.flow.key));
    static const struct th_streams_ops stream_ops = {
        .packet = on_stream_packet, .stop = on_stream_stop};
    if (l->has_streams)
        l->streams = th_streams_new(&stream_ops, l);
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
    th_lane_writer_free(l->copier.lane);
    th_streams_free(l->streams);
    th_filter_free(l->filter);
    th_engine_free(l->engine);
    th_outlet_free(l->outlet);
    th_edges_free(l->edges);
    free(l);
    return r < 0 ? 1 : 0;
}
