/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_events FILE TIME_NS: a spool of events of every kind, every field of which that can hold
 * text holds what wants to run, to break out of its place, or to burst it. The word "hostilemark"
 * stands in each, so that a search finds them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "event/batch.h"
#include "sample_events.h"

static const char *const texts[] = {
    "hostilemark<img src=x onerror=\"window.__ran++\"><script>window.__ran++</script>",
    "hostilemark'-->\"]]>`${window.__ran++}{{7*7}}</textarea></style></script>",
    "javascript:window.__ran++//hostilemark",
    "hostilemark \xe2\x80\xaegnp.exe\xe2\x80\xac \x1b[31m \x07",
    "hostilemark\"},{\"id\":\"x",
    "hostilemark' OR 1=1; DROP TABLE conn;--",
    "hostilemark \xff\xfe\x80 broken",
};

/* A text longer than any screen: the last of the rows. */
static char long_text[10000];

static struct th_str text_of(unsigned row)
{
    return row < TH_ARRAY_LEN(texts) ? th_str_c(texts[row]) : th_str_c(long_text);
}

/* Puts the row's text into every text field of the event, which is a copy in the arena. */
static void spoil(struct th_arena *a, struct th_event *ev, unsigned row)
{
    const struct th_kind_info *k = th_kind_get(ev->kind);
    for (unsigned i = 0; i < k->field_count; i++) {
        const struct th_field_info *f = &k->fields[i];
        uint8_t *at = (uint8_t *)ev + f->offset;
        struct th_str text = text_of(row);
        if (f->type == TH_TYPE_STRING) {
            memcpy(at, &text, sizeof(text));
        } else if (f->type == TH_TYPE_STRINGS) {
            struct th_str *v = th_arena_alloc(a, 2 * sizeof(*v));
            v[0] = v[1] = text;
            struct th_strs list = {.v = v, .n = 2};
            memcpy(at, &list, sizeof(list));
        } else if (f->type == TH_TYPE_TIME) {
            memcpy(at, &ev->time_ns, sizeof(ev->time_ns));
        } else {
            continue;
        }
        ev->set |= UINT64_C(1) << i;
    }
}

static int add(struct th_batch_writer *w, const struct th_event *ev, struct th_buf *out)
{
    struct th_batch_head head = {.complete_until_ns = ev->time_ns};
    int r = th_batch_full(w) ? th_batch_finish(w, &head, out) : 0;
    return r < 0 ? r : th_batch_add(w, ev);
}

static int fill(struct th_batch_writer *w, struct th_arena *a, int64_t time_ns, struct th_buf *out)
{
    for (unsigned row = 0; row <= TH_ARRAY_LEN(texts); row++) {
        for (unsigned kind = 0; kind < TH_KIND_COUNT; kind++) {
            if (!th_kind_get(kind) || kind == TH_KIND_METRIC)
                continue;
            struct th_event *ev = sample_full(a, kind, row, false);
            ev->time_ns = time_ns + row * TH_NS_PER_S;
            ev->seq = 0;
            spoil(a, ev, row);
            int r = add(w, ev, out);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct th_arena a = {0};
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    int64_t time_ns = argc == 3 ? strtoll(argv[2], NULL, 10) : 0;
    if (argc != 3 || time_ns <= 0)
        return fprintf(stderr, "usage: hostile_events FILE TIME_NS\n"), 2;
    memset(long_text, 'A', sizeof(long_text) - 1);
    memcpy(long_text, "hostilemark", 11);
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_batch_head head = {.complete_until_ns = time_ns};
    int r = fill(w, &a, time_ns, &out);
    if (r == 0)
        r = th_batch_finish(w, &head, &out);
    TH_AUTOCLOSE int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (r == 0)
        r = fd < 0 ? -errno : th_fd_write(fd, th_buf_view(&out));
    if (r < 0)
        fprintf(stderr, "hostile_events: %s\n", th_strerror(r));
    th_batch_writer_free(w);
    th_arena_done(&a);
    return r < 0;
}
