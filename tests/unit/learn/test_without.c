/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sim.h"

static void words_are_known(void **state)
{
    (void)state;
    struct th_without w;
    assert_true(th_without_parse(th_str_c("gate,rhythm,peers,stage-two,time"), &w));
    assert_int_equal(w.parts,
        TH_WITHOUT_GATE | TH_WITHOUT_RHYTHM | TH_WITHOUT_PEERS | TH_WITHOUT_STAGE_TWO |
            TH_WITHOUT_TIME);
    assert_true(w.features == 0);
    assert_true(th_without_parse(th_str_c("upload,time,beacon"), &w));
    assert_int_equal(w.parts, TH_WITHOUT_TIME);
    assert_true(w.features == (UINT64_C(1) << TH_FEAT_UPLOAD | UINT64_C(1) << TH_FEAT_BEACON_FAST));
    assert_true(th_without_parse(th_str_c(""), &w));
    assert_true(w.parts == 0 && w.features == 0);
    assert_false(th_without_parse(th_str_c("gate,wings"), &w));
    assert_false(th_without_parse(th_str_c("gate,,time"), &w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_are_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
