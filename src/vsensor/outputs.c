/* SPDX-License-Identifier: Apache-2.0 */
#include "outputs.h"

#include "base/fd.h"
#include "event/json.h"
#include "event/run.h"

static const size_t json_flush_bytes = 64 * 1024;

/* A descriptor with lines that wait for it. */
struct stream {
    int fd; /* -1: none */
    struct th_buf lines;
};

struct th_outputs {
    int spool;
    struct th_run_writer *runs;
    struct th_sorter *sorter; /* JSON */
    struct stream all;
    struct stream kinds[TH_KIND_COUNT];
};

static int write_spool(void *arg, struct th_str bytes)
{
    const struct th_outputs *o = arg;
    return th_fd_write(o->spool, bytes);
}

static int flush_stream(struct stream *s)
{
    int r = s->lines.len ? th_fd_write(s->fd, th_buf_view(&s->lines)) : 0;
    th_buf_clear(&s->lines);
    return r;
}

/* The sorter's sink: one line, to the stream of all or of its kind. */
static int put_json(void *arg, const struct th_event *ev)
{
    struct th_outputs *o = arg;
    struct stream *s = o->all.fd >= 0 ? &o->all : &o->kinds[ev->kind];
    if (s->fd < 0)
        return 0;
    th_event_json(ev, s == &o->all ? TH_EVENT_JSON_PATH : 0, &s->lines);
    th_buf_u8(&s->lines, '\n');
    return s->lines.len >= json_flush_bytes ? flush_stream(s) : 0;
}

/* The descriptors of "json.KIND"; true when there is one. */
static bool find_kinds(struct th_outputs *o, const struct th_inherited *in)
{
    bool found = false;
    for (unsigned k = 0; k < TH_KIND_COUNT; k++) {
        char tag[64];
        const struct th_kind_info *info = th_kind_get(k);
        o->kinds[k].fd = -1;
        if (!info)
            continue;
        snprintf(tag, sizeof(tag), "json.%s", info->name);
        o->kinds[k].fd = th_inherit_get(in, tag, 0);
        found |= o->kinds[k].fd >= 0;
    }
    return found;
}

struct th_outputs *th_outputs_new(const struct th_inherited *in)
{
    struct th_outputs *o = th_xcalloc(1, sizeof(*o));
    o->spool = th_inherit_get(in, "spool", 0);
    o->all.fd = th_inherit_get(in, "json", 0);
    bool kinds = find_kinds(o, in);
    if (o->spool >= 0) {
        struct th_byte_sink out = {.write = write_spool, .arg = o};
        o->runs = th_run_writer_new(&out);
    } else if (o->all.fd >= 0 || kinds) {
        struct th_sink out = {.put = put_json, .arg = o};
        o->sorter = th_sorter_new(0, 0, &out);
    } else {
        th_outputs_free(o);
        return NULL;
    }
    return o;
}

void th_outputs_free(struct th_outputs *o)
{
    if (!o)
        return;
    th_run_writer_free(o->runs);
    th_sorter_free(o->sorter);
    th_buf_done(&o->all.lines);
    for (unsigned k = 0; k < TH_KIND_COUNT; k++)
        th_buf_done(&o->kinds[k].lines);
    free(o);
}

int th_outputs_input(struct th_outputs *o, uint32_t input)
{
    return o->runs ? th_run_writer_input(o->runs, input) : th_sorter_flush(o->sorter);
}

int th_outputs_put(struct th_outputs *o, const struct th_event *ev)
{
    return o->runs ? th_run_writer_put(o->runs, ev) : th_sorter_put(o->sorter, ev);
}

int th_outputs_source(struct th_outputs *o, const struct th_source_info *info)
{
    if (!o->runs)
        return 0; /* the parent says it */
    int r = th_run_writer_flush(o->runs);
    if (r < 0)
        return r;
    TH_AUTOBUF struct th_buf frame = TH_BUF_INIT;
    th_source_info_put(info, &frame);
    return th_fd_write(o->spool, th_buf_view(&frame));
}

int th_outputs_flush(struct th_outputs *o)
{
    if (o->runs)
        return th_run_writer_flush(o->runs);
    int r = th_sorter_flush(o->sorter);
    if (r == 0 && o->all.fd >= 0)
        r = flush_stream(&o->all);
    for (unsigned k = 0; r == 0 && k < TH_KIND_COUNT; k++)
        if (o->kinds[k].fd >= 0)
            r = flush_stream(&o->kinds[k]);
    return r;
}
