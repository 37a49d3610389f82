/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems of a sensor as they travel to its master: a set of those of problems.def, in the
 * sensor's report a text of their codes with spaces between. The sentences are the master's, so
 * that nothing which a packet made a sensor say stands in them.
 */
#ifndef TH_LINK_PROBLEMS_H
#define TH_LINK_PROBLEMS_H

#include "base/buf.h"
#include "base/str.h"

enum th_sensor_problem {
#define TH_SENSOR_PROBLEM(ID, CODE, SEVERITY, TEXT) TH_SENSOR_##ID,
#include "link/problems.def"
#undef TH_SENSOR_PROBLEM
    TH_SENSOR_PROBLEMS
};
_Static_assert(TH_SENSOR_PROBLEMS <= 32, "a set of them is 32 bits");

struct th_sensor_problem_info {
    const char *code, *severity, *text;
};
const struct th_sensor_problem_info *th_sensor_problem_info(enum th_sensor_problem p);
/* TH_SENSOR_PROBLEMS: there is no such code. */
enum th_sensor_problem th_sensor_problem_find(struct th_str code);

/* A set: the bit 1 << p of each. What is in the text and not known is left out. */
void th_sensor_problems_put(struct th_buf *out, uint32_t set);
uint32_t th_sensor_problems_read(struct th_str text);

#endif
