/* SPDX-License-Identifier: Apache-2.0 */
/* Every frame is an outside byte: all reads go through cursors, all indexes are held against their
 * dictionary, all allocations against TH_WIRE_MAX_VALUES. */
#include <zstd.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "columns.h"
#include "event/batch.h"
#include "wire.h"

static const unsigned max_columns = 64;

struct field_set {
    uint64_t columns; /* of the section, those unknown left out */
    uint64_t fields;  /* th_event.set */
};

struct rows {
    const struct th_kind_info *kind;
    bool present; /* in this batch */
    uint32_t left;
    struct field_set *sets;
    uint32_t set_count;
    struct th_cur set_codes;
    struct th_column column[64];
    uint64_t before; /* fields that are told as differences to the event's time */
    uint8_t *memory;
    struct th_event *block[TH_BLOCK_ROWS]; /* rows in memory, one after the other */
    uint32_t block_count, block_at;
};

struct th_batch_reader {
    uint8_t *raw;
    size_t raw_room;
    ZSTD_DCtx *zstd;
    struct th_batch_values values;
    uint32_t count, at;
    uint64_t time_q, seq; /* of the last event, time in units of time_unit */
    int64_t time_unit;
    uint64_t time_steps[TH_BLOCK_ROWS], seq_steps[TH_BLOCK_ROWS]; /* of the events from here on */
    struct th_cur times, seqs, kinds;
    bool failed;
    struct rows *rows[TH_KIND_COUNT];
    uint64_t columns[TH_BLOCK_ROWS];        /* that rows of a block have */
    struct th_event *chosen[TH_BLOCK_ROWS]; /* rows of a block that have a column */
};

struct th_batch_reader *th_batch_reader_new(void)
{
    struct th_batch_reader *r = th_xcalloc(1, sizeof(*r));
    r->zstd = ZSTD_createDCtx();
    TH_ASSERT(r->zstd);
    return r;
}

void th_batch_reader_free(struct th_batch_reader *r)
{
    if (!r)
        return;
    for (unsigned k = 0; k < TH_KIND_COUNT; k++) {
        if (r->rows[k])
            free(r->rows[k]->memory);
        free(r->rows[k]);
    }
    th_arena_done(&r->values.memory);
    ZSTD_freeDCtx(r->zstd);
    free(r->raw);
    free(r);
}

static bool read_addrs(struct th_batch_reader *r, struct th_cur c)
{
    struct th_texts t;
    if (!th_texts_read(&r->values, &c, &t))
        return false;
    struct th_addr *v = th_values_room(&r->values, t.n, sizeof(*v));
    if (!v)
        return false;
    for (uint32_t i = 0; i < t.n; i++) {
        const uint8_t *b = (const uint8_t *)t.v[i].p;
        if (t.v[i].len == 4)
            v[i] = th_addr_v4(b);
        else if (t.v[i].len == 16)
            v[i] = th_addr_v6(b);
        else
            return false;
    }
    r->values.addrs = v;
    r->values.addr_count = t.n;
    return true;
}

static const struct th_field_info *field_by_id(const struct th_kind_info *kind, uint64_t id)
{
    for (unsigned i = 0; i < kind->field_count; i++)
        if (kind->fields[i].id == id)
            return &kind->fields[i];
    return NULL;
}

/* The columns of a kind: fields[i] becomes the bit of column i in th_event.set, 0 for one that
 * this version does not know. */
static int read_columns(
    struct th_batch_reader *r, struct rows *rows, struct th_cur *c, uint64_t fields[64])
{
    uint64_t n = th_wire_take(c);
    uint64_t seen = 0;
    if (n > max_columns)
        return TH_E_LIMIT;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t id = th_wire_take(c);
        uint8_t op = th_cur_u8(c);
        struct th_column *col = &rows->column[i];
        *col = (struct th_column){.op = op, .in = th_cur_sub(c, th_wire_take(c))};
        const struct th_field_info *f = field_by_id(rows->kind, id);
        fields[i] = 0;
        if (c->failed)
            return TH_E_TRUNCATED;
        int type = th_wire_type_of((enum th_wire_op)op);
        if (!f || type < 0)
            continue;
        uint64_t bit = UINT64_C(1) << (f - rows->kind->fields);
        if (type != f->type || (seen & bit) || !th_column_open(col, &r->values))
            return TH_E_MALFORMED;
        col->offset = f->offset;
        rows->before |= op == TH_OP_BEFORE ? bit : 0;
        fields[i] = bit;
        seen |= bit;
    }
    return 0;
}

static void name_fields(struct rows *rows, const uint64_t fields[64], uint64_t column_count)
{
    for (uint32_t i = 0; i < rows->set_count; i++) {
        uint64_t given = rows->sets[i].columns;
        rows->sets[i] = (struct field_set){0};
        for (uint64_t k = 0; k < column_count; k++) {
            if ((given >> k & 1) && fields[k]) {
                rows->sets[i].columns |= UINT64_C(1) << k;
                rows->sets[i].fields |= fields[k];
            }
        }
    }
}

static struct rows *rows_new(const struct th_kind_info *kind)
{
    struct rows *rows = th_xcalloc(1, sizeof(*rows));
    rows->kind = kind;
    rows->memory = th_xcalloc(TH_BLOCK_ROWS, kind->size_bytes);
    for (size_t i = 0; i < TH_BLOCK_ROWS; i++)
        rows->block[i] = (struct th_event *)(rows->memory + i * kind->size_bytes);
    return rows;
}

static struct rows *rows_of(struct th_batch_reader *r, uint64_t kind)
{
    const struct th_kind_info *info = kind < TH_KIND_COUNT ? th_kind_get((unsigned)kind) : NULL;
    if (!info)
        return NULL;
    if (!r->rows[kind])
        r->rows[kind] = rows_new(info);
    return r->rows[kind];
}

static int read_rows(struct th_batch_reader *r, struct th_cur c)
{
    uint64_t fields[64] = {0};
    struct rows *rows = rows_of(r, th_wire_take(&c));
    if (!rows)
        return 0; /* of a later version */
    uint64_t count = th_wire_take(&c);
    uint64_t set_count = th_wire_take(&c);
    if (rows->present || count > r->count || set_count > count)
        return TH_E_MALFORMED;
    rows->sets = th_values_room(&r->values, set_count, sizeof(*rows->sets));
    if (!rows->sets)
        return TH_E_LIMIT;
    rows->set_count = (uint32_t)set_count;
    for (uint32_t i = 0; i < set_count; i++)
        rows->sets[i] = (struct field_set){.columns = th_wire_take(&c)};
    rows->set_codes = c;
    for (uint64_t i = 0; i < count; i++)
        th_wire_take(&c);
    rows->set_codes.end = c.p;
    rows->before = 0;
    struct th_cur peek = c;
    uint64_t column_count = th_wire_take(&peek);
    int err = read_columns(r, rows, &c, fields);
    if (err < 0)
        return err;
    name_fields(rows, fields, column_count);
    rows->left = (uint32_t)count;
    rows->block_at = rows->block_count = 0;
    rows->present = true;
    return c.failed ? TH_E_TRUNCATED : 0;
}

static int read_section(struct th_batch_reader *r, uint8_t tag, struct th_cur c)
{
    switch (tag) {
    case TH_SECTION_IDS: return th_texts_read(&r->values, &c, &r->values.ids) ? 0 : TH_E_MALFORMED;
    case TH_SECTION_ADDRS: return read_addrs(r, c) ? 0 : TH_E_MALFORMED;
    case TH_SECTION_TIMES:
        r->times = c;
        return th_scale_read(&r->times, &r->time_unit) ? 0 : TH_E_MALFORMED;
    case TH_SECTION_SEQS: r->seqs = c; return 0;
    case TH_SECTION_KINDS: r->kinds = c; return th_cur_left(&c) == r->count ? 0 : TH_E_MALFORMED;
    case TH_SECTION_ROWS: return read_rows(r, c);
    default: return 0;
    }
}

static void begin_batch(struct th_batch_reader *r, uint32_t count)
{
    static const struct th_cur nothing = {.failed = true};
    th_arena_reset(&r->values.memory);
    for (unsigned k = 0; k < TH_KIND_COUNT; k++)
        if (r->rows[k])
            r->rows[k]->present = false;
    r->values.count = 0;
    r->values.ids = (struct th_texts){0};
    r->values.addr_count = 0;
    r->at = 0;
    r->count = count;
    r->time_q = 0;
    r->time_unit = 1;
    r->seq = 0;
    r->times = r->seqs = r->kinds = nothing;
    r->failed = false;
}

/* Checks the frame around the payload; ret_packed is what is compressed in it. */
static int check_frame(const uint8_t *frame, size_t len_bytes, struct th_batch_head *ret_head,
    uint32_t *ret_raw_len, struct th_str *ret_packed)
{
    enum th_frame_type type;
    uint32_t payload_len;
    if (len_bytes < TH_FRAME_HEAD_BYTES + TH_BATCH_HEAD_BYTES)
        return TH_E_TRUNCATED;
    int err = th_frame_head(frame, &type, &payload_len);
    if (err < 0)
        return err;
    if (type != TH_FRAME_EVENTS || payload_len != len_bytes - TH_FRAME_HEAD_BYTES)
        return TH_E_MALFORMED;
    struct th_cur c = th_cur_init(frame, len_bytes);
    th_cur_skip(&c, 12);
    *ret_raw_len = th_cur_le32(&c);
    if (th_cur_le32(&c) != th_crc32c(0, c.p, payload_len))
        return TH_E_CHECKSUM;
    err = th_batch_peek(c.p, payload_len, ret_head);
    if (err < 0)
        return err;
    th_cur_skip(&c, TH_BATCH_HEAD_BYTES);
    *ret_packed = th_cur_bytes(&c, th_cur_left(&c));
    unsigned long long said = ZSTD_getFrameContentSize(ret_packed->p, ret_packed->len);
    if (said == *ret_raw_len)
        return 0;
    bool known = said != ZSTD_CONTENTSIZE_UNKNOWN && said != ZSTD_CONTENTSIZE_ERROR;
    return known && said > TH_WIRE_MAX_RAW_BYTES ? TH_E_LIMIT : TH_E_MALFORMED;
}

int th_batch_check(
    const uint8_t *frame, size_t len_bytes, struct th_batch_head *ret_head, uint32_t *ret_raw_len)
{
    struct th_str packed;
    struct th_batch_head head;
    uint32_t raw_len;
    int err = check_frame(frame, len_bytes, &head, &raw_len, &packed);
    if (err < 0)
        return err;
    *ret_head = head;
    *ret_raw_len = raw_len;
    return 0;
}

/* Decompresses into r->raw. */
static int unpack(struct th_batch_reader *r, struct th_str packed, uint32_t raw_len)
{
    if (r->raw_room < raw_len) {
        r->raw_room = raw_len;
        r->raw = th_xrealloc(r->raw, r->raw_room);
    }
    size_t n = ZSTD_decompressDCtx(r->zstd, r->raw, raw_len, packed.p, packed.len);
    return n == raw_len ? 0 : TH_E_COMPRESSED_DATA;
}

static int open_frame(struct th_batch_reader *r, const uint8_t *frame, size_t len_bytes,
    struct th_batch_head *ret_head, uint32_t *ret_raw_len)
{
    struct th_str packed;
    int err = check_frame(frame, len_bytes, ret_head, ret_raw_len, &packed);
    return err < 0 ? err : unpack(r, packed, *ret_raw_len);
}

int th_batch_open(struct th_batch_reader *r, const uint8_t *frame, size_t len_bytes,
    struct th_batch_head *ret_head)
{
    struct th_batch_head head;
    uint32_t raw_len;
    begin_batch(r, 0);
    int err = open_frame(r, frame, len_bytes, &head, &raw_len);
    if (err < 0)
        return err;
    begin_batch(r, head.count);
    struct th_cur c = th_cur_init(r->raw, raw_len);
    while (th_cur_left(&c) && err == 0) {
        uint8_t tag = th_cur_u8(&c);
        struct th_cur section = th_cur_sub(&c, th_cur_varint(&c));
        err = c.failed ? TH_E_TRUNCATED : read_section(r, tag, section);
    }
    if (err == 0 && head.count && r->kinds.failed)
        err = TH_E_MALFORMED;
    r->failed = err < 0;
    if (err < 0)
        return err;
    *ret_head = head;
    return 0;
}

/* Which fields the rows of a block have; columns is the codes of their sets, and then what they
 * stand for. */
static int name_columns(struct rows *rows, uint64_t *columns)
{
    for (uint32_t i = 0; i < rows->block_count; i++) {
        if (columns[i] >= rows->set_count)
            return TH_E_MALFORMED;
        const struct field_set *set = &rows->sets[columns[i]];
        if (rows->block[i]->set & ~set->fields) /* of the row that lay here before */
            memset(rows->block[i], 0, rows->kind->size_bytes);
        rows->block[i]->set = set->fields;
        columns[i] = set->columns;
    }
    return 0;
}

/* The rows of a block that have column number i. */
static uint32_t choose(
    const struct rows *rows, const uint64_t *columns, unsigned i, struct th_event **ret)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < rows->block_count; k++) {
        ret[n] = rows->block[k];
        n += columns[k] >> i & 1;
    }
    return n;
}

static int take_columns(struct th_batch_reader *r, struct rows *rows)
{
    uint64_t some = 0, all = UINT64_MAX;
    for (uint32_t i = 0; i < rows->block_count; i++) {
        some |= r->columns[i];
        all &= r->columns[i];
    }
    for (uint64_t m = some; m; m &= m - 1) {
        unsigned i = (unsigned)__builtin_ctzll(m);
        bool whole = all >> i & 1;
        uint32_t n = whole ? rows->block_count : choose(rows, r->columns, i, r->chosen);
        if (!th_column_take(&rows->column[i], &r->values, whole ? rows->block : r->chosen, n))
            return TH_E_MALFORMED;
    }
    return 0;
}

/* The next rows of a kind. */
static int read_block(struct th_batch_reader *r, struct rows *rows)
{
    uint32_t n = TH_MIN(rows->left, (uint32_t)TH_BLOCK_ROWS);
    if (n == 0 || !th_numbers_take(&rows->set_codes, r->columns, n))
        return TH_E_MALFORMED;
    rows->block_count = n;
    rows->block_at = 0;
    rows->left -= n;
    int err = name_columns(rows, r->columns);
    return err < 0 ? err : take_columns(r, rows);
}

/* 1 and the next event, 0 when it is of a kind that a later version has. */
static int next_row(struct th_batch_reader *r, struct th_event **ret_ev)
{
    uint32_t step = r->at % TH_BLOCK_ROWS;
    uint32_t n = TH_MIN(r->count - r->at, (uint32_t)TH_BLOCK_ROWS);
    if (step == 0 &&
        !(th_numbers_take(&r->times, r->time_steps, n) &&
            th_numbers_take(&r->seqs, r->seq_steps, n)))
        return TH_E_MALFORMED;
    uint8_t kind = th_cur_u8(&r->kinds); /* there are as many as events */
    r->at++;
    r->time_q += (uint64_t)th_unzigzag(r->time_steps[step]);
    r->seq += (uint64_t)th_unzigzag(r->seq_steps[step]);
    struct rows *rows = kind < TH_KIND_COUNT ? r->rows[kind] : NULL;
    if (!rows || !rows->present)
        return th_kind_get(kind) ? TH_E_MALFORMED : 0;
    int err = rows->block_at == rows->block_count ? read_block(r, rows) : 0;
    if (err < 0)
        return err;
    struct th_event *ev = rows->block[rows->block_at++];
    ev->time_ns = (int64_t)(r->time_q * (uint64_t)r->time_unit);
    ev->source = 0;
    ev->seq = r->seq;
    ev->kind = kind;
    for (uint64_t m = ev->set & rows->before; m; m &= m - 1) {
        int64_t *at = (void *)((uint8_t *)ev + rows->kind->fields[__builtin_ctzll(m)].offset);
        *at = th_time_sub(ev->time_ns, *at);
    }
    *ret_ev = ev;
    return 1;
}

int th_batch_next(struct th_batch_reader *r, struct th_event **ret_ev)
{
    while (!r->failed && r->at < r->count) {
        int n = next_row(r, ret_ev);
        if (n > 0)
            return n;
        r->failed = n < 0;
    }
    return r->failed ? TH_E_MALFORMED : 0;
}
