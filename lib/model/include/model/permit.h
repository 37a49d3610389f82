/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Permits: what somebody said is normal here. A permit covers signals of one device or of any, for
 * one model, for those of one tactic or for all, about one peer or about any; never all of it: a
 * device or a peer is named. For the models that it means, what it covers is as good as in their
 * exclusions (docs/models.md): not looked at. So a model still tells what it finds by other
 * signals. What would have been told without it is counted against it.
 *
 * Time is event time: evidence that lasts past `until_ns` is not covered.
 */
#ifndef TH_MODEL_PERMIT_H
#define TH_MODEL_PERMIT_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

#define TH_PERMITS_MAX 1000u
#define TH_PERMIT_NAME_BYTES 128u /* of a peer, with the zero: as long as a signal's */
#define TH_PERMIT_WORD_BYTES 65u  /* of a model or a tactic */

enum th_permit_peer {
    TH_PERMIT_ANY_PEER, /* also what is about no single peer */
    TH_PERMIT_ADDRESS,
    TH_PERMIT_HOST,
    TH_PERMIT_DOMAIN, /* registered domain: with all hosts below it */
    TH_PERMIT_PEERS
};

struct th_permit {
    uint64_t id;                      /* not 0 */
    uint64_t device;                  /* entity; 0: any */
    char model[TH_PERMIT_WORD_BYTES]; /* id, in any version; "": any */
    char tactic[TH_PERMIT_WORD_BYTES];
    enum th_permit_peer peer;
    struct th_addr addr;
    char name[TH_PERMIT_NAME_BYTES]; /* host or domain */
    uint16_t port;                   /* of the peer, as its own condition; 0: any */
    int64_t until_ns;                /* INT64_MAX: until somebody ends it */
    uint64_t held;                   /* findings that it held back */
    int64_t held_ns;                 /* time of the last of them, TH_TIME_UNSET before */
    bool changed;                    /* counts that were not reported yet; not saved */
    uint64_t peer_hash;              /* of the peer that it names, made when it is added */
};

/* May it be at all? All members of their form, a device or a peer named. */
bool th_permit_ok(const struct th_permit *p);

struct th_permits; /* in the order in which they were made */
struct th_permits *th_permits_new(void);
void th_permits_free(struct th_permits *all);
uint32_t th_permits_count(const struct th_permits *all);
/* One with the id of another, or that th_permit_ok does not have, is passed over. When there are
 * TH_PERMITS_MAX, the one that ends soonest goes: at worst something is told that need not be. */
void th_permits_add(struct th_permits *all, const struct th_permit *p);
void th_permits_end(struct th_permits *all, uint64_t id);
/* All that name the device. */
void th_permits_forget(struct th_permits *all, uint64_t device);
/* `count` findings more, the last at this time. */
void th_permits_count_held(struct th_permits *all, uint64_t id, uint64_t count, int64_t time_ns);
typedef void (*th_permit_fn)(void *arg, const struct th_permit *p);
/* Those whose count has changed since the last call. */
void th_permits_report(struct th_permits *all, th_permit_fn fn, void *arg);
void th_permits_save(const struct th_permits *all, struct th_buf *out);
int th_permits_load(struct th_permits *all, const uint8_t *data, size_t len_bytes);

/* A line of findings: how much it has held back (docs/findings.md). */
void th_permit_json(const struct th_permit *p, struct th_buf *out);

#endif
