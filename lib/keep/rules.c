/* SPDX-License-Identifier: Apache-2.0 */
#include "keep/rules.h"

#include "base/mem.h"
#include "keep/records.h"

/* What of a header that could not be read counts as header (RFC 791, RFC 8200, RFC 826). */
enum { IPV4_BYTES = 20, IPV6_BYTES = 40, ARP_BYTES = 28, ETHER_IPV6 = 0x86dd };

static const struct {
    const char *name;
    uint16_t proto;
} protos[] = {{"tcp", 6}, {"udp", 17}, {"sctp", 132}, {"icmp", 1}, {"icmp6", 58}, {"gre", 47},
    {"esp", 50}, {"arp", TH_KEEP_ARP}};

bool th_keep_amount_parse(struct th_str text, int32_t *ret)
{
    static const struct {
        const char *name;
        int32_t payload;
    } amounts[] = {{"none", TH_KEEP_NONE}, {"headers", TH_KEEP_HEADERS}, {"all", TH_KEEP_ALL}};
    uint64_t bytes;
    for (size_t i = 0; i < TH_ARRAY_LEN(amounts); i++) {
        if (th_str_is(text, amounts[i].name)) {
            *ret = amounts[i].payload;
            return true;
        }
    }
    if (!th_str_u64(text, &bytes) || bytes > UINT16_MAX)
        return false;
    *ret = (int32_t)bytes;
    return true;
}

static bool parse_proto(struct th_str text, struct th_keep_rule *rule)
{
    struct th_str rest = text;
    struct th_str name = th_str_split(&rest, '/');
    uint64_t number = 0, port = 0;
    rule->proto = TH_KEEP_ANY_PROTO;
    for (size_t i = 0; i < TH_ARRAY_LEN(protos); i++)
        if (th_str_is(name, protos[i].name))
            rule->proto = protos[i].proto;
    if (rule->proto == TH_KEEP_ANY_PROTO && th_str_u64(name, &number) && number <= UINT8_MAX)
        rule->proto = (uint16_t)number;
    if (rule->proto == TH_KEEP_ANY_PROTO)
        return false;
    if (th_str_index(text, '/') < 0)
        return true;
    if (!th_str_u64(rest, &port) || port == 0 || port > UINT16_MAX)
        return false;
    rule->port = (uint16_t)port;
    return rule->proto == 6 || rule->proto == 17 || rule->proto == 132;
}

/* The next word; empty at the end. */
static struct th_str word(struct th_str *rest)
{
    *rest = th_str_trim(*rest);
    return th_str_split(rest, ' ');
}

bool th_keep_rule_parse(struct th_str text, struct th_keep_rule *ret)
{
    struct th_keep_rule rule = {.proto = TH_KEEP_ANY_PROTO};
    struct th_str next = word(&text);
    bool any = false;
    if (th_subnet_parse(next, &rule.net)) {
        any = rule.has_net = true;
        next = word(&text);
    }
    if (parse_proto(next, &rule) && th_str_trim(text).len > 0) {
        any = true;
        next = word(&text);
    } else {
        rule.proto = TH_KEEP_ANY_PROTO; /* a number alone is the amount */
    }
    if (!any || th_str_trim(text).len > 0 || !th_keep_amount_parse(next, &rule.payload))
        return false;
    *ret = rule;
    return true;
}

/* ---- which fits ---- */

static bool is_fit(const struct th_keep_rules *rules, const struct th_keep_rule *rule,
    const struct th_keep_ends *e)
{
    if (rule->has_net && !th_subnet_has(&rule->net, &e->src) && !th_subnet_has(&rule->net, &e->dst))
        return false;
    if (rule->proto != TH_KEEP_ANY_PROTO && rule->proto != (e->is_arp ? TH_KEEP_ARP : e->proto))
        return false;
    if (rule->port == 0)
        return true;
    if (e->no_ports)
        return rule->payload < rules->payload;
    return rule->port == e->src_port || rule->port == e->dst_port;
}

static int32_t payload_of(
    const struct th_keep_rules *rules, const struct th_keep_ends *ends, unsigned count)
{
    for (size_t i = 0; i < rules->count; i++)
        for (unsigned k = 0; k < count; k++)
            if (is_fit(rules, &rules->v[i], &ends[k]))
                return rules->v[i].payload;
    return rules->payload;
}

/* Where payload begins. A transport header that is not whole has none; then IP's counts. */
static uint32_t headers_len(const uint8_t *frame, const struct th_pkt *pkt)
{
    const char *begin = (const char *)frame;
    if (pkt->kind == TH_PKT_IP && pkt->payload.p)
        return (uint32_t)(pkt->payload.p - begin);
    uint32_t len = pkt->kind == TH_PKT_ARP ? ARP_BYTES
        : pkt->ethertype == ETHER_IPV6     ? IPV6_BYTES
                                           : IPV4_BYTES;
    return (uint32_t)(pkt->l3.p - begin) + TH_MIN(len, pkt->l3.len);
}

uint32_t th_keep_rules_len(const struct th_keep_rules *rules, const uint8_t *frame,
    const struct th_pkt *outer, const struct th_pkt *inner)
{
    int32_t payload = rules->payload;
    struct th_keep_ends ends[2];
    if (rules->count > 0 || outer->kind != TH_PKT_IP) {
        unsigned count = th_keep_ends_of(outer, &ends[0]);
        if (count == 0)
            return 0;
        if (inner != outer)
            count += th_keep_ends_of(inner, &ends[count]);
        payload = payload_of(rules, ends, count);
    }
    if (payload == TH_KEEP_NONE)
        return 0;
    if (payload == TH_KEEP_ALL)
        return outer->cap_len;
    uint32_t len = headers_len(frame, inner) + (uint32_t)payload;
    return TH_MIN(len, outer->cap_len);
}
