/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "priv/progress.h"
#include "priv/spawn.h"

static char dir[] = "/tmp/thymus-handoff-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
    return p;
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    FILE *f = fopen(in_dir("a"), "w");
    fputs("content of a", f);
    return fclose(f) || mkfifo(in_dir("fifo"), 0600) || mkdir(in_dir("folder"), 0700);
}

static int teardown(void **state)
{
    (void)state;
    unlink(in_dir("a"));
    unlink(in_dir("fifo"));
    rmdir(in_dir("folder"));
    return rmdir(dir);
}

/* The role's side, in a child: exit status says which step failed. */
static void role(int fd)
{
    struct th_handoff *h = NULL;
    char text[64] = "";
    if (th_handoff_attach(fd, &h) != 0)
        _exit(1);
    if (th_handoff_count(h) != 6 || strstr(th_handoff_name(h, 0), "/a") == NULL ||
        th_handoff_name(h, 6) != NULL)
        _exit(2);
    for (int round = 0; round < 2; round++) { /* a file can be taken again */
        int f = th_handoff_open(h, 0);
        if (f < 0 || read(f, text, sizeof(text)) != 12 || memcmp(text, "content of a", 12) != 0)
            _exit(3);
        if ((fcntl(f, F_GETFD) & FD_CLOEXEC) == 0 || (fcntl(f, F_GETFL) & O_NONBLOCK) != 0)
            _exit(4);
        close(f);
    }
    if (th_handoff_open(h, 1) != -ENOENT || th_handoff_open(h, 2) != -ENODEV ||
        th_handoff_open(h, 3) != -EISDIR || th_handoff_open(h, 4) != -ENODEV)
        _exit(5);
    int in = th_handoff_open(h, 5);
    if (in < 0 || th_handoff_open(h, 5) != -EBUSY)
        _exit(6);
    if (th_handoff_open(h, 6) != -EINVAL)
        _exit(7);
    th_handoff_detach(h);
    _exit(0);
}

static void test_files_are_handed_over(void **state)
{
    (void)state;
    const char *paths[] = {
        in_dir("a"), in_dir("missing"), in_dir("fifo"), in_dir("folder"), "/dev/null", "-"};
    struct th_handoff_server *s = NULL;
    int role_fd = -1;
    int p[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(dup2(p[0], STDIN_FILENO), STDIN_FILENO); /* a pipe: can be taken once */
    assert_int_equal(th_handoff_new(paths, TH_ARRAY_LEN(paths), &s, &role_fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(th_handoff_server_fd(s));
        role(role_fd);
    }
    close(role_fd);
    int r;
    while ((r = th_handoff_serve(s)) == 0)
        usleep(1000);
    assert_int_equal(r, -EPIPE);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(WIFEXITED(status));
    th_handoff_free(s);
}

static void test_thousands_of_names_travel(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    const char **paths = th_xcalloc(COUNT, sizeof(*paths));
    for (int i = 0; i < COUNT; i++)
        paths[i] = "/a/rather/long/path/of/which/the/list/outgrows/any/socket/buffer";
    struct th_handoff_server *s = NULL;
    struct th_handoff *h = NULL;
    int role_fd = -1;
    assert_int_equal(th_handoff_new(paths, COUNT, &s, &role_fd), 0);
    assert_int_equal(th_handoff_attach(role_fd, &h), 0);
    assert_int_equal(th_handoff_count(h), COUNT);
    assert_string_equal(th_handoff_name(h, COUNT - 1), paths[0]);
    th_handoff_detach(h);
    th_handoff_free(s);
    free(paths);
}

static void test_progress_records(void **state)
{
    (void)state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    struct th_progress out = {
        .input = 7, .done = true, .status = 3, .bytes = 1u << 20, .events = 5};
    snprintf(out.text, sizeof(out.text), "bad\033[31m name");
    th_progress_put(p[1], &out);
    close(p[1]);
    struct th_progress in;
    assert_int_equal(th_progress_get(p[0], &in), 1);
    assert_int_equal(in.input, 7);
    assert_true(in.done);
    assert_int_equal(in.status, 3);
    assert_int_equal(in.bytes, 1u << 20);
    assert_int_equal(in.events, 5);
    assert_string_equal(in.text, "bad?[31m name");
    assert_int_equal(th_progress_get(p[0], &in), 0);
    close(p[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_handed_over),
        cmocka_unit_test(test_thousands_of_names_travel),
        cmocka_unit_test(test_progress_records),
    };
    return cmocka_run_group_tests_name("priv/handoff", tests, setup, teardown);
}
