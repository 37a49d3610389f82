/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams of NetFlow version 5 and 9 (RFC 3954) and of IPFIX (RFC 7011) in, records of flows out.
 * What a datagram is, it says itself. Templates are kept by exporter, observation domain (source
 * id, engine) and number; sets that came before their template wait for it, within limits. Options
 * that tell a sampling rate are heeded: bytes and packets are multiplied by it and the record says
 * so. The first number of a datagram tells how many records (version 9: datagrams) went missing.
 *
 * An exporter whose clock is off by more than a minute is put right by the time of arrival.
 * Whoever sends is nobody to trust: every list has a limit, what is past it is counted.
 */
#ifndef TH_FLOWLOG_NETFLOW_H
#define TH_FLOWLOG_NETFLOW_H

#include "base/err.h"
#include "flowlog/record.h"

#define TH_NETFLOW_MAX_STREAMS 256u   /* exporters' domains; one silent for long makes room */
#define TH_NETFLOW_MAX_TEMPLATES 128u /* of a stream; the one not used for longest makes room */
#define TH_NETFLOW_MAX_FIELDS 128u    /* of a template */
#define TH_NETFLOW_MAX_HELD 32u       /* sets of a stream that wait for their template */
#define TH_NETFLOW_MAX_HELD_BYTES (32u << 10) /* of these */

struct th_netflow_counts {
    uint64_t datagrams, records;
    uint64_t malformed;      /* datagrams or sets, as far as they could not be read */
    uint64_t unknown;        /* datagrams of another version */
    uint64_t strange;        /* records without addresses, or with impossible times */
    uint64_t lost;           /* by their numbers: records; of version 9 datagrams */
    uint64_t no_template;    /* sets that waited for a template in vain */
    uint64_t templates;      /* heard; also again */
    uint64_t templates_gone; /* for want of room */
    uint64_t refused;        /* datagrams of more streams than there is room for */
    uint32_t streams_now, templates_now;
    uint32_t clocks_off; /* streams whose clock is put right */
};

struct th_netflow;
/* The record's views hold until put returns. Negative ends the datagram. */
struct th_netflow_sink {
    int (*put)(void *arg, const struct th_flow_record *r);
    void *arg;
};
struct th_netflow *th_netflow_new(const struct th_netflow_sink *sink);
void th_netflow_free(struct th_netflow *n);
/* One datagram, at the time of its arrival. 0, or what the sink said; what is wrong with the
 * datagram is counted. */
int th_netflow_datagram(struct th_netflow *n, const struct th_addr *exporter, int64_t now_ns,
    const uint8_t *data, size_t len_bytes) TH_WARN_UNUSED;
void th_netflow_counts(const struct th_netflow *n, struct th_netflow_counts *ret);
/* How long after its last packet a flow is told of: the longest that the exporters of the last
 * half hour to hour took, at most one hour; 5 minutes while none is known. */
int64_t th_netflow_lag_ns(const struct th_netflow *n, int64_t now_ns);

#endif
