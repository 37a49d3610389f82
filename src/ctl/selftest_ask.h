/* SPDX-License-Identifier: Apache-2.0 */
/* What a self-test asks the master, over its control socket. */
#ifndef TH_CTL_SELFTEST_ASK_H
#define TH_CTL_SELFTEST_ASK_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

struct th_selftest_asked {
    const char *instance;
    bool no_master;    /* nobody listens there */
    char trouble[400]; /* a sentence, when the last answer was none or a refusal */
};

/* Takes body over; the answer, which the caller frees, or NULL: see trouble. */
json_t *th_selftest_ask(struct th_selftest_asked *a, const char *route, json_t *body);
/* A route of the API that reads; takes params over (NULL: none). */
json_t *th_selftest_read(struct th_selftest_asked *a, const char *route, json_t *params);

const char *th_selftest_text(const json_t *object, const char *key); /* "" for none */
/* The object of a list of which the member is this text; NULL: none, borrowed. */
json_t *th_selftest_find(const json_t *list, const char *key, const char *text);
/* Which part is behind, or what the master itself calls a problem; the caller's, may be empty. */
char *th_selftest_why(struct th_selftest_asked *a);

#endif
