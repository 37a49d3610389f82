/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads of packets: state has the file and gives it piece by piece; one piece of each download
 * is here, and the next is asked for when the client has taken it. Each piece is asked for in the
 * name of the session, so that a download ends with it.
 */
#include "base/cursor.h"
#include "gateway.h"

#define BLOCK_BYTES (64u << 10)

struct gw_download {
    struct gw_request *request;
    struct th_buf piece;
    size_t sent;          /* of the piece */
    uint64_t total, next; /* bytes in all; where to read on, 0: nowhere */
    uint64_t ask;         /* 0: none is out */
    bool begun, failed;
};

static struct gw_download **slot_of(struct gateway *g, const struct gw_download *d)
{
    for (unsigned i = 0; i < GW_MAX_DOWNLOADS; i++)
        if (g->downloads[i] == d)
            return &g->downloads[i];
    return NULL;
}

/* False: it is no such answer. */
static bool take_piece(struct gw_download *d, struct th_str body)
{
    struct th_cur c = th_cur_init(body.p, body.len);
    d->total = th_cur_le64(&c);
    d->next = th_cur_le64(&c);
    th_buf_clear(&d->piece);
    d->sent = 0;
    th_buf_str(&d->piece, th_cur_bytes(&c, th_cur_left(&c)));
    return !c.failed;
}

static void wake(struct gw_download *d)
{
    struct gw_request *r = d->request;
    if (d->begun) {
        MHD_resume_connection(r->connection);
        return;
    }
    d->begun = true;
    r->status = MHD_HTTP_OK;
    r->stage = GW_STREAMING;
    gw_http_ready(r);
}

static void on_piece(void *arg, const struct gw_answer *a)
{
    struct gw_download *d = arg;
    bool good = a->err == 0 && a->status == MHD_HTTP_OK && take_piece(d, a->body);
    d->ask = 0;
    if (!d->begun && d->request->stage != GW_WAITING)
        return; /* its client is gone, and it was answered for that */
    if (good || d->begun) {
        d->failed = !good; /* in the middle there is no other way to say so than to end */
        wake(d);
    } else if (a->err == 0 && a->status != MHD_HTTP_OK) {
        gw_answer_json(d->request, a->status, a->body);
    } else {
        gw_answer_failure(d->request, a->err ? a->err : TH_E_MALFORMED, GW_EDGE_STATE);
    }
}

static bool ask_for_piece(struct gw_download *d)
{
    char at[24];
    struct gw_request *r = d->request;
    json_t *j = gw_request_json(r, "packets_file");
    snprintf(at, sizeof(at), "%llu", (unsigned long long)d->next);
    json_object_set_new(j, "path", json_pack("{s:s%}", "id", r->id.p, r->id.len));
    json_object_set_new(j, "params", json_pack("{s:s}", "at", at));
    json_object_set(j, "user", r->user);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    TH_ASSERT(text);
    d->ask = gw_ask(r->g, GW_EDGE_STATE, TH_MSG_REQUEST, th_str_c(text), on_piece, d);
    free(text);
    return d->ask != 0;
}

void gw_download_begin(struct gw_request *r)
{
    struct gw_download **slot = slot_of(r->g, NULL);
    if (!slot) {
        gw_count(r->g, GW_BUSY);
        gw_answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
            "As many downloads of packets run as may. Try again when one has ended.");
        return;
    }
    struct gw_download *d = th_xcalloc(1, sizeof(*d));
    d->request = r;
    r->download = *slot = d;
    if (!ask_for_piece(d))
        gw_answer_failure(r, -ENOTCONN, GW_EDGE_STATE);
}

void gw_download_end(struct gw_download *d)
{
    if (!d)
        return;
    struct gateway *g = d->request->g;
    if (d->ask)
        gw_ask_cancel(g, d->ask);
    *slot_of(g, d) = NULL;
    th_buf_done(&d->piece);
    free(d);
}

void gw_downloads_stop(struct gateway *g)
{
    for (unsigned i = 0; i < GW_MAX_DOWNLOADS; i++) {
        struct gw_download *d = g->downloads[i];
        if (!d || !d->begun || !d->ask)
            continue;
        gw_ask_cancel(g, d->ask);
        d->ask = 0;
        d->failed = true;
        wake(d);
    }
}

/* The HTTP server takes what is there; when that is all, it sleeps until the next piece came. */
static ssize_t give(void *arg, uint64_t at, char *to, size_t max)
{
    struct gw_download *d = arg;
    size_t n = TH_MIN(d->piece.len - d->sent, max);
    (void)at;
    if (d->failed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (n == 0) {
        if (d->next == 0)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (!ask_for_piece(d))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        MHD_suspend_connection(d->request->connection);
        return 0;
    }
    memcpy(to, d->piece.p + d->sent, n);
    d->sent += n;
    return (ssize_t)n;
}

struct MHD_Response *gw_download_response(struct gw_download *d)
{
    return MHD_create_response_from_callback(d->total, BLOCK_BYTES, give, d, NULL);
}
