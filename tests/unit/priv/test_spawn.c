/* SPDX-License-Identifier: Apache-2.0 */
/* The test program starts itself as a role and lets that look at what it inherited. */
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "priv/spawn.h"

static char self[4096];

/* As the role: exit status says which step failed. */
static int be_role(int argc, char **argv)
{
    struct th_inherited in;
    char text[16] = "";
    if (argc != 5 || strcmp(argv[2], "probe") != 0 || strcmp(argv[3], "--budget") != 0)
        return 10;
    if (th_inherit(&in) != 0 || in.count != 3)
        return 11;
    if (th_inherit_get(&in, "none", 0) != -1 || th_inherit_get(&in, "model", 2) != -1)
        return 12;
    int first = th_inherit_get(&in, "model", 0), second = th_inherit_get(&in, "model", 1);
    if (pread(first, text, 3, 0) != 3 || memcmp(text, "one", 3) != 0)
        return 13;
    if (pread(second, text, 3, 0) != 3 || memcmp(text, "two", 3) != 0)
        return 14;
    if ((fcntl(first, F_GETFD) & FD_CLOEXEC) == 0)
        return 15;
    for (int fd = 3; fd < 200; fd++)
        if (fcntl(fd, F_GETFD) >= 0 && (fd < 4 || fd > 6))
            return 16; /* something else was inherited */
    return 0;
}

/* As a role that says how its memory is to be had. */
static int tell_tunables(void)
{
    const char *v = getenv("GLIBC_TUNABLES");
    return !v ? 20 : strcmp(v, "glibc.malloc.hugetlb=1") == 0 ? 21 : 22;
}

static int memory_file(const char *text)
{
    int fd = memfd_create("test", 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

static int wait_for(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_role_gets_its_descriptors_and_no_others(void **state)
{
    (void)state;
    int stray = open("/dev/null", O_RDONLY); /* no CLOEXEC: must not get through all the same */
    struct th_role_fd fds[] = {{memory_file("two"), "spool"}, {memory_file("one"), "model"},
        {memory_file("two"), "model"}};
    /* Numbers that collide with the target range, in the wrong order. */
    for (int i = 0; i < 3; i++)
        fds[i].fd = dup2(fds[i].fd, 90 + i);
    fds[1].fd = dup2(91, 6);
    fds[2].fd = dup2(92, 4);
    const char *args[] = {"--budget", "5", NULL};
    pid_t pid;
    assert_int_equal(th_spawn(self, "probe", fds, 3, args, &pid), 0);
    assert_int_equal(wait_for(pid), 0);
    close(stray);
}

static int tunables_of(const char *role)
{
    const char *args[] = {"--tunables", NULL};
    pid_t pid;
    assert_int_equal(th_spawn(self, role, NULL, 0, args, &pid), 0);
    return wait_for(pid);
}

static void test_capture_has_its_heap_in_huge_pages(void **state)
{
    (void)state;
    unsetenv("GLIBC_TUNABLES");
    assert_int_equal(tunables_of("capture"), 21);
    assert_int_equal(tunables_of("link"), 20);
    setenv("GLIBC_TUNABLES", "glibc.malloc.check=0", 1);
    assert_int_equal(tunables_of("capture"), 22);
    unsetenv("GLIBC_TUNABLES");
}

static void test_missing_program_is_said(void **state)
{
    (void)state;
    pid_t pid;
    assert_int_equal(th_spawn("/nonexistent/program", "probe", NULL, 0, NULL, &pid), -ENOENT);
}

static void test_no_manifest(void **state)
{
    (void)state;
    struct th_inherited in;
    int fd = open("/dev/null", O_RDONLY);
    int three = dup2(fd, 3);
    assert_int_equal(three, 3);
    assert_true(th_inherit(&in) < 0);
}

static void test_sibling(void **state)
{
    (void)state;
    char path[4096], small[4];
    assert_int_equal(th_sibling_program("thymus-master", path, sizeof(path)), 0);
    assert_non_null(strstr(path, "/thymus-master"));
    assert_int_equal(th_sibling_program("thymus-master", small, sizeof(small)), -ENAMETOOLONG);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--role") == 0)
        return argc == 4 && strcmp(argv[3], "--tunables") == 0 ? tell_tunables()
                                                               : be_role(argc, argv);
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_role_gets_its_descriptors_and_no_others),
        cmocka_unit_test(test_capture_has_its_heap_in_huge_pages),
        cmocka_unit_test(test_missing_program_is_said),
        cmocka_unit_test(test_no_manifest),
        cmocka_unit_test(test_sibling),
    };
    return cmocka_run_group_tests_name("priv/spawn", tests, NULL, NULL);
}
