/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files of every form give the same packets; damaged ones give what came before the damage
 * and a sentence that says where it is. */
#include "packet/capture.h"

#include <sys/mman.h>

#include "base/buf.h"
#include "unit.h"

struct file {
    struct th_buf b;
    bool big; /* byte order */
};

static void u16(struct file *f, uint16_t v)
{
    f->big ? th_buf_be16(&f->b, v) : th_buf_le16(&f->b, v);
}

static void u32(struct file *f, uint32_t v)
{
    f->big ? th_buf_be32(&f->b, v) : th_buf_le32(&f->b, v);
}

static void pcap_head(struct file *f, uint32_t magic, uint16_t minor, uint32_t linktype)
{
    u32(f, magic);
    u16(f, 2);
    u16(f, minor);
    u32(f, 0);
    u32(f, 0);
    u32(f, 262144);
    u32(f, linktype);
}

static void pcap_record(
    struct file *f, uint32_t sec, uint32_t fraction, uint32_t cap, uint32_t wire, const char *data)
{
    u32(f, sec);
    u32(f, fraction);
    u32(f, cap);
    u32(f, wire);
    th_buf_puts(&f->b, data);
}

static void block(struct file *f, uint32_t type, struct th_buf *body)
{
    while (body->len % 4)
        th_buf_u8(body, 0);
    u32(f, type);
    u32(f, (uint32_t)body->len + 12);
    th_buf_put(&f->b, body->p, body->len);
    u32(f, (uint32_t)body->len + 12);
    th_buf_done(body);
    *body = TH_BUF_INIT;
}

static void section(struct file *f)
{
    struct file body = {.big = f->big};
    u32(&body, 0x1a2b3c4d);
    u16(&body, 1);
    u16(&body, 0);
    u32(&body, UINT32_MAX);
    u32(&body, UINT32_MAX);
    block(f, 0x0a0d0d0a, &body.b);
}

/* resolution 0: none given; offset 0: none given */
static void interface(struct file *f, uint16_t linktype, uint8_t resolution, uint32_t offset_s)
{
    struct file body = {.big = f->big};
    u16(&body, linktype);
    u16(&body, 0);
    u32(&body, 4);
    if (resolution) {
        u16(&body, 9);
        u16(&body, 1);
        th_buf_u8(&body.b, resolution);
        th_buf_put(&body.b, "\0\0\0", 3);
    }
    if (offset_s) {
        u16(&body, 14);
        u16(&body, 8);
        u32(&body, f->big ? 0 : offset_s);
        u32(&body, f->big ? offset_s : 0);
    }
    u32(&body, 0);
    block(f, 1, &body.b);
}

static void enhanced(
    struct file *f, uint32_t iface, uint64_t units, uint32_t cap, uint32_t wire, const char *data)
{
    struct file body = {.big = f->big};
    u32(&body, iface);
    u32(&body, (uint32_t)(units >> 32));
    u32(&body, (uint32_t)units);
    u32(&body, cap);
    u32(&body, wire);
    th_buf_puts(&body.b, data);
    block(f, 6, &body.b);
}

static struct th_stream *stream_of(struct file *f)
{
    int fd = memfd_create("capture", MFD_CLOEXEC);
    assert_int_equal(write(fd, f->b.p, f->b.len), (ssize_t)f->b.len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    struct th_stream *s = NULL;
    assert_int_equal(th_stream_open(fd, &s), 0);
    th_buf_done(&f->b);
    return s;
}

static struct th_capture *open_file(struct file *f, struct th_stream **ret_s)
{
    struct th_capture *c = NULL;
    *ret_s = stream_of(f);
    assert_int_equal(th_capture_open(*ret_s, &c), 0);
    return c;
}

static void close_file(struct th_capture *c, struct th_stream *s)
{
    th_capture_free(c);
    th_stream_free(s);
}

static void expect(
    struct th_capture *c, int64_t time_ns, uint32_t wire, uint32_t linktype, const char *data)
{
    struct th_record r = {0};
    assert_int_equal(th_capture_next(c, &r), 1);
    assert_int_equal(r.time_ns, time_ns);
    assert_int_equal(r.wire_len, wire);
    assert_int_equal(r.linktype, linktype);
    assert_view_is(th_str_n(r.data, r.cap_len), data);
}

static void expect_end(struct th_capture *c, int result)
{
    struct th_record r;
    assert_int_equal(th_capture_next(c, &r), result);
    assert_int_equal(th_capture_next(c, &r), result);
}

static void pcap_forms(void **state)
{
    (void)state;
    static const struct {
        uint32_t magic;
        bool big;
        int64_t unit_ns;
        const char *format;
    } forms[] = {{0xa1b2c3d4, false, 1000, "pcap"}, {0xa1b2c3d4, true, 1000, "pcap"},
        {0xa1b23c4d, false, 1, "nanosecond pcap"}, {0xa1b23c4d, true, 1, "nanosecond pcap"}};
    for (size_t i = 0; i < TH_ARRAY_LEN(forms); i++) {
        struct file f = {.big = forms[i].big};
        pcap_head(&f, forms[i].magic, 4, 0x14000000 | 113); /* FCS bits above the link type */
        pcap_record(&f, 1600000000, 7, 4, 60, "abcd");
        pcap_record(&f, 4000000000, 999999, 0, 0, "");
        struct th_stream *s;
        struct th_capture *c = open_file(&f, &s);
        assert_string_equal(th_capture_format(c), forms[i].format);
        expect(c, 1600000000 * TH_NS_PER_S + 7 * forms[i].unit_ns, 60, 113, "abcd");
        expect(c, 4000000000 * TH_NS_PER_S + 999999 * forms[i].unit_ns, 0, 113, "");
        expect_end(c, 0);
        assert_int_equal(th_capture_records(c), 2);
        assert_string_equal(th_capture_message(c), "");
        close_file(c, s);
    }
}

static void pcap_old_forms(void **state)
{
    (void)state;
    struct file f = {0};
    pcap_head(&f, 0xa1b2c3d4, 2, 1);
    pcap_record(&f, 1, 0, 60, 4, "abcd"); /* 2.2: wire length first */
    struct th_stream *s;
    struct th_capture *c = open_file(&f, &s);
    expect(c, TH_NS_PER_S, 60, 1, "abcd");
    close_file(c, s);

    f = (struct file){0};
    pcap_head(&f, 0xa1b2cd34, 4, 1);
    u32(&f, 1);
    u32(&f, 2);
    u32(&f, 4);
    u32(&f, 60);
    th_buf_puts(&f.b, "IIIIPPt.abcd"); /* interface, protocol, type, padding, data */
    c = open_file(&f, &s);
    expect(c, TH_NS_PER_S + 2000, 60, 1, "abcd");
    expect_end(c, 0);
    close_file(c, s);
}

static void pcap_damage(void **state)
{
    (void)state;
    struct file f = {0};
    pcap_head(&f, 0xa1b2c3d4, 4, 1);
    pcap_record(&f, 1, 0, 4, 4, "abcd");
    pcap_record(&f, 1, 0, 3000000000, 3000000000, "abcd");
    struct th_stream *s;
    struct th_capture *c = open_file(&f, &s);
    expect(c, TH_NS_PER_S, 4, 1, "abcd");
    expect_end(c, TH_E_MALFORMED);
    assert_string_equal(th_capture_message(c),
        "record 2 at byte 44 claims 3,000,000,000 bytes, more than any packet has; the file was "
        "read up to there");
    close_file(c, s);

    f = (struct file){0};
    pcap_head(&f, 0xa1b2c3d4, 4, 1);
    pcap_record(&f, 1, 0, 4, 4, "abcd");
    pcap_record(&f, 1, 0, 400, 400, "abcd");
    c = open_file(&f, &s);
    expect(c, TH_NS_PER_S, 4, 1, "abcd");
    expect_end(c, TH_E_TRUNCATED);
    assert_string_equal(th_capture_message(c),
        "the file ends inside the data of record 2 at byte 44; the records before it were read");
    close_file(c, s);
}

static void wire_length_lies(void **state)
{
    (void)state;
    struct file f = {0};
    pcap_head(&f, 0xa1b2c3d4, 4, 1);
    pcap_record(&f, 1, 0, 4, 3000000000, "abcd");
    pcap_record(&f, 1, 0, 4, 2, "abcd");
    pcap_record(&f, 1, 0, 4, 65550, "abcd");
    struct th_stream *s;
    struct th_capture *c = open_file(&f, &s);
    struct th_record r;
    assert_int_equal(th_capture_next(c, &r), 1);
    assert_true(r.wire_clamped);
    assert_int_equal(r.wire_len, 4);
    assert_int_equal(th_capture_next(c, &r), 1);
    assert_false(r.wire_clamped);
    assert_int_equal(r.wire_len, 4);
    expect(c, TH_NS_PER_S, 65550, 1, "abcd");
    assert_int_equal(th_capture_clamped(c), 1);
    close_file(c, s);
}

enum { READY_RECORDS = 5000, READY_BYTES = 200, READY_KEPT = 64 };

static void write_ready(struct file *f, bool ng)
{
    char text[READY_BYTES + 1];
    if (ng) {
        section(f);
        interface(f, 1, 0, 0);
    } else {
        pcap_head(f, 0xa1b2c3d4, 4, 1);
    }
    for (unsigned i = 0; i < READY_RECORDS; i++) {
        snprintf(text, sizeof(text), "%0*u", READY_BYTES, i);
        if (ng)
            enhanced(f, 0, i, READY_BYTES, READY_BYTES, text);
        else
            pcap_record(f, 1, i, READY_BYTES, READY_BYTES, text);
    }
}

/* Reads while the next is ready, and looks at the data of all then. */
static void read_ready(struct th_capture *c)
{
    struct th_record kept[READY_KEPT];
    unsigned longest = 0;
    for (unsigned read = 0, n; read < READY_RECORDS; read += n) {
        n = 0;
        do
            assert_int_equal(th_capture_next(c, &kept[n++]), 1);
        while (n < READY_KEPT && th_capture_ready(c));
        for (unsigned i = 0; i < n; i++) {
            char text[READY_BYTES + 1];
            snprintf(text, sizeof(text), "%0*u", READY_BYTES, read + i);
            assert_view_is(th_str_n(kept[i].data, kept[i].cap_len), text);
        }
        longest = TH_MAX(longest, n);
    }
    assert_int_equal(longest, READY_KEPT);
    assert_false(th_capture_ready(c));
}

static void ready_records_stay(void **state)
{
    (void)state;
    for (int ng = 0; ng < 2; ng++) {
        struct file f = {0};
        struct th_stream *s;
        write_ready(&f, ng);
        struct th_capture *c = open_file(&f, &s);
        read_ready(c);
        expect_end(c, 0);
        close_file(c, s);
    }
}

static void not_a_capture(void **state)
{
    (void)state;
    static const char *const contents[] = {"", "abc", "#separator \\x09\nrest of a Zeek log",
        "\x0a\x0d\x0d\x0a\x20", "\x0a\x0d\x0d\x0a no byte-order magic here"};
    for (size_t i = 0; i < TH_ARRAY_LEN(contents); i++) {
        struct file f = {0};
        th_buf_puts(&f.b, contents[i]);
        struct th_stream *s = stream_of(&f);
        struct th_capture *c = NULL;
        assert_int_equal(th_capture_open(s, &c), TH_E_UNKNOWN_FORMAT);
        assert_null(c);
        th_stream_free(s);
    }
}

/* Interfaces of their own resolution and offset, a second section in the other byte order, old and
 * simple packet blocks, unknown blocks. */
static void pcapng_forms(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct file f = {.big = big};
        section(&f);
        interface(&f, 1, 0, 0);
        interface(&f, 113, 9, 100);
        interface(&f, 101, 0x80 | 10, 0);
        enhanced(&f, 0, 1600000000000007, 4, 60, "abcd");
        enhanced(&f, 1, 5, 3, 3, "xyz");
        struct file body = {.big = big};
        th_buf_puts(&body.b, "a block of a kind that nobody knows");
        block(&f, 0x777, &body.b);
        enhanced(&f, 2, 1024 * 3 + 512, 2, 2, "pq");
        u32(&body, 6); /* simple: cut by interface 0's snap length of 4 */
        th_buf_puts(&body.b, "wxyz");
        block(&f, 3, &body.b);
        u16(&body, 1); /* obsolete: interface, drops */
        u16(&body, 9);
        u32(&body, 0);
        u32(&body, 77);
        u32(&body, 1);
        u32(&body, 1);
        th_buf_puts(&body.b, "o");
        block(&f, 2, &body.b);
        f.big = !big;
        section(&f);
        interface(&f, 12, 6, 0);
        enhanced(&f, 0, 1, 1, 1, "n");
        struct th_stream *s;
        struct th_capture *c = open_file(&f, &s);
        assert_string_equal(th_capture_format(c), "pcapng");
        expect(c, 1600000000 * TH_NS_PER_S + 7000, 60, 1, "abcd");
        expect(c, 100 * TH_NS_PER_S + 5, 3, 113, "xyz");
        expect(c, 3 * TH_NS_PER_S + TH_NS_PER_S / 2, 2, 101, "pq");
        expect(c, 3 * TH_NS_PER_S + TH_NS_PER_S / 2, 6, 1, "wxyz");
        expect(c, 100 * TH_NS_PER_S + 77, 1, 113, "o");
        expect(c, 1000, 1, 12, "n");
        expect_end(c, 0);
        assert_string_equal(th_capture_message(c), "");
        close_file(c, s);
    }
}

/* Fed a byte at a time: what has come is given out at once, what has not is waited for. */
static void fed_by_bytes(void **state)
{
    (void)state;
    for (int ng = 0; ng < 2; ng++) {
        struct file f = {0}, skipped = {0};
        struct th_stream *s = th_stream_fed();
        struct th_capture *c = NULL;
        struct th_record rec;
        unsigned packets = 0;
        int r = -EAGAIN;
        if (ng) {
            section(&f);
            interface(&f, 1, 0, 0);
            enhanced(&f, 0, 1000, 4, 60, "abcd");
            for (int i = 0; i < 50000; i++)
                u32(&skipped, 0);
            block(&f, 0x777, &skipped.b); /* more than is passed over in one piece */
            enhanced(&f, 0, 2000, 4, 60, "efgh");
        } else {
            pcap_head(&f, 0xa1b2c3d4, 4, 1);
            pcap_record(&f, 0, 1000, 4, 60, "abcd");
            pcap_record(&f, 0, 2000, 4, 60, "efgh");
        }
        for (size_t i = 0; i < f.b.len; i++) {
            th_stream_feed(s, th_str_n(f.b.p + i, 1));
            r = c ? 0 : th_capture_open(s, &c);
            while (c && (r = th_capture_next(c, &rec)) == 1) {
                assert_true(rec.time_ns == (packets + 1) * TH_NS_PER_MS);
                assert_memory_equal(rec.data, packets++ ? "efgh" : "abcd", 4);
            }
            assert_int_equal(r, -EAGAIN);
        }
        assert_int_equal(packets, 2);
        th_stream_feed(s, th_str_c("x")); /* the beginning of another */
        assert_int_equal(th_capture_next(c, &rec), -EAGAIN);
        assert_string_equal(th_capture_message(c), "");
        th_stream_end(s);
        assert_int_equal(th_capture_next(c, &rec), TH_E_TRUNCATED);
        th_buf_done(&f.b);
        close_file(c, s);
    }
}

static void pcapng_damage(void **state)
{
    (void)state;
    struct file f = {0};
    section(&f);
    interface(&f, 1, 0, 0);
    enhanced(&f, 1, 0, 1, 1, "a");
    struct th_stream *s;
    struct th_capture *c = open_file(&f, &s);
    expect_end(c, TH_E_MALFORMED);
    assert_string_equal(th_capture_message(c),
        "the block at byte 52 belongs to an interface that was not described (1); the file was "
        "read up to there");
    close_file(c, s);

    f = (struct file){0};
    section(&f);
    interface(&f, 1, 0, 0);
    enhanced(&f, 0, 0, 2000000, 1, "a");
    c = open_file(&f, &s);
    expect_end(c, TH_E_MALFORMED);
    close_file(c, s);

    f = (struct file){0};
    section(&f);
    u32(&f, 6);
    u32(&f, 13);
    c = open_file(&f, &s);
    expect_end(c, TH_E_MALFORMED);
    close_file(c, s);

    f = (struct file){0};
    section(&f);
    u32(&f, 0x777);
    u32(&f, 0xfffffff0);
    c = open_file(&f, &s);
    expect_end(c, TH_E_TRUNCATED);
    close_file(c, s);
}

/* Times that a resolution or an offset takes out of range are clamped, not overflowed. */
static void pcapng_extreme_times(void **state)
{
    (void)state;
    struct file f = {0};
    section(&f);
    interface(&f, 1, 1, 0);
    interface(&f, 1, 0x80 | 127, 0);
    interface(&f, 1, 127, 0);
    enhanced(&f, 0, UINT64_MAX, 1, 1, "a");
    enhanced(&f, 1, UINT64_MAX, 1, 1, "b");
    enhanced(&f, 2, UINT64_MAX, 1, 1, "c");
    struct th_stream *s;
    struct th_capture *c = open_file(&f, &s);
    expect(c, INT64_MAX, 1, 1, "a");
    expect(c, 0, 1, 1, "b");
    expect(c, 0, 1, 1, "c");
    close_file(c, s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pcap_forms),
        cmocka_unit_test(pcap_old_forms), cmocka_unit_test(pcap_damage),
        cmocka_unit_test(wire_length_lies), cmocka_unit_test(ready_records_stay),
        cmocka_unit_test(not_a_capture), cmocka_unit_test(pcapng_forms),
        cmocka_unit_test(fed_by_bytes), cmocka_unit_test(pcapng_damage),
        cmocka_unit_test(pcapng_extreme_times)};
    return cmocka_run_group_tests_name("packet/capture", tests, NULL, NULL);
}
