/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of a daemon lasts until the last process that holds its file is gone. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "lock.h"

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int open_folder(char *path)
{
    assert_non_null(mkdtemp(path));
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder >= 0);
    return folder;
}

/* A role of a daemon that was killed: it lives until the pipe is closed. */
static pid_t begin_role(int until)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char c;
        _exit(read(until, &c, 1) == 0 ? 0 : 1);
    }
    return pid;
}

static void test_held_by_a_role_that_is_left(void **state)
{
    (void)state;
    char path[] = "/tmp/thymus-lock-XXXXXX";
    int folder = open_folder(path);
    int pipe_fds[2];
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    int lock = th_lock_take(folder, "lock");
    assert_true(lock >= 0);
    int64_t began_ms = clock_ms();
    pid_t end = fork(); /* closes the pipe's other end a while later */
    if (end == 0) {
        close(pipe_fds[0]);
        close(lock);
        usleep(300000);
        _exit(0);
    }
    close(pipe_fds[1]);
    pid_t role = begin_role(pipe_fds[0]);
    close(lock); /* the daemon dies */
    int again = th_lock_take(folder, "lock");
    assert_true(again >= 0);
    assert_true(clock_ms() - began_ms >= 250); /* it was waited for */
    assert_int_equal(waitpid(end, NULL, 0), end);
    assert_int_equal(waitpid(role, NULL, 0), role);
    assert_int_equal(th_lock_take(folder, "lock"), -EBUSY);
    close(again);
    close(pipe_fds[0]);
    unlinkat(folder, "lock", 0);
    rmdir(path);
    close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_held_by_a_role_that_is_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
