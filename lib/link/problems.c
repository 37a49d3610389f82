/* SPDX-License-Identifier: Apache-2.0 */
#include "link/problems.h"

#include "base/mem.h"

static const struct th_sensor_problem_info infos[] = {
#define TH_SENSOR_PROBLEM(ID, CODE, SEVERITY, TEXT)                                                \
    [TH_SENSOR_##ID] = {.code = (CODE), .severity = (SEVERITY), .text = (TEXT)},
#include "link/problems.def"
#undef TH_SENSOR_PROBLEM
};

const struct th_sensor_problem_info *th_sensor_problem_info(enum th_sensor_problem p)
{
    TH_ASSERT(p < TH_SENSOR_PROBLEMS);
    return &infos[p];
}

enum th_sensor_problem th_sensor_problem_find(struct th_str code)
{
    unsigned p = 0;
    while (p < TH_SENSOR_PROBLEMS && !th_str_is(code, infos[p].code))
        p++;
    return (enum th_sensor_problem)p;
}

void th_sensor_problems_put(struct th_buf *out, uint32_t set)
{
    const char *between = "";
    for (unsigned p = 0; p < TH_SENSOR_PROBLEMS; p++)
        if (set & 1u << p) {
            th_buf_puts(out, between);
            th_buf_puts(out, infos[p].code);
            between = " ";
        }
}

uint32_t th_sensor_problems_read(struct th_str text)
{
    uint32_t set = 0;
    while (text.len > 0) {
        enum th_sensor_problem p = th_sensor_problem_find(th_str_split(&text, ' '));
        if (p < TH_SENSOR_PROBLEMS)
            set |= 1u << p;
    }
    return set;
}
