/* SPDX-License-Identifier: Apache-2.0 */
#include "link/envelope.h"

#include "base/cursor.h"
#include "base/mem.h"
#include "event/batch.h"

#define GAP_BYTES 32u

static const char magic[4] = {'T', 'E', 'N', 'V'};

static void put_head(struct th_buf *out, const struct th_envelope *e)
{
    th_buf_put(out, magic, sizeof(magic));
    th_buf_u8(out, TH_LINK_VERSION);
    th_buf_u8(out, e->kind);
    th_buf_le16(out, e->flags);
    th_buf_le64(out, e->instance);
    th_buf_le64(out, e->sensor);
    th_buf_le64(out, e->epoch);
    th_buf_le64(out, e->sequence);
    th_buf_le64(out, (uint64_t)e->sent_ns);
    th_buf_le32(out, e->raw_len);
    th_buf_le32(out, e->payload.len);
    th_buf_le32(out, e->events);
    th_buf_le32(out, 0);
    th_buf_le64(out, (uint64_t)e->complete_until_ns);
    th_buf_le64(out, (uint64_t)e->first_ns);
    th_buf_le64(out, (uint64_t)e->last_ns);
    th_buf_le64(out, 0);
}

/* The payload is what the head says about it; that all is complete it may say of less than the
 * payload does: others of the sensor's producers are behind. */
static int check_events(const struct th_envelope *e)
{
    struct th_batch_head head;
    uint32_t raw_len;
    int err = th_batch_check((const uint8_t *)e->payload.p, e->payload.len, &head, &raw_len);
    if (err < 0)
        return err;
    if (raw_len > TH_ENVELOPE_MAX_RAW)
        return TH_E_LIMIT;
    bool same = raw_len == e->raw_len && head.count == e->events &&
        head.complete_until_ns >= e->complete_until_ns && head.first_ns == e->first_ns &&
        head.last_ns == e->last_ns && head.first_ns <= head.last_ns;
    return same ? 0 : TH_E_MALFORMED;
}

static int check_gap(const struct th_envelope *e)
{
    struct th_envelope_gap gap;
    int err = th_envelope_gap_get(e->payload, &gap);
    if (err < 0)
        return err;
    /* It stands for at least itself, and the sequence behind it must exist. */
    bool sane = e->raw_len == 0 && e->events == 0 && gap.batches > 0 &&
        gap.batches <= UINT64_MAX - e->sequence && gap.first_ns == e->first_ns &&
        gap.last_ns == e->last_ns && gap.first_ns <= gap.last_ns;
    return sane ? 0 : TH_E_MALFORMED;
}

static int check_payload(const struct th_envelope *e)
{
    if (e->payload.len > TH_ENVELOPE_MAX_PAYLOAD)
        return TH_E_LIMIT;
    if (e->flags & ~TH_ENVELOPE_REPLAY)
        return TH_E_MALFORMED;
    switch (e->kind) {
    case TH_ENVELOPE_EVENTS: return check_events(e);
    case TH_ENVELOPE_GAP: return check_gap(e);
    default: return TH_E_MALFORMED;
    }
}

int th_envelope_put(struct th_buf *out, const struct th_envelope *e, const struct th_sign_key *key)
{
    size_t at = out->len;
    int err = check_payload(e);
    if (err < 0)
        return err;
    if (!th_buf_reserve(out, TH_ENVELOPE_BYTES + e->payload.len))
        return TH_E_LIMIT;
    th_buf_commit(out, TH_SIGNATURE_BYTES);
    put_head(out, e);
    th_buf_str(out, e->payload);
    uint8_t *p = out->p + at;
    th_sign(key, p + TH_SIGNATURE_BYTES, TH_ENVELOPE_HEAD_BYTES + (size_t)e->payload.len, p);
    return 0;
}

int th_envelope_sensor(struct th_str envelope, uint64_t *ret)
{
    struct th_cur c = th_cur_init(envelope.p, envelope.len);
    th_cur_skip(&c, TH_SIGNATURE_BYTES + sizeof(magic) + 1 + 1 + 2 + 8); /* as below */
    uint64_t sensor = th_cur_le64(&c);
    if (c.failed)
        return TH_E_TRUNCATED;
    *ret = sensor;
    return 0;
}

int th_envelope_get(const uint8_t *data, size_t len_bytes, struct th_envelope *ret)
{
    struct th_envelope e = {0};
    struct th_cur c = th_cur_init(data, len_bytes);
    th_cur_skip(&c, TH_SIGNATURE_BYTES);
    struct th_str mark = th_cur_bytes(&c, sizeof(magic));
    if (c.failed)
        return TH_E_TRUNCATED;
    if (memcmp(mark.p, magic, sizeof(magic)) != 0)
        return TH_E_UNKNOWN_FORMAT;
    e.version = th_cur_u8(&c);
    if (!c.failed && e.version != TH_LINK_VERSION)
        return TH_E_VERSION;
    e.kind = th_cur_u8(&c);
    e.flags = th_cur_le16(&c);
    e.instance = th_cur_le64(&c);
    e.sensor = th_cur_le64(&c);
    e.epoch = th_cur_le64(&c);
    e.sequence = th_cur_le64(&c);
    e.sent_ns = (int64_t)th_cur_le64(&c);
    e.raw_len = th_cur_le32(&c);
    uint32_t payload_len = th_cur_le32(&c);
    e.events = th_cur_le32(&c);
    uint64_t zeros = th_cur_le32(&c);
    e.complete_until_ns = (int64_t)th_cur_le64(&c);
    e.first_ns = (int64_t)th_cur_le64(&c);
    e.last_ns = (int64_t)th_cur_le64(&c);
    zeros |= th_cur_le64(&c);
    if (c.failed)
        return TH_E_TRUNCATED;
    if (payload_len > TH_ENVELOPE_MAX_PAYLOAD)
        return TH_E_LIMIT;
    e.payload = th_cur_bytes(&c, payload_len);
    if (c.failed)
        return TH_E_TRUNCATED;
    if (zeros != 0 || th_cur_left(&c) != 0)
        return TH_E_MALFORMED;
    int err = check_payload(&e);
    if (err < 0)
        return err;
    *ret = e;
    return 0;
}

int th_envelope_verify(
    const uint8_t *data, size_t len_bytes, const uint8_t public_key[TH_SIGN_PUBLIC_BYTES])
{
    TH_ASSERT(len_bytes >= TH_ENVELOPE_BYTES);
    return th_verify(public_key, data + TH_SIGNATURE_BYTES, len_bytes - TH_SIGNATURE_BYTES, data);
}

void th_envelope_gap_put(struct th_buf *payload, const struct th_envelope_gap *g)
{
    th_buf_le64(payload, g->batches);
    th_buf_le64(payload, g->events);
    th_buf_le64(payload, (uint64_t)g->first_ns);
    th_buf_le64(payload, (uint64_t)g->last_ns);
}

int th_envelope_gap_get(struct th_str payload, struct th_envelope_gap *ret)
{
    if (payload.len != GAP_BYTES)
        return payload.len < GAP_BYTES ? TH_E_TRUNCATED : TH_E_MALFORMED;
    struct th_cur c = th_cur_init(payload.p, payload.len);
    ret->batches = th_cur_le64(&c);
    ret->events = th_cur_le64(&c);
    ret->first_ns = (int64_t)th_cur_le64(&c);
    ret->last_ns = (int64_t)th_cur_le64(&c);
    return 0;
}
