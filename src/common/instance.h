/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An instance: one customer's master, all of it in one folder. Every path, port, key,
 * user and limit hangs on it, so two instances run on one host without sharing anything.
 *
 *   instance.conf  keys/  log/  state/  segments/  checkpoints/  run/
 *
 * The parent of the master and thymusctl read it; roles get descriptors and options.
 */
#ifndef TH_COMMON_INSTANCE_H
#define TH_COMMON_INSTANCE_H

#include "base/buf.h"
#include "conf.h"

enum th_instance_folder {
    TH_INSTANCE_KEYS,
    TH_INSTANCE_LOG,
    TH_INSTANCE_STATE,
    TH_INSTANCE_SEGMENTS,
    TH_INSTANCE_CHECKPOINTS,
    TH_INSTANCE_RUN,
    TH_INSTANCE_FOLDER_COUNT
};
const char *th_instance_folder_name(enum th_instance_folder folder);

struct th_instance {
    char *path;
    /* instance.conf; the man page says what each is */
    char *name, *id_text, *host_name, *user, *time_zone;
    struct th_conf_list listen, proxy_from, local_networks;
    uint64_t shards, queries, log_bytes, data_bytes;
    bool approve_sensors;

    uint64_t id;                           /* id_text */
    unsigned uid, gid;                     /* of user, when we are root; else 0 */
    int folders[TH_INSTANCE_FOLDER_COUNT]; /* open, -1 before */
};
#define TH_INSTANCE_INIT ((struct th_instance){.folders = {-1, -1, -1, -1, -1, -1}})

/* Reads instance.conf and opens the folders. On failure error has a sentence for the operator. */
int th_instance_open(
    const char *path, struct th_instance *ret, char *error, size_t error_bytes) TH_WARN_UNUSED;
/* Its configuration alone, for who reads what lies there: no folder is opened, and its user need
 * not exist here. */
int th_instance_read_conf(
    const char *path, struct th_instance *ret, char *error, size_t error_bytes) TH_WARN_UNUSED;
void th_instance_done(struct th_instance *i);

/* Makes a new instance: folders, configuration, instance key, certificate. The folder may exist
 * when it is empty. */
struct th_instance_new {
    const char *name;      /* letters, digits and hyphens */
    const char *host_name; /* NULL: the machine's */
    const char *listen;    /* "127.0.0.1:8443" */
    const char *user;      /* NULL: nobody changes ids */
    int64_t now_ns;
};
int th_instance_create(const char *path, const struct th_instance_new *config, char *error,
    size_t error_bytes) TH_WARN_UNUSED;
/* The pin of the instance's certificate (crypto/certificate.h), for its sensors. */
int th_instance_pin(const struct th_instance *i, char ret[64]) TH_WARN_UNUSED;
/* A file in one of its folders, whole (at most 1 MiB). */
int th_instance_read(const struct th_instance *i, enum th_instance_folder folder, const char *name,
    struct th_buf *ret) TH_WARN_UNUSED;

#endif
