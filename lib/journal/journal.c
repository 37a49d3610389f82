/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer. What makes it survive a power cut: a file gets its name only with a synced head
 * in it; a file is synced before the next one is begun, so only the last one can be torn; files
 * are removed oldest first, each removal synced before the next, so that no hole can come up.
 */
#include "journal/journal.h"

#include "files.h"

#define DEFAULT_FILE_BYTES (UINT64_C(64) << 20)

struct file {
    uint64_t first;
    uint64_t len_bytes;
};

struct th_journal {
    const struct th_io *io;
    uint64_t file_bytes, epoch;
    struct file *files; /* ascending; the last one is written to */
    size_t count;
    uint64_t bytes; /* of all files */
    uint64_t next;
    uint64_t synced, synced_len_bytes; /* up to there the last file is on the disk */
    int file;                          /* the last one, open */
    int broken;                        /* the disk is in a state that only opening anew can tell */
    struct th_buf record;
};

static struct file *last(const struct th_journal *j)
{
    return &j->files[j->count - 1];
}

/* ---- opening ---- */

/* Makes the file that begins with the next position and adds it to the list. */
static int begin_file(struct th_journal *j)
{
    char name[TH_JOURNAL_NAME_BYTES];
    struct th_buf head TH_AUTOBUF = TH_BUF_INIT;
    uint64_t epoch;
    th_journal_file_name(j->next, name);
    th_journal_file_head_put(&head, j->epoch, j->next);
    int r = th_io_replace(j->io, name, head.p, head.len);
    if (r < 0)
        return r;
    int file = th_journal_file_open(j->io, j->next, TH_IO_WRITE, &epoch);
    if (file < 0)
        return file;
    if (j->file >= 0)
        j->io->close(j->io->arg, j->file);
    j->file = file;
    j->files = th_xreallocarray(j->files, j->count + 1, sizeof(*j->files));
    j->files[j->count++] = (struct file){.first = j->next, .len_bytes = TH_JOURNAL_HEAD_BYTES};
    j->bytes += TH_JOURNAL_HEAD_BYTES;
    j->synced_len_bytes = TH_JOURNAL_HEAD_BYTES;
    return 0;
}

/* A file's head and length; the last file stays open. */
static int look_at(struct th_journal *j, uint64_t first, bool is_last)
{
    uint64_t epoch;
    int file = th_journal_file_open(j->io, first, is_last ? TH_IO_WRITE : TH_IO_READ, &epoch);
    if (file < 0)
        return file;
    int64_t size = j->io->size(j->io->arg, file);
    int r = size < 0 ? (int)size : j->count > 0 && epoch != j->epoch ? TH_E_MALFORMED : 0;
    if (is_last && r == 0)
        j->file = file;
    else
        j->io->close(j->io->arg, file);
    if (r < 0)
        return r;
    j->epoch = epoch;
    j->files[j->count++] = (struct file){.first = first, .len_bytes = (uint64_t)size};
    j->bytes += (uint64_t)size;
    return 0;
}

/* The end of the last file: what is torn goes, what stays is synced. */
static int cut_tail(struct th_journal *j)
{
    struct th_journal_tail tail;
    struct file *f = last(j);
    int r = th_journal_tail_find(j->io, j->file, f->first, &tail);
    if (r == 0 && tail.end_bytes < tail.len_bytes)
        r = j->io->truncate(j->io->arg, j->file, tail.end_bytes);
    if (r == 0)
        r = j->io->sync(j->io->arg, j->file);
    if (r == 0)
        r = j->io->sync_folder(j->io->arg);
    if (r < 0)
        return r;
    j->bytes -= tail.len_bytes - tail.end_bytes;
    f->len_bytes = j->synced_len_bytes = tail.end_bytes;
    j->next = j->synced = tail.next;
    return 0;
}

static int open_files(struct th_journal *j)
{
    struct th_journal_files names;
    int r = th_journal_files_list(j->io, &names);
    if (r < 0)
        return r;
    if (names.count) {
        j->files = th_xreallocarray(NULL, names.count, sizeof(*j->files));
        for (size_t i = 0; r == 0 && i < names.count; i++)
            r = look_at(j, names.first[i], i + 1 == names.count);
        if (r == 0)
            r = cut_tail(j);
    } else {
        r = begin_file(j);
    }
    th_journal_files_done(&names);
    return r;
}

int th_journal_open(
    const struct th_io *io, const struct th_journal_config *config, struct th_journal **ret)
{
    struct th_journal *j = th_xcalloc(1, sizeof(*j));
    j->io = io;
    j->file = -1;
    j->epoch = config->epoch;
    j->file_bytes = config->file_bytes ? config->file_bytes : DEFAULT_FILE_BYTES;
    int r = open_files(j);
    if (r < 0) {
        th_journal_close(j);
        return r;
    }
    *ret = j;
    return 0;
}

void th_journal_close(struct th_journal *j)
{
    if (!j)
        return;
    if (j->file >= 0)
        j->io->close(j->io->arg, j->file);
    th_buf_done(&j->record);
    free(j->files);
    free(j);
}

/* ---- what it knows ---- */

uint64_t th_journal_epoch(const struct th_journal *j)
{
    return j->epoch;
}

uint64_t th_journal_first(const struct th_journal *j)
{
    return j->files[0].first;
}

uint64_t th_journal_next(const struct th_journal *j)
{
    return j->next;
}

uint64_t th_journal_synced(const struct th_journal *j)
{
    return j->synced;
}

uint64_t th_journal_bytes(const struct th_journal *j)
{
    return j->bytes;
}

/* An empty file is never left for another one. */
static bool is_full(const struct th_journal *j)
{
    return last(j)->len_bytes >= j->file_bytes && last(j)->len_bytes > TH_JOURNAL_HEAD_BYTES;
}

bool th_journal_at_file_begin(const struct th_journal *j)
{
    return last(j)->len_bytes == TH_JOURNAL_HEAD_BYTES || is_full(j);
}

int th_journal_oldest_file(const struct th_journal *j, uint64_t *ret_first, uint64_t *ret_end)
{
    if (j->count < 2)
        return -ENOENT;
    *ret_first = j->files[0].first;
    *ret_end = j->files[1].first;
    return 0;
}

uint64_t th_journal_file_of(const struct th_journal *j, uint64_t position)
{
    size_t i = j->count;
    while (i > 1 && j->files[i - 1].first > position)
        i--;
    return j->files[i - 1].first;
}

/* ---- adding ---- */

/* Takes bytes at the end of the last file back. Synced at once: bytes that come back after
 * a power cut could stand behind a later, shorter record. */
static int cut_back(struct th_journal *j, uint64_t len_bytes)
{
    int r = j->io->truncate(j->io->arg, j->file, len_bytes);
    if (r == 0)
        r = j->io->sync(j->io->arg, j->file);
    if (r < 0)
        j->broken = r;
    return r;
}

int th_journal_add(
    struct th_journal *j, uint8_t type, int64_t time_ns, struct th_str body, uint64_t *ret_position)
{
    if (j->broken)
        return j->broken;
    if (body.len > TH_JOURNAL_MAX_RECORD)
        return TH_E_LIMIT;
    if (is_full(j)) {
        int r = th_journal_sync(j);
        if (r == 0)
            r = begin_file(j);
        if (r < 0)
            return r;
    }
    struct file *f = last(j);
    th_buf_clear(&j->record);
    th_journal_record_put(&j->record, j->next, type, time_ns, body);
    int r = th_io_write_all(j->io, j->file, j->record.p, j->record.len, f->len_bytes);
    if (r < 0) {
        (void)cut_back(j, f->len_bytes); /* when it fails too the journal is broken, and says so */
        return r;
    }
    f->len_bytes += j->record.len;
    j->bytes += j->record.len;
    if (ret_position)
        *ret_position = j->next;
    j->next++;
    return 0;
}

int th_journal_sync(struct th_journal *j)
{
    struct file *f = last(j);
    if (j->broken)
        return j->broken;
    if (j->synced == j->next)
        return 0;
    int r = j->io->sync(j->io->arg, j->file);
    if (r < 0) {
        /* The system may have thrown the pages away: what is not known to be on the disk goes. */
        if (cut_back(j, j->synced_len_bytes) == 0) {
            j->bytes -= f->len_bytes - j->synced_len_bytes;
            f->len_bytes = j->synced_len_bytes;
            j->next = j->synced;
        }
        return r;
    }
    j->synced = j->next;
    j->synced_len_bytes = f->len_bytes;
    return 0;
}

/* ---- trimming ---- */

static int remove_oldest(struct th_journal *j)
{
    char name[TH_JOURNAL_NAME_BYTES];
    th_journal_file_name(j->files[0].first, name);
    int r = j->io->remove(j->io->arg, name);
    if (r == 0 || r == -ENOENT)
        r = j->io->sync_folder(j->io->arg);
    if (r < 0)
        return r;
    j->bytes -= j->files[0].len_bytes;
    j->count--;
    memmove(j->files, j->files + 1, j->count * sizeof(*j->files));
    return 0;
}

int th_journal_trim(struct th_journal *j, uint64_t before, uint64_t *ret_records)
{
    uint64_t from = th_journal_first(j);
    int r = 0;
    while (r == 0 && j->count > 1 && j->files[1].first <= before)
        r = remove_oldest(j);
    if (ret_records)
        *ret_records = th_journal_first(j) - from;
    return r;
}
