/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_ROLE_FOLLOW_H
#define TH_VSENSOR_ROLE_FOLLOW_H

/* Started by the sensor's parent with `--role follow`; exit status 0 or 1. */
int role_follow(int argc, char **argv);

#endif
