/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining. A breach joins the incidents that hold one of its links (incident_links.c); no incident
 * grows older than 14 days. A breach that is told again stays where it is. Incidents that a breach
 * joins together become one: the elder stays, under its id.
 */
#include <math.h>

#include "model_i.h"

#define MAX_AGE_NS (14 * TH_NS_PER_DAY)
/* What an ordinary device does every other day (20: an hour in 40) keeps no story going. */
#define KEEP_SCORE 20.0
/* Corroboration: points for each further tactic, and each further model, at full strength. */
#define TACTIC_BONUS 2.0
#define MODEL_BONUS 0.5
#define MAX_BONUS 6.0
#define SCORE_MAX 100.0

struct th_incidents *th_incidents_new(const struct th_models *m, const struct th_identity *id)
{
    struct th_incidents *in = th_xcalloc(1, sizeof(*in));
    in->models = m;
    in->identity = id;
    return in;
}

static void story_free(struct story *s)
{
    free(s->peer);
    free(s->text);
}

void incident_free(struct incident *in)
{
    if (!in)
        return;
    for (uint32_t i = 0; i < in->story_count; i++)
        story_free(&in->story[i]);
    free(in->device);
    free(in->breach);
    free(in);
}

void th_incidents_free(struct th_incidents *all)
{
    if (!all)
        return;
    for (uint32_t i = 0; i < all->count; i++)
        incident_free(all->v[i]);
    free(all->v);
    free(all->joined);
    free(all->withdrawn);
    free(all);
}

/* ---- members ---- */

/* False when it was there before. */
static bool add_id(uint64_t **v, uint32_t *count, uint32_t max, uint64_t id)
{
    for (uint32_t i = 0; i < *count; i++)
        if ((*v)[i] == id)
            return false;
    if (*count == max)
        return true;
    if ((*count & (*count + 1)) == 0) /* 0, 1, 3, 7, ...: full */
        *v = th_xreallocarray(*v, 2 * (size_t)(*count + 1), sizeof(**v));
    (*v)[(*count)++] = id;
    return true;
}

/* Takes it over. One story an entity, model and peer: the stronger telling stays, of one breach the
 * later (its hour went on). */
static void add_story(struct incident *in, struct story *s)
{
    struct story *weakest = &in->story[0];
    for (uint32_t i = 0; i < in->story_count; i++) {
        struct story *old = &in->story[i];
        if (old->entity == s->entity && old->model == s->model && old->peer_key == s->peer_key) {
            bool newer = s->score > old->score || s->breach == old->breach;
            struct story *less = newer ? old : s;
            struct story *more = newer ? s : old;
            more->count += less->count;
            more->start_ns = TH_MIN(more->start_ns, less->start_ns);
            more->end_ns = TH_MAX(more->end_ns, less->end_ns);
            story_free(less);
            if (more == s)
                *old = *s;
            return;
        }
        if (old->score < weakest->score)
            weakest = old;
    }
    s->count = TH_MAX(s->count, 1u);
    if (in->story_count < MAX_STORIES) {
        in->story[in->story_count++] = *s;
    } else if (s->score > weakest->score) {
        story_free(weakest);
        *weakest = *s;
    } else {
        story_free(s);
    }
}

static char *take_text(struct th_buf *b)
{
    th_buf_u8(b, 0);
    char *s = th_xstrdup(b->p ? (const char *)b->p : "");
    th_buf_clear(b);
    return s;
}

static struct story story_of(const struct th_breach *b)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    struct story s = {.breach = b->id,
        .entity = b->entity,
        .peer_key = b->has_peer ? b->peer.key : 0,
        .model = b->model,
        .time_ns = b->time_ns,
        .start_ns = b->start_ns,
        .end_ns = b->end_ns,
        .score = b->score,
        .count = 1};
    if (b->has_peer)
        text_peer(&text, &b->peer);
    s.peer = take_text(&text);
    for (uint32_t i = 0; i < b->evidence_count; i++) {
        if (i > 0)
            th_buf_puts(&text, i + 1 < b->evidence_count ? ", " : ", and ");
        th_signal_sentence(&b->evidence[i], &text);
    }
    if (b->hours > 1) {
        th_buf_printf(&text, " [hour %u of it since ", b->hours);
        text_time(&text, b->since_ns);
        th_buf_puts(&text, "]");
    }
    if (b->late_hours)
        th_buf_printf(&text, " [seen %u hours late]", b->late_hours);
    s.text = take_text(&text);
    return s;
}

/* The best breach, plus a little for each further tactic and model that agree, in proportion to
 * how strong they are against it: rank for what is corroborated, but many weak signs never beat
 * one that is six points stronger. */
double incident_score(const struct th_models *m, const struct incident *in)
{
    double best = 0;
    double bonus = 0;
    for (uint32_t i = 0; i < in->story_count; i++)
        best = fmax(best, in->story[i].score);
    for (uint32_t i = 0; i < in->story_count; i++) {
        const struct story *s = &in->story[i];
        bool first_of_tactic = true;
        bool first_of_model = true;
        /* Strongest of its tactic and model: equal ones by place. */
        for (uint32_t k = 0; k < in->story_count; k++) {
            const struct story *o = &in->story[k];
            bool stronger = o->score > s->score || (o->score == s->score && o->breach < s->breach);
            if (!stronger)
                continue;
            first_of_model = first_of_model && o->model != s->model;
            first_of_tactic = first_of_tactic &&
                strcmp(m->model[o->model].info.tactic, m->model[s->model].info.tactic) != 0;
        }
        double share = best > 0 ? s->score / best : 0;
        bonus += share * (first_of_tactic ? TACTIC_BONUS : first_of_model ? MODEL_BONUS : 0);
    }
    bonus = fmin(fmax(bonus - TACTIC_BONUS, 0), MAX_BONUS); /* the best one's own is no bonus */
    return fmin(best + bonus, SCORE_MAX);
}

/* ---- joining ---- */

static struct incident *incident_new(struct th_incidents *all, const struct th_breach *b)
{
    struct incident *in = th_xcalloc(1, sizeof(*in));
    in->id = th_hash_pair(0x696e636964656e74, b->id);
    in->start_ns = b->start_ns;
    in->end_ns = b->end_ns;
    if (all->count == all->cap) {
        all->cap = all->cap ? all->cap * 2 : 64;
        all->v = th_xreallocarray(all->v, all->cap, sizeof(struct incident *));
    }
    all->v[all->count++] = in;
    return in;
}

static void note_joined(struct th_incidents *all, uint64_t younger, uint64_t elder)
{
    if (all->joined_count == all->joined_cap) {
        all->joined_cap = all->joined_cap ? all->joined_cap * 2 : 16;
        all->joined = th_xreallocarray(all->joined, all->joined_cap, sizeof(*all->joined));
    }
    all->joined[all->joined_count++] = (struct joined){.younger = younger, .elder = elder};
}

/* Takes `from` over; whoever was told of it is told where it went. */
static void merge(struct th_incidents *all, struct incident *to, struct incident *from)
{
    to->start_ns = TH_MIN(to->start_ns, from->start_ns);
    to->end_ns = TH_MAX(to->end_ns, from->end_ns);
    /* As one that asked as often as either: two that became one are no worse for that. */
    to->alerts = TH_MAX(to->alerts, from->alerts);
    to->alerts_told = TH_MIN(TH_MAX(to->alerts_told, from->alerts_told), to->alerts);
    to->alert_score = fmax(to->alert_score, from->alert_score);
    to->alert_ns = TH_MAX(to->alert_ns, from->alert_ns);
    for (uint32_t i = 0; i < from->device_count; i++)
        add_id(&to->device, &to->device_count, MAX_INCIDENT_DEVICES, from->device[i]);
    for (uint32_t i = 0; i < from->breach_count; i++)
        add_id(&to->breach, &to->breach_count, MAX_INCIDENT_BREACHES, from->breach[i]);
    links_take(to, from);
    for (uint32_t i = 0; i < from->story_count; i++)
        add_story(to, &from->story[i]);
    from->story_count = 0;
    if (from->told)
        note_joined(all, from->id, to->id);
    incident_free(from);
}

static bool joins(const struct incident *in, const struct links *l, const struct th_breach *b)
{
    int64_t start = TH_MIN(in->start_ns, b->start_ns);
    int64_t end = TH_MAX(in->end_ns, b->end_ns);
    if (th_time_sub(end, start) > MAX_AGE_NS ||
        th_time_sub(b->start_ns, in->end_ns) > LINK_LONGEST_NS)
        return false;
    return links_meet(in, l, b);
}

/* Of two that become one, the one whose id stays: somebody may have been sent a link to it. */
static bool is_elder(const struct incident *x, const struct incident *y)
{
    if (x->told != y->told)
        return x->told;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns;
    return x->id < y->id;
}

static bool has_breach(const struct incident *in, uint64_t breach)
{
    for (uint32_t i = 0; i < in->breach_count; i++)
        if (in->breach[i] == breach)
            return true;
    return false;
}

/* Its place: where the breach is already, else the eldest that it joins; all->count for none. */
static uint32_t find_home(
    const struct th_incidents *all, const struct links *l, const struct th_breach *b)
{
    uint32_t home = all->count;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct incident *in = all->v[i];
        if (has_breach(in, b->id))
            return i;
        if (joins(in, l, b) && (home == all->count || is_elder(in, all->v[home])))
            home = i;
    }
    return home;
}

static void drop_empty_places(struct th_incidents *all)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < all->count; i++)
        if (all->v[i])
            all->v[kept++] = all->v[i];
    all->count = kept;
}

static struct incident *find_or_join(
    struct th_incidents *all, const struct links *l, const struct th_breach *b)
{
    uint32_t home = find_home(all, l, b);
    if (home == all->count)
        return incident_new(all, b);
    for (uint32_t i = 0; i < all->count; i++) {
        const struct incident *x = all->v[i];
        const struct incident *y = all->v[home];
        if (!x || i == home || !joins(x, l, b) ||
            th_time_sub(TH_MAX(x->end_ns, y->end_ns), TH_MIN(x->start_ns, y->start_ns)) >
                MAX_AGE_NS)
            continue;
        uint32_t from = is_elder(x, y) ? home : i;
        home = from == i ? home : i;
        merge(all, all->v[home], TH_TAKE(all->v[from]));
    }
    struct incident *in = all->v[home];
    drop_empty_places(all);
    return in;
}

/* Full: the weakest incident that was told already, else the weakest, is forgotten. */
static void make_room(struct th_incidents *all)
{
    uint32_t victim = 0;
    if (all->count < MAX_INCIDENTS)
        return;
    for (uint32_t i = 1; i < all->count; i++) {
        const struct incident *x = all->v[i];
        const struct incident *y = all->v[victim];
        if (x->changed != y->changed ? !x->changed : x->score < y->score)
            victim = i;
    }
    incident_free(all->v[victim]);
    memmove(&all->v[victim], &all->v[victim + 1],
        (all->count - victim - 1) * sizeof(struct incident *));
    all->count--;
    all->dropped++;
}

static void raise_alert(struct incident *in, double threshold, int64_t now_ns)
{
    if (in->score < threshold || (in->alerts && in->score < in->alert_score + TH_ESCALATION))
        return;
    in->alerts++;
    in->alert_score = in->score;
    in->alert_ns = now_ns;
}

void th_incidents_add(
    struct th_incidents *all, const struct th_breach *b, double threshold, int64_t now_ns)
{
    struct links l = links_of(all->models, all->identity, b, threshold);
    make_room(all);
    struct incident *in = find_or_join(all, &l, b);
    struct story s = story_of(b);
    in->start_ns = TH_MIN(in->start_ns, b->start_ns);
    in->end_ns = TH_MAX(in->end_ns, b->end_ns);
    add_id(&in->device, &in->device_count, MAX_INCIDENT_DEVICES, b->entity);
    if (b->source)
        add_id(&in->device, &in->device_count, MAX_INCIDENT_DEVICES, b->source);
    if (!add_id(&in->breach, &in->breach_count, MAX_INCIDENT_BREACHES, b->id))
        s.count = 0; /* told before, and counted */
    if (in->link_count == 0 || b->score >= KEEP_SCORE)
        links_put(in, &l, b->end_ns);
    add_story(in, &s);
    in->score = fmax(in->score, incident_score(all->models, in));
    raise_alert(in, threshold, now_ns);
    in->changed = true;
}

static void remove_id(uint64_t *v, uint32_t *count, uint64_t id)
{
    for (uint32_t i = 0; i < *count; i++)
        if (v[i] == id) {
            memmove(v + i, v + i + 1, (*count - i - 1) * sizeof(*v));
            (*count)--;
            return;
        }
}

static bool has_device(const struct incident *in, uint64_t entity)
{
    for (uint32_t i = 0; i < in->device_count; i++)
        if (in->device[i] == entity)
            return true;
    return false;
}

static bool tells_of(const struct incident *in, uint64_t entity)
{
    for (uint32_t i = 0; i < in->story_count; i++)
        if (in->story[i].entity == entity)
            return true;
    return false;
}

/* What it tells goes with it, and whoever nothing else is told of; what told the same of other
 * hours stays told. */
static void take_story(struct incident *in, uint64_t breach)
{
    for (uint32_t i = 0; i < in->story_count; i++) {
        struct story *s = &in->story[i];
        if (s->breach != breach || --s->count > 0)
            continue;
        uint64_t entity = s->entity;
        story_free(s);
        in->story_count--;
        memmove(s, s + 1, (in->story_count - i) * sizeof(*s));
        if (!tells_of(in, entity)) {
            remove_id(in->device, &in->device_count, entity);
            links_forget(in, entity);
        }
        return;
    }
}

static void note_withdrawn(struct th_incidents *all, uint64_t incident, uint64_t group_event)
{
    if (all->withdrawn_count == all->withdrawn_cap) {
        all->withdrawn_cap = all->withdrawn_cap ? 2 * all->withdrawn_cap : 16;
        all->withdrawn =
            th_xreallocarray(all->withdrawn, all->withdrawn_cap, sizeof(*all->withdrawn));
    }
    all->withdrawn[all->withdrawn_count++] =
        (struct withdrawn){.incident = incident, .group_event = group_event};
}

void th_incidents_withdraw(struct th_incidents *all, uint64_t breach, uint64_t group_event)
{
    uint32_t at = 0;
    while (at < all->count && !has_breach(all->v[at], breach))
        at++;
    if (at == all->count)
        return;
    struct incident *in = all->v[at];
    remove_id(in->breach, &in->breach_count, breach);
    take_story(in, breach);
    in->score = incident_score(all->models, in);
    in->alert_score = fmin(in->alert_score, in->score);
    in->changed = true;
    if (in->breach_count > 0 && in->story_count > 0)
        return;
    if (in->told)
        note_withdrawn(all, in->id, group_event);
    incident_free(in);
    all->v[at] = NULL;
    drop_empty_places(all);
}

/* False: nothing is left of it. */
static bool take_out(const struct th_incidents *all, struct incident *in, uint64_t entity)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < in->story_count; i++) {
        struct story *s = &in->story[i];
        if (s->entity != entity) {
            in->story[kept++] = *s;
            continue;
        }
        remove_id(in->breach, &in->breach_count, s->breach);
        story_free(s);
    }
    in->story_count = kept;
    remove_id(in->device, &in->device_count, entity);
    links_forget(in, entity);
    in->score = incident_score(all->models, in);
    in->alert_score = fmin(in->alert_score, in->score);
    in->changed = true;
    return kept > 0;
}

void th_incidents_forget(struct th_incidents *all, uint64_t entity)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        struct incident *in = all->v[i];
        if (!has_device(in, entity) || take_out(all, in, entity))
            all->v[kept++] = in;
        else
            incident_free(in);
    }
    all->count = kept;
}

static int best_first(const void *a, const void *b)
{
    const struct incident *x = *(struct incident *const *)a;
    const struct incident *y = *(struct incident *const *)b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void tell(struct th_incidents *all, struct incident *in, th_incident_fn fn, void *arg)
{
    TH_AUTOBUF struct th_buf title = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf summary = TH_BUF_INIT;
    incident_title(all, in, &title);
    incident_summary(all, in, &summary);
    th_buf_u8(&title, 0);
    th_buf_u8(&summary, 0);
    struct th_incident i = {.id = in->id,
        .start_ns = in->start_ns,
        .end_ns = in->end_ns,
        .score = in->score,
        .alerts = in->alerts,
        .new_alerts = in->alerts - in->alerts_told,
        .alert_ns = in->alert_ns,
        .devices = in->device,
        .device_count = in->device_count,
        .breaches = in->breach,
        .breach_count = in->breach_count,
        .title = (const char *)title.p,
        .summary = (const char *)summary.p};
    in->changed = false;
    in->told = true;
    in->alerts_told = in->alerts;
    fn(arg, &i);
}

void th_incidents_report(struct th_incidents *all, th_incident_fn fn, void *arg)
{
    TH_AUTOFREE struct incident **v = th_xcalloc(all->count + 1, sizeof(struct incident *));
    uint32_t n = 0;
    for (uint32_t i = 0; i < all->count; i++)
        if (all->v[i]->changed)
            v[n++] = all->v[i];
    qsort(v, n, sizeof(struct incident *), best_first);
    for (uint32_t i = 0; i < n; i++)
        tell(all, v[i], fn, arg);
}

void th_incidents_report_joined(struct th_incidents *all, th_incident_joined_fn fn, void *arg)
{
    for (uint32_t i = 0; i < all->joined_count; i++)
        fn(arg, all->joined[i].younger, all->joined[i].elder);
    all->joined_count = 0;
}

void th_incidents_report_withdrawn(struct th_incidents *all, th_incident_withdrawn_fn fn, void *arg)
{
    for (uint32_t i = 0; i < all->withdrawn_count; i++)
        fn(arg, all->withdrawn[i].incident, all->withdrawn[i].group_event);
    all->withdrawn_count = 0;
}
