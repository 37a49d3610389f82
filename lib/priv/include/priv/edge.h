/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A role's connections: to its parent and, over the edges that the parent made, to other roles.
 * When a role dies its parent starts it again and makes new edges; the role on the
 * other side finds its edge down and, some time later, up again with a new generation, and says
 * anew what the other has to know. Nobody waits: all of it turns in one poll loop.
 *
 *     struct th_edges *e = th_edges_new(&inherited, names, count);
 *     while (!th_edges_stopping(e)) {
 *         th_edges_wait(e, own_fds, own_count, timeout_ms);
 *         for each edge: while (th_edges_receive(e, edge, &m) > 0) ...
 *     }
 *
 * An edge is named after the role on its other side, with its number where there are several
 * ("query.1"); here it is an index into `names`. Status goes to the parent once a second.
 */
#ifndef TH_PRIV_EDGE_H
#define TH_PRIV_EDGE_H

#include <poll.h>

#include "priv/ipc.h"
#include "priv/spawn.h"

#define TH_EDGES_MAX 16u
#define TH_EDGE_MAX_STATUS (64u << 10)

struct th_edges;
/* Takes the descriptor "parent" and those tagged with the names over; one that was not inherited
 * is down for now. names must outlive it. */
struct th_edges *th_edges_new(
    const struct th_inherited *in, const char *const names[], size_t count);
void th_edges_free(struct th_edges *e);
/* Waits for the edges, the parent and the caller's own descriptors (revents filled in; NULL and 0
 * for none), at most timeout_ms; then takes new edges from the parent, sends what waits. Ends
 * early for signals. Negative when the parent is gone: the role ends. */
int th_edges_wait(
    struct th_edges *e, struct pollfd *more, size_t more_count, int timeout_ms) TH_WARN_UNUSED;
/* The parent asked the role to save and end. */
bool th_edges_stopping(const struct th_edges *e);
bool th_edges_up(const struct th_edges *e, unsigned edge);
/* 0 at first; grows with each new connection of the edge. */
unsigned th_edges_generation(const struct th_edges *e, unsigned edge);
/* 1 and a message, 0 when there is none (also while the edge is down). What waited to be sent over
 * an edge that went down is lost: whoever needs an answer asks the next generation again. */
int th_edges_receive(struct th_edges *e, unsigned edge, struct th_ipc_message *ret);
/* 0, -ENOTCONN while it is down, TH_E_LIMIT while too much waits. */
int th_edges_send(
    struct th_edges *e, unsigned edge, uint16_t type, uint64_t id, struct th_str body);
size_t th_edges_queued(const struct th_edges *e, unsigned edge); /* bytes that wait */
/* A file that the parent has opened anew for this role (src/common/renewal.h, logs.h). */
struct th_edges_file {
    char tag[64]; /* of the descriptor that it would be at the next start */
    uint64_t number;
    int fd;           /* the caller's; -1: it cannot be read */
    char reason[160]; /* then why */
};
/* The next one, once, in their order; of many that nobody asks for the oldest go. False when there
 * is none. */
bool th_edges_file(struct th_edges *e, struct th_edges_file *ret);
/* It is good: from now on it is given at every start. */
void th_edges_file_taken(struct th_edges *e, const struct th_edges_file *file);
/* A JSON object for System Status: {"counters": {...}, "gauges": {...}, "problems": [...]}. */
void th_edges_status(struct th_edges *e, struct th_str json);
/* Gateway: another role's status as the parent passed it on, oldest first; false when there is no
 * more. name is the role's ("query.1"); an empty json says that it is down. */
bool th_edges_role_status(struct th_edges *e, const char **ret_name, struct th_str *ret_json);

/* ---- the parent's side ---- */

/* Kinds of messages on the parent's socket (SOCK_SEQPACKET): type u8, length of name u8, name, then
 * bytes; EDGE and FILE carry the descriptor. The bytes of FILE are its number, u64, and why there
 * is no descriptor, in words; those of TAKEN its number. */
enum th_parent_msg {
    TH_PARENT_EDGE = 1,   /* parent -> role */
    TH_PARENT_STOP = 2,   /* parent -> role */
    TH_PARENT_STATUS = 3, /* role -> parent, and parent -> gateway with the role's name */
    TH_PARENT_FILE = 4,   /* parent -> role */
    TH_PARENT_TAKEN = 5,  /* role -> parent */
};
int th_parent_send(int fd, enum th_parent_msg type, const char *name, struct th_str bytes,
    int passed_fd) TH_WARN_UNUSED;
/* 1, 0 when nothing waits, negative when the other is gone. ret_fd is -1 or the caller's. bytes
 * point into storage (of TH_PARENT_MAX_BYTES). */
#define TH_PARENT_MAX_BYTES (TH_EDGE_MAX_STATUS + 512u)
int th_parent_receive(int fd, uint8_t *storage, enum th_parent_msg *ret_type, char ret_name[64],
    struct th_str *ret_bytes, int *ret_fd) TH_WARN_UNUSED;

#endif
