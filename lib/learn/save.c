/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partition as bytes: its records as they lie in memory (little-endian machines
 * only), each device followed by its callers and windows, each of those by who called the
 * device, what failed, and its notes, then the users, then the
 * pairs, then what waits for the next epoch. Chains are not saved but made anew; every
 * number that indexes or is computed with is checked when read back.
 */
#include <math.h>

#include "base/hash.h"
#include "codec.h"
#include "learn_i.h"

#define MAGIC_PARTITION 0x504b4854u /* "THKP" */
#define MAX_WINDOWS 1000u           /* open at once, of one device */
#define MAX_BUCKETS ((TH_PAIRS_BASE + TH_PAIRS_PER_DEV * TH_DEVS_MAX) / TH_PAIR_WAYS)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are saved as they lie");

static uint32_t chain_length(const struct th_part *p, uint32_t i, bool windows)
{
    uint32_t n = 0;
    for (; i != TH_POOL_NONE; n++)
        i = windows ? th_win_at(p, i)->next : th_note_at(p, i)->next;
    return n;
}

/* The n-th of a chain: saved back to front, so that putting each in front gives the same chain. */
static uint32_t chain_at(const struct th_part *p, uint32_t i, bool windows, uint32_t n)
{
    while (n-- > 0)
        i = windows ? th_win_at(p, i)->next : th_note_at(p, i)->next;
    return i;
}

static void put_optional(const struct th_pool *pool, uint32_t i, struct th_buf *out)
{
    th_buf_u8(out, i != TH_POOL_NONE);
    if (i != TH_POOL_NONE)
        th_buf_put(out, th_pool_at(pool, i), pool->record_bytes);
}

static void put_window(const struct th_part *p, const struct th_win *w, struct th_buf *out)
{
    uint32_t n = chain_length(p, w->notes, false);
    th_buf_put(out, w, sizeof(*w));
    put_optional(&p->called, w->called, out);
    put_optional(&p->failed, w->failed, out);
    th_buf_varint(out, n);
    for (uint32_t i = n; i-- > 0;) {
        const struct th_note *note = th_note_at(p, chain_at(p, w->notes, false, i));
        th_buf_put(out, note, sizeof(*note));
        put_optional(&p->words, note->words, out);
    }
}

static void put_device(const struct th_part *p, const struct th_dev *d, struct th_buf *out)
{
    uint32_t n = chain_length(p, d->wins, true);
    th_buf_put(out, d, sizeof(*d));
    put_optional(&p->callers, d->callers, out);
    th_buf_varint(out, n);
    for (uint32_t i = n; i-- > 0;)
        put_window(p, th_win_at(p, chain_at(p, d->wins, true, i)), out);
}

static unsigned first_partition(const struct th_learn *l)
{
    return l->cfg.partitions ? (unsigned)__builtin_ctzll(l->cfg.partitions) : TH_PARTITIONS;
}

void th_learn_save_partition(const struct th_learn *l, unsigned partition, struct th_buf *out)
{
    TH_ASSERT(partition < TH_PARTITIONS);
    const struct th_part *p = l->parts[partition];
    if (!p)
        return;
    size_t begin = th_seal_begin(out, MAGIC_PARTITION, TH_LEARN_VERSION);
    th_buf_varint(out, p->devs.live);
    for (uint32_t i = 0; i < p->devs.used; i++) {
        const struct th_dev *d = th_dev_at(p, i);
        if (p->devs.live > 0 && d->id != 0 && th_part_find(p, d->id) == i)
            put_device(p, d, out);
    }
    th_usr_put_all(p, out);
    th_buf_varint(out, p->buckets);
    uint32_t at = 0;
    for (uint32_t i = 0; i < p->buckets * TH_PAIR_WAYS; i++) {
        if (p->tags[i] == 0)
            continue;
        th_buf_varint(out, i - at);
        th_buf_put(out, &p->pairs[i], sizeof(p->pairs[i]));
        at = i + 1;
    }
    th_buf_varint(out, p->buckets * TH_PAIR_WAYS - at);
    bool first = partition == first_partition(l) && l->pending_any;
    th_delta_encode(first ? l->pending : NULL, &p->touches, out);
    th_seal_end(out, begin);
}

static bool sane(double v)
{
    return isfinite(v) && fabs(v) < 1e18;
}

/* ln(1 + bytes): what 64 bits hold is less than e^45. */
static bool log_valid(float v)
{
    return v >= 0 && v < 45;
}

static void get_record(struct th_cur *c, void *to, size_t len)
{
    struct th_str s = th_cur_bytes(c, len);
    if (!c->failed)
        memcpy(to, s.p, len);
}

/* Its place in the pool, or TH_POOL_NONE. */
static uint32_t get_optional(struct th_cur *c, struct th_pool *pool)
{
    if (th_cur_u8(c) == 0 || c->failed)
        return TH_POOL_NONE;
    uint32_t i = th_pool_take(pool);
    get_record(c, th_pool_at(pool, i), pool->record_bytes);
    return i;
}

static bool device_valid(const struct th_dev *d)
{
    bool ok = d->id != 0 && d->group < TH_GROUPS && d->kin < TH_DEVICE_TYPE_COUNT &&
        sane((double)d->hours) && d->hours >= 0 && sane((double)d->weight) && d->weight >= 0 &&
        sane((double)d->staged_lgp) && sane((double)d->admin_in_raw) && sane((double)d->refused) &&
        d->refused >= 0 && th_moments_valid(&d->up) && log_valid(d->outflow.usual) &&
        log_valid(d->outflow.recent);
    for (unsigned i = 0; i < TH_REFERENCES; i++)
        ok = ok && log_valid(d->outflow.reference[i].mean) && d->outflow.reference[i].day >= 0 &&
            d->outflow.reference[i].day < TH_DAYS_MAX;
    for (unsigned i = 0; i < TH_RATES; i++)
        ok = ok && th_moments_valid(&d->rates[i]);
    for (unsigned i = 0; i < TH_NOVELS; i++)
        ok = ok && sane((double)d->novel[i].hours) && sane((double)d->novel[i].fresh) &&
            d->novel[i].hours >= 0 && d->novel[i].fresh >= 0;
    return ok;
}

static bool window_valid(const struct th_win *w)
{
    bool ok = sane((double)w->dga.sum) && sane((double)w->dga.squares) && w->dga.squares >= 0 &&
        w->start_ns == th_time_floor(w->start_ns, TH_NS_PER_HOUR) &&
        w->start_ns < INT64_MAX - TH_NS_PER_HOUR;
    return ok;
}

static bool note_valid(const struct th_note *n)
{
    return n->feature < TH_FEATURE_COUNT && !th_feature_is_rate(n->feature) &&
        n->novel <= TH_NOVELS && sane(n->a) && sane(n->b) && sane(n->c) && sane((double)n->worth) &&
        n->a >= 0 && n->b >= 0 && n->domain_at <= TH_NOTE_HOST_LEN &&
        memchr(n->host, '\0', sizeof(n->host)) &&
        (n->feature >= TH_FEAT_BEACON_FAST || n->novel > 0 || n->feature == TH_FEAT_ACTIVE_HOUR);
}

static bool words_valid(const struct th_part *p, const struct th_note *n)
{
    return memchr(th_part_words_look(p, n)->text, '\0', TH_NOTE_DETAIL_LEN) != NULL;
}

static bool pair_valid(const struct th_pair *p)
{
    if (p->kind == TH_PAIR_NAME)
        return sane((double)p->tunnel.bits) && p->tunnel.bits >= 0;
    if (p->kind == TH_PAIR_RECURRING)
        return true; /* whatever its numbers are, they are small */
    return p->kind == TH_PAIR_HOST && sane((double)p->beat.mean_s) && p->beat.mean_s >= 0 &&
        sane((double)p->beat.mean_square) && p->beat.mean_square >= 0 &&
        sane((double)p->beat.pause_square) && p->beat.pause_square >= 0 &&
        sane((double)p->beat.mean_ln) && sane((double)p->beat.up) && p->beat.up >= 0;
}

static void printable(char *s)
{
    for (; *s; s++) {
        if (*s < ' ' || *s == 0x7f)
            *s = '?';
    }
}

static void get_note(struct th_cur *c, struct th_part *p, uint32_t win)
{
    struct th_note n = {0};
    get_record(c, &n, sizeof(n));
    n.words = get_optional(c, &p->words);
    if (c->failed || !note_valid(&n) || !words_valid(p, &n)) {
        th_cur_fail(c);
        return;
    }
    printable(n.host);
    if (n.words != TH_POOL_NONE)
        printable(th_part_words(p, &n)->text);
    uint32_t i = th_pool_take(&p->notes);
    struct th_win *w = th_win_at(p, win);
    n.next = w->notes;
    *th_note_at(p, i) = n;
    w->notes = i;
    w->note_count++;
}

static void get_window(struct th_cur *c, struct th_part *p, uint32_t dev)
{
    struct th_win in = {0};
    get_record(c, &in, sizeof(in));
    in.called = get_optional(c, &p->called);
    in.failed = get_optional(c, &p->failed);
    uint64_t notes = th_cur_varint(c);
    if (c->failed || !window_valid(&in) || notes > TH_NOTES_MAX) {
        th_cur_fail(c);
        return;
    }
    uint32_t i = th_part_window(p, dev, in.start_ns);
    struct th_win *w = th_win_at(p, i);
    if (w->events != 0) { /* twice the same hour */
        th_cur_fail(c);
        return;
    }
    in.dev = dev;
    in.next = w->next;
    in.notes = TH_POOL_NONE;
    in.note_count = 0;
    *w = in;
    for (uint64_t n = 0; n < notes && !c->failed; n++)
        get_note(c, p, i);
}

static void get_device(struct th_cur *c, struct th_part *p, unsigned partition)
{
    struct th_dev in = {0};
    get_record(c, &in, sizeof(in));
    in.callers = get_optional(c, &p->callers);
    uint64_t windows = th_cur_varint(c);
    if (c->failed || !device_valid(&in) || windows > MAX_WINDOWS ||
        th_entity_partition(in.id) != partition || th_part_find(p, in.id) != TH_POOL_NONE) {
        th_cur_fail(c);
        return;
    }
    uint32_t i = th_part_add(p, in.id, in.first_ns);
    if (i == TH_POOL_NONE) {
        th_cur_fail(c);
        return;
    }
    in.wins = TH_POOL_NONE;
    in.slot = UINT32_MAX;
    *th_dev_at(p, i) = in;
    for (uint64_t n = 0; n < windows && !c->failed; n++)
        get_window(c, p, i);
}

static void get_pairs(struct th_cur *c, struct th_part *p)
{
    uint64_t buckets = th_cur_varint(c);
    if (buckets == 0 || buckets > MAX_BUCKETS) {
        th_cur_fail(c);
        return;
    }
    free(p->pairs);
    free(p->tags);
    th_pairs_init(p, (uint32_t)buckets);
    uint64_t places = buckets * TH_PAIR_WAYS;
    uint64_t at = 0;
    while (!c->failed) {
        uint64_t skip = th_cur_varint(c);
        if (skip >= places - at) {
            if (skip > places - at)
                th_cur_fail(c);
            return;
        }
        at += skip;
        get_record(c, &p->pairs[at], sizeof(p->pairs[at]));
        if (c->failed || !pair_valid(&p->pairs[at]) || !th_pair_fits(p, (uint32_t)at))
            th_cur_fail(c);
        else
            th_pair_retag(p, (uint32_t)at);
        at++;
    }
}

int th_learn_load_partition(
    struct th_learn *l, unsigned partition, const uint8_t *data, size_t len_bytes)
{
    TH_ASSERT(partition < TH_PARTITIONS);
    if (!l->parts[partition])
        return -EINVAL;
    struct th_cur c;
    int r = th_seal_open(data, len_bytes, MAGIC_PARTITION, TH_LEARN_VERSION, &c);
    if (r < 0)
        return r;
    struct th_part *p = th_part_new();
    struct th_hists *h = th_xcalloc(1, sizeof(*h));
    uint64_t devices = th_cur_varint(&c);
    for (uint64_t i = 0; i < devices && !c.failed; i++)
        get_device(&c, p, partition);
    if (!c.failed)
        th_usr_get_all(&c, p, partition);
    get_pairs(&c, p);
    r = c.failed ? TH_E_MALFORMED : th_delta_decode(h, &p->touches, &c);
    if (r == 0 && th_cur_left(&c) > 0)
        r = TH_E_MALFORMED;
    if (r == 0) {
        th_hists_add(l->pending, h);
        l->pending_any = true;
        th_part_free(l->parts[partition]);
        l->parts[partition] = p;
        l->round++;
    } else {
        th_part_free(p);
    }
    free(h);
    return r;
}
