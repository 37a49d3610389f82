/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody else's account, used from a device where it never was. */
#include "base/mem.h"
#include "inject.h"

#include <stdio.h>

static void takeover_begin(struct lab_inject *i)
{
    struct lab_sim *s = i->actor.sim;
    uint32_t n = lab_below(&i->actor.rng, s->person_count);
    for (uint32_t k = 0; k < s->person_count; k++, n++) {
        const struct lab_person *p = &s->person[n % s->person_count];
        i->user = p->user;
        if (!p->admin && (int32_t)(n % s->person_count) != i->actor.dev->person)
            break;
    }
    double hosts = lab_param_num(i, "hosts", 5);
    i->count = (uint32_t)TH_MIN(TH_MAX(hosts, 1), 1000);
    i->period_ns = TH_MAX((i->end_ns - i->start_ns) / (i->count + 1), TH_NS_PER_S);
    i->port = 445;
    snprintf(i->note, sizeof i->note, "uses the account %s on %u hosts", i->user, i->count);
}

static struct lab_device *pick_host(struct lab_inject *i)
{
    struct lab_sim *s = i->actor.sim;
    if (i->step % 3 == 0)
        return s->by_kind[i->step % 2 ? LAB_DC : LAB_FILE];
    for (unsigned k = 0; k < 200; k++) {
        struct lab_device *d =
            lab_nth(s, LAB_WORKSTATION, lab_below(&i->actor.rng, s->kind_count[LAB_WORKSTATION]));
        if (d && d->was_on && d != i->actor.dev)
            return d;
    }
    return s->by_kind[LAB_FILE];
}

static void ask_ticket(struct lab_inject *i, const char *request, const char *service)
{
    struct lab_sim *s = i->actor.sim;
    char client[128];
    int n = snprintf(client, sizeof client, "%s/%s", i->user, s->domain);
    lab_kerberos(&i->actor, i->next_ns, s->by_kind[LAB_DC], request, th_str_n(client, (size_t)n),
        th_str_c(service), NULL);
}

/* A ticket, then a session: a share of most hosts, the desktop of each third. */
static void takeover_act(struct lab_inject *i)
{
    struct lab_actor *a = &i->actor;
    struct lab_device *to = pick_host(i);
    char service[128];
    if (i->step == 0) {
        snprintf(service, sizeof service, "krbtgt/%s", a->sim->domain);
        ask_ticket(i, "AS", service);
    }
    snprintf(service, sizeof service, "cifs/%s", to->fqdn);
    ask_ticket(i, "TGS", service);
    int64_t ts = i->next_ns + 40 * TH_NS_PER_MS;
    if (i->step % 3 == 2) {
        lab_rdp(a, ts, to, 3 * TH_NS_PER_MIN, i->user, true);
    } else {
        struct lab_flow *f = lab_smb(a, ts, to, "C$", 30 * TH_NS_PER_S, 9000, 400000);
        f->service = "gssapi,smb,ntlm";
        lab_ntlm(a, f, ts + 5 * TH_NS_PER_MS, to, i->user, true);
        lab_submit(a, f);
    }
    lab_inject_did(i, i->next_ns);
    i->next_ns += TH_NS_PER_S + lab_jitter_ns(&a->rng, i->period_ns, 0.4);
    if (++i->step >= i->count)
        i->end_ns = i->next_ns;
    else
        i->end_ns = TH_MAX(i->end_ns, i->next_ns + 1);
}

const struct lab_inject_kind lab_kind_takeover = {
    "takeover", "T1078.002", "hosts=5", "1h", takeover_begin, takeover_act};
