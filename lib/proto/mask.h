/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements and keys without what people put into them. Literals carry names, card numbers and
 * passwords; what a statement does is told by the rest. When it is not sure where a literal
 * ends (a backslash before a quote, quotes inside of a comment or of brackets: dialects differ),
 * the text ends there.
 */
#ifndef TH_PROTO_MASK_H
#define TH_PROTO_MASK_H

#include "base/arena.h"

#include "text.h"

#define TH_MASK_MAX_BYTES TH_TEXT_MAX /* of the result */

/* SQL with ? for each quoted text and number, without comments, blanks made single. hash_comments:
 * # begins a comment (MySQL). */
struct th_str th_mask_sql(struct th_arena *a, struct th_str sql, bool hash_comments);
/* A key with ? for each number, and for each run of 8 and more letters and digits that has a digit
 * in it. */
struct th_str th_mask_key(struct th_arena *a, struct th_str key);
/* A URI with ? for the password of its user and for the values of parameters that are named like
 * passwords and tokens; in place, since it grows no longer. Its new length. */
uint32_t th_mask_uri(char *uri, uint32_t len);

#endif
