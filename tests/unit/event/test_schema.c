/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/mem.h"
#include "event/event.h"

static unsigned kinds_seen;

#define for_each_kind(k)                                                                           \
    for (unsigned n_##k = 0; n_##k < TH_KIND_COUNT; n_##k++)                                       \
        for (const struct th_kind_info *k = th_kind_get(n_##k); k; k = NULL)

static void kinds_are_found_by_name(void **state)
{
    (void)state;
    for_each_kind(k)
    {
        kinds_seen++;
        assert_int_equal(th_kind_find(th_str_c(k->name)), n_k);
        assert_true(k->field_count > 0);
        assert_non_null(k->help);
    }
    assert_true(kinds_seen >= 21);
    assert_int_equal(th_kind_find(th_str_c("conn")), TH_KIND_CONN);
    assert_int_equal(th_kind_find(th_str_c("con")), -1);
    assert_int_equal(th_kind_find(th_str_c("")), -1);
    assert_null(th_kind_get(0));
    assert_null(th_kind_get(TH_KIND_COUNT));
    assert_null(th_kind_get(UINT16_MAX));
}

static void wire_ids_and_names_are_unique(void **state)
{
    (void)state;
    for_each_kind(k)
    {
        for (unsigned i = 0; i < k->field_count; i++) {
            assert_true(k->fields[i].id > 0);
            for (unsigned j = 0; j < i; j++) {
                assert_int_not_equal(k->fields[i].id, k->fields[j].id);
                assert_string_not_equal(k->fields[i].zeek, k->fields[j].zeek);
            }
        }
    }
}

static void fields_lie_inside_their_struct(void **state)
{
    (void)state;
    for_each_kind(k)
    {
        size_t end = sizeof(struct th_event);
        for (unsigned i = 0; i < k->field_count; i++) {
            size_t size = th_type_size(k->fields[i].type);
            assert_true(size > 0);
            assert_true(k->fields[i].offset >= end);
            end = k->fields[i].offset + size;
        }
        assert_true(end <= k->size_bytes);
        assert_true(k->size_bytes <= sizeof(union th_any_event));
    }
}

static void every_kind_begins_with_its_time(void **state)
{
    (void)state;
    for_each_kind(k)
    {
        assert_string_equal(k->fields[0].zeek, "ts");
        assert_int_equal(k->fields[0].type, TH_TYPE_TIME);
        assert_int_equal(k->fields[0].id, 1);
    }
}

static void every_field_says_what_it_is(void **state)
{
    (void)state;
    for_each_kind(k) for (unsigned i = 0; i < k->field_count; i++)
        assert_true(strlen(k->fields[i].help) > 2);
}

static void fields_are_found_by_zeek_name(void **state)
{
    (void)state;
    for_each_kind(k) for (unsigned i = 0; i < k->field_count; i++)
        assert_int_equal(th_field_find(k, th_str_c(k->fields[i].zeek)), i);
    const struct th_kind_info *conn = th_kind_get(TH_KIND_CONN);
    assert_int_equal(th_field_find(conn, th_str_c("id.orig_h")), TH_F_CONN_id_orig_h);
    assert_int_equal(th_field_find(conn, th_str_c("id_orig_h")), TH_F_CONN_id_orig_h);
    assert_int_equal(th_field_find(conn, th_str_c("id.orig.h")), -1);
    assert_int_equal(th_field_find(conn, th_str_c("id")), -1);
    assert_int_equal(th_field_find(conn, th_str_c("")), -1);
}

/* Wire ids are for ever: a released one that moves breaks every spool and segment. */
static void released_wire_ids_stay(void **state)
{
    (void)state;
    static const struct {
        unsigned kind;
        const char *name;
        unsigned id;
        enum th_type type;
    } fixed[] = {
        {TH_KIND_CONN, "ts", 1, TH_TYPE_TIME},
        {TH_KIND_CONN, "uid", 2, TH_TYPE_STRING},
        {TH_KIND_CONN, "id.orig_h", 3, TH_TYPE_ADDR},
        {TH_KIND_CONN, "id.resp_p", 6, TH_TYPE_PORT},
        {TH_KIND_CONN, "orig_bytes", 10, TH_TYPE_COUNT},
        {TH_KIND_CONN, "community_id", 26, TH_TYPE_STRING},
        {TH_KIND_X509, "san.ip", 18, TH_TYPE_ADDRS},
        {TH_KIND_DHCP, "mac", 7, TH_TYPE_MAC},
        {TH_KIND_METRIC, "p", 8, TH_TYPE_DOUBLE},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(fixed); i++) {
        const struct th_kind_info *k = th_kind_get(fixed[i].kind);
        int f = th_field_find(k, th_str_c(fixed[i].name));
        assert_true(f >= 0);
        assert_int_equal(k->fields[f].id, fixed[i].id);
        assert_int_equal(k->fields[f].type, fixed[i].type);
    }
    assert_int_equal(TH_KIND_CONN, 1);
    assert_int_equal(TH_KIND_DNS, 2);
    assert_int_equal(TH_KIND_X509, 5);
    assert_int_equal(TH_KIND_METRIC, 21);
}

static void set_marks_the_field(void **state)
{
    (void)state;
    struct th_ev_conn ev = {0};
    assert_false(TH_HAS(&ev, CONN, orig_bytes));
    TH_SET(&ev, CONN, orig_bytes, 42);
    assert_true(TH_HAS(&ev, CONN, orig_bytes));
    assert_false(TH_HAS(&ev, CONN, resp_bytes));
    const struct th_field_info *f = &th_kind_get(TH_KIND_CONN)->fields[TH_F_CONN_orig_bytes];
    assert_true(*(const uint64_t *)th_event_field(&ev.h, f) == 42);
}

static void order_is_total(void **state)
{
    (void)state;
    struct th_event a = {.time_ns = 1, .source = 5, .seq = 9};
    struct th_event b = a;
    assert_int_equal(th_event_cmp(&a, &b), 0);
    b.seq = 10;
    assert_true(th_event_cmp(&a, &b) < 0 && th_event_cmp(&b, &a) > 0);
    b.source = 4;
    assert_true(th_event_cmp(&a, &b) > 0 && th_event_cmp(&b, &a) < 0);
    b.time_ns = 2;
    assert_true(th_event_cmp(&a, &b) < 0 && th_event_cmp(&b, &a) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_found_by_name),
        cmocka_unit_test(wire_ids_and_names_are_unique),
        cmocka_unit_test(fields_lie_inside_their_struct),
        cmocka_unit_test(every_kind_begins_with_its_time),
        cmocka_unit_test(every_field_says_what_it_is),
        cmocka_unit_test(fields_are_found_by_zeek_name),
        cmocka_unit_test(released_wire_ids_stay),
        cmocka_unit_test(set_marks_the_field),
        cmocka_unit_test(order_is_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
