/* SPDX-License-Identifier: Apache-2.0 */
#include "link_status.h"

#include <jansson.h>

#include "base/json.h"
#include "base/time.h"

static void put_count(struct th_json *j, const char *name, uint64_t v)
{
    th_json_key(j, name);
    th_json_u64(j, v);
}

static void put_counters(
    struct th_json *j, const struct th_link_status *s, const struct th_post *post)
{
    struct th_post_counts c;
    th_post_counts(post, &c);
    th_json_key(j, "counters");
    th_json_open(j);
    put_count(j, "batches", c.batches);
    put_count(j, "events", c.events);
    put_count(j, "frames_known", c.known);
    put_count(j, "frames_malformed", c.malformed);
    put_count(j, "gaps", c.gaps);
    put_count(j, "events_lost", c.lost_events);
    put_count(j, "unwatched_s", c.unwatched_ns / (uint64_t)TH_NS_PER_S);
    put_count(j, "batches_refused", c.refused);
    put_count(j, "batches_dropped", th_spool_dropped_batches(th_post_spool(post)));
    put_count(j, "events_dropped", th_spool_dropped_events(th_post_spool(post)));
    put_count(j, "batches_sent", s->batches);
    put_count(j, "bytes_sent", s->bytes);
    put_count(j, "batches_resent", s->resent);
    put_count(j, "failures", s->failures);
    put_count(j, "waits", s->waits);
    th_json_close(j);
}

static void put_gauges(
    struct th_json *j, const struct th_link_status *s, const struct th_spool *spool)
{
    uint64_t next = th_spool_next(spool);
    th_json_key(j, "gauges");
    th_json_open(j);
    put_count(j, "spool_bytes", th_spool_bytes(spool));
    put_count(j, "spool_limit_bytes", th_spool_limit(spool));
    put_count(j, "batches_waiting", next > s->acknowledged ? next - s->acknowledged : 0);
    put_count(j, "batches_in_flight", s->in_flight);
    put_count(j, "reached", s->reached);
    put_count(j, "authorised", s->standing == TH_LINK_AUTHORISED);
    th_json_close(j);
}

static uint64_t count_of(const json_t *counters, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(counters, name));
    return v > 0 ? (uint64_t)v : 0;
}

void th_capture_counts_read(struct th_str json, struct th_capture_counts *ret)
{
    json_t *said = json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *counters = json_object_get(said, "counters");
    if (counters)
        *ret = (struct th_capture_counts){.packets = count_of(counters, "packets"),
            .drops = count_of(counters, "packets_dropped"),
            .events = count_of(counters, "events")};
    json_decref(said);
}

void th_capture_counts_add(struct th_capture_counts *sum, const struct th_capture_counts *of_one)
{
    sum->packets += of_one->packets;
    sum->drops += of_one->drops;
    sum->events += of_one->events;
}

void th_link_report_put(struct th_buf *out, const struct th_link_status *s,
    const struct th_post *post, const struct th_capture_counts *capture)
{
    const struct th_spool *spool = th_post_spool(post);
    uint64_t next = th_spool_next(spool);
    struct th_post_counts c;
    struct th_json j = th_json_init(out);
    th_post_counts(post, &c);
    th_json_open(&j);
    put_count(&j, "packets", capture->packets);
    put_count(&j, "drops", capture->drops);
    put_count(&j, "events", c.events);
    put_count(&j, "events_lost", c.lost_events);
    put_count(&j, "spool_bytes", th_spool_bytes(spool));
    put_count(&j, "spool_limit_bytes", th_spool_limit(spool));
    put_count(&j, "spool_dropped", th_spool_dropped_events(spool));
    put_count(&j, "queue", next > s->acknowledged ? next - s->acknowledged : 0);
    put_count(&j, "resent", s->resent);
    put_count(&j, "refused", c.refused);
    th_json_close(&j);
}

static void put_problem(struct th_json *j, const char *severity, const char *code, const char *text)
{
    th_json_open(j);
    th_json_key(j, "severity");
    th_json_str(j, th_str_c(severity));
    th_json_key(j, "code");
    th_json_str(j, th_str_c(code));
    th_json_key(j, "text");
    th_json_str(j, th_str_c(text));
    th_json_close(j);
}

static const char *code_of(const struct th_link_status *s)
{
    switch (s->standing) {
    case TH_LINK_PENDING: return s->reached ? "sensor_pending" : "master_unreachable";
    case TH_LINK_REVOKED: return "sensor_revoked";
    default: return s->reached ? "master_refuses" : "master_unreachable";
    }
}

void th_link_status_put(
    struct th_buf *out, const struct th_link_status *s, const struct th_post *post, int disk_error)
{
    const struct th_spool *spool = th_post_spool(post);
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    put_counters(&j, s, post);
    put_gauges(&j, s, spool);
    th_json_key(&j, "problems");
    th_json_open_list(&j);
    if (s->problem)
        put_problem(&j, "error", code_of(s), s->problem);
    if (disk_error < 0)
        put_problem(&j, "error", "spool_unwritable",
            "the spool cannot be written: free space on its disk; capture keeps what it can until "
            "then");
    if (th_spool_dropped_batches(spool) > 0)
        put_problem(&j, "error", "spool_dropped",
            "the spool was full and dropped its oldest events: the master was away for longer than "
            "spool_bytes holds");
    th_json_close_list(&j);
    th_json_close(&j);
}
