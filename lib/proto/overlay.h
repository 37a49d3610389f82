/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes of networks laid over this one share the kind `overlay`: one event a flow, made
 * when both sides were heard or the flow ends.
 */
#ifndef TH_PROTO_OVERLAY_H
#define TH_PROTO_OVERLAY_H

#include "framing.h"

#define TH_OVERLAY_VENDORS 8u
#define TH_OVERLAY_ID_BYTES 20u /* at most: peer ids and info hashes */

struct th_overlay_id {
    uint8_t len, b[TH_OVERLAY_ID_BYTES];
};

struct th_overlay {
    uint8_t passed; /* datagrams that are of no handshake */
    const char *protocol;
    const char *exchange;
    bool answered, told;
    uint8_t vendor_count;
    int64_t first_ns, last_ns;
    struct th_text version;
    struct th_overlay_id initiator, responder, info_hash, vendor[TH_OVERLAY_VENDORS];
};

void th_overlay_id_set(struct th_overlay_id *id, struct th_str bytes);
/* Once for each flow; nothing when there is no protocol yet. */
void th_overlay_emit(struct th_conn *c, struct th_overlay *o);

#endif
