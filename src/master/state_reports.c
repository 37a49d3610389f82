/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sensors say of themselves with their requests for commands: a flat object of numbers, kept
 * as numbers, and codes of what is wrong. It is state, not an event: the newest is all there is,
 * and after a restart of this role the next request brings it again.
 */
#include "link/problems.h"
#include "state_i.h"

#define MAX_REPORTS_BYTES (48u << 10) /* of the status, which has a limit */

static const char *const names[ST_SENSOR_COUNTS] = {
    [ST_PACKETS] = "packets",
    [ST_DROPS] = "drops",
    [ST_NIC_LOST] = "nic_lost",
    [ST_COPIES] = "copies",
    [ST_EXCLUDED] = "excluded",
    [ST_EVICTED] = "evicted",
    [ST_BYTES_GIVEN_UP] = "bytes_given_up",
    [ST_HOLES] = "holes",
    [ST_FRAGMENTS_DROPPED] = "fragments_dropped",
    [ST_ANALYSES_GIVEN_UP] = "analyses_given_up",
    [ST_UNWATCHED_S] = "unwatched_s",
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
    [ST_KEPT_PACKETS] = "kept_packets",
    [ST_KEPT_BYTES] = "kept_bytes",
    [ST_KEEP_LIMIT_BYTES] = "keep_limit_bytes",
    [ST_KEEP_DROPPED] = "keep_dropped",
    [ST_KEEP_OLDEST_S] = "keep_oldest_s",
    [ST_KEEP_FAILING] = "keep_failing",
};

void st_report_take(struct st_heard *h, int64_t now_ns, struct th_str text)
{
    uint64_t counts[ST_SENSOR_COUNTS] = {0};
    uint32_t problems = 0;
    struct th_str codes, asked = th_str_c("");
    h->says_asked = false;
    if (text.len == 0 || text.len > ST_SENSOR_MAX_STATUS)
        return;
    json_t *said = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
    bool fits = json_is_object(said);
    for (unsigned i = 0; fits && i < ST_SENSOR_COUNTS; i++) {
        const json_t *v = json_object_get(said, names[i]);
        fits = !v || (json_is_integer(v) && json_integer_value(v) >= 0);
        counts[i] = (uint64_t)json_integer_value(v);
    }
    if (fits && th_state_text(said, "problems", ST_SENSOR_MAX_STATUS, &codes))
        problems = th_sensor_problems_read(codes);
    h->says_asked = fits && json_is_string(json_object_get(said, "asked"));
    th_state_text(said, "asked", sizeof(h->asked) - 1, &asked);
    st_copy(asked, h->asked, sizeof(h->asked));
    json_decref(said);
    if (!fits)
        return;
    memcpy(h->counts, counts, sizeof(counts));
    h->problems = problems;
    h->status_ns = now_ns;
}

static void put_problems(struct th_json *j, uint32_t set)
{
    th_json_key(j, "problems");
    th_json_open_list(j);
    for (unsigned p = 0; p < TH_SENSOR_PROBLEMS; p++)
        if (set & 1u << p)
            th_json_str(j, th_str_c(th_sensor_problem_info(p)->code));
    th_json_close_list(j);
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
        bool keeps = h->counts[ST_KEEP_LIMIT_BYTES] > 0;
        for (unsigned k = 0; k < (keeps ? ST_SENSOR_COUNTS : ST_KEPT_PACKETS); k++) {
            th_json_key(j, names[k]);
            th_json_u64(j, h->counts[k]);
        }
        put_problems(j, h->problems);
        th_json_close(j);
    }
    th_json_close_list(j);
}
