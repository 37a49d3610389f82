/* SPDX-License-Identifier: Apache-2.0 */
/* What is new, and what is done to others: fires on the thing, not on its benign twin. Most stand
 * on two days of an ordinary office of forty devices. */
#include "unit.h"

#include <math.h>

#include "sim.h"

#define HOUR TH_NS_PER_HOUR
#define PAST_HOURS 48
#define NOW (SIM_START + PAST_HOURS * HOUR)

static void office(struct sim *s)
{
    sim_init(s, 1);
    for (int64_t h = 0; h < PAST_HOURS; h++)
        sim_office_hour(s, SIM_START + h * HOUR, 2, 42, false);
    sim_advance(s, NOW);
}

static double raw(const struct sim *s, unsigned device, enum th_feature f)
{
    const struct th_signal *t = sim_find(s, device, f, NOW);
    return t ? t->lgp_raw : 0;
}

static void new_destination(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (unsigned d = 20; d < 40; d++) /* a roll-out: half of them in one hour, then another */
        sim_connect(&s, NOW + d * TH_NS_PER_MIN, d,
            (struct sim_conn){.to = SIM_HOST("rollout.vendor.net"), .port = 443, .in = 5});
    sim_connect(&s, NOW + 50 * TH_NS_PER_MIN, 5,
        (struct sim_conn){.to = SIM_HOST("a.rare.example.org"), .port = 443, .in = 5});
    sim_connect(&s, NOW + 61 * TH_NS_PER_MIN, 6,
        (struct sim_conn){.to = SIM_HOST("rollout.vendor.net"), .port = 443, .in = 5});
    sim_advance(&s, NOW + 2 * HOUR);
    const struct th_signal *rare = sim_find(&s, 5, TH_FEAT_NEW_DESTINATION, NOW);
    assert_non_null(rare);
    assert_true(rare->lgp_raw > 2);
    assert_string_equal(rare->peer_domain, "example.org");
    assert_string_equal(rare->peer_host, "a.rare.example.org");
    assert_int_equal(rare->org_devices, 42); /* and two servers */
    const struct th_signal *spread = sim_find(&s, 6, TH_FEAT_NEW_DESTINATION, NOW);
    assert_true(!spread || spread->lgp_raw < rare->lgp_raw - 1);
    sim_done(&s);
}

/* A device alone in its first minute: everything is new, so nothing is surprising. */
static void first_minute_is_no_surprise(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned i = 0; i < 30; i++)
        sim_connect(&s, SIM_START + SIM_NS(i * 7.3 + 3 * sim_uniform(&s)), 5,
            (struct sim_conn){.to = SIM_ADDRESS(i), .port = 443, .out = 900, .in = 9000});
    sim_advance(&s, SIM_START + HOUR);
    const struct th_signal *n = sim_find(&s, 5, TH_FEAT_NEW_DESTINATION, 0);
    assert_true(!n || n->lgp_raw < 0.5);
    sim_done(&s);
}

static void upload(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    /* A nightly backup of 5 GB that it always made. */
    for (int64_t day = 0; day < 5; day++)
        sim_connect(&s, NOW + day * 24 * HOUR + 3 * HOUR, 8,
            (struct sim_conn){
                .to = SIM_HOST("backup.cloudstore.com"), .port = 443, .out = 5000000000});
    int64_t later = NOW + 5 * 24 * HOUR;
    sim_connect(&s, later + 3 * HOUR, 8,
        (struct sim_conn){.to = SIM_HOST("backup.cloudstore.com"), .port = 443, .out = 5200000000});
    sim_connect(&s, later + 3 * HOUR, 9,
        (struct sim_conn){
            .to = SIM_HOST("drop.example.net"), .port = 443, .out = 5200000000, .seconds = 900});
    sim_advance(&s, later + 5 * HOUR);
    const struct th_signal *u = sim_find(&s, 9, TH_FEAT_UPLOAD, later);
    assert_non_null(u);
    assert_true(u->lgp_raw > 3.5 && u->observed > 5e9 && u->high < 5e8);
    assert_string_equal(u->peer_domain, "example.net");
    const struct th_signal *twin = sim_find(&s, 8, TH_FEAT_UPLOAD, later);
    assert_true(!twin || twin->lgp_raw < 2.2);
    sim_done(&s);
}

/* Half of the office sends between 100 MB and 6 GB to one service, once a day. The next one who
 * does is nothing; 30 MB to a stranger are. */
static void upload_where_many_upload(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (int64_t h = 0; h < 96; h++)
        for (unsigned d = 2; d < 22; d++)
            if ((unsigned)h % 24 == d)
                sim_connect(&s, NOW + h * HOUR + 30 * TH_NS_PER_MIN, d,
                    (struct sim_conn){.to = SIM_HOST("files.sharing.com"),
                        .port = 443,
                        .out = (uint64_t)(1e8 * exp(4 * sim_uniform(&s)))});
    int64_t later = NOW + 96 * HOUR;
    sim_connect(&s, later + HOUR / 2, 30,
        (struct sim_conn){.to = SIM_HOST("files.sharing.com"), .port = 443, .out = 2000000000});
    sim_connect(&s, later + HOUR / 2, 31,
        (struct sim_conn){.to = SIM_HOST("drop.example.net"), .port = 443, .out = 30000000});
    sim_advance(&s, later + 2 * HOUR);
    const struct th_signal *much = sim_find(&s, 30, TH_FEAT_UPLOAD, later);
    const struct th_signal *strange = sim_find(&s, 31, TH_FEAT_UPLOAD, later);
    print_message("# 2 GB to the service %.2f, 30 MB to a stranger %.2f\n",
        much ? much->lgp_raw : 0, strange ? strange->lgp_raw : 0);
    assert_non_null(strange);
    assert_true(!much || much->lgp_raw < 1.5);
    assert_true(strange->lgp_raw > 2);
    assert_non_null(
        strstr(strange->detail, "hardly anybody uses")); /* so "usually" is not its own */
    assert_true(!much || !much->detail[0]);
    sim_done(&s);
}

static void staging(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    sim_connect(&s, NOW + HOUR, 9,
        (struct sim_conn){.to = SIM_INSIDE(1), .port = 445, .out = 9000, .in = 6000000000});
    for (unsigned k = 0; k < 2; k++) /* 9 collected before it sends, 10 only sends */
        sim_connect(&s, NOW + 3 * HOUR, 9 + k,
            (struct sim_conn){.to = SIM_HOST("drop.example.net"), .port = 443, .out = 5000000000});
    sim_advance(&s, NOW + 4 * HOUR);
    assert_true(raw(&s, 9, TH_FEAT_STAGING) > 3);
    assert_non_null(strstr(sim_find(&s, 9, TH_FEAT_STAGING, NOW)->detail, "2 hours after"));
    assert_true(raw(&s, 10, TH_FEAT_STAGING) == 0);
    sim_done(&s);
}

static void lateral_path(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (unsigned h = 0; h < 40;
         h++) { /* an administrator's host that goes on by way of 12, as ever */
        sim_connect(&s, NOW + h * HOUR, 11,
            (struct sim_conn){.to = SIM_INSIDE(12), .port = 22, .out = 9, .in = 9});
        sim_connect(&s, NOW + h * HOUR + TH_NS_PER_MIN, 12,
            (struct sim_conn){.to = SIM_INSIDE(13), .port = 22, .out = 9, .in = 9});
    }
    int64_t later = NOW + 40 * HOUR;
    sim_connect(
        &s, later, 5, (struct sim_conn){.to = SIM_INSIDE(12), .port = 445, .out = 900, .in = 900});
    sim_connect(&s, later + 20 * TH_NS_PER_MIN, 12,
        (struct sim_conn){.to = SIM_INSIDE(14), .port = 3389, .out = 900, .in = 900});
    sim_advance(&s, later + HOUR);
    const struct th_signal *p = sim_find(&s, 12, TH_FEAT_LATERAL, later);
    assert_non_null(p);
    assert_true(p->lgp_raw > 3);
    assert_non_null(strstr(p->detail, "from 10.0.0.5, then to 10.0.0.14"));
    assert_int_equal(p->first_ns, later);
    assert_int_equal(p->peer.slot, 14);
    /* Its habit was none, after its first hour. */
    for (size_t i = 0; i < s.told_n; i++) {
        if (s.told[i].s.feature == TH_FEAT_LATERAL)
            assert_true(s.told[i].start_ns >= later || s.told[i].start_ns == NOW);
    }
    sim_done(&s);
}

/* A scanner knocks at many open doors and says nothing: nobody is administered by that. */
static void a_knock_is_no_administration(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (unsigned said = 0; said < 2; said++) {
        int64_t t = NOW + said * 10 * HOUR;
        for (unsigned d = 12; d < 16; d++)
            sim_connect(&s, t + d * TH_NS_PER_S, 5,
                (struct sim_conn){
                    .to = SIM_INSIDE(d), .port = 22, .out = said * 900, .in = said ? 900 : 40});
        sim_connect(&s, t + 20 * TH_NS_PER_MIN, 12,
            (struct sim_conn){.to = SIM_INSIDE(16 + said), .port = 22, .out = 900, .in = 900});
        sim_advance(&s, t + HOUR);
        assert_int_equal(sim_find(&s, 5, TH_FEAT_NEW_ADMIN_PEER, t) != NULL, said);
        assert_int_equal(sim_find(&s, 13, TH_FEAT_NEW_ADMIN_CLIENT, t) != NULL, said);
        assert_int_equal(sim_find(&s, 12, TH_FEAT_LATERAL, t) != NULL, said);
    }
    sim_done(&s);
}

static void ssh(struct sim *s, int64_t t, unsigned from, unsigned to, bool success)
{
    struct th_ev_ssh ev = {.h = {.kind = TH_KIND_SSH, .time_ns = t}};
    TH_SET(&ev, SSH, auth_success, success);
    TH_SET(&ev, SSH, auth_attempts, success ? 1 : 6);
    TH_SET(&ev, SSH, id_resp_p, 22);
    sim_event(s, &ev.h, from, SIM_INSIDE(to), 22);
}

static void brute_force(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (unsigned i = 0; i < 20; i++) {
        ssh(&s, NOW + i * TH_NS_PER_MIN, 5, 14, false);
        ssh(&s, NOW + i * TH_NS_PER_MIN, SIM_OUTSIDE + i, 15, false);
        ssh(&s, NOW + i * TH_NS_PER_MIN, 6, 16, i > 0); /* mistyped once */
    }
    sim_advance(&s, NOW + HOUR);
    const struct th_signal *out = sim_find(&s, 5, TH_FEAT_BRUTE_FORCE, NOW);
    assert_non_null(out);
    assert_true(out->lgp_raw > 8 && out->observed == 120);
    assert_int_equal(out->peer.slot, 14);
    assert_int_equal(out->peer.port, 22);
    const struct th_signal *in = sim_find(&s, 15, TH_FEAT_BRUTE_FORCE_IN, NOW);
    assert_non_null(in); /* from twenty addresses, one service */
    assert_true(in->observed == 120);
    assert_true(raw(&s, 5, TH_FEAT_LOGIN_FAILED) > 3);
    assert_true(raw(&s, 6, TH_FEAT_BRUTE_FORCE) < 1);
    sim_done(&s);
}

/* A server at which some are wrong in every hour, and one at which nobody ever was. */
static void refused_as_ever(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (int64_t h = 0; h <= 48; h++) {
        unsigned tries = h < 48 ? 8 : 30;
        for (unsigned i = 0; i < tries; i++)
            ssh(&s, NOW + h * HOUR + i * TH_NS_PER_MIN, SIM_OUTSIDE + i, 15, false);
    }
    int64_t last = NOW + 48 * HOUR;
    for (unsigned i = 0; i < 30; i++) {
        ssh(&s, last + i * TH_NS_PER_MIN, SIM_OUTSIDE + i, 16, false);
        ssh(&s, last + i * TH_NS_PER_MIN, 20 + i % 10, 17,
            false); /* ten of ours, three times each */
    }
    sim_advance(&s, last + HOUR);
    const struct th_signal *usual = sim_find(&s, 15, TH_FEAT_BRUTE_FORCE_IN, last);
    const struct th_signal *first = sim_find(&s, 16, TH_FEAT_BRUTE_FORCE_IN, last);
    const struct th_signal *ours = sim_find(&s, 17, TH_FEAT_BRUTE_FORCE_IN, last);
    assert_true(usual && first && ours);
    print_message("# %g of %g: %.2f; %g of %g: %.2f; %g\n", usual->observed, usual->expected,
        usual->lgp_raw, first->observed, first->expected, first->lgp_raw, ours->observed);
    assert_true(usual->lgp_raw < first->lgp_raw / 4);
    assert_true(usual->expected > 20 && usual->expected < 60 && first->expected == 1);
    assert_true(ours->observed == 18 && ours->peer.inside); /* of one of them */
    sim_done(&s);
}

static void rpc(
    struct sim *s, int64_t t, unsigned from, unsigned to, const char *endpoint, const char *op)
{
    struct th_ev_dce_rpc ev = {.h = {.kind = TH_KIND_DCE_RPC, .time_ns = t}};
    TH_SET(&ev, DCE_RPC, endpoint, th_str_c(endpoint));
    TH_SET(&ev, DCE_RPC, operation, th_str_c(op));
    sim_event(s, &ev.h, from, SIM_INSIDE(to), 445);
}

static void remote_administration(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (unsigned h = 0; h < 30; h++) /* two directory servers that replicate, as ever */
        rpc(&s, NOW + h * HOUR, 2, 3, "drsuapi", "DRSGetNCChanges");
    int64_t later = NOW + 30 * HOUR;
    rpc(&s, later, 2, 3, "drsuapi", "DRSGetNCChanges");
    rpc(&s, later, 5, 3, "drsuapi", "DRSGetNCChanges");
    rpc(&s, later, 6, 7, "svcctl", "CreateServiceW");
    rpc(&s, later, 8, 3, "netlogon", "NetrLogonSamLogonEx");
    sim_advance(&s, later + HOUR);
    const struct th_signal *sync = sim_find(&s, 5, TH_FEAT_REMOTE_EXEC, later);
    const struct th_signal *service = sim_find(&s, 6, TH_FEAT_REMOTE_EXEC, later);
    assert_non_null(sync);
    assert_non_null(service);
    assert_true(sync->lgp_raw > 2 && service->lgp_raw > 2);
    assert_non_null(strstr(service->detail, "created a service, CreateServiceW"));
    assert_null(sim_find(&s, 2, TH_FEAT_REMOTE_EXEC, later));
    assert_null(sim_find(&s, 8, TH_FEAT_REMOTE_EXEC, later));
    sim_done(&s);
}

static void modbus(struct sim *s, int64_t t, unsigned from, unsigned to, const char *func)
{
    struct th_ev_modbus ev = {.h = {.kind = TH_KIND_MODBUS, .time_ns = t}};
    TH_SET(&ev, MODBUS, func, th_str_c(func));
    sim_event(s, &ev.h, from, SIM_INSIDE(to), 502);
}

static void controllers(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (unsigned h = 0; h < 30; h++) /* a master and its controller, as ever */
        modbus(&s, NOW + h * HOUR, 2, 3, "WRITE_SINGLE_COIL");
    int64_t later = NOW + 30 * HOUR;
    modbus(&s, later, 2, 3, "WRITE_SINGLE_COIL");
    modbus(&s, later, 5, 3, "WRITE_MULTIPLE_REGISTERS");
    modbus(&s, later, 6, 3, "READ_COILS");
    struct th_ev_s7comm job = {.h = {.kind = TH_KIND_S7COMM, .time_ns = later}};
    TH_SET(&job, S7COMM, function_name, th_str_c("PLC Stop"));
    sim_event(&s, &job.h, 7, SIM_INSIDE(3), 102);
    sim_advance(&s, later + HOUR);
    const struct th_signal *wrote = sim_find(&s, 5, TH_FEAT_CONTROLLER, later);
    const struct th_signal *stopped = sim_find(&s, 7, TH_FEAT_CONTROLLER, later);
    assert_non_null(wrote);
    assert_non_null(stopped);
    assert_true(wrote->lgp_raw > 1 && stopped->lgp_raw > wrote->lgp_raw); /* two write there */
    assert_string_equal(wrote->detail, "wrote values, Modbus, WRITE_MULTIPLE_REGISTERS");
    assert_string_equal(stopped->detail, "stopped or restarted it, S7, PLC Stop");
    assert_null(sim_find(&s, 2, TH_FEAT_CONTROLLER, later));
    assert_null(sim_find(&s, 6, TH_FEAT_CONTROLLER, later));
    sim_done(&s);
}

static void login(
    struct sim *s, int64_t t, unsigned from, unsigned to, const char *method, bool clear)
{
    struct th_ev_login ev = {.h = {.kind = TH_KIND_LOGIN, .time_ns = t}};
    TH_SET(&ev, LOGIN, service, th_str_c("ftp"));
    TH_SET(&ev, LOGIN, user, th_str_c("root"));
    TH_SET(&ev, LOGIN, method, th_str_c(method));
    TH_SET(&ev, LOGIN, cleartext, clear);
    TH_SET(&ev, LOGIN, id_resp_p, 21);
    sim_event(s, &ev.h, from, SIM_INSIDE(to), 21);
}

static void passwords_in_clear_text(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    login(&s, NOW, 2, 3, "PASS", true);
    int64_t later = NOW + HOUR;
    login(&s, later, 2, 3, "PASS", true); /* where it always does */
    login(&s, later, 5, 3, "PASS", true);
    login(&s, later, 6, 3, "CRAM-MD5", false);
    login(&s, later, 7, 3, "COMMUNITY", true);
    sim_advance(&s, later + HOUR);
    const struct th_signal *told = sim_find(&s, 5, TH_FEAT_CLEAR_LOGIN, later);
    assert_non_null(told);
    assert_string_equal(told->detail, "user root, ftp");
    assert_int_equal(told->peer.port, 21);
    assert_null(sim_find(&s, 2, TH_FEAT_CLEAR_LOGIN, later));
    assert_null(sim_find(&s, 6, TH_FEAT_CLEAR_LOGIN, later));
    assert_null(sim_find(&s, 7, TH_FEAT_CLEAR_LOGIN, later));
    sim_done(&s);
}

static void tls(struct sim *s, int64_t t, unsigned from, unsigned to, const char *version,
    const char *fault, const char *validation)
{
    struct th_ev_ssl ev = {.h = {.kind = TH_KIND_SSL, .time_ns = t}};
    struct th_str faults[1] = {th_str_c(fault)};
    TH_SET(&ev, SSL, version, th_str_c(version));
    TH_SET(&ev, SSL, validation_status, th_str_c(validation));
    if (*fault)
        TH_SET(&ev, SSL, cert_faults, ((struct th_strs){faults, 1}));
    sim_event(s, &ev.h, from, SIM_ADDRESS(to), 443);
}

static void certificates_that_do_not_hold(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (unsigned d = 2; d < 40; d++) /* all use one that signs itself */
        tls(&s, NOW, d, 900, "TLSv12", "self_signed", "");
    int64_t later = NOW + HOUR;
    tls(&s, later, 4, 900, "TLSv12", "self_signed", "");
    tls(&s, later, 5, 901, "TLSv12", "self_signed", "");
    tls(&s, later, 6, 902, "TLSv10", "", "");
    tls(&s, later, 7, 903, "TLSv12", "", "certificate has expired");
    tls(&s, later, 8, 904, "TLSv13", "", "ok");
    sim_advance(&s, later + HOUR);
    const struct th_signal *self = sim_find(&s, 5, TH_FEAT_BAD_CERT, later);
    const struct th_signal *old = sim_find(&s, 6, TH_FEAT_BAD_CERT, later);
    const struct th_signal *expired = sim_find(&s, 7, TH_FEAT_BAD_CERT, later);
    assert_true(self && old && expired);
    assert_string_equal(self->detail, "self-signed certificate");
    assert_string_equal(old->detail, "outdated, TLSv10");
    assert_string_equal(expired->detail, "expired certificate");
    assert_null(sim_find(&s, 4, TH_FEAT_BAD_CERT, later));
    assert_null(sim_find(&s, 8, TH_FEAT_BAD_CERT, later));
    sim_done(&s);
}

static void program_from_a_rare_host(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    struct th_str exe = th_str_c("application/x-dosexec");
    struct th_str page = th_str_c("text/html");
    for (unsigned h = 0; h < 10; h++) {
        for (unsigned d = 4; d < 40; d++) {
            struct th_ev_http ev = {.h = {.kind = TH_KIND_HTTP, .time_ns = NOW + h * HOUR + d}};
            TH_SET(&ev, HTTP, uri, th_str_c("/kb123.exe"));
            TH_SET(&ev, HTTP, resp_mime_types,
                (struct th_strs){.v = h == 5 && d > 5 ? &exe : &page, .n = 1});
            sim_event(&s, &ev.h, d, SIM_HOST("update.softwaremaker.com"), 80);
        }
    }
    struct th_ev_http ev = {.h = {.kind = TH_KIND_HTTP, .time_ns = NOW + 10 * HOUR}};
    TH_SET(&ev, HTTP, uri, th_str_c("/invoice.exe"));
    TH_SET(&ev, HTTP, resp_mime_types, (struct th_strs){.v = &exe, .n = 1});
    sim_event(&s, &ev.h, 5, SIM_HOST("files.example.org"), 80);
    ev.h.time_ns++;
    sim_event(&s, &ev.h, 6, SIM_HOST("update.softwaremaker.com"), 80);
    sim_advance(&s, NOW + 11 * HOUR);
    const struct th_signal *rare = sim_find(&s, 5, TH_FEAT_EXE_DOWNLOAD, NOW + 10 * HOUR);
    const struct th_signal *usual = sim_find(&s, 6, TH_FEAT_EXE_DOWNLOAD, NOW + 10 * HOUR);
    assert_non_null(rare);
    assert_true(rare->lgp_raw > 2);
    assert_non_null(strstr(rare->detail, "invoice.exe"));
    assert_true(!usual || usual->lgp_raw < 1);
    sim_done(&s);
}

static void long_connection(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (unsigned d = 10; d < 42; d++) /* a video conference: long, but everybody has it */
        sim_connect(&s, NOW + (int64_t)d / 8 * HOUR, d,
            (struct sim_conn){.to = SIM_HOST("meet.conference.com"),
                .port = 443,
                .out = 9,
                .in = 9,
                .seconds = 3500});
    sim_connect(&s, NOW + 9 * HOUR, 5,
        (struct sim_conn){
            .to = SIM_HOST("tun.example.org"), .port = 443, .out = 9, .in = 9, .seconds = 28800});
    sim_connect(&s, NOW + 9 * HOUR, 12,
        (struct sim_conn){.to = SIM_HOST("meet.conference.com"),
            .port = 443,
            .out = 9,
            .in = 9,
            .seconds = 28800});
    sim_advance(&s, NOW + 10 * HOUR);
    const struct th_signal *l = sim_find(&s, 5, TH_FEAT_LONG_CONN, NOW + 8 * HOUR);
    assert_non_null(l);
    assert_true(l->lgp_raw > 2.5 && l->observed == 28800);
    assert_int_equal(l->last_ns - l->first_ns, 8 * HOUR);
    const struct th_signal *twin = sim_find(&s, 12, TH_FEAT_LONG_CONN, NOW + 8 * HOUR);
    assert_true(!twin || twin->lgp_raw < 1);
    sim_done(&s);
}

static void mining(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    sim_dns(&s, NOW, 5, "eu.pool.supportxmr.com", 1, 0);
    sim_connect(&s, NOW + TH_NS_PER_MIN, 6,
        (struct sim_conn){.to = SIM_HOST("p.example.org"), .port = 3333, .out = 9, .in = 9});
    sim_connect(
        &s, NOW + TH_NS_PER_MIN, 7, (struct sim_conn){.to = SIM_INSIDE(8), .port = 3333, .in = 9});
    sim_advance(&s, NOW + HOUR);
    assert_true(raw(&s, 5, TH_FEAT_MINING) > 2.5);
    assert_true(raw(&s, 6, TH_FEAT_MINING) > 1.5);
    assert_true(raw(&s, 7, TH_FEAT_MINING) == 0);
    sim_done(&s);
}

/* A word of pools between dots and hyphens; of a long one the begin or end of that. */
static void mining_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool pool;
    } names[] = {{"eu.pool.supportxmr.com", true}, {"fr-XMR.example.org", true},
        {"xmr.example.org", true}, {"2miners.com", true}, {"mymonero.example.org", true},
        {"monerowallets.example.org", true}, {"gate.stratum", true}, {"xmrs.example.org", false},
        {"axmr.example.org", false}, {"the-moners.example.org", false},
        {"amonerob.example.org", false}, {"mon.ero.example.org", false},
        {"nano-pool.example.org", false}, {"..--..example.org", false}};
    struct sim s;
    office(&s);
    for (unsigned i = 0; i < TH_ARRAY_LEN(names); i++)
        sim_dns(&s, NOW + i, 5 + i, names[i].name, 1, 0);
    sim_advance(&s, NOW + HOUR);
    for (unsigned i = 0; i < TH_ARRAY_LEN(names); i++)
        if (names[i].pool != (raw(&s, 5 + i, TH_FEAT_MINING) > 0))
            fail_msg("%s", names[i].name);
    sim_done(&s);
}

static void credential_and_client(void **state)
{
    (void)state;
    struct sim s;
    office(&s);
    for (unsigned h = 0; h < 30; h++) {
        for (unsigned d = 2; d < 42; d++) {
            char user[16];
            snprintf(user, sizeof(user), "user%u", h == 29 && d == 5 ? 7 : d);
            struct th_ev_ntlm n = {.h = {.kind = TH_KIND_NTLM, .time_ns = NOW + h * HOUR + d}};
            TH_SET(&n, NTLM, username, th_str_c(user));
            sim_event(&s, &n.h, d, SIM_INSIDE(1), 445);
            struct th_ev_ssl t = {.h = {.kind = TH_KIND_SSL, .time_ns = NOW + h * HOUR + d + 100}};
            TH_SET(&t, SSL, ja4,
                th_str_c(h == 29 && d == 6 ? "t13i0311h2_other" : "t13d1516h2_usual"));
            sim_event(&s, &t.h, d, SIM_HOST("www.searchpage.com"), 443);
        }
    }
    sim_advance(&s, NOW + 30 * HOUR);
    const struct th_signal *user = sim_find(&s, 5, TH_FEAT_NEW_CREDENTIAL, NOW + 29 * HOUR);
    const struct th_signal *client = sim_find(&s, 6, TH_FEAT_NEW_FINGERPRINT, NOW + 29 * HOUR);
    assert_non_null(user);
    assert_non_null(client);
    assert_true(user->lgp_raw > 2 && client->lgp_raw > 2);
    assert_non_null(strstr(user->detail, "user user7"));
    assert_non_null(strstr(client->detail, "JA4 t13i0311h2_other"));
    assert_null(sim_find(&s, 9, TH_FEAT_NEW_CREDENTIAL, NOW + 29 * HOUR));
    assert_null(sim_find(&s, 9, TH_FEAT_NEW_FINGERPRINT, NOW + 29 * HOUR));
    sim_done(&s);
}

static void unusual_hour(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (int64_t day = 0; day < 26; day++) { /* 5 works by day, 6 around the clock */
        for (int64_t h = 0; h < 24; h++) {
            int64_t t = SIM_START + (day * 24 + h) * HOUR;
            if (h >= 8 && h < 17 && day % 7 < 5)
                sim_connect(
                    &s, t, 5, (struct sim_conn){.to = SIM_HOST("www.searchpage.com"), .port = 443});
            sim_connect(
                &s, t + 1, 6, (struct sim_conn){.to = SIM_HOST("www.searchpage.com"), .port = 443});
        }
    }
    int64_t night = SIM_START + (28 * 24 + 3) * HOUR;
    sim_connect(&s, night, 5, (struct sim_conn){.to = SIM_HOST("www.searchpage.com"), .port = 443});
    sim_connect(&s, night, 6, (struct sim_conn){.to = SIM_HOST("www.searchpage.com"), .port = 443});
    sim_advance(&s, night + HOUR);
    const struct th_signal *u = sim_find(&s, 5, TH_FEAT_ACTIVE_HOUR, night);
    assert_non_null(u);
    assert_true(u->lgp_raw > 1.2);
    assert_non_null(strstr(u->detail, "at 3:00"));
    assert_null(sim_find(&s, 6, TH_FEAT_ACTIVE_HOUR, night));
    sim_done(&s);
}

/* A server that the same hosts call for a week, and what a host does that never did. */
static void strangers_at_a_server(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned hour = 0; hour < 7 * 24; hour++) {
        sim_office_hour(&s, SIM_START + hour * TH_NS_PER_HOUR, 10, 40, false);
        for (unsigned i = 0; i < 12; i++)
            sim_connect(&s, SIM_START + hour * TH_NS_PER_HOUR + i * 5 * TH_NS_PER_MIN, 10 + i % 6,
                (struct sim_conn){.to = SIM_INSIDE(1), .port = 8443, .out = 900, .in = 9000});
    }
    int64_t now = SIM_START + 7 * 24 * TH_NS_PER_HOUR;
    for (unsigned i = 0; i < 300; i++)
        sim_connect(&s, now + i * TH_NS_PER_S / 5, SIM_OUTSIDE + 77,
            (struct sim_conn){.to = SIM_INSIDE(1), .port = 8443, .out = 90, .in = 90});
    sim_advance(&s, now + TH_NS_PER_HOUR);
    const struct th_signal *burst = sim_find(&s, 1, TH_FEAT_BURST_IN, now);
    const struct th_signal *one = sim_find(&s, 1, TH_FEAT_FROM_ONE, now);
    const struct th_signal *strange = sim_find(&s, 1, TH_FEAT_STRANGERS_IN, now);
    const struct th_signal *client = sim_find(&s, 1, TH_FEAT_NEW_CLIENT, now);
    assert_non_null(burst);
    assert_non_null(one);
    assert_non_null(strange);
    assert_non_null(client);
    assert_true(burst->observed >= 290 && burst->expected < 20 && burst->lgp_raw > 3);
    assert_true(one->observed == 300 && one->expected < 20);
    assert_true(strange->observed == 300);
    assert_true(client->has_peer && !client->peer.inside && client->lgp_raw > 1.5);
    /* What its clients always do is told of nobody. */
    assert_null(sim_find(&s, 1, TH_FEAT_CLIENTS, now));
    sim_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(new_destination),
        cmocka_unit_test(first_minute_is_no_surprise), cmocka_unit_test(upload),
        cmocka_unit_test(upload_where_many_upload), cmocka_unit_test(staging),
        cmocka_unit_test(lateral_path), cmocka_unit_test(brute_force),
        cmocka_unit_test(refused_as_ever), cmocka_unit_test(a_knock_is_no_administration),
        cmocka_unit_test(remote_administration), cmocka_unit_test(controllers),
        cmocka_unit_test(passwords_in_clear_text), cmocka_unit_test(certificates_that_do_not_hold),
        cmocka_unit_test(program_from_a_rare_host), cmocka_unit_test(long_connection),
        cmocka_unit_test(mining), cmocka_unit_test(mining_names),
        cmocka_unit_test(credential_and_client), cmocka_unit_test(unusual_hour),
        cmocka_unit_test(strangers_at_a_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
