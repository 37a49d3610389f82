/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a follower of the log reads: a batch with its events, a control, and core's own place in
 * the log out of a checkpoint. The first byte chooses.
 */
#include "io_record.h"
#include "journal/journal.h"
#include "live.h"
#include "store/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void follow(uint8_t type, struct th_str body)
{
    struct th_journal_config config = {.epoch = 1};
    struct io_record *disk = io_record_new();
    struct th_io io;
    struct th_journal *j;
    struct th_follow_record rec;
    const struct th_event *ev;
    uint64_t position;
    int err;
    io_record_io(disk, &io);
    TH_ASSERT(th_journal_open(&io, &config, &j) == 0);
    TH_ASSERT(th_journal_add(j, type, 1, body, NULL) == 0 && th_journal_sync(j) == 0);
    struct th_follow *f = th_follow_new(&io);
    TH_ASSERT(th_follow_seek(f, 0) == 0 && th_follow_scan(f, 1) == 0);
    TH_ASSERT(th_follow_next(f, 1, &rec) == 1);
    while (th_follow_event(f, &ev) > 0)
        TH_ASSERT(th_kind_get(ev->kind) && ev->source == rec.sensor);
    while (th_follow_damage(f, &position, &err))
        TH_ASSERT(position == 0 && err < 0);
    TH_ASSERT(th_follow_next(f, 1, &rec) == 0);
    th_follow_free(f);
    th_journal_close(j);
    io_record_free(disk);
}

static void place(struct th_str body)
{
    struct th_core *core = th_xcalloc(1, sizeof(*core));
    struct th_live l = {.core = core};
    uint64_t epoch;
    uint64_t position;
    if (th_live_place_get(&l, body, &epoch, &position) == 0)
        for (size_t i = 1; i < l.told_count; i++)
            TH_ASSERT(l.told[i].id > l.told[i - 1].id);
    TH_ASSERT(l.nameless_count <= TH_LIVE_NAMELESS);
    free(l.told);
    free(core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1u << 20)
        return 0;
    struct th_str body = th_str_n(data + 1, size - 1);
    if (data[0] % 3 == 2)
        place(body);
    else
        follow(data[0] % 3 ? TH_RECORD_CONTROL : TH_RECORD_BATCH, body);
    return 0;
}
