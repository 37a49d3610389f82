/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live core's place in the log as a section of its checkpoint: version u32, journal's epoch
 * u64, position u64, then what th_live keeps from record to record. Hours may be open: the learner
 * saves them as they are.
 */
#include "base/cursor.h"
#include "live.h"
#include "sections.h"

enum { LIVE_VERSION = 2 };
#define MAX_TOLD (1u << 20)

void th_live_place_put(const struct th_live *l, uint64_t log_epoch, struct th_buf *out)
{
    th_buf_le32(out, LIVE_VERSION);
    th_buf_le64(out, log_epoch);
    th_buf_le64(out, th_follow_position(l->follow));
    th_buf_le64(out, (uint64_t)l->record_ns);
    th_buf_le64(out, (uint64_t)l->epoch_ns);
    th_buf_le64(out, (uint64_t)l->look_ns);
    th_buf_le64(out, (uint64_t)l->look_every_ns);
    th_buf_u8(out, l->late);
    th_buf_double(out, l->core->options.alerts_per_day);
    th_buf_le32(out, l->devices_told);
    th_buf_le32(out, (uint32_t)l->hour_count);
    for (size_t i = 0; i < l->hour_count; i++)
        th_buf_le64(out, (uint64_t)l->hours[i]);
    th_buf_le32(out, l->nameless_count);
    for (uint32_t i = 0; i < l->nameless_count; i++)
        th_buf_le32(out, l->nameless[i]);
    th_buf_le32(out, (uint32_t)l->told_count);
    for (size_t i = 0; i < l->told_count; i++) {
        th_buf_le64(out, l->told[i].id);
        th_buf_double(out, l->told[i].score);
        th_buf_le64(out, (uint64_t)l->told[i].end_ns);
    }
}

static void get_hours(struct th_live *l, struct th_cur *c)
{
    uint32_t n = th_cur_le32(c);
    if (n > TH_LIVE_MAX_HOURS) {
        th_cur_fail(c);
        return;
    }
    for (l->hour_count = 0; l->hour_count < n; l->hour_count++) {
        int64_t end = (int64_t)th_cur_le64(c);
        if (l->hour_count > 0 && end <= l->hours[l->hour_count - 1])
            th_cur_fail(c);
        l->hours[l->hour_count] = end;
    }
}

/* th_identity_slot gives nothing for a slot that there is not. */
static void get_nameless(struct th_live *l, struct th_cur *c)
{
    uint32_t n = th_cur_le32(c);
    if (n > TH_LIVE_NAMELESS) {
        th_cur_fail(c);
        return;
    }
    for (l->nameless_count = 0; l->nameless_count < n; l->nameless_count++)
        l->nameless[l->nameless_count] = th_cur_le32(c);
}

static void get_told(struct th_live *l, struct th_cur *c)
{
    uint32_t n = th_cur_le32(c);
    if (n > MAX_TOLD || n > th_cur_left(c) / 24) {
        th_cur_fail(c);
        return;
    }
    l->told_cap = n;
    l->told = th_xreallocarray(l->told, n + 1, sizeof(*l->told));
    for (l->told_count = 0; l->told_count < n; l->told_count++) {
        struct th_told *t = &l->told[l->told_count];
        t->id = th_cur_le64(c);
        t->score = th_cur_double(c);
        t->end_ns = (int64_t)th_cur_le64(c);
        if (l->told_count > 0 && t->id <= t[-1].id)
            th_cur_fail(c);
    }
}

int th_live_place_get(
    struct th_live *l, struct th_str body, uint64_t *ret_log_epoch, uint64_t *ret_position)
{
    struct th_cur c = th_cur_init(body.p, body.len);
    if (th_cur_le32(&c) != LIVE_VERSION)
        return c.failed ? TH_E_TRUNCATED : TH_E_VERSION;
    uint64_t log_epoch = th_cur_le64(&c);
    uint64_t position = th_cur_le64(&c);
    l->record_ns = (int64_t)th_cur_le64(&c);
    l->epoch_ns = (int64_t)th_cur_le64(&c);
    l->look_ns = (int64_t)th_cur_le64(&c);
    l->look_every_ns = (int64_t)th_cur_le64(&c);
    l->late = th_cur_u8(&c) != 0;
    l->core->options.alerts_per_day = th_cur_double(&c);
    l->devices_told = th_cur_le32(&c);
    get_hours(l, &c);
    get_nameless(l, &c);
    get_told(l, &c);
    if (c.failed || th_cur_left(&c) > 0 || !(l->core->options.alerts_per_day > 0))
        return TH_E_MALFORMED;
    *ret_log_epoch = log_epoch;
    *ret_position = position;
    return 0;
}

int th_live_save(struct th_live *l, uint64_t log_epoch, struct th_buf *whole)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    int r = th_core_state_put(l->core, whole);
    if (r < 0 || l->core->crew.number != 0)
        return r;
    th_live_place_put(l, log_epoch, &body);
    th_sections_add(whole, TH_SECTION_LIVE, &body);
    th_buf_clear(&body);
    th_permits_save(th_scorer_permits(l->core->shard.scorer), &body);
    th_sections_add(whole, TH_SECTION_PERMITS, &body);
    return whole->overflow ? TH_E_LIMIT : 0;
}

/* Checkpoints of earlier versions have none. */
static int get_permits(struct th_live *l, const struct th_buf *whole)
{
    struct th_str body;
    int r = th_sections_find(whole, TH_SECTION_PERMITS, &body);
    if (r == -ENOENT)
        return 0;
    return r < 0 ? r
                 : th_permits_load(
                       th_scorer_permits(l->core->shard.scorer), (const uint8_t *)body.p, body.len);
}

int th_live_load(
    struct th_live *l, const struct th_buf *whole, uint64_t *ret_log_epoch, uint64_t *ret_position)
{
    struct th_str body = {0};
    int r = th_core_state_get(l->core, whole);
    if (r == 0)
        r = th_sections_find(whole, TH_SECTION_LIVE, &body);
    if (r == 0)
        r = th_live_place_get(l, body, ret_log_epoch, ret_position);
    return r < 0 ? r : get_permits(l, whole);
}
