/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbours: who is searched for by ARP or ICMP echo, and who answers. */
#include "base/hash.h"
#include "learn_i.h"
#include "sketch/hll.h"

#define BIT(f) (UINT64_C(1) << (f))

void th_learn_probe(struct th_act *a, const struct th_addr *target)
{
    struct th_win *w = a->win;
    struct th_called *c = th_part_called(a->part, w);
    uint64_t h = th_siphash(&a->l->cfg.key, target->b, sizeof(target->b));
    w->tried |= BIT(TH_FEAT_SWEEP);
    if (w->probes == 0)
        c->probe_first_ns = a->time_ns;
    c->probe_last_ns = a->time_ns;
    w->probes = (uint32_t)TH_MIN(w->probes + 1u, UINT32_MAX - 1);
    if (th_hll_add(c->hll_probe, TH_HLL_LOG2M, h) && w->probes > 4) {
        struct th_note *n = th_note_get(a, TH_FEAT_SWEEP, 1, 1, 1);
        char text[TH_ADDR_TEXT_LEN];
        th_addr_format(target, text);
        if (n)
            th_note_example(a->part, n, "addresses like ", th_str_c(text));
    }
}

void th_learn_alive(struct th_act *a, const struct th_addr *target)
{
    uint64_t h = th_siphash(&a->l->cfg.key, target->b, sizeof(target->b));
    th_hll_add(th_part_called(a->part, a->win)->hll_alive, TH_SCAN_HLL_LOG2M, h);
}

void th_learn_arp(struct th_act *orig, struct th_act *resp, const struct th_ev_arp *ev)
{
    if (th_addr_eq(&ev->orig_h, &ev->resp_h) || th_addr_is_any(&ev->orig_h))
        return; /* an announcement, or a test for duplicates */
    if (th_str_is(ev->operation, "request")) {
        if (orig)
            th_learn_probe(orig, &ev->resp_h);
    } else if (th_str_is(ev->operation, "reply") && resp) {
        th_learn_alive(resp, &ev->orig_h);
    }
}
