/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define SEGMENT_BYTES 1400u

static const struct ends normal = {0x0a090909, 0xc0000250, 40000, 80};
static const char request[] = "GET /report HTTP/1.1\r\nHost: normal.example\r\n\r\n";
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello ";
static const char answer_rest[] = "world\n";

/* ---- events ---- */

static bool is_normal(const struct th_addr *orig, uint16_t port)
{
    static const uint8_t client[4] = {10, 9, 9, 9};
    struct th_addr a = th_addr_v4(client);
    return th_addr_eq(orig, &a) && port == normal.src_port;
}

static void see_conn(struct rig *r, const struct th_ev_conn *c)
{
    r->cut += TH_HAS(c, CONN, cut);
    if (!is_normal(&c->id_orig_h, c->id_orig_p))
        return;
    bool right = th_str_is(c->conn_state, "SF") && c->orig_bytes == sizeof(request) - 1 &&
        c->resp_bytes == sizeof(answer) + sizeof(answer_rest) - 2 && c->missed_bytes == 0 &&
        th_str_is(c->history, "ShADadFf") && !TH_HAS(c, CONN, cut);
    r->conn_right += right;
    if (!right)
        snprintf(r->said, sizeof(r->said), "%.*s %.*s %u/%u missed %u cut %.*s",
            (int)c->conn_state.len, c->conn_state.p, (int)c->history.len, c->history.p,
            (unsigned)c->orig_bytes, (unsigned)c->resp_bytes, (unsigned)c->missed_bytes,
            TH_HAS(c, CONN, cut) ? (int)c->cut.len : 0, TH_HAS(c, CONN, cut) ? c->cut.p : "");
}

static int take(void *arg, const struct th_event *ev)
{
    struct rig *r = arg;
    struct th_batch_head head = {0};
    r->events++;
    if (ev->kind == TH_KIND_CONN)
        see_conn(r, (const struct th_ev_conn *)ev);
    if (ev->kind == TH_KIND_HTTP) {
        const struct th_ev_http *h = (const struct th_ev_http *)ev;
        r->http_right += is_normal(&h->id_orig_h, h->id_orig_p) && h->status_code == 200 &&
            th_str_is(h->host, "normal.example") && h->response_body_len == 12;
    }
    if (ev->kind == TH_KIND_WEIRD) {
        r->weirds++;
        r->got_wanted |= th_str_is(((const struct th_ev_weird *)ev)->name, r->wanted);
    }
    int err = th_batch_add(r->batch, ev);
    if (err == TH_E_LIMIT || th_batch_full(r->batch)) {
        th_buf_clear(&r->out);
        TH_ASSERT(th_batch_finish(r->batch, &head, &r->out) == 0);
        err = err == TH_E_LIMIT ? th_batch_add(r->batch, ev) : err;
    }
    return err == -EMSGSIZE ? 0 : err;
}

/* ---- frames ---- */

static void begin(
    struct rig *r, const struct ends *x, uint8_t proto, uint16_t id, uint16_t frag, size_t len)
{
    static const uint8_t ether[14] = {2, 0, 0, 0, 0, 0xd, 2, 0, 0, 0, 0, 0xa, 8, 0};
    struct th_buf *b = &r->frame;
    th_buf_clear(b);
    th_buf_put(b, ether, sizeof(ether));
    th_buf_be16(b, 0x4500);
    th_buf_be16(b, (uint16_t)(20 + len));
    th_buf_be16(b, id);
    th_buf_be16(b, frag);
    th_buf_be16(b, (uint16_t)(64 << 8 | proto));
    th_buf_be16(b, 0);
    th_buf_be32(b, x->src);
    th_buf_be32(b, x->dst);
}

static void put_frame(struct rig *r)
{
    int err = th_engine_frame(
        r->engine, 1, r->now_ns, r->frame.p, (uint32_t)r->frame.len, (uint32_t)r->frame.len);
    TH_ASSERT(err == 0);
    uint64_t bytes = th_engine_memory_bytes(r->engine);
    r->peak_bytes = TH_MAX(r->peak_bytes, bytes);
}

static void put_tcp(struct rig *r, const struct ends *x, uint32_t seq, uint32_t ack, uint8_t flags,
    const void *p, size_t len)
{
    struct th_buf *b = &r->frame;
    begin(r, x, 6, 0, 0, 20 + len);
    th_buf_be16(b, x->src_port);
    th_buf_be16(b, x->dst_port);
    th_buf_be32(b, seq);
    th_buf_be32(b, ack);
    th_buf_be16(b, (uint16_t)(0x5000 | flags));
    th_buf_be16(b, 0x2000);
    th_buf_be32(b, 0);
    th_buf_put(b, p, len);
}

/* The next packet of the ordinary conversation. */
static void converse(struct rig *r)
{
    const uint32_t c = 1000, s = 9000, q = sizeof(request) - 1, a = sizeof(answer) - 1,
                   z = sizeof(answer_rest) - 1;
    const struct {
        bool back;
        uint32_t seq, ack;
        uint8_t flags;
        const char *p;
        uint32_t len;
    } steps[] = {{false, c, 0, SYN, NULL, 0}, {true, s, c + 1, SYN | ACK, NULL, 0},
        {false, c + 1, s + 1, ACK, NULL, 0}, {false, c + 1, s + 1, ACK | PSH, request, q},
        {true, s + 1, c + 1 + q, ACK, NULL, 0}, {true, s + 1, c + 1 + q, ACK | PSH, answer, a},
        {false, c + 1 + q, s + 1 + a, ACK, NULL, 0},
        {true, s + 1 + a, c + 1 + q, ACK | PSH, answer_rest, z},
        {false, c + 1 + q, s + 1 + a + z, FIN | ACK, NULL, 0},
        {true, s + 1 + a + z, c + 2 + q, FIN | ACK, NULL, 0},
        {false, c + 2 + q, s + 2 + a + z, ACK, NULL, 0}};
    while (r->step < TH_ARRAY_LEN(steps) && r->frames >= r->step * r->total / TH_ARRAY_LEN(steps)) {
        const struct ends back = {normal.dst, normal.src, normal.dst_port, normal.src_port};
        unsigned i = r->step++;
        put_tcp(r, steps[i].back ? &back : &normal, steps[i].seq, steps[i].ack, steps[i].flags,
            steps[i].p, steps[i].len);
        put_frame(r);
    }
}

void rig_send(struct rig *r)
{
    put_frame(r);
    r->frames++;
    r->now_ns += 1000;
    converse(r);
}

void rig_tcp(struct rig *r, const struct ends *x, uint32_t seq, uint32_t ack, uint8_t flags,
    const void *p, size_t len)
{
    put_tcp(r, x, seq, ack, flags, p, len);
    rig_send(r);
}

void rig_udp(struct rig *r, const struct ends *x, const void *p, size_t len)
{
    struct th_buf *b = &r->frame;
    begin(r, x, 17, 0, 0, 8 + len);
    th_buf_be16(b, x->src_port);
    th_buf_be16(b, x->dst_port);
    th_buf_be16(b, (uint16_t)(8 + len));
    th_buf_be16(b, 0);
    th_buf_put(b, p, len);
    rig_send(r);
}

void rig_fragment(struct rig *r, const struct ends *x, uint16_t id, unsigned offset, bool more,
    const void *p, size_t len)
{
    begin(r, x, 17, id, (uint16_t)(offset / 8 | (more ? 0x2000 : 0)), len);
    th_buf_put(&r->frame, p, len);
    rig_send(r);
}

void stream_open(struct rig *r, struct stream *s, uint32_t number, uint16_t port)
{
    s->ends = (struct ends){0x0a000000 | (number >> 14 & 0xffffff), 0xc6336401,
        (uint16_t)(20000 + (number & 0x3fff)), port};
    struct ends back = {s->ends.dst, s->ends.src, s->ends.dst_port, s->ends.src_port};
    rig_tcp(r, &s->ends, 100, 0, SYN, NULL, 0);
    rig_tcp(r, &back, 500, 101, SYN | ACK, NULL, 0);
    s->seq[0] = 101;
    s->seq[1] = 501;
    rig_tcp(r, &s->ends, 101, 501, ACK, NULL, 0);
}

void stream_say(struct rig *r, struct stream *s, int dir, const void *p, size_t len)
{
    struct ends back = {s->ends.dst, s->ends.src, s->ends.dst_port, s->ends.src_port};
    const uint8_t *at = p;
    while (len) {
        size_t n = TH_MIN(len, SEGMENT_BYTES);
        rig_tcp(r, dir ? &back : &s->ends, s->seq[dir], s->seq[!dir], ACK | PSH, at, n);
        s->seq[dir] += (uint32_t)n;
        at += n;
        len -= n;
    }
}

/* ---- one flood, in its own process ---- */

static void run_flood(const struct flood *f, int report)
{
    struct flood_end end;
    struct rig r = {
        .now_ns = INT64_C(1700000000) * TH_NS_PER_S, .total = f->frames / (SANITIZED ? 16 : 1)};
    const struct th_engine_config config = {.flow.key = {5, 6}, .memory_bytes = f->memory_bytes};
    const struct th_sink sink = {.put = take, .arg = &r};
    snprintf(r.wanted, sizeof(r.wanted), "%s", f->weird ? f->weird : "");
    r.limit_bytes = f->memory_bytes ? f->memory_bytes : 1024 * MIB;
    r.batch = th_batch_writer_new();
    r.engine = th_engine_new(&config, &sink);
    f->run(&r, f->how);
    r.total = 0; /* what is left of the conversation */
    converse(&r);
    TH_ASSERT(th_engine_flush(r.engine) == 0);
    end = (struct flood_end){.flow = *th_engine_flow_stats(r.engine),
        .engine = *th_engine_stats(r.engine),
        .cut = r.cut,
        .frames = r.frames};
    const char *wrong = NULL;
    if (r.peak_bytes > r.limit_bytes)
        wrong = "past its memory";
    else if (r.conn_right != 1)
        wrong = r.said[0] ? r.said : "the conversation has no record";
    else if (r.http_right != 1)
        wrong = "the conversation's request is not recorded";
    else if (f->weird && !r.got_wanted)
        wrong = "what was met is not told";
    else if (!SANITIZED && f->check)
        wrong = f->check(&end);
    dprintf(report,
        "%llu frames, %llu events, engine %.1f MiB, flows evicted %llu, holes given up %llu, "
        "fragments dropped %llu, analyses given up %llu, records cut %llu%s%s",
        (unsigned long long)r.frames, (unsigned long long)r.events,
        (double)r.peak_bytes / (double)MIB, (unsigned long long)end.flow.evicted,
        (unsigned long long)end.flow.reassembly_given_up,
        (unsigned long long)end.flow.fragments_dropped,
        (unsigned long long)end.engine.analyses_given_up, (unsigned long long)r.cut,
        wrong ? ": " : "", wrong ? wrong : "");
    th_engine_free(r.engine);
    th_batch_writer_free(r.batch);
    th_buf_done(&r.frame);
    th_buf_done(&r.out);
    exit(wrong ? EXIT_FAILURE : EXIT_SUCCESS);
}

static bool measure(const struct flood *f, unsigned number)
{
    int ends[2];
    char text[512] = "";
    struct rusage usage = {0};
    int status = 0;
    fflush(stdout);
    TH_ASSERT(pipe(ends) == 0);
    pid_t pid = fork();
    TH_ASSERT(pid >= 0);
    if (pid == 0)
        run_flood(f, ends[1]);
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof(text) - 1);
    close(ends[0]);
    TH_ASSERT(wait4(pid, &status, 0, &usage) == pid);
    uint64_t peak = (uint64_t)usage.ru_maxrss * 1024;
    bool within = SANITIZED || peak <= f->bound_bytes;
    bool good = n > 0 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS && within;
    printf("%sok %u - %s: peak %llu of %llu MiB, %.1f s; %s\n", good ? "" : "not ", number, f->name,
        (unsigned long long)(peak / MIB), (unsigned long long)(f->bound_bytes / MIB),
        (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6, text);
    return good;
}

/* floods [NAME]: all of them, or one. */
int main(int argc, char **argv)
{
    bool good = true;
    unsigned number = 0;
    for (unsigned i = 0; i < packet_flood_count + stream_flood_count; i++) {
        const struct flood *f =
            i < packet_flood_count ? &packet_floods[i] : &stream_floods[i - packet_flood_count];
        if (argc < 2 || strcmp(argv[1], f->name) == 0)
            good &= measure(f, ++number);
    }
    printf("1..%u\n", number);
    return good && number ? EXIT_SUCCESS : EXIT_FAILURE;
}
