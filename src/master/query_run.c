/* SPDX-License-Identifier: Apache-2.0 */
#include "query_run.h"

#include "query_json.h"
#include "query_prepare.h"
#include "store/segment.h"

/* Of one statement: its plan reads the foot of each file at once. */
#define BATCH_FILES 48u
#define BATCH_ROWS 4000000u
/* Rows are asked for by their times when they are no more: nearly all else is then left unread. */
#define FEW_TIMES 64u
/* Room kept for what stands around the rows. */
#define ANSWER_FRAME (256u << 10)

enum stage { STAGE_ROWS, STAGE_HISTOGRAM, STAGE_DONE };
/* Of STAGE_ROWS: first the times of a batch's rows, which is quick, then the rows between them. */
enum part { PART_TIMES, PART_ROWS };

struct row {
    struct th_select_place place;
    size_t at, len; /* its JSON in `json` */
};

struct query_job {
    struct th_duck *d;
    const struct query_ask *ask;
    struct query_file *files; /* the wanted ones, newest last event first */
    bool *used;               /* by this stage */
    bool *counted;            /* its events are in the histogram already */
    size_t file_count;
    bool without_newest;
    enum stage stage;
    /* the statement that runs */
    struct th_select *sql;
    struct th_duck_stmt *stmt;
    struct th_duck_result *result;
    unsigned kind;
    enum part part;
    struct th_str paths[BATCH_FILES];
    size_t batch[BATCH_FILES]; /* which of `files` these are */
    struct th_select_from from;
    struct th_buf shape;      /* of `kind`, for `from` */
    int64_t times[FEW_TIMES]; /* of the batch's rows, when they are few */
    /* what was found */
    struct row *rows; /* in order; when `full`, what comes behind the last one is not wanted */
    size_t row_count, row_room;
    bool full;
    struct th_buf json;
    uint64_t shown; /* rows in the answer */
    uint64_t scanned_bytes;
    int64_t base_ns, bucket_ns;
    uint64_t buckets[QUERY_MAX_BUCKETS + 1];
    unsigned bucket_count;
    uint64_t total;
};

/* ---- files ---- */

static int newest_first(const void *a, const void *b)
{
    const struct query_file *x = a, *y = b;
    if (x->last_ns != y->last_ns)
        return x->last_ns > y->last_ns ? -1 : 1;
    return th_str_cmp(x->path, y->path);
}

/* Keeps the files that can hold an answer. */
static void choose_files(struct query_job *j, size_t count)
{
    const struct query_ask *a = j->ask;
    for (size_t i = 0; i < count; i++) {
        const struct query_file *f = &j->files[i];
        if (a->kinds >> f->kind & 1 && f->last_ns >= a->from_ns && f->first_ns < a->to_ns)
            j->files[j->file_count++] = *f;
    }
    if (j->file_count)
        qsort(j->files, j->file_count, sizeof(*j->files), newest_first);
}

static size_t first_unused(const struct query_job *j)
{
    size_t i = 0;
    while (i < j->file_count && j->used[i])
        i++;
    return i;
}

static const char *put_shape(struct query_job *j)
{
    th_buf_clear(&j->shape);
    th_segment_shape(j->kind, &j->shape);
    th_buf_u8(&j->shape, 0);
    return (const char *)j->shape.p;
}

/* The next files of one kind, up to the limits of a statement. */
static void take_batch(struct query_job *j)
{
    size_t count = 0, i = first_unused(j);
    uint64_t rows = 0;
    j->kind = i < j->file_count ? j->files[i].kind : 0;
    for (; i < j->file_count && count < BATCH_FILES; i++) {
        const struct query_file *f = &j->files[i];
        if (j->used[i] || f->kind != j->kind)
            continue;
        if (count && rows + f->rows > BATCH_ROWS)
            break;
        j->used[i] = true;
        rows += f->rows;
        j->scanned_bytes += f->bytes;
        j->batch[count] = i;
        j->paths[count++] = f->path;
    }
    j->from = (struct th_select_from){.kind = j->kind,
        .from_ns = j->ask->from_ns,
        .to_ns = j->ask->to_ns,
        .files = j->paths,
        .file_count = count,
        .shape = put_shape(j),
        .watched = true};
}

/* ---- time ---- */

static int64_t bucket_for(int64_t span_ns)
{
    static const int64_t seconds[] = {1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200,
        86400, 7 * 86400, 30 * 86400, 365 * 86400};
    for (size_t i = 0; i < TH_ARRAY_LEN(seconds); i++)
        if (span_ns / (seconds[i] * TH_NS_PER_S) < (int64_t)QUERY_MAX_BUCKETS - 1)
            return seconds[i] * TH_NS_PER_S;
    return INT64_C(100) * 365 * TH_NS_PER_DAY;
}

/* The histogram's range: what was asked for, or what there is; nothing is no bucket. */
static void choose_buckets(struct query_job *j)
{
    const struct query_ask *a = j->ask;
    int64_t begin = INT64_MAX, end = 0;
    j->bucket_ns = TH_NS_PER_S;
    if (j->file_count == 0 && !(a->has_from && a->has_to))
        return;
    for (size_t i = 0; i < j->file_count; i++) {
        begin = TH_MIN(begin, TH_MAX(j->files[i].first_ns, a->from_ns));
        end = TH_MAX(end, TH_MIN(j->files[i].last_ns, a->to_ns - 1));
    }
    if (a->has_from)
        begin = a->from_ns;
    if (a->has_to)
        end = a->to_ns - 1;
    if (begin > end)
        begin = end;
    j->bucket_ns = bucket_for(th_time_sub(end, begin));
    j->base_ns = th_time_floor(begin, j->bucket_ns);
    j->bucket_count = (unsigned)((end - j->base_ns) / j->bucket_ns) + 1;
    TH_ASSERT(j->bucket_count <= QUERY_MAX_BUCKETS + 1);
}

struct query_job *query_job_new(
    struct th_duck *d, const struct query_ask *ask, struct query_file *files, size_t file_count)
{
    struct query_job *j = th_xcalloc(1, sizeof(*j));
    j->d = d;
    j->ask = ask;
    j->files = files;
    choose_files(j, file_count);
    j->used = th_xcalloc(j->file_count + 1, sizeof(*j->used));
    j->counted = th_xcalloc(j->file_count + 1, sizeof(*j->counted));
    if (ask->histogram)
        choose_buckets(j);
    return j;
}

static void end_statement(struct query_job *j)
{
    th_duck_result_free(TH_TAKE(j->result));
    th_duck_stmt_free(TH_TAKE(j->stmt));
    th_select_free(TH_TAKE(j->sql));
}

void query_job_without_newest(struct query_job *j)
{
    j->without_newest = true;
}

void query_job_free(struct query_job *j)
{
    if (!j)
        return;
    end_statement(j);
    th_buf_done(&j->json);
    th_buf_done(&j->shape);
    free(j->rows);
    free(j->used);
    free(j->counted);
    free(j);
}

/* ---- rows ---- */

static int in_order(const void *a, const void *b)
{
    const struct th_select_place *x = &((const struct row *)a)->place;
    const struct th_select_place *y = &((const struct row *)b)->place;
    if (x->time_ns != y->time_ns)
        return x->time_ns > y->time_ns ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Of all rows so far the first ones that fill the page, one more, and only their bytes. */
static void keep_first(struct query_job *j)
{
    struct th_buf json = TH_BUF_INIT;
    size_t kept = 0;
    if (j->row_count > 1)
        qsort(j->rows, j->row_count, sizeof(*j->rows), in_order);
    while (kept < j->row_count && kept <= j->ask->limit && json.len <= QUERY_MAX_ANSWER) {
        struct row *row = &j->rows[kept++];
        size_t at = json.len;
        th_buf_put(&json, j->json.p + row->at, row->len);
        row->at = at;
    }
    j->full = kept > j->ask->limit || json.len > QUERY_MAX_ANSWER;
    j->row_count = kept;
    th_buf_done(&j->json);
    j->json = json;
}

static struct row *row_new(struct query_job *j)
{
    if (j->row_count == j->row_room) {
        j->row_room = j->row_room ? j->row_room * 2 : 256;
        j->rows = th_xreallocarray(j->rows, j->row_room, sizeof(*j->rows));
    }
    return &j->rows[j->row_count++];
}

static int take_rows(struct query_job *j)
{
    size_t n;
    int r;
    while ((r = th_duck_next(j->result, &n)) > 0) {
        for (size_t i = 0; i < n; i++) {
            struct row *row = row_new(j);
            struct th_json out = th_json_init(&j->json);
            *row = (struct row){.place = query_row_place(j->result, i, j->kind), .at = j->json.len};
            if (j->ask->route == QUERY_SERIES)
                query_point_put(&out, j->result, i);
            else
                query_row_put(&out, j->result, i, j->kind, j->ask->fields[j->kind]);
            row->len = j->json.len - row->at;
        }
        if (j->json.len > 4 * QUERY_MAX_ANSWER)
            keep_first(j);
    }
    keep_first(j);
    return r;
}

static int take_counts(struct query_job *j)
{
    size_t n;
    int r;
    while ((r = th_duck_next(j->result, &n)) > 0) {
        for (size_t i = 0; i < n; i++) {
            int64_t bucket = th_duck_i64(j->result, 0, i);
            uint64_t count = th_duck_u64(j->result, 1, i);
            j->total += count;
            if (bucket >= 0 && bucket < (int64_t)j->bucket_count)
                j->buckets[bucket] += count;
        }
    }
    return r;
}

/* ---- steps ---- */

/* The page is full, and what is left is older than its last row. */
static bool page_is_full(const struct query_job *j)
{
    size_t next = first_unused(j);
    if (next == j->file_count)
        return true;
    return j->full && j->rows[j->row_count - 1].place.time_ns > j->files[next].last_ns;
}

static void next_stage(struct query_job *j)
{
    memcpy(j->used, j->counted, j->file_count * sizeof(*j->used));
    j->stage = j->stage == STAGE_ROWS && j->ask->histogram ? STAGE_HISTOGRAM : STAGE_DONE;
}

static int start_statement(struct query_job *j)
{
    const struct query_ask *a = j->ask;
    const struct th_select_place *after = a->has_after ? &a->after : NULL;
    j->sql = th_select_new();
    if (j->stage == STAGE_HISTOGRAM)
        th_select_histogram(j->sql, a->q, &j->from, j->base_ns, j->bucket_ns);
    else if (j->part == PART_TIMES)
        th_select_times(j->sql, a->q, &j->from, after, a->limit + 1);
    else
        th_select_rows(j->sql, a->q, &j->from, a->fields[j->kind], after, a->limit + 1);
    int r = query_prepare(j->d, j->sql, &j->stmt);
    return r < 0 ? r : th_duck_start(j->stmt, &j->result);
}

static int next_batch(struct query_job *j)
{
    bool over = j->stage == STAGE_ROWS ? page_is_full(j) : first_unused(j) == j->file_count;
    if (over) {
        next_stage(j);
        return 0;
    }
    take_batch(j);
    if (j->stage == STAGE_ROWS && j->full)
        j->from.from_ns = TH_MAX(j->from.from_ns, j->rows[j->row_count - 1].place.time_ns);
    return start_statement(j);
}

/* The times are those of all events of the batch's files that are looked for: these files need not
 * be read once more for the histogram. */
static void count_times(struct query_job *j, const int64_t *times, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t bucket = (times[i] - j->base_ns) / j->bucket_ns;
        if (bucket >= 0 && bucket < (int64_t)j->bucket_count)
            j->buckets[bucket]++;
    }
    j->total += count;
    for (size_t i = 0; i < j->from.file_count; i++)
        j->counted[j->batch[i]] = true;
}

/* Where in time the batch's rows are; none: the batch is done. */
static int take_times(struct query_job *j, bool *ret_any)
{
    const struct query_ask *a = j->ask;
    size_t n, count = 0, room = (size_t)a->limit + 1;
    TH_AUTOFREE int64_t *times = th_xcalloc(room, sizeof(*times));
    int r;
    while ((r = th_duck_next(j->result, &n)) > 0)
        for (size_t i = 0; i < n && count < room; i++)
            times[count++] = th_duck_i64(j->result, 0, i);
    if (r < 0)
        return r;
    *ret_any = count > 0;
    if (a->histogram && !a->has_after && count <= a->limit && j->from.from_ns == a->from_ns)
        count_times(j, times, count);
    if (count == 0)
        return 0;
    j->from.from_ns = times[count - 1];
    j->from.to_ns = times[0] + 1;
    if (count <= FEW_TIMES) {
        memcpy(j->times, times, count * sizeof(*times));
        j->from.times = j->times;
        j->from.time_count = count;
    }
    return 0;
}

static int end_times(struct query_job *j)
{
    bool any;
    int r = take_times(j, &any);
    end_statement(j);
    if (r < 0 || !any)
        return r;
    j->part = PART_ROWS;
    return start_statement(j);
}

int query_job_step(struct query_job *j)
{
    if (j->stage == STAGE_DONE)
        return 1;
    if (!j->result)
        return next_batch(j);
    int r = th_duck_step(j->result);
    if (r <= 0)
        return r;
    if (j->stage == STAGE_ROWS && j->part == PART_TIMES)
        return end_times(j);
    r = j->stage == STAGE_ROWS ? take_rows(j) : take_counts(j);
    j->part = PART_TIMES;
    end_statement(j);
    return r;
}

/* ---- the answer ---- */

static void put_raw(struct th_json *out, struct th_buf *to, const struct query_job *j, size_t i)
{
    if (out->comma)
        th_buf_u8(to, ',');
    out->comma = true;
    th_buf_put(to, j->json.p + j->rows[i].at, j->rows[i].len);
}

static void put_histogram(struct th_json *out, const struct query_job *j)
{
    th_json_key(out, "histogram");
    th_json_open(out);
    th_json_key(out, "bucket_s");
    th_json_i64(out, j->bucket_ns / TH_NS_PER_S);
    th_json_key(out, "counts");
    th_json_open_list(out);
    for (unsigned i = 0; i < j->bucket_count; i++) {
        th_json_open(out);
        th_json_key(out, "time");
        th_json_time(out, j->base_ns + (int64_t)i * j->bucket_ns);
        th_json_key(out, "n");
        th_json_u64(out, j->buckets[i]);
        th_json_close(out);
    }
    th_json_close_list(out);
    th_json_close(out);
}

/* How many rows the answer has: as many as the page and the limit of bytes take. */
static size_t fitting(const struct query_job *j)
{
    size_t bytes = ANSWER_FRAME, n = 0;
    while (n < j->row_count && n < j->ask->limit && bytes + j->rows[n].len + 1 <= QUERY_MAX_ANSWER)
        bytes += j->rows[n++].len + 1;
    return n;
}

static void put_series(struct query_job *j, struct th_buf *out)
{
    struct th_json o = th_json_init(out);
    th_json_open(&o);
    th_json_key(&o, "unit");
    th_json_str(&o, th_str_c(j->ask->unit));
    th_json_key(&o, "label");
    th_json_str(&o, th_str_c(j->ask->label));
    th_json_key(&o, "points");
    th_json_open_list(&o);
    for (size_t i = j->shown; i-- > 0;)
        put_raw(&o, out, j, i);
    th_json_close_list(&o);
    th_json_close(&o);
}

static void put_next(struct th_json *o, const struct query_job *j)
{
    TH_AUTOBUF struct th_buf cursor = TH_BUF_INIT;
    th_json_key(o, "next");
    if (j->shown == j->row_count || j->shown == 0) {
        th_json_null(o);
        return;
    }
    query_cursor_put(&j->rows[j->shown - 1].place, &cursor);
    th_json_str(o, th_buf_view(&cursor));
}

static void put_total(struct th_json *o, const struct query_job *j)
{
    bool all = !j->ask->has_after && j->shown == j->row_count;
    th_json_key(o, "total");
    if (j->ask->histogram)
        th_json_u64(o, j->total);
    else if (all)
        th_json_u64(o, j->shown);
    else
        th_json_null(o);
}

void query_job_answer(struct query_job *j, int64_t took_ms, struct th_buf *out)
{
    TH_ASSERT(j->stage == STAGE_DONE);
    uint64_t kinds = 0;
    j->shown = fitting(j);
    if (j->ask->route == QUERY_SERIES) {
        put_series(j, out);
        return;
    }
    for (size_t i = 0; i < j->shown; i++)
        kinds |= UINT64_C(1) << j->rows[i].place.kind;
    struct th_json o = th_json_init(out);
    th_json_open(&o);
    th_json_key(&o, "columns");
    query_columns_put(&o, kinds, j->ask->fields);
    th_json_key(&o, "rows");
    th_json_open_list(&o);
    for (size_t i = 0; i < j->shown; i++)
        put_raw(&o, out, j, i);
    th_json_close_list(&o);
    put_total(&o, j);
    th_json_key(&o, "newest");
    th_json_bool(&o, !j->without_newest);
    th_json_key(&o, "truncated");
    th_json_bool(&o, j->shown < j->row_count);
    put_next(&o, j);
    if (j->ask->histogram)
        put_histogram(&o, j);
    th_json_key(&o, "took_ms");
    th_json_i64(&o, took_ms);
    th_json_key(&o, "scanned_bytes");
    th_json_u64(&o, j->scanned_bytes);
    th_json_close(&o);
}

uint64_t query_job_rows(const struct query_job *j)
{
    return j->shown;
}
