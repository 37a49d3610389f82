/* SPDX-License-Identifier: Apache-2.0 */
#include "keep/ring.h"

#include "base/mem.h"
#include "base/time.h"
#include "crypto/random.h"
#include "file.h"
#include "keys.h"

/* A file is closed at this share of what there may be, in bytes and in time: so much more than was
 * asked for goes at once. */
enum { SHARES = 32 };
static const uint64_t max_file_bytes = UINT64_C(256) << 20;
static const uint64_t min_file_bytes = 2 * KEEP_MAX_BYTES;
static const int64_t max_file_ns = 6 * TH_NS_PER_HOUR;
static const int64_t min_file_ns = TH_NS_PER_MIN;

struct file {
    uint64_t number, bytes;
    int64_t first_ns; /* INT64_MAX: not known */
    int64_t written_ns;
};

struct th_keep {
    struct th_io io;
    struct th_keep_config config;
    struct th_keychain *chain;
    struct file files[KEEP_MAX_FILES]; /* ascending; the last is written when `file` is there */
    size_t count;
    int file; /* -1: none is open */
    uint8_t key[TH_AEAD_KEY_BYTES];
    uint64_t at; /* in it */
    uint32_t next_block;
    int64_t opened_ns;
    struct keep_index all; /* of its blocks */
    uint64_t next_number, max_bytes, kept_bytes;
    bool dirty, folder_dirty;
    struct th_keep_counts counts;
    uint8_t *block; /* KEEP_MAX_BYTES, aligned */
};

/* ---- files that are there ---- */

enum reason { SIZE, AGE, FULL };

/* The oldest; never the one that is written. */
static bool remove_oldest(struct th_keep *k, enum reason why)
{
    char name[KEEP_NAME_LEN];
    size_t whole = k->count - (k->file >= 0);
    if (whole == 0)
        return false;
    keep_file_name(k->files[0].number, name);
    int r = k->io.remove(k->io.arg, name);
    if (r < 0 && r != -ENOENT)
        return false;
    k->counts.removed_size += why == SIZE;
    k->counts.removed_age += why == AGE;
    k->counts.removed_full += why == FULL;
    k->counts.removed_bytes += k->files[0].bytes;
    k->kept_bytes -= k->files[0].bytes;
    k->count--;
    memmove(k->files, k->files + 1, k->count * sizeof(*k->files));
    return true;
}

/* What a file of a run before has in it. */
static int look_into(struct th_keep *k, int file, struct file *f, int64_t now_ns)
{
    uint8_t key[TH_AEAD_KEY_BYTES];
    struct keep_index *all = th_xcalloc(2, sizeof(*all));
    struct keep_walk *w = th_xcalloc(1, sizeof(*w));
    struct keep_block block;
    uint64_t at;
    int r = keep_file_key(&k->io, file, f->number, k->chain, key);
    if (r == 0)
        r = keep_walk_init(w, &k->io, file, f->number, key);
    keep_index_init(all);
    if (r == 0 && !keep_walk_end(w, all))
        while ((r = keep_walk_next(w, &block, &at, &all[1])) > 0)
            keep_index_add(all, &all[1]);
    if (r == 0) {
        f->first_ns = all->first_ns;
        f->written_ns = TH_MIN(all->written_ns, now_ns);
        k->counts.damaged += w->damaged;
    }
    th_wipe(key, sizeof(key));
    free(w);
    free(all);
    return r;
}

static int take_over(struct th_keep *k, uint64_t number, int64_t now_ns)
{
    char name[KEEP_NAME_LEN];
    struct file f = {.number = number, .first_ns = INT64_MAX, .written_ns = now_ns};
    keep_file_name(number, name);
    int file = k->io.open(k->io.arg, name, TH_IO_READ);
    int64_t size = file < 0 ? file : k->io.size(k->io.arg, file);
    if (size < 0) {
        if (file >= 0)
            k->io.close(k->io.arg, file);
        return (int)size;
    }
    f.bytes = (uint64_t)size;
    /* One that cannot be read takes room like the others, and goes when it is the oldest. */
    if (look_into(k, file, &f, now_ns) < 0)
        k->counts.damaged++;
    k->io.close(k->io.arg, file);
    k->files[k->count++] = f;
    k->kept_bytes += f.bytes;
    k->next_number = number + 1;
    return 0;
}

/* ---- the file that is written ---- */

/* Without its end it is gone through when it is read. */
static void leave_file(struct th_keep *k)
{
    if (k->file < 0)
        return;
    k->io.close(k->io.arg, k->file);
    th_wipe(k->key, sizeof(k->key));
    k->file = -1;
}

static void close_file(struct th_keep *k)
{
    struct keep_block end = {.kind = KEEP_END, .number = k->next_block};
    if (k->file < 0)
        return;
    struct file *f = &k->files[k->count - 1];
    end.file = f->number;
    k->all.host_bytes = 0;
    size_t len = keep_block_seal(k->key, &end, &k->all, th_str_c(""), k->block);
    if (th_io_write_all(&k->io, k->file, k->block, len, k->at) == 0 &&
        k->io.sync(k->io.arg, k->file) == 0) {
        f->bytes += len;
        k->kept_bytes += len;
    }
    leave_file(k);
}

static int begin_file(struct th_keep *k, int64_t now_ns)
{
    char name[KEEP_NAME_LEN];
    if (k->count == KEEP_MAX_FILES && !remove_oldest(k, SIZE))
        return TH_E_LIMIT;
    int r = keep_file_head(k->chain, k->next_number, k->block, k->key);
    if (r < 0)
        return r;
    keep_file_name(k->next_number, name);
    int file = k->io.open(k->io.arg, name, TH_IO_CREATE_DIRECT);
    if (file < 0)
        return file;
    r = th_io_write_all(&k->io, file, k->block, KEEP_PAGE, 0);
    if (r < 0) {
        k->io.close(k->io.arg, file);
        k->io.remove(k->io.arg, name);
        return r;
    }
    k->files[k->count++] = (struct file){.number = k->next_number++,
        .bytes = KEEP_PAGE,
        .first_ns = INT64_MAX,
        .written_ns = now_ns};
    k->kept_bytes += KEEP_PAGE;
    k->file = file;
    k->at = KEEP_PAGE;
    k->next_block = 0;
    k->opened_ns = now_ns;
    k->folder_dirty = true;
    keep_index_init(&k->all);
    return 0;
}

static int64_t longest_file_ns(const struct th_keep *k)
{
    if (k->config.span_ns == 0)
        return max_file_ns;
    return TH_MAX(TH_MIN(k->config.span_ns / SHARES, max_file_ns), min_file_ns);
}

/* A clock that was set back ends a file, too. */
static bool is_over(const struct th_keep *k, int64_t now_ns)
{
    int64_t age_ns = th_time_sub(now_ns, k->opened_ns);
    return k->file >= 0 && (age_ns < 0 || age_ns > longest_file_ns(k));
}

/* ---- blocks ---- */

/* What can be read of the records, and what of them a search will want to know. */
static uint32_t look_at(struct th_keep *k, struct th_str records, struct keep_index *ret)
{
    struct th_cur c = th_cur_init(records.p, records.len);
    struct th_keep_record rec;
    struct th_keep_ends ends[TH_KEEP_MAX_ENDS];
    const uint8_t *good = c.p;
    keep_index_init(ret);
    while (th_keep_record_next(&c, &rec)) {
        good = c.p;
        keep_index_packet(ret, rec.time_ns);
        unsigned n = th_keep_record_ends(&rec, ends);
        for (unsigned i = 0; i < n; i++) {
            keep_index_host(ret, &ends[i].src);
            keep_index_host(ret, &ends[i].dst);
        }
    }
    k->counts.malformed += c.failed;
    keep_index_end(ret);
    return (uint32_t)(good - (const uint8_t *)records.p);
}

/* Once; what was half written is taken back. */
static int write_block(
    struct th_keep *k, const struct keep_index *index, struct th_str records, int64_t now_ns)
{
    int r = k->file < 0 ? begin_file(k, now_ns) : 0;
    if (r < 0)
        return r;
    struct file *f = &k->files[k->count - 1];
    struct keep_block block = {.kind = KEEP_BLOCK, .file = f->number, .number = k->next_block};
    size_t len = keep_block_seal(k->key, &block, index, records, k->block);
    r = th_io_write_all(&k->io, k->file, k->block, len, k->at);
    if (r < 0) {
        if (k->io.truncate(k->io.arg, k->file, k->at) < 0)
            leave_file(k);
        return r;
    }
    k->at += len;
    k->next_block++;
    k->kept_bytes += len;
    f->bytes += len;
    f->first_ns = TH_MIN(f->first_ns, index->first_ns);
    f->written_ns = now_ns;
    keep_index_add(&k->all, index);
    k->dirty = true;
    k->counts.bytes += len;
    return 0;
}

static bool is_full(int err)
{
    return err == -ENOSPC || err == -EDQUOT;
}

static int put_block(
    struct th_keep *k, struct keep_index *index, struct th_str records, int64_t now_ns)
{
    const struct keep_block size = {
        .index_bytes = KEEP_INDEX_BYTES + index->host_bytes + TH_AEAD_EXTRA_BYTES,
        .sealed_bytes = records.len + TH_AEAD_EXTRA_BYTES};
    const uint64_t len = keep_block_bytes(&size) + 2 * KEEP_PAGE; /* with a head and an end */
    index->written_ns = now_ns;
    if (is_over(k, now_ns) || (k->file >= 0 && k->at + len > k->max_bytes))
        close_file(k);
    while (k->kept_bytes + len > k->config.bytes && remove_oldest(k, SIZE))
        ;
    int r = write_block(k, index, records, now_ns);
    while (is_full(r) && remove_oldest(k, FULL))
        r = write_block(k, index, records, now_ns);
    return r;
}

int th_keep_put(struct th_keep *k, struct th_str records, int64_t now_ns)
{
    struct keep_index index;
    TH_ASSERT(records.len <= TH_KEEP_MAX_BLOCK);
    uint32_t len = look_at(k, records, &index);
    if (len == 0)
        return 0;
    k->counts.error = put_block(k, &index, th_str_n(records.p, len), now_ns);
    if (k->counts.error < 0)
        return k->counts.error;
    k->counts.packets += index.packets;
    k->counts.blocks++;
    return 0;
}

int th_keep_sync(struct th_keep *k)
{
    int r = k->file >= 0 && k->dirty ? k->io.sync(k->io.arg, k->file) : 0;
    if (r == 0 && k->folder_dirty)
        r = k->io.sync_folder(k->io.arg);
    if (r < 0) {
        leave_file(k); /* what of it is on the disk is not known any more */
        k->counts.error = r;
        return r;
    }
    k->dirty = k->folder_dirty = false;
    return 0;
}

void th_keep_tick(struct th_keep *k, int64_t now_ns)
{
    /* Of a file that was written to the last until then, the first packet is that much older. */
    int64_t too_old_ns = th_time_sub(now_ns, k->config.span_ns) + longest_file_ns(k);
    if (is_over(k, now_ns))
        close_file(k);
    while (k->config.span_ns > 0 && k->count > 0 && k->files[0].written_ns < too_old_ns &&
        remove_oldest(k, AGE))
        ;
    while (k->config.reserve_bytes > 0) {
        int64_t left = k->io.free_bytes(k->io.arg);
        if (left < 0 || (uint64_t)left >= k->config.reserve_bytes || !remove_oldest(k, FULL))
            break;
    }
}

void th_keep_counts(const struct th_keep *k, struct th_keep_counts *ret)
{
    *ret = k->counts;
    ret->kept_bytes = k->kept_bytes;
    ret->files = k->count;
    ret->oldest_ns = INT64_MAX;
    for (size_t i = 0; i < k->count; i++)
        ret->oldest_ns = TH_MIN(ret->oldest_ns, k->files[i].first_ns);
}

/* ---- open, close ---- */

int th_keep_open(const struct th_io *io, const uint8_t key[TH_KEEP_KEY_BYTES],
    const struct th_keep_config *config, int64_t now_ns, struct th_keep **ret)
{
    TH_AUTOFREE uint64_t *numbers = NULL;
    size_t count = 0;
    struct th_keep *k = th_xcalloc(1, sizeof(*k));
    k->io = *io;
    k->config = *config;
    k->file = -1;
    k->next_number = 1;
    k->max_bytes = TH_MAX(TH_MIN(config->bytes / SHARES, max_file_bytes), min_file_bytes);
    k->block = aligned_alloc(KEEP_PAGE, KEEP_MAX_BYTES);
    TH_ASSERT(k->block);
    int r = keep_keys_open(io, key, true, &k->chain);
    if (r == 0)
        r = keep_files_list(io, &numbers, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = take_over(k, numbers[i], now_ns);
    if (r < 0) {
        th_keep_close(k);
        return r;
    }
    th_keep_tick(k, now_ns);
    *ret = k;
    return 0;
}

void th_keep_close(struct th_keep *k)
{
    if (!k)
        return;
    close_file(k);
    th_keychain_free(k->chain);
    free(k->block);
    free(k);
}
