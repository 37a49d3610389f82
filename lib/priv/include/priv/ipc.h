/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the roles of a daemon, over socket pairs that their parent made. A
 * message is a type, an id that an answer repeats, and bytes; it is copied into a queue and
 * goes out when the socket takes it, so no role ever waits for another. What comes
 * from a role that reads hostile bytes is an outside byte as well: the receiver parses it
 * through a cursor or with limits.
 *
 * Frame: length of the body u32, type u16, zero u16, id u64; little-endian; then the body.
 */
#ifndef TH_PRIV_IPC_H
#define TH_PRIV_IPC_H

#include "base/buf.h"
#include "base/err.h"

#define TH_IPC_MAX_BODY (16u << 20)

struct th_ipc_message {
    uint16_t type;
    uint64_t id;
    struct th_str body; /* valid until the next th_ipc_receive */
};

struct th_ipc;
/* Takes the descriptor over and makes it non-blocking. max_queued bounds what waits to be sent, 0:
 * 64 MiB. */
struct th_ipc *th_ipc_new(int fd, size_t max_queued_bytes);
void th_ipc_free(struct th_ipc *c);
int th_ipc_fd(const struct th_ipc *c);
short th_ipc_events(const struct th_ipc *c); /* for poll: POLLIN, POLLOUT while something waits */
size_t th_ipc_queued(const struct th_ipc *c);
/* Queues a message and sends what can be sent. TH_E_LIMIT: the queue is full, try later. -EPIPE:
 * the other side is gone. */
int th_ipc_send(struct th_ipc *c, uint16_t type, uint64_t id, struct th_str body) TH_WARN_UNUSED;
/* Sends what waits. 0, or -EPIPE. */
int th_ipc_flush(struct th_ipc *c) TH_WARN_UNUSED;
/* 1 and a message; 0: nothing complete yet; -EPIPE: the other side is gone (after all that it sent
 * was given out); TH_E_MALFORMED: it sent what cannot be, and nothing more is taken from it. */
int th_ipc_receive(struct th_ipc *c, struct th_ipc_message *ret) TH_WARN_UNUSED;
/* Waits until all is sent, or up to timeout_ms (-1: for ever). */
int th_ipc_drain(struct th_ipc *c, int timeout_ms) TH_WARN_UNUSED;

#endif
