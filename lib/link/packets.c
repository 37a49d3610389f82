/* SPDX-License-Identifier: Apache-2.0 */
#include "link/packets.h"

#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"

static void json_freep(json_t **j)
{
    json_decref(*j);
}

static struct th_str text_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_string(v) ? th_str_n(json_string_value(v), json_string_length(v)) : th_str_c("");
}

/* A member that may be missing: a whole number from 0 to max. */
static bool number_of(const json_t *object, const char *key, uint64_t max, uint64_t *ret)
{
    const json_t *v = json_object_get(object, key);
    if (!v)
        return true;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max)
        return false;
    *ret = (uint64_t)json_integer_value(v);
    return true;
}

static const char *read_members(const json_t *root, struct th_packets_request *r)
{
    uint64_t port = 0, peer_port = 0, proto = 0;
    if (!th_addr_parse(text_of(root, "host"), &r->host))
        return "host is an address";
    r->has_peer = json_object_get(root, "peer") != NULL;
    if (r->has_peer && !th_addr_parse(text_of(root, "peer"), &r->peer))
        return "peer is an address";
    if (!number_of(root, "port", UINT16_MAX, &port) ||
        !number_of(root, "peer_port", UINT16_MAX, &peer_port))
        return "port and peer_port are numbers up to 65535";
    if (!number_of(root, "proto", UINT8_MAX, &proto))
        return "proto is a number up to 255";
    if (!th_time_parse_rfc3339(text_of(root, "from"), &r->from_ns) ||
        !th_time_parse_rfc3339(text_of(root, "to"), &r->to_ns) || r->to_ns < r->from_ns)
        return "from and to are times (RFC 3339), to not before from";
    /* A written wish has microseconds: both ends go outwards to a whole one. */
    r->from_ns = th_time_floor(r->from_ns, TH_NS_PER_US);
    r->to_ns = th_time_floor(r->to_ns + TH_NS_PER_US - 1, TH_NS_PER_US);
    r->limit_bytes = TH_PACKETS_DEFAULT_BYTES;
    if (!number_of(root, "limit_bytes", TH_PACKETS_MAX_BYTES, &r->limit_bytes) ||
        r->limit_bytes == 0)
        return "limit_bytes is 1 to 1073741824";
    r->port = (uint16_t)port;
    r->peer_port = (uint16_t)peer_port;
    r->proto = (uint8_t)proto;
    return NULL;
}

int th_packets_request_read(
    struct th_str json, struct th_packets_request *ret, const char **ret_why)
{
    struct th_packets_request r = {0};
    TH_CLEANUP(json_freep)
    json_t *root = json.len > 0 && json.len <= TH_PACKETS_MAX_REQUEST
        ? json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, NULL)
        : NULL;
    *ret_why = json_is_object(root) ? read_members(root, &r) : "a JSON object is needed";
    if (*ret_why)
        return TH_E_MALFORMED;
    *ret = r;
    return 0;
}

void th_packets_request_put(struct th_buf *out, const struct th_packets_request *r)
{
    struct th_json j = th_json_init(out);
    th_json_open(&j);
    th_json_key(&j, "host");
    th_json_addr(&j, &r->host);
    if (r->has_peer) {
        th_json_key(&j, "peer");
        th_json_addr(&j, &r->peer);
    }
    th_json_key(&j, "port");
    th_json_u64(&j, r->port);
    th_json_key(&j, "peer_port");
    th_json_u64(&j, r->peer_port);
    th_json_key(&j, "proto");
    th_json_u64(&j, r->proto);
    th_json_key(&j, "from");
    th_json_time(&j, r->from_ns);
    th_json_key(&j, "to");
    th_json_time(&j, r->to_ns);
    th_json_key(&j, "limit_bytes");
    th_json_u64(&j, r->limit_bytes);
    th_json_close(&j);
}

static bool end_fits(const struct th_addr *want, bool has_want, uint16_t want_port,
    const struct th_addr *is, uint16_t port)
{
    return (!has_want || th_addr_eq(want, is)) && (want_port == 0 || want_port == port);
}

bool th_packets_request_fits(const struct th_packets_request *r, const struct th_addr *src,
    const struct th_addr *dst, uint16_t src_port, uint16_t dst_port, uint8_t proto)
{
    if (r->proto != 0 && r->proto != proto)
        return false;
    return (end_fits(&r->host, true, r->port, src, src_port) &&
               end_fits(&r->peer, r->has_peer, r->peer_port, dst, dst_port)) ||
        (end_fits(&r->host, true, r->port, dst, dst_port) &&
            end_fits(&r->peer, r->has_peer, r->peer_port, src, src_port));
}
