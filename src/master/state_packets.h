/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What state_packets.c (asks), state_packets_tick.c (what becomes of them by itself) and
 * state_parts.c (what arrives, and the files) share. A file
 * "ID.packets" in state's folder is a row of records: length u32 LE, then up to 64 KiB of the pcap
 * sealed by the key chain for this ask and this place in the file. The row in the database says how
 * much of it is whole; of what is on its way only memory knows, so that after a crash it is asked
 * for anew.
 */
#ifndef TH_MASTER_STATE_PACKETS_H
#define TH_MASTER_STATE_PACKETS_H

#include "account/ask.h"
#include "state_i.h"

static inline bool st_ask_is(const struct th_ask *k, const char *state)
{
    return strcmp(k->state, state) == 0;
}

static inline void st_ask_enter(struct th_ask *k, const char *state)
{
    snprintf(k->state, sizeof(k->state), "%s", state);
}

/* ---- state_packets.c ---- */
void st_ask_fail(struct th_state *s, int64_t now_ns, struct th_ask *k, const char *problem);
/* The next sensor is asked; false: there is none, or one alone was meant. */
bool st_ask_elsewhere(struct th_state *s, int64_t now_ns, struct th_ask *k);

/* ---- state_packets_tick.c ---- */
/* It is sent to the same sensor from the beginning; false: that was done often enough. */
bool st_ask_again(struct th_state *s, int64_t now_ns, struct th_ask *k);

/* ---- state_parts.c ---- */
/* NULL: nothing of the command has arrived since the start. */
struct st_arrival *st_arrival_of(struct th_state *s, const char *command);
void st_arrival_end(struct th_state *s, const struct th_ask *k);
/* Appends the record at `at`. */
int st_packets_read(struct th_state *s, const char *id, uint64_t at, struct th_buf *out,
    uint64_t *ret_next) TH_WARN_UNUSED;
bool st_packets_whole(struct th_state *s, const struct th_ask *k);
void st_packets_drop(struct th_state *s, const char *id); /* the file, if there is one */
void st_packets_sweep(struct th_state *s);                /* files that no ask has */

#endif
