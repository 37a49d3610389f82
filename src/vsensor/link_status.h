/* SPDX-License-Identifier: Apache-2.0 */
/* The link role's status as JSON (priv/edge.h says its form). */
#ifndef TH_VSENSOR_LINK_STATUS_H
#define TH_VSENSOR_LINK_STATUS_H

#include "link/client.h"
#include "post.h"

/* disk_error: negative while the spool cannot be written, else 0. */
void th_link_status_put(
    struct th_buf *out, const struct th_link_status *s, const struct th_post *post, int disk_error);

#endif
