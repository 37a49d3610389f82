/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sensor's configuration, vsensor.conf: what it watches, which master it reports to, and where
 * it keeps what is its own. The parent and the link role read the same file; what is secret in it
 * (token, proxy password) is on no command line and in no message.
 */
#ifndef TH_VSENSOR_CONFIG_H
#define TH_VSENSOR_CONFIG_H

#include "conf.h"
#include "keep/rules.h"
#include "messages.h"

#define TH_VSENSOR_MAX_INTERFACES 16u
#define TH_VSENSOR_MAX_FLOW_LISTEN 8u
#define TH_VSENSOR_MAX_FLOW_FROM 16u
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
    uint64_t memory_bytes; /* of connections and what is kept of them, of all workers together */
    uint64_t workers;      /* capture roles that share the packets of all interfaces */
    struct th_conf_list interfaces, local_networks;
    struct th_conf_list flow_listen, flow_from; /* ports for NetFlow and IPFIX; who may send */
    struct th_conf_list eve_follow;             /* logs of Suricata */
    char *keep;                                 /* folder of kept packets; NULL: none are kept */
    uint64_t keep_bytes, keep_hours;
    char *keep_payload;
    struct th_conf_list keep_rules;
    struct th_keep_rules keep_read; /* of the two */
    /* what is left out */
    char *filter; /* libpcap's language; NULL: nothing */
    struct th_conf_list exclude_networks;
    /* captures that come over TCP (endpoint.h) */
    struct th_conf_list pcap_listen, pcap_connect;
    uint64_t pcap_streams;                       /* at once */
    char *pcap_cert, *pcap_key, *pcap_client_ca; /* of the listeners with TLS */
    char *pcap_ca, *pcap_pin; /* who is connected to: one, or neither: the system's authorities */
    size_t filter_line;       /* of the file, for what is found out later; 0: none */
};

/* Reads and checks; on an error a sentence stands in error. What is in ret then still has to be
 * freed. */
int th_vsensor_config_read(int fd, const char *file, struct th_vsensor_config *ret, char *error,
    size_t error_bytes) TH_WARN_UNUSED;
void th_vsensor_config_done(struct th_vsensor_config *c);

/* Whether packets come live: from interfaces or over TCP. */
bool th_vsensor_config_captures(const struct th_vsensor_config *c);
/* Whether any endpoint of the list takes TLS. */
bool th_vsensor_config_any_tls(const struct th_conf_list *endpoints);
/* Host and port that the sensor connects to: the proxy's, else the master's. False when the URL has
 * no host. host has room for 256, port for 6. */
bool th_vsensor_config_peer(const struct th_vsensor_config *c, char host[256], char port[6]);

#endif
