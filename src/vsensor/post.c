/* SPDX-License-Identifier: Apache-2.0 */
#include "post.h"

#include "base/cursor.h"
#include "base/mem.h"
#include "base/time.h"
#include "event/batch.h"
#include "link/envelope.h"
#include "messages.h"

enum {
    MAX_RUNS = 32,      /* producers that are remembered */
    MAX_REFUSED = 64,   /* sequences that the master will not have */
    TAIL_ENTRIES = 640, /* of the spool, read at the start: what all producers may not know yet */
};

/* How far a producer's run is in the spool. */
struct run {
    uint32_t run, number;
    bool live;
    int64_t wall_ns; /* when its latest frame came */
    int64_t complete_until_ns;
};

struct pause {
    int64_t from_ns, to_ns;
};

struct th_post {
    const struct th_own *own;
    unsigned workers;
    bool collector, follower;
    int64_t live_lag_ns;
    struct th_spool *spool;
    struct th_buf payload, envelope, again;
    struct run runs[MAX_RUNS]; /* latest first */
    size_t run_count;
    uint64_t refused[MAX_REFUSED];
    size_t refused_count;
    struct th_post_counts counts;
    struct pause pause; /* the last that was counted */
};

/* ---- runs ---- */

static struct run *find_run(struct th_post *p, uint32_t run)
{
    for (size_t i = 0; i < p->run_count; i++)
        if (p->runs[i].run == run)
            return &p->runs[i];
    return NULL;
}

/* The run's place in front; the one that was silent longest goes when there are too many. */
static struct run *front_run(struct th_post *p, uint32_t run)
{
    const struct run *known = find_run(p, run);
    struct run r = known ? *known : (struct run){.run = run};
    size_t at = known ? (size_t)(known - p->runs) : TH_MIN(p->run_count, (size_t)MAX_RUNS - 1);
    if (!known && p->run_count < MAX_RUNS)
        p->run_count++;
    memmove(p->runs + 1, p->runs, at * sizeof(*p->runs));
    p->runs[0] = r;
    return &p->runs[0];
}

static void note(struct th_post *p, const struct th_batch_head *head, bool live, int64_t wall_ns)
{
    struct run *r = front_run(p, head->input);
    r->number = TH_MAX(r->number, head->run);
    r->live = live;
    r->wall_ns = wall_ns;
    r->complete_until_ns = head->complete_until_ns;
}

/* The latest run of a worker of live capture, of collect or of follow; NULL: it has not been heard.
 */
static const struct run *latest_of(const struct th_post *p, uint32_t worker)
{
    for (size_t i = 0; i < p->run_count; i++)
        if (p->runs[i].live && p->runs[i].run % TH_SENSOR_RUN_WORKERS == worker)
            return &p->runs[i];
    return NULL;
}

/* What this frame and the latest of the other workers say together. */
static int64_t complete_until(const struct th_post *p, const struct th_batch_head *head)
{
    int64_t least_ns = head->complete_until_ns;
    for (uint32_t i = 0; i < TH_SENSOR_RUN_WORKERS; i++) {
        if (i >= p->workers && !(p->collector && i == TH_SENSOR_COLLECTOR) &&
            !(p->follower && i == TH_SENSOR_FOLLOWER))
            continue;
        const struct run *r = latest_of(p, i);
        if (i != head->input % TH_SENSOR_RUN_WORKERS)
            least_ns = TH_MIN(least_ns, r ? r->complete_until_ns : TH_TIME_UNSET);
    }
    return least_ns;
}

/* ---- into the spool ---- */

static int add(struct th_post *p, struct th_envelope *e, uint32_t events)
{
    e->instance = p->own->instance;
    e->sensor = p->own->sensor;
    e->epoch = th_spool_epoch(p->spool);
    e->sequence = th_spool_next(p->spool);
    th_buf_clear(&p->envelope);
    int r = th_envelope_put(&p->envelope, e, &p->own->key);
    if (r < 0)
        return r;
    struct th_spool_entry entry = {.sequence = e->sequence,
        .events = events,
        .first_ns = e->first_ns,
        .last_ns = e->last_ns,
        .added_ns = e->sent_ns,
        .envelope = th_buf_view(&p->envelope)};
    return th_spool_add(p->spool, &entry);
}

static int add_gap(
    struct th_post *p, uint64_t events, int64_t first_ns, int64_t last_ns, int64_t wall_ns)
{
    struct th_envelope_gap gap = {
        .batches = 1, .events = events, .first_ns = first_ns, .last_ns = last_ns};
    th_buf_clear(&p->payload);
    th_envelope_gap_put(&p->payload, &gap);
    struct th_envelope e = {.kind = TH_ENVELOPE_GAP,
        .sent_ns = wall_ns,
        .first_ns = first_ns,
        .last_ns = last_ns,
        .payload = th_buf_view(&p->payload)};
    int r = add(p, &e, (uint32_t)TH_MIN(events, (uint64_t)UINT32_MAX));
    if (r == 0) {
        p->counts.gaps++;
        p->counts.lost_events += events;
    }
    return r;
}

/* Pauses of several workers are one as far as they are at the same time. */
static void count_pause(struct th_post *p, int64_t from_ns, int64_t to_ns)
{
    struct pause *last = &p->pause;
    int64_t more_ns = th_time_sub(to_ns, from_ns);
    if (from_ns <= last->to_ns && to_ns >= last->from_ns) {
        more_ns = TH_MAX(th_time_sub(last->from_ns, from_ns), 0) +
            TH_MAX(th_time_sub(to_ns, last->to_ns), 0);
        from_ns = TH_MIN(from_ns, last->from_ns);
        to_ns = TH_MAX(to_ns, last->to_ns);
    }
    *last = (struct pause){.from_ns = from_ns, .to_ns = to_ns};
    p->counts.unwatched_ns += (uint64_t)more_ns;
}

/* When the run's latest frame was made, it had read all up to here. The frame may have waited for
 * this role long after that: what it says of itself counts more than when it came. */
static int64_t read_until(const struct th_post *p, const struct run *r)
{
    bool says = r->complete_until_ns > INT64_MIN && p->live_lag_ns > 0 &&
        r->run % TH_SENSOR_RUN_WORKERS != TH_SENSOR_COLLECTOR;
    return says ? TH_MIN(r->wall_ns, th_time_add(r->complete_until_ns, p->live_lag_ns))
                : r->wall_ns;
}

/* Another run of a worker of live capture than the one before: it watched nothing in between. What
 * the one before had read and not yet given goes back to before its latest frame. */
static int tell_pause(struct th_post *p, uint32_t run, int64_t wall_ns)
{
    const struct run *last = latest_of(p, run % TH_SENSOR_RUN_WORKERS);
    if (!last || last->run == run || find_run(p, run))
        return 0;
    int64_t from_ns =
        TH_MIN(th_time_sub(read_until(p, last), TH_SENSOR_BEHIND_MS * TH_NS_PER_MS), wall_ns);
    int r = add_gap(p, 0, from_ns, wall_ns, wall_ns);
    if (r == 0)
        count_pause(p, from_ns, wall_ns);
    return r;
}

int th_post_frame(struct th_post *p, bool replay, struct th_str frame, int64_t wall_ns)
{
    struct th_batch_head head;
    uint32_t raw_len;
    if (th_batch_check((const uint8_t *)frame.p, frame.len, &head, &raw_len) < 0) {
        p->counts.malformed++;
        return 0;
    }
    const struct run *known = find_run(p, head.input);
    if (known && head.run <= known->number) {
        p->counts.known++;
        return 0;
    }
    int r = replay ? 0 : tell_pause(p, head.input, wall_ns);
    if (r < 0)
        return r;
    struct th_envelope e = {.kind = TH_ENVELOPE_EVENTS,
        .flags = replay ? TH_ENVELOPE_REPLAY : 0,
        .sent_ns = wall_ns,
        .raw_len = raw_len,
        .events = head.count,
        .complete_until_ns = replay ? head.complete_until_ns : complete_until(p, &head),
        .first_ns = head.first_ns,
        .last_ns = head.last_ns,
        .payload = frame};
    r = add(p, &e, head.count);
    if (r == TH_E_LIMIT) /* more than an envelope may hold */
        r = add_gap(p, head.count, head.first_ns, head.last_ns, wall_ns);
    if (r == TH_E_MALFORMED) {
        p->counts.malformed++;
        return 0;
    }
    if (r < 0)
        return r;
    note(p, &head, !replay, wall_ns);
    p->counts.batches++;
    p->counts.events += head.count;
    return 1;
}

int th_post_lost(struct th_post *p, struct th_str body, int64_t wall_ns)
{
    struct th_cur c = th_cur_init(body.p, body.len);
    th_cur_skip(&c, 8); /* the run: a gap cannot carry it */
    uint64_t events = th_cur_le64(&c);
    int64_t first_ns = (int64_t)th_cur_le64(&c);
    int64_t last_ns = (int64_t)th_cur_le64(&c);
    if (c.failed || th_cur_left(&c) || first_ns > last_ns) {
        p->counts.malformed++;
        return 0;
    }
    int r = add_gap(p, events, first_ns, last_ns, wall_ns);
    return r < 0 ? r : 1;
}

int th_post_sync(struct th_post *p)
{
    return th_spool_sync(p->spool);
}

/* ---- out of it ---- */

static int give(struct th_post *p, const struct th_envelope *e, uint64_t next,
    struct th_str *ret_envelope, uint64_t *ret_next)
{
    th_buf_clear(&p->again);
    int r = th_envelope_put(&p->again, e, &p->own->key);
    if (r < 0)
        return r;
    *ret_envelope = th_buf_view(&p->again);
    *ret_next = next;
    return 1;
}

static int give_gap(struct th_post *p, uint64_t sequence, const struct th_envelope_gap *gap,
    struct th_str *ret_envelope, uint64_t *ret_next)
{
    th_buf_clear(&p->payload);
    th_envelope_gap_put(&p->payload, gap);
    struct th_envelope e = {.kind = TH_ENVELOPE_GAP,
        .instance = p->own->instance,
        .sensor = p->own->sensor,
        .epoch = th_spool_epoch(p->spool),
        .sequence = sequence,
        .sent_ns = gap->last_ns,
        .first_ns = gap->first_ns,
        .last_ns = gap->last_ns,
        .payload = th_buf_view(&p->payload)};
    return give(p, &e, sequence + gap->batches, ret_envelope, ret_next);
}

static bool is_refused(const struct th_post *p, uint64_t sequence)
{
    for (size_t i = 0; i < p->refused_count; i++)
        if (p->refused[i] == sequence)
            return true;
    return false;
}

static int give_entry(struct th_post *p, const struct th_spool_entry *entry,
    struct th_str *ret_envelope, uint64_t *ret_next)
{
    struct th_envelope e;
    struct th_envelope_gap gap = {.batches = 1,
        .events = entry->events,
        .first_ns = entry->first_ns,
        .last_ns = entry->last_ns};
    const uint8_t *data = (const uint8_t *)entry->envelope.p;
    if (is_refused(p, entry->sequence) || th_envelope_get(data, entry->envelope.len, &e) < 0)
        return give_gap(p, entry->sequence, &gap, ret_envelope, ret_next);
    if (e.instance != p->own->instance || e.sensor != p->own->sensor) {
        e.instance = p->own->instance;
        e.sensor = p->own->sensor;
        return give(p, &e, entry->sequence + 1, ret_envelope, ret_next);
    }
    *ret_envelope = entry->envelope;
    *ret_next = entry->sequence + 1;
    return 1;
}

int th_post_get(
    struct th_post *p, uint64_t sequence, struct th_str *ret_envelope, uint64_t *ret_next)
{
    struct th_spool_entry entry;
    struct th_spool_gap missing;
    int r = th_spool_get(p->spool, sequence, &entry, &missing);
    if (r == TH_SPOOL_ENTRY)
        return give_entry(p, &entry, ret_envelope, ret_next);
    if (r == TH_SPOOL_NOTHING)
        return 0;
    struct th_envelope_gap gap = {.batches = 1}; /* of a damaged entry: nobody can tell */
    if (r == TH_SPOOL_GAP)
        gap = (struct th_envelope_gap){.batches = missing.batches,
            .events = missing.events,
            .first_ns = missing.first_ns,
            .last_ns = missing.last_ns};
    else if (r == -EIO)
        return r; /* the disk may think better of it */
    return give_gap(p, sequence, &gap, ret_envelope, ret_next);
}

int th_post_acknowledge(struct th_post *p, uint64_t next)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->refused_count; i++)
        if (p->refused[i] >= next)
            p->refused[kept++] = p->refused[i];
    p->refused_count = kept;
    return th_spool_acknowledge(p->spool, next);
}

void th_post_refuse(struct th_post *p, uint64_t sequence)
{
    p->counts.refused++;
    if (!is_refused(p, sequence) && p->refused_count < MAX_REFUSED)
        p->refused[p->refused_count++] = sequence;
}

int th_post_renew(struct th_post *p, uint64_t epoch, int64_t wall_ns)
{
    struct th_spool_gap gap = {0};
    p->refused_count = 0;
    int r = th_spool_renew(p->spool, epoch, &gap);
    if (r == 0 && gap.batches > 0)
        r = add_gap(p, gap.events, gap.first_ns, gap.last_ns, wall_ns);
    return r < 0 ? r : th_spool_sync(p->spool);
}

/* ---- opening ---- */

/* What the newest entries say about their producers. */
static void read_tail(struct th_post *p)
{
    uint64_t next = th_spool_next(p->spool);
    for (uint64_t n = next > TAIL_ENTRIES ? next - TAIL_ENTRIES : 0; n < next; n++) {
        struct th_spool_entry entry;
        struct th_spool_gap gap;
        struct th_envelope e;
        struct th_batch_head head;
        uint32_t raw_len;
        if (th_spool_get(p->spool, n, &entry, &gap) != TH_SPOOL_ENTRY ||
            th_envelope_get((const uint8_t *)entry.envelope.p, entry.envelope.len, &e) < 0 ||
            e.kind != TH_ENVELOPE_EVENTS ||
            th_batch_check((const uint8_t *)e.payload.p, e.payload.len, &head, &raw_len) < 0)
            continue;
        note(p, &head, !(e.flags & TH_ENVELOPE_REPLAY), e.sent_ns);
    }
}

int th_post_open(const struct th_io *io, const struct th_post_config *config, int64_t wall_ns,
    struct th_post **ret)
{
    struct th_spool_config of_spool = {
        .limit_bytes = config->limit_bytes, .epoch = (uint64_t)wall_ns};
    struct th_spool *spool;
    int r = th_spool_open(io, &of_spool, &spool);
    if (r < 0)
        return r;
    struct th_post *p = th_xcalloc(1, sizeof(*p));
    p->own = config->own;
    p->workers = config->workers;
    p->collector = config->collector;
    p->live_lag_ns = config->live_lag_ns;
    p->follower = config->follower;
    p->spool = spool;
    read_tail(p);
    *ret = p;
    return 0;
}

void th_post_close(struct th_post *p)
{
    if (!p)
        return;
    th_spool_close(p->spool);
    th_buf_done(&p->payload);
    th_buf_done(&p->envelope);
    th_buf_done(&p->again);
    free(p);
}

const struct th_spool *th_post_spool(const struct th_post *p)
{
    return p->spool;
}

void th_post_counts(const struct th_post *p, struct th_post_counts *ret)
{
    *ret = p->counts;
}
