/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a request what the tables say? Bodies against their shape: every member known, of its type,
 * within limits, none missing. Query strings against the route's parameters. What passes may be
 * handed on to the role that answers; what does not gets a sentence that says which member.
 */
#ifndef TH_WEB_CHECK_H
#define TH_WEB_CHECK_H

#include <jansson.h>

#include "web/request.h"

#define TH_WEB_MAX_BODY (64u << 10) /* bytes of a JSON body */
#define TH_WEB_MAX_DEPTH 16u        /* of brackets in it */

/* Reads a body; NULL when it is no JSON object, too deep, or has a member twice. */
json_t *th_web_body_parse(struct th_str body);
/* 0, or TH_E_MALFORMED and a sentence in why. */
int th_web_body_check(const struct th_web_shape *shape, const json_t *body, char *why,
    size_t why_bytes) TH_WARN_UNUSED;
/* An empty value is as good as none. */
int th_web_query_check(enum th_web_route_id route, const struct th_web_query *q, char *why,
    size_t why_bytes) TH_WARN_UNUSED;

#endif
