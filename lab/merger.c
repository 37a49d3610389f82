/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A merger: a second network of a fifth of the devices, with a domain, servers and addresses of its
 * own, other machines, other software, other hours. Nothing of it is seen before the day it joins.
 */
#include "base/mem.h"
#include "roles.h"

#define SERVERS 2u

uint32_t lab_merger_devices(const struct lab_options *opt)
{
    return lab_life_wants(&opt->life, LAB_LIFE_MERGER) ? TH_MAX(opt->devices / 5, 8u) : 0;
}

/* Their software: other browsers and desktop programs than ours have. */
static void other_software(struct lab_sim *s, struct lab_device *d)
{
    if (d->os != LAB_OS_WINDOWS || d->person < 0)
        return;
    d->browser = &s->tls[LAB_TLS_BROWSER_B];
    d->system = &s->tls[LAB_TLS_SYSTEM_OLD];
    d->app = &s->tls[LAB_TLS_JAVA];
    lab_user_agent(LAB_OS_WINDOWS, LAB_TLS_BROWSER_B, d->ua_major, d->ua, sizeof d->ua);
}

/* Another maker's machines. */
static void other_maker(const struct lab_sim *s, struct lab_device *d)
{
    static const uint8_t oui[3] = {0x84, 0x2b, 0x2b};
    memcpy(d->mac.b, oui, sizeof oui);
    d->now_mac = d->mac;
    lab_set_v6(s, d);
}

void lab_merger_build(struct lab_sim *s, struct lab_rng *r, int64_t joins_ns)
{
    static const enum lab_kind servers[SERVERS] = {LAB_DC, LAB_FILE};
    uint32_t n = lab_merger_devices(&s->opt), printers = 1 + n / 25;
    uint32_t people = n - SERVERS - printers;
    int32_t person = lab_office_hire(s, r, people);
    for (uint32_t i = 0; i < SERVERS + printers; i++)
        lab_office_add(s, i < SERVERS ? servers[i] : LAB_PRINTER, -1, true, joins_ns);
    for (uint32_t i = 0; i < people; i++) {
        lab_role_take(&s->person[person + (int32_t)i], LAB_PRODUCTION);
        struct lab_device *d =
            lab_office_add(s, LAB_WORKSTATION, person + (int32_t)i, true, joins_ns);
        other_software(s, d);
        other_maker(s, d);
    }
}
