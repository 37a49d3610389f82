/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server under the gateway: libmicrohttpd with GnuTLS, driven by the role's own loop,
 * without threads and without a listening socket. A request is suspended while
 * another role works on it. Every answer leaves here, with the headers that all of them have.
 */
#include <gnutls/gnutls.h>
#include <netinet/in.h>

#include "base/log.h"
#include "gateway.h"

#define POOL_BYTES (32u << 10) /* a connection's memory: header and read buffer */
#define IDLE_S 30u

static const struct {
    const char *name, *value;
} everywhere[] = {
    {"Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self'"},
    {"Strict-Transport-Security", "max-age=31536000"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Permissions-Policy",
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), usb=()"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Embedder-Policy", "require-corp"},
};

const char *gw_http_header(const struct gw_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static void add(struct MHD_Response *to, const char *name, const char *value)
{
    /* Refused are only values with line ends, and there are none. */
    if (MHD_add_response_header(to, name, value) != MHD_YES)
        th_log(
            TH_LOG_WARN, "gateway: header %s could not be set; the answer goes without it", name);
}

static void add_cookies(struct MHD_Response *to, const struct th_buf *lines)
{
    struct th_str rest = th_buf_view(lines);
    while (rest.len) {
        struct th_str line = th_str_split(&rest, '\n');
        TH_AUTOFREE char *text = th_xasprintf("%.*s", (int)line.len, line.p);
        if (line.len && th_web_is_text(line))
            add(to, MHD_HTTP_HEADER_SET_COOKIE, text);
    }
}

/* A file of the user interface: as it is or as gzip, or nothing when the client has it. */
static struct MHD_Response *file_response(struct gw_request *r)
{
    const struct th_pack_file *f = r->file;
    const char *accepted = gw_http_header(r, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    const char *has = gw_http_header(r, MHD_HTTP_HEADER_IF_NONE_MATCH);
    bool gzip = f->gzip.len && accepted && strstr(accepted, "gzip");
    struct th_str body = gzip ? f->gzip : f->content;
    char tag[40];
    snprintf(tag, sizeof(tag), "\"%s%s\"", f->tag, gzip ? "-z" : "");
    if (has && strcmp(has, tag) == 0) {
        r->status = MHD_HTTP_NOT_MODIFIED;
        body.len = 0;
    }
    /* Persistent memory is read only; the type is older than const. */
    struct MHD_Response *to =
        MHD_create_response_from_buffer(body.len, (void *)body.p, MHD_RESPMEM_PERSISTENT);
    TH_AUTOFREE char *type = th_xasprintf("%.*s", (int)f->type.len, f->type.p);
    if (!to)
        return NULL;
    add(to, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    add(to, MHD_HTTP_HEADER_ETAG, tag);
    add(to, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    if (gzip)
        add(to, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    add(to, MHD_HTTP_HEADER_CACHE_CONTROL,
        f->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    return to;
}

static struct MHD_Response *text_response(struct gw_request *r)
{
    struct MHD_Response *to =
        MHD_create_response_from_buffer(r->answer.len, r->answer.p, MHD_RESPMEM_MUST_COPY);
    if (!to)
        return NULL;
    if (r->answer.len)
        add(to, MHD_HTTP_HEADER_CONTENT_TYPE, r->type ? r->type : "application/json");
    add(to, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (r->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        add(to, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    return to;
}

static struct MHD_Response *stream_response(struct gw_request *r)
{
    struct MHD_Response *to = gw_stream_response(r->stream);
    if (!to)
        return NULL;
    add(to, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    add(to, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    add(to, MHD_HTTP_HEADER_CONNECTION, "close");
    add(to, "X-Accel-Buffering", "no"); /* a reverse proxy is not to hold it back */
    return to;
}

static struct MHD_Response *download_response(struct gw_request *r)
{
    struct MHD_Response *to = gw_download_response(r->download);
    struct th_str id = th_str_n(r->id.p, r->id.len);
    TH_AUTOFREE char *name = th_xasprintf("attachment; filename=\"%.*s%s\"", (int)id.len, id.p,
        th_str_index(id, '.') < 0 ? ".pcap" : "");
    if (!to)
        return NULL;
    add(to, MHD_HTTP_HEADER_CONTENT_TYPE, "application/vnd.tcpdump.pcap");
    add(to, MHD_HTTP_HEADER_CONTENT_DISPOSITION, name);
    add(to, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    return to;
}

static void add_allowed(struct MHD_Response *to, const struct gw_request *r)
{
    if (r->status == MHD_HTTP_METHOD_NOT_ALLOWED && r->allowed[0])
        add(to, MHD_HTTP_HEADER_ALLOW, r->allowed);
}

static enum MHD_Result send_answer(struct gw_request *r)
{
    bool flows = r->stage == GW_STREAMING;
    struct MHD_Response *to = flows && r->download ? download_response(r)
        : flows                                    ? stream_response(r)
        : r->file                                  ? file_response(r)
                                                   : text_response(r);
    if (!to)
        return MHD_NO;
    for (size_t i = 0; i < TH_ARRAY_LEN(everywhere); i++)
        add(to, everywhere[i].name, everywhere[i].value);
    add_cookies(to, &r->cookies);
    add_allowed(to, r);
    r->conn->deadline_ns = r->stage == GW_STREAMING ? 0 : r->g->mono_ns + GW_ANSWER_NS;
    if (r->stage != GW_STREAMING)
        r->stage = GW_SENT;
    enum MHD_Result queued = MHD_queue_response(r->connection, r->status, to);
    MHD_destroy_response(to);
    th_log(TH_LOG_DEBUG, "gateway: %s %.*s: %u", th_web_method_name(r->method), (int)r->path.len,
        r->path.p, r->status);
    return queued;
}

enum { MAX_DROPPED_BYTES = 4 << 20 };

/* ---- what the server calls ---- */

/* The request line is there: the request begins. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct gateway *g = cls;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct gw_request *r = th_xcalloc(1, sizeof(*r));
    r->g = g;
    r->connection = connection;
    r->conn = info ? info->socket_context : NULL;
    TH_ASSERT(r->conn);
    r->conn->request = r;
    r->target = th_xstrdup(target);
    r->began_ns = g->mono_ns;
    gw_count(g, GW_REQUESTS);
    return r;
}

static enum MHD_Result take_body(struct gw_request *r, const char *data, size_t *len)
{
    if (r->stage == GW_READING && *len > r->max_body - r->body.len) {
        gw_count(r->g, GW_TOO_LARGE);
        return MHD_NO; /* its length was not told beforehand: there is no answer in the middle */
    }
    if (r->stage == GW_READING && *len > GW_MAX_BODIES - r->g->body_bytes) {
        gw_count(r->g, GW_BUSY);
        return MHD_NO;
    }
    if (r->stage == GW_READING) {
        th_buf_put(&r->body, data, *len);
        r->g->body_bytes += *len;
    }
    *len = 0;
    return MHD_YES;
}

/* A body of a length told beforehand that is small enough to be read for nothing, and whose sender
 * does not wait to be told that it may come (RFC 9110, section 10.1.1). */
static bool drops_body(const struct gw_request *r)
{
    return !r->unclear && !gw_http_header(r, MHD_HTTP_HEADER_EXPECT) && r->declared > 0 &&
        r->declared <= MAX_DROPPED_BYTES;
}

/* What was handed on need not be kept. */
static void drop_body(struct gw_request *r)
{
    r->g->body_bytes -= r->body.len;
    th_buf_done(&r->body);
}

/* Once with the header, again for each part of the body, at its end, and when it goes on after it
 * was suspended. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_len, void **con_cls)
{
    struct gw_request *r = *con_cls;
    (void)cls, (void)connection, (void)url, (void)version;
    if (!r)
        return MHD_NO;
    if (r->stage == GW_NEW) {
        gw_route_begin(r, method);
        r->conn->deadline_ns = r->g->mono_ns + GW_BODY_NS;
        /* A refusal waits for the body that is on its way, which is dropped: closed in the middle
         * of it, the sender might never see why. Of what is far too much nothing is waited for. */
        return r->stage == GW_READY && !drops_body(r) ? send_answer(r) : MHD_YES;
    }
    if (*data_len)
        return take_body(r, data, data_len);
    if (r->stage == GW_READING) {
        r->stage = GW_WAITING;
        gw_route_dispatch(r);
        drop_body(r);
    }
    if (r->stage == GW_WAITING && !r->suspended) {
        r->suspended = true;
        r->conn->deadline_ns = 0;
        MHD_suspend_connection(r->connection);
        return MHD_YES;
    }
    if (r->stage == GW_READY)
        return send_answer(r);
    if (r->stage == GW_STREAMING && !r->stream_sent) {
        r->stream_sent = true;
        return send_answer(r);
    }
    return MHD_YES;
}

static void free_request(struct gw_request *r)
{
    if (r->ask)
        gw_ask_cancel(r->g, r->ask);
    gw_stream_end(r->stream);
    gw_download_end(r->download);
    json_decref(r->json);
    json_decref(r->user);
    th_web_query_done(&r->query);
    th_buf_done(&r->id);
    drop_body(r);
    th_buf_done(&r->answer);
    th_buf_done(&r->cookies);
    free(r->target);
    free(r);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
    enum MHD_RequestTerminationCode code)
{
    struct gateway *g = cls;
    struct gw_request *r = *con_cls;
    (void)connection, (void)code;
    *con_cls = NULL;
    if (!r)
        return;
    r->conn->request = NULL;
    r->conn->deadline_ns = g->mono_ns + g->config.header_ns;
    free_request(r);
}

/* The client's Finished has come: from here on it is somebody who can do TLS. */
static int on_handshake(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
    const gnutls_datum_t *message)
{
    struct gw_conn *c = gnutls_session_get_ptr(session);
    (void)type, (void)when, (void)message;
    if (c && incoming)
        c->handshake_done = true;
    return 0;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
    struct gateway *g = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        struct gw_conn *c = TH_TAKE(g->arriving);
        *socket_context = c;
        if (info && info->tls_session) {
            gnutls_session_set_ptr(info->tls_session, c);
            gnutls_handshake_set_hook_function(
                info->tls_session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_handshake);
        }
        return;
    }
    struct gw_conn *c = *socket_context;
    if (!c)
        return;
    if (!c->handshake_done && !g->ending)
        gw_count(g, GW_TLS_REFUSED);
    gw_door_free_conn(c);
    *socket_context = NULL;
}

void gw_http_take(struct gateway *g, struct gw_conn *c)
{
    struct sockaddr_in6 from = {.sin6_family = AF_INET6};
    memcpy(&from.sin6_addr, c->address.b, sizeof(c->address.b));
    g->arriving = c;
    /* It closes the descriptor also when it refuses, and then has not told us. */
    if (MHD_add_connection(g->http, c->fd, (struct sockaddr *)&from, sizeof(from)) != MHD_YES &&
        g->arriving)
        gw_door_free_conn(TH_TAKE(g->arriving));
}

void gw_http_ready(struct gw_request *r)
{
    if (r->stage == GW_WAITING)
        r->stage = GW_READY;
    if (!r->suspended)
        return;
    r->suspended = false;
    MHD_resume_connection(r->connection);
}

int gw_http_start(struct gateway *g)
{
    g->http = MHD_start_daemon(MHD_USE_TLS | MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
            MHD_ALLOW_SUSPEND_RESUME | MHD_USE_PEDANTIC_CHECKS,
        0, NULL, NULL, on_request, g, MHD_OPTION_HTTPS_CERT_CALLBACK, gw_tls_show,
        MHD_OPTION_HTTPS_PRIORITIES, th_tls_priorities, MHD_OPTION_CONNECTION_LIMIT,
        g->config.max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, g, MHD_OPTION_NOTIFY_COMPLETED, on_completed, g,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, g, MHD_OPTION_END);
    return g->http ? 0 : -EINVAL;
}

void gw_http_stop(struct gateway *g)
{
    if (g->http)
        MHD_stop_daemon(TH_TAKE(g->http));
}

int gw_http_fd(const struct gateway *g)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(g->http, MHD_DAEMON_INFO_EPOLL_FD);
    return info ? info->epoll_fd : -1;
}

int gw_http_timeout_ms(const struct gateway *g)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (MHD_get_timeout(g->http, &ms) != MHD_YES || ms > 200)
        return 200;
    return (int)ms;
}
