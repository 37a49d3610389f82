/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of core's saved files (state and prior): magic, version, then sections,
 * each with a tag, a length and a CRC-32C; little-endian. A section that a reader
 * does not know is skipped, one that is damaged is refused by name.
 */
#ifndef TH_MASTER_SECTIONS_H
#define TH_MASTER_SECTIONS_H

#include "base/buf.h"
#include "base/err.h"

enum th_section {
    TH_SECTION_META = 1, /* last event time, inside networks */
    TH_SECTION_IDENTITY = 2,
    TH_SECTION_PARTITIONS = 3, /* 64 length-prefixed learner partitions */
    TH_SECTION_ORG = 4,
    TH_SECTION_SCORER = 5,
    TH_SECTION_INCIDENTS = 6,
    TH_SECTION_LEARN_PRIOR = 7,
    TH_SECTION_SCORER_PRIOR = 8,
    TH_SECTION_LIVE = 9, /* place in the log */
    TH_SECTION_PERMITS = 10,
    TH_SECTION_GROUPS = 11 /* what is usual in a group; not in states of before */
};

void th_sections_begin(struct th_buf *out);
void th_sections_add(struct th_buf *out, enum th_section tag, const struct th_buf *body);
/* Reads a whole file of at most 4 GiB into ret, from its start. An empty file gives an empty
 * buffer. */
int th_sections_read(int fd, struct th_buf *ret) TH_WARN_UNUSED;
/* Writes all of it at the start of the file and syncs. */
int th_sections_write(int fd, const struct th_buf *whole) TH_WARN_UNUSED;
/* 0 when every section is there to its end and undamaged. */
int th_sections_check(const struct th_buf *whole) TH_WARN_UNUSED;
/* The body of a section, checked; -ENOENT when the file has none. */
int th_sections_find(
    const struct th_buf *whole, enum th_section tag, struct th_str *ret) TH_WARN_UNUSED;

#endif
