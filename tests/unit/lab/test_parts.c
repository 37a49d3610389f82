/* SPDX-License-Identifier: Apache-2.0 */
/* Small parts: chance, names, plans, fingerprints. */
#include "unit.h"

#include <math.h>

#include "base/mem.h"
#include "flow.h"
#include "names.h"
#include "software.h"

static void chance_has_its_shape(void **state)
{
    (void)state;
    struct lab_rng r;
    lab_rng_init(&r, 1, 2);
    double sum = 0, square = 0, logs = 0, expo = 0;
    uint32_t first = 0, n = 200000;
    for (uint32_t i = 0; i < n; i++) {
        double x = lab_normal(&r);
        sum += x;
        square += x * x;
        logs += lab_lognormal(&r, 10, 1) < 10;
        expo += (double)lab_exp_ns(&r, TH_NS_PER_S) / 1e9;
        first += lab_zipf(&r, 1000, 0.8) == 0;
    }
    assert_true(fabs(sum / n) < 0.01);
    assert_true(fabs(square / n - 1) < 0.02);
    assert_true(fabs(logs / n - 0.5) < 0.01);
    assert_true(fabs(expo / n - 1) < 0.01);
    assert_true(first > n / 100 && first < n / 5);
}

/* Streams with neighbouring numbers have nothing in common. */
static void streams_differ(void **state)
{
    (void)state;
    struct lab_rng a, b;
    lab_rng_init(&a, 1, 1);
    lab_rng_init(&b, 1, 2);
    unsigned same = 0;
    for (int i = 0; i < 1000; i++)
        same += (lab_u64(&a) & 1) == (lab_u64(&b) & 1);
    assert_in_range(same, 430, 570);
}

static void names_are_names(void **state)
{
    (void)state;
    struct lab_rng r;
    lab_rng_init(&r, 3, 4);
    for (int i = 0; i < 3000; i++) {
        char s[LAB_NAME_LEN];
        size_t n = lab_name_domain(&r, s);
        assert_int_equal(n, strlen(s));
        assert_non_null(strchr(s, '.'));
        for (size_t k = 0; k < n; k++)
            assert_true((s[k] >= 'a' && s[k] <= 'z') || (s[k] >= '0' && s[k] <= '9') ||
                s[k] == '-' || s[k] == '.');
    }
}

static void plan_adds_up(void **state)
{
    (void)state;
    struct lab_pool *pool = lab_pool_new();
    for (uint64_t up = 1; up < 5000000; up = up * 3 + 1) {
        struct lab_flow *f = lab_flow_new(pool, 1, up);
        f->proto = LAB_TCP;
        f->up = up;
        f->down = up * 7 + 1;
        f->dur_ns = (int64_t)up * TH_NS_PER_MS;
        struct lab_plan p;
        lab_plan_of(f, &p);
        uint64_t sum[2] = {0, 0};
        for (uint32_t i = 0; i < lab_plan_count(&p); i++) {
            struct lab_message m = lab_plan_message(&p, i);
            sum[m.dir] += m.bytes;
        }
        assert_int_equal(sum[0], f->up);
        assert_int_equal(sum[1], f->down);
        lab_flow_free(pool, f);
    }
    lab_pool_free(pool);
}

static void fingerprints_differ(void **state)
{
    (void)state;
    struct lab_tls t[LAB_TLS_COUNT];
    lab_software_init(t);
    for (unsigned i = 0; i < LAB_TLS_COUNT; i++) {
        assert_int_equal(strlen(t[i].ja3[0]), 32);
        assert_string_not_equal(t[i].ja3[0], t[i].ja3[1]);
        assert_int_equal(t[i].ja4[0][3], 'd');
        assert_int_equal(t[i].ja4[1][3], 'i');
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        lab_tls_hello(&t[i], th_str_c("www.example.net"), 1, &b);
        assert_int_equal(b.len, t[i].hello_len[0] + 15);
    }
    assert_string_not_equal(t[LAB_TLS_IMPLANT].ja3[0], t[LAB_TLS_BROWSER_A].ja3[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chance_has_its_shape),
        cmocka_unit_test(streams_differ),
        cmocka_unit_test(names_are_names),
        cmocka_unit_test(plan_adds_up),
        cmocka_unit_test(fingerprints_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
