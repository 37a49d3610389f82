/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

#include "event/sniff.h"
#include "event/zeek.h"
#include "flowlog/eve.h"
#include "flowlog/vpc.h"

/* JSON that says nothing of Zeek in so many lines is someone else's. */
static const uint64_t strange_lines_max = 1000;
static const uint64_t lines_per_tell = 1u << 15;
static const size_t first_line_bytes = 64u << 10;

/* The sink's failure must be told from the parser's. */
struct guard {
    const struct th_sink *sink;
    int err;
};

static int guarded_put(void *arg, const struct th_event *ev)
{
    struct guard *g = arg;
    g->err = th_sink_put(g->sink, ev);
    return g->err;
}

static void say(struct th_import_outcome *o, enum th_source_status status, const char *message)
{
    o->status = status;
    th_buf_clear(&o->message);
    th_buf_puts(&o->message, message);
}

/* A fault of the stream: what came before it counts. */
static void say_fault(struct th_import_outcome *o, int err, uint64_t at, bool anything)
{
    struct th_buf *m = &o->message;
    o->status = anything ? TH_SOURCE_PARTIAL : TH_SOURCE_UNREADABLE;
    th_buf_printf(
        m, "%s%s after %llu bytes", m->len ? "; " : "", th_strerror(err), (unsigned long long)at);
}

/* All lines through the reader. 0 at the end, else what ended it. */
static int feed_lines(struct th_stream *in, struct th_zeek *z, const struct th_import_watch *watch)
{
    struct th_zeek_result seen;
    for (uint64_t n = 1;; n++) {
        struct th_str line;
        int r = th_stream_line(in, TH_ZEEK_MAX_LINE_BYTES, &line);
        if (r == TH_E_LIMIT)
            th_zeek_long_line(z);
        else if (r <= 0)
            return r;
        else if ((r = th_zeek_line(z, line)) < 0)
            return r;
        if (n % lines_per_tell == 0)
            watch->tell(watch->arg, th_stream_consumed(in));
        if (n == strange_lines_max) {
            th_zeek_result(z, &seen);
            if (!seen.is_zeek)
                return 0;
        }
    }
}

static int import_zeek(struct th_stream *in, struct th_str name, const struct th_sink *sink,
    const struct th_import_watch *watch, struct th_import_outcome *o)
{
    struct guard guard = {.sink = sink};
    struct th_sink guarded = {.put = guarded_put, .arg = &guard};
    struct th_zeek *z __attribute__((cleanup(th_zeek_freep))) = th_zeek_new(name, &guarded);
    struct th_zeek_result got;
    int err = feed_lines(in, z, watch);
    if (guard.err < 0)
        return guard.err;
    th_zeek_result(z, &got);
    th_buf_clear(&o->format);
    th_buf_str(&o->format, got.format);
    th_buf_str(&o->message, got.message);
    if (err == TH_E_MALFORMED)
        o->status = got.events ? TH_SOURCE_PARTIAL : TH_SOURCE_UNREADABLE;
    else if (!got.is_zeek && err == 0)
        say(o, TH_SOURCE_NOT_MINE, "JSON, but neither Zeek's nor Suricata's");
    else
        o->status = got.bad_lines ? TH_SOURCE_PARTIAL : TH_SOURCE_READ;
    if (err < 0 && err != TH_E_MALFORMED)
        say_fault(o, err, th_stream_consumed(in), got.events || got.unused);
    return 0;
}

/* ---- logs of others: Suricata, VPC flow logs ---- */

struct line_reader {
    void *of;
    int (*line)(void *of, struct th_str line);
    int (*end)(void *of);
    struct th_flowlog_lines *lines;
};

static int eve_line(void *of, struct th_str line)
{
    return th_eve_line(of, line);
}

static int eve_end(void *of)
{
    return th_eve_end(of);
}

static int vpc_line(void *of, struct th_str line)
{
    return th_vpc_line(of, line);
}

static int vpc_end(void *of)
{
    return th_vpc_end(of);
}

/* 0 at the end, else what ended it. */
static int feed_reader(
    struct th_stream *in, const struct line_reader *to, const struct th_import_watch *watch)
{
    struct th_str line;
    int r;
    for (uint64_t n = 1; (r = th_stream_line(in, TH_FLOWLOG_MAX_LINE_BYTES, &line)) != 0; n++) {
        if (r == TH_E_LIMIT) {
            to->lines->lines++;
            th_flowlog_bad(to->lines, "longer than 1 MiB", th_str_c(""));
        } else if (r < 0 || (r = to->line(to->of, line)) < 0) {
            break;
        }
        if (n % lines_per_tell == 0)
            watch->tell(watch->arg, th_stream_consumed(in));
    }
    return r < 0 && r != TH_E_LIMIT ? r : 0;
}

/* Negative only for the sink. What was read before a fault is given. */
static int read_lines(struct th_stream *in, const struct line_reader *to, const struct guard *guard,
    const struct th_import_watch *watch, struct th_import_outcome *o)
{
    int err = feed_reader(in, to, watch);
    if (guard->err < 0)
        return guard->err;
    int end = to->end(to->of);
    if (end < 0)
        return end;
    th_flowlog_message(to->lines, &o->message);
    o->status = to->lines->bad_lines ? TH_SOURCE_PARTIAL : TH_SOURCE_READ;
    if (err < 0)
        say_fault(o, err, th_stream_consumed(in), to->lines->lines > 0);
    return 0;
}

static int import_eve(struct th_stream *in, const struct th_sink *sink,
    const struct th_import_watch *watch, struct th_import_outcome *o)
{
    struct guard guard = {.sink = sink};
    struct th_sink guarded = {.put = guarded_put, .arg = &guard};
    struct th_eve *e TH_CLEANUP(th_eve_freep) = th_eve_new(&guarded);
    const struct line_reader reader = {
        .of = e, .line = eve_line, .end = eve_end, .lines = th_eve_lines(e)};
    int r = read_lines(in, &reader, &guard, watch, o);
    th_buf_clear(&o->format);
    th_buf_puts(&o->format, "suricata-eve ");
    th_eve_kinds(e, &o->format);
    return r;
}

static int import_vpc(struct th_stream *in, const struct th_sink *sink,
    const struct th_import_watch *watch, struct th_import_outcome *o)
{
    struct guard guard = {.sink = sink};
    struct th_sink guarded = {.put = guarded_put, .arg = &guard};
    struct th_vpc *v TH_CLEANUP(th_vpc_freep) = th_vpc_new(&guarded);
    const struct line_reader reader = {
        .of = v, .line = vpc_line, .end = vpc_end, .lines = th_vpc_lines(v)};
    int r = read_lines(in, &reader, &guard, watch, o);
    th_buf_clear(&o->format);
    th_buf_puts(&o->format, "vpc-flow conn");
    return r;
}

/* A frame of a spool. 1: done, 0: the end, negative: damage. */
static int next_frame(struct th_stream *in, enum th_frame_type *ret_type, struct th_str *ret)
{
    uint32_t len;
    int err = th_stream_view(in, TH_FRAME_HEAD_BYTES, ret);
    if (err < 0 || ret->len == 0)
        return err;
    if (ret->len < TH_FRAME_HEAD_BYTES)
        return TH_E_TRUNCATED;
    err = th_frame_head((const uint8_t *)ret->p, ret_type, &len);
    if (err < 0)
        return err;
    err = th_stream_view(in, TH_FRAME_HEAD_BYTES + (size_t)len, ret);
    if (err < 0)
        return err;
    if (ret->len < TH_FRAME_HEAD_BYTES + len)
        return TH_E_TRUNCATED;
    ret->len = TH_FRAME_HEAD_BYTES + len;
    return 1;
}

static int put_batch(
    struct th_batch_reader *reader, struct th_str frame, uint64_t *seq, struct guard *guard)
{
    struct th_batch_head head;
    struct th_event *ev;
    int err = th_batch_open(reader, (const uint8_t *)frame.p, frame.len, &head);
    while (err == 0 && (err = th_batch_next(reader, &ev)) > 0) {
        ev->seq = (*seq)++;
        err = guarded_put(guard, ev);
    }
    return err;
}

static int import_batches(struct th_stream *in, const struct th_sink *sink,
    const struct th_import_watch *watch, struct th_import_outcome *o)
{
    struct guard guard = {.sink = sink};
    struct th_batch_reader *reader = th_batch_reader_new();
    enum th_frame_type type = TH_FRAME_EVENTS;
    struct th_str frame = {0};
    uint64_t seq = 0;
    int err;
    while ((err = next_frame(in, &type, &frame)) > 0) {
        err = type == TH_FRAME_EVENTS ? put_batch(reader, frame, &seq, &guard) : 0;
        if (err < 0)
            break;
        th_stream_consume(in, frame.len);
        watch->tell(watch->arg, th_stream_consumed(in));
    }
    th_batch_reader_free(reader);
    th_buf_clear(&o->format);
    th_buf_puts(&o->format, "thymus-batch");
    if (guard.err == 0 && err < 0)
        say_fault(o, err, th_stream_consumed(in), seq > 0);
    return guard.err;
}

/* Looks further into the file than the sniffing of formats does. */
static bool first_line_is(struct th_stream *in, bool (*is)(struct th_str head))
{
    struct th_str head;
    return th_stream_view(in, first_line_bytes, &head) >= 0 && is(head);
}

int th_import(struct th_stream *in, struct th_str name, const struct th_sink *sink,
    const struct th_import_watch *watch, struct th_import_outcome *ret)
{
    struct th_str head;
    th_buf_clear(&ret->format);
    say(ret, TH_SOURCE_READ, "");
    int err = th_stream_view(in, TH_FORMAT_SNIFF_BYTES, &head);
    if (err < 0) {
        say_fault(ret, err, 0, false);
        return 0;
    }
    enum th_format format = th_format_sniff(head);
    th_buf_puts(&ret->format, th_format_name(format));
    if (format == TH_FORMAT_JSON && first_line_is(in, th_eve_is))
        return import_eve(in, sink, watch, ret);
    if (format == TH_FORMAT_UNKNOWN && first_line_is(in, th_vpc_is))
        return import_vpc(in, sink, watch, ret);
    if (format == TH_FORMAT_ZEEK_TSV || format == TH_FORMAT_JSON)
        return import_zeek(in, name, sink, watch, ret);
    if (format == TH_FORMAT_BATCH)
        return import_batches(in, sink, watch, ret);
    /* Called like a log and without its header: the reader's words are clearer than "unknown". */
    if (format == TH_FORMAT_UNKNOWN && head.len && th_zeek_is_log_name(name))
        return import_zeek(in, name, sink, watch, ret);
    say(ret, TH_SOURCE_NOT_MINE, head.len ? "" : "the file is empty");
    return 0;
}
