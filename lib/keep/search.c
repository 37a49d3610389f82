/* SPDX-License-Identifier: Apache-2.0 */
#include "keep/search.h"

#include "base/mem.h"
#include "crypto/random.h"
#include "file.h"
#include "keys.h"
#include "match.h"
#include "pcap_out.h"

/* Blocks that one wish may have to read; past that the rest is told as cut. 1 TiB of full ones. */
#define MAX_BLOCKS (1u << 20)
/* Blocks of one time that are held at once; more only if their writer's clock went mad. */
#define MAX_OPEN 64u

struct place {
    int64_t first_ns;
    uint64_t file, at;
    struct keep_block block;
    bool last; /* of a file that was not closed: it may be torn */
};

struct th_keep_search {
    struct th_io io;
    struct th_packets_request want;
    struct th_keychain *chain;
    uint64_t *files; /* numbers, ascending */
    size_t file_count, next_file;
    struct place *places; /* blocks that may have what is wanted, in order of their first packet */
    size_t place_count, place_room, next_place;
    struct keep_matches open[MAX_OPEN];
    unsigned open_count;
    int file; /* that was read last; -1 */
    uint64_t file_number;
    uint8_t key[TH_AEAD_KEY_BYTES];
    bool headed, sorted, done;
    uint32_t linktype;
    struct th_buf last; /* the frame of the packet that was given last, and its head */
    struct th_keep_record last_record;
    struct th_keep_found found;
    struct keep_walk walk;
    struct keep_index index;
    uint8_t sealed[KEEP_HEAD_BYTES + KEEP_MAX_INDEX + KEEP_MAX_SEALED];
    uint8_t records[TH_KEEP_MAX_BLOCK];
};

/* ---- which blocks ---- */

static void close_file(struct th_keep_search *s)
{
    if (s->file >= 0)
        s->io.close(s->io.arg, s->file);
    s->file = -1;
}

/* 1: it is open and its key is there; 0: it cannot be had, which is counted. */
static int open_file(struct th_keep_search *s, uint64_t number)
{
    char name[KEEP_NAME_LEN];
    if (s->file >= 0 && s->file_number == number)
        return 1;
    close_file(s);
    keep_file_name(number, name);
    s->file_number = number;
    s->file = s->io.open(s->io.arg, name, TH_IO_READ);
    if (s->file == -ENOENT) {
        s->found.gone++;
        return 0;
    }
    int r = s->file < 0 ? s->file : keep_file_key(&s->io, s->file, number, s->chain, s->key);
    if (r == 0)
        return 1;
    close_file(s);
    /* A file that was made a moment ago may have no head yet. */
    bool newest = number == s->files[s->file_count - 1];
    s->found.damaged += !(newest && r == TH_E_TRUNCATED);
    return 0;
}

static bool is_wanted(const struct th_keep_search *s, const struct keep_index *x)
{
    return x->last_ns >= s->want.from_ns && x->first_ns <= s->want.to_ns &&
        keep_index_has(x, &s->want.host) && (!s->want.has_peer || keep_index_has(x, &s->want.peer));
}

static void add_place(struct th_keep_search *s, const struct keep_block *block, uint64_t at)
{
    if (s->place_count == MAX_BLOCKS) {
        s->found.cut = true;
        return;
    }
    if (s->place_count == s->place_room) {
        s->place_room = s->place_room ? 2 * s->place_room : 256;
        s->places = th_xreallocarray(s->places, s->place_room, sizeof(*s->places));
    }
    s->places[s->place_count++] = (struct place){.first_ns = s->index.first_ns,
        .file = s->file_number,
        .at = at,
        .block = *block,
        .last = at + keep_block_bytes(block) == s->walk.size};
}

static int look_through(struct th_keep_search *s)
{
    struct keep_block block;
    uint64_t at;
    int r = keep_walk_init(&s->walk, &s->io, s->file, s->file_number, s->key);
    if (r < 0)
        return r;
    keep_index_init(&s->index);
    if (keep_walk_end(&s->walk, &s->index)) {
        s->found.oldest_ns = TH_MIN(s->found.oldest_ns, s->index.first_ns);
        if (s->index.last_ns < s->want.from_ns || s->index.first_ns > s->want.to_ns)
            return 0;
    }
    while ((r = keep_walk_next(&s->walk, &block, &at, &s->index)) > 0) {
        s->found.oldest_ns = TH_MIN(s->found.oldest_ns, s->index.first_ns);
        if (is_wanted(s, &s->index))
            add_place(s, &block, at);
    }
    s->found.damaged += s->walk.damaged;
    return r;
}

static int by_first(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    if (x->first_ns != y->first_ns)
        return x->first_ns < y->first_ns ? -1 : 1;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* ---- what is in them ---- */

static int read_block(struct th_keep_search *s, const struct place *p)
{
    const size_t len = (size_t)KEEP_HEAD_BYTES + p->block.index_bytes + p->block.sealed_bytes;
    if (open_file(s, p->file) == 0)
        return 0;
    int r = th_io_read_all(&s->io, s->file, s->sealed, len, p->at);
    int64_t n = r < 0 ? r
                      : keep_block_open(s->key, &p->block,
                            s->sealed + KEEP_HEAD_BYTES + p->block.index_bytes, s->records);
    if (n < 0) {
        s->found.damaged += !p->last;
        return 0;
    }
    struct keep_matches *m = &s->open[s->open_count];
    if (!keep_match(&s->want, th_str_n(s->records, (size_t)n), m))
        s->found.damaged++;
    if (m->count > 0)
        s->open_count++;
    else
        keep_matches_done(m);
    return 0;
}

/* The block whose next packet is the first of all. */
static struct keep_matches *first_of(struct th_keep_search *s)
{
    struct keep_matches *first = NULL;
    for (unsigned i = 0; i < s->open_count; i++) {
        struct keep_matches *m = &s->open[i];
        if (!first || keep_record_cmp(&m->v[m->next], &first->v[first->next]) < 0)
            first = m;
    }
    return first;
}

static void move_on(struct th_keep_search *s, struct keep_matches *m)
{
    if (++m->next < m->count)
        return;
    keep_matches_done(m);
    *m = s->open[--s->open_count];
    s->open[s->open_count] = (struct keep_matches){0};
}

static void begin_pcap(struct th_keep_search *s, struct th_buf *out, uint32_t linktype)
{
    if (s->headed)
        return;
    s->headed = true;
    s->linktype = linktype;
    keep_pcap_head(out, linktype);
    s->found.bytes = KEEP_PCAP_HEAD_BYTES;
}

static bool is_last_again(const struct th_keep_search *s, const struct th_keep_record *r)
{
    return s->last_record.frame && keep_record_cmp(&s->last_record, r) == 0;
}

static void give(struct th_keep_search *s, struct th_buf *out, const struct th_keep_record *r)
{
    size_t bytes;
    if (is_last_again(s, r))
        return;
    begin_pcap(s, out, r->linktype);
    if (!keep_pcap_takes(s->linktype, r, &bytes)) {
        s->found.other_links++;
    } else if (s->found.bytes + bytes > s->want.limit_bytes) {
        s->found.cut = true;
        s->done = true;
        return;
    } else {
        keep_pcap_packet(out, s->linktype, r);
        s->found.packets++;
        s->found.bytes += bytes;
    }
    th_buf_clear(&s->last);
    th_buf_put(&s->last, r->frame, r->len);
    th_buf_u8(&s->last, 0); /* so that it points somewhere */
    s->last_record = *r;
    s->last_record.frame = s->last.p;
}

/* Gives what no block that is still closed can come before; true: enough for a step. */
static bool give_ready(struct th_keep_search *s, struct th_buf *out)
{
    const size_t enough = out->len + TH_KEEP_STEP_BYTES;
    const int64_t until_ns =
        s->next_place < s->place_count ? s->places[s->next_place].first_ns : INT64_MAX;
    struct keep_matches *m;
    while (!s->done && out->len < enough && (m = first_of(s)) &&
        (m->v[m->next].time_ns < until_ns || s->next_place == s->place_count ||
            s->open_count == MAX_OPEN)) {
        give(s, out, &m->v[m->next]);
        move_on(s, m);
    }
    return s->done || out->len >= enough;
}

int th_keep_search_step(struct th_keep_search *s, struct th_buf *out)
{
    if (s->done)
        return 0;
    if (s->next_file < s->file_count) {
        if (open_file(s, s->files[s->next_file++]) == 0)
            return 1;
        int r = look_through(s);
        return r < 0 ? r : 1;
    }
    if (!s->sorted && s->place_count > 1)
        qsort(s->places, s->place_count, sizeof(*s->places), by_first);
    s->sorted = true;
    if (give_ready(s, out))
        return !s->done;
    if (s->next_place < s->place_count) {
        int r = read_block(s, &s->places[s->next_place++]);
        return r < 0 ? r : 1;
    }
    begin_pcap(s, out, 1); /* of nothing: a file of no packets */
    s->done = true;
    return 0;
}

/* ---- begin, end ---- */

int th_keep_search_new(const struct th_io *io, const uint8_t key[TH_KEEP_KEY_BYTES],
    const struct th_packets_request *request, struct th_keep_search **ret)
{
    struct th_keep_search *s = th_xcalloc(1, sizeof(*s));
    s->io = *io;
    s->want = *request;
    s->file = -1;
    s->found.oldest_ns = INT64_MAX;
    int r = keep_keys_open(io, key, false, &s->chain);
    if (r == 0)
        r = keep_files_list(io, &s->files, &s->file_count);
    if (r < 0) {
        th_keep_search_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void th_keep_search_free(struct th_keep_search *s)
{
    if (!s)
        return;
    close_file(s);
    for (unsigned i = 0; i < s->open_count; i++)
        keep_matches_done(&s->open[i]);
    th_keychain_free(s->chain);
    free(s->files);
    free(s->places);
    th_buf_done(&s->last);
    th_wipe(s, sizeof(*s));
    free(s);
}

void th_keep_search_found(const struct th_keep_search *s, struct th_keep_found *ret)
{
    *ret = s->found;
}
