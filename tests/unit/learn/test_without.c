/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sim.h"

static unsigned left_out(const struct th_without *w)
{
    unsigned n = 0;
    for (unsigned f = 0; f < TH_FEATURE_COUNT; f++)
        n += w->feature[f];
    return n;
}

static void words_are_known(void **state)
{
    (void)state;
    struct th_without w;
    assert_true(th_without_parse(th_str_c("gate,rhythm,peers,stage-two,time"), &w));
    assert_int_equal(w.parts,
        TH_WITHOUT_GATE | TH_WITHOUT_RHYTHM | TH_WITHOUT_PEERS | TH_WITHOUT_STAGE_TWO |
            TH_WITHOUT_TIME);
    assert_int_equal(left_out(&w), 0);
    assert_true(th_without_parse(th_str_c("upload,time,beacon"), &w));
    assert_int_equal(w.parts, TH_WITHOUT_TIME);
    assert_true(w.feature[TH_FEAT_UPLOAD] && w.feature[TH_FEAT_BEACON_FAST]);
    assert_int_equal(left_out(&w), 2);
    assert_true(th_without_parse(th_str_c(th_feature_get(TH_FEATURE_COUNT - 1)->name), &w));
    assert_true(w.feature[TH_FEATURE_COUNT - 1]);
    assert_true(th_without_parse(th_str_c(""), &w));
    assert_true(w.parts == 0 && left_out(&w) == 0);
    assert_false(th_without_parse(th_str_c("gate,wings"), &w));
    assert_false(th_without_parse(th_str_c("gate,,time"), &w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_are_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
