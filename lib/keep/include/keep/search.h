/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds packets in a folder that ring.h writes, or wrote, and gives them as a pcap file with
 * nanoseconds, in order of time. It works in steps, so that a role can do other things in between;
 * each step reads one file's indices or one block.
 *
 *     th_keep_search_new(&io, key, &request, &s);
 *     while ((r = th_keep_search_step(s, &out)) > 0) { send out; th_buf_clear(&out); }
 *
 * A packet fits by any of its headers, those of a tunnel and those inside; a fragment, which has no
 * ports, fits whatever ports are asked for. Exactly the same packet twice, of the same nanosecond,
 * is there once: blocks are written anew by a role that died between writing and saying so.
 *
 * A pcap file has one link type: that of the first packet that fits. Packets without a link header
 * get one of zeros in a file of Ethernet; those of other link types are left out, and counted.
 */
#ifndef TH_KEEP_SEARCH_H
#define TH_KEEP_SEARCH_H

#include "base/buf.h"
#include "base/io.h"
#include "keep/ring.h"
#include "link/packets.h"

/* A step gives at most this much and one packet. */
#define TH_KEEP_STEP_BYTES (128u << 10)

struct th_keep_found {
    uint64_t packets, bytes; /* given; bytes of the pcap file with its head */
    bool cut;                /* there was more than limit_bytes */
    uint64_t other_links;    /* packets that fit, of another link type than the file's */
    uint64_t damaged;        /* blocks or files that could not be read */
    uint64_t gone;           /* files that the ring removed meanwhile */
    int64_t oldest_ns;       /* first packet of all that is kept; INT64_MAX: none is */
};

struct th_keep_search;
/* io must outlive it. -ENOENT: nothing was ever kept there; TH_E_SIGNATURE: another key's folder.
 */
int th_keep_search_new(const struct th_io *io, const uint8_t key[TH_KEEP_KEY_BYTES],
    const struct th_packets_request *request, struct th_keep_search **ret) TH_WARN_UNUSED;
void th_keep_search_free(struct th_keep_search *s);
/* Appends to out. 1: there may be more; 0: that was all; negative: the folder cannot be read. */
int th_keep_search_step(struct th_keep_search *s, struct th_buf *out) TH_WARN_UNUSED;
void th_keep_search_found(const struct th_keep_search *s, struct th_keep_found *ret);

/* What a person should know of it, a sentence or more; "" when there is nothing. */
void th_keep_found_problem(const struct th_keep_found *f, struct th_buf *out);
/* The answer's end as messages between roles have it: {"packets": n, "bytes": n, "cut": bool,
 * "oldest": time or null, "problem": text}. */
void th_keep_found_put(struct th_buf *out, const struct th_keep_found *f, const char *problem);

#endif
