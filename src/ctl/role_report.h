/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_CTL_ROLE_REPORT_H
#define TH_CTL_ROLE_REPORT_H

/* Started by `thymusctl analyse` and `model test` with `--role report`; exit status 0 or 1. */
int role_report(int argc, char **argv);

#endif
