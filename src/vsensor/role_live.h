/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_ROLE_LIVE_H
#define TH_VSENSOR_ROLE_LIVE_H

#include <stdint.h>

/* Started by the sensor's parent with `--role capture --live`; exit status 0 or 1. */
int role_live(int argc, char **argv);

/* A frame says that it is complete until so long before the latest that its capture had read: flows
 * are told when they end. With captures that come over the network it is longer by what these may
 * be behind. */
int64_t th_live_lag_ns(void);

#endif
