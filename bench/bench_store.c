/* SPDX-License-Identifier: Apache-2.0 */
/* Events to rest: rows a second through identity into tables and segments, the same with hot chunks
 * for a search a second and with merging, bytes a row before and after merging, memory, the longest
 * that a step keeps a role from its other work. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "event/batch.h"
#include "identity/identity.h"
#include "seal.h"
#include "sim.h"
#include "store/segment.h"

enum { MAX_FILES = 64, MAX_CHUNKS = 512, MERGED_FILES = 9, DAYS = 2 };
enum { SEARCH_ROWS = 60000 }; /* come in a second, at the budget */

struct bench {
    char folder[64];
    struct th_duck *duck, *merge_duck, *query_duck;
    struct th_identity *identity;
    struct th_segment_table *tables[TH_KIND_COUNT];
    uint64_t chunked[TH_KIND_COUNT]; /* rows of the table that are in chunks */
    size_t chunk_count;
    char *chunks[MAX_CHUNKS];
    uint64_t searches;
    double chunks_s, searches_s; /* CPU */
    uint64_t in_memory, rows, files;
    char *names[TH_KIND_COUNT][MAX_FILES];
    size_t name_count[TH_KIND_COUNT];
    double longest_step_s;
    bool merging;
};

struct frames {
    struct th_batch_writer *writer;
    struct th_buf bytes;
};

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int collect(void *arg, const struct th_event *ev)
{
    struct frames *f = arg;
    struct th_batch_head head = {0};
    int r = th_batch_add(f->writer, ev);
    return r == 0 && th_batch_full(f->writer) ? th_batch_finish(f->writer, &head, &f->bytes) : r;
}

static void make_events(struct frames *f)
{
    struct lab_sim *s = NULL;
    int64_t begin = INT64_C(1772409600000000000); /* a Monday, 00:00 UTC */
    struct lab_options opt = {.seed = 5,
        .devices = 200,
        .start_ns = begin,
        .end_ns = begin + DAYS * TH_NS_PER_DAY,
        .part_ns = 5 * TH_NS_PER_MIN,
        .events = {collect, f}};
    struct th_batch_head head = {0};
    f->writer = th_batch_writer_new();
    TH_ASSERT(lab_sim_new(&opt, &s) == 0);
    TH_ASSERT(lab_sim_run(s, opt.end_ns) == 0);
    lab_sim_free(s);
    TH_ASSERT(th_batch_finish(f->writer, &head, &f->bytes) == 0);
    th_batch_writer_free(f->writer);
}

static void check(struct bench *b, int r)
{
    if (r < 0)
        fprintf(stderr, "bench_store: %s\n",
            b->merging ? th_duck_error(b->merge_duck) : th_duck_error(b->duck));
    TH_ASSERT(r >= 0);
}

static uint64_t run_job(struct bench *b, struct th_segment_job *job, const char *path)
{
    int r = 0;
    while (r == 0) {
        double t0 = seconds(CLOCK_MONOTONIC);
        r = th_segment_job_step(job);
        b->longest_step_s = TH_MAX(b->longest_step_s, seconds(CLOCK_MONOTONIC) - t0);
    }
    check(b, r);
    th_segment_job_free(job);
    struct stat st;
    TH_ASSERT(stat(path, &st) == 0);
    return (uint64_t)st.st_size;
}

static uint64_t seal(struct bench *b)
{
    uint64_t bytes = 0;
    for (unsigned k = 0; k < TH_KIND_COUNT; k++) {
        if (!b->tables[k])
            continue;
        char *path = th_xasprintf("%s/%u-%zu.parquet", b->folder, k, b->name_count[k]);
        struct th_segment_job *job = NULL;
        TH_ASSERT(b->name_count[k] < MAX_FILES);
        check(b, th_segment_seal(b->tables[k], path, &job));
        bytes += run_job(b, job, path);
        th_segment_table_free(TH_TAKE(b->tables[k]));
        b->chunked[k] = 0;
        b->names[k][b->name_count[k]++] = path;
        b->files++;
    }
    for (size_t i = 0; i < b->chunk_count; i++) {
        unlink(b->chunks[i]);
        free(b->chunks[i]);
    }
    b->chunk_count = 0;
    b->in_memory = 0;
    return bytes;
}

/* What a search asks of the store: rows in memory become files that query may read. */
static void write_chunks(struct bench *b)
{
    for (unsigned k = 0; k < TH_KIND_COUNT; k++) {
        struct th_segment_table *t = b->tables[k];
        uint64_t rows = t ? th_segment_table_extent(t).rows : 0;
        if (rows == b->chunked[k])
            continue;
        TH_ASSERT(b->chunk_count < MAX_CHUNKS);
        char *path = th_xasprintf("%s/hot-%zu.parquet", b->folder, b->chunk_count);
        struct th_segment_job *job = NULL;
        check(b, th_segment_chunk(t, b->chunked[k], path, &job));
        (void)run_job(b, job, path);
        b->chunks[b->chunk_count++] = path;
        b->chunked[k] = rows;
    }
}

/* By another database, as role query is another process: a device's rows in all that there is. */
static void search(struct bench *b)
{
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    th_buf_puts(&sql, "SELECT count(*), max(_time) FROM read_parquet([");
    for (unsigned k = 0; k < TH_KIND_COUNT; k++)
        for (size_t i = 0; i < b->name_count[k]; i++)
            th_buf_printf(&sql, "'%s', ", b->names[k][i]);
    for (size_t i = 0; i < b->chunk_count; i++)
        th_buf_printf(&sql, "'%s', ", b->chunks[i]);
    th_buf_puts(&sql, "], union_by_name = true) WHERE _entity = 'd0' OR _peer = 'd0'");
    th_buf_u8(&sql, 0);
    if (th_duck_run(b->query_duck, (const char *)sql.p) < 0) {
        fprintf(stderr, "bench_store: %s\n", th_duck_error(b->query_duck));
        exit(1);
    }
    b->searches++;
}

static void queried(struct bench *b)
{
    double longest_s = b->longest_step_s;
    double t0 = seconds(CLOCK_PROCESS_CPUTIME_ID);
    write_chunks(b);
    double t1 = seconds(CLOCK_PROCESS_CPUTIME_ID);
    search(b);
    b->chunks_s += t1 - t0;
    b->searches_s += seconds(CLOCK_PROCESS_CPUTIME_ID) - t1;
    b->longest_step_s = longest_s;
}

static uint64_t add(struct bench *b, struct th_event *ev)
{
    struct th_who who;
    char entity[TH_ENTITY_TEXT_LEN], peer[TH_ENTITY_TEXT_LEN];
    ev->source = 7;
    th_identity_event(b->identity, ev, &who);
    if (who.orig)
        th_entity_text(who.orig->id, entity);
    if (who.resp)
        th_entity_text(who.resp->id, peer);
    struct th_segment_table **t = &b->tables[ev->kind];
    if (!*t)
        check(b, th_segment_table_new(b->duck, ev->kind, t));
    check(b,
        th_segment_table_add(*t, ev, who.orig ? th_str_c(entity) : th_str_n("", 0),
            who.resp ? th_str_c(peer) : th_str_n("", 0)));
    if (++b->rows % SEARCH_ROWS == 0)
        queried(b);
    return ++b->in_memory == TH_SEAL_ROWS ? seal(b) : 0;
}

static uint64_t add_all(struct bench *b, const struct th_buf *frames)
{
    struct th_batch_reader *r = th_batch_reader_new();
    uint64_t bytes = 0;
    for (size_t at = 0; at < frames->len;) {
        enum th_frame_type type;
        uint32_t len;
        struct th_batch_head head;
        struct th_event *ev;
        TH_ASSERT(th_frame_head(frames->p + at, &type, &len) == 0);
        TH_ASSERT(th_batch_open(r, frames->p + at, TH_FRAME_HEAD_BYTES + len, &head) == 0);
        while (th_batch_next(r, &ev) > 0)
            bytes += add(b, ev);
        at += TH_FRAME_HEAD_BYTES + len;
    }
    th_batch_reader_free(r);
    return bytes + seal(b);
}

/* So many files of a kind, as role seal does it, to about a million rows. */
static uint64_t merge_some(struct bench *b, unsigned k, size_t at, size_t count)
{
    TH_AUTOFREE char *path = th_xasprintf("%s/%u.parquet", b->folder, k);
    struct th_segment_job *job = NULL;
    check(b,
        th_segment_merge(
            b->merge_duck, k, (const char *const *)b->names[k] + at, count, path, &job));
    uint64_t bytes = run_job(b, job, path);
    unlink(path);
    return bytes;
}

static uint64_t merge(struct bench *b)
{
    uint64_t bytes = 0;
    for (unsigned k = 0; k < TH_KIND_COUNT; k++) {
        for (size_t at = 0; at < b->name_count[k]; at += MERGED_FILES)
            bytes += merge_some(b, k, at, TH_MIN(b->name_count[k] - at, (size_t)MERGED_FILES));
        for (size_t i = 0; i < b->name_count[k]; i++) {
            unlink(b->names[k][i]);
            free(b->names[k][i]);
        }
    }
    return bytes;
}

static void row(const char *name, double value, const char *unit, const char *budget)
{
    printf("{\"name\": \"%s\", \"value\": %.2f, \"unit\": \"%s\"%s}\n", name, value, unit, budget);
    fflush(stdout);
}

int main(void)
{
    struct frames frames = {0};
    struct bench b = {.folder = "/tmp/bench_store.XXXXXX"};
    TH_ASSERT(mkdtemp(b.folder));
    const char *folder = b.folder;
    TH_AUTOFREE char *temp = th_xasprintf("%s/temp", folder);
    struct th_duck_config duck = {.memory_bytes = TH_SEAL_MEMORY_BYTES,
        .temp_folder = temp,
        .temp_bytes = UINT64_C(4) << 30,
        .folders = &folder,
        .folder_count = 1};
    struct th_identity_config identity = {.key = {1, 2}};
    TH_ASSERT(th_duck_open(&duck, &b.duck, NULL) == 0);
    duck.memory_bytes = TH_SEAL_MERGE_MEMORY_BYTES;
    TH_ASSERT(th_duck_open(&duck, &b.merge_duck, NULL) == 0);
    duck.memory_bytes = UINT64_C(512) << 20; /* as role query has it */
    TH_ASSERT(th_duck_open(&duck, &b.query_duck, NULL) == 0);
    b.identity = th_identity_new(&identity);
    make_events(&frames);
    double t0 = seconds(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t sealed = add_all(&b, &frames.bytes);
    double sealing_s = seconds(CLOCK_PROCESS_CPUTIME_ID) - t0 - b.chunks_s - b.searches_s;
    row("store: rows/s of CPU while sealing", (double)b.rows / sealing_s, "rows/s", "");
    row("store: bytes a row, sealed", (double)sealed / (double)b.rows, "B", "");
    row("store: longest step of sealing", b.longest_step_s * 1e3, "ms", "");
    b.longest_step_s = 0;
    b.merging = true;
    t0 = seconds(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t merged = merge(&b);
    row("store: bytes a row, merged", (double)merged / (double)b.rows, "B", ", \"budget\": 40");
    double merging_s = seconds(CLOCK_PROCESS_CPUTIME_ID) - t0;
    row("store: rows/s of CPU merging", (double)b.rows / merging_s, "rows/s", "");
    row("store: rows/s of CPU, sealed, merged and queried",
        (double)b.rows / (sealing_s + merging_s + b.chunks_s), "rows/s",
        ", \"budget\": 150000, \"better\": \"higher\"");
    row("store: chunks for a search, CPU", b.chunks_s / (double)b.searches * 1e3, "ms", "");
    row("store: a search beside it, CPU", b.searches_s / (double)b.searches * 1e3, "ms", "");
    row("store: longest step of merging", b.longest_step_s * 1e3, "ms", "");
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    row("store: peak memory less the input",
        ((double)u.ru_maxrss * 1024 - (double)frames.bytes.cap) / 1048576, "MiB",
        ", \"budget\": 1024");
    th_identity_free(b.identity);
    th_duck_close(b.duck);
    th_duck_close(b.merge_duck);
    th_duck_close(b.query_duck);
    rmdir(temp);
    rmdir(b.folder);
    th_buf_done(&frames.bytes);
    return 0;
}
