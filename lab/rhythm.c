/* SPDX-License-Identifier: Apache-2.0 */
/* When people come and go. A day is a pure function of seed, person and date. */
#include "base/mem.h"
#include "roles.h"

#define HOURS(h) ((int64_t)((h) * (double)TH_NS_PER_HOUR))

static int64_t day_of(int64_t t)
{
    return th_time_floor(t, TH_NS_PER_DAY) / TH_NS_PER_DAY;
}

/* 0 is Monday: 1970-01-01 was a Thursday. */
static unsigned weekday(int64_t day)
{
    return (unsigned)((day + 3) % 7);
}

bool lab_is_holiday(const struct lab_sim *s, int64_t day)
{
    const struct lab_life_plan *l = &s->opt.life;
    for (unsigned i = 0; i < l->when[LAB_LIFE_HOLIDAY].n; i++)
        if (day_of(l->when[LAB_LIFE_HOLIDAY].at_ns[i]) == day)
            return true;
    return false;
}

void lab_rhythm_day(const struct lab_sim *s, int32_t person, int64_t day, struct lab_day *ret)
{
    struct lab_rng r;
    lab_rng_init(&r, s->opt.seed ^ 0x646179, (uint64_t)person << 24 ^ (uint64_t)day);
    int64_t midnight = day * TH_NS_PER_DAY, shift = s->person[person].shift_ns;
    bool weekend = weekday(day) >= 5;
    bool off = lab_is_holiday(s, day);
    enum lab_role role = (enum lab_role)s->person[person].role;
    ret->day = day;
    ret->in = lab_chance(&r, weekend ? 0.04 : weekday(day) == 4 ? 0.86 : 0.92);
    ret->arrive_ns = midnight + HOURS(8.6) + shift + HOURS(0.45 * lab_normal(&r));
    ret->leave_ns = midnight + HOURS(17.3) + shift + HOURS(0.8 * lab_normal(&r));
    if (weekend) {
        ret->arrive_ns = midnight + HOURS(9.0 + 7.0 * lab_unit(&r));
        ret->leave_ns = ret->arrive_ns + HOURS(1.0 + 3.0 * lab_unit(&r));
    }
    if (ret->leave_ns < ret->arrive_ns + TH_NS_PER_HOUR)
        ret->leave_ns = ret->arrive_ns + TH_NS_PER_HOUR;
    ret->lunch_from_ns = midnight + HOURS(12.1 + 0.35 * lab_normal(&r));
    ret->lunch_to_ns = ret->lunch_from_ns + HOURS(0.5 + 0.5 * lab_unit(&r));
    if (role == LAB_KIOSK) { /* stands in the hall, from morning to evening */
        ret->in = weekday(day) < 6;
        ret->arrive_ns = midnight + HOURS(7.0);
        ret->leave_ns = midnight + HOURS(19.0);
        ret->lunch_from_ns = ret->lunch_to_ns = ret->leave_ns;
    }
    if (off && (role == LAB_KIOSK || !lab_chance(&r, 0.04)))
        ret->in = false;
}

/* Hours of a device on a day, from its person's. */
static void device_hours(const struct lab_sim *s, struct lab_device *d, int64_t day)
{
    int64_t midnight = day * TH_NS_PER_DAY;
    if (d->person >= 0)
        lab_rhythm_day(s, d->person, day, &d->today);
    d->today.day = day;
    d->on_from_ns = midnight;
    d->on_until_ns = midnight + TH_NS_PER_DAY;
    bool here = d->person < 0 || d->today.in;
    if (d->weekly >= 0) {
        if (weekday(day) != (unsigned)d->weekly)
            here = false;
        else if (d->person >= 0 && weekday(day) < 5 && !lab_is_holiday(s, day))
            here = d->today.in = true;
    } else if (d->always_on) {
        return;
    }
    uint64_t h = lab_chance_hash(s->opt.seed ^ 0x6f6e, d->no, (uint64_t)day);
    if (d->kind == LAB_LAPTOP && h % 100 < lab_role_away(s, d))
        here = d->today.in = false; /* works from elsewhere */
    if (!here) {
        d->on_until_ns = d->on_from_ns;
        return;
    }
    if (d->person < 0)
        return;
    int64_t late = (int64_t)(h >> 8) % (20 * TH_NS_PER_MIN);
    d->on_from_ns = d->today.arrive_ns - 4 * TH_NS_PER_MIN + (d->kind == LAB_PHONE ? 0 : late / 4);
    d->on_until_ns = TH_MIN(d->today.leave_ns + late, midnight + TH_NS_PER_DAY - TH_NS_PER_MIN);
}

void lab_rhythm_update(const struct lab_sim *s, struct lab_device *d, int64_t t)
{
    int64_t day = day_of(t);
    if (d->today.day != day)
        device_hours(s, d, day);
}

bool lab_rhythm_on(const struct lab_sim *s, struct lab_device *d, int64_t t)
{
    lab_rhythm_update(s, d, t);
    return lab_joined(d, t) && t >= d->on_from_ns && t < d->on_until_ns;
}

int64_t lab_rhythm_next_on(const struct lab_sim *s, struct lab_device *d, int64_t t)
{
    struct lab_device probe = *d;
    t = TH_MAX(t, d->joins_ns);
    for (int i = 0; i < 22; i++) {
        lab_rhythm_update(s, &probe, t);
        if (t < probe.on_until_ns)
            return TH_MAX(t, probe.on_from_ns);
        t = (day_of(t) + 1) * TH_NS_PER_DAY;
    }
    return INT64_MAX;
}

double lab_rhythm_busy(const struct lab_sim *s, struct lab_device *d, int64_t t)
{
    lab_rhythm_update(s, d, t);
    const struct lab_day *day = &d->today;
    if (d->person < 0)
        return 1.0;
    if (!day->in || t < day->arrive_ns || t >= day->leave_ns)
        return 0.0;
    double a = s->person[d->person].activity;
    return t >= day->lunch_from_ns && t < day->lunch_to_ns ? 0.25 * a : a;
}

int64_t lab_rhythm_next(struct lab_actor *a, int64_t t, int64_t mean_ns)
{
    struct lab_device *d = a->dev;
    if (d->person < 0)
        return t + TH_NS_PER_S + lab_exp_ns(&a->rng, mean_ns);
    for (int i = 0; i < 24; i++) {
        double busy = lab_rhythm_busy(a->sim, d, t);
        if (busy > 0) {
            int64_t next =
                t + TH_NS_PER_S / 2 + lab_exp_ns(&a->rng, (int64_t)((double)mean_ns / busy));
            if (next < d->today.leave_ns)
                return next;
            t = d->today.leave_ns;
        }
        if (d->today.in && t < d->today.arrive_ns)
            t = d->today.arrive_ns;
        else
            t = (day_of(t) + 1) * TH_NS_PER_DAY;
    }
    return t;
}
