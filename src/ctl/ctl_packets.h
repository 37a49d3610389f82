/* SPDX-License-Identifier: Apache-2.0 */
/* `thymusctl packets ...`: asks a running master for packets that sensors keep, and gets them. */
#ifndef TH_CTL_PACKETS_H
#define TH_CTL_PACKETS_H

int ctl_packets(int argc, char **argv); /* argv[0] is "packets" */

#endif
