/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An intake with a disk in memory and a clock of its own, sensors that sign for it, and a record
 * of all that it said.
 */
#ifndef TH_TESTS_INTAKE_WORLD_H
#define TH_TESTS_INTAKE_WORLD_H

#include <inttypes.h>

#include "base/time.h"
#include "crypto/base64.h"
#include "event/batch.h"
#include "intake.h"
#include "io_record.h"
#include "journal/journal.h"
#include "link/envelope.h"
#include "sample_events.h"

#define INSTANCE 0x1122334455667788u
#define MAX_SAID 4096u
/* 2026-03-02T10:20:00Z */
#define BEGIN_NS (INT64_C(1772446800) * TH_NS_PER_S)

struct said {
    uint64_t id;
    unsigned status; /* of an answer to a batch; 0: a control is done */
    uint64_t position;
    int err;
    char text[512];
};

struct world {
    struct io_record *disk;
    struct th_io io;
    struct th_intake_config config;
    struct th_intake_out out;
    struct th_intake *in;
    struct th_now now;
    struct said said[MAX_SAID];
    size_t said_count;
    uint64_t heads[TH_FOLLOWER_COUNT];
    uint64_t aside[64];
    size_t aside_count;
};

struct sensor {
    uint64_t id, epoch, next;
    struct th_sign_key key;
};

static inline struct said *say(struct world *w, uint64_t id)
{
    assert_true(w->said_count < MAX_SAID);
    struct said *s = &w->said[w->said_count++];
    *s = (struct said){.id = id};
    return s;
}

static inline void on_answer(
    void *arg, const struct th_asker *to, unsigned status, struct th_str json)
{
    struct said *s = say(arg, to->id);
    s->status = status;
    snprintf(s->text, sizeof(s->text), "%.*s", (int)json.len, json.p);
}

static inline void on_done(void *arg, const struct th_asker *to, uint64_t position, int err)
{
    struct said *s = say(arg, to->id);
    s->position = position;
    s->err = err;
}

static inline void on_head(void *arg, enum th_follower f, uint64_t position, int64_t wall_ns)
{
    struct world *w = arg;
    (void)wall_ns;
    w->heads[f] = position;
}

static inline void on_set_aside(
    void *arg, enum th_follower f, const uint64_t *positions, size_t count)
{
    struct world *w = arg;
    (void)f;
    assert_true(count <= TH_ARRAY_LEN(w->aside));
    w->aside_count = count;
    for (size_t i = 0; i < count; i++)
        w->aside[i] = positions[i];
}

static inline int world_open(struct world *w)
{
    w->out = (struct th_intake_out){
        .answer = on_answer, .done = on_done, .head = on_head, .set_aside = on_set_aside, .arg = w};
    return th_intake_open(&w->io, &w->config, &w->out, w->now, &w->in);
}

static inline void world_init(struct world *w)
{
    *w = (struct world){.disk = io_record_new(),
        .config = {.instance = INSTANCE, .epoch = 1},
        .now = {.wall_ns = BEGIN_NS, .mono_ns = 1000 * TH_NS_PER_S}};
    io_record_io(w->disk, &w->io);
    assert_int_equal(world_open(w), 0);
}

static inline void world_done(struct world *w)
{
    th_intake_close(w->in);
    io_record_free(w->disk);
}

static inline void pass(struct world *w, int64_t ns)
{
    w->now.wall_ns += ns;
    w->now.mono_ns += ns;
}

/* Enough for a sync. */
static inline void turn(struct world *w)
{
    pass(w, 5 * TH_NS_PER_MS);
    assert_int_equal(th_intake_turn(w->in, w->now), 0);
}

/* Time passes as it does for the process: turn by turn. */
static inline void wait_s(struct world *w, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        pass(w, TH_NS_PER_S);
        assert_int_equal(th_intake_turn(w->in, w->now), 0);
        turn(w);
    }
}

static inline void restart(struct world *w)
{
    th_intake_close(w->in);
    w->in = NULL;
    assert_int_equal(world_open(w), 0);
}

/* What was said to this id last; NULL: nothing. */
static inline const struct said *said_to(const struct world *w, uint64_t id)
{
    for (size_t i = w->said_count; i-- > 0;)
        if (w->said[i].id == id)
            return &w->said[i];
    return NULL;
}

static inline void control(struct world *w, uint64_t id, const char *json)
{
    th_intake_control(w->in, &(struct th_asker){.id = id}, th_str_c(json), w->now);
}

static inline struct sensor sensor_new(uint64_t id)
{
    struct sensor s = {.id = id, .epoch = 7};
    uint8_t seed[TH_SIGN_SEED_BYTES] = {(uint8_t)id, 9};
    th_sign_key_init(&s.key, seed);
    return s;
}

static inline void tell_sensor(struct world *w, const struct sensor *s, const char *status)
{
    uint8_t key[TH_SIGN_PUBLIC_BYTES];
    char text[TH_BASE64URL_ROOM(TH_SIGN_PUBLIC_BYTES)];
    th_sign_key_public(&s->key, key);
    th_base64url(key, sizeof(key), text);
    TH_AUTOFREE char *json =
        th_xasprintf("{\"type\":\"sensor\",\"id\":\"%016" PRIx64 "\",\"name\":\"s%" PRIu64
                     "\",\"key\":\"%s\",\"status\":\"%s\"}",
            s->id, s->id, text, status);
    control(w, 1u << 30, json);
    turn(w);
    assert_int_equal(said_to(w, 1u << 30)->err, 0);
}

struct made {
    unsigned events;             /* default 3 */
    int64_t at_ns, complete_ns;  /* default: a second ago, now */
    int64_t sent_ns;             /* default: now */
    uint64_t instance, sequence; /* sequence: as given */
    uint64_t gap_batches;        /* a GAP instead */
    bool replay;
};

/* Appends an envelope as the sensor would make it. */
static inline void make_envelope(
    const struct world *w, const struct sensor *s, struct made m, struct th_buf *out)
{
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct th_buf frame TH_AUTOBUF = TH_BUF_INIT;
    struct sample_office office = {
        .state = 7, .now_ns = m.at_ns ? m.at_ns : w->now.wall_ns - TH_NS_PER_S};
    struct th_batch_head head = {
        .complete_until_ns = m.complete_ns ? m.complete_ns : w->now.wall_ns};
    struct th_envelope e = {.kind = TH_ENVELOPE_EVENTS,
        .instance = m.instance ? m.instance : INSTANCE,
        .sensor = s->id,
        .epoch = s->epoch,
        .sequence = m.sequence,
        .flags = m.replay ? TH_ENVELOPE_REPLAY : 0,
        .sent_ns = m.sent_ns ? m.sent_ns : w->now.wall_ns};
    if (m.gap_batches) {
        struct th_envelope_gap gap = {
            .batches = m.gap_batches, .events = 100, .first_ns = 1, .last_ns = 2};
        th_envelope_gap_put(&frame, &gap);
        e.kind = TH_ENVELOPE_GAP;
        e.first_ns = 1;
        e.last_ns = 2;
    } else {
        struct th_batch_writer *b = th_batch_writer_new();
        for (unsigned i = 0; i < (m.events ? m.events : 3); i++)
            assert_int_equal(th_batch_add(b, sample_office_next(&memory, &office)), 0);
        assert_int_equal(th_batch_finish(b, &head, &frame), 0);
        th_batch_writer_free(b);
        assert_int_equal(th_batch_check(frame.p, frame.len, &head, &e.raw_len), 0);
        e.events = head.count;
        e.complete_until_ns = head.complete_until_ns;
        e.first_ns = head.first_ns;
        e.last_ns = head.last_ns;
    }
    e.payload = th_buf_view(&frame);
    assert_int_equal(th_envelope_put(out, &e, &s->key), 0);
}

static inline void give(struct world *w, uint64_t id, struct th_str bytes)
{
    th_intake_batch(w->in, &(struct th_asker){.id = id}, bytes, w->now);
}

static inline void send_made(struct world *w, const struct sensor *s, uint64_t id, struct made m)
{
    struct th_buf bytes TH_AUTOBUF = TH_BUF_INIT;
    make_envelope(w, s, m, &bytes);
    give(w, id, th_buf_view(&bytes));
}

/* The sensor's next batch, and the sync behind it; it must be taken. */
static inline void send_next(struct world *w, struct sensor *s, struct made m)
{
    m.sequence = s->next++;
    send_made(w, s, 1u << 29, m);
    turn(w);
    assert_int_equal(said_to(w, 1u << 29)->status, 200);
}

/* ---- what stands in the log ---- */

struct logged {
    uint64_t position;
    uint8_t type;
    int64_t time_ns;
    struct th_record_batch batch;
    struct th_envelope envelope;
    char control[400];
};
typedef void logged_fn(void *arg, const struct logged *l);

static inline void walk_log(const struct th_io *io, uint64_t end, logged_fn *fn, void *arg)
{
    struct th_journal_reader *r = th_journal_reader_new(io);
    struct th_journal_record rec;
    uint64_t first;
    uint64_t next;
    uint64_t epoch;
    assert_int_equal(th_journal_extent(io, &first, &next, &epoch), 0);
    assert_int_equal(th_journal_seek(r, first), 0);
    while (th_journal_reader_position(r) < end) {
        struct logged l = {0};
        assert_int_equal(th_journal_read(r, end, &rec), 1);
        l.position = rec.position;
        l.type = rec.type;
        l.time_ns = rec.time_ns;
        if (rec.type == TH_RECORD_BATCH) {
            assert_int_equal(th_record_batch_get(rec.body, &l.batch), 0);
            assert_int_equal(th_envelope_get((const uint8_t *)l.batch.envelope.p,
                                 l.batch.envelope.len, &l.envelope),
                0);
        } else if (rec.type == TH_RECORD_CONTROL) {
            snprintf(l.control, sizeof(l.control), "%.*s", (int)rec.body.len, rec.body.p);
        }
        fn(arg, &l);
    }
    th_journal_reader_free(r);
}

struct finding {
    const char *word;
    unsigned count;
    char last[400];
    struct logged last_batch;
};

static inline void find_control(void *arg, const struct logged *l)
{
    struct finding *f = arg;
    if (l->type == TH_RECORD_BATCH)
        f->last_batch = *l;
    if (!strstr(l->control, f->word))
        return;
    f->count++;
    memcpy(f->last, l->control, sizeof(f->last));
}

/* Controls in the log with this text in them. */
static inline struct finding find_controls(const struct world *w, const char *word)
{
    struct finding f = {.word = word};
    walk_log(&w->io, th_intake_synced(w->in), find_control, &f);
    return f;
}

#endif
