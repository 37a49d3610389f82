/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes tests/fixtures/batch-vN.tev: every kind of this schema, full and sparse. Run once
 * for a released schema; from then on the file stays as it is and every later version
 * must read it.
 */
#include "event/batch.h"
#include "sample_events.h"

static const uint64_t events_per_kind = 6;

static void put_events(struct th_buf *out)
{
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_batch_head head = {.input = 3, .run = 9, .complete_until_ns = 77};
    for (uint64_t n = 0; n < events_per_kind; n++)
        for (unsigned k = 0; k < TH_KIND_COUNT; k++)
            if (th_kind_get(k))
                TH_ASSERT(th_batch_add(w, sample_full(&memory, k, n, n % 2 == 1)) == 0);
    TH_ASSERT(th_batch_finish(w, &head, out) == 0);
    th_batch_writer_free(w);
}

int main(int argc, char **argv)
{
    struct th_buf out TH_AUTOBUF = TH_BUF_INIT;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    put_events(&out);
    struct th_source_info info = {.input = 3,
        .status = TH_SOURCE_PARTIAL,
        .source = UINT64_C(0x1122334455667788),
        .events = events_per_kind,
        .packets = 12,
        .bytes = 34,
        .first_ns = -5,
        .last_ns = 6,
        .format = th_str_c("pcap"),
        .message = th_str_c("cut off")};
    th_source_info_put(&info, &out);
    FILE *f TH_AUTOFCLOSE = fopen(argv[1], "we");
    if (!f || fwrite(out.p, 1, out.len, f) != out.len || fflush(f) != 0) {
        fprintf(stderr, "%s: cannot be written\n", argv[1]);
        return 1;
    }
    return 0;
}
