/* SPDX-License-Identifier: Apache-2.0 */
/* The office: the same seed says the same, people keep hours, records are in order and whole. */
#include "unit.h"

#include "base/err.h"
#include "base/mem.h"
#include "office.h"

static void same_seed_same_events(void **state)
{
    (void)state;
    struct office a = office_init(5), b = office_init(5), c = office_init(6);
    office_run(&a);
    office_run(&b);
    office_run(&c);
    assert_true(a.n > 1000);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.v, b.v, a.n * sizeof *a.v);
    assert_true(c.n != a.n || memcmp(a.v, c.v, a.n * sizeof *a.v) != 0);
    office_done(&a);
    office_done(&b);
    office_done(&c);
}

/* A run that is cut into pieces says what a whole one says. */
static void pieces_are_the_whole(void **state)
{
    (void)state;
    struct office a = office_init(8), b = office_init(8);
    office_run(&a);
    int64_t end = b.opt.end_ns;
    b.opt.end_ns = OFFICE_MONDAY + 10 * TH_NS_PER_HOUR;
    office_run(&b);
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(a.v[i].hash, b.v[i].hash);
    assert_true(b.n < a.n && end > b.opt.end_ns);
    office_done(&a);
    office_done(&b);
}

static void events_in_order(void **state)
{
    (void)state;
    struct office a = office_init(7);
    office_run(&a);
    for (size_t i = 0; i < a.n; i++) {
        assert_true(a.v[i].time_ns >= a.v[i].ts);
        assert_true(a.v[i].time_ns < a.opt.end_ns);
        if (i)
            assert_true(a.v[i].time_ns >= a.v[i - 1].time_ns);
    }
    office_done(&a);
}

/* A connection that ends within the minute of its last interim record ends in that minute. */
struct ends {
    int64_t last_ns;
    uint64_t late, parts, ends;
};

static void count_ends(void *arg, const struct th_event *ev)
{
    struct ends *e = arg;
    e->late += ev->time_ns < e->last_ns;
    e->last_ns = ev->time_ns;
    if (ev->kind != TH_KIND_CONN)
        return;
    const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
    e->parts += TH_HAS(c, CONN, partial) && c->part == 1;
    e->ends += !TH_HAS(c, CONN, partial) && c->part > 1;
}

static void long_connections_end_in_time(void **state)
{
    (void)state;
    struct ends e = {0};
    struct office a = office_init(12);
    a.light = true;
    a.opt.start_ns = OFFICE_MONDAY;
    a.opt.end_ns = OFFICE_MONDAY + 4 * TH_NS_PER_DAY;
    a.each = count_ends;
    a.arg = &e;
    office_run(&a);
    assert_int_equal(e.late, 0);
    assert_true(e.parts > 500 && e.ends + 100 > e.parts); /* some are still open */
    office_done(&a);
}

static void all_kinds_appear(void **state)
{
    (void)state;
    static const enum th_kind kinds[] = {TH_KIND_CONN, TH_KIND_DNS, TH_KIND_HTTP, TH_KIND_SSL,
        TH_KIND_X509, TH_KIND_FILES, TH_KIND_DHCP, TH_KIND_ARP, TH_KIND_KERBEROS, TH_KIND_NTLM,
        TH_KIND_SMB_FILES, TH_KIND_SMB_MAPPING, TH_KIND_DCE_RPC, TH_KIND_SSH, TH_KIND_RDP,
        TH_KIND_SMTP};
    struct office a = office_init(3);
    a.opt.devices = 60;
    a.light = true;
    a.opt.start_ns = OFFICE_MONDAY;
    a.opt.end_ns = OFFICE_MONDAY + 2 * TH_NS_PER_DAY;
    office_run(&a);
    for (size_t i = 0; i < TH_ARRAY_LEN(kinds); i++)
        if (!a.counts[kinds[i]])
            fail_msg("no %s events", th_kind_get(kinds[i])->name);
    /* Shares as in real logs: a lookup for about every second connection, few without a name. */
    double dns = (double)a.counts[TH_KIND_DNS] / (double)a.counts[TH_KIND_CONN];
    assert_true(dns > 0.2 && dns < 0.8);
    assert_true(a.counts[TH_KIND_SSL] > a.counts[TH_KIND_HTTP]);
    office_done(&a);
}

static void nights_are_quiet(void **state)
{
    (void)state;
    struct office a = office_init(4);
    a.opt.devices = 60;
    a.light = true;
    a.opt.start_ns = OFFICE_MONDAY;
    a.opt.end_ns = OFFICE_MONDAY + 7 * TH_NS_PER_DAY;
    office_run(&a);
    uint64_t night = 0, day = 0, sunday = 0;
    for (size_t i = 0; i < a.n; i++) {
        int64_t at = a.v[i].time_ns - OFFICE_MONDAY, hour = at % TH_NS_PER_DAY / TH_NS_PER_HOUR;
        int64_t d = at / TH_NS_PER_DAY;
        night += d < 5 && hour >= 1 && hour < 4;
        day += d < 5 && hour >= 10 && hour < 12;
        sunday += d == 6 && hour >= 10 && hour < 12;
    }
    assert_true(day / 2 > 4 * (night / 3)); /* an hour of the day against one of the night */
    assert_true(night > 1000);              /* machines never sleep */
    assert_true(day / 5 > 3 * sunday);
    office_done(&a);
}

static void count_conn_errors(void *arg, const struct th_event *ev)
{
    uint64_t *wrong = arg;
    if (ev->kind != TH_KIND_CONN)
        return;
    const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
    bool one = c->orig_pkts + c->resp_pkts == 1;
    if (!TH_HAS(c, CONN, partial) && !one && ev->time_ns != c->ts + c->duration)
        (*wrong)++;
    if (c->orig_ip_bytes < c->orig_bytes || c->resp_ip_bytes < c->resp_bytes)
        (*wrong)++;
    if (c->resp_bytes && !c->resp_pkts)
        (*wrong)++;
    if (!TH_HAS(c, CONN, orig_l2_addr) || c->uid.len != LAB_UID_LEN)
        (*wrong)++;
}

static void connections_add_up(void **state)
{
    (void)state;
    uint64_t wrong = 0;
    struct office a = office_init(9);
    a.each = count_conn_errors;
    a.arg = &wrong;
    office_run(&a);
    assert_int_equal(wrong, 0);
    office_done(&a);
}

/* Memory is what is open at a time, not how long the run is. */
static void memory_is_bounded(void **state)
{
    (void)state;
    struct office a = office_init(2);
    a.light = true;
    a.opt.start_ns = OFFICE_MONDAY;
    a.opt.end_ns = OFFICE_MONDAY + 21 * TH_NS_PER_DAY;
    office_run(&a);
    assert_true(lab_pool_bytes(a.sim->pool) < 16u << 20);
    office_done(&a);
}

static void too_few_or_many_devices(void **state)
{
    (void)state;
    struct lab_sim *s = NULL;
    struct office a = office_init(1);
    a.opt.devices = 5;
    assert_int_equal(lab_sim_new(&a.opt, &s), -ERANGE);
    a.opt.devices = LAB_MAX_DEVICES + 1;
    assert_int_equal(lab_sim_new(&a.opt, &s), -ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_events),
        cmocka_unit_test(pieces_are_the_whole),
        cmocka_unit_test(events_in_order),
        cmocka_unit_test(long_connections_end_in_time),
        cmocka_unit_test(all_kinds_appear),
        cmocka_unit_test(nights_are_quiet),
        cmocka_unit_test(connections_add_up),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(too_few_or_many_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
