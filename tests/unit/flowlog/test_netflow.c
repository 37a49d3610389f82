/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams built by hand after RFC 3954 and RFC 7011, and those that should not be. */
#include "unit.h"

#include "base/buf.h"
#include "flowlog/netflow.h"

#define S TH_NS_PER_S
static const uint32_t now_s = 1700000000;

struct world {
    struct th_netflow *netflow;
    struct th_flow_record got[64];
    size_t count;
    struct th_buf b;
    size_t set_at;
    struct th_addr exporter;
    int64_t now_ns;
};

static int take(void *arg, const struct th_flow_record *r)
{
    struct world *w = arg;
    if (w->count < TH_ARRAY_LEN(w->got))
        w->got[w->count] = *r;
    w->count++;
    return 0;
}

static int setup(void **state)
{
    struct world *w = th_xcalloc(1, sizeof(*w));
    const struct th_netflow_sink sink = {.put = take, .arg = w};
    w->netflow = th_netflow_new(&sink);
    w->exporter = th_addr_v4((const uint8_t[]){192, 0, 2, 1});
    w->now_ns = now_s * S;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    th_netflow_free(w->netflow);
    th_buf_done(&w->b);
    free(w);
    return 0;
}

static struct th_netflow_counts counts(const struct world *w)
{
    struct th_netflow_counts c;
    th_netflow_counts(w->netflow, &c);
    return c;
}

/* ---- writing ---- */

static void words(struct world *w, const uint16_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        th_buf_be16(&w->b, v[i]);
}
#define WORDS(w, ...)                                                                              \
    words(w, (const uint16_t[]){__VA_ARGS__}, sizeof((uint16_t[]){__VA_ARGS__}) / 2)

static void begin_v9(struct world *w, uint32_t number, uint32_t uptime_ms)
{
    th_buf_clear(&w->b);
    WORDS(w, 9, 1);
    th_buf_be32(&w->b, uptime_ms);
    th_buf_be32(&w->b, now_s);
    th_buf_be32(&w->b, number);
    th_buf_be32(&w->b, 77);
}

static void begin_ipfix(struct world *w, uint32_t number)
{
    th_buf_clear(&w->b);
    WORDS(w, 10, 0);
    th_buf_be32(&w->b, now_s);
    th_buf_be32(&w->b, number);
    th_buf_be32(&w->b, 5);
}

static void begin_set(struct world *w, uint16_t id)
{
    w->set_at = w->b.len;
    WORDS(w, id, 0);
}

static void end_set(struct world *w)
{
    size_t len = w->b.len - w->set_at;
    w->b.p[w->set_at + 2] = (uint8_t)(len >> 8);
    w->b.p[w->set_at + 3] = (uint8_t)len;
}

static void send(struct world *w)
{
    if (w->b.p[1] == 10) {
        w->b.p[2] = (uint8_t)(w->b.len >> 8);
        w->b.p[3] = (uint8_t)w->b.len;
    }
    assert_int_equal(th_netflow_datagram(w->netflow, &w->exporter, w->now_ns, w->b.p, w->b.len), 0);
}

/* Source, destination, ports, protocol, bytes, packets, first and last by uptime. */
static void put_template_v9(struct world *w)
{
    begin_set(w, 0);
    WORDS(w, 256, 9, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4, 22, 4, 21, 4);
    end_set(w);
}

static void put_ends(struct world *w, uint8_t client)
{
    th_buf_put(&w->b, (const uint8_t[]){10, 0, 0, client, 192, 0, 2, 80}, 8);
    WORDS(w, 40000, 443);
    th_buf_u8(&w->b, TH_IP_TCP);
}

static void put_data_v9(struct world *w, uint8_t client, uint32_t first_ms, uint32_t last_ms)
{
    begin_set(w, 256);
    put_ends(w, client);
    th_buf_be32(&w->b, 1500);
    th_buf_be32(&w->b, 3);
    th_buf_be32(&w->b, first_ms);
    th_buf_be32(&w->b, last_ms);
    th_buf_put(&w->b, "\0\0\0", 3); /* padding */
    end_set(w);
}

/* ---- version 5 ---- */

static void put_v5(struct world *w, uint32_t number, uint16_t count, uint16_t sampling)
{
    th_buf_clear(&w->b);
    WORDS(w, 5, count);
    th_buf_be32(&w->b, 100000);
    th_buf_be32(&w->b, now_s);
    th_buf_be32(&w->b, 0);
    th_buf_be32(&w->b, number);
    WORDS(w, 0x0102, sampling);
    for (unsigned i = 0; i < count; i++) {
        th_buf_put(&w->b, (const uint8_t[]){10, 0, 0, 5, 192, 0, 2, 80}, 8);
        WORDS(w, 0, 0, 1, 2, 0, 7, 0, 900); /* next hop, interfaces, packets, bytes */
        th_buf_be32(&w->b, 90000);
        th_buf_be32(&w->b, 95000);
        WORDS(w, 40000, 443, 0x001b, 0x0600, 0, 0, 0, 0);
    }
}

static void version_5(void **state)
{
    struct world *w = *state;
    put_v5(w, 10, 2, 0);
    send(w);
    assert_int_equal(w->count, 2);
    const struct th_flow_record *r = &w->got[1];
    assert_int_equal(r->bytes[0], 900);
    assert_int_equal(r->pkts[0], 7);
    assert_int_equal(r->src_port, 40000);
    assert_int_equal(r->proto, TH_IP_TCP);
    assert_int_equal(r->flags[0], 0x1b);
    assert_true(r->first_ns == w->now_ns - 10 * S && r->last_ns == w->now_ns - 5 * S);
    put_v5(w, 12 + 6, 1, 1 << 14 | 100); /* one packet in 100 */
    send(w);
    assert_int_equal(counts(w).lost, 6);
    assert_int_equal(w->got[2].sampling, 100);
    assert_int_equal(w->got[2].bytes[0], 90000);
    put_v5(w, 19, 3, 0);
    w->b.len -= 1;
    send(w);
    assert_int_equal(counts(w).malformed, 1);
    assert_int_equal(w->count, 3);
}

/* ---- templates ---- */

static void version_9_waits_for_its_template(void **state)
{
    struct world *w = *state;
    begin_v9(w, 1, 100000);
    put_data_v9(w, 5, 90000, 95000);
    send(w);
    assert_int_equal(w->count, 0);
    begin_v9(w, 2, 101000);
    put_template_v9(w);
    put_data_v9(w, 6, 90000, 95000);
    send(w);
    assert_int_equal(w->count, 2);
    assert_int_equal(w->got[0].src.b[15], 5);
    assert_true(w->got[0].last_ns == w->now_ns - 5 * S); /* by its own datagram's uptime */
    assert_true(w->got[1].last_ns == w->now_ns - 6 * S);
    assert_int_equal(w->got[1].bytes[0], 1500);
    assert_int_equal(counts(w).lost, 0);
    assert_int_equal(counts(w).malformed, 0);
}

static void templates_are_of_one_exporter_and_domain(void **state)
{
    struct world *w = *state;
    begin_v9(w, 1, 100000);
    put_template_v9(w);
    send(w);
    w->exporter.b[15]++;
    begin_v9(w, 1, 100000);
    put_data_v9(w, 5, 90000, 95000);
    send(w);
    assert_int_equal(w->count, 0);
    assert_int_equal(counts(w).streams_now, 2);
}

static void an_uptime_that_goes_round(void **state)
{
    struct world *w = *state;
    begin_v9(w, 1, 2000);
    put_template_v9(w);
    put_data_v9(w, 5, UINT32_MAX - 7999, UINT32_MAX - 999);
    send(w);
    assert_true(w->got[0].first_ns == w->now_ns - 10 * S);
    assert_true(w->got[0].last_ns == w->now_ns - 3 * S);
}

static void sets_without_a_template_are_bounded(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 0; i < 1000; i++) {
        begin_v9(w, i, 100000);
        put_data_v9(w, (uint8_t)i, 90000, 95000);
        send(w);
    }
    assert_int_equal(counts(w).no_template, 1000 - TH_NETFLOW_MAX_HELD);
    begin_v9(w, 1000, 100000);
    put_template_v9(w);
    send(w);
    assert_int_equal(w->count, TH_NETFLOW_MAX_HELD);
}

static void sixty_five_thousand_templates(void **state)
{
    struct world *w = *state;
    begin_v9(w, 0, 100000);
    put_template_v9(w);
    send(w);
    for (uint32_t id = 300; id < 65300; id++) {
        begin_v9(w, id - 299, 100000);
        begin_set(w, 0);
        WORDS(w, (uint16_t)id, 2, 8, 4, 12, 4);
        end_set(w);
        put_data_v9(w, 5, 90000, 95000); /* one that is used stays */
        send(w);
    }
    assert_int_equal(counts(w).templates_now, TH_NETFLOW_MAX_TEMPLATES);
    assert_int_equal(counts(w).templates_gone, 65001 - TH_NETFLOW_MAX_TEMPLATES);
    assert_int_equal(w->count, 65000);
}

static void malformed_templates(void **state)
{
    struct world *w = *state;
    static const uint16_t cases[][6] = {
        {256, 900, 8, 4, 12, 4},  /* more fields than there are */
        {256, 2, 8, 0, 12, 0},    /* of no bytes: records without end */
        {256, 2, 8, 65535, 1, 4}, /* an address of a length that it says itself */
        {300, 1, 8, 4, 9, 9},     /* what follows is none */
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        begin_ipfix(w, 0);
        begin_set(w, 2);
        words(w, cases[i], 6);
        end_set(w);
        begin_set(w, 256);
        th_buf_put(&w->b, (const uint8_t[64]){255, 255, 255}, 64);
        end_set(w);
        send(w);
    }
    assert_int_equal(w->count, 0);
    assert_true(counts(w).malformed >= 3);
    /* Lengths of sets that lead nowhere. */
    begin_ipfix(w, 0);
    WORDS(w, 256, 3);
    send(w);
    begin_ipfix(w, 0);
    WORDS(w, 256, 60000);
    send(w);
    for (size_t n = 0; n < 16; n++) { /* heads that end early */
        begin_ipfix(w, 0);
        w->b.len = n < 2 ? 2 : n;
        assert_int_equal(
            th_netflow_datagram(w->netflow, &w->exporter, w->now_ns, w->b.p, w->b.len), 0);
    }
    assert_true(counts(w).malformed >= 15);
}

static void many_exporters_are_refused(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 0; i < 1000; i++) {
        w->exporter = th_addr_v4((const uint8_t[]){10, 1, (uint8_t)(i >> 8), (uint8_t)i});
        put_v5(w, 0, 1, 0);
        send(w);
    }
    assert_int_equal(counts(w).streams_now, TH_NETFLOW_MAX_STREAMS);
    assert_int_equal(counts(w).refused, 1000 - TH_NETFLOW_MAX_STREAMS);
    w->now_ns += 3600 * S; /* all of them fell silent */
    w->exporter.b[15] = 255;
    uint64_t before = w->count;
    put_v5(w, 0, 1, 0);
    send(w);
    assert_int_equal(counts(w).streams_now, TH_NETFLOW_MAX_STREAMS);
    assert_int_equal(w->count, before + 1);
}

/* ---- IPFIX ---- */

static void put_ipfix_template(struct world *w)
{
    begin_set(w, 2);
    /* an element of an enterprise, one that says its length, times in ms, end reason */
    WORDS(w, 400, 10, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 0x8000 | 95, 65535, 0, 9, 1, 8, 2, 2, 153, 8,
        136, 1);
    end_set(w);
}

static void put_ipfix_data(struct world *w, size_t text_bytes)
{
    static const uint8_t text[1000];
    begin_set(w, 400);
    put_ends(w, 5);
    if (text_bytes < 255) {
        th_buf_u8(&w->b, (uint8_t)text_bytes);
    } else {
        th_buf_u8(&w->b, 255);
        th_buf_be16(&w->b, (uint16_t)text_bytes);
    }
    th_buf_put(&w->b, text, text_bytes);
    th_buf_be32(&w->b, 1);
    th_buf_be32(&w->b, 0); /* 4 GiB */
    WORDS(w, 9);
    uint64_t last_ms = (uint64_t)now_s * 1000 - 2500;
    th_buf_be32(&w->b, (uint32_t)(last_ms >> 32));
    th_buf_be32(&w->b, (uint32_t)last_ms);
    th_buf_u8(&w->b, 2);
    end_set(w);
}

static void ipfix_fields_of_any_length(void **state)
{
    struct world *w = *state;
    begin_ipfix(w, 0);
    put_ipfix_template(w);
    put_ipfix_data(w, 0);
    put_ipfix_data(w, 300);
    send(w);
    assert_int_equal(w->count, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(w->got[i].bytes[0] == UINT64_C(1) << 32);
        assert_int_equal(w->got[i].pkts[0], 9);
        assert_true(w->got[i].last_ns == w->now_ns - 2500 * TH_NS_PER_MS);
        assert_true(w->got[i].goes_on);
    }
    begin_ipfix(w, 2);
    begin_set(w, 2); /* withdrawn */
    WORDS(w, 400, 0);
    end_set(w);
    put_ipfix_data(w, 0);
    send(w);
    assert_int_equal(w->count, 2);
    assert_int_equal(counts(w).templates_now, 0);
    assert_int_equal(counts(w).malformed, 0);
}

static void ipfix_numbers_count_records(void **state)
{
    struct world *w = *state;
    static const uint32_t numbers[] = {0, 1, 2, 7, 8, 4}; /* 4 are missing, one comes late */
    static const uint64_t lost[] = {0, 0, 0, 4, 4, 3};
    for (size_t i = 0; i < TH_ARRAY_LEN(numbers); i++) {
        begin_ipfix(w, numbers[i]);
        put_ipfix_template(w);
        put_ipfix_data(w, 0);
        send(w);
        assert_int_equal(counts(w).lost, lost[i]);
    }
    begin_ipfix(w, 3000000000u); /* it began anew */
    put_ipfix_data(w, 0);
    send(w);
    assert_int_equal(counts(w).lost, 3);
}

static void ipfix_numbers_that_count_the_message_itself(void **state)
{
    struct world *w = *state;
    static const unsigned records[] = {1, 3, 2, 2};
    uint32_t number = 0;
    for (size_t i = 0; i < TH_ARRAY_LEN(records); i++) {
        number += records[i];
        begin_ipfix(w, number);
        put_ipfix_template(w);
        for (unsigned k = 0; k < records[i]; k++)
            put_ipfix_data(w, 0);
        send(w);
    }
    assert_int_equal(counts(w).lost, 0);
    begin_ipfix(w, number + 10 + 1);
    put_ipfix_data(w, 0);
    send(w);
    assert_int_equal(counts(w).lost, 10);
}

static void both_ways_in_one_record(void **state)
{
    struct world *w = *state;
    begin_ipfix(w, 0);
    begin_set(w, 2);
    WORDS(w, 401, 8, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 0x8001, 4, 0, 29305, 239, 1);
    end_set(w);
    begin_set(w, 401);
    put_ends(w, 5);
    th_buf_be32(&w->b, 100);
    th_buf_be32(&w->b, 200);
    th_buf_u8(&w->b, 2); /* the destination began it */
    end_set(w);
    send(w);
    assert_int_equal(w->count, 1);
    assert_true(w->got[0].both && w->got[0].src_began);
    assert_int_equal(w->got[0].src_port, 443);
    assert_int_equal(w->got[0].bytes[0], 200);
    assert_int_equal(w->got[0].bytes[1], 100);
}

/* ---- options: sampling ---- */

static void a_sampler_told_by_options(void **state)
{
    struct world *w = *state;
    begin_v9(w, 1, 100000);
    begin_set(w, 1);
    WORDS(w, 257, 4, 8, 1, 4, 48, 1, 50, 4); /* scope: the system */
    end_set(w);
    begin_set(w, 257);
    th_buf_be32(&w->b, 0);
    th_buf_u8(&w->b, 3);
    th_buf_be32(&w->b, 64);
    th_buf_put(&w->b, "\0\0\0", 3);
    end_set(w);
    put_template_v9(w);
    put_data_v9(w, 5, 90000, 95000);
    send(w);
    assert_int_equal(w->count, 1);
    assert_int_equal(w->got[0].sampling, 64);
    assert_int_equal(w->got[0].bytes[0], 1500 * 64);
    assert_int_equal(w->got[0].pkts[0], 3 * 64);
}

/* ---- clocks ---- */

static void a_clock_that_jumps(void **state)
{
    struct world *w = *state;
    put_v5(w, 0, 1, 0);
    send(w);
    w->now_ns += 400 * 86400 * S; /* the exporter's stays behind */
    put_v5(w, 1, 1, 0);
    send(w);
    assert_int_equal(counts(w).clocks_off, 1);
    assert_true(w->got[1].last_ns == w->now_ns - 5 * S);
    w->now_ns += 20 * S; /* jitter, or its clock runs slowly: what was put right stays */
    put_v5(w, 2, 1, 0);
    send(w);
    assert_true(w->got[2].last_ns == w->now_ns - 25 * S);
    w->now_ns = now_s * S; /* right again */
    put_v5(w, 3, 1, 0);
    send(w);
    assert_int_equal(counts(w).clocks_off, 0);
    assert_true(w->got[3].last_ns == w->now_ns - 5 * S);
}

static void times_nobody_can_have(void **state)
{
    struct world *w = *state;
    begin_v9(w, 1, 100000);
    put_template_v9(w);
    put_data_v9(w, 5, 200000, 300000); /* in the future */
    put_data_v9(w, 5, 95000, 90000);   /* ends before it begins */
    send(w);
    assert_int_equal(w->count, 2);
    assert_true(w->got[0].last_ns == w->now_ns && w->got[0].first_ns == w->now_ns);
    assert_true(w->got[1].first_ns == w->got[1].last_ns);
    begin_v9(w, 2, 0x70000000);
    put_data_v9(w, 5, 1, 2); /* three weeks ago */
    send(w);
    assert_int_equal(w->count, 2);
    assert_int_equal(counts(w).strange, 1);
    begin_v9(w, 3, 0x70000000);
    put_data_v9(w, 5, 1, 0x70000000 - 1000); /* it lasted three weeks */
    send(w);
    assert_int_equal(w->count, 3);
    assert_true(w->got[2].last_ns == w->now_ns - S);
    assert_true(w->got[2].last_ns - w->got[2].first_ns == (0x70000000 - 1001) * TH_NS_PER_MS);
}

/* They take nothing of the record; a template of such alone is none. */
static void fields_of_no_length(void **state)
{
    struct world *w = *state;
    begin_v9(w, 1, 100000);
    begin_set(w, 0);
    WORDS(w, 256, 8, 8, 4, 27, 0, 12, 4, 82, 0, 4, 1, 1, 4, 2, 4, 21, 4);
    end_set(w);
    begin_set(w, 256);
    th_buf_put(&w->b, (const uint8_t[]){10, 0, 0, 5, 192, 0, 2, 80, TH_IP_UDP}, 9);
    th_buf_be32(&w->b, 1500);
    th_buf_be32(&w->b, 3);
    th_buf_be32(&w->b, 95000);
    end_set(w);
    begin_set(w, 0);
    WORDS(w, 257, 2, 82, 0, 83, 0); /* nothing at all */
    end_set(w);
    send(w);
    assert_int_equal(w->count, 1);
    assert_int_equal(w->got[0].bytes[0], 1500);
    assert_int_equal(w->got[0].proto, TH_IP_UDP);
    assert_int_equal(counts(w).malformed, 1);
}

static void the_lag_is_what_was_seen(void **state)
{
    struct world *w = *state;
    assert_true(th_netflow_lag_ns(w->netflow, w->now_ns) == 300 * S);
    begin_v9(w, 1, 4000000);
    put_template_v9(w);
    put_data_v9(w, 5, 3000000, 3100000); /* 15 minutes after its end */
    send(w);
    assert_true(th_netflow_lag_ns(w->netflow, w->now_ns) == 900 * S);
    w->now_ns += 7200 * S;
    assert_true(th_netflow_lag_ns(w->netflow, w->now_ns) == 300 * S);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(version_5),
        CASE(version_9_waits_for_its_template),
        CASE(templates_are_of_one_exporter_and_domain),
        CASE(an_uptime_that_goes_round),
        CASE(sets_without_a_template_are_bounded),
        CASE(sixty_five_thousand_templates),
        CASE(malformed_templates),
        CASE(many_exporters_are_refused),
        CASE(ipfix_fields_of_any_length),
        CASE(ipfix_numbers_count_records),
        CASE(ipfix_numbers_that_count_the_message_itself),
        CASE(both_ways_in_one_record),
        CASE(a_sampler_told_by_options),
        CASE(a_clock_that_jumps),
        CASE(times_nobody_can_have),
        CASE(fields_of_no_length),
        CASE(the_lag_is_what_was_seen),
    };
    return cmocka_run_group_tests_name("flowlog/netflow", tests, NULL, NULL);
}
