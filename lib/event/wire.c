/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "base/cursor.h"
#include "base/hash.h"

/* Ids repeat from kind to kind within a batch: they share a dictionary. */
static bool is_id(const struct th_field_info *f)
{
    static const char *const names[] = {"uid", "uids", "conn_uids", "fuid", "orig_fuids",
        "resp_fuids", "cert_chain_fuids", "client_cert_chain_fuids", "tunnel_parents"};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        if (strcmp(f->name, names[i]) == 0)
            return true;
    return false;
}

enum th_wire_op th_wire_op_of(const struct th_field_info *f)
{
    switch ((enum th_type)f->type) {
    case TH_TYPE_TIME: return strcmp(f->name, "ts") == 0 ? TH_OP_BEFORE : TH_OP_STEP;
    case TH_TYPE_INTERVAL: return TH_OP_SPAN;
    case TH_TYPE_COUNT: return TH_OP_COUNT;
    case TH_TYPE_INT: return TH_OP_INT;
    case TH_TYPE_PORT: return TH_OP_PORT;
    case TH_TYPE_DOUBLE: return TH_OP_DOUBLE;
    case TH_TYPE_BOOL: return TH_OP_BOOL;
    case TH_TYPE_ADDR: return TH_OP_ADDR;
    case TH_TYPE_MAC: return TH_OP_MAC;
    case TH_TYPE_STRING: return is_id(f) ? TH_OP_ID : TH_OP_STRING;
    case TH_TYPE_STRINGS: return is_id(f) ? TH_OP_IDS : TH_OP_STRINGS;
    case TH_TYPE_INTERVALS: return TH_OP_SPANS;
    case TH_TYPE_ADDRS: return TH_OP_ADDRS;
    }
    return TH_OP_NONE;
}

int th_wire_type_of(enum th_wire_op op)
{
    switch (op) {
    case TH_OP_NONE: return -1;
    case TH_OP_BEFORE:
    case TH_OP_STEP: return TH_TYPE_TIME;
    case TH_OP_SPAN: return TH_TYPE_INTERVAL;
    case TH_OP_COUNT: return TH_TYPE_COUNT;
    case TH_OP_INT: return TH_TYPE_INT;
    case TH_OP_PORT: return TH_TYPE_PORT;
    case TH_OP_DOUBLE: return TH_TYPE_DOUBLE;
    case TH_OP_BOOL: return TH_TYPE_BOOL;
    case TH_OP_ADDR: return TH_TYPE_ADDR;
    case TH_OP_MAC: return TH_TYPE_MAC;
    case TH_OP_STRING:
    case TH_OP_ID: return TH_TYPE_STRING;
    case TH_OP_STRINGS:
    case TH_OP_IDS: return TH_TYPE_STRINGS;
    case TH_OP_SPANS: return TH_TYPE_INTERVALS;
    case TH_OP_ADDRS: return TH_TYPE_ADDRS;
    }
    return -1;
}

struct th_wire_taken th_wire_take_slowly(struct th_cur c)
{
    uint64_t v = th_cur_varint(&c);
    return (struct th_wire_taken){.rest = c, .v = v};
}

static const uint8_t magic[4] = {'T', 'E', 'V', 'F'};

void th_frame_seal(struct th_buf *out, size_t at, enum th_frame_type type, size_t raw_len)
{
    uint8_t *payload = out->p + at + TH_FRAME_HEAD_BYTES;
    size_t payload_len = out->len - at - TH_FRAME_HEAD_BYTES;
    TH_ASSERT(!out->overflow && payload_len <= TH_FRAME_MAX_BYTES);
    uint32_t crc = th_crc32c(0, payload, payload_len);
    size_t end = out->len;
    out->len = at;
    th_buf_put(out, magic, sizeof(magic));
    th_buf_u8(out, TH_WIRE_VERSION);
    th_buf_u8(out, (uint8_t)type);
    th_buf_le16(out, 0);
    th_buf_le32(out, (uint32_t)payload_len);
    th_buf_le32(out, (uint32_t)raw_len);
    th_buf_le32(out, crc);
    out->len = end;
}

int th_frame_head(const uint8_t head[TH_FRAME_HEAD_BYTES], enum th_frame_type *ret_type,
    uint32_t *ret_payload_len)
{
    struct th_cur c = th_cur_init(head, TH_FRAME_HEAD_BYTES);
    struct th_str m = th_cur_bytes(&c, sizeof(magic));
    uint8_t version = th_cur_u8(&c);
    uint8_t type = th_cur_u8(&c);
    th_cur_skip(&c, 2);
    uint32_t payload_len = th_cur_le32(&c);
    uint32_t raw_len = th_cur_le32(&c);
    if (memcmp(m.p, magic, sizeof(magic)) != 0)
        return TH_E_MALFORMED;
    if (version != TH_WIRE_VERSION)
        return TH_E_VERSION;
    if (type != TH_FRAME_EVENTS && type != TH_FRAME_SOURCE)
        return TH_E_MALFORMED;
    if (payload_len > TH_FRAME_MAX_BYTES || raw_len > TH_WIRE_MAX_RAW_BYTES)
        return TH_E_LIMIT;
    *ret_type = (enum th_frame_type)type;
    *ret_payload_len = payload_len;
    return 0;
}

int th_batch_peek(const uint8_t *payload, size_t len_bytes, struct th_batch_head *ret)
{
    struct th_cur c = th_cur_init(payload, len_bytes);
    struct th_batch_head h = {.input = th_cur_le32(&c),
        .run = th_cur_le32(&c),
        .count = th_cur_le32(&c),
        .first_ns = (int64_t)th_cur_le64(&c),
        .last_ns = (int64_t)th_cur_le64(&c),
        .complete_until_ns = (int64_t)th_cur_le64(&c)};
    if (c.failed)
        return TH_E_TRUNCATED;
    if (h.count > TH_BATCH_MAX_EVENTS)
        return TH_E_LIMIT;
    *ret = h;
    return 0;
}

static void put_text(struct th_buf *out, struct th_str s)
{
    s.len = TH_MIN(s.len, TH_SOURCE_MAX_TEXT_BYTES);
    th_buf_varint(out, s.len);
    th_buf_str(out, s);
}

void th_source_info_put(const struct th_source_info *info, struct th_buf *out)
{
    size_t at = out->len;
    if (!th_buf_reserve(out, TH_FRAME_HEAD_BYTES))
        return;
    th_buf_commit(out, TH_FRAME_HEAD_BYTES);
    th_buf_le32(out, info->input);
    th_buf_le32(out, info->status);
    th_buf_le64(out, info->source);
    th_buf_le64(out, info->events);
    th_buf_le64(out, info->packets);
    th_buf_le64(out, info->bytes);
    th_buf_le64(out, (uint64_t)info->first_ns);
    th_buf_le64(out, (uint64_t)info->last_ns);
    put_text(out, info->format);
    put_text(out, info->message);
    th_frame_seal(out, at, TH_FRAME_SOURCE, out->len - at - TH_FRAME_HEAD_BYTES);
}

int th_source_info_get(const uint8_t *payload, size_t len_bytes, struct th_source_info *ret)
{
    struct th_cur c = th_cur_init(payload, len_bytes);
    struct th_source_info i = {.input = th_cur_le32(&c),
        .status = th_cur_le32(&c),
        .source = th_cur_le64(&c),
        .events = th_cur_le64(&c),
        .packets = th_cur_le64(&c),
        .bytes = th_cur_le64(&c),
        .first_ns = (int64_t)th_cur_le64(&c),
        .last_ns = (int64_t)th_cur_le64(&c)};
    i.format = th_cur_bytes(&c, th_cur_varint(&c));
    i.message = th_cur_bytes(&c, th_cur_varint(&c));
    if (c.failed)
        return TH_E_TRUNCATED;
    if (i.status > TH_SOURCE_DUPLICATE)
        return TH_E_MALFORMED;
    *ret = i;
    return 0;
}
