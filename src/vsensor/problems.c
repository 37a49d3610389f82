/* SPDX-License-Identifier: Apache-2.0 */
#include "problems.h"

#include <jansson.h>

void th_problems_hear(struct th_problems *p, struct th_str status, int64_t now_ns)
{
    size_t i;
    const json_t *one;
    json_t *said = json_loadb(status.p, status.len, JSON_REJECT_DUPLICATES, NULL);
    json_array_foreach(json_object_get(said, "problems"), i, one)
    {
        const char *code = json_string_value(json_object_get(one, "code"));
        enum th_sensor_problem which = th_sensor_problem_find(th_str_c(code ? code : ""));
        if (which < TH_SENSOR_PROBLEMS)
            p->said_ns[which] = now_ns;
    }
    json_decref(said);
}

uint32_t th_problems_now(const struct th_problems *p, int64_t now_ns)
{
    uint32_t set = 0;
    for (unsigned i = 0; i < TH_SENSOR_PROBLEMS; i++)
        if (p->said_ns[i] && now_ns - p->said_ns[i] < TH_PROBLEMS_STAY_NS)
            set |= 1u << i;
    return set;
}
