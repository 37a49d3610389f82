/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <sys/wait.h>

#include "base/mem.h"
#include "priv/inputs.h"
#include "priv/priv.h"

static char dir[] = "/tmp/thymus-inputs-XXXXXX";

static void run(const char *command)
{
    TH_AUTOFREE char *line = th_xasprintf("cd %s && %s", dir, command);
    assert_int_equal(system(line), 0);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    run("mkdir -p b/c empty a_sub .hidden && touch b/2 b/10 b/c/x Z a .h .hidden/y"
        " && ln -s .. b/c/up && ln -s ../a b/link && ln -s nowhere dangling && mkfifo b/pipe");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    TH_AUTOFREE char *line = th_xasprintf("rm -rf %s", dir);
    return system(line);
}

/* Path relative to the test folder. */
static const char *rel(const char *path)
{
    return strncmp(path, dir, strlen(dir)) == 0 ? path + strlen(dir) : path;
}

static void test_walks_in_sorted_order(void **state)
{
    (void)state;
    static const char *const want[] = {"/Z", "/a", "/b/10", "/b/2", "/b/c/x", "/b/link"};
    struct th_inputs in = TH_INPUTS_INIT;
    th_inputs_add(&in, dir);
    assert_int_equal(in.count, TH_ARRAY_LEN(want));
    for (size_t i = 0; i < in.count; i++)
        assert_string_equal(rel(in.paths[i]), want[i]);
    assert_int_equal(in.problem_count, 1); /* the dangling link */
    assert_string_equal(rel(in.problems[0].path), "/dangling");
    assert_string_equal(in.problems[0].message, "no such file or folder");
    th_inputs_done(&in);
}

static void test_says_what_cannot_be_read(void **state)
{
    (void)state;
    struct th_inputs in = TH_INPUTS_INIT;
    TH_AUTOFREE char *empty = th_xasprintf("%s/empty", dir);
    TH_AUTOFREE char *missing = th_xasprintf("%s/missing", dir);
    th_inputs_add(&in, empty);
    th_inputs_add(&in, missing);
    th_inputs_add(&in, "/dev/null");
    th_inputs_add(&in, "");
    th_inputs_add(&in, "-");
    assert_int_equal(in.count, 1);
    assert_string_equal(in.paths[0], "-");
    assert_int_equal(in.problem_count, 4);
    assert_string_equal(in.problems[0].message, "the folder holds no files");
    assert_string_equal(in.problems[1].message, "no such file or folder");
    assert_non_null(strstr(in.problems[2].message, "not a regular file"));
    th_inputs_done(&in);
}

/* In a child, because root may read every folder. */
static int look_as_nobody(const char *folder)
{
    struct th_inputs in = TH_INPUTS_INIT;
    if (th_drop_ids(65534, 65534) != 0)
        return 2;
    th_inputs_add(&in, folder);
    bool said = in.count == 0 && in.problem_count == 1 &&
        strstr(in.problems[0].message, "permission denied") != NULL;
    th_inputs_done(&in);
    return said ? 0 : 1;
}

static void test_unreadable_folder(void **state)
{
    (void)state;
    run("mkdir locked && chmod 000 locked && chmod 755 .");
    TH_AUTOFREE char *locked = th_xasprintf("%s/locked", dir);
    pid_t pid = fork();
    if (pid == 0)
        _exit(look_as_nobody(locked));
    int status;
    waitpid(pid, &status, 0);
    run("rmdir locked");
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_hidden_file_given_by_name_counts(void **state)
{
    (void)state;
    struct th_inputs in = TH_INPUTS_INIT;
    TH_AUTOFREE char *hidden = th_xasprintf("%s/.h", dir);
    th_inputs_add(&in, hidden);
    assert_int_equal(in.count, 1);
    assert_int_equal(in.problem_count, 0);
    th_inputs_done(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks_in_sorted_order),
        cmocka_unit_test(test_says_what_cannot_be_read),
        cmocka_unit_test(test_unreadable_folder),
        cmocka_unit_test(test_a_hidden_file_given_by_name_counts),
    };
    return cmocka_run_group_tests_name("priv/inputs", tests, setup, teardown);
}
