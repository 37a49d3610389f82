/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_READ_H
#define TH_VSENSOR_READ_H

/* `thymus-vsensor --read`: the parent of one capture role. Exit status 0 all read, 1 failure,
 * 2 wrong usage, 3 part unreadable. */
int vsensor_read(int argc, char **argv);

#endif
