/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A patch day, live: what looks told of its members while the hour went on is taken back when the
 * hour ends, what hides in it stays, and neither shards nor restarts change anything.
 */
#include "unit.h"

#include "../../scenario/script.h"
#include "live_run.h"

static struct script script;
static struct live_log patch_day;
static struct live_result undisturbed;

static int make(void **state)
{
    (void)state;
    struct live_log_options options = {.batch_ns = TH_NS_PER_MIN};
    struct live_run_options one = {.shards = 1};
    if (script_load(SCENARIO, &script) < 0)
        return -1;
    struct live_events e = {.n = script.event_count};
    e.v = th_xcalloc(e.n, sizeof(*e.v));
    for (size_t i = 0; i < e.n; i++)
        e.v[i] = &script.events[i]->h;
    e.start_ns = e.v[0]->time_ns;
    e.end_ns = e.v[e.n - 1]->time_ns;
    live_log_make(&patch_day, &e, &options);
    free(e.v);
    live_run(&patch_day, &one, &undisturbed);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    live_result_done(&undisturbed);
    live_log_done(&patch_day);
    script_done(&script);
    return 0;
}

static void assert_same(const struct live_result *a, const struct live_result *b)
{
    TH_AUTOFREE char *difference = live_result_differ(a, b);
    if (difference)
        print_message("# %s\n", difference);
    assert_null(difference);
}

static bool is_kind(const struct live_finding *f, const char *kind)
{
    size_t n = strlen(kind);
    return strncmp(f->key, kind, n) == 0 && f->key[n] == ' ';
}

/* In the order in which they were made: the last, which is of the patch day. */
static const struct live_finding *group_event(void)
{
    const struct live_finding *found = NULL;
    unsigned n = 0;
    for (size_t i = 0; i < undisturbed.n; i++) {
        const struct live_finding *f = &undisturbed.v[i];
        if (is_kind(f, "group-event") && strstr(f->line, "update.example")) {
            found = f;
            n++;
        }
    }
    assert_int_equal(n, 1);
    return found;
}

static void test_told_once(void **state)
{
    (void)state;
    const struct live_finding *event = group_event();
    assert_non_null(strstr(event->line, "18 of "));
    assert_non_null(strstr(event->line, "\"discounted\":true"));
    assert_int_equal(event->told, 1);
}

/* Breaches that are part of it say so, belong to no incident, and were told early before. */
static void test_members_are_taken_back(void **state)
{
    (void)state;
    const char *id = strchr(group_event()->key, ' ') + 1;
    char part[64];
    unsigned members = 0;
    unsigned early = 0;
    snprintf(part, sizeof(part), "\"group_event\":\"%s\"", id);
    for (size_t i = 0; i < undisturbed.n; i++) {
        const struct live_finding *f = &undisturbed.v[i];
        if (!is_kind(f, "breach") || !strstr(f->line, part))
            continue;
        const char *breach = strchr(f->key, ' ') + 1;
        members++;
        early += f->told > 1;
        assert_null(strstr(f->line, "\"early\":true"));
        assert_non_null(strstr(group_event()->line, breach));
        for (size_t k = 0; k < undisturbed.n; k++)
            if (is_kind(&undisturbed.v[k], "incident"))
                assert_null(strstr(undisturbed.v[k].line, breach));
    }
    unsigned withdrawn = 0;
    for (size_t i = 0; i < undisturbed.n; i++)
        withdrawn += is_kind(&undisturbed.v[i], "withdrawn");
    print_message(
        "# %u breaches, %u told early before, %u incidents withdrawn\n", members, early, withdrawn);
    assert_true(members >= 10 && early > 0 && withdrawn > 0);
}

/* One of the members searches the network as well: told at once, and as an incident of its own. */
static void test_what_hides_stays(void **state)
{
    (void)state;
    const struct live_finding *scan = NULL;
    unsigned incidents = 0;
    for (size_t i = 0; i < undisturbed.n; i++)
        if (is_kind(&undisturbed.v[i], "breach") &&
            strstr(undisturbed.v[i].line, "\"model\":\"internal-scan\""))
            scan = &undisturbed.v[i];
    assert_non_null(scan);
    assert_null(strstr(scan->line, "\"group_event\""));
    assert_non_null(strstr(scan->line, "\"hostname\":\"ws6\""));
    for (size_t i = 0; i < undisturbed.n; i++) {
        const struct live_finding *f = &undisturbed.v[i];
        if (!is_kind(f, "incident") || !strstr(f->line, strchr(scan->key, ' ') + 1))
            continue;
        assert_null(strstr(f->line, "update.example"));
        assert_null(strstr(f->line, "\"hostname\":\"ws7\""));
        incidents++;
    }
    assert_int_equal(incidents, 1);
}

static void test_shards_play_no_part(void **state)
{
    (void)state;
    struct live_run_options four = {.shards = 4, .step = 5};
    struct live_result r;
    live_run(&patch_day, &four, &r);
    assert_same(&undisturbed, &r);
    live_result_done(&r);
}

/* Also in the middle of the hour. */
static void test_restarts_play_no_part(void **state)
{
    (void)state;
    struct io_record *disk = io_record_new();
    struct th_io io;
    io_record_io(disk, &io);
    struct live_run_options killed = {
        .shards = 2, .step = 3, .save_every = 60, .kill_every = 97, .checkpoints = &io};
    struct live_result r;
    live_run(&patch_day, &killed, &r);
    assert_same(&undisturbed, &r);
    live_result_done(&r);
    io_record_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_once),
        cmocka_unit_test(test_members_are_taken_back),
        cmocka_unit_test(test_what_hides_stays),
        cmocka_unit_test(test_shards_play_no_part),
        cmocka_unit_test(test_restarts_play_no_part),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
