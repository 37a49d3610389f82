/* SPDX-License-Identifier: Apache-2.0 */
#include "priv/readers.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/mem.h"

static const int draw_every_ms = 200;

/* What one role has told so far. */
struct reader {
    const char *role;
    pid_t pid; /* 0: ended */
    struct th_handoff_server *handoff;
    int progress; /* -1: closed */
    struct th_progress last;
    size_t done;
};

struct th_readers {
    char **paths;
    size_t count;
    struct th_progress *results; /* an input each; `done` when one is there */
    struct reader readers[TH_READERS_MAX];
    size_t reader_count;
    bool show;
    bool drawn;
    int64_t drawn_ms;
    bool failed;
};

/* How much an answer says (enum th_source_status): a role that read an input, wholly, in part or
 * as another's copy, says more than one that could not open it, and that more than one that does
 * not know the format. */
static int rank(uint8_t status)
{
    static const uint8_t ranks[] = {3, 3, 1, 2, 3};
    return status < TH_ARRAY_LEN(ranks) ? ranks[status] : 0;
}

struct th_readers *th_readers_new(const char *const *paths, size_t count, bool show)
{
    struct th_readers *r = th_xcalloc(1, sizeof(*r));
    r->paths = th_xcalloc(count + 1, sizeof(*r->paths));
    r->results = th_xcalloc(count + 1, sizeof(*r->results));
    r->count = count;
    r->show = show;
    for (size_t i = 0; i < count; i++)
        r->paths[i] = th_xstrdup(paths[i]);
    return r;
}

void th_readers_free(struct th_readers *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->reader_count; i++) {
        struct reader *rd = &r->readers[i];
        if (rd->pid > 0) {
            kill(rd->pid, SIGKILL);
            waitpid(rd->pid, NULL, 0);
        }
        th_handoff_free(rd->handoff);
        th_closep(&rd->progress);
    }
    for (size_t i = 0; i < r->count; i++)
        free(r->paths[i]);
    free(r->paths);
    free(r->results);
    free(r);
}

int th_readers_start(struct th_readers *r, const char *program, const char *role,
    const struct th_role_fd *fds, size_t fd_count, const char *const args[])
{
    struct th_role_fd all[TH_ROLE_MAX_FDS];
    int p[2];
    if (r->reader_count == TH_READERS_MAX || fd_count + 2 > TH_ROLE_MAX_FDS)
        return -E2BIG;
    if (pipe2(p, O_CLOEXEC) < 0)
        return -errno;
    struct reader rd = {.role = role, .progress = p[0]};
    TH_AUTOCLOSE int their_progress = p[1];
    TH_AUTOCLOSE int their_handoff = -1;
    int err = th_handoff_new((const char *const *)r->paths, r->count, &rd.handoff, &their_handoff);
    if (err == 0) {
        all[0] = (struct th_role_fd){.fd = their_handoff, .tag = "handoff"};
        all[1] = (struct th_role_fd){.fd = their_progress, .tag = "progress"};
        for (size_t i = 0; i < fd_count; i++)
            all[2 + i] = fds[i];
        err = th_spawn(program, role, all, fd_count + 2, args, &rd.pid);
    }
    if (err < 0) {
        th_handoff_free(rd.handoff);
        th_closep(&rd.progress);
        return err;
    }
    r->readers[r->reader_count++] = rd;
    return 0;
}

/* ---- what they tell ---- */

static void take_record(struct th_readers *r, struct reader *rd, const struct th_progress *p)
{
    rd->last = *p;
    if (!p->done || p->input >= r->count)
        return;
    struct th_progress *best = &r->results[p->input];
    rd->done++;
    if (!best->done || rank(p->status) > rank(best->status))
        *best = *p;
}

static void read_progress(struct th_readers *r, struct reader *rd)
{
    struct th_progress p;
    int got = th_progress_get(rd->progress, &p);
    if (got > 0)
        take_record(r, rd, &p);
    else if (got != -EINTR && got != -EAGAIN)
        th_closep(&rd->progress);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* One line over the one before: "capture 3 of 12 office.pcap 1.2 GB, 340,112 events". */
static void draw(struct th_readers *r)
{
    TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
    for (size_t i = 0; i < r->reader_count; i++) {
        const struct reader *rd = &r->readers[i];
        if (rd->progress < 0)
            continue;
        const char *name = rd->last.input < r->count ? last_part(r->paths[rd->last.input]) : "";
        th_buf_printf(&line, "%s%s: %zu of %zu", line.len ? "  |  " : "", rd->role,
            TH_MIN(rd->done + 1, r->count), r->count);
        if (!rd->last.done && rd->last.bytes)
            th_buf_printf(&line, ", %.24s %.1f MB", name, (double)rd->last.bytes / 1e6);
        th_buf_printf(&line, ", %llu events", (unsigned long long)rd->last.events);
    }
    for (size_t i = 0; i < line.len; i++) /* names are the user's own, but may hold anything */
        if (line.p[i] < 0x20 || line.p[i] == 0x7f)
            line.p[i] = '?';
    fprintf(stderr, "\r\033[K%.*s", (int)TH_MIN(line.len, 110u), (const char *)line.p);
    r->drawn = true;
}

static void draw_when_due(struct th_readers *r)
{
    int64_t now = now_ms();
    if (!r->show || now - r->drawn_ms < draw_every_ms)
        return;
    r->drawn_ms = now;
    draw(r);
}

/* ---- the loop ---- */

static void reap(struct th_readers *r, struct reader *rd)
{
    int status;
    char text[128];
    if (rd->pid == 0 || waitpid(rd->pid, &status, 0) != rd->pid)
        return;
    rd->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    r->failed = true;
    th_exit_text(status, text, sizeof(text));
    if (r->drawn)
        fputs("\r\033[K", stderr);
    r->drawn = false;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 127)
        return; /* it ended by itself and has said why */
    const char *at = rd->last.input < r->count ? r->paths[rd->last.input] : "";
    fprintf(stderr, "the %s role %s%s%s\n", rd->role, text, *at ? ", near input " : "", at);
}

/* Waits for something to happen once; false when all roles are through. */
static bool serve_once(struct th_readers *r)
{
    struct pollfd p[2 * TH_READERS_MAX];
    struct reader *of[2 * TH_READERS_MAX];
    nfds_t n = 0;
    for (size_t i = 0; i < r->reader_count; i++) {
        struct reader *rd = &r->readers[i];
        if (rd->handoff) {
            of[n] = rd;
            p[n++] = (struct pollfd){.fd = th_handoff_server_fd(rd->handoff), .events = POLLIN};
        }
        if (rd->progress >= 0) {
            of[n] = rd;
            p[n++] = (struct pollfd){.fd = rd->progress, .events = POLLIN};
        }
    }
    if (n == 0)
        return false;
    if (poll(p, n, r->show ? draw_every_ms : -1) < 0)
        return errno == EINTR;
    for (nfds_t i = 0; i < n; i++) {
        if (p[i].revents == 0)
            continue;
        if (p[i].fd == of[i]->progress) {
            read_progress(r, of[i]);
        } else if (th_handoff_serve(of[i]->handoff) < 0) {
            th_handoff_free(of[i]->handoff);
            of[i]->handoff = NULL;
        }
    }
    return true;
}

int th_readers_run(struct th_readers *r)
{
    while (serve_once(r))
        draw_when_due(r);
    for (size_t i = 0; i < r->reader_count; i++)
        reap(r, &r->readers[i]);
    if (r->drawn)
        fputs("\r\033[K", stderr);
    r->drawn = false;
    return r->failed ? TH_E_ROLE_FAILED : 0;
}

const struct th_progress *th_readers_result(const struct th_readers *r, size_t input)
{
    return input < r->count && r->results[input].done ? &r->results[input] : NULL;
}

uint64_t th_readers_events(const struct th_readers *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->reader_count; i++)
        sum += r->readers[i].last.events;
    return sum;
}

void th_exit_text(int wait_status, char *ret, size_t bytes)
{
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 127)
        snprintf(ret, bytes, "could not be started");
    else if (WIFEXITED(wait_status))
        snprintf(ret, bytes, "ended with status %d", WEXITSTATUS(wait_status));
    else if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS)
        snprintf(ret, bytes, "was stopped: it tried what its role may not do (SIGSYS)");
    else if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL)
        snprintf(ret, bytes, "was killed (SIGKILL); memory may have run out");
    else if (WIFSIGNALED(wait_status))
        snprintf(ret, bytes, "was ended by signal %d (%s)", WTERMSIG(wait_status),
            strsignal(WTERMSIG(wait_status)));
    else
        snprintf(ret, bytes, "ended in an unknown way (%#x)", (unsigned)wait_status);
}
