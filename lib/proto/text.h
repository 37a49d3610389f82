/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short texts that outlive their packet: what analysers keep with a flow of names and replies.
 */
#ifndef TH_PROTO_TEXT_H
#define TH_PROTO_TEXT_H

#include "base/cursor.h"

#define TH_TEXT_MAX 255u

struct th_text {
    uint8_t len;
    char p[TH_TEXT_MAX];
};

/* Trimmed, and cut at TH_TEXT_MAX bytes. */
void th_text_set(struct th_text *t, struct th_str s);
/* As it is, cut at TH_TEXT_MAX bytes and at the first zero: a field of a binary message. */
void th_text_set_field(struct th_text *t, struct th_str s);
static inline struct th_str th_text_get(const struct th_text *t)
{
    return th_str_n(t->p, t->len);
}

#endif
