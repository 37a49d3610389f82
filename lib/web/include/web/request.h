/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of an HTTP request that the gateway reads itself: target, path, query string,
 * cookies. Everything comes from outside; results are views into what was given, or into a
 * buffer of the caller. TH_E_MALFORMED and TH_E_LIMIT are the sender's faults.
 */
#ifndef TH_WEB_REQUEST_H
#define TH_WEB_REQUEST_H

#include "base/buf.h"
#include "web/api.h"

#define TH_WEB_MAX_TARGET 8192u   /* bytes of path and query */
#define TH_WEB_MAX_PARAMS 32u     /* parameters of a query string */
#define TH_WEB_MAX_COMPONENT 256u /* bytes of a path's component, decoded */

/* Appends the text of percent-encoded `in` (RFC 3986 2.1), '+' as space when asked for. What comes
 * out is UTF-8 (RFC 3629) without control characters, or it is TH_E_MALFORMED. */
int th_web_decode(struct th_buf *out, struct th_str in, bool plus_is_space) TH_WARN_UNUSED;
/* True for UTF-8 without control characters. */
bool th_web_is_text(struct th_str s);

/* Origin form (RFC 9112 3.2.1) cut at '?': the path begins with '/', has no empty, "." or ".."
 * component, encoded or not, and no '\'. */
int th_web_target(
    struct th_str target, struct th_str *ret_path, struct th_str *ret_query) TH_WARN_UNUSED;

/* Finds the route of a path below the prefix ("/incidents/7"). The component that stands for {id}
 * is decoded to id, which is left empty without one. -ENOENT: no such path; -EOPNOTSUPP: the path
 * is there, for other methods (a bit each in ret_methods). */
int th_web_match(struct th_str path, enum th_web_method method, enum th_web_route_id *ret_id,
    struct th_buf *id, unsigned *ret_methods) TH_WARN_UNUSED;

struct th_web_query {
    struct th_web_pair {
        struct th_str name, value;
    } v[TH_WEB_MAX_PARAMS];
    size_t count;
    struct th_buf text; /* what the views point into */
};
/* Decodes "a=1&b=2"; a name that comes twice is malformed. To be done also after an error. */
int th_web_query_parse(struct th_str query, struct th_web_query *ret) TH_WARN_UNUSED;
void th_web_query_done(struct th_web_query *q);
/* Value of a parameter; false without one. */
bool th_web_query_get(const struct th_web_query *q, const char *name, struct th_str *ret);

/* Value of a cookie in a Cookie header (RFC 6265 4.2.1); false without one, and when the name comes
 * twice: nobody then knows whose it is. */
bool th_web_cookie(struct th_str header, const char *name, struct th_str *ret);

#endif
