/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs scenario files through identity, learner, scorer and incidents, without processes and
 * without a clock, and prints TAP: one line an expectation.
 *
 *   run_scenario MODELS_DIR FILE...
 */
#include <dirent.h>
#include <stdio.h>

#include "base/mem.h"
#include "model/group.h"
#include "model/model.h"
#include "script.h"

#define BUDGET_PER_DAY 5.0

struct finding {
    unsigned model;
    uint64_t entity;
    double score;
    bool is_part; /* of a group event */
    struct th_addr peer;
    char host[128];
};

struct world {
    struct th_models *models;
    struct th_identity *identity;
    struct th_learn *learn;
    struct th_scorer *scorer;
    struct th_incidents *incidents;
    struct th_groups *groups;
    struct th_breach *breach; /* of the epoch that closes */
    size_t breach_count, breach_cap;
    struct finding *finding;
    size_t finding_count, finding_cap;
    struct {
        double score;
        uint64_t devices[8];
        uint32_t device_count;
    } incident[256];
    size_t incident_count;
    struct {
        bool feature[TH_FEATURE_COUNT];
        uint32_t devices;
        char shared[TH_GROUP_TEXT_LEN];
    } group[64];
    size_t group_count;
    int64_t mark_ns;
    bool verbose;
};

static int load_models(struct th_models *m, const char *dir)
{
    struct dirent **names;
    int n = scandir(dir, &names, NULL, alphasort);
    int r = n > 0 ? 0 : -ENOENT;
    for (int i = 0; i < n && r == 0; i++) {
        TH_AUTOFREE char *path = th_xasprintf("%s/%s", dir, names[i]->d_name);
        bool is_model = th_str_ends(th_str_c(path), ".yaml");
        TH_AUTOFCLOSE FILE *f = is_model ? fopen(path, "re") : NULL;
        char text[16384];
        struct th_model_error err;
        if (f)
            r = th_models_add(m, text, fread(text, 1, sizeof(text), f), &err);
        if (f && r < 0)
            fprintf(stderr, "%s:%d: %s\n", path, err.line, err.text);
    }
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return r;
}

static void world_init(struct world *w, const char *models_dir)
{
    static const struct th_hash_key key = {0x7363656e6172696f, 0x6b65792d6b65792d};
    w->models = th_models_new();
    TH_ASSERT(load_models(w->models, models_dir) == 0);
    w->identity = th_identity_new(&(struct th_identity_config){.key = key});
    w->learn = th_learn_new(&(struct th_learn_config){.key = key, .partitions = UINT64_MAX});
    w->scorer = th_scorer_new(w->models, UINT64_MAX);
    w->incidents = th_incidents_new(w->models, w->identity);
    w->groups = th_groups_new(w->models);
    w->verbose = getenv("SCENARIO_VERBOSE") != NULL;
}

static void world_done(struct world *w)
{
    th_incidents_free(w->incidents);
    th_groups_free(w->groups);
    th_scorer_free(w->scorer);
    th_learn_free(w->learn);
    th_identity_free(w->identity);
    th_models_free(w->models);
    free(w->breach);
    free(w->finding);
}

static void keep(void *arg, const struct th_breach *b)
{
    struct world *w = arg;
    if (w->breach_count == w->breach_cap) {
        w->breach_cap = w->breach_cap ? w->breach_cap * 2 : 64;
        w->breach = th_xreallocarray(w->breach, w->breach_cap, sizeof(*w->breach));
    }
    w->breach[w->breach_count++] = *b;
}

static void score(void *arg, const struct th_window *win)
{
    struct world *w = arg;
    if (w->verbose && win->start_ns >= w->mark_ns)
        for (uint32_t i = 0; i < win->count; i++) {
            TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
            th_signal_sentence(&win->signals[i], &line);
            fprintf(stderr, "  signal %s lgp %.2f raw %.2f %.*s\n",
                th_feature_get(win->signals[i].feature)->name, win->signals[i].lgp,
                win->signals[i].lgp_raw, (int)line.len, (const char *)line.p);
        }
    th_scorer_window(w->scorer, win, keep, w);
    th_groups_window(w->groups, win);
}

static int in_order(const void *a, const void *b)
{
    const struct th_breach *x = a;
    const struct th_breach *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void note(struct world *w, const struct th_breach *b)
{
    if (b->time_ns < w->mark_ns)
        return;
    struct finding f = {
        .model = b->model, .entity = b->entity, .score = b->score, .is_part = b->group_event != 0};
    if (b->has_peer) {
        f.peer = b->peer.addr;
        snprintf(f.host, sizeof(f.host), "%.*s", (int)b->peer.host.len,
            b->peer.host.len ? b->peer.host.p : "");
    }
    if (w->finding_count == w->finding_cap) {
        w->finding_cap = w->finding_cap ? w->finding_cap * 2 : 64;
        w->finding = th_xreallocarray(w->finding, w->finding_cap, sizeof(*w->finding));
    }
    w->finding[w->finding_count++] = f;
    if (w->verbose) {
        TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
        th_breach_json(b, w->models, w->identity, &line);
        fprintf(stderr, "%.*s", (int)line.len, (const char *)line.p);
    }
}

static void keep_group(void *arg, const struct th_group_event *e)
{
    struct world *w = arg;
    if (e->end_ns <= w->mark_ns)
        return;
    if (w->verbose) {
        TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
        th_group_event_json(e, 38, w->identity, &line);
        fprintf(stderr, "%.*s", (int)line.len, (const char *)line.p);
    }
    TH_ASSERT(w->group_count < TH_ARRAY_LEN(w->group));
    size_t at = w->group_count++;
    for (uint32_t i = 0; i < e->feature_count; i++)
        w->group[at].feature[e->features[i]] = true;
    w->group[at].devices = e->device_count;
    if (e->shared_count > 0)
        snprintf(w->group[at].shared, sizeof(w->group[at].shared), "%s", e->shared[0].text);
}

static void close_epoch(struct world *w, int64_t epoch_ns)
{
    w->breach_count = 0;
    th_groups_begin(w->groups, epoch_ns);
    th_learn_close(w->learn, epoch_ns, score, w);
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        TH_AUTOBUF struct th_buf block = TH_BUF_INIT;
        th_learn_epoch_out(w->learn, p, &block);
        TH_ASSERT(th_learn_epoch_in(w->learn, p, block.p, block.len) == 0);
        th_buf_clear(&block);
        th_scorer_epoch_out(w->scorer, p, &block);
        TH_ASSERT(th_scorer_epoch_in(w->scorer, p, block.p, block.len) == 0);
    }
    th_learn_epoch_done(w->learn, epoch_ns);
    th_scorer_epoch_done(w->scorer, epoch_ns);
    if (w->breach_count)
        qsort(w->breach, w->breach_count, sizeof(*w->breach), in_order);
    th_groups_judge(w->groups);
    for (size_t i = 0; i < w->breach_count; i++) {
        struct th_breach *b = &w->breach[i];
        for (uint32_t k = 0; k < b->evidence_count; k++) {
            b->evidence[k].peer.host = th_str_c(b->evidence[k].peer_host);
            b->evidence[k].peer.domain = th_str_c(b->evidence[k].peer_domain);
            if (b->has_peer && b->evidence[k].has_peer && b->evidence[k].peer.key == b->peer.key)
                b->peer = b->evidence[k].peer;
        }
        bool is_part = th_groups_claim(w->groups, b);
        note(w, b);
        if (is_part) {
            th_scorer_discount(w->scorer, b->model, b->throttle, b->time_ns);
            continue;
        }
        th_incidents_add(w->incidents, b,
            th_scorer_threshold(w->scorer, BUDGET_PER_DAY, (double)th_identity_count(w->identity)),
            b->end_ns);
    }
    th_groups_report(w->groups, keep_group, w);
}

static void keep_incident(void *arg, const struct th_incident *i)
{
    struct world *w = arg;
    if (i->end_ns < w->mark_ns)
        return;
    if (w->verbose) {
        TH_AUTOBUF struct th_buf line = TH_BUF_INIT;
        th_incident_json(i, w->identity, &line);
        fprintf(stderr, "%.*s", (int)line.len, (const char *)line.p);
    }
    if (w->incident_count == TH_ARRAY_LEN(w->incident))
        return;
    size_t at = w->incident_count++;
    w->incident[at].score = i->score;
    w->incident[at].device_count = TH_MIN(i->device_count, 8u);
    for (uint32_t k = 0; k < w->incident[at].device_count; k++)
        w->incident[at].devices[k] = i->devices[k];
}

static void play(struct world *w, const struct script *s)
{
    int64_t epoch_ns = 0;
    for (size_t i = 0; i < s->event_count; i++) {
        const struct th_event *ev = &s->events[i]->h;
        struct th_who who;
        if (i == 0 || ev->time_ns >= epoch_ns) {
            if (i > 0)
                close_epoch(w, epoch_ns);
            epoch_ns = th_time_floor(ev->time_ns, TH_NS_PER_HOUR) + TH_NS_PER_HOUR;
        }
        th_identity_event(w->identity, ev, &who);
        th_learn_event(w->learn, ev, &who);
    }
    close_epoch(w, epoch_ns);
    th_incidents_report(w->incidents, keep_incident, w);
}

/* ---- expectations ---- */

static bool is_device(const struct world *w, uint64_t entity, const struct expectation *e)
{
    const struct th_entity *x = th_identity_find(w->identity, entity);
    const struct th_net_user *u = th_identity_user(w->identity, entity);
    if (e->user.len)
        return u && th_str_is(e->user, u->name);
    return !e->has_device || (x && th_addr_eq(&x->addr, &e->device));
}

static bool is_peer(const struct finding *f, const struct expectation *e)
{
    struct th_addr a;
    if (!e->peer.len)
        return true;
    if (th_addr_parse(e->peer, &a))
        return th_addr_eq(&a, &f->peer);
    return th_str_eq(e->peer, th_str_c(f->host));
}

static bool found(const struct world *w, const struct expectation *e)
{
    for (size_t i = 0; i < w->finding_count; i++) {
        const struct finding *f = &w->finding[i];
        if (th_str_is(e->model, th_models_info(w->models, f->model)->id) &&
            is_device(w, f->entity, e) && is_peer(f, e) &&
            (e->kind < EXPECT_TOLD || f->is_part == (e->kind == EXPECT_PART)))
            return true;
    }
    return false;
}

static uint64_t incidents_of(const struct world *w, const struct expectation *e, size_t most)
{
    uint64_t n = 0;
    for (size_t i = 0; i < w->incident_count && i < most; i++) {
        bool about = false;
        for (uint32_t k = 0; k < w->incident[i].device_count; k++)
            about = about || is_device(w, w->incident[i].devices[k], e);
        n += about;
    }
    return n;
}

static bool has_group(const struct world *w, const struct expectation *e)
{
    int feature = th_feature_find(e->model);
    for (size_t i = 0; i < w->group_count && feature >= 0; i++)
        if (w->group[i].feature[feature] && w->group[i].devices == e->count &&
            (!e->peer.len || th_str_is(e->peer, w->group[i].shared)))
            return true;
    return false;
}

static bool known_model(const struct world *w, struct th_str id)
{
    for (unsigned i = 0; i < th_models_count(w->models); i++)
        if (th_str_is(id, th_models_info(w->models, i)->id))
            return true;
    return false;
}

static bool holds(const struct world *w, const struct expectation *e)
{
    switch (e->kind) {
    case EXPECT_BREACH:
    case EXPECT_TOLD:
    case EXPECT_PART: return known_model(w, e->model) && found(w, e);
    case EXPECT_NONE: return known_model(w, e->model) && !found(w, e);
    case EXPECT_TOP: return incidents_of(w, e, 1) == 1;
    case EXPECT_INCIDENTS: return incidents_of(w, e, SIZE_MAX) == e->count;
    case EXPECT_GROUP: return has_group(w, e);
    case EXPECT_GROUPS: return w->group_count == e->count;
    }
    return false;
}

static size_t run(const char *models_dir, const char *path, size_t number)
{
    struct script s;
    if (script_load(path, &s) < 0 || s.expect_count == 0) {
        printf("not ok %zu %s: cannot be read, or expects nothing\n", ++number, path);
        script_done(&s);
        return number;
    }
    TH_AUTOFREE struct world *w = th_xcalloc(1, sizeof(*w));
    world_init(w, models_dir);
    w->mark_ns = s.mark_ns;
    play(w, &s);
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    for (size_t i = 0; i < s.expect_count; i++) {
        const struct expectation *e = &s.expect[i];
        printf("%s %zu %s:%d %.*s\n", holds(w, e) ? "ok" : "not ok", ++number, name, e->line,
            (int)e->text.len, e->text.p);
    }
    world_done(w);
    script_done(&s);
    return number;
}

int main(int argc, char **argv)
{
    size_t number = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: run_scenario MODELS_DIR FILE...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        number = run(argv[1], argv[i], number);
    printf("1..%zu\n", number);
    return 0;
}
