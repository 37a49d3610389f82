/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sensor that lives for the test feeds the made events (selftest_events.h) through everything
 * that a real one's pass; each step waits until the master itself shows what must come of them.
 * Then all of it is forgotten, by the way that anything is (docs/erasure.md): first the sensor is
 * revoked, then a control behind its events in the log has every part take out what it kept.
 *
 * The device's hours are forgotten before they end, so no calibrator learns from them; where an
 * hour ends meanwhile, its few device-hours are counted among the thousands that the prior brings.
 */
#include "ctl_selftest.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "instance.h"
#include "selftest_ask.h"
#include "selftest_events.h"
#include "selftest_sensor.h"

enum { LOOK_MS = 200, DEFAULT_STEP_S = 60 };

static const char help[] =
    "Usage: thymusctl selftest --instance DIR [--keep] [--step-s N]\n"
    "       thymusctl selftest --instance DIR --remove\n"
    "\n"
    "Proves that a running instance works from the sensor to the finding: a sensor made for the\n"
    "test sends three hours of a device named selftest-..., which calls a name under .invalid "
    "each\n"
    "minute and asks for names that do not exist. Waits for its events in the log and in search, "
    "and\n"
    "for both findings; then removes device, events, findings and sensor.\n"
    "\n"
    "  --keep      leaves all of it there, to be looked at\n"
    "  --remove    removes what --keep, or a test that was broken off, has left\n"
    "  --step-s N  seconds that a step may take; default 60\n"
    "\n"
    "Exit status: 0 all was found and removed; 1 a step failed, a sentence says which and why.\n";

struct selftest {
    struct th_instance instance;
    struct th_selftest_asked ask;
    struct th_selftest_who who;
    struct th_selftest_sensor sensor;
    char sensor_id[24];
    uint64_t events;
    int64_t begin_ns; /* before its first event; 0: not known */
    unsigned step_s;
    bool fed;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * TH_NS_PER_S + t.tv_nsec;
}

/* ---- what is looked for: 1 it is there, 0 not yet, negative: it will not come ---- */

/* Negative with ask.trouble set: it is not asked for in vain for a minute. */
static int look_at_sensor(struct selftest *t)
{
    int r = t->fed ? 0 : th_selftest_sensor_look(&t->sensor);
    if (r < 0) {
        TH_AUTOFREE char *said = th_selftest_sensor_said(&t->sensor);
        snprintf(t->ask.trouble, sizeof(t->ask.trouble), "thymus-vsensor ended: %s", said);
        return r;
    }
    t->fed |= r == 1;
    return 0;
}

/* Without a master there is nothing to wait for. */
static int is_running(struct selftest *t)
{
    json_t *answer = th_selftest_read(&t->ask, "status", NULL);
    const json_t *roles = json_object_get(answer, "roles");
    int r = answer ? 1 : t->ask.no_master ? -ECONNREFUSED : 0;
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)roles, i, v)
    {
        if (strcmp(th_selftest_text(v, "state"), "up") != 0)
            r = 0;
    }
    json_decref(answer);
    return r;
}

/* Is it pending, it is approved. */
static int is_enrolled(struct selftest *t)
{
    int r = look_at_sensor(t);
    json_t *answer = r < 0 ? NULL : th_selftest_ask(&t->ask, "ctl.sensor.list", json_object());
    const json_t *row = th_selftest_find(json_object_get(answer, "sensors"), "token", t->who.name);
    bool pending = strcmp(th_selftest_text(row, "status"), "pending") == 0;
    snprintf(t->sensor_id, sizeof(t->sensor_id), "%s", th_selftest_text(row, "id"));
    json_decref(answer);
    if (r < 0 || !row)
        return r;
    if (!pending)
        return 1;
    json_decref(th_selftest_ask(&t->ask, "ctl.sensor.change",
        json_pack("{s:s, s:s}", "id", t->sensor_id, "status", "authorised")));
    return 0;
}

static int is_in_log(struct selftest *t)
{
    int r = look_at_sensor(t);
    json_t *answer = r < 0 ? NULL : th_selftest_read(&t->ask, "status", NULL);
    const json_t *row =
        th_selftest_find(json_object_get(answer, "sources"), "sensor", t->sensor_id);
    json_int_t events = json_integer_value(json_object_get(row, "events"));
    json_decref(answer);
    return r < 0 ? r : t->fed && (uint64_t)events >= t->events;
}

/* How many rows a search finds; negative: it could not be asked. Not in all that is stored: where
 * that is much it would take as long. */
static int64_t search(struct selftest *t)
{
    char text[TH_ADDR_TEXT_LEN];
    char question[TH_ADDR_TEXT_LEN + 16];
    char from[TH_TIME_TEXT_LEN];
    th_time_rfc3339(t->begin_ns, from);
    th_addr_format(&t->who.address, text);
    snprintf(question, sizeof(question), "ip:%s", text);
    json_t *answer = th_selftest_read(&t->ask, "search",
        json_pack(
            "{s:s, s:s, s:s, s:s}", "q", question, "limit", "1", "histogram", "1", "from", from));
    const json_t *total = json_object_get(answer, "total");
    int64_t n = json_is_integer(total) ? json_integer_value(total) : -1;
    json_decref(answer);
    return n;
}

static int is_searchable(struct selftest *t)
{
    return search(t) >= (int64_t)t->events;
}

/* Devices with the address; how many, negative: it could not be asked. *ret_id is the first's. */
static int find_device(struct selftest *t, char ret_id[16])
{
    char text[TH_ADDR_TEXT_LEN];
    th_addr_format(&t->who.address, text);
    json_t *answer = th_selftest_read(&t->ask, "devices", json_pack("{s:s}", "q", text));
    const json_t *list = json_object_get(answer, "devices");
    int n = answer ? (int)json_array_size(list) : -1;
    snprintf(ret_id, 16, "%s", th_selftest_text(json_array_get(list, 0), "id"));
    json_decref(answer);
    return n;
}

static int has_finding(struct selftest *t, const char *model)
{
    char id[16];
    if (find_device(t, id) < 1)
        return 0;
    json_t *answer = th_selftest_read(&t->ask, "breaches", json_pack("{s:s}", "device", id));
    bool found = false;
    size_t i;
    json_t *b;
    json_array_foreach(json_object_get(answer, "breaches"), i, b)
    {
        const char *name = th_selftest_text(json_object_get(b, "model"), "id");
        found = found || strncmp(name, model, strlen(model)) == 0;
    }
    json_decref(answer);
    return found;
}

static int is_beacon_found(struct selftest *t)
{
    return has_finding(t, "beacon-to-");
}

static int is_dga_found(struct selftest *t)
{
    return has_finding(t, "generated-domains");
}

static bool is_incident_left(struct selftest *t)
{
    json_t *answer = th_selftest_read(
        &t->ask, "incidents", json_pack("{s:s, s:s}", "state", "all", "limit", "200"));
    bool left = !answer;
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(answer, "incidents"), i, v)
    {
        const json_t *devices = json_object_get(v, "devices");
        left = left || th_selftest_find(devices, "hostname", t->who.name);
    }
    json_decref(answer);
    return left;
}

static int is_gone(struct selftest *t)
{
    char id[16];
    if (search(t) != 0 || find_device(t, id) != 0 || is_incident_left(t))
        return 0;
    json_t *answer = th_selftest_ask(&t->ask, "ctl.sensor.list", json_object());
    bool left =
        !answer || th_selftest_find(json_object_get(answer, "sensors"), "name", t->who.name);
    json_decref(answer);
    return !left;
}

/* ---- steps ---- */

/* True when it came about within the step's time; says so, or what is in the way. */
static bool step(
    struct selftest *t, const char *what, int (*look)(struct selftest *t), bool stoppable)
{
    const struct timespec moment = {.tv_nsec = LOOK_MS * 1000000L};
    int64_t began_ns = clock_ns(CLOCK_MONOTONIC);
    int64_t until_ns = began_ns + t->step_s * TH_NS_PER_S;
    int r;
    t->ask.trouble[0] = '\0';
    while ((r = look(t)) == 0 && clock_ns(CLOCK_MONOTONIC) < until_ns && !(stoppable && stopped))
        nanosleep(&moment, NULL);
    double seconds = (double)(clock_ns(CLOCK_MONOTONIC) - began_ns) / 1e9;
    if (r > 0) {
        printf("  ok    %5.1f s  %s\n", seconds, what);
        fflush(stdout);
        return true;
    }
    printf("  FAIL  %5.1f s  %s\n", seconds, what);
    fflush(stdout);
    if (stoppable && stopped) {
        fprintf(stderr, "thymusctl: the self-test was broken off at: %s\n", what);
        return false;
    }
    char trouble[sizeof(t->ask.trouble)];
    memcpy(trouble, t->ask.trouble, sizeof(trouble));
    TH_AUTOFREE char *why = th_selftest_why(&t->ask);
    bool same = strstr(why, trouble);
    fprintf(stderr, "thymusctl: the self-test failed at: %s.%s%s%s\n", what,
        *trouble && !same ? " " : "", same ? "" : trouble,
        *why ? why : " Look at System Status and into the master's log.");
    return false;
}

static int complain(const char *what, int err)
{
    fprintf(stderr, "thymusctl: %s: %s\n", what, th_strerror(err));
    return err;
}

static int start_sensor(struct selftest *t, const char *token)
{
    TH_AUTOBUF struct th_buf events = TH_BUF_INIT;
    TH_AUTOFREE char *path = NULL;
    char pin[64];
    int r = th_instance_pin(&t->instance, pin);
    if (r < 0)
        return complain("the instance's certificate cannot be read", r);
    int64_t now_ns = clock_ns(CLOCK_REALTIME);
    t->begin_ns = now_ns - (TH_SELFTEST_KNOWN_HOURS + TH_SELFTEST_HOURS + 1) * TH_NS_PER_HOUR;
    r = th_selftest_events(&t->who, now_ns, &events, &t->events);
    if (r < 0)
        return complain("the events of the test cannot be made", r);
    const struct th_selftest_config config = {.name = t->who.name,
        .listen = t->instance.listen.v[0],
        .pin = pin,
        .token = token,
        .user = t->instance.user,
        .events = th_buf_view(&events)};
    r = th_selftest_sensor_start(&t->sensor, &config, &path);
    return r < 0 ? complain(path, r) : 0;
}

static bool prove(struct selftest *t)
{
    if (!step(t, "every part of the master runs", is_running, true))
        return false;
    json_t *answer =
        th_selftest_ask(&t->ask, "ctl.token.create", json_pack("{s:s}", "label", t->who.name));
    bool ok = answer && start_sensor(t, th_selftest_text(answer, "token")) == 0;
    if (!answer)
        fprintf(stderr, "thymusctl: %s\n", t->ask.trouble);
    json_decref(answer);
    return ok && step(t, "sensor enrolled", is_enrolled, true) &&
        step(t, "its batches in the log", is_in_log, true) &&
        step(t, "its events in search", is_searchable, true) &&
        step(t, "generated names found", is_dga_found, true) &&
        step(t, "beacon found", is_beacon_found, true);
}

/* ---- removing ---- */

/* Nothing is left to be taken out of the log when the sensor never came. */
static bool take_back(struct selftest *t)
{
    char address[TH_ADDR_TEXT_LEN];
    th_addr_format(&t->who.address, address);
    json_decref(
        th_selftest_ask(&t->ask, "ctl.token.revoke", json_pack("{s:s}", "label", t->who.name)));
    json_t *list = th_selftest_ask(&t->ask, "ctl.sensor.list", json_object());
    const json_t *row = th_selftest_find(json_object_get(list, "sensors"), "name", t->who.name);
    snprintf(t->sensor_id, sizeof(t->sensor_id), "%s", th_selftest_text(row, "id"));
    bool known = list;
    json_decref(list);
    if (!known || !*t->sensor_id)
        return known;
    json_t *done = th_selftest_ask(&t->ask, "ctl.sensor.change",
        json_pack("{s:s, s:s}", "id", t->sensor_id, "status", "revoked"));
    json_decref(done);
    if (done)
        done = th_selftest_ask(&t->ask, "ctl.forget",
            json_pack("{s:s, s:s}", "sensor", t->sensor_id, "address", address));
    json_decref(done);
    return done && step(t, "all of it removed", is_gone, false);
}

static bool remove_it(struct selftest *t)
{
    bool ok = take_back(t);
    if (!ok)
        fprintf(stderr,
            "thymusctl: not all of the self-test could be removed.%s%s It is taken out as soon as "
            "every part has read the log; thymusctl selftest --remove does it again.\n",
            *t->ask.trouble ? " " : "", t->ask.trouble);
    return ok;
}

static int keep(struct selftest *t)
{
    printf("kept: sensor %s and device %s; thymusctl selftest --remove takes them out\n",
        t->sensor_id, t->who.name);
    return 0;
}

static int remove_all(struct selftest *t)
{
    json_t *answer = th_selftest_ask(&t->ask, "ctl.sensor.list", json_object());
    bool ok = answer;
    size_t i;
    json_t *row;
    if (!answer)
        fprintf(stderr, "thymusctl: %s\n", t->ask.trouble);
    json_array_foreach(json_object_get(answer, "sensors"), i, row)
    {
        const char *name = th_selftest_text(row, "name");
        if (!th_selftest_who(name, &t->who) || strcmp(th_selftest_text(row, "token"), name) != 0)
            continue;
        printf("%s\n", name);
        ok = remove_it(t) && ok;
    }
    json_decref(answer);
    return ok ? 0 : 1;
}

static int run(struct selftest *t, bool keeps)
{
    char name[TH_SELFTEST_NAME_BYTES] = "selftest-";
    uint8_t number[4];
    th_random_bytes(number, sizeof(number));
    th_hex(number, sizeof(number), name + strlen(name));
    bool ok = th_selftest_who(name, &t->who);
    TH_ASSERT(ok);
    printf("self-test of %s as %s\n", t->instance.name, name);
    fflush(stdout);
    int64_t began_ns = clock_ns(CLOCK_MONOTONIC);
    ok = prove(t);
    th_selftest_sensor_remove(&t->sensor);
    if (keeps && ok)
        return keep(t);
    if (t->events > 0)
        ok = remove_it(t) && ok;
    if (ok)
        printf("all is well, in %.1f s\n", (double)(clock_ns(CLOCK_MONOTONIC) - began_ns) / 1e9);
    return ok ? 0 : 1;
}

static int mistake(const char *what)
{
    fprintf(stderr, "thymusctl selftest: %s; see thymusctl selftest --help\n", what);
    return 2;
}

int ctl_selftest(int argc, char **argv)
{
    enum { OPT_INSTANCE = 1, OPT_KEEP, OPT_REMOVE, OPT_STEP, OPT_HELP };
    static const struct option longs[] = {{"instance", required_argument, NULL, OPT_INSTANCE},
        {"keep", no_argument, NULL, OPT_KEEP}, {"remove", no_argument, NULL, OPT_REMOVE},
        {"step-s", required_argument, NULL, OPT_STEP}, {"help", no_argument, NULL, OPT_HELP}, {0}};
    struct selftest t = {.instance = TH_INSTANCE_INIT, .step_s = DEFAULT_STEP_S};
    const struct sigaction action = {.sa_handler = on_signal};
    bool keeps = false;
    bool removes = false;
    uint64_t step_s = DEFAULT_STEP_S;
    char error[1024];
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case OPT_INSTANCE: t.ask.instance = optarg; break;
        case OPT_KEEP: keeps = true; break;
        case OPT_REMOVE: removes = true; break;
        case OPT_STEP:
            if (!th_str_u64(th_str_c(optarg), &step_s) || step_s < 1 || step_s > 3600)
                return mistake("--step-s takes 1 to 3600");
            break;
        case OPT_HELP: return fputs(help, stdout) < 0;
        default: return mistake("unknown or incomplete option");
        }
    }
    if (!t.ask.instance || optind < argc)
        return mistake("--instance is needed, and nothing else is taken");
    t.step_s = (unsigned)step_s;
    if (th_instance_open(t.ask.instance, &t.instance, error, sizeof(error)) < 0) {
        fprintf(stderr, "thymusctl: %s\n", error);
        th_instance_done(&t.instance);
        return 1;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    int status = removes ? remove_all(&t) : run(&t, keeps);
    th_instance_done(&t.instance);
    return status;
}
