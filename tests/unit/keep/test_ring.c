/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of files: what is written is found, the oldest goes first, a full disk is no end, a
 * power cut takes nothing that was synced. */
#include "kept.h"

enum { BIG = 1400 };

struct world {
    struct io_record *disk;
    struct th_io io;
};

static void setup_world(struct world *w)
{
    w->disk = io_record_new();
    io_record_io(w->disk, &w->io);
}

static struct th_keep_counts counts_of(const struct th_keep *k)
{
    struct th_keep_counts c;
    th_keep_counts(k, &c);
    return c;
}

static void test_kept_and_found(void **state)
{
    (void)state;
    struct world w;
    setup_world(&w);
    struct th_keep *k = open_keep(&w.io, ROOM_BYTES, START_NS);
    assert_int_equal(counts_of(k).oldest_ns, INT64_MAX);
    keep_some(k, START_NS, 7, 10, 50);
    keep_some(k, START_NS + TH_NS_PER_S, 8, 20, 50);
    struct th_keep_found f = find(&w.io, 8); /* while it is written */
    assert_int_equal(f.packets, 20);
    assert_int_equal(f.oldest_ns, START_NS);
    assert_int_equal(find(&w.io, 1).packets, 30);
    f = find(&w.io, 9);
    assert_int_equal(f.packets, 0);
    assert_int_equal(f.bytes, 24); /* a pcap file of nothing */
    assert_int_equal(counts_of(k).packets, 30);
    assert_int_equal(counts_of(k).oldest_ns, START_NS);
    th_keep_close(k);
    k = open_keep(&w.io, ROOM_BYTES, START_NS);
    assert_int_equal(counts_of(k).oldest_ns, START_NS);
    keep_some(k, START_NS + 2 * TH_NS_PER_S, 7, 5, 50);
    assert_int_equal(counts_of(k).files, 2);
    assert_int_equal(find(&w.io, 7).packets, 15);
    th_keep_close(k);
    io_record_free(w.disk);
}

/* Bytes on the disk never pass the limit; what is left is the newest, without a hole. */
static void test_limit_of_bytes(void **state)
{
    (void)state;
    const uint64_t limit = 12u << 20;
    struct world w;
    setup_world(&w);
    struct th_keep *k = open_keep(&w.io, limit, START_NS);
    for (unsigned i = 0; i < 60; i++) {
        keep_some(k, START_NS + i * TH_NS_PER_S, 7, 600, BIG);
        assert_true(counts_of(k).kept_bytes <= limit);
    }
    struct th_keep_counts c = counts_of(k);
    struct th_keep_found f = find(&w.io, 7);
    assert_true(c.removed_size > 0 && c.removed_bytes > limit);
    assert_int_equal(c.removed_age + c.removed_full, 0);
    assert_int_equal(c.bytes + (c.files + c.removed_size) * KEEP_PAGE +
            (c.files - 1 + c.removed_size) * KEEP_PAGE,
        c.kept_bytes + c.removed_bytes); /* blocks, heads, and ends of all but the last */
    assert_true(c.kept_bytes > limit / 2);
    assert_int_equal(f.oldest_ns, c.oldest_ns);
    assert_int_equal(f.packets, 600 * (60 - (uint64_t)((c.oldest_ns - START_NS) / TH_NS_PER_S)));
    th_keep_close(k);
    io_record_free(w.disk);
}

static void test_limit_of_hours(void **state)
{
    (void)state;
    struct world w;
    const struct th_keep_config config = {.bytes = ROOM_BYTES, .span_ns = 2 * TH_NS_PER_HOUR};
    struct th_keep *k = NULL;
    setup_world(&w);
    assert_int_equal(th_keep_open(&w.io, the_key, &config, START_NS, &k), 0);
    for (unsigned i = 0; i < 300; i++) { /* one a minute, for five hours */
        keep_some(k, START_NS + i * TH_NS_PER_MIN, 7, 1, 50);
        th_keep_tick(k, START_NS + i * TH_NS_PER_MIN);
    }
    struct th_keep_counts c = counts_of(k);
    int64_t age_ns = START_NS + 299 * TH_NS_PER_MIN - c.oldest_ns;
    assert_true(age_ns <= config.span_ns); /* none is older, some nearly as old */
    assert_true(age_ns >= config.span_ns - 10 * TH_NS_PER_MIN);
    assert_int_equal(c.removed_size, 0);
    th_keep_tick(k, START_NS + 24 * TH_NS_PER_HOUR); /* a silent day takes the last */
    assert_int_equal(counts_of(k).files, 0);
    assert_int_equal(counts_of(k).kept_bytes, 0);
    assert_int_equal(find(&w.io, 7).packets, 0);
    th_keep_close(k);
    io_record_free(w.disk);
}

/* The disk has less room than the ring may have: the oldest goes. When others take even that, what
 * comes is refused, and taken again later. */
static void test_full_disk(void **state)
{
    (void)state;
    struct world w;
    TH_AUTOBUF struct th_buf block = TH_BUF_INIT;
    setup_world(&w);
    struct th_keep *k = open_keep(&w.io, ROOM_BYTES, START_NS);
    io_record_room(w.disk, 70u << 20);
    io_record_chunk(w.disk, 100000); /* what is short is short in the middle */
    unsigned i = 0;
    for (; i < 150; i++)
        keep_some(k, START_NS + i * TH_NS_PER_S, 7, 600, BIG);
    struct th_keep_counts c = counts_of(k);
    assert_true(c.removed_full > 0);
    assert_int_equal(c.removed_size, 0);
    assert_int_equal(c.error, 0);
    struct th_keep_found f = find(&w.io, 7);
    assert_int_equal(f.packets, 600 * (150 - (uint64_t)((f.oldest_ns - START_NS) / TH_NS_PER_S)));
    assert_int_equal(f.damaged, 0);

    io_record_room(w.disk, 1u << 20);
    for (unsigned n = 0; n < 600; n++)
        put_packet(&block, START_NS + i * TH_NS_PER_S + n, 9, 1, BIG);
    assert_int_equal(th_keep_put(k, th_buf_view(&block), START_NS + i * TH_NS_PER_S), -ENOSPC);
    assert_int_equal(counts_of(k).error, -ENOSPC);
    assert_int_equal(find(&w.io, 9).packets, 0);
    io_record_room(w.disk, 200u << 20);
    assert_int_equal(th_keep_put(k, th_buf_view(&block), START_NS + i * TH_NS_PER_S), 0);
    assert_int_equal(counts_of(k).error, 0);
    assert_int_equal(find(&w.io, 9).packets, 600);
    assert_int_equal(find(&w.io, 9).damaged, 0);
    th_keep_close(k);
    io_record_free(w.disk);
}

/* Each call fails once, everywhere: what was refused is not there, what was taken is. */
static void test_failures(void **state)
{
    (void)state;
    static const enum io_record_call calls[] = {IO_RECORD_WRITE, IO_RECORD_SYNC,
        IO_RECORD_SYNC_FOLDER, IO_RECORD_TRUNCATE, IO_RECORD_REMOVE};
    for (size_t c = 0; c < TH_ARRAY_LEN(calls); c++) {
        for (unsigned after = 0; after < 12; after++) {
            struct world w;
            unsigned taken = 0;
            setup_world(&w);
            struct th_keep *k = open_keep(&w.io, 6u << 20, START_NS);
            io_record_fail(w.disk, calls[c], after, -EIO);
            if (calls[c] == IO_RECORD_TRUNCATE)
                io_record_room(w.disk, 4u << 20); /* else there is nothing to take back */
            for (unsigned i = 0; i < 20; i++) {
                TH_AUTOBUF struct th_buf block = TH_BUF_INIT;
                for (unsigned n = 0; n < 200; n++)
                    put_packet(&block, START_NS + i * TH_NS_PER_S + n, (uint8_t)(10 + i), 1, BIG);
                bool good = th_keep_put(k, th_buf_view(&block), START_NS + i * TH_NS_PER_S) == 0;
                taken += good;
                if (i == 19)
                    assert_int_equal(find(&w.io, 10 + 19).packets, good ? 200 : 0);
                int r = th_keep_sync(k);
                (void)r; /* the next block goes to another file */
            }
            assert_true(taken >= 18);
            struct th_keep_counts counts = counts_of(k);
            assert_true(counts.kept_bytes <= 6u << 20);
            assert_int_equal(find(&w.io, 1).damaged, 0);
            th_keep_close(k);
            io_record_free(w.disk);
        }
    }
}

static void test_other_key(void **state)
{
    (void)state;
    struct world w;
    static const uint8_t other[TH_KEEP_KEY_BYTES] = "a key of another sensor, 32 byte";
    const struct th_keep_config config = {.bytes = ROOM_BYTES};
    const struct th_packets_request wish = wish_for(7);
    struct th_keep_search *s = NULL;
    struct th_keep *k;
    setup_world(&w);
    assert_int_equal(th_keep_search_new(&w.io, the_key, &wish, &s), -ENOENT);
    k = open_keep(&w.io, ROOM_BYTES, START_NS);
    keep_some(k, START_NS, 7, 10, 50);
    th_keep_close(k);
    assert_int_equal(th_keep_open(&w.io, other, &config, START_NS, &k), TH_E_SIGNATURE);
    assert_int_equal(th_keep_search_new(&w.io, other, &wish, &s), TH_E_SIGNATURE);
    assert_int_equal(find(&w.io, 7).packets, 10); /* nothing was harmed */
    io_record_free(w.disk);
}

/* No byte of a packet lies open on the disk. */
static void test_sealed(void **state)
{
    (void)state;
    struct world w;
    TH_AUTOBUF struct th_buf block = TH_BUF_INIT;
    size_t len;
    setup_world(&w);
    struct th_keep *k = open_keep(&w.io, ROOM_BYTES, START_NS);
    put_packet(&block, START_NS, 7, 1, 256);
    assert_int_equal(th_keep_put(k, th_buf_view(&block), START_NS), 0);
    const uint8_t *content = io_record_content(w.disk, "0000000000000001.keep", &len);
    for (size_t at = 0; at + 6 <= block.len; at++)
        if (memcmp(block.p + at, "\0\0\0\0\0\0", 6) != 0)
            assert_null(memmem(content, len, block.p + at, 6));
    th_keep_close(k);
    io_record_free(w.disk);
}

/* A reader that lived through all of it finds only whole blocks, and those that were synced. */
static void test_power(void **state)
{
    (void)state;
    enum { BLOCKS = 12, SEEDS = 4 };
    struct world w;
    size_t synced_at[BLOCKS];
    setup_world(&w);
    struct th_keep *k = open_keep(&w.io, ROOM_BYTES, START_NS);
    for (unsigned i = 0; i < BLOCKS; i++) {
        keep_some(k, START_NS + i * TH_NS_PER_S, 7, 20, 200);
        assert_int_equal(th_keep_sync(k), 0);
        synced_at[i] = io_record_changes(w.disk);
        if (i % 5 == 4) { /* another file */
            th_keep_close(k);
            k = open_keep(&w.io, ROOM_BYTES, START_NS);
        }
    }
    th_keep_close(k);
    for (size_t at = synced_at[0]; at <= io_record_changes(w.disk); at++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct io_record *disk = io_record_cut(w.disk, at, seed);
            struct th_io io;
            uint64_t promised = 0;
            while (promised < BLOCKS && synced_at[promised] <= at)
                promised++;
            io_record_io(disk, &io);
            k = open_keep(&io, ROOM_BYTES, START_NS);
            keep_some(k, START_NS + TH_NS_PER_HOUR, 8, 3, 50);
            struct th_keep_found f = find(&io, 7);
            assert_true(f.packets >= 20 * promised && f.packets <= 20 * (promised + 1));
            assert_int_equal(f.packets % 20, 0);
            assert_int_equal(find(&io, 8).packets, 3);
            th_keep_close(k);
            io_record_free(disk);
        }
    }
    io_record_free(w.disk);
}

/* Records that are none: what is before them is kept, and it is counted. */
static void test_malformed(void **state)
{
    (void)state;
    struct world w;
    TH_AUTOBUF struct th_buf block = TH_BUF_INIT;
    setup_world(&w);
    struct th_keep *k = open_keep(&w.io, ROOM_BYTES, START_NS);
    put_packet(&block, START_NS, 7, 1, 100);
    put_packet(&block, START_NS + 1, 7, 1, 100);
    size_t one = block.len / 2;
    for (size_t len = 0; len < block.len; len++) {
        int r = th_keep_put(k, th_str_n(block.p, len), START_NS);
        assert_int_equal(r, 0);
    }
    struct th_keep_counts c = counts_of(k);
    assert_int_equal(c.packets, block.len - one);
    assert_int_equal(c.malformed, block.len - 2);
    assert_int_equal(find(&w.io, 7).packets, 1); /* the same one each time */
    th_keep_close(k);
    io_record_free(w.disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_and_found),
        cmocka_unit_test(test_limit_of_bytes),
        cmocka_unit_test(test_limit_of_hours),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_other_key),
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_power),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
