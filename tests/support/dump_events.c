/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one capture through the whole packet path and prints its events as JSON lines with
 * `_path`, in the order in which they were made: what golden tests and oracles look at.
 *   dump_events [-n | -s] CAPTURE
 * -n: counts only; -s: as role capture writes a spool, to standard output: for profiles, which
 * the role's sandbox does not let in.
 */
#include <fcntl.h>

#include "base/fd.h"
#include "event/json.h"
#include "event/run.h"
#include "packet/capture.h"
#include "proto/engine.h"

struct out {
    struct th_buf buf;
    bool quiet;
    struct th_run_writer *spool; /* NULL: not asked for */
    uint64_t events;
};

static int write_out(void *arg, struct th_str bytes)
{
    (void)arg;
    return th_fd_write(STDOUT_FILENO, bytes);
}

static int put(void *arg, const struct th_event *ev)
{
    struct out *o = arg;
    o->events++;
    if (o->quiet)
        return 0;
    if (o->spool)
        return th_run_writer_put(o->spool, ev);
    th_event_json(ev, TH_EVENT_JSON_PATH, &o->buf);
    th_buf_u8(&o->buf, '\n');
    fwrite(o->buf.p, 1, o->buf.len, stdout);
    th_buf_clear(&o->buf);
    return 0;
}

TH_DEFINE_CLEANUP(struct th_capture, th_capture_free)
TH_DEFINE_CLEANUP(struct th_engine, th_engine_free)

static int run(const char *path, struct out *o)
{
    struct th_stream *stream TH_CLEANUP(th_stream_freep) = NULL;
    struct th_capture *cap TH_CLEANUP(th_capture_freep) = NULL;
    const struct th_sink sink = {.put = put, .arg = o};
    const struct th_engine_config config = {
        .flow = {.key = {1, 2}, .part_interval_ns = 5 * TH_NS_PER_MIN}};
    struct th_engine *e TH_CLEANUP(th_engine_freep) = th_engine_new(&config, &sink);
    struct th_record rec;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? -errno : th_stream_open(fd, &stream);
    if (err == 0)
        err = th_capture_open(stream, &cap);
    if (err < 0)
        return err;
    while ((err = th_capture_next(cap, &rec)) > 0) {
        int bad =
            th_engine_frame(e, rec.linktype, rec.time_ns, rec.data, rec.cap_len, rec.wire_len);
        if (bad < 0)
            return bad;
    }
    int flushed = th_engine_flush(e);
    if (flushed == 0 && o->spool)
        flushed = th_run_writer_flush(o->spool);
    if (o->quiet)
        printf("%llu frames, %llu events\n", (unsigned long long)th_engine_stats(e)->frames,
            (unsigned long long)o->events);
    return err < 0 ? err : flushed;
}

int main(int argc, char **argv)
{
    const struct th_byte_sink sink = {.write = write_out};
    struct out o = {.quiet = argc == 3 && strcmp(argv[1], "-n") == 0};
    bool spool = argc == 3 && strcmp(argv[1], "-s") == 0;
    if (argc != 2 && !o.quiet && !spool) {
        fprintf(stderr, "usage: dump_events [-n | -s] CAPTURE\n");
        return 2;
    }
    o.spool = spool ? th_run_writer_new(&sink) : NULL;
    int err = run(argv[argc - 1], &o);
    th_buf_done(&o.buf);
    th_run_writer_free(o.spool);
    if (err < 0)
        fprintf(stderr, "dump_events: %s: %s\n", argv[argc - 1], th_strerror(err));
    return err < 0;
}
