/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is it? Identity turns addresses in events into entities that last: a device
 * is known by its MAC where the MAC can be trusted (DHCP, ARP, a link address that
 * stands for one host), else by its address; names come from DHCP, NTLM, Kerberos
 * and others. It also remembers by which name an outside address was looked up or
 * spoken to, and to which registered domain that name belongs.
 *
 * Events come nearly in order of time: what is older than what is known does not undo
 * it, and what is late by more than ten minutes asks who held an address then. Every
 * shard runs its own copy over all events and gets the same answers.
 */
#ifndef TH_IDENTITY_IDENTITY_H
#define TH_IDENTITY_IDENTITY_H

#include "base/buf.h"
#include "base/hash.h"
#include "event/event.h"
#include "identity/oui.h"
#include "identity/traits.h"

#define TH_PARTITIONS 64u
#define TH_ENTITY_TEXT_LEN 12 /* "d" or, of a user, "u"; and 10 characters of base 32 */

enum th_entity_kind { TH_ENTITY_DEVICE = 1, TH_ENTITY_FORGOTTEN = 3 };

struct th_entity {
    uint64_t id;   /* lasts; made from what it was first known by; 50 bits, so that its text
                      (th_entity_text) says all of it */
    uint32_t slot; /* dense number in this process, for arrays */
    uint8_t kind;
    bool has_mac;
    bool gateway;    /* its MAC speaks for many addresses: a router, not one host */
    bool shared;     /* several systems speak from it: address translation, or a proxy */
    uint8_t os;      /* enum th_os, traits.h */
    uint8_t type;    /* enum th_device_type */
    uint32_t offers; /* bits of enum th_offer */
    struct th_mac mac;
    struct th_addr addr; /* last used */
    int64_t first_ns, last_ns;
    char hostname[64]; /* best name, "" when none; printable ASCII */
    char user[64];     /* last user seen on it, "" when none */
};

#define TH_USER_NAME_LEN 64
/* What the id of each user has above its 50 bits. */
#define TH_USER_BIT (UINT64_C(1) << 50)
static inline bool th_entity_is_user(uint64_t entity_id)
{
    return entity_id >> 50 == 1;
}

/* Whose credential is used: of the network, as against those of Thymus itself (lib/account). */
struct th_net_user {
    uint64_t id; /* of its name, keyed */
    int64_t first_ns, last_ns;
    bool known;                  /* was let in once */
    char name[TH_USER_NAME_LEN]; /* lower case, "anna", or "anna@there" of a realm that is not ours;
                                    printable ASCII */
};

enum th_net_login_outcome {
    TH_NET_LOGIN_NONE,
    TH_NET_LOGIN_OK,
    TH_NET_LOGIN_FAILED,
    TH_NET_LOGIN_TRIED
};

/* A login at a host of ours. Not of machines, guests and the like; of names that nobody was let in
 * under, only failures of such as several devices try. */
struct th_net_login {
    uint64_t user; /* id, 0: none */
    bool known;
    enum th_net_login_outcome outcome; /* TRIED: it is not seen how it ended */
    struct th_str target;              /* host that a ticket is for; empty: it is who answers */
};

/* The other side of something a device did: where it went, in terms that last. */
struct th_peer {
    uint64_t key; /* hash of the registered domain when one is known, else of the address;
                     for an inside host hash of its entity id, or of its address while it is
                     none yet (nobody answers there) */
    struct th_addr addr;
    bool has_addr;
    uint16_t port; /* responder's port, 0 when there is none */
    bool inside;
    bool vouched;  /* that the name is its own says DNS, or a proxy of ours that goes by it; not the
                      client  alone */
    uint32_t slot; /* entity slot when inside, else UINT32_MAX */
    struct th_str host;   /* name it was called by ("cdn.example.com"), or empty */
    struct th_str domain; /* registered domain ("example.com"), or empty */
};

/* Whom an event is about. An address that was never seen to send or to answer has no entity
 * (else a scan would fill the tables). A request through an HTTP proxy (CONNECT, or an absolute
 * URI), and the connection that carries it, has as resp_peer the host it names, outside, without
 * address unless the name is one; resp is then still the proxy. */
struct th_who {
    struct th_entity *orig;   /* the acting device when inside, else NULL */
    struct th_entity *resp;   /* the answering device when inside, else NULL */
    struct th_peer orig_peer; /* the originator as a peer (for what resp received) */
    struct th_peer resp_peer; /* the responder as a peer (for what orig did) */
    struct th_net_login login;
};

struct th_identity_config {
    struct th_hash_key key;
    const struct th_subnet *local; /* inside networks besides private addresses */
    size_t local_count;
    uint32_t max_entities;    /* default 200,000; beyond: counted, not tracked */
    uint32_t max_names;       /* address-to-name memory, default 200,000 */
    const struct th_oui *oui; /* makers of MACs, borrowed; NULL: none are known */
};

struct th_identity;
struct th_identity *th_identity_new(const struct th_identity_config *config);
void th_identity_free(struct th_identity *id);
/* Learns what the event says of identity and tells who it is about. Views in ret point into the
 * event or into id and stay valid until the next call. */
void th_identity_event(struct th_identity *id, const struct th_event *ev, struct th_who *ret);
bool th_identity_is_inside(const struct th_identity *id, const struct th_addr *a);
uint32_t th_identity_count(const struct th_identity *id);
struct th_identity_stats {
    uint64_t refused_entities;  /* not tracked: the table was full */
    uint64_t evicted_addresses; /* forgotten for newer ones */
    uint64_t gateways;          /* MACs found to be a router's */
    uint64_t evicted_users;     /* forgotten for newer ones */
    uint64_t evicted_names;     /* the same of names that were only tried */
};
void th_identity_stats_get(const struct th_identity *id, struct th_identity_stats *ret);
/* Entities by slot (0 to count - 1) or by id; NULL for none. */
struct th_entity *th_identity_slot(const struct th_identity *id, uint32_t slot);
struct th_entity *th_identity_find(const struct th_identity *id, uint64_t entity_id);
/* A user by id; NULL for none. */
const struct th_net_user *th_identity_user(const struct th_identity *id, uint64_t entity_id);
/* By a name, however it is written; NULL for none. */
const struct th_net_user *th_identity_user_named(const struct th_identity *id, struct th_str name);
/* How many were let in. */
uint32_t th_identity_users(const struct th_identity *id);
/* Which address a device had when; the newest first, open ones have to_ns INT64_MAX. */
struct th_binding {
    struct th_addr addr;
    int64_t from_ns, to_ns;
};
size_t th_identity_history(
    const struct th_identity *id, uint32_t slot, struct th_binding *ret, size_t max);
/* Id of the entity that holds an inside address now; 0: none. */
uint64_t th_identity_holder(struct th_identity *id, const struct th_addr *a);
/* Forgets an entity, a user as well: its names, addresses and id. The slot of a device stays empty,
 * since others number arrays by slots; should it be seen again it is a new one. False: there is
 * none. */
bool th_identity_forget(struct th_identity *id, uint64_t entity_id);
/* "d3k7q...", "u3k7q..." */
void th_entity_text(uint64_t entity_id, char out[TH_ENTITY_TEXT_LEN]);
bool th_entity_parse(struct th_str text, uint64_t *ret_entity_id);
static inline unsigned th_entity_partition(uint64_t entity_id)
{
    return (unsigned)(th_mix64(entity_id) % TH_PARTITIONS);
}
/* Registered domain of a host name by the public suffix list, lower case; empty for an address
 * or a bare suffix. The result is in static-free storage given by the caller (256 bytes). */
struct th_str th_registered_domain(struct th_str host, char storage[256]);
/* Does the registered domain (normalised, zero after it) stand under a suffix of a private
 * provider, such as cloudfront.net or ddns.net? */
bool th_domain_is_hosted(struct th_str domain);
/* Is the registered domain (normalised) one that half the world uses (known.def, ADR 37)? Never one
 * under which anybody can put something of his own. */
bool th_domain_is_known(struct th_str domain);
/* The same with a memory of recent names: for callers that ask once per event (some 50 ns for a
 * name met before, against about a microsecond). */
struct th_domains;
struct th_domains *th_domains_new(const struct th_hash_key *key);
void th_domains_free(struct th_domains *d);
struct th_str th_domains_get(struct th_domains *d, struct th_str host, char storage[256]);
/* Whole state, versioned and checked; load into a fresh object of the same config. */
void th_identity_save(const struct th_identity *id, struct th_buf *out);
int th_identity_load(struct th_identity *id, const uint8_t *data, size_t len_bytes);

/* Finds the inside networks of logs in which no private address appears: feed it every conn
 * event, then ask. Order of events plays no part. */
struct th_site;
struct th_site *th_site_new(void);
void th_site_free(struct th_site *s);
void th_site_event(struct th_site *s, const struct th_event *h);
/* Up to max networks (IPv4 /24, IPv6 /64, merged where neighbours); returns how many. None when
 * private addresses take part in at least a tenth of the connections. */
size_t th_site_networks(const struct th_site *s, struct th_subnet *ret, size_t max);

#endif
