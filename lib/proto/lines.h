/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocols that talk in lines: one complete line at a time out of a cursor, and short texts that
 * outlive their packet.
 */
#ifndef TH_PROTO_LINES_H
#define TH_PROTO_LINES_H

#include "base/cursor.h"

#define TH_TEXT_MAX 255u

struct th_text {
    uint8_t len;
    char p[TH_TEXT_MAX];
};

/* Trimmed, and cut at TH_TEXT_MAX bytes. */
void th_text_set(struct th_text *t, struct th_str s);
static inline struct th_str th_text_get(const struct th_text *t)
{
    return th_str_n(t->p, t->len);
}

/* The next line without its end (LF, or CR LF). False: there is none complete; nothing is taken. */
bool th_line_next(struct th_cur *c, struct th_str *ret);
/* The trimmed rest when the line begins with this word, whatever its case. */
bool th_line_after(struct th_str line, const char *word, struct th_str *ret);
/* Cuts *rest at the first run of blanks; what was before. */
struct th_str th_line_word(struct th_str *rest);

#endif
