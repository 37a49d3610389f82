/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 (RFC 4648): the alphabet for URLs without padding (section 5), as keys, tokens and
 * signatures travel in JSON and headers; and the classic one with padding (section 4). Made and
 * read in a time that depends on the length alone, so that secrets may pass.
 */
#ifndef TH_CRYPTO_BASE64_H
#define TH_CRYPTO_BASE64_H

#include "base/buf.h"
#include "base/err.h"

enum th_base64 { TH_BASE64_URL, TH_BASE64_CLASSIC };

/* Characters that n bytes become, and room for the terminating zero. */
#define TH_BASE64URL_LEN(n) (((n)*4 + 2) / 3)
#define TH_BASE64URL_ROOM(n) (TH_BASE64URL_LEN(n) + 1)

/* Appends the text. */
void th_base64_put(enum th_base64 form, const void *data, size_t len_bytes, struct th_buf *out);
/* Writes text and a terminating zero into out (of TH_BASE64URL_ROOM(len_bytes)). */
void th_base64url(const void *data, size_t len_bytes, char *out);
/* Reads the whole of text into ret, at most room bytes; the length, or TH_E_MALFORMED (another
 * character, wrong padding, bits left over), TH_E_LIMIT (more than room). */
int64_t th_base64_get(
    enum th_base64 form, struct th_str text, uint8_t *ret, size_t room) TH_WARN_UNUSED;
/* The same for text that must be exactly len_bytes. */
int th_base64url_get(struct th_str text, uint8_t *ret, size_t len_bytes) TH_WARN_UNUSED;

#endif
