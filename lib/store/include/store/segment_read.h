/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments back into events: the reverse of what store/segment.h does with an event's fields, by
 * events.def. What seal knew besides (whom an event is about) is left out. A column that a segment
 * lacks is a field that is not set; text is as it was stored, UTF-8.
 *
 * A segment is an outside file: a column of another type, and a value that no event can have, are
 * found and told.
 */
#ifndef TH_STORE_SEGMENT_READ_H
#define TH_STORE_SEGMENT_READ_H

#include "store/segment.h"

/* Added up over calls. */
struct th_segment_read_stats {
    uint64_t events;
    uint64_t unfit;     /* values that are none of their field, as an address of 5 bytes: not set */
    uint64_t too_large; /* events left out */
};

/* The events of a segment with times in [from, to), in order of time, to the sink; what they refer
 * to lives until it returns. Paths as of th_segment_from. All rows of the span are in memory at
 * once: -ENOMEM, before the first event, asks for a shorter one. TH_E_MALFORMED: a column is not of
 * its type. Else TH_E_DATABASE, or the sink's error. */
int th_segment_read(struct th_duck *d, unsigned kind, const char *path, int64_t from_ns,
    int64_t to_ns, const struct th_sink *sink, struct th_segment_read_stats *stats) TH_WARN_UNUSED;

#endif
