/* SPDX-License-Identifier: Apache-2.0 */
/* Record bodies that follow from their position, so that any record can be judged alone. */
#ifndef TH_TESTS_BODIES_H
#define TH_TESTS_BODIES_H

#include "base/buf.h"
#include "base/hash.h"
#include "journal/journal.h"

#define BODY_MAX_BYTES 1500u

static inline struct th_str body_of(uint64_t position, uint8_t storage[BODY_MAX_BYTES])
{
    size_t len = (size_t)(th_mix64(position + 7) % BODY_MAX_BYTES);
    if (position % 5 == 0)
        len %= 3; /* also empty ones */
    for (size_t i = 0; i < len; i++)
        storage[i] = (uint8_t)(th_mix64(position << 16 | i));
    return th_str_n(storage, len);
}

static inline int add_body(struct th_journal *j)
{
    uint8_t storage[BODY_MAX_BYTES];
    uint64_t position = th_journal_next(j);
    return th_journal_add(
        j, (uint8_t)(position % 3), (int64_t)position * 10, body_of(position, storage), NULL);
}

static inline void assert_record(const struct th_journal_record *rec, uint64_t position)
{
    uint8_t storage[BODY_MAX_BYTES];
    struct th_str want = body_of(position, storage);
    assert_int_equal(rec->position, position);
    assert_int_equal(rec->type, position % 3);
    assert_int_equal(rec->time_ns, (int64_t)position * 10);
    assert_int_equal(rec->body.len, want.len);
    assert_memory_equal(rec->body.p, want.p, want.len);
}

/* All records from `from` to `end` are there, each once. */
static inline void assert_records(const struct th_io *io, uint64_t from, uint64_t end)
{
    struct th_journal_reader *r = th_journal_reader_new(io);
    struct th_journal_record rec;
    assert_int_equal(th_journal_seek(r, from), 0);
    for (uint64_t p = from; p < end; p++) {
        assert_int_equal(th_journal_read(r, end, &rec), 1);
        assert_record(&rec, p);
    }
    assert_int_equal(th_journal_read(r, end, &rec), 0);
    assert_int_equal(th_journal_reader_position(r), end);
    th_journal_reader_free(r);
}

#endif
