/* SPDX-License-Identifier: Apache-2.0 */
/* What a device is taken for, out of what it says and does. */
#include "unit.h"

#include "make_event.h"

TH_DEFINE_CLEANUP(struct th_identity, th_identity_free)
#define AUTO_ID TH_CLEANUP(th_identity_freep) struct th_identity *

#define ME "10.0.0.7"
#define MY_MAC "00:40:8c:00:00:07"

static void feed(struct th_identity *id, struct th_event *ev)
{
    struct th_who who;
    th_identity_event(id, ev, &who);
}

static const struct th_entity *me(struct th_identity *id)
{
    struct th_addr a = addr(ME);
    const struct th_entity *e = th_identity_find(id, th_identity_holder(id, &a));
    assert_non_null(e);
    return e;
}

static void assert_is(struct th_identity *id, const char *type, const char *os)
{
    assert_string_equal(th_device_type_name(me(id)->type), type);
    assert_string_equal(th_os_name(me(id)->os), os);
}

static void lease(struct th_identity *id, int64_t s, const char *class, const char *params)
{
    struct th_ev_dhcp ev = dhcp(s, ME, MY_MAC, "host");
    if (class)
        TH_SET(&ev, DHCP, vendor_class, th_str_c(class));
    if (params)
        TH_SET(&ev, DHCP, param_list, th_str_c(params));
    feed(id, &ev.h);
}

static void browse(struct th_identity *id, int64_t s, const char *agent)
{
    struct th_ev_http ev = {.h = {.kind = TH_KIND_HTTP, .time_ns = T0 + s * TH_NS_PER_S}};
    TH_SET(&ev, HTTP, id_orig_h, addr(ME));
    TH_SET(&ev, HTTP, id_resp_h, addr("192.0.2.1"));
    TH_SET(&ev, HTTP, user_agent, th_str_c(agent));
    feed(id, &ev.h);
}

static void serve(struct th_identity *id, int64_t s, uint16_t port, const char *service, bool well)
{
    struct th_ev_conn ev = conn(s, "10.0.0.9", ME, NULL, NULL, NULL);
    TH_SET(&ev, CONN, id_resp_p, port);
    TH_SET(&ev, CONN, service, th_str_c(service));
    if (!well) {
        TH_SET(&ev, CONN, conn_state, th_str_c("S0"));
        TH_SET(&ev, CONN, resp_pkts, 0);
    }
    feed(id, &ev.h);
}

static void nothing_is_known_at_first(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    lease(id, 0, NULL, NULL);
    assert_is(id, "", "");
    assert_int_equal(me(id)->offers, 0);
}

static void a_lease_tells_the_system(void **state)
{
    (void)state;
    static const struct {
        const char *class, *params, *type, *os;
    } cases[] = {
        {"MSFT 5.0", "1,3,6,15,31,33,43,44,46,47,119,121,249,252", "computer", "Windows"},
        {"android-dhcp-14", NULL, "phone", "Android"},
        {NULL, "1,121,3,6,15,108,114,119,252", "phone", "iOS"},
        {NULL, "1,121,3,6,15,108,114,119,252,95,44,46", "computer", "macOS"},
        {"Cisco Systems, Inc. IP Phone CP-8841", NULL, "voip-phone", "embedded"},
        {"Hewlett-Packard JetDirect", NULL, "printer", "embedded"},
        {"something", "1,2,3", "", ""},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        AUTO_ID id = identity_make(0);
        lease(id, 0, cases[i].class, cases[i].params);
        assert_is(id, cases[i].type, cases[i].os);
    }
}

/* One stray word does not change what was said many times; many do. */
static void the_majority_is_believed(void **state)
{
    (void)state;
    static const char mac_agent[] = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari";
    static const char win_agent[] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome";
    AUTO_ID id = identity_make(0);
    lease(id, 0, NULL, NULL);
    for (int i = 0; i < 5; i++) {
        browse(id, 1 + 2 * i, mac_agent);
        browse(id, 2 + 2 * i, "updater/1.0");
    }
    browse(id, 20, win_agent);
    assert_is(id, "computer", "macOS");
    for (int i = 0; i < 12; i++) {
        browse(id, 30 + 2 * i, win_agent);
        browse(id, 31 + 2 * i, "updater/1.0");
    }
    assert_is(id, "computer", "Windows");
    assert_false(me(id)->shared);
}

static void several_systems_share_an_address(void **state)
{
    (void)state;
    static const char *const agents[] = {
        "x (Windows NT 10.0)", "x (iPhone; CPU iPhone OS 17)", "x (Linux; Android 14; Pixel)"};
    AUTO_ID id = identity_make(0);
    lease(id, 0, NULL, NULL);
    browse(id, 1, agents[0]);
    browse(id, 2, agents[1]);
    assert_false(me(id)->shared);
    browse(id, 2 * 86400, agents[2]); /* on another day */
    assert_false(me(id)->shared);
    browse(id, 2 * 86400 + 1, agents[0]);
    browse(id, 2 * 86400 + 2, agents[1]);
    assert_true(me(id)->shared);
    browse(id, 10 * 86400, agents[0]);
    assert_true(me(id)->shared);
    browse(id, 40 * 86400, agents[1]);
    assert_false(me(id)->shared);
}

static void what_it_answers_is_what_it_offers(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    lease(id, 0, "MSFT 5.0", NULL);
    serve(id, 1, 88, "krb_tcp", false); /* nobody answered */
    assert_int_equal(me(id)->offers, 0);
    serve(id, 2, 445, "gssapi,smb,krb", true);
    assert_is(id, "computer", "Windows");
    serve(id, 3, 88, "krb_tcp", true);
    serve(id, 4, 389, "ldap", true);
    assert_is(id, "server", "Windows");
    assert_int_equal(
        me(id)->offers, 1u << TH_OFFER_FILES | 1u << TH_OFFER_KERBEROS | 1u << TH_OFFER_LDAP);
    serve(id, 5, 9100, "", true);
    assert_true(me(id)->offers >> TH_OFFER_PRINTING & 1);
}

static void it_announces_what_it_is(void **state)
{
    (void)state;
    static const struct th_str answers[] = {{"Office._ipp._tcp.local", 22}};
    AUTO_ID id = identity_make(0);
    lease(id, 0, NULL, NULL);
    struct th_ev_dns ev = {.h = {.kind = TH_KIND_DNS, .time_ns = T0 + TH_NS_PER_S}};
    TH_SET(&ev, DNS, id_orig_h, addr(ME));
    TH_SET(&ev, DNS, id_resp_h, addr("224.0.0.251"));
    TH_SET(&ev, DNS, id_resp_p, 5353);
    TH_SET(&ev, DNS, query, th_str_c("_ipp._tcp.local"));
    feed(id, &ev.h); /* looks for a printer */
    assert_is(id, "", "");
    TH_SET(&ev, DNS, answers, ((struct th_strs){answers, 1}));
    feed(id, &ev.h);
    assert_is(id, "printer", "");
}

/* A resolver asks what others want to know. */
static void a_resolver_is_not_what_it_asks_for(void **state)
{
    (void)state;
    for (int resolver = 0; resolver < 2; resolver++) {
        AUTO_ID id = identity_make(0);
        lease(id, 0, NULL, NULL);
        if (resolver)
            serve(id, 1, 53, "dns", true);
        struct th_ev_dns ev = {.h = {.kind = TH_KIND_DNS, .time_ns = T0 + 2 * TH_NS_PER_S}};
        TH_SET(&ev, DNS, id_orig_h, addr(ME));
        TH_SET(&ev, DNS, id_resp_h, addr("192.0.2.53"));
        TH_SET(&ev, DNS, id_resp_p, 53);
        TH_SET(&ev, DNS, query, th_str_c("connectivity-check.ubuntu.com"));
        feed(id, &ev.h);
        assert_is(id, resolver ? "server" : "", resolver ? "" : "Linux");
    }
}

static void makers_are_known_by_the_list(void **state)
{
    (void)state;
    static const char csv[] = "Registry,Assignment,Organization Name,Organization Address\r\n"
                              "MA-L,00408C,Axis Communications AB,\"Lund, SE\"\r\n"
                              "MA-L,0021B7,\"Lexmark \"\"International\"\", Inc.\",US\r\n"
                              "MA-M,0055DA1,Other,US\r\n"
                              "MA-L,00G000,Wrong,US\r\n"
                              "MA-L,0000,Short,US\r\nMA-L,\"000001\"";
    struct th_oui *o = th_oui_new(th_str_n(csv, sizeof(csv) - 1));
    struct th_mac m = mac(MY_MAC), l = mac("00:21:b7:01:02:03"), other = mac("00:00:01:00:00:00"),
                  random = mac("02:40:8c:00:00:07");
    assert_int_equal(th_oui_count(o), 2);
    assert_view_is(th_oui_maker(o, &m), "Axis Communications AB");
    assert_view_is(th_oui_maker(o, &l), "Lexmark \"\"International\"\", Inc.");
    assert_int_equal(th_oui_maker(o, &other).len, 0);
    assert_int_equal(th_oui_maker(o, &random).len, 0);
    assert_int_equal(th_oui_maker(NULL, &m).len, 0);
    AUTO_ID id = th_identity_new(&(struct th_identity_config){.key = test_key, .oui = o});
    lease(id, 0, NULL, NULL);
    assert_is(id, "camera", "embedded");
    th_oui_free(o);
}

static void it_is_kept(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf again = TH_BUF_INIT;
    lease(id, 0, "MSFT 5.0", NULL);
    serve(id, 1, 88, "krb_tcp", true);
    th_identity_save(id, &out);
    AUTO_ID other = identity_make(0);
    assert_int_equal(th_identity_load(other, out.p, out.len), 0);
    assert_is(other, "server", "Windows");
    assert_int_equal(me(other)->offers, me(id)->offers);
    th_identity_save(other, &again);
    assert_int_equal(again.len, out.len);
    assert_memory_equal(again.p, out.p, out.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_first),
        cmocka_unit_test(a_lease_tells_the_system),
        cmocka_unit_test(the_majority_is_believed),
        cmocka_unit_test(several_systems_share_an_address),
        cmocka_unit_test(what_it_answers_is_what_it_offers),
        cmocka_unit_test(it_announces_what_it_is),
        cmocka_unit_test(a_resolver_is_not_what_it_asks_for),
        cmocka_unit_test(makers_are_known_by_the_list),
        cmocka_unit_test(it_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
