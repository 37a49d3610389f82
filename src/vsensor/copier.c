/* SPDX-License-Identifier: Apache-2.0 */
#include "copier.h"

bool th_copier_option(struct th_copier *c, const char *name, const char *value)
{
    struct th_keep_rules *rules = &c->rules;
    if (strcmp(name, "keep-payload") == 0)
        return th_keep_amount_parse(th_str_c(value), &rules->payload);
    if (strcmp(name, "keep-rules") != 0)
        return false;
    for (struct th_str rest = th_str_c(value); rest.len > 0;)
        if (rules->count == TH_KEEP_MAX_RULES ||
            !th_keep_rule_parse(th_str_split(&rest, ';'), &rules->v[rules->count++]))
            return false;
    return true;
}

void th_copier_seen(
    void *arg, const struct th_frame *frame, const struct th_pkt *outer, const struct th_pkt *inner)
{
    struct th_copier *c = arg;
    struct th_keep_record r = {.time_ns = frame->time_ns,
        .len = th_keep_rules_len(&c->rules, frame->data, outer, inner),
        .wire_len = frame->wire_len,
        .linktype = (uint16_t)frame->linktype,
        .frame = frame->data};
    if (r.len > 0)
        th_lane_put(c->lane, &r);
}
