/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl_remote.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "control.h"

enum { PATIENCE_MS = 30000 };

static const char help[] =
    "Usage: thymusctl token create LABEL | list | revoke LABEL\n"
    "       thymusctl user create NAME [--role ROLE] | list | reset NAME | remove NAME\n"
    "       thymusctl sensor list | approve ID | revoke ID\n"
    "       thymusctl permit list | end ID\n"
    "       thymusctl audit check\n"
    "all with --instance DIR, whose master runs.\n"
    "\n"
    "token create prints the push token, label:secret, for a sensor's configuration; it is shown\n"
    "this once. user create and reset print a one-time password for the first login. ROLE is\n"
    "administrator, analyst or reader (default).\n";

struct asked {
    const char *instance, *role;
    const char *word, *verb, *name;
};

/* What to ask for a command, and how to show the answer. */
struct command {
    const char *word, *verb;
    bool named;                    /* takes a NAME */
    const char *route, *key;       /* the member that NAME becomes */
    const char *extra_key, *extra; /* one member more; the role where extra is NULL */
    int (*show)(const json_t *answer);
};

/* ---- showing ---- */

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "-";
}

/* Names may have been chosen by strangers: nothing of them steers the terminal. */
static void column(const char *s, int width)
{
    TH_AUTOFREE char *clean = th_xstrdup(s);
    for (char *p = clean; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    printf("%-*s ", width, clean);
}

static int show_done(const json_t *answer)
{
    (void)answer;
    return puts("done") < 0;
}

static int show_token(const json_t *answer)
{
    return puts(text(answer, "token")) < 0;
}

static int show_one_time(const json_t *answer)
{
    return puts(text(answer, "one_time_password")) < 0;
}

static int show_tokens(const json_t *answer)
{
    size_t i;
    json_t *t;
    json_array_foreach(json_object_get(answer, "tokens"), i, t)
    {
        column(text(t, "label"), 32);
        column(json_is_true(json_object_get(t, "revoked")) ? "revoked" : "valid", 8);
        printf("%s\n", text(t, "created"));
    }
    return 0;
}

static int show_users(const json_t *answer)
{
    size_t i;
    json_t *u;
    json_array_foreach(json_object_get(answer, "users"), i, u)
    {
        column(text(u, "name"), 32);
        column(text(u, "role"), 14);
        printf("%s\n", text(u, "last_login"));
    }
    return 0;
}

static int show_sensors(const json_t *answer)
{
    size_t i;
    json_t *s;
    json_array_foreach(json_object_get(answer, "sensors"), i, s)
    {
        column(text(s, "id"), 16);
        column(text(s, "status"), 11);
        column(text(s, "name"), 32);
        printf("%s\n", text(s, "last_seen"));
    }
    return 0;
}

/* What it is about, or nothing: "host a.example.com". */
static void put_word(const json_t *permit, const char *key)
{
    const char *s = json_string_value(json_object_get(permit, key));
    if (!s)
        return;
    printf("%s ", key);
    column(s, 0);
}

static int show_permits(const json_t *answer)
{
    static const char *const scope[] = {"model", "tactic", "host", "domain", "address"};
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(answer, "permits"), i, p)
    {
        column(text(p, "id"), 16);
        column(text(p, "state"), 8);
        column(text(p, "until"), 28);
        column(text(p, "by"), 16);
        printf("held %lld ", (long long)json_integer_value(json_object_get(p, "held")));
        printf("device ");
        column(text(json_object_get(p, "device"), "id"), 0);
        for (size_t k = 0; k < TH_ARRAY_LEN(scope); k++)
            put_word(p, scope[k]);
        if (json_is_integer(json_object_get(p, "port")))
            printf("port %lld ", (long long)json_integer_value(json_object_get(p, "port")));
        printf(": ");
        column(text(p, "reason"), 0);
        printf("\n");
    }
    if (json_is_string(json_object_get(answer, "next")))
        fprintf(stderr, "thymusctl: the newest of them; all are in System config\n");
    return 0;
}

static int show_intact(const json_t *answer)
{
    bool intact = json_is_true(json_object_get(answer, "intact"));
    puts(intact ? "the audit log is intact" : "the audit log was changed by somebody");
    return intact ? 0 : 1;
}

static const struct command commands[] = {
    {"token", "create", true, "ctl.token.create", "label", NULL, NULL, show_token},
    {"token", "list", false, "ctl.token.list", NULL, NULL, NULL, show_tokens},
    {"token", "revoke", true, "ctl.token.revoke", "label", NULL, NULL, show_done},
    {"user", "create", true, "ctl.user.create", "name", "role", NULL, show_one_time},
    {"user", "list", false, "ctl.user.list", NULL, NULL, NULL, show_users},
    {"user", "reset", true, "ctl.user.change", "name", "reset", "true", show_one_time},
    {"user", "remove", true, "ctl.user.remove", "name", NULL, NULL, show_done},
    {"sensor", "list", false, "ctl.sensor.list", NULL, NULL, NULL, show_sensors},
    {"sensor", "approve", true, "ctl.sensor.change", "id", "status", "authorised", show_done},
    {"sensor", "revoke", true, "ctl.sensor.change", "id", "status", "revoked", show_done},
    {"permit", "list", false, "ctl.api", NULL, "route", "permits", show_permits},
    {"permit", "end", true, "ctl.permit.end", "id", NULL, NULL, show_done},
    {"audit", "check", false, "ctl.audit.check", NULL, NULL, NULL, show_intact},
};

/* ---- asking ---- */

static void put_body(struct th_buf *body, const struct command *c, const struct asked *a)
{
    struct th_json j = th_json_init(body);
    th_json_open(&j);
    if (c->named) {
        th_json_key(&j, c->key);
        th_json_str(&j, th_str_c(a->name));
    }
    if (c->extra_key) {
        th_json_key(&j, c->extra_key);
        if (c->extra && strcmp(c->extra, "true") == 0)
            th_json_bool(&j, true);
        else
            th_json_str(&j, th_str_c(c->extra ? c->extra : a->role));
    }
    th_json_close(&j);
}

static int refused(unsigned status, const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");
    fprintf(stderr, "thymusctl: the master refused (%u): %s\n", status,
        error ? text(error, "message") : "no reason given");
    return 1;
}

static int ask(const struct command *c, const struct asked *a)
{
    TH_AUTOBUF struct th_buf body = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf got = TH_BUF_INIT;
    unsigned status = 0;
    put_body(&body, c, a);
    int r = th_control_ask(a->instance, c->route, th_buf_view(&body), PATIENCE_MS, &status, &got);
    if (r == -ENOENT || r == -ECONNREFUSED)
        fprintf(stderr,
            "thymusctl: no master runs on %s; start it with: thymus-master --instance %s\n",
            a->instance, a->instance);
    else if (r < 0)
        fprintf(
            stderr, "thymusctl: %s: the master does not answer: %s\n", a->instance, th_strerror(r));
    if (r < 0)
        return 1;
    json_t *answer = got.len ? json_loadb((const char *)got.p, got.len, 0, NULL) : json_object();
    int done = status < 300 && answer ? c->show(answer) : refused(status, answer);
    json_decref(answer);
    if (got.p)
        explicit_bzero(got.p, got.len); /* may hold a token or a password */
    return done;
}

static int mistake(const char *what)
{
    fprintf(stderr, "thymusctl: %s; see thymusctl token --help\n", what);
    return 2;
}

static int parse(struct asked *a, int argc, char **argv)
{
    static const struct option longs[] = {{"instance", required_argument, NULL, 'i'},
        {"role", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}, {0}};
    *a = (struct asked){.role = "reader", .word = argv[0]};
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case 'i': a->instance = optarg; break;
        case 'r': a->role = optarg; break;
        case 'h': return fputs(help, stdout) < 0;
        default: return mistake("unknown or incomplete option");
        }
    }
    if (optind < argc)
        a->verb = argv[optind++];
    if (optind < argc)
        a->name = argv[optind++];
    if (optind < argc)
        return mistake("too many words");
    return -1;
}

int ctl_remote(int argc, char **argv)
{
    struct asked a;
    int decided = parse(&a, argc, argv);
    if (decided >= 0)
        return decided;
    for (size_t i = 0; a.verb && i < TH_ARRAY_LEN(commands); i++) {
        const struct command *c = &commands[i];
        if (strcmp(c->word, a.word) != 0 || strcmp(c->verb, a.verb) != 0)
            continue;
        if (c->named != (a.name != NULL))
            return mistake(c->named ? "a name is missing" : "no name is taken here");
        return a.instance ? ask(c, &a) : mistake("--instance is missing");
    }
    return mistake("no such command");
}
