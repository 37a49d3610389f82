/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role gateway: TLS, the user interface, the API, live streams and the sensors' link, on the
 * sockets that the parent opened. gateway.h has the plan of it.
 *
 * Descriptors: listen (several), tls (key and certificates, PEM; one or two), ui (packed by
 * scripts/pack-ui, optional), parent, and the edges state, store, intake, query.0 and following.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "clock.h"
#include "gateway.h"
#include "priv/priv.h"
#include "roles.h"

#define GONE_NS (TH_NS_PER_S / 4)
#define SPARE_FILES 128u

/* A number within limits; else it is left as it is and false. */
static bool number(const char *text, unsigned min, unsigned max, unsigned *ret)
{
    uint64_t v;
    if (!th_str_u64(th_str_c(text), &v) || v < min || v > max)
        return false;
    *ret = (unsigned)v;
    return true;
}

static bool seconds(const char *text, int64_t *ret_ns)
{
    unsigned s;
    if (!number(text, 1, 600, &s))
        return false;
    *ret_ns = s * TH_NS_PER_S;
    return true;
}

static bool take_option(void *arg, const char *name, const char *value)
{
    struct gw_config *c = arg;
    if (strcmp(name, "--max-connections") == 0)
        return number(value, 1, 10000, &c->max_connections);
    if (strcmp(name, "--max-per-address") == 0)
        return number(value, 1, 10000, &c->max_per_address);
    if (strcmp(name, "--header-s") == 0)
        return seconds(value, &c->header_ns);
    if (strcmp(name, "--ask-s") == 0)
        return seconds(value, &c->ask_ns);
    if (strcmp(name, "--check-s") == 0)
        return seconds(value, &c->check_ns);
    return strcmp(name, "--proxy-from") == 0 && c->proxy_count < GW_MAX_PROXIES &&
        th_subnet_parse(th_str_c(value), &c->proxies[c->proxy_count++]);
}

static int read_options(struct gw_config *c, int argc, char **argv)
{
    *c = (struct gw_config){.max_connections = 1000,
        .max_per_address = 200,
        .header_ns = 30 * TH_NS_PER_S,
        .ask_ns = 30 * TH_NS_PER_S,
        .check_ns = 15 * TH_NS_PER_S};
    return th_role_args_read(argc, argv, "thymus-master", take_option, c, &c->args);
}

/* The packed user interface stays mapped. 0 also without one. */
static int open_ui(struct gateway *g, int fd)
{
    struct stat st;
    if (fd < 0)
        return 0;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size <= 0 || st.st_size > TH_PACK_MAX_BYTES)
        return TH_E_LIMIT;
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    return data == MAP_FAILED ? -errno : th_pack_open(&g->ui, data, (size_t)st.st_size);
}

/* What the C library would otherwise open or ask at its first use, behind the lock. */
static void warm_up(const struct gw_config *c)
{
    struct tm tm;
    time_t zero = 0;
    struct rlimit files = {.rlim_cur = c->max_connections + SPARE_FILES, .rlim_max = 0};
    struct rlimit had;
    tzset();
    gmtime_r(&zero, &tm);
    json_object_seed(0); /* reads the kernel's randomness from a file */
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &had) == 0 && had.rlim_cur < files.rlim_cur) {
        files.rlim_max = had.rlim_max;
        files.rlim_cur = TH_MIN(files.rlim_cur, had.rlim_max);
        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
            th_log(TH_LOG_WARN,
                "gateway: the limit on open files stays at %llu; fewer connections fit",
                (unsigned long long)had.rlim_cur);
    }
}

static void read_clocks(struct gateway *g)
{
    g->now_ns = th_clock_ns(CLOCK_REALTIME);
    g->mono_ns = th_clock_ns(CLOCK_MONOTONIC);
}

static const char *const *edge_names(void)
{
    static const char *names[GW_EDGE_COUNT]; /* outlives the edges */
    for (unsigned i = 0; i < GW_EDGE_COUNT; i++)
        names[i] = gw_edge_name(i);
    return names;
}

static int set_up(struct gateway *g, const struct th_inherited *in)
{
    warm_up(&g->config);
    read_clocks(g);
    g->started_ns = g->now_ns;
    g->edges = th_edges_new(in, edge_names(), GW_EDGE_COUNT);
    g->asks = gw_asks_new(g);
    g->streams = gw_streams_new(g);
    g->board = gw_board_new(g);
    gw_board_fields(&g->fields);
    int err = open_ui(g, th_inherit_get(in, "ui", 0));
    if (err < 0) {
        th_log(TH_LOG_ERROR,
            "gateway: the packed user interface cannot be read: %s; it is left out",
            th_strerror(err));
        g->ui = (struct th_pack){0};
    }
    err = gw_tls_start(g, in);
    if (err < 0)
        return err;
    err = gw_http_start(g);
    if (err < 0) {
        th_log(TH_LOG_ERROR, "gateway: the HTTP server does not start: %s", th_strerror(err));
        return err;
    }
    g->door = gw_door_new(g, in);
    struct th_lock_options lock = {.uid = g->config.args.uid, .gid = g->config.args.gid};
    err = th_role_lock_with(TH_ROLE_GATEWAY, &lock);
    if (err < 0)
        th_log(TH_LOG_ERROR, "gateway: %s; it does not run without", th_strerror(err));
    return err;
}

static int serve(struct gateway *g)
{
    int64_t gone_ns = 0;
    while (!th_edges_stopping(g->edges)) {
        struct pollfd fds[] = {
            {.fd = gw_http_fd(g), .events = POLLIN}, {.fd = gw_door_fd(g->door), .events = POLLIN}};
        int r = th_edges_wait(g->edges, fds, TH_ARRAY_LEN(fds), gw_http_timeout_ms(g));
        read_clocks(g);
        if (r < 0)
            return r;
        gw_door_turn(g->door);
        gw_asks_turn(g);
        gw_board_hear(g);
        gw_tls_turn(g);
        gw_board_second(g);
        if (g->mono_ns - gone_ns >= GONE_NS) {
            gone_ns = g->mono_ns;
            gw_door_find_gone(g->door, gw_route_gone);
        }
        if (MHD_run(g->http) != MHD_YES)
            return -EIO;
    }
    return 0;
}

/* Lets go of everybody: who waits is told to come again, streams end. */
static void end(struct gateway *g)
{
    g->ending = true;
    gw_streams_turn(g);
    gw_downloads_stop(g);
    gw_door_find_waiting(g->door, gw_route_gone);
    for (unsigned i = 0; i < 3; i++)
        if (MHD_run(g->http) != MHD_YES)
            break;
    gw_http_stop(g);
    gw_door_free(g->door);
    gw_tls_end(g);
    gw_board_free(g->board);
    gw_streams_free(g->streams);
    gw_asks_free(g->asks);
    th_edges_free(g->edges);
    th_pack_done(&g->ui);
    th_buf_done(&g->fields);
}

int role_gateway(int argc, char **argv)
{
    struct gateway g = {0};
    struct th_inherited in;
    if (read_options(&g.config, argc, argv) < 0) {
        th_log(TH_LOG_ERROR, "gateway: an option is not known or not valid");
        return 2;
    }
    int err = th_inherit(&in);
    if (err < 0) {
        th_log(TH_LOG_ERROR, "gateway: started without descriptors: %s", th_strerror(err));
        return 1;
    }
    if (set_up(&g, &in) < 0)
        return 1;
    th_log(TH_LOG_INFO, "gateway: instance %s is served, %zu files of user interface",
        g.config.args.instance_name, g.ui.count);
    err = serve(&g);
    end(&g);
    return err < 0 ? 1 : 0;
}
