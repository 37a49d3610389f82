/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages (RFC 1035) out of a record, as long as the record says. */
#include "pcap_content.h"

static void put_name(struct th_buf *out, struct th_str name)
{
    while (name.len) {
        struct th_str label = th_str_split(&name, '.');
        th_buf_u8(out, (uint8_t)(label.len & 63));
        th_buf_put(out, label.p, label.len & 63);
    }
    th_buf_u8(out, 0);
}

static void put_rdata(struct th_buf *out, uint16_t type, struct th_str text)
{
    struct th_addr a;
    bool v4 = th_addr_parse(text, &a) && th_addr_is_v4(&a);
    if (type == 1 && v4) {
        th_buf_be16(out, 4);
        th_buf_put(out, a.b + 12, 4);
    } else if (type == 28) {
        th_buf_be16(out, 16);
        th_buf_put(out, a.b, 16);
    } else if (type == 16) {
        th_buf_be16(out, (uint16_t)(text.len + 1));
        th_buf_u8(out, (uint8_t)text.len);
        th_buf_str(out, text);
    } else {
        th_buf_be16(out, (uint16_t)(text.len + 2 + (type == 33 ? 6 : 0)));
        if (type == 33)
            th_buf_put(out, "\0\0\0\x64\x01\x85", 6); /* priority, weight, port 389 */
        put_name(out, text);
    }
}

static void put_answer(struct th_buf *out, const struct th_ev_dns *e, uint32_t i)
{
    struct th_addr a;
    struct th_str text = e->answers.v[i];
    uint16_t type = (uint16_t)e->qtype;
    if ((type == 1 || type == 28) && !th_addr_parse(text, &a))
        type = 5; /* an alias before the addresses */
    th_buf_be16(out, 0xc00c);
    th_buf_be16(out, type);
    th_buf_be16(out, 1);
    th_buf_be32(out, (uint32_t)(e->TTLs.v[i] / TH_NS_PER_S));
    put_rdata(out, type, text);
}

/* The zone's SOA (RFC 2308), 60 bytes. */
static void put_soa(struct th_buf *out)
{
    static const uint8_t soa[60] = {0xc0, 0x0c, 0, 6, 0, 1, 0, 0, 3, 0x84, 0, 48, 12, 'n', 's', '-',
        'p', 'r', 'i', 'm', 'a', 'r', 'y', '0', '1', 0, 12, 'h', 'o', 's', 't', 'm', 'a', 's', 't',
        'e', 'r', '1', '0', 0, 0x78, 0xa4, 0x1d, 1, 0, 0, 0x1c, 0x20, 0, 0, 3, 0x84, 0, 0x12, 0x75,
        0, 0, 0, 3, 0x84};
    th_buf_put(out, soa, sizeof soa);
}

void lab_dns_message(const struct th_ev_dns *e, bool answer, struct th_buf *out)
{
    bool nx = answer && e->rcode == 3;
    uint32_t n = answer && e->rcode == 0 ? e->answers.n : 0;
    th_buf_be16(out, (uint16_t)e->trans_id);
    unsigned flags = (e->RD ? 0x0100u : 0u) | (answer ? 0x8080u | (unsigned)(e->rcode & 15) : 0u);
    th_buf_be16(out, (uint16_t)flags);
    th_buf_be16(out, 1);
    th_buf_be16(out, (uint16_t)n);
    th_buf_be16(out, nx);
    th_buf_be16(out, 0);
    put_name(out, e->query);
    th_buf_be16(out, (uint16_t)e->qtype);
    th_buf_be16(out, 1);
    for (uint32_t i = 0; i < n; i++)
        put_answer(out, e, i);
    if (nx)
        put_soa(out);
}
