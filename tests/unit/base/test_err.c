/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/err.h"

static void every_code_has_its_sentence(void **state)
{
    (void)state;
#define TH_ERROR(name, text) assert_string_equal(th_strerror(TH_E_##name), text);
#include "base/errors.def"
#undef TH_ERROR
}

static void codes_stay_below_errno(void **state)
{
    (void)state;
    assert_int_equal(TH_E_TRUNCATED, -19999);
    assert_true(TH_ERR_END < -4095);
    assert_string_equal(th_strerror(-ENOENT), "No such file or directory");
    assert_string_equal(th_strerror(0), "success");
    assert_string_equal(th_strerror(TH_ERR_END), "unknown error");
    assert_string_equal(th_strerror(TH_ERR_BASE), "unknown error");
    assert_string_equal(th_strerror(-30000), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_sentence),
        cmocka_unit_test(codes_stay_below_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
