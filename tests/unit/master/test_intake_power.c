/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power cuts under intake: sensors send, also twice and out of order, state asks for controls,
 * followers save and files are trimmed; then the disk is cut before each of its changes, and intake
 * starts again. What it had answered must be in the log, each batch once, and the sensors
 * must be able to go on from where it says.
 */
#include "unit.h"

#include "base/hash.h"
#include "intake_world.h"

#define STEPS 90u
#define SENSORS 2u
#define SEEDS 3u

struct promise {
    size_t changes;
    uint64_t next[SENSORS]; /* as answered */
    uint64_t done;          /* position of the last control that was done, + 1 */
};

struct run {
    struct world w;
    struct sensor sensors[SENSORS];
    struct promise *promises;
    size_t count;
    uint64_t ids; /* of requests: id % 4 is the sensor, 3: a control */
};

/* What the answers so far promise. */
static void promise(struct run *r)
{
    struct promise p = {.changes = io_record_changes(r->w.disk)};
    if (r->count)
        memcpy(p.next, r->promises[r->count - 1].next, sizeof(p.next));
    p.done = r->count ? r->promises[r->count - 1].done : 0;
    for (size_t i = 0; i < r->w.said_count; i++) {
        const struct said *s = &r->w.said[i];
        const char *next = strstr(s->text, "\"next\":");
        unsigned sensor = s->id % 4;
        if (s->status == 200 && sensor < SENSORS) {
            assert_non_null(next);
            p.next[sensor] = TH_MAX(p.next[sensor], strtoull(next + 7, NULL, 10));
        }
        if (s->status == 0 && s->err == 0)
            p.done = TH_MAX(p.done, s->position + 1);
    }
    r->w.said_count = 0;
    r->promises = th_xreallocarray(r->promises, r->count + 1, sizeof(*r->promises));
    r->promises[r->count++] = p;
}

static void send_some(struct run *r, unsigned which, uint64_t draw)
{
    struct sensor *s = &r->sensors[which];
    uint64_t first = s->next;
    uint64_t count = 1 + draw % 3;
    for (uint64_t i = count; i-- > 0;) /* the last one first */
        send_made(&r->w, s, ++r->ids * 4 + which, (struct made){.sequence = first + i});
    s->next += count;
    if (draw % 5 == 0 && first > 0)
        send_made(&r->w, s, ++r->ids * 4 + which, (struct made){.sequence = first - 1});
}

static void step(struct run *r, uint64_t draw)
{
    struct world *w = &r->w;
    switch (draw % 10) {
    case 0: control(w, ++r->ids * 4 + 3, "{\"type\":\"settings\",\"followers\":[]}"); break;
    case 1:
        for (unsigned f = 0; f < TH_FOLLOWER_COUNT; f++)
            th_intake_saved(w->in, (enum th_follower)f, th_intake_synced(w->in) / 2);
        pass(w, 60 * TH_NS_PER_S);
        break;
    case 2: pass(w, 11 * TH_NS_PER_S); break;
    case 3:
    case 4: turn(w); break;
    default: send_some(r, draw >> 8 & 1, draw >> 16);
    }
    assert_int_equal(th_intake_turn(w->in, w->now), 0);
    promise(r);
}

struct seen {
    uint64_t next[SENSORS];
    bool any[SENSORS];
};

/* Sequences of a sensor follow each other: nothing twice, nothing left out. */
static void see(void *arg, const struct logged *l)
{
    struct seen *s = arg;
    if (l->type != TH_RECORD_BATCH)
        return;
    unsigned i = (unsigned)l->envelope.sensor - 1;
    assert_in_range(i, 0, SENSORS - 1);
    if (s->any[i])
        assert_int_equal(l->envelope.sequence, s->next[i]);
    s->any[i] = true;
    s->next[i] = l->envelope.sequence + 1;
}

static void judge(struct run *r, const struct promise *p, size_t at, uint64_t seed)
{
    static struct world after;
    after = (struct world){
        .disk = io_record_cut(r->w.disk, at, seed), .config = r->w.config, .now = r->w.now};
    io_record_io(after.disk, &after.io);
    assert_int_equal(world_open(&after), 0);
    assert_true(th_intake_synced(after.in) >= p->done);
    struct seen seen = {0};
    walk_log(&after.io, th_intake_synced(after.in), see, &seen);
    for (unsigned i = 0; i < SENSORS; i++) {
        const struct th_log_sensor *n = th_log_sensor_find(th_intake_state(after.in), i + 1);
        struct sensor s = r->sensors[i];
        if (!n) {
            assert_int_equal(p->next[i], 0);
            continue;
        }
        assert_true(n->next >= p->next[i]);
        if (seen.any[i])
            assert_int_equal(seen.next[i], n->next);
        if (n->status != TH_SENSOR_AUTHORISED)
            continue;
        s.next = n->next;
        send_next(&after, &s, (struct made){0});
    }
    world_done(&after);
}

static void test_every_cut(void **state)
{
    (void)state;
    struct run *r = th_xcalloc(1, sizeof(*r));
    world_init(&r->w);
    r->w.config.file_bytes = 4000;
    r->w.config.keep_ns = 1;
    restart(&r->w);
    promise(r);
    for (unsigned i = 0; i < SENSORS; i++) {
        r->sensors[i] = sensor_new(i + 1);
        tell_sensor(&r->w, &r->sensors[i], "authorised");
        promise(r);
    }
    for (unsigned i = 0; i < STEPS; i++)
        step(r, th_mix64(i + 77));
    turn(&r->w);
    promise(r);
    assert_true(r->promises[r->count - 1].next[0] > 20);
    assert_true(r->promises[r->count - 1].next[1] > 20);
    size_t k = 0;
    for (size_t at = 0; at <= io_record_changes(r->w.disk); at++) {
        while (k + 1 < r->count && r->promises[k + 1].changes <= at)
            k++;
        for (uint64_t seed = 0; seed < SEEDS; seed++)
            judge(r, &r->promises[k], at, seed < 2 ? seed : seed + at * 4);
    }
    world_done(&r->w);
    free(r->promises);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
    };
    return cmocka_run_group_tests_name("master/intake_power", tests, NULL, NULL);
}
