/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role core as a daemon's parent starts it, in its sandbox, over a log on the disk. The test is its
 * parent, intake, store and seal; it kills it, takes its edges away, refuses what it sends, and
 * holds what it tells against core over the same log in one undisturbed run.
 */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cursor.h"
#include "live_run.h"
#include "messages.h"
#include "priv/edge.h"
#include "role_files.h"

enum { INTAKE, STORE, SEAL, PEERS };
static const char *const names[PEERS] = {"intake", "store", "seal"};
enum { NOBODY = 65534, LIMIT_S = 30 };

static struct live_events events;
static struct live_log plain;
static struct live_result undisturbed;
static char root[64];

struct role {
    pid_t pid;
    int parent;
    struct th_ipc *peers[PEERS];
    int log, checkpoints;
    uint64_t applied, saved;
    unsigned findings, metrics;
    char status[4096];
    struct live_result *result;
    bool refuse_first; /* the first findings are answered by an error */
    bool seal_hangs;   /* metrics are neither taken nor answered */
};

static int now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int)t.tv_sec;
}

static int folder(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    if (mkdir(path, 0700) == 0 && geteuid() == 0)
        assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static int chown_one(void *arg, const char *name)
{
    return fchownat(*(const int *)arg, name, NOBODY, NOBODY, 0) < 0 ? -errno : 0;
}

static int make_plain(void **state)
{
    (void)state;
    static const char *const attacks[] = {"beacon@+30m:period=20s", "scan@+1h20m", NULL};
    static int log_fd;
    static struct th_io io;
    snprintf(root, sizeof(root), "/tmp/thymus-test-core-XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(chmod(root, 0711), 0);
    log_fd = folder("log");
    th_io_folder(&io, &log_fd);
    struct live_log_options options = {.io = &io};
    struct live_run_options one = {.shards = 1};
    live_events_make(&events, 21, 20, 3, attacks);
    live_log_make(&plain, &events, &options);
    if (geteuid() == 0)
        assert_int_equal(io.list(io.arg, chown_one, &log_fd), 0);
    live_run(&plain, &one, &undisturbed);
    return 0;
}

static void remove_folder(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(path);
}

static int drop_plain(void **state)
{
    (void)state;
    live_result_done(&undisturbed);
    live_log_done(&plain);
    live_events_done(&events);
    remove_folder("log");
    remove_folder("checkpoints");
    return rmdir(root);
}

/* ---- its parent ---- */

static struct th_ipc *connect_peer(int *ret_role_fd)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    *ret_role_fd = pair[1];
    return th_ipc_new(pair[0], 0);
}

static void start(struct role *r, const char *shards)
{
    struct th_role_files files = {0};
    int pair[2];
    const char *args[] = {"--instance-name", "test", "--instance-id", "0000000000000001", "--uid",
        "0", "--gid", "0", "--log-level", "error", "--live", "--shards", shards, NULL};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    r->parent = pair[0];
    th_role_files_add(&files, "parent", pair[1]);
    for (unsigned i = 0; i < PEERS; i++) {
        int fd;
        r->peers[i] = connect_peer(&fd);
        th_role_files_add(&files, names[i], fd);
    }
    th_role_files_add(&files, "log", folder("log"));
    th_role_files_add(&files, "checkpoints", folder("checkpoints"));
    assert_int_equal(th_role_files_models(&files, MODELS), 0);
    assert_int_equal(th_role_files_open(&files, "prior", MODELS "/prior.bin", false), 0);
    assert_int_equal(th_spawn(PROGRAM, "core", files.v, files.count, args, &r->pid), 0);
    th_role_files_done(&files);
}

static void say_head(struct role *r, uint64_t head)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, head);
    th_buf_le64(&body, 0);
    assert_int_equal(th_ipc_send(r->peers[INTAKE], TH_MSG_HEAD, 0, th_buf_view(&body)), 0);
}

static void answer(struct role *r, unsigned peer, uint64_t id, int err)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, 0);
    th_buf_le32(&body, (uint32_t)err);
    (void)!th_ipc_send(r->peers[peer], TH_MSG_DONE, id, th_buf_view(&body));
}

static void take(struct role *r, unsigned peer, const struct th_ipc_message *m)
{
    struct th_cur c = th_cur_init(m->body.p, m->body.len);
    switch (m->type) {
    case TH_MSG_APPLIED: r->applied = th_cur_le64(&c); break;
    case TH_MSG_SAVED: r->saved = th_cur_le64(&c); break;
    case TH_MSG_FINDINGS:
        if (r->refuse_first && r->findings++ == 0) {
            answer(r, peer, m->id, -ENOSPC);
            break;
        }
        live_result_take_lines(r->result, 0, m->body);
        answer(r, peer, m->id, 0);
        break;
    case TH_MSG_METRICS: {
        int64_t epoch_ns = (int64_t)th_cur_le64(&c);
        r->metrics++;
        if (r->seal_hangs)
            break;
        live_result_take_rows(r->result, epoch_ns, th_str_n(m->body.p + 8, m->body.len - 8));
        answer(r, peer, m->id, 0);
        break;
    }
    default: fail_msg("message %u", m->type);
    }
}

static void take_status(struct role *r)
{
    uint8_t storage[TH_PARENT_MAX_BYTES];
    enum th_parent_msg type;
    char name[64];
    struct th_str bytes;
    int fd;
    while (th_parent_receive(r->parent, storage, &type, name, &bytes, &fd) > 0)
        if (type == TH_PARENT_STATUS)
            snprintf(r->status, sizeof(r->status), "%.*s", (int)bytes.len, bytes.p);
}

/* Takes what comes for a moment. */
static void turn(struct role *r)
{
    struct pollfd fds[PEERS + 1];
    struct th_ipc_message m;
    for (unsigned i = 0; i < PEERS; i++)
        fds[i] =
            (struct pollfd){.fd = th_ipc_fd(r->peers[i]), .events = th_ipc_events(r->peers[i])};
    fds[PEERS] = (struct pollfd){.fd = r->parent, .events = POLLIN};
    poll(fds, PEERS + 1, 20);
    take_status(r);
    for (unsigned i = 0; i < PEERS; i++) {
        while (th_ipc_receive(r->peers[i], &m) > 0)
            take(r, i, &m);
        (void)!th_ipc_flush(r->peers[i]);
    }
}

static void turn_until(struct role *r, uint64_t applied)
{
    for (int end = now_s() + LIMIT_S; r->applied < applied && now_s() < end;)
        turn(r);
    if (r->applied < applied)
        print_message("# at %llu of %llu; %s\n", (unsigned long long)r->applied,
            (unsigned long long)applied, r->status);
    assert_true(r->applied >= applied);
}

static void disconnect(struct role *r)
{
    for (unsigned i = 0; i < PEERS; i++)
        th_ipc_free(r->peers[i]);
    close(r->parent);
}

static void kill_it(struct role *r)
{
    assert_int_equal(kill(r->pid, SIGKILL), 0);
    assert_int_equal(waitpid(r->pid, NULL, 0), r->pid);
    disconnect(r);
    r->applied = 0;
}

static void stop_it(struct role *r)
{
    int status;
    /* All is told when it has saved. */
    assert_int_equal(th_parent_send(r->parent, TH_PARENT_STOP, "", th_str_c(""), -1), 0);
    for (int end = now_s() + LIMIT_S; waitpid(r->pid, &status, WNOHANG) == 0;) {
        turn(r);
        if (now_s() > end)
            kill(r->pid, SIGKILL);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    turn(r);
    disconnect(r);
}

/* Until it says that it has applied all and that all it told was taken. */
static void settle(struct role *r)
{
    char position[64];
    snprintf(position, sizeof(position), "\"position\":%llu,", (unsigned long long)r->applied);
    r->status[0] = '\0';
    for (int end = now_s() + LIMIT_S;
         !strstr(r->status, position) || !strstr(r->status, "\"outbox_bytes\":0,");) {
        turn(r);
        assert_true(now_s() <= end);
    }
}

static void assert_undisturbed(const struct live_result *r)
{
    TH_AUTOFREE char *difference = live_result_differ(&undisturbed, r);
    if (difference)
        print_message("# %s\n", difference);
    assert_null(difference);
}

/* ---- */

static void test_tells_all_and_goes_on(void **state)
{
    (void)state;
    struct live_result result = {0};
    struct role r = {.result = &result, .refuse_first = true};
    start(&r, "1");
    say_head(&r, plain.next / 2);
    turn_until(&r, plain.next / 2);
    say_head(&r, plain.next);
    turn_until(&r, plain.next);
    settle(&r);
    assert_non_null(strstr(r.status, "\"counters\""));
    assert_non_null(strstr(r.status, "\"problems\":["));
    stop_it(&r);
    assert_undisturbed(&result);
    /* Begun again it knows where it was, and has nothing to tell. */
    struct live_result none = {0};
    struct role again = {.result = &none};
    start(&again, "2");
    say_head(&again, plain.next);
    turn_until(&again, plain.next);
    settle(&again);
    assert_int_equal(again.saved, plain.next);
    stop_it(&again);
    assert_int_equal(none.n, 0);
    live_result_done(&result);
    live_result_done(&none);
    remove_folder("checkpoints");
}

static void test_killed_again_and_again(void **state)
{
    (void)state;
    for (unsigned shards = 1; shards <= 2; shards++) {
        struct live_result result = {0};
        struct role r = {.result = &result};
        for (unsigned i = 1; i <= 5; i++) {
            start(&r, shards == 1 ? "1" : "2");
            say_head(&r, plain.next * i / 6);
            turn_until(&r, plain.next * i / 6 - 11 * i);
            kill_it(&r);
        }
        start(&r, shards == 1 ? "1" : "2");
        say_head(&r, plain.next);
        turn_until(&r, plain.next);
        settle(&r);
        assert_true(r.saved > 0);
        stop_it(&r);
        assert_undisturbed(&result);
        live_result_done(&result);
        remove_folder("checkpoints");
    }
}

/* It reads on, but no checkpoint is ahead of what seal has: killed then, it tells that again. */
static void test_seal_hangs(void **state)
{
    (void)state;
    struct live_result result = {0};
    struct role r = {.result = &result, .seal_hangs = true};
    start(&r, "1");
    say_head(&r, plain.next);
    turn_until(&r, plain.next);
    assert_int_equal(r.metrics, 1); /* one is under way, others wait behind it */
    assert_true(r.saved < plain.next);
    kill_it(&r);
    r.seal_hangs = false;
    start(&r, "1");
    say_head(&r, plain.next);
    turn_until(&r, plain.next);
    settle(&r);
    stop_it(&r);
    assert_int_equal(r.saved, plain.next);
    assert_undisturbed(&result);
    live_result_done(&result);
    remove_folder("checkpoints");
}

/* Store and seal die: what they had not taken is sent to the next ones. */
static void test_edges_made_anew(void **state)
{
    (void)state;
    struct live_result result = {0};
    struct live_result lost = {0};
    struct role r = {.result = &lost};
    start(&r, "1");
    say_head(&r, plain.next);
    turn(&r);
    for (unsigned i = 0; i < PEERS; i++) {
        int fd;
        th_ipc_free(r.peers[i]);
        r.peers[i] = connect_peer(&fd);
        r.result = &result;
        /* What was taken before is known; only what was not answered comes again. */
        assert_int_equal(th_parent_send(r.parent, TH_PARENT_EDGE, names[i], th_str_c(""), fd), 0);
        close(fd);
    }
    say_head(&r, plain.next);
    turn_until(&r, plain.next);
    settle(&r);
    stop_it(&r);
    for (size_t i = 0; i < undisturbed.n; i++)
        assert_true(live_result_find(&result, undisturbed.v[i].key) ||
            live_result_find(&lost, undisturbed.v[i].key));
    live_result_done(&result);
    live_result_done(&lost);
    remove_folder("checkpoints");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges_made_anew),
        cmocka_unit_test(test_tells_all_and_goes_on),
        cmocka_unit_test(test_seal_hangs),
        cmocka_unit_test(test_killed_again_and_again),
    };
    return cmocka_run_group_tests(tests, make_plain, drop_plain);
}
