/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DCE/RPC connection-oriented PDUs (C706 chapter 12, MS-RPCE), over TCP or inside a
 * named pipe: which interface was bound, which operation was called, what fault came of it. Of
 * arguments only those of dce_rpc_args.c are read.
 */
#ifndef TH_PROTO_DCE_RPC_H
#define TH_PROTO_DCE_RPC_H

#include "analyser.h"

struct th_dce_rpc;

struct th_dce_rpc *th_dce_rpc_new(void);
/* name: the pipe's, or the port's. False: this is not DCE/RPC. wire_len > len: the rest of these
 * bytes was not kept. */
bool th_dce_rpc_data(struct th_dce_rpc *d, struct th_conn *c, struct th_str name, bool from_client,
    int64_t time_ns, const uint8_t *p, size_t len, size_t wire_len);
/* Bytes that it takes up; NULL: none. */
size_t th_dce_rpc_held(const struct th_dce_rpc *d);
/* Writes calls that have no answer and frees it. */
void th_dce_rpc_end(struct th_dce_rpc *d, struct th_conn *c, struct th_str name);

/* "svcctl" for its UUID in wire order; NULL when unknown. */
const char *th_dce_rpc_interface(const uint8_t uuid[16]);
/* The operation's name; empty when unknown. */
struct th_str th_dce_rpc_operation(const uint8_t uuid[16], unsigned opnum);
/* Its name, else "unknown-UUID". */
struct th_str th_dce_rpc_interface_text(struct th_arena *a, const uint8_t uuid[16]);

/* What an ept_map asks for, "svcctl", or is given, "svcctl 49664"; empty when there is no tower. */
struct th_str th_dce_rpc_mapped(struct th_arena *a, const uint8_t *stub, size_t len);
/* The arguments of NetrServerReqChallenge end in one byte eight times. */
bool th_dce_rpc_weak_challenge(const uint8_t *stub, size_t len);
struct th_str th_dce_rpc_fault(struct th_arena *a, uint32_t status);

#endif
