/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `thymusctl analyse`: the parent of a whole analysis. It opens files, starts the roles
 * that the daemons use (capture, import, core) and one that writes the report, and
 * parses nothing.
 *
 * `thymusctl model test` is the same with models on trial beside those installed: another report,
 * and nothing is kept.
 *
 * `thymusctl why` is one whose report explains an hour of one device; nothing is kept either.
 *
 * Exit status 0 all read, 1 failure, 2 wrong usage, 3 part unreadable.
 */
#ifndef TH_CTL_ANALYSE_H
#define TH_CTL_ANALYSE_H

int ctl_analyse(int argc, char **argv);
int ctl_model(int argc, char **argv);
int ctl_why(int argc, char **argv);

#endif
