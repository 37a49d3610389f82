/* SPDX-License-Identifier: Apache-2.0 */
#include "merge.h"

#include <unistd.h>

#include "base/arena.h"

struct frame {
    int64_t first_ns;
    off_t offset;
    uint32_t len; /* with its header */
};

struct run {
    int fd;
    uint32_t input;
    uint32_t number;
    uint64_t source;
    struct frame *frames;
    size_t count, cap;
    /* reading */
    size_t next_frame;
    struct th_batch_reader *reader; /* NULL until the run's time comes */
    struct th_event *event;         /* NULL until opened */
    struct th_event bound;          /* orders the run before it is opened */
};

struct th_merge {
    struct run *runs;
    size_t run_count, run_cap;
    struct run **heap;
    size_t heap_len;
    struct run *current; /* gave the last event, moves on at the next call */
    struct th_merge_input *inputs;
    size_t input_count;
    struct th_arena names;
    struct th_buf frame;
};

/* An input's index comes from a role that parsed hostile bytes: it is bounded. */
enum { MAX_INPUTS = 1 << 24 };

static int read_at(int fd, off_t at, void *dst, size_t want, size_t *ret_got)
{
    size_t got = 0;
    while (got < want) {
        ssize_t n = pread(fd, (uint8_t *)dst + got, want - got, at + (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *ret_got = got;
    return 0;
}

static int read_exact(struct th_merge *m, int fd, off_t at, size_t len)
{
    size_t got = 0;
    th_buf_clear(&m->frame);
    uint8_t *p = th_buf_reserve(&m->frame, len);
    if (!p)
        return TH_E_LIMIT;
    int r = read_at(fd, at, p, len, &got);
    if (r < 0)
        return r;
    th_buf_commit(&m->frame, got);
    return got < len ? TH_E_TRUNCATED : 0;
}

static struct run *run_of(struct th_merge *m, int fd, const struct th_batch_head *head)
{
    struct run *last = m->run_count ? &m->runs[m->run_count - 1] : NULL;
    if (last && last->fd == fd && last->number == head->run && last->input == head->input)
        return last;
    if (m->run_count == m->run_cap) {
        m->run_cap = m->run_cap ? m->run_cap * 2 : 64;
        m->runs = th_xreallocarray(m->runs, m->run_cap, sizeof(*m->runs));
    }
    last = &m->runs[m->run_count++];
    *last = (struct run){.fd = fd, .input = head->input, .number = head->run};
    return last;
}

static int scan_events(struct th_merge *m, int fd, off_t at, uint32_t payload_len)
{
    struct th_batch_head head;
    int r = read_exact(m, fd, at + TH_FRAME_HEAD_BYTES, TH_MIN(payload_len, TH_BATCH_HEAD_BYTES));
    if (r == 0)
        r = th_batch_peek(m->frame.p, m->frame.len, &head);
    if (r < 0 || head.count == 0)
        return r;
    struct run *run = run_of(m, fd, &head);
    if (run->count == run->cap) {
        run->cap = run->cap ? run->cap * 2 : 16;
        run->frames = th_xreallocarray(run->frames, run->cap, sizeof(*run->frames));
    }
    run->frames[run->count++] = (struct frame){
        .first_ns = head.first_ns, .offset = at, .len = TH_FRAME_HEAD_BYTES + payload_len};
    return 0;
}

/* A role that read an input says more than one that refused it. */
static int rank(uint32_t status)
{
    switch (status) {
    case TH_SOURCE_READ:
    case TH_SOURCE_PARTIAL:
    case TH_SOURCE_DUPLICATE: return 2;
    case TH_SOURCE_UNREADABLE: return 1;
    default: return 0;
    }
}

static int scan_source(struct th_merge *m, int fd, off_t at, uint32_t payload_len)
{
    struct th_source_info info;
    int r = read_exact(m, fd, at + TH_FRAME_HEAD_BYTES, payload_len);
    if (r == 0)
        r = th_source_info_get(m->frame.p, m->frame.len, &info);
    if (r < 0)
        return r;
    if (info.input >= MAX_INPUTS)
        return TH_E_LIMIT;
    if (info.input >= m->input_count) {
        m->inputs = th_xreallocarray(m->inputs, info.input + 1, sizeof(*m->inputs));
        memset(
            m->inputs + m->input_count, 0, (info.input + 1 - m->input_count) * sizeof(*m->inputs));
        m->input_count = info.input + 1;
    }
    struct th_merge_input *in = &m->inputs[info.input];
    int known = in->known ? rank(in->info.status) : -1;
    /* Of two refusals the later spool's stays: import's, which looks into text. */
    if (known > rank(info.status) || (known == rank(info.status) && known > 0))
        return 0;
    info.format = th_arena_str(&m->names, info.format);
    info.message = th_arena_str(&m->names, info.message);
    *in = (struct th_merge_input){.known = true, .info = info};
    return 0;
}

static int scan(struct th_merge *m, int fd)
{
    for (off_t at = 0;;) {
        uint8_t head[TH_FRAME_HEAD_BYTES];
        enum th_frame_type type;
        uint32_t payload_len;
        size_t got = 0;
        int r = read_at(fd, at, head, sizeof(head), &got);
        if (r < 0 || got == 0)
            return r;
        r = got < sizeof(head) ? TH_E_TRUNCATED : th_frame_head(head, &type, &payload_len);
        if (r < 0)
            return r;
        r = type == TH_FRAME_EVENTS ? scan_events(m, fd, at, payload_len)
                                    : scan_source(m, fd, at, payload_len);
        if (r < 0)
            return r;
        at += (off_t)TH_FRAME_HEAD_BYTES + payload_len;
    }
}

/* Gives runs their source's id and forgets those of inputs that were read twice. */
static void settle_runs(struct th_merge *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->run_count; i++) {
        struct run *r = &m->runs[i];
        const struct th_merge_input *in = r->input < m->input_count ? &m->inputs[r->input] : NULL;
        if (in && in->known && in->info.status == TH_SOURCE_DUPLICATE) {
            free(r->frames);
            continue;
        }
        /* A source frame missing: its role died; its input's number then orders ties. */
        r->source = in && in->known ? in->info.source : r->input;
        m->runs[kept++] = *r;
    }
    m->run_count = kept;
}

int th_merge_open(const int *spool_fds, size_t count, struct th_merge **ret)
{
    TH_CLEANUP(th_merge_freep) struct th_merge *m = th_xcalloc(1, sizeof(*m));
    m->frame.limit = TH_FRAME_HEAD_BYTES + TH_FRAME_MAX_BYTES;
    for (size_t i = 0; i < count; i++) {
        int r = scan(m, spool_fds[i]);
        if (r < 0)
            return r;
    }
    settle_runs(m);
    m->heap = th_xcalloc(m->run_count, sizeof(*m->heap));
    int r = th_merge_rewind(m);
    if (r < 0)
        return r;
    *ret = TH_TAKE(m);
    return 0;
}

void th_merge_free(struct th_merge *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->run_count; i++) {
        free(m->runs[i].frames);
        th_batch_reader_free(m->runs[i].reader);
    }
    free(m->runs);
    free(m->heap);
    free(m->inputs);
    th_arena_done(&m->names);
    th_buf_done(&m->frame);
    free(m);
}

const struct th_merge_input *th_merge_inputs(const struct th_merge *m, size_t *ret_count)
{
    *ret_count = m->input_count;
    return m->inputs;
}

static bool before(const struct run *a, const struct run *b)
{
    int c = th_event_cmp(a->event ? a->event : &a->bound, b->event ? b->event : &b->bound);
    /* Unopened runs first: what they hold may tie with the event of an opened one. */
    return c != 0 ? c < 0 : !a->event && b->event;
}

static void sift_down(struct th_merge *m, size_t at)
{
    struct run *r = m->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= m->heap_len)
            break;
        if (child + 1 < m->heap_len && before(m->heap[child + 1], m->heap[child]))
            child++;
        if (!before(m->heap[child], r))
            break;
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = r;
}

/* Moves a run to its next event; 0 when it has none left. */
static int advance(struct th_merge *m, struct run *r)
{
    for (;;) {
        int got = r->reader && r->event ? th_batch_next(r->reader, &r->event) : 0;
        if (got > 0) {
            r->event->source = r->source;
            return 1;
        }
        if (got < 0)
            return got;
        if (r->next_frame == r->count) {
            th_batch_reader_free(TH_TAKE(r->reader));
            r->event = NULL;
            return 0;
        }
        const struct frame *f = &r->frames[r->next_frame++];
        struct th_batch_head head;
        if (!r->reader)
            r->reader = th_batch_reader_new();
        got = read_exact(m, r->fd, f->offset, f->len);
        if (got == 0)
            got = th_batch_open(r->reader, m->frame.p, m->frame.len, &head);
        if (got < 0)
            return got;
        r->event = &r->bound; /* anything but NULL: the reader has a frame */
    }
}

int th_merge_rewind(struct th_merge *m)
{
    m->heap_len = 0;
    m->current = NULL;
    for (size_t i = 0; i < m->run_count; i++) {
        struct run *r = &m->runs[i];
        r->next_frame = 0;
        r->event = NULL;
        r->bound = (struct th_event){.time_ns = r->frames[0].first_ns};
        m->heap[m->heap_len++] = r;
    }
    for (size_t i = m->heap_len / 2; i-- > 0;)
        sift_down(m, i);
    return 0;
}

int th_merge_next(struct th_merge *m, const struct th_event **ret)
{
    for (;;) {
        if (m->heap_len == 0)
            return 0;
        struct run *top = m->heap[0];
        /* The top either gave the last event or was not opened yet: both must move on. */
        if (top == m->current || !top->event) {
            int r = advance(m, top);
            if (r < 0)
                return r;
            if (r == 0)
                m->heap[0] = m->heap[--m->heap_len];
            m->current = NULL;
            if (m->heap_len)
                sift_down(m, 0);
            continue;
        }
        m->current = top;
        *ret = top->event;
        return 1;
    }
}
