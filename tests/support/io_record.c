/* SPDX-License-Identifier: Apache-2.0 */
#include "io_record.h"

#include "base/buf.h"
#include "base/hash.h"

#define SECTOR_BYTES 512u
#define MAX_OPEN 64

enum change_kind { WRITE, TRUNCATE, SYNC, NAME, RENAME, REMOVE, SYNC_FOLDER };

struct change {
    enum change_kind kind;
    size_t inode;   /* WRITE, TRUNCATE, SYNC, NAME, RENAME */
    uint64_t at;    /* WRITE: offset; TRUNCATE: length */
    size_t len;     /* WRITE */
    uint8_t *bytes; /* WRITE */
    char *name;     /* NAME, RENAME (to), REMOVE */
    char *from;     /* RENAME */
};

struct entry {
    char *name;
    size_t inode;
};

struct io_record {
    struct th_buf *inodes;
    size_t inode_count;
    struct entry *entries;
    size_t entry_count;
    struct change *changes;
    size_t change_count, change_room;
    int open[MAX_OPEN]; /* inode + 1; 0: free */
    uint64_t room;
    size_t chunk;
    struct {
        bool armed;
        unsigned calls;
        int err;
    } fail[IO_RECORD_CALLS];
};

struct io_record *io_record_new(void)
{
    struct io_record *r = th_xcalloc(1, sizeof(*r));
    r->room = UINT64_MAX;
    return r;
}

void io_record_free(struct io_record *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->inode_count; i++)
        th_buf_done(&r->inodes[i]);
    for (size_t i = 0; i < r->entry_count; i++)
        free(r->entries[i].name);
    for (size_t i = 0; i < r->change_count; i++) {
        free(r->changes[i].bytes);
        free(r->changes[i].name);
        free(r->changes[i].from);
    }
    free(r->inodes);
    free(r->entries);
    free(r->changes);
    free(r);
}

size_t io_record_changes(const struct io_record *r)
{
    return r->change_count;
}

void io_record_room(struct io_record *r, uint64_t bytes)
{
    r->room = bytes;
}

void io_record_chunk(struct io_record *r, size_t bytes)
{
    r->chunk = bytes;
}

void io_record_fail(struct io_record *r, enum io_record_call call, unsigned calls, int err)
{
    r->fail[call].armed = true;
    r->fail[call].calls = calls;
    r->fail[call].err = err;
}

/* The error that this call is to meet, or 0. */
static int failing(struct io_record *r, enum io_record_call call)
{
    if (!r->fail[call].armed || r->fail[call].calls-- > 0)
        return 0;
    r->fail[call].armed = false;
    return r->fail[call].err;
}

static struct change *note(struct io_record *r, enum change_kind kind, size_t inode)
{
    if (r->change_count == r->change_room) {
        r->change_room = r->change_room ? r->change_room * 2 : 256;
        r->changes = th_xreallocarray(r->changes, r->change_room, sizeof(*r->changes));
    }
    struct change *c = &r->changes[r->change_count++];
    *c = (struct change){.kind = kind, .inode = inode};
    return c;
}

static struct entry *find(const struct io_record *r, const char *name)
{
    for (size_t i = 0; i < r->entry_count; i++)
        if (strcmp(r->entries[i].name, name) == 0)
            return &r->entries[i];
    return NULL;
}

static void drop(struct io_record *r, struct entry *e)
{
    if (!e)
        return;
    free(e->name);
    *e = r->entries[--r->entry_count];
}

static void put(struct io_record *r, const char *name, size_t inode)
{
    struct entry *e = find(r, name);
    if (e) {
        e->inode = inode;
        return;
    }
    r->entries = th_xreallocarray(r->entries, r->entry_count + 1, sizeof(*r->entries));
    r->entries[r->entry_count++] = (struct entry){.name = th_xstrdup(name), .inode = inode};
}

static size_t new_inode(struct io_record *r)
{
    r->inodes = th_xreallocarray(r->inodes, r->inode_count + 1, sizeof(*r->inodes));
    r->inodes[r->inode_count] = TH_BUF_INIT;
    return r->inode_count++;
}

static void set_length(struct th_buf *b, size_t len)
{
    if (len > b->len) {
        uint8_t *p = th_buf_reserve(b, len - b->len);
        TH_ASSERT(p);
        memset(p, 0, len - b->len);
    }
    b->len = len;
}

static void overwrite(struct th_buf *b, uint64_t at, const uint8_t *bytes, size_t len)
{
    if (b->len < at + len)
        set_length(b, (size_t)at + len);
    if (len)
        memcpy(b->p + at, bytes, len);
}

static uint64_t used(const struct io_record *r)
{
    uint64_t n = 0;
    for (size_t i = 0; i < r->entry_count; i++)
        n += r->inodes[r->entries[i].inode].len;
    return n;
}

uint8_t *io_record_content(struct io_record *r, const char *name, size_t *ret_len)
{
    const struct entry *e = find(r, name);
    if (!e)
        return NULL;
    *ret_len = r->inodes[e->inode].len;
    return r->inodes[e->inode].p;
}

/* ---- struct th_io ---- */

static size_t inode_of(const struct io_record *r, int file)
{
    TH_ASSERT(file >= 0 && file < MAX_OPEN && r->open[file] > 0);
    return (size_t)r->open[file] - 1;
}

static int rec_open(void *arg, const char *name, enum th_io_open how)
{
    struct io_record *r = arg;
    const struct entry *e = find(r, name);
    int file = 0;
    TH_ASSERT(strchr(name, '/') == NULL);
    const bool make = how == TH_IO_CREATE || how == TH_IO_CREATE_DIRECT;
    if (make && e)
        return -EEXIST;
    if (!make && !e)
        return -ENOENT;
    while (file < MAX_OPEN && r->open[file])
        file++;
    if (file == MAX_OPEN)
        return -EMFILE;
    size_t inode = e ? e->inode : new_inode(r);
    if (!e) {
        put(r, name, inode);
        note(r, NAME, inode)->name = th_xstrdup(name);
    }
    r->open[file] = (int)inode + 1;
    return file;
}

static int rec_close(void *arg, int file)
{
    struct io_record *r = arg;
    (void)inode_of(r, file);
    r->open[file] = 0;
    return 0;
}

static int64_t rec_pread(void *arg, int file, void *to, size_t len, uint64_t at)
{
    struct io_record *r = arg;
    const struct th_buf *b = &r->inodes[inode_of(r, file)];
    if (at >= b->len)
        return 0;
    size_t n = TH_MIN(len, b->len - (size_t)at);
    if (r->chunk)
        n = TH_MIN(n, r->chunk);
    if (n)
        memcpy(to, b->p + at, n);
    return (int64_t)n;
}

static int64_t rec_pwrite(void *arg, int file, const void *from, size_t len, uint64_t at)
{
    struct io_record *r = arg;
    size_t inode = inode_of(r, file);
    int err = failing(r, IO_RECORD_WRITE);
    if (err < 0)
        return err;
    if (r->chunk)
        len = TH_MIN(len, r->chunk);
    uint64_t have = r->inodes[inode].len;
    if (at + len > have) {
        uint64_t left = r->room - TH_MIN(r->room, used(r));
        if (at + len - have > left)
            len = have + left > at ? (size_t)(have + left - at) : 0;
        if (len == 0)
            return -ENOSPC;
    }
    struct change *c = note(r, WRITE, inode);
    c->at = at;
    c->len = len;
    c->bytes = th_xmalloc(len);
    memcpy(c->bytes, from, len);
    overwrite(&r->inodes[inode], at, from, len);
    return (int64_t)len;
}

static int64_t rec_size(void *arg, int file)
{
    struct io_record *r = arg;
    return (int64_t)r->inodes[inode_of(r, file)].len;
}

static int rec_truncate(void *arg, int file, uint64_t len)
{
    struct io_record *r = arg;
    size_t inode = inode_of(r, file);
    int err = failing(r, IO_RECORD_TRUNCATE);
    if (err < 0)
        return err;
    note(r, TRUNCATE, inode)->at = len;
    set_length(&r->inodes[inode], (size_t)len);
    return 0;
}

static int rec_sync(void *arg, int file)
{
    struct io_record *r = arg;
    size_t inode = inode_of(r, file);
    int err = failing(r, IO_RECORD_SYNC);
    if (err == 0)
        note(r, SYNC, inode);
    return err;
}

static int rec_sync_folder(void *arg)
{
    struct io_record *r = arg;
    int err = failing(r, IO_RECORD_SYNC_FOLDER);
    if (err == 0)
        note(r, SYNC_FOLDER, 0);
    return err;
}

static int rec_rename(void *arg, const char *from, const char *to)
{
    struct io_record *r = arg;
    struct entry *e = find(r, from);
    int err = e ? failing(r, IO_RECORD_RENAME) : -ENOENT;
    if (err < 0)
        return err;
    size_t inode = e->inode;
    drop(r, e);
    put(r, to, inode);
    struct change *c = note(r, RENAME, inode);
    c->name = th_xstrdup(to);
    c->from = th_xstrdup(from);
    return 0;
}

static int rec_remove(void *arg, const char *name)
{
    struct io_record *r = arg;
    struct entry *e = find(r, name);
    int err = e ? failing(r, IO_RECORD_REMOVE) : -ENOENT;
    if (err < 0)
        return err;
    drop(r, e);
    note(r, REMOVE, 0)->name = th_xstrdup(name);
    return 0;
}

static int rec_list(void *arg, int (*fn)(void *fn_arg, const char *name), void *fn_arg)
{
    struct io_record *r = arg;
    int res = 0;
    for (size_t i = 0; res == 0 && i < r->entry_count; i++)
        res = fn(fn_arg, r->entries[i].name);
    return res;
}

static int64_t rec_free_bytes(void *arg)
{
    struct io_record *r = arg;
    uint64_t left = r->room - TH_MIN(r->room, used(r));
    return (int64_t)TH_MIN(left, (uint64_t)INT64_MAX);
}

void io_record_io(struct io_record *r, struct th_io *ret)
{
    *ret = (struct th_io){.open = rec_open,
        .close = rec_close,
        .pread = rec_pread,
        .pwrite = rec_pwrite,
        .size = rec_size,
        .truncate = rec_truncate,
        .sync = rec_sync,
        .sync_folder = rec_sync_folder,
        .rename = rec_rename,
        .remove = rec_remove,
        .list = rec_list,
        .free_bytes = rec_free_bytes,
        .arg = r};
}

/* ---- the power cut ---- */

struct cut {
    const struct io_record *of;
    struct io_record *disk;
    size_t at;
    uint64_t seed, drawn;
};

/* Did this unsynced thing reach the disk? */
static bool survived(struct cut *c)
{
    if (c->seed <= 1)
        return c->seed == 1;
    return th_hash_pair(c->seed, ++c->drawn) & 1;
}

/* Index behind the last change before the cut that made the inode's bytes (or the names) last. */
static size_t last_sync(const struct cut *c, enum change_kind kind, size_t inode)
{
    for (size_t i = c->at; i > 0; i--)
        if (c->of->changes[i - 1].kind == kind &&
            (kind == SYNC_FOLDER || c->of->changes[i - 1].inode == inode))
            return i;
    return 0;
}

static void write_sectors(struct cut *c, struct th_buf *to, const struct change *w)
{
    for (size_t done = 0; done < w->len;) {
        uint64_t at = w->at + done;
        size_t n = TH_MIN(w->len - done, SECTOR_BYTES - (size_t)(at % SECTOR_BYTES));
        if (survived(c))
            overwrite(to, at, w->bytes + done, n);
        done += n;
    }
    if (to->len < w->at + w->len && survived(c))
        set_length(to, (size_t)w->at + w->len); /* the length alone: zeros */
}

static void restore_bytes(struct cut *c, size_t inode)
{
    size_t synced = last_sync(c, SYNC, inode);
    struct th_buf *to = &c->disk->inodes[inode];
    for (size_t i = 0; i < c->at; i++) {
        const struct change *w = &c->of->changes[i];
        if (w->inode != inode)
            continue;
        if (w->kind == WRITE && i < synced)
            overwrite(to, w->at, w->bytes, w->len);
        else if (w->kind == WRITE)
            write_sectors(c, to, w);
        else if (w->kind == TRUNCATE && (i < synced || survived(c)))
            set_length(to, (size_t)w->at);
    }
}

static void restore_names(struct cut *c)
{
    size_t synced = last_sync(c, SYNC_FOLDER, 0);
    for (size_t i = 0; i < c->at; i++) {
        const struct change *w = &c->of->changes[i];
        if (w->kind != NAME && w->kind != RENAME && w->kind != REMOVE)
            continue;
        if (i >= synced && !survived(c))
            continue;
        if (w->kind == REMOVE) {
            drop(c->disk, find(c->disk, w->name));
        } else {
            if (w->kind == RENAME)
                drop(c->disk, find(c->disk, w->from));
            put(c->disk, w->name, w->inode);
        }
    }
}

/* What the folder began with, when it was the result of a cut itself, counts as changes: see the
 * end of io_record_cut. */
struct io_record *io_record_cut(const struct io_record *r, size_t at, uint64_t seed)
{
    struct io_record *disk = io_record_new();
    struct cut c = {.of = r, .disk = disk, .at = TH_MIN(at, r->change_count), .seed = seed};
    for (size_t i = 0; i < r->inode_count; i++) {
        (void)new_inode(disk);
        restore_bytes(&c, i);
    }
    restore_names(&c);
    for (size_t i = 0; i < disk->entry_count; i++) {
        size_t inode = disk->entries[i].inode;
        const struct th_buf *b = &disk->inodes[inode];
        note(disk, NAME, inode)->name = th_xstrdup(disk->entries[i].name);
        struct change *w = note(disk, WRITE, inode);
        w->len = b->len;
        w->bytes = th_xmalloc(b->len + 1);
        if (b->len)
            memcpy(w->bytes, b->p, b->len);
        note(disk, SYNC, inode);
    }
    note(disk, SYNC_FOLDER, 0);
    return disk;
}
