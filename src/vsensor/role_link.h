/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_ROLE_LINK_H
#define TH_VSENSOR_ROLE_LINK_H

/* Started by the sensor's parent with `--role link`; exit status 0 or 1. */
int role_link(int argc, char **argv);

#endif
