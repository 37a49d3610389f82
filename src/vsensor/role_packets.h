/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_ROLE_PACKETS_H
#define TH_VSENSOR_ROLE_PACKETS_H

/* Started as `thymus-vsensor --role packets`. */
int role_packets(int argc, char **argv);

#endif
