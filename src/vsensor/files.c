/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "priv/inputs.h"

void th_file_close(struct th_open_capture *c)
{
    th_capture_free(c->capture);
    th_stream_free(c->stream);
    *c = (struct th_open_capture){0};
}

static void say(struct th_file *file, uint32_t status, const char *message)
{
    file->status = status;
    snprintf(file->message, sizeof(file->message), "%s", message);
}

static bool is_regular(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Opens the input and reads its first packet. ret_regular: it can be opened again. */
static int open_input(
    struct th_file *file, struct th_handoff *h, struct th_open_capture *ret, bool *ret_regular)
{
    struct th_open_capture c = {0};
    int fd = th_handoff_open(h, file->input);
    if (fd < 0) {
        say(file, TH_SOURCE_UNREADABLE, th_input_strerror(fd));
        return fd;
    }
    *ret_regular = is_regular(fd);
    int r = th_stream_open(fd, &c.stream);
    if (r == 0)
        r = th_capture_open(c.stream, &c.capture);
    if (r < 0) {
        if (r == TH_E_UNKNOWN_FORMAT)
            say(file, TH_SOURCE_NOT_MINE, "not a capture file (pcap or pcapng)");
        else
            say(file, TH_SOURCE_UNREADABLE, th_strerror(r));
        th_file_close(&c);
        return r;
    }
    c.next = th_capture_next(c.capture, &c.record);
    *ret = c;
    return 0;
}

int th_file_open(struct th_file *file, struct th_handoff *h, struct th_open_capture *ret)
{
    bool regular;
    if (!file->open.stream)
        return open_input(file, h, ret, &regular);
    *ret = file->open;
    file->open = (struct th_open_capture){0};
    return 0;
}

/* What an input is: its status, format and first packet's time. */
static void look(struct th_file *file, struct th_handoff *h)
{
    struct th_open_capture c;
    bool regular = true;
    if (open_input(file, h, &c, &regular) < 0)
        return;
    const char *packed = th_stream_compression(c.stream);
    snprintf(file->format, sizeof(file->format), "%s%s%s", th_capture_format(c.capture),
        *packed ? ", " : "", packed);
    if (c.next < 0)
        say(file, TH_SOURCE_UNREADABLE, th_capture_message(c.capture));
    else if (c.next > 0)
        file->first_ns = c.record.time_ns;
    if (regular || c.next <= 0)
        th_file_close(&c);
    else
        file->open = c;
}

static int by_time(const void *a, const void *b)
{
    const struct th_file *x = a;
    const struct th_file *y = b;
    bool mine[2] = {x->status == TH_SOURCE_READ, y->status == TH_SOURCE_READ};
    if (mine[0] != mine[1])
        return mine[0] ? -1 : 1;
    if (mine[0] && x->first_ns != y->first_ns)
        return x->first_ns < y->first_ns ? -1 : 1;
    if (mine[0] && x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->input > y->input) - (x->input < y->input);
}

/* Reads a file to its end for nothing but its content's hash. */
static void hash_file(struct th_file *file, struct th_handoff *h)
{
    struct th_stream *s = NULL;
    struct th_str view;
    int fd = th_handoff_open(h, file->input);
    int r = fd < 0 ? fd : th_stream_open(fd, &s);
    while (r == 0 && (r = th_stream_view(s, 1, &view)) >= 0 && view.len > 0)
        th_stream_consume(s, view.len);
    if (s)
        file->hash = th_stream_hash(s);
    th_stream_free(s);
}

/* Only files whose first packets have the same time can have the same content: these are hashed,
 * which gives them an order too. Of equal ones the first is read. */
static void settle_ties(struct th_files *f, struct th_handoff *h)
{
    for (size_t i = 0; i < f->readable; i++) {
        bool tie = (i > 0 && f->v[i - 1].first_ns == f->v[i].first_ns) ||
            (i + 1 < f->readable && f->v[i + 1].first_ns == f->v[i].first_ns);
        if (tie && !f->v[i].open.stream)
            hash_file(&f->v[i], h);
    }
    qsort(f->v, f->readable, sizeof(*f->v), by_time);
    for (size_t i = 1, kept = 0; i < f->readable; i++) {
        if (f->v[i].hash && f->v[i].hash == f->v[kept].hash &&
            f->v[i].first_ns == f->v[kept].first_ns)
            say(&f->v[i], TH_SOURCE_DUPLICATE, "the same content as another input, read once");
        else
            kept = i;
    }
}

static void count_readable(struct th_files *f)
{
    qsort(f->v, f->count, sizeof(*f->v), by_time);
    f->readable = 0;
    while (f->readable < f->count && f->v[f->readable].status == TH_SOURCE_READ)
        f->readable++;
}

void th_files_find(struct th_files *f, struct th_handoff *h)
{
    f->count = th_handoff_count(h);
    f->v = th_xcalloc(f->count + 1, sizeof(*f->v));
    for (size_t i = 0; i < f->count; i++) {
        f->v[i] = (struct th_file){.input = (uint32_t)i, .first_ns = INT64_MAX};
        look(&f->v[i], h);
    }
    count_readable(f);
    settle_ties(f, h);
    count_readable(f);
}

void th_files_done(struct th_files *f)
{
    for (size_t i = 0; i < f->count; i++)
        th_file_close(&f->v[i].open);
    free(f->v);
    *f = (struct th_files){0};
}
