/* SPDX-License-Identifier: Apache-2.0 */
/* Files being written, step by step: aside, synced, renamed, then told. */
#include <inttypes.h>

#include "base/time.h"
#include "seal.h"

void th_seal_unit_done(struct th_seal_unit *u)
{
    th_segment_job_free(u->job);
    if (u->what != TH_SEAL_CHUNK_UNIT)
        for (size_t i = 0; i < u->table_count; i++)
            th_segment_table_free(u->tables[i].rows);
    if (u->what != TH_SEAL_CHUNK_UNIT)
        free(u->tables);
    free(u->merge);
    th_catalogue_change_done(&u->change);
    *u = (struct th_seal_unit){0};
}

static void make_room(struct th_seal_unit *u, size_t files)
{
    u->change.add = th_xcalloc(files + 1, sizeof(*u->change.add));
}

void th_seal_unit_of_rows(struct th_seal_unit *u, enum th_seal_what what, struct th_seal_rows *rows)
{
    *u = (struct th_seal_unit){.what = what, .table_count = rows->count};
    u->tables = th_xcalloc(rows->count + 1, sizeof(*u->tables));
    memcpy(u->tables, rows->tables, rows->count * sizeof(*u->tables));
    make_room(u, rows->count);
    rows->count = 0;
    th_seal_rows_done(rows);
}

bool th_seal_unit_of_chunks(struct th_seal_unit *u, struct th_seal_rows *rows)
{
    bool some = false;
    for (size_t i = 0; i < rows->count; i++)
        some |= th_segment_table_extent(rows->tables[i].rows).rows > rows->tables[i].chunked;
    if (!some)
        return false;
    *u = (struct th_seal_unit){
        .what = TH_SEAL_CHUNK_UNIT, .tables = rows->tables, .table_count = rows->count};
    make_room(u, rows->count);
    return true;
}

void th_seal_unit_of_merge(struct th_seal_unit *u, struct th_catalogue_file *files, size_t count)
{
    *u = (struct th_seal_unit){.what = TH_SEAL_MERGE_UNIT, .merge = files, .merge_count = count};
    make_room(u, 1);
    u->change.retire = th_xcalloc(count, sizeof(*u->change.retire));
}

void th_seal_unit_without(struct th_seal_unit *u, const struct th_catalogue_file *file,
    const char *gone, uint64_t gone_rows)
{
    struct th_catalogue_file *files = th_xcalloc(1, sizeof(*files));
    *files = *file;
    th_seal_unit_of_merge(u, files, 1);
    u->gone = gone;
    u->gone_rows = gone_rows;
}

/* Of a file that loses all its rows nothing is written. */
static size_t file_count(const struct th_seal_unit *u)
{
    if (u->what != TH_SEAL_MERGE_UNIT)
        return u->table_count;
    return u->gone && u->gone_rows >= u->merge[0].rows ? 0 : 1;
}

static void name_file(
    const struct th_seal_unit *u, struct th_seal_folder *f, struct th_catalogue_file *file)
{
    char text[TH_TIME_TEXT_LEN]; /* "2026-01-02T..." */
    th_time_rfc3339(file->day_ns, text);
    snprintf(file->name, sizeof(file->name), "%s%s-%.4s%.2s%.2s-%" PRIx64 "-%" PRIx64 ".parquet",
        u->what == TH_SEAL_CHUNK_UNIT ? "hot-" : "", th_kind_get(file->kind)->name, text, text + 5,
        text + 8, f->start, f->number++);
}

static void describe_table(const struct th_seal_table *t, struct th_catalogue_file *file)
{
    struct th_segment_extent e = th_segment_table_extent(t->rows);
    *file = (struct th_catalogue_file){.kind = t->kind,
        .day_ns = t->day_ns,
        .first_ns = e.first_ns,
        .last_ns = e.last_ns,
        .rows = e.rows,
        .level = TH_LEVEL_SEALED};
}

/* What the files become together; they are of one kind and day. */
static void describe_merge(struct th_seal_unit *u, struct th_catalogue_file *file)
{
    *file = u->merge[0];
    if (u->gone) {
        file->rows -= u->gone_rows;
        return;
    }
    file->rows = 0;
    file->epoch_ns = 0;
    file->level = TH_LEVEL_HOURS;
    for (size_t i = 0; i < u->merge_count; i++) {
        file->first_ns = TH_MIN(file->first_ns, u->merge[i].first_ns);
        file->last_ns = TH_MAX(file->last_ns, u->merge[i].last_ns);
        file->rows += u->merge[i].rows;
    }
}

static int start_merge(struct th_seal_unit *u, struct th_seal_folder *f, const char *path)
{
    char **from = th_xcalloc(u->merge_count, sizeof(*from));
    for (size_t i = 0; i < u->merge_count; i++)
        from[i] = th_xasprintf("%s/%s", f->path, u->merge[i].name);
    int r = th_segment_merge(
        f->duck, u->merge[0].kind, (const char *const *)from, u->merge_count, path, &u->job);
    for (size_t i = 0; i < u->merge_count; i++)
        free(from[i]);
    free(from);
    return r;
}

static int start_without(struct th_seal_unit *u, struct th_seal_folder *f, const char *path)
{
    TH_AUTOFREE char *from = th_xasprintf("%s/%s", f->path, u->merge[0].name);
    return th_segment_without(f->duck, u->merge[0].kind, from, u->gone, path, &u->job);
}

static int start(struct th_seal_unit *u, struct th_seal_folder *f)
{
    struct th_catalogue_file *file = &u->change.add[u->change.add_count];
    if (u->what == TH_SEAL_MERGE_UNIT)
        describe_merge(u, file);
    else
        describe_table(&u->tables[u->at], file);
    if (u->what == TH_SEAL_CHUNK_UNIT)
        file->rows -= u->tables[u->at].chunked;
    if (!u->gone)
        file->epoch_ns = u->change.epoch_ns;
    name_file(u, f, file);
    TH_AUTOFREE char *path = th_xasprintf("%s/%s.new", f->path, file->name);
    if (u->gone)
        return start_without(u, f, path);
    if (u->what == TH_SEAL_MERGE_UNIT)
        return start_merge(u, f, path);
    struct th_seal_table *t = &u->tables[u->at];
    return u->what == TH_SEAL_CHUNK_UNIT ? th_segment_chunk(t->rows, t->chunked, path, &u->job)
                                         : th_segment_seal(t->rows, path, &u->job);
}

/* The file is written: it gets its size, its bytes last, and its name. */
static int finish_file(struct th_seal_unit *u, struct th_seal_folder *f)
{
    struct th_catalogue_file *file = &u->change.add[u->change.add_count];
    TH_AUTOFREE char *aside = th_xasprintf("%s.new", file->name);
    const struct th_io *io = f->io;
    th_segment_job_free(TH_TAKE(u->job));
    int fd = io->open(io->arg, aside, TH_IO_WRITE);
    if (fd < 0)
        return fd;
    int64_t size = io->size(io->arg, fd);
    int r = size < 0 ? (int)size : 0;
    if (r == 0 && u->what != TH_SEAL_CHUNK_UNIT)
        r = io->sync(io->arg, fd);
    int closed = io->close(io->arg, fd);
    if (r == 0)
        r = closed < 0 ? closed : io->rename(io->arg, aside, file->name);
    if (r < 0)
        return r;
    file->bytes = (uint64_t)size;
    if (u->what == TH_SEAL_CHUNK_UNIT)
        u->tables[u->at].chunked += file->rows;
    u->change.add_count++;
    u->at++;
    return 0;
}

static bool has_nothing(const struct th_seal_unit *u)
{
    if (u->what != TH_SEAL_CHUNK_UNIT)
        return false;
    const struct th_seal_table *t = &u->tables[u->at];
    return th_segment_table_extent(t->rows).rows == t->chunked;
}

static int complete(struct th_seal_unit *u, struct th_seal_folder *f)
{
    if (u->what == TH_SEAL_MERGE_UNIT) {
        u->change.retire_count = u->merge_count;
        for (size_t i = 0; i < u->merge_count; i++)
            memcpy(u->change.retire[i], u->merge[i].name, sizeof(u->change.retire[i]));
    }
    int r = u->what == TH_SEAL_CHUNK_UNIT ? 0 : f->io->sync_folder(f->io->arg);
    return r < 0 ? r : 1;
}

static int step(struct th_seal_unit *u, struct th_seal_folder *f)
{
    if (!u->job) {
        while (u->at < file_count(u) && has_nothing(u))
            u->at++;
        return u->at == file_count(u) ? complete(u, f) : start(u, f);
    }
    int r = th_segment_job_step(u->job);
    return r <= 0 ? r : finish_file(u, f);
}

/* What cannot be removed now is removed at the next start. */
static void remove_begun(struct th_seal_unit *u, struct th_seal_folder *f)
{
    TH_AUTOFREE char *aside = th_xasprintf("%s.new", u->change.add[u->change.add_count].name);
    th_segment_job_free(TH_TAKE(u->job));
    (void)f->io->remove(f->io->arg, aside);
}

static void remove_made(struct th_seal_unit *u, struct th_seal_folder *f)
{
    for (size_t i = 0; i < u->change.add_count; i++)
        (void)f->io->remove(f->io->arg, u->change.add[i].name);
}

int th_seal_unit_step(struct th_seal_unit *u, struct th_seal_folder *f)
{
    int r = step(u, f);
    if (r < 0)
        remove_begun(u, f);
    /* Chunks that are there are as good as before. */
    if (r < 0 && u->what != TH_SEAL_CHUNK_UNIT)
        remove_made(u, f);
    return r;
}

void th_seal_unit_again(struct th_seal_unit *u)
{
    u->at = 0;
    u->change.add_count = 0;
}

void th_seal_unit_drop(struct th_seal_unit *u, struct th_seal_folder *f)
{
    remove_begun(u, f);
    remove_made(u, f);
    th_seal_unit_done(u);
}
