/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/err.h"
#include "make_event.h"

TH_DEFINE_CLEANUP(struct th_identity, th_identity_free)
#define AUTO_ID TH_CLEANUP(th_identity_freep) struct th_identity *

static void feed(struct th_identity *id, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[24];
        char hw[TH_MAC_TEXT_LEN];
        struct th_who who;
        snprintf(text, sizeof(text), "10.1.%d.%d", i % 3, i % 200 + 1);
        snprintf(hw, sizeof(hw), "02:00:00:00:%02x:%02x", i % 7, i % 100);
        struct th_str answers[] = {th_str_c("198.51.100.7")};
        struct th_ev_dns d = {.h = {.kind = TH_KIND_DNS, .time_ns = T0 + i * TH_NS_PER_MIN}};
        TH_SET(&d, DNS, query, th_str_c(i % 2 ? "a.example.com" : "b.example.org"));
        TH_SET(&d, DNS, answers, (struct th_strs){answers, 1});
        TH_SET(&d, DNS, id_orig_h, addr(text));
        th_identity_event(id, &d.h, &who);
        struct th_ev_dhcp l = dhcp(i * 60, text, hw, "host");
        th_identity_event(id, &l.h, &who);
        struct th_ev_conn c = conn(i * 60 + 1, text, "198.51.100.7", hw, NULL, NULL);
        th_identity_event(id, &c.h, &who);
    }
}

static void saved_in_the_middle_goes_on_the_same(void **state)
{
    (void)state;
    AUTO_ID whole = identity_make(0);
    AUTO_ID first = identity_make(0);
    AUTO_ID second = identity_make(0);
    assert_goes_on_the_same(whole, first, second, feed, 500);
    assert_true(th_identity_count(whole) > 50);
}

static void what_is_forgotten_is_a_stranger(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    AUTO_ID again = identity_make(0);
    TH_AUTOBUF struct th_buf saved = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf twice = TH_BUF_INIT;
    struct th_addr a = addr("10.1.0.1");
    feed(id, 0, 300);
    uint64_t entity = th_identity_holder(id, &a);
    uint32_t count = th_identity_count(id);
    assert_true(entity != 0);
    uint32_t slot = th_identity_find(id, entity)->slot;
    assert_true(th_identity_forget(id, entity));
    assert_false(th_identity_forget(id, entity));
    assert_null(th_identity_find(id, entity));
    assert_null(th_identity_slot(id, slot));
    assert_true(th_identity_holder(id, &a) == 0);
    assert_int_equal(th_identity_count(id), count); /* others keep their numbers */
    th_identity_save(id, &saved);
    assert_int_equal(th_identity_load(again, saved.p, saved.len), 0);
    assert_null(th_identity_slot(again, slot));
    th_identity_save(again, &twice);
    assert_int_equal(saved.len, twice.len);
    assert_memory_equal(saved.p, twice.p, saved.len);
    /* Who comes back begins anew, in a place of its own. */
    struct th_who who;
    struct th_ev_conn c = conn(1000 * 60, "10.1.0.1", "198.51.100.7", NULL, NULL, NULL);
    th_identity_event(again, &c.h, &who);
    assert_non_null(who.orig);
    assert_true(who.orig->slot != slot);
    assert_string_equal(who.orig->hostname, "");
    assert_int_equal(who.orig->first_ns, c.h.time_ns);
}

static void ids_are_read_as_they_are_written(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "d", "daaaaaaaaa", "daaaaaaaaaaa", "xaaaaaaaaab",
        "daaaaaaaaa1", "dAAAAAAAAAA", "daaaaaaaaaa"};
    char text[TH_ENTITY_TEXT_LEN];
    uint64_t read;
    for (uint64_t v = 1; v < UINT64_C(1) << 50; v = v * 37 + 11) {
        th_entity_text(v, text);
        assert_true(th_entity_parse(th_str_c(text), &read));
        assert_true(read == v);
    }
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++)
        assert_false(th_entity_parse(th_str_c(wrong[i]), &read));
}

static void damage_is_refused(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    TH_AUTOBUF struct th_buf good = TH_BUF_INIT;
    feed(id, 0, 20);
    th_identity_save(id, &good);
    for (size_t cut = 0; cut < good.len; cut += 1 + good.len / 40) {
        AUTO_ID fresh = identity_make(8);
        assert_int_equal(th_identity_load(fresh, good.p, cut), TH_E_TRUNCATED);
    }
    good.p[good.len - 1] ^= 1;
    AUTO_ID fresh = identity_make(0);
    assert_int_equal(th_identity_load(fresh, good.p, good.len), TH_E_CHECKSUM);
    good.p[4] = 9;
    assert_int_equal(th_identity_load(fresh, good.p, good.len), TH_E_VERSION);
    good.p[0] = 0;
    assert_int_equal(th_identity_load(fresh, good.p, good.len), TH_E_UNKNOWN_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_in_the_middle_goes_on_the_same),
        cmocka_unit_test(what_is_forgotten_is_a_stranger),
        cmocka_unit_test(ids_are_read_as_they_are_written),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
