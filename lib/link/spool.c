/* SPDX-License-Identifier: Apache-2.0 */
#include "link/spool.h"

#include "base/cursor.h"
#include "base/seal.h"
#include "base/time.h"
#include "journal/journal.h"

#define DEFAULT_LIMIT_BYTES (UINT64_C(1) << 30)
#define LEAST_LIMIT_BYTES (UINT64_C(64) << 10)
#define MOST_FILE_BYTES (UINT64_C(16) << 20)
#define ENTRY_TYPE 1u
#define ENTRY_HEAD_BYTES 24u
#define RECORD_BYTES 64u /* what a record takes beside the envelope, rounded up */
#define GAP_FILE "gap"
#define GAP_MAGIC 0x50414754u /* "TGAP" */
#define GAP_VERSION 1u
#define GAP_FILE_MAX_BYTES 256

struct th_spool {
    const struct th_io *io;
    struct th_journal_config journal_config;
    uint64_t limit_bytes;
    struct th_journal *journal;
    struct th_journal_reader *reader;
    uint64_t acknowledged;       /* all below is the master's */
    struct th_spool_gap gap;     /* batches 0: none */
    struct th_spool_gap offered; /* the gap as it was given out last */
    uint64_t dropped_batches, dropped_events;
    struct th_buf body;
};

/* ---- gaps ---- */

static uint64_t gap_end(const struct th_spool_gap *g)
{
    return g->sequence + g->batches;
}

/* b follows a, or a is empty. */
static struct th_spool_gap gap_join(const struct th_spool_gap *a, const struct th_spool_gap *b)
{
    if (a->batches == 0)
        return *b;
    struct th_spool_gap g = *a;
    g.batches = gap_end(b) - a->sequence;
    g.events += b->events;
    if (b->events) {
        g.first_ns = a->events ? TH_MIN(a->first_ns, b->first_ns) : b->first_ns;
        g.last_ns = a->events ? TH_MAX(a->last_ns, b->last_ns) : b->last_ns;
    }
    return g;
}

static int gap_save(const struct th_spool *s, const struct th_spool_gap *g)
{
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    size_t begin = th_seal_begin(&out, GAP_MAGIC, GAP_VERSION);
    th_buf_le64(&out, th_journal_epoch(s->journal));
    th_buf_le64(&out, g->sequence);
    th_buf_le64(&out, g->batches);
    th_buf_le64(&out, g->events);
    th_buf_le64(&out, (uint64_t)g->first_ns);
    th_buf_le64(&out, (uint64_t)g->last_ns);
    th_seal_end(&out, begin);
    return th_io_replace(s->io, GAP_FILE, out.p, out.len);
}

static int gap_forget(struct th_spool *s)
{
    s->gap = (struct th_spool_gap){0};
    int r = s->io->remove(s->io->arg, GAP_FILE);
    return r == -ENOENT ? 0 : r;
}

static int gap_parse(
    const struct th_spool *s, const uint8_t *data, size_t len, struct th_spool_gap *ret)
{
    struct th_cur c;
    int r = th_seal_open(data, len, GAP_MAGIC, GAP_VERSION, &c);
    if (r < 0)
        return r;
    bool mine = th_cur_le64(&c) == th_journal_epoch(s->journal);
    struct th_spool_gap g = {.sequence = th_cur_le64(&c)};
    g.batches = th_cur_le64(&c);
    g.events = th_cur_le64(&c);
    g.first_ns = (int64_t)th_cur_le64(&c);
    g.last_ns = (int64_t)th_cur_le64(&c);
    if (c.failed)
        return TH_E_TRUNCATED;
    if (g.batches > UINT64_MAX - g.sequence)
        return TH_E_MALFORMED;
    *ret = mine ? g : (struct th_spool_gap){0};
    return 0;
}

static int gap_load(struct th_spool *s)
{
    uint8_t data[GAP_FILE_MAX_BYTES];
    int file = s->io->open(s->io->arg, GAP_FILE, TH_IO_READ);
    if (file < 0)
        return file == -ENOENT ? 0 : file;
    int64_t size = s->io->size(s->io->arg, file);
    int r = size < 0 ? (int)size : size > (int64_t)sizeof(data) ? TH_E_LIMIT : 0;
    if (r == 0)
        r = th_io_read_all(s->io, file, data, (size_t)size, 0);
    s->io->close(s->io->arg, file);
    return r < 0 ? r : gap_parse(s, data, (size_t)size, &s->gap);
}

/* ---- opening ---- */

static int open_journal(struct th_spool *s)
{
    int r = th_journal_open(s->io, &s->journal_config, &s->journal);
    if (r < 0)
        return r;
    s->reader = th_journal_reader_new(s->io);
    return 0;
}

/* A file that was to be dropped when the power went is dropped now: its gap counts already. */
static int settle(struct th_spool *s)
{
    int r = gap_load(s);
    if (r < 0)
        return r;
    if (gap_end(&s->gap) > th_journal_first(s->journal))
        r = th_journal_trim(s->journal, gap_end(&s->gap), NULL);
    if (gap_end(&s->gap) > th_journal_first(s->journal))
        r = r < 0 ? r : gap_forget(s); /* of a journal that was there once */
    s->acknowledged = s->gap.batches ? s->gap.sequence : th_journal_first(s->journal);
    return r;
}

int th_spool_open(
    const struct th_io *io, const struct th_spool_config *config, struct th_spool **ret)
{
    struct th_spool *s = th_xcalloc(1, sizeof(*s));
    s->io = io;
    s->limit_bytes = config->limit_bytes ? config->limit_bytes : DEFAULT_LIMIT_BYTES;
    s->limit_bytes = TH_MAX(s->limit_bytes, LEAST_LIMIT_BYTES);
    s->journal_config.epoch = config->epoch;
    s->journal_config.file_bytes =
        config->file_bytes ? config->file_bytes : TH_MIN(s->limit_bytes / 16, MOST_FILE_BYTES);
    int r = open_journal(s);
    if (r == 0)
        r = settle(s);
    if (r < 0) {
        th_spool_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

static void close_journal(struct th_spool *s)
{
    th_journal_reader_free(TH_TAKE(s->reader));
    th_journal_close(TH_TAKE(s->journal));
}

void th_spool_close(struct th_spool *s)
{
    if (!s)
        return;
    close_journal(s);
    th_buf_done(&s->body);
    free(s);
}

uint64_t th_spool_epoch(const struct th_spool *s)
{
    return th_journal_epoch(s->journal);
}

uint64_t th_spool_next(const struct th_spool *s)
{
    return th_journal_next(s->journal);
}

uint64_t th_spool_first(const struct th_spool *s)
{
    return s->acknowledged;
}

uint64_t th_spool_synced(const struct th_spool *s)
{
    return th_journal_synced(s->journal);
}

uint64_t th_spool_bytes(const struct th_spool *s)
{
    return th_journal_bytes(s->journal);
}

uint64_t th_spool_limit(const struct th_spool *s)
{
    return s->limit_bytes;
}

uint64_t th_spool_dropped_batches(const struct th_spool *s)
{
    return s->dropped_batches;
}

uint64_t th_spool_dropped_events(const struct th_spool *s)
{
    return s->dropped_events;
}

/* ---- entries ---- */

static void entry_put(struct th_buf *out, const struct th_spool_entry *e)
{
    th_buf_clear(out);
    th_buf_le32(out, e->events);
    th_buf_le32(out, 0);
    th_buf_le64(out, (uint64_t)e->first_ns);
    th_buf_le64(out, (uint64_t)e->last_ns);
    th_buf_str(out, e->envelope);
}

static int entry_get(const struct th_journal_record *rec, struct th_spool_entry *ret)
{
    struct th_cur c = th_cur_init(rec->body.p, rec->body.len);
    struct th_spool_entry e = {.sequence = rec->position, .added_ns = rec->time_ns};
    e.events = th_cur_le32(&c);
    uint32_t zero = th_cur_le32(&c);
    e.first_ns = (int64_t)th_cur_le64(&c);
    e.last_ns = (int64_t)th_cur_le64(&c);
    if (c.failed || zero != 0 || rec->type != ENTRY_TYPE)
        return TH_E_MALFORMED;
    e.envelope = th_cur_bytes(&c, th_cur_left(&c));
    *ret = e;
    return 0;
}

/* 1, 0 behind what is synced, or negative. */
static int read_entry(struct th_spool *s, uint64_t sequence, struct th_spool_entry *ret)
{
    struct th_journal_record rec = {0};
    uint64_t synced = th_journal_synced(s->journal);
    if (sequence >= synced)
        return 0;
    int r = -ENOENT;
    if (th_journal_reader_position(s->reader) == sequence)
        r = th_journal_read(s->reader, synced, &rec);
    if (r == -ENOENT) {
        r = th_journal_seek(s->reader, sequence);
        if (r == 0)
            r = th_journal_read(s->reader, synced, &rec);
    }
    if (r <= 0)
        return r;
    r = entry_get(&rec, ret);
    return r < 0 ? r : 1;
}

/* ---- dropping ---- */

/* What of [from, end) had not been acknowledged; a damaged entry counts without its events. */
static struct th_spool_gap measure(struct th_spool *s, uint64_t from, uint64_t end)
{
    struct th_spool_gap g = {.sequence = TH_MAX(from, s->acknowledged)};
    if (g.sequence >= end)
        return (struct th_spool_gap){0};
    g.batches = end - g.sequence;
    for (uint64_t n = g.sequence; n < end; n++) {
        struct th_spool_entry e;
        if (read_entry(s, n, &e) != 1)
            break;
        const struct th_spool_gap one = {.sequence = n,
            .batches = 1,
            .events = e.events,
            .first_ns = e.first_ns,
            .last_ns = e.last_ns};
        const struct th_spool_gap so_far = {.sequence = g.sequence,
            .batches = n - g.sequence,
            .events = g.events,
            .first_ns = g.first_ns,
            .last_ns = g.last_ns};
        uint64_t batches = g.batches;
        g = gap_join(&so_far, &one);
        g.batches = batches;
    }
    return g;
}

/* The gap is on the disk before the file goes, so that nothing goes uncounted; where not even that
 * has room the file goes first. */
static int drop_oldest(struct th_spool *s)
{
    uint64_t from;
    uint64_t end;
    int r = th_journal_oldest_file(s->journal, &from, &end);
    if (r < 0)
        return -ENOSPC;
    struct th_spool_gap lost = measure(s, from, end);
    if (lost.batches == 0)
        return th_journal_trim(s->journal, end, NULL);
    struct th_spool_gap gap = gap_join(&s->gap, &lost);
    int saved = gap_save(s, &gap);
    if (saved < 0 && saved != -ENOSPC)
        return saved;
    r = th_journal_trim(s->journal, end, NULL);
    if (r < 0)
        return r;
    s->gap = gap;
    s->dropped_batches += lost.batches;
    s->dropped_events += lost.events;
    return saved < 0 ? gap_save(s, &gap) : 0;
}

int th_spool_add(struct th_spool *s, const struct th_spool_entry *e)
{
    TH_ASSERT(e->sequence == th_journal_next(s->journal));
    int r = 0;
    if (e->envelope.len > TH_JOURNAL_MAX_RECORD - ENTRY_HEAD_BYTES)
        return TH_E_LIMIT;
    while (r == 0 && th_journal_bytes(s->journal) + e->envelope.len + RECORD_BYTES > s->limit_bytes)
        r = drop_oldest(s);
    if (r < 0)
        return r;
    entry_put(&s->body, e);
    struct th_str body = th_buf_view(&s->body);
    r = th_journal_add(s->journal, ENTRY_TYPE, e->added_ns, body, NULL);
    while (r == -ENOSPC && drop_oldest(s) == 0)
        r = th_journal_add(s->journal, ENTRY_TYPE, e->added_ns, body, NULL);
    return r;
}

int th_spool_sync(struct th_spool *s)
{
    return th_journal_sync(s->journal);
}

/* ---- sending ---- */

int th_spool_get(struct th_spool *s, uint64_t sequence, struct th_spool_entry *ret_entry,
    struct th_spool_gap *ret_gap)
{
    uint64_t first = th_journal_first(s->journal);
    if (sequence >= first)
        return read_entry(s, sequence, ret_entry);
    struct th_spool_gap g = {.sequence = sequence, .batches = first - sequence};
    if (s->gap.batches && sequence < gap_end(&s->gap)) {
        g.events = s->gap.events;
        g.first_ns = s->gap.first_ns;
        g.last_ns = s->gap.last_ns;
    }
    s->offered = g;
    *ret_gap = g;
    return TH_SPOOL_GAP;
}

/* The master knows of the gap up to `next`. */
static int shrink_gap(struct th_spool *s, uint64_t next)
{
    if (s->gap.batches == 0 || next <= s->gap.sequence)
        return 0;
    if (next >= gap_end(&s->gap))
        return gap_forget(s);
    struct th_spool_gap g = s->gap;
    g.batches = gap_end(&g) - next;
    g.sequence = next;
    if (gap_end(&s->offered) == next) /* it grew after it was given out: the rest remains */
        g.events -= TH_MIN(g.events, s->offered.events);
    int r = gap_save(s, &g);
    if (r == 0)
        s->gap = g;
    return r;
}

int th_spool_acknowledge(struct th_spool *s, uint64_t next)
{
    if (next > th_journal_synced(s->journal))
        return -ERANGE;
    if (next <= s->acknowledged)
        return 0;
    int r = shrink_gap(s, next);
    if (r < 0)
        return r;
    s->acknowledged = next;
    return th_journal_trim(s->journal, next, NULL);
}

/* ---- a new epoch ---- */

struct doomed {
    char **names;
    size_t count;
};

static int doom(void *arg, const char *name)
{
    struct doomed *d = arg;
    size_t len = strlen(name);
    if (len < 2 || strcmp(name + len - 2, ".j") != 0)
        return 0;
    d->names = th_xreallocarray(d->names, d->count + 1, sizeof(*d->names));
    d->names[d->count++] = th_xstrdup(name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Oldest first: what a power cut leaves is a journal without a hole. */
static int remove_files(struct th_spool *s)
{
    struct doomed d = {0};
    int r = s->io->list(s->io->arg, doom, &d);
    if (d.count)
        qsort(d.names, d.count, sizeof(*d.names), by_name);
    for (size_t i = 0; r == 0 && i < d.count; i++) {
        r = s->io->remove(s->io->arg, d.names[i]);
        if (r == 0)
            r = s->io->sync_folder(s->io->arg);
    }
    for (size_t i = 0; i < d.count; i++)
        free(d.names[i]);
    free(d.names);
    return r;
}

int th_spool_renew(struct th_spool *s, uint64_t epoch, struct th_spool_gap *ret_gap)
{
    TH_ASSERT(epoch > th_journal_epoch(s->journal));
    uint64_t synced = th_journal_synced(s->journal);
    struct th_spool_gap lost = measure(s, th_journal_first(s->journal), synced);
    lost = gap_join(&s->gap, &lost);
    close_journal(s);
    s->journal_config.epoch = epoch;
    int r = remove_files(s);
    if (r == 0)
        r = open_journal(s);
    if (r == 0)
        r = gap_forget(s);
    if (r < 0)
        return r;
    s->acknowledged = 0;
    s->offered = (struct th_spool_gap){0};
    s->dropped_batches += lost.batches;
    s->dropped_events += lost.events;
    if (ret_gap)
        *ret_gap = lost;
    return 0;
}
