/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far logs were followed, on the disk: a ring of turns. A turn is what was read of one log at
 * once and became frames (outlet.h). It is written down before its frames leave, with all that is
 * needed to make the same frames again: so after a kill the turns whose frames may not have arrived
 * are done again, link knows by their numbers those that did, and nothing is lost or told twice.
 * The turns before them are kept as well: what was held back then (a question without its answer)
 * is held again when they are read again.
 *
 * One file, a head and slots of fixed size with check sums; a torn slot is none.
 */
#ifndef TH_VSENSOR_FOLLOW_BOOK_H
#define TH_VSENSOR_FOLLOW_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define TH_BOOK_TURNS 1024u

/* Bytes of a file, as lines. */
struct th_follow_span {
    uint64_t inode;
    uint64_t begin, end;      /* offsets, bytes */
    bool skip_at, skip_after; /* the bytes from begin, and those from end, belong to a line that was
                                 too long: up to its end nothing is read */
    uint64_t tail; /* hash of the bytes before end: another file would have others there */
};

struct th_follow_turn {
    uint64_t serial; /* set by th_book_add: 1 for the first */
    uint64_t log;    /* hash of its path; 0: of none, time alone passed */
    struct th_follow_span span;
    uint64_t seq;        /* of the next event */
    uint64_t advanced;   /* logs whose time it advanced, bit by their place in the configuration */
    int64_t clock_ns;    /* when it was done */
    int64_t advanced_ns; /* to which time */
    int64_t until_ns;    /* as th_outlet_flush has it */
    int64_t missed_from_ns, missed_to_ns; /* a gap that was told; 0, 0: none */
    uint32_t number;                      /* of the last frame at its end */
    uint32_t saved;                       /* number up to which all was on link's disk */
    bool live;  /* its lines were written since the turn before: their time is the clock's */
    bool flows; /* before it the log had lines of type flow */
};

struct th_book;
/* Reads what is there. What is no such book, or of another version, begins anew with `run`. The
 * descriptor is borrowed. */
int th_book_open(int fd, uint32_t run, struct th_book **ret) TH_WARN_UNUSED;
void th_book_free(struct th_book *b);
TH_DEFINE_CLEANUP(struct th_book, th_book_free)
uint32_t th_book_run(const struct th_book *b); /* of all of its turns */
/* Turns that are there, without a hole; 0 is the oldest. */
size_t th_book_count(const struct th_book *b);
const struct th_follow_turn *th_book_turn(const struct th_book *b, size_t i);
/* The latest turn of a log; NULL: none is known. */
const struct th_follow_turn *th_book_last(const struct th_book *b, uint64_t log);
/* On the disk when it returns; after an error nothing was added and it can be tried again. */
int th_book_add(struct th_book *b, const struct th_follow_turn *turn) TH_WARN_UNUSED;

#endif
