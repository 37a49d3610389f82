/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of asked-for packets by itself: an ask that leads nowhere is sent again some times
 * and then failed with a reason, what is old goes, and what has to be forgotten.
 */
#include "link/packets.h"
#include "state_packets.h"

#define KEPT_NS (24 * TH_NS_PER_HOUR)
#define WAIT_NS (10 * TH_NS_PER_MIN)   /* for a sensor that is away */
#define SILENCE_NS (3 * TH_NS_PER_MIN) /* of a sensor that has the wish */
#define MAX_ATTEMPTS 3
#define CROSSING_NS (5 * TH_NS_PER_S) /* a request and the wish may pass each other */
#define COME_NS (10 * TH_NS_PER_S) /* a sensor that is there comes again; then another is asked */

/* ---- forgetting ---- */

struct forgotten {
    struct th_state *s;
    int64_t at_ns;
    const char *by;
    struct th_str sensor;          /* empty: none */
    const struct th_addr *address; /* of a device; NULL: none, or not known */
    bool device;
};

/* Without an address it may be any. */
static bool names(const struct th_ask *k, const struct th_addr *address)
{
    struct th_packets_request wish;
    const char *why;
    return !address || th_packets_request_read(th_str_c(k->wish), &wish, &why) < 0 ||
        th_addr_eq(&wish.host, address) || (wish.has_peer && th_addr_eq(&wish.peer, address));
}

static void forget_one(void *arg, struct th_ask *k)
{
    struct forgotten *f = arg;
    bool of_sensor = f->sensor.len > 0 && th_str_is(f->sensor, k->sensor);
    if (!of_sensor && !(f->device && names(k, f->address)))
        return;
    st_arrival_end(f->s, k);
    st_packets_drop(f->s, k->id);
    th_ask_remove(f->s->a, k->id);
    th_audit(f->s->a, f->at_ns, f->by, "packets.delete", k->id, "forgotten");
}

void st_packets_forget(struct th_state *s, int64_t at_ns, const char *by, struct th_str sensor,
    bool device, const struct th_addr *address)
{
    struct forgotten f = {
        .s = s, .at_ns = at_ns, .by = by, .sensor = sensor, .address = address, .device = device};
    th_asks_each(s->a, forget_one, &f);
}

/* ---- what happens by itself ---- */

struct tick {
    struct th_state *s;
    int64_t now_ns;
};

bool st_ask_again(struct th_state *s, int64_t now_ns, struct th_ask *k)
{
    if (k->attempts >= MAX_ATTEMPTS)
        return false;
    st_arrival_end(s, k);
    st_packets_drop(s, k->id);
    st_ask_enter(k, "waiting");
    k->command[0] = '\0';
    k->told_ns = now_ns;
    th_ask_update(s->a, k);
    st_release_commands(s, k->sensor);
    return true;
}

/* The sensor has it, and nothing comes. */
static void send_again(struct tick *x, struct th_ask *k)
{
    if (!st_ask_again(x->s, x->now_ns, k) && !st_ask_elsewhere(x->s, x->now_ns, k))
        st_ask_fail(x->s, x->now_ns, k, "The sensor did not answer, though it was asked thrice.");
}

void st_packets_still(struct th_state *s, int64_t now_ns, const char *sensor, const char *command)
{
    struct th_ask k;
    struct tick x = {.s = s, .now_ns = now_ns};
    if (th_ask_with(s->a, sensor, &k) == 0 && strcmp(k.command, command) != 0 &&
        now_ns - k.told_ns > CROSSING_NS)
        send_again(&x, &k);
}

static void look_after(void *arg, struct th_ask *k)
{
    struct tick *x = arg;
    const struct st_arrival *here = st_arrival_of(x->s, k->command);
    int64_t idle_ns = x->now_ns - (here ? here->moved_ns : k->told_ns);
    if (k->finished_ns != 0) {
        if (x->now_ns - k->finished_ns < KEPT_NS)
            return;
        st_packets_drop(x->s, k->id);
        th_ask_remove(x->s->a, k->id);
        th_audit(x->s->a, x->now_ns, "system", "packets.expire", k->id, "");
    } else if (!st_ask_is(k, "waiting")) {
        if (idle_ns > SILENCE_NS)
            send_again(x, k);
    } else if (k->any && idle_ns > COME_NS && st_ask_elsewhere(x->s, x->now_ns, k)) {
        return;
    } else if (k->any && idle_ns > COME_NS && k->problem[0]) {
        /* One that is gone is not waited for when another has answered. */
        char problem[sizeof(k->problem)];
        memcpy(problem, k->problem, sizeof(problem));
        st_ask_fail(x->s, x->now_ns, k, problem);
    } else if (idle_ns > WAIT_NS) {
        st_ask_fail(x->s, x->now_ns, k,
            "The sensor was not there for ten minutes, or busy with other packets for so long.");
    }
}

/* After a start: what was on its way is asked for anew, what is done has its file. */
static void take_up(void *arg, struct th_ask *k)
{
    struct tick *x = arg;
    if (st_ask_is(k, "sent") || st_ask_is(k, "arriving")) {
        st_ask_enter(k, "waiting");
        k->command[0] = '\0';
        k->told_ns = x->now_ns;
        th_ask_update(x->s->a, k);
    } else if (st_ask_is(k, "done") && k->stored > 0 && !st_packets_whole(x->s, k)) {
        st_ask_fail(x->s, x->now_ns, k, "The file of these packets is gone: a snapshot has none.");
    }
}

void st_packets_take_up(struct th_state *s, int64_t now_ns)
{
    struct tick x = {.s = s, .now_ns = now_ns};
    if (s->packets_taken_up)
        return;
    s->packets_taken_up = true;
    th_asks_each(s->a, take_up, &x);
    st_packets_sweep(s);
}

void st_packets_tick(struct th_state *s, int64_t now_ns)
{
    struct tick x = {.s = s, .now_ns = now_ns};
    th_asks_each(s->a, look_after, &x);
}
