/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sensor's side of the link: HTTPS to the master, over an HTTP proxy where there has to be one.
 * It enrols, sends envelopes with up to TH_LINK_IN_FLIGHT on their way in the order of
 * their sequences, and holds a long poll for commands. It never waits and has no thread: the
 * owner polls the descriptors that it names, together with its own, and calls th_link_turn.
 *
 *     n = th_link_poll(l, fds, now_ns, &timeout_ms);
 *     poll(fds, n, timeout_ms);
 *     th_link_turn(l, fds, n, now_ns, wall_ns);
 *
 * Envelopes come from the owner and stay its own until they are acknowledged; whatever fails is
 * asked for again, after a back-off, or from where the master says. Asked-for packets go beside
 * them, a part at a time, while no batch waits; when batches wait all the time, one in 5 s. TLS
 * is 1.2 or later with AES-256-GCM or ChaCha20-Poly1305, else the connection ends before a byte of
 * a request is sent. Nothing that it says of itself holds a secret.
 */
#ifndef TH_LINK_CLIENT_H
#define TH_LINK_CLIENT_H

#include <poll.h>

#include "base/buf.h"
#include "crypto/sign.h"
#include "link/answer.h"

#define TH_LINK_IN_FLIGHT 4u
#define TH_LINK_MAX_FDS 24u
#define TH_LINK_MAX_STATUS 1600u

/* Texts are copied. */
struct th_link_config {
    const char *master;            /* "https://host:port", perhaps with a path before ours */
    const char *pin;               /* "sha256//BASE64" of the master's public key: then no CA is
                                      asked; or NULL */
    const char *ca_file;           /* PEM of those who may vouch for it; NULL with a pin */
    const char *proxy;             /* "http://[user:password@]host:port", or NULL */
    const char *const *addresses;  /* "host:port:address,address": names looked up before; ends
                                      with NULL; may be NULL */
    const char *token;             /* "label:secret", for the enrolment alone */
    const char *name, *version;    /* of the sensor, of the program */
    const struct th_sign_key *key; /* must outlive the client */
    uint64_t sensor, instance;     /* as an enrolment before gave them; 0: none yet */
    uint64_t epoch;                /* of the spool */
    uint64_t first;                /* sequence to begin with */
};

/* A part of the packets that a command asked for. */
struct th_link_part {
    const char *id;  /* of the command */
    uint32_t number; /* from 0 */
    bool last;       /* it is not packets, but the JSON of their end (link/packets.h) */
    struct th_str body;
};

/* The owner, who is called from within th_link_turn. */
struct th_link_ops {
    /* 1: the envelope of this sequence and the sequence behind it (a GAP stands for several); valid
     * until the next call. 0: there is none yet. */
    int (*batch)(void *arg, uint64_t sequence, struct th_str *ret_envelope, uint64_t *ret_next);
    /* All before `next` rests at the master for good. Negative when no such sequence was ever given
     * out. */
    int (*acknowledged)(void *arg, uint64_t next);
    /* The master has more than this spool ever gave out, or a later one's: an older state was put
     * back. The owner begins a spool with an epoch past this one and says so by th_link_begin. */
    void (*overtaken)(void *arg, uint64_t epoch);
    /* The master has said three times that it will never take this one: from now on `batch` must
     * give a GAP for it. */
    void (*refused)(void *arg, uint64_t sequence, const char *message);
    void (*enrolled)(void *arg, uint64_t sensor, uint64_t instance);
    void (*command)(void *arg, const struct th_link_command *command);
    /* Appends what the sensor says of itself: JSON, at most TH_LINK_MAX_STATUS printable characters
     * in one line. It goes, signed, with the request for commands. May be NULL. */
    void (*status)(void *arg, struct th_buf *out);
    /* Whether something has changed since `status` was asked that the master should hear within
     * seconds: it then need not wait for the next request. May be NULL. */
    bool (*has_news)(void *arg);
    /* 1: the next part of packets, which is copied; 0: there is none. Asked for when none is under
     * way and no batch waits. May be NULL, and then part_done, too. */
    int (*part)(void *arg, struct th_link_part *ret);
    /* The master has it (0), wants no more of these packets (-ECANCELED), or did not take it for a
     * minute (-ETIMEDOUT). */
    void (*part_done)(void *arg, int err);
    void *arg;
};

struct th_link_status {
    enum th_link_standing standing;
    bool reached;                     /* the last exchange had an answer */
    uint64_t acknowledged;            /* sequence before which all is at the master */
    uint64_t in_flight;               /* batches */
    uint64_t batches, bytes;          /* sent, resent ones included */
    uint64_t resent, failures, waits; /* waits: times that the master said "later" */
    int64_t answered_ns;              /* wall clock at the last answer of any kind; 0: none */
    int64_t wait_ns;                  /* until it tries again; 0: it does not wait */
    const char *problem; /* for a person: what is wrong, what happens next; NULL: nothing */
};

struct th_link;
/* TH_E_CONFIG: a text that libcurl does not take. Loads what it ever needs from the disk but
 * ca_file, which is read at each connection. */
int th_link_new(const struct th_link_config *config, const struct th_link_ops *ops,
    struct th_link **ret) TH_WARN_UNUSED;
void th_link_free(struct th_link *l);
/* Another spool: sending begins anew. May be called from within `overtaken`. */
void th_link_begin(struct th_link *l, uint64_t epoch, uint64_t first);
/* The part that is under way is not wanted any more; part_done is not called for it. */
void th_link_drop_part(struct th_link *l);
/* What to wait for; ret has room for TH_LINK_MAX_FDS. Returns how many. now_ns may be of any clock
 * that only goes forward. */
size_t th_link_poll(struct th_link *l, struct pollfd *ret, int64_t now_ns, int *ret_timeout_ms);
/* Takes what came, starts what can be started. wall_ns is what a signature of now says. */
void th_link_turn(
    struct th_link *l, const struct pollfd *fds, size_t count, int64_t now_ns, int64_t wall_ns);
void th_link_status(const struct th_link *l, int64_t now_ns, struct th_link_status *ret);

#endif
