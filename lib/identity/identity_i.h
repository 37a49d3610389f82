/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of lib/identity. Records live in dense arrays and are found through keyed
 * indexes; a number of a record never changes while it lives. Every table has a cap;
 * past it the longest unused record makes room, or (entities) the newcomer is counted
 * and not tracked, because others number their arrays by entity slot.
 */
#ifndef TH_IDENTITY_I_H
#define TH_IDENTITY_I_H

#include "base/cursor.h"
#include "base/err.h"
#include "base/mem.h"
#include "identity/identity.h"

#define NONE UINT32_MAX

#define DEFAULT_MAX_ENTITIES 200000u
#define DEFAULT_MAX_NAMES 200000u
#define MAX_ENTITIES_LIMIT 4000000u
#define MAX_NAMES_LIMIT 16000000u
#define MAX_LOCAL 1024u
#define NAME_LEN 112u

/* ---- index.c: hash to record number, linear probing, backward shift on removal ---- */

struct index_cell {
    uint32_t hash; /* never 0; 0 is an empty cell */
    uint32_t rec;
};

struct index {
    struct index_cell *cell;
    uint32_t mask;
    uint32_t count;
};

static inline uint32_t index_hash(uint64_t h)
{
    uint32_t x = (uint32_t)(h ^ h >> 32);
    return x ? x : 1;
}

void index_done(struct index *ix);
void index_put(struct index *ix, uint32_t hash, uint32_t rec);
void index_remove(struct index *ix, uint32_t hash, uint32_t rec);

/* Walks the records filed under hash: `*at` starts at `hash`; NONE at the end. */
static inline uint32_t index_next(const struct index *ix, uint32_t hash, uint32_t *at)
{
    if (!ix->cell)
        return NONE;
    for (;; ++*at) {
        const struct index_cell *c = &ix->cell[*at & ix->mask];
        if (c->hash == 0)
            return NONE;
        if (c->hash == hash) {
            ++*at;
            return c->rec;
        }
    }
}

/* ---- domain.c ---- */

#define DOMAIN_SETS 4096u /* of two names each */

struct domain_slot {
    uint64_t tag; /* keyed hash of the name as asked for, 0: empty */
    uint8_t len;  /* the registered domain is that many last bytes of it */
};

struct th_domains {
    struct th_hash_key key;
    struct domain_slot set[DOMAIN_SETS][2];
};

/* ---- names.c: what an address or a connection was called by ---- */

enum name_rank { NAME_SNI = 1, NAME_DNS = 2 };

struct name_entry {
    uint64_t key;     /* of the peer by this name, 0: the name has no registered domain */
    uint8_t rank;     /* enum name_rank */
    uint8_t name_len; /* bytes in name */
    uint8_t dom_len;  /* the registered domain: last bytes of name */
    uint8_t proxied;  /* uid memory: the responder is a proxy for this name */
    uint16_t port;    /* of a proxied name */
    char name[NAME_LEN];
};

#define NAME_WAYS 4u

/* What is looked at before the entries: a look-up that finds nothing touches no more than this. */
struct name_bucket {
    uint64_t tag[NAME_WAYS];    /* keyed hash of what the entry is filed under; 0: empty */
    int64_t last_ns[NAME_WAYS]; /* when it was last written */
};

struct names {
    struct name_bucket *bucket;
    struct name_entry *e; /* NAME_WAYS to a bucket */
    uint32_t buckets;     /* power of two */
};

void names_init(struct names *n, uint32_t max);
void names_done(struct names *n);
struct name_entry *names_find(const struct names *n, uint64_t tag);
/* The entry of this tag, or the bucket's stalest one emptied for it. */
struct name_entry *names_put(struct names *n, uint64_t tag, int64_t now_ns);
/* The same; NULL when it was written later than now. */
struct name_entry *names_put_newer(struct names *n, uint64_t tag, int64_t now_ns);
/* Lets what a look-up needs come from memory. */
void names_fetch(const struct names *n, uint64_t tag);

/* ---- device.c ---- */

enum via { VIA_NONE, VIA_ADDR, VIA_CONN, VIA_ARP, VIA_DHCP };

#define PAST_HOLDERS 3u
struct addr_rec {
    struct th_addr addr;
    uint32_t slot; /* holder, NONE when released */
    uint32_t mac;  /* record of the MAC that the binding rests on, or NONE */
    int64_t since_ns, last_ns;
    struct {
        int64_t from_ns;
        uint32_t slot;
    } past[PAST_HOLDERS]; /* newest first */
    uint8_t past_count;
    uint8_t via;
};

/* More addresses than this at once and a MAC is a router's (or a proxy-ARP speaker's). */
#define HOST_MAX_V4 4u
#define HOST_MAX_V6 16u
#define AT_ONCE_NS TH_NS_PER_HOUR

struct mac_seen {
    uint64_t tag;
    int64_t last_ns;
};

struct mac_rec {
    struct th_mac mac;
    bool gateway;
    uint8_t via;   /* best evidence for slot */
    uint32_t slot; /* the device it is of, or NONE */
    struct mac_seen v4[HOST_MAX_V4];
    struct mac_seen v6[HOST_MAX_V6];
};

/* traits.c */
enum trait_source {
    TRAIT_VENDOR_CLASS,
    TRAIT_PARAMETERS,
    TRAIT_AGENT,
    TRAIT_BANNER,
    TRAIT_ANNOUNCED,
    TRAIT_ASKED,
    TRAIT_MAKER,
    TRAIT_FINGERPRINT,
    TRAIT_SOURCES
};
#define TRAIT_PORTS 4u

/* A majority of what one source said, and by how many. */
struct trait_vote {
    uint8_t os, os_n, type, type_n;
};

struct device_traits {
    struct trait_vote vote[TRAIT_SOURCES];
    uint32_t offers;
    uint32_t agent;             /* tag of the last User-Agent */
    uint16_t port[TRAIT_PORTS]; /* latest that it answered on */
    uint16_t heard, heard_day;  /* systems that spoke from it on that day */
    uint16_t shared_day;        /* when there were several, 0 never */
    uint8_t port_at;
};

#define HISTORY 8u
struct device {
    struct th_entity e;
    struct device_traits traits;
    uint8_t name_rank;
    uint8_t history_count;
    struct th_binding history[HISTORY]; /* newest first */
};

#define DEVICES_PER_CHUNK 1024u

/* user.c */
struct user_rec {
    struct th_net_user e;
    uint64_t source; /* that tried it first */
    bool several;    /* others did, too */
};

struct user_table {
    struct user_rec *v;
    uint32_t count, cap, max, hand;
    struct index by_id;
};

#define MAX_REALMS 8u
struct users {
    struct user_table known, tried;
    char realm[MAX_REALMS][64]; /* ours */
    uint8_t realm_count;
};

struct th_identity {
    struct th_hash_key key;
    struct th_subnet *local;
    size_t local_count;
    uint32_t max_entities, max_addrs, max_macs, max_names;

    struct device **chunk; /* of DEVICES_PER_CHUNK: an entity never moves */
    uint32_t count;
    struct index by_id;
    struct addr_rec *addr;
    uint32_t addr_count, addr_cap, addr_hand;
    struct index by_addr;
    struct mac_rec *mac;
    uint32_t mac_count, mac_cap;
    struct index by_mac;
    struct th_identity_stats stats;

    struct users users;
    struct names names; /* address to name */
    struct names uids;  /* connection to name */
    struct th_domains *domains;
    const struct th_oui *oui;
    struct name_entry scratch; /* name of an event without uid */
    int64_t now_ns;            /* newest event */
};

static inline struct device *device_at(const struct th_identity *id, uint32_t slot)
{
    return &id->chunk[slot / DEVICES_PER_CHUNK][slot % DEVICES_PER_CHUNK];
}

/* What kind of address it is, in one look: asked several times an event. */
enum addr_class {
    ADDR_NOBODY, /* multicast, broadcast, "any", loopback: never of one device */
    ADDR_PRIVATE,
    ADDR_PUBLIC
};

static inline enum addr_class addr_class_v4(const uint8_t v4[4])
{
    static const uint8_t none[4] = {0, 0, 0, 0};
    if (v4[0] == 10)
        return ADDR_PRIVATE;
    if (v4[0] == 127 || (v4[0] & 0xf0) == 0xe0 || (v4[0] & v4[1] & v4[2] & v4[3]) == 0xff ||
        memcmp(v4, none, sizeof(none)) == 0)
        return ADDR_NOBODY;
    bool is_private = (v4[0] == 192 && v4[1] == 168) || (v4[0] == 172 && (v4[1] & 0xf0) == 16) ||
        (v4[0] == 169 && v4[1] == 254) || (v4[0] == 100 && (v4[1] & 0xc0) == 64);
    return is_private ? ADDR_PRIVATE : ADDR_PUBLIC;
}

static inline enum addr_class addr_class(const struct th_addr *a)
{
    if (th_addr_is_v4(a))
        return addr_class_v4(a->b + 12);
    if (th_addr_is_multicast(a) || th_addr_is_any(a) || th_addr_is_loopback(a))
        return ADDR_NOBODY;
    return th_addr_is_private(a) ? ADDR_PRIVATE : ADDR_PUBLIC;
}

static inline bool addr_is_host(const struct th_addr *a)
{
    return addr_class(a) != ADDR_NOBODY;
}

static inline uint64_t addr_tag(const struct th_identity *id, const struct th_addr *a)
{
    uint64_t half[2];
    memcpy(half, a->b, sizeof(half));
    return th_siphash16(&id->key, half[0], half[1]) | 1;
}

/* Who holds an inside address at that time; with `create`, makes an entity for an unknown one.
 * mac (may be NULL) is the link address it was seen with. NONE when nobody. */
uint32_t device_by_addr(struct th_identity *id, const struct th_addr *a, const struct th_mac *mac,
    int64_t time_ns, bool create);
/* Binds an address to the device of a MAC on the word of DHCP or ARP; returns the slot or NONE. */
uint32_t device_bind(struct th_identity *id, const struct th_addr *a, const struct th_mac *mac,
    enum via via, int64_t time_ns);
/* A MAC stood beside an address that is not inside: it is a router's. */
void device_mac_outside(struct th_identity *id, const struct th_mac *mac);
void device_touch(struct th_identity *id, uint32_t slot, const struct th_addr *a, int64_t time_ns);
struct device *device_new(struct th_identity *id, uint64_t entity_id, int64_t time_ns);
/* Empties a device of which nothing refers to it any more; its slot is nobody's from now on. */
void device_empty(struct device *d);
struct mac_rec *mac_get(struct th_identity *id, const struct th_mac *mac);
struct addr_rec *addr_get(struct th_identity *id, const struct th_addr *a, bool create);

/* Worth of a source of host names; a better one replaces a worse one. */
enum host_rank { HOST_DNS = 1, HOST_MULTICAST, HOST_NTLM, HOST_KERBEROS, HOST_DHCP };
/* Behind the newest event by more than this, an event is late: it asks who held an address then,
 * changes no binding, and names nobody anew. */
#define LATE_NS (10 * TH_NS_PER_MIN)
static inline bool is_late(const struct th_identity *id, int64_t time_ns)
{
    return th_time_sub(id->now_ns, time_ns) > LATE_NS;
}
void device_name(struct device *d, struct th_str name, enum host_rank rank);
void device_user(struct device *d, struct th_str user);
/* What is not printable ASCII, spaces as well, as '?'. */
void copy_printable(char *out, size_t cap, struct th_str s);

/* ---- learn_names.c: what single kinds of events tell ---- */
void tell_dns(struct th_identity *id, const struct th_event *h);
void tell_http(struct th_identity *id, const struct th_event *h);
void tell_ssl(struct th_identity *id, const struct th_event *h);
void tell_accounts(
    struct th_identity *id, const struct th_event *ev, struct device *orig, struct device *resp);
/* ---- traits.c: what a device is ---- */
void traits_event(
    struct th_identity *id, const struct th_event *ev, struct device *orig, struct device *resp);
/* Its MAC has become known. */
void traits_maker(struct th_identity *id, struct device *d);
/* From the votes to the entity. */
void traits_conclude(struct device *d);

/* ---- user.c: whose name logins are under ---- */
void users_init(struct users *u);
void users_done(struct users *u);
/* Finds ret->login; the rest of it is known. */
void users_event(struct th_identity *id, const struct th_event *ev, struct th_who *ret);
/* An empty record of an id that is not there; of a full table one less worth makes room, counted.
 */
struct user_rec *user_add(struct user_table *t, uint64_t id, uint64_t *evicted);
bool user_forget(struct th_identity *id, uint64_t user);

/* Fills name, domain and key of an entry. */
void name_set(struct th_identity *id, struct name_entry *e, struct th_str name);
uint64_t uid_tag(const struct th_identity *id, struct th_str uid);

#endif
