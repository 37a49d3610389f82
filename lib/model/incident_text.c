/* SPDX-License-Identifier: Apache-2.0 */
/* Title and summary of an incident: phases in the order of an attack, each sentence with numbers;
 * one sentence for what a device does to many peers. */
#include "model_i.h"

#define MAX_SENTENCES 12u
#define MAX_NAMED 4u /* peers in one sentence besides the first */

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

/* Whoever else takes part: users apart, for they have no place among the devices. */
static void put_others(const struct incident *in, uint64_t entity, struct th_buf *out)
{
    uint32_t count[2] = {0};
    const char *lead = ", with ";
    for (uint32_t i = 0; i < in->device_count; i++)
        count[th_entity_is_user(in->device[i])] += in->device[i] != entity;
    for (unsigned user = 0; user < 2; user++) {
        bool same = th_entity_is_user(entity) == (user == 1);
        if (count[user] == 0)
            continue;
        th_buf_printf(out, "%s%u %s%s%s", lead, count[user], same ? "other " : "",
            user ? "user" : "device", count[user] == 1 ? "" : "s");
        lead = " and ";
    }
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
    put_others(in, best->entity, out);
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

/* Of one device and model towards several peers the strongest is told, and the others named. */
static bool is_told_with(const struct story *s, const struct story *lead)
{
    return s != lead && s->entity == lead->entity && s->model == lead->model && s->peer[0] &&
        lead->peer[0];
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
    const struct story *x = *(const struct story *const *)a;
    const struct story *y = *(const struct story *const *)b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->breach > y->breach) - (x->breach < y->breach);
}

/* Stories of an incident, the strongest first. */
struct stories {
    const struct story *v[MAX_STORIES];
    uint32_t n;
};

/* The strongest leads, in the order of an attack's phases; how many there are. */
static uint32_t pick_leads(
    const struct th_incidents *all, const struct stories *st, struct order ret[MAX_SENTENCES])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < st->n && n < MAX_SENTENCES; i++) {
        bool leads = true;
        for (uint32_t k = 0; k < i && leads; k++)
            leads = !is_told_with(st->v[i], st->v[k]);
        if (leads)
            ret[n++] = (struct order){st->v[i], tactic_rank(model_of(all, st->v[i])->tactic)};
    }
    qsort(ret, n, sizeof(ret[0]), by_phase);
    return n;
}

/* Returns how many stories were told. */
static uint32_t put_paragraph(const struct th_incidents *all, const struct stories *st,
    const struct story *lead, struct th_buf *out)
{
    uint32_t same = 0;
    uint32_t named = 0;
    uint32_t times = lead->count;
    for (uint32_t i = 0; i < st->n; i++)
        same += is_told_with(st->v[i], lead);
    text_time(out, lead->time_ns);
    th_buf_puts(out, ", ");
    text_device(out, all->identity, lead->entity);
    th_buf_u8(out, ' ');
    th_buf_puts(out, lead->text);
    if (same > 0)
        th_buf_printf(out, "; the same with %u %s: ", same, same == 1 ? "other" : "others");
    for (uint32_t i = 0; i < st->n; i++) {
        const struct story *s = st->v[i];
        if (!is_told_with(s, lead))
            continue;
        times += s->count;
        if (named == MAX_NAMED)
            continue;
        const char *comma = named + 1 == same ? " and " : ", ";
        th_buf_puts(out, named == 0 ? "" : comma);
        th_buf_puts(out, s->peer);
        named++;
    }
    if (same > named)
        th_buf_printf(out, " and %u more", same - named);
    if (times > 1)
        th_buf_printf(out, " (%u times in this incident)", times);
    th_buf_u8(out, '.');
    return same + 1;
}

void incident_summary(const struct th_incidents *all, const struct incident *in, struct th_buf *out)
{
    struct stories st = {.n = in->story_count};
    struct order lead[MAX_SENTENCES];
    for (uint32_t i = 0; i < st.n; i++)
        st.v[i] = &in->story[i];
    qsort(st.v, st.n, sizeof(st.v[0]), by_score);
    uint32_t leads = pick_leads(all, &st, lead);
    uint32_t told = 0;
    const char *phase = "";
    for (uint32_t i = 0; i < leads; i++) {
        const char *tactic = model_of(all, lead[i].s)->tactic;
        if (strcmp(tactic, phase) != 0) {
            th_buf_printf(out, "%s%s: ", i ? " " : "", tactic_text(tactic));
            phase = tactic;
        } else {
            th_buf_u8(out, ' ');
        }
        told += put_paragraph(all, &st, lead[i].s, out);
    }
    if (st.n > told)
        th_buf_printf(
            out, " And %u weaker %s.", st.n - told, st.n - told == 1 ? "finding" : "findings");
}
