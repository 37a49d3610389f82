/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer.h"

void th_transfer_begin(
    struct th_conn *c, struct th_transfer *t, enum th_service source, const struct th_chunk *ch)
{
    if (t->file)
        return;
    t->file = th_file_new(c, source, ch->dir, ch->time_ns, 0);
    th_file_set_name(t->file, th_text_get(&t->announced.name));
    t->dir = ch->dir;
}

size_t th_transfer_held(const void *state)
{
    const struct th_transfer *t = state;
    return t->file ? TH_FILE_BYTES : 0;
}

void th_transfer_end(struct th_conn *c, void *state, int64_t time_ns)
{
    struct th_transfer *t = state;
    (void)c;
    (void)time_ns;
    if (t->file)
        th_file_end(t->file, t->finished);
}
