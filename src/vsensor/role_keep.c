/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role keep: takes blocks of packets out of the memory that it shares with each capture role, and
 * writes them, sealed, into its folder; answers wishes for them that link passes on. A block is
 * given back once it is written, so that a keep that dies loses nothing. While the disk takes
 * nothing it waits with what it has; capture then leaves packets out, and counts them.
 *
 * Descriptors: parent, link, folder "keep", "keep-key", "packets-log", "lane" for each worker,
 * "bell" (an eventfd that they ring).
 */
#include "role_keep.h"

#include <jansson.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "clock.h"
#include "config.h"
#include "crypto/random.h"
#include "keep/lane.h"
#include "keep/ring.h"
#include "priv/priv.h"
#include "role_args.h"
#include "status.h"
#include "wishes.h"

static const int64_t each_ns = TH_NS_PER_S; /* a sync, a look at what is too old, a status */
static const int64_t retry_ns = TH_NS_PER_S;
static const int64_t farewell_ns = 6 * TH_NS_PER_S;
static const int64_t quiet_ns = 300 * TH_NS_PER_MS; /* then capture has handed over its last */
static const uint64_t most_reserve_bytes = UINT64_C(64) << 20;
static const unsigned turn_blocks = 8; /* of one lane before the others have their turn */
static const int idle_ms = 500, ending_ms = 50;

enum { LINK };
static const char *const edge_names[] = {"link"};

struct role {
    struct th_role_args args;
    struct th_keep_config config;
    struct th_edges *edges;
    int folder_fd, bell, log;
    struct th_io folder;
    struct th_lane_reader *lanes[TH_VSENSOR_MAX_WORKERS];
    size_t lane_count;
    uint8_t key[TH_KEEP_KEY_BYTES];
    struct th_keep *keep; /* NULL: the folder is of another key */
    struct th_wishes *wishes;
    int64_t retry_at_ns, each_at_ns; /* monotonic */
    bool failing;
    uint64_t told_dropped, told_full;
};

/* ---- packets in ---- */

static void say_failure(struct role *w, int r, int64_t now_ns)
{
    if (!w->failing)
        th_log(
            TH_LOG_ERROR, "packets cannot be kept: %s; trying again each second", th_strerror(r));
    w->failing = true;
    w->retry_at_ns = now_ns + retry_ns;
}

static void say_success(struct role *w)
{
    if (w->failing)
        th_log(TH_LOG_INFO, "packets can be kept again");
    w->failing = false;
}

/* Whether more is waiting. */
static bool take_blocks(struct role *w, struct th_lane_reader *lane, int64_t now_ns)
{
    struct th_str records;
    for (unsigned n = 0; n < turn_blocks; n++) {
        if (th_lane_take(lane, &records) == 0)
            return false;
        int r = th_keep_put(w->keep, records, th_clock_ns(CLOCK_REALTIME));
        if (r < 0) {
            say_failure(w, r, now_ns);
            return false;
        }
        say_success(w);
        th_lane_give_back(lane);
    }
    return true;
}

static bool take_all(struct role *w, int64_t now_ns)
{
    bool more = false;
    for (size_t i = 0; i < w->lane_count && w->keep && now_ns >= w->retry_at_ns; i++)
        more |= take_blocks(w, w->lanes[i], now_ns);
    return more;
}

/* ---- what is told ---- */

static void put_counters(struct th_json *j, const struct th_keep_counts *c, uint64_t dropped,
    const struct th_wishes_counts *wishes)
{
    th_json_key(j, "counters");
    th_json_open(j);
    th_status_count(j, "packets", c->packets);
    th_status_count(j, "bytes_written", c->bytes);
    th_status_count(j, "packets_dropped", dropped);
    th_status_count(j, "blocks_malformed", c->malformed);
    th_status_count(j, "files_removed_for_size", c->removed_size);
    th_status_count(j, "files_removed_for_age", c->removed_age);
    th_status_count(j, "files_removed_for_room", c->removed_full);
    th_status_count(j, "bytes_removed", c->removed_bytes);
    th_status_count(j, "unreadable", c->damaged);
    th_status_count(j, "wishes", wishes->asked);
    th_status_count(j, "wishes_refused", wishes->refused);
    th_status_count(j, "packets_given", wishes->packets);
    th_json_close(j);
}

static void put_problems(
    struct role *w, struct th_json *j, const struct th_keep_counts *c, uint64_t dropped)
{
    th_json_key(j, "problems");
    th_json_open_list(j);
    if (!w->keep)
        th_status_problem(j, "error", "keep_other_key",
            "no packets are kept: the folder holds packets of another key than the sensor's; give "
            "the sensor its state folder back, or empty the folder");
    th_status_failure(j, "keep_unwritable", "packets cannot be kept: %s", c->error);
    if (dropped > w->told_dropped)
        th_status_problem(j, "warn", "keep_behind",
            "packets were not kept in the last second: the disk is slower than the traffic; keep "
            "less of each packet (keep_payload, keep_rules)");
    if (c->removed_full > w->told_full)
        th_status_problem(j, "warn", "keep_short",
            "the oldest packets were removed before their time: the disk is full");
    if (c->damaged > 0)
        th_status_problem(j, "warn", "keep_unreadable",
            "some of what was kept before the start cannot be read: it was altered, or damaged");
    th_json_close_list(j);
}

static void tell_status(struct role *w)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    struct th_json j = th_json_init(&b);
    struct th_keep_counts c = {.oldest_ns = INT64_MAX};
    struct th_wishes_counts wishes;
    uint64_t dropped = 0;
    if (w->keep)
        th_keep_counts(w->keep, &c);
    th_wishes_counts(w->wishes, &wishes);
    for (size_t i = 0; i < w->lane_count; i++) {
        struct th_lane_counts lane;
        th_lane_counts(w->lanes[i], &lane);
        dropped += lane.dropped;
    }
    th_json_open(&j);
    put_counters(&j, &c, dropped, &wishes);
    th_json_key(&j, "gauges");
    th_json_open(&j);
    th_status_count(&j, "kept_bytes", c.kept_bytes);
    th_status_count(&j, "limit_bytes", w->config.bytes);
    th_status_count(&j, "files", c.files);
    th_status_count(&j, "oldest_s",
        c.oldest_ns == INT64_MAX || c.oldest_ns < 0 ? 0 : (uint64_t)(c.oldest_ns / TH_NS_PER_S));
    th_status_count(&j, "failing", !w->keep || w->failing);
    th_json_close(&j);
    put_problems(w, &j, &c, dropped);
    th_json_close(&j);
    w->told_dropped = dropped;
    w->told_full = c.removed_full;
    th_edges_status(w->edges, th_buf_view(&b));
}

/* ---- the loop ---- */

static void do_each_second(struct role *w, int64_t now_ns)
{
    int r = w->keep ? th_keep_sync(w->keep) : 0;
    if (r < 0)
        say_failure(w, r, now_ns);
    if (w->keep)
        th_keep_tick(w->keep, th_clock_ns(CLOCK_REALTIME));
    tell_status(w);
    w->each_at_ns = now_ns + each_ns;
}

static int turn(struct role *w, bool *more)
{
    struct pollfd bell = {.fd = w->bell, .events = POLLIN};
    uint64_t rung;
    int wait_ms = *more ? 0 : th_edges_stopping(w->edges) ? ending_ms : idle_ms;
    int r = th_edges_wait(w->edges, &bell, 1, wait_ms);
    if (r < 0)
        return r;
    if (bell.revents & POLLIN) {
        ssize_t n = read(w->bell, &rung, sizeof(rung));
        (void)n; /* all lanes are looked at in any case */
    }
    int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
    int64_t wall_ns = th_clock_ns(CLOCK_REALTIME);
    *more = take_all(w, now_ns);
    th_wishes_hear(w->wishes, wall_ns);
    *more |= th_wishes_turn(w->wishes, wall_ns);
    if (now_ns >= w->each_at_ns)
        do_each_second(w, now_ns);
    return 0;
}

/* Told to end: capture hands over what it has, and link ends behind it. */
static int run(struct role *w)
{
    int64_t end_ns = INT64_MAX, busy_ns = 0;
    bool more = false;
    int r = 0;
    while (r == 0 && th_clock_ns(CLOCK_MONOTONIC) < end_ns) {
        r = turn(w, &more);
        int64_t now_ns = th_clock_ns(CLOCK_MONOTONIC);
        if (!th_edges_stopping(w->edges))
            continue;
        if (end_ns == INT64_MAX)
            end_ns = now_ns + farewell_ns;
        if (more || busy_ns == 0)
            busy_ns = now_ns;
        if (!th_edges_up(w->edges, LINK) && now_ns - busy_ns > quiet_ns)
            break;
    }
    return r == -EPIPE ? 0 : r;
}

/* ---- the role ---- */

static bool take_option(void *arg, const char *name, const char *value)
{
    struct role *w = arg;
    uint64_t hours = 0;
    if (strcmp(name, "--keep-bytes") == 0)
        return th_str_u64(th_str_c(value), &w->config.bytes);
    if (strcmp(name, "--keep-hours") != 0 || !th_str_u64(th_str_c(value), &hours))
        return false;
    w->config.span_ns = (int64_t)hours * TH_NS_PER_HOUR;
    return true;
}

static int open_all(struct role *w)
{
    struct th_inherited in;
    int r = th_inherit(&in);
    if (r < 0)
        return r;
    w->edges = th_edges_new(&in, edge_names, TH_ARRAY_LEN(edge_names));
    w->folder_fd = th_inherit_get(&in, "keep", 0);
    w->log = th_inherit_get(&in, "packets-log", 0);
    w->bell = th_inherit_get(&in, "bell", 0);
    int key = th_inherit_get(&in, "keep-key", 0);
    if (w->folder_fd < 0 || w->log < 0 || w->bell < 0 || key < 0)
        return -EBADF;
    th_io_folder(&w->folder, &w->folder_fd);
    ssize_t n = pread(key, w->key, sizeof(w->key), 0);
    if (n != (ssize_t)sizeof(w->key))
        return n < 0 ? -errno : TH_E_TRUNCATED;
    for (int fd; r == 0 && w->lane_count < TH_VSENSOR_MAX_WORKERS &&
         (fd = th_inherit_get(&in, "lane", w->lane_count)) >= 0;)
        r = th_lane_reader_new(fd, &w->lanes[w->lane_count++]);
    return r;
}

static int lock(struct role *w)
{
    const struct th_role_folder folder = {.fd = w->folder_fd, .write = true};
    const struct th_lock_options options = {
        .uid = w->args.uid, .gid = w->args.gid, .folders = &folder, .folder_count = 1};
    uint32_t seed;
    th_random_bytes(&seed, sizeof(seed));
    json_object_seed(seed | 1u); /* else it is read from a file, later */
    return th_role_lock_with(TH_ROLE_KEEP, &options);
}

static int open_keep(struct role *w)
{
    const struct th_wishes_config wishes = {
        .edges = w->edges, .edge = LINK, .folder = &w->folder, .key = w->key, .log = w->log};
    w->wishes = th_wishes_new(&wishes);
    w->config.reserve_bytes = TH_MIN(w->config.bytes / 16, most_reserve_bytes);
    int r = th_keep_open(&w->folder, w->key, &w->config, th_clock_ns(CLOCK_REALTIME), &w->keep);
    if (r == TH_E_SIGNATURE)
        th_log(TH_LOG_ERROR,
            "folder of kept packets: it is of another key than the sensor's; nothing is kept");
    return r == TH_E_SIGNATURE ? 0 : r;
}

int role_keep(int argc, char **argv)
{
    struct role *w = th_xcalloc(1, sizeof(*w));
    int r = th_role_args_read(argc, argv, "thymus-vsensor keep", take_option, w, &w->args);
    if (r == 0)
        r = open_all(w);
    if (r == 0)
        r = lock(w);
    if (r == 0)
        r = open_keep(w);
    if (r == 0)
        r = run(w);
    if (r < 0)
        th_log(TH_LOG_ERROR, "keep stopped: %s", th_strerror(r));
    th_wishes_free(w->wishes);
    th_keep_close(w->keep);
    for (size_t i = 0; i < w->lane_count; i++)
        th_lane_reader_free(w->lanes[i]);
    th_edges_free(w->edges);
    th_wipe(w->key, sizeof(w->key));
    free(w);
    return r < 0 ? 1 : 0;
}
