/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "crypto/random.h"

enum { VERSION = 1, MAX_SEALED_KEY = 256 };
static const uint32_t file_magic = 0x46504b54;  /* "TKPF" */
static const uint32_t block_magic = 0x42504b54; /* "TKPB" */
static const char suffix[] = ".keep";

/* ---- names ---- */

void keep_file_name(uint64_t number, char ret[KEEP_NAME_LEN])
{
    snprintf(ret, KEEP_NAME_LEN, "%016llx%s", (unsigned long long)number, suffix);
}

bool keep_file_parse(const char *name, uint64_t *ret)
{
    char same[KEEP_NAME_LEN];
    char *end;
    unsigned long long number = strtoull(name, &end, 16);
    keep_file_name(number, same);
    *ret = number;
    return strcmp(name, same) == 0 && strcmp(end, suffix) == 0;
}

struct names {
    uint64_t *v;
    size_t count;
};

static int take_name(void *arg, const char *name)
{
    struct names *n = arg;
    uint64_t number;
    if (!keep_file_parse(name, &number))
        return 0;
    if (n->count == KEEP_MAX_FILES)
        return TH_E_LIMIT;
    n->v[n->count++] = number;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int keep_files_list(const struct th_io *io, uint64_t **ret, size_t *ret_count)
{
    struct names n = {.v = th_xcalloc(KEEP_MAX_FILES, sizeof(*n.v))};
    int r = io->list(io->arg, take_name, &n);
    if (r < 0) {
        free(n.v);
        return r;
    }
    qsort(n.v, n.count, sizeof(*n.v), ascending);
    *ret = n.v;
    *ret_count = n.count;
    return 0;
}

/* ---- the head of a file ---- */

static void key_context(uint64_t number, char ret[64])
{
    snprintf(ret, 64, "packets of file %016llx", (unsigned long long)number);
}

int keep_file_head(struct th_keychain *chain, uint64_t number, uint8_t ret_page[KEEP_PAGE],
    uint8_t ret_key[TH_AEAD_KEY_BYTES])
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf sealed = TH_BUF_INIT;
    char context[64];
    key_context(number, context);
    th_random_bytes(ret_key, TH_AEAD_KEY_BYTES);
    int r = th_keychain_seal(chain, context, th_str_n(ret_key, TH_AEAD_KEY_BYTES), &sealed);
    if (r < 0)
        return r;
    th_buf_le32(&b, file_magic);
    th_buf_le32(&b, VERSION);
    th_buf_le64(&b, number);
    th_buf_le32(&b, (uint32_t)sealed.len);
    th_buf_str(&b, th_buf_view(&sealed));
    th_buf_le32(&b, th_crc32c(0, b.p, b.len));
    memset(ret_page, 0, KEEP_PAGE);
    memcpy(ret_page, b.p, b.len);
    return 0;
}

int keep_file_key(const struct th_io *io, int file, uint64_t number, struct th_keychain *chain,
    uint8_t ret_key[TH_AEAD_KEY_BYTES])
{
    uint8_t page[KEEP_PAGE];
    TH_AUTOBUF struct th_buf key = TH_BUF_INIT;
    char context[64];
    int r = th_io_read_all(io, file, page, sizeof(page), 0);
    if (r < 0)
        return r;
    struct th_cur c = th_cur_init(page, sizeof(page));
    bool known = th_cur_le32(&c) == file_magic;
    uint32_t version = th_cur_le32(&c);
    uint64_t said = th_cur_le64(&c);
    uint32_t len = th_cur_le32(&c);
    if (!known || said != number)
        return TH_E_UNKNOWN_FORMAT;
    if (version != VERSION)
        return TH_E_VERSION;
    struct th_str sealed = th_cur_bytes(&c, TH_MIN(len, MAX_SEALED_KEY));
    uint32_t crc = th_crc32c(0, page, (size_t)(c.p - page));
    if (th_cur_le32(&c) != crc)
        return TH_E_CHECKSUM;
    key_context(number, context);
    r = th_keychain_open(chain, context, sealed, &key);
    if (r == 0 && key.len != TH_AEAD_KEY_BYTES)
        r = TH_E_MALFORMED;
    if (r == 0)
        memcpy(ret_key, key.p, TH_AEAD_KEY_BYTES);
    if (key.p)
        th_wipe(key.p, key.len);
    return r;
}

/* ---- blocks ---- */

size_t keep_block_bytes(const struct keep_block *b)
{
    size_t len = (size_t)KEEP_HEAD_BYTES + b->index_bytes + b->sealed_bytes;
    return (len + KEEP_PAGE - 1) / KEEP_PAGE * KEEP_PAGE;
}

/* The head without its checksum; what is sealed is bound to it. */
static void put_head(struct th_buf *out, const struct keep_block *b)
{
    th_buf_le32(out, block_magic);
    th_buf_le32(out, b->kind);
    th_buf_le64(out, b->file);
    th_buf_le32(out, b->number);
    th_buf_le32(out, b->index_bytes);
    th_buf_le32(out, b->sealed_bytes);
}

static struct th_str context_of(const struct keep_block *b, const char *what, struct th_buf *room)
{
    th_buf_clear(room);
    th_buf_puts(room, what);
    put_head(room, b);
    return th_buf_view(room);
}

size_t keep_block_seal(const uint8_t key[TH_AEAD_KEY_BYTES], struct keep_block *block,
    const struct keep_index *index, struct th_str records, uint8_t *to)
{
    TH_AUTOBUF struct th_buf plain = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf head = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf room = TH_BUF_INIT;
    keep_index_put(&plain, index);
    block->index_bytes = (uint32_t)plain.len + TH_AEAD_EXTRA_BYTES;
    block->sealed_bytes = records.len + TH_AEAD_EXTRA_BYTES;
    put_head(&head, block);
    th_buf_le32(&head, th_crc32c(0, head.p, head.len));
    TH_ASSERT(head.len == KEEP_HEAD_BYTES && records.len <= TH_KEEP_MAX_BLOCK);
    uint8_t *p = to;
    memcpy(p, head.p, head.len);
    p += head.len;
    th_aead_seal_to(key, context_of(block, "index", &room), th_buf_view(&plain), p);
    p += block->index_bytes;
    th_aead_seal_to(key, context_of(block, "records", &room), records, p);
    p += block->sealed_bytes;
    size_t len = keep_block_bytes(block);
    memset(p, 0, len - (size_t)(p - to));
    return len;
}

bool keep_block_read(const uint8_t *p, size_t len, uint64_t file, struct keep_block *ret)
{
    struct th_cur c = th_cur_init(p, len);
    struct keep_block b = {0};
    bool known = th_cur_le32(&c) == block_magic;
    b.kind = th_cur_le32(&c);
    b.file = th_cur_le64(&c);
    b.number = th_cur_le32(&c);
    b.index_bytes = th_cur_le32(&c);
    b.sealed_bytes = th_cur_le32(&c);
    uint32_t crc = th_cur_le32(&c);
    if (c.failed || !known || b.file != file ||
        crc != th_crc32c(0, p, KEEP_HEAD_BYTES - sizeof(crc)) ||
        (b.kind != KEEP_BLOCK && b.kind != KEEP_END) ||
        b.index_bytes < KEEP_INDEX_BYTES + TH_AEAD_EXTRA_BYTES || b.index_bytes > KEEP_MAX_INDEX ||
        b.sealed_bytes < TH_AEAD_EXTRA_BYTES || b.sealed_bytes > KEEP_MAX_SEALED)
        return false;
    *ret = b;
    return true;
}

int keep_block_index(const uint8_t key[TH_AEAD_KEY_BYTES], const struct keep_block *b,
    const uint8_t *sealed, struct keep_index *ret)
{
    TH_AUTOBUF struct th_buf room = TH_BUF_INIT;
    uint8_t plain[KEEP_MAX_INDEX];
    int64_t len =
        th_aead_open(key, context_of(b, "index", &room), th_str_n(sealed, b->index_bytes), plain);
    if (len < 0)
        return (int)len;
    struct th_cur c = th_cur_init(plain, (size_t)len);
    return keep_index_read(&c, ret) ? 0 : TH_E_MALFORMED;
}

int64_t keep_block_open(const uint8_t key[TH_AEAD_KEY_BYTES], const struct keep_block *b,
    const uint8_t *sealed, uint8_t *to)
{
    TH_AUTOBUF struct th_buf room = TH_BUF_INIT;
    return th_aead_open(
        key, context_of(b, "records", &room), th_str_n(sealed, b->sealed_bytes), to);
}

/* ---- going through them ---- */

int keep_walk_init(struct keep_walk *w, const struct th_io *io, int file, uint64_t number,
    const uint8_t key[TH_AEAD_KEY_BYTES])
{
    int64_t size = io->size(io->arg, file);
    if (size < 0)
        return (int)size;
    w->io = io;
    w->file = file;
    w->number = number;
    w->at = KEEP_PAGE;
    w->size = (uint64_t)size;
    w->next_block = 0;
    w->key = key;
    w->damaged = 0;
    return 0;
}

/* 1: a head stands at this place; 0: none does; negative: an error of reading. */
static int read_head(struct keep_walk *w, uint64_t at, struct keep_block *ret)
{
    uint64_t left = w->size > at ? w->size - at : 0;
    size_t len = (size_t)TH_MIN(left, sizeof(w->page));
    if (len < KEEP_HEAD_BYTES)
        return 0;
    int r = th_io_read_all(w->io, w->file, w->page, len, at);
    if (r < 0)
        return r;
    return keep_block_read(w->page, len, w->number, ret) && ret->number >= w->next_block &&
        keep_block_bytes(ret) <= left;
}

/* The next head, at w->at or behind it. */
static int find_head(struct keep_walk *w, struct keep_block *ret)
{
    int r = read_head(w, w->at, ret);
    for (uint64_t at = w->at + KEEP_PAGE; r == 0 && at + KEEP_HEAD_BYTES <= w->size;
         at += KEEP_PAGE) {
        r = read_head(w, at, ret);
        if (r == 1) {
            w->damaged++;
            w->at = at;
        }
    }
    return r;
}

int keep_walk_next(
    struct keep_walk *w, struct keep_block *ret, uint64_t *ret_at, struct keep_index *ret_index)
{
    for (;;) {
        struct keep_block b;
        int r = find_head(w, &b);
        if (r <= 0)
            return r;
        const uint64_t at = w->at;
        w->at += keep_block_bytes(&b);
        w->next_block = b.number + 1;
        if (b.kind == KEEP_END)
            continue;
        if (keep_block_index(w->key, &b, w->page + KEEP_HEAD_BYTES, ret_index) < 0) {
            /* The last of a file may have been torn, all others were whole once. */
            w->damaged += w->at < w->size;
            continue;
        }
        *ret = b;
        *ret_at = at;
        return 1;
    }
}

bool keep_walk_end(struct keep_walk *w, struct keep_index *ret)
{
    struct keep_block b;
    if (w->size < 2 * KEEP_PAGE || w->size % KEEP_PAGE != 0)
        return false;
    return read_head(w, w->size - KEEP_PAGE, &b) == 1 && b.kind == KEEP_END &&
        keep_block_index(w->key, &b, w->page + KEEP_HEAD_BYTES, ret) == 0;
}
