/* SPDX-License-Identifier: Apache-2.0 */
/* Is a breach no more than part of what a group did? All that is rare in it must be explained. */
#include <math.h>

#include "groups_i.h"

/* What is less is no evidence that somebody would look at. */
#define FAINT 1.0
/* Who does so many times what the others do is not explained by them. */
#define BEYOND 10.0

/* Models of these tactics tell what an infection does that spreads, whatever their evidence. */
static const char *const never[] = {
    "reconnaissance", "discovery", "lateral-movement", "credential-access", "execution", "impact"};

/* ---- breaches ---- */

static bool shares(const struct event *e, uint64_t key)
{
    for (uint32_t i = 0; i < e->shared_count; i++)
        if (e->shared[i].key == key)
            return true;
    return false;
}

/* Did the device have to do with something that they share? */
static bool took_part(const struct th_groups *g, const struct event *e, uint64_t entity)
{
    for (size_t k = group_first_note(g, entity); k < g->note_count && g->note[k].entity == entity;
         k++)
        if (shares(e, g->note[k].shared))
            return true;
    return e->shared_count == 0;
}

/* What is about the very thing that they share needs no count of its own. */
static bool explains(
    const struct th_groups *g, const struct event *e, uint64_t entity, const struct th_signal *s)
{
    struct note n = {0};
    switch (group_about(s->feature)) {
    case ABOUT_NEITHER:
    case ABOUT_HOSTILE: return false;
    case ABOUT_RATE:
        return group_has_feature(e, s->feature) && s->observed <= BEYOND * e->median[s->feature] &&
            took_part(g, e, entity);
    case ABOUT_SHARED: break;
    }
    group_put_shared(&n, s);
    return shares(e, n.shared) || (s->has_peer && shares(e, s->peer.key));
}

/* The first that does; NULL: none. */
static struct event *explained(
    const struct th_groups *g, uint64_t entity, const struct th_signal *s)
{
    for (uint32_t i = 0; i < g->event_count; i++) {
        struct event *e = &g->event[i];
        if (group_is_discounted(e) && group_place_of(e, entity) >= 0 && explains(g, e, entity, s))
            return e;
    }
    return NULL;
}

static bool is_never(const struct th_models *m, unsigned model)
{
    for (size_t i = 0; i < TH_ARRAY_LEN(never); i++)
        if (strcmp(th_models_info(m, model)->tactic, never[i]) == 0)
            return true;
    return false;
}

/* A sequence began before this hour: its evidence is a story that no hour explains. */
static bool began_before(const struct th_groups *g, const struct th_breach *b)
{
    for (uint32_t i = 0; i < b->evidence_count; i++)
        if (b->evidence[i].first_ns < g->end_ns - TH_NS_PER_HOUR)
            return true;
    return false;
}

/* That explains all that is rare in the breach (of several, the one that explains the rarest);
 * NULL: something is not explained. */
static struct event *home_of(const struct th_groups *g, const struct th_breach *b)
{
    struct event *home = NULL;
    for (uint32_t i = 0; i < b->evidence_count; i++) {
        if (i > 0 && b->evidence[i].lgp < FAINT)
            continue;
        struct event *e = explained(g, b->entity, &b->evidence[i]);
        if (!e)
            return NULL;
        home = home ? home : e;
    }
    return home;
}

/* Of what is not discounted the event says how bad it is, and on how many devices. */
static void note_others(struct th_groups *g, const struct th_breach *b)
{
    for (uint32_t i = 0; i < g->event_count; i++) {
        struct event *e = &g->event[i];
        int64_t at = group_place_of(e, b->entity);
        for (uint32_t k = 0; k < b->evidence_count && at >= 0 && !group_is_discounted(e); k++) {
            if (!group_has_feature(e, b->evidence[k].feature))
                continue;
            e->score = fmax(e->score, b->score);
            e->blamed_count += !e->blamed[at];
            e->blamed[at] = true;
        }
    }
}

bool th_groups_claim(struct th_groups *g, struct th_breach *b)
{
    if (g->event_count == 0 || b->end_ns != g->end_ns || b->late_hours > 0)
        return false;
    bool other = is_never(g->models, b->model) || began_before(g, b);
    struct event *home = other ? NULL : home_of(g, b);
    if (!home) {
        note_others(g, b);
        return false;
    }
    if (home->breach_count == home->breach_cap) {
        home->breach_cap = home->breach_cap ? 2 * home->breach_cap : 16;
        home->breach = th_xreallocarray(home->breach, home->breach_cap, sizeof(*home->breach));
    }
    home->breach[home->breach_count++] = b->id;
    home->score = fmax(home->score, b->score);
    b->group_event = home->id;
    return true;
}

/* What somebody should know of: what may be discounted, or what is found on as many devices as make
 * a group. Else it was an hour in which much was somewhat unusual. */
static bool is_told(const struct event *e)
{
    return group_is_discounted(e) || e->blamed_count >= GROUP_MIN_DEVICES;
}

void th_groups_report(const struct th_groups *g, th_group_event_fn fn, void *arg)
{
    for (uint32_t i = 0; i < g->event_count; i++) {
        const struct event *e = &g->event[i];
        if (!is_told(e))
            continue;
        struct th_group_event told = {.id = e->id,
            .group = e->group,
            .feature = e->feature,
            .features = e->features,
            .feature_count = e->feature_count,
            .start_ns = g->end_ns - TH_NS_PER_HOUR,
            .end_ns = g->end_ns,
            .first_ns = e->first_ns,
            .last_ns = e->last_ns,
            .did = e->did[e->feature],
            .active = (uint32_t)TH_MIN(g->active[e->group], (uint64_t)UINT32_MAX),
            .usual = e->usual,
            .discounted = group_is_discounted(e),
            .score = e->score,
            .shared_count = e->shared_count,
            .devices = e->device,
            .device_count = e->device_count,
            .breaches = e->breach,
            .breach_count = e->breach_count};
        for (uint32_t k = 0; k < e->shared_count; k++) {
            told.shared[k].kind = e->shared[k].kind;
            told.shared[k].devices = e->shared[k].devices;
            told.shared[k].text = e->shared[k].text;
        }
        fn(arg, &told);
    }
}
