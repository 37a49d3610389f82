/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of role stream: those that came to its listeners, and those that it makes. What
 * comes over one is handed on as bytes, TLS taken off; what is in them nobody here looks at. A peer
 * that is not reached, or whose stream ended, is tried again after a second, then after up to a
 * minute. All that is remembered is bounded by TH_STREAMS_MAX.
 */
#ifndef TH_VSENSOR_STREAM_PEERS_H
#define TH_VSENSOR_STREAM_PEERS_H

#include <poll.h>

#include "base/addr.h"
#include "endpoint.h"
#include "lookup.h"
#include "tls_conn.h"

/* Whom to connect to. */
struct th_stream_target {
    struct th_endpoint at;
    char name[TH_HOST_LEN + TH_PORT_LEN + 1]; /* for people */
    struct th_addr addrs[TH_LOOKUP_MAX];
    unsigned addr_count; /* 0: its name was not found */
    unsigned next;       /* of the addresses, to be tried */
    bool busy;           /* there is a connection, or one is being made */
    int64_t try_at_ns, pause_ns, away_since_ns;
    char problem[200]; /* why there is none; "" */
};

struct th_stream_conn {
    int fd; /* -1: free */
    bool connecting;
    bool said; /* capture was told of it */
    struct th_tls_conn *tls;
    struct th_stream_target *target; /* NULL: it came by itself */
    uint64_t id, bytes;
    int64_t since_ns;
    char name[TH_HOST_LEN + TH_PORT_LEN + 1];
};

struct th_stream_counts {
    uint64_t begun, ended, broken, failed, refused, bytes;
};

/* What is done with what comes. */
struct th_stream_ops {
    void (*begin)(void *arg, const struct th_stream_conn *c);
    void (*bytes)(void *arg, const struct th_stream_conn *c, struct th_str bytes);
    /* why: a few words, or "" for an ordinary end. */
    void (*end)(void *arg, const struct th_stream_conn *c, const char *why);
    bool (*full)(void *arg); /* nothing is read for now */
};

struct th_stream_peers {
    const struct th_stream_ops *ops;
    void *arg;
    struct {
        int fd;
        bool tls;
    } listeners[TH_STREAM_LISTENERS_MAX];
    unsigned listener_count;
    struct th_stream_target targets[TH_STREAM_TARGETS_MAX];
    unsigned target_count;
    struct th_stream_conn conns[TH_STREAMS_MAX];
    unsigned limit;                       /* of connections at once, at most TH_STREAMS_MAX */
    struct th_tls_rules *server, *client; /* NULL: no TLS on that side */
    uint64_t last_id;
    int64_t refused_ns; /* when one was refused last; 0: none was */
    struct th_stream_counts counts;
    uint8_t buffer[64u << 10];
};

void th_stream_peers_init(
    struct th_stream_peers *p, const struct th_stream_ops *ops, void *arg, unsigned limit);
void th_stream_peers_done(struct th_stream_peers *p);
/* For poll; how many, at most TH_STREAM_LISTENERS_MAX + TH_STREAMS_MAX. open: new ones are taken.
 */
size_t th_stream_peers_poll(const struct th_stream_peers *p, bool open, struct pollfd *ret);
/* After it, with the same: takes, reads, connects. now_ns is monotonic. */
void th_stream_peers_turn(
    struct th_stream_peers *p, bool open, const struct pollfd *fds, size_t count, int64_t now_ns);
/* The reader wants no more of it. False: it has ended already. */
bool th_stream_peers_stop(struct th_stream_peers *p, uint64_t id, const char *why, int64_t now_ns);
/* Ends all of them, without a word to ops. */
void th_stream_peers_drop(struct th_stream_peers *p, int64_t now_ns);
unsigned th_stream_peers_open(const struct th_stream_peers *p); /* how many bring something */

#endif
