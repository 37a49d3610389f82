/* SPDX-License-Identifier: Apache-2.0 */
#include "link_status.h"

#include <jansson.h>

#include "base/json.h"
#include "base/time.h"
#include "status.h"

static void put_counters(
    struct th_json *j, const struct th_link_status *s, const struct th_post *post)
{
    struct th_post_counts c;
    th_post_counts(post, &c);
    th_json_key(j, "counters");
    th_json_open(j);
    th_status_count(j, "batches", c.batches);
    th_status_count(j, "events", c.events);
    th_status_count(j, "frames_known", c.known);
    th_status_count(j, "frames_malformed", c.malformed);
    th_status_count(j, "gaps", c.gaps);
    th_status_count(j, "events_lost", c.lost_events);
    th_status_count(j, "unwatched_s", c.unwatched_ns / (uint64_t)TH_NS_PER_S);
    th_status_count(j, "batches_refused", c.refused);
    th_status_count(j, "batches_dropped", th_spool_dropped_batches(th_post_spool(post)));
    th_status_count(j, "events_dropped", th_spool_dropped_events(th_post_spool(post)));
    th_status_count(j, "batches_sent", s->batches);
    th_status_count(j, "bytes_sent", s->bytes);
    th_status_count(j, "batches_resent", s->resent);
    th_status_count(j, "failures", s->failures);
    th_status_count(j, "waits", s->waits);
    th_json_close(j);
}

static void put_gauges(
    struct th_json *j, const struct th_link_status *s, const struct th_spool *spool)
{
    uint64_t next = th_spool_next(spool);
    th_json_key(j, "gauges");
    th_json_open(j);
    th_status_count(j, "spool_bytes", th_spool_bytes(spool));
    th_status_count(j, "spool_limit_bytes", th_spool_limit(spool));
    th_status_count(j, "batches_waiting", next > s->acknowledged ? next - s->acknowledged : 0);
    th_status_count(j, "batches_in_flight", s->in_flight);
    th_status_count(j, "reached", s->reached);
    th_status_count(j, "authorised", s->standing == TH_LINK_AUTHORISED);
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
    const json_t *gauges = json_object_get(said, "gauges");
    if (counters)
        *ret = (struct th_capture_counts){.packets = count_of(counters, "packets"),
            .drops = count_of(counters, "packets_dropped"),
            .events = count_of(counters, "events"),
            .interfaces = count_of(gauges, "interfaces"),
            .interfaces_down = count_of(gauges, "interfaces_down")};
    json_decref(said);
}

void th_link_urgent_get(
    const struct th_post *post, const struct th_capture_counts *capture, struct th_link_urgent *ret)
{
    const struct th_spool *spool = th_post_spool(post);
    struct th_post_counts c;
    th_post_counts(post, &c);
    *ret = (struct th_link_urgent){.drops = capture->drops,
        .lost = c.lost_events + th_spool_dropped_events(spool),
        .refused = c.refused,
        .interfaces_down = capture->interfaces_down,
        .spool = th_spool_bytes(spool) / (th_spool_limit(spool) / 16 + 1)};
}

void th_capture_counts_add(struct th_capture_counts *sum, const struct th_capture_counts *of_one)
{
    sum->packets += of_one->packets;
    sum->drops += of_one->drops;
    sum->events += of_one->events;
    sum->interfaces += of_one->interfaces;
    sum->interfaces_down += of_one->interfaces_down;
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
    th_status_count(&j, "packets", capture->packets);
    th_status_count(&j, "drops", capture->drops);
    th_status_count(&j, "interfaces", capture->interfaces);
    th_status_count(&j, "interfaces_down", capture->interfaces_down);
    th_status_count(&j, "events", c.events);
    th_status_count(&j, "events_lost", c.lost_events);
    th_status_count(&j, "spool_bytes", th_spool_bytes(spool));
    th_status_count(&j, "spool_limit_bytes", th_spool_limit(spool));
    th_status_count(&j, "spool_dropped", th_spool_dropped_events(spool));
    th_status_count(&j, "queue", next > s->acknowledged ? next - s->acknowledged : 0);
    th_status_count(&j, "resent", s->resent);
    th_status_count(&j, "refused", c.refused);
    th_json_close(&j);
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
        th_status_problem(&j, "error", code_of(s), s->problem);
    if (disk_error < 0)
        th_status_problem(&j, "error", "spool_unwritable",
            "the spool cannot be written: free space on its disk; capture keeps what it can until "
            "then");
    if (th_spool_dropped_batches(spool) > 0)
        th_status_problem(&j, "error", "spool_dropped",
            "the spool was full and dropped its oldest events: the master was away for longer than "
            "spool_bytes holds");
    th_json_close_list(&j);
    th_json_close(&j);
}
