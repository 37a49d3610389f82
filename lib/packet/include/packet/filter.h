/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which packets are wanted, as programs of classic BPF (McCanne and Jacobson, "The BSD Packet
 * Filter", 1993), one for each link type. thymus-filter makes them out of an expression in
 * libpcap's language; here they are read, checked and run, on packets as they were captured. A
 * packet of a link type that has no program passes.
 */
#ifndef TH_PACKET_FILTER_H
#define TH_PACKET_FILTER_H

#include "base/buf.h"
#include "base/err.h"

#define TH_FILTER_MAX_STEPS 3000u /* of one program; the kernel takes 4,096 */
#define TH_FILTER_MAX_PROGRAMS 64u

struct th_filter_step {
    uint16_t code;
    uint8_t yes, no; /* steps that a jump passes over */
    uint32_t k;
};

/* Appends a program, as th_filter_read takes it. */
void th_filter_put(
    struct th_buf *out, uint32_t linktype, const struct th_filter_step *steps, uint32_t count);

struct th_filter;
/* Programs one after the other. TH_E_MALFORMED: bytes that are none, a program that could jump or
 * load where it must not, or that need not end; TH_E_LIMIT: one too large, or too many. */
int th_filter_read(struct th_str bytes, struct th_filter **ret) TH_WARN_UNUSED;
void th_filter_free(struct th_filter *f);
bool th_filter_passes(const struct th_filter *f, uint32_t linktype, const uint8_t *frame,
    uint32_t cap_len, uint32_t wire_len);
/* The program of a link type; NULL and 0: it has none. */
const struct th_filter_step *th_filter_steps(
    const struct th_filter *f, uint32_t linktype, uint32_t *ret_count);

#endif
