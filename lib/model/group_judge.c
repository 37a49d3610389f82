/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging an hour of groups. Per feature (and per destination, port or client where the feature is
 * about one) it is counted on how many devices of the group a signal was as rare as one in a
 * hundred; that many are an event when what is usual, doubled, makes it a chance of one in a
 * million. Events of much the same devices are one.
 */
#include <math.h>

#include "base/hash.h"
#include "groups_i.h"

/* What is calibrated over all hours comes in some of them together: 3 % of an office's clients by
 * day, 12 % at its evening's end, where 1 % was promised. So it is measured, by the hour of the
 * day; before it is, this counts as so many device-hours, and all hours as so many of each. */
#define USUAL 0.03
#define USUAL_HOURS 500.0
#define SLOT_HOURS 200.0
/* And what one hour may have more of than is usual: twice. */
#define GRANTED 2.0
/* Half in 14 days. */
#define KEEP 0.952
/* ln of one in a million: of some 3,000 counts of a day (features, groups, hours) chance makes an
 * event a year, of the 500 that may discount one in five years, were hours independent. */
#define CHANCE 13.8
/* Of those that are active. */
#define MIN_SHARE 0.05

/* ---- counting ---- */

/* What a count is about: nothing, where the feature is not counted by what is shared. */
static uint64_t counted_by(const struct note *n)
{
    return group_about(n->feature) == ABOUT_SHARED ? n->shared : 0;
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

static unsigned slot_of(const struct th_groups *g)
{
    int64_t hour = th_time_floor(g->end_ns - 1, TH_NS_PER_HOUR) / TH_NS_PER_HOUR;
    return (unsigned)((hour % GROUP_SLOTS + GROUP_SLOTS) % GROUP_SLOTS);
}

/* Is it held against what is usual? Of one thing that is shared nothing is; and what is hostile is
 * not to become so by being done often. There the calibrators' promise counts. */
static bool is_measured(unsigned feature)
{
    enum about about = group_about(feature);
    return about != ABOUT_SHARED && about != ABOUT_HOSTILE;
}

/* Share of the group's device-hours of this time of day on which the feature counts. */
static double usual_share(const struct th_groups *g, unsigned group, unsigned feature)
{
    const struct usual *u = g->usual[feature][group];
    struct usual all = {.count = USUAL * USUAL_HOURS, .hours = USUAL_HOURS};
    if (!is_measured(feature))
        return pow(10, -GROUP_BAR);
    for (unsigned i = 0; i < GROUP_SLOTS; i++) {
        all.count += u[i].count;
        all.hours += u[i].hours;
    }
    u = &u[slot_of(g)];
    return (u->count + SLOT_HOURS * all.count / all.hours) / (u->hours + SLOT_HOURS);
}

static double granted_share(const struct th_groups *g, unsigned group, unsigned feature)
{
    double granted = is_measured(feature) ? GRANTED : 1;
    return fmin(granted * usual_share(g, group, feature), 0.5);
}

static bool is_event(const struct th_groups *g, unsigned group, unsigned feature, uint32_t devices)
{
    double active = (double)g->active[group];
    return devices >= GROUP_MIN_DEVICES && devices >= MIN_SHARE * active &&
        unlikely(active, devices, granted_share(g, group, feature)) >= CHANCE;
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

/* An event of the run's devices on which it counts. */
static void begin_event(struct th_groups *g, const struct note *v, size_t n, uint32_t devices)
{
    bool shares = group_about(v->feature) == ABOUT_SHARED;
    TH_AUTOFREE double *observed = th_xcalloc(devices, sizeof(*observed));
    struct event *e = event_add(g);
    e->group = (enum th_habit)v->group;
    e->feature = e->features[e->feature_count++] = v->feature;
    e->hostile = group_about(v->feature) == ABOUT_HOSTILE;
    e->harmless = !e->hostile && group_about(v->feature) != ABOUT_NEITHER;
    e->first_ns = INT64_MAX;
    e->last_ns = INT64_MIN;
    e->device = th_xcalloc(devices, sizeof(*e->device));
    for (size_t at = 0; at < n; at = device_end(v, at, n)) {
        if (v[at].lgp < GROUP_BAR)
            continue;
        e->first_ns = TH_MIN(e->first_ns, v[at].first_ns);
        e->last_ns = TH_MAX(e->last_ns, v[at].last_ns);
        observed[e->device_count] = v[at].observed;
        e->device[e->device_count++] = v[at].entity;
    }
    qsort(observed, devices, sizeof(*observed), ascending);
    e->median[v->feature] = observed[devices / 2];
    e->did[v->feature] = devices;
    e->id = th_hash_pair(
        th_hash_pair((uint64_t)g->end_ns, v->group + 1U), th_hash_pair(v->feature, counted_by(v)));
    if (!shares)
        return;
    struct shared s = {
        .key = v->shared, .kind = (enum th_shared)v->kind, .devices = e->device_count};
    snprintf(s.text, sizeof(s.text), "%s", v->text);
    take_shared(e, &s);
}

/* On how many devices of the run it counts. */
static uint32_t count_run(struct th_groups *g, const struct note *v, size_t n)
{
    uint32_t devices = 0;
    for (size_t at = 0; at < n; at = device_end(v, at, n))
        devices += v[at].lgp >= GROUP_BAR;
    bool shares = group_about(v->feature) == ABOUT_SHARED;
    if (!(shares && v->shared == 0) && is_event(g, v->group, v->feature, devices))
        begin_event(g, v, n, devices);
    return devices;
}

/* An event makes itself usual no faster than an ordinary hour could. */
static void learn_usual(struct th_groups *g, uint32_t counted[TH_FEATURE_COUNT][GROUP_KINDS])
{
    for (unsigned f = 0; f < TH_FEATURE_COUNT; f++)
        for (unsigned k = 0; k < GROUP_KINDS; k++) {
            struct usual *u = &g->usual[f][k][slot_of(g)];
            double active = (double)g->active[k];
            double most = active * granted_share(g, k, f);
            u->count = u->count * KEEP + fmin(counted[f][k], most);
            u->hours = u->hours * KEEP + active;
        }
}

static void count_all(struct th_groups *g)
{
    uint32_t counted[TH_FEATURE_COUNT][GROUP_KINDS] = {0};
    if (g->note_count > 1)
        qsort(g->note, g->note_count, sizeof(*g->note), by_count);
    for (size_t at = 0; at < g->note_count;) {
        const struct note *v = &g->note[at];
        size_t n = 1;
        while (at + n < g->note_count && v[n].group == v->group && v[n].feature == v->feature &&
            counted_by(&v[n]) == counted_by(v))
            n++;
        counted[v->feature][v->group] += count_run(g, v, n);
        at += n;
    }
    learn_usual(g, counted);
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

int64_t group_place_of(const struct event *e, uint64_t entity)
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
    return low < e->device_count && e->device[low] == entity ? (int64_t)low : -1;
}

static uint32_t in_both(const struct event *x, const struct event *y)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->device_count; i++)
        n += group_place_of(y, x->device[i]) >= 0;
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

bool group_has_feature(const struct event *e, unsigned feature)
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
    return ranks[group_about(feature)];
}

static void unite(struct event *e, struct event *from)
{
    unite_devices(e, from);
    if (!group_has_feature(e, from->feature)) {
        e->features[e->feature_count++] = (uint16_t)from->feature;
        e->median[from->feature] = from->median[from->feature];
        e->did[from->feature] = from->did[from->feature];
    }
    if (rank(from->feature) < rank(e->feature))
        e->feature = from->feature;
    e->harmless = e->harmless || from->harmless;
    e->hostile = e->hostile || from->hostile;
    e->first_ns = TH_MIN(e->first_ns, from->first_ns);
    e->last_ns = TH_MAX(e->last_ns, from->last_ns);
    for (uint32_t i = 0; i < from->shared_count; i++)
        take_shared(e, &from->shared[i]);
    group_event_done(from);
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

bool group_is_discounted(const struct event *e)
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

size_t group_first_note(const struct th_groups *g, uint64_t entity)
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
        for (size_t k = group_first_note(g, e->device[i]);
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
         i < kinds && v[i].devices >= GROUP_MIN_DEVICES && 2 * v[i].devices >= e->device_count; i++)
        take_shared(e, &v[i]);
    qsort(e->shared, e->shared_count, sizeof(*e->shared), commonest_first);
}

void th_groups_judge(struct th_groups *g)
{
    count_all(g);
    unite_all(g);
    if (g->note_count > 1)
        qsort(g->note, g->note_count, sizeof(*g->note), by_device);
    for (uint32_t i = 0; i < g->event_count; i++) {
        struct event *e = &g->event[i];
        find_shared(g, e);
        e->blamed = th_xcalloc(e->device_count, sizeof(*e->blamed));
        e->usual = (double)g->active[e->group] * usual_share(g, e->group, e->feature);
    }
}
