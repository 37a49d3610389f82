/* SPDX-License-Identifier: Apache-2.0 */
/* TLS handshakes (RFC 8446, RFC 5246): hello of the client's software, the server's answer,
 * certificates; after that only records of the right length. */
#include "base/mem.h"
#include "pcap_content.h"

static void zeros(struct th_buf *out, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        th_buf_u8(out, (uint8_t)(0x5a ^ i * 29));
}

static void record(struct th_buf *out, uint8_t type, uint64_t n)
{
    th_buf_u8(out, type);
    th_buf_be16(out, 0x0303);
    th_buf_be16(out, (uint16_t)n);
}

/* An encrypted record of n bytes with its header. */
static void sealed(struct th_buf *out, uint8_t type, uint64_t n)
{
    record(out, type, n - 5);
    zeros(out, n - 5);
}

void lab_tls_data(uint64_t bytes, uint64_t keep, struct th_buf *out)
{
    size_t start = out->len;
    while (bytes >= 6 && out->len - start < keep) {
        uint64_t n = TH_MIN(bytes, 16405u);
        if (bytes - n < 6 && bytes != n)
            n -= 6; /* leave enough for another record */
        record(out, 23, n - 5);
        zeros(out, TH_MIN(n - 5, keep));
        bytes -= n;
    }
}

static void change_cipher(struct th_buf *out)
{
    th_buf_put(out, "\x14\x03\x03\0\x01\x01", 6);
}

static void handshake(struct th_buf *out, uint8_t type, size_t n)
{
    th_buf_u8(out, type);
    th_buf_u8(out, (uint8_t)(n >> 16));
    th_buf_be16(out, (uint16_t)n);
}

static void server_hello(const struct th_ev_ssl *e, bool v13, struct th_buf *out)
{
    struct th_buf body = TH_BUF_INIT, ext = TH_BUF_INIT;
    uint16_t version = th_str_is(e->version, "TLSv11") ? 0x0302 : 0x0303;
    th_buf_be16(&body, version);
    zeros(&body, 32);
    th_buf_u8(&body, 32);
    zeros(&body, 32);
    th_buf_be16(&body, v13 ? 0x1301 : version == 0x0303 ? 0xc02f : 0xc013);
    th_buf_u8(&body, 0);
    if (v13) {
        th_buf_put(&ext, "\0\x2b\0\2\3\4\0\x33\0\x24\0\x1d\0\x20", 14);
        zeros(&ext, 32);
    } else {
        th_buf_put(&ext, "\xff\1\0\1\0", 5);
        if (e->next_protocol.len) {
            th_buf_be16(&ext, 16);
            th_buf_be16(&ext, (uint16_t)(e->next_protocol.len + 3));
            th_buf_be16(&ext, (uint16_t)(e->next_protocol.len + 1));
            th_buf_u8(&ext, (uint8_t)e->next_protocol.len);
            th_buf_str(&ext, e->next_protocol);
        }
    }
    th_buf_be16(&body, (uint16_t)ext.len);
    th_buf_str(&body, th_buf_view(&ext));
    record(out, 22, body.len + 4);
    handshake(out, 2, body.len);
    th_buf_str(out, th_buf_view(&body));
    th_buf_done(&ext);
    th_buf_done(&body);
}

static void certificates(const struct lab_flow *f, struct th_buf *out)
{
    struct th_buf list = TH_BUF_INIT;
    for (const struct lab_rec *r = f->recs; r; r = r->next) {
        if (r->ev->kind != TH_KIND_X509)
            continue;
        struct th_buf der = TH_BUF_INIT;
        lab_der_certificate((const struct th_ev_x509 *)r->ev, &der);
        th_buf_u8(&list, 0);
        th_buf_be16(&list, (uint16_t)der.len);
        th_buf_str(&list, th_buf_view(&der));
        th_buf_done(&der);
    }
    record(out, 22, list.len + 7);
    handshake(out, 11, list.len + 3);
    th_buf_u8(out, 0);
    th_buf_be16(out, (uint16_t)list.len);
    th_buf_str(out, th_buf_view(&list));
    th_buf_done(&list);
}

/* The server's first flight; a certificate status or a session ticket makes up the length. */
static void flight(
    const struct lab_flow *f, const struct th_ev_ssl *e, uint64_t bytes, struct th_buf *out)
{
    size_t start = out->len;
    bool v13 = th_str_is(e->version, "TLSv13");
    server_hello(e, v13, out);
    if (v13) {
        change_cipher(out);
        sealed(out, 23, bytes - (out->len - start));
        return;
    }
    bool full = lab_flow_find(f, TH_KIND_X509) != NULL;
    if (full)
        certificates(f, out);
    uint64_t end = full ? 9 : 51, left = bytes - (out->len - start) - end;
    record(out, 22, left - 5);
    handshake(out, full ? 22 : 4, left - 9);
    zeros(out, left - 9);
    if (full) {
        record(out, 22, 4);
        handshake(out, 14, 0);
    } else {
        change_cipher(out);
        sealed(out, 22, 45);
    }
}

static void finish(
    const struct lab_flow *f, const struct th_ev_ssl *e, uint64_t bytes, struct th_buf *out)
{
    size_t start = out->len;
    if (!th_str_is(e->version, "TLSv13") && lab_flow_find(f, TH_KIND_X509)) {
        record(out, 22, 70);
        handshake(out, 16, 66);
        th_buf_u8(out, 65);
        zeros(out, 65);
    }
    change_cipher(out);
    if (!th_str_is(e->version, "TLSv13"))
        sealed(out, 22, 45);
    uint64_t done = out->len - start;
    if (bytes >= done + 6)
        sealed(out, 23, bytes - done);
}

void lab_tls_message(const struct lab_flow *f, const struct th_ev_ssl *e, uint32_t no,
    uint64_t bytes, struct th_buf *out)
{
    if (no == 0)
        lab_tls_hello(f->tls, e->server_name, f->id, out);
    else if (no == 1)
        flight(f, e, bytes, out);
    else
        finish(f, e, bytes, out);
}
