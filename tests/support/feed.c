/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include "dhcp.h"
#include "event/json.h"

static int put(void *arg, const struct th_event *ev)
{
    struct feed *f = arg;
    TH_ASSERT(ev->kind && th_kind_get(ev->kind));
    f->events++;
    if (f->lines.len)
        f->lines.len--; /* the zero */
    th_event_json(ev, TH_EVENT_JSON_PATH, &f->lines);
    th_buf_put(&f->lines, "\n", 2);
    return 0;
}

static void weird(void *arg, struct th_flow *flow, int64_t time_ns, const char *name)
{
    struct feed *f = arg;
    (void)flow;
    (void)time_ns;
    f->weirds++;
    snprintf(f->weird, sizeof(f->weird), "%s", name);
}

static bool is_local(const void *arg, const struct th_addr *a)
{
    (void)arg;
    return th_addr_is_private(a);
}

void feed_init(struct feed *f, uint8_t proto, uint16_t src_port, uint16_t dst_port)
{
    *f = (struct feed){.sink = {.put = put, .arg = f}};
    f->pr = (struct th_proto){.sink = &f->sink,
        .now_ns = FEED_EPOCH_NS,
        .key = {1, 2},
        .max_hash_bytes = 1u << 20,
        .dhcp = th_dhcp_table_new(),
        .is_local = is_local,
        .weird = weird,
        .arg = f};
    f->flow.addr[0] = th_addr_v4((const uint8_t[]){10, 0, 0, 1});
    f->flow.addr[1] = th_addr_v4((const uint8_t[]){192, 0, 2, 1});
    f->flow.port[0] = src_port;
    f->flow.port[1] = dst_port;
    f->flow.proto = proto;
    memcpy(f->flow.uid, "CAAAAAAAAAAA", TH_UID_LEN);
}

static int64_t tick(struct feed *f)
{
    f->pr.now_ns += TH_NS_PER_S;
    f->flow.last_ns = f->pr.now_ns;
    return f->pr.now_ns;
}

void feed_data(struct feed *f, int dir, const void *p, size_t len)
{
    int64_t now_ns = tick(f);
    /* An allocation of the exact size: a read past the end is found. */
    uint8_t *copy TH_AUTOFREE = th_xmalloc(TH_MAX(len, 1u));
    memcpy(copy, p, len);
    if (!f->flow.skip_data[dir])
        th_conn_data(&f->pr, &f->flow, dir, now_ns, copy, len, len);
}

void feed_pieces(struct feed *f, int dir, const void *p, size_t len, size_t piece)
{
    for (size_t at = 0; at < len; at += piece)
        feed_data(f, dir, (const uint8_t *)p + at, TH_MIN(piece, len - at));
}

void feed_gap(struct feed *f, int dir, uint64_t len)
{
    int64_t now_ns = tick(f);
    if (!f->flow.skip_data[dir])
        th_conn_gap(&f->pr, &f->flow, dir, now_ns, len);
}

void feed_fin(struct feed *f, int dir)
{
    th_conn_fin(&f->pr, &f->flow, dir, tick(f));
}

void feed_end(struct feed *f)
{
    th_conn_finish(&f->pr, &f->flow, f->flow.last_ns);
    struct th_str s = th_conn_services(&f->pr, f->flow.app);
    snprintf(f->services, sizeof(f->services), "%.*s", (int)s.len, s.p);
    th_conn_free(&f->pr, &f->flow);
    th_dhcp_flush(&f->pr);
}

void feed_done(struct feed *f)
{
    th_conn_free(&f->pr, &f->flow);
    th_dhcp_table_free(f->pr.dhcp);
    th_proto_done(&f->pr);
    th_buf_done(&f->lines);
}

struct th_str feed_event(const struct feed *f, const char *kind, unsigned n)
{
    char head[64];
    snprintf(head, sizeof(head), "{\"_path\":\"%s\",", kind);
    struct th_str rest = th_buf_view(&f->lines);
    while (rest.len) {
        struct th_str line = th_str_split(&rest, '\n');
        if (th_str_starts(line, head) && n-- == 0)
            return line;
    }
    return th_str_c("");
}

bool feed_has(const struct feed *f, const char *kind, unsigned n, const char *member)
{
    struct th_str line = feed_event(f, kind, n);
    bool has = line.len && memmem(line.p, line.len, member, strlen(member));
    if (!has)
        fprintf(stderr, "no %s in: %.*s\n", member, (int)line.len, line.p);
    return has;
}

void feed_fuzz(struct feed *f, const uint8_t *in, size_t len)
{
    struct th_cur c = th_cur_init(in, len);
    while (th_cur_left(&c) >= 2) {
        unsigned head = th_cur_be16(&c);
        int dir = (int)(head >> 15);
        size_t n = head & 0x3fff;
        if (head & 0x4000) {
            feed_gap(f, dir, n + 1);
            continue;
        }
        n = TH_MIN(n, th_cur_left(&c));
        feed_data(f, dir, th_cur_bytes(&c, n).p, n);
    }
}
