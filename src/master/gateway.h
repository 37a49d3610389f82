/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role gateway, inside: what its files share. The role holds no data. A connection comes in at
 * the door (gateway_door.c), which looks at its first bytes; TLS and HTTP are libmicrohttpd's
 * (gateway_http.c), the certificate gateway_tls.c's; a request is judged and handed on
 * (gateway_route.c, gateway_link.c), waits suspended for the answer of the role that owns it
 * (gateway_ask.c), and is answered. What is live goes out over streams (gateway_stream.c), packets
 * piece by piece (gateway_packets.c); what all roles say of themselves is System Status
 * (gateway_status.c); the user interface lies packed in memory (gateway_ui.c).
 *
 * One thread, one poll loop: nothing here waits. Times are the loop's: now_ns (wall clock) and
 * mono_ns (monotonic, for time limits).
 */
#ifndef TH_MASTER_GATEWAY_H
#define TH_MASTER_GATEWAY_H

#include <jansson.h>
#include <microhttpd.h>

#include "base/addr.h"
#include "base/json.h"
#include "base/time.h"
#include "crypto/tls.h"
#include "messages.h"
#include "priv/edge.h"
#include "role_args.h"
#include "web/api.h"
#include "web/pack.h"
#include "web/request.h"

#define GW_MAX_QUERIES 8u
#define GW_MAX_PROXIES 16u
#define GW_MAX_LISTEN 16u
#define GW_MAX_HEADER (16u << 10)
#define GW_MAX_BATCH ((1u << 20) + (64u << 10)) /* an envelope with its head */
#define GW_BODY_NS (120 * TH_NS_PER_S)          /* until its body is there */
#define GW_ANSWER_NS (300 * TH_NS_PER_S)        /* until the answer is taken */
#define GW_MAX_BODIES (64u << 20)               /* bytes of bodies held, of all requests */
#define GW_MAX_BODIES_AN_ADDRESS (24u << 20)
#define GW_MAX_STREAMS 256u
#define GW_MAX_DOWNLOADS 16u
#define GW_PACKETS_PATH "/link/v1/packets/"
#define GW_STREAMS_PER_SESSION 4u

enum gw_edge { GW_EDGE_STATE, GW_EDGE_STORE, GW_EDGE_INTAKE, GW_EDGE_QUERY /* and following */ };
#define GW_EDGE_COUNT (GW_EDGE_QUERY + GW_MAX_QUERIES)

/* What the gateway refused or did, for status; names in gateway_status.c. */
enum gw_counter {
    GW_CONNECTIONS,
    GW_REQUESTS,
    GW_PLAIN_HTTP,
    GW_TLS_REFUSED,
    GW_NOT_TLS,
    GW_BAD_PROXY,
    GW_TOO_MANY,
    GW_TOO_SLOW,
    GW_TOO_LARGE,
    GW_MALFORMED,
    GW_CROSS_SITE,
    GW_NO_SESSION,
    GW_NO_RIGHT,
    GW_TIMED_OUT,
    GW_ROLE_DOWN,
    GW_STREAMS_DROPPED,
    GW_BUSY,
    GW_COUNTER_COUNT
};

struct gw_config {
    struct th_role_args args;
    unsigned max_connections, max_per_address;
    int64_t header_ns; /* until a request's header is there, and TLS before it; also idle */
    int64_t ask_ns;    /* until a role answers */
    int64_t check_ns;  /* between two looks whether a stream's session holds */
    struct th_subnet proxies[GW_MAX_PROXIES];
    size_t proxy_count;
};

struct gateway {
    struct gw_config config;
    struct th_edges *edges;
    struct gw_door *door;
    struct gw_asks *asks;
    struct gw_streams *streams;
    struct gw_board *board;
    struct MHD_Daemon *http;
    struct th_tls_identity *identity; /* shown to who comes now */
    char tls_problem[400];            /* "": none */
    int64_t tls_problem_ns;           /* wall, since when */
    struct gw_conn *arriving;         /* on its way from the door to the HTTP server */
    struct th_pack ui;
    struct th_buf fields; /* the answer to /fields */
    uint64_t counters[GW_COUNTER_COUNT];
    size_t body_bytes;                               /* of all requests */
    struct gw_download *downloads[GW_MAX_DOWNLOADS]; /* NULL: free */
    int64_t now_ns, mono_ns, started_ns;
    bool ending;
};

/* ---- a connection, from accept to its end ---- */

struct gw_conn {
    struct gw_conn *next, *prev;
    struct gateway *g;
    struct th_addr address; /* the client's: from the socket, or from a proxy that is believed */
    int fd;
    int64_t deadline_ns; /* monotonic; 0: none */
    struct gw_request *request;
    struct th_tls_identity *identity; /* that it was shown */
    bool handshake_done;
};

/* ---- a request ---- */

enum gw_service {
    GW_API,
    GW_LINK_ENROL,
    GW_LINK_BATCH,
    GW_LINK_COMMANDS,
    GW_LINK_PACKETS,
    GW_UI,
    GW_HEALTH
};
enum gw_stage { GW_NEW, GW_READING, GW_WAITING, GW_READY, GW_STREAMING, GW_SENT };

struct gw_request {
    struct gateway *g;
    struct MHD_Connection *connection;
    struct gw_conn *conn;
    char *target; /* as it came */
    struct th_str path, query_text;
    enum gw_service service;
    enum gw_stage stage;
    enum th_web_method method;
    bool head_only; /* HEAD */
    bool suspended;
    const struct th_web_route *route; /* of GW_API */
    struct th_buf id;                 /* {id} of the path */
    struct th_web_query query;
    json_t *json; /* the body, checked */
    json_t *user; /* who asks, as state says */
    struct th_buf body;
    bool unclear;      /* where its body ends, two readers could see differently */
    uint64_t declared; /* length of its body as its header says, bytes; 0: not told */
    size_t max_body;
    uint64_t ask;      /* 0: none is out */
    enum gw_edge edge; /* where it is out */
    int64_t began_ns;
    /* the answer */
    unsigned status;
    struct th_buf answer;
    struct th_buf cookies; /* Set-Cookie lines, parted by '\n' */
    const char *type;
    const struct th_pack_file *file;
    struct gw_stream *stream;
    struct gw_download *download;
    bool stream_sent;
    char allowed[48]; /* methods, for 405 */
};

static inline void gw_count(struct gateway *g, enum gw_counter c)
{
    g->counters[c]++;
}

/* ---- gateway_door.c ---- */
struct gw_door *gw_door_new(struct gateway *g, const struct th_inherited *in);
void gw_door_free(struct gw_door *d);
int gw_door_fd(const struct gw_door *d);
/* Takes what came; closes what is late. */
void gw_door_turn(struct gw_door *d);
/* Bytes of request bodies that are held for an address. */
size_t gw_door_bodies_of(const struct gw_door *d, const struct th_addr *address);
unsigned gw_door_open(const struct gw_door *d); /* connections in all */
void gw_door_free_conn(struct gw_conn *c);      /* forgets it; the descriptor is the caller's */
/* Calls fn for each request that waits for a role, or for those whose client went away. */
void gw_door_find_waiting(struct gw_door *d, void (*fn)(struct gw_request *r));
void gw_door_find_gone(struct gw_door *d, void (*fn)(struct gw_request *r));

/* ---- gateway_tls.c ---- */
/* The first of what was inherited that is of use; else negative. */
int gw_tls_start(struct gateway *g, const struct th_inherited *in) TH_WARN_UNUSED;
void gw_tls_turn(struct gateway *g); /* takes what the parent opened anew */
void gw_tls_end(struct gateway *g);
gnutls_certificate_retrieve_function2 gw_tls_show;
/* A sentence when the certificate ends soon; else NULL. */
const char *gw_tls_warning(const struct gateway *g);

/* ---- gateway_http.c ---- */
int gw_http_start(struct gateway *g) TH_WARN_UNUSED;
void gw_http_stop(struct gateway *g);
int gw_http_fd(const struct gateway *g);
int gw_http_timeout_ms(const struct gateway *g);
/* Takes a connection of which TLS's first bytes wait. */
void gw_http_take(struct gateway *g, struct gw_conn *c);
/* A request whose answer is ready goes on. */
void gw_http_ready(struct gw_request *r);
const char *gw_http_header(const struct gw_request *r, const char *name);

/* ---- gateway_route.c ---- */
/* Judges a request by its header: it is then READING, or READY with a refusal. */
void gw_route_begin(struct gw_request *r, const char *method);
/* The body is there: READY, or WAITING, or STREAMING. */
void gw_route_dispatch(struct gw_request *r);
/* The client went away while the request waited. */
void gw_route_gone(struct gw_request *r);
void gw_answer_error(struct gw_request *r, unsigned status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void gw_answer_json(struct gw_request *r, unsigned status, struct th_str json);
/* err as in struct gw_answer, or -EBUSY. */
void gw_answer_failure(struct gw_request *r, int err, enum gw_edge edge);
/* Sends a request to a role; the answer becomes the request's. */
void gw_forward(struct gw_request *r, enum gw_edge edge, uint16_t type, struct th_str body);
/* What every request to a role says: route, address, agent, now_ns. The caller's. */
json_t *gw_request_json(const struct gw_request *r, const char *route);
/* Takes j over. */
void gw_forward_json(struct gw_request *r, enum gw_edge edge, json_t *j);
/* The question whether this session may ask for this route. The caller frees it. */
char *gw_authorise_text(const struct gw_request *r);

/* ---- gateway_link.c ---- */
void gw_link_dispatch(struct gw_request *r);

/* ---- gateway_packets.c ---- */
void gw_download_begin(struct gw_request *r);
void gw_download_end(struct gw_download *d);
/* Nobody waits for a piece any more: the server may be stopped. */
void gw_downloads_stop(struct gateway *g);
struct MHD_Response *gw_download_response(struct gw_download *d);

/* ---- gateway_operator.c ---- */
/* A question that state passes on; the answer goes back to it. */
void gw_operator_asks(struct gateway *g, uint64_t id, struct th_str body);

/* ---- gateway_ui.c ---- */
void gw_ui_answer(struct gw_request *r);

/* ---- gateway_ask.c ---- */
struct gw_answer {
    int err; /* 0, -ETIMEDOUT, -ENOTCONN (the role is down), TH_E_MALFORMED */
    unsigned status;
    struct th_str cookies, body;
};
typedef void gw_answered(void *arg, const struct gw_answer *a);
struct gw_asks *gw_asks_new(struct gateway *g);
void gw_asks_free(struct gw_asks *a);
/* The number of the question, or 0: the role is down. */
uint64_t gw_ask(struct gateway *g, enum gw_edge edge, uint16_t type, struct th_str body,
    gw_answered *done, void *arg);
void gw_ask_cancel(struct gateway *g, uint64_t number);
enum gw_edge gw_ask_query_edge(struct gateway *g); /* the one with the least to do */
const char *gw_edge_name(unsigned edge);
/* Gives out the answers that came, ends what is late or whose role went down. */
void gw_asks_turn(struct gateway *g);

/* ---- gateway_stream.c ---- */
struct gw_streams *gw_streams_new(struct gateway *g);
void gw_streams_free(struct gw_streams *s);
/* Makes the request a stream; false: the session has too many. */
bool gw_stream_begin(struct gw_request *r);
void gw_stream_end(struct gw_stream *s);
struct MHD_Response *gw_stream_response(struct gw_stream *s);
void gw_streams_tell(struct gateway *g, struct th_str name, struct th_str json);
void gw_streams_turn(struct gateway *g); /* each second: are the sessions still good? */
unsigned gw_streams_count(const struct gateway *g);

/* ---- gateway_status.c ---- */
struct gw_board *gw_board_new(struct gateway *g);
void gw_board_free(struct gw_board *b);
/* Takes what the parent passed on. */
void gw_board_hear(struct gateway *g);
void gw_board_second(struct gateway *g); /* own status to the parent, pulse to the streams */
void gw_board_status(struct gateway *g, struct th_buf *out); /* GET /status */
void gw_board_fields(struct th_buf *out);                    /* GET /fields */

#endif
