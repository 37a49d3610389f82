/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an office: counted in the events that it makes. */
#include "unit.h"

#include <math.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "life.h"
#include "office.h"
#include "roles.h"

#define DAY(n) (OFFICE_MONDAY + (n)*TH_NS_PER_DAY)

static struct office life(uint64_t seed, const char *list, uint32_t devices, int64_t days)
{
    struct office o = office_init(seed);
    char message[160];
    o.light = true;
    o.opt.devices = devices;
    o.opt.start_ns = OFFICE_MONDAY;
    o.opt.end_ns = DAY(days);
    if (*list)
        assert_int_equal(
            lab_life_parse(list, OFFICE_MONDAY, &o.opt.life, message, sizeof message), 0);
    return o;
}

static const struct lab_fact *fact(const struct office *o, enum lab_life_kind k)
{
    for (const struct lab_fact *f = o->sim->life->facts; f; f = f->next)
        if (f->kind == k && f->first_ns != INT64_MAX)
            return f;
    fail_msg("nothing of %s was told", lab_life_info(k)->name);
    return NULL;
}

static bool did(const struct lab_fact *f, uint32_t no)
{
    return f->seen[no / 8] >> no % 8 & 1;
}

static uint32_t count_devices(const struct office *o, const struct lab_fact *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < o->sim->dev_count; i++)
        n += did(f, i);
    return n;
}

/* ---- the list ---- */

static void lists(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ",", "nothing", "roles@+1d", "all@+1d", "patch@",
        "patch@x", "merger@2026-13-01T00:00:00Z"};
    struct lab_life_plan p;
    char message[160] = "";
    for (size_t i = 0; i < TH_ARRAY_LEN(bad); i++)
        assert_int_equal(
            lab_life_parse(bad[i], OFFICE_MONDAY, &p, message, sizeof message), -EINVAL);
    assert_true(strlen(message) > 10);
    assert_int_equal(lab_life_parse("all", OFFICE_MONDAY, &p, message, sizeof message), 0);
    assert_int_equal(p.wanted, (1u << LAB_LIFE_COUNT) - 1);
    assert_int_equal(p.when[LAB_LIFE_PATCH].n, 2);
    /* A time that is given stands for the usual ones, wherever it stands; weeks begin on Monday. */
    assert_int_equal(
        lab_life_parse("patch@+1d,changes,patch@+2d", DAY(3) + 7, &p, message, sizeof message), 0);
    assert_int_equal(p.when[LAB_LIFE_PATCH].n, 2);
    assert_int_equal(p.when[LAB_LIFE_PATCH].at_ns[0], DAY(1));
    assert_int_equal(p.when[LAB_LIFE_PATCH].at_ns[1], DAY(2));
    assert_int_equal(p.when[LAB_LIFE_MERGER].n, 1);
    assert_false(lab_life_wants(&p, LAB_LIFE_ROLES));
}

/* ---- the same seed; and nothing before its time ---- */

struct stream {
    uint64_t hash;
    int64_t until;
};

static void add_hash(void *arg, const struct th_event *ev)
{
    struct stream *s = arg;
    /* Kind, times, ids and addresses: what is not equal differs here. */
    const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
    if (ev->time_ns >= s->until)
        return;
    s->hash = th_hash_pair(s->hash, (uint64_t)ev->time_ns ^ ev->kind);
    if (ev->kind == TH_KIND_CONN)
        s->hash = th_hash_pair(s->hash,
            c->orig_bytes ^ c->resp_bytes << 20 ^ (uint64_t)c->id_resp_h.b[15] << 50 ^
                (uint64_t)c->orig_l2_addr.b[5] << 42);
}

static struct stream run_hashed(const char *list, int64_t days, int64_t until)
{
    struct stream s = {.until = until};
    struct office o = life(31, list, 20, days);
    o.each = add_hash;
    o.arg = &s;
    office_run(&o);
    office_done(&o);
    return s;
}

static void same_seed_same_life(void **state)
{
    (void)state;
    static const char *const list = "habits,patch@+0d9h,rollout@+0d9h,newapp@+0d8h,server@+1d9h,"
                                    "merger@+1d6h,holiday@+1d";
    struct stream a = run_hashed(list, 2, INT64_MAX), b = run_hashed(list, 2, INT64_MAX);
    assert_true(a.hash == b.hash);
    assert_true(a.hash != run_hashed("habits", 2, INT64_MAX).hash);
}

/* Each change alone: until it comes nothing shows it, and then something does. (But a holiday:
 * people plan around it.) */
static void changes_come_in_their_time(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "patch@+1d9h", "rollout@+1d9h", "newapp@+1d9h", "server@+1d9h", "merger@+1d9h"};
    struct stream none = run_hashed("", 3, DAY(1) + 9 * TH_NS_PER_HOUR);
    struct stream all = run_hashed("", 3, INT64_MAX);
    for (size_t i = 0; i < TH_ARRAY_LEN(changes); i++) {
        if (run_hashed(changes[i], 3, DAY(1) + 9 * TH_NS_PER_HOUR).hash != none.hash)
            fail_msg("%s shows before its time", changes[i]);
        if (strncmp(changes[i], "newapp", 6) == 0)
            continue; /* days pass until somebody takes it up: see changes_show */
        if (run_hashed(changes[i], 3, INT64_MAX).hash == all.hash)
            fail_msg("%s does not show", changes[i]);
    }
}

/* ---- pollers ---- */

static void beats_of_one_kind(void **state)
{
    (void)state;
    /* A beacon that draws its beat, and pollers: the same distribution, and the same gaps. */
    enum { N = 300 };
    double bad[N], good[N];
    struct lab_rng r;
    uint32_t same = 0;
    lab_rng_init(&r, 77, 1);
    for (int i = 0; i < N; i++) {
        char spec[64], message[160];
        struct office o = office_init(7);
        assert_int_equal(lab_sim_new(&o.opt, &o.sim), 0);
        snprintf(spec, sizeof spec, "beacon@+%dm:period=any", 1 + i);
        o.sim->opt.seed = 1000 + (uint64_t)i;
        assert_int_equal(lab_inject_add(o.sim, spec, message, sizeof message), 0);
        bad[i] = (double)o.sim->inject[0]->period_ns * (1 + o.sim->inject[0]->jitter);
        int64_t period;
        double jitter;
        lab_draw_beat(&r, &period, &jitter);
        good[i] = (double)period * (1 + jitter);
        same += period == o.sim->inject[0]->period_ns;
        office_done(&o);
    }
    double most = 0;
    for (int i = 0; i < N; i++) {
        double below_bad = 0, below_good = 0;
        for (int k = 0; k < N; k++) {
            below_bad += bad[k] <= good[i];
            below_good += good[k] <= good[i];
        }
        most = fmax(most, fabs(below_bad - below_good) / N);
    }
    assert_true(most < 1.63 * sqrt(2.0 / N)); /* Kolmogorov-Smirnov, 1 % */
    assert_true(same < N / 2);                /* and yet drawn each for itself */
}

static void pollers_of_all_popularities(void **state)
{
    (void)state;
    struct office o = life(41, "pollers", 400, 1);
    o.opt.end_ns = OFFICE_MONDAY + TH_NS_PER_HOUR;
    office_run(&o);
    uint32_t polls = 0, own = 0, beats = 0, users[9] = {0}, n = o.sim->dev_count;
    for (uint32_t i = 0; i < n; i++) {
        struct lab_device *d = &o.sim->dev[i];
        uint32_t mine = 0;
        for (uint32_t k = 0; k < d->task_count; k++) {
            struct lab_task *t = &d->tasks[k];
            if (t->fn != lab_app_poll || !t->fact)
                continue;
            mine++;
            beats += t->period_ns >= 30 * TH_NS_PER_S && t->period_ns <= TH_NS_PER_HOUR;
            own += th_str_starts(t->host->name, "device-api.");
            for (uint32_t h = 0; h < o.sim->life->host_count; h++)
                users[h] += t->host == o.sim->life->host[h];
        }
        polls += mine > 0;
        assert_int_equal(beats >= mine, true);
    }
    assert_true(polls >= n / 2);                     /* of devices, those that poll at all */
    assert_true(own >= n * 8 / 100 && own < n / 5);  /* a host that nobody else uses */
    assert_true(users[0] + users[1] + users[2] > 3); /* 1 % each */
    assert_true(users[3] + users[4] + users[5] > n * 5 / 100);
    assert_true(users[6] + users[7] + users[8] > n * 20 / 100);
    /* An injection finds them by their popularity. */
    uint32_t rare = 0;
    for (uint32_t k = 0; k < o.sim->world->rare_count; k++)
        rare += o.sim->world->rare[k] == o.sim->life->host[8];
    assert_int_equal(rare, 1);
    office_done(&o);
}

/* ---- addresses ---- */

struct moves {
    struct office *o;
    uint8_t macs[256][4][6]; /* of each device, by its number */
    uint8_t mac_count[256];
    struct th_addr addrs[256][8];
    uint8_t addr_count[256];
    uint64_t leases;
};

static void note_lease(void *arg, const struct th_event *ev)
{
    struct moves *m = arg;
    const struct th_ev_dhcp *e = (const struct th_ev_dhcp *)ev;
    if (ev->kind != TH_KIND_DHCP)
        return;
    struct lab_device *d = lab_office_find(m->o->sim, e->host_name);
    if (!d || d->no >= 256)
        return;
    uint32_t k = 0;
    while (k < m->mac_count[d->no] && memcmp(m->macs[d->no][k], e->mac.b, 6) != 0)
        k++;
    if (k == m->mac_count[d->no] && k < 4)
        memcpy(m->macs[d->no][m->mac_count[d->no]++], e->mac.b, 6);
    for (k = 0; k < m->addr_count[d->no]; k++)
        if (th_addr_eq(&m->addrs[d->no][k], &e->assigned_addr))
            break;
    if (k == m->addr_count[d->no] && k < 8)
        m->addrs[d->no][m->addr_count[d->no]++] = e->assigned_addr;
    m->leases++;
}

static double mean_addrs(
    const struct moves *m, enum lab_kind kind, uint32_t macs_least, double *ret_share)
{
    double sum = 0, n = 0, many = 0;
    for (uint32_t i = 0; i < m->o->sim->dev_count; i++) {
        const struct lab_device *d = &m->o->sim->dev[i];
        if (d->kind != kind || !m->addr_count[i] || d->weekly >= 0)
            continue;
        n++;
        sum += m->addr_count[i];
        many += m->mac_count[i] >= macs_least;
    }
    *ret_share = n > 0 ? many / n : 0;
    return n > 0 ? sum / n : 0;
}

static void addresses_change(void **state)
{
    (void)state;
    static struct moves still, busy;
    double share, docked;
    struct office a = life(51, "", 120, 4), b = life(51, "churn,docks", 120, 4);
    still = (struct moves){.o = &a};
    busy = (struct moves){.o = &b};
    a.each = b.each = note_lease;
    a.arg = &still;
    b.arg = &busy;
    office_run(&a);
    office_run(&b);
    assert_true(mean_addrs(&still, LAB_WORKSTATION, 2, &share) == 1.0);
    assert_true(mean_addrs(&busy, LAB_WORKSTATION, 2, &share) > 1.5);
    assert_true(share == 0);
    assert_true(mean_addrs(&busy, LAB_PHONE, 2, &share) > 2);
    assert_true(share > 0.25); /* telephones that were seen with two MACs or more */
    mean_addrs(&still, LAB_PHONE, 2, &share);
    assert_true(share == 0);
    mean_addrs(&busy, LAB_LAPTOP, 2, &docked);
    assert_true(docked > 0.25 && docked < 0.6);
    assert_true(busy.leases > still.leases + 20);
    /* No address is two devices' at a time. */
    for (uint32_t i = 0; i < b.sim->dev_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (b.sim->dev[i].was_on && b.sim->dev[k].was_on)
                assert_false(th_addr_eq(&b.sim->dev[i].addr, &b.sim->dev[k].addr));
    office_done(&a);
    office_done(&b);
}

static void weekly_devices(void **state)
{
    (void)state;
    uint32_t weekly = 0, all = 0;
    for (uint64_t seed = 60; seed < 64; seed++) {
        struct office o = life(seed, "all", 400, 1);
        assert_int_equal(lab_sim_new(&o.opt, &o.sim), 0);
        for (uint32_t i = 0; i < o.sim->dev_count; i++) {
            struct lab_device *d = &o.sim->dev[i];
            uint32_t days = 0;
            all += !d->merged;
            if (d->weekly < 0)
                continue;
            weekly++;
            for (int64_t day = 0; day < 14; day++)
                days += lab_rhythm_next_on(o.sim, d, DAY(day)) < DAY(day + 1);
            assert_true(days <= 2);
        }
        office_done(&o);
    }
    assert_true(weekly * 100 >= 4 * all && weekly * 100 <= 7 * all);
}

/* ---- what is sent, held and mistyped ---- */

struct sums {
    struct office *o;
    uint64_t night[8], uploads, failed, long_parts;
    const struct lab_device *backup;
};

static void add_sums(void *arg, const struct th_event *ev)
{
    struct sums *s = arg;
    if (ev->kind == TH_KIND_NTLM)
        s->failed += !((const struct th_ev_ntlm *)ev)->success;
    if (ev->kind == TH_KIND_KERBEROS)
        s->failed +=
            th_str_is(((const struct th_ev_kerberos *)ev)->error_msg, "KDC_ERR_PREAUTH_FAILED");
    if (ev->kind != TH_KIND_CONN)
        return;
    const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
    bool part = TH_HAS(c, CONN, partial);
    if (part)
        s->long_parts += c->duration > 26 * TH_NS_PER_HOUR;
    if (!part && !c->local_resp)
        s->uploads += c->orig_bytes > 500000000;
    if (!s->backup)
        s->backup = s->o->sim->by_kind[LAB_BACKUP];
    if (!part && th_addr_eq(&c->id_orig_h, &s->backup->addr) && c->local_resp)
        s->night[(c->ts - OFFICE_MONDAY) / TH_NS_PER_DAY] += c->resp_bytes;
}

static struct sums run_sums(const char *list, uint32_t devices)
{
    struct sums s = {0};
    struct office o = life(71, list, devices, 4);
    s.o = &o;
    o.each = add_sums;
    o.arg = &s;
    office_run(&o);
    office_done(&o);
    return s;
}

static void habits_show(void **state)
{
    (void)state;
    struct sums none = run_sums("", 90), some = run_sums("uploads,sessions,logins", 90);
    for (int i = 0; i < 4; i++)
        assert_true(none.night[i] > UINT64_C(50000000000) && some.night[i] > UINT64_C(50000000000));
    assert_true(some.uploads >= none.uploads + 8);
    assert_true(some.long_parts > none.long_parts + 150);
    assert_true(some.failed > none.failed + 40);
}

/* ---- programs ---- */

struct hellos {
    uint64_t ja3[1000];
    uint32_t n;
};

static void note_hello(void *arg, const struct th_event *ev)
{
    struct hellos *h = arg;
    const struct th_ev_ssl *e = (const struct th_ev_ssl *)ev;
    if (ev->kind != TH_KIND_SSL || !TH_HAS(e, SSL, ja3))
        return;
    static const struct th_hash_key zero;
    uint64_t key = th_siphash(&zero, e->ja3.p, e->ja3.len);
    for (uint32_t i = 0; i < h->n; i++)
        if (h->ja3[i] == key)
            return;
    assert_true(h->n < TH_ARRAY_LEN(h->ja3));
    h->ja3[h->n++] = key;
}

static uint32_t count_hellos(struct office *o)
{
    struct hellos h = {0};
    o->each = note_hello;
    o->arg = &h;
    office_run(o);
    return h.n;
}

/* Many hellos, new programs on each working day, most of them of hosts that few others call. */
static void programs_come(void **state)
{
    (void)state;
    struct office none = life(61, "", 120, 3), some = life(61, "programs", 120, 3);
    uint32_t without = count_hellos(&none), with = count_hellos(&some), installs = 0, day[3] = {0};
    for (const struct lab_fact *f = some.sim->life->facts; f; f = f->next) {
        if (f->kind != LAB_LIFE_PROGRAMS || f->first_ns == INT64_MAX)
            continue;
        installs++;
        day[(f->first_ns - OFFICE_MONDAY) / TH_NS_PER_DAY]++;
        assert_int_equal(count_devices(&some, f), 1);
        assert_true(f->host != NULL);
    }
    print_message("# hellos %u, with programs %u; %u installed\n", without, with, installs);
    assert_true(without < 2 * LAB_TLS_COUNT);
    assert_true(with > without + 40);
    assert_true(installs >= 9 && installs <= 50);
    assert_true(day[0] && day[1] && day[2]);
    office_done(&none);
    office_done(&some);
}

/* ---- roles ---- */

struct use {
    struct office *o;
    uint64_t code[LAB_ROLE_COUNT], ssh[LAB_ROLE_COUNT], people[LAB_ROLE_COUNT];
    uint64_t conns[LAB_ROLE_COUNT];
};

static void note_use(void *arg, const struct th_event *ev)
{
    struct use *u = arg;
    const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
    const struct lab_sim *s = u->o->sim;
    if (ev->kind != TH_KIND_CONN || TH_HAS(c, CONN, partial))
        return;
    for (uint32_t i = 0; i < s->dev_count; i++) {
        const struct lab_device *d = &s->dev[i];
        if (d->person < 0 || d->kind != LAB_WORKSTATION || !th_addr_eq(&d->addr, &c->id_orig_h))
            continue;
        enum lab_role r = lab_role_of(s, d);
        u->conns[r]++;
        u->ssh[r] += c->id_resp_p == 22 || c->id_resp_p == 3389;
        for (unsigned k = 0; k < s->world->code->n4; k++)
            u->code[r] += th_addr_eq(&c->id_resp_h, &s->world->code->v4[k]);
    }
}

static void roles_have_habits(void **state)
{
    (void)state;
    struct use u = {0};
    struct office o = life(81, "roles", 250, 1);
    u.o = &o;
    o.each = note_use;
    o.arg = &u;
    office_run(&o);
    for (uint32_t i = 0; i < o.sim->dev_count; i++)
        if (o.sim->dev[i].kind == LAB_WORKSTATION)
            u.people[lab_role_of(o.sim, &o.sim->dev[i])]++;
    for (enum lab_role r = LAB_CLERK; r <= LAB_KIOSK; r++)
        if (!u.people[r])
            fail_msg("nobody is %s", lab_role_name(r));
    assert_int_equal(u.people[LAB_STAFF], 0);
    assert_true(u.code[LAB_DEVELOPER] > 50 && u.code[LAB_FINANCE] + u.code[LAB_SALES] == 0);
    double admin = (double)u.ssh[LAB_ADMINISTRATOR] / (double)u.people[LAB_ADMINISTRATOR];
    assert_true(admin > 15);
    assert_int_equal(u.ssh[LAB_CLERK] + u.ssh[LAB_FINANCE], 0);
    office_done(&o);
}

/* ---- changes ---- */

struct seen {
    struct office *o;
    uint64_t update[8][24]; /* large downloads of updates, by day and hour */
    uint64_t next_ja4[8];
    uint64_t arrivals[8]; /* kerberos logons a day */
    uint64_t second[8];   /* connections of the second network */
    uint64_t service[8];  /* devices on the new service a day, as names asked */
    uint64_t server[8];
};

static void note_change(void *arg, const struct th_event *ev)
{
    struct seen *s = arg;
    struct lab_sim *sim = s->o->sim;
    int64_t at = ev->time_ns - OFFICE_MONDAY, day = at / TH_NS_PER_DAY;
    if (ev->kind == TH_KIND_HTTP) {
        const struct th_ev_http *h = (const struct th_ev_http *)ev;
        s->update[day][at % TH_NS_PER_DAY / TH_NS_PER_HOUR] +=
            th_str_is(h->user_agent, "Delivery-Optimization/10.1") &&
            h->response_body_len > 3000000;
    } else if (ev->kind == TH_KIND_SSL) {
        const struct th_ev_ssl *e = (const struct th_ev_ssl *)ev;
        const struct lab_tls *t = &sim->tls[LAB_TLS_BROWSER_NEXT];
        s->next_ja4[day] += th_str_is(e->ja4, t->ja4[0]) || th_str_is(e->ja4, t->ja4[1]);
        for (const struct lab_fact *f = sim->life->facts; f; f = f->next)
            s->service[day] +=
                f->kind == LAB_LIFE_NEWAPP && th_str_eq(f->host->name, e->server_name);
    } else if (ev->kind == TH_KIND_KERBEROS) {
        s->arrivals[day] += th_str_is(((const struct th_ev_kerberos *)ev)->request_type, "AS");
    } else if (ev->kind == TH_KIND_CONN) {
        const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
        s->second[day] += c->id_orig_h.b[12] == 172 && c->id_orig_h.b[13] < 32;
        for (uint32_t i = sim->dev_count - 1; i > 0 && sim->dev[i].joins_ns != INT64_MIN; i--)
            if (!sim->dev[i].merged)
                s->server[day] += th_addr_eq(&sim->dev[i].addr, &c->id_resp_h);
    }
}

static void changes_show(void **state)
{
    (void)state;
    struct seen s = {0};
    struct office o = life(91,
        "roles,patch@+1d9h,rollout@+2d9h,holiday@+3d,merger@+4d6h,newapp@+0d8h,server@+2d9h", 120,
        5);
    s.o = &o;
    o.each = note_change;
    o.arg = &s;
    office_run(&o);
    /* Patch day: the great group, in its two hours of the day after. */
    uint64_t hours = s.update[2][9] + s.update[2][10], others = 0;
    for (int h = 12; h < 21; h++)
        others += s.update[2][h];
    assert_true(hours > 60 && hours > 3 * others);
    /* Roll-out: nobody before, then a group within days. */
    assert_int_equal(s.next_ja4[0] + s.next_ja4[1], 0);
    assert_true(s.next_ja4[2] > 0 && s.next_ja4[4] > s.next_ja4[2]);
    const struct lab_fact *f = fact(&o, LAB_LIFE_ROLLOUT);
    for (uint32_t i = 0; i < o.sim->dev_count; i++)
        if (did(f, i))
            assert_int_equal(lab_role_of(o.sim, &o.sim->dev[i]), LAB_CLERK);
    assert_true(count_devices(&o, f) > 8);
    /* Holiday: hardly anybody. */
    assert_true(s.arrivals[3] * 4 < s.arrivals[1]);
    /* Merger. */
    assert_int_equal(s.second[0] + s.second[1] + s.second[2] + s.second[3], 0);
    assert_true(s.second[4] > 2000);
    assert_in_range(count_devices(&o, fact(&o, LAB_LIFE_MERGER)), 18, 24); /* some are ill */
    /* The new service has its first users; the new server is used from its day on. */
    assert_true(s.service[0] + s.service[1] + s.service[2] + s.service[4] > 10);
    assert_int_equal(s.server[0] + s.server[1], 0);
    assert_true(s.server[2] > 100 && count_devices(&o, fact(&o, LAB_LIFE_SERVER)) > 30);
    office_done(&o);
}

static void new_service_grows(void **state)
{
    (void)state;
    struct office o = life(94, "newapp@+0d8h", 32, 4);
    office_run(&o);
    uint32_t early = count_devices(&o, fact(&o, LAB_LIFE_NEWAPP));
    assert_int_equal(lab_sim_run(o.sim, DAY(21)), 0);
    uint32_t late = count_devices(&o, fact(&o, LAB_LIFE_NEWAPP)), pcs = 0;
    for (uint32_t i = 0; i < o.sim->dev_count; i++)
        pcs += o.sim->dev[i].person >= 0 && o.sim->dev[i].kind != LAB_PHONE &&
            o.sim->dev[i].kind != LAB_VOIP;
    assert_true(early >= 1 && early * 3 <= late);
    assert_true(late * 3 >= pcs && late < pcs);
    office_done(&o);
}

static void truth_tells_life(void **state)
{
    (void)state;
    struct office o = life(92, "pollers,patch@+0d9h", 60, 2);
    office_run(&o);
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    lab_life_truth(o.sim, &b);
    th_buf_u8(&b, 0);
    const char *text = (const char *)b.p;
    assert_non_null(strstr(text, "{\"kind\":\"patch\",\"benign\":true,\"start\":\"2026-03-0"));
    assert_non_null(strstr(text, "\"devices\":[\"ws-01\""));
    assert_non_null(strstr(text, "{\"kind\":\"pollers\",\"benign\":true"));
    assert_non_null(strstr(text, "\"period\":"));
    office_done(&o);
}

/* Weeks of all of it at once, in memory that does not grow. */
static void long_life_is_bounded(void **state)
{
    (void)state;
    struct office o = life(93, "all,merger@+3d6h,rollout@+4d9h,newapp@+5d9h,patch@+1d10h", 18, 28);
    o.opt.end_ns = DAY(14);
    office_run(&o);
    size_t at_half = lab_pool_bytes(o.sim->pool);
    assert_int_equal(lab_sim_run(o.sim, DAY(28)), 0);
    assert_true(lab_pool_bytes(o.sim->pool) < at_half * 2);
    office_done(&o);
}

static void too_many_devices(void **state)
{
    (void)state;
    struct lab_sim *s = NULL;
    struct office o = life(1, "merger", LAB_MAX_DEVICES, 1);
    assert_int_equal(lab_sim_new(&o.opt, &s), -ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(same_seed_same_life),
        cmocka_unit_test(changes_come_in_their_time),
        cmocka_unit_test(beats_of_one_kind),
        cmocka_unit_test(pollers_of_all_popularities),
        cmocka_unit_test(addresses_change),
        cmocka_unit_test(weekly_devices),
        cmocka_unit_test(habits_show),
        cmocka_unit_test(programs_come),
        cmocka_unit_test(roles_have_habits),
        cmocka_unit_test(changes_show),
        cmocka_unit_test(new_service_grows),
        cmocka_unit_test(truth_tells_life),
        cmocka_unit_test(long_life_is_bounded),
        cmocka_unit_test(too_many_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
