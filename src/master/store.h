/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of role store. role_store.c turns the loop, follows the log and takes findings;
 * store_files.c has the segments: commits, answers with holds, hot chunks, removal, retention;
 * store_routes.c answers the API.
 */
#ifndef TH_MASTER_STORE_H
#define TH_MASTER_STORE_H

#include "base/io.h"
#include "priv/edge.h"
#include "store/catalogue.h"

enum {
    STORE_GATEWAY,
    STORE_INTAKE,
    STORE_CORE,
    STORE_SEAL,
    STORE_QUERY, /* the first of several */
    STORE_MAX_QUERIES = 8,
    STORE_EDGES = STORE_QUERY + STORE_MAX_QUERIES
};

/* ---- store_files.c ---- */

#define STORE_MAX_HOLDS 64u
#define STORE_MAX_WAITING 64u

/* A list that a query reads from. What is retired later is not removed before it is given back. */
struct store_hold {
    uint64_t id, version;
    unsigned edge, generation;
    int64_t since_ns;
};

/* A query that waits for the newest rows. */
struct store_waiting {
    uint64_t message, kinds;
    unsigned edge;
    int64_t from_ns, to_ns, deadline_ns;
};

struct store_hot {
    struct th_catalogue_file file;
    uint64_t position; /* its rows lie behind it in the log */
};

/* A file that nobody will be told of any more, and since which version. */
struct store_gone {
    char name[TH_CATALOGUE_NAME_BYTES];
    uint64_t version;
    bool hot; /* the catalogue knows nothing of it */
};

struct store_files {
    struct th_catalogue *catalogue;
    const struct th_io *io;
    struct th_edges *edges;
    uint64_t version, last_hold;
    struct store_hold holds[STORE_MAX_HOLDS];
    size_t hold_count;
    struct store_waiting waiting[STORE_MAX_WAITING];
    size_t waiting_count;
    struct store_hot *hot;
    size_t hot_count;
    struct store_gone *gone;
    size_t gone_count, gone_room;
    bool chunk_asked;
    uint64_t chunk_id; /* of the last time it was asked for */
    unsigned seal_generation;
    int64_t chunk_ns; /* when the newest chunk was had */
    uint64_t data_bytes;
    uint32_t days[64]; /* of retention, by kind */
    int64_t expire_ns;
    uint64_t commits, expired, removed;
    int commit_err, remove_err;
    bool narrow; /* the disk has so little room that events go before their time */
};
int store_files_init(struct store_files *f) TH_WARN_UNUSED;
void store_files_done(struct store_files *f);
/* Settings of the instance (JSON): retention_days, data_bytes. */
void store_files_settings(struct store_files *f, struct th_str json);
void store_files_from_seal(
    struct store_files *f, const struct th_ipc_message *m, int64_t now_ns, int64_t wall_ns);
void store_files_from_query(
    struct store_files *f, unsigned edge, const struct th_ipc_message *m, int64_t now_ns);
/* Whatever is due. */
void store_files_turn(struct store_files *f, int64_t now_ns, int64_t wall_ns);

/* ---- store_routes.c ---- */

/* Answers a request of the gateway (JSON) into out: status, cookies, body. */
void store_route(
    struct th_catalogue *c, struct th_str request, double events_per_s, struct th_buf *out);

#endif
