/* SPDX-License-Identifier: Apache-2.0 */
/* Roles that read the files of a folder: those, nothing else, and nothing is written. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "priv/priv.h"

#define CHILD_REFUSED 40

static int folder;

static void reads(void)
{
    if (openat(folder, "segment", O_RDONLY | O_CLOEXEC) < 0)
        _exit(1);
    if (openat(folder, "absent", O_RDONLY | O_CLOEXEC) >= 0 || errno != ENOENT)
        _exit(2);
}

static void reads_elsewhere(void)
{
    if (openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
        _exit(1);
    if (openat(folder, "../", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0 || errno != EACCES)
        _exit(2);
}

/* Comes back where sanitizers want a refusal instead of an end. */
static void must_be_refused(int fd)
{
    _exit(fd < 0 && (errno == EPERM || errno == EACCES) ? CHILD_REFUSED : 1);
}

static void writes(void)
{
    must_be_refused(openat(folder, "segment", O_RDWR | O_CLOEXEC));
}

static void creates(void)
{
    must_be_refused(openat(folder, "other", O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void truncates(void)
{
    must_be_refused(openat(folder, "segment", O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static const enum th_role roles[] = {TH_ROLE_QUERY, TH_ROLE_RECALL};

/* The wait status of a process that does it in the role. */
static int in_role(enum th_role role, void (*what)(void))
{
    const struct th_role_folder folders = {.fd = folder};
    const struct th_lock_options options = {.folders = &folders, .folder_count = 1};
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (th_role_lock_with(role, &options) != 0)
            _exit(42);
        what();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool was_stopped(int status)
{
    return (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) ||
        (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_REFUSED);
}

static void test_reads_its_folder(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(roles); i++)
        assert_int_equal(in_role(roles[i], reads), 0);
}

static void test_reads_nothing_else(void **state)
{
    (void)state;
    if (th_landlock_abi() == 0)
        print_message("# no Landlock in this kernel: nothing to test\n");
    for (size_t i = 0; th_landlock_abi() > 0 && i < TH_ARRAY_LEN(roles); i++)
        assert_int_equal(in_role(roles[i], reads_elsewhere), 0);
}

static void test_writes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < TH_ARRAY_LEN(roles); i++) {
        assert_true(was_stopped(in_role(roles[i], writes)));
        assert_true(was_stopped(in_role(roles[i], creates)));
        assert_true(was_stopped(in_role(roles[i], truncates)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_its_folder),
        cmocka_unit_test(test_reads_nothing_else),
        cmocka_unit_test(test_writes_nothing),
    };
    char dir[] = "/tmp/thymus-folder-XXXXXX";
    if (!mkdtemp(dir) || chmod(dir, 0755) < 0)
        return 1;
    folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(folder, "segment", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    close(fd);
    unlinkat(folder, "segment", 0);
    close(folder);
    rmdir(dir);
    return failed;
}
