/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scorer's contributions to an epoch, its state and its prior. All numbers are integers or
 * copied bit for bit, so shards that took the same blocks in the same order are equal.
 * State and prior stand under a seal (base/seal.h) with the magic "THSC".
 */
#include <math.h>

#include "base/seal.h"
#include "model_i.h"

#define MAGIC 0x43534854u
#define VERSION 2u
#define PRIOR_MAX_HOURS (100000ull * CALIB_ONE)
#define MAX_HOURS (UINT64_C(1) << 50) /* counts beyond are not ours */

static void put_bins32(struct th_buf *out, const uint32_t *n)
{
    uint32_t used = 0;
    for (unsigned b = 0; b < CALIB_BINS; b++)
        used += n[b] != 0;
    th_buf_varint(out, used);
    for (unsigned b = 0; b < CALIB_BINS; b++)
        if (n[b]) {
            th_buf_varint(out, b);
            th_buf_varint(out, n[b]);
        }
}

static void put_bins64(struct th_buf *out, const struct calib *c)
{
    uint32_t used = 0;
    for (unsigned b = 0; b < CALIB_BINS; b++)
        used += c->n[b] != 0;
    th_buf_varint(out, used);
    for (unsigned b = 0; b < CALIB_BINS; b++)
        if (c->n[b]) {
            th_buf_varint(out, b);
            th_buf_varint(out, c->n[b]);
        }
}

/* Adds to `to`, each count times unit; NULL: reads over. */
static bool get_bins(struct th_cur *c, struct calib *to, uint64_t unit)
{
    uint64_t used = th_cur_varint(c);
    if (used > CALIB_BINS)
        return false;
    for (uint64_t i = 0; i < used && !c->failed; i++) {
        uint64_t b = th_cur_varint(c);
        uint64_t v = th_cur_varint(c);
        if (b >= CALIB_BINS || v > MAX_HOURS / unit)
            return false;
        if (to)
            to->n[b] = TH_MIN(to->n[b] + v * unit, MAX_HOURS);
    }
    return !c->failed;
}

static void put_chain(struct th_buf *out, const struct chain *c)
{
    th_buf_le64(out, c->entity);
    th_buf_le64(out, c->id_hash);
    th_buf_u8(out, (uint8_t)c->stage);
    th_buf_le64(out, (uint64_t)c->first_ns);
    th_buf_le64(out, (uint64_t)c->last_ns);
    for (unsigned i = 0; i < c->stage; i++)
        signal_put(out, &c->evidence[i]);
}

/* A chain of a model that is gone is read over. */
static bool get_chain(struct th_scorer *s, struct th_cur *c)
{
    uint64_t entity = th_cur_le64(c);
    uint64_t id_hash = th_cur_le64(c);
    uint8_t stage = th_cur_u8(c);
    int64_t first_ns = (int64_t)th_cur_le64(c);
    int64_t last_ns = (int64_t)th_cur_le64(c);
    struct th_signal v[MAX_COMPONENTS];
    if (c->failed || stage == 0 || stage >= MAX_COMPONENTS)
        return false;
    for (unsigned i = 0; i < stage; i++)
        if (!signal_get(c, &v[i]))
            return false;
    const struct model *m = scorer_model(s, id_hash);
    if (!m || m->combine != COMBINE_SEQUENCE || stage >= m->component_count ||
        chain_find(s, entity, id_hash) >= 0)
        return true;
    struct chain *ch = chain_add(s, entity, id_hash);
    ch->stage = stage;
    ch->first_ns = first_ns;
    ch->last_ns = last_ns;
    for (unsigned i = 0; i < stage; i++)
        signal_copy(&ch->evidence[i], &v[i]);
    return true;
}

/* ---- epochs ---- */

static void put_moved_chains(const struct th_scorer *s, const struct partial *p, struct th_buf *out)
{
    th_buf_varint(out, p->chain_count);
    for (uint32_t i = 0; i < p->chain_count; i++) {
        uint32_t n = 0;
        th_buf_le64(out, p->chain[i]);
        for (uint32_t k = 0; k < s->chain_count; k++)
            n += s->chain[k].entity == p->chain[i];
        th_buf_varint(out, n);
        for (uint32_t k = 0; k < s->chain_count; k++)
            if (s->chain[k].entity == p->chain[i])
                put_chain(out, &s->chain[k]);
    }
}

static void put_held(const struct partial *p, struct th_buf *out)
{
    th_buf_varint(out, p->held_count);
    for (uint32_t i = 0; i < p->held_count; i++) {
        th_buf_le64(out, p->held[i].permit);
        th_buf_varint(out, p->held[i].count);
        th_buf_le64(out, (uint64_t)p->held[i].last_ns);
    }
}

/* Of permits that are not there any more nothing is counted. */
static bool take_held(struct th_scorer *s, struct th_cur *c)
{
    for (uint64_t n = th_cur_varint(c); n > 0 && !c->failed; n--) {
        uint64_t permit = th_cur_le64(c);
        uint64_t count = th_cur_varint(c);
        int64_t last_ns = (int64_t)th_cur_le64(c);
        if (!c->failed)
            th_permits_count_held(s->permits, permit, count, last_ns);
    }
    return !c->failed;
}

void th_scorer_epoch_out(struct th_scorer *s, unsigned partition, struct th_buf *out)
{
    struct partial *p = &s->part[partition];
    th_buf_varint(out, p->hours);
    th_buf_u8(out, p->best != NULL);
    if (p->best)
        put_bins32(out, p->best);
    th_buf_varint(out, p->model ? s->models->count : 0);
    for (unsigned i = 0; p->model && i < s->models->count; i++)
        put_bins32(out, p->model + (size_t)i * CALIB_BINS);
    memo_list_put(&p->told, out);
    memo_list_put(&p->trail, out);
    put_moved_chains(s, p, out);
    put_held(p, out);
    free(p->best);
    free(p->model);
    p->best = p->model = NULL;
    p->hours = p->chain_count = p->held_count = 0;
}

static bool take_chains(struct th_scorer *s, struct th_cur *c)
{
    for (uint64_t n = th_cur_varint(c); n > 0 && !c->failed; n--) {
        uint64_t entity = th_cur_le64(c);
        for (uint32_t k = s->chain_count; k-- > 0;)
            if (s->chain[k].entity == entity)
                chain_remove(s, k);
        for (uint64_t m = th_cur_varint(c); m > 0; m--)
            if (!get_chain(s, c))
                return false;
    }
    return !c->failed;
}

int th_scorer_epoch_in(
    struct th_scorer *s, unsigned partition, const uint8_t *data, size_t len_bytes)
{
    struct th_cur c = th_cur_init(data, len_bytes);
    uint64_t hours = th_cur_varint(&c);
    (void)partition;
    if (hours > MAX_HOURS / CALIB_ONE)
        return TH_E_MALFORMED;
    if (th_cur_u8(&c) && !get_bins(&c, &s->best, CALIB_ONE))
        return TH_E_MALFORMED;
    uint64_t models = th_cur_varint(&c);
    if (models > s->models->count)
        return TH_E_MALFORMED;
    for (unsigned i = 0; i < models; i++)
        if (!get_bins(&c, &s->model[i], CALIB_ONE))
            return TH_E_MALFORMED;
    if (!memos_get(&s->told, &c) || !memos_get(&s->trails, &c))
        return TH_E_MALFORMED;
    if (!take_chains(s, &c) || !take_held(s, &c) || th_cur_left(&c) != 0)
        return TH_E_MALFORMED;
    s->hours = TH_MIN(s->hours + hours * CALIB_ONE, MAX_HOURS);
    return 0;
}

/* ---- files ---- */

static void put_calibrators(const struct th_scorer *s, struct th_buf *out)
{
    th_buf_le64(out, s->hours);
    put_bins64(out, &s->best);
    th_buf_varint(out, s->models->count);
    for (unsigned i = 0; i < s->models->count; i++) {
        th_buf_le64(out, s->models->model[i].id_hash);
        put_bins64(out, &s->model[i]);
    }
}

static bool get_calibrators(struct th_scorer *s, struct th_cur *c)
{
    uint64_t hours = th_cur_le64(c);
    if (hours > MAX_HOURS || !get_bins(c, &s->best, 1))
        return false;
    for (uint64_t n = th_cur_varint(c); n > 0 && !c->failed; n--) {
        const struct model *m = scorer_model(s, th_cur_le64(c));
        /* A model that is not there any more is read over, a new one begins without a past. */
        if (!get_bins(c, m ? &s->model[m - s->models->model] : NULL, 1))
            return false;
    }
    s->hours = TH_MIN(s->hours + hours, MAX_HOURS);
    return !c->failed;
}

void th_scorer_save(const struct th_scorer *s, struct th_buf *out)
{
    size_t at = th_seal_begin(out, MAGIC, VERSION);
    th_buf_le64(out, (uint64_t)s->epoch_ns);
    put_calibrators(s, out);
    memos_put(&s->told, out);
    memos_put(&s->trails, out);
    th_buf_varint(out, s->chain_count);
    for (uint32_t i = 0; i < s->chain_count; i++)
        put_chain(out, &s->chain[i]);
    th_seal_end(out, at);
}

int th_scorer_load(struct th_scorer *s, const uint8_t *data, size_t len_bytes)
{
    struct th_cur c;
    int r = th_seal_open(data, len_bytes, MAGIC, VERSION, &c);
    if (r < 0)
        return r;
    s->epoch_ns = (int64_t)th_cur_le64(&c);
    if (!get_calibrators(s, &c))
        return TH_E_MALFORMED;
    if (!memos_get(&s->told, &c) || !memos_get(&s->trails, &c))
        return TH_E_MALFORMED;
    uint64_t n = th_cur_varint(&c);
    if (n > 2 * (uint64_t)MAX_CHAINS)
        return TH_E_MALFORMED;
    for (; n > 0; n--)
        if (!get_chain(s, &c))
            return TH_E_MALFORMED;
    return !c.failed && th_cur_left(&c) == 0 ? 0 : TH_E_MALFORMED;
}

void th_scorer_save_prior(const struct th_scorer *s, struct th_buf *out)
{
    size_t at = th_seal_begin(out, MAGIC, VERSION);
    put_calibrators(s, out);
    th_seal_end(out, at);
}

/* A prior speaks for at most so many device-hours: one's own soon weigh more. */
static void shrink(struct th_scorer *s)
{
    if (s->hours <= PRIOR_MAX_HOURS)
        return;
    double keep = (double)PRIOR_MAX_HOURS / (double)s->hours;
    for (unsigned b = 0; b < CALIB_BINS; b++) {
        s->best.n[b] = (uint64_t)((double)s->best.n[b] * keep);
        for (unsigned i = 0; i < s->models->count; i++)
            s->model[i].n[b] = (uint64_t)((double)s->model[i].n[b] * keep);
    }
    s->hours = PRIOR_MAX_HOURS;
}

int th_scorer_load_prior(struct th_scorer *s, const uint8_t *data, size_t len_bytes)
{
    struct th_cur c;
    int r = th_seal_open(data, len_bytes, MAGIC, VERSION, &c);
    if (r < 0)
        return r;
    if (!get_calibrators(s, &c) || th_cur_left(&c) != 0)
        return TH_E_MALFORMED;
    shrink(s);
    return 0;
}
