/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intake under orders out of the data: controls, envelopes as they come, envelopes and gaps of any
 * numbers that are signed well, followers that say anything, time that passes. Whatever it took
 * it must be able to read again: it starts anew at the end, and must know the same.
 */
#include "base/cursor.h"
#include "base/log.h"
#include "base/time.h"
#include "crypto/base64.h"
#include "event/batch.h"
#include "intake.h"
#include "io_record.h"
#include "link/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_ORDERS 200u
#define NOW_NS (INT64_C(1772446800) * TH_NS_PER_S)

enum order { CONTROL, RAW, GAP, EMPTY, FOLLOWER, TIME, FAIL, ORDERS };

static uint64_t touched;

static void answer(void *arg, const struct th_asker *to, unsigned status, struct th_str json)
{
    (void)arg;
    touched += to->id + status + json.len;
}

static void done(void *arg, const struct th_asker *to, uint64_t position, int err)
{
    (void)arg;
    touched += to->id + position + (err < 0);
}

static void head(void *arg, enum th_follower f, uint64_t position, int64_t wall_ns)
{
    (void)arg;
    touched += f + position + (wall_ns < 0);
}

static void set_aside(void *arg, enum th_follower f, const uint64_t *positions, size_t count)
{
    (void)arg;
    touched += f + (count ? positions[count - 1] : 0);
}

static const struct th_intake_out out = {
    .answer = answer, .done = done, .head = head, .set_aside = set_aside};

struct bench {
    struct io_record *disk;
    struct th_io io;
    struct th_intake_config config;
    struct th_intake *in;
    struct th_now now;
    struct th_sign_key key;
};

static const struct th_asker asker = {.id = 1};

static void control(struct bench *b, struct th_str json)
{
    th_intake_control(b->in, &asker, json, b->now);
}

static void know_sensor(struct bench *b)
{
    uint8_t key[TH_SIGN_PUBLIC_BYTES];
    char text[TH_BASE64URL_ROOM(TH_SIGN_PUBLIC_BYTES)];
    th_sign_key_public(&b->key, key);
    th_base64url(key, sizeof(key), text);
    TH_AUTOFREE char *json = th_xasprintf("{\"type\":\"sensor\",\"id\":\"0000000000000005\","
                                          "\"key\":\"%s\",\"status\":\"authorised\"}",
        text);
    control(b, th_str_c(json));
}

static void send(struct bench *b, const struct th_envelope *e)
{
    struct th_buf bytes TH_AUTOBUF = TH_BUF_INIT;
    if (th_envelope_put(&bytes, e, &b->key) == 0)
        th_intake_batch(b->in, &asker, th_buf_view(&bytes), b->now);
}

/* Small numbers are the interesting ones, and now and then any number. */
static uint64_t number(struct th_cur *c)
{
    uint8_t kind = th_cur_u8(c);
    return kind < 0xf0 ? kind % 12 : th_cur_le64(c);
}

static int64_t any_time(struct th_cur *c)
{
    uint8_t kind = th_cur_u8(c);
    return kind < 0xf0 ? NOW_NS + (kind - 128) * TH_NS_PER_HOUR / 4 : (int64_t)th_cur_le64(c);
}

static void gap(struct bench *b, struct th_cur *c)
{
    struct th_buf payload TH_AUTOBUF = TH_BUF_INIT;
    struct th_envelope e = {
        .kind = TH_ENVELOPE_GAP, .instance = 9, .sensor = 5, .epoch = number(c)};
    e.sequence = number(c);
    struct th_envelope_gap g = {.batches = number(c), .events = number(c)};
    g.first_ns = e.first_ns = any_time(c);
    g.last_ns = e.last_ns = any_time(c);
    th_envelope_gap_put(&payload, &g);
    e.payload = th_buf_view(&payload);
    send(b, &e);
}

/* A batch without events, with any times that such a one may have. */
static void empty(struct bench *b, struct th_cur *c)
{
    struct th_buf frame TH_AUTOBUF = TH_BUF_INIT;
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_envelope e = {
        .kind = TH_ENVELOPE_EVENTS, .instance = 9, .sensor = 5, .epoch = number(c)};
    e.sequence = number(c);
    e.sent_ns = any_time(c);
    e.flags = th_cur_u8(c) & TH_ENVELOPE_REPLAY;
    struct th_batch_head h = {.complete_until_ns = any_time(c)};
    if (th_batch_finish(w, &h, &frame) == 0 &&
        th_batch_check(frame.p, frame.len, &h, &e.raw_len) == 0) {
        e.events = h.count;
        e.complete_until_ns = h.complete_until_ns;
        e.first_ns = h.first_ns;
        e.last_ns = h.last_ns;
        e.payload = th_buf_view(&frame);
        send(b, &e);
    }
    th_batch_writer_free(w);
}

static void follower(struct bench *b, struct th_cur *c)
{
    enum th_follower f = th_cur_u8(c) % TH_FOLLOWER_COUNT;
    uint8_t what = th_cur_u8(c) % 6;
    uint64_t position = number(c);
    switch (what) {
    case 0: th_intake_up(b->in, f, b->now); break;
    case 1: th_intake_down(b->in, f, b->now); break;
    case 2: th_intake_applied(b->in, f, position, b->now); break;
    case 3: th_intake_saved(b->in, f, position); break;
    case 4: th_intake_damaged(b->in, f, position, TH_E_MALFORMED, b->now); break;
    default: th_intake_refused(b->in, f, position, th_cur_bytes(c, 3), b->now);
    }
}

static void start(struct bench *b)
{
    int err = th_intake_open(&b->io, &b->config, &out, b->now, &b->in);
    TH_ASSERT(err == 0);
}

/* Up to 255 bytes, their number first. */
static struct th_str some(struct th_cur *c)
{
    size_t len = th_cur_u8(c);
    return th_cur_bytes(c, TH_MIN(len, th_cur_left(c)));
}

static void obey(struct bench *b, struct th_cur *c)
{
    switch ((enum order)(th_cur_u8(c) % ORDERS)) {
    case CONTROL: control(b, some(c)); break;
    case RAW: th_intake_batch(b->in, &asker, some(c), b->now); break;
    case GAP: gap(b, c); break;
    case EMPTY: empty(b, c); break;
    case FOLLOWER: follower(b, c); break;
    case TIME: {
        int64_t ns = th_cur_u8(c) * TH_NS_PER_S / 4;
        b->now.wall_ns += ns;
        b->now.mono_ns += ns;
        break;
    }
    case FAIL: {
        uint8_t which = th_cur_u8(c);
        io_record_fail(b->disk, which % IO_RECORD_CALLS, which / IO_RECORD_CALLS % 8, -ENOSPC);
        break;
    }
    case ORDERS: break;
    }
    if (th_intake_turn(b->in, b->now) < 0) {
        th_intake_close(b->in);
        for (unsigned i = 0; i < IO_RECORD_CALLS; i++)
            io_record_fail(b->disk, i, UINT32_MAX, 0);
        start(b);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct th_cur c = th_cur_init(data, size);
    struct bench b = {.disk = io_record_new(),
        .config = {.instance = 9, .epoch = 1, .file_bytes = 1000, .keep_ns = 1},
        .now = {.wall_ns = NOW_NS, .mono_ns = TH_NS_PER_HOUR}};
    struct th_buf before TH_AUTOBUF = TH_BUF_INIT;
    struct th_buf after TH_AUTOBUF = TH_BUF_INIT;
    struct th_buf status TH_AUTOBUF = TH_BUF_INIT;
    th_log_set(TH_LOG_ERROR, "fuzz");
    th_sign_key_init(&b.key, (const uint8_t[TH_SIGN_SEED_BYTES]){1});
    io_record_io(b.disk, &b.io);
    start(&b);
    know_sensor(&b);
    for (unsigned i = 0; i < MAX_ORDERS && th_cur_left(&c) > 0; i++)
        obey(&b, &c);
    for (unsigned i = 0; i < IO_RECORD_CALLS; i++)
        io_record_fail(b.disk, i, UINT32_MAX, 0);
    b.now.mono_ns += TH_NS_PER_S;
    th_intake_status(b.in, b.now, &status);
    if (th_intake_turn(b.in, b.now) == 0) {
        th_log_summary_put(&before, th_intake_state(b.in));
        th_intake_close(b.in);
        start(&b);
        th_log_summary_put(&after, th_intake_state(b.in));
        TH_ASSERT(th_str_eq(th_buf_view(&before), th_buf_view(&after)));
    }
    th_intake_close(b.in);
    io_record_free(b.disk);
    return 0;
}
