/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outside: web sites with what they pull in, cloud services, content networks,
 * trackers, vendors that devices report to. All of it is made from the seed and never
 * changes; addresses are plausible public ones, many names share a content network.
 */
#ifndef TH_LAB_WORLD_H
#define TH_LAB_WORLD_H

#include "base/arena.h"
#include "event/event.h"
#include "names.h"

#define LAB_HOST_ADDRS 3

/* Somebody who can be called by name. */
struct lab_host {
    struct th_str name;
    uint64_t key; /* of the name; for caches */
    struct th_addr v4[LAB_HOST_ADDRS], v6;
    uint8_t n4;
    bool has_v6, transient; /* transient: the text lives on a stack, copy it */
    bool tls13, quic, h2, mutual;
    struct th_str subject, issuer; /* of its certificate */
    int64_t not_before_ns, not_after_ns;
    /* answers as the DNS gives them */
    struct th_str a_text[LAB_HOST_ADDRS + 1], aaaa_text[2];
    int64_t ttls[LAB_HOST_ADDRS + 1];
    struct th_strs a, aaaa;
};

#define LAB_SITE_PARTS 14
struct lab_site {
    struct lab_host *main;
    struct lab_host *part[LAB_SITE_PARTS]; /* what its pages pull in */
    uint8_t parts;
    bool plain;             /* speaks HTTP without TLS */
    struct lab_host *shard; /* content network under which pages use ever new labels; or NULL */
};

struct lab_world {
    uint64_t seed;
    int64_t start_ns;
    struct lab_site *sites; /* by popularity */
    uint32_t site_count;
    struct lab_host **saas; /* used by the whole organisation */
    uint32_t saas_count;
    struct lab_host **vendors; /* telemetry and updates, by popularity */
    uint32_t vendor_count;
    struct lab_host **rare; /* small vendors, mostly of one device each */
    uint32_t rare_count;
    struct lab_host **cdn; /* suffixes of content networks */
    uint32_t cdn_count;
    struct lab_host *search, *mail, *push, *video, *meet, *captive, *ocsp[4], *dnsbl, *avcloud,
        *mqtt, *sip, *ntp[4], *mirror, *update, *forwarder[2], *backup_cloud, *code;
    struct th_arena mem;
};

struct lab_world *lab_world_new(uint64_t seed, int64_t start_ns);
void lab_world_free(struct lab_world *w);
/* A host made for the world's life, with a name that is copied. */
struct lab_host *lab_world_host(struct lab_world *w, struct lab_rng *r, const char *name);
/* More rare hosts, at the end of the list. */
void lab_world_add_rare(struct lab_world *w, struct lab_host *const *more, uint32_t n);
/* A host for the moment: name is borrowed. It shares the network of `like`. */
void lab_world_shard(
    const struct lab_host *like, struct lab_rng *r, struct th_str name, struct lab_host *ret);
/* A public address of a hosting network. */
struct th_addr lab_world_addr(struct lab_rng *r, unsigned network);

#endif
