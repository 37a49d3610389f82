/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role capture over recorded packets: takes capture files from its parent, runs them
 * through the engine in order of time, and writes events. It parses everything that an
 * outsider could have shaped, and can do nothing else (roles.def).
 *
 * Descriptors: handoff, progress, and one of the outputs of outputs.h.
 */
#include "role_capture.h"

#include <getopt.h>

#include "base/mem.h"
#include "files.h"
#include "options.h"
#include "outputs.h"
#include "priv/priv.h"
#include "priv/progress.h"
#include "proto/engine.h"

/* A capture goes on with the flows of the one before when it begins at most this much later: cut
 * into pieces by a capture program that was never stopped. */
static const int64_t max_gap_ns = 60 * TH_NS_PER_S;
static const uint64_t progress_packets = 1u << 16;
static const int64_t no_time = INT64_MAX;

struct worker {
    struct th_capture_options options;
    struct th_handoff *handoff;
    struct th_outputs *outputs;
    int progress;
    struct th_files files;
    struct th_filter *filter; /* NULL: none */
    uint64_t excluded;        /* packets that were left out, by it or by their networks */
    struct th_engine *engine; /* of the chain being read; NULL between chains */
    size_t chain;             /* its first file */
    int64_t last_ns;          /* latest packet of the chain */
    uint64_t chain_events;
    uint64_t events; /* of all */
};

/* The engine's sink. The source is known when the file is at its end. */
static int take_event(void *arg, const struct th_event *ev)
{
    struct worker *w = arg;
    w->events++;
    w->chain_events++;
    return th_outputs_put(w->outputs, ev);
}

static void tell_progress(const struct worker *w, const struct th_file *file, bool done)
{
    struct th_progress p = {.input = file->input,
        .done = done,
        .status = (uint8_t)file->status,
        .bytes = file->bytes,
        .events = w->events};
    snprintf(p.text, sizeof(p.text), "%s", done ? file->message : "");
    if (w->progress >= 0)
        th_progress_put(w->progress, &p);
}

static int tell_result(struct worker *w, const struct th_file *file, uint64_t source)
{
    struct th_source_info info = {.input = file->input,
        .status = file->status,
        .source = source,
        .events = file == &w->files.v[w->chain] ? w->chain_events : 0,
        .packets = file->packets,
        .bytes = file->bytes,
        .first_ns = file->packets ? file->first_ns : 0,
        .last_ns = file->packets ? file->last_ns : 0,
        .format = th_str_c(file->format),
        .message = th_str_c(file->message)};
    tell_progress(w, file, true);
    return th_outputs_source(w->outputs, &info);
}

/* ---- chains ---- */

/* Length of the folder's part of a path. */
static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static bool goes_on(const struct worker *w, const struct th_file *next)
{
    if (!w->engine || next->first_ns == no_time || w->last_ns == TH_TIME_UNSET)
        return false;
    const char *a = th_handoff_name(w->handoff, w->files.v[w->chain].input);
    const char *b = th_handoff_name(w->handoff, next->input);
    size_t len = folder_len(a);
    return len == folder_len(b) && memcmp(a, b, len) == 0 && next->first_ns >= w->last_ns &&
        th_time_sub(next->first_ns, w->last_ns) <= max_gap_ns;
}

/* What was given up for want of memory; records say which they are. */
static void say_cut(const struct worker *w)
{
    const struct th_flow_stats *f = th_engine_flow_stats(w->engine);
    uint64_t analyses = th_engine_stats(w->engine)->analyses_given_up;
    if (f->evicted || f->reassembly_given_up || analyses)
        th_log(TH_LOG_WARN,
            "%s: memory was short: %llu connections were ended early, %llu holes in streams and "
            "%llu analyses given up (cut in their records); --memory gives more",
            th_handoff_name(w->handoff, w->files.v[w->chain].input), (unsigned long long)f->evicted,
            (unsigned long long)f->reassembly_given_up, (unsigned long long)analyses);
}

/* Ends the chain: its flows, its events, and what is to be said about its files. */
static int end_chain(struct worker *w, size_t end)
{
    if (!w->engine)
        return 0;
    int r = th_engine_flush(w->engine);
    say_cut(w);
    w->excluded += th_engine_stats(w->engine)->excluded;
    th_engine_free(TH_TAKE(w->engine));
    for (size_t i = w->chain; r == 0 && i < end; i++)
        r = tell_result(w, &w->files.v[i], w->files.v[w->chain].hash);
    return r;
}

static int begin_chain(struct worker *w, size_t first)
{
    struct th_engine_config config = {
        /* Fixed, so that the same capture gives the same uids. Its tables are bounded whatever a
         * capture holds; a sensor on a live wire uses the key of its instance. */
        .flow.key = {.k0 = 0x7473656e736f7231, .k1 = 0x7265636f72646564},
        .max_hash_bytes = w->options.max_hash_bytes,
        .memory_bytes = w->options.memory_bytes,
        .local = w->options.local_count ? w->options.local : NULL,
        .local_count = w->options.local_count,
        .exclude = w->options.exclude,
        .exclude_count = w->options.exclude_count,
    };
    struct th_sink sink = {.put = take_event, .arg = w};
    w->engine = th_engine_new(&config, &sink);
    w->chain = first;
    w->last_ns = TH_TIME_UNSET;
    w->chain_events = 0;
    return th_outputs_input(w->outputs, w->files.v[first].input);
}

/* ---- one file ---- */

/* What reading told about link types that we do not read. */
struct unread {
    uint64_t packets;
    uint32_t linktype;
};

static void judge(struct th_file *file, const struct th_open_capture *c, const struct unread *un)
{
    if (c->next < 0) {
        file->status = file->packets ? TH_SOURCE_PARTIAL : TH_SOURCE_UNREADABLE;
        snprintf(file->message, sizeof(file->message), "%s", th_capture_message(c->capture));
    } else if (un->packets) {
        file->status = un->packets < file->packets ? TH_SOURCE_PARTIAL : TH_SOURCE_UNREADABLE;
        snprintf(file->message, sizeof(file->message),
            "%llu of %llu packets have link type %u, which is not supported",
            (unsigned long long)un->packets, (unsigned long long)file->packets, un->linktype);
    }
}

static bool is_wanted(struct worker *w, const struct th_record *p)
{
    if (!w->filter || th_filter_passes(w->filter, p->linktype, p->data, p->cap_len, p->wire_len))
        return true;
    w->excluded++;
    return false;
}

/* The record that was read, and those behind it that are at hand; of these, how many are wanted. */
static unsigned gather(
    struct worker *w, struct th_file *file, struct th_open_capture *c, struct th_frame *v)
{
    unsigned n = 0;
    for (;;) {
        const struct th_record *rec = &c->record;
        w->last_ns = TH_MAX(w->last_ns, rec->time_ns);
        file->last_ns = file->packets++ ? TH_MAX(file->last_ns, rec->time_ns) : rec->time_ns;
        if (is_wanted(w, rec))
            v[n++] = (struct th_frame){.time_ns = rec->time_ns,
                .data = rec->data,
                .cap_len = rec->cap_len,
                .wire_len = rec->wire_len,
                .linktype = rec->linktype};
        if (n == TH_ENGINE_FRAMES || !th_capture_ready(c->capture))
            return n;
        c->next = th_capture_next(c->capture, &c->record);
        if (c->next <= 0)
            return n;
    }
}

static void note_unread(struct unread *un, const struct th_frame *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (th_linktype_supported(v[i].linktype))
            continue;
        un->packets++;
        un->linktype = v[i].linktype;
    }
}

static int read_packets(struct worker *w, struct th_file *file, struct th_open_capture *c)
{
    struct unread un = {0};
    struct th_frame frames[TH_ENGINE_FRAMES];
    while (c->next > 0) {
        uint64_t before = file->packets;
        unsigned n = gather(w, file, c, frames);
        int r = th_engine_frames(w->engine, frames, n);
        if (r == TH_E_UNSUPPORTED_LINKTYPE)
            note_unread(&un, frames, n);
        else if (r < 0)
            return r;
        if (c->next > 0)
            c->next = th_capture_next(c->capture, &c->record);
        if (file->packets / progress_packets != before / progress_packets) {
            file->bytes = th_stream_consumed(c->stream);
            tell_progress(w, file, false);
        }
    }
    file->bytes = th_stream_consumed(c->stream);
    file->hash = th_stream_hash(c->stream);
    judge(file, c, &un);
    return 0;
}

static int read_file(struct worker *w, size_t i)
{
    struct th_file *file = &w->files.v[i];
    struct th_open_capture c;
    if (!goes_on(w, file)) {
        int r = end_chain(w, i);
        if (r == 0)
            r = begin_chain(w, i);
        if (r < 0)
            return r;
    }
    if (th_file_open(file, w->handoff, &c) < 0)
        return 0; /* gone since it was looked at; its message says so */
    int r = read_packets(w, file, &c);
    th_file_close(&c);
    return r;
}

static int read_files(struct worker *w)
{
    int r = 0;
    th_files_find(&w->files, w->handoff);
    for (size_t i = 0; r == 0 && i < w->files.readable; i++)
        r = read_file(w, i);
    if (r == 0)
        r = end_chain(w, w->files.readable);
    for (size_t i = w->files.readable; r == 0 && i < w->files.count; i++)
        r = tell_result(w, &w->files.v[i], w->files.v[i].hash);
    return r < 0 ? r : th_outputs_flush(w->outputs);
}

/* ---- the role ---- */

static int parse_options(int argc, char **argv, struct th_capture_options *ret)
{
    static const struct option longs[] = {
        {"role", required_argument, NULL, 'r'},
        {"local-net", required_argument, NULL, 'o'},
        {"exclude-net", required_argument, NULL, 'o'},
        {"hash-limit", required_argument, NULL, 'o'},
        {"memory", required_argument, NULL, 'o'},
        {"log-level", required_argument, NULL, 'o'},
        {0},
    };
    int index = 0;
    *ret = (struct th_capture_options){.log_level = TH_LOG_INFO};
    for (int c; (c = getopt_long(argc, argv, "", longs, &index)) != -1;)
        if (c != 'r' && (c != 'o' || !th_capture_option(ret, longs[index].name, optarg)))
            return -EINVAL;
    return 0;
}

static void say_failure(int err)
{
    if (err == -ENOSPC || err == -EDQUOT)
        th_log(TH_LOG_ERROR,
            "events cannot be written: the disk is full; free space or write "
            "elsewhere, then run again");
    else if (err == -EPIPE)
        th_log(TH_LOG_INFO, "events cannot be written: their reader has gone");
    else
        th_log(TH_LOG_ERROR, "capture stopped: %s", th_strerror(err));
}

int role_capture(int argc, char **argv)
{
    struct worker w = {.progress = -1};
    struct th_inherited in;
    int fd = -1;
    int r = parse_options(argc, argv, &w.options);
    th_log_set(w.options.log_level, "thymus-vsensor capture");
    if (r == 0)
        r = th_inherit(&in);
    if (r == 0) {
        fd = th_inherit_get(&in, "handoff", 0);
        w.progress = th_inherit_get(&in, "progress", 0);
        w.outputs = th_outputs_new(&in);
        r = fd < 0 || !w.outputs ? -EBADF : 0;
    }
    if (r == 0)
        r = th_capture_filter(&in, &w.filter);
    if (r == 0 && th_landlock_abi() == 0)
        th_log(TH_LOG_INFO, "this kernel has no Landlock; seccomp alone holds the role");
    if (r == 0)
        r = th_role_lock(TH_ROLE_CAPTURE, true);
    if (r == 0)
        r = th_handoff_attach(fd, &w.handoff);
    if (r == 0)
        r = read_files(&w);
    if (r < 0)
        say_failure(r);
    else if (w.excluded)
        th_log(TH_LOG_INFO,
            "%llu packets were left out, as the filter and the excluded networks say",
            (unsigned long long)w.excluded);
    th_engine_free(w.engine);
    th_filter_free(w.filter);
    th_files_done(&w.files);
    th_outputs_free(w.outputs);
    th_handoff_detach(w.handoff);
    return r < 0 ? 1 : 0;
}
