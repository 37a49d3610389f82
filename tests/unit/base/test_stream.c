/* SPDX-License-Identifier: Apache-2.0 */
/* th_stream: every compression gives the same bytes and the same hash; damage ends the data where
 * it is, after what came before it. */
#include "base/stream.h"

#include <fcntl.h>
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/buf.h"

static const size_t sample_bytes = 3 * 1000 * 1000 + 17;

/* Half compressible text, half noise: several blocks of every format. */
static struct th_buf sample(void)
{
    struct th_buf b = TH_BUF_INIT;
    uint32_t x = 1;
    while (b.len < sample_bytes) {
        x = x * 1664525 + 1013904223;
        if (x & 0x80000000)
            th_buf_printf(&b, "host-%u connects to port %u\n", x % 97, x % 1024);
        else
            th_buf_le32(&b, x);
    }
    b.len = sample_bytes;
    return b;
}

static int fd_of(const void *p, size_t n)
{
    int fd = memfd_create("stream", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), (ssize_t)n);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void put_gzip(struct th_buf *out, const uint8_t *p, size_t n)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uint8_t *to = th_buf_reserve(out, deflateBound(&z, n));
    z.next_in = (z_const Bytef *)p;
    z.avail_in = (uInt)n;
    z.next_out = to;
    z.avail_out = (uInt)deflateBound(&z, n);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    th_buf_commit(out, z.total_out);
    deflateEnd(&z);
}

static void put_zstd(struct th_buf *out, const uint8_t *p, size_t n)
{
    uint8_t *to = th_buf_reserve(out, ZSTD_compressBound(n));
    size_t r = ZSTD_compress(to, ZSTD_compressBound(n), p, n, 3);
    assert_false(ZSTD_isError(r));
    th_buf_commit(out, r);
}

static void put_xz(struct th_buf *out, const uint8_t *p, size_t n)
{
    size_t room = lzma_stream_buffer_bound(n);
    size_t len = 0;
    uint8_t *to = th_buf_reserve(out, room);
    assert_int_equal(
        lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, p, n, to, &len, room), LZMA_OK);
    th_buf_commit(out, len);
}

static void put_plain(struct th_buf *out, const uint8_t *p, size_t n)
{
    th_buf_put(out, p, n);
}

static const struct {
    const char *name;
    void (*put)(struct th_buf *out, const uint8_t *p, size_t n);
} forms[] = {{"", put_plain}, {"gzip", put_gzip}, {"zstd", put_zstd}, {"xz", put_xz}};

/* Reads all there is in views of changing size; returns the error at the end. */
static int read_all(struct th_stream *s, struct th_buf *got)
{
    size_t want = 1;
    for (;;) {
        struct th_str v;
        int r = th_stream_view(s, want, &v);
        if (r < 0 || v.len == 0)
            return r;
        size_t n = TH_MIN(v.len, want);
        th_buf_put(got, v.p, n);
        th_stream_consume(s, n);
        want = want * 3 % 600000 + 1;
    }
}

static void test_all_forms_read_back(void **state)
{
    (void)state;
    struct th_buf data TH_AUTOBUF = sample();
    for (size_t i = 0; i < TH_ARRAY_LEN(forms); i++) {
        struct th_buf file TH_AUTOBUF = TH_BUF_INIT;
        struct th_buf got TH_AUTOBUF = TH_BUF_INIT;
        struct th_stream *s TH_AUTOSTREAM = NULL;
        /* Two members, one after the other, are one text. */
        forms[i].put(&file, data.p, 1000);
        forms[i].put(&file, data.p + 1000, data.len - 1000);
        assert_int_equal(th_stream_open(fd_of(file.p, file.len), &s), 0);
        assert_string_equal(th_stream_compression(s), forms[i].name);
        assert_int_equal(read_all(s, &got), 0);
        assert_int_equal(got.len, data.len);
        assert_memory_equal(got.p, data.p, data.len);
        assert_int_equal(th_stream_fault(s), 0);
        assert_true(th_stream_consumed(s) == data.len);
        assert_true(th_stream_hash(s) == XXH3_64bits(data.p, data.len));
    }
}

static void test_truncated_gives_what_came_before(void **state)
{
    (void)state;
    struct th_buf data TH_AUTOBUF = sample();
    for (size_t i = 1; i < TH_ARRAY_LEN(forms); i++) {
        struct th_buf file TH_AUTOBUF = TH_BUF_INIT;
        struct th_buf got TH_AUTOBUF = TH_BUF_INIT;
        struct th_stream *s TH_AUTOSTREAM = NULL;
        forms[i].put(&file, data.p, data.len);
        assert_int_equal(th_stream_open(fd_of(file.p, file.len / 2), &s), 0);
        assert_int_equal(read_all(s, &got), TH_E_TRUNCATED);
        assert_int_equal(th_stream_fault(s), TH_E_TRUNCATED);
        assert_in_range(got.len, data.len / 3, data.len * 2 / 3);
        assert_memory_equal(got.p, data.p, got.len);
    }
}

static void test_damage_gives_what_came_before(void **state)
{
    (void)state;
    struct th_buf data TH_AUTOBUF = sample();
    for (size_t i = 1; i < TH_ARRAY_LEN(forms); i++) {
        struct th_buf file TH_AUTOBUF = TH_BUF_INIT;
        struct th_buf got TH_AUTOBUF = TH_BUF_INIT;
        struct th_stream *s TH_AUTOSTREAM = NULL;
        /* Half of the text is whole; what follows is no member. */
        forms[i].put(&file, data.p, data.len / 2);
        forms[i].put(&file, data.p + data.len / 2, data.len - data.len / 2);
        memset(file.p + file.len * 3 / 4, 0xff, file.len / 8);
        assert_int_equal(th_stream_open(fd_of(file.p, file.len), &s), 0);
        assert_int_equal(read_all(s, &got), TH_E_COMPRESSED_DATA);
        assert_true(got.len >= data.len / 2); /* garbage may follow: found out late */
        assert_memory_equal(got.p, data.p, data.len / 2);
    }
}

static void test_garbage_after_gzip_is_a_fault(void **state)
{
    (void)state;
    struct th_buf file TH_AUTOBUF = TH_BUF_INIT;
    struct th_buf got TH_AUTOBUF = TH_BUF_INIT;
    struct th_stream *s TH_AUTOSTREAM = NULL;
    put_gzip(&file, (const uint8_t *)"abc", 3);
    th_buf_puts(&file, "garbage");
    assert_int_equal(th_stream_open(fd_of(file.p, file.len), &s), 0);
    assert_int_equal(read_all(s, &got), TH_E_COMPRESSED_DATA);
    assert_int_equal(got.len, 3);
}

static void test_zeros_after_gzip_are_padding(void **state)
{
    (void)state;
    struct th_buf file TH_AUTOBUF = TH_BUF_INIT;
    struct th_buf got TH_AUTOBUF = TH_BUF_INIT;
    struct th_stream *s TH_AUTOSTREAM = NULL;
    put_gzip(&file, (const uint8_t *)"abc", 3);
    th_buf_put(&file, (uint8_t[100]){0}, 100);
    assert_int_equal(th_stream_open(fd_of(file.p, file.len), &s), 0);
    assert_int_equal(read_all(s, &got), 0);
    assert_int_equal(got.len, 3);
}

static void test_short_and_empty(void **state)
{
    (void)state;
    struct th_str v;
    for (size_t n = 0; n < 8; n++) {
        struct th_stream *s TH_AUTOSTREAM = NULL;
        assert_int_equal(th_stream_open(fd_of("\xfd"
                                              "7zXabcd",
                                            n),
                             &s),
            0);
        assert_int_equal(th_stream_view(s, 100, &v), 0);
        assert_int_equal(v.len, n);
    }
}

static void test_window_past_the_limit_is_refused(void **state)
{
    (void)state;
    struct th_str v;
    /* A zstd frame header (RFC 8878, 3.1.1.1) that asks for a window of 2^28 bytes. */
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, (28 - 10) << 3, 0x01, 0x00, 0x00};
    struct th_stream *s TH_AUTOSTREAM = NULL;
    assert_int_equal(th_stream_open(fd_of(frame, sizeof(frame)), &s), 0);
    assert_int_equal(th_stream_view(s, 1, &v), TH_E_LIMIT);
}

static void test_folder_is_an_error(void **state)
{
    (void)state;
    struct th_stream *s = NULL;
    assert_int_equal(th_stream_open(open("/", O_RDONLY | O_CLOEXEC), &s), -EISDIR);
    assert_null(s);
}

static void test_view_grows_to_what_is_wanted(void **state)
{
    (void)state;
    struct th_buf data TH_AUTOBUF = sample();
    struct th_stream *s TH_AUTOSTREAM = NULL;
    struct th_str v;
    assert_int_equal(th_stream_open(fd_of(data.p, data.len), &s), 0);
    assert_int_equal(th_stream_view(s, 5, &v), 0);
    th_stream_consume(s, 5);
    assert_int_equal(th_stream_view(s, 2000000, &v), 0);
    assert_true(v.len >= 2000000);
    assert_memory_equal(v.p, data.p + 5, v.len);
    assert_int_equal(th_stream_view(s, TH_STREAM_MAX_VIEW, &v), 0);
    assert_int_equal(v.len, data.len - 5);
}

static void test_lines(void **state)
{
    (void)state;
    static const char text[] = "one\n\nthree\r\na long line that is dropped\nlast";
    struct th_stream *s TH_AUTOSTREAM = NULL;
    struct th_str v;
    assert_int_equal(th_stream_open(fd_of(text, sizeof(text) - 1), &s), 0);
    assert_int_equal(th_stream_line(s, 10, &v), 1);
    assert_true(th_str_is(v, "one"));
    assert_int_equal(th_stream_line(s, 10, &v), 1);
    assert_int_equal(v.len, 0);
    assert_int_equal(th_stream_line(s, 10, &v), 1);
    assert_true(th_str_is(v, "three\r"));
    assert_int_equal(th_stream_line(s, 10, &v), TH_E_LIMIT);
    assert_int_equal(th_stream_line(s, 10, &v), 1);
    assert_true(th_str_is(v, "last"));
    assert_int_equal(th_stream_line(s, 10, &v), 0);
    assert_true(th_stream_hash(s) == XXH3_64bits(text, sizeof(text) - 1));
}

/* Lines that lie across the pieces of reading come whole. */
static void test_lines_across_pieces(void **state)
{
    (void)state;
    struct th_buf data TH_AUTOBUF = TH_BUF_INIT;
    for (unsigned i = 0; i < 300000; i++)
        th_buf_printf(&data, "%u\n", i);
    struct th_stream *s TH_AUTOSTREAM = NULL;
    struct th_str v;
    uint64_t n;
    assert_int_equal(th_stream_open(fd_of(data.p, data.len), &s), 0);
    for (unsigned i = 0; i < 300000; i++) {
        assert_int_equal(th_stream_line(s, 10, &v), 1);
        assert_true(th_str_u64(v, &n) && n == i);
    }
    assert_int_equal(th_stream_line(s, 10, &v), 0);
}

static void test_line_cut_by_a_fault_is_dropped(void **state)
{
    (void)state;
    struct th_buf file TH_AUTOBUF = TH_BUF_INIT;
    struct th_stream *s TH_AUTOSTREAM = NULL;
    struct th_str v;
    put_gzip(&file, (const uint8_t *)"whole\ncut", 9);
    th_buf_puts(&file, "garbage");
    assert_int_equal(th_stream_open(fd_of(file.p, file.len), &s), 0);
    assert_int_equal(th_stream_line(s, 10, &v), 1);
    assert_true(th_str_is(v, "whole"));
    assert_int_equal(th_stream_line(s, 10, &v), TH_E_COMPRESSED_DATA);
    assert_int_equal(th_stream_line(s, 10, &v), TH_E_COMPRESSED_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_forms_read_back),
        cmocka_unit_test(test_truncated_gives_what_came_before),
        cmocka_unit_test(test_damage_gives_what_came_before),
        cmocka_unit_test(test_garbage_after_gzip_is_a_fault),
        cmocka_unit_test(test_zeros_after_gzip_are_padding),
        cmocka_unit_test(test_short_and_empty),
        cmocka_unit_test(test_window_past_the_limit_is_refused),
        cmocka_unit_test(test_folder_is_an_error),
        cmocka_unit_test(test_view_grows_to_what_is_wanted),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_lines_across_pieces),
        cmocka_unit_test(test_line_cut_by_a_fault_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
