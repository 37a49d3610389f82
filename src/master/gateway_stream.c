/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live streams (server-sent events, HTML standard 9.2): what store notices and a pulse each
 * second, to every browser that watches. A stream that does not keep up is ended; the browser
 * comes again and asks anew. From time to time state is asked whether the session still holds.
 */
#include "gateway.h"

#define MAX_WAITING (256u << 10) /* bytes that a browser may be behind */
#define MAX_EVENT (64u << 10)
#define BLOCK_BYTES (16u << 10)

struct gw_stream {
    struct gw_stream *next, *prev;
    struct gw_request *request;
    struct th_buf waiting;
    size_t sent; /* of waiting */
    char session[80];
    char *authorise; /* the question whether the session holds */
    uint64_t ask;
    int64_t checked_ns;
    bool idle;   /* suspended: everything was sent */
    bool ending; /* nothing more comes */
};

struct gw_streams {
    struct gw_stream head;
    unsigned count;
};

struct gw_streams *gw_streams_new(struct gateway *g)
{
    struct gw_streams *s = th_xcalloc(1, sizeof(*s));
    (void)g;
    s->head.next = s->head.prev = &s->head;
    return s;
}

void gw_streams_free(struct gw_streams *s)
{
    free(s);
}

unsigned gw_streams_count(const struct gateway *g)
{
    return g->streams->count;
}

static void wake(struct gw_stream *s)
{
    if (!s->idle)
        return;
    s->idle = false;
    MHD_resume_connection(s->request->connection);
}

static void finish(struct gw_stream *s)
{
    s->ending = true;
    wake(s);
}

static void put(struct gw_stream *s, struct th_str name, struct th_str json)
{
    if (s->ending)
        return;
    if (s->waiting.len - s->sent + json.len > MAX_WAITING) {
        gw_count(s->request->g, GW_STREAMS_DROPPED);
        finish(s);
        return;
    }
    th_buf_printf(&s->waiting, "event: %.*s\ndata: ", (int)name.len, name.p);
    th_buf_str(&s->waiting, json);
    th_buf_puts(&s->waiting, "\n\n");
    wake(s);
}

bool gw_stream_begin(struct gw_request *r)
{
    struct gw_streams *all = r->g->streams;
    const char *session = json_string_value(json_object_get(r->user, "session"));
    unsigned same = 0;
    for (struct gw_stream *s = all->head.next; s != &all->head; s = s->next)
        same += session && strcmp(s->session, session) == 0;
    if (!session || same >= GW_STREAMS_PER_SESSION || all->count >= GW_MAX_STREAMS)
        return false;
    struct gw_stream *s = th_xcalloc(1, sizeof(*s));
    s->request = r;
    s->checked_ns = r->g->mono_ns;
    s->authorise = gw_authorise_text(r);
    snprintf(s->session, sizeof(s->session), "%s", session);
    s->next = &all->head;
    s->prev = all->head.prev;
    s->prev->next = s->next->prev = s;
    all->count++;
    th_buf_puts(&s->waiting, "retry: 2000\n\n");
    r->stream = s;
    return true;
}

void gw_stream_end(struct gw_stream *s)
{
    if (!s)
        return;
    struct gateway *g = s->request->g;
    if (s->ask)
        gw_ask_cancel(g, s->ask);
    s->prev->next = s->next;
    s->next->prev = s->prev;
    g->streams->count--;
    th_buf_done(&s->waiting);
    free(s->authorise);
    free(s);
}

/* The HTTP server takes what waits; with nothing there the connection sleeps. */
static ssize_t give(void *arg, uint64_t at, char *to, size_t max)
{
    struct gw_stream *s = arg;
    size_t n = TH_MIN(s->waiting.len - s->sent, max);
    (void)at;
    if (n == 0) {
        if (s->ending)
            return MHD_CONTENT_READER_END_OF_STREAM;
        s->idle = true;
        MHD_suspend_connection(s->request->connection);
        return 0;
    }
    memcpy(to, s->waiting.p + s->sent, n);
    s->sent += n;
    if (s->sent == s->waiting.len) {
        th_buf_clear(&s->waiting);
        s->sent = 0;
    }
    return (ssize_t)n;
}

struct MHD_Response *gw_stream_response(struct gw_stream *s)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, give, s, NULL);
}

/* A line's end would begin something else in the stream. */
static bool is_one_line(struct th_str s)
{
    return s.len > 0 && th_str_index(s, '\n') < 0 && th_str_index(s, '\r') < 0;
}

void gw_streams_tell(struct gateway *g, struct th_str name, struct th_str json)
{
    struct gw_streams *all = g->streams;
    if (!is_one_line(name) || !is_one_line(json) || json.len > MAX_EVENT)
        return;
    for (struct gw_stream *s = all->head.next; s != &all->head; s = s->next)
        put(s, name, json);
}

static void on_checked(void *arg, const struct gw_answer *a)
{
    struct gw_stream *s = arg;
    s->ask = 0;
    /* State being away says nothing about the session. */
    if (a->err == 0 && a->status != MHD_HTTP_OK)
        finish(s);
}

void gw_streams_turn(struct gateway *g)
{
    struct gw_streams *all = g->streams;
    for (struct gw_stream *s = all->head.next; s != &all->head; s = s->next) {
        if (g->ending)
            finish(s);
        if (s->ask || s->ending || g->mono_ns - s->checked_ns < g->config.check_ns)
            continue;
        s->checked_ns = g->mono_ns;
        s->ask = gw_ask(g, GW_EDGE_STATE, TH_MSG_REQUEST, th_str_c(s->authorise), on_checked, s);
    }
}
