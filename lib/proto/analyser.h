/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an analyser is. A protocol is one file with one table of functions; the
 * engine asks each table's probe about the first bytes of a flow, starts the one that says yes
 * and gives it the data of both directions in order. An analyser makes events through
 * th_proto_emit and says when it has seen enough, so that the flow table stops bringing
 * data. Bytes belong to the caller of data(); state belongs to the engine, what
 * the state points to belongs to the analyser, which frees it in end().
 *
 * Ports are a hint only. A protocol found in the reversed direction (a capture
 * that begins in the middle) is fine: `from_client` tells who is who.
 */
#ifndef TH_PROTO_ANALYSER_H
#define TH_PROTO_ANALYSER_H

#include "base/arena.h"
#include "base/cursor.h"
#include "flow/flow.h"

/* Service names as Zeek's conn.log has them, where it has them. */
enum th_service {
    TH_SVC_NONE,
#define TH_SERVICE(NAME, text) TH_SVC_##NAME,
#include "service.def"
#undef TH_SERVICE
    TH_SVC_COUNT
};

enum th_probe {
    TH_PROBE_NO,
    TH_PROBE_MORE,   /* too few bytes to say */
    TH_PROBE_CLIENT, /* yes, and these bytes come from the client */
    TH_PROBE_SERVER  /* yes, and these bytes come from the server */
};

struct th_probe_in {
    const uint8_t *p;
    size_t len;
    size_t wire_len;   /* TCP: len */
    uint16_t src, dst; /* ports of who sent and who got these bytes */
    uint8_t ip_proto;
};

/* The byte at i; past the end there are zeros. */
static inline uint8_t th_probe_at(const struct th_probe_in *in, size_t i)
{
    return i < in->len ? in->p[i] : 0;
}

static inline bool th_probe_on_port(const struct th_probe_in *in, uint16_t port)
{
    return in->src == port || in->dst == port;
}

/* For what is asked of the port, too: who does not speak from it is the client. */
static inline enum th_probe th_probe_by_port(const struct th_probe_in *in, bool yes, uint16_t port)
{
    return !yes || !th_probe_on_port(in, port) ? TH_PROBE_NO
        : in->src == port                      ? TH_PROBE_SERVER
                                               : TH_PROBE_CLIENT;
}

enum th_verdict {
    TH_GO_ON,
    TH_DONE_DIR, /* nothing more of this direction is wanted */
    TH_DONE,     /* nothing more of this flow is wanted */
    TH_BAIL      /* this is not the protocol after all */
};

/* TCP: the next bytes in order. UDP: a datagram, of which wire_len bytes were sent. */
struct th_chunk {
    const uint8_t *p;
    size_t len, wire_len;
    int64_t time_ns;
    int dir;
    bool from_client;
};

struct th_conn;
struct th_framing;

struct th_analyser {
    enum th_service service;
    bool tcp, udp;
    uint16_t state_bytes; /* zeroed memory the engine makes for each flow */
    /* Bytes that hang on the state, or a bound of them, for the memory cap: asked after each call.
     * NULL: none but what framing.h holds. */
    size_t (*held)(const void *state);
    /* How its messages are cut out of the stream, where framing.h does that. */
    const struct th_framing *framing;
    enum th_probe (*probe)(const struct th_probe_in *in);
    /* NULL: recognising it is all there is. */
    enum th_verdict (*data)(struct th_conn *c, void *state, const struct th_chunk *ch);
    /* NULL: a gap ends the analysis of its direction. */
    enum th_verdict (*gap)(struct th_conn *c, void *state, int dir, int64_t time_ns, uint64_t len);
    void (*fin)(struct th_conn *c, void *state, int dir, int64_t time_ns);
    /* Writes what is pending and frees what the state points to. */
    void (*end)(struct th_conn *c, void *state, int64_t time_ns);
};

#define TH_CONN_MAX_SERVICES 6u
/* Protocols inside one another: tunnels in tunnels. */
#define TH_CONN_MAX_RESTARTS 4u
/* First bytes of one direction that are kept while no analyser is sure. */
#define TH_PROBE_MAX_BYTES 512u
/* Datagrams of one direction after which a UDP flow stays unknown. */
#define TH_PROBE_MAX_DATAGRAMS 4u

/* Bytes that wait for the rest of their message; `cap` of them are taken up. */
struct th_hold {
    uint8_t *p;
    uint32_t len, cap;
};

/* What was seen of a flow that some analysers may still say yes to. */
struct th_undecided {
    uint64_t ruled_out[2];   /* a bit for each analyser */
    struct th_hold first[2]; /* bytes so far */
    int64_t first_ns[2];     /* when the last of them came */
    uint8_t datagrams[2];
};

/* The engine's state of one flow, hung on th_flow.app with its first data. */
struct th_conn {
    struct th_proto *pr;
    struct th_flow *flow;
    const struct th_analyser *an; /* NULL while undecided */
    void *state;
    struct th_undecided *undecided; /* NULL: nothing yet, or it is decided */
    /* In the list of those that hold as much; held_next also chains those that are free. */
    struct th_conn *held_prev, *held_next;
    uint32_t held;  /* bytes counted for it */
    uint32_t files; /* file ids given out so far */
    uint8_t services[TH_CONN_MAX_SERVICES];
    uint8_t service_count;
    uint8_t client; /* direction of the client */
    bool fed;       /* since it was put in its list */
    bool deaf[2];   /* nothing more of this direction is wanted */
    uint8_t restarts;
};

/* Those that hold so much memory that it takes this many bits to say. */
#define TH_HELD_LISTS 33u
struct th_held_list {
    struct th_conn *head, *tail;
    uint64_t bytes;
};

/* What all flows of one worker share. */
struct th_proto {
    const struct th_sink *sink;
    int sink_err;            /* the first one, kept */
    int64_t now_ns;          /* time of the frame being read */
    struct th_arena scratch; /* emptied before each call of an analyser */
    struct th_hash_key key;  /* of file ids */
    uint64_t max_hash_bytes;
    uint64_t events;
    struct th_conn_chunk *conn_chunks; /* they come by the chunk */
    struct th_conn *free_conns;
    uint64_t conns; /* in use and free */
    struct th_held_list held[TH_HELD_LISTS];
    uint64_t held_bytes, max_held_bytes; /* by analysers, of all flows */
    uint64_t given_up;                   /* analyses that were ended to stay within it */
    struct th_candidates *candidates;    /* NULL until the first is asked for */
    struct th_dhcp_table *dhcp;
    struct th_expect_table *expected; /* expect.h; NULL while nothing was announced */
    bool (*is_local)(const void *arg, const struct th_addr *a);
    void (*weird)(void *arg, struct th_flow *f, int64_t time_ns, const char *name);
    void *arg; /* of the two above */
};

/* What the flow table's calls become. */
void th_conn_data(struct th_proto *pr, struct th_flow *f, int dir, int64_t time_ns,
    const uint8_t *p, size_t len, size_t wire_len);
void th_conn_gap(struct th_proto *pr, struct th_flow *f, int dir, int64_t time_ns, uint64_t len);
void th_conn_fin(struct th_proto *pr, struct th_flow *f, int dir, int64_t time_ns);
/* Ends the analyser: its last events come out. The services stay readable. */
void th_conn_finish(struct th_proto *pr, struct th_flow *f, int64_t time_ns);
/* Starts an analyser without asking, when the protocol is known beforehand. */
void th_conn_begin(
    struct th_proto *pr, struct th_flow *f, const struct th_analyser *an, int client);
void th_conn_free(struct th_proto *pr, struct th_flow *f);
/* Ends analysers until they are within their memory: of those that hold about as much as what takes
 * up most of it, the ones that were not fed for longest. What they know comes out, the flow goes on
 * and is counted. Not from within one. */
void th_proto_shed(struct th_proto *pr);
/* "ssl" or "smb,ntlm"; empty for none. Written into the scratch arena. */
struct th_str th_conn_services(struct th_proto *pr, const struct th_conn *c);
void th_proto_done(struct th_proto *pr);

/* For analysers. */
void th_proto_emit(struct th_proto *pr, struct th_event *ev, int64_t time_ns);
void th_conn_service(struct th_conn *c, enum th_service s);
void th_conn_weird(struct th_conn *c, int64_t time_ns, const char *name);
/* The rest of the stream is of another protocol: `an`, or what its first bytes look like. The
 * analyser's own state is ended here; it returns right after, with the verdict of this call. */
enum th_verdict th_conn_switch(
    struct th_conn *c, const struct th_analyser *an, const struct th_chunk *rest);
enum th_verdict th_conn_restart(struct th_conn *c, const struct th_chunk *rest);
const char *th_service_name(enum th_service s);

/* A view of what was held and what has come. ok false: more than limit bytes would wait. */
struct th_cur th_hold_join(
    struct th_hold *h, const uint8_t *p, size_t len, size_t limit, bool *ret_ok);
/* Keeps what the cursor has left for the next time; at most limit bytes, else false. */
bool th_hold_keep(struct th_hold *h, const struct th_cur *cur, size_t limit);
void th_hold_done(struct th_hold *h);

/* ts, uid and the four ids of an event of a connection. */
#define TH_CONN_ID(ev, KIND, conn, start_ns)                                                       \
    do {                                                                                           \
        const struct th_flow *f_ = (conn)->flow;                                                   \
        (ev)->h.kind = TH_KIND_##KIND;                                                             \
        TH_SET(ev, KIND, ts, start_ns);                                                            \
        TH_SET(ev, KIND, uid, th_str_n(f_->uid, TH_UID_LEN - 1));                                  \
        TH_SET(ev, KIND, id_orig_h, f_->addr[0]);                                                  \
        TH_SET(ev, KIND, id_orig_p, f_->port[0]);                                                  \
        TH_SET(ev, KIND, id_resp_h, f_->addr[1]);                                                  \
        TH_SET(ev, KIND, id_resp_p, f_->port[1]);                                                  \
    } while (0)
/* Sets a text field when there is text. */
#define TH_SET_TEXT(ev, KIND, field, text)                                                         \
    do {                                                                                           \
        struct th_str t_ = (text);                                                                 \
        if (t_.len)                                                                                \
            TH_SET(ev, KIND, field, t_);                                                           \
    } while (0)

/* In the order in which they are asked. */
extern const unsigned th_analyser_count;
const struct th_analyser *th_analyser_at(unsigned i);
/* Whether its probe may say anything but no when the first byte is this. */
bool th_analyser_may(unsigned i, bool tcp, uint8_t first);

#endif
