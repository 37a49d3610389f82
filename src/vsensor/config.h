/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sensor's configuration, vsensor.conf: what it watches, which master it reports to, and where
 * it keeps what is its own. The parent and the link role read the same file; what is secret in it
 * (token, proxy password) is on no command line and in no message.
 */
#ifndef TH_VSENSOR_CONFIG_H
#define TH_VSENSOR_CONFIG_H

#include "conf.h"
#include "messages.h"

#define TH_VSENSOR_MAX_INTERFACES 16u
#define TH_VSENSOR_MAX_WORKERS TH_SENSOR_RUN_WORKERS

struct th_vsensor_config {
    char *name;
    char *master;                 /* "https://host:port" */
    char *token, *token_file;     /* "label:secret", or where it stands */
    char *master_pin, *master_ca; /* one, or neither: the system's authorities */
    char *proxy;
    char *spool, *state; /* folders */
    char *user;          /* whom the roles become when root starts them; NULL: nobody */
    uint64_t spool_bytes, ring_bytes;
    uint64_t workers; /* capture roles that share the packets of all interfaces */
    struct th_conf_list interfaces, local_networks;
};

/* Reads and checks; on an error a sentence stands in error. What is in ret then still has to be
 * freed. */
int th_vsensor_config_read(int fd, const char *file, struct th_vsensor_config *ret, char *error,
    size_t error_bytes) TH_WARN_UNUSED;
void th_vsensor_config_done(struct th_vsensor_config *c);

/* Host and port that the sensor connects to: the proxy's, else the master's. False when the URL has
 * no host. host has room for 256, port for 6. */
bool th_vsensor_config_peer(const struct th_vsensor_config *c, char host[256], char port[6]);

#endif
