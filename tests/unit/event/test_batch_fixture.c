/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of every released schema stay readable: tests/fixtures/batch-vN.tev. */
#include "unit.h"

#include "event/batch.h"
#include "sample_events.h"

static struct th_buf load(const char *path)
{
    struct th_buf b = TH_BUF_INIT;
    FILE *f TH_AUTOFCLOSE = fopen(path, "re");
    assert_non_null(f);
    uint8_t *to = th_buf_reserve(&b, 1 << 20);
    th_buf_commit(&b, fread(to, 1, 1 << 20, f));
    return b;
}

/* Fields that later versions added are not in the file: compare those that are. */
static bool agrees(const struct th_event *want, const struct th_event *got)
{
    const struct th_kind_info *k = th_kind_get(want->kind);
    _Alignas(16) uint8_t copy[sizeof(union th_any_event)];
    struct th_event *cut = (struct th_event *)copy;
    memcpy(cut, want, k->size_bytes);
    for (unsigned i = 0; i < k->field_count; i++)
        if (!(got->set >> i & 1))
            memset(copy + k->fields[i].offset, 0, th_type_size((enum th_type)k->fields[i].type));
    cut->set &= got->set;
    return sample_same(cut, got);
}

static void version_1_is_read(void **state)
{
    (void)state;
    enum { kinds = 21, rounds = 6 };
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct th_buf file TH_AUTOBUF = load(FIXTURES "/batch-v1.tev");
    struct th_batch_reader *r = th_batch_reader_new();
    struct th_batch_head head;
    struct th_event *got;
    enum th_frame_type type;
    uint32_t len;
    unsigned fields = 0;
    assert_int_equal(th_frame_head(file.p, &type, &len), 0);
    assert_int_equal(th_batch_open(r, file.p, TH_FRAME_HEAD_BYTES + len, &head), 0);
    assert_int_equal(head.input, 3);
    assert_int_equal(head.run, 9);
    assert_int_equal(head.count, kinds * rounds);
    assert_int_equal(head.complete_until_ns, 77);
    for (unsigned i = 0; i < kinds * rounds; i++) {
        unsigned n = i / kinds;
        assert_int_equal(th_batch_next(r, &got), 1);
        assert_int_equal(got->kind, i % kinds + 1);
        assert_true(agrees(sample_full(&memory, got->kind, n, n % 2), got));
        fields += (unsigned)__builtin_popcountll(got->set);
        if (got->kind == TH_KIND_CONN && n == 0) {
            /* Spelled out, so that a changed rule of the samples is noticed as well. */
            const struct th_ev_conn *c = (const struct th_ev_conn *)got;
            assert_true(c->ts == INT64_C(1700000000000001001));
            assert_view_is(c->uid, "uid-2");
            assert_int_equal(c->id_orig_p, 4 * 257);
            assert_int_equal(c->duration, 9 * TH_NS_PER_MS);
            assert_int_equal(c->orig_bytes, 100);
        }
    }
    assert_int_equal(th_batch_next(r, &got), 0);
    assert_int_equal(fields, 1506);
    struct th_source_info info;
    const uint8_t *source = file.p + TH_FRAME_HEAD_BYTES + len;
    assert_int_equal(th_frame_head(source, &type, &len), 0);
    assert_int_equal(th_source_info_get(source + TH_FRAME_HEAD_BYTES, len, &info), 0);
    assert_true(info.source == UINT64_C(0x1122334455667788));
    assert_int_equal(info.status, TH_SOURCE_PARTIAL);
    assert_view_is(info.format, "pcap");
    assert_view_is(info.message, "cut off");
    th_batch_reader_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(version_1_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
