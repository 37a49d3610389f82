/* SPDX-License-Identifier: Apache-2.0 */
/* thymus-lab: the generated office. */
#include "base/mem.h"
#include "life.h"
#include "options.h"
#include "out.h"
#include "out_pcap.h"

#include <stdio.h>
#include <string.h>

struct outputs {
    struct lab_spool *spool;
    struct lab_parts *parts;
    const struct lab_sim *sim;
    struct lab_json *json;
    struct lab_pcap *pcap;
    int64_t from_ns;
};

static int put_event(void *arg, const struct th_event *ev)
{
    struct outputs *o = arg;
    if (ev->time_ns < o->from_ns)
        return 0;
    int err = o->spool ? lab_spool_put(o->spool, ev) : 0;
    if (err == 0 && o->parts)
        err = lab_parts_put(o->parts, lab_queue_flow_id(o->sim->queue), ev);
    if (err == 0 && o->json)
        err = lab_json_put(o->json, ev);
    return err;
}

static int put_flow(void *arg, struct lab_flow *f)
{
    struct outputs *o = arg;
    return f->ts < o->from_ns ? 0 : lab_pcap_flow(o->pcap, f);
}

static int fail(const char *what, int err)
{
    fprintf(stderr, "thymus-lab: %s: %s\n", what, th_strerror(err));
    return 1;
}

static int open_outputs(const struct lab_command *c, struct outputs *o)
{
    int err = 0;
    if (c->spool)
        err = lab_spool_open(c->spool, lab_chance_hash(c->sim.seed, c->sim.devices, 7), &o->spool);
    if (err == 0 && c->parts)
        err = lab_parts_open(
            c->parts, lab_chance_hash(c->sim.seed, c->sim.devices, 7), c->sim.start_ns, &o->parts);
    if (err == 0 && c->zeek_json)
        err = lab_json_open(c->zeek_json, &o->json);
    if (err == 0 && c->pcap)
        err = lab_pcap_open(c->pcap, &c->sim, &o->pcap);
    return err;
}

static int close_outputs(struct outputs *o, int err)
{
    int e = o->spool ? lab_spool_close(o->spool) : 0;
    err = err < 0 ? err : e;
    e = o->parts ? lab_parts_close(o->parts) : 0;
    err = err < 0 ? err : e;
    e = o->json ? lab_json_close(o->json) : 0;
    err = err < 0 ? err : e;
    e = o->pcap ? lab_pcap_close(o->pcap) : 0;
    return err < 0 ? err : e;
}

static int add_injections(const struct lab_command *c, struct lab_sim *s)
{
    char message[160];
    for (unsigned k = 0; k < c->inject_count; k++)
        if (lab_inject_add(s, c->inject[k], message, sizeof message) < 0) {
            fprintf(stderr, "thymus-lab: --inject %s: %s\n", c->inject[k], message);
            return -EINVAL;
        }
    if (c->attack && lab_inject_story(s, c->attack_at, message, sizeof message) < 0) {
        fprintf(stderr, "thymus-lab: --attack: %s\n", message);
        return -EINVAL;
    }
    return 0;
}

static int write_truth(const struct lab_sim *s, const char *path)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    for (uint32_t k = 0; k < s->inject_count; k++)
        lab_inject_truth(s->inject[k], &b);
    lab_life_truth(s, &b);
    TH_AUTOFCLOSE FILE *f = fopen(path, "we");
    if (!f)
        return -errno;
    if (fwrite(b.p, 1, b.len, f) != b.len || fflush(f) != 0)
        return -errno;
    return 0;
}

/* Some hours at a time, so that somebody who waits sees that it goes on; packets of flows that
 * begin are held back only minutes. */
static int run(const struct lab_command *c, struct lab_sim *s, struct outputs *o)
{
    int64_t step = o->pcap ? 10 * TH_NS_PER_MIN : 6 * TH_NS_PER_HOUR, at = c->sim.start_ns;
    while (at < c->sim.end_ns) {
        int64_t to = TH_MIN(at + step, c->sim.end_ns);
        int err = lab_sim_run(s, to);
        if (err == 0 && o->pcap)
            err = lab_pcap_drain(o->pcap, to);
        if (err < 0)
            return err;
        at = to;
        if (c->progress)
            fprintf(stderr, "\rthymus-lab: %3.0f %%, %llu events",
                100.0 * (double)(at - c->sim.start_ns) / (double)(c->sim.end_ns - c->sim.start_ns),
                (unsigned long long)lab_queue_events(s->queue));
    }
    if (c->progress)
        fprintf(stderr, "\n");
    return 0;
}

static int generate(const struct lab_command *c)
{
    struct outputs o = {.from_ns = c->from_ns};
    struct lab_options opt = c->sim;
    struct lab_sim *s = NULL;
    int err = open_outputs(c, &o);
    if (err < 0)
        return fail("cannot open the output", close_outputs(&o, err));
    opt.events = (struct th_sink){put_event, &o};
    if (o.pcap)
        opt.flows = (struct lab_flow_sink){put_flow, &o};
    err = lab_sim_new(&opt, &s);
    o.sim = s;
    if (err == 0 && o.pcap)
        lab_pcap_use(o.pcap, s->pool);
    if (err == 0)
        err = add_injections(c, s);
    if (err == -EINVAL && s) {
        close_outputs(&o, err);
        lab_sim_free(s);
        return 2;
    }
    if (err == 0)
        err = run(c, s, &o);
    err = close_outputs(&o, err);
    if (err == 0 && c->truth)
        err = write_truth(s, c->truth);
    if (err == 0 && s && !c->quiet)
        fprintf(stderr, "thymus-lab: %u devices, %llu flows, %llu events\n", s->dev_count,
            (unsigned long long)lab_queue_flows(s->queue),
            (unsigned long long)lab_queue_events(s->queue));
    lab_sim_free(s);
    return err < 0 ? fail("cannot write", err) : 0;
}

int main(int argc, char **argv)
{
    struct lab_command c;
    if (lab_command_parse(argc, argv, &c) < 0)
        return 2;
    if (c.help) {
        lab_command_help();
        return 0;
    }
    return generate(&c);
}
