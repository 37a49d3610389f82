/* SPDX-License-Identifier: Apache-2.0 */
/* Mail, print jobs, and those who look after the servers. */
#include "apps.h"
#include "base/mem.h"

void lab_app_mail(struct lab_actor *a, struct lab_task *t)
{
    struct lab_world *w = a->sim->world;
    bool send = lab_chance(&a->rng, 0.15);
    struct lab_web web = {.tls = a->dev->app,
        .port = send ? 465 : 993,
        .up = send ? lab_bytes(&a->rng, 9000, 1.4, 900, 24000000)
                   : lab_bytes(&a->rng, 900, 0.4, 300, 9000),
        .down = send ? 900 : lab_bytes(&a->rng, 7000, 1.5, 600, 30000000),
        .dur_ns = lab_exp_ns(&a->rng, 4 * TH_NS_PER_S)};
    lab_tls_to(a, t->next_ns, w->mail, &web);
    t->next_ns = lab_rhythm_next(a, t->next_ns, t->period_ns);
}

void lab_app_print(struct lab_actor *a, struct lab_task *t)
{
    /* Everybody has a printer nearby. */
    uint32_t n = a->sim->kind_count[LAB_PRINTER];
    struct lab_device *p = n ? lab_nth(a->sim, LAB_PRINTER, a->dev->no % n) : NULL;
    if (p) {
        uint64_t size = lab_bytes(&a->rng, 700000, 1.2, 20000, 90000000);
        lab_talk_to(a, t->next_ns, LAB_UDP, p, 161, "snmp", 0, 43, 60);
        lab_talk_to(a, t->next_ns + 200 * TH_NS_PER_MS, LAB_TCP, p,
            a->dev->os == LAB_OS_MACOS ? 631 : 9100, NULL, 2 * TH_NS_PER_S + (int64_t)size * 900,
            size, 400);
    }
    t->next_ns = lab_rhythm_next(a, t->next_ns, t->period_ns);
}

static struct lab_device *pick_server(struct lab_actor *a)
{
    static const enum lab_kind kinds[] = {
        LAB_WEB, LAB_DB, LAB_FILE, LAB_BUILD, LAB_DC, LAB_BACKUP, LAB_MONITOR};
    return lab_any(a, kinds[lab_zipf(&a->rng, (uint32_t)TH_ARRAY_LEN(kinds), 0.6)]);
}

static void remote_shell(struct lab_actor *a, int64_t ts, struct lab_device *to)
{
    struct lab_flow *f = lab_open_to(a, ts, LAB_TCP, to, 5985);
    f->service = "http,ntlm";
    f->up = lab_bytes(&a->rng, 24000, 0.8, 6000, 900000);
    f->down = lab_bytes(&a->rng, 18000, 0.9, 4000, 2000000);
    f->dur_ns = 2 * TH_NS_PER_S + lab_exp_ns(&a->rng, 90 * TH_NS_PER_S);
    lab_ntlm(a, f, ts + 4 * TH_NS_PER_MS, to, a->sim->person[a->dev->person].user, true);
    lab_submit(a, f);
}

/* Administration of servers, from the machines of administrators. */
void lab_app_admin(struct lab_actor *a, struct lab_task *t)
{
    const struct lab_person *p = &a->sim->person[a->dev->person];
    struct lab_device *to = pick_server(a);
    int64_t ts = lab_lookup(a, t->next_ns, &to->as_host) + TH_NS_PER_MS;
    int64_t len = lab_exp_ns(&a->rng, 12 * TH_NS_PER_MIN);
    uint64_t seconds = (uint64_t)(len / TH_NS_PER_S);
    if (to->os == LAB_OS_LINUX) {
        lab_ssh(a, ts, to, len, 40 * seconds, 180 * seconds, lab_chance(&a->rng, 0.96));
    } else if (lab_chance(&a->rng, 0.55)) {
        lab_rdp(a, ts, to, len, p->user, lab_chance(&a->rng, 0.97));
    } else if (lab_chance(&a->rng, 0.6)) {
        remote_shell(a, ts, to);
    } else {
        struct lab_flow *f = lab_smb(a, ts, to, "IPC$", 20 * TH_NS_PER_S, 6000, 5000);
        f->service = "gssapi,smb,krb,dce_rpc";
        lab_rpc(a, f, ts + 10 * TH_NS_PER_MS, "\\pipe\\ntsvcs", "svcctl", "OpenSCManagerW");
        lab_rpc(a, f, ts + 14 * TH_NS_PER_MS, "\\pipe\\ntsvcs", "svcctl", "EnumServicesStatusExW");
        lab_submit(a, f);
    }
    t->next_ns = lab_rhythm_next(a, ts + len / 2, t->period_ns);
}
