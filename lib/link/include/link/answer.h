/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a master answers to a sensor, out of bytes that may come from anything in between: a JSON
 * object of at most TH_LINK_MAX_ANSWER bytes, of which the named members are taken and nothing
 * else. Numbers come as JSON integers or as text, ids as 16 hexadecimal digits.
 */
#ifndef TH_LINK_ANSWER_H
#define TH_LINK_ANSWER_H

#include "base/err.h"
#include "base/str.h"

#define TH_LINK_MAX_ANSWER (256u << 10)
#define TH_LINK_MAX_COMMANDS 64u
#define TH_LINK_MAX_WORD 64u     /* id and type of a command */
#define TH_LINK_MESSAGE_ROOM 200 /* a master's sentence is cut to this */

enum th_link_request { TH_LINK_ENROL, TH_LINK_BATCH, TH_LINK_COMMANDS, TH_LINK_PACKETS };

/* What a sensor is to its master. */
enum th_link_standing {
    TH_LINK_UNKNOWN, /* not enrolled, or not any more */
    TH_LINK_PENDING, /* enrolled; somebody has yet to say yes */
    TH_LINK_AUTHORISED,
    TH_LINK_REVOKED
};

struct th_link_answer {
    bool ours;                 /* it is a Thymus master that speaks */
    bool has_next;             /* epoch and next were there */
    uint64_t epoch, next;      /* BATCH: 200, 409; PACKETS: 200, the part that is wanted next */
    uint64_t sensor, instance; /* ENROL: 200; neither is 0 */
    enum th_link_standing standing; /* ENROL: 200, perhaps 403; BATCH: 403 */
    int64_t retry_after_ns;         /* 429, 503: how long it wants to be left alone; 0: not said */
    char message[TH_LINK_MESSAGE_ROOM]; /* of an error; printable ASCII; empty when there is none */
};

/* Reads the body of an answer with this HTTP status. TH_E_MALFORMED: the status needs members that
 * are not there, or not of their form. A body that says nothing is no mistake of an error
 * status: ours is then false. */
int th_link_answer_read(enum th_link_request request, long status, struct th_str body,
    struct th_link_answer *ret) TH_WARN_UNUSED;

struct th_link_command {
    const char *id, *type;
    struct th_str json; /* the whole command */
};
/* Calls fn for each command of a 200 answer to COMMANDS, after the form of all was checked. */
int th_link_commands_read(struct th_str body,
    void (*fn)(void *arg, const struct th_link_command *command), void *arg) TH_WARN_UNUSED;

/* Seconds of a Retry-After header (RFC 9110, section 10.2.3), at least 1 and at most 300; a date or
 * anything else is 5. */
int64_t th_link_retry_after_ns(struct th_str value);

/* 16 hexadecimal digits, not all zero. */
bool th_link_id_read(struct th_str text, uint64_t *ret);

#endif
