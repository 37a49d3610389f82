/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A permit (model/permit.h) as a request and the log's control `permit` have it:
 *
 *   "id" 16 hexadecimal digits, "device" (an entity's id), "model" or "tactic", one of "address",
 *   "host" and "domain", "port", "until_ns"; what is missing, null or "" is any, without an end.
 *   In a control besides: "reason", and what led to it: "breach", "incident".
 */
#ifndef TH_MASTER_PERMITS_H
#define TH_MASTER_PERMITS_H

#include <jansson.h>

#include "model/permit.h"

/* What it covers. False: a member is not of its form, or the whole covers too much. An id that is
 * missing is 0, which th_permits_add does not take. */
bool th_permit_scope(const json_t *object, struct th_permit *ret);
/* The control: id and end, too. */
bool th_permit_read(const json_t *object, struct th_permit *ret);
/* What it covers in words, for the audit log: "device d..., model ..., host ...". */
void th_permit_words(const struct th_permit *p, struct th_buf *out);

#endif
