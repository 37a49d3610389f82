/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `thymusctl snapshot` and `restore`: one consistent cut of an instance, also of one that runs.
 *
 * Everything follows the log and saves its position with its state. So the cut is made in
 * this order: the followers' states first (each whole by itself: checkpoints are replaced by
 * rename, databases are copied by SQLite's backup), then the segments that the copied catalogue
 * names, the log last. Whatever a follower's copy lacks lies in the copied log behind its position;
 * restored, it reads on from there.
 */
#ifndef TH_CTL_SNAPSHOT_H
#define TH_CTL_SNAPSHOT_H

int ctl_snapshot(int argc, char **argv); /* argv[0] is the command */
int ctl_restore(int argc, char **argv);

#endif
