/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scenarios: events written as text in virtual time, with what must and what must not be found.
 *
 *   # a comment
 *   at 2024-03-04T08:00:00Z            the time from which the following lines count
 *   wait 90 min                        moves it on (s, min, h, d)
 *   include office.inc                 another file, from the current time on
 *   repeat 60 every 60 s jitter 0.1 {  its body 60 times; the time after it is as before it
 *     conn 10.0.0.5 > 198.51.100.7:443 conn_state=SF orig_bytes=500
 *   }
 *   KIND ORIG[:port] > RESP[:port] field=value ...     an event; fields have Zeek's names
 *   KIND field=value ...                               a kind without two ends (dhcp, arp)
 *   mark                               what was found before is no matter
 *   expect breach MODEL DEVICE [PEER]  DEVICE is an address or user:NAME, PEER a host name or an
 *                                      address
 *   expect none MODEL [DEVICE]
 *   expect top DEVICE                  the best incident is about this device
 *   expect incidents DEVICE N          so many incidents are about it
 *   expect told MODEL DEVICE [PEER]    as breach, and it is no part of a group event
 *   expect part MODEL DEVICE [PEER]    as breach, and it is part of a group event
 *   expect group FEATURE N [SHARED]    a group event with this feature of N devices that share this
 *   expect groups N                    so many group events
 *
 * In values: $i is the count of the innermost repeat, from 1; $j that of the one around it; $w
 * letters that look random and differ at each place and turn; $n a random number below 100,000;
 * $h is $i as two hexadecimal digits, $$ a dollar.
 * A repeat with "every 0 s" happens at once. Values with blanks stand in double quotes.
 */
#ifndef TH_SCENARIO_SCRIPT_H
#define TH_SCENARIO_SCRIPT_H

#include "base/arena.h"
#include "base/err.h"
#include "event/event.h"

enum expect_kind {
    EXPECT_BREACH,
    EXPECT_NONE,
    EXPECT_TOLD,
    EXPECT_PART,
    EXPECT_TOP,
    EXPECT_INCIDENTS,
    EXPECT_GROUP,
    EXPECT_GROUPS
};

struct expectation {
    enum expect_kind kind;
    struct th_str model, peer; /* of a group: feature, what is shared */
    bool has_device;
    struct th_addr device;
    struct th_str user; /* instead of a device */
    uint64_t count;
    int line;
    struct th_str text; /* as written */
};

struct script {
    struct th_arena arena;
    union th_any_event **events; /* by time, after script_load */
    size_t event_count, event_cap;
    struct expectation *expect;
    int64_t mark_ns;
    size_t expect_count, expect_cap;
};

/* Reads a file and those it includes. On failure prints why and where on stderr. */
int script_load(const char *path, struct script *ret) TH_WARN_UNUSED;
void script_done(struct script *s);

#endif
