/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role query as it runs, in its sandbox: this test is its parent, its gateway and its store,
 * over segments that the store's own code wrote.
 */
#include "unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/mem.h"
#include "messages.h"
#include "priv/ipc.h"
#include "priv/spawn.h"
#include "store/segment.h"

/* Verdicts do not hang on how busy the machine is: a role that hangs is given up late, searches
 * that are not to run out of time may take as long, and promptness is measured in the role's own
 * time on the processor. */
#define PATIENCE_MS 600000
#define NO_LIMIT "600000"
#define PROMPT_MS 200 /* how much a search does yet when it is told to end */
#define BIG_ROWS "3000000"
#define BEGIN_NS (INT64_C(1767312000) * TH_NS_PER_S)

struct scene {
    char folder[64];
    pid_t pid;
    int parent;
    struct th_ipc *gateway, *store;
    uint64_t next_id, held, released;
    bool cold;         /* the store has not the newest rows */
    const char *files; /* what the store answers to HOLD */
    json_t *hold;      /* what it was asked last */
};

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What the role has used of the processor. */
static int64_t used_ms(const struct scene *s)
{
    clockid_t clock;
    struct timespec t;
    assert_int_equal(clock_getcpuclockid(s->pid, &clock), 0);
    assert_int_equal(clock_gettime(clock, &t), 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- segments ---- */

static void run_job(struct th_segment_job *job)
{
    int r = 0;
    while (r == 0)
        r = th_segment_job_step(job);
    assert_int_equal(r, 1);
    th_segment_job_free(job);
}

static void add_conn(struct th_segment_table *t, uint64_t seq, const char *service)
{
    struct th_ev_conn c = {.h = {.kind = TH_KIND_CONN,
                               .source = 7,
                               .seq = seq,
                               .time_ns = BEGIN_NS + (int64_t)seq * TH_NS_PER_S}};
    struct th_addr a;
    assert_true(th_addr_parse(th_str_c(seq % 2 ? "10.0.0.1" : "fe80::1"), &a));
    TH_SET(&c, CONN, ts, c.h.time_ns);
    TH_SET(&c, CONN, id_orig_h, a);
    TH_SET(&c, CONN, id_resp_p, (uint16_t)443);
    TH_SET(&c, CONN, service, th_str_c(service));
    TH_SET(&c, CONN, orig_bytes, seq * 1000);
    assert_int_equal(th_segment_table_add(t, &c.h, th_str_c("d0123456789"), (struct th_str){0}), 0);
}

static void add_dns(struct th_segment_table *t, uint64_t seq)
{
    struct th_str answers[] = {th_str_c("</script><b>"), th_str_c("\xff\x01\"")};
    struct th_ev_dns d = {.h = {.kind = TH_KIND_DNS,
                              .source = 7,
                              .seq = seq,
                              .time_ns = BEGIN_NS + (int64_t)seq * TH_NS_PER_S}};
    TH_SET(&d, DNS, query, th_str_c("a\"b\\c\n\xe2\x80\xa8<script>"));
    TH_SET(&d, DNS, answers, (struct th_strs){answers, 2});
    TH_SET(&d, DNS, rtt, 1500 * TH_NS_PER_MS);
    TH_SET(&d, DNS, rejected, false);
    assert_int_equal(th_segment_table_add(t, &d.h, (struct th_str){0}, (struct th_str){0}), 0);
}

static void add_metric(struct th_segment_table *t, uint64_t hour)
{
    struct th_ev_metric m = {.h = {.kind = TH_KIND_METRIC,
                                 .source = 1,
                                 .seq = hour,
                                 .time_ns = BEGIN_NS + (int64_t)hour * TH_NS_PER_HOUR}};
    TH_SET(&m, METRIC, ts, m.h.time_ns);
    TH_SET(&m, METRIC, entity, th_str_c("d0123456789"));
    TH_SET(&m, METRIC, feature, th_str_c(hour % 2 ? "bytes-out" : "bytes-in"));
    TH_SET(&m, METRIC, observed, (double)hour);
    assert_int_equal(th_segment_table_add(t, &m.h, m.entity, (struct th_str){0}), 0);
}

static void write_kind(struct th_duck *d, const char *folder, unsigned kind, unsigned file,
    uint64_t first, uint64_t count)
{
    struct th_segment_table *t = NULL;
    struct th_segment_job *job = NULL;
    TH_AUTOFREE char *path =
        th_xasprintf("%s/%s-%u.parquet", folder, th_kind_get(kind)->name, file);
    assert_int_equal(th_segment_table_new(d, kind, &t), 0);
    for (uint64_t i = first; i < first + count; i++) {
        if (kind == TH_KIND_CONN)
            add_conn(t, i, i == 3 ? "ssl\xff" : "ssl");
        else if (kind == TH_KIND_DNS)
            add_dns(t, i);
        else
            add_metric(t, i);
    }
    assert_int_equal(th_segment_seal(t, path, &job), 0);
    run_job(job);
    th_segment_table_free(t);
}

/* What a master has written whose events had no service and no bytes yet. */
static void write_old(struct th_duck *d, const char *folder)
{
    TH_AUTOFREE char *sql =
        th_xasprintf("COPY (SELECT * EXCLUDE (service, orig_bytes) FROM '%s/conn-1.parquet') TO "
                     "'%s/conn-old.parquet' (FORMAT parquet)",
            folder, folder);
    if (th_duck_run(d, sql) < 0)
        fail_msg("%s", th_duck_error(d));
}

/* Many rows that take long to search. */
static void write_big(struct th_duck *d, const char *folder)
{
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    th_buf_puts(&sql, "COPY (FROM ");
    th_segment_shape(TH_KIND_CONN, &sql);
    th_buf_printf(&sql,
        " UNION ALL BY NAME SELECT 'd' || (i %% 5000) AS _entity, 9::UBIGINT AS _source, "
        "i::UBIGINT AS _seq, (1767312000000000000 + i * 1000000)::BIGINT AS _time, "
        "md5(i::VARCHAR) AS uid, md5((i + 1)::VARCHAR) AS history, "
        "md5((i + 2)::VARCHAR) AS service FROM range(" BIG_ROWS ") r(i)) TO '%s/big.parquet' "
        "(FORMAT parquet, COMPRESSION zstd)",
        folder);
    th_buf_u8(&sql, 0);
    if (th_duck_run(d, (const char *)sql.p) < 0)
        fail_msg("%s", th_duck_error(d));
}

#define ALL_FILES                                                                                  \
    "[{\"kind\":\"conn\",\"file\":\"conn-1.parquet\",\"rows\":10,\"bytes\":1000,\"first_ns\":"     \
    "1767312000000000000,\"last_ns\":1767312009000000000},"                                        \
    "{\"kind\":\"conn\",\"file\":\"conn-2.parquet\",\"rows\":10,\"bytes\":1000,\"first_ns\":"      \
    "1767312010000000000,\"last_ns\":1767312019000000000},"                                        \
    "{\"kind\":\"dns\",\"file\":\"dns-1.parquet\",\"rows\":10,\"bytes\":1000,\"first_ns\":"        \
    "1767312000000000000,\"last_ns\":1767312009000000000},"                                        \
    "{\"kind\":\"metric\",\"file\":\"metric-1.parquet\",\"rows\":10,\"bytes\":1000,\"first_ns\":"  \
    "1767312000000000000,\"last_ns\":1767344400000000000}]"
/* Of the time before the columns that it lacks. */
#define OLD_FILE                                                                                   \
    "{\"kind\":\"conn\",\"file\":\"conn-old.parquet\",\"rows\":10,\"first_ns\":"                   \
    "1767312000000000000,\"last_ns\":1767312009000000000}"
#define NEW_FILE                                                                                   \
    "{\"kind\":\"conn\",\"file\":\"conn-2.parquet\",\"rows\":10,\"first_ns\":"                     \
    "1767312010000000000,\"last_ns\":1767312019000000000}"
#define BIG_FILE                                                                                   \
    "[{\"kind\":\"conn\",\"file\":\"big.parquet\",\"rows\":" BIG_ROWS                              \
    ",\"first_ns\":1767312000000000000,\"last_ns\":1767412000000000000}]"

/* ---- the role ---- */

static void start_role(struct scene *s, const char *time_limit_ms)
{
    int parent[2], gateway[2], store[2];
    const char *args[] = {
        "--uid", "65534", "--gid", "65534", "--time-limit-ms", time_limit_ms, NULL};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parent), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gateway), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, store), 0);
    int segments = open(s->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(segments >= 0);
    struct th_role_fd fds[] = {{parent[1], "parent"}, {gateway[1], "gateway"}, {store[1], "store"},
        {segments, "segments"}};
    assert_int_equal(th_spawn(MASTER_PROGRAM, "query", fds, 4, args, &s->pid), 0);
    close(parent[1]);
    close(gateway[1]);
    close(store[1]);
    close(segments);
    s->parent = parent[0];
    s->gateway = th_ipc_new(gateway[0], 0);
    s->store = th_ipc_new(store[0], 0);
    s->next_id = 100;
    s->held = s->released = 0;
    s->files = ALL_FILES;
}

static void stop_role(struct scene *s)
{
    int status;
    kill(s->pid, SIGKILL);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL); /* it lived until then */
    th_ipc_free(s->gateway);
    th_ipc_free(s->store);
    close(s->parent);
    json_decref(s->hold);
    s->hold = NULL;
}

static uint64_t ask(struct scene *s, const char *route, const char *params, const char *scope)
{
    TH_AUTOFREE char *body =
        th_xasprintf("{\"route\":\"%s\",\"user\":{\"id\":1%s%s},\"params\":%s}", route,
            *scope ? ",\"scope\":" : "", scope, params);
    assert_int_equal(th_ipc_send(s->gateway, TH_MSG_REQUEST, ++s->next_id, th_str_c(body)), 0);
    return s->next_id;
}

/* The store's part. */
static void serve_store(struct scene *s)
{
    struct th_ipc_message m;
    int r;
    while ((r = th_ipc_receive(s->store, &m)) > 0) {
        if (m.type == TH_MSG_RELEASE) {
            assert_int_equal(m.body.len, 8);
            s->released++;
            continue;
        }
        assert_int_equal(m.type, TH_MSG_HOLD);
        json_decref(s->hold);
        s->hold = json_loadb(m.body.p, m.body.len, 0, NULL);
        assert_non_null(s->hold);
        TH_AUTOFREE char *body = th_xasprintf(
            "{\"hold\":%u,\"hot\":%s,\"files\":%s}", 40, s->cold ? "false" : "true", s->files);
        assert_int_equal(th_ipc_send(s->store, TH_MSG_CATALOGUE, m.id, th_str_c(body)), 0);
        s->held++;
    }
    assert_int_equal(r, 0);
}

static void turn(struct scene *s)
{
    struct pollfd fds[] = {{.fd = th_ipc_fd(s->gateway), .events = th_ipc_events(s->gateway)},
        {.fd = th_ipc_fd(s->store), .events = th_ipc_events(s->store)}};
    poll(fds, 2, 20);
    assert_int_equal(th_ipc_flush(s->gateway), 0);
    assert_int_equal(th_ipc_flush(s->store), 0);
    serve_store(s);
}

/* The answer to `id`, as JSON. */
static json_t *wait_answer(struct scene *s, uint64_t id, unsigned want_status)
{
    struct th_ipc_message m;
    int64_t end_ms = clock_ms() + PATIENCE_MS;
    int r;
    while ((r = th_ipc_receive(s->gateway, &m)) == 0 && clock_ms() < end_ms)
        turn(s);
    assert_int_equal(r, 1);
    assert_int_equal(m.type, TH_MSG_ANSWER);
    assert_int_equal(m.id, id);
    assert_true(m.body.len > 4);
    unsigned status = (uint8_t)m.body.p[0] | (unsigned)(uint8_t)m.body.p[1] << 8;
    if (status != want_status)
        fail_msg("%u: %.*s", status, (int)m.body.len - 4, m.body.p + 4);
    json_error_t err;
    json_t *j = json_loadb(m.body.p + 4, m.body.len - 4, JSON_REJECT_DUPLICATES, &err);
    if (!j)
        fail_msg("%s at %d", err.text, err.position);
    return j;
}

static json_t *search(struct scene *s, const char *params)
{
    return wait_answer(s, ask(s, "search", params, ""), 200);
}

static const char *text(const json_t *j, const char *name)
{
    const char *v = json_string_value(json_object_get(j, name));
    assert_non_null(v);
    return v;
}

/* Until the store has got so many holds back. */
static void wait_released(struct scene *s, uint64_t count)
{
    int64_t end_ms = clock_ms() + PATIENCE_MS;
    while (s->released < count && clock_ms() < end_ms)
        turn(s);
    assert_int_equal(s->released, count);
}

/* ---- tests ---- */

static int set_up(void **state)
{
    struct scene *s = th_xcalloc(1, sizeof(*s));
    struct th_duck *d = NULL;
    char *message = NULL;
    signal(SIGPIPE, SIG_IGN);
    snprintf(s->folder, sizeof(s->folder), "/tmp/thymus-query-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    assert_int_equal(chmod(s->folder, 0755), 0);
    const char *folders[] = {s->folder};
    struct th_duck_config config = {
        .memory_bytes = UINT64_C(512) << 20, .folders = folders, .folder_count = 1};
    assert_int_equal(th_duck_open(&config, &d, &message), 0);
    write_kind(d, s->folder, TH_KIND_CONN, 1, 0, 10);
    write_kind(d, s->folder, TH_KIND_CONN, 2, 10, 10);
    write_kind(d, s->folder, TH_KIND_DNS, 1, 0, 10);
    write_kind(d, s->folder, TH_KIND_METRIC, 1, 0, 10);
    write_old(d, s->folder);
    write_big(d, s->folder);
    th_duck_close(d);
    *state = s;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(s);
    return 0;
}

static void test_rows(void **state)
{
    struct scene *s = *state;
    start_role(s, NO_LIMIT);
    json_t *j = search(s, "{\"q\":\"orig_bytes:>=3k orig_bytes:<=12k\",\"histogram\":\"1\"}");
    const json_t *rows = json_object_get(j, "rows");
    assert_int_equal(json_array_size(rows), 10);
    const json_t *first = json_array_get(rows, 0), *last = json_array_get(rows, 9);
    assert_string_equal(text(first, "_kind"), "conn");
    assert_string_equal(text(first, "_time"), "2026-01-02T00:00:12.000000Z");
    assert_string_equal(text(first, "_id"), "0000000000000007-12");
    assert_string_equal(text(first, "_entity"), "d0123456789");
    assert_string_equal(text(first, "id.orig_h"), "fe80::1");
    assert_int_equal(json_integer_value(json_object_get(first, "id.resp_p")), 443);
    assert_null(json_object_get(first, "duration"));
    assert_string_equal(text(last, "id.orig_h"), "10.0.0.1");
    assert_string_equal(text(last, "service"), "ssl\\xff");
    assert_int_equal(json_integer_value(json_object_get(j, "total")), 10);
    assert_true(json_is_null(json_object_get(j, "next")));
    assert_true(json_is_false(json_object_get(j, "truncated")));
    assert_true(json_is_true(json_object_get(j, "newest")));
    assert_true(json_integer_value(json_object_get(j, "scanned_bytes")) > 100);
    assert_int_equal(json_array_size(json_object_get(j, "columns")), TH_F_CONN_COUNT);
    const json_t *counts = json_object_get(json_object_get(j, "histogram"), "counts");
    json_int_t sum = 0;
    for (size_t i = 0; i < json_array_size(counts); i++)
        sum += json_integer_value(json_object_get(json_array_get(counts, i), "n"));
    assert_int_equal(sum, 10);
    json_decref(j);
    /* A page that holds not all: those that it does not show are counted, too. */
    j = search(
        s, "{\"q\":\"orig_bytes:>=3k orig_bytes:<=12k\",\"histogram\":\"1\",\"limit\":\"4\"}");
    assert_int_equal(json_array_size(json_object_get(j, "rows")), 4);
    assert_int_equal(json_integer_value(json_object_get(j, "total")), 10);
    json_decref(j);
    /* Only of the kind that can hold it. */
    assert_int_equal(json_array_size(json_object_get(s->hold, "kinds")), 1);
    assert_int_equal(s->held, 2);
    wait_released(s, 2);
    stop_role(s);
}

static size_t count_found(struct scene *s, const char *params)
{
    json_t *j = search(s, params);
    size_t n = json_array_size(json_object_get(j, "rows"));
    assert_int_equal(json_integer_value(json_object_get(j, "total")), n);
    json_decref(j);
    return n;
}

/* Fields that were added since a segment was written have no value in its events, whether newer
 * segments are read with it or not. */
static void test_older_segments(void **state)
{
    struct scene *s = *state;
    start_role(s, "10000");
    s->files = "[" OLD_FILE "]";
    json_t *j = search(s, "{\"q\":\"kind:conn\",\"histogram\":\"1\"}");
    const json_t *rows = json_object_get(j, "rows");
    assert_int_equal(json_array_size(rows), 10);
    assert_null(json_object_get(json_array_get(rows, 0), "service"));
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(rows, 0), "id.resp_p")), 443);
    json_decref(j);
    assert_int_equal(count_found(s, "{\"q\":\"service:ssl\",\"histogram\":\"1\"}"), 0);
    assert_int_equal(count_found(s, "{\"q\":\"kind:conn NOT service:ssl\"}"), 10);
    assert_int_equal(count_found(s, "{\"q\":\"ssl\"}"), 0);
    s->files = "[" OLD_FILE "," NEW_FILE "]";
    assert_int_equal(count_found(s, "{\"q\":\"orig_bytes:>0 service:ssl\"}"), 10);
    assert_int_equal(count_found(s, "{\"q\":\"kind:conn\",\"histogram\":\"1\"}"), 20);
    stop_role(s);
}

/* What the store could not have in time is told to be missing. */
static void test_without_the_newest(void **state)
{
    struct scene *s = *state;
    start_role(s, NO_LIMIT);
    s->cold = true;
    json_t *j = search(s, "{\"q\":\"kind:conn\"}");
    assert_true(json_is_false(json_object_get(j, "newest")));
    s->cold = false;
    json_decref(j);
    stop_role(s);
}

static void test_hostile_text(void **state)
{
    struct scene *s = *state;
    start_role(s, NO_LIMIT);
    json_t *j =
        search(s, "{\"q\":\"query:*script*\",\"limit\":\"1\",\"columns\":\"query,answers,rtt\"}");
    const json_t *row = json_array_get(json_object_get(j, "rows"), 0);
    assert_string_equal(text(row, "query"), "a\"b\\c\n\\xe2\\x80\\xa8<script>");
    const json_t *answers = json_object_get(row, "answers");
    assert_string_equal(json_string_value(json_array_get(answers, 0)), "</script><b>");
    assert_string_equal(json_string_value(json_array_get(answers, 1)), "\\xff\x01\"");
    assert_true(json_real_value(json_object_get(row, "rtt")) == 1.5);
    assert_null(json_object_get(row, "rejected"));
    assert_true(json_is_null(json_object_get(row, "_entity")));
    assert_int_equal(json_array_size(json_object_get(j, "columns")), 3);
    json_decref(j);
    stop_role(s);
}

static void test_pages(void **state)
{
    struct scene *s = *state;
    start_role(s, NO_LIMIT);
    TH_AUTOFREE char *cursor = th_xstrdup("");
    char before[64] = "9999";
    size_t rows = 0, pages = 0;
    for (bool more = true; more; pages++) {
        TH_AUTOFREE char *params =
            th_xasprintf("{\"q\":\"*\",\"limit\":\"7\",\"cursor\":\"%s\"}", cursor);
        json_t *j = search(s, params);
        const json_t *page = json_object_get(j, "rows");
        for (size_t i = 0; i < json_array_size(page); i++, rows++) {
            const char *time = text(json_array_get(page, i), "_time");
            assert_true(strcmp(time, before) <= 0);
            snprintf(before, sizeof(before), "%s", time);
        }
        more = json_is_string(json_object_get(j, "next"));
        assert_int_equal(json_is_true(json_object_get(j, "truncated")), more);
        free(cursor);
        cursor = th_xstrdup(more ? text(j, "next") : "");
        json_decref(j);
    }
    assert_int_equal(rows, 30); /* metrics are no events */
    assert_int_equal(pages, 5);
    stop_role(s);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *route, *params, *code;
        unsigned status;
    } cases[] = {
        {"search", "{\"q\":\"a AND\"}", "syntax", 400},
        {"search", "{\"q\":\"nofield:1\"}", "syntax", 400},
        {"search", "{\"q\":\"\",\"limit\":\"10001\"}", "rows", 413},
        {"search", "{\"q\":\"\",\"limit\":\"0\"}", "limit", 400},
        {"search", "{\"q\":\"\",\"limit\":\"x\"}", "limit", 400},
        {"search", "{\"q\":\"\",\"kind\":\"bogus\"}", "kind", 400},
        {"search", "{\"q\":\"\",\"columns\":\"bogus\"}", "columns", 400},
        {"search", "{\"q\":\"\",\"from\":\"yesterday\"}", "time", 400},
        {"search", "{\"q\":\"\",\"from\":\"2026-01-02T00:00:00Z\",\"to\":\"2026-01-01T00:00:00Z\"}",
            "time", 400},
        {"search", "{\"q\":\"\",\"cursor\":\"1.2\"}", "cursor", 400},
        {"search", "{\"q\":\"\",\"cursor\":\"1.99.3.4\"}", "cursor", 400},
        {"series", "{\"entity\":\"x' OR\",\"feature\":\"y\"}", "series", 400},
        {"series", "{}", "series", 400},
        {"users_list", "{}", "route", 400},
    };
    struct scene *s = *state;
    start_role(s, NO_LIMIT);
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        json_t *j = wait_answer(s, ask(s, cases[i].route, cases[i].params, ""), cases[i].status);
        const json_t *error = json_object_get(j, "error");
        assert_string_equal(text(error, "code"), cases[i].code);
        assert_true(strlen(text(error, "message")) > 10);
        if (i == 0)
            assert_int_equal(json_integer_value(json_object_get(error, "at")), 5);
        json_decref(j);
    }
    assert_int_equal(th_ipc_send(s->gateway, TH_MSG_REQUEST, 5, th_str_c("{no json")), 0);
    json_decref(wait_answer(s, 5, 400));
    assert_int_equal(s->held, 0);
    stop_role(s);
}

static void test_series(void **state)
{
    struct scene *s = *state;
    start_role(s, NO_LIMIT);
    json_t *j = wait_answer(
        s, ask(s, "series", "{\"entity\":\"d0123456789\",\"feature\":\"bytes-out\"}", ""), 200);
    assert_string_equal(text(j, "unit"), "B");
    assert_string_equal(text(j, "label"), "bytes sent outside");
    const json_t *points = json_object_get(j, "points");
    assert_int_equal(json_array_size(points), 5);
    assert_string_equal(text(json_array_get(points, 0), "time"), "2026-01-02T01:00:00.000000Z");
    assert_true(json_number_value(json_object_get(json_array_get(points, 4), "observed")) == 9);
    assert_true(json_is_null(json_object_get(json_array_get(points, 4), "expected")));
    json_decref(j);
    stop_role(s);
}

static void test_scope(void **state)
{
    struct scene *s = *state;
    start_role(s, NO_LIMIT);
    json_t *j = wait_answer(
        s, ask(s, "search", "{\"q\":\"* OR kind:dns\"}", "{\"subnets\":[\"10.0.0.0/8\"]}"), 200);
    assert_int_equal(json_array_size(json_object_get(j, "rows")), 10);
    json_decref(j);
    j = wait_answer(s, ask(s, "search", "{\"q\":\"*\"}", "{}"), 200);
    assert_int_equal(json_array_size(json_object_get(j, "rows")), 0);
    json_decref(j);
    json_decref(
        wait_answer(s, ask(s, "search", "{\"q\":\"*\"}", "{\"subnets\":[\"10.0.0.0/99\"]}"), 403));
    json_decref(wait_answer(s, ask(s, "search", "{\"q\":\"*\"}", "\"all\""), 403));
    stop_role(s);
}

/* What the store says is looked at as well; nothing outside the folder is opened. */
static void test_bad_catalogue(void **state)
{
    static const char *const lists[] = {
        "[{\"kind\":\"conn\",\"file\":\"../conn-1.parquet\",\"first_ns\":0,\"last_ns\":"
        "2000000000000000000}]",
        "[{\"kind\":\"conn\",\"file\":\"/etc/passwd\",\"first_ns\":0,\"last_ns\":1}]",
        "[{\"kind\":\"conn\",\"file\":\"*.parquet\",\"first_ns\":0,\"last_ns\":1}]",
        "[{\"kind\":\"bogus\",\"file\":\"a\",\"first_ns\":0,\"last_ns\":1}]",
        "[{\"kind\":\"conn\",\"file\":\"gone.parquet\",\"first_ns\":0,\"last_ns\":"
        "2000000000000000000}]",
        "{}",
    };
    struct scene *s = *state;
    start_role(s, NO_LIMIT);
    for (size_t i = 0; i < TH_ARRAY_LEN(lists); i++) {
        s->files = lists[i];
        json_decref(wait_answer(s, ask(s, "search", "{\"q\":\"*\"}", ""), 500));
        wait_released(s, i + 1);
    }
    s->files = "[]";
    json_t *j = search(s, "{\"q\":\"*\",\"histogram\":\"1\"}");
    assert_int_equal(json_array_size(json_object_get(j, "rows")), 0);
    json_decref(j);
    stop_role(s);
}

/* So costly for each row that a step of DuckDB takes a second. */
#define HEAVY                                                                                      \
    "{\"q\":\""                                                                                    \
    "*zaq*qaz* OR *zbq*qbz* OR *zcq*qcz* OR *zdq*qdz* OR *zeq*qez* OR "                            \
    "*zfq*qfz* OR *zgq*qgz* OR *zhq*qhz* OR *ziq*qiz* OR *zjq*qjz* OR "                            \
    "*zkq*qkz* OR *zlq*qlz* OR *zmq*qmz* OR *znq*qnz* OR *zoq*qoz* OR "                            \
    "*zpq*qpz* OR *zqq*qqz* OR *zrq*qrz* OR *zsq*qsz* OR *ztq*qtz*"                                \
    "\",\"histogram\":\"1\"}"

#define CANCELLED 5

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void test_cancel(void **state)
{
    struct scene *s = *state;
    int64_t took_ms[CANCELLED];
    start_role(s, NO_LIMIT);
    s->files = BIG_FILE;
    json_decref(search(s, "{\"q\":\"\",\"limit\":\"1\"}"));
    wait_released(s, 1);
    for (unsigned i = 0; i < CANCELLED; i++) {
        uint64_t before = s->released;
        uint64_t id = ask(s, "search", HEAVY, "");
        for (int64_t until_ms = clock_ms() + 40 + 70 * i; clock_ms() < until_ms;)
            turn(s);
        wait_released(s, before); /* it still runs */
        int64_t begin_ms = used_ms(s);
        assert_int_equal(th_ipc_send(s->gateway, TH_MSG_CANCEL, id, th_str_c("")), 0);
        wait_released(s, before + 1);
        took_ms[i] = used_ms(s) - begin_ms;
    }
    qsort(took_ms, CANCELLED, sizeof(took_ms[0]), by_size);
    print_message("# cancelled in %d to %d ms\n", (int)took_ms[0], (int)took_ms[CANCELLED - 1]);
    assert_true(took_ms[CANCELLED - 1] < PROMPT_MS);
    /* It was not answered, and the next one is. */
    s->files = ALL_FILES;
    json_decref(search(s, "{\"q\":\"kind:dns\"}"));
    stop_role(s);
}

static void test_time_limit(void **state)
{
    struct scene *s = *state;
    start_role(s, "250");
    /* What the first search of a process costs once is not what ends late. */
    s->files = ALL_FILES;
    json_decref(search(s, "{\"q\":\"kind:dns\"}"));
    s->files = BIG_FILE;
    for (unsigned i = 0; i < 3; i++) {
        int64_t begin_ms = clock_ms();
        int64_t used_before_ms = used_ms(s);
        json_t *j = wait_answer(s, ask(s, "search", HEAVY, ""), 408);
        assert_true(clock_ms() - begin_ms >= 250);
        int64_t took_ms = used_ms(s) - used_before_ms;
        print_message("# ended after %d ms\n", (int)took_ms);
        assert_true(took_ms < 250 + PROMPT_MS);
        assert_string_equal(text(json_object_get(j, "error"), "code"), "time");
        json_decref(j);
    }
    stop_role(s);
}

/* One runs, others wait their turn; one that waits can be cancelled, too many are refused. */
static void test_waiting(void **state)
{
    struct scene *s = *state;
    struct th_ipc_message m;
    start_role(s, NO_LIMIT);
    s->files = BIG_FILE;
    uint64_t heavy = ask(s, "search", HEAVY, "");
    while (s->held == 0)
        turn(s);
    s->files = ALL_FILES;
    uint64_t cancelled = ask(s, "search", "{\"q\":\"kind:conn\"}", "");
    uint64_t next = ask(s, "search", "{\"q\":\"kind:dns\"}", "");
    assert_int_equal(th_ipc_send(s->gateway, TH_MSG_CANCEL, cancelled, th_str_c("")), 0);
    for (unsigned i = 0; i < 31; i++)
        ask(s, "search", "{\"q\":\"kind:dns\"}", "");
    json_decref(wait_answer(s, ask(s, "search", "{\"q\":\"*\"}", ""), 503));
    assert_int_equal(th_ipc_send(s->gateway, TH_MSG_CANCEL, heavy, th_str_c("")), 0);
    json_decref(wait_answer(s, next, 200));
    for (unsigned i = 0; i < 31; i++)
        json_decref(wait_answer(s, next + 1 + i, 200));
    turn(s);
    assert_int_equal(th_ipc_receive(s->gateway, &m), 0);
    stop_role(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_older_segments),
        cmocka_unit_test(test_without_the_newest),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_bad_catalogue),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_time_limit),
        cmocka_unit_test(test_waiting),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
