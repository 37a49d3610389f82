/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocols that talk in lines: one complete line at a time out of a cursor.
 */
#ifndef TH_PROTO_LINES_H
#define TH_PROTO_LINES_H

#include "text.h"

/* The next line without its end (LF, or CR LF). False: there is none complete; nothing is taken. */
bool th_line_next(struct th_cur *c, struct th_str *ret);
/* The trimmed rest when the line begins with this word, whatever its case. */
bool th_line_after(struct th_str line, const char *word, struct th_str *ret);
/* Cuts *rest at the first run of blanks; what was before. */
struct th_str th_line_word(struct th_str *rest);

#endif
