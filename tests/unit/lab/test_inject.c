/* SPDX-License-Identifier: Apache-2.0 */
/* Injections: they are in, they are told, and the background does not know of them. */
#include "unit.h"

#include "base/err.h"
#include "base/mem.h"
#include "office.h"

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct office_event *)a)->hash, y = ((const struct office_event *)b)->hash;
    return (x > y) - (x < y);
}

static const char *const every_kind[] = {"beacon@+5m:period=30",
    "exfiltration@+10m:bytes=50M,hours=1h", "scan@+5m:rate=60", "dns-tunnel@+5m:rate=2k,hours=10m",
    "dga@+5m:rate=200", "lateral@+20m:hours=20m", "lateral@+1h:habit=3,hours=20m",
    "takeover@+10m:hosts=4,hours=20m", "poisoning@+30m:span=1h", "brute-force@+5m", NULL};

static void background_unchanged(void **state)
{
    (void)state;
    struct office a = office_init(11), b = office_init(11);
    for (unsigned i = 0; every_kind[i]; i++)
        b.inject[i] = every_kind[i];
    office_run(&a);
    office_run(&b);
    assert_true(b.n > a.n + 500);
    qsort(a.v, a.n, sizeof *a.v, by_hash);
    qsort(b.v, b.n, sizeof *b.v, by_hash);
    size_t at = 0, missing = 0;
    for (size_t i = 0; i < a.n; i++) {
        while (at < b.n && b.v[at].hash < a.v[i].hash)
            at++;
        missing += at == b.n || b.v[at].hash != a.v[i].hash;
    }
    assert_int_equal(missing, 0);
    office_done(&a);
    office_done(&b);
}

struct tally {
    const struct lab_inject *of;
    struct office *office;
    uint64_t conns, bytes, dns, nx, smb, svcctl, first, last;
};

static bool below(struct th_str name, struct th_str zone)
{
    return name.len >= zone.len && memcmp(name.p + name.len - zone.len, zone.p, zone.len) == 0;
}

static void tally(void *arg, const struct th_event *ev)
{
    struct tally *t = arg;
    if (!t->of)
        t->of = t->office->sim->inject[0];
    const struct th_ev_dns *d = (const struct th_ev_dns *)ev;
    if (ev->kind == TH_KIND_X509 || ev->kind == TH_KIND_FILES || ev->kind == TH_KIND_DHCP ||
        ev->kind == TH_KIND_ARP || !th_addr_eq(&d->id_orig_h, &t->of->actor.dev->addr))
        return;
    if (ev->kind == TH_KIND_CONN) {
        const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
        bool is_host = false;
        for (unsigned i = 0; t->of->host && i < t->of->host->n4; i++)
            is_host = is_host || th_addr_eq(&c->id_resp_h, &t->of->host->v4[i]);
        if (is_host && !TH_HAS(c, CONN, partial)) {
            t->conns++;
            t->bytes += c->orig_bytes;
        }
    } else if (ev->kind == TH_KIND_DNS && t->of->host && below(d->query, t->of->host->name)) {
        t->dns++;
    } else if (ev->kind == TH_KIND_DNS) {
        t->nx += d->rcode == 3;
    } else if (ev->kind == TH_KIND_DCE_RPC) {
        t->svcctl += th_str_is(((const struct th_ev_dce_rpc *)ev)->operation, "CreateServiceW");
    } else if (ev->kind == TH_KIND_SMB_FILES) {
        t->smb += th_str_ends(((const struct th_ev_smb_files *)ev)->name, ".lckd");
    }
}

static struct tally run_one(struct office *o, const char *spec)
{
    struct tally t = {.office = o};
    o->inject[0] = spec;
    o->each = tally;
    o->arg = &t;
    o->opt.end_ns = o->opt.start_ns + 6 * TH_NS_PER_HOUR;
    office_run(o);
    return t;
}

static void beacon_is_seen_as_told(void **state)
{
    (void)state;
    struct office o = office_init(21);
    struct tally t = run_one(&o, "beacon@+30m:period=60,jitter=0,hours=2h");
    const struct lab_inject *i = o.sim->inject[0];
    assert_int_equal(t.conns, i->actions);
    assert_in_range(i->actions, 118, 121);
    assert_true(i->last_ns - i->first_ns > 115 * TH_NS_PER_MIN);
    office_done(&o);
}

static void exfiltration_is_exact(void **state)
{
    (void)state;
    struct office o = office_init(22);
    struct tally t = run_one(&o, "exfiltration@+30m:bytes=200M,hours=2h");
    assert_true(t.bytes >= 200000000 && t.bytes < 202000000);
    office_done(&o);
}

static void tunnel_and_names(void **state)
{
    (void)state;
    struct office o = office_init(23);
    struct tally t = run_one(&o, "dns-tunnel@+30m:rate=200,hours=30m");
    assert_true(t.dns > 600); /* 30 minutes of 200 bytes/s in names of some 110 letters */
    office_done(&o);
    o = office_init(23);
    t = run_one(&o, "dga@+30m:rate=600,hours=30m");
    assert_true(t.nx > 200);
    office_done(&o);
}

static void movement_and_encryption(void **state)
{
    (void)state;
    struct office o = office_init(24);
    struct tally t = run_one(&o, "lateral@+30m:hops=1");
    assert_int_equal(t.svcctl, 1);
    office_done(&o);
    o = office_init(24);
    t = run_one(&o, "ransomware@+30m:rate=50,hours=10m");
    assert_int_equal(t.smb, 500);
    office_done(&o);
}

/* What one account did, and how much went to the injection's host before and after the start. */
struct account {
    struct office *office;
    uint64_t logins, before, early, late, conns_tls;
};

static void watch_account(void *arg, const struct th_event *ev)
{
    struct account *t = arg;
    const struct lab_inject *i = t->office->sim->inject[0];
    if (ev->kind == TH_KIND_NTLM) {
        const struct th_ev_ntlm *n = (const struct th_ev_ntlm *)ev;
        bool mine = i->user && th_str_is(n->username, i->user) &&
            th_str_is(n->hostname, i->actor.dev->name);
        t->logins += mine;
        t->before += mine && n->ts < i->start_ns;
    } else if (ev->kind == TH_KIND_CONN && i->host) {
        const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
        if (!th_addr_eq(&c->id_orig_h, &i->actor.dev->addr) || TH_HAS(c, CONN, partial) ||
            c->orig_bytes < 1000000)
            return;
        bool host = false;
        for (unsigned k = 0; k < i->host->n4; k++)
            host = host || th_addr_eq(&c->id_resp_h, &i->host->v4[k]);
        if (host && c->ts < i->start_ns)
            t->early = TH_MAX(t->early, c->orig_bytes);
        else if (host)
            t->late = TH_MAX(t->late, c->orig_bytes);
    } else if (ev->kind == TH_KIND_SSL && i->host) {
        t->conns_tls += th_str_eq(((const struct th_ev_ssl *)ev)->server_name, i->host->name);
    }
}

static struct account run_account(struct office *o, const char *spec, int64_t hours)
{
    struct account t = {.office = o};
    o->inject[0] = spec;
    o->each = watch_account;
    o->arg = &t;
    o->opt.end_ns = o->opt.start_ns + hours * TH_NS_PER_HOUR;
    office_run(o);
    return t;
}

static void account_is_taken_over(void **state)
{
    (void)state;
    struct office o = office_init(28);
    struct account t = run_account(&o, "takeover@+1h:hosts=6,hours=1h", 4);
    const struct lab_inject *i = o.sim->inject[0];
    assert_int_equal(i->actions, 6);
    assert_int_equal(t.logins, 6);
    assert_int_equal(t.before, 0);
    assert_string_not_equal(i->user, o.sim->person[i->actor.dev->person].user);
    office_done(&o);
}

static void path_is_a_habit(void **state)
{
    (void)state;
    struct office o = office_init(29);
    struct account t = run_account(&o, "lateral@+34h:hops=2,habit=4,hours=1h", 36);
    const struct lab_inject *i = o.sim->inject[0];
    assert_int_equal(i->actions, 2);
    assert_in_range(t.before, 1, 4);
    assert_true(t.logins > t.before);
    office_done(&o);
}

static void poison_is_slow(void **state)
{
    (void)state;
    struct office o = office_init(30);
    struct account t = run_account(&o, "poisoning@+10h:base=9M,factor=40,span=26h,keep=8h", 2 * 24);
    const struct lab_inject *i = o.sim->inject[0];
    assert_true(i->first_ns >= i->start_ns && i->actions > 5);
    assert_true(t.early > 1000000);
    assert_true(t.late > 10 * t.early);
    office_done(&o);
}

static void pool_behind_tls(void **state)
{
    (void)state;
    struct office o = office_init(31);
    struct account t = run_account(&o, "mining@+9h:tls=yes,port=443,prefix=cdn,hours=4h", 14);
    const struct lab_inject *i = o.sim->inject[0];
    assert_memory_equal(i->host->name.p, "cdn.", 4);
    assert_int_equal(t.conns_tls, i->actions);
    assert_true(i->actions > 0);
    office_done(&o);
}

static void victims_differ(void **state)
{
    (void)state;
    struct office o = office_init(32);
    for (unsigned i = 0; i < 4; i++)
        o.inject[i] = (const char *[]){"dga@+1h", "beacon@+1h", "mining@+1h", "scan@+1h"}[i];
    office_run(&o);
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t k = 0; k < i; k++)
            assert_ptr_not_equal(o.sim->inject[i]->actor.dev, o.sim->inject[k]->actor.dev);
    office_done(&o);
}

static void story_has_one_device(void **state)
{
    (void)state;
    struct office o = office_init(25);
    o.story = true;
    o.opt.end_ns = o.opt.start_ns + 8 * TH_NS_PER_HOUR;
    office_run(&o);
    assert_int_equal(o.sim->inject_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        const struct lab_inject *k = o.sim->inject[i];
        assert_ptr_equal(k->actor.dev, o.sim->inject[0]->actor.dev);
        assert_true(k->actions > 0);
        if (k->host)
            assert_ptr_equal(k->host, o.sim->inject[0]->host);
    }
    office_done(&o);
}

static void truth_is_json(void **state)
{
    (void)state;
    struct office o = office_init(26);
    o.inject[0] = "beacon@2026-03-02T09:15:00Z:device=ws-01,host=c2.example.net,period=120";
    office_run(&o);
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    lab_inject_truth(o.sim->inject[0], &b);
    th_buf_u8(&b, 0);
    const char *text = (const char *)b.p;
    assert_non_null(strstr(text, "\"kind\":\"beacon\""));
    assert_non_null(strstr(text, "\"hostname\":\"ws-01\""));
    assert_non_null(strstr(text, "\"host\":\"c2.example.net\""));
    assert_non_null(strstr(text, "\"technique\":\"T1071.001\""));
    office_done(&o);
}

static void bad_specifications(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "nonsense", "beacon@tomorrow", "beacon@+5x",
        "beacon:device=nobody-has-this-name", "@", ":", "beacon@-5m"};
    struct office o = office_init(27);
    office_run(&o);
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++) {
        char message[160] = "";
        assert_int_equal(lab_inject_add(o.sim, bad[i], message, sizeof message), -EINVAL);
        assert_true(strlen(message) > 10);
    }
    office_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(background_unchanged),
        cmocka_unit_test(beacon_is_seen_as_told),
        cmocka_unit_test(exfiltration_is_exact),
        cmocka_unit_test(tunnel_and_names),
        cmocka_unit_test(movement_and_encryption),
        cmocka_unit_test(account_is_taken_over),
        cmocka_unit_test(path_is_a_habit),
        cmocka_unit_test(poison_is_slow),
        cmocka_unit_test(pool_behind_tls),
        cmocka_unit_test(victims_differ),
        cmocka_unit_test(story_has_one_device),
        cmocka_unit_test(truth_is_json),
        cmocka_unit_test(bad_specifications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
