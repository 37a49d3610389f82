/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an SMB connection has open: requests that wait, trees, files and pipes. Shared
 * by the two dialects' readers (smb1.c, smb2.c); smb.c cuts the stream into messages.
 * All tables are bounded; at the bound the oldest entry goes.
 */
#ifndef TH_PROTO_SMB_H
#define TH_PROTO_SMB_H

#include "dce_rpc.h"
#include "files.h"
#include "ntlm.h"

#define TH_SMB_MAX_REQUESTS 64u
#define TH_SMB_MAX_TREES 32u
#define TH_SMB_MAX_OPENS 64u
#define TH_SMB_NAME_MAX 512u

struct th_smb_text {
    char *p;
    uint32_t len;
};

struct th_smb_tree {
    uint32_t id;
    const char *type; /* "DISK", "PIPE", "PRINT"; NULL while unknown */
    struct th_smb_text path;
};

/* What went one way through an open file: read, written. */
struct th_smb_way {
    struct th_file *file;
    uint64_t bytes, next; /* so far; the offset behind the last one */
};

struct th_smb_open {
    uint8_t fid[16];
    struct th_smb_text name, path; /* file, its tree */
    bool pipe, delete_on_close;
    int64_t first_ns;
    uint64_t size;
    struct th_smb_way way[2];
    struct th_dce_rpc *rpc;
};

/* Bytes of a read or write that are passed over after its head. */
struct th_smb_rest {
    uint8_t fid[16];
    uint64_t left;
};

struct th_smb_request {
    uint64_t id;
    uint16_t command;
    uint32_t tree;
    uint8_t fid[16];
    int64_t time_ns;
    uint64_t offset; /* of a read */
    bool delete_on_close;
    uint8_t info_class;
    struct th_smb_text name;
};

struct th_smb {
    struct th_smb_request *requests; /* these grow to the most that are kept of each */
    struct th_smb_tree *trees;
    struct th_smb_open *opens;
    uint8_t request_count, tree_count, open_count;
    uint8_t request_room, tree_room, open_room;
    struct th_smb_rest rest[2]; /* to the client, from it */
    struct th_ntlm *ntlm;
};

void th_smb_set_text(struct th_smb_text *t, struct th_str s);
struct th_str th_smb_text(const struct th_smb_text *t);

struct th_smb_request *th_smb_request_add(struct th_smb *s, uint64_t id, uint16_t command);
/* Moves it out of the table; the caller frees ret->name.p. */
bool th_smb_request_take(struct th_smb *s, uint64_t id, struct th_smb_request *ret);
struct th_smb_tree *th_smb_tree_add(struct th_smb *s, uint32_t id);
struct th_smb_tree *th_smb_tree_find(struct th_smb *s, uint32_t id);
struct th_smb_open *th_smb_open_add(struct th_smb *s, struct th_conn *c, const uint8_t fid[16]);
struct th_smb_open *th_smb_open_find(struct th_smb *s, const uint8_t fid[16]);
/* Says what became of it (read, written, deleted) and forgets it. closed: by who opened it. */
void th_smb_open_close(
    struct th_smb *s, struct th_conn *c, struct th_smb_open *o, bool closed, int64_t time_ns);

/* A tree was connected; a file was opened, renamed, ... */
void th_smb_mapping(struct th_conn *c, const struct th_smb_tree *t, int64_t ts, int64_t time_ns);
void th_smb_file(struct th_conn *c, const char *action, const struct th_smb_open *o,
    struct th_str name, struct th_str prev, int64_t ts, int64_t time_ns);
/* Bytes that went through a pipe. */
void th_smb_pipe(struct th_conn *c, struct th_smb_open *o, bool from_client, int64_t time_ns,
    struct th_cur *bytes, size_t wire_len);

/* smb_bulk.c. Bytes of a file: those of wire_len that are at hand. */
void th_smb_bulk(struct th_smb *s, struct th_conn *c, struct th_smb_open *o, bool from_client,
    int64_t time_ns, uint64_t offset, struct th_cur *bytes, uint64_t wire_len);
/* What follows of them; p NULL: it was lost. */
void th_smb_more(
    struct th_smb *s, bool from_client, int64_t time_ns, const uint8_t *p, uint64_t len);
void th_smb_bulk_end(struct th_conn *c, struct th_smb_open *o, bool closed, int64_t time_ns);

/* One message: p is what was kept of wire_len bytes. */
void th_smb1_message(struct th_smb *s, struct th_conn *c, bool from_client, int64_t time_ns,
    const uint8_t *p, size_t len, size_t wire_len);
void th_smb2_message(struct th_smb *s, struct th_conn *c, bool from_client, int64_t time_ns,
    const uint8_t *p, size_t len, size_t wire_len);

#endif
