/* SPDX-License-Identifier: Apache-2.0 */
/* What a forget control means to a follower that tells entities apart. */
#ifndef TH_MASTER_FORGET_H
#define TH_MASTER_FORGET_H

#include "identity/identity.h"
#include "store/log.h"

/* {"entity"}, or {"address"} for whoever holds it by this identity, and {"sensor"}; 0 for what it
 * does not name. */
void th_forget_read(
    const struct th_control *c, struct th_identity *id, uint64_t *ret_entity, uint64_t *ret_sensor);

#endif
