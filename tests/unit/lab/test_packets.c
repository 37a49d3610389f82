/* SPDX-License-Identifier: Apache-2.0 */
/* What the sensor's engine reads in the packets is what the events say. */
#include "unit.h"

#include <stdio.h>

#include "base/mem.h"
#include "office.h"
#include "out_pcap.h"
#include "proto/engine.h"

/* One record, from either side, under its connection's ends. */
struct seen {
    struct th_addr a, b;
    uint16_t ap, bp;
    uint16_t kind;
    uint64_t v[6];
    char text[3][80];
};

struct list {
    struct seen *v;
    size_t n, cap;
};

static void text(char out[80], struct th_str s)
{
    snprintf(out, 80, "%.*s", (int)TH_MIN(s.len, 79u), s.p);
}

static void fill(struct seen *s, const struct th_event *ev)
{
    if (ev->kind == TH_KIND_CONN) {
        const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
        uint64_t v[6] = {c->orig_bytes, c->resp_bytes, c->orig_pkts, c->resp_pkts, c->orig_ip_bytes,
            c->resp_ip_bytes};
        memcpy(s->v, v, sizeof v);
        text(s->text[0], c->conn_state);
        text(s->text[1], c->proto);
    } else if (ev->kind == TH_KIND_DNS) {
        const struct th_ev_dns *d = (const struct th_ev_dns *)ev;
        uint64_t v[6] = {
            d->qtype, d->rcode, d->answers.n, d->query_bytes, d->answer_bytes, d->trans_id};
        memcpy(s->v, v, sizeof v);
        text(s->text[0], d->query);
        if (d->answers.n)
            text(s->text[1], d->answers.v[d->answers.n - 1]);
    } else if (ev->kind == TH_KIND_SSL) {
        const struct th_ev_ssl *e = (const struct th_ev_ssl *)ev;
        text(s->text[0], e->server_name);
        text(s->text[1], e->ja3);
        text(s->text[2], e->ja4);
        s->v[0] = e->cert_chain_fuids.n;
    } else {
        const struct th_ev_http *h = (const struct th_ev_http *)ev;
        text(s->text[0], h->host);
        text(s->text[1], h->uri);
        text(s->text[2], h->user_agent);
        s->v[0] = h->status_code;
    }
}

static void take(void *arg, const struct th_event *ev)
{
    struct list *l = arg;
    if (ev->kind != TH_KIND_CONN && ev->kind != TH_KIND_DNS && ev->kind != TH_KIND_SSL &&
        ev->kind != TH_KIND_HTTP)
        return;
    if (ev->kind == TH_KIND_CONN && ((const struct th_ev_conn *)ev)->partial)
        return;
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 1024;
        l->v = th_xreallocarray(l->v, l->cap, sizeof(struct seen));
    }
    const struct th_ev_dns *id = (const struct th_ev_dns *)ev;
    struct seen s = {.a = id->id_orig_h,
        .b = id->id_resp_h,
        .ap = id->id_orig_p,
        .bp = id->id_resp_p,
        .kind = ev->kind};
    fill(&s, ev);
    l->v[l->n++] = s;
}

static int take_sink(void *arg, const struct th_event *ev)
{
    take(arg, ev);
    return 0;
}

static int by_ends(const void *x, const void *y)
{
    const struct seen *a = x, *b = y;
    int c = memcmp(&a->a, &b->a, offsetof(struct seen, kind));
    if (c == 0)
        c = (a->kind > b->kind) - (a->kind < b->kind);
    return c ? c : memcmp(a->v, b->v, sizeof *a - offsetof(struct seen, v));
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Reads the capture with the sensor's engine; counts frames and those it calls bad. */
static void sense(const char *path, struct list *l, struct th_engine_stats *ret)
{
    static const uint8_t net[] = {10, 20, 0, 0};
    struct th_subnet local = {.addr = th_addr_v4(net), .bits = 112};
    struct th_engine_config cfg = {.flow = {.key = {3, 4}}, .local = &local, .local_count = 1};
    struct th_sink sink = {take_sink, l};
    struct th_engine *e = th_engine_new(&cfg, &sink);
    TH_AUTOFCLOSE FILE *f = fopen(path, "rbe");
    uint8_t head[24], h[16];
    static uint8_t frame[262144];
    assert_non_null(f);
    assert_int_equal(fread(head, sizeof head, 1, f), 1);
    assert_int_equal(le32(head), 0xa1b23c4du);
    while (fread(h, sizeof h, 1, f) == 1) {
        uint32_t len = le32(h + 8), wire = le32(h + 12);
        assert_true(len <= wire && len <= sizeof frame);
        assert_int_equal(fread(frame, len, 1, f), 1);
        int64_t ns = (int64_t)le32(h) * TH_NS_PER_S + le32(h + 4);
        assert_int_equal(th_engine_frame(e, 1, ns, frame, len, wire), 0);
    }
    assert_int_equal(th_engine_flush(e), 0);
    *ret = *th_engine_stats(e);
    th_engine_free(e);
}

static void write_capture(const char *path, struct list *events)
{
    struct office o = office_init(31);
    struct lab_pcap *p = NULL;
    o.opt.end_ns = o.opt.start_ns + 40 * TH_NS_PER_MIN;
    o.opt.jumbo_after = 4096;
    assert_int_equal(lab_pcap_open(path, &o.opt, &p), 0);
    o.opt.flows = (struct lab_flow_sink){lab_pcap_flow, p};
    o.each = take;
    o.arg = events;
    office_run_with(&o, p);
    assert_int_equal(lab_pcap_close(p), 0);
    office_done(&o);
}

static const char *path_of(void)
{
    static char path[] = "/tmp/th-lab-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return path;
}

static void engine_reads_what_events_say(void **state)
{
    (void)state;
    struct list want = {0}, got = {0};
    struct th_engine_stats st;
    const char *path = path_of();
    write_capture(path, &want);
    sense(path, &got, &st);
    unlink(path);
    assert_int_equal(st.bad_frames, 0);
    assert_true(st.frames > 10000);
    qsort(want.v, want.n, sizeof *want.v, by_ends);
    qsort(got.v, got.n, sizeof *got.v, by_ends);
    static const char *const names[] = {"", "conn", "dns", "http", "ssl"};
    unsigned all[5] = {0}, same[5] = {0}, shown = 0;
    for (size_t i = 0; i < want.n; i++) {
        const struct seen *w = &want.v[i];
        if (w->kind == TH_KIND_CONN && strcmp(w->text[1], "tcp") != 0)
            continue; /* datagrams have no end of their own */
        if (strcmp(w->text[0], "S1") == 0)
            continue; /* ended by the sensor's time-out */
        all[w->kind]++;
        if (bsearch(w, got.v, got.n, sizeof *w, by_ends))
            same[w->kind]++;
        else if (shown++ < 6) {
            for (size_t k = 0; k < got.n; k++)
                if (memcmp(&got.v[k].a, &w->a, offsetof(struct seen, v)) == 0)
                    print_message("# read: %s %s %s %llu %llu %llu %llu %llu %llu\n",
                        got.v[k].text[0], got.v[k].text[1], got.v[k].text[2],
                        (unsigned long long)got.v[k].v[0], (unsigned long long)got.v[k].v[1],
                        (unsigned long long)got.v[k].v[2], (unsigned long long)got.v[k].v[3],
                        (unsigned long long)got.v[k].v[4], (unsigned long long)got.v[k].v[5]);
            print_message("# not found: %s :%u -> :%u %s %s %s %llu %llu %llu %llu\n",
                names[w->kind], w->ap, w->bp, w->text[0], w->text[1], w->text[2],
                (unsigned long long)w->v[0], (unsigned long long)w->v[1],
                (unsigned long long)w->v[2], (unsigned long long)w->v[3]);
        }
    }
    for (unsigned k = 1; k < 5; k++) {
        print_message("# %s: %u of %u records equal\n", names[k], same[k], all[k]);
        assert_true(all[k] > 50);
        assert_int_equal(same[k], all[k]);
    }
    free(want.v);
    free(got.v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine_reads_what_events_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
