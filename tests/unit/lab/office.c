/* SPDX-License-Identifier: Apache-2.0 */
#include "office.h"

#include "base/hash.h"
#include "base/mem.h"
#include "event/json.h"
#include "out_pcap.h"

struct office office_init(uint64_t seed)
{
    return (struct office){.opt = {.seed = seed,
                               .devices = 30,
                               .start_ns = OFFICE_MONDAY + 9 * TH_NS_PER_HOUR,
                               .end_ns = OFFICE_MONDAY + 11 * TH_NS_PER_HOUR,
                               .part_ns = 5 * TH_NS_PER_MIN}};
}

static int keep(void *arg, const struct th_event *ev)
{
    struct office *o = arg;
    TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
    static const struct th_hash_key key = {1, 2};
    if (!o->light)
        th_event_json(ev, TH_EVENT_JSON_PATH, &text);
    if (o->n == o->cap) {
        o->cap = o->cap ? 2 * o->cap : 4096;
        o->v = th_xreallocarray(o->v, o->cap, sizeof(struct office_event));
    }
    /* ts is the first field of every kind */
    int64_t ts = *(const int64_t *)th_event_field(ev, &th_kind_get(ev->kind)->fields[0]);
    o->v[o->n++] = (struct office_event){
        text.len ? th_siphash(&key, text.p, text.len) : 0, ev->time_ns, ts, ev->kind};
    o->counts[ev->kind]++;
    if (o->each)
        o->each(o->arg, ev);
    return 0;
}

void office_run(struct office *o)
{
    office_run_with(o, NULL);
}

void office_run_with(struct office *o, struct lab_pcap *p)
{
    char message[160];
    o->opt.events = (struct th_sink){keep, o};
    TH_ASSERT(lab_sim_new(&o->opt, &o->sim) == 0);
    for (unsigned i = 0; o->inject[i]; i++)
        TH_ASSERT(lab_inject_add(o->sim, o->inject[i], message, sizeof message) == 0);
    if (o->story)
        TH_ASSERT(lab_inject_story(o->sim, NULL, message, sizeof message) == 0);
    if (p)
        lab_pcap_use(p, o->sim->pool);
    TH_ASSERT(lab_sim_run(o->sim, o->opt.end_ns) == 0);
    if (p)
        TH_ASSERT(lab_pcap_drain(p, o->opt.end_ns) == 0);
}

void office_done(struct office *o)
{
    lab_sim_free(o->sim);
    free(o->v);
    o->v = NULL;
    o->n = o->cap = 0;
}
