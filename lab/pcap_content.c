/* SPDX-License-Identifier: Apache-2.0 */
#include "pcap_content.h"

#include "base/mem.h"

const struct th_event *lab_flow_find(const struct lab_flow *f, enum th_kind kind)
{
    for (const struct lab_rec *r = f->recs; r; r = r->next)
        if (r->ev->kind == kind)
            return r->ev;
    return NULL;
}

static void header(struct th_buf *out, const char *name, struct th_str value)
{
    th_buf_puts(out, name);
    th_buf_puts(out, ": ");
    th_buf_str(out, value);
    th_buf_puts(out, "\r\n");
}

static void http_request(const struct th_ev_http *e, struct th_buf *out)
{
    th_buf_str(out, e->method);
    th_buf_puts(out, " ");
    th_buf_str(out, e->uri);
    th_buf_puts(out, " HTTP/1.1\r\n");
    header(out, "Host", e->host);
    if (e->user_agent.len)
        header(out, "User-Agent", e->user_agent);
    th_buf_puts(out, "\r\n");
}

/* A head of 110 bytes and the type's name: lab_http counts on it. */
static void http_response(const struct th_ev_http *e, uint64_t bytes, struct th_buf *out)
{
    size_t start = out->len;
    struct th_str mime = {"", 0};
    if (e->resp_mime_types.n)
        mime = e->resp_mime_types.v[0];
    uint64_t head = bytes - e->response_body_len;
    th_buf_printf(out, "HTTP/1.1 %u %.*s\r\n", (unsigned)e->status_code, (int)e->status_msg.len,
        e->status_msg.p);
    if (mime.len)
        header(out, "Content-Type", mime);
    th_buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)e->response_body_len);
    th_buf_puts(out, "X-Pad: ");
    while (out->len - start < head - 4)
        th_buf_u8(out, '-');
    th_buf_puts(out, "\r\n\r\n");
    if (th_str_is(mime, "application/x-dosexec"))
        th_buf_put(out, "MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0", 16);
    else if (th_str_is(mime, "text/html"))
        th_buf_puts(out, "<!DOCTYPE html><html><head><title>");
    else if (th_str_is(mime, "application/json"))
        th_buf_puts(out, "{\"status\":\"ok\",\"data\":\"");
    else if (th_str_is(mime, "application/vnd.ms-cab-compressed"))
        th_buf_put(out, "MSCF\0\0\0\0", 8);
}

static void filler(uint64_t seed, uint64_t n, struct th_buf *out)
{
    static const char text[] = "etaoinshrdlucmfwypvbgkjqxz 0123456789-";
    uint64_t x = seed | 1;
    for (uint64_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        th_buf_u8(out, (uint8_t)text[x % (sizeof text - 1)]);
    }
}

/* BOOTP frame with the options that name a device (RFC 2131, RFC 2132), 300 bytes. */
static void dhcp(const struct lab_flow *f, uint32_t no, unsigned dir, struct th_buf *out)
{
    const struct th_ev_dhcp *e = (const struct th_ev_dhcp *)lab_flow_find(f, TH_KIND_DHCP);
    static const uint8_t full[2][2] = {{1, 3}, {2, 5}};
    uint8_t type = e->msg_types.n == 2 ? (dir ? 5 : 3) : full[dir][no & 1];
    size_t start = out->len;
    const uint8_t *ip = e->assigned_addr.b + 12;
    th_buf_put(out, dir ? "\2\1\6\0" : "\1\1\6\0", 4);
    th_buf_be32(out, (uint32_t)(f->id ^ f->id >> 32));
    th_buf_be32(out, 0);
    th_buf_put(out, TH_HAS(e, DHCP, client_addr) ? (const char *)ip : "\0\0\0\0", 4);
    th_buf_put(out, dir ? (const char *)ip : "\0\0\0\0", 4);
    th_buf_put(out, "\0\0\0\0\0\0\0\0", 8);
    th_buf_put(out, e->mac.b, 6);
    for (int i = 0; i < 202; i++)
        th_buf_u8(out, 0);
    th_buf_put(out, "\x63\x82\x53\x63\x35\x01", 6);
    th_buf_u8(out, type);
    if (dir) {
        th_buf_put(out, "\x33\x04", 2);
        th_buf_be32(out, (uint32_t)(e->lease_time / TH_NS_PER_S));
        th_buf_put(out, "\x36\x04", 2);
        th_buf_put(out, e->server_addr.b + 12, 4);
    } else {
        th_buf_put(out, "\x0c", 1);
        th_buf_u8(out, (uint8_t)e->host_name.len);
        th_buf_str(out, e->host_name);
        if (type == 3 && e->msg_types.n == 4) {
            th_buf_put(out, "\x32\x04", 2);
            th_buf_put(out, ip, 4);
        }
        if (e->vendor_class.len) {
            th_buf_u8(out, 60);
            th_buf_u8(out, (uint8_t)e->vendor_class.len);
            th_buf_str(out, e->vendor_class);
        }
    }
    th_buf_u8(out, 255);
    while (out->len - start < 300)
        th_buf_u8(out, 0);
}

static void datagram(
    const struct lab_flow *f, uint32_t no, unsigned dir, uint64_t keep, struct th_buf *out)
{
    const struct th_ev_dns *dns = (const struct th_ev_dns *)lab_flow_find(f, TH_KIND_DNS);
    if (dns)
        lab_dns_message(dns, dir == 1, out);
    else if (lab_flow_find(f, TH_KIND_DHCP))
        dhcp(f, no, dir, out);
    else
        filler(f->id + no, keep, out);
}

void lab_content(const struct lab_flow *f, uint32_t no, unsigned dir, uint64_t bytes, uint64_t keep,
    struct th_buf *out)
{
    size_t start = out->len;
    keep = TH_MIN(keep, bytes);
    const struct th_ev_ssl *ssl = (const struct th_ev_ssl *)lab_flow_find(f, TH_KIND_SSL);
    const struct th_ev_http *http = (const struct th_ev_http *)lab_flow_find(f, TH_KIND_HTTP);
    const struct th_ev_ssh *ssh = (const struct th_ev_ssh *)lab_flow_find(f, TH_KIND_SSH);
    if (f->proto != LAB_TCP)
        datagram(f, no, dir, keep, out);
    else if (f->tls && ssl && no < LAB_HEAD_MESSAGES)
        lab_tls_message(f, ssl, no, bytes, out);
    else if (f->tls)
        lab_tls_data(bytes, keep, out);
    else if (http && no < LAB_HEAD_MESSAGES + 2 && dir == 0)
        http_request(http, out);
    else if (http && no < LAB_HEAD_MESSAGES + 2)
        http_response(http, f->down, out);
    else if (ssh && no < LAB_HEAD_MESSAGES + 2)
        th_buf_printf(out, "%.*s\r\n", (int)(dir ? ssh->server : ssh->client).len,
            (dir ? ssh->server : ssh->client).p);
    if (out->len - start < keep)
        filler(f->id + no, keep - (out->len - start), out);
    if (out->len - start > keep)
        out->len = start + keep;
}
