/* SPDX-License-Identifier: Apache-2.0 */
#include "store/log.h"

#include "base/cursor.h"

#define KNOWN_FLAGS ((uint64_t)TH_RECORD_CLOCK_AHEAD)

/* ---- batches ---- */

void th_record_batch_put(struct th_buf *out, const struct th_record_batch *b)
{
    th_buf_le64(out, b->flags);
    th_buf_le64(out, (uint64_t)b->clock_offset_ns);
    th_buf_str(out, b->envelope);
}

int th_record_batch_get(struct th_str body, struct th_record_batch *ret)
{
    struct th_cur c = th_cur_init(body.p, body.len);
    struct th_record_batch b = {.flags = th_cur_le64(&c)};
    b.clock_offset_ns = (int64_t)th_cur_le64(&c);
    b.envelope = th_cur_bytes(&c, th_cur_left(&c));
    if (c.failed)
        return TH_E_TRUNCATED;
    if (b.envelope.len > TH_RECORD_MAX_ENVELOPE)
        return TH_E_LIMIT;
    if (b.flags & ~KNOWN_FLAGS)
        return TH_E_MALFORMED;
    *ret = b;
    return 0;
}

/* ---- controls ---- */

static const char *const words[TH_CONTROL_TYPES] = {
    [TH_CONTROL_OTHER] = "",
    [TH_CONTROL_TICK] = "tick",
    [TH_CONTROL_EPOCH] = "epoch",
    [TH_CONTROL_SENSOR] = "sensor",
    [TH_CONTROL_SETTINGS] = "settings",
    [TH_CONTROL_SOURCE_DOWN] = "source_down",
    [TH_CONTROL_SOURCE_UP] = "source_up",
    [TH_CONTROL_SOURCE_GAP] = "source_gap",
    [TH_CONTROL_QUARANTINE] = "quarantine",
    [TH_CONTROL_FORGET] = "forget",
    [TH_CONTROL_ACK] = "ack",
    [TH_CONTROL_PERMIT] = "permit",
    [TH_CONTROL_PERMIT_END] = "permit_end",
};

const char *th_control_word(enum th_control_type type)
{
    return words[type];
}

bool th_json_text(const json_t *object, const char *key, struct th_str *ret)
{
    const json_t *v = json_object_get(object, key);
    if (!json_is_string(v))
        return false;
    *ret = th_str_n(json_string_value(v), json_string_length(v));
    return true;
}

bool th_json_int64(const json_t *object, const char *key, int64_t *ret)
{
    const json_t *v = json_object_get(object, key);
    if (!json_is_integer(v))
        return false;
    *ret = json_integer_value(v);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool th_json_hex64(const json_t *object, const char *key, uint64_t *ret)
{
    struct th_str s;
    uint64_t v = 0;
    if (!th_json_text(object, key, &s) || s.len != 16)
        return false;
    for (uint32_t i = 0; i < s.len; i++) {
        int d = hex_digit(s.p[i]);
        if (d < 0)
            return false;
        v = v << 4 | (uint64_t)d;
    }
    *ret = v;
    return true;
}

static int judge(const json_t *object, struct th_control *ret)
{
    struct th_str type;
    struct th_control c = {.type = TH_CONTROL_OTHER};
    if (!json_is_object(object) || !th_json_text(object, "type", &type) || type.len == 0 ||
        !th_json_int64(object, "at_ns", &c.at_ns))
        return TH_E_MALFORMED;
    for (unsigned i = TH_CONTROL_OTHER + 1; i < TH_CONTROL_TYPES; i++)
        if (th_str_is(type, words[i]))
            c.type = (enum th_control_type)i;
    *ret = c;
    return 0;
}

int th_control_get(struct th_str body, struct th_control *ret)
{
    struct th_control c;
    if (body.len > TH_CONTROL_MAX_BYTES)
        return TH_E_LIMIT;
    json_t *object = json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    int err = judge(object, &c);
    if (err < 0) {
        json_decref(object);
        return err;
    }
    c.object = object;
    *ret = c;
    return 0;
}

void th_control_done(struct th_control *c)
{
    json_decref(c->object);
    c->object = NULL;
}

int th_control_put(struct th_buf *out, const json_t *object)
{
    TH_AUTOFREE char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return TH_E_MALFORMED;
    size_t len = strlen(text);
    if (len > TH_CONTROL_MAX_BYTES)
        return TH_E_LIMIT;
    th_buf_put(out, text, len);
    return 0;
}
