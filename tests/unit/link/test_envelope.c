/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/hash.h"
#include "event/batch.h"
#include "link/envelope.h"
#include "sample_events.h"

/* Where the parts stand, see link/envelope.h. */
enum {
    at_version = TH_SIGNATURE_BYTES + 4,
    at_kind = at_version + 1,
    at_flags = at_kind + 1,
    at_sequence = TH_SIGNATURE_BYTES + 32,
    at_raw_len = TH_SIGNATURE_BYTES + 48,
    at_payload_len = at_raw_len + 4,
    at_events = at_payload_len + 4,
    at_first_zero = at_events + 4,
    at_complete = at_first_zero + 4,
    at_last_zero = TH_ENVELOPE_BYTES - 8,
};

struct fixture {
    struct th_sign_key key;
    uint8_t public_key[TH_SIGN_PUBLIC_BYTES];
    struct th_buf frame;
    struct th_envelope e;
    struct th_buf data;
};

static struct fixture made(uint32_t events)
{
    struct fixture f = {0};
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct sample_office office = {.state = 7, .now_ns = 1700 * TH_NS_PER_S};
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_batch_head head = {.complete_until_ns = 1699 * TH_NS_PER_S};
    th_sign_key_init(&f.key, (const uint8_t[TH_SIGN_SEED_BYTES]){1, 2, 3});
    th_sign_key_public(&f.key, f.public_key);
    for (uint32_t i = 0; i < events; i++)
        assert_int_equal(th_batch_add(w, sample_office_next(&memory, &office)), 0);
    assert_int_equal(th_batch_finish(w, &head, &f.frame), 0);
    th_batch_writer_free(w);
    uint32_t raw_len;
    assert_int_equal(th_batch_check(f.frame.p, f.frame.len, &head, &raw_len), 0);
    f.e = (struct th_envelope){.version = TH_LINK_VERSION,
        .kind = TH_ENVELOPE_EVENTS,
        .flags = TH_ENVELOPE_REPLAY,
        .instance = 0x1122334455667788,
        .sensor = 0xffeeddccbbaa9988,
        .epoch = 5,
        .sequence = 41,
        .sent_ns = 1701 * TH_NS_PER_S,
        .raw_len = raw_len,
        .events = head.count,
        .complete_until_ns = head.complete_until_ns,
        .first_ns = head.first_ns,
        .last_ns = head.last_ns,
        .payload = th_buf_view(&f.frame)};
    assert_int_equal(th_envelope_put(&f.data, &f.e, &f.key), 0);
    return f;
}

static void gone(struct fixture *f)
{
    th_buf_done(&f->frame);
    th_buf_done(&f->data);
}

static void an_envelope_comes_back(void **state)
{
    (void)state;
    struct fixture f = made(50);
    struct th_envelope got;
    assert_int_equal(f.data.len, TH_ENVELOPE_BYTES + f.frame.len);
    assert_int_equal(th_envelope_get(f.data.p, f.data.len, &got), 0);
    assert_int_equal(th_envelope_verify(f.data.p, f.data.len, f.public_key), 0);
    assert_true(th_str_eq(got.payload, f.e.payload));
    got.payload = f.e.payload;
    assert_memory_equal(&got, &f.e, sizeof(got));
    gone(&f);
}

static void a_batch_without_events_tells_the_watermark(void **state)
{
    (void)state;
    struct fixture f = made(0);
    struct th_envelope got;
    assert_int_equal(th_envelope_get(f.data.p, f.data.len, &got), 0);
    assert_int_equal(got.events, 0);
    assert_int_equal(got.complete_until_ns, 1699 * TH_NS_PER_S);
    gone(&f);
}

static void no_cut_envelope_is_taken(void **state)
{
    (void)state;
    struct fixture f = made(3);
    for (size_t len = 0; len < f.data.len; len++) {
        /* of its exact size, so that a sanitizer sees a read past it */
        TH_AUTOFREE uint8_t *cut = th_xmalloc(len + 1);
        cut = th_xrealloc(cut, len ? len : 1);
        memcpy(cut, f.data.p, len);
        struct th_envelope got;
        assert_int_equal(th_envelope_get(cut, len, &got), TH_E_TRUNCATED);
    }
    gone(&f);
}

static void any_changed_bit_is_seen(void **state)
{
    (void)state;
    struct fixture f = made(3);
    for (size_t bit = 0; bit < 8 * f.data.len; bit++) {
        struct th_envelope got;
        f.data.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (th_envelope_get(f.data.p, f.data.len, &got) == 0)
            assert_int_equal(
                th_envelope_verify(f.data.p, f.data.len, f.public_key), TH_E_SIGNATURE);
        f.data.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    gone(&f);
}

/* With one byte set to something else, the envelope must give this error. */
static void refused(struct fixture *f, size_t at, uint8_t value, int expected)
{
    struct th_envelope got;
    uint8_t was = f->data.p[at];
    f->data.p[at] = value;
    assert_int_equal(th_envelope_get(f->data.p, f->data.len, &got), expected);
    f->data.p[at] = was;
}

static void the_head_must_be_what_the_payload_is(void **state)
{
    (void)state;
    struct fixture f = made(3);
    refused(&f, TH_SIGNATURE_BYTES, 'X', TH_E_UNKNOWN_FORMAT);
    refused(&f, at_version, TH_LINK_VERSION + 1, TH_E_VERSION);
    refused(&f, at_kind, 0, TH_E_MALFORMED);
    refused(&f, at_kind, 3, TH_E_MALFORMED);
    refused(&f, at_kind, TH_ENVELOPE_GAP, TH_E_MALFORMED);
    refused(&f, at_flags + 1, 1, TH_E_MALFORMED);
    refused(&f, at_raw_len, (uint8_t)(f.data.p[at_raw_len] + 1), TH_E_MALFORMED);
    refused(&f, at_payload_len + 3, 0x7f, TH_E_LIMIT);
    refused(&f, at_payload_len, (uint8_t)(f.data.p[at_payload_len] - 1), TH_E_MALFORMED);
    refused(&f, at_events, 4, TH_E_MALFORMED);
    refused(&f, at_complete, (uint8_t)(f.data.p[at_complete] + 1), TH_E_MALFORMED);
    refused(&f, at_first_zero, 1, TH_E_MALFORMED);
    refused(&f, at_last_zero + 7, 1, TH_E_MALFORMED);
    refused(&f, f.data.len - 1, (uint8_t)(f.data.p[f.data.len - 1] ^ 1), TH_E_CHECKSUM);
    gone(&f);
}

/* A frame may say 8 MiB and be a bomb: zstd's own word about it must be the same. */
static void a_bomb_is_seen_before_it_is_unpacked(void **state)
{
    (void)state;
    struct fixture f = made(3);
    struct th_envelope got;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t big = (uint8_t)(TH_ENVELOPE_MAX_RAW >> 8 * i);
        f.data.p[at_raw_len + i] = big;             /* the envelope's */
        f.data.p[TH_ENVELOPE_BYTES + 12 + i] = big; /* the frame's */
    }
    assert_int_equal(th_envelope_get(f.data.p, f.data.len, &got), TH_E_MALFORMED);
    gone(&f);
}

static void nothing_wrong_is_ever_signed(void **state)
{
    (void)state;
    struct fixture f = made(3);
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    struct th_envelope e = f.e;
    e.events = 4;
    assert_int_equal(th_envelope_put(&out, &e, &f.key), TH_E_MALFORMED);
    e = f.e;
    e.flags = 0x8000;
    assert_int_equal(th_envelope_put(&out, &e, &f.key), TH_E_MALFORMED);
    TH_AUTOFREE uint8_t *large = th_xcalloc(1, TH_ENVELOPE_MAX_PAYLOAD + 1);
    e = f.e;
    e.payload = th_str_n(large, TH_ENVELOPE_MAX_PAYLOAD + 1);
    assert_int_equal(th_envelope_put(&out, &e, &f.key), TH_E_LIMIT);
    assert_int_equal(out.len, 0);
    gone(&f);
}

static int put_gap(struct th_buf *out, const struct th_envelope_gap *g, uint64_t sequence)
{
    struct th_sign_key key;
    struct th_buf payload TH_AUTOBUF = TH_BUF_INIT;
    th_sign_key_init(&key, (const uint8_t[TH_SIGN_SEED_BYTES]){9});
    th_envelope_gap_put(&payload, g);
    struct th_envelope e = {.kind = TH_ENVELOPE_GAP,
        .sequence = sequence,
        .first_ns = g->first_ns,
        .last_ns = g->last_ns,
        .payload = th_buf_view(&payload)};
    return th_envelope_put(out, &e, &key);
}

static void a_gap_says_what_is_missing(void **state)
{
    (void)state;
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    struct th_envelope_gap gap = {.batches = 12, .events = 40000, .first_ns = -5, .last_ns = 77};
    struct th_envelope_gap got;
    struct th_envelope e;
    assert_int_equal(put_gap(&out, &gap, 100), 0);
    assert_int_equal(th_envelope_get(out.p, out.len, &e), 0);
    assert_int_equal(e.kind, TH_ENVELOPE_GAP);
    assert_int_equal(th_envelope_gap_get(e.payload, &got), 0);
    assert_memory_equal(&got, &gap, sizeof(gap));
}

static void a_gap_of_nothing_or_past_all_numbers_is_refused(void **state)
{
    (void)state;
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    struct th_envelope_gap gap = {.batches = 0};
    assert_int_equal(put_gap(&out, &gap, 1), TH_E_MALFORMED);
    gap.batches = UINT64_MAX;
    assert_int_equal(put_gap(&out, &gap, 1), TH_E_MALFORMED);
    assert_int_equal(put_gap(&out, &gap, 0), 0);
    gap = (struct th_envelope_gap){.batches = 1, .first_ns = 2, .last_ns = 1};
    assert_int_equal(put_gap(&out, &gap, 1), TH_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_comes_back),
        cmocka_unit_test(a_batch_without_events_tells_the_watermark),
        cmocka_unit_test(no_cut_envelope_is_taken),
        cmocka_unit_test(any_changed_bit_is_seen),
        cmocka_unit_test(the_head_must_be_what_the_payload_is),
        cmocka_unit_test(a_bomb_is_seen_before_it_is_unpacked),
        cmocka_unit_test(nothing_wrong_is_ever_signed),
        cmocka_unit_test(a_gap_says_what_is_missing),
        cmocka_unit_test(a_gap_of_nothing_or_past_all_numbers_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
