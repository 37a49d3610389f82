/* SPDX-License-Identifier: Apache-2.0 */
#include "link_status.h"

#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"
#include "status.h"

static void put_counters(struct th_json *j, const struct th_link_status *s,
    const struct th_post *post, const struct th_relay *relay)
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
    th_status_count(j, "packets_asked", relay->wishes);
    th_status_count(j, "packets_answered", relay->sent);
    th_status_count(j, "packets_given_up", relay->given_up);
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
        *ret = (struct th_capture_counts){
            .packets = count_of(counters, "packets") + count_of(counters, "datagrams"),
            .drops = count_of(counters, "packets_dropped") + count_of(counters, "flows_lost"),
            .copies = count_of(counters, "packets_seen_twice"),
            .events = count_of(counters, "events"),
            .excluded =
                count_of(counters, "packets_excluded") + count_of(counters, "records_excluded"),
            .filter_seen = count_of(counters, "filter_seen"),
            .filter_passed = count_of(counters, "filter_passed"),
            .evicted = count_of(counters, "flows_evicted"),
            .bytes_given_up = count_of(counters, "reassembly_dropped_bytes"),
            .holes = count_of(counters, "reassembly_given_up"),
            .fragments_dropped = count_of(counters, "fragments_dropped"),
            .analyses_given_up = count_of(counters, "analyses_given_up"),
            .interfaces = count_of(gauges, "interfaces"),
            .interfaces_down = count_of(gauges, "interfaces_down")};
    json_decref(said);
}

uint64_t th_capture_counts_left_out(const struct th_capture_counts *sum)
{
    bool any = sum->filter_seen > sum->filter_passed; /* without a filter nothing is seen */
    return sum->excluded + (any ? sum->filter_seen - sum->filter_passed : 0);
}

void th_kept_read(struct th_str json, struct th_kept *ret)
{
    json_t *said = json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *counters = json_object_get(said, "counters");
    const json_t *gauges = json_object_get(said, "gauges");
    if (counters)
        *ret = (struct th_kept){.on = true,
            .packets = count_of(counters, "packets"),
            .dropped = count_of(counters, "packets_dropped"),
            .bytes = count_of(gauges, "kept_bytes"),
            .limit_bytes = count_of(gauges, "limit_bytes"),
            .oldest_s = count_of(gauges, "oldest_s"),
            .failing = count_of(gauges, "failing")};
    json_decref(said);
}

void th_link_urgent_get(const struct th_post *post, const struct th_capture_counts *capture,
    uint64_t nic_lost, const struct th_kept *kept, uint32_t problems, struct th_link_urgent *ret)
{
    const struct th_spool *spool = th_post_spool(post);
    struct th_post_counts c;
    th_post_counts(post, &c);
    *ret = (struct th_link_urgent){.drops = capture->drops,
        .nic_lost = nic_lost,
        .lost = c.lost_events + th_spool_dropped_events(spool),
        .refused = c.refused,
        .interfaces_down = capture->interfaces_down,
        .spool = th_spool_bytes(spool) / (th_spool_limit(spool) / 16 + 1),
        .keep = kept->on ? 1 + kept->failing : 0,
        .problems = problems};
}

void th_capture_counts_add(struct th_capture_counts *sum, const struct th_capture_counts *of_one)
{
    sum->packets += of_one->packets;
    sum->drops += of_one->drops;
    sum->copies += of_one->copies;
    sum->events += of_one->events;
    sum->excluded += of_one->excluded;
    sum->filter_seen += of_one->filter_seen;
    sum->filter_passed += of_one->filter_passed;
    sum->evicted += of_one->evicted;
    sum->bytes_given_up += of_one->bytes_given_up;
    sum->holes += of_one->holes;
    sum->fragments_dropped += of_one->fragments_dropped;
    sum->analyses_given_up += of_one->analyses_given_up;
    sum->interfaces = TH_MAX(sum->interfaces, of_one->interfaces);
    sum->interfaces_down = TH_MAX(sum->interfaces_down, of_one->interfaces_down);
}

static void put_kept(struct th_json *j, const struct th_kept *kept)
{
    if (!kept->on)
        return;
    th_status_count(j, "kept_packets", kept->packets);
    th_status_count(j, "kept_bytes", kept->bytes);
    th_status_count(j, "keep_limit_bytes", kept->limit_bytes);
    th_status_count(j, "keep_dropped", kept->dropped);
    th_status_count(j, "keep_oldest_s", kept->oldest_s);
    th_status_count(j, "keep_failing", kept->failing);
}

void th_link_report_put(struct th_buf *out, const struct th_link_status *s,
    const struct th_post *post, const struct th_capture_counts *capture, uint64_t nic_lost,
    const struct th_kept *kept, uint32_t problems, const char *asked)
{
    TH_AUTOBUF struct th_buf codes = TH_BUF_INIT;
    const struct th_spool *spool = th_post_spool(post);
    uint64_t next = th_spool_next(spool);
    struct th_post_counts c;
    struct th_json j = th_json_init(out);
    th_post_counts(post, &c);
    th_json_open(&j);
    th_status_count(&j, "packets", capture->packets);
    th_status_count(&j, "drops", capture->drops);
    th_status_count(&j, "nic_lost", nic_lost);
    th_status_count(&j, "copies", capture->copies);
    th_status_count(&j, "excluded", th_capture_counts_left_out(capture));
    th_status_count(&j, "evicted", capture->evicted);
    th_status_count(&j, "bytes_given_up", capture->bytes_given_up);
    th_status_count(&j, "holes", capture->holes);
    th_status_count(&j, "fragments_dropped", capture->fragments_dropped);
    th_status_count(&j, "analyses_given_up", capture->analyses_given_up);
    th_status_count(&j, "unwatched_s", c.unwatched_ns / (uint64_t)TH_NS_PER_S);
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
    put_kept(&j, kept);
    th_sensor_problems_put(&codes, problems);
    th_json_key(&j, "problems");
    th_json_str(&j, th_buf_view(&codes));
    th_json_key(&j, "asked");
    th_json_str(&j, th_str_c(asked));
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

void th_link_status_put(struct th_buf *out, const struct th_link_status *s,
    const struct th_post *post, const struct th_relay *relay, int disk_error)
{
    const struct th_spool *spool = th_post_spool(post);
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    put_counters(&j, s, post, relay);
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
