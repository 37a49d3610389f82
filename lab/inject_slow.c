/* SPDX-License-Identifier: Apache-2.0 */
/* Slow poisoning: a habit that grows so slowly that it might be learned. */
#include "base/mem.h"
#include "inject.h"

#include <math.h>
#include <stdio.h>

#define PIECE_MEAN (20 * TH_NS_PER_MIN)

/* Before its start the device already sends as much as is usual: from the beginning of the run. */
static void poisoning_begin(struct lab_inject *i)
{
    struct lab_sim *s = i->actor.sim;
    i->host = s->world->saas[lab_below(&i->actor.rng, TH_MIN(s->world->saas_count, 4u))];
    i->port = 443;
    double factor = lab_param_num(i, "factor", 10);
    i->factor = TH_MIN(TH_MAX(factor, 1), 1e6);
    i->period_ns = TH_MAX(lab_param_span(i, "span", "7d"), TH_NS_PER_HOUR);
    i->bytes = TH_MAX(lab_param_bytes(i, "base", "20M") / 3, 1u);
    i->end_ns = i->start_ns + i->period_ns + lab_param_span(i, "keep", "2d");
    i->next_ns = s->opt.start_ns + TH_NS_PER_MIN + lab_exp_ns(&i->actor.rng, PIECE_MEAN);
    snprintf(i->note, sizeof i->note, "sends %.3g times as much within %.1f days", i->factor,
        (double)i->period_ns / (double)TH_NS_PER_DAY);
}

static double level(const struct lab_inject *i)
{
    double part = (double)(i->next_ns - i->start_ns) / (double)i->period_ns;
    return pow(i->factor, part < 0 ? 0 : part > 1 ? 1 : part);
}

static void poisoning_act(struct lab_inject *i)
{
    struct lab_actor *a = &i->actor;
    uint64_t up = lab_bytes(&a->rng, (double)i->bytes * level(i), 0.3, 1000, UINT64_C(1) << 40);
    struct lab_web w = {.tls = a->dev->app,
        .port = i->port,
        .up = up,
        .down = up / 400,
        .dur_ns = (int64_t)(up / 9) * 1000 + TH_NS_PER_S};
    lab_tls_to(a, i->next_ns, i->host, &w);
    if (i->next_ns >= i->start_ns)
        lab_inject_did(i, i->next_ns);
    i->next_ns = lab_rhythm_next(a, i->next_ns, PIECE_MEAN);
}

const struct lab_inject_kind lab_kind_poisoning = {"poisoning", "T1030",
    "factor=10 span=7d base=20M (an hour) keep=2d", "9d", poisoning_begin, poisoning_act};
