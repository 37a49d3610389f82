/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_ROLE_LIVE_H
#define TH_VSENSOR_ROLE_LIVE_H

/* Started by the sensor's parent with `--role capture --live`; exit status 0 or 1. */
int role_live(int argc, char **argv);

#endif
