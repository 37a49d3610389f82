/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Community ID version 1 (github.com/corelight/community-id-spec), seed 0. It says nothing that the
 * rest of a connection's record does not say, costs a hash and cannot be compressed: a quarter of
 * all bytes of records. So a sensor sets it empty, and it is worked out where it is shown or
 * stored.
 */
#ifndef TH_EVENT_COMMUNITY_ID_H
#define TH_EVENT_COMMUNITY_ID_H

#include "event/event.h"

#define TH_COMMUNITY_ID_LEN 40

/* Of a 5-tuple, for TCP, UDP, ICMP, SCTP and others; text "1:base64". */
void th_community_id(uint8_t proto, const struct th_addr *src, const struct th_addr *dst,
    uint16_t src_port, uint16_t dst_port, char out[TH_COMMUNITY_ID_LEN]);
/* The record's proto and addresses are enough to work it out: not for ICMP of the other version of
 * IP, which has the same name. */
bool th_community_id_follows(uint8_t proto, const struct th_addr *src);
/* The text of a STRING field as it is shown: that of an empty community_id is put into room. */
struct th_str th_event_text(
    const struct th_event *ev, const struct th_field_info *f, char room[TH_COMMUNITY_ID_LEN]);

#endif
