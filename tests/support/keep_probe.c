/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeping packets costs, for bench/keep and profiles; each prints one JSON object.
 *
 * keep_probe capture FILE PACKETS off|headers|all: at most so many packets through the engine, as
 *     the capture role has them, and what is kept of them into the memory that it shares with keep.
 * keep_probe disk FOLDER BYTES: full blocks of packets into a ring, as the keep role writes them.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/mem.h"
#include "copier.h"
#include "keep/ring.h"
#include "packet/capture.h"
#include "proto/engine.h"

enum { SYNC_EACH = 256 }; /* blocks: about a second's */

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int no_event(void *arg, const struct th_event *ev)
{
    (void)arg;
    (void)ev;
    return 0;
}

/* Keep's side, so that there is always room. */
static void drain(struct th_lane_reader *r)
{
    struct th_str records;
    while (th_lane_take(r, &records) == 1)
        th_lane_give_back(r);
}

static int probe_capture(const char *path, uint64_t most, const char *mode)
{
    struct th_copier copier = {0};
    struct th_lane_reader *reader = NULL;
    struct th_stream *stream = NULL;
    struct th_capture *capture = NULL;
    struct th_record rec;
    int lane = th_lane_make();
    bool off = strcmp(mode, "off") == 0;
    if ((!off && !th_copier_option(&copier, "keep-payload", mode)) || lane < 0 ||
        th_lane_writer_new(lane, eventfd(0, EFD_NONBLOCK), &copier.lane) < 0 ||
        th_lane_reader_new(lane, &reader) < 0 ||
        th_stream_open(open(path, O_RDONLY | O_CLOEXEC), &stream) < 0 ||
        th_capture_open(stream, &capture) < 0)
        return 1;
    const struct th_sink sink = {.put = no_event};
    const struct th_engine_config config = {
        .flow.key = {1, 2}, .seen = off ? NULL : th_copier_seen, .seen_arg = &copier};
    struct th_engine *engine = th_engine_new(&config, &sink);
    uint64_t packets = 0;
    double cpu = 0;
    for (int more = th_capture_next(capture, &rec); more > 0 && packets < most;) {
        double began = seconds(CLOCK_PROCESS_CPUTIME_ID);
        for (unsigned n = 0; n < 10000 && more > 0; n++, packets++) {
            th_engine_frame(engine, rec.linktype, rec.time_ns, rec.data, rec.cap_len, rec.wire_len);
            more = th_capture_next(capture, &rec);
        }
        cpu += seconds(CLOCK_PROCESS_CPUTIME_ID) - began;
        drain(reader);
    }
    th_lane_flush(copier.lane);
    struct th_lane_counts c;
    th_lane_counts(reader, &c);
    printf("{\"packets\":%" PRIu64 ",\"cpu_s\":%.6f,\"kept\":%" PRIu64 ",\"kept_bytes\":%" PRIu64
           ",\"dropped\":%" PRIu64 "}\n",
        packets, cpu, c.packets, c.bytes, c.dropped);
    th_engine_free(engine);
    th_capture_free(capture);
    th_stream_free(stream);
    th_lane_writer_free(copier.lane);
    th_lane_reader_free(reader);
    return 0;
}

/* Of one flow, a few hundred bytes each. */
static size_t fill(uint8_t *block)
{
    static uint8_t frame[900] = {[12] = 8,
        [14] = 0x45,
        [16] = 3,
        [17] = 0x76,
        [22] = 64,
        [23] = 6,
        [26] = 10,
        [30] = 192,
        [46] = 0x50};
    struct th_keep_record r = {
        .len = sizeof(frame), .wire_len = sizeof(frame), .linktype = 1, .frame = frame};
    size_t len = 0;
    for (; len + TH_KEEP_RECORD_BYTES + r.len <= TH_KEEP_MAX_BLOCK;
         len += TH_KEEP_RECORD_BYTES + r.len, r.time_ns += 1000) {
        frame[29] = (uint8_t)(len >> 10);
        th_keep_record_put(block + len, &r);
    }
    return len;
}

static int probe_disk(const char *path, uint64_t bytes)
{
    static const uint8_t key[TH_KEEP_KEY_BYTES] = "any";
    const struct th_keep_config config = {.bytes = UINT64_C(1) << 40};
    TH_AUTOCLOSE int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    TH_AUTOFREE uint8_t *block = th_xmalloc(TH_KEEP_MAX_BLOCK);
    struct th_keep *k = NULL;
    struct th_io io;
    th_io_folder(&io, &folder);
    int r = folder < 0 ? -errno : th_keep_open(&io, key, &config, 0, &k);
    const size_t len = fill(block);
    double began = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t done = 0;
    for (unsigned n = 1; r == 0 && done < bytes; n++, done += len) {
        r = th_keep_put(k, th_str_n(block, len), 0);
        if (r == 0 && n % SYNC_EACH == 0)
            r = th_keep_sync(k);
    }
    if (r == 0)
        r = th_keep_sync(k);
    printf("{\"bytes\":%" PRIu64 ",\"wall_s\":%.6f,\"cpu_s\":%.6f}\n", done,
        seconds(CLOCK_MONOTONIC) - began, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    th_keep_close(k);
    return r < 0;
}

int main(int argc, char **argv)
{
    uint64_t number = 0;
    if (argc == 5 && strcmp(argv[1], "capture") == 0 && th_str_u64(th_str_c(argv[3]), &number))
        return probe_capture(argv[2], number, argv[4]);
    if (argc == 4 && strcmp(argv[1], "disk") == 0 && th_str_u64(th_str_c(argv[3]), &number))
        return probe_disk(argv[2], number);
    fprintf(stderr,
        "usage: keep_probe capture FILE PACKETS off|headers|all\n"
        "       keep_probe disk FOLDER BYTES\n");
    return 2;
}
