/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/buf.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/tls.h"

#define UNTIL_NS (INT64_C(1900000000) * TH_NS_PER_S)

struct pair {
    struct th_buf key, certificate;
};

static int begin(void **state)
{
    struct pair *pairs = th_xcalloc(2, sizeof(*pairs));
    const struct th_certificate_request q = {
        .host_name = "thymus.test", .from_ns = TH_NS_PER_S, .until_ns = UNTIL_NS};
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(th_certificate_make(&q, &pairs[i].key, &pairs[i].certificate), 0);
    *state = pairs;
    return 0;
}

static int end(void **state)
{
    struct pair *pairs = *state;
    for (unsigned i = 0; i < 2; i++) {
        th_buf_done(&pairs[i].key);
        th_buf_done(&pairs[i].certificate);
    }
    free(pairs);
    return 0;
}

static int read_both(const struct th_buf *a, const struct th_buf *b, struct th_tls_identity **ret)
{
    TH_AUTOBUF struct th_buf pem = TH_BUF_INIT;
    if (a)
        th_buf_str(&pem, th_buf_view(a));
    if (b)
        th_buf_str(&pem, th_buf_view(b));
    return th_tls_identity_new(th_buf_view(&pem), ret);
}

static void a_pair_is_read(void **state)
{
    const struct pair *pairs = *state;
    struct th_tls_identity *id = NULL;
    gnutls_pcert_st *certificates = NULL;
    gnutls_privkey_t key = NULL;
    unsigned count = 0;
    assert_int_equal(read_both(&pairs[0].key, &pairs[0].certificate, &id), 0);
    assert_true(th_tls_identity_until_ns(id) == UNTIL_NS);
    struct th_tls_identity *held = th_tls_identity_ref(id);
    th_tls_identity_unref(id);
    th_tls_identity_show(held, &certificates, &count, &key);
    assert_int_equal(count, 1);
    assert_non_null(key);
    assert_true(certificates[0].cert.size > 100);
    th_tls_identity_unref(held);
    th_tls_identity_unref(NULL);
}

static void what_is_no_pair_is_refused(void **state)
{
    const struct pair *pairs = *state;
    struct th_tls_identity *id = NULL;
    const struct th_buf *key = &pairs[0].key, *certificate = &pairs[0].certificate;
    assert_int_equal(read_both(key, &pairs[1].certificate, &id), TH_E_CONFIG);
    assert_int_equal(read_both(key, NULL, &id), TH_E_MALFORMED);
    assert_int_equal(read_both(NULL, certificate, &id), TH_E_MALFORMED);
    assert_int_equal(read_both(NULL, NULL, &id), TH_E_MALFORMED);
    /* A file that is written just now, at every length. */
    TH_AUTOBUF struct th_buf pem = TH_BUF_INIT;
    th_buf_str(&pem, th_buf_view(key));
    th_buf_str(&pem, th_buf_view(certificate));
    size_t whole = pem.len - strlen("-----END CERTIFICATE-----\n");
    for (size_t len = 0; len < whole; len += 7)
        assert_true(th_tls_identity_new(th_str_n((const char *)pem.p, len), &id) < 0);
    assert_null(id);
}

/* As many certificates as may stand behind a server's own, and one more. */
static void a_chain_has_a_limit(void **state)
{
    const struct pair *pairs = *state;
    struct th_tls_identity *id = NULL;
    gnutls_pcert_st *certificates = NULL;
    gnutls_privkey_t key = NULL;
    unsigned count = 0;
    TH_AUTOBUF struct th_buf pem = TH_BUF_INIT;
    th_buf_str(&pem, th_buf_view(&pairs[0].key));
    for (unsigned i = 0; i < 10; i++)
        th_buf_str(&pem, th_buf_view(&pairs[i > 0].certificate));
    assert_int_equal(th_tls_identity_new(th_buf_view(&pem), &id), 0);
    th_tls_identity_show(id, &certificates, &count, &key);
    assert_int_equal(count, 10);
    th_tls_identity_unref(TH_TAKE(id));
    th_buf_str(&pem, th_buf_view(&pairs[1].certificate));
    assert_int_equal(th_tls_identity_new(th_buf_view(&pem), &id), TH_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_read),
        cmocka_unit_test(what_is_no_pair_is_refused),
        cmocka_unit_test(a_chain_has_a_limit),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
