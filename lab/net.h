/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What actors do on the wire: connections, lookups, handshakes, with plausible times,
 * sizes and failures. Each function submits its flows; what it returns is when the
 * next thing can follow.
 */
#ifndef TH_LAB_NET_H
#define TH_LAB_NET_H

#include "sim.h"

/* Of the router that the actor's network leads out by. */
struct th_mac lab_gateway_mac(const struct lab_actor *a);
/* A new flow of the actor, not yet submitted: the caller sets dur_ns, bytes, service, records. */
struct lab_flow *lab_open(struct lab_actor *a, int64_t ts, enum lab_proto proto,
    const struct th_addr *dst, uint16_t port);
struct lab_flow *lab_open_to(struct lab_actor *a, int64_t ts, enum lab_proto proto,
    const struct lab_device *to, uint16_t port);
void lab_submit(struct lab_actor *a, struct lab_flow *f);
#define LAB_REC(a, f, KIND, ts, time)                                                              \
    ((th_ev_##KIND *)lab_flow_rec((a)->sim->pool, (f), TH_KIND_##KIND, (ts), (time)))
#define LAB_TEXT(a, f, s) lab_flow_text((a)->sim->pool, (f), (s))
struct th_str lab_printf(struct lab_actor *a, struct lab_flow *f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A simple connection to an inside device or an outside address. */
void lab_talk_to(struct lab_actor *a, int64_t ts, enum lab_proto proto, const struct lab_device *to,
    uint16_t port, const char *service, int64_t dur_ns, uint64_t up, uint64_t down);

/* DNS: asks for the name unless it is in the cache; returns when the answer is there. */
int64_t lab_lookup(struct lab_actor *a, int64_t ts, const struct lab_host *h);
enum lab_dns_type {
    LAB_DNS_A = 1,
    LAB_DNS_PTR = 12,
    LAB_DNS_TXT = 16,
    LAB_DNS_AAAA = 28,
    LAB_DNS_SRV = 33,
    LAB_DNS_HTTPS = 65
};
/* One query with its outcome, always asked. answers may be NULL. Returns the time of the answer. */
int64_t lab_query(struct lab_actor *a, int64_t ts, struct th_str name, unsigned qtype,
    unsigned rcode, const struct th_strs *answers, const int64_t *ttls);

/* A TLS connection to an outside host, looked up first. */
struct lab_web {
    const struct lab_tls *tls;
    uint16_t port;     /* 0: 443 */
    uint64_t up, down; /* beyond the handshake */
    int64_t dur_ns;    /* beyond the handshake */
    bool no_lookup;
    bool no_sni;
};
int64_t lab_tls_to(
    struct lab_actor *a, int64_t ts, const struct lab_host *h, const struct lab_web *w);
/* The same to an inside server. */
int64_t lab_tls_inside(struct lab_actor *a, int64_t ts, const struct lab_device *to, uint16_t port,
    const struct lab_tls *tls, uint64_t up, uint64_t down, int64_t dur_ns);

struct lab_request {
    const char *method; /* NULL: GET */
    struct th_str uri, user_agent, mime, filename;
    uint64_t up, down; /* bodies */
    unsigned status;   /* 0: 200 */
    uint16_t port;     /* 0: 80 */
    int64_t dur_ns;
    struct th_str sha256;
};
int64_t lab_http(
    struct lab_actor *a, int64_t ts, const struct lab_host *h, const struct lab_request *q);
int64_t lab_http_inside(
    struct lab_actor *a, int64_t ts, const struct lab_device *to, const struct lab_request *q);

/* Round trip to an outside host: its own for ever, with some noise. */
int64_t lab_rtt(struct lab_actor *a, uint64_t key);
/* The server or host does not answer in this quarter of an hour. */
bool lab_is_down(const struct lab_sim *s, uint64_t key, int64_t t);
/* A period and jitter as pollers have them, good and bad ones alike; and the time from one call to
 * the next, which both draw here. */
void lab_draw_beat(struct lab_rng *r, int64_t *ret_period_ns, double *ret_jitter);
int64_t lab_beat_gap(struct lab_rng *r, int64_t period_ns, double jitter);
/* Current address of a device by the flow's protocol version: IPv6 for a share of inside talk. */
const struct lab_device *lab_dns_server(const struct lab_actor *a);

#endif
