/* SPDX-License-Identifier: Apache-2.0 */
#include "identity_i.h"

#define FIRST_CELLS 1024u

void index_done(struct index *ix)
{
    free(ix->cell);
    *ix = (struct index){0};
}

static void place(struct index *ix, uint32_t hash, uint32_t rec)
{
    uint32_t at = hash & ix->mask;
    while (ix->cell[at].hash)
        at = (at + 1) & ix->mask;
    ix->cell[at] = (struct index_cell){.hash = hash, .rec = rec};
}

static void grow(struct index *ix)
{
    struct index_cell *old = ix->cell;
    uint32_t old_cells = old ? ix->mask + 1 : 0;
    uint32_t cells = old_cells ? old_cells * 2 : FIRST_CELLS;
    ix->cell = th_xcalloc(cells, sizeof(*ix->cell));
    ix->mask = cells - 1;
    for (uint32_t i = 0; i < old_cells; i++)
        if (old[i].hash)
            place(ix, old[i].hash, old[i].rec);
    free(old);
}

void index_put(struct index *ix, uint32_t hash, uint32_t rec)
{
    if (!ix->cell || ix->count >= (ix->mask + 1) / 2)
        grow(ix);
    place(ix, hash, rec);
    ix->count++;
}

void index_remove(struct index *ix, uint32_t hash, uint32_t rec)
{
    uint32_t at = hash & ix->mask;
    while (ix->cell[at].hash != hash || ix->cell[at].rec != rec) {
        TH_ASSERT(ix->cell[at].hash);
        at = (at + 1) & ix->mask;
    }
    /* Backward shift: what was pushed past the hole moves into it, so no tombstones remain. */
    for (uint32_t next = (at + 1) & ix->mask; ix->cell[next].hash; next = (next + 1) & ix->mask) {
        uint32_t home = ix->cell[next].hash & ix->mask;
        if (((next - home) & ix->mask) >= ((next - at) & ix->mask)) {
            ix->cell[at] = ix->cell[next];
            at = next;
        }
    }
    ix->cell[at].hash = 0;
    ix->count--;
}
