/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in the clear: updates, certificate checks, old sites, the intranet. */
#include "base/mem.h"
#include "net.h"

/* Header bytes as the packet writer lays them out, so that both agree on sizes. */
uint64_t lab_http_request_bytes(const struct th_ev_http *e)
{
    uint64_t n = e->method.len + 1 + e->uri.len + 11 + 8 + e->host.len + 4;
    if (e->user_agent.len)
        n += 14 + e->user_agent.len;
    if (e->request_body_len)
        n += 38;
    return n + 2 + e->request_body_len;
}

#define RESPONSE_HEAD 110u

static void add_file(struct lab_actor *a, struct lab_flow *f, struct th_ev_http *e,
    const struct lab_request *q, int64_t at)
{
    struct th_ev_files *x = LAB_REC(a, f, FILES, at, f->ts + f->dur_ns);
    struct th_str fuid = lab_flow_fuid(a->sim->pool, f, a->sim->opt.seed, 40);
    struct th_str *one = lab_flow_alloc(a->sim->pool, f, 2 * sizeof *one);
    struct th_addr *ends = lab_flow_alloc(a->sim->pool, f, 2 * sizeof *ends);
    one[0] = fuid;
    one[1] = LAB_TEXT(a, f, q->mime);
    ends[0] = f->dst;
    ends[1] = f->src;
    TH_SET(e, HTTP, resp_fuids, (struct th_strs){.v = one, .n = 1});
    TH_SET(e, HTTP, resp_mime_types, (struct th_strs){.v = one + 1, .n = 1});
    TH_SET(x, FILES, ts, at);
    TH_SET(x, FILES, fuid, fuid);
    TH_SET(x, FILES, uid, th_str_n(f->uid, LAB_UID_LEN));
    TH_SET(x, FILES, id_orig_h, f->src);
    TH_SET(x, FILES, id_orig_p, f->sport);
    TH_SET(x, FILES, id_resp_h, f->dst);
    TH_SET(x, FILES, id_resp_p, f->dport);
    TH_SET(x, FILES, tx_hosts, (struct th_addrs){.v = ends, .n = 1});
    TH_SET(x, FILES, rx_hosts, (struct th_addrs){.v = ends + 1, .n = 1});
    TH_SET(x, FILES, source, th_str_n("HTTP", 4));
    TH_SET(x, FILES, depth, 0);
    TH_SET(x, FILES, mime_type, one[1]);
    if (q->filename.len)
        TH_SET(x, FILES, filename, LAB_TEXT(a, f, q->filename));
    TH_SET(x, FILES, duration, f->ts + f->dur_ns - at);
    TH_SET(x, FILES, is_orig, false);
    TH_SET(x, FILES, seen_bytes, q->down);
    TH_SET(x, FILES, total_bytes, q->down);
    TH_SET(x, FILES, missing_bytes, 0);
    TH_SET(x, FILES, timedout, false);
    if (q->sha256.len)
        TH_SET(x, FILES, sha256, LAB_TEXT(a, f, q->sha256));
}

static int64_t request(struct lab_actor *a, struct lab_flow *f, struct th_str host,
    const struct lab_request *q, int64_t rtt)
{
    f->service = "http";
    f->state = lab_chance(&a->rng, 0.85) ? LAB_SF : LAB_RSTO;
    f->dur_ns = 3 * rtt + q->dur_ns;
    int64_t at = f->ts + rtt + rtt / 8;
    struct th_ev_http *e = LAB_REC(a, f, HTTP, at, at + rtt);
    unsigned status = q->status ? q->status : 200;
    TH_SET(e, HTTP, trans_depth, 1);
    TH_SET(e, HTTP, method, th_str_c(q->method ? q->method : "GET"));
    TH_SET(e, HTTP, host, LAB_TEXT(a, f, host));
    TH_SET(e, HTTP, uri, LAB_TEXT(a, f, q->uri));
    TH_SET(e, HTTP, version, th_str_n("1.1", 3));
    if (q->user_agent.len)
        TH_SET(e, HTTP, user_agent, LAB_TEXT(a, f, q->user_agent));
    TH_SET(e, HTTP, request_body_len, q->up);
    TH_SET(e, HTTP, response_body_len, q->down);
    TH_SET(e, HTTP, status_code, status);
    TH_SET(e, HTTP, status_msg,
        status == 200       ? th_str_c("OK")
            : status == 304 ? th_str_c("Not Modified")
            : status == 404 ? th_str_c("Not Found")
                            : th_str_c("Found"));
    f->up = lab_http_request_bytes(e);
    f->down = RESPONSE_HEAD + q->mime.len + q->down;
    if (q->down && q->mime.len)
        add_file(a, f, e, q, at + rtt / 2);
    int64_t end = f->ts + f->dur_ns;
    lab_submit(a, f);
    return end;
}

static int64_t refuse(struct lab_actor *a, struct lab_flow *f)
{
    int64_t end = f->ts + 3 * TH_NS_PER_S;
    f->state = LAB_S0;
    f->pkts[0] = 3;
    f->dur_ns = 3 * TH_NS_PER_S;
    lab_submit(a, f);
    return end;
}

int64_t lab_http(
    struct lab_actor *a, int64_t ts, const struct lab_host *h, const struct lab_request *q)
{
    ts = lab_lookup(a, ts, h) + lab_exp_ns(&a->rng, 2 * TH_NS_PER_MS);
    struct lab_flow *f =
        lab_open(a, ts, LAB_TCP, &h->v4[lab_below(&a->rng, h->n4)], q->port ? q->port : 80);
    if (lab_is_down(a->sim, h->key, ts))
        return refuse(a, f);
    return request(a, f, h->name, q, lab_rtt(a, h->key));
}

int64_t lab_http_inside(
    struct lab_actor *a, int64_t ts, const struct lab_device *to, const struct lab_request *q)
{
    struct lab_flow *f = lab_open_to(a, ts, LAB_TCP, to, q->port ? q->port : 80);
    if (lab_is_down(a->sim, to->as_host.key, ts))
        return refuse(a, f);
    return request(
        a, f, to->as_host.name, q, 400 * TH_NS_PER_US + lab_exp_ns(&a->rng, TH_NS_PER_MS));
}
