/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <zstd.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "event/batch.h"
#include "sample_events.h"

/* Where the frame's parts stand, see event/batch.h. */
enum { at_version = 4, at_type = 5, at_payload_len = 8, at_raw_len = 12, at_crc = 16 };

static struct th_buf frame_of(struct th_event **events, uint32_t n)
{
    struct th_buf out = TH_BUF_INIT;
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_batch_head head = {.input = 1, .run = 2, .complete_until_ns = 3};
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(th_batch_add(w, events[i]), 0);
    assert_int_equal(th_batch_finish(w, &head, &out), 0);
    assert_int_equal(th_batch_count(w), 0);
    th_batch_writer_free(w);
    return out;
}

static void put_le32(uint8_t *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

/* A frame with this inside, well formed around it. */
static struct th_buf frame_around(const struct th_buf *raw, uint32_t count)
{
    struct th_buf out = TH_BUF_INIT;
    th_buf_puts(&out, "TEVF");
    th_buf_put(&out, (uint8_t[16]){1, TH_FRAME_EVENTS}, 16);
    th_buf_put(&out, (uint8_t[TH_BATCH_HEAD_BYTES]){[8] = (uint8_t)count}, TH_BATCH_HEAD_BYTES);
    uint8_t *to = th_buf_reserve(&out, ZSTD_compressBound(raw->len));
    th_buf_commit(&out, ZSTD_compress(to, ZSTD_compressBound(raw->len), raw->p, raw->len, 1));
    uint32_t payload_len = (uint32_t)out.len - TH_FRAME_HEAD_BYTES;
    put_le32(out.p + at_payload_len, payload_len);
    put_le32(out.p + at_raw_len, (uint32_t)raw->len);
    put_le32(out.p + at_crc, th_crc32c(0, out.p + TH_FRAME_HEAD_BYTES, payload_len));
    return out;
}

static void events_come_back_as_they_went_in(void **state)
{
    (void)state;
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct th_event *events[400];
    uint32_t n = 0;
    for (uint64_t i = 0; i < 18; i++)
        for (unsigned k = 0; k < TH_KIND_COUNT && n < 400; k++)
            if (th_kind_get(k))
                events[n++] = sample_full(&memory, (unsigned)k, i, i % 3 == 1);
    assert_true(n > 350);
    struct th_buf frame TH_AUTOBUF = frame_of(events, n);
    struct th_batch_reader *r = th_batch_reader_new();
    struct th_batch_head head;
    struct th_event *got;
    assert_int_equal(th_batch_open(r, frame.p, frame.len, &head), 0);
    assert_int_equal(head.input, 1);
    assert_int_equal(head.run, 2);
    assert_int_equal(head.count, n);
    assert_true(head.first_ns == events[0]->time_ns);
    assert_true(head.last_ns == events[n - 1]->time_ns);
    assert_true(head.complete_until_ns == 3);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(th_batch_next(r, &got), 1);
        assert_true(sample_same(events[i], got));
        assert_int_equal(got->source, 0);
    }
    assert_int_equal(th_batch_next(r, &got), 0);
    assert_int_equal(th_batch_next(r, &got), 0);
    th_batch_reader_free(r);
}

static void a_writer_and_a_reader_serve_many_batches(void **state)
{
    (void)state;
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct sample_office office = {.state = 3};
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_batch_reader *r = th_batch_reader_new();
    for (int round = 0; round < 3; round++) {
        struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
        struct th_batch_head head = {.run = (uint32_t)round};
        struct th_event *events[3000];
        for (size_t i = 0; i < 3000; i++) {
            events[i] = sample_office_next(&memory, &office);
            assert_int_equal(th_batch_add(w, events[i]), 0);
        }
        assert_int_equal(th_batch_finish(w, &head, &out), 0);
        assert_true(out.len < 3000 * 50);
        assert_int_equal(th_batch_open(r, out.p, out.len, &head), 0);
        for (size_t i = 0; i < 3000; i++) {
            struct th_event *got;
            assert_int_equal(th_batch_next(r, &got), 1);
            assert_true(sample_same(events[i], got));
        }
    }
    th_batch_writer_free(w);
    th_batch_reader_free(r);
}

/* Rows are read some at a time, into memory that had others before: numbers of all lengths, and
 * fields that come and go from row to row and for many rows. */
static void many_rows_of_a_kind_come_back(void **state)
{
    enum { count = 150 };
    (void)state;
    struct th_ev_conn conn[count];
    struct th_event *events[count];
    for (uint64_t i = 0; i < count; i++) {
        struct th_ev_conn *c = &conn[i];
        *c = (struct th_ev_conn){.h = {.kind = TH_KIND_CONN, .seq = i * i}};
        c->h.time_ns = (int64_t)(UINT64_C(1) << i % 63);
        TH_SET(c, CONN, ts, c->h.time_ns - (int64_t)i);
        TH_SET(c, CONN, orig_bytes, UINT64_MAX >> th_mix64(i) % 64);
        if (i % 7 < 4)
            TH_SET(c, CONN, resp_bytes, i);
        if (i / 40 % 2)
            TH_SET(c, CONN, history, th_str_c(i % 2 ? "ShAD" : "S"));
        events[i] = &c->h;
    }
    struct th_buf frame TH_AUTOBUF = frame_of(events, count);
    struct th_batch_reader *r = th_batch_reader_new();
    for (unsigned round = 0; round < 2; round++) {
        struct th_batch_head head;
        struct th_event *got;
        assert_int_equal(th_batch_open(r, frame.p, frame.len, &head), 0);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(th_batch_next(r, &got), 1);
            assert_true(sample_same(events[i], got));
            assert_int_equal(got->source, 0);
            got->source = 7; /* as who reads the source frame does */
        }
        assert_int_equal(th_batch_next(r, &got), 0);
    }
    th_batch_reader_free(r);
}

static void extreme_values_survive(void **state)
{
    (void)state;
    struct th_ev_conn a = {.h = {.kind = TH_KIND_CONN, .time_ns = INT64_MAX, .seq = UINT64_MAX}};
    struct th_ev_conn b = {.h = {.kind = TH_KIND_CONN, .time_ns = INT64_MIN + 1, .seq = 0}};
    char zeros[300] = {0};
    TH_SET(&a, CONN, duration, INT64_MIN);
    TH_SET(&a, CONN, orig_bytes, UINT64_MAX);
    TH_SET(&a, CONN, uid, th_str_n(zeros, sizeof(zeros)));
    TH_SET(&a, CONN, history, th_str_c(""));
    TH_SET(&b, CONN, duration, INT64_MAX);
    TH_SET(&b, CONN, history, th_str_n("\xff\0x", 3));
    struct th_buf frame TH_AUTOBUF = frame_of((struct th_event *[]){&a.h, &b.h}, 2);
    struct th_batch_reader *r = th_batch_reader_new();
    struct th_batch_head head;
    struct th_event *got;
    assert_int_equal(th_batch_open(r, frame.p, frame.len, &head), 0);
    assert_int_equal(th_batch_next(r, &got), 1);
    assert_true(sample_same(&a.h, got));
    assert_int_equal(th_batch_next(r, &got), 1);
    assert_true(sample_same(&b.h, got));
    th_batch_reader_free(r);
}

static void an_empty_batch_is_a_batch(void **state)
{
    (void)state;
    struct th_buf frame TH_AUTOBUF = frame_of(NULL, 0);
    struct th_batch_reader *r = th_batch_reader_new();
    struct th_batch_head head;
    struct th_event *got;
    assert_int_equal(th_batch_open(r, frame.p, frame.len, &head), 0);
    assert_int_equal(head.count, 0);
    assert_int_equal(th_batch_next(r, &got), 0);
    th_batch_reader_free(r);
}

static void a_full_writer_says_so(void **state)
{
    (void)state;
    struct th_ev_conn ev = {.h = {.kind = TH_KIND_CONN}};
    struct th_batch_writer *w = th_batch_writer_new();
    for (uint32_t i = 0; i < TH_BATCH_MAX_EVENTS; i++) {
        assert_false(th_batch_full(w));
        assert_int_equal(th_batch_add(w, &ev.h), 0);
    }
    assert_true(th_batch_full(w));
    assert_int_equal(th_batch_add(w, &ev.h), TH_E_LIMIT);
    assert_int_equal(th_batch_count(w), TH_BATCH_MAX_EVENTS);
    th_batch_writer_free(w);
}

static void a_large_event_is_bounded(void **state)
{
    (void)state;
    static char text[TH_EVENT_MAX_BYTES + 1];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)th_mix64(i);
    struct th_ev_http ev = {.h = {.kind = TH_KIND_HTTP}};
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    struct th_batch_head head = {0};
    TH_SET(&ev, HTTP, uri, th_str_n(text, sizeof(text)));
    assert_int_equal(th_batch_add(w, &ev.h), -EMSGSIZE);
    TH_SET(&ev, HTTP, uri, th_str_n(text, TH_EVENT_MAX_BYTES - 1));
    assert_int_equal(th_batch_add(w, &ev.h), 0);
    TH_SET(&ev, HTTP, uri, th_str_n(text + 1, TH_EVENT_MAX_BYTES - 1));
    assert_true(th_batch_full(w));
    assert_int_equal(th_batch_finish(w, &head, &out), 0);
    assert_int_equal(out.p[at_type], TH_FRAME_EVENTS);
    ev.h.kind = TH_KIND_COUNT;
    assert_int_equal(th_batch_add(w, &ev.h), -EINVAL);
    th_batch_writer_free(w);
}

/* A column's id, encoding and bytes. */
static void put_column(struct th_buf *b, uint64_t id, uint8_t op, const char *bytes, size_t n)
{
    th_buf_varint(b, id);
    th_buf_u8(b, op);
    th_buf_varint(b, n);
    th_buf_put(b, bytes, n);
}

static void put_section(struct th_buf *raw, uint8_t tag, const char *bytes, size_t n)
{
    th_buf_u8(raw, tag);
    th_buf_varint(raw, n);
    th_buf_put(raw, bytes, n);
}

static void what_a_later_version_adds_is_skipped(void **state)
{
    (void)state;
    struct th_buf rows TH_AUTOBUF = TH_BUF_INIT;
    struct th_buf raw TH_AUTOBUF = TH_BUF_INIT;
    /* One conn with orig_bytes 5, a column of unknown id and one of unknown encoding; one event
     * of an unknown kind before it; one unknown section. */
    th_buf_put(&rows, (uint8_t[]){TH_KIND_CONN, 1, 1, 7, 0, 3}, 6);
    put_column(&rows, 9999, 4, "\x01", 1);
    put_column(&rows, 10, 4, "\x05", 1);
    put_column(&rows, 11, 99, "\x01\x02", 2);
    put_section(&raw, 200, "whatever", 8);
    put_section(&raw, 3, "\x00\x02\x04", 3);
    put_section(&raw, 4, "\x00\x02", 2);
    put_section(&raw, 5, (char[]){(char)250, TH_KIND_CONN}, 2);
    put_section(&raw, 6, "\xfa\x01\x01\x01\x00\x00\x00", 7);
    put_section(&raw, 6, (const char *)rows.p, rows.len);
    struct th_buf frame TH_AUTOBUF = frame_around(&raw, 2);
    struct th_batch_reader *r = th_batch_reader_new();
    struct th_batch_head head;
    struct th_event *got;
    assert_int_equal(th_batch_open(r, frame.p, frame.len, &head), 0);
    assert_int_equal(th_batch_next(r, &got), 1);
    assert_int_equal(got->kind, TH_KIND_CONN);
    assert_true(got->set == UINT64_C(1) << TH_F_CONN_orig_bytes);
    assert_int_equal(((struct th_ev_conn *)got)->orig_bytes, 5);
    assert_int_equal(got->time_ns, 3);
    assert_int_equal(got->seq, 1);
    assert_int_equal(th_batch_next(r, &got), 0);
    th_batch_reader_free(r);
}

static void numbers_past_their_dictionary_are_damage(void **state)
{
    (void)state;
    struct th_buf rows TH_AUTOBUF = TH_BUF_INIT;
    struct th_buf raw TH_AUTOBUF = TH_BUF_INIT;
    th_buf_put(&rows, (uint8_t[]){TH_KIND_CONN, 1, 1, 1, 0, 1}, 6);
    put_column(&rows, 12, 11, "\x01\x02SF\x02", 5); /* one string, code 2 means the second */
    put_section(&raw, 3, "\x00\x02", 2);
    put_section(&raw, 4, "\x00", 1);
    put_section(&raw, 5, (char[]){TH_KIND_CONN}, 1);
    put_section(&raw, 6, (const char *)rows.p, rows.len);
    struct th_buf frame TH_AUTOBUF = frame_around(&raw, 1);
    struct th_batch_reader *r = th_batch_reader_new();
    struct th_batch_head head;
    struct th_event *got;
    assert_int_equal(th_batch_open(r, frame.p, frame.len, &head), 0);
    assert_int_equal(th_batch_next(r, &got), TH_E_MALFORMED);
    assert_int_equal(th_batch_next(r, &got), TH_E_MALFORMED);
    th_batch_reader_free(r);
}

static void heads_are_checked(void **state)
{
    (void)state;
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct th_event *ev = sample_full(&memory, TH_KIND_DNS, 1, false);
    struct th_buf frame TH_AUTOBUF = frame_of(&ev, 1);
    struct th_batch_reader *r = th_batch_reader_new();
    struct th_batch_head head;
    enum th_frame_type type;
    uint32_t len;
    assert_int_equal(th_frame_head(frame.p, &type, &len), 0);
    assert_int_equal(type, TH_FRAME_EVENTS);
    assert_int_equal(len, frame.len - TH_FRAME_HEAD_BYTES);
    assert_int_equal(th_batch_open(r, frame.p, frame.len - 1, &head), TH_E_MALFORMED);
    assert_int_equal(th_batch_open(r, frame.p, 10, &head), TH_E_TRUNCATED);
    frame.p[frame.len - 1] ^= 1;
    assert_int_equal(th_batch_open(r, frame.p, frame.len, &head), TH_E_CHECKSUM);
    frame.p[at_version] = 2;
    assert_int_equal(th_frame_head(frame.p, &type, &len), TH_E_VERSION);
    frame.p[at_version] = 1;
    put_le32(frame.p + at_payload_len, TH_FRAME_MAX_BYTES + 1);
    assert_int_equal(th_frame_head(frame.p, &type, &len), TH_E_LIMIT);
    frame.p[0] = 'X';
    assert_int_equal(th_frame_head(frame.p, &type, &len), TH_E_MALFORMED);
    th_batch_reader_free(r);
}

/* What zstd's own head says counts as well as the frame's. */
static void bombs_are_told_from_damage(void **state)
{
    (void)state;
    static const struct {
        uint32_t said, raw;
        int want;
    } cases[] = {{4096, 4096, 0}, {1u << 30, 4096, TH_E_LIMIT}, {1u << 30, 1u << 30, TH_E_LIMIT},
        {8192, 4096, TH_E_MALFORMED}};
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct th_event *ev = sample_full(&memory, TH_KIND_DNS, 1, false);
    struct th_buf frame TH_AUTOBUF = frame_of(&ev, 1);
    uint8_t zstd[9] = {0x28, 0xb5, 0x2f, 0xfd, 0xa0}; /* one segment, a size of 4 bytes */
    frame.len = TH_FRAME_HEAD_BYTES + TH_BATCH_HEAD_BYTES;
    th_buf_put(&frame, zstd, sizeof(zstd));
    size_t payload_len = frame.len - TH_FRAME_HEAD_BYTES;
    put_le32(frame.p + at_payload_len, (uint32_t)payload_len);
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct th_batch_head head;
        uint32_t raw_len;
        put_le32(frame.p + frame.len - 4, cases[i].said);
        put_le32(frame.p + at_raw_len, cases[i].raw);
        put_le32(frame.p + at_crc, th_crc32c(0, frame.p + TH_FRAME_HEAD_BYTES, payload_len));
        assert_int_equal(th_batch_check(frame.p, frame.len, &head, &raw_len), cases[i].want);
    }
}

/* Every byte of the inside changed, once each: an error or other values, never a crash. */
static void damage_inside_is_survived(void **state)
{
    (void)state;
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct th_event *events[63];
    for (unsigned i = 0; i < 63;)
        TH_EACH_KIND (k) {
            if (i == 63)
                break;
            events[i] = sample_full(&memory, k, i, i % 2);
            i++;
        }
    struct th_buf frame TH_AUTOBUF = frame_of(events, 63);
    size_t packed = TH_FRAME_HEAD_BYTES + TH_BATCH_HEAD_BYTES;
    struct th_buf raw TH_AUTOBUF = TH_BUF_INIT;
    size_t room = (size_t)ZSTD_getFrameContentSize(frame.p + packed, frame.len - packed);
    th_buf_commit(&raw,
        ZSTD_decompress(th_buf_reserve(&raw, room), room, frame.p + packed, frame.len - packed));
    assert_int_equal(raw.len, room);
    struct th_batch_reader *r = th_batch_reader_new();
    unsigned refused = 0;
    for (size_t i = 0; i < raw.len; i++) {
        struct th_batch_head head;
        struct th_event *got;
        uint8_t was = raw.p[i];
        raw.p[i] = (uint8_t)(was + 1 + th_mix64(i) % 255);
        struct th_buf bad TH_AUTOBUF = frame_around(&raw, 63);
        int err = th_batch_open(r, bad.p, bad.len, &head);
        while (err == 0 && (err = th_batch_next(r, &got)) > 0)
            err = 0;
        refused += err < 0;
        raw.p[i] = was;
    }
    assert_true(refused > raw.len / 20);
    th_batch_reader_free(r);
}

static void source_info_comes_back(void **state)
{
    (void)state;
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    struct th_source_info in = {.input = 5,
        .status = TH_SOURCE_DUPLICATE,
        .source = UINT64_MAX,
        .events = 1,
        .packets = 2,
        .bytes = 3,
        .first_ns = -4,
        .last_ns = 5,
        .format = th_str_c("zeek-tsv conn"),
        .message = th_str_c("")};
    struct th_source_info got;
    enum th_frame_type type;
    uint32_t len;
    th_source_info_put(&in, &out);
    assert_int_equal(th_frame_head(out.p, &type, &len), 0);
    assert_int_equal(type, TH_FRAME_SOURCE);
    assert_int_equal(len, out.len - TH_FRAME_HEAD_BYTES);
    assert_int_equal(th_source_info_get(out.p + TH_FRAME_HEAD_BYTES, len, &got), 0);
    assert_int_equal(got.input, 5);
    assert_int_equal(got.status, TH_SOURCE_DUPLICATE);
    assert_true(got.source == UINT64_MAX);
    assert_int_equal(got.events, 1);
    assert_int_equal(got.packets, 2);
    assert_int_equal(got.bytes, 3);
    assert_true(got.first_ns == -4 && got.last_ns == 5);
    assert_view_is(got.format, "zeek-tsv conn");
    assert_view_is(got.message, "");
    assert_int_equal(
        th_source_info_get(out.p + TH_FRAME_HEAD_BYTES, len - 1, &got), TH_E_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_back_as_they_went_in),
        cmocka_unit_test(a_writer_and_a_reader_serve_many_batches),
        cmocka_unit_test(many_rows_of_a_kind_come_back),
        cmocka_unit_test(extreme_values_survive),
        cmocka_unit_test(an_empty_batch_is_a_batch),
        cmocka_unit_test(a_full_writer_says_so),
        cmocka_unit_test(a_large_event_is_bounded),
        cmocka_unit_test(what_a_later_version_adds_is_skipped),
        cmocka_unit_test(numbers_past_their_dictionary_are_damage),
        cmocka_unit_test(heads_are_checked),
        cmocka_unit_test(bombs_are_told_from_damage),
        cmocka_unit_test(damage_inside_is_survived),
        cmocka_unit_test(source_info_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
