/* SPDX-License-Identifier: Apache-2.0 */
/* Whose name a login is under, and who is nobody. */
#include "unit.h"

#include "base/err.h"
#include "make_event.h"

TH_DEFINE_CLEANUP(struct th_identity, th_identity_free)
#define AUTO_ID TH_CLEANUP(th_identity_freep) struct th_identity *

#define KDC "10.0.0.4"
#define MAIL "10.0.0.5"

static struct th_net_login kerberos_at(struct th_identity *id, int64_t s, const char *from,
    const char *client, const char *service, const char *error)
{
    struct th_who who;
    struct th_ev_kerberos ev = {.h = {.kind = TH_KIND_KERBEROS, .time_ns = T0 + s * TH_NS_PER_S}};
    TH_SET(&ev, KERBEROS, id_orig_h, addr(from));
    TH_SET(&ev, KERBEROS, id_resp_h, addr(KDC));
    TH_SET(&ev, KERBEROS, id_resp_p, 88);
    TH_SET(&ev, KERBEROS, request_type, th_str_c(strncmp(service, "krbtgt", 6) ? "TGS" : "AS"));
    TH_SET(&ev, KERBEROS, client, th_str_c(client));
    TH_SET(&ev, KERBEROS, service, th_str_c(service));
    TH_SET(&ev, KERBEROS, success, error == NULL);
    if (error)
        TH_SET(&ev, KERBEROS, error_msg, th_str_c(error));
    th_identity_event(id, &ev.h, &who);
    return who.login;
}

static struct th_net_login kerberos(struct th_identity *id, const char *client)
{
    return kerberos_at(id, 0, "10.0.1.1", client, "krbtgt/CORP.EXAMPLE", NULL);
}

static struct th_net_login ntlm(struct th_identity *id, const char *user, const char *domain)
{
    struct th_who who;
    struct th_ev_ntlm ev = {.h = {.kind = TH_KIND_NTLM, .time_ns = T0}};
    TH_SET(&ev, NTLM, id_orig_h, addr("10.0.1.2"));
    TH_SET(&ev, NTLM, id_resp_h, addr("10.0.0.6"));
    TH_SET(&ev, NTLM, username, th_str_c(user));
    TH_SET(&ev, NTLM, domainname, th_str_c(domain));
    TH_SET(&ev, NTLM, hostname, th_str_c("WS2"));
    TH_SET(&ev, NTLM, success, true);
    th_identity_event(id, &ev.h, &who);
    return who.login;
}

static struct th_net_login login_at(struct th_identity *id, int64_t s, const char *from,
    const char *to, const char *user, bool success)
{
    struct th_who who;
    struct th_ev_login ev = {.h = {.kind = TH_KIND_LOGIN, .time_ns = T0 + s * TH_NS_PER_S}};
    TH_SET(&ev, LOGIN, id_orig_h, addr(from));
    TH_SET(&ev, LOGIN, id_resp_h, addr(to));
    TH_SET(&ev, LOGIN, service, th_str_c("imap"));
    TH_SET(&ev, LOGIN, method, th_str_c("PLAIN"));
    TH_SET(&ev, LOGIN, user, th_str_c(user));
    TH_SET(&ev, LOGIN, success, success);
    th_identity_event(id, &ev.h, &who);
    return who.login;
}

static struct th_net_login login(struct th_identity *id, const char *user)
{
    return login_at(id, 0, "10.0.1.3", MAIL, user, true);
}

static void however_it_is_written_it_is_one(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    uint64_t anna = kerberos(id, "anna/CORP.EXAMPLE").user;
    assert_true(th_entity_is_user(anna));
    assert_true(kerberos(id, "ANNA/CORP.EXAMPLE").user == anna);
    assert_true(kerberos(id, "anna@corp.example/CORP.EXAMPLE").user == anna);
    assert_true(ntlm(id, "Anna", "CORP").user == anna);
    assert_true(ntlm(id, "corp\\anna", "").user == anna);
    assert_true(ntlm(id, "anna@corp.example", "").user == anna);
    assert_true(login(id, "anna").user == anna);
    assert_true(login(id, "anna@CORP.example").user == anna);
    assert_true(login(id, "anna@mail.corp.example").user == anna); /* of the same domain */
    assert_int_equal(th_identity_users(id), 1);
    assert_string_equal(th_identity_user(id, anna)->name, "anna");
    /* Of another realm, also one that ours trusts, or of one host alone. */
    uint64_t trusted =
        kerberos_at(id, 0, "10.0.1.1", "anna/PARTNER.TEST", "cifs/files.corp.example", NULL).user;
    assert_true(trusted != 0 && trusted != anna);
    uint64_t other = login(id, "anna@elsewhere.test").user;
    assert_true(other != 0 && other != anna);
    assert_string_equal(th_identity_user(id, other)->name, "anna@elsewhere.test");
    uint64_t local = ntlm(id, "anna", "WS2").user;
    assert_true(local != 0 && local != anna && local != other);
    char text[TH_ENTITY_TEXT_LEN];
    uint64_t back = 0;
    th_entity_text(anna, text);
    assert_int_equal(text[0], 'u');
    assert_true(th_entity_parse(th_str_c(text), &back) && back == anna);
}

static void machines_and_guests_are_nobody(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    static const char *const names[] = {"WS1$", "anonymous", "Guest", "", "-", "ftp", "Krbtgt",
        "a-name-that-is-longer-than-any-that-a-directory-would-ever-give-to-anybody"};
    for (size_t i = 0; i < TH_ARRAY_LEN(names); i++)
        assert_true(login(id, names[i]).user == 0);
    assert_true(kerberos(id, "host/ws1.corp.example/CORP.EXAMPLE").user == 0);
    assert_true(kerberos(id, "WS1$/CORP.EXAMPLE").user == 0);
    /* Who is known to a site outside is no user of ours. */
    assert_true(login_at(id, 0, "10.0.1.3", "198.51.100.7", "anna", true).user == 0);
    assert_int_equal(th_identity_users(id), 0);
}

static void a_ticket_names_its_host(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_net_login l =
        kerberos_at(id, 0, "10.0.1.1", "anna/CORP.EXAMPLE", "cifs/files.corp.example", NULL);
    assert_int_equal(l.outcome, TH_NET_LOGIN_OK);
    assert_true(th_str_is(l.target, "files.corp.example"));
    assert_int_equal(kerberos(id, "anna/CORP.EXAMPLE").target.len, 0);
    /* How every login begins is no failure; nor is a ticket that cannot be had. */
    assert_true(kerberos_at(id, 0, "10.0.1.1", "anna/CORP.EXAMPLE", "krbtgt/CORP.EXAMPLE",
                    "KDC_ERR_PREAUTH_REQUIRED")
                    .user == 0);
    assert_true(kerberos_at(id, 0, "10.0.1.1", "anna/CORP.EXAMPLE", "cifs/files.corp.example",
                    "KDC_ERR_S_PRINCIPAL_UNKNOWN")
                    .user == 0);
    l = kerberos_at(
        id, 0, "10.0.1.1", "anna/CORP.EXAMPLE", "krbtgt/CORP.EXAMPLE", "KDC_ERR_PREAUTH_FAILED");
    assert_int_equal(l.outcome, TH_NET_LOGIN_FAILED);
    assert_true(l.known);
}

static void what_is_tried_is_told_of_from_several_alone(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    assert_true(login_at(id, 0, "10.0.1.1", MAIL, "backup", false).user == 0);
    assert_true(login_at(id, 1, "10.0.1.1", MAIL, "backup", false).user == 0);
    struct th_net_login l = login_at(id, 2, "10.0.1.2", MAIL, "backup", false);
    assert_true(l.user != 0 && !l.known);
    assert_string_equal(th_identity_user(id, l.user)->name, "backup");
    assert_int_equal(th_identity_users(id), 0);
    /* Once it is let in, it is known. */
    assert_true(login_at(id, 3, "10.0.1.1", MAIL, "backup", true).known);
    assert_int_equal(th_identity_users(id), 1);
    assert_true(login_at(id, 4, "10.0.1.9", MAIL, "backup", false).known);
}

static void made_up_names_are_bounded(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    struct th_identity_stats stats;
    uint64_t anna = login(id, "anna").user;
    login_at(id, 0, "10.0.1.1", MAIL, "backup", false);
    uint64_t backup = login_at(id, 0, "10.0.1.2", MAIL, "backup", false).user;
    for (int i = 0; i < 1000000; i++) {
        char name[24];
        snprintf(name, sizeof(name), "name%d", i);
        login_at(id, i / 1000, "10.0.1.1", MAIL, name, false);
    }
    th_identity_stats_get(id, &stats);
    assert_true(stats.evicted_names > 990000);
    assert_int_equal(stats.evicted_users, 0);
    assert_int_equal(th_identity_users(id), 1);
    assert_non_null(th_identity_user(id, anna));
    assert_non_null(th_identity_user(id, backup)); /* several tried it: it stays longest */
    TH_AUTOBUF struct th_buf saved = TH_BUF_INIT;
    th_identity_save(id, &saved);
    assert_true(saved.len < 1 << 20);
}

static void unused_for_long_they_are_forgotten(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    uint64_t anna = login(id, "anna").user;
    int64_t later = 36 * TH_NS_PER_DAY / TH_NS_PER_S;
    login_at(id, later, "10.0.1.3", MAIL, "berta", true);
    login_at(id, later + 1, "10.0.1.3", MAIL, "berta", true);
    assert_null(th_identity_user(id, anna));
    assert_int_equal(th_identity_users(id), 1);
}

static void forgotten_at_wish(void **state)
{
    (void)state;
    AUTO_ID id = identity_make(0);
    uint64_t anna = kerberos(id, "anna/CORP.EXAMPLE").user;
    struct th_addr a = addr("10.0.1.1");
    struct th_entity *device = th_identity_find(id, th_identity_holder(id, &a));
    assert_string_equal(device->user, "anna");
    assert_true(th_identity_forget(id, anna));
    assert_null(th_identity_user(id, anna));
    assert_string_equal(device->user, "");
    assert_false(th_identity_forget(id, anna));
}

static void feed(struct th_identity *id, int from, int to)
{
    for (int i = from; i < to; i++) {
        char name[24];
        char host[24];
        snprintf(name, sizeof(name), "user%d", i % 150);
        snprintf(host, sizeof(host), "10.0.2.%d", i % 40 + 1);
        login_at(id, i * 60, host, MAIL, name, i % 3 == 0);
        snprintf(name, sizeof(name), "made%d", i % 5000);
        login_at(id, i * 60, host, MAIL, name, false);
    }
}

static void saved_in_the_middle_goes_on_the_same(void **state)
{
    (void)state;
    AUTO_ID whole = identity_make(0);
    AUTO_ID first = identity_make(0);
    AUTO_ID second = identity_make(0);
    kerberos(whole, "anna/CORP.EXAMPLE");
    kerberos(first, "anna/CORP.EXAMPLE");
    assert_goes_on_the_same(whole, first, second, feed, 9000);
    assert_true(th_identity_users(whole) > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(however_it_is_written_it_is_one),
        cmocka_unit_test(machines_and_guests_are_nobody), cmocka_unit_test(a_ticket_names_its_host),
        cmocka_unit_test(what_is_tried_is_told_of_from_several_alone),
        cmocka_unit_test(made_up_names_are_bounded),
        cmocka_unit_test(unused_for_long_they_are_forgotten), cmocka_unit_test(forgotten_at_wish),
        cmocka_unit_test(saved_in_the_middle_goes_on_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
