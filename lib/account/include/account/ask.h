/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asked for packets of which host and time, of which sensor, and what became of it: a row an
 * ask, from the asking to the day after it is done. The packets themselves lie in a file
 * (src/master/state_packets.c); what is here says how much of it is whole.
 *
 * An ask is waiting until its sensor comes for it, sent, arriving with the first part, and then
 * done or failed with a problem. A sensor knows it by the command, which is another one each time
 * that it is sent.
 */
#ifndef TH_ACCOUNT_ASK_H
#define TH_ACCOUNT_ASK_H

#include "account/sensor.h"
#include "base/json.h"

#define TH_ASK_ID_LEN 17u    /* 16 hexadecimal digits and a zero */
#define TH_ASK_MAX_WISH 512u /* bytes of its JSON, with the zero */
#define TH_ASK_MAX_PROBLEM 256u
#define TH_ASK_MAX_TRIED 1024u
#define TH_ASK_STATE_LEN 12u

struct th_ask {
    char id[TH_ASK_ID_LEN];
    char by[TH_USER_MAX_NAME];
    int64_t asked_ns;
    char sensor[TH_SENSOR_ID_LEN];
    bool any;                     /* of any sensor that has some: `sensor` is the one of now */
    char tried[TH_ASK_MAX_TRIED]; /* ids of those that had none, with spaces */
    char wish[TH_ASK_MAX_WISH];   /* JSON (link/packets.h) */
    int64_t limit_bytes;
    char state[TH_ASK_STATE_LEN]; /* "waiting", "sent", "arriving", "done", "failed" */
    char command[TH_ASK_ID_LEN];  /* "": it is with no sensor */
    int64_t attempts, told_ns;    /* how often it was sent; when it last moved */
    int64_t finished_ns;          /* 0: it is under way */
    int64_t bytes, stored;        /* of packets; of the file */
    int64_t packets;
    bool cut;          /* there were more than the limit */
    int64_t oldest_ns; /* of all that the sensor keeps; 0: not said */
    char problem[TH_ASK_MAX_PROBLEM];
};

void th_ask_add(struct th_accounts *a, const struct th_ask *k);
/* All but id, by, asked_ns, wish. */
void th_ask_update(struct th_accounts *a, const struct th_ask *k);
void th_ask_remove(struct th_accounts *a, const char *id);
/* -ENOENT */
int th_ask_get(struct th_accounts *a, struct th_str id, struct th_ask *ret) TH_WARN_UNUSED;
int th_ask_by_command(
    struct th_accounts *a, struct th_str command, struct th_ask *ret) TH_WARN_UNUSED;
/* The one that is with the sensor. */
int th_ask_with(struct th_accounts *a, const char *sensor, struct th_ask *ret) TH_WARN_UNUSED;
/* The oldest that waits for the sensor, while none is with it. */
int th_ask_next(struct th_accounts *a, const char *sensor, struct th_ask *ret) TH_WARN_UNUSED;
/* Calls fn for each, oldest first; it may change and remove that one. */
void th_asks_each(struct th_accounts *a, void (*fn)(void *arg, struct th_ask *k), void *arg);
int64_t th_asks_open(
    struct th_accounts *a, const char *sensor); /* not done, not failed; NULL: all */
int64_t th_asks_count(struct th_accounts *a);
/* Bytes that are kept, and that those under way may yet bring. */
int64_t th_asks_bytes(struct th_accounts *a);
void th_ask_put(struct th_accounts *a, const struct th_ask *k, struct th_json *out);

#endif
