/* SPDX-License-Identifier: Apache-2.0 */
#include "web/pack.h"

#include "base/cursor.h"
#include "base/mem.h"

static const char magic[4] = {'T', 'U', 'I', '1'};

/* Header text must not carry a line's end into an answer. */
static bool is_plain(struct th_str s)
{
    for (uint32_t i = 0; i < s.len; i++)
        if (s.p[i] < 0x20 || s.p[i] > 0x7e)
            return false;
    return s.len > 0;
}

static void take_head(struct th_cur *c, struct th_pack_file *f)
{
    f->name = th_cur_bytes(c, th_cur_le16(c));
    f->type = th_cur_bytes(c, th_cur_u8(c));
    f->immutable = (th_cur_u8(c) & TH_PACK_IMMUTABLE) != 0;
    struct th_str hash = th_cur_bytes(c, 32);
    for (unsigned i = 0; i < 16 && hash.len == 32; i++)
        snprintf(f->tag + (size_t)2 * i, 3, "%02x", (uint8_t)hash.p[i]);
    f->content.len = th_cur_le32(c);
    f->gzip.len = th_cur_le32(c);
    if (!is_plain(f->name) || !is_plain(f->type) || !th_str_starts(f->name, "/"))
        th_cur_fail(c);
}

int th_pack_open(struct th_pack *ret, const uint8_t *data, size_t len_bytes)
{
    struct th_cur c = th_cur_init(data, len_bytes);
    struct th_str start = th_cur_bytes(&c, sizeof(magic));
    uint32_t count = th_cur_le32(&c);
    if (c.failed || memcmp(start.p, magic, sizeof(magic)) != 0)
        return TH_E_UNKNOWN_FORMAT;
    if (count > TH_PACK_MAX_FILES || len_bytes > TH_PACK_MAX_BYTES)
        return TH_E_LIMIT;
    struct th_pack p = {.files = th_xcalloc(count ? count : 1, sizeof(*p.files)), .count = count};
    for (uint32_t i = 0; i < count && !c.failed; i++)
        take_head(&c, &p.files[i]);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        p.files[i].content = th_cur_bytes(&c, p.files[i].content.len);
        p.files[i].gzip = th_cur_bytes(&c, p.files[i].gzip.len);
    }
    if (c.failed || th_cur_left(&c)) {
        th_pack_done(&p);
        return c.failed ? TH_E_TRUNCATED : TH_E_MALFORMED;
    }
    *ret = p;
    return 0;
}

void th_pack_done(struct th_pack *p)
{
    free(p->files);
    *p = (struct th_pack){0};
}

const struct th_pack_file *th_pack_find(const struct th_pack *p, struct th_str name)
{
    for (size_t i = 0; i < p->count; i++)
        if (th_str_eq(p->files[i].name, name))
            return &p->files[i];
    return NULL;
}
