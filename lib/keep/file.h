/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of the ring. A head, then blocks, each at a multiple of 4,096 bytes and each sealed
 * (crypto/aead.h) by the file's own key, which lies in the head, sealed by the key chain. A file
 * that was closed ends in a block without packets, whose index is that of the whole file.
 *
 *     head   4,096 bytes: magic "TKPF" u32, version u32, number u64, length u32 and bytes of the
 *            sealed key, CRC-32C of these u32, zeros
 *     block  magic "TKPB" u32, kind u32, file's number u64, block's number u32, bytes of the sealed
 *            index u32, bytes of the sealed records u32, CRC-32C of these u32; both; zeros
 *
 * What a block's head says is bound to what is sealed: a block that was altered, or moved to
 * another place, does not open. A reader looks for the next block behind one that is none; what is
 * torn at the end of a file was being written when its writer died.
 */
#ifndef TH_KEEP_FILE_H
#define TH_KEEP_FILE_H

#include "base/io.h"
#include "crypto/aead.h"
#include "crypto/keychain.h"
#include "index.h"
#include "keep/records.h"

#define KEEP_PAGE 4096u
#define KEEP_HEAD_BYTES 32u /* of a block */
#define KEEP_MAX_INDEX (KEEP_INDEX_BYTES + KEEP_HOSTS_MAX_BYTES + TH_AEAD_EXTRA_BYTES)
#define KEEP_MAX_SEALED (TH_KEEP_MAX_BLOCK + TH_AEAD_EXTRA_BYTES)
/* Of a block on the disk. */
#define KEEP_MAX_BYTES                                                                             \
    ((KEEP_HEAD_BYTES + KEEP_MAX_INDEX + KEEP_MAX_SEALED + KEEP_PAGE - 1) / KEEP_PAGE * KEEP_PAGE)
#define KEEP_MAX_FILES 4096u
#define KEEP_NAME_LEN 24

enum keep_kind { KEEP_BLOCK = 1, KEEP_END = 2 };

struct keep_block {
    uint64_t file; /* number */
    uint32_t number;
    uint32_t kind; /* enum keep_kind */
    uint32_t index_bytes, sealed_bytes;
};

void keep_file_name(uint64_t number, char ret[KEEP_NAME_LEN]);
bool keep_file_parse(const char *name, uint64_t *ret);
/* Numbers of the files of a folder, ascending, the caller's to free. TH_E_LIMIT. */
int keep_files_list(const struct th_io *io, uint64_t **ret, size_t *ret_count);

/* A new file's head with a new key in it. */
int keep_file_head(struct th_keychain *chain, uint64_t number, uint8_t ret_page[KEEP_PAGE],
    uint8_t ret_key[TH_AEAD_KEY_BYTES]) TH_WARN_UNUSED;
/* Its key. TH_E_TRUNCATED, TH_E_UNKNOWN_FORMAT, TH_E_VERSION, TH_E_CHECKSUM, TH_E_SIGNATURE, or
 * an error of reading. */
int keep_file_key(const struct th_io *io, int file, uint64_t number, struct th_keychain *chain,
    uint8_t ret_key[TH_AEAD_KEY_BYTES]) TH_WARN_UNUSED;

/* Seals a block into `to`, of KEEP_MAX_BYTES; its bytes on the disk. */
size_t keep_block_seal(const uint8_t key[TH_AEAD_KEY_BYTES], struct keep_block *block,
    const struct keep_index *index, struct th_str records, uint8_t *to);
size_t keep_block_bytes(const struct keep_block *b);
/* The head of a block out of its first bytes; false when it is none, or of another file. */
bool keep_block_read(const uint8_t *p, size_t len, uint64_t file, struct keep_block *ret);
/* TH_E_SIGNATURE, TH_E_MALFORMED. sealed: index_bytes behind the head. */
int keep_block_index(const uint8_t key[TH_AEAD_KEY_BYTES], const struct keep_block *b,
    const uint8_t *sealed, struct keep_index *ret) TH_WARN_UNUSED;
/* The records, into `to`, of TH_KEEP_MAX_BLOCK; their length, or TH_E_SIGNATURE. */
int64_t keep_block_open(const uint8_t key[TH_AEAD_KEY_BYTES], const struct keep_block *b,
    const uint8_t *sealed, uint8_t *to) TH_WARN_UNUSED;

/* Goes through the blocks of a file. */
struct keep_walk {
    const struct th_io *io;
    int file;
    uint64_t number, at, size;
    uint32_t next_block;
    const uint8_t *key;
    uint64_t damaged; /* blocks that are not what was written, or runs of bytes that are none */
    uint8_t page[KEEP_HEAD_BYTES + KEEP_MAX_INDEX];
};
/* 0 or an error of reading. key must outlive it. */
int keep_walk_init(struct keep_walk *w, const struct th_io *io, int file, uint64_t number,
    const uint8_t key[TH_AEAD_KEY_BYTES]) TH_WARN_UNUSED;
/* 1: a block whose index is whole; 0: there is no more; negative: an error of reading. */
int keep_walk_next(struct keep_walk *w, struct keep_block *ret, uint64_t *ret_at,
    struct keep_index *ret_index) TH_WARN_UNUSED;
/* The index of a whole file that was closed; false: it was not, and has to be gone through. */
bool keep_walk_end(struct keep_walk *w, struct keep_index *ret);

#endif
