/* SPDX-License-Identifier: Apache-2.0 */
/* Title and summary of an incident: phases in the order of an attack, each sentence with numbers.
 */
#include "model_i.h"

#define MAX_SENTENCES 12u

static const struct story *best_story(const struct incident *in)
{
    const struct story *best = &in->story[0];
    for (uint32_t i = 1; i < in->story_count; i++) {
        const struct story *s = &in->story[i];
        if (s->score > best->score || (s->score == best->score && s->breach < best->breach))
            best = s;
    }
    return best;
}

static const struct th_model_info *model_of(const struct th_incidents *all, const struct story *s)
{
    return &all->models->model[s->model].info;
}

void incident_title(const struct th_incidents *all, const struct incident *in, struct th_buf *out)
{
    const struct story *best = best_story(in);
    const struct th_model_info *m = model_of(all, best);
    unsigned told = 1u << tactic_rank(m->tactic);
    th_buf_puts(out, m->name);
    th_buf_puts(out, ": ");
    text_device(out, all->identity, best->entity);
    if (best->peer[0]) {
        th_buf_puts(out, " and ");
        th_buf_puts(out, best->peer);
    }
    if (in->device_count > 1)
        th_buf_printf(out, ", with %u other %s", in->device_count - 1,
            in->device_count == 2 ? "device" : "devices");
    const char *lead = "; also ";
    for (uint32_t i = 0; i < in->story_count; i++) {
        const char *tactic = model_of(all, &in->story[i])->tactic;
        unsigned bit = 1u << tactic_rank(tactic);
        if (told & bit)
            continue;
        told |= bit;
        th_buf_puts(out, lead);
        th_buf_puts(out, tactic);
        lead = ", ";
    }
}

struct order {
    const struct story *s;
    unsigned rank;
};

static int by_phase(const void *a, const void *b)
{
    const struct order *x = a;
    const struct order *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->s->time_ns != y->s->time_ns)
        return x->s->time_ns < y->s->time_ns ? -1 : 1;
    return (x->s->breach > y->s->breach) - (x->s->breach < y->s->breach);
}

static int by_score(const void *a, const void *b)
{
    const struct order *x = a;
    const struct order *y = b;
    if (x->s->score != y->s->score)
        return x->s->score > y->s->score ? -1 : 1;
    return (x->s->breach > y->s->breach) - (x->s->breach < y->s->breach);
}

void incident_summary(const struct th_incidents *all, const struct incident *in, struct th_buf *out)
{
    struct order v[MAX_STORIES];
    uint32_t n = in->story_count;
    for (uint32_t i = 0; i < n; i++)
        v[i] = (struct order){&in->story[i], tactic_rank(model_of(all, &in->story[i])->tactic)};
    /* The strongest ones are told, in the order of phases. */
    qsort(v, n, sizeof(v[0]), by_score);
    uint32_t told = TH_MIN(n, MAX_SENTENCES);
    qsort(v, told, sizeof(v[0]), by_phase);
    const char *phase = "";
    for (uint32_t i = 0; i < told; i++) {
        const struct story *s = v[i].s;
        const char *tactic = model_of(all, s)->tactic;
        if (strcmp(tactic, phase) != 0) {
            th_buf_printf(out, "%s%s: ", i ? " " : "", tactic_text(tactic));
            phase = tactic;
        } else {
            th_buf_u8(out, ' ');
        }
        text_time(out, s->time_ns);
        th_buf_puts(out, ", ");
        text_device(out, all->identity, s->entity);
        th_buf_u8(out, ' ');
        th_buf_puts(out, s->text);
        if (s->count > 1)
            th_buf_printf(out, " (%u times in this incident)", s->count);
        th_buf_u8(out, '.');
    }
    if (n > told)
        th_buf_printf(out, " And %u weaker findings.", n - told);
}
