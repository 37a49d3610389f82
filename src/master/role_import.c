/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role import: logs of Zeek, Suricata and VPCs, and spools of events, as files, to sorted runs of
 * events.
 *
 * Descriptors: handoff (the inputs), spool (to be written), progress (optional).
 */
#include <inttypes.h>
#include <jansson.h>

#include "base/log.h"
#include "event/run.h"
#include "import.h"
#include "priv/inputs.h"
#include "priv/priv.h"
#include "priv/progress.h"
#include "priv/spawn.h"
#include "roles.h"

struct known_content {
    uint64_t source;
    size_t index;
};

struct importer {
    struct th_handoff *handoff;
    struct th_run_writer *runs;
    int spool_fd, progress_fd;
    size_t index;               /* input being read */
    uint64_t events;            /* of all inputs before */
    uint64_t oversize_before;   /* events too large, of all inputs before */
    struct th_source_info info; /* of the input being read */
    struct known_content *known;
    size_t known_count, known_room;
    struct th_import_outcome outcome;
};

static void report(struct importer *im, bool done, uint64_t bytes)
{
    struct th_progress p = {.input = (uint32_t)im->index,
        .done = done,
        .status = (uint8_t)im->outcome.status,
        .bytes = bytes,
        .events = im->events + im->info.events};
    if (im->progress_fd < 0)
        return;
    if (done)
        snprintf(p.text, sizeof(p.text), "%.*s", (int)im->outcome.message.len,
            im->outcome.message.len ? (const char *)im->outcome.message.p : "");
    th_progress_put(im->progress_fd, &p);
}

static void tell(void *arg, uint64_t bytes)
{
    report(arg, false, bytes);
}

static int put(void *arg, const struct th_event *ev)
{
    struct importer *im = arg;
    struct th_source_info *i = &im->info;
    i->first_ns = i->events ? TH_MIN(i->first_ns, ev->time_ns) : ev->time_ns;
    i->last_ns = i->events ? TH_MAX(i->last_ns, ev->time_ns) : ev->time_ns;
    i->events++;
    return th_run_writer_put(im->runs, ev);
}

/* To the spool, wholly. */
static int write_spool(void *arg, struct th_str bytes)
{
    const struct importer *im = arg;
    while (bytes.len) {
        ssize_t n = write(im->spool_fd, bytes.p, bytes.len);
        if (n < 0 && errno != EINTR)
            return -errno;
        bytes.p += n > 0 ? n : 0;
        bytes.len -= n > 0 ? (uint32_t)n : 0;
    }
    return 0;
}

/* Name of the input that had the same content before; NULL for none, and it is remembered. */
static const char *had_before(struct importer *im, uint64_t source)
{
    for (size_t i = 0; i < im->known_count; i++)
        if (im->known[i].source == source)
            return th_handoff_name(im->handoff, im->known[i].index);
    if (im->known_count == im->known_room) {
        im->known_room = im->known_room ? im->known_room * 2 : 64;
        im->known = th_xreallocarray(im->known, im->known_room, sizeof(*im->known));
    }
    im->known[im->known_count++] = (struct known_content){source, im->index};
    return NULL;
}

static void fail(struct importer *im, const char *why)
{
    im->outcome.status = TH_SOURCE_UNREADABLE;
    th_buf_clear(&im->outcome.format);
    th_buf_clear(&im->outcome.message);
    th_buf_puts(&im->outcome.message, why);
}

/* Reads one input, as far as it can be read. Negative only for the spool's failure. */
static int read_input(struct importer *im)
{
    struct th_stream *in TH_AUTOSTREAM = NULL;
    struct th_sink sink = {.put = put, .arg = im};
    struct th_import_watch watch = {.tell = tell, .arg = im};
    const char *name = th_handoff_name(im->handoff, im->index);
    int fd = th_handoff_open(im->handoff, im->index);
    if (fd < 0) {
        fail(im, th_input_strerror(fd));
        return 0;
    }
    int err = th_stream_open(fd, &in);
    if (err < 0) {
        fail(im, th_strerror(err));
        return 0;
    }
    err = th_import(in, th_str_c(name), &sink, &watch, &im->outcome);
    im->info.bytes = th_stream_consumed(in);
    im->info.source = th_stream_hash(in);
    return err;
}

/* Its events are in the spool already: who merges the spool leaves them out. */
static void judge_duplicate(struct importer *im)
{
    struct th_import_outcome *o = &im->outcome;
    if (o->status != TH_SOURCE_READ && o->status != TH_SOURCE_PARTIAL)
        return;
    const char *before = had_before(im, im->info.source);
    if (!before)
        return;
    o->status = TH_SOURCE_DUPLICATE;
    th_buf_clear(&o->message);
    th_buf_printf(&o->message, "same content as %s", before);
}

/* The input's last events and what became of it, to the spool. */
static int conclude(struct importer *im)
{
    struct th_buf *message = &im->outcome.message;
    struct th_buf frame TH_AUTOBUF = TH_BUF_INIT;
    int err = th_run_writer_flush(im->runs);
    uint64_t oversize = th_run_writer_oversize(im->runs) - im->oversize_before;
    if (err < 0)
        return err;
    if (oversize)
        th_buf_printf(
            message, "%s%" PRIu64 " events were too large", message->len ? "; " : "", oversize);
    im->info.status = im->outcome.status;
    im->info.format = th_buf_view(&im->outcome.format);
    im->info.message = th_buf_view(message);
    th_source_info_put(&im->info, &frame);
    return write_spool(im, th_buf_view(&frame));
}

static int import_input(struct importer *im)
{
    im->info = (struct th_source_info){.input = (uint32_t)im->index};
    im->oversize_before = th_run_writer_oversize(im->runs);
    th_buf_clear(&im->outcome.format);
    th_buf_clear(&im->outcome.message);
    int err = th_run_writer_input(im->runs, (uint32_t)im->index);
    if (err == 0)
        err = read_input(im);
    if (err < 0)
        return err;
    judge_duplicate(im);
    err = conclude(im);
    report(im, true, im->info.bytes);
    if (im->outcome.status != TH_SOURCE_DUPLICATE)
        im->events += im->info.events;
    return err;
}

static int import_all(struct importer *im)
{
    size_t count = th_handoff_count(im->handoff);
    for (im->index = 0; im->index < count; im->index++) {
        int err = import_input(im);
        if (err < 0) {
            th_log(TH_LOG_ERROR, "import: writing the spool: %s; stopped at %s", th_strerror(err),
                th_handoff_name(im->handoff, im->index));
            return err;
        }
    }
    return 0;
}

static int set_up(struct importer *im, const struct th_inherited *in)
{
    struct th_byte_sink out = {.write = write_spool, .arg = im};
    int err = th_handoff_attach(th_inherit_get(in, "handoff", 0), &im->handoff);
    if (err < 0)
        return err;
    im->spool_fd = th_inherit_get(in, "spool", 0);
    if (im->spool_fd < 0)
        return -EBADF;
    im->runs = th_run_writer_new(&out);
    im->progress_fd = th_inherit_get(in, "progress", 0);
    json_object_seed(0); /* it reads a file for that, which the lock forbids */
    return th_role_lock(TH_ROLE_IMPORT, true);
}

int role_import(int argc, char **argv)
{
    struct importer im = {.spool_fd = -1, .progress_fd = -1};
    struct th_inherited in;
    (void)argc;
    (void)argv;
    int err = th_inherit(&in);
    if (err == 0)
        err = set_up(&im, &in);
    if (err < 0)
        th_log(TH_LOG_ERROR, "import: cannot start: %s", th_strerror(err));
    else
        err = import_all(&im);
    th_run_writer_free(im.runs);
    th_handoff_detach(im.handoff);
    th_buf_done(&im.outcome.format);
    th_buf_done(&im.outcome.message);
    free(im.known);
    return err < 0 ? 1 : 0;
}
