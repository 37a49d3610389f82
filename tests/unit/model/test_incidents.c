/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/seal.h"
#include "make_window.h"

#define MODELS                                                                                     \
    HEAD("c2")                                                                                     \
    "components: [{feature: beacon}]\n---\n"                                                       \
    "id: out\nname: Out\ndescription: D\ntechnique: T1041\ntactic: exfiltration\n"                 \
    "components: [{feature: upload}]\n---\n"                                                       \
    "id: move\nname: Move\ndescription: D\ntechnique: T1021\ntactic: lateral-movement\n"           \
    "components: [{feature: lateral-path}]\n"

enum { C2, OUT, MOVE };

struct world {
    struct th_models *models;
    struct th_identity *identity;
    struct th_incidents *incidents;
    uint64_t device[4];
    double alert; /* its score */
};

static int setup(void **state)
{
    struct world *w = th_xcalloc(1, sizeof(*w));
    w->alert = 38;
    w->models = models_of(MODELS);
    w->identity = th_identity_new(&(struct th_identity_config){0});
    w->incidents = th_incidents_new(w->models, w->identity);
    for (uint8_t i = 0; i < 4; i++) {
        struct th_ev_conn ev = {.h = {.kind = TH_KIND_CONN, .time_ns = H0}};
        struct th_who who;
        TH_SET(&ev, CONN, id_orig_h, th_addr_v4((const uint8_t[]){10, 0, 0, (uint8_t)(i + 1)}));
        TH_SET(&ev, CONN, id_resp_h, th_addr_v4((const uint8_t[]){198, 51, 100, 7}));
        th_identity_event(w->identity, &ev.h, &who);
        w->device[i] = who.orig->id;
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    th_incidents_free(w->incidents);
    th_identity_free(w->identity);
    th_models_free(w->models);
    free(w);
    return 0;
}

/* peer_key 0: none; devices: how many inside devices use the peer. */
static void add(struct world *w, unsigned device, unsigned model, double hour, double score,
    uint64_t peer_key, uint32_t devices)
{
    static const char *const feature[] = {"beacon", "upload", "lateral-path"};
    int64_t at = H0 + (int64_t)(hour * (double)HOUR);
    struct th_breach b = {.model = model,
        .entity = w->device[device],
        .start_ns = at,
        .end_ns = at + HOUR,
        .time_ns = at + HOUR / 2,
        .score = score,
        .evidence_count = 1};
    b.id = th_mix64((uint64_t)at ^ b.entity ^ model ^ peer_key << 8) | 1;
    b.evidence[0] = signal_make(feature[model], 60, score / 12.5);
    if (peer_key) {
        char host[32];
        snprintf(host, sizeof(host), "h%u.example", (unsigned)peer_key);
        b.evidence[0] = with_peer(b.evidence[0], peer_key, host, devices);
        b.evidence[0].peer.host = th_str_c(b.evidence[0].peer_host);
        b.has_peer = true;
        b.peer = b.evidence[0].peer;
    }
    th_incidents_add(w->incidents, &b, w->alert, b.time_ns + 7);
}

/* One device acts on another. */
static void reach(struct world *w, unsigned from, unsigned to, double hour, double score)
{
    int64_t at = H0 + (int64_t)(hour * (double)HOUR);
    struct th_breach b = {.model = MOVE,
        .entity = w->device[from],
        .start_ns = at,
        .end_ns = at + HOUR,
        .time_ns = at + HOUR / 2,
        .score = score,
        .has_peer = true,
        .evidence_count = 1};
    b.id = th_mix64((uint64_t)at ^ b.entity ^ (uint64_t)to << 16) | 1;
    b.evidence[0] = with_peer(signal_make("lateral-path", 2, score / 12.5), to + 1, "", 1);
    b.evidence[0].peer.inside = true;
    b.evidence[0].peer.slot = th_identity_find(w->identity, w->device[to])->slot;
    b.peer = b.evidence[0].peer;
    th_incidents_add(w->incidents, &b, w->alert, b.time_ns + 7);
}

struct told {
    unsigned count;
    struct {
        uint64_t id;
        double score;
        uint32_t alerts, new_alerts;
        int64_t alert_ns;
        uint32_t devices, breaches;
        char title[400], summary[2000];
    } v[16];
};

static void note(void *arg, const struct th_incident *i)
{
    struct told *t = arg;
    assert_true(t->count < TH_ARRAY_LEN(t->v));
    t->v[t->count].id = i->id;
    t->v[t->count].score = i->score;
    t->v[t->count].alerts = i->alerts;
    t->v[t->count].new_alerts = i->new_alerts;
    t->v[t->count].alert_ns = i->alert_ns;
    t->v[t->count].devices = i->device_count;
    t->v[t->count].breaches = i->breach_count;
    snprintf(t->v[t->count].title, sizeof(t->v[0].title), "%s", i->title);
    snprintf(t->v[t->count].summary, sizeof(t->v[0].summary), "%s", i->summary);
    t->count++;
}

static struct told report(struct world *w)
{
    struct told t = {0};
    th_incidents_report(w->incidents, note, &t);
    return t;
}

static void one_device_is_one_story_within_hours(void **state)
{
    struct world *w = *state;
    add(w, 0, C2, 0, 40, 0, 0);
    add(w, 0, OUT, 3, 45, 0, 0);
    add(w, 0, C2, 20, 41, 0, 0);
    add(w, 1, C2, 3, 30, 0, 0);
    struct told t = report(w);
    assert_int_equal(t.count, 3);
    assert_int_equal(t.v[0].breaches, 2); /* best first */
    assert_int_equal(report(w).count, 0); /* told once */
}

static void rare_destination_joins_devices_and_days(void **state)
{
    struct world *w = *state;
    add(w, 0, C2, 0, 40, 77, 2);
    add(w, 1, C2, 30, 40, 77, 2);
    struct told t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].devices, 2);
    assert_non_null(strstr(t.v[0].title, "and h77.example, with 1 other device"));
    add(w, 2, C2, 32, 40, 88, 60);
    add(w, 3, C2, 32, 40, 88, 60);
    assert_int_equal(report(w).count, 2); /* what sixty devices use joins nothing */
    add(w, 0, C2, 30 + 50, 40, 77, 2);
    assert_int_equal(report(w).count, 1); /* after two days a new story */
}

static void note_withdrawn(void *arg, uint64_t incident, uint64_t group_event)
{
    uint64_t *v = arg;
    v[0]++;
    v[1] = incident;
    v[2] = group_event;
}

/* Adds a breach, and gives its id. */
static uint64_t added(struct world *w, unsigned device, double hour, double score)
{
    add(w, device, C2, hour, score, 0, 0);
    int64_t at = H0 + (int64_t)(hour * (double)HOUR);
    return th_mix64((uint64_t)at ^ w->device[device] ^ C2) | 1;
}

static void what_a_group_did_is_withdrawn(void **state)
{
    struct world *w = *state;
    uint64_t withdrawn[3] = {0};
    /* Never told: it is gone and nobody hears of it. */
    uint64_t first = added(w, 0, 0, 40);
    th_incidents_withdraw(w->incidents, first, 5);
    th_incidents_report_withdrawn(w->incidents, note_withdrawn, withdrawn);
    assert_int_equal(withdrawn[0], 0);
    assert_int_equal(report(w).count, 0);
    /* Told: its end is told as well, once. */
    first = added(w, 0, 0, 40);
    uint64_t id = report(w).v[0].id;
    th_incidents_withdraw(w->incidents, first, 5);
    th_incidents_withdraw(w->incidents, first, 5);
    th_incidents_withdraw(w->incidents, 99, 5);
    th_incidents_report_withdrawn(w->incidents, note_withdrawn, withdrawn);
    assert_int_equal(withdrawn[0], 1);
    assert_true(withdrawn[1] == id && withdrawn[2] == 5);
    th_incidents_report_withdrawn(w->incidents, note_withdrawn, withdrawn);
    assert_int_equal(withdrawn[0], 1);
    assert_int_equal(report(w).count, 0);
}

/* What else there is stays, with its own score; who has nothing left in it leaves. */
static void what_is_left_stays(void **state)
{
    struct world *w = *state;
    uint64_t withdrawn[3] = {0};
    add(w, 0, OUT, 0, 41, 77, 2);
    uint64_t second = added(w, 0, 1, 60);
    add(w, 1, OUT, 1, 42, 77, 2);
    struct told t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].devices, 2);
    assert_true(t.v[0].score >= 60);
    th_incidents_withdraw(w->incidents, second, 5);
    th_incidents_report_withdrawn(w->incidents, note_withdrawn, withdrawn);
    assert_int_equal(withdrawn[0], 0);
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].breaches, 2);
    assert_int_equal(t.v[0].devices, 2);
    assert_true(t.v[0].score < 45);
    assert_null(strstr(t.v[0].summary, "regular"));
    /* The same hour after hour is one story: the other hour's stays told. */
    uint64_t again = added(w, 2, 0, 40);
    uint64_t later = added(w, 2, 1, 45);
    assert_int_equal(report(w).count, 1);
    th_incidents_withdraw(w->incidents, later, 5);
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].breaches, 1);
    th_incidents_withdraw(w->incidents, again, 6);
    th_incidents_report_withdrawn(w->incidents, note_withdrawn, withdrawn);
    assert_int_equal(withdrawn[0], 1);
}

static void what_was_reached_joins_when_it_acts(void **state)
{
    struct world *w = *state;
    reach(w, 0, 1, 0, 40);
    reach(w, 1, 2, 1, 40);
    add(w, 2, C2, 2, 40, 0, 0);
    struct told t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].devices, 3);
}

static void a_server_that_many_reach_joins_nobody(void **state)
{
    struct world *w = *state;
    reach(w, 0, 3, 0, 40);
    reach(w, 1, 3, 0.5, 40);
    reach(w, 2, 3, 1, 40);
    add(w, 3, OUT, 2, 20, 0, 0); /* what it does itself is nothing to speak of */
    assert_int_equal(report(w).count, 4);
}

static void no_incident_is_older_than_14_days(void **state)
{
    struct world *w = *state;
    for (int day = 0; day < 20; day++)
        add(w, 0, C2, day * 24, 40, 77, 1);
    assert_int_equal(report(w).count, 2);
}

static void a_bridge_makes_two_stories_one(void **state)
{
    struct world *w = *state;
    add(w, 0, C2, 0, 40, 77, 1);
    add(w, 1, C2, 0.5, 42, 88, 1);
    struct told t = report(w);
    assert_int_equal(t.count, 2);
    uint64_t first = t.v[1].id;
    add(w, 0, OUT, 1, 38, 88, 1);
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_true(t.v[0].id == first); /* the older one's id stays */
    assert_int_equal(t.v[0].breaches, 3);
    assert_int_equal(t.v[0].devices, 2);
}

struct joined_told {
    unsigned count;
    uint64_t younger[8], elder[8];
};

static void note_joined(void *arg, uint64_t younger, uint64_t elder)
{
    struct joined_told *j = arg;
    assert_true(j->count < TH_ARRAY_LEN(j->younger));
    j->younger[j->count] = younger;
    j->elder[j->count++] = elder;
}

static struct joined_told report_joined(struct world *w)
{
    struct joined_told j = {0};
    th_incidents_report_joined(w->incidents, note_joined, &j);
    return j;
}

static uint64_t id_of(const struct told *t, const char *part_of_title)
{
    for (unsigned i = 0; i < t->count; i++)
        if (strstr(t->v[i].title, part_of_title))
            return t->v[i].id;
    fail_msg("nothing was told of %s", part_of_title);
    return 0;
}

static void it_is_told_which_became_one(void **state)
{
    struct world *w = *state;
    add(w, 1, C2, 2, 42, 88, 1); /* first in the list, but the younger */
    add(w, 0, C2, 0, 40, 77, 1);
    struct told t = report(w);
    uint64_t younger = id_of(&t, "10.0.0.2");
    uint64_t elder = id_of(&t, "10.0.0.1");
    assert_int_equal(report_joined(w).count, 0);
    add(w, 0, OUT, 3, 38, 88, 1);
    struct joined_told j = report_joined(w);
    assert_int_equal(j.count, 1);
    assert_true(j.younger[0] == younger && j.elder[0] == elder);
    assert_int_equal(report_joined(w).count, 0); /* once */
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_true(t.v[0].id == elder);
    assert_int_equal(t.v[0].breaches, 3);
}

static void an_id_that_was_told_stays(void **state)
{
    struct world *w = *state;
    add(w, 1, C2, 2, 42, 88, 1);
    struct told t = report(w);
    uint64_t told = t.v[0].id;
    add(w, 0, C2, 0, 40, 77, 1); /* began before, but nobody has heard of it */
    add(w, 0, OUT, 3, 38, 88, 1);
    assert_int_equal(report_joined(w).count, 0); /* nor need they */
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_true(t.v[0].id == told);
    assert_int_equal(t.v[0].breaches, 3);
}

/* As in a core that is killed and begins again from its checkpoint. */
static void a_restart_tells_the_same_joinings(void **state)
{
    struct world *w = *state;
    TH_AUTOBUF struct th_buf checkpoint = TH_BUF_INIT;
    add(w, 0, C2, 0, 40, 77, 1);
    add(w, 1, C2, 2, 42, 88, 1);
    report(w);
    th_incidents_save(w->incidents, &checkpoint);
    add(w, 0, OUT, 3, 38, 88, 1);
    struct joined_told first = report_joined(w);
    th_incidents_free(w->incidents);
    w->incidents = th_incidents_new(w->models, w->identity);
    assert_int_equal(th_incidents_load(w->incidents, checkpoint.p, checkpoint.len), 0);
    add(w, 0, OUT, 3, 38, 88, 1);
    struct joined_told again = report_joined(w);
    assert_int_equal(again.count, 1);
    assert_memory_equal(&first, &again, sizeof(first));
}

/* A run tells three incidents, of which it kept two as they were an hour before: the next one tells
 * only the one that has become another meanwhile. */
static void what_was_kept_is_told_once(void **state)
{
    struct world *w = *state;
    TH_AUTOBUF struct th_buf kept = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf file = TH_BUF_INIT;
    add(w, 0, C2, 0, 40, 77, 1);
    add(w, 1, C2, 2, 42, 88, 1);
    th_incidents_save(w->incidents, &kept);
    add(w, 1, OUT, 3, 38, 88, 1);
    add(w, 2, C2, 3, 45, 99, 1);
    assert_int_equal(report(w).count, 3);
    assert_int_equal(th_incidents_save_told(w->incidents, w->models, kept.p, kept.len, &file), 0);
    th_incidents_free(w->incidents);
    w->incidents = th_incidents_new(w->models, w->identity);
    assert_int_equal(th_incidents_load(w->incidents, file.p, file.len), 0);
    struct told t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].breaches, 1); /* as it was kept */
    assert_true(th_incidents_save_told(w->incidents, w->models, kept.p, kept.len - 1, &file) < 0);
}

/* Of the first incident of a checkpoint, as it was before alerts were counted: with the bits alert,
 * changed and told alone. */
static void put_flags(struct th_buf *checkpoint, uint8_t flags)
{
    struct th_cur head = th_cur_init(checkpoint->p, checkpoint->len);
    uint32_t magic = th_cur_le32(&head);
    uint32_t version = th_cur_le32(&head);
    struct th_cur body;
    assert_int_equal(th_seal_open(checkpoint->p, checkpoint->len, magic, version, &body), 0);
    TH_AUTOBUF struct th_buf to = TH_BUF_INIT;
    size_t begin = th_seal_begin(&to, magic, version);
    size_t at = to.len + 8 + 4 + 3 * 8 + 8; /* dropped, count; id, start, end, score */
    size_t head_len = at - to.len;
    size_t skipped = 1 + 4 + 4 + 8 + 8; /* flags, alerts, told, score, time */
    th_buf_put(&to, body.p, head_len);
    th_buf_u8(&to, flags);
    th_buf_put(&to, body.p + head_len + skipped, th_cur_left(&body) - head_len - skipped);
    th_seal_end(&to, begin);
    th_buf_clear(checkpoint);
    th_buf_str(checkpoint, th_buf_view(&to));
}

/* A master from before incidents were joined kept no bit for it. */
static void what_an_older_master_told_was_told(void **state)
{
    struct world *w = *state;
    TH_AUTOBUF struct th_buf checkpoint = TH_BUF_INIT;
    add(w, 1, C2, 2, 42, 88, 1);
    uint64_t told = report(w).v[0].id;
    th_incidents_save(w->incidents, &checkpoint);
    put_flags(&checkpoint, 0);
    th_incidents_free(w->incidents);
    w->incidents = th_incidents_new(w->models, w->identity);
    assert_int_equal(th_incidents_load(w->incidents, checkpoint.p, checkpoint.len), 0);
    add(w, 0, C2, 0, 40, 77, 1); /* began before, but nobody has heard of it */
    add(w, 0, OUT, 3, 38, 88, 1);
    struct told t = report(w);
    assert_int_equal(t.count, 1);
    assert_true(t.v[0].id == told);
}

/* Two stories too long to be one: what is told again stays in its own, which would have nothing. */
static void a_breach_told_again_stays_where_it_is(void **state)
{
    struct world *w = *state;
    for (int day = 0; day < 13; day++)
        add(w, 0, C2, day * 24, 40, 77, 1);
    add(w, 1, C2, 13 * 24 + 23, 40, 88, 1);
    struct told t = report(w);
    assert_int_equal(t.count, 2);
    add(w, 1, OUT, 14 * 24, 40, 0, 0); /* past the age of the first */
    add(w, 1, C2, 13 * 24 + 22, 45, 77, 1);
    report(w);
    for (unsigned k = 0; k < 3; k++)
        add(w, 1, C2, 13 * 24 + 23, 41 + k, 88, 1);
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].breaches, 2);
}

static void corroboration_counts_a_little(void **state)
{
    struct world *w = *state;
    w->alert = 50;
    add(w, 0, C2, 0, 40, 0, 0);
    assert_float_equal(report(w).v[0].score, 40, 1e-9);
    add(w, 0, OUT, 1, 40, 0, 0);
    assert_float_equal(report(w).v[0].score, 42, 1e-9);
    add(w, 0, MOVE, 1, 20, 0, 0);
    assert_float_equal(report(w).v[0].score, 43, 1e-9);
    for (unsigned k = 1; k < 40; k++)
        add(w, 0, C2, 2, 40, k, 60);
    struct told t = report(w);
    assert_true(t.v[0].score <= 46);
    assert_int_equal(t.v[0].alerts, 0);
    add(w, 0, OUT, 3, 49, 0, 0);
    t = report(w);
    assert_int_equal(t.v[0].alerts, 1);
}

/* Whoever was told of it at 40 is told again when it is ten times as rare, and not before. */
static void what_becomes_worse_is_an_alert_again(void **state)
{
    struct world *w = *state;
    add(w, 0, C2, 0, 40, 77, 1);
    struct told t = report(w);
    assert_int_equal(t.v[0].alerts, 1);
    assert_int_equal(t.v[0].new_alerts, 1);
    assert_true(t.v[0].alert_ns == H0 + HOUR / 2 + 7);
    add(w, 0, C2, 1, 51, 77, 1);
    t = report(w);
    assert_int_equal(t.v[0].alerts, 1);
    assert_int_equal(t.v[0].new_alerts, 0);
    add(w, 0, C2, 2, 53, 77, 1);
    add(w, 0, C2, 3, 64, 77, 1); /* less than that above 53 */
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].alerts, 2);
    assert_int_equal(t.v[0].new_alerts, 1);
    assert_true(t.v[0].alert_ns == H0 + 2 * HOUR + HOUR / 2 + 7);
    /* That another joins makes nothing worse. */
    add(w, 1, C2, 2, 60, 88, 1);
    assert_int_equal(report(w).v[0].new_alerts, 1);
    add(w, 0, OUT, 4, 45, 88, 1);
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].alerts, 2);
    assert_int_equal(t.v[0].new_alerts, 0);
    /* Nor does one that nobody has heard of, whoever is the elder. */
    add(w, 2, C2, 3, 41, 99, 1);
    add(w, 0, OUT, 5, 46, 99, 1);
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].alerts, 2);
    assert_int_equal(t.v[0].new_alerts, 0);
}

static void summary_tells_phases_in_order(void **state)
{
    struct world *w = *state;
    add(w, 0, OUT, 0, 40, 77, 1);
    add(w, 0, C2, 1, 50, 77, 1);
    struct told t = report(w);
    assert_string_equal(t.v[0].title, "N of c2: 10.0.0.1 and h77.example; also exfiltration");
    assert_string_equal(t.v[0].summary,
        "Command and control: 2023-11-15 00:30, 10.0.0.1 called h77.example at regular intervals, "
        "60 connections; no other device uses it. Exfiltration: 2023-11-14 23:30, 10.0.0.1 sent "
        "60 B to h77.example in an hour; usually about 1 B, at most 3 B; no other device uses it.");
}

/* The figures of one hour never stand behind the time of another. */
static void what_is_told_has_its_own_time(void **state)
{
    struct world *w = *state;
    add(w, 0, C2, 0, 30, 1, 1);
    add(w, 0, C2, 5, 50, 1, 1);
    add(w, 0, C2, 6, 20, 1, 1);
    struct told t = report(w);
    assert_string_equal(t.v[0].summary,
        "Command and control: 2023-11-15 04:30, 10.0.0.1 called h1.example at regular intervals, "
        "60 connections; no other device uses it (3 times in this incident).");
}

static void many_peers_are_one_sentence(void **state)
{
    struct world *w = *state;
    for (unsigned k = 1; k <= 3; k++)
        add(w, 0, C2, 0, 50 - k, k, 1);
    add(w, 0, C2, 1, 20, 2, 1);
    struct told t = report(w);
    assert_string_equal(t.v[0].summary,
        "Command and control: 2023-11-14 23:30, 10.0.0.1 called h1.example at regular intervals, "
        "60 connections; no other device uses it; the same with 2 others: h2.example and "
        "h3.example (4 times in this incident).");
    for (unsigned k = 4; k <= 8; k++)
        add(w, 0, C2, 1, 50 - k, k, 1);
    add(w, 1, C2, 1, 45, 1, 2);
    t = report(w);
    assert_non_null(strstr(t.v[0].summary,
        "; the same with 7 others: h2.example, h3.example, h4.example, h5.example and 3 more (9 "
        "times in this incident). "));
    assert_non_null(strstr(t.v[0].summary, "10.0.0.2 called h1.example"));
    assert_null(strstr(t.v[0].summary, "weaker"));
}

static void what_goes_on_says_since_when(void **state)
{
    struct world *w = *state;
    struct th_breach b = {.id = 77,
        .model = C2,
        .entity = w->device[0],
        .start_ns = H0 + 5 * HOUR,
        .end_ns = H0 + 6 * HOUR,
        .time_ns = H0 + 5 * HOUR + HOUR / 2,
        .hours = 4,
        .since_ns = H0,
        .score = 40,
        .evidence_count = 1};
    b.evidence[0] = signal_make("beacon", 60, 3);
    th_incidents_add(w->incidents, &b, w->alert, b.time_ns);
    struct told t = report(w);
    assert_non_null(strstr(t.v[0].summary, "[hour 4 of it since 2023-11-14 23:00]"));
}

static void state_goes_on(void **state)
{
    struct world *w = *state;
    TH_AUTOBUF struct th_buf a = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    add(w, 0, C2, 0, 40, 77, 1);
    add(w, 1, OUT, 0, 60, 88, 1);
    th_incidents_save(w->incidents, &a);
    struct th_incidents *before = w->incidents;
    w->incidents = th_incidents_new(w->models, w->identity);
    assert_int_equal(th_incidents_load(w->incidents, a.p, a.len), 0);
    th_incidents_save(w->incidents, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.p, b.p, a.len);
    add(w, 0, OUT, 2, 45, 77, 1);
    struct told t = report(w);
    assert_int_equal(t.count, 2);
    assert_int_equal(t.v[1].breaches, 2);
    a.p[a.len - 1] ^= 1;
    struct th_incidents *bad = th_incidents_new(w->models, w->identity);
    assert_int_equal(th_incidents_load(bad, a.p, a.len), TH_E_CHECKSUM);
    th_incidents_free(bad);
    th_incidents_free(before);
}

static void a_device_is_taken_out(void **state)
{
    struct world *w = *state;
    add(w, 0, C2, 0, 40, 0, 0); /* alone */
    add(w, 1, C2, 0, 60, 77, 1);
    add(w, 2, OUT, 1, 45, 77, 1); /* with the one before */
    assert_int_equal(report(w).count, 2);
    th_incidents_forget(w->incidents, w->device[0]);
    assert_int_equal(report(w).count, 0); /* it is gone */
    th_incidents_forget(w->incidents, w->device[1]);
    struct told t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].devices, 1);
    assert_int_equal(t.v[0].breaches, 1);
    assert_true(t.v[0].score >= 45 && t.v[0].score < 60);
    th_incidents_forget(w->incidents, w->device[2]);
    th_incidents_forget(w->incidents, w->device[2]);
    assert_int_equal(report(w).count, 0);
    /* Who comes back begins a story of its own. */
    add(w, 1, C2, 2, 41, 0, 0);
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].breaches, 1);
}

static void findings_are_json(void **state)
{
    struct world *w = *state;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_breach b = {.id = 0xabc,
        .model = C2,
        .entity = w->device[0],
        .time_ns = H0 + HOUR,
        .start_ns = H0,
        .end_ns = H0 + HOUR,
        .lgp = 3.25,
        .score = 40.6254,
        .late_hours = 3,
        .hours = 7,
        .since_ns = H0 - 8 * HOUR,
        .has_peer = true,
        .evidence_count = 1};
    b.evidence[0] = with_peer(signal_make("beacon", 60, 3), 5, "c2.\"x\".example", 2);
    b.evidence[0].peer.host = th_str_c(b.evidence[0].peer_host);
    b.peer = b.evidence[0].peer;
    th_breach_json(&b, w->models, w->identity, &out);
    th_buf_u8(&out, 0);
    char device[TH_ENTITY_TEXT_LEN];
    th_entity_text(w->device[0], device);
    TH_AUTOFREE char *want = th_xasprintf(
        "{\"kind\":\"breach\",\"id\":\"0000000000000abc\",\"time\":\"2023-11-15T00:00:00.000000Z\","
        "\"start\":\"2023-11-14T23:00:00.000000Z\",\"end\":\"2023-11-15T00:00:00.000000Z\","
        "\"device\":{\"id\":\"%s\",\"ip\":\"10.0.0.1\",\"mac\":null,\"hostname\":null},"
        "\"peer\":{\"ip\":null,\"host\":\"c2.\\\"x\\\".example\",\"port\":443,\"inside\":false,"
        "\"devices\":2},\"model\":\"c2\",\"name\":\"N of "
        "c2\",\"description\":\"D\",\"version\":1,\"score\":40.625,"
        "\"rarity\":3.25,\"technique\":\"T1071\",\"tactic\":\"command-and-control\","
        "\"late_hours\":3,\"hours\":7,\"since\":\"2023-11-14T15:00:00.000000Z\",\"evidence\":[{"
        "\"feature\":\"beacon\",\"label\":\"connections at "
        "regular intervals to a rare outside destination\",\"observed\":60,\"expected\":1,"
        "\"p\":0.001,\"low\":0,\"high\":3,\"unit\":\"connections\","
        "\"first\":\"2023-11-14T23:00:00.000000Z\",\"last\":\"2023-11-14T23:30:00.000000Z\","
        "\"peer\":\"c2.\\\"x\\\".example\",\"peer_devices\":2,\"all_devices\":100,"
        "\"sentence\":\"called c2.\\\"x\\\".example at regular "
        "intervals, 60 connections; 2 of 100 devices use it\"}]}\n",
        device);
    assert_string_equal((const char *)out.p, want);
}

/* Lets anna in at 10.0.0.1; her id. */
static uint64_t user_of(struct world *w)
{
    struct th_who who;
    struct th_ev_login ev = {.h = {.kind = TH_KIND_LOGIN, .time_ns = H0}};
    TH_SET(&ev, LOGIN, id_orig_h, th_addr_v4((const uint8_t[]){10, 0, 0, 1}));
    TH_SET(&ev, LOGIN, id_resp_h, th_addr_v4((const uint8_t[]){10, 0, 0, 2}));
    TH_SET(&ev, LOGIN, user, th_str_c("Anna"));
    TH_SET(&ev, LOGIN, success, true);
    th_identity_event(w->identity, &ev.h, &who);
    return who.login.user;
}

/* A breach about a user, who came from the device (0: from several), and reached another where it
 * is strong. */
static void users_breach(
    struct world *w, uint64_t user, uint64_t source, double hour, struct th_breach *ret)
{
    int64_t at = H0 + (int64_t)(hour * (double)HOUR);
    struct th_breach *b = ret;
    *b = (struct th_breach){.model = MOVE,
        .entity = user,
        .source = source,
        .start_ns = at,
        .end_ns = at + HOUR,
        .time_ns = at + HOUR / 2,
        .score = 45,
        .has_peer = true,
        .evidence_count = 1};
    b->id = th_mix64((uint64_t)at ^ user) | 1;
    b->evidence[0] = with_peer(signal_make("user-new-target", 2, 3.6), 9, "files", 1);
    b->evidence[0].peer.inside = true;
    b->evidence[0].peer.slot = th_identity_find(w->identity, w->device[2])->slot;
    b->evidence[0].peer.host = th_str_c(b->evidence[0].peer_host);
    b->peer = b->evidence[0].peer;
}

static void a_user_joins_where_it_was(void **state)
{
    struct world *w = *state;
    uint64_t user = user_of(w);
    struct th_breach b;
    users_breach(w, user, w->device[0], 1, &b);
    add(w, 0, C2, 0, 40, 0, 0);
    add(w, 3, C2, 0, 40, 0, 0); /* has nothing to do with it */
    th_incidents_add(w->incidents, &b, w->alert, b.end_ns);
    add(w, 2, OUT, 2, 40, 0, 0); /* that was reached, and acts */
    users_breach(w, user, w->device[1], 3, &b);
    b.peer.key = b.evidence[0].peer.key = 10; /* another host of that name */
    th_incidents_add(w->incidents, &b, w->alert, b.end_ns);
    struct told t = report(w);
    assert_int_equal(t.count, 2);
    assert_int_equal(t.v[0].breaches, 4);
    assert_int_equal(t.v[0].devices, 4); /* three, and the user */
    assert_non_null(strstr(t.v[0].title, "Move: user anna and files, with 3 devices"));
    assert_non_null(strstr(t.v[0].summary, "user anna logged in to files"));
    /* Forgotten, nothing of it is left among the devices' troubles. */
    th_incidents_forget(w->incidents, user);
    th_identity_forget(w->identity, user);
    t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].breaches, 2);
    assert_null(strstr(t.v[0].title, "user"));
}

/* What users do every other day is no part of a device's troubles, wherever they were. */
static void a_user_that_is_no_alert_stays_apart(void **state)
{
    struct world *w = *state;
    struct th_breach b;
    users_breach(w, user_of(w), w->device[0], 1, &b);
    b.score = 35;
    add(w, 0, C2, 0, 40, 0, 0);
    th_incidents_add(w->incidents, &b, w->alert, b.end_ns);
    add(w, 0, OUT, 2, 40, 0, 0);
    add(w, 2, OUT, 2, 40, 0, 0); /* that was reached */
    struct told t = report(w);
    assert_int_equal(t.count, 3);
    assert_int_equal(t.v[0].breaches, 2);
    assert_int_equal(t.v[0].devices, 1);
}

/* The device that a user came from keeps its place when the breach of another one goes. */
static void withdrawn_beside_a_user(void **state)
{
    struct world *w = *state;
    struct th_breach b;
    users_breach(w, user_of(w), w->device[0], 1, &b);
    th_incidents_add(w->incidents, &b, w->alert, b.end_ns);
    uint64_t other = added(w, 2, 1, 40); /* of the one that was reached */
    struct told t = report(w);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.v[0].devices, 3); /* the user, whence it came, and that one */
    th_incidents_withdraw(w->incidents, other, 5);
    t = report(w);
    assert_int_equal(t.v[0].breaches, 1);
    assert_int_equal(t.v[0].devices, 2);
}

static void a_users_breach_says_so(void **state)
{
    struct world *w = *state;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    uint64_t user = user_of(w);
    struct th_breach b;
    users_breach(w, user, 0, 0, &b);
    char text[TH_ENTITY_TEXT_LEN];
    th_entity_text(user, text);
    th_breach_json(&b, w->models, w->identity, &out);
    th_buf_u8(&out, 0);
    TH_AUTOFREE char *want = th_xasprintf(
        "\"device\":null,\"user\":{\"id\":\"%s\",\"name\":\"anna\"},\"peer\":{\"ip\":null,"
        "\"host\":\"files\"",
        text);
    assert_non_null(strstr((const char *)out.p, want));
    assert_non_null(strstr((const char *)out.p, "\"users\":1}"));
    assert_non_null(strstr((const char *)out.p, "\"peer_users\":1,\"all_users\":100"));
    th_buf_clear(&out);
    b.source = w->device[0];
    th_breach_json(&b, w->models, w->identity, &out);
    th_buf_u8(&out, 0);
    assert_non_null(strstr((const char *)out.p, "\"ip\":\"10.0.0.1\""));
}

/* A rhythm has no usual amount, a volume that is usually nothing has one. */
static void what_is_never_usual_has_no_range(void **state)
{
    struct world *w = *state;
    static const char *const none = "\"expected\":null,\"p\":0.001,\"low\":null,\"high\":null";
    static const char *const zero = "\"expected\":0,\"p\":0.001,\"low\":0,\"high\":0";
    for (unsigned i = 0; i < 2; i++) {
        TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
        struct th_breach b = {.id = 1, .entity = w->device[0], .evidence_count = 1};
        b.evidence[0] = signal_make(i ? "bytes-out" : "beacon", 60, 3);
        b.evidence[0].expected = b.evidence[0].low = b.evidence[0].high = 0;
        th_breach_json(&b, w->models, w->identity, &out);
        th_buf_u8(&out, 0);
        assert_non_null(strstr((const char *)out.p, i ? zero : none));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_device_is_one_story_within_hours, setup, teardown),
        cmocka_unit_test_setup_teardown(rare_destination_joins_devices_and_days, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_reached_joins_when_it_acts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_many_reach_joins_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(no_incident_is_older_than_14_days, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bridge_makes_two_stories_one, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_told_which_became_one, setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_that_was_told_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restart_tells_the_same_joinings, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_kept_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_older_master_told_was_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_breach_told_again_stays_where_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(corroboration_counts_a_little, setup, teardown),
        cmocka_unit_test_setup_teardown(what_becomes_worse_is_an_alert_again, setup, teardown),
        cmocka_unit_test_setup_teardown(summary_tells_phases_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(what_goes_on_says_since_when, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_told_has_its_own_time, setup, teardown),
        cmocka_unit_test_setup_teardown(many_peers_are_one_sentence, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_group_did_is_withdrawn, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_left_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(state_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_device_is_taken_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_user_joins_where_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(a_user_that_is_no_alert_stays_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(withdrawn_beside_a_user, setup, teardown),
        cmocka_unit_test_setup_teardown(a_users_breach_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(findings_are_json, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_never_usual_has_no_range, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
