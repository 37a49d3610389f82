/* SPDX-License-Identifier: Apache-2.0 */
/* What the parent opens of a sensor's own: its user, its folders, what belongs to kept packets. All
 * of these say on stderr what is wrong and return a negative error. */
#ifndef TH_VSENSOR_FOLDERS_H
#define TH_VSENSOR_FOLDERS_H

#include "config.h"

struct th_folders_owner {
    unsigned uid, gid;
};
/* Whom the roles become. */
int th_folders_owner(
    const struct th_vsensor_config *config, struct th_folders_owner *ret) TH_WARN_UNUSED;
/* Made when it is not there; the owner's when root makes or opens it. A descriptor. */
int th_folders_open(const char *path, const struct th_folders_owner *owner) TH_WARN_UNUSED;

/* The key that all kept packets are below, "keep.key" of the state folder: with `make` one is made
 * when there is none. A descriptor for reading. */
int th_folders_keep_key(int state, bool make) TH_WARN_UNUSED;
/* How far logs were followed, "follow.book" of the state folder: a descriptor that reads and
 * writes. */
int th_folders_follow_book(int state) TH_WARN_UNUSED;
/* The sensor's own record of who asked for packets, "packets.log" of the state folder: a descriptor
 * that appends. */
int th_folders_packets_log(int state) TH_WARN_UNUSED;

#endif
