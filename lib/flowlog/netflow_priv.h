/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the NetFlow reader share: netflow.c knows datagrams and streams,
 * netflow_template.c templates and what waits for them, netflow_record.c turns fields into records.
 */
#ifndef TH_FLOWLOG_NETFLOW_PRIV_H
#define TH_FLOWLOG_NETFLOW_PRIV_H

#include "base/cursor.h"
#include "flowlog/netflow.h"

enum { TH_NETFLOW_V5 = 5, TH_NETFLOW_V9 = 9, TH_IPFIX = 10 };
/* Set numbers: RFC 3954 section 5.1, RFC 7011 section 3.3.2. */
enum {
    TH_SET_TEMPLATE_V9 = 0,
    TH_SET_OPTIONS_V9 = 1,
    TH_SET_TEMPLATE = 2,
    TH_SET_OPTIONS = 3,
    TH_SET_DATA = 256
};

#define TH_NETFLOW_VARIABLE 65535u /* length of a field that says its length itself */
#define TH_NETFLOW_REVERSE 29305u  /* enterprise number of the way back (RFC 5103) */
#define TH_NETFLOW_SAMPLERS 16u

struct th_nf_field {
    uint16_t id;
    uint16_t len;
    uint32_t enterprise;
};

struct th_nf_template {
    struct th_nf_template *next; /* latest used first */
    uint16_t id, count;
    bool options;
    uint32_t min_len; /* of a record */
    struct th_nf_field fields[];
};

/* A set that came before its template, with what its datagram said. */
struct th_nf_held {
    struct th_nf_held *next;
    uint16_t set_id;
    uint32_t len;
    int64_t export_ns, shift_ns, now_ns;
    uint32_t uptime_ms;
    uint8_t bytes[];
};

struct th_nf_sampler {
    uint64_t id;
    uint32_t rate;
};

struct th_nf_stream {
    bool used;
    struct th_addr exporter;
    uint32_t domain;
    uint16_t version;
    int64_t heard_ns;
    uint64_t point;
    char told_by[64];
    bool numbered;   /* next_number holds */
    bool counts_own; /* its numbers are of what was sent with this datagram, not before it */
    uint32_t next_number, uptime_ms;
    uint32_t numbered_at, last_records; /* IPFIX: of the datagram before */
    int64_t shift_ns;                   /* puts its clock right; 0: it is right */
    int64_t booted_ns;                  /* as an option told; 0: not told */
    uint32_t rate;                      /* of all its records; 0: not told */
    struct th_nf_sampler samplers[TH_NETFLOW_SAMPLERS];
    uint32_t sampler_count;
    struct th_nf_template *templates;
    uint32_t template_count;
    struct th_nf_held *held, **held_end;
    uint32_t held_count, held_bytes;
    int64_t lag_since_ns, lag_ns, lag_before_ns; /* of this half hour, of the one before */
};

/* The datagram being read. */
struct th_nf_datagram {
    struct th_nf_stream *stream;
    int64_t now_ns;
    int64_t export_ns; /* by the exporter's clock */
    int64_t shift_ns;  /* puts its clock right */
    uint32_t uptime_ms;
    uint64_t records; /* read from it */
};

struct th_netflow {
    struct th_netflow_sink sink;
    struct th_nf_stream *streams;
    struct th_netflow_counts counts;
};

/* Checks times, puts the exporter's clock right, scales, and gives the record on. Its times are by
 * the exporter's clock. */
int th_nf_give(struct th_netflow *n, struct th_nf_datagram *d, struct th_flow_record *r);

/* Templates in a set: of data, or of options; v9 and IPFIX write them differently. What waited for
 * one of them is read. */
int th_nf_templates(struct th_netflow *n, struct th_nf_datagram *d, struct th_cur set);
int th_nf_options(struct th_netflow *n, struct th_nf_datagram *d, struct th_cur set);
/* A set of data: read by its template, or held. */
int th_nf_data(struct th_netflow *n, struct th_nf_datagram *d, uint16_t set_id, struct th_cur set);
void th_nf_stream_done(struct th_nf_stream *s);

/* Records of one template, to the end of the set. */
int th_nf_records(struct th_netflow *n, struct th_nf_datagram *d, const struct th_nf_template *t,
    struct th_cur set);

#endif
