/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the corpus of fuzz_envelope: make_envelopes DIR. */
#include <stdio.h>
#include <stdlib.h>

#include "event/batch.h"
#include "link/envelope.h"
#include "sample_events.h"

static int write_file(const char *dir, const char *name, const struct th_buf *b, size_t len)
{
    TH_AUTOFREE char *path = th_xasprintf("%s/%s", dir, name);
    TH_AUTOFCLOSE FILE *f = fopen(path, "we");
    return f && fwrite(b->p, 1, len, f) == len ? 0 : -1;
}

static void put_events(struct th_buf *out, uint32_t events, const struct th_sign_key *key)
{
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct th_buf frame TH_AUTOBUF = TH_BUF_INIT;
    struct sample_office office = {.state = 7, .now_ns = 1700 * TH_NS_PER_S};
    struct th_batch_head head = {.complete_until_ns = 1699 * TH_NS_PER_S};
    struct th_batch_writer *w = th_batch_writer_new();
    uint32_t raw_len = 0;
    for (uint32_t i = 0; i < events; i++)
        TH_ASSERT(th_batch_add(w, sample_office_next(&memory, &office)) == 0);
    TH_ASSERT(th_batch_finish(w, &head, &frame) == 0);
    TH_ASSERT(th_batch_check(frame.p, frame.len, &head, &raw_len) == 0);
    th_batch_writer_free(w);
    struct th_envelope e = {.kind = TH_ENVELOPE_EVENTS,
        .instance = 1,
        .sensor = 2,
        .epoch = 3,
        .sequence = 4,
        .sent_ns = 1701 * TH_NS_PER_S,
        .raw_len = raw_len,
        .events = head.count,
        .complete_until_ns = head.complete_until_ns,
        .first_ns = head.first_ns,
        .last_ns = head.last_ns,
        .payload = th_buf_view(&frame)};
    TH_ASSERT(th_envelope_put(out, &e, key) == 0);
}

static void put_gap(struct th_buf *out, const struct th_sign_key *key)
{
    struct th_buf payload TH_AUTOBUF = TH_BUF_INIT;
    struct th_envelope_gap gap = {.batches = 12, .events = 4000, .first_ns = 5, .last_ns = 77};
    th_envelope_gap_put(&payload, &gap);
    struct th_envelope e = {.kind = TH_ENVELOPE_GAP,
        .sequence = 100,
        .first_ns = gap.first_ns,
        .last_ns = gap.last_ns,
        .payload = th_buf_view(&payload)};
    TH_ASSERT(th_envelope_put(out, &e, key) == 0);
}

int main(int argc, char **argv)
{
    struct th_sign_key key;
    struct th_buf few TH_AUTOBUF = TH_BUF_INIT, none TH_AUTOBUF = TH_BUF_INIT;
    struct th_buf gap TH_AUTOBUF = TH_BUF_INIT;
    if (argc != 2)
        return EXIT_FAILURE;
    th_sign_key_init(&key, (const uint8_t[TH_SIGN_SEED_BYTES]){1});
    put_events(&few, 5, &key);
    put_events(&none, 0, &key);
    put_gap(&gap, &key);
    bool ok = write_file(argv[1], "events", &few, few.len) == 0 &&
        write_file(argv[1], "no-events", &none, none.len) == 0 &&
        write_file(argv[1], "gap", &gap, gap.len) == 0 &&
        write_file(argv[1], "cut", &few, few.len / 2) == 0;
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
