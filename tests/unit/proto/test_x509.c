/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/time.h"
#include "x509.h"

#define CUR(text) th_cur_init(text, sizeof(text) - 1)

static void test_elements(void **state)
{
    (void)state;
    struct th_der d;
    struct th_cur c = CUR("\x30\3\2\1\5\4\x81\2hi\5\0");
    assert_true(th_der_next(&c, &d));
    assert_int_equal(d.tag, TH_DER_SEQUENCE);
    struct th_cur number = th_der_expect(&d.body, TH_DER_INTEGER);
    assert_int_equal(th_der_int(&number), 5);
    struct th_cur text = th_der_expect(&c, TH_DER_OCTET_STRING);
    assert_view_is(th_der_rest(&text), "hi");
    assert_true(th_der_next(&c, &d));
    assert_int_equal(d.raw.len, 2);
    assert_false(th_der_next(&c, &d));
    assert_false(c.failed);
}

static void test_lengths_that_lie(void **state)
{
    (void)state;
    static const struct {
        const char *p;
        size_t len;
    } bad[] = {{"\x30", 1}, {"\x30\5\1", 3}, {"\x30\x80\0\0", 4}, {"\x30\x84\xff\xff\xff\xff", 6},
        {"\x30\x85\0\0\0\0\1", 7}, {"\x3f\1\1", 3}, {"\x30\x82\1", 3}};
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++) {
        struct th_cur c = th_cur_init(bad[i].p, bad[i].len);
        struct th_der d;
        assert_false(th_der_next(&c, &d));
        assert_true(c.failed);
    }
}

static void test_times(void **state)
{
    (void)state;
    int64_t t = 0;
    assert_true(th_der_time(TH_DER_UTC_TIME, CUR("231114221320Z"), &t));
    assert_int_equal(t, INT64_C(1700000000) * TH_NS_PER_S);
    assert_true(th_der_time(TH_DER_UTC_TIME, CUR("500101000000Z"), &t));
    assert_int_equal(t, INT64_C(-631152000) * TH_NS_PER_S);
    assert_true(th_der_time(TH_DER_GENERALIZED_TIME, CUR("20231114221320Z"), &t));
    assert_int_equal(t, INT64_C(1700000000) * TH_NS_PER_S);
    /* An offset is not allowed, and found nevertheless. */
    assert_true(th_der_time(TH_DER_GENERALIZED_TIME, CUR("20231115034320+0530"), &t));
    assert_int_equal(t, INT64_C(1700000000) * TH_NS_PER_S);
    assert_true(th_der_time(TH_DER_UTC_TIME, CUR("2311141213-1000"), &t));
    assert_int_equal(t, INT64_C(1699999980) * TH_NS_PER_S);
    assert_false(th_der_time(TH_DER_UTC_TIME, CUR("2311141213-1x00"), &t));
    assert_false(th_der_time(TH_DER_UTC_TIME, CUR("2311"), &t));
    assert_false(th_der_time(TH_DER_UTC_TIME, CUR("23x114221320Z"), &t));
    assert_false(th_der_time(TH_DER_INTEGER, CUR("231114221320Z"), &t));
}

static void test_oids(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    assert_view_is(
        th_der_oid_text(&a, CUR("\x2a\x86\x48\x86\xf7\x0d\1\1\x0b")), "1.2.840.113549.1.1.11");
    assert_view_is(th_der_oid_text(&a, CUR("\x55\x04\x03")), "2.5.4.3");
}

/* version 1, serial 0xff, no extensions, names with what must be escaped */
#define NAME                                                                                       \
    "\x30\x2c\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02XX"                                       \
    "\x31\x1d\x30\x1b\x06\x03\x55\x04\x0a\x0c\x14 #a,b+\"c\"\\<d>;\xc3\xa4 \0 x"
#define ALG "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\0"
#define KEY                                                                                        \
    "\x30\x1b\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\0\x03\x0a\0\x30\x07\x02\x02" \
    "\x7f\x01\x02\x01\x03"
#define VALID                                                                                      \
    "\x30\x1e\x17\x0d"                                                                             \
    "231114221320Z\x17\x0d"                                                                        \
    "331114221320Z"
#define TBS_BODY "\x02\x02\0\xff" ALG NAME VALID NAME KEY
#define CERT "\x30\x81\xaf\x30\x81\xac" TBS_BODY

static void test_a_small_certificate(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    struct th_x509 x;
    assert_int_equal(sizeof(TBS_BODY) - 1, 0xac);
    assert_true(th_x509_parse((const uint8_t *)CERT, sizeof(CERT) - 1, &a, &x));
    assert_int_equal(x.version, 1);
    assert_view_is(x.serial, "FF");
    assert_view_is(x.subject, "O=\\ #a\\,b\\+\\\"c\\\"\\\\\\<d\\>\\;\\C3\\A4 \\00 x,C=XX");
    assert_view_is(x.issuer, "O=\\ #a\\,b\\+\\\"c\\\"\\\\\\<d\\>\\;\\C3\\A4 \\00 x,C=XX");
    assert_view_is(x.sig_alg, "sha256WithRSAEncryption");
    assert_string_equal(x.key_type, "rsa");
    assert_int_equal(x.key_bits, 15);
    assert_view_is(x.exponent, "3");
    assert_true(x.has_validity);
    assert_int_equal(x.not_before_ns, INT64_C(1700000000) * TH_NS_PER_S);
}

static void test_a_cut_certificate(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    struct th_x509 x;
    for (size_t n = 0; n < sizeof(CERT) - 1; n++)
        assert_false(th_x509_parse((const uint8_t *)CERT, n, &a, &x));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_lengths_that_lie),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_oids),
        cmocka_unit_test(test_a_small_certificate),
        cmocka_unit_test(test_a_cut_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
