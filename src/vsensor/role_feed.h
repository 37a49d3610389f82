/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_ROLE_FEED_H
#define TH_VSENSOR_ROLE_FEED_H

/* Started by the sensor's parent with `--role feed`; exit status 0: the master has all. */
int role_feed(int argc, char **argv);

#endif
