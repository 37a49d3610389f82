/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "make_event.h"

#define MAC_A "02:00:00:00:00:0a"
#define MAC_B "02:00:00:00:00:0b"
#define MAC_R "02:00:00:00:00:ff"

TH_DEFINE_CLEANUP(struct th_identity, th_identity_free)
#define AUTO_ID TH_CLEANUP(th_identity_freep) struct th_identity *

static uint64_t orig_id(struct th_identity *id, const struct th_event *ev)
{
    struct th_entity *e = orig_of(id, ev);
    return e ? e->id : 0;
}

static void address_alone(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_conn a = conn(0, "10.0.0.5", "198.51.100.1", NULL, NULL, NULL);
    struct th_ev_conn again = conn(9, "10.0.0.5", "198.51.100.2", NULL, NULL, NULL);
    struct th_ev_conn other = conn(9, "10.0.0.6", "198.51.100.2", NULL, NULL, NULL);
    uint64_t first = orig_id(id, &a.h);
    assert_int_not_equal(first, 0);
    assert_true(first >> 50 == 0);
    assert_true(orig_id(id, &again.h) == first);
    assert_true(orig_id(id, &other.h) != first);
    assert_int_equal(th_identity_count(id), 2);
    assert_ptr_equal(th_identity_find(id, first), th_identity_slot(id, 0));
    assert_int_equal(th_identity_slot(id, 0)->last_ns - T0, 9 * TH_NS_PER_S);
}

static void no_device_of_group_addresses(void **state)
{
    (void)state;
    static const char *const none[] = {
        "224.0.0.251", "255.255.255.255", "0.0.0.0", "127.0.0.1", "::", "::1", "ff02::1"};
    AUTO_ID id = identity_make(0);
    for (size_t i = 0; i < TH_ARRAY_LEN(none); i++) {
        struct th_ev_conn from = conn(0, none[i], "198.51.100.1", MAC_A, NULL, NULL);
        struct th_ev_conn to = conn(0, "203.0.113.1", none[i], NULL, NULL, NULL);
        struct th_who who;
        assert_null(orig_of(id, &from.h));
        th_identity_event(id, &to.h, &who);
        assert_null(who.resp);
    }
    assert_int_equal(th_identity_count(id), 0);
}

static void keeps_id_when_mac_is_learned(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_conn before = conn(0, "10.0.0.5", "198.51.100.1", NULL, NULL, NULL);
    struct th_ev_arp a = arp(5, "10.0.0.5", MAC_A);
    struct th_ev_dhcp moved = dhcp(100, "10.0.0.77", MAC_A, "laptop-7");
    struct th_ev_conn after = conn(200, "10.0.0.77", "198.51.100.1", NULL, NULL, NULL);
    uint64_t first = orig_id(id, &before.h);
    assert_true(orig_id(id, &a.h) == first);
    assert_true(orig_id(id, &moved.h) == first);
    assert_true(orig_id(id, &after.h) == first);
    struct th_entity *e = th_identity_find(id, first);
    assert_true(e->has_mac);
    assert_string_equal(e->hostname, "laptop-7");
    assert_int_equal(th_identity_count(id), 2); /* it and the DHCP server */
}

/* DHCPv6's REPLY is what ACK is to IPv4: the same device by its hardware address, both leases kept.
 */
static void two_leases_of_one_device(void **state)
{
    (void)state;
    static const struct th_str reply = {"REPLY", 5}, advertise = {"ADVERTISE", 9};
    AUTO_ID id = identity_make(0);
    struct th_ev_dhcp four = dhcp(0, "10.0.0.5", MAC_A, "pc-7");
    struct th_ev_dhcp six = dhcp(5, "fd00::7", MAC_A, NULL),
                      offer = dhcp(6, "fd00::8", MAC_A, NULL);
    struct th_ev_conn by4 = conn(10, "10.0.0.5", "198.51.100.1", NULL, NULL, NULL);
    struct th_ev_conn by6 = conn(11, "fd00::7", "2001:db8::1", NULL, NULL, NULL);
    struct th_ev_conn no6 = conn(12, "fd00::8", "2001:db8::1", NULL, NULL, NULL);
    TH_SET(&six, DHCP, msg_types, (struct th_strs){&reply, 1});
    TH_SET(&offer, DHCP, msg_types, (struct th_strs){&advertise, 1});
    uint64_t first = orig_id(id, &four.h);
    assert_true(orig_id(id, &six.h) == first);
    struct th_who who;
    th_identity_event(id, &offer.h, &who);
    assert_true(orig_id(id, &by4.h) == first);
    assert_true(orig_id(id, &by6.h) == first);
    assert_true(orig_id(id, &no6.h) != first);
}

static void lease_moves_device_and_frees_address(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_dhcp one = dhcp(0, "10.0.0.5", MAC_A, "a");
    struct th_ev_dhcp two = dhcp(1000, "10.0.0.6", MAC_A, "a");
    struct th_ev_conn old = conn(1001, "10.0.0.5", "198.51.100.1", NULL, NULL, NULL);
    struct th_ev_conn fresh = conn(1002, "10.0.0.6", "198.51.100.1", NULL, NULL, NULL);
    uint64_t a = orig_id(id, &one.h);
    assert_true(orig_id(id, &two.h) == a);
    assert_true(orig_id(id, &fresh.h) == a);
    assert_true(orig_id(id, &old.h) != a);
    struct th_binding h[4];
    assert_int_equal(th_identity_history(id, 0, h, 4), 2);
    assert_true(h[0].from_ns == T0 + 1000 * TH_NS_PER_S && h[0].to_ns == INT64_MAX);
    assert_true(h[1].from_ns == T0 && h[1].to_ns == T0 + 1000 * TH_NS_PER_S);
}

static void late_event_goes_to_who_held_it_then(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_dhcp a = dhcp(0, "10.0.0.5", MAC_A, "a");
    struct th_ev_dhcp a_moves = dhcp(3600, "10.0.0.6", MAC_A, "a");
    struct th_ev_dhcp b = dhcp(7200, "10.0.0.5", MAC_B, "b");
    struct th_ev_conn late = conn(600, "10.0.0.5", "198.51.100.1", NULL, NULL, NULL);
    struct th_ev_conn now = conn(7300, "10.0.0.5", "198.51.100.1", NULL, NULL, NULL);
    uint64_t id_a = orig_id(id, &a.h);
    orig_id(id, &a_moves.h);
    uint64_t id_b = orig_id(id, &b.h);
    assert_true(id_a != id_b);
    assert_true(orig_id(id, &late.h) == id_a);
    assert_true(orig_id(id, &now.h) == id_b);
}

/* Another source is a little behind: what it says of before does not undo what is known of now. */
static void older_word_of_another_source(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_dhcp b = dhcp(100, "10.0.0.5", MAC_B, "b");
    struct th_ev_dhcp a = dhcp(95, "10.0.0.5", MAC_A, "a");
    struct th_ev_conn now = conn(101, "10.0.0.5", "198.51.100.1", NULL, NULL, NULL);
    uint64_t id_b = orig_id(id, &b.h);
    orig_id(id, &a.h);
    assert_true(orig_id(id, &now.h) == id_b);
}

/* A host that has had many addresses is no router because old words of it come late. */
static void late_words_make_no_router(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_identity_stats st;
    for (int i = 0; i < 4; i++) {
        char text[16];
        snprintf(text, sizeof(text), "10.0.0.%d", i + 5);
        struct th_ev_conn ev = conn(i * 7200, text, "198.51.100.1", MAC_A, NULL, NULL);
        orig_id(id, &ev.h);
    }
    struct th_ev_conn late = conn(1800, "10.0.0.99", "198.51.100.1", MAC_A, NULL, NULL);
    orig_id(id, &late.h);
    th_identity_stats_get(id, &st);
    assert_int_equal(st.gateways, 0);
}

static void router_mac_identifies_nobody(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    /* The router's MAC stands beside outside addresses: hosts behind it stay apart. */
    struct th_ev_conn out = conn(0, "10.0.0.5", "198.51.100.1", MAC_A, MAC_R, NULL);
    struct th_ev_conn x = conn(1, "10.9.0.1", "10.0.0.5", MAC_R, MAC_A, NULL);
    struct th_ev_conn y = conn(2, "10.9.0.2", "10.0.0.5", MAC_R, MAC_A, NULL);
    uint64_t a = orig_id(id, &out.h);
    uint64_t id_x = orig_id(id, &x.h);
    assert_true(id_x != orig_id(id, &y.h) && id_x != a);
    assert_false(th_identity_find(id, id_x)->has_mac);
    assert_true(th_identity_find(id, a)->has_mac);
    struct th_identity_stats st;
    th_identity_stats_get(id, &st);
    assert_int_equal(st.gateways, 1);
}

static void router_found_late_undoes_bindings(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_conn x = conn(0, "10.9.0.1", "10.0.0.5", MAC_R, NULL, NULL);
    struct th_ev_conn y = conn(1000, "10.9.0.2", "10.0.0.5", MAC_R, NULL, NULL);
    uint64_t id_x = orig_id(id, &x.h);
    assert_true(orig_id(id, &y.h) == id_x); /* looks like one that moved */
    struct th_ev_conn out = conn(1001, "10.0.0.5", "198.51.100.1", NULL, MAC_R, NULL);
    orig_id(id, &out.h);
    y.h.time_ns += 2 * TH_NS_PER_S;
    uint64_t id_y = orig_id(id, &y.h);
    assert_true(id_y != id_x);
    x.h.time_ns = y.h.time_ns;
    assert_true(orig_id(id, &x.h) == id_x);
    assert_false(th_identity_find(id, id_x)->has_mac);
}

static void many_inside_addresses_make_a_router(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    uint64_t seen[6];
    for (int i = 0; i < 6; i++) {
        char text[16];
        snprintf(text, sizeof(text), "10.9.0.%d", i + 1);
        struct th_ev_conn ev = conn(i, text, "10.0.0.5", MAC_R, NULL, NULL);
        seen[i] = orig_id(id, &ev.h);
    }
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < i; k++)
            assert_true(seen[i] != seen[k]);
    struct th_identity_stats st;
    th_identity_stats_get(id, &st);
    assert_int_equal(st.gateways, 1);
}

static void link_local_joins_by_mac(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_arp a = arp(0, "10.0.0.5", MAC_A);
    struct th_ev_conn v6 = conn(1, "fe80::1234", "ff02::1", MAC_A, NULL, NULL);
    struct th_ev_conn eui = conn(2, "fe80::ff:fe00:a", "ff02::1", NULL, NULL, NULL);
    uint64_t first = orig_id(id, &a.h);
    assert_true(orig_id(id, &v6.h) == first);
    assert_true(orig_id(id, &eui.h) == first);
    struct th_addr shown = addr("10.0.0.5");
    assert_true(th_addr_eq(&th_identity_find(id, first)->addr, &shown));
}

static void spoofed_arp_does_not_rob_a_live_holder(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_arp owner = arp(0, "10.0.0.5", MAC_A);
    struct th_ev_arp thief = arp(10, "10.0.0.5", MAC_B);
    struct th_ev_arp heir = arp(4000, "10.0.0.5", MAC_B);
    uint64_t first = orig_id(id, &owner.h);
    assert_true(orig_id(id, &thief.h) == first);
    assert_true(orig_id(id, &heir.h) != first);
}

static void scan_fills_no_table(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    for (int i = 0; i < 200; i++) {
        char text[16];
        snprintf(text, sizeof(text), "10.1.2.%d", i + 1);
        struct th_ev_conn ev = conn(i, "10.0.0.5", text, NULL, NULL, NULL);
        TH_SET(&ev, CONN, conn_state, th_str_c(i % 2 ? "S0" : "REJ"));
        struct th_who who;
        th_identity_event(id, &ev.h, &who);
        assert_null(who.resp);
        assert_true(who.resp_peer.inside);
        assert_true(who.resp_peer.slot == UINT32_MAX && who.resp_peer.key != 0);
    }
    assert_int_equal(th_identity_count(id), 1);
}

static void full_table_counts(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(10);
    for (int i = 0; i < 30; i++) {
        char text[16];
        snprintf(text, sizeof(text), "10.1.2.%d", i + 1);
        struct th_ev_conn ev = conn(i, text, "198.51.100.1", NULL, NULL, NULL);
        assert_true((orig_of(id, &ev.h) != NULL) == (i < 10));
    }
    struct th_identity_stats st;
    th_identity_stats_get(id, &st);
    assert_int_equal(st.refused_entities, 20);
}

/* Addresses beyond the cap (4 x max(entities, 256)) push out the longest unused. */
static void old_addresses_make_room(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(10);
    for (int i = 0; i < 3000; i++) {
        char text[24];
        snprintf(text, sizeof(text), "10.1.%d.%d", i / 250, i % 250 + 1);
        struct th_ev_conn ev = conn(i, text, "198.51.100.1", NULL, NULL, NULL);
        orig_of(id, &ev.h);
    }
    struct th_identity_stats st;
    th_identity_stats_get(id, &st);
    assert_int_equal(st.evicted_addresses, 3000 - 1024);
}

static void users_and_names(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_ev_ntlm n = {.h = {.kind = TH_KIND_NTLM, .time_ns = T0}};
    TH_SET(&n, NTLM, id_orig_h, addr("10.0.0.5"));
    TH_SET(&n, NTLM, id_resp_h, addr("10.0.0.9"));
    TH_SET(&n, NTLM, hostname, th_str_c("WS5"));
    TH_SET(&n, NTLM, username, th_str_c("pgustavo"));
    TH_SET(&n, NTLM, server_dns_computer_name, th_str_c("dc1.corp.example"));
    struct th_entity *e = orig_of(id, &n.h);
    assert_string_equal(e->hostname, "WS5");
    assert_string_equal(e->user, "pgustavo");
    assert_string_equal(th_identity_slot(id, 1)->hostname, "dc1.corp.example");

    struct th_ev_kerberos k = {.h = {.kind = TH_KIND_KERBEROS, .time_ns = T0}};
    TH_SET(&k, KERBEROS, id_orig_h, addr("10.0.0.5"));
    TH_SET(&k, KERBEROS, id_resp_h, addr("10.0.0.9"));
    TH_SET(&k, KERBEROS, client, th_str_c("WORKSTATION5$/CORP.EXAMPLE"));
    orig_of(id, &k.h);
    assert_string_equal(e->hostname, "WORKSTATION5");
    assert_string_equal(e->user, "pgustavo");
    TH_SET(&k, KERBEROS, client, th_str_c("nmartha/CORP.EXAMPLE"));
    orig_of(id, &k.h);
    assert_string_equal(e->user, "nmartha");

    struct th_ev_dhcp d = dhcp(1, "10.0.0.5", MAC_A, "evil\x1b[2Jname");
    orig_of(id, &d.h);
    assert_string_equal(e->hostname, "evil?[2Jname");
    orig_of(id, &n.h);
    assert_string_equal(e->hostname, "evil?[2Jname"); /* DHCP outranks NTLM */
}

static void text_is_reversible(void **state)
{
    (void)state;
    char text[TH_ENTITY_TEXT_LEN];
    th_entity_text(0, text);
    assert_string_equal(text, "daaaaaaaaaa");
    th_entity_text((UINT64_C(1) << 50) - 1, text);
    assert_string_equal(text, "d7777777777");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_alone),
        cmocka_unit_test(no_device_of_group_addresses),
        cmocka_unit_test(keeps_id_when_mac_is_learned),
        cmocka_unit_test(two_leases_of_one_device),
        cmocka_unit_test(lease_moves_device_and_frees_address),
        cmocka_unit_test(late_event_goes_to_who_held_it_then),
        cmocka_unit_test(older_word_of_another_source),
        cmocka_unit_test(late_words_make_no_router),
        cmocka_unit_test(router_mac_identifies_nobody),
        cmocka_unit_test(router_found_late_undoes_bindings),
        cmocka_unit_test(many_inside_addresses_make_a_router),
        cmocka_unit_test(link_local_joins_by_mac),
        cmocka_unit_test(spoofed_arp_does_not_rob_a_live_holder),
        cmocka_unit_test(scan_fills_no_table),
        cmocka_unit_test(full_table_counts),
        cmocka_unit_test(old_addresses_make_room),
        cmocka_unit_test(users_and_names),
        cmocka_unit_test(text_is_reversible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
