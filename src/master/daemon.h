/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent of a master: reads the instance's configuration, opens what its roles
 * need, and runs them (supervise.h). It parses nothing from outside.
 */
#ifndef TH_MASTER_DAEMON_H
#define TH_MASTER_DAEMON_H

/* `thymus-master --instance DIR [--log-level WORD]`; exit status. */
int master_daemon(int argc, char **argv);

#endif
