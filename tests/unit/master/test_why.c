/* SPDX-License-Identifier: Apache-2.0 */
/* Who is meant by what a person writes, and which of several closings of an hour counts. */
#include "unit.h"

#include "../identity/make_event.h"
#include "why.h"

#define HOUR TH_NS_PER_HOUR
#define MAC_A "02:00:5e:00:00:0a"
#define MAC_B "02:00:5e:00:00:0b"

static struct th_identity *identity;
static uint64_t first, second;

/* Two devices, of which the second has the address of the first from the second hour on. */
static int make_two(void **state)
{
    (void)state;
    identity = identity_make(100);
    const struct th_ev_dhcp events[] = {dhcp(0, "10.0.0.5", MAC_A, "laptop-7.corp.example"),
        dhcp(60, "10.0.0.6", MAC_B, "LAPTOP-8"), dhcp(7200, "10.0.0.5", MAC_B, "LAPTOP-8")};
    for (size_t i = 0; i < TH_ARRAY_LEN(events); i++) {
        struct th_who who;
        th_identity_event(identity, &events[i].h, &who);
    }
    for (uint32_t i = 0; i < th_identity_count(identity); i++) {
        const struct th_entity *e = th_identity_slot(identity, i);
        if (th_str_is(th_str_c(e->hostname), "laptop-7.corp.example"))
            first = e->id;
        else if (th_str_ieq(th_str_c(e->hostname), th_str_c("laptop-8")))
            second = e->id;
    }
    return first && second ? 0 : -1;
}

static int done(void **state)
{
    (void)state;
    th_identity_free(identity);
    return 0;
}

static struct th_why find(const char *device, int64_t time_ns)
{
    struct th_why why = {.hour_ns = th_time_floor(time_ns, HOUR)};
    snprintf(why.device, sizeof(why.device), "%s", device);
    th_why_find(&why, identity);
    return why;
}

static void what_is_asked(void **state)
{
    (void)state;
    struct th_why why;
    assert_true(th_why_parse(th_str_c("a@b@2026-11-30T10:59:59.9+01:00"), &why));
    assert_string_equal(why.device, "a@b");
    int64_t hour_ns;
    assert_true(th_time_parse_rfc3339(th_str_c("2026-11-30T09:00:00Z"), &hour_ns));
    assert_true(why.hour_ns == hour_ns && why.entity == 0);
    char text[400];
    static const char time[] = "@2026-11-30T10:00:00Z";
    memset(text, 'x', 256);
    memcpy(text + 255, time, sizeof(time));
    assert_true(th_why_parse(th_str_c(text), &why));
    assert_int_equal(strlen(why.device), 255);
    memset(text, 'x', 257);
    memcpy(text + 256, time, sizeof(time));
    assert_false(th_why_parse(th_str_c(text), &why));
    static const char *const wrong[] = {"", "@", "a", "a@", time, "a@2026", "2026-11-30T10:00:00Z"};
    for (size_t i = 0; i < TH_ARRAY_LEN(wrong); i++)
        assert_false(th_why_parse(th_str_c(wrong[i]), &why));
    assert_false(th_why_parse(th_str_n("a\0b@2026-11-30T10:00:00Z", 24), &why));
}

static void by_each_name(void **state)
{
    (void)state;
    char id[TH_ENTITY_TEXT_LEN];
    th_entity_text(first, id);
    assert_true(find(id, T0).entity == first);
    assert_true(find(MAC_A, T0).entity == first);
    assert_true(find("Laptop-7", T0).entity == first);
    assert_true(find("laptop-7.CORP.example", T0).entity == first);
    assert_true(find("laptop-8", T0).entity == second);
    assert_true(find("laptop-8.corp.example", T0).entity == second);
    assert_true(find("10.0.0.6", T0).entity == second);
    struct th_why other = find("laptop-7.corp.elsewhere", T0);
    assert_true(other.entity == 0);
    assert_true(other.similar_count > 0 && other.similar[0] == first);
}

static void an_address_is_whose_it_was_then(void **state)
{
    (void)state;
    struct th_why before = find("10.0.0.5", T0);
    struct th_why after = find("10.0.0.5", T0 + 4 * HOUR);
    assert_true(before.entity == first);
    assert_true(after.entity == second);
}

static void resembling_names(void **state)
{
    (void)state;
    struct th_why why = find("laptop-9", T0);
    assert_true(why.entity == 0);
    assert_int_equal(why.similar_count, 2);
    why = find("lapto", T0);
    assert_int_equal(why.similar_count, 2);
    assert_int_equal(find("printer", T0).similar_count, 0);
    assert_int_equal(find("x", T0).similar_count, 0);
}

static void the_last_closing_counts(void **state)
{
    (void)state;
    struct th_models *models = th_models_new();
    struct th_scorer *scorer = th_scorer_new(models, UINT64_MAX);
    struct th_why why = {.hour_ns = 3 * HOUR, .entity = 7};
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    static const struct {
        uint64_t entity, events;
        int64_t hour;
    } windows[] = {{7, 1, 5}, {7, 2, 3}, {8, 3, 3}, {7, 4, 2}, {7, 5, 3}};
    for (size_t i = 0; i < TH_ARRAY_LEN(windows); i++) {
        struct th_window w = {.entity = windows[i].entity,
            .start_ns = windows[i].hour * HOUR,
            .end_ns = (windows[i].hour + 1) * HOUR,
            .events = windows[i].events};
        th_why_window(&why, scorer, &w);
    }
    assert_true(why.explained && why.news);
    assert_int_equal(why.explanation.events, 5);
    th_why_json(&why, models, &out);
    th_buf_u8(&out, 0);
    static const char begin[] =
        "{\"hours\":3,\"first\":\"1970-01-01T02:00:00.000000Z\","
        "\"last\":\"1970-01-01T05:00:00.000000Z\",\"window\":{\"events\":5,";
    assert_memory_equal(out.p, begin, sizeof(begin) - 1);
    th_why_done(&why);
    th_scorer_free(scorer);
    th_models_free(models);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked),
        cmocka_unit_test(by_each_name),
        cmocka_unit_test(an_address_is_whose_it_was_then),
        cmocka_unit_test(resembling_names),
        cmocka_unit_test(the_last_closing_counts),
    };
    return cmocka_run_group_tests(tests, make_two, done);
}
