/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why an hour of a device was, or was not, flagged (`thymusctl why`): the line of core that answers
 * it, for a terminal of 80 columns or as it came. Both say whether the device was active in that
 * hour; if not, or if there is no such device, what is written says that.
 */
#ifndef TH_CTL_WHY_H
#define TH_CTL_WHY_H

#include "findings.h"

bool why_text(const struct findings *f, bool colour, struct th_buf *out);
/* One object, docs/findings.md. */
bool why_json(const struct findings *f, struct th_buf *out);

#endif
