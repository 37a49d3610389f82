/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"
#include "base/seal.h"
#include "base/time.h"
#include "store/log.h"

#define MAGIC 0x4d555354u /* "TSUM" */
#define VERSION 1u

static const char *const status_words[] = {
    [TH_SENSOR_PENDING] = "pending",
    [TH_SENSOR_AUTHORISED] = "authorised",
    [TH_SENSOR_REVOKED] = "revoked",
};

const char *th_sensor_status_word(enum th_sensor_status status)
{
    return status_words[status];
}

bool th_sensor_status_parse(struct th_str word, enum th_sensor_status *ret)
{
    for (unsigned i = 0; i < TH_ARRAY_LEN(status_words); i++) {
        if (th_str_is(word, status_words[i])) {
            *ret = (enum th_sensor_status)i;
            return true;
        }
    }
    return false;
}

void th_log_summary_done(struct th_log_summary *s)
{
    free(s->sensors);
    free(s->quarantined);
    *s = (struct th_log_summary){0};
}

/* Index of the sensor with this id, or where it belongs. */
static size_t place(const struct th_log_summary *s, uint64_t id)
{
    size_t low = 0;
    size_t high = s->sensor_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->sensors[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct th_log_sensor *th_log_sensor_find(const struct th_log_summary *s, uint64_t id)
{
    size_t i = place(s, id);
    return i < s->sensor_count && s->sensors[i].id == id ? &s->sensors[i] : NULL;
}

void th_log_sensor_remove(struct th_log_summary *s, uint64_t id)
{
    struct th_log_sensor *n = th_log_sensor_find(s, id);
    if (!n)
        return;
    size_t behind = (size_t)(s->sensors + s->sensor_count - (n + 1));
    memmove(n, n + 1, behind * sizeof(*n));
    s->sensor_count--;
}

struct th_log_sensor *th_log_sensor_add(struct th_log_summary *s, uint64_t id)
{
    struct th_log_sensor *have = th_log_sensor_find(s, id);
    if (have || s->sensor_count >= TH_SUMMARY_MAX_SENSORS)
        return have;
    size_t i = place(s, id);
    s->sensors = th_xreallocarray(s->sensors, s->sensor_count + 1, sizeof(*s->sensors));
    memmove(&s->sensors[i + 1], &s->sensors[i], (s->sensor_count - i) * sizeof(*s->sensors));
    s->sensor_count++;
    s->sensors[i] =
        (struct th_log_sensor){.id = id, .watermark_ns = TH_TIME_UNSET, .heard_ns = TH_TIME_UNSET};
    return &s->sensors[i];
}

static void put_sensor(struct th_buf *out, const struct th_log_sensor *n)
{
    size_t name_len = strnlen(n->name, sizeof(n->name) - 1);
    th_buf_le64(out, n->id);
    th_buf_put(out, n->key, sizeof(n->key));
    th_buf_u8(out, (uint8_t)name_len);
    th_buf_put(out, n->name, name_len);
    th_buf_u8(out, (uint8_t)n->status);
    th_buf_u8(out, n->down);
    th_buf_le64(out, n->epoch);
    th_buf_le64(out, n->next);
    th_buf_le64(out, (uint64_t)n->watermark_ns);
    th_buf_le64(out, (uint64_t)n->heard_ns);
    th_buf_le64(out, (uint64_t)n->clock_offset_ns);
    th_buf_le64(out, n->batches);
    th_buf_le64(out, n->events);
    th_buf_le64(out, n->gaps);
    th_buf_le64(out, n->lost_batches);
    th_buf_le64(out, n->lost_events);
}

void th_log_summary_put(struct th_buf *out, const struct th_log_summary *s)
{
    size_t begin = th_seal_begin(out, MAGIC, VERSION);
    th_buf_le64(out, (uint64_t)s->epoch_hour_ns);
    th_buf_le32(out, (uint32_t)s->sensor_count);
    for (size_t i = 0; i < s->sensor_count; i++)
        put_sensor(out, &s->sensors[i]);
    th_buf_le32(out, (uint32_t)s->quarantined_count);
    for (size_t i = 0; i < s->quarantined_count; i++)
        th_buf_le64(out, s->quarantined[i]);
    th_seal_end(out, begin);
}

static int get_sensor(struct th_cur *c, struct th_log_summary *s)
{
    uint64_t id = th_cur_le64(c);
    if (c->failed)
        return TH_E_TRUNCATED;
    if (s->sensor_count && s->sensors[s->sensor_count - 1].id >= id)
        return TH_E_MALFORMED;
    struct th_log_sensor *n = th_log_sensor_add(s, id);
    struct th_str key = th_cur_bytes(c, sizeof(n->key));
    uint8_t name_len = th_cur_u8(c);
    struct th_str name = th_cur_bytes(c, name_len);
    uint8_t status = th_cur_u8(c);
    uint8_t down = th_cur_u8(c);
    if (c->failed)
        return TH_E_TRUNCATED;
    if (name.len >= sizeof(n->name) || memchr(name.p, 0, name.len) ||
        status >= TH_ARRAY_LEN(status_words) || down > 1)
        return TH_E_MALFORMED;
    memcpy(n->key, key.p, sizeof(n->key));
    if (name.len)
        memcpy(n->name, name.p, name.len);
    n->status = (enum th_sensor_status)status;
    n->down = down;
    n->epoch = th_cur_le64(c);
    n->next = th_cur_le64(c);
    n->watermark_ns = (int64_t)th_cur_le64(c);
    n->heard_ns = (int64_t)th_cur_le64(c);
    n->clock_offset_ns = (int64_t)th_cur_le64(c);
    n->batches = th_cur_le64(c);
    n->events = th_cur_le64(c);
    n->gaps = th_cur_le64(c);
    n->lost_batches = th_cur_le64(c);
    n->lost_events = th_cur_le64(c);
    return c->failed ? TH_E_TRUNCATED : 0;
}

static int get_all(struct th_cur *c, struct th_log_summary *s)
{
    s->epoch_hour_ns = (int64_t)th_cur_le64(c);
    uint32_t sensors = th_cur_le32(c);
    if (sensors > TH_SUMMARY_MAX_SENSORS)
        return TH_E_LIMIT;
    for (uint32_t i = 0; i < sensors; i++) {
        int err = get_sensor(c, s);
        if (err < 0)
            return err;
    }
    uint32_t quarantined = th_cur_le32(c);
    if (quarantined > TH_SUMMARY_MAX_QUARANTINED)
        return TH_E_LIMIT;
    s->quarantined = th_xcalloc(quarantined + 1, sizeof(*s->quarantined));
    s->quarantined_count = quarantined;
    for (uint32_t i = 0; i < quarantined; i++)
        s->quarantined[i] = th_cur_le64(c);
    if (c->failed)
        return TH_E_TRUNCATED;
    return th_cur_left(c) == 0 ? 0 : TH_E_MALFORMED;
}

int th_log_summary_get(struct th_str body, struct th_log_summary *ret)
{
    struct th_cur c;
    struct th_log_summary s = {0};
    int err = th_seal_open((const uint8_t *)body.p, body.len, MAGIC, VERSION, &c);
    if (err == 0)
        err = get_all(&c, &s);
    if (err < 0) {
        th_log_summary_done(&s);
        return err;
    }
    *ret = s;
    return 0;
}
