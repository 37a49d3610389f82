/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real role state, locked, with its helper; parent, gateway, intake (a real journal) and
 * operator are played here. Killed at any time it comes back with all that it had answered.
 */
#include "unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cursor.h"
#include "base/io.h"
#include "base/time.h"
#include "crypto/totp.h"
#include "journal/journal.h"
#include "messages.h"
#include "priv/edge.h"

#define WAIT_MS 30000

struct stage {
    char folder[64];
    int state_folder, log_folder, key, listening;
    struct th_io log_io;
    struct th_journal *log;
    pid_t pid;
    int parent;
    struct th_ipc *gateway, *intake, *console;
    uint64_t next_id, saved, applied;
    char status[TH_EDGE_MAX_STATUS];
    unsigned answer_status;
    char cookies[512];
    json_t *body;
};

static int folder_in(struct stage *g, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", g->folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path, 65534, 65534), 0);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void connect_operator(struct stage *g)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/control", g->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    th_ipc_free(g->console);
    g->console = th_ipc_new(fd, 0);
}

static void start(struct stage *g)
{
    char program[512];
    static const char *const args[] = {"--instance-name", "test", "--instance-id",
        "00000000000000aa", "--uid", "65534", "--gid", "65534", "--host-name", "thymus.test", NULL};
    int parent[2];
    int gateway[2];
    int intake[2];
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, parent), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gateway), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, intake), 0);
    const struct th_role_fd fds[] = {{.fd = parent[1], .tag = "parent"},
        {.fd = gateway[1], .tag = "gateway"}, {.fd = intake[1], .tag = "intake"},
        {.fd = g->state_folder, .tag = "state"}, {.fd = g->log_folder, .tag = "log"},
        {.fd = g->key, .tag = "instance-key"}, {.fd = g->listening, .tag = "control"}};
    snprintf(program, sizeof(program), "%s/thymus-master", getenv("THYMUS_BIN"));
    assert_int_equal(th_spawn(program, "state", fds, TH_ARRAY_LEN(fds), args, &g->pid), 0);
    close(parent[1]);
    close(gateway[1]);
    close(intake[1]);
    g->parent = parent[0];
    g->gateway = th_ipc_new(gateway[0], 0);
    g->intake = th_ipc_new(intake[0], 0);
    connect_operator(g);
}

static void end(struct stage *g, int how)
{
    int status;
    if (how)
        kill(g->pid, how);
    else
        assert_int_equal(th_parent_send(g->parent, TH_PARENT_STOP, "", th_str_c(""), -1), 0);
    assert_int_equal(waitpid(g->pid, &status, 0), g->pid);
    if (how)
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == how);
    else
        assert_int_equal(status, 0);
    th_ipc_free(g->gateway);
    th_ipc_free(g->intake);
    th_ipc_free(g->console);
    g->console = NULL;
    close(g->parent);
}

static int stage_open(void **state)
{
    struct stage *g = th_xcalloc(1, sizeof(*g));
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const struct th_journal_config config = {.epoch = 1};
    signal(SIGPIPE, SIG_IGN);
    snprintf(g->folder, sizeof(g->folder), "/tmp/th-role-XXXXXX");
    assert_non_null(mkdtemp(g->folder));
    if (geteuid() == 0)
        assert_int_equal(chmod(g->folder, 0711), 0);
    g->state_folder = folder_in(g, "state");
    g->log_folder = folder_in(g, "log");
    g->key = memfd_create("key", MFD_CLOEXEC);
    assert_int_equal(write(g->key, "0123456789abcdef0123456789abcdef", 32), 32);
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/control", g->folder);
    g->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(g->listening, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(g->listening, 4), 0);
    th_io_folder(&g->log_io, &g->log_folder);
    bool root = geteuid() == 0;
    if (root) /* intake's files are its user's, which is state's too */
        assert_int_equal(seteuid(65534), 0);
    assert_int_equal(th_journal_open(&g->log_io, &config, &g->log), 0);
    if (root)
        assert_int_equal(seteuid(0), 0);
    *state = g;
    start(g);
    return 0;
}

static int stage_close(void **state)
{
    struct stage *g = *state;
    char command[128];
    th_journal_close(g->log);
    close(g->state_folder);
    close(g->log_folder);
    close(g->key);
    close(g->listening);
    json_decref(g->body);
    snprintf(command, sizeof(command), "rm -r %s", g->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder that mkdtemp named */
    free(g);
    return 0;
}

static void send_head(struct stage *g)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_le64(&b, th_journal_synced(g->log));
    th_buf_le64(&b, 0);
    assert_int_equal(th_ipc_send(g->intake, TH_MSG_HEAD, 0, th_buf_view(&b)), 0);
}

/* Intake: what comes is appended, synced, told, and answered. */
static void play_intake(struct stage *g)
{
    struct th_ipc_message m;
    while (th_ipc_receive(g->intake, &m) > 0) {
        struct th_cur c = th_cur_init(m.body.p, m.body.len);
        if (m.type == TH_MSG_SAVED)
            g->saved = th_cur_le64(&c);
        else if (m.type == TH_MSG_APPLIED)
            g->applied = th_cur_le64(&c);
        if (m.type != TH_MSG_CONTROL)
            continue;
        uint64_t position;
        uint64_t id = m.id;
        TH_AUTOBUF struct th_buf done = TH_BUF_INIT;
        assert_int_equal(
            th_journal_add(g->log, 1, 1, th_str_c("a batch that is not read"), NULL), 0);
        assert_int_equal(th_journal_add(g->log, 2, 1, m.body, &position), 0);
        assert_int_equal(th_journal_sync(g->log), 0);
        send_head(g);
        th_buf_le64(&done, position);
        th_buf_le32(&done, 0);
        assert_int_equal(th_ipc_send(g->intake, TH_MSG_DONE, id, th_buf_view(&done)), 0);
    }
}

static void play_parent(struct stage *g)
{
    static uint8_t storage[TH_PARENT_MAX_BYTES];
    enum th_parent_msg type;
    char name[64];
    struct th_str bytes;
    int fd;
    while (th_parent_receive(g->parent, storage, &type, name, &bytes, &fd) > 0)
        if (type == TH_PARENT_STATUS)
            snprintf(g->status, sizeof(g->status), "%.*s", (int)bytes.len, bytes.p);
}

/* Plays on until something comes from c, or time is up. */
static void turn(struct stage *g, struct th_ipc *c)
{
    struct pollfd fds[] = {{.fd = th_ipc_fd(c), .events = th_ipc_events(c)},
        {.fd = th_ipc_fd(g->intake), .events = th_ipc_events(g->intake)},
        {.fd = g->parent, .events = POLLIN}};
    assert_true(poll(fds, TH_ARRAY_LEN(fds), WAIT_MS) > 0);
    play_intake(g);
    play_parent(g);
    assert_int_equal(th_ipc_flush(c), 0);
}

static unsigned ask(struct stage *g, struct th_ipc *c, const char *text)
{
    TH_AUTOFREE char *json = th_xstrdup(text);
    struct th_ipc_message m;
    int r;
    for (char *p = json; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    assert_int_equal(th_ipc_send(c, TH_MSG_REQUEST, ++g->next_id, th_str_c(json)), 0);
    while ((r = th_ipc_receive(c, &m)) == 0)
        turn(g, c);
    assert_int_equal(r, 1);
    assert_int_equal(m.type, TH_MSG_ANSWER);
    assert_int_equal(m.id, g->next_id);
    struct th_cur cur = th_cur_init(m.body.p, m.body.len);
    g->answer_status = th_cur_le16(&cur);
    struct th_str cookies = th_cur_bytes(&cur, th_cur_le16(&cur));
    struct th_str body = th_cur_bytes(&cur, th_cur_left(&cur));
    assert_false(cur.failed);
    snprintf(g->cookies, sizeof(g->cookies), "%.*s", (int)cookies.len, cookies.p);
    json_decref(g->body);
    g->body = json_loadb(body.p, body.len, 0, NULL);
    return g->answer_status;
}

static const char *text(struct stage *g, const char *member)
{
    const char *s = json_string_value(json_object_get(g->body, member));
    return s ? s : "";
}

static void take_cookie(struct stage *g, const char *begin, char ret[65])
{
    const char *at = strstr(g->cookies, begin);
    assert_non_null(at);
    snprintf(ret, 65, "%s", at + strlen(begin));
}

static void unbase32(const char *s, uint8_t ret[TH_TOTP_SECRET_BYTES])
{
    uint64_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (; *s && n < TH_TOTP_SECRET_BYTES; s++) {
        bits = bits << 5 | (unsigned)(*s >= 'A' ? *s - 'A' : *s - '2' + 26);
        have += 5;
        if (have >= 8)
            ret[n++] = (uint8_t)(bits >> (have -= 8));
    }
    assert_int_equal(n, TH_TOTP_SECRET_BYTES);
}

/* The cookie of a session of a new administrator, by all the steps. */
static void log_in(struct stage *g, char ret_cookie[65])
{
    char request[512];
    char half[65];
    char code[TH_TOTP_DIGITS + 1];
    uint8_t secret[TH_TOTP_SECRET_BYTES];
    struct timespec now;
    assert_int_equal(ask(g, g->console,
                         "{'route':'ctl.user.create','body':{'name':'ann',"
                         "'role':'administrator'}}"),
        200);
    snprintf(request, sizeof(request),
        "{'route':'login','address':'192.0.2.1','body':{'user':'ann','password':'%s'}}",
        text(g, "one_time_password"));
    assert_int_equal(ask(g, g->gateway, request), 200);
    assert_string_equal(text(g, "next"), "password");
    take_cookie(g, "__Host-thymus-login=", half);
    snprintf(request, sizeof(request),
        "{'route':'login_password','address':'192.0.2.1','cookies':{'login':'%s'},"
        "'body':{'password':'correct horse battery'}}",
        half);
    assert_int_equal(ask(g, g->gateway, request), 200);
    unbase32(text(g, "secret"), secret);
    clock_gettime(CLOCK_REALTIME, &now);
    th_totp_code(secret, now.tv_sec * TH_NS_PER_S, code);
    snprintf(request, sizeof(request),
        "{'route':'login_enrol','address':'192.0.2.1','cookies':{'login':'%s'},"
        "'body':{'code':'%s'}}",
        half, code);
    assert_int_equal(ask(g, g->gateway, request), 200);
    take_cookie(g, "__Host-thymus=", ret_cookie);
}

static bool is_locked(pid_t pid)
{
    char path[64];
    char status[4096] = "";
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    TH_AUTOFCLOSE FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(status, 1, sizeof(status) - 1, f) > 0);
    return strstr(status, "Seccomp:\t2") && strstr(status, "NoNewPrivs:\t1") &&
        !strstr(status, "Uid:\t0\t");
}

static pid_t helper_of(pid_t pid)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    TH_AUTOFCLOSE FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &child), 1); /* NOLINT(cert-err34-c): the kernel's number */
    return child;
}

static void test_it_comes_back_with_what_it_answered(void **state)
{
    struct stage *g = *state;
    char cookie[65];
    char request[512];
    char token[128];
    char sensor[32];
    log_in(g, cookie);
#ifndef __SANITIZE_ADDRESS__
    assert_true(is_locked(g->pid));
    assert_true(is_locked(helper_of(g->pid)));
#endif
    assert_int_equal(
        ask(g, g->console, "{'route':'ctl.token.create','body':{'label':'site-a'}}"), 200);
    snprintf(token, sizeof(token), "%s", text(g, "token"));
    send_head(g);
    snprintf(request, sizeof(request),
        "{'route':'enrol','address':'192.0.2.9','body':{'token':'%s',"
        "'key':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA','name':'office','version':'0.1.0',"
        "'protocol':1}}",
        token);
    assert_int_equal(ask(g, g->gateway, request), 200);
    assert_string_equal(text(g, "status"), "pending");
    snprintf(sensor, sizeof(sensor), "%s", text(g, "sensor"));
    for (int i = 0; i < 3; i++) {
        end(g, SIGKILL);
        start(g);
        snprintf(request, sizeof(request),
            "{'route':'session_get','address':'192.0.2.1','cookies':{'session':'%s'}}", cookie);
        assert_int_equal(ask(g, g->gateway, request), 200);
        snprintf(request, sizeof(request),
            "{'route':'ctl.sensor.change','body':{'id':'%s','status':'%s'}}", sensor,
            i & 1 ? "revoked" : "authorised");
        send_head(g);
        assert_int_equal(ask(g, g->console, request), 200);
        assert_string_equal(text(g, "status"), i & 1 ? "revoked" : "authorised");
        assert_int_equal(g->saved, th_journal_next(g->log));
        assert_int_equal(g->applied, g->saved);
    }
    /* what stood in the log and was not read when it died is read when it is back */
    end(g, SIGKILL);
    static const char settings[] =
        "{\"type\":\"settings\",\"at_ns\":5,\"by\":\"system\",\"alerts_per_day\":3,"
        "\"approve_sensors\":false,\"time_zone\":\"UTC\",\"retention_days\":{},"
        "\"data_bytes\":2000000000}";
    assert_int_equal(th_journal_add(g->log, 2, 1, th_str_c(settings), NULL), 0);
    assert_int_equal(th_journal_sync(g->log), 0);
    start(g);
    send_head(g);
    while (g->saved < th_journal_next(g->log))
        turn(g, g->console);
    assert_int_equal(ask(g, g->console, "{'route':'ctl.settings'}"), 200);
    assert_int_equal(json_integer_value(json_object_get(g->body, "alerts_per_day")), 3);
    assert_int_equal(ask(g, g->console, "{'route':'ctl.audit.check'}"), 200);
    assert_true(json_is_true(json_object_get(g->body, "intact")));
    while (!strstr(g->status, "\"sensors_authorised\":1"))
        turn(g, g->console);
    end(g, 0);
}

static void test_without_intake_changes_are_refused(void **state)
{
    struct stage *g = *state;
    char cookie[65];
    char request[512];
    log_in(g, cookie);
    snprintf(request, sizeof(request),
        "{'route':'session_get','address':'192.0.2.1','cookies':{'session':'%s'}}", cookie);
    assert_int_equal(ask(g, g->gateway, request), 200);
    shutdown(th_ipc_fd(g->intake), SHUT_RDWR);
    assert_int_equal(ask(g, g->console,
                         "{'route':'ctl.settings.set','body':{'alerts_per_day':3,'approve_sensors':"
                         "true,'time_zone':'UTC','retention_days':{},'data_bytes':2000000000}}"),
        503);
    assert_int_equal(ask(g, g->gateway, request), 200); /* it lives */
    /* and garbage from a peer does not end it */
    assert_int_equal(th_ipc_send(g->gateway, TH_MSG_CANCEL, 7, th_str_c("")), 0);
    assert_int_equal(th_ipc_send(g->gateway, 9999, 7, th_str_c("x")), 0);
    assert_int_equal(ask(g, g->gateway, "{'route':"), 400);
    end(g, 0);
}

/* Past the size at which the write-ahead log goes back into the database, which is work that the
 * lock must leave possible. */
static void test_many_changes(void **state)
{
    struct stage *g = *state;
    char request[128];
    for (int i = 0; i < 300; i++) {
        snprintf(request, sizeof(request),
            "{'route':'ctl.token.create','body':{'label':'token-%d'}}", i);
        assert_int_equal(ask(g, g->console, request), 200);
    }
    assert_int_equal(ask(g, g->console, "{'route':'ctl.token.list'}"), 200);
    assert_int_equal(json_array_size(json_object_get(g->body, "tokens")), 300);
    end(g, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_comes_back_with_what_it_answered),
        TEST(test_without_intake_changes_are_refused),
        TEST(test_many_changes),
    };
    return cmocka_run_group_tests_name("master/role_state", tests, NULL, NULL);
}
