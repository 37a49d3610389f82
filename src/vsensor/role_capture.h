/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_ROLE_CAPTURE_H
#define TH_VSENSOR_ROLE_CAPTURE_H

/* Started by a parent with `--role capture`; exit status 0 or 1. */
int role_capture(int argc, char **argv);

#endif
