/* SPDX-License-Identifier: Apache-2.0 */
#include "apps.h"
#include "base/mem.h"
#include "life.h"
#include "roles.h"

struct lab_device *lab_nth(struct lab_sim *s, enum lab_kind k, uint32_t n)
{
    /* Devices of a kind mostly stand together, the first known: a short walk. */
    for (struct lab_device *d = s->by_kind[k]; d && d < s->dev + s->dev_count; d++)
        if (d->kind == k && n-- == 0)
            return d;
    return NULL;
}

struct lab_device *lab_any(struct lab_actor *a, enum lab_kind k)
{
    uint32_t n = a->sim->kind_count[k];
    return n ? lab_nth(a->sim, k, lab_below(&a->rng, n)) : NULL;
}

/* A task somebody does every mean_ns of his presence. */
static struct lab_task *human(
    struct lab_sim *s, struct lab_device *d, lab_task_fn fn, int64_t mean_ns)
{
    int64_t first = lab_rhythm_next(&d->self, s->opt.start_ns, mean_ns);
    struct lab_task *t = lab_task_add(d, fn, first);
    t->period_ns = mean_ns;
    return t;
}

/* The same, as often as his role does it. NULL: never. */
static struct lab_task *habit(
    struct lab_sim *s, struct lab_device *d, enum lab_habit h, lab_task_fn fn, int64_t mean_ns)
{
    double rate = lab_role_rate(s, d, h);
    return rate > 0 ? human(s, d, fn, (int64_t)((double)mean_ns / rate)) : NULL;
}

/* A task of the machine itself. */
static struct lab_task *machine(
    struct lab_sim *s, struct lab_device *d, lab_task_fn fn, int64_t period_ns)
{
    int64_t first = s->opt.start_ns + (int64_t)(lab_unit(&d->self.rng) * (double)period_ns);
    struct lab_task *t = lab_task_add(d, fn, first);
    t->period_ns = period_ns;
    return t;
}

static void give_presence(struct lab_sim *s, struct lab_device *d)
{
    struct lab_task *t = lab_task_add(d, lab_app_presence,
        s->opt.start_ns + TH_NS_PER_S + (int64_t)(lab_unit(&d->self.rng) * 50e9));
    t->always = true;
    machine(s, d, lab_app_arp, (d->fixed ? 25 : 12) * TH_NS_PER_MIN);
}

static void give_saas(struct lab_sim *s, struct lab_device *d)
{
    struct lab_rng *r = &d->self.rng;
    unsigned n = 3 + lab_below(r, 4);
    for (unsigned i = 0; i < n; i++) {
        uint32_t k = i < 2 ? i : lab_zipf(r, s->world->saas_count, 0.7);
        int64_t mean = (int64_t)(lab_lognormal(r, i < 2 ? 5 : 16, 0.5) * (double)TH_NS_PER_MIN);
        struct lab_task *t = habit(s, d, LAB_H_SAAS, lab_app_saas, mean);
        if (t)
            t->host = s->world->saas[k];
    }
}

static void give_person(struct lab_sim *s, struct lab_device *d)
{
    bool pc = d->kind != LAB_PHONE;
    habit(s, d, LAB_H_BROWSE, lab_app_browse, (pc ? 6 : 12) * TH_NS_PER_MIN);
    habit(s, d, LAB_H_VIDEO, lab_app_video, (pc ? 4 : 3) * TH_NS_PER_HOUR);
    human(s, d, lab_app_check_cert, 50 * TH_NS_PER_MIN);
    if (d->os != LAB_OS_PHONE) {
        give_saas(s, d);
        habit(s, d, LAB_H_MEETING, lab_app_meeting, 4 * TH_NS_PER_HOUR);
        human(s, d, lab_app_browser_start, 9 * TH_NS_PER_HOUR);
        habit(s, d, LAB_H_MAIL, lab_app_mail, 7 * TH_NS_PER_MIN);
        habit(s, d, LAB_H_PRINT, lab_app_print, 6 * TH_NS_PER_HOUR);
        habit(s, d, LAB_H_INTRANET, lab_app_intranet, 45 * TH_NS_PER_MIN);
        if (s->person[d->person].admin)
            habit(s, d, LAB_H_ADMIN, lab_app_admin, 20 * TH_NS_PER_MIN);
    }
    machine(s, d, lab_app_update, 5 * TH_NS_PER_HOUR);
    machine(s, d, lab_app_mdns, (d->os == LAB_OS_WINDOWS ? 60 : 14) * TH_NS_PER_MIN);
}

static void give_windows(struct lab_sim *s, struct lab_device *d)
{
    machine(s, d, lab_app_policy, 100 * TH_NS_PER_MIN);
    machine(s, d, lab_app_directory, 25 * TH_NS_PER_MIN);
    machine(s, d, lab_app_browser_service, 12 * TH_NS_PER_MIN);
    machine(s, d, lab_app_ssdp, 40 * TH_NS_PER_MIN);
    habit(s, d, LAB_H_FILES, lab_app_files, 20 * TH_NS_PER_MIN);
    human(s, d, lab_app_llmnr, 40 * TH_NS_PER_MIN);
    human(s, d, lab_app_antivirus, 15 * TH_NS_PER_MIN);
}

void lab_apps_give(struct lab_sim *s, struct lab_device *d)
{
    give_presence(s, d);
    machine(s, d, lab_app_ntp, (d->person >= 0 ? 60 : 17) * TH_NS_PER_MIN);
    lab_give_pollers(s, d);
    if (d->person >= 0 && d->kind != LAB_VOIP) {
        give_person(s, d);
        if (d->os == LAB_OS_WINDOWS)
            give_windows(s, d);
        lab_give_role(s, d);
    } else if (lab_is_server((enum lab_kind)d->kind)) {
        lab_give_servers(s, d);
    } else {
        lab_give_things(s, d);
    }
    if (s->life)
        lab_life_habits(s, d);
}
