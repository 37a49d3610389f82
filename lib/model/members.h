/* SPDX-License-Identifier: Apache-2.0 */
/* Members that the lines about findings have in common: each puts one, or some, into an object
 * that is open. */
#ifndef TH_MODEL_MEMBERS_H
#define TH_MODEL_MEMBERS_H

#include "model_i.h"

void member_str(struct th_json *j, const char *key, struct th_str s);
void member_text(struct th_json *j, const char *key, const char *s);
void member_time(struct th_json *j, const char *key, int64_t time_ns);
void member_number(struct th_json *j, const char *key, double v);
void member_id(struct th_json *j, const char *key, uint64_t id);
/* All that a signal says, as a breach's evidence has it. */
void member_signal(struct th_json *j, const struct th_signal *s);

/* Four significant digits: what a reader can use. */
double digits4(double v);
double thousandths(double v);

#endif
