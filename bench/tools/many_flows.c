/* SPDX-License-Identifier: Apache-2.0 */
/*
 * many_flows FLOWS FILE: a capture in which so many TCP connections are open at once, and a third
 * of them them has lost a segment, so that the full one behind it waits. Within some seconds, so
 * that nothing ends before all are there. The same arguments give the same bytes.
 */
#include <string.h>

#include "base/mem.h"
#include "pcap_out.h"

enum {
    SYN = 2,
    ACK = 16,
    HEADERS = 14 + 20 + 20,
    SEGMENT = 1448,
    REQUEST = 94,
    ANSWER = 66 + 1000,
    HOLE_EACH = 3,
    SERVERS = 50,
    PORT_HTTPS = 443
};
static const int64_t begin_ns = INT64_C(1700000000) * TH_NS_PER_S;
static const int64_t step_ns = 4 * TH_NS_PER_US; /* between packets */

struct flow {
    uint32_t number;
    bool to_client;
    uint8_t flags;
    uint32_t seq, ack, len;
};

static void be16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void be32(uint8_t *p, uint32_t v)
{
    be16(p, v >> 16);
    be16(p + 2, v);
}

static void put(FILE *out, int64_t *now_ns, const struct flow *f)
{
    static const char request[] = "GET /index.html HTTP/1.1\r\nHost: www.example.com\r\n"
                                  "User-Agent: many_flows\r\nAccept: text/html\r\n\r\n";
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                                 "Content-Length: 1000\r\n\r\n";
    uint8_t b[HEADERS + SEGMENT] = {[12] = 8, [14] = 0x45, [22] = 64, [23] = 6, [46] = 5 << 4};
    uint32_t client = UINT32_C(10) << 24 | (f->number / 50000 + 1) << 16 | f->number % 50000 / 200;
    uint32_t server = UINT32_C(192) << 24 | 2 << 8 | (f->number % SERVERS + 1);
    uint32_t port = 20000 + f->number % 200;
    b[5] = f->to_client ? 1 : 2;
    b[11] = f->to_client ? 2 : 1;
    be16(b + 16, 40 + f->len);
    be32(b + 26, f->to_client ? server : client);
    be32(b + 30, f->to_client ? client : server);
    be16(b + 34, f->to_client ? PORT_HTTPS : port);
    be16(b + 36, f->to_client ? port : PORT_HTTPS);
    be32(b + 38, f->seq);
    be32(b + 42, f->ack);
    b[47] = f->flags;
    be16(b + 48, 65535);
    const char *text = f->to_client ? answer : request;
    memset(b + HEADERS, 'a', f->len);
    if (f->len)
        memcpy(b + HEADERS, text, strlen(text));
    pcap_put(out, *now_ns, b, HEADERS + f->len, HEADERS + f->len);
    *now_ns += step_ns;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: many_flows FLOWS FILE\n");
        return 2;
    }
    uint32_t flows = (uint32_t)strtoul(argv[1], NULL, 10);
    FILE *out = pcap_create(argv[2]);
    int64_t now_ns = begin_ns;
    for (uint32_t i = 0; i < flows; i++) {
        put(out, &now_ns, &(struct flow){.number = i, .flags = SYN, .seq = 1000});
        put(out, &now_ns,
            &(struct flow){
                .number = i, .to_client = true, .flags = SYN | ACK, .seq = 2000, .ack = 1001});
        put(out, &now_ns, &(struct flow){.number = i, .flags = ACK, .seq = 1001, .ack = 2001});
        put(out, &now_ns,
            &(struct flow){.number = i, .flags = ACK, .seq = 1001, .ack = 2001, .len = REQUEST});
    }
    /* All are open. The answers come, and of a third the first segment is missing. */
    for (uint32_t i = 0; i < flows; i++) {
        put(out, &now_ns,
            &(struct flow){.number = i,
                .to_client = true,
                .flags = ACK,
                .seq = i % HOLE_EACH == 0 ? 2001 + SEGMENT : 2001,
                .ack = 1001 + REQUEST,
                .len = i % HOLE_EACH == 0 ? SEGMENT : ANSWER});
    }
    pcap_finish(out, argv[2]);
    return 0;
}
