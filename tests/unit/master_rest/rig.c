/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "rig.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cursor.h"
#include "base/time.h"
#include "event/batch.h"
#include "link/envelope.h"
#include "messages.h"
#include "priv/edge.h"
#include "priv/spawn.h"
#include "store/log.h"

#define SENSOR UINT64_C(0x5e50)

static const char *const role_names[RIG_ROLES] = {"store", "seal"};
/* Which role an edge leads to, and what it calls the test there. */
static const struct {
    enum rig_role role;
    const char *tag;
} ends[RIG_EDGES] = {{RIG_STORE, "intake"}, {RIG_SEAL, "intake"}, {RIG_STORE, "core"},
    {RIG_SEAL, "core"}, {RIG_STORE, "query.0"}, {RIG_STORE, "gateway"}};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void pair(int ret[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret), 0);
}

static void tell_head(struct rig *r, enum rig_edge edge)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    th_buf_le64(&body, th_journal_synced(r->log));
    th_buf_le64(&body, 0);
    /* A role that is down is told when it is up again. */
    int err = r->edges[edge] ? th_ipc_send(r->edges[edge], TH_MSG_HEAD, 0, th_buf_view(&body)) : 0;
    (void)err;
}

static int dup_of(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    assert_true(copy >= 0);
    return copy;
}

/* Starts a role with fresh edges; the other role gets its end of the one between them. */
static void start(struct rig *r, enum rig_role role)
{
    int parent[2], between[2];
    struct th_role_fd fds[16];
    size_t n = 0;
    const char *args[16] = {"--instance-name", "test", "--instance-id", "00000000000000aa"};
    size_t arg_count = 4;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parent), 0);
    pair(between);
    fds[n++] = (struct th_role_fd){parent[1], "parent"};
    fds[n++] = (struct th_role_fd){between[0], role_names[1 - role]};
    for (unsigned e = 0; e < RIG_EDGES; e++) {
        int edge[2];
        if (ends[e].role != role)
            continue;
        pair(edge);
        th_ipc_free(r->edges[e]);
        r->edges[e] = th_ipc_new(edge[0], 0);
        fds[n++] = (struct th_role_fd){edge[1], ends[e].tag};
    }
    fds[n++] = (struct th_role_fd){dup_of(r->segments_fd), "segments"};
    fds[n++] = (struct th_role_fd){dup_of(r->log_fd), "log"};
    if (role == RIG_SEAL) {
        fds[n++] = (struct th_role_fd){dup_of(r->checkpoints_fd), "checkpoints"};
        args[arg_count++] = "--seal-rows";
        args[arg_count++] = r->seal_rows;
    }
    args[arg_count] = NULL;
    assert_int_equal(th_spawn(MASTER, role_names[role], fds, n, args, &r->pid[role]), 0);
    r->parent[role] = parent[0];
    for (size_t i = 0; i < n; i++)
        close(fds[i].fd);
    enum rig_role other = (enum rig_role)(1 - role);
    if (r->pid[other] > 0 &&
        th_parent_send(
            r->parent[other], TH_PARENT_EDGE, role_names[role], th_str_c(""), between[1]) < 0)
        print_message("the other role is gone as well\n");
    close(between[1]);
    tell_head(r, role == RIG_STORE ? RIG_INTAKE_STORE : RIG_INTAKE_SEAL);
}

static void end(struct rig *r, enum rig_role role)
{
    int status;
    kill(r->pid[role], SIGKILL);
    waitpid(r->pid[role], &status, 0);
    r->pid[role] = 0;
    close(r->parent[role]);
}

void rig_kill(struct rig *r, enum rig_role role)
{
    end(r, role);
    start(r, role);
}

static int make_folder(struct rig *r, const char *name)
{
    TH_AUTOFREE char *path = th_xasprintf("%s/%s", r->folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0777), 0); /* root becomes nobody in a role */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

void rig_init(struct rig *r, const char *seal_rows)
{
    *r = (struct rig){.folder = "/tmp/test_rest.XXXXXX", .seal_rows = seal_rows};
    const char *folder = r->folder;
    assert_non_null(mkdtemp(r->folder));
    assert_int_equal(chmod(r->folder, 0755), 0);
    r->segments_fd = make_folder(r, "segments");
    r->log_fd = make_folder(r, "log");
    r->checkpoints_fd = make_folder(r, "checkpoints");
    th_io_folder(&r->log_io, &r->log_fd);
    struct th_journal_config config = {.epoch = 3};
    assert_int_equal(th_journal_open(&r->log_io, &config, &r->log), 0);
    struct th_duck_config duck = {
        .memory_bytes = 256u << 20, .folders = &folder, .folder_count = 1};
    assert_int_equal(th_duck_open(&duck, &r->duck, NULL), 0);
    umask(0); /* the log's files are read by nobody */
    start(r, RIG_STORE);
    start(r, RIG_SEAL);
}

void rig_done(struct rig *r)
{
    end(r, RIG_STORE);
    end(r, RIG_SEAL);
    for (unsigned e = 0; e < RIG_EDGES; e++)
        th_ipc_free(r->edges[e]);
    th_journal_close(r->log);
    th_duck_close(r->duck);
    th_buf_done(&r->answer);
    close(r->segments_fd);
    close(r->log_fd);
    close(r->checkpoints_fd);
    TH_AUTOFREE char *command = th_xasprintf("rm -r '%s'", r->folder);
    assert_int_equal(system(command), 0);
}

/* ---- the log ---- */

static void sync_log(struct rig *r)
{
    assert_int_equal(th_journal_sync(r->log), 0);
    TH_AUTOFREE char *command = th_xasprintf("chmod -R a+r '%s/log'", r->folder);
    assert_int_equal(system(command), 0);
    tell_head(r, RIG_INTAKE_STORE);
    tell_head(r, RIG_INTAKE_SEAL);
}

static void put_batch(struct rig *r, unsigned each, int64_t time_ns)
{
    static const uint8_t seed[TH_SIGN_SEED_BYTES] = {9};
    struct th_sign_key key;
    TH_AUTOBUF struct th_buf frame = TH_BUF_INIT, envelope = TH_BUF_INIT, body = TH_BUF_INIT;
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_batch_head head = {0};
    for (unsigned i = 0; i < each; i++, time_ns += TH_NS_PER_MS) {
        struct th_addr from = th_addr_v4((uint8_t[]){10, 0, 0, (uint8_t)(i % 50 + 1)});
        struct th_addr to = th_addr_v4((uint8_t[]){192, 0, 2, (uint8_t)(i % 7)});
        if (i % 4 == 0) {
            struct th_ev_dns d = {.h = {.kind = TH_KIND_DNS, .time_ns = time_ns, .seq = i}};
            TH_SET(&d, DNS, ts, time_ns);
            TH_SET(&d, DNS, id_orig_h, from);
            TH_SET(&d, DNS, query, th_str_c("\xff<b>.example"));
            assert_int_equal(th_batch_add(w, &d.h), 0);
        } else {
            struct th_ev_conn c = {.h = {.kind = TH_KIND_CONN, .time_ns = time_ns, .seq = i}};
            TH_SET(&c, CONN, ts, time_ns);
            TH_SET(&c, CONN, id_orig_h, from);
            TH_SET(&c, CONN, id_resp_h, to);
            TH_SET(&c, CONN, orig_bytes, i);
            assert_int_equal(th_batch_add(w, &c.h), 0);
        }
    }
    head.complete_until_ns = time_ns;
    assert_int_equal(th_batch_finish(w, &head, &frame), 0);
    th_batch_writer_free(w);
    struct th_envelope e = {.version = TH_LINK_VERSION,
        .kind = TH_ENVELOPE_EVENTS,
        .instance = 0xaa,
        .sensor = SENSOR,
        .epoch = 1,
        .sequence = r->sequence++,
        .events = head.count,
        .complete_until_ns = head.complete_until_ns,
        .first_ns = head.first_ns,
        .last_ns = head.last_ns,
        .payload = th_buf_view(&frame)};
    memcpy(&e.raw_len, frame.p + 12, sizeof(e.raw_len));
    th_sign_key_init(&key, seed);
    assert_int_equal(th_envelope_put(&envelope, &e, &key), 0);
    struct th_record_batch b = {.envelope = th_buf_view(&envelope)};
    th_record_batch_put(&body, &b);
    assert_int_equal(th_journal_add(r->log, TH_RECORD_BATCH, time_ns, th_buf_view(&body), NULL), 0);
    r->rows += each;
}

void rig_batches(struct rig *r, unsigned batches, unsigned each, int64_t time_ns)
{
    for (unsigned i = 0; i < batches; i++)
        put_batch(r, each, time_ns + (int64_t)i * each * TH_NS_PER_MS);
    sync_log(r);
}

void rig_control(struct rig *r, const char *json)
{
    assert_int_equal(th_journal_add(r->log, TH_RECORD_CONTROL, 1, th_str_c(json), NULL), 0);
    sync_log(r);
}

/* ---- turning ---- */

static void take(struct rig *r, enum rig_edge edge, const struct th_ipc_message *m)
{
    struct th_cur c = th_cur_init(m->body.p, m->body.len);
    if (m->type == TH_MSG_SAVED)
        r->saved[ends[edge].role] = th_cur_le64(&c);
    else if (m->type == TH_MSG_APPLIED)
        r->applied[ends[edge].role] = th_cur_le64(&c);
    else if (m->type == TH_MSG_NOTICE)
        r->notices++;
    else if (m->type == r->want_type && m->id == r->want_id && !r->answered) {
        r->answered = true;
        th_buf_clear(&r->answer);
        th_buf_str(&r->answer, m->body);
    }
}

static void look_for_deaths(struct rig *r)
{
    for (unsigned role = 0; role < RIG_ROLES; role++) {
        int status;
        if (waitpid(r->pid[role], &status, WNOHANG) != r->pid[role])
            continue;
        print_message("%s died by itself: status %#x\n", role_names[role], status);
        assert_true(++r->deaths < 20);
        close(r->parent[role]);
        r->pid[role] = 0;
        start(r, (enum rig_role)role);
    }
}

static void turn(struct rig *r, int timeout_ms)
{
    struct pollfd fds[RIG_EDGES + RIG_ROLES];
    uint8_t *storage = th_xmalloc(TH_PARENT_MAX_BYTES);
    for (unsigned e = 0; e < RIG_EDGES; e++)
        fds[e] =
            (struct pollfd){.fd = th_ipc_fd(r->edges[e]), .events = th_ipc_events(r->edges[e])};
    for (unsigned role = 0; role < RIG_ROLES; role++)
        fds[RIG_EDGES + role] = (struct pollfd){.fd = r->parent[role], .events = POLLIN};
    poll(fds, RIG_EDGES + RIG_ROLES, timeout_ms);
    for (unsigned e = 0; e < RIG_EDGES; e++) {
        struct th_ipc_message m;
        int err = th_ipc_flush(r->edges[e]);
        while (err == 0 && th_ipc_receive(r->edges[e], &m) > 0)
            take(r, (enum rig_edge)e, &m);
    }
    for (unsigned role = 0; role < RIG_ROLES; role++) {
        enum th_parent_msg type;
        char name[64];
        struct th_str bytes;
        int fd = -1;
        while (th_parent_receive(r->parent[role], storage, &type, name, &bytes, &fd) > 0) {
            json_t *status = json_loadb(bytes.p, bytes.len, JSON_REJECT_DUPLICATES, NULL);
            assert_non_null(status);
            json_decref(status);
        }
    }
    free(storage);
    look_for_deaths(r);
}

void rig_run(struct rig *r, int ms)
{
    int64_t until = now_ms() + ms;
    for (int64_t left = ms; left > 0; left = until - now_ms())
        turn(r, (int)TH_MIN(left, 20));
}

void rig_settle(struct rig *r, enum rig_role role)
{
    int64_t until = now_ms() + 30000;
    while (r->applied[role] < th_journal_next(r->log) && now_ms() < until)
        turn(r, 20);
    assert_int_equal(r->applied[role], th_journal_next(r->log));
}

struct th_str rig_ask(
    struct rig *r, enum rig_edge edge, uint16_t type, struct th_str body, uint16_t answer_type)
{
    int64_t until = now_ms() + 30000;
    r->want_type = answer_type;
    r->answered = false;
    while (!r->answered && now_ms() < until) {
        pid_t asked = r->pid[ends[edge].role];
        r->want_id = ++r->next_id;
        int err = th_ipc_send(r->edges[edge], type, r->want_id, body);
        for (int64_t again = now_ms() + 10000;
             err == 0 && !r->answered && now_ms() < again && r->pid[ends[edge].role] == asked;)
            turn(r, 20);
        if (err < 0)
            turn(r, 20);
    }
    assert_true(r->answered);
    return th_buf_view(&r->answer);
}

/* ---- what a query sees ---- */

int64_t rig_count(struct rig *r, const char *kind, const char *sql)
{
    TH_AUTOBUF struct th_buf ask = TH_BUF_INIT, files = TH_BUF_INIT, text = TH_BUF_INIT,
                             release = TH_BUF_INIT;
    th_buf_printf(&ask, "{\"kinds\":[\"%s\"]}", kind);
    struct th_str body =
        rig_ask(r, RIG_QUERY_STORE, TH_MSG_HOLD, th_buf_view(&ask), TH_MSG_CATALOGUE);
    json_t *answer = json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    size_t i;
    json_t *f;
    int64_t v = -1;
    json_array_foreach(json_object_get(answer, "files"), i, f)
        th_buf_printf(&files, "%s'%s/segments/%s'", i ? ", " : "", r->folder,
            json_string_value(json_object_get(f, "file")));
    if (files.len > 0) {
        struct th_duck_stmt *s = NULL;
        struct th_duck_result *result = NULL;
        size_t rows;
        const char *at = strstr(sql, "%s");
        th_buf_put(&text, sql, (size_t)(at - sql));
        th_buf_puts(&text, "read_parquet([");
        th_buf_str(&text, th_buf_view(&files));
        th_buf_printf(&text, "], union_by_name = true)%s", at + 2);
        th_buf_u8(&text, 0);
        int err = th_duck_prepare(r->duck, (const char *)text.p, &s);
        if (err == 0)
            err = th_duck_execute(s, NULL, NULL, &result);
        if (err < 0)
            print_message("%s\n", th_duck_error(r->duck));
        assert_int_equal(err, 0);
        assert_int_equal(th_duck_next(result, &rows), 1);
        v = th_duck_i64(result, 0, 0);
        th_duck_result_free(result);
        th_duck_stmt_free(s);
    }
    th_buf_le64(&release, (uint64_t)json_integer_value(json_object_get(answer, "hold")));
    assert_int_equal(
        th_ipc_send(r->edges[RIG_QUERY_STORE], TH_MSG_RELEASE, 0, th_buf_view(&release)), 0);
    json_decref(answer);
    return v;
}

struct counting {
    const char *prefix;
    unsigned n;
};

static int count_name(void *arg, const char *name)
{
    struct counting *c = arg;
    c->n += strncmp(name, c->prefix, strlen(c->prefix)) == 0;
    return 0;
}

unsigned rig_files(struct rig *r, const char *prefix)
{
    struct th_io io;
    struct counting c = {.prefix = prefix};
    th_io_folder(&io, &r->segments_fd);
    assert_int_equal(io.list(io.arg, count_name, &c), 0);
    return c.n;
}
