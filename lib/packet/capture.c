/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/capture.h"

#include <inttypes.h>
#include <stdarg.h>

#include "capture_priv.h"

#define PCAPNG_MAGIC 0x0a0d0d0au

int th_capture_fill(struct th_capture *c, size_t n)
{
    th_stream_consume(c->s, c->pos);
    c->win_at += c->pos;
    c->pos = 0;
    c->win = (struct th_str){.p = "", .len = 0};
    int r = th_stream_view(c->s, n, &c->win);
    if (r < 0)
        return r;
    if (c->win.len >= n)
        return 1;
    int fault = th_stream_fault(c->s);
    if (fault)
        return fault;
    return c->win.len == 0 ? 0 : TH_E_TRUNCATED;
}

int th_capture_fail(struct th_capture *c, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->message, sizeof(c->message), fmt, ap);
    va_end(ap);
    c->failed = err;
    return err;
}

const char *th_capture_number(uint64_t v, char out[32])
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%" PRIu64, v);
    int o = 0;
    for (int i = 0; i < n; i++) {
        out[o++] = digits[i];
        if ((n - 1 - i) % 3 == 0 && i != n - 1)
            out[o++] = ',';
    }
    out[o] = '\0';
    return out;
}

int th_capture_fail_read(struct th_capture *c, int err, const char *what)
{
    char record[32];
    char at[32];
    if (err == -EAGAIN)
        return err; /* of a fed stream: nothing was taken, the same is asked again */
    th_capture_number(c->records + 1, record);
    th_capture_number(th_capture_offset(c), at);
    if (err == 0 || err == TH_E_TRUNCATED)
        return th_capture_fail(c, TH_E_TRUNCATED,
            "the file ends inside %s of record %s at byte %s; the records before it were read",
            what, record, at);
    return th_capture_fail(c, err, "reading %s of record %s at byte %s failed: %s", what, record,
        at, th_strerror(err));
}

void th_capture_lengths(
    struct th_capture *c, uint32_t cap_len, uint32_t wire_len, struct th_record *ret)
{
    ret->cap_len = cap_len;
    ret->wire_len = wire_len;
    ret->wire_clamped = false;
    if (__builtin_expect(wire_len - cap_len > TH_CAPTURE_MAX_RECORD, 0)) {
        /* Less than captured is a slip of the writer; far more is a lie. */
        ret->wire_clamped = wire_len > cap_len;
        ret->wire_len = cap_len;
        c->clamped += ret->wire_clamped;
    }
}

int th_capture_open(struct th_stream *s, struct th_capture **ret)
{
    struct th_capture *c = th_xcalloc(1, sizeof(*c));
    c->s = s;
    int r = th_capture_need(c, 4);
    if (r == 1) {
        struct th_cur cur = th_cur_init(th_capture_at(c), 4);
        uint32_t magic = th_cur_be32(&cur);
        r = magic == PCAPNG_MAGIC ? th_pcapng_open(c) : th_pcap_open(c, magic);
    } else if (r == 0 || r == TH_E_TRUNCATED) {
        r = TH_E_UNKNOWN_FORMAT;
    }
    if (r < 0) {
        th_capture_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

void th_capture_free(struct th_capture *c)
{
    if (!c)
        return;
    free(c->ifaces);
    free(c);
}

int th_capture_next(struct th_capture *c, struct th_record *ret)
{
    if (c->failed)
        return c->failed;
    int r = c->next(c, ret);
    if (__builtin_expect(r == 1, 1)) {
        c->records++;
        c->last_ns = ret->time_ns;
    }
    return r;
}

bool th_capture_ready(const struct th_capture *c)
{
    return !c->failed && c->ready(c);
}

const char *th_capture_message(const struct th_capture *c)
{
    return c->message;
}

const char *th_capture_format(const struct th_capture *c)
{
    return c->format;
}

uint64_t th_capture_records(const struct th_capture *c)
{
    return c->records;
}

uint64_t th_capture_clamped(const struct th_capture *c)
{
    return c->clamped;
}
