/* SPDX-License-Identifier: Apache-2.0 */
#include "out_pcap.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "pcap_content.h"

#include <stdio.h>

/* A flow on its way: which packet comes next, and when. */
struct conv {
    struct lab_flow *f;
    int64_t next_ns;
    uint64_t sent_pkts, all_pkts;
    struct lab_plan plan;
    uint32_t message;           /* of the plan */
    uint64_t msg_at, msg_bytes; /* how much of it went */
    unsigned dir;
    uint32_t unacked; /* segments of it since the last acknowledgement */
    uint64_t sent[2]; /* payload bytes */
    uint32_t datagrams[2];
    uint32_t isn[2];
    uint8_t phase;
    struct th_buf content; /* of the message, as far as it is kept */
};

enum phase { SYN, SYN_ACK, ACK, DATA, FIN, FIN_BACK, LAST, DONE };

struct lab_pcap {
    FILE *out;
    struct lab_pool *pool;
    struct conv **heap;
    uint32_t n, cap;
    uint64_t keep; /* payload bytes kept of a direction */
    uint64_t packets;
    struct th_buf frame;
};

int lab_pcap_open(const char *path, const struct lab_options *opt, struct lab_pcap **ret)
{
    TH_AUTOFCLOSE FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "wbe");
    if (!f)
        return -errno;
    static const uint8_t head[24] = {0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, [16] = 0, 0, 4, 0, 1};
    struct lab_pcap *p = th_xcalloc(1, sizeof *p);
    p->keep = opt->jumbo_after;
    p->out = TH_TAKE(f);
    *ret = p;
    return fwrite(head, sizeof head, 1, p->out) == 1 ? 0 : -errno;
}

void lab_pcap_use(struct lab_pcap *p, struct lab_pool *pool)
{
    p->pool = pool;
}

static bool earlier(const struct conv *a, const struct conv *b)
{
    return a->next_ns != b->next_ns ? a->next_ns < b->next_ns : a->f->id < b->f->id;
}

static void sift_down(struct lab_pcap *p)
{
    for (uint32_t i = 0;;) {
        uint32_t c = 2 * i + 1;
        if (c >= p->n)
            return;
        if (c + 1 < p->n && earlier(p->heap[c + 1], p->heap[c]))
            c++;
        if (!earlier(p->heap[c], p->heap[i]))
            return;
        struct conv *t = p->heap[i];
        p->heap[i] = p->heap[c];
        p->heap[c] = t;
        i = c;
    }
}

static void insert(struct lab_pcap *p, struct conv *c)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 1024;
        p->heap = th_xreallocarray(p->heap, p->cap, sizeof(struct conv *));
    }
    uint32_t i = p->n++;
    for (; i > 0 && earlier(c, p->heap[(i - 1) / 2]); i = (i - 1) / 2)
        p->heap[i] = p->heap[(i - 1) / 2];
    p->heap[i] = c;
}

int lab_pcap_flow(void *arg, struct lab_flow *f)
{
    struct lab_pcap *p = arg;
    struct conv *c = th_xcalloc(1, sizeof *c);
    f->refs++;
    c->f = f;
    c->next_ns = f->ts;
    c->all_pkts = f->pkts[0] + f->pkts[1];
    c->isn[0] = (uint32_t)th_mix64(f->id);
    c->isn[1] = (uint32_t)th_mix64(f->id + 1);
    lab_plan_of(f, &c->plan);
    insert(p, c);
    return 0;
}

static int write_packet(struct lab_pcap *p, int64_t ns, uint32_t wire)
{
    uint8_t h[16];
    uint32_t v[4] = {
        (uint32_t)(ns / TH_NS_PER_S), (uint32_t)(ns % TH_NS_PER_S), (uint32_t)p->frame.len, wire};
    for (int i = 0; i < 16; i++)
        h[i] = (uint8_t)(v[i / 4] >> (8 * (i % 4)));
    p->packets++;
    bool ok =
        fwrite(h, sizeof h, 1, p->out) == 1 && fwrite(p->frame.p, p->frame.len, 1, p->out) == 1;
    return ok ? 0 : -errno;
}

static int send(struct lab_pcap *p, struct conv *c, struct lab_packet *k)
{
    k->since_ns = c->next_ns - c->f->ts;
    k->ip_id = (uint16_t)(c->f->id * 31 + c->sent_pkts);
    th_buf_clear(&p->frame);
    uint32_t wire = lab_frame(c->f, k, &p->frame);
    c->sent_pkts++;
    return write_packet(p, c->next_ns, TH_MAX(wire, (uint32_t)p->frame.len));
}

/* The begin of a connection is quick, then its packets are spread over its life. */
static void schedule(struct conv *c)
{
    const struct lab_flow *f = c->f;
    if (c->sent_pkts + 1 >= c->all_pkts) {
        c->next_ns = TH_MAX(f->ts + f->dur_ns, c->next_ns);
        return;
    }
    int64_t step = TH_MIN(f->dur_ns / (int64_t)(c->all_pkts), 9 * TH_NS_PER_MS);
    uint64_t head = TH_MIN(c->all_pkts / 2, 12u);
    int64_t at = f->ts + step * (int64_t)c->sent_pkts;
    if (c->sent_pkts > head) {
        int64_t from = f->ts + step * (int64_t)head, left = f->ts + f->dur_ns - from;
        at = from +
            (int64_t)((__int128)left * (int64_t)(c->sent_pkts - head) /
                (int64_t)(c->all_pkts - 1 - head));
    }
    /* An end is quick too: a FIN, its answer, the last acknowledgement. */
    if (c->phase >= FIN && c->phase <= LAST)
        at = f->ts + f->dur_ns - step / 8 * (int64_t)(c->all_pkts - 1 - c->sent_pkts);
    c->next_ns = TH_MAX(at, c->next_ns);
}

static uint32_t seq_of(const struct conv *c, unsigned dir)
{
    uint32_t syn = c->phase > SYN_ACK || (c->phase == SYN_ACK && dir == 0);
    uint32_t fin = dir == 0 ? c->phase > FIN : c->phase > FIN_BACK;
    return c->isn[dir] + syn + fin + (uint32_t)c->sent[dir];
}

static int tcp_send(struct lab_pcap *p, struct conv *c, unsigned dir, uint8_t flags, uint32_t len,
    struct th_str payload)
{
    struct lab_packet k = {.dir = dir,
        .flags = flags,
        .seq = seq_of(c, dir),
        .ack = seq_of(c, !dir),
        .payload_len = len,
        .payload = payload};
    int err = send(p, c, &k);
    c->sent[dir] += len;
    return err;
}

static const struct th_str nothing = {"", 0};

/* Moves to the next message that has bytes; false when there is none. */
static bool next_message(struct lab_pcap *p, struct conv *c)
{
    uint32_t count = lab_plan_count(&c->plan);
    while (c->msg_at == c->msg_bytes) {
        if (c->message == 0 && !c->plan.head[0])
            c->message = LAB_HEAD_MESSAGES;
        if (c->message >= count)
            return false;
        struct lab_message m = lab_plan_message(&c->plan, c->message);
        th_buf_clear(&c->content);
        uint64_t room = c->sent[m.dir] < p->keep ? p->keep - c->sent[m.dir] : 0;
        if (m.bytes && room)
            lab_content(c->f, c->message, m.dir, m.bytes, room, &c->content);
        c->message++;
        c->dir = m.dir;
        c->msg_at = 0;
        c->msg_bytes = m.bytes;
    }
    return true;
}

static int tcp_data(struct lab_pcap *p, struct conv *c)
{
    bool whole = c->msg_at == c->msg_bytes;
    if (c->unacked == 2 || (c->unacked && whole)) {
        c->unacked = 0;
        return tcp_send(p, c, !c->dir, LAB_ACK, 0, nothing);
    }
    uint64_t at = c->sent[c->dir];
    uint32_t len = lab_segment_len(at, at + c->msg_bytes - c->msg_at, p->keep, false);
    struct th_str have = nothing;
    if (c->msg_at < c->content.len)
        have = th_str_n(c->content.p + c->msg_at, TH_MIN(len, c->content.len - c->msg_at));
    c->msg_at += len;
    c->unacked++;
    uint8_t flags = c->msg_at == c->msg_bytes ? LAB_PSH | LAB_ACK : LAB_ACK;
    return tcp_send(p, c, c->dir, flags, len, have);
}

static int tcp_end(struct lab_pcap *p, struct conv *c)
{
    int err = 0;
    switch (c->phase) {
    case FIN:
        if (c->f->state == LAB_RSTO || c->f->state == LAB_RSTR) {
            err = tcp_send(p, c, c->f->state == LAB_RSTR, LAB_RST | LAB_ACK, 0, nothing);
            c->phase = DONE;
        } else {
            err = tcp_send(p, c, 0, LAB_FIN | LAB_ACK, 0, nothing);
            c->phase = FIN_BACK;
        }
        return err;
    case FIN_BACK:
        err = tcp_send(p, c, 1, LAB_FIN | LAB_ACK, 0, nothing);
        c->phase = LAST;
        return err;
    default:
        err = tcp_send(p, c, 0, LAB_ACK, 0, nothing);
        c->phase = DONE;
        return err;
    }
}

/* Attempts that fail: SYNs at 0, 1 and 3 seconds, each with its refusal. */
static int tcp_attempt(struct lab_pcap *p, struct conv *c)
{
    bool refuse = c->f->state == LAB_REJ && c->sent_pkts % 2 == 1;
    int err;
    if (refuse) {
        c->phase = SYN_ACK;
        err = tcp_send(p, c, 1, LAB_RST | LAB_ACK, 0, nothing);
    } else {
        err = tcp_send(p, c, 0, LAB_SYN, 0, nothing);
    }
    c->phase = SYN;
    uint64_t tries = c->f->state == LAB_REJ ? c->sent_pkts / 2 : c->sent_pkts;
    if (c->sent_pkts >= c->all_pkts)
        c->phase = DONE;
    else if (c->f->state == LAB_REJ && c->sent_pkts % 2 == 1)
        c->next_ns += TH_MIN(c->f->dur_ns, TH_NS_PER_MS);
    else
        c->next_ns = TH_MAX(c->f->ts + (tries == 1 ? 1 : 3) * TH_NS_PER_S, c->next_ns);
    return err;
}

static int tcp_step(struct lab_pcap *p, struct conv *c)
{
    if (c->f->state == LAB_S0 || c->f->state == LAB_REJ)
        return tcp_attempt(p, c);
    int err;
    switch (c->phase) {
    case SYN:
        err = tcp_send(p, c, 0, LAB_SYN, 0, nothing);
        c->phase = SYN_ACK;
        break;
    case SYN_ACK:
        err = tcp_send(p, c, 1, LAB_SYN | LAB_ACK, 0, nothing);
        c->phase = ACK;
        break;
    case ACK:
        err = tcp_send(p, c, 0, LAB_ACK, 0, nothing);
        c->phase = DATA;
        break;
    case DATA: err = tcp_data(p, c); break;
    default: err = tcp_end(p, c); break;
    }
    if (c->phase == DATA && c->unacked == 0 && !next_message(p, c))
        c->phase = c->f->state == LAB_S1 ? DONE : FIN;
    schedule(c);
    return err;
}

static int udp_step(struct lab_pcap *p, struct conv *c)
{
    const struct lab_flow *f = c->f;
    const uint64_t n[2] = {c->datagrams[0], c->datagrams[1]};
    /* Each side speaks in its turn, the one with more packets more often. */
    unsigned dir = n[0] * f->pkts[1] > n[1] * f->pkts[0] || n[0] >= f->pkts[0];
    uint64_t all = dir ? f->down : f->up, i = n[dir];
    struct lab_packet k = {.dir = dir};
    k.payload_len = (uint32_t)(all * (i + 1) / f->pkts[dir] - all * i / f->pkts[dir]);
    th_buf_clear(&c->content);
    uint64_t room = c->sent[dir] < p->keep ? p->keep - c->sent[dir] : 0;
    lab_content(f, (uint32_t)i, dir, k.payload_len, room, &c->content);
    k.payload = th_buf_view(&c->content);
    c->sent[dir] += k.payload_len;
    c->datagrams[dir]++;
    int err = send(p, c, &k);
    schedule(c);
    if (c->sent_pkts >= c->all_pkts)
        c->phase = DONE;
    return err;
}

static int arp_step(struct lab_pcap *p, struct conv *c)
{
    const struct th_event *e = lab_flow_find(c->f, TH_KIND_ARP);
    c->phase = DONE;
    if (!e)
        return 0;
    th_buf_clear(&p->frame);
    lab_frame_arp((const struct th_ev_arp *)e, &p->frame);
    return write_packet(p, c->next_ns, (uint32_t)p->frame.len);
}

static void conv_free(struct lab_pcap *p, struct conv *c)
{
    lab_flow_unref(p->pool, c->f);
    th_buf_done(&c->content);
    free(c);
}

int lab_pcap_drain(struct lab_pcap *p, int64_t until_ns)
{
    while (p->n && p->heap[0]->next_ns < until_ns) {
        struct conv *c = p->heap[0];
        int err = c->f->proto == LAB_TCP ? tcp_step(p, c)
            : c->f->proto != LAB_NO_CONN ? udp_step(p, c)
                                         : arp_step(p, c);
        if (err < 0)
            return err;
        if (c->phase == DONE) {
            conv_free(p, c);
            p->heap[0] = p->heap[--p->n];
        }
        sift_down(p);
    }
    return 0;
}

int lab_pcap_close(struct lab_pcap *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        conv_free(p, p->heap[i]);
    int err = fflush(p->out) == 0 ? 0 : -errno;
    if (p->out != stdout)
        fclose(p->out);
    th_buf_done(&p->frame);
    free(p->heap);
    free(p);
    return err;
}
