/* SPDX-License-Identifier: Apache-2.0 */
/* Every frame is an outside byte: all reads go through cursors, all indexes are held against their
 * dictionary, all allocations against TH_WIRE_MAX_VALUES. */
#include <zstd.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "event/batch.h"
#include "wire.h"

static const unsigned max_columns = 64;

struct texts {
    struct th_str *v;
    uint32_t n;
};

struct column {
    uint8_t op;
    uint16_t offset;
    struct th_cur in;
    struct th_cur counts; /* SPANS: the number of values of each row */
    struct texts dict;
    uint32_t next;  /* STRING: the next new one */
    uint64_t prev;  /* ID: index before; STEP: value before */
    int64_t unit;   /* of a scale */
    uint8_t bits;   /* BOOL: the byte being taken apart */
    uint8_t bits_n; /* and what is left of it */
};

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
    struct th_event *ev;
    uint64_t filled; /* fields of ev that are not zero */
    struct column column[64];
};

struct th_batch_reader {
    uint8_t *raw;
    size_t raw_room;
    ZSTD_DCtx *zstd;
    struct th_arena memory; /* dictionaries and lists of this batch */
    uint32_t values;        /* of dictionaries and lists so far */
    uint32_t count, at;
    int64_t time_ns;
    uint64_t time_q, seq; /* time in units of time_unit */
    int64_t time_unit;
    struct th_cur times, seqs, kinds;
    struct texts ids;
    struct th_addr *addrs;
    uint32_t addr_count;
    bool failed;
    struct rows *rows[TH_KIND_COUNT];
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
            free(r->rows[k]->ev);
        free(r->rows[k]);
    }
    th_arena_done(&r->memory);
    ZSTD_freeDCtx(r->zstd);
    free(r->raw);
    free(r);
}

static inline uint64_t take(struct th_cur *c)
{
    if (__builtin_expect(c->p < c->end && *c->p < 0x80, 1))
        return *c->p++;
    return th_cur_varint(c);
}

/* Room for n values of size bytes; NULL past the limit of a batch. */
static void *room_for(struct th_batch_reader *r, uint64_t n, size_t size)
{
    if (n > TH_WIRE_MAX_VALUES - r->values)
        return NULL;
    r->values += (uint32_t)n;
    return th_arena_alloc(&r->memory, (n ? n : 1) * size);
}

static bool read_dict(struct th_batch_reader *r, struct th_cur *c, struct texts *ret)
{
    uint64_t n = take(c);
    if (n > th_cur_left(c))
        return false;
    struct th_str *v = room_for(r, n, sizeof(*v));
    if (!v)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t len = take(c);
        v[i].len = len <= TH_WIRE_MAX_RAW_BYTES ? (uint32_t)len : TH_WIRE_MAX_RAW_BYTES;
    }
    for (uint64_t i = 0; i < n; i++)
        v[i] = th_cur_bytes(c, v[i].len);
    *ret = (struct texts){v, (uint32_t)n};
    return !c->failed;
}

static bool read_addrs(struct th_batch_reader *r, struct th_cur c)
{
    struct texts t;
    if (!read_dict(r, &c, &t))
        return false;
    struct th_addr *v = room_for(r, t.n, sizeof(*v));
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
    r->addrs = v;
    r->addr_count = t.n;
    return true;
}

static bool read_scale(struct th_cur *c, int64_t *ret_unit)
{
    *ret_unit = th_wire_scale_ns(th_cur_u8(c));
    return !c->failed && *ret_unit != 0;
}

/* What stands before the values of a column. */
static bool open_column(struct th_batch_reader *r, struct column *col)
{
    switch (col->op) {
    case TH_OP_BEFORE:
    case TH_OP_STEP:
    case TH_OP_SPAN: return read_scale(&col->in, &col->unit);
    case TH_OP_SPANS:
        col->counts = th_cur_sub(&col->in, th_cur_varint(&col->in));
        return read_scale(&col->in, &col->unit);
    case TH_OP_STRING:
    case TH_OP_STRINGS:
    case TH_OP_MAC: return read_dict(r, &col->in, &col->dict);
    default: return true;
    }
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
    uint64_t n = take(c);
    uint64_t seen = 0;
    if (n > max_columns)
        return TH_E_LIMIT;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t id = take(c);
        uint8_t op = th_cur_u8(c);
        struct column *col = &rows->column[i];
        *col = (struct column){.op = op, .in = th_cur_sub(c, take(c))};
        const struct th_field_info *f = field_by_id(rows->kind, id);
        fields[i] = 0;
        if (c->failed)
            return TH_E_TRUNCATED;
        int type = th_wire_type_of((enum th_wire_op)op);
        if (!f || type < 0)
            continue;
        uint64_t bit = UINT64_C(1) << (f - rows->kind->fields);
        if (type != f->type || (seen & bit) || !open_column(r, col))
            return TH_E_MALFORMED;
        col->offset = f->offset;
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

static struct rows *rows_of(struct th_batch_reader *r, uint64_t kind)
{
    const struct th_kind_info *info = kind < TH_KIND_COUNT ? th_kind_get((unsigned)kind) : NULL;
    if (!info)
        return NULL;
    if (!r->rows[kind]) {
        r->rows[kind] = th_xcalloc(1, sizeof(*r->rows[kind]));
        r->rows[kind]->kind = info;
        r->rows[kind]->ev = th_xcalloc(1, info->size_bytes);
    }
    return r->rows[kind];
}

static int read_rows(struct th_batch_reader *r, struct th_cur c)
{
    uint64_t fields[64] = {0};
    struct rows *rows = rows_of(r, take(&c));
    if (!rows)
        return 0; /* of a later version */
    uint64_t count = take(&c);
    uint64_t set_count = take(&c);
    if (rows->present || count > r->count || set_count > count)
        return TH_E_MALFORMED;
    rows->sets = room_for(r, set_count, sizeof(*rows->sets));
    if (!rows->sets)
        return TH_E_LIMIT;
    rows->set_count = (uint32_t)set_count;
    for (uint32_t i = 0; i < set_count; i++)
        rows->sets[i] = (struct field_set){.columns = take(&c)};
    rows->set_codes = c;
    for (uint64_t i = 0; i < count; i++)
        take(&c);
    rows->set_codes.end = c.p;
    struct th_cur peek = c;
    uint64_t column_count = take(&peek);
    int err = read_columns(r, rows, &c, fields);
    if (err < 0)
        return err;
    name_fields(rows, fields, column_count);
    rows->left = (uint32_t)count;
    rows->present = true;
    return c.failed ? TH_E_TRUNCATED : 0;
}

static int read_section(struct th_batch_reader *r, uint8_t tag, struct th_cur c)
{
    switch (tag) {
    case TH_SECTION_IDS: return read_dict(r, &c, &r->ids) ? 0 : TH_E_MALFORMED;
    case TH_SECTION_ADDRS: return read_addrs(r, c) ? 0 : TH_E_MALFORMED;
    case TH_SECTION_TIMES:
        r->times = c;
        return read_scale(&r->times, &r->time_unit) ? 0 : TH_E_MALFORMED;
    case TH_SECTION_SEQS: r->seqs = c; return 0;
    case TH_SECTION_KINDS: r->kinds = c; return th_cur_left(&c) == r->count ? 0 : TH_E_MALFORMED;
    case TH_SECTION_ROWS: return read_rows(r, c);
    default: return 0;
    }
}

static void begin_batch(struct th_batch_reader *r, uint32_t count)
{
    static const struct th_cur nothing = {.failed = true};
    th_arena_reset(&r->memory);
    for (unsigned k = 0; k < TH_KIND_COUNT; k++)
        if (r->rows[k])
            r->rows[k]->present = false;
    r->values = 0;
    r->at = 0;
    r->count = count;
    r->time_q = 0;
    r->time_unit = 1;
    r->seq = 0;
    r->times = r->seqs = r->kinds = nothing;
    r->ids = (struct texts){0};
    r->addr_count = 0;
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

static inline struct th_str take_code(struct column *col)
{
    uint64_t code = take(&col->in);
    uint64_t i = code == 0 ? col->next++ : code - 1;
    if (__builtin_expect(i >= col->dict.n, 0)) {
        th_cur_fail(&col->in);
        return (struct th_str){.p = "", .len = 0};
    }
    return col->dict.v[i];
}

static inline struct th_str take_id(const struct th_batch_reader *r, struct column *col)
{
    col->prev += (uint64_t)th_unzigzag(take(&col->in));
    if (__builtin_expect(col->prev >= r->ids.n, 0)) {
        th_cur_fail(&col->in);
        return (struct th_str){.p = "", .len = 0};
    }
    return r->ids.v[col->prev];
}

static inline struct th_addr take_addr(const struct th_batch_reader *r, struct column *col)
{
    uint64_t i = take(&col->in);
    if (__builtin_expect(i >= r->addr_count, 0)) {
        th_cur_fail(&col->in);
        return (struct th_addr){0};
    }
    return r->addrs[i];
}

/* Wraps instead of overflowing: such a value is damage, and stays harmless. */
static inline int64_t take_span(struct column *col)
{
    return (int64_t)((uint64_t)th_unzigzag(take(&col->in)) * (uint64_t)col->unit);
}

static inline bool take_bit(struct column *col)
{
    if (col->bits_n == 0) {
        col->bits = th_cur_u8(&col->in);
        col->bits_n = 8;
    }
    bool v = col->bits & 1;
    col->bits >>= 1;
    col->bits_n--;
    return v;
}

static void take_list(struct th_batch_reader *r, struct column *col, void *at)
{
    uint64_t n = take(col->op == TH_OP_SPANS ? &col->counts : &col->in);
    static const size_t sizes[] = {[TH_OP_STRINGS] = sizeof(struct th_str),
        [TH_OP_IDS] = sizeof(struct th_str),
        [TH_OP_SPANS] = sizeof(int64_t),
        [TH_OP_ADDRS] = sizeof(struct th_addr)};
    void *v = n <= th_cur_left(&col->in) ? room_for(r, n, sizes[col->op]) : NULL;
    if (!v) {
        th_cur_fail(&col->in);
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        switch (col->op) {
        case TH_OP_STRINGS: ((struct th_str *)v)[i] = take_code(col); break;
        case TH_OP_IDS: ((struct th_str *)v)[i] = take_id(r, col); break;
        case TH_OP_ADDRS: ((struct th_addr *)v)[i] = take_addr(r, col); break;
        default: ((int64_t *)v)[i] = take_span(col);
        }
    }
    if (col->op == TH_OP_SPANS)
        *(struct th_spans *)at = (struct th_spans){v, (uint32_t)n};
    else if (col->op == TH_OP_ADDRS)
        *(struct th_addrs *)at = (struct th_addrs){v, (uint32_t)n};
    else
        *(struct th_strs *)at = (struct th_strs){v, (uint32_t)n};
}

static inline void take_mac(struct column *col, struct th_mac *at)
{
    struct th_str s = take_code(col);
    if (s.len == sizeof(at->b))
        memcpy(at->b, s.p, sizeof(at->b));
    else
        th_cur_fail(&col->in);
}

static inline double take_double(struct column *col)
{
    uint64_t bits = th_cur_le64(&col->in);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static inline void take_value(struct th_batch_reader *r, struct column *col, void *at)
{
    switch (col->op) {
    case TH_OP_BEFORE: *(int64_t *)at = th_time_sub(r->time_ns, take_span(col)); break;
    case TH_OP_STEP:
        col->prev += (uint64_t)th_unzigzag(take(&col->in));
        *(int64_t *)at = (int64_t)(col->prev * (uint64_t)col->unit);
        break;
    case TH_OP_SPAN: *(int64_t *)at = take_span(col); break;
    case TH_OP_COUNT: *(uint64_t *)at = take(&col->in); break;
    case TH_OP_INT: *(int64_t *)at = th_unzigzag(take(&col->in)); break;
    case TH_OP_PORT: *(uint16_t *)at = th_cur_le16(&col->in); break;
    case TH_OP_DOUBLE: *(double *)at = take_double(col); break;
    case TH_OP_BOOL: *(bool *)at = take_bit(col); break;
    case TH_OP_ADDR: *(struct th_addr *)at = take_addr(r, col); break;
    case TH_OP_MAC: take_mac(col, at); break;
    case TH_OP_STRING: *(struct th_str *)at = take_code(col); break;
    case TH_OP_ID: *(struct th_str *)at = take_id(r, col); break;
    default: take_list(r, col, at);
    }
}

static void clear_fields(struct rows *rows, uint64_t fields)
{
    for (; fields; fields &= fields - 1) {
        const struct th_field_info *f = &rows->kind->fields[__builtin_ctzll(fields)];
        memset((uint8_t *)rows->ev + f->offset, 0, th_type_size((enum th_type)f->type));
    }
}

static int take_row(struct th_batch_reader *r, struct rows *rows)
{
    uint64_t code = take(&rows->set_codes);
    if (rows->left == 0 || rows->set_codes.failed || code >= rows->set_count)
        return TH_E_MALFORMED;
    rows->left--;
    const struct field_set *set = &rows->sets[code];
    bool failed = false;
    clear_fields(rows, rows->filled & ~set->fields);
    for (uint64_t m = set->columns; m; m &= m - 1) {
        struct column *col = &rows->column[__builtin_ctzll(m)];
        take_value(r, col, (uint8_t *)rows->ev + col->offset);
        failed |= col->in.failed;
    }
    rows->filled = set->fields;
    if (failed)
        return TH_E_MALFORMED;
    rows->ev->set = set->fields;
    return 0;
}

/* 1 and the next event, 0 when it is of a kind that a later version has. */
static int next_row(struct th_batch_reader *r, struct th_event **ret_ev)
{
    uint8_t kind = th_cur_u8(&r->kinds);
    r->at++;
    r->time_q += (uint64_t)th_unzigzag(take(&r->times));
    r->seq += (uint64_t)th_unzigzag(take(&r->seqs));
    r->time_ns = (int64_t)(r->time_q * (uint64_t)r->time_unit);
    if (r->times.failed || r->seqs.failed || r->kinds.failed)
        return TH_E_MALFORMED;
    if (!th_kind_get(kind))
        return 0;
    struct rows *rows = r->rows[kind];
    int err = rows && rows->present ? take_row(r, rows) : TH_E_MALFORMED;
    if (err < 0)
        return err;
    rows->ev->time_ns = r->time_ns;
    rows->ev->source = 0;
    rows->ev->seq = r->seq;
    rows->ev->kind = kind;
    *ret_ev = rows->ev;
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
