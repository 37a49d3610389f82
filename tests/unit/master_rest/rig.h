/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roles store and seal as they run in a master, in their sandbox, with a test in the place of
 * everybody else: it is their parent, intake (a real log in a folder), core, a query and the
 * gateway. A role can be killed; it is started anew and connected to the others as the parent does
 * it.
 */
#ifndef TH_TESTS_REST_RIG_H
#define TH_TESTS_REST_RIG_H

#include <sys/types.h>

#include "base/io.h"
#include "journal/journal.h"
#include "priv/ipc.h"
#include "store/duck.h"

enum rig_role { RIG_STORE, RIG_SEAL, RIG_ROLES };
enum rig_edge {
    RIG_INTAKE_STORE,
    RIG_INTAKE_SEAL,
    RIG_CORE_STORE,
    RIG_CORE_SEAL,
    RIG_QUERY_STORE,
    RIG_GATEWAY_STORE,
    RIG_EDGES
};

struct rig {
    char folder[64];
    int segments_fd, log_fd, checkpoints_fd;
    struct th_io log_io;
    struct th_journal *log;
    pid_t pid[RIG_ROLES];
    int parent[RIG_ROLES];
    struct th_ipc *edges[RIG_EDGES];
    const char *seal_rows;                         /* option of seal */
    uint64_t saved[RIG_ROLES], applied[RIG_ROLES]; /* as the followers told */
    uint64_t notices;
    uint64_t next_id, sequence, rows; /* sent so far */
    /* what waits for its answer */
    uint16_t want_type;
    uint64_t want_id;
    bool answered;
    struct th_buf answer;
    struct th_duck *duck; /* reads the segments */
    unsigned deaths;      /* that nobody ordered */
};

void rig_init(struct rig *r, const char *seal_rows);
void rig_done(struct rig *r);
void rig_kill(struct rig *r, enum rig_role role); /* and starts it again */
/* Adds `batches` batches of `each` conn and dns events from time_ns on (1 ms apart) to the log. */
void rig_batches(struct rig *r, unsigned batches, unsigned each, int64_t time_ns);
void rig_control(struct rig *r, const char *json);
/* Turns for so long. */
void rig_run(struct rig *r, int ms);
/* Until the follower has applied the whole log; fails after 30 s. */
void rig_settle(struct rig *r, enum rig_role role);
/* Asks and waits for an answer of the type; a role that died meanwhile is asked anew. The answer is
 * valid until the next. */
struct th_str rig_ask(
    struct rig *r, enum rig_edge edge, uint16_t type, struct th_str body, uint16_t answer_type);
/* Number out of SQL over all that a query sees of a kind: %s stands for the files. -1: no file. */
int64_t rig_count(struct rig *r, const char *kind, const char *sql);
/* Files in the folder of segments whose names begin like this. */
unsigned rig_files(struct rig *r, const char *prefix);

#endif
