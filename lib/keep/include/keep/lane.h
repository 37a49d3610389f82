/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of packets from one capture role to keep: blocks of records (records.h) in memory that
 * their parent made and both map. Capture fills a block and hands it over; keep reads it when it
 * comes to it, and gives it back once it is on the disk. Nobody waits: while keep has all blocks,
 * capture leaves packets out and counts them. Both sides can die and come back at any moment; what
 * was copied is still there then.
 *
 * Each side takes what the other wrote for outside bytes: numbers are fetched once and held against
 * what can be, records are copied before they are looked at. The memory cannot change its size.
 *
 *     capture: th_lane_put(lane, &record) ... th_lane_flush(lane) once a second
 *     keep:    while (th_lane_take(lane, &records) > 0) { write them; th_lane_give_back(lane); }
 */
#ifndef TH_KEEP_LANE_H
#define TH_KEEP_LANE_H

#include "base/err.h"
#include "keep/records.h"

#define TH_LANE_BLOCKS 32u

/* The parent: a descriptor of fresh memory, or -errno. */
int th_lane_make(void) TH_WARN_UNUSED;

/* What capture counted since the memory is there. */
struct th_lane_counts {
    uint64_t packets, bytes; /* handed over, or being so; bytes as they are kept */
    uint64_t dropped;        /* packets for which there was no room */
};

/* ---- capture ---- */

struct th_lane_writer;
/* bell: an eventfd that is rung for each block; both descriptors stay the caller's. What another
 * run left in a block that was not full yet is handed over. */
int th_lane_writer_new(int fd, int bell, struct th_lane_writer **ret) TH_WARN_UNUSED;
void th_lane_writer_free(struct th_lane_writer *w);
void th_lane_put(struct th_lane_writer *w, const struct th_keep_record *r);
/* Hands over what there is. */
void th_lane_flush(struct th_lane_writer *w);

/* ---- keep ---- */

struct th_lane_reader;
int th_lane_reader_new(int fd, struct th_lane_reader **ret) TH_WARN_UNUSED;
void th_lane_reader_free(struct th_lane_reader *r);
/* 1 and a copy of the oldest block's records, valid until the next call; 0: there is none. The same
 * again until it is given back. */
int th_lane_take(struct th_lane_reader *r, struct th_str *ret);
void th_lane_give_back(struct th_lane_reader *r);
void th_lane_counts(const struct th_lane_reader *r, struct th_lane_counts *ret);

#endif
