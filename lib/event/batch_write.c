/* SPDX-License-Identifier: Apache-2.0 */
#include <zstd.h>

#include "dict.h"
#include "event/batch.h"
#include "wire.h"

static const int zstd_level = 1;

/* Bytes that grow; room is made before a value is written. */
struct bytes {
    uint8_t *p;
    size_t len, room;
};

/* Nanoseconds, kept until the end: only then is their common scale known. */
struct spans {
    int64_t *v;
    size_t len, room;
};

struct column {
    uint8_t op;
    uint8_t id;
    uint16_t offset;
    bool own_dict;
    uint32_t bits; /* BOOL: rows so far */
    uint32_t prev; /* ID: index before */
    struct bytes data;
    struct spans spans;
    struct th_dict dict;
};

struct rows {
    uint64_t known; /* fields this version has */
    uint64_t heavy; /* fields whose size is the sender's choice: strings and lists */
    uint64_t used;  /* fields some row of this batch has */
    uint32_t count;
    unsigned columns;
    struct th_dict masks;
    struct bytes mask_codes;
    struct column *column;
};

struct th_batch_writer {
    uint32_t count;
    uint32_t values;  /* elements of lists */
    size_t raw_bytes; /* about what the batch will be, rather more */
    int64_t times[TH_BATCH_MAX_EVENTS];
    int64_t seqs[TH_BATCH_MAX_EVENTS];
    uint8_t kinds[TH_BATCH_MAX_EVENTS];
    struct th_dict ids, addrs;
    struct rows *rows[TH_KIND_COUNT];
    struct th_buf raw, part; /* scratch of th_batch_finish */
    ZSTD_CCtx *zstd;
};

_Static_assert(TH_KIND_COUNT <= 256, "kinds are kept in a byte each");

static inline uint8_t *room_for(struct bytes *b, size_t n)
{
    if (__builtin_expect(b->room - b->len < n, 0)) {
        b->room = TH_MAX(b->room * 2, b->len + n + 256);
        b->p = th_xrealloc(b->p, b->room);
    }
    return b->p + b->len;
}

static inline void put_varint(struct bytes *b, uint64_t v)
{
    uint8_t *p = room_for(b, TH_WIRE_VARINT_BYTES);
    b->len = (size_t)(th_wire_put(p, v) - b->p);
}

static inline void put_span(struct spans *s, int64_t v)
{
    if (__builtin_expect(s->len == s->room, 0)) {
        s->room = s->room ? s->room * 2 : 256;
        s->v = th_xreallocarray(s->v, s->room, sizeof(*s->v));
    }
    s->v[s->len++] = v;
}

struct th_batch_writer *th_batch_writer_new(void)
{
    struct th_batch_writer *w = th_xcalloc(1, sizeof(*w));
    w->zstd = ZSTD_createCCtx();
    TH_ASSERT(w->zstd);
    TH_ASSERT(!ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, zstd_level)));
    return w;
}

static void rows_free(struct rows *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->columns; i++) {
        free(r->column[i].data.p);
        free(r->column[i].spans.v);
        th_dict_done(&r->column[i].dict);
    }
    free(r->column);
    free(r->mask_codes.p);
    th_dict_done(&r->masks);
    free(r);
}

void th_batch_writer_free(struct th_batch_writer *w)
{
    if (!w)
        return;
    for (unsigned k = 0; k < TH_KIND_COUNT; k++)
        rows_free(w->rows[k]);
    th_dict_done(&w->ids);
    th_dict_done(&w->addrs);
    th_buf_done(&w->raw);
    th_buf_done(&w->part);
    ZSTD_freeCCtx(w->zstd);
    free(w);
}

static struct rows *rows_new(const struct th_kind_info *kind)
{
    struct rows *r = th_xcalloc(1, sizeof(*r));
    r->columns = kind->field_count;
    r->heavy = kind->refers;
    r->known = kind->field_count == 64 ? UINT64_MAX : (UINT64_C(1) << kind->field_count) - 1;
    r->column = th_xcalloc(r->columns, sizeof(*r->column));
    for (unsigned i = 0; i < r->columns; i++) {
        const struct th_field_info *f = &kind->fields[i];
        enum th_wire_op op = th_wire_op_of(f);
        r->column[i] = (struct column){.op = (uint8_t)op,
            .id = f->id,
            .offset = f->offset,
            .own_dict = op == TH_OP_STRING || op == TH_OP_STRINGS || op == TH_OP_MAC};
    }
    return r;
}

static inline uint32_t list_len(const struct column *c, const void *at)
{
    switch (c->op) {
    case TH_OP_SPANS: return ((const struct th_spans *)at)->n;
    case TH_OP_ADDRS: return ((const struct th_addrs *)at)->n;
    default: return ((const struct th_strs *)at)->n;
    }
}

/* Bytes and elements of the strings and lists of an event. */
static size_t weigh(const struct rows *r, const struct th_event *ev, size_t *ret_values)
{
    size_t n = 0;
    *ret_values = 0;
    for (uint64_t m = ev->set & r->heavy; m; m &= m - 1) {
        const struct column *c = &r->column[__builtin_ctzll(m)];
        const void *at = (const uint8_t *)ev + c->offset;
        if (c->op == TH_OP_STRING || c->op == TH_OP_ID) {
            n += ((const struct th_str *)at)->len;
            continue;
        }
        uint32_t len = list_len(c, at);
        *ret_values += len;
        n += (size_t)len * sizeof(struct th_addr);
        for (uint32_t i = 0; i < len && (c->op == TH_OP_STRINGS || c->op == TH_OP_IDS); i++)
            n += ((const struct th_strs *)at)->v[i].len;
    }
    return n;
}

static inline void put_code(struct column *c, const void *p, uint32_t len)
{
    bool is_new;
    uint32_t i = th_dict_add(&c->dict, p, len, &is_new);
    put_varint(&c->data, is_new ? 0 : (uint64_t)i + 1);
}

static inline void put_id(struct th_batch_writer *w, struct column *c, struct th_str s)
{
    bool is_new;
    uint32_t i = th_dict_add(&w->ids, s.p, s.len, &is_new);
    put_varint(&c->data, th_zigzag((int64_t)i - (int64_t)c->prev));
    c->prev = i;
}

static inline void put_addr(struct th_batch_writer *w, struct column *c, const struct th_addr *a)
{
    bool is_new;
    uint32_t i = th_addr_is_v4(a) ? th_dict_add(&w->addrs, a->b + 12, 4, &is_new)
                                  : th_dict_add(&w->addrs, a->b, 16, &is_new);
    put_varint(&c->data, i);
}

static void put_list(struct th_batch_writer *w, struct column *c, const void *at)
{
    uint32_t n = list_len(c, at);
    put_varint(&c->data, n);
    for (uint32_t i = 0; i < n; i++) {
        switch (c->op) {
        case TH_OP_STRINGS: {
            struct th_str s = ((const struct th_strs *)at)->v[i];
            put_code(c, s.p, s.len);
            break;
        }
        case TH_OP_IDS: put_id(w, c, ((const struct th_strs *)at)->v[i]); break;
        case TH_OP_ADDRS: put_addr(w, c, &((const struct th_addrs *)at)->v[i]); break;
        default: put_span(&c->spans, ((const struct th_spans *)at)->v[i]);
        }
    }
}

static inline void put_bit(struct column *c, bool v)
{
    uint8_t *p = room_for(&c->data, 1);
    unsigned bit = c->bits++ & 7;
    if (bit == 0) {
        *p = v;
        c->data.len++;
    } else if (v) {
        p[-1] |= (uint8_t)(1u << bit);
    }
}

static inline void put_value(
    struct th_batch_writer *w, struct column *c, const struct th_event *ev, const void *at)
{
    switch (c->op) {
    case TH_OP_BEFORE: put_span(&c->spans, th_time_sub(ev->time_ns, *(const int64_t *)at)); break;
    case TH_OP_STEP:
    case TH_OP_SPAN: put_span(&c->spans, *(const int64_t *)at); break;
    case TH_OP_COUNT: put_varint(&c->data, *(const uint64_t *)at); break;
    case TH_OP_INT: put_varint(&c->data, th_zigzag(*(const int64_t *)at)); break;
    case TH_OP_PORT: {
        uint16_t v = *(const uint16_t *)at;
        uint8_t *p = room_for(&c->data, 2);
        p[0] = (uint8_t)v;
        p[1] = (uint8_t)(v >> 8);
        c->data.len += 2;
        break;
    }
    case TH_OP_DOUBLE: {
        uint64_t v;
        memcpy(&v, at, sizeof(v));
        uint8_t *p = room_for(&c->data, 8);
        for (unsigned i = 0; i < 8; i++)
            p[i] = (uint8_t)(v >> (8 * i));
        c->data.len += 8;
        break;
    }
    case TH_OP_BOOL: put_bit(c, *(const bool *)at); break;
    case TH_OP_ADDR: put_addr(w, c, at); break;
    case TH_OP_MAC: put_code(c, at, sizeof(struct th_mac)); break;
    case TH_OP_STRING:
        put_code(c, ((const struct th_str *)at)->p, ((const struct th_str *)at)->len);
        break;
    case TH_OP_ID: put_id(w, c, *(const struct th_str *)at); break;
    default: put_list(w, c, at);
    }
}

int th_batch_add(struct th_batch_writer *w, const struct th_event *ev)
{
    const struct th_kind_info *kind = th_kind_get(ev->kind);
    if (!kind)
        return -EINVAL;
    struct rows *r = w->rows[ev->kind];
    if (!r)
        r = w->rows[ev->kind] = rows_new(kind);
    size_t values;
    size_t heavy_bytes = weigh(r, ev, &values);
    if (heavy_bytes > TH_EVENT_MAX_BYTES)
        return -EMSGSIZE;
    if (th_batch_full(w))
        return TH_E_LIMIT;
    uint64_t set = ev->set & r->known;
    for (uint64_t m = set; m; m &= m - 1) {
        struct column *c = &r->column[__builtin_ctzll(m)];
        put_value(w, c, ev, (const uint8_t *)ev + c->offset);
    }
    bool is_new;
    put_varint(&r->mask_codes, th_dict_add(&r->masks, &set, sizeof(set), &is_new));
    r->used |= set;
    r->count++;
    w->times[w->count] = ev->time_ns;
    w->seqs[w->count] = (int64_t)ev->seq;
    w->kinds[w->count++] = (uint8_t)ev->kind;
    w->values += (uint32_t)values;
    w->raw_bytes += heavy_bytes + 4 * (size_t)__builtin_popcountll(set);
    return 0;
}

uint32_t th_batch_count(const struct th_batch_writer *w)
{
    return w->count;
}

bool th_batch_full(const struct th_batch_writer *w)
{
    return w->count == TH_BATCH_MAX_EVENTS || w->raw_bytes >= TH_BATCH_TARGET_RAW_BYTES ||
        w->values >= TH_WIRE_MAX_VALUES / 4;
}

static inline __attribute__((always_inline)) bool all_multiples(
    const int64_t *v, size_t n, int64_t unit)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] % unit != 0)
            return false;
    return true;
}

/* Differences wrap like the reader's sum: those of hostile times may not fit. */
static inline __attribute__((always_inline)) uint8_t *put_spans(
    uint8_t *p, const int64_t *v, size_t n, bool steps, int64_t unit)
{
    uint64_t before = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t q = (uint64_t)(v[i] / unit);
        p = th_wire_put(p, th_zigzag((int64_t)(q - before)));
        before = steps ? q : 0;
    }
    return p;
}

/* In the coarsest unit that all values are multiples of. The units are spelled out, and the two
 * functions above always inlined, so that the compiler divides by constants. */
static void write_spans(const int64_t *v, size_t n, bool steps, struct th_buf *out)
{
    uint8_t *begin = th_buf_reserve(out, n * TH_WIRE_VARINT_BYTES + 1);
    if (!begin)
        return;
    uint8_t *p = begin + 1;
    if (all_multiples(v, n, TH_NS_PER_S)) {
        *begin = TH_SCALE_S;
        p = put_spans(p, v, n, steps, TH_NS_PER_S);
    } else if (all_multiples(v, n, TH_NS_PER_MS)) {
        *begin = TH_SCALE_MS;
        p = put_spans(p, v, n, steps, TH_NS_PER_MS);
    } else if (all_multiples(v, n, TH_NS_PER_US)) {
        *begin = TH_SCALE_US;
        p = put_spans(p, v, n, steps, TH_NS_PER_US);
    } else {
        *begin = TH_SCALE_NS;
        p = put_spans(p, v, n, steps, 1);
    }
    th_buf_commit(out, (size_t)(p - begin));
}

static void write_seqs(const struct th_batch_writer *w, struct th_buf *out)
{
    uint64_t before = 0;
    uint8_t *begin = th_buf_reserve(out, (size_t)w->count * TH_WIRE_VARINT_BYTES);
    if (!begin)
        return;
    uint8_t *p = begin;
    for (uint32_t i = 0; i < w->count; i++) {
        p = th_wire_put(p, th_zigzag((int64_t)((uint64_t)w->seqs[i] - before)));
        before = (uint64_t)w->seqs[i];
    }
    th_buf_commit(out, (size_t)(p - begin));
}

static void put_section(struct th_batch_writer *w, enum th_wire_section tag)
{
    th_buf_u8(&w->raw, (uint8_t)tag);
    th_buf_varint(&w->raw, w->part.len);
    th_buf_put(&w->raw, w->part.p, w->part.len);
    th_buf_clear(&w->part);
}

/* Bits of mask that stand where `used` has ones, closed up. */
static uint64_t close_up(uint64_t mask, uint64_t used)
{
    uint64_t out = 0;
    unsigned n = 0;
    for (uint64_t m = used; m; m &= m - 1, n++)
        out |= (mask >> __builtin_ctzll(m) & 1) << n;
    return out;
}

static void write_column(struct column *c, struct th_buf *data, struct th_buf *out)
{
    th_buf_clear(data);
    if (c->own_dict)
        th_dict_write(&c->dict, data);
    if (c->op == TH_OP_SPANS)
        th_buf_varint(data, c->data.len);
    th_buf_put(data, c->data.p, c->data.len);
    if (c->op == TH_OP_BEFORE || c->op == TH_OP_STEP || c->op == TH_OP_SPAN || c->op == TH_OP_SPANS)
        write_spans(c->spans.v, c->spans.len, c->op == TH_OP_STEP, data);
    th_buf_varint(out, c->id);
    th_buf_u8(out, c->op);
    th_buf_varint(out, data->len);
    th_buf_put(out, data->p, data->len);
    c->bits = 0;
    c->prev = 0;
    c->data.len = 0;
    c->spans.len = 0;
    th_dict_clear(&c->dict);
}

static void write_rows(struct th_batch_writer *w, unsigned kind, struct th_buf *data)
{
    struct rows *r = w->rows[kind];
    struct th_buf *out = &w->part;
    th_buf_varint(out, kind);
    th_buf_varint(out, r->count);
    th_buf_varint(out, r->masks.count);
    for (uint32_t i = 0; i < r->masks.count; i++) {
        uint64_t mask;
        memcpy(&mask, r->masks.bytes + r->masks.entries[i].at, sizeof(mask));
        th_buf_varint(out, close_up(mask, r->used));
    }
    th_buf_put(out, r->mask_codes.p, r->mask_codes.len);
    th_buf_varint(out, (uint64_t)__builtin_popcountll(r->used));
    for (uint64_t m = r->used; m; m &= m - 1)
        write_column(&r->column[__builtin_ctzll(m)], data, out);
    put_section(w, TH_SECTION_ROWS);
    r->used = 0;
    r->count = 0;
    r->mask_codes.len = 0;
    th_dict_clear(&r->masks);
}

static void write_raw(struct th_batch_writer *w)
{
    struct th_buf column TH_AUTOBUF = TH_BUF_INIT;
    th_buf_clear(&w->raw);
    th_buf_clear(&w->part);
    th_dict_write(&w->ids, &w->part);
    put_section(w, TH_SECTION_IDS);
    th_dict_write(&w->addrs, &w->part);
    put_section(w, TH_SECTION_ADDRS);
    write_spans(w->times, w->count, true, &w->part);
    put_section(w, TH_SECTION_TIMES);
    write_seqs(w, &w->part);
    put_section(w, TH_SECTION_SEQS);
    th_buf_put(&w->part, w->kinds, w->count);
    put_section(w, TH_SECTION_KINDS);
    for (unsigned k = 0; k < TH_KIND_COUNT; k++)
        if (w->rows[k] && w->rows[k]->count)
            write_rows(w, k, &column);
}

int th_batch_finish(struct th_batch_writer *w, struct th_batch_head *head, struct th_buf *out)
{
    size_t at = out->len;
    head->count = w->count;
    head->first_ns = w->count ? w->times[0] : 0;
    head->last_ns = w->count ? w->times[w->count - 1] : 0;
    write_raw(w);
    w->count = 0;
    w->values = 0;
    w->raw_bytes = 0;
    th_dict_clear(&w->ids);
    th_dict_clear(&w->addrs);
    size_t bound = ZSTD_compressBound(w->raw.len);
    if (w->raw.overflow || w->raw.len > TH_WIRE_MAX_RAW_BYTES ||
        !th_buf_reserve(out, TH_FRAME_HEAD_BYTES + TH_BATCH_HEAD_BYTES + bound))
        return TH_E_LIMIT;
    th_buf_commit(out, TH_FRAME_HEAD_BYTES);
    th_buf_le32(out, head->input);
    th_buf_le32(out, head->run);
    th_buf_le32(out, head->count);
    th_buf_le64(out, (uint64_t)head->first_ns);
    th_buf_le64(out, (uint64_t)head->last_ns);
    th_buf_le64(out, (uint64_t)head->complete_until_ns);
    size_t n = ZSTD_compress2(w->zstd, out->p + out->len, bound, w->raw.p, w->raw.len);
    if (ZSTD_isError(n) || n + TH_BATCH_HEAD_BYTES > TH_FRAME_MAX_BYTES) {
        out->len = at;
        return TH_E_LIMIT;
    }
    th_buf_commit(out, n);
    th_frame_seal(out, at, TH_FRAME_EVENTS, w->raw.len);
    return 0;
}
