/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the EVE reader share: eve.c knows lines, eve_events.c what becomes of each type
 * of event, eve_flow.c flows, dns_pairs.c questions and answers.
 */
#ifndef TH_FLOWLOG_EVE_PRIV_H
#define TH_FLOWLOG_EVE_PRIV_H

#include <jansson.h>

#include "base/arena.h"
#include "base/id.h"
#include "event/value.h"
#include "flowlog/eve.h"
#include "flowlog/pair.h"

struct th_dns_pairs;

struct th_eve {
    const struct th_sink *sink;
    struct th_sink paired;
    struct th_flowlog_lines lines;
    struct th_pairs *pairs;
    struct th_dns_pairs *dns;
    struct th_arena memory; /* of the line */
    uint64_t kinds_seen, seq;
    bool has_flows; /* a line of type flow was seen: those of type netflow say it again */
    /* of the line */
    const json_t *object;
    const char *type;
    int64_t time_ns;
    char uid[TH_ID_TEXT_LEN];
    struct th_addr orig, resp;
    uint16_t orig_p, resp_p;
    bool has_ends, swapped;
    union th_any_event ev;
};

/* What stands at "a.b.c" below an object; NULL: nothing. */
const json_t *th_eve_at(const json_t *object, const char *path);
struct th_str th_eve_text(const json_t *object, const char *path);
uint64_t th_eve_number(const json_t *object, const char *path);
/* As Suricata writes times, with and without an offset. */
bool th_eve_time(struct th_str s, int64_t *ret_ns);
/* "TCP" to "tcp". */
struct th_str th_eve_lower(struct th_eve *e, struct th_str s);

/* An event of this kind of the line, with its time, ends and uid. */
void th_eve_begin(struct th_eve *e, enum th_kind kind);
/* Gives it to the sink, numbered. */
int th_eve_put(struct th_eve *e, struct th_event *ev);

/* 1: a type that has a use here, and its events were put; 0: none. */
int th_eve_event(struct th_eve *e);
int th_eve_flow(struct th_eve *e);
int th_eve_netflow(struct th_eve *e);

/* Questions wait for their answers by connection and id; bounded, each slot holds the latest. */
struct th_dns_pairs *th_dns_pairs_new(void);
void th_dns_pairs_free(struct th_dns_pairs *d);
int th_eve_dns(struct th_eve *e);
int th_dns_pairs_advance(struct th_eve *e, int64_t now_ns);
int th_dns_pairs_flush(struct th_eve *e);

#endif
