/* SPDX-License-Identifier: Apache-2.0 */
#include "pairs.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

const char *const lab_pair_names[LAB_PAIR_KINDS] = {"beacon", "browsing", "keep-alive and user",
    "Poisson", "work day", "heavy tail", "retry storms", "mail and user", "wake-ups", "chat",
    "poller", "music", "timer"};

static const struct {
    enum lab_pair_kind kind;
    double share;
} mix[] = {{LAB_PAIR_BROWSE, 0.22}, {LAB_PAIR_KEEPALIVE, 0.12}, {LAB_PAIR_POISSON, 0.10},
    {LAB_PAIR_WORKDAY, 0.18}, {LAB_PAIR_HEAVY, 0.10}, {LAB_PAIR_RETRY, 0.08}, {LAB_PAIR_MAIL, 0.08},
    {LAB_PAIR_WAKE, 0.05}, {LAB_PAIR_CHAT, 0.07}};

enum lab_pair_kind lab_pair_draw(struct lab_rng *r, bool rhythmic)
{
    if (rhythmic)
        return LAB_PAIR_RHYTHMIC + lab_below(r, LAB_PAIR_KINDS - LAB_PAIR_RHYTHMIC);
    double u = lab_unit(r);
    unsigned i = 0;
    for (; i + 1 < TH_ARRAY_LEN(mix) && u >= mix[i].share; i++)
        u -= mix[i].share;
    return mix[i].kind;
}

static double between(struct lab_rng *r, double lo, double hi)
{
    return lo + (hi - lo) * lab_unit(r);
}

/* Evenly in the logarithm. */
static double scale(struct lab_rng *r, double lo, double hi)
{
    return lo * pow(hi / lo, lab_unit(r));
}

static double expo(struct lab_rng *r, double mean)
{
    return -mean * log1p(-lab_unit(r));
}

void lab_pair_beacon(
    struct lab_rng *r, double lo_s, double hi_s, double jitter, double loss, struct lab_pair *p)
{
    double u = lab_unit(r);
    p->kind = LAB_PAIR_BEACON;
    p->period_s = scale(r, lo_s, hi_s);
    p->jitter = jitter;
    p->loss = loss;
    p->jitter_kind = u < 0.6 ? LAB_JITTER_EVEN : u < 0.85 ? LAB_JITTER_SHORTER : LAB_JITTER_NORMAL;
}

static bool on_at(const struct lab_pair *p, double t)
{
    double h = fmod(t / 3600, 24);
    if (p->always_on)
        return true;
    return p->on_from < p->on_to ? h >= p->on_from && h < p->on_to
                                 : h >= p->on_from || h < p->on_to;
}

bool lab_pair_on(const struct lab_pair *p, int64_t hour)
{
    double t = (double)hour * 3600;
    return on_at(p, t) || on_at(p, t + 3599);
}

/* The first moment at or after t in which the device is on. */
static double awake(const struct lab_pair *p, double t)
{
    if (on_at(p, t))
        return t;
    double h = fmod(t / 3600, 24);
    double wait = p->on_from - h;
    return t + 3600 * (wait < 0 ? wait + 24 : wait);
}

struct making {
    struct lab_rng *r;
    struct lab_pair *p;
    double size, spread; /* of bytes: median, sigma */
    double until;        /* the least to be filled */
    unsigned beats;
};

static bool more(const struct making *m, double t)
{
    const struct lab_pair *p = m->p;
    return p->n < LAB_PAIR_MOST && t < LAB_PAIR_HOURS * 3600.0 && (t < m->until || p->n < m->beats);
}

static void put(struct making *m, double t)
{
    struct lab_pair *p = m->p;
    if (!on_at(p, t) || p->n == LAB_PAIR_MOST)
        return;
    if (p->n == 0)
        m->until = t + 86400;
    p->t[p->n] = t;
    p->bytes[p->n++] = round(lab_lognormal(m->r, m->size, m->spread));
}

static double jittered(struct lab_rng *r, const struct lab_pair *p)
{
    double f = 1;
    switch (p->jitter_kind) {
    case LAB_JITTER_EVEN: f = 1 + p->jitter * (2 * lab_unit(r) - 1); break;
    case LAB_JITTER_SHORTER: f = 1 - p->jitter * lab_unit(r); break;
    case LAB_JITTER_NORMAL: f = fmax(0.05, 1 + p->jitter / 2 * lab_normal(r)); break;
    }
    return p->period_s * f;
}

static void run_beacon(struct making *m, double t)
{
    m->spread = lab_chance(m->r, 0.6) ? 0.03 : 0.3;
    unsigned outage = m->p->outage ? 5 + lab_below(m->r, 30) : 0;
    while (more(m, t)) {
        if (!lab_chance(m->r, m->p->loss))
            put(m, t);
        if (outage > 0 && m->p->n == outage) {
            t += between(m->r, 1800, 10800);
            outage = 0;
        }
        t = awake(m->p, t + jittered(m->r, m->p));
    }
}

static void run_browse(struct making *m, double t)
{
    double pause = scale(m->r, 1200, 14400);
    double pages = scale(m->r, 3, 20);
    double reading = scale(m->r, 5, 40);
    double sigma = between(m->r, 1, 1.5);
    unsigned parts = 1 + lab_below(m->r, 8);
    double apart = scale(m->r, 0.3, 3);
    while (more(m, t)) {
        do {
            double at = t;
            for (unsigned i = 0; i < parts; i++, at += expo(m->r, apart))
                put(m, at);
            t = at + lab_lognormal(m->r, reading, sigma);
        } while (lab_unit(m->r) > 1 / pages && more(m, t));
        t = awake(m->p, t + expo(m->r, pause));
    }
}

/* Sessions in which an idle timer fires when the user did nothing for so long. */
static void run_keepalive(struct making *m, double t, double user)
{
    static const double timers[] = {30, 55, 60, 90, 120, 240, 300};
    double timer = timers[lab_below(m->r, TH_ARRAY_LEN(timers))];
    double pause = scale(m->r, 1200, 14400);
    double length = scale(m->r, 600, 5400);
    while (more(m, t)) {
        double end = t + lab_lognormal(m->r, length, 0.7);
        while (t < end && more(m, t)) {
            put(m, t);
            double idle = user > 0 ? lab_lognormal(m->r, timer * 0.5, 1.2) : timer;
            bool acts = user > 0 && lab_chance(m->r, user);
            t += acts ? fmin(idle, timer) : timer * (1 + 0.02 * lab_unit(m->r));
        }
        t = awake(m->p, t + expo(m->r, pause));
    }
}

static void run_poisson(struct making *m, double t)
{
    double gap = scale(m->r, 30, 7200);
    for (; more(m, t); t += expo(m->r, gap))
        put(m, t);
}

static void run_workday(struct making *m, double t)
{
    double gap = scale(m->r, 20, 3600);
    double change = between(m->r, 0.3, 1.2);
    int64_t hour = -1;
    double rate = 1;
    while (more(m, t)) {
        put(m, t);
        if ((int64_t)(t / 3600) != hour) {
            hour = (int64_t)(t / 3600);
            rate = lab_lognormal(m->r, 1, change);
        }
        t = awake(m->p, t + fmin(expo(m->r, gap / rate), 3600));
    }
}

static void run_heavy(struct making *m, double t)
{
    bool pareto = lab_chance(m->r, 0.5);
    double alpha = between(m->r, 1.1, 1.8);
    double least = scale(m->r, 1, 60);
    double sigma = between(m->r, 1.2, 2.2);
    double median = scale(m->r, 10, 600);
    while (more(m, t)) {
        put(m, t);
        double gap = pareto ? least * pow(1 - lab_unit(m->r), -1 / alpha)
                            : lab_lognormal(m->r, median, sigma);
        t = awake(m->p, t + fmin(gap, 43200));
    }
}

static void run_retry(struct making *m, double t)
{
    double pause = scale(m->r, 3600, 28800);
    double first = scale(m->r, 1, 5);
    double factor = lab_chance(m->r, 0.5) ? 2 : 1.5;
    double most = scale(m->r, 60, 600);
    double jitter = between(m->r, 0, 0.3);
    double tries = scale(m->r, 6, 15);
    m->spread = 0.02;
    while (more(m, t)) {
        double gap = first;
        do {
            put(m, t);
            t += gap * (1 + jitter * (2 * lab_unit(m->r) - 1));
            gap = fmin(gap * factor, most);
        } while (lab_unit(m->r) > 1 / tries && more(m, t));
        t = awake(m->p, t + expo(m->r, pause));
    }
}

static void run_mail(struct making *m, double t)
{
    double timer = scale(m->r, 300, 1800);
    double by_hand = timer * between(m->r, 0.4, 1);
    double next_timer = t;
    double next_hand = t + expo(m->r, by_hand);
    while (more(m, t)) {
        t = fmin(next_timer, next_hand);
        put(m, t);
        if (lab_chance(m->r, 0.02)) { /* a meeting */
            t += between(m->r, 1800, 7200);
            next_timer = next_hand = t;
        }
        if (next_timer <= t)
            next_timer = awake(m->p, t + timer * (1 + 0.02 * lab_unit(m->r)));
        if (next_hand <= t)
            next_hand = awake(m->p, t + lab_lognormal(m->r, by_hand / 2, 1.2));
    }
}

/* Sleeping devices wake for a moment every hour or two, some of them nearly regularly. */
static void run_wake(struct making *m, double t)
{
    double wait = scale(m->r, 1800, 7200);
    double jitter = lab_chance(m->r, 0.5) ? between(m->r, 0.3, 0.6) : 0;
    double apart = scale(m->r, 2, 20);
    while (more(m, t)) {
        double at = t;
        for (unsigned n = 2 + lab_below(m->r, 5); n > 0; n--) {
            put(m, at);
            at += lab_lognormal(m->r, apart, 1);
        }
        double pause =
            jitter > 0 ? wait * (1 + jitter * (2 * lab_unit(m->r) - 1)) : expo(m->r, wait);
        t = fmax(t + pause, at);
    }
}

/* One in front of all that its past still brings forth: a Hawkes process by thinning (Ogata). */
static void run_chat(struct making *m, double t)
{
    double base = 1 / scale(m->r, 300, 3600);
    double branching = between(m->r, 0.6, 0.9);
    double decay = 1 / scale(m->r, 20, 300);
    double excited = 0;
    put(m, t);
    excited += branching * decay;
    while (more(m, t)) {
        double bound = base + excited;
        double gap = expo(m->r, 1 / bound);
        excited *= exp(-decay * gap);
        t = awake(m->p, t + gap);
        if (lab_unit(m->r) * bound > base + excited)
            continue;
        put(m, t);
        excited += branching * decay;
    }
}

static void run_tracks(struct making *m, double t)
{
    double length = scale(m->r, 1800, 14400);
    while (more(m, t)) {
        double end = t + lab_lognormal(m->r, length, 0.5);
        while (t < end && more(m, t)) {
            put(m, t);
            t += lab_chance(m->r, 0.1) ? between(m->r, 5, 60) : lab_lognormal(m->r, 210, 0.22);
        }
        t = awake(m->p, t + expo(m->r, 7200));
    }
}

/* What programs send of themselves is as often of one size as not; what people do never is. */
static double spread_of(struct lab_rng *r, enum lab_pair_kind kind)
{
    bool machine = kind != LAB_PAIR_BROWSE && kind != LAB_PAIR_WORKDAY && kind != LAB_PAIR_CHAT;
    return machine && lab_chance(r, 0.5) ? between(r, 0.03, 0.4) : between(r, 0.8, 1.5);
}

static void draw_device(struct lab_rng *r, struct lab_pair *p)
{
    bool night =
        p->kind == LAB_PAIR_POISSON || p->kind == LAB_PAIR_HEAVY || p->kind == LAB_PAIR_WAKE;
    if (p->kind != LAB_PAIR_BEACON)
        p->always_on = night || lab_chance(r, 0.35);
    double zone = lab_below(r, 24);
    p->on_from = fmod(between(r, 7, 9.5) + zone, 24);
    p->on_to = fmod(p->on_from + between(r, 7, 12), 24);
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

void lab_pair_run(struct lab_rng *r, unsigned beats, struct lab_pair *p)
{
    draw_device(r, p);
    p->n = 0;
    struct making m = {.r = r,
        .p = p,
        .beats = beats,
        .until = 86400.0 * 3,
        .size = scale(r, 200, 20000),
        .spread = spread_of(r, p->kind)};
    double t = awake(p, between(r, 0, 86400));
    switch (p->kind) {
    case LAB_PAIR_POLL:
        lab_pair_beacon(r, 30, 3600, between(r, 0, 0.5), 0, p);
        p->kind = LAB_PAIR_POLL;
        run_beacon(&m, t);
        break;
    case LAB_PAIR_BROWSE: run_browse(&m, t); break;
    case LAB_PAIR_KEEPALIVE: run_keepalive(&m, t, between(r, 0.35, 0.7)); break;
    case LAB_PAIR_TIMER: run_keepalive(&m, t, 0); break;
    case LAB_PAIR_POISSON: run_poisson(&m, t); break;
    case LAB_PAIR_WORKDAY: run_workday(&m, t); break;
    case LAB_PAIR_HEAVY: run_heavy(&m, t); break;
    case LAB_PAIR_RETRY: run_retry(&m, t); break;
    case LAB_PAIR_MAIL: run_mail(&m, t); break;
    case LAB_PAIR_WAKE: run_wake(&m, t); break;
    case LAB_PAIR_CHAT: run_chat(&m, t); break;
    case LAB_PAIR_TRACKS: run_tracks(&m, t); break;
    case LAB_PAIR_BEACON:
    case LAB_PAIR_KINDS: run_beacon(&m, t); break;
    }
    qsort(p->t, p->n, sizeof(*p->t), by_time);
}
