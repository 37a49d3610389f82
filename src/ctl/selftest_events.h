/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of a self-test: a device that never was, of a network that nobody has, calls a name
 * under .invalid each minute and asks for names that nobody could have registered. All of it says
 * what it is: the device's name begins with "selftest-", its address with fd74:6879:6d75 ("thymu").
 */
#ifndef TH_CTL_SELFTEST_EVENTS_H
#define TH_CTL_SELFTEST_EVENTS_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

#define TH_SELFTEST_HOURS 3
/* So long before, the device is met first: a rhythm as old as its device counts for little. */
#define TH_SELFTEST_KNOWN_HOURS 48
#define TH_SELFTEST_NAME_BYTES 32u

/* Out of the eight hexadecimal digits of a run comes all that is told of it. */
struct th_selftest_who {
    char name[TH_SELFTEST_NAME_BYTES]; /* "selftest-1a2b3c4d": host, sensor, label of its token */
    char domain[64];                   /* that the beacon calls */
    struct th_addr address;
    struct th_mac mac;
};
/* False: the name is not one of a self-test. */
bool th_selftest_who(const char *name, struct th_selftest_who *ret);

/* A spool (event/batch.h) of the hours before now_ns; *ret_events of them. */
int th_selftest_events(const struct th_selftest_who *who, int64_t now_ns, struct th_buf *out,
    uint64_t *ret_events) TH_WARN_UNUSED;

#endif
