/* SPDX-License-Identifier: Apache-2.0 */
/* `thymusctl selftest`: proves an installation from the sensor to the finding, and leaves nothing.
 */
#ifndef TH_CTL_SELFTEST_H
#define TH_CTL_SELFTEST_H

int ctl_selftest(int argc, char **argv);

#endif
