/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event as Zeek's JSON writer has it: one object, `ts` in seconds with six decimals, field
 * names with dots, fields that are not set left out.
 */
#ifndef TH_EVENT_JSON_H
#define TH_EVENT_JSON_H

#include "base/buf.h"
#include "event/event.h"

#define TH_EVENT_JSON_PATH 1u /* begin with "_path": several kinds share a stream */

/* Appends the object, without a line end. An event of no known kind appends nothing. */
void th_event_json(const struct th_event *ev, unsigned flags, struct th_buf *out);

#endif
