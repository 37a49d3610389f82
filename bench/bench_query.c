/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches over 5 M connections and 5 M handshakes in segments of a day, as they lie after merging:
 * a device's day, destinations that one device alone has, events by hour, a part of a server's
 * name. CPU time of the one thread that role query has, by its own code; the second run counts, as
 * the first one reads the files.
 */
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "../src/master/query_run.h"
#include "store/segment.h"
#include "store/watch.h"

#define DAYS 5u
#define ROWS_A_DAY 1000000u
#define BEGIN_NS (INT64_C(1767312000) * TH_NS_PER_S)

struct world {
    char folder[64];
    struct th_duck *duck;
    struct query_file files[2 * DAYS];
};

static int64_t cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool go_on(void *arg)
{
    (void)arg;
    return true;
}

/* Values as an office has them: 5,000 devices, few servers that all use and many that few do. */
static const char conn_row[] =
    "SELECT 'd' || (h % 5000) AS _entity, 7::UBIGINT AS _source, i::UBIGINT AS _seq, "
    "t AS _time, t AS ts, substr(md5(i::VARCHAR), 1, 17) AS uid, "
    "unhex('00000000000000000000ffff0a00' || printf('%04x', (h % 5000)::INTEGER)) AS id_orig_h, "
    "(1024 + h % 60000)::USMALLINT AS id_orig_p, "
    "unhex('00000000000000000000ffff0b' || printf('%06x', (sqrt(h % 1000000000) * (h % 97) "
    "/ 97)::INTEGER)) AS id_resp_h, (CASE WHEN h % 3 = 0 THEN 53 ELSE 443 END)::USMALLINT AS "
    "id_resp_p, 'tcp' AS proto, CASE WHEN h % 3 = 0 THEN 'dns' ELSE 'ssl' END AS service, "
    "(h % 100000000)::BIGINT AS duration, (h % 5000)::UBIGINT AS orig_bytes, (h % "
    "90000)::UBIGINT AS resp_bytes, 'SF' AS conn_state, true AS local_orig, 'ShADadfF' AS history";
static const char ssl_row[] =
    "SELECT 'd' || (h % 5000) AS _entity, 7::UBIGINT AS _source, i::UBIGINT AS _seq, "
    "t AS _time, t AS ts, substr(md5(i::VARCHAR), 1, 17) AS uid, "
    "unhex('00000000000000000000ffff0a00' || printf('%04x', (h % 5000)::INTEGER)) AS id_orig_h, "
    "443::USMALLINT AS id_resp_p, 'TLSv13' AS version, 'host' || "
    "(sqrt(h % 100000000)::INTEGER) || '.example' || (h % 50) || '.com' AS server_name, "
    "md5((h % 40)::VARCHAR) AS ja3";

static void write_day(struct world *w, unsigned kind, unsigned day, struct query_file *f)
{
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    struct stat st;
    int64_t begin_ns = BEGIN_NS + day * TH_NS_PER_DAY;
    char *path = th_xasprintf("%s/%s-%u.parquet", w->folder, th_kind_get(kind)->name, day);
    th_buf_puts(&sql, "COPY (FROM (FROM ");
    th_segment_shape(kind, &sql);
    th_buf_printf(&sql,
        " UNION ALL BY NAME %s FROM (SELECT i, hash(i) >> 8 AS h, "
        "(%lld + (i - %u) * 86400000)::BIGINT AS t FROM range(%u, %u) r(i))) "
        "ORDER BY _entity, _time) TO '%s' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, "
        "PARQUET_VERSION V2, ROW_GROUP_SIZE 122880)",
        kind == TH_KIND_CONN ? conn_row : ssl_row, (long long)begin_ns, day * ROWS_A_DAY,
        day * ROWS_A_DAY, (day + 1) * ROWS_A_DAY, path);
    th_buf_u8(&sql, 0);
    if (th_duck_run(w->duck, (const char *)sql.p) < 0) {
        fprintf(stderr, "%s\n", th_duck_error(w->duck));
        exit(1);
    }
    TH_ASSERT(stat(path, &st) == 0);
    *f = (struct query_file){.path = th_str_c(path),
        .kind = kind,
        .first_ns = begin_ns,
        .last_ns = begin_ns + TH_NS_PER_DAY - 1,
        .rows = ROWS_A_DAY,
        .bytes = (uint64_t)st.st_size};
}

/* Milliseconds of a request; its answer's total in ret_total. */
static int64_t request(struct world *w, const char *params, uint64_t *ret_rows)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    TH_AUTOFREE char *json = th_xasprintf("{\"route\":\"search\",\"params\":%s}", params);
    struct query_ask ask;
    struct query_file files[TH_ARRAY_LEN(w->files)];
    int64_t begin_ms = cpu_ms();
    TH_ASSERT(query_ask_parse(th_str_c(json), &ask, &out) == 0);
    memcpy(files, w->files, sizeof(files));
    struct query_job *job = query_job_new(w->duck, &ask, files, TH_ARRAY_LEN(files));
    int r = 0;
    while (r == 0)
        r = query_job_step(job);
    TH_ASSERT(r == 1);
    query_job_answer(job, 0, &out);
    *ret_rows = query_job_rows(job);
    query_job_free(job);
    query_ask_done(&ask);
    return cpu_ms() - begin_ms;
}

static int64_t rare(struct world *w)
{
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    int64_t begin_ms = cpu_ms();
    th_buf_printf(&sql,
        "SELECT id_resp_h, sum(orig_bytes) AS b FROM read_parquet('%s/conn-*.parquet') "
        "GROUP BY id_resp_h HAVING min(_entity) = max(_entity) ORDER BY b DESC LIMIT 20",
        w->folder);
    th_buf_u8(&sql, 0);
    TH_ASSERT(th_duck_run(w->duck, (const char *)sql.p) == 0);
    return cpu_ms() - begin_ms;
}

static void say(const char *name, int64_t ms, int budget_ms)
{
    printf("{\"name\": \"query: %s\", \"value\": %lld, \"unit\": \"CPU ms\", \"budget\": %d}\n",
        name, (long long)ms, budget_ms);
    fflush(stdout);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void bench(struct world *w)
{
    static const struct {
        const char *name, *params;
        int budget_ms;
    } shapes[] = {
        {"a device's day",
            "{\"q\":\"entity:d123\",\"kind\":\"conn\",\"limit\":\"1000\",\"from\":"
            "\"2026-01-04T00:00:00Z\",\"to\":\"2026-01-05T00:00:00Z\"}",
            100},
        {"newest hundred of all", "{\"q\":\"*\",\"kind\":\"conn\"}", 200},
        {"by hour, 5 M rows", "{\"q\":\"*\",\"kind\":\"conn\",\"histogram\":\"1\",\"limit\":\"1\"}",
            300},
        {"part of a server's name, 5 M rows", "{\"q\":\"server_name:*host77*\"}", 1000},
        {"a word anywhere, 5 M rows", "{\"q\":\"host77\",\"kind\":\"ssl\"}", 2000},
        {"a rare word anywhere, by hour, 10 M rows",
            "{\"q\":\"host7777.example7.com\",\"histogram\":\"1\"}", 4000},
        {"an address, 5 M rows", "{\"q\":\"id.orig_h:10.0.0.77\",\"kind\":\"conn\"}", 500},
        {"a uid, 5 M rows", "{\"q\":\"uid:c4ca4238a0b923820\",\"kind\":\"conn\"}", 200},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(shapes); i++) {
        uint64_t rows;
        request(w, shapes[i].params, &rows);
        int64_t ms = request(w, shapes[i].params, &rows);
        fprintf(stderr, "bench_query: %s: %llu rows in the answer\n", shapes[i].name,
            (unsigned long long)rows);
        TH_ASSERT(rows > 0);
        say(shapes[i].name, ms, shapes[i].budget_ms);
    }
    rare(w);
    say("destinations of one device alone, 5 M rows", rare(w), 1500);
}

int main(void)
{
    struct world *w = th_xcalloc(1, sizeof(*w));
    snprintf(w->folder, sizeof(w->folder), "/tmp/thymus-bench-XXXXXX");
    TH_ASSERT(mkdtemp(w->folder));
    const char *folders[] = {w->folder};
    struct th_duck_config config = {
        .memory_bytes = UINT64_C(512) << 20, .folders = folders, .folder_count = 1};
    char *message = NULL;
    if (th_duck_open(&config, &w->duck, &message) < 0)
        return printf("{\"skip\": \"DuckDB cannot be opened\"}\n") < 0;
    TH_ASSERT(th_duck_watch(w->duck, go_on, NULL) == 0);
    fprintf(stderr, "bench_query: making %u rows\n", 2 * DAYS * ROWS_A_DAY);
    for (unsigned day = 0; day < DAYS; day++) {
        write_day(w, TH_KIND_CONN, day, &w->files[day]);
        write_day(w, TH_KIND_SSL, day, &w->files[DAYS + day]);
    }
    bench(w);
    th_duck_close(w->duck);
    nftw(w->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}
