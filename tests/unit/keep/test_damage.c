/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader makes of files that are not what was written: a block that was torn while it was
 * written is none, and nothing else is missing; one that was altered is left out, and counted. */
#include "kept.h"

#include "base/hash.h"

enum { BLOCKS = 4, PACKETS = 3 };

/* The folder of three packets a block, from 10.0.0.10, .11 and so on; its file as it was. */
struct world {
    struct th_buf keys, file;
    size_t begins[BLOCKS + 1]; /* of the blocks in the file */
};

static void copy_file(struct io_record *disk, const char *name, struct th_buf *ret)
{
    size_t len;
    const uint8_t *content = io_record_content(disk, name, &len);
    assert_non_null(content);
    th_buf_put(ret, content, len);
}

static void setup_world(struct world *w, bool closed)
{
    struct io_record *disk = io_record_new();
    struct th_io io;
    size_t len;
    *w = (struct world){0};
    io_record_io(disk, &io);
    struct th_keep *k = open_keep(&io, ROOM_BYTES, START_NS);
    w->begins[0] = KEEP_PAGE;
    for (unsigned i = 0; i < BLOCKS; i++) {
        keep_some(k, START_NS + i * TH_NS_PER_S, (uint8_t)(10 + i), PACKETS, 100);
        io_record_content(disk, "0000000000000001.keep", &len);
        w->begins[i + 1] = len;
    }
    if (!closed)
        copy_file(disk, "0000000000000001.keep", &w->file);
    th_keep_close(k);
    if (closed)
        copy_file(disk, "0000000000000001.keep", &w->file);
    copy_file(disk, "keys", &w->keys);
    io_record_free(disk);
}

static void teardown_world(struct world *w)
{
    th_buf_done(&w->keys);
    th_buf_done(&w->file);
}

/* What of the blocks is found in a folder with these bytes as its file. */
static struct th_keep_found look(const struct world *w, struct th_str file)
{
    struct io_record *disk = io_record_new();
    struct th_io io;
    io_record_io(disk, &io);
    assert_int_equal(th_io_replace(&io, "keys", w->keys.p, w->keys.len), 0);
    assert_int_equal(th_io_replace(&io, "0000000000000001.keep", file.p, file.len), 0);
    struct th_keep_found f = find(&io, 1);
    io_record_free(disk);
    return f;
}

/* Cut off at every byte; and, as after a power cut, with zeros from there on. */
static void test_torn(void **state)
{
    (void)state;
    struct world w;
    setup_world(&w, false);
    const size_t from = w.begins[BLOCKS - 1];
    for (size_t at = from; at <= w.file.len; at++) {
        bool whole = at == w.file.len;
        struct th_keep_found f = look(&w, th_str_n(w.file.p, at));
        assert_int_equal(f.packets, PACKETS * (BLOCKS - 1 + whole));
        assert_int_equal(f.damaged, 0);
    }
    for (size_t at = w.file.len; at > from; at -= 8) { /* sectors are larger */
        bool padding = true;
        for (size_t i = at - 8; i < at; i++) {
            padding &= w.file.p[i] == 0; /* then nothing changes */
            w.file.p[i] = 0;
        }
        struct th_keep_found f = look(&w, th_buf_view(&w.file));
        assert_true(
            f.packets == PACKETS * (BLOCKS - 1) || (padding && f.packets == PACKETS * BLOCKS));
        assert_int_equal(f.damaged, 0);
    }
    teardown_world(&w);
}

/* The beginning of a file that was just made. */
static void test_torn_head(void **state)
{
    (void)state;
    struct world w;
    setup_world(&w, false);
    for (size_t at = 0; at <= KEEP_PAGE; at += 64) {
        struct th_keep_found f = look(&w, th_str_n(w.file.p, at));
        assert_int_equal(f.packets, 0);
        assert_int_equal(f.damaged, 0);
    }
    teardown_world(&w);
}

/* Every byte that means anything, of a closed file, in turn. */
static void test_altered(void **state)
{
    (void)state;
    struct world w;
    setup_world(&w, true);
    unsigned found_out = 0;
    for (size_t at = 0; at < w.file.len; at++) {
        if (w.file.p[at] == 0 && at % 256 != 0)
            continue; /* padding, most of it */
        w.file.p[at] ^= 0x40;
        struct th_keep_found f = look(&w, th_buf_view(&w.file));
        w.file.p[at] ^= 0x40;
        if (at < KEEP_PAGE) {
            assert_true(f.damaged == 1 ? f.packets == 0 : f.packets == PACKETS * BLOCKS);
        } else if (at < w.begins[BLOCKS]) {
            assert_true(f.damaged == 1 ? f.packets == PACKETS * (BLOCKS - 1)
                                       : f.packets == PACKETS * BLOCKS);
        } else {
            assert_int_equal(f.packets, PACKETS * BLOCKS); /* the end: it is gone through */
        }
        found_out += f.damaged == 1;
    }
    assert_true(found_out > BLOCKS * 500);
    teardown_world(&w);
}

/* Blocks of one file in each other's place, or of another one's, are none. */
static void test_moved(void **state)
{
    (void)state;
    struct world w, other;
    setup_world(&w, true);
    setup_world(&other, true);
    const size_t len = w.begins[2] - w.begins[1];
    assert_int_equal(len, w.begins[3] - w.begins[2]);
    TH_AUTOBUF struct th_buf was = TH_BUF_INIT;
    th_buf_str(&was, th_buf_view(&w.file));
    memcpy(w.file.p + w.begins[2], was.p + w.begins[1], len); /* one twice, one gone */
    struct th_keep_found f = look(&w, th_buf_view(&w.file));
    assert_int_equal(f.packets, PACKETS * (BLOCKS - 1));
    assert_int_equal(f.damaged, 1);
    memcpy(w.file.p, was.p, was.len);
    memcpy(w.file.p + w.begins[1], other.file.p + w.begins[1], len);
    f = look(&w, th_buf_view(&w.file));
    assert_int_equal(f.packets, PACKETS * (BLOCKS - 1));
    assert_int_equal(f.damaged, 1);
    teardown_world(&w);
    teardown_world(&other);
}

/* One in another's place with that one's number, and its checksum made good. */
static void test_renumbered(void **state)
{
    (void)state;
    enum { NUMBER_AT = 16, CRC_AT = 28 };
    struct world w;
    setup_world(&w, true);
    uint8_t *block = w.file.p + w.begins[2];
    memcpy(block, w.file.p + w.begins[1], w.begins[2] - w.begins[1]);
    block[NUMBER_AT] = 2;
    const uint32_t crc = th_crc32c(0, block, CRC_AT);
    for (unsigned i = 0; i < sizeof(crc); i++)
        block[CRC_AT + i] = (uint8_t)(crc >> 8 * i);
    struct th_keep_found f = look(&w, th_buf_view(&w.file));
    assert_int_equal(f.packets, PACKETS * (BLOCKS - 1));
    assert_int_equal(f.damaged, 1);
    teardown_world(&w);
}

/* The ring takes such a folder over, counts, and goes on. */
static void test_taken_over(void **state)
{
    (void)state;
    struct world w;
    struct th_keep_counts c;
    setup_world(&w, true);
    struct io_record *disk = io_record_new();
    struct th_io io;
    io_record_io(disk, &io);
    w.file.p[8] ^= 1;
    assert_int_equal(th_io_replace(&io, "keys", w.keys.p, w.keys.len), 0);
    assert_int_equal(th_io_replace(&io, "0000000000000001.keep", w.file.p, w.file.len), 0);
    assert_int_equal(th_io_replace(&io, "0000000000000002.keep", "", 0), 0);
    assert_int_equal(th_io_replace(&io, "something else", "x", 1), 0);
    struct th_keep *k = open_keep(&io, ROOM_BYTES, START_NS);
    th_keep_counts(k, &c);
    assert_int_equal(c.damaged, 2);
    assert_int_equal(c.files, 2);
    assert_int_equal(c.kept_bytes, w.file.len);
    keep_some(k, START_NS, 7, 10, 50);
    assert_int_equal(find(&io, 7).packets, 10);
    th_keep_close(k);
    io_record_free(disk);
    teardown_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_torn_head),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_renumbered),
        cmocka_unit_test(test_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
