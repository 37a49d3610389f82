/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was lost at the interfaces themselves, before any capture could see it: the kernel's own
 * counts of /proc/net/dev, "drop" (rx_dropped and rx_missed_errors together) and "fifo"
 * (rx_fifo_errors) of what came in (Linux, Documentation/networking/statistics.rst). Lost is what
 * they have grown by since the sensor was started; one that begins anew, as when its driver is
 * loaded again, is counted from there. Pure: the text is given.
 */
#ifndef TH_VSENSOR_NIC_H
#define TH_VSENSOR_NIC_H

#include "base/str.h"
#include "config.h"

#define TH_NIC_MAX_TEXT (64u << 10) /* bytes of the file that are looked at */

struct th_nic_one {
    char name[16];
    uint64_t last;
    bool known;
};

struct th_nic {
    struct th_nic_one v[TH_VSENSOR_MAX_INTERFACES];
    size_t count;
    uint64_t lost; /* of all together */
};

/* "NAME" or "NAME=COUNT", the count that it had when the sensor was started. False: it is neither,
 * or there are too many. */
bool th_nic_add(struct th_nic *n, const char *text);
/* Takes the file's text. What it has no line for stays as it was. */
void th_nic_read(struct th_nic *n, struct th_str text);
/* The count of an interface in the file; false: there is no such line. */
bool th_nic_count(struct th_str text, const char *name, uint64_t *ret);

#endif
