/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include "base/cursor.h"
#include "base/mem.h"
#include "event/batch.h"
#include "journal/journal.h"
#include "link/envelope.h"
#include "store/log.h"

#define MAX_QUARANTINE 1024u
#define MAX_DAMAGE 64u

struct damage {
    uint64_t position;
    int err;
};

struct th_follow {
    const struct th_io *io;
    struct th_journal_reader *reader;
    struct th_batch_reader *batch;
    bool open; /* the batch has more to give */
    uint64_t position, sensor, sequence;
    int64_t clock_offset_ns;
    uint32_t index;
    uint16_t ts_offset[TH_KIND_COUNT]; /* of the field "ts" in the kind's struct, 0: none */
    uint64_t quarantine[MAX_QUARANTINE];
    size_t quarantine_count;
    struct damage damage[MAX_DAMAGE];
    size_t damage_count;
    struct th_follow_stats stats;
};

struct th_hash_key th_follow_key(uint64_t instance)
{
    return (struct th_hash_key){
        .k0 = UINT64_C(0x5468796d75732031), .k1 = th_mix64(instance ^ UINT64_C(0x6c6f67))};
}

struct th_follow *th_follow_new(const struct th_io *log)
{
    struct th_follow *f = th_xcalloc(1, sizeof(*f));
    f->io = log;
    f->reader = th_journal_reader_new(log);
    f->batch = th_batch_reader_new();
    for (unsigned k = 0; k < TH_KIND_COUNT; k++) {
        const struct th_kind_info *kind = th_kind_get(k);
        int ts = kind ? th_field_find(kind, th_str_c("ts")) : -1;
        if (ts >= 0 && kind->fields[ts].type == TH_TYPE_TIME)
            f->ts_offset[k] = kind->fields[ts].offset;
    }
    return f;
}

void th_follow_free(struct th_follow *f)
{
    if (!f)
        return;
    th_journal_reader_free(f->reader);
    th_batch_reader_free(f->batch);
    free(f);
}

int th_follow_seek(struct th_follow *f, uint64_t position)
{
    f->open = false;
    return th_journal_seek(f->reader, position);
}

uint64_t th_follow_position(const struct th_follow *f)
{
    return th_journal_reader_position(f->reader);
}

static void damaged(struct th_follow *f, int err)
{
    f->open = false;
    f->stats.damaged++;
    if (f->damage_count < MAX_DAMAGE)
        f->damage[f->damage_count++] = (struct damage){.position = f->position, .err = err};
}

int th_follow_damage(struct th_follow *f, uint64_t *ret_position, int *ret_err)
{
    if (f->damage_count == 0)
        return 0;
    *ret_position = f->damage[0].position;
    *ret_err = f->damage[0].err;
    memmove(f->damage, f->damage + 1, --f->damage_count * sizeof(f->damage[0]));
    return 1;
}

static bool is_quarantined(const struct th_follow *f, uint64_t position)
{
    for (size_t i = 0; i < f->quarantine_count; i++)
        if (f->quarantine[i] == position)
            return true;
    return false;
}

static void add_quarantine(struct th_follow *f, uint64_t position)
{
    if (f->quarantine_count < MAX_QUARANTINE && !is_quarantined(f, position))
        f->quarantine[f->quarantine_count++] = position;
}

static void note_control(struct th_follow *f, struct th_str body)
{
    struct th_control c;
    int64_t position;
    if (th_control_get(body, &c) < 0)
        return;
    if (c.type == TH_CONTROL_QUARANTINE && th_json_int64(c.object, "position", &position) &&
        position >= 0)
        add_quarantine(f, (uint64_t)position);
    th_control_done(&c);
}

static void note_summary(struct th_follow *f, struct th_str body)
{
    struct th_log_summary s;
    if (th_log_summary_get(body, &s) < 0)
        return;
    for (size_t i = 0; i < s.quarantined_count; i++)
        add_quarantine(f, s.quarantined[i]);
    th_log_summary_done(&s);
}

static void note_record(struct th_follow *f, const struct th_journal_record *r)
{
    if (r->type == TH_RECORD_CONTROL)
        note_control(f, r->body);
    else if (r->type == TH_RECORD_SUMMARY)
        note_summary(f, r->body);
}

int th_follow_scan(struct th_follow *f, uint64_t end)
{
    uint64_t from = th_follow_position(f);
    struct th_journal_record r;
    int n;
    while ((n = th_journal_read(f->reader, end, &r)) > 0)
        note_record(f, &r);
    return n < 0 || th_follow_position(f) == from ? n : th_follow_seek(f, from);
}

static int open_batch(struct th_follow *f, struct th_str body, struct th_follow_record *ret)
{
    struct th_record_batch b;
    struct th_envelope e = {.kind = 0};
    struct th_batch_head head;
    int r = th_record_batch_get(body, &b);
    if (r == 0)
        r = th_envelope_get((const uint8_t *)b.envelope.p, b.envelope.len, &e);
    if (r < 0 || e.kind != TH_ENVELOPE_EVENTS)
        return r;
    r = th_batch_open(f->batch, (const uint8_t *)e.payload.p, e.payload.len, &head);
    if (r < 0)
        return r;
    f->open = true;
    f->index = 0;
    f->sensor = e.sensor;
    f->sequence = e.sequence;
    f->clock_offset_ns = b.clock_offset_ns;
    ret->what = TH_FOLLOW_BATCH;
    ret->sensor = e.sensor;
    ret->sequence = e.sequence;
    ret->events = e.events;
    ret->replay = (e.flags & TH_ENVELOPE_REPLAY) != 0;
    ret->complete_until_ns = th_time_add(e.complete_until_ns, b.clock_offset_ns);
    ret->first_ns = th_time_add(e.first_ns, b.clock_offset_ns);
    ret->last_ns = th_time_add(e.last_ns, b.clock_offset_ns);
    f->stats.batches++;
    return 0;
}

int th_follow_next(struct th_follow *f, uint64_t end, struct th_follow_record *ret)
{
    struct th_journal_record r;
    f->open = false;
    int n = th_journal_read(f->reader, end, &r);
    if (n <= 0)
        return n;
    f->stats.records++;
    f->position = r.position;
    *ret = (struct th_follow_record){
        .what = TH_FOLLOW_OTHER, .position = r.position, .time_ns = r.time_ns};
    note_record(f, &r);
    if (r.type == TH_RECORD_CONTROL) {
        ret->what = TH_FOLLOW_CONTROL;
        ret->control = r.body;
    } else if (r.type == TH_RECORD_BATCH && is_quarantined(f, r.position)) {
        f->stats.quarantined++;
    } else if (r.type == TH_RECORD_BATCH) {
        int err = open_batch(f, r.body, ret);
        if (err < 0)
            damaged(f, err);
    }
    return 1;
}

/* The sensor's clock was found to differ: its times are read by the master's. */
static void correct(const struct th_follow *f, struct th_event *ev)
{
    ev->time_ns = th_time_add(ev->time_ns, f->clock_offset_ns);
    uint16_t at = ev->kind < TH_KIND_COUNT ? f->ts_offset[ev->kind] : 0;
    if (at == 0)
        return;
    int64_t ts;
    memcpy(&ts, (uint8_t *)ev + at, sizeof(ts));
    if (ts == 0)
        return;
    ts = th_time_add(ts, f->clock_offset_ns);
    memcpy((uint8_t *)ev + at, &ts, sizeof(ts));
}

int th_follow_event(struct th_follow *f, const struct th_event **ret)
{
    struct th_event *ev;
    if (!f->open)
        return 0;
    int r = th_batch_next(f->batch, &ev);
    if (r < 0)
        damaged(f, r);
    if (r <= 0) {
        f->open = false;
        return 0;
    }
    ev->source = f->sensor;
    ev->seq = th_record_seq(f->sequence, f->index++);
    if (f->clock_offset_ns != 0)
        correct(f, ev);
    f->stats.events++;
    *ret = ev;
    return 1;
}

void th_follow_stats_get(const struct th_follow *f, struct th_follow_stats *ret)
{
    *ret = f->stats;
}
