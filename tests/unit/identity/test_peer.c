/* SPDX-License-Identifier: Apache-2.0 */
/* By which name the other side goes: DNS, SNI, Host header, proxies. */
#include "unit.h"

#include "make_event.h"

TH_DEFINE_CLEANUP(struct th_identity, th_identity_free)
#define AUTO_ID TH_CLEANUP(th_identity_freep) struct th_identity *

static struct th_ev_dns dns(const char *query, const struct th_str *answers, uint32_t n)
{
    struct th_ev_dns ev = {.h = {.kind = TH_KIND_DNS, .time_ns = T0}};
    TH_SET(&ev, DNS, id_orig_h, addr("10.0.0.5"));
    TH_SET(&ev, DNS, id_resp_h, addr("10.0.0.2"));
    TH_SET(&ev, DNS, id_resp_p, 53);
    TH_SET(&ev, DNS, query, th_str_c(query));
    TH_SET(&ev, DNS, answers, (struct th_strs){answers, n});
    TH_SET(&ev, DNS, rcode, 0);
    return ev;
}

static struct th_ev_http http(
    const char *uid, const char *resp, const char *method, const char *host, const char *uri)
{
    struct th_ev_http ev = {.h = {.kind = TH_KIND_HTTP, .time_ns = T0 + TH_NS_PER_S}};
    TH_SET(&ev, HTTP, id_orig_h, addr("10.0.0.5"));
    TH_SET(&ev, HTTP, id_resp_h, addr(resp));
    TH_SET(&ev, HTTP, id_resp_p, 3128);
    TH_SET(&ev, HTTP, method, th_str_c(method));
    TH_SET(&ev, HTTP, uri, th_str_c(uri));
    TH_SET(&ev, HTTP, status_code, 200);
    if (uid)
        TH_SET(&ev, HTTP, uid, th_str_c(uid));
    if (host)
        TH_SET(&ev, HTTP, host, th_str_c(host));
    return ev;
}

static struct th_peer peer_of(struct th_identity *id, const struct th_event *ev)
{
    struct th_who who;
    th_identity_event(id, ev, &who);
    return who.resp_peer;
}

static void dns_names_addresses(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_str answers[] = {
        th_str_c("edge.cdn.example.net"), th_str_c("198.51.100.7"), th_str_c("2001:db8::7")};
    struct th_ev_dns d = dns("WWW.Shop.Example.com", answers, 3);
    struct th_ev_conn v4 = conn(2, "10.0.0.5", "198.51.100.7", NULL, NULL, "C1");
    struct th_ev_conn v6 = conn(2, "10.0.0.5", "2001:db8::7", NULL, NULL, "C2");
    struct th_ev_conn other = conn(2, "10.0.0.5", "198.51.100.8", NULL, NULL, "C3");
    peer_of(id, &d.h);
    struct th_peer p = peer_of(id, &v4.h);
    uint64_t key = p.key;
    assert_view_is(p.host, "www.shop.example.com");
    assert_view_is(p.domain, "example.com");
    assert_false(p.inside);
    assert_true(p.vouched);
    assert_true(peer_of(id, &v6.h).key == key);
    p = peer_of(id, &other.h);
    assert_int_equal(p.host.len, 0);
    assert_true(p.key != key && p.key != 0);
}

static void sni_wins_for_its_connection(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_str answers[] = {th_str_c("198.51.100.7")};
    struct th_ev_dns d = dns("a.example.com", answers, 1);
    struct th_ev_ssl s = {.h = {.kind = TH_KIND_SSL, .time_ns = T0 + TH_NS_PER_S}};
    TH_SET(&s, SSL, uid, th_str_c("C1"));
    TH_SET(&s, SSL, id_orig_h, addr("10.0.0.5"));
    TH_SET(&s, SSL, id_resp_h, addr("198.51.100.7"));
    TH_SET(&s, SSL, server_name, th_str_c("b.example.org"));
    struct th_ev_conn same = conn(2, "10.0.0.5", "198.51.100.7", NULL, NULL, "C1");
    struct th_ev_conn other = conn(2, "10.0.0.5", "198.51.100.7", NULL, NULL, "C2");
    peer_of(id, &d.h);
    assert_view_is(peer_of(id, &s.h).domain, "example.org");
    assert_view_is(peer_of(id, &same.h).domain, "example.org");
    assert_view_is(peer_of(id, &other.h).domain, "example.com");
    /* The client says so alone; of the same domain as DNS has it, DNS says it too. */
    assert_false(peer_of(id, &same.h).vouched);
    TH_SET(&s, SSL, server_name, th_str_c("c.example.com"));
    assert_true(peer_of(id, &s.h).vouched);
    TH_SET(&s, SSL, id_resp_h, addr("198.51.100.8"));
    struct th_peer unasked = peer_of(id, &s.h);
    assert_view_is(unasked.domain, "example.com");
    assert_false(unasked.vouched);
}

static void proxy_hides_nobody(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_http c =
        http("C1", "10.0.0.16", "CONNECT", "www.bad.example", "www.bad.example:8443");
    struct th_peer p = peer_of(id, &c.h);
    assert_view_is(p.host, "www.bad.example");
    assert_view_is(p.domain, "bad.example");
    assert_false(p.inside);
    assert_false(p.has_addr);
    assert_int_equal(p.port, 8443);
    struct th_ev_conn carrier = conn(9, "10.0.0.5", "10.0.0.16", NULL, NULL, "C1");
    struct th_who who;
    th_identity_event(id, &carrier.h, &who);
    assert_true(who.resp_peer.key == p.key);
    assert_false(who.resp_peer.inside);
    assert_non_null(who.resp); /* the proxy itself is a device */
    assert_true(who.resp_peer.vouched);
    struct th_ev_http outside =
        http("C9", "198.51.100.16", "CONNECT", "www.bad.example", "www.bad.example:8443");
    assert_false(peer_of(id, &outside.h).vouched); /* whoever that is may go anywhere */
    struct th_ev_http g = http(NULL, "10.0.0.16", "GET", "x", "http://u:p@dl.bad.example:81/a?b");
    p = peer_of(id, &g.h);
    assert_view_is(p.host, "dl.bad.example");
    assert_int_equal(p.port, 81);
}

static void proxy_to_an_address(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_http c = http("C1", "10.0.0.16", "CONNECT", NULL, "[2001:db8::9]:443");
    struct th_peer p = peer_of(id, &c.h);
    struct th_addr want = addr("2001:db8::9");
    assert_true(p.has_addr && th_addr_eq(&p.addr, &want));
    struct th_ev_http self = http("C2", "198.51.100.3", "GET", NULL, "http://198.51.100.3/x");
    p = peer_of(id, &self.h);
    assert_true(p.has_addr && p.host.len == 0);
    assert_int_equal(p.port, 3128);
}

static void inside_answer_only_from_inside(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_conn c = conn(0, "10.0.0.5", "10.0.0.9", NULL, NULL, NULL);
    struct th_str answers[] = {th_str_c("10.0.0.9")};
    struct th_ev_dns d = dns("evil.example.com", answers, 1);
    peer_of(id, &c.h);
    TH_SET(&d, DNS, id_resp_h, addr("198.51.100.53"));
    peer_of(id, &d.h);
    assert_string_equal(th_identity_slot(id, 1)->hostname, "");
    d = dns("files.corp.example", answers, 1);
    peer_of(id, &d.h);
    assert_string_equal(th_identity_slot(id, 1)->hostname, "files.corp.example");
    struct th_peer p = peer_of(id, &c.h);
    assert_true(p.inside && p.slot == 1);
    assert_view_is(p.host, "files.corp.example");
}

static void memory_is_bounded(void **state)
{
    (void)state;
    TH_CLEANUP(th_identity_freep)
    struct th_identity *id =
        th_identity_new(&(struct th_identity_config){.key = test_key, .max_names = 256});
    unsigned kept = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < 4096; i++) {
            char text[24];
            char name[32];
            snprintf(text, sizeof(text), "198.51.%d.%d", i / 250, i % 250 + 1);
            snprintf(name, sizeof(name), "h%d.example.com", i);
            struct th_str answers[] = {th_str_c(text)};
            struct th_ev_dns d = dns(name, answers, 1);
            d.h.time_ns += i;
            struct th_ev_conn c = conn(9, "10.0.0.5", text, NULL, NULL, NULL);
            if (pass == 0)
                peer_of(id, &d.h);
            else
                kept += peer_of(id, &c.h).host.len > 0;
        }
    assert_in_range(kept, 200, 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_names_addresses),
        cmocka_unit_test(sni_wins_for_its_connection),
        cmocka_unit_test(proxy_hides_nobody),
        cmocka_unit_test(proxy_to_an_address),
        cmocka_unit_test(inside_answer_only_from_inside),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
