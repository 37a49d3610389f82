/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a search knows of a block without opening it: when its packets were, and which hosts may be
 * in it: a Bloom filter (Bloom, 1970) of four bits a host, halved while it is sparse, so that a
 * silent second costs 64 bytes and a busy one 8 KiB.
 */
#ifndef TH_KEEP_INDEX_H
#define TH_KEEP_INDEX_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/cursor.h"

#define KEEP_HOSTS_MIN_BYTES 64u
#define KEEP_HOSTS_MAX_BYTES 8192u
#define KEEP_INDEX_BYTES 40u /* as it is written, without the hosts */

struct keep_index {
    int64_t first_ns, last_ns; /* of its packets */
    int64_t written_ns;        /* by the clock of who wrote it */
    uint64_t packets;
    uint32_t host_bytes; /* a power of two, or 0: any host may be in it */
    uint8_t hosts[KEEP_HOSTS_MAX_BYTES];
};

/* Nothing in it, room for the most. */
void keep_index_init(struct keep_index *x);
void keep_index_packet(struct keep_index *x, int64_t time_ns);
void keep_index_host(struct keep_index *x, const struct th_addr *host);
/* All were added: halves it as long as few would be taken for there that are not. */
void keep_index_end(struct keep_index *x);
bool keep_index_has(const struct keep_index *x, const struct th_addr *host);
/* Takes the packets of `more` in, not its hosts. */
void keep_index_add(struct keep_index *x, const struct keep_index *more);

void keep_index_put(struct th_buf *out, const struct keep_index *x);
bool keep_index_read(struct th_cur *c, struct keep_index *ret);

#endif
