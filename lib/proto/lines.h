/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocols that talk in lines: each line is a message of framing.h.
 */
#ifndef TH_PROTO_LINES_H
#define TH_PROTO_LINES_H

#include "framing.h"

/* `length` of a framing whose messages are lines; its look_bytes is how long one may be. */
int64_t th_line_length(const void *state, struct th_cur head, bool from_client);
/* `message` of such a framing: with the first line the protocol is recognised. */
enum th_frame th_line_message(
    struct th_conn *c, void *state, const struct th_chunk *ch, struct th_cur msg);
/* The next line without its end. False: there is none complete; nothing is taken. */
bool th_line_next(struct th_cur *c, struct th_str *ret);
/* The trimmed rest when the line begins with this word, whatever its case. */
bool th_line_after(struct th_str line, const char *word, struct th_str *ret);
/* Cuts *rest at the first run of blanks; what was before. */
struct th_str th_line_word(struct th_str *rest);
/* The text behind "name=" of a header with parameters, unquoted; empty when there is none. */
struct th_str th_line_parameter(struct th_str value, const char *name);

#endif
