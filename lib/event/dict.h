/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer's dictionary: strings get numbers in the order they first come. It is an
 * optimisation only, so a lookup gives up after a few probes and enters the string a
 * second time: nobody can slow a writer down with chosen collisions.
 */
#ifndef TH_EVENT_DICT_H
#define TH_EVENT_DICT_H

#include "base/buf.h"

struct th_dict_entry {
    uint32_t hash;
    uint32_t at, len; /* in bytes */
};

struct th_dict {
    struct th_dict_entry *entries;
    uint32_t count, room;
    uint32_t *slots; /* index + 1; 0 for free */
    uint32_t slot_count;
    uint32_t last; /* index of the string asked for last: columns repeat themselves */
    uint8_t *bytes;
    uint32_t bytes_len, bytes_room;
};

void th_dict_done(struct th_dict *d);
void th_dict_clear(struct th_dict *d);
/* Number of s; *ret_new says whether it was entered by this call. */
uint32_t th_dict_add(struct th_dict *d, const void *p, uint32_t len, bool *ret_new);
/* Count, lengths, bytes. */
void th_dict_write(const struct th_dict *d, struct th_buf *out);

#endif
