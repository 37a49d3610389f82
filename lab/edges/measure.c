/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <math.h>

const double edges_budget[EDGES_BUDGETS] = {1, 5, 20};
const double edges_false_rate[EDGES_RATES] = {1e-2, 1e-3, 1e-4};

void edges_units_init(struct edges_units *u, const struct edges_table *t, bool by_dst)
{
    *u = (struct edges_units){.of = th_xcalloc(t->rows + 1, sizeof *u->of),
        .first = th_xcalloc(t->rows + 1, sizeof *u->first),
        .attack = th_xcalloc(t->rows + 1, sizeof *u->attack)};
    TH_AUTOFREE uint32_t *unit = th_xcalloc(t->nodes + 1, sizeof *unit); /* + 1; latest of each */
    for (uint32_t i = 0; i < t->rows; i++) {
        const struct edges_row *r = &t->row[i];
        uint32_t *at = &unit[by_dst ? r->dst : r->src];
        if (*at == 0 || edges_hour(t->row[u->first[*at - 1]].minute) != edges_hour(r->minute)) {
            u->first[u->count++] = i;
            *at = u->count;
        }
        u->of[i] = *at - 1;
        u->attack[*at - 1] |= r->label != 0;
    }
}

void edges_units_done(struct edges_units *u)
{
    free(u->of);
    free(u->first);
    free(u->attack);
}

void edges_scores_done(struct edges_scores *s)
{
    free(s->row);
    free(s->dst);
    free(s->src);
    *s = (struct edges_scores){0};
}

double *edges_units_max(const struct edges_table *t, const struct edges_units *u, const double *row)
{
    double *v = th_xcalloc(u->count + 1, sizeof *v);
    for (uint32_t i = 0; i < u->count; i++)
        v[i] = -INFINITY;
    for (uint32_t i = 0; i < t->rows; i++)
        v[u->of[i]] = fmax(v[u->of[i]], row[i]);
    return v;
}

struct labelled {
    double score;
    bool attack;
};

static int highest_first(const void *a, const void *b)
{
    const struct labelled *x = a;
    const struct labelled *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

/* One way from the highest score down, a step for each value: the curve's trapezoids, so that ties
 * count half. */
static double walk(const struct labelled *v, uint32_t n, double attacks, double benign,
    double ret_tpr[EDGES_RATES])
{
    double above = 0;
    double alarms = 0;
    double area = 0;
    for (uint32_t i = 0; i < n;) {
        double hit = 0;
        double wrong = 0;
        double value = v[i].score;
        for (; i < n && v[i].score == value; i++) {
            hit += v[i].attack;
            wrong += !v[i].attack;
        }
        area += wrong * (above + hit / 2);
        above += hit;
        alarms += wrong;
        for (unsigned k = 0; k < EDGES_RATES; k++) {
            if (alarms <= edges_false_rate[k] * benign)
                ret_tpr[k] = above / attacks;
        }
    }
    return area / (attacks * benign);
}

double edges_auc(
    const struct edges_table *t, int32_t from, const double *score, double ret_tpr[EDGES_RATES])
{
    TH_AUTOFREE struct labelled *v = th_xcalloc(t->rows + 1, sizeof *v);
    uint32_t n = 0;
    uint32_t attacks = 0;
    for (uint32_t i = 0; i < t->rows; i++) {
        if (t->row[i].minute < from)
            continue;
        v[n++] = (struct labelled){.score = score[i], .attack = t->row[i].label != 0};
        attacks += t->row[i].label != 0;
    }
    for (unsigned k = 0; k < EDGES_RATES; k++)
        ret_tpr[k] = 0;
    if (attacks == 0 || attacks == n)
        return NAN;
    qsort(v, n, sizeof *v, highest_first);
    return walk(v, n, attacks, n - attacks, ret_tpr);
}

struct edges_instance *edges_instances(const struct edges_table *t, const struct edges_units *u,
    int32_t from, const double *unit_score, uint32_t *ret_count)
{
    struct edges_instance *v = NULL;
    uint32_t count = 0;
    uint32_t room = 0;
    uint32_t today = 0; /* where this day's instances begin */
    for (uint32_t i = 0; i < t->rows; i++) {
        const struct edges_row *r = &t->row[i];
        if (r->minute < from || r->label == 0)
            continue;
        int32_t day = edges_day(r->minute);
        if (count > 0 && v[count - 1].day != day)
            today = count;
        uint32_t k = today;
        while (k < count && v[k].label != r->label)
            k++;
        if (k == room) {
            room = room ? room * 2 : 64;
            v = th_xreallocarray(v, room, sizeof *v);
        }
        if (k == count)
            v[count++] = (struct edges_instance){.label = r->label, .day = day, .best = -INFINITY};
        v[k].rows++;
        if (unit_score)
            v[k].best = fmax(v[k].best, unit_score[u->of[i]]);
    }
    *ret_count = count;
    return v;
}

static int largest_first(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x < y) - (x > y);
}

static uint32_t days_with_rows(const struct edges_table *t, int32_t from)
{
    uint32_t days = 0;
    int32_t last = INT32_MIN;
    for (uint32_t i = 0; i < t->rows; i++) {
        if (t->row[i].minute < from || edges_day(t->row[i].minute) == last)
            continue;
        last = edges_day(t->row[i].minute);
        days++;
    }
    return days;
}

void edges_found_get(const struct edges_table *t, const struct edges_units *u, int32_t from,
    const double *unit_score, struct edges_found *ret)
{
    *ret = (struct edges_found){0};
    TH_AUTOFREE double *benign = th_xcalloc(u->count + 1, sizeof *benign);
    uint32_t n = 0;
    for (uint32_t i = 0; i < u->count; i++) {
        if (!u->attack[i] && t->row[u->first[i]].minute >= from)
            benign[n++] = unit_score[i];
    }
    qsort(benign, n, sizeof *benign, largest_first);
    uint32_t count;
    TH_AUTOFREE struct edges_instance *v = edges_instances(t, u, from, unit_score, &count);
    for (unsigned b = 0; b < EDGES_BUDGETS; b++) {
        double allowed = edges_budget[b] * days_with_rows(t, from);
        /* Whoever is found must lie above the first benign unit too many. */
        double bar = allowed < n ? benign[(uint32_t)allowed] : -INFINITY;
        for (uint32_t k = 0; k < count; k++) {
            if (v[k].best > bar)
                (v[k].rows == 1 ? ret->single : ret->several)[b]++;
        }
    }
}

void edges_truth_get(const struct edges_table *t, int32_t from, struct edges_truth *ret)
{
    *ret = (struct edges_truth){.from = from, .days = days_with_rows(t, from)};
    for (uint32_t i = 0; i < t->rows; i++) {
        ret->rows += t->row[i].minute >= from;
        ret->attack_rows += t->row[i].minute >= from && t->row[i].label != 0;
    }
    uint32_t count;
    TH_AUTOFREE struct edges_instance *v = edges_instances(t, NULL, from, NULL, &count);
    for (uint32_t k = 0; k < count; k++)
        (*(v[k].rows == 1 ? &ret->single : &ret->several))++;
}

static void measure_units(const struct edges_table *t, const struct edges_units *u, int32_t from,
    const double *unit_score, const double *row, struct edges_found *ret)
{
    TH_AUTOFREE double *made = unit_score ? NULL : edges_units_max(t, u, row);
    edges_found_get(t, u, from, unit_score ? unit_score : made, ret);
}

void edges_measure_get(const struct edges_table *t, const struct edges_units *dst,
    const struct edges_units *src, int32_t from, const struct edges_scores *s,
    struct edges_measure *ret)
{
    *ret = (struct edges_measure){0};
    ret->auc = edges_auc(t, from, s->row, ret->tpr);
    measure_units(t, dst, from, s->dst, s->row, &ret->dst);
    measure_units(t, src, from, s->src, s->row, &ret->src);
}
