/* SPDX-License-Identifier: Apache-2.0 */
/* Printers, cameras, telephones, thermostats, and the recorder the cameras feed. */
#include "apps.h"
#include "base/mem.h"

static struct lab_task *every(
    struct lab_sim *s, struct lab_device *d, lab_task_fn fn, int64_t period_ns)
{
    int64_t first = s->opt.start_ns + (int64_t)(lab_unit(&d->self.rng) * (double)period_ns);
    struct lab_task *t = lab_task_add(d, fn, first);
    t->period_ns = period_ns;
    return t;
}

/* The recorder pulls each camera's stream: one connection of hours after another. */
static void stream(struct lab_actor *a, struct lab_task *t)
{
    int64_t len = 4 * TH_NS_PER_HOUR + lab_exp_ns(&a->rng, 6 * TH_NS_PER_HOUR);
    uint64_t seconds = (uint64_t)(len / TH_NS_PER_S);
    lab_talk_to(a, t->next_ns, LAB_TCP, t->peer, 554, "rtsp", len, 2000 + seconds * 60,
        seconds * (90000 + t->peer->no % 90 * 1000));
    t->next_ns += len + TH_NS_PER_S;
}

static void sip_register(struct lab_actor *a, struct lab_task *t)
{
    lab_talk_to(a, t->next_ns, LAB_UDP, a->sim->by_kind[LAB_PBX], 5060, "sip", 0, 640, 480);
    t->next_ns += lab_jitter_ns(&a->rng, t->period_ns, 0.05);
}

static void call(struct lab_actor *a, struct lab_task *t)
{
    int64_t len = 8 * TH_NS_PER_S + lab_exp_ns(&a->rng, 150 * TH_NS_PER_S);
    uint64_t bytes = (uint64_t)(len / TH_NS_PER_S) * 50 * 172; /* 20 ms of G.711 each */
    struct lab_device *pbx = a->sim->by_kind[LAB_PBX];
    lab_talk_to(a, t->next_ns, LAB_UDP, pbx, 5060, "sip", len, 2900, 2600);
    struct lab_flow *f = lab_open_to(a, t->next_ns + 4 * TH_NS_PER_S, LAB_UDP, pbx,
        (uint16_t)(16384 + 2 * lab_below(&a->rng, 4000)));
    f->sport = (uint16_t)(11000 + 2 * lab_below(&a->rng, 4000));
    f->service = "rtp";
    f->up = f->down = bytes;
    f->pkts[0] = f->pkts[1] = bytes / 172;
    f->dur_ns = len - 4 * TH_NS_PER_S;
    lab_submit(a, f);
    t->next_ns = lab_rhythm_next(a, t->next_ns + len, t->period_ns);
}

static void give_camera(struct lab_sim *s, struct lab_device *d)
{
    struct lab_task *t = every(s, d, lab_app_poll, 5 * TH_NS_PER_MIN);
    t->host = s->world->rare[7]; /* the maker's cloud */
    t->jitter = 0.05;
    t->up = 420;
    t->down = 310;
}

static void give_voip(struct lab_sim *s, struct lab_device *d)
{
    every(s, d, sip_register, 5 * TH_NS_PER_MIN);
    int64_t first = lab_rhythm_next(&d->self, s->opt.start_ns, TH_NS_PER_HOUR);
    lab_task_add(d, call, first)->period_ns = TH_NS_PER_HOUR;
}

static void give_thermostat(struct lab_sim *s, struct lab_device *d)
{
    struct lab_task *t = every(s, d, lab_app_push, 9 * TH_NS_PER_HOUR);
    t->host = s->world->mqtt;
    t->port = 8883;
    t->up = 90;
    t->down = 40;
    t = every(s, d, lab_app_poll, 15 * TH_NS_PER_MIN);
    t->host = s->world->mqtt;
    t->port = 80;
    t->jitter = 0.02;
    t->up = 300;
    t->down = 120;
}

static void give_printer(struct lab_sim *s, struct lab_device *d)
{
    every(s, d, lab_app_mdns, 30 * TH_NS_PER_MIN);
    struct lab_task *t = every(s, d, lab_app_poll, TH_NS_PER_HOUR);
    t->host = s->world->rare[3];
    t->jitter = 0.1;
    t->up = 1900;
    t->down = 700;
}

void lab_give_things(struct lab_sim *s, struct lab_device *d)
{
    switch ((enum lab_kind)d->kind) {
    case LAB_CAMERA: give_camera(s, d); break;
    case LAB_VOIP: give_voip(s, d); break;
    case LAB_THERMOSTAT: give_thermostat(s, d); break;
    case LAB_PRINTER: give_printer(s, d); break;
    case LAB_RECORDER:
        for (uint32_t i = 0; i < s->dev_count; i++)
            if (s->dev[i].kind == LAB_CAMERA)
                every(s, d, stream, TH_NS_PER_MIN)->peer = &s->dev[i];
        break;
    default: break;
    }
}
