/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks inside the network: scans, movement from host to host, guessing, encryption. */
#include "base/mem.h"
#include "inject.h"

#include <stdio.h>
#include <string.h>

static void scan_begin(struct lab_inject *i)
{
    double rate = lab_param_num(i, "rate", 10);
    bool vertical = lab_param_is(i, "what", "vertical");
    i->period_ns = (int64_t)(60e9 / TH_MAX(rate, 0.001));
    i->port = (uint16_t)lab_param_num(i, "port", 445);
    i->step = lab_below(&i->actor.rng, i->actor.sim->dev_count);
    if (vertical) {
        i->peer = i->actor.sim->by_kind[i->actor.dev->kind == LAB_FILE ? LAB_DC : LAB_FILE];
        i->step = 0;
    }
    snprintf(i->note, sizeof i->note, "%s scan, %.3g probes a minute",
        lab_param_is(i, "what", "arp") ? "ARP"
            : vertical                 ? "vertical"
                                       : "horizontal",
        rate);
}

/* Half of what is probed is an address that nobody has. Nobody probes himself: the next device
 * stands in. */
static struct th_addr probe_addr(struct lab_inject *i, struct lab_device **to)
{
    struct lab_sim *s = i->actor.sim;
    *to = NULL;
    if (i->step % 2 == 0) {
        *to = &s->dev[(i->step / 2) % s->dev_count];
        if (*to == i->actor.dev)
            *to = &s->dev[(i->step / 2 + 1) % s->dev_count];
        return (*to)->addr;
    }
    return lab_inside(s, 10 + i->step / 512 % 20, i->step / 2 % 254 + 1);
}

static void probe(
    struct lab_inject *i, const struct th_addr *addr, struct lab_device *to, uint16_t port)
{
    struct lab_actor *a = &i->actor;
    struct lab_flow *f = to ? lab_open_to(a, i->next_ns, LAB_TCP, to, port)
                            : lab_open(a, i->next_ns, LAB_TCP, addr, port);
    f->local_dst = true;
    bool there = to && (to->fixed || to->was_on);
    bool open = there && (port == 445 || port == 135 || port == 139) && to->os == LAB_OS_WINDOWS;
    open = open || (there && to->os == LAB_OS_LINUX && (port == 22 || port == 443));
    f->state = !there ? LAB_S0 : open ? LAB_RSTO : LAB_REJ;
    f->dur_ns = there ? TH_NS_PER_MS : 0;
    lab_submit(a, f);
}

static void scan_act(struct lab_inject *i)
{
    struct lab_device *to = i->peer;
    struct th_addr addr;
    if (to)
        probe(i, &to->addr, to, (uint16_t)(1 + i->step % 10000));
    else
        addr = probe_addr(i, &to);
    if (!i->peer && lab_param_is(i, "what", "arp"))
        lab_arp_ask(&i->actor, i->next_ns, &addr, to ? &to->now_mac : NULL);
    else if (!i->peer)
        probe(i, &addr, to, i->port);
    lab_inject_did(i, i->next_ns);
    i->step++;
    i->next_ns += TH_NS_PER_MS + lab_jitter_ns(&i->actor.rng, i->period_ns, 0.5);
}

const struct lab_inject_kind lab_kind_scan = {"scan", "T1046",
    "rate=10 (a minute) what=horizontal|vertical|arp port=445", "1h", scan_begin, scan_act};

static struct lab_device *last_hop(struct lab_inject *i)
{
    return i->actor.sim->by_kind[lab_chance(&i->actor.rng, 0.5) ? LAB_FILE : LAB_DC];
}

/* With habit=N the path is known ahead, and the account goes along it N times in the 13 days
 * before. */
static void lateral_habit(struct lab_inject *i)
{
    struct lab_sim *s = i->actor.sim;
    i->before = (uint32_t)lab_param_num(i, "habit", 0);
    if (!i->before)
        return;
    for (uint32_t k = 0; k + 1 < i->count; k++) {
        uint32_t n = lab_below(&i->actor.rng, s->kind_count[LAB_WORKSTATION]);
        for (uint32_t tries = 0; tries < s->kind_count[LAB_WORKSTATION]; tries++, n++) {
            struct lab_device *d = lab_nth(s, LAB_WORKSTATION, n % s->kind_count[LAB_WORKSTATION]);
            bool passed = d == i->actor.dev;
            for (uint32_t q = 0; q < k; q++)
                passed = passed || i->hop[q] == d;
            i->hop[k] = d;
            if (d->always_on && !passed)
                break;
        }
    }
    i->hop[i->count - 1] = last_hop(i);
    i->next_ns = TH_MAX(i->start_ns - 13 * TH_NS_PER_DAY, s->opt.start_ns + TH_NS_PER_HOUR);
    if (i->next_ns >= i->start_ns) { /* no time before */
        i->before = 0;
        i->next_ns = i->start_ns;
    }
}

static void lateral_begin(struct lab_inject *i)
{
    double hops = lab_param_num(i, "hops", 3);
    i->count = (uint32_t)TH_MIN(TH_MAX(hops, 1), (double)LAB_MAX_HOPS);
    i->user = lab_param_is(i, "credential", "own") && i->actor.dev->person >= 0
        ? i->actor.sim->person[i->actor.dev->person].user
        : lab_inject_admin(i);
    lateral_habit(i);
    i->port = 445;
    i->period_ns = TH_MAX((i->end_ns - i->start_ns) / (TH_MAX(i->count, 1u) + 1), TH_NS_PER_MIN);
    i->peer = i->actor.dev;
    snprintf(i->note, sizeof i->note, "moves over %u hosts with remote services", i->count);
}

/* A service is installed over the administrative share: the way of psexec and its kin. */
static void take_over(struct lab_actor *a, int64_t ts, struct lab_device *to, const char *user)
{
    static const char *const calls[] = {
        "OpenSCManagerW", "CreateServiceW", "StartServiceW", "DeleteService"};
    char name[48], stem[16];
    lab_name_random(&a->rng, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop", 8, stem);
    int n = snprintf(name, sizeof name, "%s.exe", stem);
    struct lab_flow *f = lab_smb(a, ts, to, "ADMIN$", 40 * TH_NS_PER_S, 480000, 60000);
    f->service = "gssapi,smb,ntlm,dce_rpc";
    lab_ntlm(a, f, ts + 5 * TH_NS_PER_MS, to, user, true);
    lab_smb_file(a, f, ts + 60 * TH_NS_PER_MS, "SMB::FILE_WRITE", th_str_n(name, (size_t)n), 470000,
        (struct th_str){"", 0});
    for (unsigned k = 0; k < TH_ARRAY_LEN(calls); k++)
        lab_rpc(a, f, ts + (400 + 200 * k) * TH_NS_PER_MS, "\\pipe\\ntsvcs", "svcctl", calls[k]);
    lab_submit(a, f);
}

/* A Windows machine that is on, other than the ones passed so far. */
static struct lab_device *next_hop(struct lab_inject *i, bool last)
{
    struct lab_sim *s = i->actor.sim;
    if (i->hop[i->step % LAB_MAX_HOPS])
        return i->hop[i->step % LAB_MAX_HOPS];
    if (last)
        return last_hop(i);
    for (unsigned k = 0; k < 300; k++) {
        struct lab_device *d = &s->dev[lab_below(&i->actor.rng, s->dev_count)];
        if (d->kind == LAB_WORKSTATION && d->was_on && d != i->peer && d != i->actor.dev)
            return d;
    }
    return s->by_kind[LAB_FILE];
}

/* Flows of another device in the injection's name. */
static struct lab_actor stand_at(const struct lab_inject *i, struct lab_device *d)
{
    struct lab_actor from = i->actor;
    from.dev = d;
    return from;
}

static void stand_back(struct lab_inject *i, const struct lab_actor *from)
{
    i->actor.rng = from->rng;
    i->actor.flows = from->flows;
    i->actor.port = from->port;
}

/* What will be the path is gone along as administrators do, at a working hour. */
static void lateral_before(struct lab_inject *i)
{
    struct lab_device *at = i->actor.dev;
    for (uint32_t k = 0; k < i->count; k++) {
        struct lab_actor from = stand_at(i, at);
        int64_t ts = i->next_ns + (int64_t)k * 4 * TH_NS_PER_MIN;
        struct lab_flow *f = lab_smb(&from, ts, i->hop[k], "IPC$", 20 * TH_NS_PER_S, 6000, 5000);
        f->service = "gssapi,smb,ntlm,dce_rpc";
        lab_ntlm(&from, f, ts + 5 * TH_NS_PER_MS, i->hop[k], i->user, true);
        lab_submit(&from, f);
        stand_back(i, &from);
        at = i->hop[k];
    }
    int64_t left = i->start_ns - i->next_ns;
    i->next_ns =
        --i->before ? i->next_ns + TH_MAX(left / (i->before + 1), TH_NS_PER_HOUR) : i->start_ns;
    if (i->next_ns >= i->start_ns) {
        i->before = 0;
        i->next_ns = i->start_ns;
    }
}

static void lateral_act(struct lab_inject *i)
{
    if (i->before) {
        lateral_before(i);
        return;
    }
    struct lab_device *to = next_hop(i, i->step + 1 == i->count);
    struct lab_actor from = stand_at(i, i->peer); /* where the attacker stands now */
    lab_inject_did(i, i->next_ns);
    if (lab_param_is(i, "tool", "rdp"))
        lab_rdp(&from, i->next_ns, to, 5 * TH_NS_PER_MIN, i->user, true);
    else if (lab_param_is(i, "tool", "ssh"))
        lab_ssh(&from, i->next_ns, to, 5 * TH_NS_PER_MIN, 30000, 90000, true);
    else
        take_over(&from, i->next_ns, to, i->user);
    size_t len = strlen(i->path);
    snprintf(i->path + len, sizeof i->path - len, "%s%s", len ? " " : "", to->name);
    stand_back(i, &from);
    i->peer = to;
    i->next_ns += lab_jitter_ns(&i->actor.rng, i->period_ns, 0.3);
    if (++i->step >= i->count)
        i->end_ns = i->next_ns;
    else
        i->end_ns = TH_MAX(i->end_ns, i->next_ns + 1);
}

const struct lab_inject_kind lab_kind_lateral = {"lateral", "T1021.002",
    "hops=3 tool=svcctl|rdp|ssh credential=admin|own habit=0 (times before)", "2h", lateral_begin,
    lateral_act};

static void brute_begin(struct lab_inject *i)
{
    bool rdp = lab_param_is(i, "proto", "rdp"), smb = lab_param_is(i, "proto", "smb");
    i->peer = i->actor.sim->by_kind[rdp || smb ? LAB_FILE : LAB_DB];
    i->port = rdp ? 3389 : smb ? 445 : 22;
    double rate = lab_param_num(i, "rate", 20);
    i->period_ns = (int64_t)(60e9 / TH_MAX(rate, 0.01));
    snprintf(i->note, sizeof i->note, "guesses passwords, %.3g a minute", rate);
}

static void brute_act(struct lab_inject *i)
{
    struct lab_actor *a = &i->actor;
    const char *user = a->sim->person[i->step % 3].user;
    if (i->port == 22) {
        lab_ssh(a, i->next_ns, i->peer, 2 * TH_NS_PER_S, 900, 1100, false);
    } else if (i->port == 3389) {
        lab_rdp(a, i->next_ns, i->peer, TH_NS_PER_S, user, false);
    } else {
        struct lab_flow *f = lab_smb(a, i->next_ns, i->peer, "IPC$", 5 * TH_NS_PER_MS, 0, 0);
        lab_ntlm(a, f, i->next_ns + 2 * TH_NS_PER_MS, i->peer, user, false);
        lab_submit(a, f);
    }
    lab_inject_did(i, i->next_ns);
    i->step++;
    i->next_ns += TH_NS_PER_MS + lab_jitter_ns(&a->rng, i->period_ns, 0.3);
}

const struct lab_inject_kind lab_kind_brute = {"brute-force", "T1110.001",
    "rate=20 (a minute) proto=ssh|rdp|smb", "30m", brute_begin, brute_act};

static void spray_begin(struct lab_inject *i)
{
    double rate = lab_param_num(i, "rate", 50);
    i->peer = i->actor.sim->by_kind[LAB_DC];
    i->port = 88;
    i->period_ns = (int64_t)(3600e9 / TH_MAX(rate, 0.01));
    snprintf(i->note, sizeof i->note, "tries one password on many accounts, %.3g an hour", rate);
}

static void spray_act(struct lab_inject *i)
{
    struct lab_actor *a = &i->actor;
    struct lab_sim *s = a->sim;
    char client[128], service[128];
    int n = snprintf(
        client, sizeof client, "%s/%s", s->person[i->step % s->person_count].user, s->domain);
    int m = snprintf(service, sizeof service, "krbtgt/%s", s->domain);
    lab_kerberos(a, i->next_ns, i->peer, "AS", th_str_n(client, (size_t)n),
        th_str_n(service, (size_t)m), "KDC_ERR_PREAUTH_FAILED");
    lab_inject_did(i, i->next_ns);
    i->step++;
    i->next_ns += TH_NS_PER_MS + lab_jitter_ns(&a->rng, i->period_ns, 0.4);
}

const struct lab_inject_kind lab_kind_spray = {
    "password-spray", "T1110.003", "rate=50 (an hour)", "4h", spray_begin, spray_act};

static void ransomware_begin(struct lab_inject *i)
{
    double rate = lab_param_num(i, "rate", 300);
    i->peer = i->actor.sim->by_kind[LAB_FILE];
    i->port = 445;
    i->count = (uint32_t)TH_MAX(rate, 1.0);
    snprintf(i->note, sizeof i->note, "encrypts %u files of a share a minute", i->count);
}

/* A connection a minute; each file read, written anew and renamed. */
static void ransomware_act(struct lab_inject *i)
{
    static const char *const shares[] = {"Projects", "Finance", "Sales", "Public"};
    struct lab_actor *a = &i->actor;
    uint64_t bytes = i->count * UINT64_C(180000);
    struct lab_flow *f =
        lab_smb(a, i->next_ns, i->peer, shares[i->step++ / 10 % 4], 58 * TH_NS_PER_S, bytes, bytes);
    for (uint32_t k = 0; k < i->count; k++) {
        char name[LAB_NAME_LEN], locked[LAB_NAME_LEN + 8];
        lab_name_file(&a->rng, name);
        snprintf(locked, sizeof locked, "%s.lckd", name);
        int64_t at = i->next_ns + (int64_t)k * 58 * TH_NS_PER_S / i->count + 20 * TH_NS_PER_MS;
        struct th_str none = {"", 0};
        lab_smb_file(a, f, at, "SMB::FILE_OPEN", th_str_c(name), 180000, none);
        lab_smb_file(a, f, at + TH_NS_PER_MS, "SMB::FILE_WRITE", th_str_c(name), 180000, none);
        lab_smb_file(a, f, at + 2 * TH_NS_PER_MS, "SMB::FILE_RENAME", th_str_c(locked), 180000,
            th_str_c(name));
        lab_inject_did(i, at);
    }
    lab_submit(a, f);
    i->next_ns += TH_NS_PER_MIN;
}

const struct lab_inject_kind lab_kind_ransomware = {
    "ransomware", "T1486", "rate=300 (files a minute)", "20m", ransomware_begin, ransomware_act};
