/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "event/batch.h"
#include "out.h"

#include <stdio.h>
#include <string.h>

struct lab_spool {
    FILE *f;
    struct th_batch_writer *batch;
    struct th_buf buf;
    uint64_t source, events;
    int64_t first_ns, last_ns;
};

static void spool_free(struct lab_spool *s)
{
    if (s->f && s->f != stdout)
        fclose(s->f);
    th_batch_writer_free(s->batch);
    th_buf_done(&s->buf);
    free(s);
}

int lab_spool_open(const char *path, uint64_t source, struct lab_spool **ret)
{
    struct lab_spool *s = th_xcalloc(1, sizeof *s);
    s->f = strcmp(path, "-") == 0 ? stdout : fopen(path, "wbe");
    if (!s->f) {
        int err = -errno;
        spool_free(s);
        return err;
    }
    s->batch = th_batch_writer_new();
    s->source = source;
    *ret = s;
    return 0;
}

static int write_out(struct lab_spool *s)
{
    size_t n = fwrite(s->buf.p, 1, s->buf.len, s->f);
    int err = n == s->buf.len ? 0 : -errno;
    th_buf_clear(&s->buf);
    return err;
}

static int flush(struct lab_spool *s)
{
    if (th_batch_count(s->batch) == 0)
        return 0;
    struct th_batch_head head = {.run = 0, .complete_until_ns = s->last_ns};
    int err = th_batch_finish(s->batch, &head, &s->buf);
    return err < 0 ? err : write_out(s);
}

int lab_spool_put(struct lab_spool *s, const struct th_event *ev)
{
    if (th_batch_full(s->batch)) {
        int err = flush(s);
        if (err < 0)
            return err;
    }
    if (s->events++ == 0)
        s->first_ns = ev->time_ns;
    s->last_ns = ev->time_ns;
    return th_batch_add(s->batch, ev);
}

int lab_spool_close(struct lab_spool *s)
{
    int err = flush(s);
    struct th_source_info info = {.source = s->source,
        .events = s->events,
        .first_ns = s->first_ns,
        .last_ns = s->last_ns,
        .format = th_str_c("lab")};
    th_source_info_put(&info, &s->buf);
    if (err == 0)
        err = write_out(s);
    if (fflush(s->f) != 0 && err == 0)
        err = -errno;
    spool_free(s);
    return err;
}
