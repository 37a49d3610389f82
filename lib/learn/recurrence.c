/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes day after day: a server that asks a reputation service with the hash of each file in a
 * name, a job whose password nobody has changed. Such evidence is told in full on its first two
 * days; from then on as much of it as lies beyond what is usual, and less of the rest with every
 * day.
 */
#include <math.h>

#include "base/hash.h"
#include "learn_i.h"

#define FULL_DAYS 2u
#define HALF_DAYS 2.0
#define LEAST 0.1
#define FORGOTTEN_DAYS 10u
#define LEAST_AMOUNT 3.0
/* So many times (log2) the usual amount is as if there had been none before. */
#define BEYOND_FROM 1.0
#define BEYOND_FULL 4.0

static bool may_recur(const struct th_note *n)
{
    return n->feature == TH_FEAT_DNS_TUNNEL || n->feature == TH_FEAT_BRUTE_FORCE;
}

static uint64_t key_of(const struct th_note *n)
{
    return th_hash_pair(n->key, TH_SALT_RECURRENCE + n->feature);
}

static uint16_t day_of(const struct th_win *w)
{
    return (uint16_t)TH_MIN(TH_MAX(w->start_ns / TH_NS_PER_DAY, 1), UINT16_MAX);
}

static uint8_t code_of(double amount)
{
    return (uint8_t)fmin(round(4 * log2(1 + amount)), UINT8_MAX);
}

/* The days before this one. */
static unsigned days_before(const struct th_recurrence *c, uint16_t day, unsigned *ret_usual)
{
    if (day <= c->day) {
        *ret_usual = c->usual;
        return c->days;
    }
    if (day > c->day + FORGOTTEN_DAYS)
        return 0;
    *ret_usual = ((unsigned)c->usual * c->days + c->most) / (c->days + 1u);
    return c->days + 1u;
}

double th_recurrence_share(const struct th_learn *l, const struct th_part *p,
    const struct th_dev *d, const struct th_win *w, const struct th_note *n, double *ret_usual)
{
    unsigned usual = 0;
    *ret_usual = 0;
    const struct th_pair *pair =
        may_recur(n) ? th_pair_find(p, th_pair_own(l, d, key_of(n), TH_PAIR_RECURRING)) : NULL;
    unsigned days = pair ? days_before(&pair->recurrence, day_of(w), &usual) : 0;
    if (days < FULL_DAYS)
        return 1;
    *ret_usual = exp2(usual / 4.0) - 1;
    double kept = fmax(exp2(-((double)days - 1) / HALF_DAYS), LEAST);
    double beyond = (log2(1 + n->a) - usual / 4.0 - BEYOND_FROM) / (BEYOND_FULL - BEYOND_FROM);
    return kept + (1 - kept) * fmin(fmax(beyond, 0), 1);
}

static void take(struct th_recurrence *c, uint16_t day, uint8_t amount)
{
    if (day < c->day)
        return;
    if (day > c->day) {
        unsigned usual = 0;
        unsigned days = c->day ? days_before(c, day, &usual) : 0;
        *c = (struct th_recurrence){
            .day = day, .days = (uint8_t)TH_MIN(days, UINT8_MAX - 1u), .usual = (uint8_t)usual};
    }
    c->most = TH_MAX(c->most, amount);
}

void th_recurrence_learn(struct th_learn *l, struct th_part *p, struct th_dev *d, struct th_win *w)
{
    struct th_act a = {.l = l, .part = p, .dev = d, .win = w, .time_ns = w->start_ns};
    for (uint32_t i = w->notes; i != TH_POOL_NONE; i = th_note_at(p, i)->next) {
        const struct th_note *n = th_note_at(p, i);
        if (!may_recur(n) || n->a < LEAST_AMOUNT)
            continue;
        struct th_pair *pair = th_pair_get(&a, key_of(n), TH_PAIR_RECURRING);
        take(&pair->recurrence, day_of(w), code_of(n->a));
        pair->beats =
            (uint16_t)(4 * (pair->recurrence.days + 1u)); /* so much it is worth keeping */
        pair->last_ns = TH_MAX(pair->last_ns, w->start_ns);
    }
}
