/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role intake as a process, locked, with the other roles' ends of its edges in our hands: a sensor
 * is made known, sends, is answered; the role is killed and started again over the same log.
 */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "intake_world.h"
#include "messages.h"
#include "priv/edge.h"
#include "priv/spawn.h"

#define WAIT_MS 10000
#define NOBODY 65534u

struct role {
    pid_t pid;
    int parent;
    struct th_ipc *gateway, *state, *core;
};

static char dir[] = "/tmp/thymus-intake-XXXXXX";

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(dir))
        return -1;
    return getuid() == 0 ? chown(dir, NOBODY, NOBODY) : 0;
}

static int teardown(void **state)
{
    (void)state;
    TH_AUTOFREE char *line = th_xasprintf("rm -rf %s", dir);
    return system(line);
}

static void pair(int type, int ret[2])
{
    assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ret), 0);
}

static struct role start(void)
{
    const char *program = getenv("THYMUS_MASTER");
    static const char *const args[] = {"--instance-name", "test", "--instance-id",
        "1122334455667788", "--uid", "65534", "--gid", "65534", "--log-level", "warn",
        "--log-bytes", "100000000", NULL};
    int parent[2];
    int gateway[2];
    int state[2];
    int core[2];
    assert_non_null(program);
    pair(SOCK_SEQPACKET, parent);
    pair(SOCK_STREAM, gateway);
    pair(SOCK_STREAM, state);
    pair(SOCK_STREAM, core);
    int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct th_role_fd fds[] = {{parent[1], "parent"}, {gateway[1], "gateway"},
        {state[1], "state"}, {core[1], "core"}, {folder, "log"}};
    struct role r = {.parent = parent[0],
        .gateway = th_ipc_new(gateway[0], 0),
        .state = th_ipc_new(state[0], 0),
        .core = th_ipc_new(core[0], 0)};
    assert_int_equal(th_spawn(program, "intake", fds, TH_ARRAY_LEN(fds), args, &r.pid), 0);
    for (size_t i = 0; i < TH_ARRAY_LEN(fds); i++)
        close(fds[i].fd);
    return r;
}

static void forget(struct role *r)
{
    th_ipc_free(r->gateway);
    th_ipc_free(r->state);
    th_ipc_free(r->core);
    close(r->parent);
}

/* The next message of this type. */
static struct th_ipc_message await(struct th_ipc *c, uint16_t type)
{
    for (;;) {
        struct th_ipc_message m;
        int got = th_ipc_receive(c, &m);
        assert_true(got >= 0);
        if (got == 1 && m.type == type)
            return m;
        struct pollfd p = {.fd = th_ipc_fd(c), .events = POLLIN};
        if (got == 0)
            assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    }
}

static uint64_t await_head(struct role *r, uint64_t at_least)
{
    for (;;) {
        struct th_ipc_message m = await(r->core, TH_MSG_HEAD);
        struct th_cur c = th_cur_init(m.body.p, m.body.len);
        uint64_t head = th_cur_le64(&c);
        assert_false(c.failed);
        if (head >= at_least)
            return head;
    }
}

/* Position of the control that made the sensor known. */
static uint64_t make_known(struct role *r, const struct sensor *s)
{
    uint8_t key[TH_SIGN_PUBLIC_BYTES];
    char text[TH_BASE64URL_ROOM(TH_SIGN_PUBLIC_BYTES)];
    th_sign_key_public(&s->key, key);
    th_base64url(key, sizeof(key), text);
    TH_AUTOFREE char *json =
        th_xasprintf("{\"type\":\"sensor\",\"id\":\"%016" PRIx64
                     "\",\"name\":\"s\",\"key\":\"%s\",\"status\":\"authorised\",\"followers\":[]}",
            s->id, text);
    assert_int_equal(th_ipc_send(r->state, TH_MSG_CONTROL, 77, th_str_c(json)), 0);
    struct th_ipc_message m = await(r->state, TH_MSG_DONE);
    struct th_cur c = th_cur_init(m.body.p, m.body.len);
    uint64_t position = th_cur_le64(&c);
    assert_int_equal(m.id, 77);
    assert_int_equal(th_cur_le32(&c), 0);
    return position;
}

static void assert_answer(struct role *r, struct th_str envelope, uint64_t id, const char *body)
{
    assert_int_equal(th_ipc_send(r->gateway, TH_MSG_BATCH, id, envelope), 0);
    struct th_ipc_message m = await(r->gateway, TH_MSG_ANSWER);
    struct th_cur c = th_cur_init(m.body.p, m.body.len);
    assert_int_equal(m.id, id);
    assert_int_equal(th_cur_le16(&c), 200);
    assert_int_equal(th_cur_le16(&c), 0);
    assert_view_is(th_cur_bytes(&c, th_cur_left(&c)), body);
}

static void await_status(struct role *r, const char *text)
{
    static uint8_t storage[TH_PARENT_MAX_BYTES];
    enum th_parent_msg type;
    char name[64];
    struct th_str bytes;
    int fd;
    for (;;) {
        struct pollfd p = {.fd = r->parent, .events = POLLIN};
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        assert_int_equal(th_parent_receive(r->parent, storage, &type, name, &bytes, &fd), 1);
        assert_int_equal(type, TH_PARENT_STATUS);
        if (memmem(bytes.p, bytes.len, text, strlen(text)))
            return;
    }
}

static void test_a_life_and_the_next(void **state)
{
    (void)state;
    static struct world w;
    struct sensor s = sensor_new(5);
    struct th_buf one TH_AUTOBUF = TH_BUF_INIT;
    struct th_buf two TH_AUTOBUF = TH_BUF_INIT;
    int status;
    w.now.wall_ns = BEGIN_NS;
    make_envelope(&w, &s, (struct made){.sequence = 0, .replay = true}, &one);
    make_envelope(&w, &s, (struct made){.sequence = 1, .replay = true}, &two);
    struct role r = start();
    assert_int_equal(make_known(&r, &s), 1); /* behind the summary */
    assert_answer(&r, th_buf_view(&one), 1, "{\"epoch\":7,\"next\":1}");
    assert_true(await_head(&r, 3) >= 3);
    await_status(&r, "\"batches\":1,");
    /* A follower that goes does not end it. */
    th_ipc_free(r.core);
    assert_answer(&r, th_buf_view(&one), 2, "{\"epoch\":7,\"next\":1}");
    r.core = th_ipc_new(open("/dev/null", O_RDWR | O_CLOEXEC), 0);
    assert_int_equal(kill(r.pid, SIGKILL), 0);
    assert_int_equal(waitpid(r.pid, &status, 0), r.pid);
    forget(&r);

    r = start();
    assert_true(await_head(&r, 3) >= 3);
    assert_answer(&r, th_buf_view(&one), 3, "{\"epoch\":7,\"next\":1}");
    assert_answer(&r, th_buf_view(&two), 4, "{\"epoch\":7,\"next\":2}");
    assert_int_equal(th_parent_send(r.parent, TH_PARENT_STOP, "", th_str_c(""), -1), 0);
    assert_int_equal(waitpid(r.pid, &status, 0), r.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    forget(&r);
}

/* ---- killed again and again ---- */

#define KILLS 12u
#define IN_FLIGHT 4u

/* "next" of the answers that came so far. */
static uint64_t take_answers(struct role *r, uint64_t next, unsigned wait_ms)
{
    struct th_ipc_message m;
    struct pollfd p = {.fd = th_ipc_fd(r->gateway), .events = POLLIN};
    if (poll(&p, 1, (int)wait_ms) <= 0) {
        assert_true(wait_ms < WAIT_MS);
        return next;
    }
    while (th_ipc_receive(r->gateway, &m) == 1) {
        TH_AUTOFREE char *text = th_xasprintf("%.*s", (int)m.body.len - 4, m.body.p + 4);
        const char *said = strstr(text, "\"next\":");
        assert_non_null(said);
        next = TH_MAX(next, strtoull(said + 7, NULL, 10));
    }
    return next;
}

struct seen {
    uint64_t next;
};

static void see(void *arg, const struct logged *l)
{
    struct seen *s = arg;
    if (l->type != TH_RECORD_BATCH || l->envelope.sensor != 6)
        return;
    assert_int_equal(l->envelope.sequence, s->next);
    s->next++;
}

static void test_killed_at_any_moment(void **state)
{
    (void)state;
    static struct world w;
    struct sensor s = sensor_new(6);
    uint64_t next = 0;
    int status;
    w.now.wall_ns = BEGIN_NS;
    for (unsigned life = 0; life <= KILLS; life++) {
        struct role r = start();
        if (life == 0)
            make_known(&r, &s);
        unsigned rounds = life == KILLS ? 1 : 1 + (unsigned)(th_mix64(life) % 8);
        for (unsigned round = 0; round < rounds; round++) {
            for (unsigned i = 0; i < IN_FLIGHT; i++) {
                struct th_buf bytes TH_AUTOBUF = TH_BUF_INIT;
                uint64_t sequence = next + (i ^ 1); /* pairs swapped */
                make_envelope(&w, &s, (struct made){.sequence = sequence, .replay = true}, &bytes);
                assert_int_equal(
                    th_ipc_send(r.gateway, TH_MSG_BATCH, sequence, th_buf_view(&bytes)), 0);
            }
            uint64_t want = next + IN_FLIGHT;
            unsigned last_ms = (unsigned)(th_mix64(life * 10) % 7); /* before the kill */
            bool is_last = round + 1 == rounds && life < KILLS;
            while (next < want) {
                next = take_answers(&r, next, is_last ? last_ms : WAIT_MS);
                if (is_last)
                    break;
            }
        }
        assert_int_equal(kill(r.pid, SIGKILL), 0);
        assert_int_equal(waitpid(r.pid, &status, 0), r.pid);
        forget(&r);
    }
    struct th_io io;
    struct seen seen = {0};
    uint64_t first;
    uint64_t end;
    uint64_t epoch;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    th_io_folder(&io, &fd);
    assert_int_equal(th_journal_extent(&io, &first, &end, &epoch), 0);
    walk_log(&io, end, see, &seen);
    assert_true(seen.next >= next); /* what was answered is there, once */
    assert_true(next > KILLS * 2);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_life_and_the_next),
        cmocka_unit_test(test_killed_at_any_moment),
    };
    return cmocka_run_group_tests_name("master/role_intake", tests, setup, teardown);
}
