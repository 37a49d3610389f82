/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of packets, as a parent makes them for its roles. */
#ifndef TH_COMMON_FILTER_H
#define TH_COMMON_FILTER_H

#include <stddef.h>

#include "base/err.h"

/* Has thymus-filter turn an expression into programs (packet/filter.h): a memory file that nobody
 * can change, or negative, and a sentence in error. */
int th_filter_make(const char *expression, char *error, size_t error_bytes) TH_WARN_UNUSED;

#endif
