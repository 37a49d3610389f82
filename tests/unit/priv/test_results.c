/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "priv/results.h"

static char dir[] = "/tmp/thymus-results-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return chdir("/") == 0 ? rmdir(dir) : -1; /* fails when a test left something */
}

static void put_file(const char *name, const char *text)
{
    TH_AUTOFCLOSE FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
}

static void assert_file(const char *name, const char *text)
{
    char have[64] = "";
    TH_AUTOFCLOSE FILE *f = fopen(name, "r");
    assert_non_null(f);
    have[fread(have, 1, sizeof(have) - 1, f)] = 0;
    assert_string_equal(have, text);
}

static void test_a_kept_file_takes_its_place(void **state)
{
    (void)state;
    struct th_results r = {.count = 0};
    put_file("out", "old");
    assert_int_equal(th_results_add(&r, "out", "out", false), 0);
    assert_int_equal(write(r.v[0].fd, "new", 3), 3);
    assert_file("out", "old"); /* until it is kept */
    assert_int_equal(th_results_keep(&r), 0);
    th_results_done(&r);
    assert_file("out", "new");
    assert_int_equal(access("out.part", F_OK), -1);
    unlink("out");
}

static void test_what_is_not_kept_leaves_nothing(void **state)
{
    (void)state;
    struct th_results r = {.count = 0};
    put_file("out", "old");
    assert_int_equal(th_results_add(&r, "out", "out", false), 0);
    assert_int_equal(write(r.v[0].fd, "new", 3), 3);
    th_results_done(&r);
    assert_file("out", "old");
    assert_int_equal(access("out.part", F_OK), -1);
    unlink("out");
}

static void test_an_empty_file_may_be_dropped(void **state)
{
    (void)state;
    struct th_results r = {.count = 0};
    put_file("drop", "of an earlier run");
    assert_int_equal(th_results_add(&r, "a", "drop", true), 0);
    assert_int_equal(th_results_add(&r, "b", "keep", false), 0);
    assert_int_equal(th_results_keep(&r), 0);
    th_results_done(&r);
    assert_int_equal(access("drop", F_OK), -1);
    assert_file("keep", "");
    unlink("keep");
}

static void test_what_cannot_be_written(void **state)
{
    (void)state;
    struct th_results r = {.count = 0};
    assert_int_equal(th_results_add(&r, "a", "missing/out", false), -ENOENT);
    assert_int_equal(th_results_add(&r, "a", dir, false), -EISDIR);
    assert_int_equal(th_results_add(&r, "a", "/dev/null", false), 0); /* written as it is */
    assert_int_equal(r.count, 1);
    assert_int_equal(th_results_keep(&r), 0);
    th_results_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_kept_file_takes_its_place),
        cmocka_unit_test(test_what_is_not_kept_leaves_nothing),
        cmocka_unit_test(test_an_empty_file_may_be_dropped),
        cmocka_unit_test(test_what_cannot_be_written),
    };
    return cmocka_run_group_tests_name("priv/results", tests, setup, teardown);
}
