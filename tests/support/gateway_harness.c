/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_harness PROGRAM LISTEN-PORTS CRT KEY UI RULES [-- ARG...]: starts the gateway role as its
 * parent does and plays the roles behind it, so that the gateway is tested alone and for real.
 *
 * RULES is a JSON list; the first rule that fits answers: {"edge", "route" (or "batch"), "status",
 * "cookies", "body", "delay_ms", "silent", "may" (list of rights, for authorise)}. What comes over
 * the edges goes to stdout, a JSON object a line. Lines on stdin: "status ROLE JSON", "notice NAME
 * JSON", "down EDGE", "up EDGE", "rules JSON", "stop". Ends when the gateway does, with its status.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/mem.h"
#include "priv/edge.h"
#include "priv/ipc.h"

#include "../../src/master/messages.h"

#define MAX_LISTEN 4
#define MAX_LATER 64

static const char *const names[] = {"state", "store", "intake", "query.0", "query.1"};
#define EDGES TH_ARRAY_LEN(names)

struct later {
    int64_t due_ms;
    unsigned edge;
    uint64_t id;
    struct th_buf answer;
};

struct harness {
    struct th_ipc *ipc[EDGES];
    int theirs[EDGES];
    int parent;
    json_t *rules;
    struct later later[MAX_LATER];
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int edge_named(const char *name)
{
    for (unsigned i = 0; i < EDGES; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

/* Makes an edge; the gateway's end is to be given away. */
static int connect_edge(struct harness *h, unsigned edge)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    th_ipc_free(h->ipc[edge]);
    h->ipc[edge] = th_ipc_new(pair[0], 0);
    return pair[1];
}

static void say(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    printf("%s\n", text ? text : "null");
    fflush(stdout);
    free(text);
}

static bool fits(const json_t *rule, const char *edge, const char *route)
{
    const char *e = json_string_value(json_object_get(rule, "edge"));
    const char *r = json_string_value(json_object_get(rule, "route"));
    return (!e || strncmp(edge, e, strlen(e)) == 0) && (!r || strcmp(route, r) == 0);
}

static const json_t *rule_for(const struct harness *h, const char *edge, const char *route)
{
    for (size_t i = 0; i < json_array_size(h->rules); i++)
        if (fits(json_array_get(h->rules, i), edge, route))
            return json_array_get(h->rules, i);
    return NULL;
}

/* A right that the rule does not name is refused. */
static bool refuses(const json_t *rule, const json_t *request)
{
    const json_t *may = json_object_get(rule, "may");
    const char *right =
        json_string_value(json_object_get(json_object_get(request, "body"), "right"));
    if (!may)
        return false;
    for (size_t i = 0; i < json_array_size(may); i++)
        if (right && strcmp(json_string_value(json_array_get(may, i)), right) == 0)
            return false;
    return true;
}

static void put_answer(struct th_buf *out, const json_t *rule, const json_t *request)
{
    bool no = refuses(rule, request);
    const char *cookies = json_string_value(json_object_get(rule, "cookies"));
    json_int_t status = no ? 403 : rule ? json_integer_value(json_object_get(rule, "status")) : 404;
    char *body =
        no ? NULL : json_dumps(json_object_get(rule, "body"), JSON_COMPACT | JSON_ENCODE_ANY);
    th_buf_le16(out, (uint16_t)(status ? status : 200));
    th_buf_le16(out, (uint16_t)(cookies ? strlen(cookies) : 0));
    th_buf_puts(out, cookies ? cookies : "");
    th_buf_puts(out, body ? body : "{\"error\":{\"code\":\"no\",\"message\":\"no\"}}");
    free(body);
}

static void reply(struct harness *h, unsigned edge, uint64_t id, const struct th_buf *answer)
{
    if (h->ipc[edge] && th_ipc_send(h->ipc[edge], TH_MSG_ANSWER, id, th_buf_view(answer)) < 0)
        fprintf(stderr, "harness: %s cannot be answered\n", names[edge]);
}

static void reply_later(
    struct harness *h, unsigned edge, uint64_t id, struct th_buf answer, json_int_t delay_ms)
{
    for (unsigned i = 0; i < MAX_LATER; i++)
        if (h->later[i].due_ms == 0) {
            h->later[i] = (struct later){now_ms() + delay_ms, edge, id, answer};
            return;
        }
    th_buf_done(&answer);
}

static void on_message(struct harness *h, unsigned edge, const struct th_ipc_message *m)
{
    json_t *line = json_object();
    json_t *request =
        m->type == TH_MSG_REQUEST ? json_loadb(m->body.p, m->body.len, 0, NULL) : NULL;
    const char *route = json_string_value(json_object_get(request, "route"));
    if (m->type == TH_MSG_BATCH)
        route = "batch";
    json_object_set_new(line, "edge", json_string(names[edge]));
    json_object_set_new(line, "type", json_integer(m->type));
    json_object_set_new(line, "bytes", json_integer(m->body.len));
    json_object_set_new(line, "request", request ? json_incref(request) : json_null());
    say(line);
    json_decref(line);
    const json_t *rule = rule_for(h, names[edge], route ? route : "");
    bool answered = m->type == TH_MSG_REQUEST || m->type == TH_MSG_BATCH;
    if (answered && !json_is_true(json_object_get(rule, "silent"))) {
        struct th_buf answer = TH_BUF_INIT;
        json_int_t delay_ms = json_integer_value(json_object_get(rule, "delay_ms"));
        put_answer(&answer, rule, request);
        if (delay_ms) {
            reply_later(h, edge, m->id, answer, delay_ms);
        } else {
            reply(h, edge, m->id, &answer);
            th_buf_done(&answer);
        }
    }
    json_decref(request);
}

static void notice(struct harness *h, const char *name, const char *json)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_buf_u8(&b, (uint8_t)strlen(name));
    th_buf_puts(&b, name);
    th_buf_puts(&b, json);
    if (h->ipc[1] && th_ipc_send(h->ipc[1], TH_MSG_NOTICE, 0, th_buf_view(&b)) < 0)
        fprintf(stderr, "harness: the notice cannot be sent\n");
}

static void on_command(struct harness *h, char *line)
{
    char *rest = line;
    const char *word = strsep(&rest, " \n");
    const char *name = strcmp(word, "rules") == 0 ? "" : rest ? strsep(&rest, " \n") : "";
    int edge = edge_named(name);
    int err = 0;
    if (rest)
        rest[strcspn(rest, "\n")] = 0;
    if (strcmp(word, "stop") == 0) {
        err = th_parent_send(h->parent, TH_PARENT_STOP, "", th_str_c(""), -1);
    } else if (strcmp(word, "status") == 0) {
        err = th_parent_send(h->parent, TH_PARENT_STATUS, name, th_str_c(rest ? rest : ""), -1);
    } else if (strcmp(word, "notice") == 0) {
        notice(h, name, rest ? rest : "{}");
    } else if (strcmp(word, "rules") == 0) {
        json_decref(h->rules);
        h->rules = json_loads(rest ? rest : "[]", 0, NULL);
    } else if (strcmp(word, "down") == 0 && edge >= 0) {
        th_ipc_free(TH_TAKE(h->ipc[edge]));
    } else if (strcmp(word, "up") == 0 && edge >= 0) {
        TH_AUTOCLOSE int theirs = connect_edge(h, (unsigned)edge);
        err = th_parent_send(h->parent, TH_PARENT_EDGE, name, th_str_c(""), theirs);
    }
    json_t *done = json_pack("{s:s,s:i}", "done", word, "err", err);
    say(done);
    json_decref(done);
}

static void read_commands(struct harness *h, bool *open)
{
    static char text[1 << 16];
    static size_t have;
    ssize_t n = read(STDIN_FILENO, text + have, sizeof(text) - 1 - have);
    if (n <= 0) {
        *open = false;
        return;
    }
    have += (size_t)n;
    text[have] = 0;
    for (char *end; (end = strchr(text, '\n'));) {
        *end = 0;
        on_command(h, text);
        have -= (size_t)(end + 1 - text);
        memmove(text, end + 1, have + 1);
    }
}

static void turn(struct harness *h, bool *commands)
{
    struct pollfd fds[EDGES + 2];
    nfds_t n = 0;
    fds[n++] = (struct pollfd){.fd = *commands ? STDIN_FILENO : -1, .events = POLLIN};
    fds[n++] = (struct pollfd){.fd = h->parent, .events = POLLIN};
    for (unsigned i = 0; i < EDGES; i++)
        if (h->ipc[i])
            fds[n++] =
                (struct pollfd){.fd = th_ipc_fd(h->ipc[i]), .events = th_ipc_events(h->ipc[i])};
    poll(fds, n, 20);
    if (fds[0].revents)
        read_commands(h, commands);
    if (fds[1].revents) {
        char said[TH_PARENT_MAX_BYTES]; /* the gateway's own status: not needed */
        ssize_t got = read(h->parent, said, sizeof(said));
        if (got < 0)
            fprintf(stderr, "harness: the gateway's parent socket: %s\n", strerror(errno));
    }
    for (unsigned i = 0; i < EDGES; i++) {
        struct th_ipc_message m;
        if (!h->ipc[i])
            continue;
        if (th_ipc_flush(h->ipc[i]) < 0)
            continue;
        while (h->ipc[i] && th_ipc_receive(h->ipc[i], &m) > 0)
            on_message(h, i, &m);
    }
    for (unsigned i = 0; i < MAX_LATER; i++)
        if (h->later[i].due_ms && now_ms() >= h->later[i].due_ms) {
            reply(h, h->later[i].edge, h->later[i].id, &h->later[i].answer);
            th_buf_done(&h->later[i].answer);
            h->later[i] = (struct later){0};
        }
}

/* Listens on 127.0.0.1; port 0 is any, and is said. */
static int listen_on(const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 128) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        return -1;
    json_t *line = json_pack("{s:i}", "port", ntohs(a.sin_port));
    say(line);
    json_decref(line);
    return fd;
}

/* Key and certificate as the parent hands them over. */
static int open_tls(const char *crt, const char *key)
{
    const char *const paths[] = {key, crt};
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    int memory = memfd_create("tls", MFD_CLOEXEC);
    for (size_t i = 0; i < TH_ARRAY_LEN(paths); i++) {
        TH_AUTOCLOSE int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0 || th_fd_read_to_end(fd, 1u << 20, &b) < 0)
            return -1;
    }
    return memory >= 0 && th_fd_write(memory, th_buf_view(&b)) == 0 ? memory : -1;
}

int main(int argc, char **argv)
{
    struct harness h = {0};
    struct th_role_fd fds[MAX_LISTEN + EDGES + 4];
    size_t count = 0;
    int pair[2];
    pid_t pid;
    bool commands = true;
    if (argc < 7)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    h.rules = json_loads(argv[6], 0, NULL);
    for (char *ports = argv[2], *port; (port = strsep(&ports, ",")) && count < MAX_LISTEN;)
        fds[count++] = (struct th_role_fd){listen_on(port), "listen"};
    fds[count++] = (struct th_role_fd){open_tls(argv[3], argv[4]), "tls"};
    if (*argv[5])
        fds[count++] = (struct th_role_fd){open(argv[5], O_RDONLY | O_CLOEXEC), "ui"};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return 2;
    h.parent = pair[0];
    fds[count++] = (struct th_role_fd){pair[1], "parent"};
    for (unsigned i = 0; i < EDGES; i++)
        fds[count++] = (struct th_role_fd){h.theirs[i] = connect_edge(&h, i), names[i]};
    const char *const *args = argc > 8 ? (const char *const *)argv + 8 : NULL;
    if (th_spawn(argv[1], "gateway", fds, count, args, &pid) < 0)
        return 2;
    for (size_t i = 0; i < count; i++)
        close(fds[i].fd);
    json_t *line = json_pack("{s:i}", "pid", (int)pid);
    say(line);
    json_decref(line);
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        turn(&h, &commands);
        if (!commands && kill(pid, SIGTERM) < 0)
            break; /* whoever tests has gone */
    }
    for (unsigned i = 0; i < EDGES; i++)
        th_ipc_free(h.ipc[i]);
    json_decref(h.rules);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
