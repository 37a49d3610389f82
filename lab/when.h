/* SPDX-License-Identifier: Apache-2.0 */
/* Times and spans as the command line says them. */
#ifndef TH_LAB_WHEN_H
#define TH_LAB_WHEN_H

#include "base/time.h"

/* "90", "1.5h", "1d9h30m": a bare number is seconds. -1: unreadable. */
int64_t lab_span_parse(const char *text);
/* "+1d9h30m" after from_ns, or RFC 3339. */
bool lab_time_parse(const char *text, int64_t from_ns, int64_t *ret_ns);
/* Monday, 00:00 UTC, of the week of t. */
int64_t lab_week_of(int64_t t);

#endif
