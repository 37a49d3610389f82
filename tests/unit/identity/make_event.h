/* SPDX-License-Identifier: Apache-2.0 */
/* Events in a line, for tests of who they are about. */
#ifndef TH_TESTS_MAKE_EVENT_H
#define TH_TESTS_MAKE_EVENT_H

#include "base/mem.h"
#include "identity/identity.h"

#define T0 (INT64_C(1700000000) * TH_NS_PER_S)

static const struct th_hash_key test_key = {0x0123456789abcdef, 0xfedcba9876543210};

static inline struct th_addr addr(const char *text)
{
    struct th_addr a;
    TH_ASSERT(th_addr_parse(th_str_c(text), &a));
    return a;
}

static inline struct th_mac mac(const char *text)
{
    struct th_mac m;
    TH_ASSERT(th_mac_parse(th_str_c(text), &m));
    return m;
}

static inline struct th_identity *identity_make(uint32_t max_entities)
{
    return th_identity_new(
        &(struct th_identity_config){.key = test_key, .max_entities = max_entities});
}

/* An answered connection; orig_mac and resp_mac may be NULL. */
static inline struct th_ev_conn conn(int64_t s, const char *orig, const char *resp,
    const char *orig_mac, const char *resp_mac, const char *uid)
{
    struct th_ev_conn ev = {.h = {.kind = TH_KIND_CONN, .time_ns = T0 + s * TH_NS_PER_S}};
    TH_SET(&ev, CONN, id_orig_h, addr(orig));
    TH_SET(&ev, CONN, id_resp_h, addr(resp));
    TH_SET(&ev, CONN, id_orig_p, 40000);
    TH_SET(&ev, CONN, id_resp_p, 443);
    TH_SET(&ev, CONN, conn_state, th_str_c("SF"));
    TH_SET(&ev, CONN, resp_pkts, 3);
    if (orig_mac)
        TH_SET(&ev, CONN, orig_l2_addr, mac(orig_mac));
    if (resp_mac)
        TH_SET(&ev, CONN, resp_l2_addr, mac(resp_mac));
    if (uid)
        TH_SET(&ev, CONN, uid, th_str_c(uid));
    return ev;
}

static inline struct th_ev_dhcp dhcp(
    int64_t s, const char *given, const char *hw, const char *host_name)
{
    static const struct th_str types[2] = {{"REQUEST", 7}, {"ACK", 3}};
    struct th_ev_dhcp ev = {.h = {.kind = TH_KIND_DHCP, .time_ns = T0 + s * TH_NS_PER_S}};
    TH_SET(&ev, DHCP, assigned_addr, addr(given));
    TH_SET(&ev, DHCP, mac, mac(hw));
    TH_SET(&ev, DHCP, server_addr, addr("10.0.0.1"));
    TH_SET(&ev, DHCP, msg_types, (struct th_strs){types, 2});
    if (host_name)
        TH_SET(&ev, DHCP, host_name, th_str_c(host_name));
    return ev;
}

static inline struct th_ev_arp arp(int64_t s, const char *sender, const char *hw)
{
    struct th_ev_arp ev = {.h = {.kind = TH_KIND_ARP, .time_ns = T0 + s * TH_NS_PER_S}};
    TH_SET(&ev, ARP, orig_h, addr(sender));
    TH_SET(&ev, ARP, orig_hw, mac(hw));
    TH_SET(&ev, ARP, resp_h, addr("10.0.0.254"));
    TH_SET(&ev, ARP, operation, th_str_c("request"));
    return ev;
}

static inline struct th_entity *orig_of(struct th_identity *id, const struct th_event *ev)
{
    struct th_who who;
    th_identity_event(id, ev, &who);
    return who.orig;
}

typedef void feed_fn(struct th_identity *id, int from, int to);

/* From 0 to `to` at once, or saved in the middle, loaded into the third and fed on: the same state.
 */
static inline void assert_goes_on_the_same(struct th_identity *whole, struct th_identity *first,
    struct th_identity *second, feed_fn *feed, int to)
{
    TH_AUTOBUF struct th_buf middle = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf a = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    feed(whole, 0, to);
    feed(first, 0, to / 2);
    th_identity_save(first, &middle);
    assert_int_equal(th_identity_load(second, middle.p, middle.len), 0);
    feed(second, to / 2, to);
    th_identity_save(whole, &a);
    th_identity_save(second, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.p, b.p, a.len);
}

#endif
