/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl_packets.h"

#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/fd.h"
#include "base/mem.h"
#include "control.h"

enum { PATIENCE_MS = 30000 };

static const char help[] =
    "Usage: thymusctl packets ask --host ADDRESS --from TIME --to TIME [--peer ADDRESS]\n"
    "           [--port N] [--peer-port N] [--proto N] [--limit-bytes N] [--sensor ID]\n"
    "       thymusctl packets list\n"
    "       thymusctl packets get ID --output FILE\n"
    "       thymusctl packets delete ID\n"
    "all with --instance DIR, whose master runs.\n"
    "\n"
    "ask prints the id of what it asked for; list says what became of it. Times are RFC 3339, as\n"
    "2026-11-30T10:00:00Z. Without --sensor the sensors that are connected are asked one after "
    "the\n"
    "other, until one has such packets. FILE is new, or - for standard output.\n";

struct asked {
    const char *instance, *verb, *id, *output;
    json_t *body, *wish; /* the wish is a member of the body */
};

static int mistake(const char *what)
{
    fprintf(stderr, "thymusctl: %s; see thymusctl packets --help\n", what);
    return 2;
}

/* ---- asking ---- */

/* 0, or an exit status after it has said what is wrong. */
static int send_request(const struct asked *a, const char *route, struct th_buf *ret)
{
    unsigned status = 0;
    char *text = json_dumps(a->body, JSON_COMPACT);
    TH_ASSERT(text);
    int r = th_control_ask(a->instance, route, th_str_c(text), PATIENCE_MS, &status, ret);
    free(text);
    if (r < 0) {
        fprintf(
            stderr, "thymusctl: %s: the master does not answer: %s\n", a->instance, th_strerror(r));
        return 1;
    }
    if (status < 300)
        return 0;
    json_t *answer = json_loadb((const char *)ret->p, ret->len, 0, NULL);
    const char *why =
        json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
    fprintf(
        stderr, "thymusctl: the master refused (%u): %s\n", status, why ? why : "no reason given");
    json_decref(answer);
    return 1;
}

static int ask(const struct asked *a)
{
    TH_AUTOBUF struct th_buf got = TH_BUF_INIT;
    int r = send_request(a, "ctl.packets.ask", &got);
    if (r != 0)
        return r;
    json_t *answer = json_loadb((const char *)got.p, got.len, 0, NULL);
    const char *id = json_string_value(json_object_get(answer, "id"));
    r = id && puts(id) >= 0 ? 0 : 1;
    json_decref(answer);
    return r;
}

/* Names of sensors and sentences come from outside: nothing of them steers the terminal. */
static const char *clean(const json_t *of, const char *member, char ret[256])
{
    const char *s = json_string_value(json_object_get(of, member));
    snprintf(ret, 256, "%s", s && *s ? s : "-");
    for (char *p = ret; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    return ret;
}

static int list(const struct asked *a)
{
    TH_AUTOBUF struct th_buf got = TH_BUF_INIT;
    char text[6][256];
    size_t i;
    json_t *k;
    int r = send_request(a, "ctl.packets.list", &got);
    if (r != 0)
        return r;
    json_t *answer = json_loadb((const char *)got.p, got.len, 0, NULL);
    json_array_foreach(json_object_get(answer, "asks"), i, k)
    {
        const json_t *wish = json_object_get(k, "wish");
        printf("%s %-8s %12lld %s %s %s %s\n", clean(k, "id", text[0]), clean(k, "state", text[1]),
            (long long)json_integer_value(json_object_get(k, "bytes")), clean(k, "by", text[2]),
            clean(k, "sensor_name", text[3]), clean(wish, "host", text[4]),
            clean(k, "problem", text[5]));
    }
    r = answer ? 0 : 1;
    json_decref(answer);
    return r;
}

static int simple(const struct asked *a, const char *route)
{
    TH_AUTOBUF struct th_buf got = TH_BUF_INIT;
    int r = send_request(a, route, &got);
    return r != 0 ? r : puts("done") < 0;
}

/* ---- getting ---- */

/* Piece by piece: bytes in all u64, where to read on u64, then bytes. */
static int copy_pieces(struct asked *a, int out)
{
    uint64_t at = 0, total = 0, had = 0;
    do {
        TH_AUTOBUF struct th_buf got = TH_BUF_INIT;
        char text[24];
        snprintf(text, sizeof(text), "%llu", (unsigned long long)at);
        json_object_set_new(a->body, "at", json_string(text));
        int r = send_request(a, "ctl.packets.file", &got);
        if (r != 0)
            return r;
        struct th_cur c = th_cur_init(got.p, got.len);
        total = th_cur_le64(&c);
        at = th_cur_le64(&c);
        struct th_str piece = th_cur_bytes(&c, th_cur_left(&c));
        r = c.failed ? TH_E_MALFORMED : th_fd_write(out, piece);
        if (r < 0) {
            fprintf(stderr, "thymusctl: %s: %s\n", a->output, th_strerror(r));
            return 1;
        }
        had += piece.len;
    } while (at != 0);
    return had == total ? 0 : mistake("the packets ended early");
}

static int get(struct asked *a)
{
    if (!a->output)
        return mistake("--output is missing");
    if (strcmp(a->output, "-") == 0)
        return copy_pieces(a, STDOUT_FILENO);
    TH_AUTOCLOSE int fd = open(a->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        fprintf(stderr, "thymusctl: %s: %s\n", a->output, th_strerror(-errno));
        return 1;
    }
    int r = copy_pieces(a, fd);
    if (r != 0)
        unlink(a->output);
    return r;
}

/* ---- the command line ---- */

static bool take_number(struct asked *a, const char *member, const char *text)
{
    uint64_t v;
    if (!th_str_u64(th_str_c(text), &v) || v > INT64_MAX)
        return false;
    json_object_set_new(a->wish, member, json_integer((json_int_t)v));
    return true;
}

static bool take_option(struct asked *a, int option, const char *value)
{
    json_t *text = json_string(value);
    bool fits = text != NULL;
    switch (option) {
    case 'i': a->instance = value; break;
    case 'o': a->output = value; break;
    case 's': json_object_set(a->body, "sensor", text); break;
    case 'H': json_object_set(a->wish, "host", text); break;
    case 'P': json_object_set(a->wish, "peer", text); break;
    case 'f': json_object_set(a->wish, "from", text); break;
    case 't': json_object_set(a->wish, "to", text); break;
    case 'p': fits = take_number(a, "port", value); break;
    case 'q': fits = take_number(a, "peer_port", value); break;
    case 'r': fits = take_number(a, "proto", value); break;
    case 'b': fits = take_number(a, "limit_bytes", value); break;
    default: fits = false;
    }
    json_decref(text);
    return fits;
}

/* Exit status when it is decided already, else -1. */
static int parse(struct asked *a, int argc, char **argv)
{
    static const struct option longs[] = {{"instance", required_argument, NULL, 'i'},
        {"output", required_argument, NULL, 'o'}, {"sensor", required_argument, NULL, 's'},
        {"host", required_argument, NULL, 'H'}, {"peer", required_argument, NULL, 'P'},
        {"from", required_argument, NULL, 'f'}, {"to", required_argument, NULL, 't'},
        {"port", required_argument, NULL, 'p'}, {"peer-port", required_argument, NULL, 'q'},
        {"proto", required_argument, NULL, 'r'}, {"limit-bytes", required_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'}, {0}};
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'h')
            return fputs(help, stdout) < 0;
        if (c == '?' || !take_option(a, c, optarg))
            return mistake("unknown or incomplete option");
    }
    if (optind < argc)
        a->verb = argv[optind++];
    if (optind < argc)
        a->id = argv[optind++];
    if (optind < argc)
        return mistake("too many words");
    if (!a->instance)
        return mistake("--instance is missing");
    return -1;
}

static int run(struct asked *a)
{
    bool named = a->verb && (strcmp(a->verb, "get") == 0 || strcmp(a->verb, "delete") == 0);
    if (!a->verb)
        return mistake("no such command");
    if (named != (a->id != NULL))
        return mistake(named ? "an id is missing" : "no id is taken here");
    if (named)
        json_object_set_new(a->body, "id", json_string(a->id));
    if (strcmp(a->verb, "ask") == 0)
        return ask(a);
    if (strcmp(a->verb, "list") == 0)
        return list(a);
    if (strcmp(a->verb, "get") == 0)
        return get(a);
    return strcmp(a->verb, "delete") == 0 ? simple(a, "ctl.packets.delete")
                                          : mistake("no such command");
}

int ctl_packets(int argc, char **argv)
{
    struct asked a = {.body = json_object(), .wish = json_object()};
    json_object_set_new(a.body, "wish", a.wish);
    int status = parse(&a, argc, argv);
    if (status < 0)
        status = run(&a);
    json_decref(a.body);
    return status;
}
