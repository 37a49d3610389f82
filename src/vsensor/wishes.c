/* SPDX-License-Identifier: Apache-2.0 */
#include "wishes.h"

#include "base/log.h"
#include "base/mem.h"
#include "keep/search.h"
#include "messages.h"
#include "packets_log.h"

enum { MAX_UNDER_WAY = 2 };

struct wish {
    bool is;
    uint64_t id;
    struct th_packets_request request;
    struct th_keep_search *search;
    struct th_buf out; /* found, not sent yet */
    size_t sent;       /* of it */
    unsigned under_way;
    bool ended; /* all is in out */
    const char *problem;
};

struct th_wishes {
    struct th_wishes_config config;
    unsigned generation; /* of link's connection, which all wishes are of */
    struct wish v[TH_WISHES_MAX];
    struct th_wishes_counts counts;
};

struct th_wishes *th_wishes_new(const struct th_wishes_config *config)
{
    struct th_wishes *w = th_xcalloc(1, sizeof(*w));
    w->config = *config;
    return w;
}

static void drop(struct wish *x)
{
    th_keep_search_free(x->search);
    th_buf_done(&x->out);
    *x = (struct wish){0};
}

void th_wishes_free(struct th_wishes *w)
{
    for (unsigned i = 0; w && i < TH_WISHES_MAX; i++)
        drop(&w->v[i]);
    free(w);
}

void th_wishes_counts(const struct th_wishes *w, struct th_wishes_counts *ret)
{
    *ret = w->counts;
}

static struct wish *find(struct th_wishes *w, bool is, uint64_t id)
{
    for (unsigned i = 0; i < TH_WISHES_MAX; i++)
        if (w->v[i].is == is && (!is || w->v[i].id == id))
            return &w->v[i];
    return NULL;
}

static int send_end(
    struct th_wishes *w, uint64_t id, const struct th_keep_found *found, const char *problem)
{
    TH_AUTOBUF struct th_buf json = TH_BUF_INIT;
    th_keep_found_put(&json, found, problem);
    return th_edges_send(
        w->config.edges, w->config.edge, TH_SENSOR_PACKETS_END, id, th_buf_view(&json));
}

static void refuse(struct th_wishes *w, uint64_t id, const char *why)
{
    const struct th_keep_found nothing = {.oldest_ns = INT64_MAX};
    int r = send_end(w, id, &nothing, why);
    (void)r; /* a link that is gone, or takes nothing, has no use for it */
    w->counts.refused++;
    th_log(TH_LOG_WARN, "packets asked for by the master are not given: %s", why);
}

static void log_end(struct th_wishes *w, const struct wish *x, const char *how, int64_t now_ns)
{
    struct th_keep_found found;
    th_keep_search_found(x->search, &found);
    int r = th_packets_log_ended(w->config.log, now_ns, "master", &x->request, how, &found);
    if (r < 0)
        th_log(TH_LOG_WARN, "packets.log: the end of a wish cannot be written: %s", th_strerror(r));
    th_log(TH_LOG_INFO, "packets asked for by the master: %s, %llu packets, %llu bytes%s", how,
        (unsigned long long)found.packets, (unsigned long long)found.bytes,
        found.cut ? ", cut at the limit" : "");
    w->counts.packets += found.packets;
    w->counts.bytes += found.bytes;
}

static void begin(struct th_wishes *w, uint64_t id, struct th_str json, int64_t now_ns)
{
    struct th_packets_request request;
    const char *why;
    w->counts.asked++;
    if (th_packets_request_read(json, &request, &why) < 0) {
        refuse(w, id, why);
        return;
    }
    struct wish *x = find(w, true, id) ? NULL : find(w, false, 0);
    if (!x) {
        refuse(w, id, "the sensor gives packets to others already: ask again later");
        return;
    }
    int r = th_packets_log_asked(w->config.log, now_ns, "master", &request);
    if (r < 0) {
        refuse(w, id, "the sensor cannot write down who asks (packets.log)");
        return;
    }
    r = th_keep_search_new(w->config.folder, w->config.key, &request, &x->search);
    if (r < 0) {
        refuse(w, id,
            r == TH_E_SIGNATURE ? "the kept packets are of another key than the sensor's"
                                : "the folder of kept packets cannot be read");
        return;
    }
    x->is = true;
    x->id = id;
    x->request = request;
    x->problem = "";
}

void th_wishes_hear(struct th_wishes *w, int64_t now_ns)
{
    struct th_ipc_message m;
    unsigned generation = th_edges_generation(w->config.edges, w->config.edge);
    if (generation != w->generation || !th_edges_up(w->config.edges, w->config.edge))
        for (unsigned i = 0; i < TH_WISHES_MAX; i++)
            if (w->v[i].is) {
                log_end(w, &w->v[i], "stopped", now_ns);
                drop(&w->v[i]);
            }
    w->generation = generation;
    while (th_edges_receive(w->config.edges, w->config.edge, &m) > 0) {
        struct wish *x = find(w, true, m.id);
        if (m.type == TH_SENSOR_PACKETS) {
            begin(w, m.id, m.body, now_ns);
        } else if (m.type == TH_SENSOR_PACKETS_MORE && x && x->under_way > 0) {
            x->under_way--;
        } else if (m.type == TH_SENSOR_PACKETS_STOP && x) {
            log_end(w, x, "stopped", now_ns);
            drop(x);
        }
    }
}

static void search(struct wish *x)
{
    if (x->sent > 0) { /* what is left moves to the front */
        memmove(x->out.p, x->out.p + x->sent, x->out.len - x->sent);
        x->out.len -= x->sent;
        x->sent = 0;
    }
    int r = th_keep_search_step(x->search, &x->out);
    x->ended = r <= 0;
    if (r < 0)
        x->problem = "the folder of kept packets cannot be read to its end";
}

static bool send_part(struct th_wishes *w, struct wish *x)
{
    size_t len = TH_MIN(x->out.len - x->sent, TH_PACKETS_PART_BYTES);
    if (x->under_way == MAX_UNDER_WAY ||
        th_edges_send(w->config.edges, w->config.edge, TH_SENSOR_PACKETS_PART, x->id,
            th_str_n(x->out.p + x->sent, len)) < 0)
        return false;
    x->sent += len;
    x->under_way++;
    return true;
}

static bool finish(struct th_wishes *w, struct wish *x, int64_t now_ns)
{
    struct th_keep_found found;
    th_keep_search_found(x->search, &found);
    if (send_end(w, x->id, &found, x->problem) < 0)
        return false;
    log_end(w, x, *x->problem ? "failed" : "given", now_ns);
    w->counts.given++;
    drop(x);
    return true;
}

/* One step; false: it waits for link. */
static bool step(struct th_wishes *w, struct wish *x, int64_t now_ns)
{
    size_t left = x->out.len - x->sent;
    if (!x->ended && left < TH_PACKETS_PART_BYTES) {
        search(x);
        return true;
    }
    return left > 0 ? send_part(w, x) : finish(w, x, now_ns);
}

bool th_wishes_turn(struct th_wishes *w, int64_t now_ns)
{
    bool more = false;
    for (unsigned i = 0; i < TH_WISHES_MAX; i++)
        if (w->v[i].is)
            more |= step(w, &w->v[i], now_ns);
    return more;
}
