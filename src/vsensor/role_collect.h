/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_ROLE_COLLECT_H
#define TH_VSENSOR_ROLE_COLLECT_H

/* Started by the sensor's parent with `--role collect`; exit status 0 or 1. */
int role_collect(int argc, char **argv);

#endif
