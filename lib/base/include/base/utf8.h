/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from outside that must become UTF-8 (RFC 3629). Bytes that are none, and characters
 * that steer a terminal or end a script's line (C1 controls, U+2028, U+2029), become "\xHH" text
 * as Zeek writes it: the store and the JSON writer agree on that, so that what
 * is shown is what can be searched for.
 */
#ifndef TH_BASE_UTF8_H
#define TH_BASE_UTF8_H

#include "base/buf.h"

/* Length of the sequence at p, of at least one byte; 0 when it is none that may stay. ASCII is 1.
 */
size_t th_utf8_len(const uint8_t *p, size_t left);
/* s itself when all of it may stay, else a clean copy, appended to storage, into which the result
 * points until storage changes. */
struct th_str th_utf8_clean(struct th_str s, struct th_buf *storage);

#endif
