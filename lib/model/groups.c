/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging an hour of groups. Per feature (and per destination, port or client where the feature is
 * about one) it is counted on how many devices of the group a signal was as rare as one in a
 * hundred; that many are an event when the calibrators' promise, doubled, makes it a chance of one
 * in a million. Events of much the same devices are one.
 */
#include "model/group.h"

#include <math.h>

#include "base/hash.h"
#include "model_i.h"

/* What counts, as -lg p. */
#define BAR 2.0
/* What is less is no evidence that somebody would look at. */
#define FAINT 1.0
/* Of what is calibrated, measured in single hours, up to 1.6 times as much occurs as was promised
 * (morning, Monday, an outage): twice is granted. */
#define GRANTED 2.0
/* ln of one in a million: of some 2,000 counts of a day (features, groups, hours) chance makes an
 * event in a year and a half. */
#define CHANCE 13.8
/* Less are no group, whatever their share. */
#define MIN_DEVICES 5u
#define MIN_SHARE 0.05
/* Who does so many times what the others do is not explained by them. */
#define BEYOND 10.0

enum about { ABOUT_NEITHER, ABOUT_RATE, ABOUT_SHARED, ABOUT_HOSTILE };
static const struct {
    enum about about;
} table[TH_FEATURE_COUNT] = {
#define TH_GROUP_FEATURE(NAME, ABOUT, did, why) [TH_FEAT_##NAME] = {ABOUT_##ABOUT},
#include "group_features.def"
#undef TH_GROUP_FEATURE
};

/* Models of these tactics tell what an infection does that spreads, whatever their evidence. */
static const char *const never[] = {
    "reconnaissance", "discovery", "lateral-movement", "credential-access", "execution", "impact"};

/* A signal, of a device that has at least one that counts. */
struct note {
    uint64_t entity, shared; /* shared 0: about nothing that others could share */
    double lgp, observed;
    int64_t first_ns, last_ns;
    uint16_t feature;
    uint8_t group; /* enum th_habit */
    uint8_t kind;  /* enum th_shared */
    char text[TH_GROUP_TEXT_LEN];
};

struct shared {
    uint64_t key;
    enum th_shared kind;
    uint32_t devices;
    char text[TH_GROUP_TEXT_LEN];
};

struct event {
    uint64_t id;
    enum th_habit group;
    unsigned feature;
    bool harmless, hostile; /* has a feature that is discounted; one of an infection */
    int64_t first_ns, last_ns;
    uint64_t *device; /* ascending */
    uint32_t device_count;
    uint16_t features[TH_FEATURE_COUNT];
    double median[TH_FEATURE_COUNT]; /* of each of them, what the members did */
    uint32_t feature_count;
    struct shared shared[TH_GROUP_MAX_SHARED];
    uint32_t shared_count;
    uint64_t *breach;
    uint32_t breach_count, breach_cap;
    double score;
};

struct th_groups {
    const struct th_models *models;
    int64_t end_ns;
    uint64_t active[TH_HABIT_SERVER + 1];
    struct note *note;
    size_t note_count, note_cap;
    struct event *event;
    uint32_t event_count, event_cap;
};

struct th_groups *th_groups_new(const struct th_models *m)
{
    struct th_groups *g = th_xcalloc(1, sizeof(*g));
    g->models = m;
    g->end_ns = TH_TIME_UNSET;
    return g;
}

static void event_done(struct event *e)
{
    free(e->device);
    free(e->breach);
}

static void drop_events(struct th_groups *g)
{
    for (uint32_t i = 0; i < g->event_count; i++)
        event_done(&g->event[i]);
    g->event_count = 0;
}

void th_groups_free(struct th_groups *g)
{
    if (!g)
        return;
    drop_events(g);
    free(g->event);
    free(g->note);
    free(g);
}

void th_groups_begin(struct th_groups *g, int64_t end_ns)
{
    drop_events(g);
    g->note_count = 0;
    memset(g->active, 0, sizeof(g->active));
    g->end_ns = end_ns;
}

/* ---- notes ---- */

static struct note *note_add(struct th_groups *g)
{
    if (g->note_count == g->note_cap) {
        g->note_cap = g->note_cap ? 2 * g->note_cap : 64;
        g->note = th_xreallocarray(g->note, g->note_cap, sizeof(*g->note));
    }
    struct note *n = &g->note[g->note_count++];
    memset(n, 0, sizeof(*n));
    return n;
}

static void put_peer(struct note *n, const struct th_signal *s)
{
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    struct th_peer p = s->peer;
    if (p.domain.len)
        p.host = p.domain; /* what the key is of */
    text_peer(&text, &p);
    n->kind = TH_SHARED_DESTINATION;
    n->shared = p.key;
    snprintf(n->text, sizeof(n->text), "%.*s", (int)text.len, (const char *)text.p);
}

/* A port, or a client's software: its key does not leave the learner, its words do. */
static void put_words(struct note *n, const struct th_signal *s, enum th_shared kind)
{
    static const struct th_hash_key key = {0x67726f7570732d31, 0x7468796d75730004};
    size_t len = strnlen(s->detail, sizeof(s->detail));
    n->kind = (uint8_t)kind;
    n->shared = len > 0 ? th_siphash(&key, s->detail, len) : 0;
    snprintf(n->text, sizeof(n->text), "%.*s", (int)len, s->detail);
}

static void put_shared(struct note *n, const struct th_signal *s)
{
    if (s->feature == TH_FEAT_NEW_PORT)
        put_words(n, s, TH_SHARED_PORT);
    else if (s->feature == TH_FEAT_NEW_FINGERPRINT)
        put_words(n, s, TH_SHARED_CLIENT);
    else if (s->has_peer)
        put_peer(n, s);
}

static bool has_rare(const struct th_window *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (w->signals[i].lgp >= BAR)
            return true;
    return false;
}

void th_groups_window(struct th_groups *g, const struct th_window *w)
{
    if (w->end_ns != g->end_ns || w->habit == TH_HABIT_NEW)
        return;
    g->active[w->habit]++;
    for (uint32_t i = 0; i < w->count && has_rare(w); i++) {
        const struct th_signal *s = &w->signals[i];
        if (s->lgp < BAR && !s->has_peer)
            continue;
        struct note *n = note_add(g);
        n->entity = w->entity;
        n->group = (uint8_t)w->habit;
        n->feature = s->feature;
        n->lgp = s->lgp;
        n->observed = s->observed;
        n->first_ns = s->first_ns;
        n->last_ns = s->last_ns;
        put_shared(n, s);
    }
}

void th_groups_out(const struct th_groups *g, struct th_buf *out)
{
    th_buf_put(out, g->active, sizeof(g->active));
    th_buf_put(out, g->note, g->note_count * sizeof(*g->note));
}

int th_groups_in(struct th_groups *g, struct th_str notes)
{
    uint64_t active[TH_ARRAY_LEN(g->active)];
    struct th_cur c = th_cur_init(notes.p, notes.len);
    struct th_str head = th_cur_bytes(&c, sizeof(active));
    size_t count = th_cur_left(&c) / sizeof(struct note);
    if (c.failed || count * sizeof(struct note) != th_cur_left(&c))
        return TH_E_MALFORMED;
    memcpy(active, head.p, sizeof(active));
    for (size_t i = 0; i < TH_ARRAY_LEN(active); i++)
        g->active[i] += active[i];
    if (count == 0)
        return 0;
    struct th_str raw = th_cur_bytes(&c, count * sizeof(struct note));
    if (g->note_count + count > g->note_cap) {
        g->note_cap = g->note_count + count;
        g->note = th_xreallocarray(g->note, g->note_cap, sizeof(*g->note));
    }
    memcpy(g->note + g->note_count, raw.p, raw.len);
    g->note_count += count;
    return 0;
}

/* ---- counting ---- */

/* What a count is about: nothing, where the feature is not counted by what is shared. */
static uint64_t counted_by(const struct note *n)
{
    return table[n->feature].about == ABOUT_SHARED ? n->shared : 0;
}

#define COMPARE(x, y)                                                                              \
    do {                                                                                           \
        if ((x) != (y))                                                                            \
            return (x) < (y) ? -1 : 1;                                                             \
    } while (0)

static int by_count(const void *a, const void *b)
{
    const struct note *x = a;
    const struct note *y = b;
    COMPARE(x->group, y->group);
    COMPARE(x->feature, y->feature);
    COMPARE(counted_by(x), counted_by(y));
    COMPARE(x->entity, y->entity);
    COMPARE(y->lgp, x->lgp);
    COMPARE(x->shared, y->shared);
    COMPARE(x->first_ns, y->first_ns);
    return (x->observed > y->observed) - (x->observed < y->observed);
}

static int by_device(const void *a, const void *b)
{
    const struct note *x = a;
    const struct note *y = b;
    COMPARE(x->entity, y->entity);
    COMPARE(x->shared, y->shared);
    COMPARE(x->feature, y->feature);
    COMPARE(y->lgp, x->lgp);
    return (x->observed > y->observed) - (x->observed < y->observed);
}

static int by_key(const void *a, const void *b)
{
    const struct shared *x = a;
    const struct shared *y = b;
    COMPARE(x->key, y->key);
    return strcmp(x->text, y->text);
}

static int commonest_first(const void *a, const void *b)
{
    const struct shared *x = a;
    const struct shared *y = b;
    COMPARE(y->devices, x->devices);
    return (x->key > y->key) - (x->key < y->key);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Chernoff's bound of the binomial tail, as -ln: exact enough where it matters, and never less
 * cautious than the tail. */
static double unlikely(double n, double k, double p)
{
    double share = k / n;
    if (share <= p)
        return 0;
    double rest = share < 1 ? (1 - share) * log((1 - share) / (1 - p)) : 0;
    return n * (share * log(share / p) + rest);
}

static bool is_event(const struct th_groups *g, unsigned group, uint32_t devices)
{
    double active = (double)g->active[group];
    return devices >= MIN_DEVICES && devices >= MIN_SHARE * active &&
        unlikely(active, devices, GRANTED * pow(10, -BAR)) >= CHANCE;
}

/* Notes of one device in a run; the first is its rarest. */
static size_t device_end(const struct note *v, size_t at, size_t end)
{
    size_t next = at + 1;
    while (next < end && v[next].entity == v[at].entity)
        next++;
    return next;
}

static void take_shared(struct event *e, const struct shared *s)
{
    for (uint32_t i = 0; i < e->shared_count; i++)
        if (e->shared[i].key == s->key) {
            e->shared[i].devices = TH_MAX(e->shared[i].devices, s->devices);
            return;
        }
    if (e->shared_count < TH_GROUP_MAX_SHARED)
        e->shared[e->shared_count++] = *s;
}

static struct event *event_add(struct th_groups *g)
{
    if (g->event_count == g->event_cap) {
        g->event_cap = g->event_cap ? 2 * g->event_cap : 16;
        g->event = th_xreallocarray(g->event, g->event_cap, sizeof(*g->event));
    }
    struct event *e = &g->event[g->event_count++];
    memset(e, 0, sizeof(*e));
    return e;
}

/* The run's devices on which it counts. */
static void count_run(struct th_groups *g, const struct note *v, size_t n)
{
    uint32_t devices = 0;
    for (size_t at = 0; at < n; at = device_end(v, at, n))
        devices += v[at].lgp >= BAR;
    bool shares = table[v->feature].about == ABOUT_SHARED;
    if ((shares && v->shared == 0) || !is_event(g, v->group, devices))
        return;
    TH_AUTOFREE double *observed = th_xcalloc(devices, sizeof(*observed));
    struct event *e = event_add(g);
    e->group = (enum th_habit)v->group;
    e->feature = e->features[e->feature_count++] = v->feature;
    e->hostile = table[v->feature].about == ABOUT_HOSTILE;
    e->harmless = !e->hostile && table[v->feature].about != ABOUT_NEITHER;
    e->first_ns = INT64_MAX;
    e->last_ns = INT64_MIN;
    e->device = th_xcalloc(devices, sizeof(*e->device));
    for (size_t at = 0; at < n; at = device_end(v, at, n)) {
        if (v[at].lgp < BAR)
            continue;
        e->first_ns = TH_MIN(e->first_ns, v[at].first_ns);
        e->last_ns = TH_MAX(e->last_ns, v[at].last_ns);
        observed[e->device_count] = v[at].observed;
        e->device[e->device_count++] = v[at].entity;
    }
    qsort(observed, devices, sizeof(*observed), ascending);
    e->median[v->feature] = observed[devices / 2];
    e->id = th_hash_pair(
        th_hash_pair((uint64_t)g->end_ns, v->group + 1U), th_hash_pair(v->feature, counted_by(v)));
    if (!shares)
        return;
    struct shared s = {
        .key = v->shared, .kind = (enum th_shared)v->kind, .devices = e->device_count};
    snprintf(s.text, sizeof(s.text), "%s", v->text);
    take_shared(e, &s);
}

static void count_all(struct th_groups *g)
{
    if (g->note_count > 1)
        qsort(g->note, g->note_count, sizeof(*g->note), by_count);
    for (size_t at = 0; at < g->note_count;) {
        const struct note *v = &g->note[at];
        size_t n = 1;
        while (at + n < g->note_count && v[n].group == v->group && v[n].feature == v->feature &&
            counted_by(&v[n]) == counted_by(v))
            n++;
        count_run(g, v, n);
        at += n;
    }
}

/* ---- what is one event ---- */

static int largest_first(const void *a, const void *b)
{
    const struct event *x = a;
    const struct event *y = b;
    COMPARE(y->device_count, x->device_count);
    COMPARE(x->feature, y->feature);
    return (x->id > y->id) - (x->id < y->id);
}

static bool has_device(const struct event *e, uint64_t entity)
{
    uint32_t low = 0;
    uint32_t high = e->device_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (e->device[mid] < entity)
            low = mid + 1;
        else
            high = mid;
    }
    return low < e->device_count && e->device[low] == entity;
}

static uint32_t in_both(const struct event *x, const struct event *y)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->device_count; i++)
        n += has_device(y, x->device[i]);
    return n;
}

static void unite_devices(struct event *e, const struct event *from)
{
    uint64_t *all = th_xcalloc((size_t)e->device_count + from->device_count, sizeof(*all));
    uint32_t n = 0;
    uint32_t k = 0;
    for (uint32_t i = 0; i < e->device_count || k < from->device_count;) {
        bool ours =
            k == from->device_count || (i < e->device_count && e->device[i] <= from->device[k]);
        if (ours && k < from->device_count && e->device[i] == from->device[k])
            k++;
        all[n++] = ours ? e->device[i++] : from->device[k++];
    }
    free(e->device);
    e->device = all;
    e->device_count = n;
}

static bool has_feature(const struct event *e, unsigned feature)
{
    for (uint32_t i = 0; i < e->feature_count; i++)
        if (e->features[i] == feature)
            return true;
    return false;
}

/* What a person should read first of it. */
static unsigned rank(unsigned feature)
{
    static const unsigned ranks[] = {
        [ABOUT_HOSTILE] = 0, [ABOUT_RATE] = 1, [ABOUT_SHARED] = 1, [ABOUT_NEITHER] = 2};
    return ranks[table[feature].about];
}

static void unite(struct event *e, struct event *from)
{
    unite_devices(e, from);
    if (!has_feature(e, from->feature)) {
        e->features[e->feature_count++] = (uint16_t)from->feature;
        e->median[from->feature] = from->median[from->feature];
    }
    if (rank(from->feature) < rank(e->feature))
        e->feature = from->feature;
    e->harmless = e->harmless || from->harmless;
    e->hostile = e->hostile || from->hostile;
    e->first_ns = TH_MIN(e->first_ns, from->first_ns);
    e->last_ns = TH_MAX(e->last_ns, from->last_ns);
    for (uint32_t i = 0; i < from->shared_count; i++)
        take_shared(e, &from->shared[i]);
    event_done(from);
}

/* Of one group, and at least half of the smaller one's devices are the other's, too. A patch day on
 * which a few search is still one: what is hostile takes the other in when half of those do it. */
static bool are_one(const struct event *x, const struct event *y)
{
    uint32_t devices = TH_MIN(x->device_count, y->device_count);
    if (x->hostile != y->hostile)
        devices = x->hostile ? y->device_count : x->device_count;
    return x->group == y->group && 2 * in_both(x, y) >= devices;
}

static bool is_discounted(const struct event *e)
{
    return e->harmless && !e->hostile;
}

static void unite_all(struct th_groups *g)
{
    uint32_t kept = 0;
    if (g->event_count > 1)
        qsort(g->event, g->event_count, sizeof(*g->event), largest_first);
    for (uint32_t i = 0; i < g->event_count; i++) {
        uint32_t home = 0;
        while (home < kept && !are_one(&g->event[home], &g->event[i]))
            home++;
        if (home < kept)
            unite(&g->event[home], &g->event[i]);
        else
            g->event[kept++] = g->event[i];
    }
    g->event_count = kept;
}

/* ---- what they share ---- */

static size_t first_note(const struct th_groups *g, uint64_t entity)
{
    size_t low = 0;
    size_t high = g->note_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (g->note[mid].entity < entity)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* What could be shared, each once for each device that has it. */
static size_t gather(const struct th_groups *g, const struct event *e, struct shared *ret)
{
    size_t n = 0;
    for (uint32_t i = 0; i < e->device_count; i++) {
        uint64_t last = 0;
        for (size_t k = first_note(g, e->device[i]);
             k < g->note_count && g->note[k].entity == e->device[i]; k++) {
            const struct note *v = &g->note[k];
            if (v->shared == last)
                continue;
            last = v->shared;
            if (ret) {
                ret[n] =
                    (struct shared){.key = last, .kind = (enum th_shared)v->kind, .devices = 1};
                memcpy(ret[n].text, v->text, sizeof(ret[n].text));
            }
            n++;
        }
    }
    return n;
}

/* What at least half of them share; also of what amounts were about. */
static void find_shared(const struct th_groups *g, struct event *e)
{
    size_t n = gather(g, e, NULL);
    TH_AUTOFREE struct shared *v = th_xcalloc(n + 1, sizeof(*v));
    size_t kinds = 0;
    gather(g, e, v);
    qsort(v, n, sizeof(*v), by_key);
    for (size_t i = 0; i < n; i++) {
        if (kinds > 0 && v[kinds - 1].key == v[i].key)
            v[kinds - 1].devices++;
        else
            v[kinds++] = v[i];
    }
    qsort(v, kinds, sizeof(*v), commonest_first);
    for (size_t i = 0;
         i < kinds && v[i].devices >= MIN_DEVICES && 2 * v[i].devices >= e->device_count; i++)
        take_shared(e, &v[i]);
    qsort(e->shared, e->shared_count, sizeof(*e->shared), commonest_first);
}

void th_groups_judge(struct th_groups *g)
{
    count_all(g);
    unite_all(g);
    if (g->note_count > 1)
        qsort(g->note, g->note_count, sizeof(*g->note), by_device);
    for (uint32_t i = 0; i < g->event_count; i++)
        find_shared(g, &g->event[i]);
}

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
    for (size_t k = first_note(g, entity); k < g->note_count && g->note[k].entity == entity; k++)
        if (shares(e, g->note[k].shared))
            return true;
    return e->shared_count == 0;
}

/* What is about the very thing that they share needs no count of its own. */
static bool explains(
    const struct th_groups *g, const struct event *e, uint64_t entity, const struct th_signal *s)
{
    struct note n = {0};
    switch (table[s->feature].about) {
    case ABOUT_NEITHER:
    case ABOUT_HOSTILE: return false;
    case ABOUT_RATE:
        return has_feature(e, s->feature) && s->observed <= BEYOND * e->median[s->feature] &&
            took_part(g, e, entity);
    case ABOUT_SHARED: break;
    }
    put_shared(&n, s);
    return shares(e, n.shared) || (s->has_peer && shares(e, s->peer.key));
}

/* The first that does; NULL: none. */
static struct event *explained(
    const struct th_groups *g, uint64_t entity, const struct th_signal *s)
{
    for (uint32_t i = 0; i < g->event_count; i++) {
        struct event *e = &g->event[i];
        if (is_discounted(e) && has_device(e, entity) && explains(g, e, entity, s))
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

/* Of what is not discounted the event says how bad it is. */
static void note_score(struct th_groups *g, const struct th_breach *b)
{
    for (uint32_t i = 0; i < g->event_count; i++) {
        struct event *e = &g->event[i];
        for (uint32_t k = 0; k < b->evidence_count && !is_discounted(e); k++)
            if (has_feature(e, b->evidence[k].feature) && has_device(e, b->entity))
                e->score = fmax(e->score, b->score);
    }
}

bool th_groups_claim(struct th_groups *g, struct th_breach *b)
{
    if (g->event_count == 0 || b->end_ns != g->end_ns || b->late_hours > 0)
        return false;
    bool other = is_never(g->models, b->model) || began_before(g, b);
    struct event *home = other ? NULL : home_of(g, b);
    if (!home) {
        note_score(g, b);
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

void th_groups_report(const struct th_groups *g, th_group_event_fn fn, void *arg)
{
    for (uint32_t i = 0; i < g->event_count; i++) {
        const struct event *e = &g->event[i];
        struct th_group_event told = {.id = e->id,
            .group = e->group,
            .feature = e->feature,
            .features = e->features,
            .feature_count = e->feature_count,
            .start_ns = g->end_ns - TH_NS_PER_HOUR,
            .end_ns = g->end_ns,
            .first_ns = e->first_ns,
            .last_ns = e->last_ns,
            .active = (uint32_t)TH_MIN(g->active[e->group], (uint64_t)UINT32_MAX),
            .usual = (double)g->active[e->group] * pow(10, -BAR),
            .discounted = is_discounted(e),
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
