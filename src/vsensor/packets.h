/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_PACKETS_H
#define TH_VSENSOR_PACKETS_H

/* `thymus-vsensor --config FILE --packets OUT --host ADDRESS ...`: kept packets to a pcap file,
 * also while the daemon runs. Exit status 0: all that was asked for; 1: failure; 2: wrong usage or
 * configuration; 3: not all (standard error says why). */
int vsensor_packets(int argc, char **argv);

#endif
