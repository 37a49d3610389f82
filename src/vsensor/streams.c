/* SPDX-License-Identifier: Apache-2.0 */
#include "streams.h"

#include "base/mem.h"
#include "messages.h"

static const int64_t max_behind_ns = TH_STREAM_MAX_BEHIND_MS * TH_NS_PER_MS;
static const int64_t max_ahead_ns = TH_STREAM_MAX_AHEAD_MS * TH_NS_PER_MS;

struct stream {
    uint64_t id;
    struct th_stream *bytes;    /* NULL: no stream here */
    struct th_capture *capture; /* NULL: its head is not here yet */
    char name[80];
};

struct th_streams {
    const struct th_streams_ops *ops;
    void *arg;
    struct stream v[TH_STREAMS_MAX];
    struct th_streams_counts counts;
};

struct th_streams *th_streams_new(const struct th_streams_ops *ops, void *arg)
{
    struct th_streams *s = th_xcalloc(1, sizeof(*s));
    s->ops = ops;
    s->arg = arg;
    return s;
}

static void close_stream(struct th_streams *s, struct stream *x)
{
    th_capture_free(x->capture);
    th_stream_free(x->bytes);
    *x = (struct stream){0};
    s->counts.now--;
}

void th_streams_drop(struct th_streams *s)
{
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++)
        if (s->v[i].bytes)
            close_stream(s, &s->v[i]);
}

void th_streams_free(struct th_streams *s)
{
    if (!s)
        return;
    th_streams_drop(s);
    free(s);
}

const struct th_streams_counts *th_streams_counts(const struct th_streams *s)
{
    return &s->counts;
}

static struct stream *find(struct th_streams *s, uint64_t id)
{
    for (unsigned i = 0; i < TH_STREAMS_MAX; i++)
        if (s->v[i].bytes && s->v[i].id == id)
            return &s->v[i];
    return NULL;
}

static void stop(struct th_streams *s, struct stream *x, const char *why)
{
    char text[400];
    snprintf(text, sizeof(text), "%s\n%s", x->name, why);
    s->counts.broken++;
    s->ops->stop(s->arg, x->id, text);
    close_stream(s, x);
}

static void begin(struct th_streams *s, uint64_t id, struct th_str name)
{
    struct stream *x = NULL;
    for (unsigned i = 0; !x && i < TH_STREAMS_MAX; i++)
        x = s->v[i].bytes ? NULL : &s->v[i];
    if (!x || find(s, id)) { /* no role of ours does that */
        s->counts.broken++;
        s->ops->stop(s->arg, id, "\nthere are too many");
        return;
    }
    *x = (struct stream){.id = id, .bytes = th_stream_fed()};
    snprintf(x->name, sizeof(x->name), "%.*s", (int)name.len, name.p);
    s->counts.now++;
}

static int take_packet(
    struct th_streams *s, const struct stream *x, struct th_record *record, int64_t now_ns)
{
    bool retimed =
        record->time_ns < now_ns - max_behind_ns || record->time_ns > now_ns + max_ahead_ns;
    record->time_ns = retimed ? now_ns : TH_MIN(record->time_ns, now_ns);
    s->counts.packets++;
    s->counts.retimed += retimed;
    int r = s->ops->packet(s->arg, (unsigned)(x - s->v), record, retimed);
    if (r != TH_E_UNSUPPORTED_LINKTYPE)
        return r;
    s->counts.unreadable++;
    return 0;
}

/* All that has come. After it the capture waits for more, or the stream is closed. */
static int drain(struct th_streams *s, struct stream *x, int64_t now_ns)
{
    struct th_record record;
    int r = x->capture ? 0 : th_capture_open(x->bytes, &x->capture);
    if (r < 0 && r != -EAGAIN)
        stop(s, x, "it is no capture (pcap or pcapng)");
    if (r < 0)
        return 0;
    while ((r = th_capture_next(x->capture, &record)) > 0) {
        int err = take_packet(s, x, &record, now_ns);
        if (err < 0)
            return err;
    }
    if (r < 0 && r != -EAGAIN)
        stop(s, x, th_capture_message(x->capture));
    return 0;
}

/* One that ends in the middle of a packet is damaged as well. */
static int end(struct th_streams *s, struct stream *x, int64_t now_ns)
{
    uint64_t id = x->id;
    th_stream_end(x->bytes);
    int r = drain(s, x, now_ns);
    x = find(s, id);
    if (x)
        close_stream(s, x);
    return r;
}

int th_streams_take(struct th_streams *s, const struct th_ipc_message *m, int64_t now_ns)
{
    if (m->type == TH_SENSOR_STREAM_BEGIN) {
        begin(s, m->id, m->body);
        return 0;
    }
    struct stream *x = find(s, m->id);
    if (!x)
        return 0; /* closed: what was under way still comes */
    if (m->type == TH_SENSOR_STREAM_END)
        return end(s, x, now_ns);
    if (m->type != TH_SENSOR_STREAM_BYTES)
        return 0;
    th_stream_feed(x->bytes, m->body);
    return drain(s, x, now_ns);
}
