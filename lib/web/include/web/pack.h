/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of the user interface in one, so that the gateway needs no right to open files:
 * scripts/pack-ui writes it, the gateway's parent opens it.
 *
 * Little-endian: magic "TUI1", entries u32; an entry: length of name u16, name ("/assets/x.js"),
 * length of media type u8, media type, flags u8, SHA-256 of the content, length u32,
 * length of the gzip form u32 (0: none); then for each entry its content and its gzip form.
 */
#ifndef TH_WEB_PACK_H
#define TH_WEB_PACK_H

#include "base/err.h"
#include "base/str.h"

#define TH_PACK_MAX_FILES 1024u
#define TH_PACK_MAX_BYTES (64u << 20)

enum th_pack_flag {
    TH_PACK_IMMUTABLE = 1 /* its name changes with its content */
};

struct th_pack_file {
    struct th_str name, type, content, gzip; /* gzip.len 0: only as it is */
    char tag[33];                            /* hexadecimal, for ETag */
    bool immutable;
};

struct th_pack {
    struct th_pack_file *files;
    size_t count;
};

/* Views point into data, which must outlive it. TH_E_UNKNOWN_FORMAT, TH_E_TRUNCATED, TH_E_LIMIT,
 * TH_E_MALFORMED. */
int th_pack_open(struct th_pack *ret, const uint8_t *data, size_t len_bytes) TH_WARN_UNUSED;
void th_pack_done(struct th_pack *p);
/* NULL for none. */
const struct th_pack_file *th_pack_find(const struct th_pack *p, struct th_str name);

#endif
