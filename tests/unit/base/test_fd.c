/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

static void what_is_written_is_read(void **state)
{
    int p[2];
    char got[5];
    TH_AUTOBUF struct th_buf rest = TH_BUF_INIT;
    (void)state;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(th_fd_write(p[1], th_str_c("hello world")), 0);
    close(p[1]);
    assert_int_equal(th_fd_read(p[0], got, sizeof(got)), 0);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(th_fd_read_to_end(p[0], 6, &rest), 0);
    assert_true(th_str_is(th_buf_view(&rest), " world"));
    assert_int_equal(th_fd_read(p[0], got, 1), TH_E_TRUNCATED);
    close(p[0]);
}

static void limits_and_errors_are_told(void **state)
{
    int p[2];
    TH_AUTOBUF struct th_buf all = TH_BUF_INIT;
    (void)state;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(th_fd_write(p[1], th_str_c("hello")), 0);
    close(p[1]);
    assert_int_equal(th_fd_read_to_end(p[0], 4, &all), TH_E_LIMIT);
    assert_int_equal(th_fd_write(p[0], th_str_c("x")), -EBADF);
    close(p[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(limits_and_errors_are_told)};
    return cmocka_run_group_tests_name("base/fd", tests, NULL, NULL);
}
