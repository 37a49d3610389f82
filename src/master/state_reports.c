/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sensors say of themselves with their requests for commands: a flat object of numbers, kept
 * as numbers. It is state, not an event: the newest is all there is, and after a restart of this
 * role the next request brings it again.
 */
#include "state_i.h"

#define MAX_REPORTS_BYTES (48u << 10) /* of the status, which has a limit */

static const char *const names[ST_SENSOR_COUNTS] = {
    [ST_PACKETS] = "packets",
    [ST_DROPS] = "drops",
    [ST_INTERFACES] = "interfaces",
    [ST_INTERFACES_DOWN] = "interfaces_down",
    [ST_EVENTS] = "events",
    [ST_EVENTS_LOST] = "events_lost",
    [ST_SPOOL_BYTES] = "spool_bytes",
    [ST_SPOOL_LIMIT_BYTES] = "spool_limit_bytes",
    [ST_SPOOL_DROPPED] = "spool_dropped",
    [ST_QUEUE] = "queue",
    [ST_RESENT] = "resent",
    [ST_REFUSED] = "refused",
};

void st_report_take(struct st_heard *h, int64_t now_ns, struct th_str text)
{
    uint64_t counts[ST_SENSOR_COUNTS] = {0};
    if (text.len == 0 || text.len > ST_SENSOR_MAX_STATUS)
        return;
    json_t *said = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
    bool fits = json_is_object(said);
    for (unsigned i = 0; fits && i < ST_SENSOR_COUNTS; i++) {
        const json_t *v = json_object_get(said, names[i]);
        fits = !v || (json_is_integer(v) && json_integer_value(v) >= 0);
        counts[i] = (uint64_t)json_integer_value(v);
    }
    json_decref(said);
    if (!fits)
        return;
    memcpy(h->counts, counts, sizeof(counts));
    h->status_ns = now_ns;
}

void st_reports_put(struct th_state *s, struct th_json *j)
{
    th_json_key(j, "sensors");
    th_json_open_list(j);
    for (size_t i = 0; i < s->heard_count && j->out->len < MAX_REPORTS_BYTES; i++) {
        const struct st_heard *h = &s->heard[i];
        if (h->status_ns == 0)
            continue;
        th_json_open(j);
        st_put_text(j, "sensor", h->sensor);
        th_json_key(j, "heard");
        th_json_time(j, h->status_ns);
        for (unsigned k = 0; k < ST_SENSOR_COUNTS; k++) {
            th_json_key(j, names[k]);
            th_json_u64(j, h->counts[k]);
        }
        th_json_close(j);
    }
    th_json_close_list(j);
}
