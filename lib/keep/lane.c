/* SPDX-License-Identifier: Apache-2.0 */
#include "keep/lane.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/mem.h"

/* Each on a cache line of its own: one side writes it, the other reads it. */
struct control {
    _Alignas(64) uint64_t handed_over; /* blocks, ever; capture's */
    uint64_t packets, bytes, dropped;
    _Alignas(64) uint64_t given_back; /* keep's */
};

struct block {
    _Alignas(64) uint32_t used; /* bytes of records; grows record by record */
    _Alignas(64) uint8_t records[TH_KEEP_MAX_BLOCK];
};

struct lane {
    _Alignas(4096) struct control control;
    _Alignas(4096) struct block blocks[TH_LANE_BLOCKS];
};
_Static_assert(sizeof(struct block) == 1u << 20, "blocks are aligned");

struct th_lane_writer {
    struct lane *lane;
    struct block *block; /* that is being filled; NULL: keep has all */
    uint32_t used;       /* of it */
    uint64_t handed_over;
    int bell;
};

struct th_lane_reader {
    struct lane *lane;
    uint64_t given_back;
    uint8_t copy[TH_KEEP_MAX_BLOCK];
};

int th_lane_make(void)
{
    TH_AUTOCLOSE int fd = memfd_create("thymus-keep", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, sizeof(struct lane)) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    return TH_TAKE_FD(fd);
}

static int map(int fd, struct lane **ret)
{
    void *p = mmap(NULL, sizeof(struct lane), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    *ret = p;
    return 0;
}

static uint64_t fetch(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void set(uint64_t *p, uint64_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* ---- capture ---- */

/* Takes the next block when keep has given it back. */
static void next_block(struct th_lane_writer *w)
{
    uint64_t waiting = w->handed_over - fetch(&w->lane->control.given_back);
    w->block = NULL;
    if (waiting >= TH_LANE_BLOCKS)
        return;
    w->block = &w->lane->blocks[w->handed_over % TH_LANE_BLOCKS];
    w->used = 0;
    __atomic_store_n(&w->block->used, 0, __ATOMIC_RELEASE);
}

void th_lane_flush(struct th_lane_writer *w)
{
    const uint64_t one = 1;
    if (!w->block || w->used == 0)
        return;
    w->block = NULL;
    set(&w->lane->control.handed_over, ++w->handed_over);
    ssize_t n = write(w->bell, &one, sizeof(one));
    (void)n; /* it rings already */
}

int th_lane_writer_new(int fd, int bell, struct th_lane_writer **ret)
{
    struct lane *lane;
    int r = map(fd, &lane);
    if (r < 0)
        return r;
    struct th_lane_writer *w = th_xcalloc(1, sizeof(*w));
    *w = (struct th_lane_writer){.lane = lane, .bell = bell};
    w->handed_over = fetch(&lane->control.handed_over);
    if (w->handed_over - fetch(&lane->control.given_back) < TH_LANE_BLOCKS) {
        w->block = &lane->blocks[w->handed_over % TH_LANE_BLOCKS];
        w->used = __atomic_load_n(&w->block->used, __ATOMIC_ACQUIRE);
        th_lane_flush(w);
    }
    *ret = w;
    return 0;
}

void th_lane_writer_free(struct th_lane_writer *w)
{
    if (!w)
        return;
    th_lane_flush(w);
    munmap(w->lane, sizeof(*w->lane));
    free(w);
}

void th_lane_put(struct th_lane_writer *w, const struct th_keep_record *r)
{
    struct control *c = &w->lane->control;
    const uint32_t len = TH_KEEP_RECORD_BYTES + r->len;
    if (r->len > TH_KEEP_MAX_FRAME)
        return; /* no link has such */
    if (w->block && len > TH_KEEP_MAX_BLOCK - w->used)
        th_lane_flush(w);
    if (!w->block)
        next_block(w);
    if (!w->block) {
        set(&c->dropped, c->dropped + 1);
        return;
    }
    th_keep_record_put(w->block->records + w->used, r);
    w->used += len;
    __atomic_store_n(&w->block->used, w->used, __ATOMIC_RELEASE);
    c->packets++;
    c->bytes += r->len;
}

/* ---- keep ---- */

int th_lane_reader_new(int fd, struct th_lane_reader **ret)
{
    struct lane *lane;
    int r = map(fd, &lane);
    if (r < 0)
        return r;
    *ret = th_xcalloc(1, sizeof(**ret));
    (*ret)->lane = lane;
    (*ret)->given_back = fetch(&lane->control.given_back);
    return 0;
}

void th_lane_reader_free(struct th_lane_reader *r)
{
    if (!r)
        return;
    munmap(r->lane, sizeof(*r->lane));
    free(r);
}

int th_lane_take(struct th_lane_reader *r, struct th_str *ret)
{
    uint64_t handed_over = fetch(&r->lane->control.handed_over);
    if (handed_over == r->given_back)
        return 0;
    /* A number that cannot be: whatever capture meant by it, keep begins anew from there. */
    if (handed_over - r->given_back > TH_LANE_BLOCKS) {
        r->given_back = handed_over;
        set(&r->lane->control.given_back, r->given_back);
        return 0;
    }
    struct block *b = &r->lane->blocks[r->given_back % TH_LANE_BLOCKS];
    uint32_t used = __atomic_load_n(&b->used, __ATOMIC_ACQUIRE);
    used = TH_MIN(used, TH_KEEP_MAX_BLOCK);
    memcpy(r->copy, b->records, used);
    *ret = th_str_n(r->copy, used);
    return 1;
}

void th_lane_give_back(struct th_lane_reader *r)
{
    /* Emptied here, so that a capture that dies before it takes the block finds nothing in it. */
    __atomic_store_n(&r->lane->blocks[r->given_back % TH_LANE_BLOCKS].used, 0, __ATOMIC_RELEASE);
    set(&r->lane->control.given_back, ++r->given_back);
}

void th_lane_counts(const struct th_lane_reader *r, struct th_lane_counts *ret)
{
    const struct control *c = &r->lane->control;
    *ret = (struct th_lane_counts){
        .packets = fetch(&c->packets), .bytes = fetch(&c->bytes), .dropped = fetch(&c->dropped)};
}
