/* SPDX-License-Identifier: Apache-2.0 */
/* The names of time zones that this machine knows, out of the tz database's own list (tzdata.zi).
 */
#ifndef TH_MASTER_ZONES_H
#define TH_MASTER_ZONES_H

#include "base/buf.h"

/* The list, to be kept; empty where there is none: then nobody can say which names are real. */
void th_zones_load(struct th_buf *ret);
bool th_zones_has(struct th_str list, struct th_str name);

#endif
