/* SPDX-License-Identifier: Apache-2.0 */
#include "columns.h"

void *th_values_room(struct th_batch_values *b, uint64_t n, size_t size_bytes)
{
    if (n > TH_WIRE_MAX_VALUES - b->count)
        return NULL;
    b->count += (uint32_t)n;
    return th_arena_alloc(&b->memory, (n ? n : 1) * size_bytes);
}

bool th_texts_read(struct th_batch_values *b, struct th_cur *c, struct th_texts *ret)
{
    uint64_t n = th_wire_take(c);
    if (n > th_cur_left(c))
        return false;
    struct th_str *v = th_values_room(b, n, sizeof(*v));
    if (!v)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t len = th_wire_take(c);
        v[i].len = len <= TH_WIRE_MAX_RAW_BYTES ? (uint32_t)len : TH_WIRE_MAX_RAW_BYTES;
    }
    for (uint64_t i = 0; i < n; i++)
        v[i] = th_cur_bytes(c, v[i].len);
    *ret = (struct th_texts){v, (uint32_t)n};
    return !c->failed;
}

bool th_column_open(struct th_column *col, struct th_batch_values *b)
{
    switch (col->op) {
    case TH_OP_BEFORE:
    case TH_OP_STEP:
    case TH_OP_SPAN: return th_scale_read(&col->in, &col->unit);
    case TH_OP_SPANS:
        col->counts = th_cur_sub(&col->in, th_cur_varint(&col->in));
        return th_scale_read(&col->in, &col->unit);
    case TH_OP_STRING:
    case TH_OP_STRINGS:
    case TH_OP_MAC: return th_texts_read(b, &col->in, &col->dict);
    default: return true;
    }
}

static inline void *field_of(struct th_event *row, size_t offset)
{
    return (uint8_t *)row + offset;
}

/* True when each of the n bytes is a number by itself. */
static inline bool all_short(const uint8_t *p, uint32_t n)
{
    uint64_t seen = 0, word;
    uint32_t i = 0;
    for (; n - i >= sizeof(word); i += (uint32_t)sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));
        seen |= word;
    }
    for (; i < n; i++)
        seen |= p[i];
    return !(seen & UINT64_C(0x8080808080808080));
}

bool th_numbers_take(struct th_cur *c, uint64_t *ret, uint32_t n)
{
    struct th_cur in = *c; /* a copy, which the compiler keeps in registers */
    if (th_cur_left(&in) < n)
        return false;
    if (all_short(in.p, n)) {
        for (uint32_t i = 0; i < n; i++)
            ret[i] = in.p[i];
        th_cur_skip(c, n);
        return true;
    }
    for (uint32_t i = 0; i < n; i++)
        ret[i] = th_wire_take_any(&in);
    *c = in;
    return !in.failed;
}

/* Wraps instead of overflowing: such a value is damage, and stays harmless. */
static inline int64_t span_of(uint64_t number, int64_t unit)
{
    return (int64_t)((uint64_t)th_unzigzag(number) * (uint64_t)unit);
}

/* Place in the dictionary, which the caller checks. */
static inline uint64_t place_of(uint64_t number, uint32_t *next)
{
    return number == 0 ? (*next)++ : number - 1;
}

static void put_steps(
    struct th_column *col, const uint64_t *v, struct th_event *const *rows, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        col->prev += (uint64_t)th_unzigzag(v[i]);
        *(int64_t *)field_of(rows[i], col->offset) = (int64_t)(col->prev * (uint64_t)col->unit);
    }
}

static void put_spans(
    const struct th_column *col, const uint64_t *v, struct th_event *const *rows, uint32_t n)
{
    const size_t offset = col->offset;
    const int64_t unit = col->unit;
    for (uint32_t i = 0; i < n; i++)
        *(int64_t *)field_of(rows[i], offset) = span_of(v[i], unit);
}

static void put_counts(
    const struct th_column *col, const uint64_t *v, struct th_event *const *rows, uint32_t n)
{
    const size_t offset = col->offset;
    for (uint32_t i = 0; i < n; i++)
        *(uint64_t *)field_of(rows[i], offset) = v[i];
}

static void put_ints(
    const struct th_column *col, const uint64_t *v, struct th_event *const *rows, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        *(int64_t *)field_of(rows[i], col->offset) = th_unzigzag(v[i]);
}

static bool put_addrs(const struct th_column *col, const struct th_batch_values *b,
    struct th_event *const *rows, uint32_t n)
{
    const size_t offset = col->offset;
    const struct th_addr *const addrs = b->addrs;
    const uint32_t addr_count = b->addr_count;
    for (uint32_t i = 0; i < n; i++) {
        if (__builtin_expect(b->numbers[i] >= addr_count, 0))
            return false;
        *(struct th_addr *)field_of(rows[i], offset) = addrs[b->numbers[i]];
    }
    return true;
}

static bool put_macs(
    struct th_column *col, const uint64_t *v, struct th_event *const *rows, uint32_t n)
{
    const size_t offset = col->offset;
    const struct th_texts dict = col->dict;
    uint32_t next = col->next;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t at = place_of(v[i], &next);
        if (__builtin_expect(at >= dict.n || dict.v[at].len != sizeof(struct th_mac), 0))
            return false;
        memcpy(field_of(rows[i], offset), dict.v[at].p, sizeof(struct th_mac));
    }
    col->next = next;
    return true;
}

static bool put_strings(
    struct th_column *col, const uint64_t *v, struct th_event *const *rows, uint32_t n)
{
    const size_t offset = col->offset;
    const struct th_texts dict = col->dict;
    uint32_t next = col->next;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t at = place_of(v[i], &next);
        if (__builtin_expect(at >= dict.n, 0))
            return false;
        *(struct th_str *)field_of(rows[i], offset) = dict.v[at];
    }
    col->next = next;
    return true;
}

static bool put_ids(struct th_column *col, const struct th_batch_values *b,
    struct th_event *const *rows, uint32_t n)
{
    const size_t offset = col->offset;
    const struct th_texts ids = b->ids;
    uint64_t at = col->prev;
    for (uint32_t i = 0; i < n; i++) {
        at += (uint64_t)th_unzigzag(b->numbers[i]);
        if (__builtin_expect(at >= ids.n, 0))
            return false;
        *(struct th_str *)field_of(rows[i], offset) = ids.v[at];
    }
    col->prev = at;
    return true;
}

/* Those that are a number each. */
static bool put_numbers(
    struct th_column *col, struct th_batch_values *b, struct th_event *const *rows, uint32_t n)
{
    const uint64_t *v = b->numbers;
    switch (col->op) {
    case TH_OP_STEP: put_steps(col, v, rows, n); return true;
    case TH_OP_BEFORE:
    case TH_OP_SPAN: put_spans(col, v, rows, n); return true;
    case TH_OP_COUNT: put_counts(col, v, rows, n); return true;
    case TH_OP_INT: put_ints(col, v, rows, n); return true;
    case TH_OP_ADDR: return put_addrs(col, b, rows, n);
    case TH_OP_MAC: return put_macs(col, v, rows, n);
    case TH_OP_STRING: return put_strings(col, v, rows, n);
    case TH_OP_ID: return put_ids(col, b, rows, n);
    default: return false;
    }
}

static bool take_ports(struct th_column *col, struct th_event *const *rows, uint32_t n)
{
    struct th_cur in = th_cur_sub(&col->in, n * sizeof(uint16_t));
    const size_t offset = col->offset;
    for (uint32_t i = 0; i < n; i++)
        *(uint16_t *)field_of(rows[i], offset) = th_cur_le16(&in);
    return !in.failed;
}

static bool take_doubles(struct th_column *col, struct th_event *const *rows, uint32_t n)
{
    struct th_cur in = th_cur_sub(&col->in, n * sizeof(uint64_t));
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bits = th_cur_le64(&in);
        memcpy(field_of(rows[i], col->offset), &bits, sizeof(bits));
    }
    return !in.failed;
}

static bool take_bools(struct th_column *col, struct th_event *const *rows, uint32_t n)
{
    struct th_cur in = col->in;
    const size_t offset = col->offset;
    unsigned bits = col->bits, left = col->bits_n;
    for (uint32_t i = 0; i < n; i++) {
        if (left == 0) {
            bits = th_cur_u8(&in);
            left = 8;
        }
        *(bool *)field_of(rows[i], offset) = bits & 1;
        bits >>= 1;
        left--;
    }
    col->bits = (uint8_t)bits;
    col->bits_n = (uint8_t)left;
    col->in = in;
    return !in.failed;
}

/* Room for a row's list, whose values take at least a byte each. */
static inline void *list_room(
    struct th_batch_values *b, const struct th_cur *in, uint64_t n, size_t size_bytes)
{
    return n <= th_cur_left(in) ? th_values_room(b, n, size_bytes) : NULL;
}

static bool take_text_lists(
    struct th_column *col, struct th_batch_values *b, struct th_event *const *rows, uint32_t n)
{
    struct th_cur in = col->in;
    const bool ids = col->op == TH_OP_IDS;
    const struct th_texts *dict = ids ? &b->ids : &col->dict;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t len = th_wire_take(&in);
        struct th_str *v = list_room(b, &in, len, sizeof(*v));
        if (!v)
            return false;
        for (uint64_t k = 0; k < len; k++) {
            uint64_t number = th_wire_take(&in);
            uint64_t at =
                ids ? col->prev += (uint64_t)th_unzigzag(number) : place_of(number, &col->next);
            if (at >= dict->n)
                return false;
            v[k] = dict->v[at];
        }
        *(struct th_strs *)field_of(rows[i], col->offset) = (struct th_strs){v, (uint32_t)len};
    }
    col->in = in;
    return !in.failed;
}

static bool take_span_lists(
    struct th_column *col, struct th_batch_values *b, struct th_event *const *rows, uint32_t n)
{
    struct th_cur in = col->in;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t len = th_wire_take(&col->counts);
        int64_t *v = list_room(b, &in, len, sizeof(*v));
        if (!v)
            return false;
        for (uint64_t k = 0; k < len; k++)
            v[k] = span_of(th_wire_take(&in), col->unit);
        *(struct th_spans *)field_of(rows[i], col->offset) = (struct th_spans){v, (uint32_t)len};
    }
    col->in = in;
    return !in.failed && !col->counts.failed;
}

static bool take_addr_lists(
    struct th_column *col, struct th_batch_values *b, struct th_event *const *rows, uint32_t n)
{
    struct th_cur in = col->in;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t len = th_wire_take(&in);
        struct th_addr *v = list_room(b, &in, len, sizeof(*v));
        if (!v)
            return false;
        for (uint64_t k = 0; k < len; k++) {
            uint64_t at = th_wire_take(&in);
            if (at >= b->addr_count)
                return false;
            v[k] = b->addrs[at];
        }
        *(struct th_addrs *)field_of(rows[i], col->offset) = (struct th_addrs){v, (uint32_t)len};
    }
    col->in = in;
    return !in.failed;
}

bool th_column_take(
    struct th_column *col, struct th_batch_values *b, struct th_event *const *rows, uint32_t n)
{
    TH_ASSERT(n <= TH_BLOCK_ROWS);
    switch ((enum th_wire_op)col->op) {
    case TH_OP_PORT: return take_ports(col, rows, n);
    case TH_OP_DOUBLE: return take_doubles(col, rows, n);
    case TH_OP_BOOL: return take_bools(col, rows, n);
    case TH_OP_STRINGS:
    case TH_OP_IDS: return take_text_lists(col, b, rows, n);
    case TH_OP_SPANS: return take_span_lists(col, b, rows, n);
    case TH_OP_ADDRS: return take_addr_lists(col, b, rows, n);
    default: return th_numbers_take(&col->in, b->numbers, n) && put_numbers(col, b, rows, n);
    }
}
