/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supervisor over two real roles (this program again, with --role): they talk over their edge,
 * one is killed, both find each other again, and all end when told to. The roles tell by a pipe
 * what they see, one line each.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "priv/edge.h"
#include "supervise.h"

enum { MSG_PING = 1, PATIENCE_MS = 20000 };

/* ---- the roles ---- */

static void tell(int out, const char *role, const char *what, unsigned n)
{
    char line[64];
    int len = snprintf(line, sizeof(line), "%s %s %u\n", role, what, n);
    ssize_t put = write(out, line, (size_t)len); /* below PIPE_BUF: whole */
    (void)put;
}

/* Sends a ping each turn and tells of the first that comes in each generation. */
static int run_role(const char *role, const char *other)
{
    struct th_inherited in;
    const char *const names[] = {other};
    unsigned told = 0;
    signal(SIGPIPE, SIG_IGN);
    if (th_inherit(&in) < 0)
        return 1;
    int out = th_inherit_get(&in, "out", 0);
    struct th_edges *e = th_edges_new(&in, names, 1);
    tell(out, role, "pid", (unsigned)getpid());
    while (!th_edges_stopping(e)) {
        struct th_ipc_message m;
        int sent = th_edges_send(e, 0, MSG_PING, 7, th_str_c("hello"));
        (void)sent;
        if (th_edges_wait(e, NULL, 0, 20) < 0)
            return 1;
        th_edges_status(e, th_str_c("{\"counters\":{}}"));
        while (th_edges_receive(e, 0, &m) > 0) {
            if (m.type != MSG_PING || m.id != 7 || !th_str_is(m.body, "hello"))
                return 1;
            if (told != th_edges_generation(e, 0))
                tell(out, role, "heard", told = th_edges_generation(e, 0));
        }
        const char *name;
        struct th_str json;
        while (th_edges_role_status(e, &name, &json))
            if (strcmp(name, "b") == 0 && json.len > 0)
                tell(out, role, "status", 1);
    }
    tell(out, role, "stopped", 0);
    th_edges_free(e);
    return 0;
}

/* ---- the test ---- */

struct scene {
    pid_t supervisor;
    int lines;
    char text[1 << 16];
    size_t len;
};

static pid_t start_supervisor(int out)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct th_role_fd fd = {.fd = out, .tag = "out"};
    struct th_role_spec roles[] = {
        {.name = "a", .program = "/proc/self/exe", .fds = &fd, .fd_count = 1},
        {.name = "b", .program = "/proc/self/exe", .fds = &fd, .fd_count = 1},
    };
    struct th_edge_spec edges[] = {{"a", "b"}};
    struct th_supervise_config config = {
        .roles = roles, .role_count = 2, .edges = edges, .edge_count = 1, .status_to = "a"};
    _exit(th_supervise(&config));
}

/* Waits until the text so far contains what is wanted n times. */
static void wait_for(struct scene *s, const char *wanted, unsigned n)
{
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 20) {
        unsigned found = 0;
        for (const char *p = s->text; (p = strstr(p, wanted)); p++)
            found++;
        if (found >= n)
            return;
        struct pollfd p = {.fd = s->lines, .events = POLLIN};
        if (poll(&p, 1, 20) > 0 && s->len + 1 < sizeof(s->text)) {
            ssize_t got = read(s->lines, s->text + s->len, sizeof(s->text) - 1 - s->len);
            if (got > 0)
                s->text[s->len += (size_t)got] = 0;
        }
    }
    fail_msg("\"%s\" did not come %u times; what came:\n%s", wanted, n, s->text);
}

static pid_t last_pid(const struct scene *s, const char *role)
{
    char wanted[16];
    unsigned long pid = 0;
    snprintf(wanted, sizeof(wanted), "%s pid ", role);
    for (const char *p = s->text; (p = strstr(p, wanted)); p++)
        pid = strtoul(p + strlen(wanted), NULL, 10);
    return (pid_t)pid;
}

static void roles_find_each_other_again(void **state)
{
    struct scene *s = *state;
    int status;
    wait_for(s, "a heard 1", 1);
    wait_for(s, "b heard 1", 1);
    wait_for(s, "a status 1", 1);
    assert_int_equal(kill(last_pid(s, "b"), SIGKILL), 0);
    wait_for(s, "b pid", 2);
    wait_for(s, "a heard 2", 1);
    wait_for(s, "b heard 1", 2);
    assert_int_equal(kill(last_pid(s, "a"), SIGKILL), 0);
    wait_for(s, "a heard 1", 2);
    wait_for(s, "b heard 2", 1);
    assert_int_equal(kill(s->supervisor, SIGTERM), 0);
    wait_for(s, "a stopped", 1);
    wait_for(s, "b stopped", 1);
    assert_int_equal(waitpid(s->supervisor, &status, 0), s->supervisor);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--role") == 0)
        return run_role(argv[2], strcmp(argv[2], "a") == 0 ? "b" : "a");
    static struct scene s;
    int pair[2];
    if (pipe(pair) < 0)
        return 1;
    s.lines = pair[0];
    s.supervisor = start_supervisor(pair[1]);
    close(pair[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(roles_find_each_other_again, &s)};
    return cmocka_run_group_tests_name("common/supervise", tests, NULL, NULL);
}
