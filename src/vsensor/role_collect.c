/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role collect: datagrams of NetFlow and IPFIX, on sockets that its parent bound, to connections,
 * which it gives to the link role as capture does. Who may send is a list of networks; from anybody
 * else nothing is read. It cannot send: its sockets are shut that way.
 *
 * A record tells of a flow that ended some time ago: how long ago at most is observed, and by so
 * much and the time for which the other direction is waited for the sensor's events are complete
 * later.
 *
 * Descriptors: parent, link, "flow" (several).
 */
#include "role_collect.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "clock.h"
#include "config.h"
#include "crypto/random.h"
#include "flow_socket.h"
#include "flowlog/netflow.h"
#include "flowlog/pair.h"
#include "messages.h"
#include "options.h"
#include "outlet.h"
#include "priv/priv.h"
#include "role_args.h"
#include "status.h"

static const int64_t hold_ns = 30 * TH_NS_PER_S; /* the other direction is waited for */
static const int64_t flush_ns = 500 * TH_NS_PER_MS;
static const int64_t heartbeat_ns = 5 * TH_NS_PER_S;
static const int64_t status_ns = TH_NS_PER_S;
static const int64_t missed_each_ns = TH_NS_PER_MIN;
static const int64_t farewell_ns = 3 * TH_NS_PER_S;
static const size_t max_waiting_bytes = 32u << 20;
static const unsigned turn_datagrams = 2000; /* of one socket before the others have their turn */

enum { LINK };
static const char *const edge_names[] = {"link"};

struct port {
    int fd;
    uint32_t dropped; /* by the kernel, as the latest datagram told */
};

struct collect {
    struct th_subnet from[TH_VSENSOR_MAX_FLOW_FROM];
    size_t from_count;
    struct th_subnet exclude[TH_VSENSOR_MAX_NETS];
    size_t exclude_count;
    struct port ports[TH_VSENSOR_MAX_FLOW_LISTEN];
    size_t port_count;
    struct th_edges *edges;
    struct th_outlet *outlet;
    struct th_netflow *netflow;
    struct th_pairs *pairs;
    struct th_sink conns;
    uint64_t seq, strangers; /* events; datagrams of somebody who may not send */
    uint64_t excluded;       /* records that were left out */
    int64_t wall_ns;         /* of this turn; does not go back */
    int64_t flush_at_ns, heartbeat_at_ns, status_at_ns; /* monotonic */
    uint64_t told_lost, told_events_lost, told_strangers;
    struct th_status_told lost_told, clocks_told, strangers_told, events_told;
    struct th_addr stranger; /* the latest */
    int64_t missed_since_ns, missed_at_ns;
    uint8_t datagram[TH_FLOW_SOCKET_MAX_BYTES];
};

/* ---- datagrams to events ---- */

/* The pairs' sink. */
static int take_conn(void *arg, const struct th_event *ev)
{
    struct collect *c = arg;
    struct th_ev_conn copy = *(const struct th_ev_conn *)ev;
    copy.h.seq = c->seq++;
    return th_outlet_put(c->outlet, &copy.h);
}

/* The reader's sink. */
static int take_record(void *arg, const struct th_flow_record *r)
{
    struct collect *c = arg;
    for (size_t i = 0; i < c->exclude_count; i++)
        if (th_subnet_has(&c->exclude[i], &r->src) || th_subnet_has(&c->exclude[i], &r->dst)) {
            c->excluded++;
            return 0;
        }
    return th_pairs_put(c->pairs, r);
}

static bool may_send(const struct collect *c, const struct th_addr *from)
{
    for (size_t i = 0; i < c->from_count; i++)
        if (th_subnet_has(&c->from[i], from))
            return true;
    return false;
}

static void note_stranger(struct collect *c, const struct th_addr *from)
{
    c->strangers++;
    c->stranger = *from;
}

static int read_port(struct collect *c, struct port *p, bool *ret_more)
{
    struct th_addr from;
    size_t len;
    unsigned n = 0;
    int r = 0;
    while (n++ < turn_datagrams &&
        (r = th_flow_socket_read(p->fd, c->datagram, &len, &from, &p->dropped)) > 0) {
        if (may_send(c, &from))
            r = th_netflow_datagram(c->netflow, &from, c->wall_ns, c->datagram, len);
        else
            note_stranger(c, &from);
        if (r < 0)
            return r;
    }
    *ret_more |= n > turn_datagrams;
    return r < 0 ? r : 0;
}

static int read_ports(struct collect *c, bool *ret_more)
{
    int r = 0;
    *ret_more = false;
    c->wall_ns = TH_MAX(c->wall_ns, th_clock_ns(CLOCK_REALTIME));
    for (size_t i = 0; r == 0 && i < c->port_count; i++)
        r = read_port(c, &c->ports[i], ret_more);
    return r == 0 ? th_pairs_advance(c->pairs, c->wall_ns) : r;
}

/* ---- status ---- */

/* Datagrams without room here, and records that their numbers say are missing. */
static uint64_t lost(const struct collect *c, const struct th_netflow_counts *n)
{
    uint64_t sum = n->lost;
    for (size_t i = 0; i < c->port_count; i++)
        sum += c->ports[i].dropped;
    return sum;
}

static void put_problems(struct collect *c, struct th_json *j, uint64_t now_lost,
    const struct th_netflow_counts *n, const struct th_outlet_counts *o, int64_t now_ns)
{
    char text[256], who[TH_ADDR_TEXT_LEN];
    th_json_key(j, "problems");
    th_json_open_list(j);
    snprintf(text, sizeof(text),
        "%llu records or datagrams of flow exporters were lost on their way in the last second",
        (unsigned long long)(now_lost - TH_MIN(c->told_lost, now_lost)));
    th_status_while(j, &c->lost_told, now_lost > c->told_lost, now_ns, "warn", "flows_lost", text);
    snprintf(text, sizeof(text),
        "the clock of %u flow exporters is off by more than a minute: their times are put right by "
        "the time of arrival",
        n->clocks_off);
    th_status_while(j, &c->clocks_told, n->clocks_off > 0, now_ns, "warn", "exporter_clock", text);
    th_addr_format(&c->stranger, who);
    snprintf(text, sizeof(text),
        "%s is not in flow_from and sends to the ports of flow_listen: nothing of it is read", who);
    th_status_while(j, &c->strangers_told, c->strangers > c->told_strangers, now_ns, "warn",
        "exporter_unknown", text);
    snprintf(text, sizeof(text), "%llu events were lost: the link role did not take them",
        (unsigned long long)(o->lost_events - c->told_events_lost));
    th_status_while(j, &c->events_told, o->lost_events > c->told_events_lost, now_ns, "error",
        "events_lost", text);
    th_json_close_list(j);
}

static void put_counters(struct collect *c, struct th_json *j, uint64_t now_lost,
    const struct th_netflow_counts *n, const struct th_outlet_counts *o)
{
    struct th_pairs_counts p;
    th_pairs_counts(c->pairs, &p);
    th_json_key(j, "counters");
    th_json_open(j);
    th_status_count(j, "datagrams", n->datagrams);
    th_status_count(j, "datagrams_malformed", n->malformed);
    th_status_count(j, "datagrams_unknown", n->unknown);
    th_status_count(j, "datagrams_refused", n->refused);
    th_status_count(j, "datagrams_strangers", c->strangers);
    th_status_count(j, "records_excluded", c->excluded);
    th_status_count(j, "flows_lost", now_lost);
    th_status_count(j, "records", n->records);
    th_status_count(j, "records_strange", n->strange);
    th_status_count(j, "records_copies", p.copies);
    th_status_count(j, "sets_without_template", n->no_template);
    th_status_count(j, "templates", n->templates);
    th_status_count(j, "templates_evicted", n->templates_gone);
    th_status_count(j, "events", c->seq);
    th_status_count(j, "events_lost", o->lost_events);
    th_status_count(j, "flows_evicted", p.evicted);
    th_json_close(j);
    th_json_key(j, "gauges");
    th_json_open(j);
    th_status_count(j, "exporters", n->streams_now);
    th_status_count(j, "exporters_clock_off", n->clocks_off);
    th_status_count(j, "templates_now", n->templates_now);
    th_status_count(j, "flows_now", p.flows_now);
    th_status_count(
        j, "lag_s", (uint64_t)(th_netflow_lag_ns(c->netflow, c->wall_ns) / TH_NS_PER_S));
    th_status_count(j, "waiting_bytes", o->waiting_bytes);
    th_json_close(j);
}

/* What was lost would have been events: a gap in the log says when. */
static void tell_missed(struct collect *c, uint64_t now_lost, int64_t now_ns)
{
    if (now_lost > c->told_lost && c->missed_since_ns == 0)
        c->missed_since_ns = c->wall_ns - status_ns;
    if (c->missed_since_ns == 0 || now_ns < c->missed_at_ns)
        return;
    th_outlet_missed(c->outlet, TH_MIN(c->missed_since_ns, c->wall_ns), c->wall_ns);
    c->missed_since_ns = 0;
    c->missed_at_ns = now_ns + missed_each_ns;
    c->heartbeat_at_ns = 0; /* a frame follows, with the gap before it */
}

static void tell_status(struct collect *c, int64_t now_ns)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_json j = th_json_init(&b);
    struct th_netflow_counts n;
    struct th_outlet_counts o;
    th_netflow_counts(c->netflow, &n);
    th_outlet_counts(c->outlet, &o);
    uint64_t now_lost = lost(c, &n);
    th_json_open(&j);
    put_counters(c, &j, now_lost, &n, &o);
    put_problems(c, &j, now_lost, &n, &o, now_ns);
    th_json_close(&j);
    tell_missed(c, now_lost, now_ns);
    c->told_lost = TH_MAX(c->told_lost, now_lost);
    c->told_events_lost = o.lost_events;
    c->told_strangers = c->strangers;
    th_edges_status(c->edges, th_buf_view(&b));
}

/* ---- the loop ---- */

static void hear_link(struct collect *c)
{
    struct th_ipc_message m;
    while (th_edges_receive(c->edges, LINK, &m) > 0)
        if (m.type == TH_SENSOR_SAVED)
            th_outlet_saved(c->outlet, m.id);
}

static int flush(struct collect *c, int64_t now_ns)
{
    struct th_outlet_counts before, after;
    int64_t until_ns =
        th_time_sub(c->wall_ns, hold_ns + status_ns + th_netflow_lag_ns(c->netflow, c->wall_ns));
    th_outlet_counts(c->outlet, &before);
    int r = th_outlet_flush(c->outlet, until_ns, now_ns >= c->heartbeat_at_ns);
    th_outlet_counts(c->outlet, &after);
    if (after.last != before.last)
        c->heartbeat_at_ns = now_ns + heartbeat_ns;
    c->flush_at_ns = now_ns + flush_ns;
    return r;
}

static int turn(struct collect *c, bool *more)
{
    struct pollfd fds[TH_VSENSOR_MAX_FLOW_LISTEN];
    int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
    int64_t left_ms = (TH_MIN(c->flush_at_ns, c->status_at_ns) - now_ns) / TH_NS_PER_MS + 1;
    for (size_t i = 0; i < c->port_count; i++)
        fds[i] = (struct pollfd){.fd = c->ports[i].fd, .events = POLLIN};
    int r = th_edges_wait(c->edges, fds, c->port_count, *more ? 0 : (int)TH_MAX(left_ms, 0));
    if (r == 0)
        r = read_ports(c, more);
    now_ns = th_clock_ns(CLOCK_MONOTONIC);
    if (r == 0 && now_ns >= c->flush_at_ns)
        r = flush(c, now_ns);
    if (now_ns >= c->status_at_ns) {
        tell_status(c, now_ns);
        c->status_at_ns = now_ns + status_ns;
    }
    hear_link(c);
    th_outlet_turn(c->outlet);
    return r;
}

/* Told to end: what waits for another direction goes as it is, if link takes it in time. */
static int say_farewell(struct collect *c)
{
    struct th_outlet_counts counts;
    int64_t until_ns = th_clock_ns(CLOCK_MONOTONIC) + farewell_ns;
    int r = th_pairs_flush(c->pairs);
    if (r == 0)
        r = th_outlet_flush(c->outlet, INT64_MIN, true);
    th_outlet_counts(c->outlet, &counts);
    while (r == 0 && counts.saved < counts.last && th_clock_ns(CLOCK_MONOTONIC) < until_ns) {
        th_outlet_turn(c->outlet);
        r = th_edges_wait(c->edges, NULL, 0, 50);
        hear_link(c);
        th_outlet_counts(c->outlet, &counts);
    }
    return r;
}

static int run(struct collect *c)
{
    bool more = false;
    int r = 0;
    while (r == 0 && !th_edges_stopping(c->edges))
        r = turn(c, &more);
    if (r == 0)
        r = read_ports(c, &more); /* what came before the word to end */
    return r == 0 ? say_farewell(c) : r;
}

/* ---- the role ---- */

static bool take_option(void *arg, const char *name, const char *value)
{
    struct collect *c = arg;
    if (strcmp(name, "--exclude-net") == 0)
        return c->exclude_count < TH_VSENSOR_MAX_NETS &&
            th_subnet_parse(th_str_c(value), &c->exclude[c->exclude_count++]);
    return strcmp(name, "--flow-from") == 0 && c->from_count < TH_VSENSOR_MAX_FLOW_FROM &&
        th_subnet_parse(th_str_c(value), &c->from[c->from_count++]);
}

static int open_all(struct collect *c)
{
    struct th_inherited in;
    int r = th_inherit(&in);
    if (r < 0)
        return r;
    for (int fd; c->port_count < TH_VSENSOR_MAX_FLOW_LISTEN &&
         (fd = th_inherit_get(&in, "flow", c->port_count)) >= 0;)
        c->ports[c->port_count++].fd = fd;
    if (c->port_count == 0)
        return -EBADF;
    c->edges = th_edges_new(&in, edge_names, TH_ARRAY_LEN(edge_names));
    const struct th_outlet_config out = {.edges = c->edges,
        .edge = LINK,
        .type = TH_SENSOR_FRAME,
        .run = th_random_below(UINT32_MAX / TH_SENSOR_RUN_WORKERS) * TH_SENSOR_RUN_WORKERS +
            TH_SENSOR_COLLECTOR,
        .max_bytes = max_waiting_bytes,
        .may_lose = true};
    struct th_pairs_config pairs = {.hold_ns = hold_ns};
    const struct th_netflow_sink records = {.put = take_record, .arg = c};
    th_random_bytes(&pairs.key, sizeof(pairs.key));
    c->conns = (struct th_sink){.put = take_conn, .arg = c};
    c->outlet = th_outlet_new(&out);
    c->pairs = th_pairs_new(&pairs, &c->conns);
    c->netflow = th_netflow_new(&records);
    return 0;
}

int role_collect(int argc, char **argv)
{
    struct collect *c = th_xcalloc(1, sizeof(*c));
    struct th_role_args args; /* whom the sensor's roles become; this one becomes nobody */
    int r = th_role_args_read(argc, argv, "thymus-vsensor collect", take_option, c, &args);
    if (r == 0)
        r = open_all(c);
    if (r == 0)
        r = th_role_lock(TH_ROLE_COLLECT, true);
    if (r == 0)
        r = run(c);
    if (r < 0 && r != -EPIPE)
        th_log(TH_LOG_ERROR, "collect stopped: %s", th_strerror(r));
    th_netflow_free(c->netflow);
    th_pairs_free(c->pairs);
    th_outlet_free(c->outlet);
    th_edges_free(c->edges);
    free(c);
    return r < 0 ? 1 : 0;
}
