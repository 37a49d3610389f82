/* SPDX-License-Identifier: Apache-2.0 */
/* Contributions and the organisation's state as bytes. */
#include <string.h>

#include "codec.h"
#include "org.h"

#define MAGIC_ORG 0x4f4c4854u   /* "THLO" */
#define MAGIC_PRIOR 0x504c4854u /* "THLP" */

void th_touches_done(struct th_touches *t)
{
    free(t->v);
    free(t->grams);
    *t = (struct th_touches){0};
}

void th_touch_add(struct th_touches *t, uint64_t key, enum th_touch_kind kind, uint32_t value)
{
    if (t->n >= TH_TOUCHES_MAX)
        return;
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->v = th_xreallocarray(t->v, t->cap, sizeof(*t->v));
    }
    t->v[t->n++] = (struct th_touch){.key = key, .kind = kind, .value = value};
}

static void gram_add(struct th_touches *t, uint16_t gram)
{
    if (t->gram_n >= TH_NAMES_MAX * (TH_SPELL_MAX_LABEL + 1))
        return;
    if (t->gram_n == t->gram_cap) {
        t->gram_cap = t->gram_cap ? t->gram_cap * 2 : 256;
        t->grams = th_xreallocarray(t->grams, t->gram_cap, sizeof(*t->grams));
    }
    t->grams[t->gram_n++] = gram;
}

void th_touches_name(struct th_touches *t, struct th_str label)
{
    uint16_t grams[TH_SPELL_MAX_LABEL + 1];
    unsigned n = th_spelling_grams(label, grams);
    for (unsigned i = 0; i < n; i++)
        gram_add(t, grams[i]);
}

static void put_rhythm(
    const int64_t sum[TH_WEEK_SLOTS], const uint64_t n[TH_WEEK_SLOTS], struct th_buf *out)
{
    th_put_sparse(out, n, TH_WEEK_SLOTS);
    for (unsigned s = 0; s < TH_WEEK_SLOTS; s++)
        th_buf_varint(out, th_zigzag(sum[s]));
}

/* Most epochs and many organisations have few types. */
static bool is_kin_known(const struct th_hists *d, unsigned type)
{
    uint64_t any = 0;
    for (unsigned f = 0; f < TH_RATES; f++)
        any |= th_loghist_total(&d->kin_rates[f][type]);
    for (unsigned c = 0; c < TH_RHYTHMS; c++)
        for (unsigned s = 0; s < TH_WEEK_SLOTS; s++)
            any |= d->kin_rhythm_n[type][c][s] | (uint64_t)d->kin_rhythm_sum[type][c][s];
    return any != 0;
}

static void put_kin(const struct th_hists *d, unsigned type, struct th_buf *out)
{
    for (unsigned f = 0; f < TH_RATES; f++)
        th_put_sparse(out, d->kin_rates[f][type].n, TH_LOGHIST_BINS);
    for (unsigned c = 0; c < TH_RHYTHMS; c++)
        put_rhythm(d->kin_rhythm_sum[type][c], d->kin_rhythm_n[type][c], out);
}

static void put_hists(const struct th_hists *d, struct th_buf *out)
{
    for (unsigned f = 0; f < TH_RATES; f++) {
        for (unsigned g = 0; g < TH_GROUPS; g++)
            th_put_sparse(out, d->rates[f][g].n, TH_LOGHIST_BINS);
    }
    for (unsigned k = 0; k < TH_ARRAY_LEN(d->uploads); k++)
        th_put_sparse(out, d->uploads[k].n, TH_LOGHIST_BINS);
    for (unsigned f = 0; f < TH_FEATURE_COUNT; f++) {
        for (unsigned g = 0; g < TH_GROUPS; g++)
            th_put_sparse(out, d->calib[f][g].n, TH_CALIB_BINS);
    }
    for (unsigned f = 0; f < TH_USER_RATES; f++) {
        for (unsigned g = 0; g < TH_GROUPS; g++)
            th_put_sparse(out, d->user_rates[f][g].n, TH_LOGHIST_BINS);
    }
    th_put_sparse(out, d->hours, TH_GROUPS);
    for (unsigned c = 0; c < TH_RHYTHMS; c++)
        put_rhythm(d->rhythm_sum[c], d->rhythm_n[c], out);
    for (unsigned t = 0; t < TH_DEVICE_TYPE_COUNT; t++) {
        bool known = is_kin_known(d, t);
        th_buf_u8(out, known);
        if (known)
            put_kin(d, t, out);
    }
}

void th_hists_add(struct th_hists *dst, const struct th_hists *src)
{
    /* All of it is 64-bit counts. */
    uint64_t *to = (uint64_t *)dst;
    const uint64_t *from = (const uint64_t *)src;
    for (size_t i = 0; i < sizeof(*dst) / sizeof(*to); i++)
        to[i] += from[i];
}

static void add_rhythm(struct th_cur *c, int64_t sum[TH_WEEK_SLOTS], uint64_t n[TH_WEEK_SLOTS])
{
    th_add_sparse(c, n, TH_WEEK_SLOTS);
    for (unsigned s = 0; s < TH_WEEK_SLOTS; s++) {
        if (__builtin_add_overflow(sum[s], th_unzigzag(th_cur_varint(c)), &sum[s]))
            th_cur_fail(c);
    }
}

static void add_kin(struct th_cur *c, struct th_hists *d, unsigned type)
{
    for (unsigned f = 0; f < TH_RATES; f++)
        th_add_sparse(c, d->kin_rates[f][type].n, TH_LOGHIST_BINS);
    for (unsigned k = 0; k < TH_RHYTHMS; k++)
        add_rhythm(c, d->kin_rhythm_sum[type][k], d->kin_rhythm_n[type][k]);
}

/* Adds what put_hists wrote. */
static void add_hists(struct th_cur *c, struct th_hists *d)
{
    for (unsigned f = 0; f < TH_RATES; f++) {
        for (unsigned g = 0; g < TH_GROUPS; g++)
            th_add_sparse(c, d->rates[f][g].n, TH_LOGHIST_BINS);
    }
    for (unsigned k = 0; k < TH_ARRAY_LEN(d->uploads); k++)
        th_add_sparse(c, d->uploads[k].n, TH_LOGHIST_BINS);
    for (unsigned f = 0; f < TH_FEATURE_COUNT; f++) {
        for (unsigned g = 0; g < TH_GROUPS; g++)
            th_add_sparse(c, d->calib[f][g].n, TH_CALIB_BINS);
    }
    for (unsigned f = 0; f < TH_USER_RATES; f++) {
        for (unsigned g = 0; g < TH_GROUPS; g++)
            th_add_sparse(c, d->user_rates[f][g].n, TH_LOGHIST_BINS);
    }
    th_add_sparse(c, d->hours, TH_GROUPS);
    for (unsigned k = 0; k < TH_RHYTHMS; k++)
        add_rhythm(c, d->rhythm_sum[k], d->rhythm_n[k]);
    for (unsigned t = 0; t < TH_DEVICE_TYPE_COUNT; t++)
        if (th_cur_u8(c) != 0)
            add_kin(c, d, t);
}

void th_delta_encode(const struct th_hists *h, const struct th_touches *t, struct th_buf *out)
{
    th_buf_u8(out, h != NULL);
    if (h)
        put_hists(h, out);
    th_buf_varint(out, t->n);
    for (uint32_t i = 0; i < t->n; i++) {
        th_buf_u8(out, (uint8_t)t->v[i].kind);
        th_buf_varint(out, t->v[i].value);
        th_buf_le64(out, t->v[i].key);
    }
    th_buf_varint(out, t->gram_n);
    for (uint32_t i = 0; i < t->gram_n; i++)
        th_buf_le16(out, t->grams[i]);
}

int th_delta_decode(struct th_hists *h, struct th_touches *t, struct th_cur *c)
{
    if (th_cur_u8(c) != 0)
        add_hists(c, h);
    uint64_t n = th_cur_varint(c);
    for (uint64_t i = 0; i < n && !c->failed; i++) {
        uint8_t kind = th_cur_u8(c);
        uint64_t value = th_cur_varint(c);
        uint64_t key = th_cur_le64(c);
        if (kind >= TH_TOUCHES || value > UINT32_MAX || i >= TH_TOUCHES_MAX)
            th_cur_fail(c);
        if (!c->failed)
            th_touch_add(t, key, (enum th_touch_kind)kind, (uint32_t)value);
    }
    n = th_cur_varint(c);
    for (uint64_t i = 0; i < n && !c->failed; i++) {
        uint16_t gram = th_cur_le16(c);
        if (gram >= TH_SPELL_GRAMS)
            th_cur_fail(c);
        if (!c->failed)
            gram_add(t, gram);
    }
    return c->failed ? TH_E_MALFORMED : 0;
}

static void apply_touch(struct th_org *o, const struct th_touch *t)
{
    if (t->kind == TH_TOUCH_ACTIVE) {
        o->active[0]++;
        return;
    }
    if (t->kind == TH_TOUCH_USER_ACTIVE) {
        o->users[0]++;
        return;
    }
    struct th_org_dest *d = th_org_add(o, t->key);
    if (!d)
        return;
    if (t->kind == TH_TOUCH_DEVICE) {
        uint64_t bit = UINT64_C(1) << t->value % TH_TOUCH_BITS;
        if (t->value >= TH_TOUCH_BITS && !((d->who[0] | d->who[1]) & bit))
            d->wave = (uint16_t)TH_MIN(d->wave + TH_WAVE_UNIT, UINT16_MAX);
        d->who[0] |= bit;
        d->touches[0]++;
        d->news |= t->value >= TH_TOUCH_BITS ? bit : 0;
    } else if (t->kind == TH_TOUCH_FAIL) {
        d->failing = (uint8_t)TH_MIN(d->failing + 1u, UINT8_MAX);
    } else {
        d->up_n++;
        d->up_sum += t->value;
        d->up_squares += (uint64_t)t->value * t->value;
    }
}

int th_delta_apply(struct th_org *o, const uint8_t *data, size_t len_bytes)
{
    struct th_cur c = th_cur_init(data, len_bytes);
    struct th_touches t = {0};
    int r = th_delta_decode(&o->h, &t, &c);
    if (r == 0 && th_cur_left(&c) > 0)
        r = TH_E_MALFORMED;
    for (uint32_t i = 0; r == 0 && i < t.n; i++)
        apply_touch(o, &t.v[i]);
    for (uint32_t i = 0; r == 0 && i < t.gram_n; i++)
        th_spelling_learn(o->spelling, t.grams[i], 1);
    th_touches_done(&t);
    return r;
}

static int by_key(const void *a, const void *b)
{
    const struct th_org_dest *const *x = a;
    const struct th_org_dest *const *y = b;
    return ((*x)->key > (*y)->key) - ((*x)->key < (*y)->key);
}

static void put_dests(const struct th_org *o, struct th_buf *out)
{
    const struct th_org_dest **v = th_xcalloc(o->dest_used + 1, sizeof(*v));
    uint32_t n = 0;
    for (uint32_t i = 0; i < o->dest_cap; i++) {
        if (o->dests[i].key != 0)
            v[n++] = &o->dests[i];
    }
    qsort(v, n, sizeof(*v), by_key); /* the same state is the same file */
    th_buf_varint(out, n);
    for (uint32_t i = 0; i < n; i++) {
        th_buf_le64(out, v[i]->key);
        for (unsigned k = 0; k < TH_ARRAY_LEN(v[i]->who); k++) {
            th_buf_varint(out, v[i]->touches[k]);
            if (v[i]->touches[k])
                th_buf_le64(out, v[i]->who[k]);
        }
        th_buf_varint(out, v[i]->fresh);
        th_buf_le64(out, v[i]->news);
        th_buf_varint(out, v[i]->failing);
        th_buf_varint(out, v[i]->wave);
        th_buf_varint(out, v[i]->up_n);
        th_buf_varint(out, v[i]->up_sum);
        th_buf_varint(out, v[i]->up_squares);
    }
    free(v);
}

static uint32_t u32_or_fail(struct th_cur *c, uint64_t most)
{
    uint64_t v = th_cur_varint(c);
    if (v > most)
        th_cur_fail(c);
    return c->failed ? 0 : (uint32_t)v;
}

static void get_dests(struct th_cur *c, struct th_org *o)
{
    uint64_t n = th_cur_varint(c);
    for (uint64_t i = 0; i < n && !c->failed; i++) {
        struct th_org_dest d = {.key = th_cur_le64(c)};
        for (unsigned k = 0; k < TH_ARRAY_LEN(d.who); k++) {
            d.touches[k] = u32_or_fail(c, UINT32_MAX);
            d.who[k] = d.touches[k] ? th_cur_le64(c) : 0;
        }
        d.fresh = (uint8_t)u32_or_fail(c, UINT8_MAX);
        d.news = th_cur_le64(c);
        d.failing = (uint8_t)u32_or_fail(c, UINT8_MAX);
        d.wave = (uint16_t)u32_or_fail(c, UINT16_MAX);
        d.up_n = u32_or_fail(c, UINT32_MAX);
        d.up_sum = th_cur_varint(c);
        d.up_squares = th_cur_varint(c);
        if (d.key == 0 || d.up_sum > (uint64_t)d.up_n << 16 ||
            d.up_squares > (uint64_t)d.up_n << 32)
            th_cur_fail(c);
        struct th_org_dest *to = c->failed ? NULL : th_org_add(o, d.key);
        if (to)
            *to = d;
    }
}

static void put_grams(const uint32_t v[TH_SPELL_GRAMS], struct th_buf *out)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < TH_SPELL_GRAMS; i++) {
        if (v[i] == 0)
            continue;
        th_buf_varint(out, i - at);
        th_buf_varint(out, v[i]);
        at = i + 1;
    }
    th_buf_varint(out, TH_SPELL_GRAMS - at);
}

static uint64_t get_grams(struct th_cur *c, uint32_t v[TH_SPELL_GRAMS])
{
    memset(v, 0, TH_SPELL_GRAMS * sizeof(*v));
    uint64_t at = 0;
    uint64_t total = 0;
    while (!c->failed) {
        uint64_t skip = th_cur_varint(c);
        if (skip >= TH_SPELL_GRAMS - at) {
            if (skip > TH_SPELL_GRAMS - at)
                th_cur_fail(c);
            break;
        }
        at += skip;
        v[at] = u32_or_fail(c, UINT32_MAX);
        total += v[at++];
    }
    return total;
}

void th_org_encode(const struct th_org *o, bool strip, struct th_buf *out)
{
    size_t begin = th_seal_begin(out, strip ? MAGIC_PRIOR : MAGIC_ORG, TH_LEARN_VERSION);
    put_hists(&o->h, out);
    /* What the prior's offices call their hosts is made up: it must not outweigh real names. */
    struct th_spelling *built_in = strip ? th_spelling_new() : NULL;
    const struct th_spelling *spelling = built_in ? built_in : o->spelling;
    put_grams(spelling->counts, out);
    put_grams(spelling->coming, out);
    th_spelling_free(built_in);
    if (!strip) {
        th_buf_le64(out, (uint64_t)o->time_ns);
        th_buf_le16(out, o->day);
        th_buf_le16(out, o->period);
        th_buf_varint(out, o->active[0]);
        th_buf_varint(out, o->active[1]);
        th_buf_varint(out, o->users[0]);
        th_buf_varint(out, o->users[1]);
        th_buf_varint(out, o->prior_hours);
        put_dests(o, out);
    }
    th_seal_end(out, begin);
}

static uint64_t total_hours(const struct th_hists *h)
{
    uint64_t sum = 0;
    for (unsigned g = 0; g < TH_GROUPS; g++)
        sum += h->hours[g];
    return sum;
}

static void move_over(struct th_org *to, struct th_org *from)
{
    struct th_org old = *to;
    *to = *from;
    *from = old;
}

int th_org_decode(struct th_org *o, bool prior, const uint8_t *data, size_t len_bytes)
{
    struct th_cur c;
    uint32_t magic = prior ? MAGIC_PRIOR : MAGIC_ORG;
    int r = th_seal_open(data, len_bytes, magic, TH_LEARN_VERSION, &c);
    if (r < 0)
        return r;
    struct th_org *fresh = th_org_new();
    fresh->without = o->without;
    add_hists(&c, &fresh->h);
    fresh->spelling->total = get_grams(&c, fresh->spelling->counts);
    get_grams(&c, fresh->spelling->coming);
    if (!prior) {
        fresh->time_ns = (int64_t)th_cur_le64(&c);
        fresh->day = th_cur_le16(&c);
        fresh->period = th_cur_le16(&c);
        fresh->active[0] = u32_or_fail(&c, UINT32_MAX);
        fresh->active[1] = u32_or_fail(&c, UINT32_MAX);
        fresh->users[0] = u32_or_fail(&c, UINT32_MAX);
        fresh->users[1] = u32_or_fail(&c, UINT32_MAX);
        fresh->prior_hours = th_cur_varint(&c);
        get_dests(&c, fresh);
    } else {
        fresh->prior_hours = total_hours(&fresh->h);
    }
    if (c.failed || th_cur_left(&c) > 0) {
        th_org_free(fresh);
        return TH_E_MALFORMED;
    }
    th_spelling_derive(fresh->spelling);
    th_org_derive(fresh);
    move_over(o, fresh);
    th_org_free(fresh);
    return 0;
}
