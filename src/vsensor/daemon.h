/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TH_VSENSOR_DAEMON_H
#define TH_VSENSOR_DAEMON_H

/* `thymus-vsensor --config FILE [--feed PATH...]`: the parent of capture (or feed) and link. Exit
 * status 0 ended as told, or all fed; 1 failure; 2 wrong usage or configuration; 3 part of what
 * was to be fed was unreadable. */
int vsensor_daemon(int argc, char **argv);

#endif
