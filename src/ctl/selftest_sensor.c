/* SPDX-License-Identifier: Apache-2.0 */
#include "selftest_sensor.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "priv/spawn.h"

enum { SAID_BYTES = 400, END_MS = 5000 };

static int write_file(const char *folder, const char *name, struct th_str text, char **ret_path)
{
    char *path = th_xasprintf("%s/%s", folder, name);
    TH_AUTOCLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : 0;
    for (size_t at = 0; r == 0 && at < text.len;) {
        ssize_t n = write(fd, text.p + at, text.len - at);
        if (n < 0 && errno != EINTR)
            r = -errno;
        at += n > 0 ? (size_t)n : 0;
    }
    if (r < 0)
        *ret_path = path;
    else
        free(path);
    return r;
}

/* An address that everybody is listened to on is reached by the machine's own. */
static void put_master(struct th_buf *out, const char *listen)
{
    if (strncmp(listen, "[::]:", 5) == 0)
        th_buf_printf(out, "master: \"https://[::1]:%s\"\n", listen + 5);
    else if (strncmp(listen, "0.0.0.0:", 8) == 0)
        th_buf_printf(out, "master: \"https://127.0.0.1:%s\"\n", listen + 8);
    else
        th_buf_printf(out, "master: \"https://%s\"\n", listen);
}

static int write_all(
    const struct th_selftest_sensor *s, const struct th_selftest_config *c, char **ret_path)
{
    TH_AUTOBUF struct th_buf conf = TH_BUF_INIT;
    th_buf_printf(&conf, "name: \"%s\"\nmaster_pin: \"%s\"\n", c->name, c->pin);
    put_master(&conf, c->listen);
    th_buf_printf(&conf, "token_file: \"%s/token\"\nspool: \"%s/spool\"\nstate: \"%s/state\"\n",
        s->folder, s->folder, s->folder);
    if (c->user)
        th_buf_printf(&conf, "user: \"%s\"\n", c->user);
    int r = write_file(s->folder, "vsensor.conf", th_buf_view(&conf), ret_path);
    if (r == 0)
        r = write_file(s->folder, "token", th_str_c(c->token), ret_path);
    return r < 0 ? r : write_file(s->folder, "events", c->events, ret_path);
}

/* Only what an exec needs is done in the child. */
static void run(const char *program, char *const argv[], int null, int errors)
{
    if (dup2(null, STDIN_FILENO) >= 0 && dup2(errors, STDOUT_FILENO) >= 0 &&
        dup2(errors, STDERR_FILENO) >= 0)
        execv(program, argv);
    _exit(127);
}

static int start(struct th_selftest_sensor *s, char **ret_path)
{
    char program[PATH_MAX];
    TH_AUTOFREE char *conf = th_xasprintf("%s/vsensor.conf", s->folder);
    TH_AUTOFREE char *events = th_xasprintf("%s/events", s->folder);
    TH_AUTOFREE char *said = th_xasprintf("%s/said", s->folder);
    int r = th_sibling_program("thymus-vsensor", program, sizeof(program));
    if (r < 0) {
        *ret_path = th_xstrdup("thymus-vsensor");
        return r;
    }
    char *const argv[] = {program, (char[]){"--config"}, conf, (char[]){"--feed"}, events, NULL};
    TH_AUTOCLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    TH_AUTOCLOSE int errors = open(said, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t pid = null < 0 || errors < 0 ? -1 : fork();
    if (pid == 0)
        run(program, argv, null, errors);
    if (pid < 0) {
        *ret_path = th_xstrdup(said);
        return -errno;
    }
    s->pid = pid;
    return 0;
}

int th_selftest_sensor_start(
    struct th_selftest_sensor *s, const struct th_selftest_config *config, char **ret_path)
{
    const char *tmp = getenv("TMPDIR");
    *s = (struct th_selftest_sensor){0};
    snprintf(s->folder, sizeof(s->folder), "%s/thymus-selftest-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(s->folder)) {
        int r = -errno;
        *ret_path = th_xstrdup(s->folder);
        s->folder[0] = '\0';
        return r;
    }
    int r = write_all(s, config, ret_path);
    return r < 0 ? r : start(s, ret_path);
}

int th_selftest_sensor_look(struct th_selftest_sensor *s)
{
    int status;
    pid_t r = s->pid ? waitpid(s->pid, &status, WNOHANG) : 0;
    if (r <= 0)
        return 0;
    s->pid = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : TH_E_ROLE_FAILED;
}

char *th_selftest_sensor_said(const struct th_selftest_sensor *s)
{
    char text[SAID_BYTES + 1] = "";
    TH_AUTOFREE char *path = th_xasprintf("%s/said", s->folder);
    TH_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t n =
        size > 0 ? pread(fd, text, SAID_BYTES, size > SAID_BYTES ? size - SAID_BYTES : 0) : 0;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    text[n > 0 ? n : 0] = '\0';
    const char *line = strrchr(text, '\n');
    return th_xstrdup(line ? line + 1 : text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path) < 0 ? -errno : 0;
}

void th_selftest_sensor_remove(struct th_selftest_sensor *s)
{
    const struct timespec moment = {.tv_nsec = 20000000};
    if (s->pid)
        kill(s->pid, SIGTERM);
    for (unsigned waited_ms = 0; s->pid && waited_ms < END_MS; waited_ms += 20)
        if (th_selftest_sensor_look(s) == 0)
            nanosleep(&moment, NULL);
    if (s->pid && kill(s->pid, SIGKILL) == 0)
        waitpid(s->pid, NULL, 0);
    s->pid = 0;
    if (s->folder[0] && nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "thymusctl: %s cannot be removed; remove it\n", s->folder);
    s->folder[0] = '\0';
}
