/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of a batch on their way into rows: a column gives a block of rows its next values, so
 * that how they are encoded is asked once a block and not once a value.
 *
 * Their bytes come from outside: all reads go through cursors, all indexes are held against their
 * dictionary, all allocations against TH_WIRE_MAX_VALUES.
 */
#ifndef TH_EVENT_COLUMNS_H
#define TH_EVENT_COLUMNS_H

#include "base/arena.h"
#include "wire.h"

/* Rows of a block at most: few enough that they stay in the nearest cache while they are filled,
 * column by column. */
enum { TH_BLOCK_ROWS = 32 };

struct th_texts {
    struct th_str *v; /* views of the batch's bytes */
    uint32_t n;
};

/* What all columns of a batch share. */
struct th_batch_values {
    struct th_arena memory; /* dictionaries and lists */
    uint32_t count;         /* of values in them so far */
    struct th_texts ids;
    struct th_addr *addrs;
    uint32_t addr_count;
    uint64_t numbers[TH_BLOCK_ROWS]; /* of a column, on their way into rows */
};

struct th_column {
    uint8_t op;
    uint16_t offset; /* of the field in a row */
    struct th_cur in;
    struct th_cur counts; /* SPANS: the number of values of each row */
    struct th_texts dict;
    uint32_t next;  /* STRING: the next new one */
    uint64_t prev;  /* ID: index before; STEP: value before */
    int64_t unit;   /* of a scale */
    uint8_t bits;   /* BOOL: the byte being taken apart */
    uint8_t bits_n; /* and what is left of it */
};

/* Room for n values of size bytes; NULL past the limit of a batch. */
void *th_values_room(struct th_batch_values *b, uint64_t n, size_t size_bytes);
/* The next n numbers; false when there are not as many. */
bool th_numbers_take(struct th_cur *c, uint64_t *ret, uint32_t n);
/* The three below: false for damage, after which nothing of the batch is read any more. */
bool th_texts_read(struct th_batch_values *b, struct th_cur *c, struct th_texts *ret);
/* Reads what stands before the values of a column whose op, offset and bytes are set. */
bool th_column_open(struct th_column *col, struct th_batch_values *b);
/* The next value into each of n rows; of BEFORE its distance from the event's time. */
bool th_column_take(
    struct th_column *col, struct th_batch_values *b, struct th_event *const *rows, uint32_t n);

static inline bool th_scale_read(struct th_cur *c, int64_t *ret_unit)
{
    *ret_unit = th_wire_scale_ns(th_cur_u8(c));
    return !c->failed && *ret_unit != 0;
}

#endif
