/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one capture through the whole packet path and prints its events as JSON lines with
 * `_path`, in the order in which they were made: what golden tests and oracles look at.
 *   dump_events [-n] CAPTURE     -n: counts only
 */
#include <fcntl.h>

#include "base/json.h"
#include "packet/capture.h"
#include "proto/engine.h"

struct out {
    struct th_buf buf;
    bool quiet;
    uint64_t events;
};

static void value(struct th_json *j, const struct th_field_info *f, const void *v)
{
    char text[TH_TIME_TEXT_LEN];
    struct th_str s;
    switch ((enum th_type)f->type) {
    case TH_TYPE_TIME:
        s = th_str_n(text, th_time_epoch(*(const int64_t *)v, text));
        th_buf_str(j->out, s);
        j->comma = true;
        return;
    case TH_TYPE_INTERVAL: th_json_seconds(j, *(const int64_t *)v); return;
    case TH_TYPE_COUNT: th_json_u64(j, *(const uint64_t *)v); return;
    case TH_TYPE_INT: th_json_i64(j, *(const int64_t *)v); return;
    case TH_TYPE_PORT: th_json_u64(j, *(const uint16_t *)v); return;
    case TH_TYPE_DOUBLE: th_json_double(j, *(const double *)v); return;
    case TH_TYPE_BOOL: th_json_bool(j, *(const bool *)v); return;
    case TH_TYPE_ADDR: th_json_addr(j, v); return;
    case TH_TYPE_MAC: {
        char mac[TH_MAC_TEXT_LEN];
        th_json_str(j, th_str_n(mac, th_mac_format(v, mac)));
        return;
    }
    case TH_TYPE_STRING: th_json_str(j, *(const struct th_str *)v); return;
    case TH_TYPE_STRINGS: {
        const struct th_strs *l = v;
        th_json_open_list(j);
        for (uint32_t i = 0; i < l->n; i++)
            th_json_str(j, l->v[i]);
        th_json_close_list(j);
        return;
    }
    case TH_TYPE_INTERVALS: {
        const struct th_spans *l = v;
        th_json_open_list(j);
        for (uint32_t i = 0; i < l->n; i++)
            th_json_seconds(j, l->v[i]);
        th_json_close_list(j);
        return;
    }
    case TH_TYPE_ADDRS: {
        const struct th_addrs *l = v;
        th_json_open_list(j);
        for (uint32_t i = 0; i < l->n; i++)
            th_json_addr(j, &l->v[i]);
        th_json_close_list(j);
        return;
    }
    }
}

static int put(void *arg, const struct th_event *ev)
{
    struct out *o = arg;
    const struct th_kind_info *k = th_kind_get(ev->kind);
    o->events++;
    if (o->quiet)
        return 0;
    struct th_json j = th_json_init(&o->buf);
    th_json_open(&j);
    th_json_key(&j, "_path");
    th_json_str(&j, th_str_c(k->name));
    char text[TH_TIME_TEXT_LEN];
    size_t n = th_time_epoch(ev->time_ns, text);
    th_json_key(&j, "_time");
    th_buf_put(&o->buf, text, n);
    j.comma = true;
    for (unsigned i = 0; i < k->field_count; i++) {
        if (!(ev->set >> i & 1))
            continue;
        th_json_key(&j, k->fields[i].zeek);
        value(&j, &k->fields[i], th_event_field(ev, &k->fields[i]));
    }
    th_json_close(&j);
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
    if (o->quiet)
        printf("%llu frames, %llu events\n", (unsigned long long)th_engine_stats(e)->frames,
            (unsigned long long)o->events);
    return err < 0 ? err : flushed;
}

int main(int argc, char **argv)
{
    struct out o = {.quiet = argc == 3 && strcmp(argv[1], "-n") == 0};
    if (argc != 2 && !o.quiet) {
        fprintf(stderr, "usage: dump_events [-n] CAPTURE\n");
        return 2;
    }
    int err = run(argv[argc - 1], &o);
    th_buf_done(&o.buf);
    if (err < 0)
        fprintf(stderr, "dump_events: %s: %s\n", argv[argc - 1], th_strerror(err));
    return err < 0;
}
