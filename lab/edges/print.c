/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"

#include <math.h>
#include <stdio.h>

static void print_rate(const char *name, double v)
{
    if (isnan(v))
        printf(",\"%s\":null", name);
    else
        printf(",\"%s\":%.6f", name, v);
}

static void print_found_json(const char *unit, const struct edges_found *f)
{
    printf(",\"%s\":{\"budget\":[1,5,20],\"found\":[%u,%u,%u],\"found_single\":[%u,%u,%u]}", unit,
        f->several[0] + f->single[0], f->several[1] + f->single[1], f->several[2] + f->single[2],
        f->single[0], f->single[1], f->single[2]);
}

void edges_print_head(const struct edges_job *j, const struct edges_truth *truth, bool json)
{
    const struct edges_table *t = j->t;
    if (json) {
        printf("{\"kind\":\"edges\",\"rows\":%u,\"attack_rows\":%u,\"addresses\":%u,\"pairs\":%u,"
               "\"days\":%u,\"dst_hours\":%u,\"src_hours\":%u,\"instances\":%u,"
               "\"instances_single\":%u}\n",
            truth->rows, truth->attack_rows, t->nodes, t->edges, truth->days, j->dst->count,
            j->src->count, truth->several + truth->single, truth->single);
        return;
    }
    printf(
        "%u records judged, %u of an attack; %u days, %u addresses, %u pairs, %u (dst, hour) and "
        "%u (src, hour) units;\n%u instances (attack type and day) of several records, %u of a "
        "single one. Found at 1/5/20 false units a day: all, and in brackets those of a single "
        "record.\n\n",
        truth->rows, truth->attack_rows, truth->days, t->nodes, t->edges, j->dst->count,
        j->src->count, truth->several, truth->single);
    printf("%-14s %6s  %-17s  %-21s  %-21s %8s\n", "scorer", "AUC", "TPR at 1e-2/3/4",
        "(dst, hour)", "(src, hour)", "CPU s");
}

static void print_found(const struct edges_found *f)
{
    char text[64];
    snprintf(text, sizeof text, "%u/%u/%u (%u/%u/%u)", f->several[0] + f->single[0],
        f->several[1] + f->single[1], f->several[2] + f->single[2], f->single[0], f->single[1],
        f->single[2]);
    printf("  %-21s", text);
}

void edges_print_measure(
    const char *name, const char *what, const struct edges_measure *m, double seconds, bool json)
{
    if (json) {
        printf("{\"kind\":\"scorer\",\"name\":\"%s\",\"what\":\"%s\"", name, what);
        print_rate("auc", m->auc);
        print_rate("tpr_at_fpr_1e-2", m->tpr[0]);
        print_rate("tpr_at_fpr_1e-3", m->tpr[1]);
        print_rate("tpr_at_fpr_1e-4", m->tpr[2]);
        print_found_json("dst_hour", &m->dst);
        print_found_json("src_hour", &m->src);
        printf(",\"seconds\":%.2f}\n", seconds);
        return;
    }
    printf("%-14s %6.3f  %.3f/%.3f/%.3f", name, m->auc, m->tpr[0], m->tpr[1], m->tpr[2]);
    print_found(&m->dst);
    print_found(&m->src);
    printf(" %8.1f\n", seconds);
}

/* How many benign units score at least as high as each instance. */
static uint32_t *ahead_of(const struct edges_job *j, const struct edges_units *u, int32_t from,
    const double *unit, const struct edges_instance *v, uint32_t count)
{
    uint32_t *ahead = th_xcalloc(count + 1, sizeof *ahead);
    for (uint32_t i = 0; i < u->count; i++) {
        if (u->attack[i] || j->t->row[u->first[i]].minute < from)
            continue;
        for (uint32_t k = 0; k < count; k++)
            ahead[k] += unit[i] >= v[k].best;
    }
    return ahead;
}

static void instances(const struct edges_job *j, const struct edges_units *u, int32_t from,
    const double *given, const double *row, struct edges_instance **ret, uint32_t **ret_ahead,
    uint32_t *ret_count)
{
    TH_AUTOFREE double *made = given ? NULL : edges_units_max(j->t, u, row);
    const double *unit = given ? given : made;
    *ret = edges_instances(j->t, u, from, unit, ret_count);
    *ret_ahead = ahead_of(j, u, from, unit, *ret, *ret_count);
}

void edges_print_instances(const struct edges_job *j, int32_t from, const char *name,
    const struct edges_scores *s, bool json)
{
    TH_AUTOFREE struct edges_instance *dst = NULL;
    TH_AUTOFREE struct edges_instance *src = NULL;
    TH_AUTOFREE uint32_t *dst_ahead = NULL;
    TH_AUTOFREE uint32_t *src_ahead = NULL;
    uint32_t count;
    struct edges_truth truth;
    edges_truth_get(j->t, from, &truth);
    instances(j, j->dst, from, s->dst, s->row, &dst, &dst_ahead, &count);
    instances(j, j->src, from, s->src, s->row, &src, &src_ahead, &count);
    for (uint32_t k = 0; k < count; k++) {
        double d = (double)dst_ahead[k] / truth.days;
        double c = (double)src_ahead[k] / truth.days;
        char day[TH_TIME_TEXT_LEN];
        th_time_rfc3339(dst[k].day * TH_NS_PER_DAY, day);
        if (json)
            printf("{\"kind\":\"instance\",\"scorer\":\"%s\",\"label\":\"%s\",\"day\":\"%.10s\","
                   "\"rows\":%u,\"dst_false_a_day\":%.3f,\"src_false_a_day\":%.3f}\n",
                name, j->t->label[dst[k].label], day, dst[k].rows, d, c);
        else
            printf("    %.10s %-14s %6u records  %9.2f %9.2f false a day before it\n", day,
                j->t->label[dst[k].label], dst[k].rows, d, c);
    }
}
