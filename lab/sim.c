/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include "base/err.h"
#include "base/mem.h"
#include "inject.h"
#include "life.h"

static void sift_down(struct lab_device *d, uint32_t i)
{
    for (;;) {
        uint32_t least = i;
        for (uint32_t c = 2 * i + 1; c <= 2 * i + 2 && c < d->task_count; c++)
            if (d->tasks[c].next_ns < d->tasks[least].next_ns)
                least = c;
        if (least == i)
            return;
        struct lab_task t = d->tasks[i];
        d->tasks[i] = d->tasks[least];
        d->tasks[least] = t;
        i = least;
    }
}

struct lab_task *lab_task_add(struct lab_device *d, lab_task_fn fn, int64_t next_ns)
{
    if (d->task_count == d->task_cap) {
        d->task_cap = d->task_cap ? 2 * d->task_cap : 16;
        d->tasks = th_xreallocarray(d->tasks, d->task_cap, sizeof *d->tasks);
    }
    /* The heap is put in order once all are there. */
    struct lab_task *t = &d->tasks[d->task_count++];
    *t = (struct lab_task){.fn = fn, .next_ns = next_ns};
    return t;
}

static void heapify(struct lab_device *d)
{
    for (uint32_t i = d->task_count / 2 + 1; i-- > 0;)
        sift_down(d, i);
}

/* A task that comes due while the device is off waits until it is on again. */
static bool wait_for_power(struct lab_sim *s, struct lab_device *d, struct lab_task *t)
{
    if (t->always || lab_rhythm_on(s, d, t->next_ns))
        return false;
    int64_t on = lab_rhythm_next_on(s, d, t->next_ns);
    if (on == INT64_MAX) {
        t->next_ns = INT64_MAX;
        return true;
    }
    int64_t spread = t->period_ns ? TH_MIN(t->period_ns, 10 * TH_NS_PER_MIN) : 2 * TH_NS_PER_MIN;
    t->next_ns = on + 20 * TH_NS_PER_S + (int64_t)(lab_unit(&d->self.rng) * (double)spread);
    return true;
}

static void run_device(struct lab_sim *s, struct lab_device *d, int64_t until)
{
    while (d->task_count && d->tasks[0].next_ns < until) {
        struct lab_task *t = &d->tasks[0];
        int64_t was = t->next_ns;
        if (!wait_for_power(s, d, t)) {
            t->fn(&d->self, t);
            TH_ASSERT(t->next_ns > was);
        }
        sift_down(d, 0);
    }
}

int lab_sim_run(struct lab_sim *s, int64_t until_ns)
{
    int64_t now = s->now_ns;
    for (; now < until_ns; now += LAB_SLICE_NS) {
        int64_t until = now + LAB_SLICE_NS;
        for (uint32_t i = 0; i < s->dev_count; i++)
            run_device(s, &s->dev[i], until);
        for (uint32_t i = 0; i < s->inject_count; i++)
            lab_inject_run(s->inject[i], until);
        int err = lab_queue_drain(s->queue, until);
        if (err < 0)
            return err;
        s->now_ns = until;
    }
    return 0;
}

int lab_sim_new(const struct lab_options *opt, struct lab_sim **ret)
{
    struct lab_sim *s = th_xcalloc(1, sizeof *s);
    s->opt = *opt;
    s->now_ns = opt->start_ns;
    lab_software_init(s->tls);
    s->world = lab_world_new(opt->seed, opt->start_ns);
    s->pool = lab_pool_new();
    struct lab_queue_config qc = {.start_ns = opt->start_ns,
        .end_ns = opt->end_ns,
        .part_ns = opt->part_ns,
        .jumbo_after = opt->jumbo_after,
        .events = opt->events,
        .flows = opt->flows};
    s->queue = lab_queue_new(&qc, s->pool);
    s->life = lab_life_new(&opt->life);
    int err = lab_office_build(s);
    if (err < 0) {
        lab_sim_free(s);
        return err;
    }
    for (uint32_t i = 0; i < s->dev_count; i++) {
        lab_apps_give(s, &s->dev[i]);
    }
    if (s->life)
        lab_life_changes(s);
    for (uint32_t i = 0; i < s->dev_count; i++)
        heapify(&s->dev[i]);
    *ret = s;
    return 0;
}

void lab_sim_free(struct lab_sim *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->dev_count; i++)
        free(s->dev[i].tasks);
    for (uint32_t i = 0; i < s->inject_count; i++)
        lab_inject_free(s->inject[i]);
    free(s->inject);
    lab_queue_free(s->queue);
    lab_pool_free(s->pool);
    lab_world_free(s->world);
    free(s->dev);
    free(s->person);
    free(s->lease_used);
    free(s->merged);
    lab_life_free(s->life);
    free(s);
}
