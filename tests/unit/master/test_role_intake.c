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

static void tell_key(struct role *r, const struct sensor *s)
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
    assert_int_equal(m.id, 77);
    assert_int_equal(th_cur_le64(&c), 1); /* behind the summary */
    assert_int_equal(th_cur_le32(&c), 0);
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
    tell_key(&r, &s);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_life_and_the_next),
    };
    return cmocka_run_group_tests_name("master/role_intake", tests, setup, teardown);
}
