/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An instance's segments behind the lock of the role that reads them back: while a master removes
 * them, and when somebody has put something else in their place.
 */
#include "unit.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "priv/priv.h"
#include "recall.h"
#include "store/segment.h"

enum { EVENTS = 100 }; /* of a segment */

struct place {
    char folder[64], catalogue[96];
    struct th_duck *duck; /* the writer's */
    struct th_catalogue *store;
    uint64_t memory_bytes; /* the reader's */
    rlim_t open_files;     /* the reader's; 0: as many as ever */
};

static int begin(void **state)
{
    struct place *p = th_xcalloc(1, sizeof(*p));
    strcpy(p->folder, "/tmp/test_recall.XXXXXX");
    if (!mkdtemp(p->folder) || chmod(p->folder, 0755) < 0)
        return -1;
    snprintf(p->catalogue, sizeof(p->catalogue), "%s/catalogue.db", p->folder);
    const char *folder = p->folder;
    struct th_duck_config config = {
        .memory_bytes = 128u << 20, .folders = &folder, .folder_count = 1};
    p->memory_bytes = 128u << 20;
    *state = p;
    if (th_duck_open(&config, &p->duck, NULL) < 0)
        return -1;
    return th_catalogue_open(p->catalogue, &p->store);
}

static int end(void **state)
{
    struct place *p = *state;
    TH_AUTOFREE char *command = th_xasprintf("rm -r '%s'", p->folder);
    th_catalogue_close(p->store);
    th_duck_close(p->duck);
    free(p);
    return system(command);
}

static char *path_of(const struct place *p, const char *name)
{
    return th_xasprintf("%s/%s", p->folder, name);
}

static void seal_many(
    struct place *p, const char *name, int64_t first_ns, int64_t step_ns, int64_t count)
{
    TH_CLEANUP(th_segment_table_freep) struct th_segment_table *t = NULL;
    TH_AUTOFREE char *path = path_of(p, name);
    struct th_segment_job *job = NULL;
    int r = 0;
    assert_int_equal(th_segment_table_new(p->duck, TH_KIND_DNS, &t), 0);
    for (int64_t i = 0; i < count; i++) {
        struct th_ev_dns ev = {
            .h = {.kind = TH_KIND_DNS, .time_ns = first_ns + i * step_ns, .seq = (uint64_t)i}};
        TH_SET(&ev, DNS, query, th_str_c("example.net"));
        assert_int_equal(th_segment_table_add(t, &ev.h, th_str_c(""), th_str_c("")), 0);
    }
    assert_int_equal(th_segment_seal(t, path, &job), 0);
    while (r == 0)
        r = th_segment_job_step(job);
    assert_int_equal(r, 1);
    th_segment_job_free(job);
}

static void seal(struct place *p, const char *name, int64_t first_ns)
{
    seal_many(p, name, first_ns, 1, EVENTS);
}

/* Tells the store of a file, whether it is there and so or not. */
static void commit_as(
    struct place *p, const char *name, int64_t first_ns, int64_t last_ns, uint64_t rows)
{
    struct th_catalogue_file f = {
        .kind = TH_KIND_DNS, .first_ns = first_ns, .last_ns = last_ns, .rows = rows, .bytes = 1000};
    struct th_catalogue_change change = {
        .add = &f, .add_count = 1, .has_position = true, .position = 7};
    snprintf(f.name, sizeof(f.name), "%s", name);
    assert_int_equal(th_catalogue_commit(p->store, &change, 77), 0);
}

static void commit(struct place *p, const char *name, int64_t first_ns)
{
    commit_as(p, name, first_ns, first_ns + EVENTS - 1, EVENTS);
}

/* ---- the role, locked, in a process of its own ---- */

struct outcome {
    int held;
    uint64_t position, events;
    char said[1024];
};

static int swallow(void *arg, struct th_str bytes)
{
    (void)arg;
    (void)bytes;
    return 0;
}

static void work(struct recall *r, bool vanish, struct outcome *ret)
{
    struct recall_held held = RECALL_HELD_INIT;
    ret->held = recall_hold(r, &held);
    ret->position = held.position;
    if (vanish) { /* the parent, who may, removes all and tells us so */
        char go;
        if (write(r->spool_fd, "x", 1) != 1 || read(r->spool_fd, &go, 1) != 1)
            _exit(3);
    }
    if (ret->held == 0 && recall_segments(r, &held) < 0)
        _exit(4);
    recall_held_done(&held);
    ret->events = r->info.events;
    snprintf(ret->said, sizeof(ret->said), "%.*s", (int)r->problems.len,
        r->problems.len ? (const char *)r->problems.p : "");
}

static void recall_in_role(const struct place *p, int64_t until_ns, int talk, struct outcome *ret)
{
    struct recall r = {.log_fd = -1, .progress_fd = -1, .spool_fd = talk, .until_ns = until_ns};
    const char *const folders[] = {"/proc/self/fd", p->folder};
    struct th_duck_config config = {
        .memory_bytes = p->memory_bytes, .folders = folders, .folder_count = 2};
    struct th_byte_sink sink = {.write = swallow};
    r.segments_fd = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r.runs = th_run_writer_new(&sink);
    struct rlimit few = {p->open_files, p->open_files};
    if (p->open_files && setrlimit(RLIMIT_NOFILE, &few) < 0)
        _exit(2);
    struct th_role_folder own = {r.segments_fd, false};
    struct th_lock_options lock = {.folders = &own, .folder_count = 1};
    if (r.segments_fd < 0 || th_duck_open(&config, &r.duck, NULL) < 0 ||
        th_role_lock_with(TH_ROLE_RECALL, &lock) < 0)
        _exit(2);
    work(&r, talk >= 0, ret);
    th_run_writer_free(r.runs);
    th_duck_close(r.duck);
    th_buf_done(&r.problems);
    _exit(0);
}

static void remove_all(const struct place *p)
{
    TH_AUTOFREE char *command = th_xasprintf("rm '%s'/*.parquet", p->folder);
    assert_int_equal(system(command), 0);
}

/* vanish: all segments go when they were found and none was read. */
static struct outcome recall_all(const struct place *p, int64_t until_ns, bool vanish)
{
    struct outcome *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int talk[2] = {-1, -1};
    int status;
    char found;
    assert_true(shared != MAP_FAILED);
    if (vanish)
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, talk), 0);
    pid_t pid = fork();
    if (pid == 0)
        recall_in_role(p, until_ns, talk[1], shared);
    if (vanish) {
        assert_int_equal(read(talk[0], &found, 1), 1);
        remove_all(p);
        assert_int_equal(write(talk[0], "x", 1), 1);
        close(talk[0]);
        close(talk[1]);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    struct outcome o = *shared;
    munmap(shared, sizeof(*shared));
    return o;
}

static void assert_outcome(struct outcome o, int held, uint64_t events, const char *said)
{
    assert_int_equal(o.held, held);
    if (said[0] ? !strstr(o.said, said) : o.said[0])
        fail_msg("said \"%s\" and not \"%s\"", o.said, said);
    assert_int_equal(o.events, events);
}

/* ---- the tests ---- */

static void what_a_master_removes_meanwhile_is_read(void **state)
{
    struct place *p = *state;
    seal(p, "one.parquet", 1000);
    seal(p, "two.parquet", 5000);
    commit(p, "one.parquet", 1000);
    commit(p, "two.parquet", 5000);
    struct outcome o = recall_all(p, INT64_MAX, false);
    assert_outcome(o, 0, 2 * EVENTS, "");
    assert_int_equal(o.position, 7);
    assert_outcome(recall_all(p, 1050, false), 0, 50, "");
    assert_outcome(recall_all(p, INT64_MAX, true), 0, 2 * EVENTS, "");
    /* Now they are gone for good. */
    assert_outcome(recall_all(p, INT64_MAX, false), 0, 0,
        "2 of 2 segments could not be read, or not to their end (the first is one.parquet: the "
        "file is missing)");
}

/* It divides the work by what the catalogue says, which may be anything. */
static void each_event_is_read_once_whatever_the_catalogue_says(void **state)
{
    struct place *p = *state;
    static const struct {
        int64_t first_ns, last_ns;
        uint64_t rows;
    } said[] = {{1000, 1099, 1000000}, {1000, 1099, UINT64_C(1) << 62}, {1040, 1060, 1000000},
        {1099, 1000, 1000000}, {INT64_MIN, INT64_MAX, 1000000}, {INT64_MAX - 1, INT64_MIN, 1000000},
        {INT64_MIN, INT64_MAX, 1}, {5000, 6000, 1000000}};
    seal(p, "one.parquet", 1000);
    for (size_t i = 0; i < TH_ARRAY_LEN(said); i++) {
        commit_as(p, "one.parquet", said[i].first_ns, said[i].last_ns, said[i].rows);
        assert_outcome(recall_all(p, INT64_MAX, false), 0, EVENTS, "");
    }
    commit_as(p, "one.parquet", 1000, 1099, 1000000);
    assert_outcome(recall_all(p, 1050, false), 0, 50, "");
}

static void what_does_not_fit_into_memory_is_read_in_halves(void **state)
{
    struct place *p = *state;
    enum { MANY = 150000 };
    seal_many(p, "one.parquet", 0, TH_NS_PER_S, MANY);
    commit_as(p, "one.parquet", 0, (MANY - 1) * TH_NS_PER_S, MANY);
    p->memory_bytes = 6u << 20;
    assert_outcome(recall_all(p, INT64_MAX, false), 0, MANY, "");
}

static void more_than_may_be_open_is_told(void **state)
{
    struct place *p = *state;
    char name[32];
    seal(p, "one.parquet", 1000);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "number-%d.parquet", i);
        TH_AUTOFREE char *from = path_of(p, "one.parquet"), *to = path_of(p, name);
        assert_int_equal(link(from, to), 0);
        commit(p, name, 1000);
    }
    p->open_files = 32;
    assert_outcome(recall_all(p, INT64_MAX, false), -EMFILE, 0, "");
    p->open_files = 128;
    assert_outcome(recall_all(p, INT64_MAX, false), 0, 40 * EVENTS, "");
}

static void what_somebody_put_there_is_told(void **state)
{
    struct place *p = *state;
    static const char *const names[] = {"good.parquet", "garbage.parquet", "link.parquet"};
    TH_AUTOFREE char *garbage = path_of(p, names[1]), *link = path_of(p, names[2]);
    seal(p, names[0], 1000);
    TH_AUTOFCLOSE FILE *f = fopen(garbage, "w");
    assert_non_null(f);
    fprintf(f, "PAR1 none PAR1");
    fflush(f);
    assert_int_equal(symlink(names[0], link), 0);
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        commit(p, names[i], 1000 + (int64_t)i);
    assert_outcome(recall_all(p, INT64_MAX, false), 0, EVENTS,
        "2 of 3 segments could not be read, or not to their end (the first is garbage.parquet: "
        "the file is damaged)");
}

static void run_sql(const struct place *p, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(p->catalogue, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_newer_versions_store_is_told(void **state)
{
    struct place *p = *state;
    seal(p, "good.parquet", 1000);
    commit(p, "good.parquet", 1000);
    run_sql(
        p, "INSERT INTO segments VALUES ('new.parquet', 'telepathy', 0, 1, 2, 3, 4, 0, 0, NULL)");
    assert_outcome(recall_all(p, INT64_MAX, false), 0, EVENTS,
        "1 segments hold events of kinds that this version does not know");
    run_sql(p, "PRAGMA user_version = 99");
    assert_outcome(recall_all(p, INT64_MAX, false), TH_E_VERSION, 0, "");
}

/* Nobody uses it, and there is no write-ahead log: as in a snapshot. */
static void a_catalogue_at_rest_is_read(void **state)
{
    struct place *p = *state;
    TH_AUTOFREE char *more = th_xasprintf("rm '%s-shm' '%s-wal'", p->catalogue, p->catalogue);
    seal(p, "good.parquet", 1000);
    commit(p, "good.parquet", 1000);
    run_sql(p, "PRAGMA wal_checkpoint(TRUNCATE)");
    th_catalogue_close(TH_TAKE(p->store));
    assert_int_equal(system(more), 0);
    assert_outcome(recall_all(p, INT64_MAX, false), 0, EVENTS, "");
    assert_int_equal(access(p->catalogue, F_OK), 0);
    TH_AUTOFREE char *shared = th_xasprintf("%s-shm", p->catalogue);
    assert_int_equal(access(shared, F_OK), -1);
}

static void what_is_no_catalogue_is_told(void **state)
{
    struct place *p = *state;
    run_sql(p, "DROP TABLE segments; CREATE TABLE segments (name TEXT)");
    assert_outcome(recall_all(p, INT64_MAX, false), TH_E_MALFORMED, 0, "");
    th_catalogue_close(TH_TAKE(p->store));
    TH_AUTOFREE char *all = th_xasprintf("rm '%s'*", p->catalogue);
    assert_int_equal(system(all), 0);
    assert_outcome(recall_all(p, INT64_MAX, false), -ENOENT, 0, "");
    TH_AUTOFCLOSE FILE *f = fopen(p->catalogue, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fprintf(f, "not a database ");
    fflush(f);
    assert_outcome(recall_all(p, INT64_MAX, false), TH_E_MALFORMED, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_master_removes_meanwhile_is_read, begin, end),
        cmocka_unit_test_setup_teardown(
            each_event_is_read_once_whatever_the_catalogue_says, begin, end),
        cmocka_unit_test_setup_teardown(
            what_does_not_fit_into_memory_is_read_in_halves, begin, end),
        cmocka_unit_test_setup_teardown(more_than_may_be_open_is_told, begin, end),
        cmocka_unit_test_setup_teardown(what_somebody_put_there_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_newer_versions_store_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_catalogue_at_rest_is_read, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_catalogue_is_told, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
