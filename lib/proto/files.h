/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as protocols carry them: bytes in, one `files` event out, with size, type by
 * content and SHA-256. Files past the engine's hash limit are not hashed, nor those with
 * holes; the event says why. Owned by the analyser that began it.
 */
#ifndef TH_PROTO_FILES_H
#define TH_PROTO_FILES_H

#include "analyser.h"

#define TH_FUID_LEN TH_ID_TEXT_LEN /* 'F' first */

struct th_file;
#define TH_FILE_BYTES 1536u /* that one takes up, at most */

/* dir: who sends it. source: a static word. */
struct th_file *th_file_new(
    struct th_conn *c, enum th_service source, int dir, int64_t time_ns, uint64_t depth);
/* The length its protocol announced. */
void th_file_expect(struct th_file *f, uint64_t total_bytes);
/* A name as the protocol gives it; copied, at most 255 bytes. */
void th_file_set_name(struct th_file *f, struct th_str name);
/* Its bytes are in a transfer encoding: neither type nor hash would be the file's. */
void th_file_encoded(struct th_file *f);
/* Its bytes carry what nobody may guess from a hash, as the password of a form. */
void th_file_private(struct th_file *f);
void th_file_data(struct th_file *f, int64_t time_ns, const uint8_t *p, size_t len);
void th_file_gap(struct th_file *f, uint64_t len);
const char *th_file_uid(const struct th_file *f);
/* The type by content; NULL when unknown (yet). Static storage. */
const char *th_file_mime(struct th_file *f);
/* Makes the event and frees it. complete: the protocol said it was all. */
void th_file_end(struct th_file *f, bool complete);

/* A new id: the same for the same flow and number. */
void th_fuid(struct th_conn *c, char out[TH_FUID_LEN]);

/* Type by the first bytes, or NULL. */
const char *th_mime_guess(const uint8_t *p, size_t len);

#endif
