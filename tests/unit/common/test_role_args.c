/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "role_args.h"

struct own {
    uint64_t bytes;
};

static bool take_own(void *arg, const char *name, const char *value)
{
    struct own *own = arg;
    return strcmp(name, "--bytes") == 0 && th_str_u64(th_str_c(value), &own->bytes);
}

/* args is NULL-terminated and stands behind "--role NAME". */
static int read_args(
    const char *const *args, th_role_option *option, struct own *own, struct th_role_args *ret)
{
    char *argv[16] = {(char *)"program", (char *)"--role", (char *)"seal"};
    int argc = 3;
    while (*args)
        argv[argc++] = (char *)(uintptr_t)*args++;
    return th_role_args_read(argc, argv, "test", option, own, ret);
}

static void what_a_parent_says_is_read(void **state)
{
    const char *const args[] = {"--uid", "65534", "--bytes", "7", "--gid", "65533",
        "--instance-name", "acme", "--instance-id", "00000000000000ff", "--log-level", "warn",
        NULL};
    struct own own = {0};
    struct th_role_args got;
    (void)state;
    assert_int_equal(read_args(args, take_own, &own, &got), 0);
    assert_int_equal(got.uid, 65534);
    assert_int_equal(got.gid, 65533);
    assert_string_equal(got.instance_name, "acme");
    assert_string_equal(got.instance_id, "00000000000000ff");
    assert_int_equal(got.instance, 255);
    assert_int_equal(own.bytes, 7);
}

static void nothing_said_is_nobody_in_particular(void **state)
{
    const char *const none[] = {NULL};
    struct th_role_args got;
    (void)state;
    assert_int_equal(read_args(none, NULL, NULL, &got), 0);
    assert_int_equal(got.uid, 0);
    assert_string_equal(got.instance_name, "");
}

static void what_no_parent_says_is_refused(void **state)
{
    static const char *const cases[][4] = {{"--uid", NULL}, {"--uid", "4294967296", NULL},
        {"--gid", "-1", NULL}, {"--instance-id", "xyz", NULL}, {"--instance-id", "", NULL},
        {"--log-level", "loud", NULL}, {"--bytes", "many", NULL}, {"--other", "1", NULL},
        {"stray", NULL}};
    struct own own = {0};
    struct th_role_args got;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(read_args(cases[i], take_own, &own, &got), -EINVAL);
    const char *const own_one[] = {"--bytes", "1", NULL};
    assert_int_equal(read_args(own_one, NULL, NULL, &got), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_parent_says_is_read),
        cmocka_unit_test(nothing_said_is_nobody_in_particular),
        cmocka_unit_test(what_no_parent_says_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
